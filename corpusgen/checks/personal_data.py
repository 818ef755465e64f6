"""Personal data: nobody's name, address, account or identity number."""

from __future__ import annotations

import re

from corpusgen.checks.gate import Kind, Rules
from corpusgen.checks.patterns import PatternGate, compiled

__all__ = ["PersonalData"]

PATTERNS = (
    r"[\w.+-]+@(?!\s)[\w-]+(?:\.[\w-]+)+",
    r"(?<!\w)@[A-Za-z]\w{2,}",
    r"\b(?:my|his|her|their) (?:full )?name(?:['’]s| is) (?-i:[A-Z][a-z]+)\b|\bI(?:['’]m| am) (?-i:[A-Z][a-z]+ [A-Z][a-z]+)\b(?! (?:Line|Lifeline))",
    r"\b\d{1,5} (?-i:[A-Z])\w+(?: (?-i:[A-Z])\w+)? (?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|close)\b",
    r"\b\d{3}-\d{2}-\d{4}\b|\b(?:\d[ -]?){13,16}\b|\bborn on (?:the )?\d",
    r"\b(?:passport|social security|national insurance|licen[cs]e plate|account) (?:number|no\.?)(?: is|:) ?\w*\d",
)


class PersonalData(PatternGate):
    """Rejects text that could identify a person."""

    name = "personal_data"
    kind: Kind = "safety"
    sides = ("prompt", "response")
    what = "holds personal data"
    pattern = compiled(PATTERNS)

    def __init__(self, rules: Rules) -> None:
        entries = rules.taxonomy.registry.entries.values()
        values = [re.escape(channel.value) for entry in entries for channel in entry.channels]
        self.registered = compiled(sorted(values, key=len, reverse=True))

    def seen(self, text: str) -> str:
        """Returns the text without the contacts of the registry, which the gate on resources judges."""
        return self.registered.sub(" ", text)
