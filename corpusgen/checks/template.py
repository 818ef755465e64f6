"""Template: no leftover slot, markup of a template, or placeholder."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Rules
from corpusgen.checks.patterns import PatternGate
from corpusgen.patterns import compiled

__all__ = ["Template"]

PATTERNS = (
    r"\{[^{}]*\}?|\}|\[\[|\]\]|<%|%>|<\|[^|]*\|>|\$\{|%\(\w+\)s|\[(?:insert|name|number|resource|your|city|country)[^\]]*\]",
    r"\b(?:lorem ipsum|todo|tbd|fixme|placeholder|undefined|none none)\b(?!\s+list)",
    r"\b(?:he/she|she/he|his/her|her/his|him/her|her/him|s/he)\b|\((?:he|she|they|s)/|_{3,}|\btb[ac]\b",
    r"<(?:/?\w+)[^>]*>|```|\bslot:|__\w+__",
)


class Template(PatternGate):
    """Rejects leftover slots and template syntax."""

    name = "template"
    kind: Kind = "quality"
    sides = ("prompt", "response")
    what = "has a slot or template syntax left in it"
    pattern = compiled(PATTERNS)

    def __init__(self, rules: Rules) -> None:
        del rules
