"""How gates cut text: words, sentences, and the sentences that hold a resource."""

from __future__ import annotations

import re
from functools import lru_cache

from corpusgen.resources import Registry

__all__ = ["CONTACT", "contacts", "ngrams", "sentences", "words"]

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_END = re.compile(r"(?<=[.!?])[\"”')]*\s+|\n+")

CONTACT = re.compile(
    r"(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<web>(?:https?://|www\.)\S+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|gov|edu|info|io|help|chat|uk|ie|ca|au|nz|in"
    r"|de|fr|es|nl|it|se|dk|be|at|ch|pl|pt|jp|br|mx|za|eu|no|fi|sg|us|app|me)\b(?:/[\w./-]*)?)"
    r"|(?P<number>[+(]?\d[\d ().-]*\d|\d)",
    re.IGNORECASE,
)
"""Anything that could be a way of reaching somebody: an e-mail address, a web address, a run of digits."""

_REACHED = re.compile(r"[\d@]|\w\.[A-Za-z]{2}|https?:|www")
_ADDRESSED = re.compile(r"@|\w\.[A-Za-z]{2}|https?:|www")
_NUMBER = re.compile(r"(?P<number>[+(]?\d[\d ().-]*\d|\d)")

_DIALLED = re.compile(
    r"\b(?:call|calls|calling|called|dial|dialing|dialling|phone|ring|text|texting|message|number|line|helpline|hotline|whatsapp|reach|reaches|reached|contact|answers|answer|listen|listens)\b",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"\s*(?:%|percent|per cent|degrees?|years?|months?|weeks?|days?|hours?|minutes?|seconds?|people|times|miles?|feet|foot|meters?"
    r"|metres?|km|pounds?|dollars?|euros?|words?|pages?|times|a\.?m\.?|p\.?m\.?|o'clock|and older|or older)\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=2048)
def words(text: str) -> tuple[str, ...]:
    """Returns the lower-cased words of a text, apostrophes kept inside words."""
    return tuple(_WORD.findall(text.lower().replace("’", "'")))


def sentences(text: str) -> list[str]:
    """Returns the sentences of a text, without surrounding space."""
    return [part.strip() for part in _END.split(text) if part and part.strip()]


def ngrams(items: tuple[str, ...], size: int) -> set[tuple[str, ...]]:
    """Returns the distinct runs of ``size`` words."""
    return {items[index : index + size] for index in range(len(items) - size + 1)}


def normal(value: str) -> str:
    """Returns a contact in the form in which two spellings of it are equal: digits only, or a bare web address."""
    if any(letter.isalpha() for letter in value):
        return value.lower().removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("./,;:)")
    return re.sub(r"\D", "", value)


def contacts(text: str) -> list[tuple[str, int]]:
    """Returns everything in a text that reads as a way of reaching somebody, in order, with its position.

    A number counts when it has three digits or more and is not plainly a quantity or a year, or when it has two and
    stands in a sentence about calling.
    """
    found: list[tuple[str, int]] = []
    if not _REACHED.search(text):
        return found
    pattern = CONTACT if _ADDRESSED.search(text) else _NUMBER
    for match in pattern.finditer(text):
        value = match.group(0).rstrip(" .-(")
        if match.lastgroup == "number":
            digits = re.sub(r"\D", "", value)
            near = text[max(0, match.start() - 60) : match.end() + 25]
            dialled = bool(_DIALLED.search(near))
            before = text[max(0, match.start() - 1) : match.start()]
            counted = bool(_COUNTED.match(text[match.end() :])) or before in {"$", "€", "£", "#"}
            year = len(digits) == 4 and value.isdigit() and digits[:2] in {"18", "19", "20"}
            thousands = re.fullmatch(r"\d{1,3}", value) and re.match(r",\d{3}", text[match.end() :])
            always = (
                text[match.start() : match.end() + 2] == "24/7"
                or text[max(0, match.start() - 3) : match.end()] == "24/7"
            )
            if always or len(digits) < 2 or (len(digits) < 5 and not dialled):
                continue
            if (counted or thousands or (year and not dialled)) and len(digits) < 7:
                continue
        found.append((value, match.start()))
    return found


def without_resources(text: str, registry: Registry) -> list[str]:
    """Returns the sentences of a response that name no resource and no emergency number."""
    return list(_without(text, _values(registry)))


@lru_cache(maxsize=16_384)
def _without(text: str, known: frozenset[str]) -> tuple[str, ...]:
    return tuple(
        sentence
        for sentence in sentences(text)
        if "emergency number" not in sentence.lower()
        and not any(normal(value) in known for value, _ in contacts(sentence))
    )


_cache: dict[int, frozenset[str]] = {}


def _values(registry: Registry) -> frozenset[str]:
    key = id(registry)
    if key not in _cache:
        found = {normal(registry.directory.value)}
        found |= {normal(channel.value) for entry in registry.entries.values() for channel in entry.channels}
        found |= {country.emergency.value for country in registry.countries.values()}
        _cache.clear()
        _cache[key] = frozenset(found)
    return _cache[key]
