"""Graphic text: nothing is described for the eye."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Rules
from corpusgen.checks.patterns import PatternGate
from corpusgen.patterns import compiled

__all__ = ["Graphic"]


class Graphic(PatternGate):
    """Rejects graphic description, by the taxonomy's lexicon and its stand-in words."""

    name = "graphic"
    kind: Kind = "safety"
    sides = ("prompt", "response")
    what = "is graphic"

    def __init__(self, rules: Rules) -> None:
        lexicon = rules.taxonomy.lexicon
        self.pattern = compiled((*lexicon.graphic, *lexicon.standins.get("graphic", ())))
