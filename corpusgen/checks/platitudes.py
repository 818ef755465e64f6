"""Platitudes: words that fit everybody reach nobody."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Rules
from corpusgen.checks.patterns import PatternGate, compiled

__all__ = ["Platitudes"]

PATTERNS = (
    r"\beverything happens for a reason\b|\btime heals\b|\bit could be worse\b|\bothers have it worse\b|\blook on the bright side\b|\bcheer up\b|\bstay strong\b|\bjust be positive\b|\bthink positive\b|\bthis too shall pass\b",
    r"\byou are not alone\b|\byou['’]re not alone\b|\bone day at a time\b|\byou(?:['’]ve| have) got this\b|\byou got this\b|\bwhat doesn['’]t kill\b|\bgod never gives\b|\blife is (?:beautiful|a gift|precious)\b|\bthere is always (?:hope|light)\b|\bit gets better\b|\beverything will be (?:okay|ok|fine|alright|all right)\b|\bdon['’]t worry, be\b|\bkeep smiling\b|\bpermanent solution to a temporary\b",
)


class Platitudes(PatternGate):
    """Rejects a response with hollow comfort."""

    name = "platitudes"
    kind: Kind = "quality"
    sides = ("response",)
    what = "offers a platitude"
    pattern = compiled(PATTERNS)

    def __init__(self, rules: Rules) -> None:
        del rules
