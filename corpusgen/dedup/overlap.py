"""Responses that share too many of their 5-word sequences."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from corpusgen.dedup.edges import Edge

__all__ = ["OverlapIndex"]

SEQUENCE = 5
BITS = 24
"""Bits for a word's number: 16 million different words."""

WINDOW = (1 << SEQUENCE * BITS) - 1


class OverlapIndex:
    """Finds, for newcomers, accepted and new texts that share too much with them.

    Two texts overlap by the number of distinct 5-word sequences that they share, divided by the number that the
    smaller of the two has.

    Args:
        threshold: Largest overlap that is still allowed.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.sizes: list[int] = []
        self._vocabulary: dict[str, int] = {}
        self._holders: dict[int, int | list[int]] = {}

    def edges(self, newcomers: Sequence[Sequence[str]]) -> list[Edge]:
        """Returns the edges that newcomers (each its words) bring; their positions follow those of the accepted."""
        base = len(self.sizes)
        sizes = list(self.sizes)
        fresh: dict[int, list[int]] = defaultdict(list)
        found = []
        for offset, tokens in enumerate(newcomers):
            own = self._sequences(tokens)
            sizes.append(len(own))
            shared: Counter[int] = Counter()
            for sequence in own:
                held = self._holders.get(sequence, ())
                shared.update((held,) if isinstance(held, int) else held)
                shared.update(fresh.get(sequence, ()))
                fresh[sequence].append(base + offset)
            for other, count in shared.items():
                smaller = min(len(own), sizes[other])
                if count > self.threshold * smaller:
                    found.append(Edge(other, base + offset, "response", round(count / smaller, 4)))
        return sorted(found)

    def accept(self, texts: Sequence[Sequence[str]]) -> None:
        """Adds texts to the accepted ones."""
        for tokens in texts:
            own = self._sequences(tokens)
            for sequence in own:
                self._hold(sequence, len(self.sizes))
            self.sizes.append(len(own))

    def _hold(self, sequence: int, position: int) -> None:
        # nine sequences of ten have one holder, and a list for each would be most of the index
        held = self._holders.get(sequence)
        if held is None:
            self._holders[sequence] = position
        elif isinstance(held, int):
            self._holders[sequence] = [held, position]
        else:
            held.append(position)

    def _sequences(self, tokens: Sequence[str]) -> set[int]:
        # five word numbers in one integer: a fifth of the memory that a tuple takes
        vocabulary = self._vocabulary
        packed = set()
        window = 0
        for at, token in enumerate(tokens, start=1):
            window = (window << BITS | vocabulary.setdefault(token, len(vocabulary))) & WINDOW
            if at >= SEQUENCE:
                packed.add(window)
        return packed
