"""Stock openings: no more than a set share of responses begins with the same five words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.checks.text import words

__all__ = ["Openings"]

LENGTH = 5
SMALLEST_CAP = 3
"""In a small corpus a share means little; this many are always allowed."""


class Openings:
    """Rejects newcomers whose first five words open enough responses already."""

    name = "openings"
    kind: Kind = "quality"
    needs: tuple[str, ...] = ()

    def __init__(self, rules: Rules) -> None:
        self.share = rules.checks.opening_share
        self._counts: Counter[tuple[str, ...]] = Counter()

    def screen(self, newcomers: Sequence[Pair], size: int) -> dict[str, str]:
        """Returns the reason for each newcomer, by id, that is one too many."""
        cap = max(SMALLEST_CAP, int(self.share * size))
        fresh: Counter[tuple[str, ...]] = Counter()
        rejected = {}
        for pair in newcomers:
            opening = _opening(pair)
            if self._counts[opening] + fresh[opening] >= cap:
                rejected[pair.id] = f"opens with “{' '.join(opening)}”, as {cap} responses of {size} do already"
            else:
                fresh[opening] += 1
        return rejected

    def accept(self, pairs: Sequence[Pair]) -> None:
        """Adds pairs to the corpus."""
        self._counts.update(_opening(pair) for pair in pairs)


def _opening(pair: Pair) -> tuple[str, ...]:
    return words(pair.response)[:LENGTH]
