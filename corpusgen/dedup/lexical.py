"""Lexical near-duplicates: MinHash with locality-sensitive hashing finds candidates (rensa), Jaccard decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corpusgen.dedup.edges import Edge
from corpusgen.dedup.exact import normalise

__all__ = ["LexicalIndex", "shingles"]

SHINGLE = 3
PERMUTATIONS = 64
BANDS = 32
"""32 bands of 2 rows find a pair of Jaccard index 0.7 with probability 1 - (1 - 0.7^2)^32 > 0.999999 (Broder 1997)."""


def shingles(text: str, size: int = SHINGLE) -> frozenset[str]:
    """Returns the distinct word n-grams of a normalised text; a text shorter than ``size`` is one shingle."""
    tokens = normalise(text).split()
    if len(tokens) <= size:
        return frozenset([" ".join(tokens)]) if tokens else frozenset()
    return frozenset(" ".join(tokens[index : index + size]) for index in range(len(tokens) - size + 1))


class LexicalIndex:
    """Finds near-duplicates of newcomers among accepted texts and among themselves.

    Args:
        threshold: Jaccard index of word 3-grams from which two texts are near-duplicates.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.sets: list[frozenset[str]] = []
        self._pending: dict[str, Any] = {}
        self._index = _no_minhashes(threshold)

    def edges(self, newcomers: Sequence[str]) -> list[Edge]:
        """Returns the edges that newcomers bring; their positions follow those of the accepted texts."""
        base = len(self.sets)
        fresh = _no_minhashes(self.threshold)
        sets = [shingles(text) for text in newcomers]
        minhashes = _minhashes(sets)
        self._pending = dict(zip(newcomers, minhashes, strict=True))
        found = []
        for offset, minhash in enumerate(minhashes):
            own = sets[offset]
            if not own:
                continue
            for other in sorted((*self._index.query(minhash), *fresh.query(minhash))):
                theirs = self.sets[other] if other < base else sets[other - base]
                together = len(own & theirs)
                jaccard = round(together / (len(own) + len(theirs) - together), 4)
                if jaccard >= self.threshold:
                    found.append(Edge(other, base + offset, "lexical", jaccard))
            fresh.insert(base + offset, minhash)
        return found

    def accept(self, texts: Sequence[str]) -> None:
        """Adds texts to the accepted ones."""
        for text in texts:
            found = shingles(text)
            minhash = self._pending.get(text) or _minhashes([found])[0]
            self._index.insert(len(self.sets), minhash)
            self.sets.append(found)


def _no_minhashes(threshold: float) -> Any:
    from rensa import RMinHashLSH

    return RMinHashLSH(threshold, PERMUTATIONS, BANDS)


def _minhashes(sets: Sequence[frozenset[str]]) -> list[Any]:
    from rensa import RMinHash

    return list(RMinHash.from_token_sets([list(found) for found in sets], PERMUTATIONS, 1))
