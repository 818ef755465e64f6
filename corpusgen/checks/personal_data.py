"""Personal data: nobody's name, address, account or identity number."""

from __future__ import annotations

import re

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.patterns import compiled
from corpusgen.schema import Mode

__all__ = ["PersonalData"]

_UNITS = "zero|oh|one|two|three|four|five|six|seven|eight|nine|double"
_TENS = "ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty"
_STREET = "street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|close|cottages?|terrace|crescent|place|row|gardens"

MAIL = (r"[\w.+-]+@(?!\s)[\w-]+(?:\.[\w-]+)+", r"(?<!\w)@[A-Za-z]\w{2,}")
PATTERNS = (
    r"\b(?:my|his|her|their) (?:full )?name(?:['’]s| is) (?-i:[A-Z][a-z]+)\b|\bI(?:['’]m| am) (?-i:[A-Z][a-z]+ [A-Z][a-z]+)\b(?! (?:Line|Lifeline))",
    rf"\b(?:\d{{1,5}}|(?:{_UNITS}|{_TENS})(?:-\w{{3,5}})?) (?-i:[A-Z])\w+(?: (?-i:[A-Z])\w+)? (?:{_STREET})\b",
    r"\b\d{3}-\d{2}-\d{4}\b|\b(?:\d[ -]?){13,16}\b|\bborn on (?:the )?\d",
    r"\b(?:passport|social security|national insurance|public service|student|staff|badge|licen[cs]e plate|account) (?:number|no\.?)(?: is|:) ?\w*\d",
    r"\baccount (?:\w+ )?\d[\d -]{4,}",
    rf"\b(?:(?:{_UNITS})[ ,;-]+){{4,}}(?:{_UNITS})\b",
)
"""Addresses, identity numbers and accounts, in digits or spelled out."""

_HANDLE = re.compile(r"(?<![\w{])[a-z]\w*_\w*[a-z]\w*\b")
"""A name that somebody uses online."""

_NAME = re.compile(r"\b[A-Z][a-z]+(?:[-'’][A-Z]?[a-z]+)*(?: [A-Z][a-z]+(?:[-'’][A-Z]?[a-z]+)*)+")
_NO_FIRST_NAMES = frozenset(
    [
        "a",
        "after",
        "again",
        "all",
        "an",
        "and",
        "any",
        "as",
        "ask",
        "at",
        "be",
        "because",
        "before",
        "begin",
        "both",
        "bring",
        "but",
        "by",
        "call",
        "come",
        "could",
        "do",
        "each",
        "even",
        "every",
        "few",
        "find",
        "first",
        "for",
        "from",
        "get",
        "give",
        "go",
        "have",
        "he",
        "her",
        "here",
        "his",
        "how",
        "if",
        "in",
        "is",
        "it",
        "its",
        "keep",
        "last",
        "leave",
        "let",
        "like",
        "make",
        "many",
        "maybe",
        "more",
        "most",
        "my",
        "next",
        "no",
        "not",
        "nothing",
        "now",
        "of",
        "on",
        "once",
        "one",
        "only",
        "or",
        "our",
        "ring",
        "she",
        "since",
        "so",
        "some",
        "somebody",
        "someone",
        "still",
        "take",
        "tell",
        "text",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "till",
        "to",
        "today",
        "tonight",
        "try",
        "until",
        "use",
        "wait",
        "we",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "why",
        "will",
        "with",
        "write",
        "yes",
        "you",
        "your",
        "new",
        "north",
        "south",
        "east",
        "west",
        "northern",
        "southern",
        "eastern",
        "western",
        "great",
    ]
)
_NO_SURNAMES = frozenset(
    [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "christmas",
        "easter",
        "ramadan",
        "eid",
        "diwali",
        "hanukkah",
        "thanksgiving",
        "ascension",
        "pentecost",
        "mom",
        "mum",
        "mam",
        "dad",
        "grandma",
        "grandpa",
        "gran",
        "nan",
        "god",
        "english",
        "spanish",
        "french",
        "arabic",
        "polish",
        "year",
        "years",
        "eve",
        "day",
    ]
)


class PersonalData:
    """Rejects text that could identify a person.

    In a response that is more than the answer to a harmless question, a full name counts as well, unless it is a
    resource's or the prompt has it: nobody needs to be named there, and an invented name may be somebody's.
    """

    name = "personal_data"
    kind: Kind = "safety"
    needs: tuple[str, ...] = ()
    sides = ("prompt", "response")
    what = "holds personal data"
    # names and streets are told by their capitals
    pattern = re.compile("|".join(f"(?:{pattern})" for pattern in (*MAIL, *PATTERNS)), re.IGNORECASE)

    # what most texts pass, at a fraction of the cost: no "@", and nothing of this shape in lower case
    may_hold = compiled(PATTERNS)

    def __init__(self, rules: Rules) -> None:
        entries = rules.taxonomy.registry.entries.values()
        values = [re.escape(channel.value) for entry in entries for channel in entry.channels]
        self.registered = re.compile("|".join(sorted(values, key=len, reverse=True)) or "(?!)", re.IGNORECASE)
        self.resources = "\n".join(entry.name for entry in rules.taxonomy.registry.entries.values())

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        for side in self.sides:
            text: str = getattr(pair, side)
            suspect = ("@" in text or self.may_hold.search(text.lower())) and self.pattern.search(text)
            if suspect and (found := self.pattern.search(self.seen(text))):
                return f"the {side} {self.what}: “{found.group(0).strip()}”"
            if "_" in text and (found := _HANDLE.search(self.seen(text))):
                return f"the {side} {self.what}: “{found.group(0)}”"
        if pair.response_mode is not None and pair.response_mode != Mode.ANSWER:
            for name in _full_names(pair.response):
                # the first word may be one that only begins a sentence
                if not any(part in pair.prompt or part in self.resources for part in (name, name.partition(" ")[2])):
                    return f"the response names somebody whom the prompt does not: “{name}”"
        return None

    def seen(self, text: str) -> str:
        """Returns the text without the contacts of the registry, which the gate on resources judges."""
        return self.registered.sub(" ", text)


def _full_names(text: str) -> list[str]:
    found = []
    for match in _NAME.finditer(text):
        parts = match.group(0).split()
        if parts[0].lower() in _NO_FIRST_NAMES:
            parts = parts[1:]
        if (
            len(parts) > 1
            and not {part.lower().partition("'")[0].removesuffix("s") for part in parts[1:]} & _NO_SURNAMES
        ):
            found.append(" ".join(parts))
    return found
