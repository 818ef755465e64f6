"""Every error that corpusgen raises on purpose.

    CorpusgenError              exit 1   something failed; says what, where and what to do next
    ├── UsageError              exit 2   the command or its arguments are wrong
    ├── InvalidFile             exit 2   one or more input files are wrong; holds the problems, each with file and line
    ├── RunError                exit 1   a run on disk cannot be used or continued
    ├── StorageError            exit 1   the disk is full, or a path cannot be read or written
    ├── AuthorError             exit 1   the author or its pipeline failed as a whole
    ├── ModelError              exit 1   an embedded model is missing or is not the file it should be
    ├── ReviewError             exit 1   the annotation server, or what it holds, cannot be used
    ├── ReleaseError            exit 1   a release cannot be read, or the Hub did not take or give one
    └── Unmet                   exit 3   the work is done, but something that was asked for is not met

Interrupts are not errors: the command line answers Ctrl+C with exit 130 and the command that resumes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "AuthorError",
    "CorpusgenError",
    "InvalidFile",
    "ModelError",
    "Problem",
    "ReleaseError",
    "ReviewError",
    "RunError",
    "StorageError",
    "Unmet",
    "UsageError",
]


class CorpusgenError(Exception):
    """Base of all errors raised on purpose.

    Args:
        what: One sentence: what went wrong.
        where: The file (with line), path or option concerned, if there is one.
        do: What to do about it: a command to run or a change to make.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | Path | None = None, do: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = None if where is None else str(where)
        self.do = do

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.do:
            parts.append(self.do)
        return "\n".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders in the pipeline; keyword arguments do not survive the default pickling.
        return _rebuild, (type(self), self.what, self.where, self.do)


def _rebuild(kind: type[CorpusgenError], what: str, where: str | None, do: str | None) -> CorpusgenError:
    return kind(what, where=where, do=do)


class UsageError(CorpusgenError):
    """The command, an option or an argument is wrong."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with one place in one file.

    Attributes:
        file: The file, as it was named.
        line: 1-based line, or 0 when the problem concerns the file as a whole.
        what: What is wrong.
        do: What to change.
    """

    file: str
    line: int
    what: str
    do: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}" + (f" -> {self.do}" if self.do else "")


class InvalidFile(CorpusgenError):
    """One or more input files are wrong; ``problems`` lists every one that was found."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the input files")

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

    def __reduce__(self) -> tuple[object, ...]:
        return InvalidFile, (self.problems,)


class RunError(CorpusgenError):
    """A run on disk cannot be used or continued."""


class StorageError(CorpusgenError):
    """The disk is full, or a path cannot be read or written."""


class AuthorError(CorpusgenError):
    """The author, or the pipeline that drives it, failed as a whole."""


class ModelError(CorpusgenError):
    """An embedded model is missing or is not the file it should be."""


class ReviewError(CorpusgenError):
    """The annotation server, or what it holds, cannot be used."""


class ReleaseError(CorpusgenError):
    """A release cannot be read, or the Hub did not take or give one."""


class Unmet(CorpusgenError):
    """The work is done, but something that was asked for is not met."""

    exit_code = 3
