"""YAML documents that remember the line of every value.

Reads with libyaml's event parser, by the YAML 1.2 core schema (so that ``NO`` is Norway and ``116:123`` a string).
Anchors, aliases, tags and repeated keys are refused: nothing in a curated file may be cyclic, typed or silently lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from corpusgen.errors import InvalidFile, Problem

__all__ = ["Document", "StrictModel", "parse", "read", "read_model"]

Key = str | int
Where = tuple[Key, ...]
Model = TypeVar("Model", bound=BaseModel)

_INT = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = {"", "~", "null", "Null", "NULL"}
_LARGEST = 32 * 1024 * 1024  # bytes; the shipped files are below 1 MB, and a larger one is a mistake
_DEEPEST = 40


class StrictModel(BaseModel):
    """A pydantic model for a curated file: no unknown keys, no mutation, no coercion of numbers to text."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


@dataclass(frozen=True)
class Document:
    """A parsed file: its plain data, and the 1-based line of each path into them."""

    file: str
    data: Any
    lines: dict[Where, int] = field(repr=False)

    def line(self, where: Sequence[Key] = ()) -> int:
        """Returns the line of a path, or of its nearest enclosing value that has one."""
        path = tuple(where)
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, where: Sequence[Key], what: str, do: str = "") -> Problem:
        """Returns a problem at a path of this document."""
        return Problem(self.file, self.line(where), what, do)


def read(path: Path) -> Document:
    """Reads one YAML file.

    Raises:
        InvalidFile: The file cannot be read, is not UTF-8, or is not acceptable YAML.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidFile(
            [Problem(str(path), 0, f"cannot be read: {reason}", "check the path and its rights")]
        ) from error
    if len(raw) > _LARGEST:
        raise InvalidFile([Problem(str(path), 0, "is larger than 32 MB", "split it into several files")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InvalidFile([Problem(str(path), line, "is not UTF-8 text", "save the file as UTF-8")]) from error
    return parse(text, str(path))


def parse(text: str, file: str) -> Document:
    """Parses YAML text; ``file`` is the name used in errors.

    Raises:
        InvalidFile: A syntax error, an anchor, a tag, a repeated key, or more than one document.
    """
    lines: dict[Where, int] = {}
    try:
        events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        data = _Builder(file, lines, events).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line + 1, len(text.splitlines()) or 1) if mark else 0
        what = f"is not valid YAML: {error.problem or error.context or 'syntax error'}"
        do = "check indentation, quotes and colons near this line; quote text that holds ': ' or ' #'"
        raise InvalidFile([Problem(file, line, what, do)]) from error
    except yaml.YAMLError as error:
        reader = getattr(error, "reason", None) or "syntax error"
        position = getattr(error, "position", 0) or 0
        line = text.count("\n", 0, position) + 1
        raise InvalidFile([Problem(file, line, f"is not valid YAML: {reader}", "remove control characters")]) from error
    return Document(file, data, lines)


class _Builder:
    """Turns parser events into plain data, noting lines."""

    def __init__(self, file: str, lines: dict[Where, int], events: Iterator[Any]) -> None:
        self.file = file
        self.lines = lines
        self.events = events

    def document(self) -> Any:
        data: Any = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(event, "holds more than one YAML document", "keep one document a file")
                data = self._value(next(self.events), ())
        return data

    def _value(self, event: Any, where: Where) -> Any:
        self.lines[where] = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._refuse(event, "uses a YAML anchor or alias", "write the text out in full")
        if event.tag is not None and event.tag != "!":
            self._refuse(event, f"uses the YAML tag {event.tag}", "remove the tag")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if len(where) > _DEEPEST:
            self._refuse(event, "is nested too deeply", "flatten it")
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
                items.append(self._value(event, (*where, len(items))))
            return items
        return self._mapping(where)

    def _mapping(self, where: Where) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._refuse(event, "has a key that is not text", "use a plain word as the key")
            if event.anchor or event.tag not in (None, "!"):
                self._refuse(event, "uses a YAML anchor or tag on a key", "write a plain word as the key")
            if event.value in mapping:
                self._refuse(event, f"repeats the key '{event.value}'", "merge or rename one of the two")
            line = event.start_mark.line + 1
            mapping[event.value] = self._value(next(self.events), (*where, event.value))
            self.lines[(*where, event.value)] = line
        return mapping

    def _refuse(self, event: Any, what: str, do: str) -> None:
        raise InvalidFile([Problem(self.file, event.start_mark.line + 1, what, do)])


def _scalar(event: Any) -> Any:
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text in _NULLS:
        return None
    if len(text) < 19 and _INT.match(text):
        return int(text)
    if len(text) < 40 and _FLOAT.match(text):
        return float(text)
    return text


def read_model(path: Path, model: type[Model]) -> tuple[Model, Document]:
    """Reads one file and validates it as ``model``.

    Raises:
        InvalidFile: With every problem that was found, each with its line.
    """
    document = read(path)
    return check_model(document, model), document


def check_model(document: Document, model: type[Model]) -> Model:
    """Validates a document as ``model``.

    Raises:
        InvalidFile: With every problem that was found, each with its line.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise InvalidFile(_problems(document, error)) from error


def _problems(document: Document, error: ValidationError) -> list[Problem]:
    found = []
    errors = error.errors(include_url=False, include_context=False)
    # a list whose items are all wrong is counted as too short as well, which would only puzzle
    within = {item["loc"][:depth] for item in errors for depth in range(len(item["loc"]))}
    for item in errors:
        if item["type"] == "too_short" and item["loc"] in within:
            continue
        path = _known(document, item["loc"])
        name = ".".join(str(part) for part in path if isinstance(part, str)) or "the file"
        found.append(document.problem(path, *_words(item["type"], item["msg"], item["loc"], name, item["input"])))
    return found


def _known(document: Document, where: Sequence[Key]) -> list[Key]:
    # pydantic's loc also names union members and validators; only steps that exist in the document lead to a line
    path: list[Key] = []
    for step in where:
        if (*path, step) in document.lines:
            path.append(step)
    return path


def _words(kind: str, message: str, where: Sequence[Key], name: str, value: object) -> tuple[str, str]:
    last = str(where[-1]) if where else ""
    if kind == "missing":
        return f"the key '{last}' is missing", f"add '{last}:'"
    if kind == "extra_forbidden":
        return f"the key '{last}' is not known here", "check its spelling, or remove it"
    if kind in {"model_type", "dict_type", "list_type", "tuple_type"}:
        wanted = "a list" if kind in {"list_type", "tuple_type"} else "a mapping of keys to values"
        return f"'{name}' is not {wanted}", f"write {wanted}"
    if kind == "string_type":
        shown = "nothing" if value is None else repr(value)
        return f"'{name}' should be text, not {shown}", "write text, in quotes if it looks like a number"
    return f"'{name}': {message.removeprefix('Value error, ')}", "change the value"
