"""Exact duplicates: the same text after normalisation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from corpusgen.dedup.edges import Edge

__all__ = ["ExactIndex", "exact_edges", "normalise"]

_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " "})
_NOISE = re.compile(r"[^\w\s]+")
_SPACE = re.compile(r"\s+")


@lru_cache(maxsize=20_000)
def normalise(text: str) -> str:
    """Returns a text without what does not make it another text: case, spaces, punctuation, Unicode forms."""
    plain = unicodedata.normalize("NFKC", text).translate(_QUOTES).casefold()
    return _SPACE.sub(" ", _NOISE.sub("", plain)).strip()


class ExactIndex:
    """Finds exact duplicates of newcomers among accepted texts and among themselves."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._count = 0

    def edges(self, newcomers: Sequence[str]) -> list[Edge]:
        """Returns an edge to the first holder of each text; newcomers' positions follow those of the accepted."""
        fresh: dict[str, int] = {}
        found = []
        for offset, text in enumerate(newcomers):
            key = _key(text)
            first = self._first.get(key, fresh.get(key))
            if first is None:
                fresh[key] = self._count + offset
            else:
                found.append(Edge(first, self._count + offset, "exact", 1.0))
        return found

    def accept(self, texts: Sequence[str]) -> None:
        """Adds texts to the accepted ones."""
        for text in texts:
            self._first.setdefault(_key(text), self._count)
            self._count += 1


def _key(text: str) -> str:
    return normalise(text) or text


def exact_edges(texts: Sequence[str]) -> list[Edge]:
    """Returns an edge from the first holder of each normalised text to every other."""
    return ExactIndex().edges(texts)
