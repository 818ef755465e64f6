"""Text queries: words, "phrases", prefix*, -not, a | b, (groups), with the grammar of a simple query string.

Words are found as Elasticsearch's standard analyzer would find them (Unicode UAX #29, in lower case, without stems):
a hyphen parts words, an apostrophe between letters or a point between digits does not; ideographs and symbols such as
emoji stand alone. Beyond it, texts are composed first (NFC), so that é typed in either way is one letter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Clause", "fold", "searchable", "words"]

_LETTER_JOINERS = frozenset("'’.·:‧․")
_DIGIT_JOINERS = frozenset("'’.,;")
_END_OF_MESSAGE = "\u2029"


class Clause(Protocol):
    """A condition on a record's texts."""

    def matches(self, texts: Sequence[str]) -> bool:
        """Returns whether the texts, one a field and folded, meet the condition."""
        ...


@dataclass(frozen=True)
class Word:
    """All of these words in one field: a typed word that punctuation parts is several."""

    parts: tuple[str, ...]

    def matches(self, texts: Sequence[str]) -> bool:
        """Returns whether one text holds each of the words."""
        return any(all(_find(text, part) >= 0 for part in self.parts) for text in texts)


@dataclass(frozen=True)
class Phrase:
    """These words one after the other."""

    parts: tuple[str, ...]

    def matches(self, texts: Sequence[str]) -> bool:
        """Returns whether one text holds the words in a row."""
        return any(self._in(text) for text in texts)

    def _in(self, text: str) -> bool:
        at = _find(text, self.parts[0])
        while at >= 0:
            if self._from(text, at):
                return True
            at = _find(text, self.parts[0], at + 1)
        return False

    def _from(self, text: str, at: int) -> bool:
        for part in self.parts:
            while at < len(text) and not _is_word(text[at]) and text[at] != _END_OF_MESSAGE:
                at += 1
            if not text.startswith(part, at) or not _parts(text, at) or not _parts(text, at + len(part)):
                return False
            at += len(part)
        return True


@dataclass(frozen=True)
class Prefix:
    """A word that begins so."""

    stem: str

    def matches(self, texts: Sequence[str]) -> bool:
        """Returns whether some text holds such a word."""
        return any(_find(text, self.stem, whole=False) >= 0 for text in texts)


@dataclass(frozen=True)
class Not:
    """The contrary."""

    clause: Clause

    def matches(self, texts: Sequence[str]) -> bool:
        """Returns whether the clause does not match."""
        return not self.clause.matches(texts)


@dataclass(frozen=True)
class Both:
    """Two clauses at once."""

    left: Clause
    right: Clause

    def matches(self, texts: Sequence[str]) -> bool:
        """Returns whether both match."""
        return self.left.matches(texts) and self.right.matches(texts)


@dataclass(frozen=True)
class Either:
    """One of two clauses."""

    left: Clause
    right: Clause

    def matches(self, texts: Sequence[str]) -> bool:
        """Returns whether at least one matches."""
        return self.left.matches(texts) or self.right.matches(texts)


def fold(text: str) -> str:
    """Returns the text as it is compared: composed and in lower case."""
    return unicodedata.normalize("NFC", text).lower()


def words(text: str) -> tuple[str, ...]:
    """Returns the words of a folded text, in order."""
    found: list[str] = []
    start: int | None = None
    for at, character in enumerate(text):
        if start is not None and _parts(text, at):
            found.append(text[start:at])
            start = None
        if start is None and _is_word(character):
            start = at
    if start is not None:
        found.append(text[start:])
    return tuple(found)


def searchable(fields: Mapping[str, Any], kinds: Mapping[str, str]) -> list[str]:
    """Returns the folded text of each field that can be searched: messages of a chat in a row, images left out."""
    texts = []
    for name, kind in kinds.items():
        value = fields.get(name)
        if value is None or kind == "image":
            continue
        if kind == "chat" and isinstance(value, list):
            contents = (str(message.get("content") or "") for message in value if isinstance(message, dict))
            texts.append(fold(f" {_END_OF_MESSAGE} ".join(contents)))
        else:
            texts.append(fold(str(value)))
    return texts


def _find(text: str, part: str, start: int = 0, *, whole: bool = True) -> int:
    at = text.find(part, start)
    while at >= 0:
        if _parts(text, at) and (not whole or _parts(text, at + len(part))):
            return at
        at = text.find(part, at + 1)
    return -1


def _parts(text: str, at: int) -> bool:
    # Whether a word may begin or end before this place.
    if at <= 0 or at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if _is_word(before) and _is_word(after):
        return (_alone(before) or _alone(after)) and not _is_mark(after)
    if _is_word(before) and at + 1 < len(text):
        return not _joined(before, after, text[at + 1])
    if _is_word(after) and at >= 2:
        return not _joined(text[at - 2], before, after)
    return True


def _joined(left: str, between: str, right: str) -> bool:
    if _alone(left) or _alone(right):
        return False
    if between in _DIGIT_JOINERS and left.isdecimal() and right.isdecimal():
        return True
    return between in _LETTER_JOINERS and _is_letter(left) and _is_letter(right)


def _is_letter(character: str) -> bool:
    return character.isalpha() or _is_mark(character)


def _is_mark(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character)[0] == "M"


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_" or _is_mark(character) or _alone(character)


def _alone(character: str) -> bool:
    if character.isascii():
        return False
    code = ord(character)
    ideograph = 0x3040 <= code <= 0x309F or 0x3400 <= code <= 0x9FFF or 0x20000 <= code <= 0x3FFFF
    return ideograph or unicodedata.category(character) == "So"
