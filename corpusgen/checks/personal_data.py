"""Personal data: nobody's name, address, account or identity number."""

from __future__ import annotations

import re

from corpusgen.checks.gate import Kind, Pair, Rules

__all__ = ["PersonalData"]

PATTERNS = (
    r"[\w.+-]+@(?!\s)[\w-]+(?:\.[\w-]+)+",
    r"(?<!\w)@[A-Za-z]\w{2,}",
    r"\b(?:my|his|her|their) (?:full )?name(?:['’]s| is) (?-i:[A-Z][a-z]+)\b|\bI(?:['’]m| am) (?-i:[A-Z][a-z]+ [A-Z][a-z]+)\b(?! (?:Line|Lifeline))",
    r"\b\d{1,5} (?-i:[A-Z])\w+(?: (?-i:[A-Z])\w+)? (?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|close)\b",
    r"\b\d{3}-\d{2}-\d{4}\b|\b(?:\d[ -]?){13,16}\b|\bborn on (?:the )?\d",
    r"\b(?:passport|social security|national insurance|licen[cs]e plate|account) (?:number|no\.?)(?: is|:) ?\w*\d",
)


class PersonalData:
    """Rejects text that could identify a person."""

    name = "personal_data"
    kind: Kind = "safety"
    needs: tuple[str, ...] = ()
    sides = ("prompt", "response")
    what = "holds personal data"
    # names and streets are told by their capitals
    pattern = re.compile("|".join(f"(?:{pattern})" for pattern in PATTERNS), re.IGNORECASE)

    # looking for "@" first is far cheaper than trying every word as the start of an address
    without_mail = re.compile("|".join(f"(?:{pattern})" for pattern in PATTERNS[2:]), re.IGNORECASE)

    def __init__(self, rules: Rules) -> None:
        entries = rules.taxonomy.registry.entries.values()
        values = [re.escape(channel.value) for entry in entries for channel in entry.channels]
        self.registered = re.compile("|".join(sorted(values, key=len, reverse=True)) or "(?!)", re.IGNORECASE)

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        for side in self.sides:
            text: str = getattr(pair, side)
            pattern = self.pattern if "@" in text else self.without_mail
            if pattern.search(text) and (found := pattern.search(self.seen(text))):
                return f"the {side} {self.what}: “{found.group(0).strip()}”"
        return None

    def seen(self, text: str) -> str:
        """Returns the text without the contacts of the registry, which the gate on resources judges."""
        return self.registered.sub(" ", text)
