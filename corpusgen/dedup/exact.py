"""Exact duplicates: the same text after normalisation."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

from corpusgen.dedup.edges import Edge

__all__ = ["exact_edges", "normalise"]

_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " "})
_NOISE = re.compile(r"[^\w\s]+")
_SPACE = re.compile(r"\s+")


def normalise(text: str) -> str:
    """Returns a text without what does not make it another text: case, spaces, punctuation, Unicode forms."""
    plain = unicodedata.normalize("NFKC", text).translate(_QUOTES).casefold()
    return _SPACE.sub(" ", _NOISE.sub("", plain)).strip()


def exact_edges(texts: Sequence[str]) -> list[Edge]:
    """Returns an edge from the first holder of each normalised text to every other; texts that are empty share none."""
    first: dict[str, int] = {}
    others: dict[str, list[int]] = defaultdict(list)
    for index, text in enumerate(texts):
        key = normalise(text) or text
        if key in first:
            others[key].append(index)
        else:
            first[key] = index
    return [Edge(first[key], index, "exact", 1.0) for key, indices in others.items() for index in indices]
