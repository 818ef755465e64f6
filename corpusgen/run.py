"""A run on disk: run.json, Parquet parts, and the rule that what is there is what is done (design, section 3)."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusgen.errors import CorpusgenError, RunError, StorageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RUN_FORMAT", "Run", "read_rows", "read_table", "write_bytes", "write_table", "write_text"]

RUN_FORMAT = 1
"""Raised when a run of an older version can no longer be read."""


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path``; renames it into place when the block succeeds, removes it otherwise."""
    handle = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, handle = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(descriptor)
        temporary = Path(handle)
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except (OSError, CorpusgenError) as error:
        if isinstance(error, OSError):
            raise storage_error(error, path) from error
        raise
    finally:
        if handle is not None:
            with contextlib.suppress(OSError):
                os.unlink(handle)


def storage_error(error: OSError, path: Path) -> StorageError:
    """Returns an error that says what the system refused, and what to do."""
    import errno

    do = {
        errno.ENOSPC: "free some space, then run the same command again",
        errno.EDQUOT: "free some of your quota, then run the same command again",
        errno.EACCES: "choose a folder that you may write to",
        errno.EPERM: "choose a folder that you may write to",
        errno.EROFS: "choose a folder that is not read-only",
        errno.ENOTDIR: "a part of this path is a file; choose another folder",
        errno.EEXIST: "a part of this path is a file; choose another folder",
        errno.EISDIR: "this path is a folder; name a file",
        errno.ENAMETOOLONG: "choose a shorter name",
    }.get(error.errno or 0, "check the path, its rights and the disk")
    return StorageError(f"cannot be written: {error.strerror or error}", where=path, do=do)


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole, or leaves the old one.

    Raises:
        StorageError: The path cannot be written.
    """
    with _replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file whole, or leaves the old one.

    Raises:
        StorageError: The path cannot be written.
    """
    with _replacing(path) as temporary:
        temporary.write_bytes(data)


def write_table(table: pa.Table, path: Path) -> None:
    """Writes a Parquet file whole, or leaves the old one; the same table gives the same bytes.

    Raises:
        StorageError: The path cannot be written.
    """
    import pyarrow.parquet as pq

    with _replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=10_000, write_statistics=True)


def read_table(path: Path, remake: str = "corpusgen build", columns: list[str] | None = None) -> pa.Table:
    """Reads a Parquet file.

    Args:
        path: The file.
        remake: The command that makes it again, for the error.
        columns: Those to read; all by default.

    Raises:
        RunError: The file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path).read(columns)
    except FileNotFoundError as error:
        raise RunError("is missing", where=path, do=f"run `{remake}` again to make it") from error
    except (OSError, pa.ArrowException) as error:
        do = f"remove the file and run `{remake}` again"
        raise RunError(f"cannot be read: {error}", where=path, do=do) from error


def read_rows(path: Path, remake: str = "corpusgen build") -> list[dict[str, Any]]:
    """Returns the rows of a Parquet file that may not have been written yet; none where it was not.

    Args:
        path: The file.
        remake: The command that makes it again, for the error.

    Raises:
        RunError: The file is damaged.
    """
    return read_table(path, remake).to_pylist() if path.is_file() else []


@dataclass(frozen=True)
class Run:
    """A run folder and the names of what lies in it."""

    root: Path

    @property
    def review(self) -> Path:
        """Folder of the clinicians' review; no build clears it."""
        return self.root / "review"

    @property
    def state_path(self) -> Path:
        """run.json: what was done with what."""
        return self.root / "run.json"

    @property
    def plan_path(self) -> Path:
        """The cells."""
        return self.root / "plan.parquet"

    @property
    def written(self) -> Path:
        """Folder of the parts that the author wrote."""
        return self.root / "written"

    @property
    def embeddings(self) -> Path:
        """Folder of prompt embeddings, one file a round."""
        return self.root / "embeddings"

    @property
    def journal_path(self) -> Path:
        """Every answer that an endpoint ever gave."""
        return self.root / "journal.sqlite"

    @property
    def checks_path(self) -> Path:
        """One row a pair that a gate rejected."""
        return self.root / "checks.parquet"

    @property
    def dedup_path(self) -> Path:
        """One row a pair that was removed as a duplicate, with the evidence."""
        return self.root / "dedup.parquet"

    @property
    def corpus_path(self) -> Path:
        """The corpus."""
        return self.root / "corpus.parquet"

    @property
    def lineage_path(self) -> Path:
        """One row a decision of the review: what it did to the corpus, and why."""
        return self.root / "lineage.parquet"

    @property
    def metrics_path(self) -> Path:
        """Figures."""
        return self.root / "metrics.json"

    @property
    def report_path(self) -> Path:
        """The report."""
        return self.root / "report.html"

    @property
    def picture_path(self) -> Path:
        """The similarity map, which the report shows and the card too."""
        return self.root / "similarity_map.png"

    def state(self) -> dict[str, Any]:
        """Returns run.json, or an empty mapping where there is none.

        Raises:
            RunError: It is damaged, or of another run format.
        """
        try:
            state = json.loads(self.state_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except NotADirectoryError as error:
            raise storage_error(error, self.state_path) from error
        except (OSError, ValueError) as error:
            do = "move the folder away, or build with --fresh"
            raise RunError(f"cannot be read: {error}", where=self.state_path, do=do) from error
        found = state.get("run_format") if isinstance(state, dict) else None
        if found != RUN_FORMAT:
            what = f"is of run format {found}, and this version reads {RUN_FORMAT}"
            do = "build again with --fresh; journal and review are kept"
            raise RunError(what, where=self.state_path, do=do)
        return dict(state)

    def save_state(self, state: dict[str, Any]) -> None:
        """Writes run.json.

        Raises:
            StorageError: The folder cannot be written.
        """
        text = json.dumps({"run_format": RUN_FORMAT, **state}, indent=2, ensure_ascii=False) + "\n"
        write_text(self.state_path, text)

    def clear(self, *, everything: bool = False) -> None:
        """Removes what a build made, never the journal or review/; parts that may be reused stay unless ``everything``.

        Raises:
            StorageError: Something cannot be removed.
        """
        files = [self.corpus_path, self.metrics_path, self.report_path, self.checks_path, self.dedup_path]
        files += [self.lineage_path, self.picture_path]
        if everything:
            files += [self.plan_path, self.state_path]
            for folder in (self.written, self.embeddings):
                files += sorted(folder.glob("*")) if folder.is_dir() else []
        # what a killed build was about to rename into place
        files += [path for folder in (self.root, self.written, self.embeddings) for path in _unfinished(folder)]
        for path in files:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise storage_error(error, path) from error


def _unfinished(folder: Path) -> list[Path]:
    suffixes = ("parquet", "json", "html", "npy", "png")
    return [path for suffix in suffixes for path in folder.glob(f".*.{suffix}.*") if path.is_file()]


def require_run(root: Path) -> Run:
    """Returns a run whose corpus is there.

    Raises:
        RunError: The folder is no run, or its build is not finished.
    """
    run = Run(root)
    if not run.state_path.is_file():
        do = "build one: corpusgen build pipelines/smoke.yaml -o " + str(root)
        raise RunError("is not a run: it has no run.json", where=root, do=do)
    if not run.corpus_path.is_file():
        raise RunError("holds no finished corpus", where=root, do="finish it with `corpusgen build`")
    return run
