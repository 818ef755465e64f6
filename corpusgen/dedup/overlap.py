"""Responses that share too many of their 5-word sequences, counted exactly by sparse matrix products (SciPy)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from corpusgen.dedup.edges import Edge

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Positions = NDArray[np.int64]

__all__ = ["OverlapIndex"]

SEQUENCE = 5
MULTIPLIER = 0x9E3779B97F4A7C15
"""An odd 64-bit number: of two million sequences, two share a key with a probability below one in a million."""

MOST_PRODUCTS = 20_000_000
"""Pairs of texts counted at a time; it bounds the memory, some 300 MB, and not the result."""


class OverlapIndex:
    """Finds, for newcomers, accepted and new texts that share too much with them.

    Two texts overlap by the number of distinct 5-word sequences that they share, divided by the number that the
    smaller of the two has.

    Args:
        threshold: Largest overlap that is still allowed.
        cut: Returns the words of a text that count.
    """

    def __init__(self, threshold: float, cut: Callable[[str], Sequence[str]]) -> None:
        import numpy as np

        self.threshold = threshold
        self.cut = cut
        self._vocabulary: dict[str, int] = {}
        self._pending: dict[str, Keys] = {}
        # of the accepted texts: how many sequences each has; every sequence's key, in order, and the text that has it
        self._sizes: Positions = np.zeros(0, dtype=np.int64)
        self._keys: Keys = np.zeros(0, dtype=np.uint64)
        self._holders: Positions = np.zeros(0, dtype=np.int64)

    def edges(self, newcomers: Sequence[str]) -> list[Edge]:
        """Returns the edges that newcomers bring; their positions follow those of the accepted."""
        import numpy as np

        base = len(self._sizes)
        self._pending = {text: self._sequences(text) for text in newcomers}
        keys, holders, sizes = self._laid_out(newcomers, base)
        every = np.concatenate([self._sizes, sizes])
        found = []
        for first, second, count in _shared(self._of_newcomers(keys), (keys, holders), base, len(every)):
            smaller = np.minimum(every[first], every[second])
            for at in np.flatnonzero(count > self.threshold * smaller):
                overlap = round(float(count[at] / smaller[at]), 4)
                found.append(Edge(int(first[at]), int(second[at]), "response", overlap))
        return sorted(found)

    def accept(self, texts: Sequence[str]) -> None:
        """Adds texts to the accepted ones."""
        import numpy as np

        keys, holders, sizes = self._laid_out(texts, len(self._sizes))
        self._pending = {}
        self._sizes = np.concatenate([self._sizes, sizes])
        order = np.argsort(merged := np.concatenate([self._keys, keys]), kind="stable")
        self._keys = merged[order]
        self._holders = np.concatenate([self._holders, holders])[order]

    def _of_newcomers(self, keys: Keys) -> tuple[Keys, Positions]:
        """Returns what the accepted texts have of some sequences."""
        import numpy as np

        wanted = np.unique(keys)
        start = np.searchsorted(self._keys, wanted, side="left")
        stop = np.searchsorted(self._keys, wanted, side="right")
        lengths = stop - start
        places = np.repeat(start - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths) + np.arange(lengths.sum())
        return self._keys[places], self._holders[places]

    def _laid_out(self, texts: Sequence[str], base: int) -> tuple[Keys, Positions, Positions]:
        """Returns the keys of the texts' sequences, the position of a text beside each, and how many each text has."""
        import numpy as np

        found = [self._pending[text] if text in self._pending else self._sequences(text) for text in texts]
        sizes = np.asarray([len(keys) for keys in found], dtype=np.int64)
        keys = np.concatenate(found) if found else np.zeros(0, dtype=np.uint64)
        return keys, np.repeat(np.arange(base, base + len(found)), sizes), sizes

    def _sequences(self, text: str) -> Keys:
        """Returns the keys of a text's distinct sequences."""
        import numpy as np

        vocabulary = self._vocabulary
        tokens = self.cut(text)
        numbers = np.fromiter(
            (vocabulary.setdefault(token, len(vocabulary) + 1) for token in tokens), np.uint64, len(tokens)
        )
        count = max(0, len(numbers) - SEQUENCE + 1)
        keys = np.zeros(count, dtype=np.uint64)
        for at in range(SEQUENCE):
            keys = (keys ^ numbers[at : at + count]) * np.uint64(MULTIPLIER)
            keys ^= keys >> np.uint64(29)
        distinct: Keys = np.unique(keys)
        return distinct


def _shared(
    held: tuple[Keys, Positions], new: tuple[Keys, Positions], base: int, count: int
) -> Iterator[tuple[Positions, Positions, Any]]:
    """Yields, block by block, pairs of an earlier text and a newcomer, and how many sequences they share.

    Args:
        held: Keys and holders of accepted texts.
        new: Keys and holders of newcomers.
        base: How many texts are accepted.
        count: How many texts there are in all.
    """
    import numpy as np
    from scipy.sparse import csr_array

    unique, column, uses = np.unique(np.concatenate([held[0], new[0]]), return_inverse=True, return_counts=True)
    holders = np.concatenate([held[1], new[1]])
    repeated = uses[column] > 1
    column, holders = column[repeated], holders[repeated]
    if not len(column):
        return
    ones = np.ones(len(column), dtype=np.int32)
    matrix = csr_array((ones, (holders, column)), shape=(count, len(unique)))
    flipped = matrix.T.tocsr()
    cost = np.cumsum(np.bincount(holders, weights=uses[column], minlength=count)[base:])
    start = 0
    while start < count - base:
        spent = cost[start - 1] if start else 0.0
        stop = max(start + 1, int(np.searchsorted(cost, spent + MOST_PRODUCTS, side="right")))
        product = (matrix[base + start : base + stop] @ flipped).tocoo()
        second, first = product.coords
        second = second + base + start
        earlier = first < second
        yield first[earlier], second[earlier], product.data[earlier]
        start = stop
