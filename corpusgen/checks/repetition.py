"""Repeated sentences: no sentence, resources aside, stands in more than a set share of responses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.checks.openings import SMALLEST_CAP
from corpusgen.checks.text import without_resources, words

__all__ = ["Repetition"]

SHORTEST = 4
"""Shorter sentences ("That matters.") are no sign of a form letter."""


class Repetition:
    """Rejects newcomers with a sentence that stands in enough responses already."""

    name = "repetition"
    kind: Kind = "quality"
    needs: tuple[str, ...] = ()

    def __init__(self, rules: Rules) -> None:
        self.share = rules.checks.sentence_share
        self.registry = rules.taxonomy.registry
        self._counts: Counter[str] = Counter()

    def screen(self, newcomers: Sequence[Pair], size: int) -> dict[str, str]:
        """Returns the reason for each newcomer, by id, that is one too many."""
        cap = max(SMALLEST_CAP, int(self.share * size))
        fresh: Counter[str] = Counter()
        rejected = {}
        for pair in newcomers:
            own = self._sentences(pair)
            worn = next((one for one in sorted(own) if self._counts[one] + fresh[one] >= cap), None)
            if worn is None:
                fresh.update(own)
            else:
                rejected[pair.id] = f"holds “{worn}”, as {cap} responses of {size} do already"
        return rejected

    def accept(self, pairs: Sequence[Pair]) -> None:
        """Adds pairs to the corpus."""
        for pair in pairs:
            self._counts.update(self._sentences(pair))

    def _sentences(self, pair: Pair) -> set[str]:
        found = (words(sentence) for sentence in without_resources(pair.response, self.registry))
        return {" ".join(sentence) for sentence in found if len(sentence) >= SHORTEST}
