"""Operational detail: no amount, recipe, procedure or way round a safeguard, on either side of a pair."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Rules
from corpusgen.checks.patterns import PatternGate
from corpusgen.patterns import compiled

__all__ = ["Operational"]


class Operational(PatternGate):
    """Rejects text of an operational shape, by the taxonomy's lexicon and its stand-in words."""

    name = "operational"
    kind: Kind = "safety"
    sides = ("prompt", "response")
    what = "holds operational detail"

    def __init__(self, rules: Rules) -> None:
        lexicon = rules.taxonomy.lexicon
        self.pattern = compiled((*lexicon.operational, *lexicon.standins.get("operational", ())))
