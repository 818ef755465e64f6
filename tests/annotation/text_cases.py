"""Queries for words, each beside what it must find."""

from __future__ import annotations

from tests.annotation.asking import STATUS, metadata, sort, terms, text, where
from tests.annotation.truth import (
    Case,
    Sort,
    by_metadata,
    described,
    every,
    has_status,
    holds_word,
    no,
    nothing,
    some,
)

GARDEN = r"(?<!\w)garden(?!\w)"
RAIN = r"(?<!\w)rain(?!\w)"

TEXTS = [
    Case("a word", text("garden"), holds_word(GARDEN)),
    Case("a word in another case", text("GARDEN"), holds_word(GARDEN)),
    Case("a word in one field", text("garden", "title"), holds_word(GARDEN, "title")),
    Case("a word in a chat", text("garden", "talk"), holds_word(GARDEN, "talk")),
    Case("who speaks in a chat is no text", text("assistant"), nothing),
    Case("two words, in any field", text("garden rain"), every(holds_word(GARDEN), holds_word(RAIN))),
    Case("one of two", text("garden | rain"), some(holds_word(GARDEN), holds_word(RAIN))),
    Case("one and not the other", text("garden -rain"), every(holds_word(GARDEN), no(holds_word(RAIN)))),
    Case("not a word", text("-garden"), no(holds_word(GARDEN))),
    Case(
        "a group",
        text("(garden | rain) +letter"),
        every(some(holds_word(GARDEN), holds_word(RAIN)), holds_word(r"(?<!\w)letter(?!\w)")),
    ),
    Case("a phrase", text('"garden night"'), holds_word(r"(?<!\w)garden\W+night(?!\w)")),
    Case(
        "a word outside a phrase",
        text('night -"garden night"', "title"),
        every(holds_word(r"\bnight\b", "title"), no(holds_word(r"(?<!\w)garden\W+night(?!\w)", "title"))),
    ),
    Case("a prefix", text("gard*"), holds_word(r"(?<!\w)gard")),
    Case("a word with an umlaut", text("überraschung"), holds_word("Überraschung")),
    Case("an accent typed in either way", text("caf\u00e9", "body"), holds_word("caf(é|e\u0301)", "body")),
    Case("an apostrophe does not part a word", text("don"), nothing),
    Case("a word with an apostrophe", text("don't", "title"), holds_word("don't", "title")),
    Case("a hyphen parts words", text("being", "title"), holds_word("well-being", "title")),
    Case("a percent sign is not a wildcard", text("g%n"), nothing),
    Case("an underscore is no wildcard", text("under_score"), holds_word("under_score")),
    Case("nor does it part a word", text("under"), nothing),
    Case("a backslash", text("slash", "title"), holds_word(r"back\\slash", "title")),
    Case("a number with a point", text("3.5", "title"), holds_word(r"3\.5", "title")),
    Case("an ideograph", text("京", "title"), holds_word("東京", "title")),
    Case("an emoji", text("🌧", "title"), holds_word("🌧", "title")),
    Case("signs alone find nothing", text("!!! ..."), nothing),
    Case("a quote that is not closed", text('"garden'), holds_word(GARDEN)),
    Case("hostile text", text("'; DROP TABLE records; --"), nothing),
    Case(
        "words, filters and a sort at once, a page of it",
        {**text("garden"), **where(terms(metadata("domain"), "grief", "work")), **sort((metadata("size"), "desc"))},
        every(holds_word(GARDEN), described("domain", lambda v: v in ("grief", "work"))),
        [Sort(by_metadata("size"), True)],
        offset=5,
        limit=10,
    ),
    Case(
        "what is left to do, by words",
        {**text("rain"), **where(terms(STATUS, "pending"))},
        every(holds_word(RAIN), has_status("pending")),
        me="rev3",
    ),
]
