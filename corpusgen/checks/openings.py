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

    def screen(self, accepted: Sequence[Pair], newcomers: Sequence[Pair], size: int) -> dict[str, str]:
        """Returns the reason for each newcomer, by id, that is one too many."""
        cap = max(SMALLEST_CAP, int(self.share * size))
        counts = Counter(words(pair.response)[:LENGTH] for pair in accepted)
        rejected = {}
        for pair in newcomers:
            opening = words(pair.response)[:LENGTH]
            if counts[opening] >= cap:
                rejected[pair.id] = f"opens with “{' '.join(opening)}”, as {cap} responses of {size} do already"
            else:
                counts[opening] += 1
        return rejected
