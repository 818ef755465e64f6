"""The queries that the page and the SDK can make, each beside what it must find; those for words are in text_cases."""

from __future__ import annotations

from typing import Any

from tests.annotation.asking import STATUS, between, metadata, record, response, sort, suggestion, terms, where
from tests.annotation.material import ODD, Item, Material
from tests.annotation.text_cases import TEXTS
from tests.annotation.truth import (
    Case,
    Sort,
    answered,
    anything,
    by_mean_answer,
    by_metadata,
    by_suggestion,
    described,
    every,
    has_status,
    nothing,
    suggested,
)


def ids(material: Material) -> dict[str, Any]:
    return where(terms(record("id"), *(item.id for item in material.items[5:9]), "no-id"))


def moments(material: Material) -> dict[str, Any]:
    return where(between(record("inserted_at"), material.items[50].inserted_at, material.items[99].inserted_at))


def years(material: Material) -> dict[str, Any]:
    # the upper end is a day and ends with it
    return where(between(record("inserted_at"), "2001-01-01", material.items[-1].inserted_at[:10]))


def number(item: Item, me: str | None) -> int:
    return item.number


PLAIN = [
    Case("everything, in the order of arrival", {}, anything),
    Case("a page in the middle", {}, anything, offset=120, limit=10),
    Case("the last page is short", {}, anything, offset=295, limit=10),
    Case("a page beyond the end", {}, anything, offset=400, limit=10),
    Case("a reviewer sees them in the same order", {}, anything, me="rev0", limit=10),
]

RECORDS = [
    Case("ids", ids, lambda item, me: 5 <= item.number < 9),
    Case(
        "external ids",
        lambda material: where(terms(record("external_id"), material.items[3].external_id, "' OR 1=1 --")),
        lambda item, me: item.number == 3,
    ),
    Case(
        "a range of external ids",
        where(between(record("external_id"), "r-3", "r-5'2")),
        lambda item, me: "r-3" <= item.external_id <= "r-5'2",
    ),
    Case("completed records", where(terms(record("status"), "completed")), lambda item, me: item.status == "completed"),
    Case("a status that there is not", where(terms(record("status"), "lost")), nothing),
    Case("a span of time", moments, lambda item, me: 50 <= item.number < 100),
    Case("a span of days", years, anything),
    Case("a time to come", where(between(record("updated_at"), ge="2999-01")), nothing),
    Case("sorted by time, descending", sort((record("inserted_at"), "desc")), anything, [Sort(number, True)]),
    Case(
        "sorted by external id",
        sort((record("external_id"), "asc")),
        anything,
        [Sort(lambda item, me: item.external_id.encode())],
        offset=40,
        limit=50,
    ),
    Case("sorted by id, descending", sort((record("id"), "desc")), anything, [Sort(lambda item, me: item.id, True)]),
    Case(
        "sorted by status, then by time backwards",
        sort((record("status"), "asc"), (record("inserted_at"), "desc")),
        anything,
        [Sort(lambda item, me: item.status), Sort(number, True)],
    ),
]

METADATA = [
    Case("one term", where(terms(metadata("domain"), "grief")), described("domain", lambda v: v == "grief")),
    Case(
        "two terms",
        where(terms(metadata("domain"), "work", "Zorn")),
        described("domain", lambda v: v in ("work", "Zorn")),
    ),
    Case(
        "a term in quotes",
        where(terms(metadata("domain"), ODD.split(".")[0])),
        described("domain", lambda v: v == ODD.split(".")[0]),
    ),
    Case("a percent sign is a sign", where(terms(metadata("domain"), "1%")), nothing),
    Case("case counts in a term", where(terms(metadata("domain"), "Grief")), nothing),
    Case("a property with a hostile name", where(terms(metadata(ODD), "yes")), described(ODD, lambda v: v == "yes")),
    Case("a hostile value", where(terms(metadata("domain"), "x') OR 1=1 --", '"}')), nothing),
    Case("an integer as a term", where(terms(metadata("size"), 3, "7")), described("size", lambda v: v in (3, 7))),
    Case("no number among numbers", where(terms(metadata("size"), "many")), nothing),
    Case("a range of integers", where(between(metadata("size"), -3, 12)), described("size", lambda v: -3 <= v <= 12)),
    Case("integers from", where(between(metadata("size"), ge=1000)), described("size", lambda v: v >= 1000)),
    Case("floats up to", where(between(metadata("weight"), le=0.1)), described("weight", lambda v: v <= 0.1)),
    Case(
        "a float as a term",
        where(terms(metadata("weight"), 0.1, "1e-07")),
        described("weight", lambda v: v in (0.1, 1e-7)),
    ),
    Case(
        "a range of terms", where(between(metadata("domain"), "a", "h")), described("domain", lambda v: "a" <= v <= "h")
    ),
    Case(
        "three filters at once",
        where(
            between(metadata("size"), ge=0),
            between(metadata("size"), le=20),
            terms(metadata("domain"), "grief", "work"),
        ),
        every(described("size", lambda v: 0 <= v <= 20), described("domain", lambda v: v in ("grief", "work"))),
    ),
    Case("sorted by a term", sort((metadata("domain"), "asc")), anything, [Sort(by_metadata("domain"))]),
    Case(
        "sorted by a term, descending",
        sort((metadata("domain"), "desc")),
        anything,
        [Sort(by_metadata("domain", greatest=True), True)],
    ),
    Case(
        "sorted by an integer",
        sort((metadata("size"), "asc")),
        anything,
        [Sort(by_metadata("size"))],
        offset=30,
        limit=60,
    ),
    Case(
        "sorted by a float, descending",
        sort((metadata("weight"), "desc")),
        anything,
        [Sort(by_metadata("weight"), True)],
    ),
    Case(
        "sorted by two properties",
        sort((metadata(ODD), "desc"), (metadata("size"), "asc")),
        anything,
        [Sort(by_metadata(ODD), True), Sort(by_metadata("size"))],
    ),
]

RESPONSES = [
    *[
        Case(
            f"{' or '.join(statuses)}, of {me or 'anybody'}",
            where(terms(STATUS, *statuses)),
            has_status(*statuses),
            me=me,
        )
        for statuses in (
            ("submitted",),
            ("draft",),
            ("discarded",),
            ("pending",),
            ("pending", "draft"),
            ("submitted", "discarded"),
        )
        for me in (None, "rev1")
    ],
    Case("a label", where(terms(response("verdict"), "bad")), answered("verdict", lambda v: v == "bad")),
    Case(
        "one's own label",
        where(terms(response("verdict"), "bad")),
        answered("verdict", lambda v: v == "bad"),
        me="rev2",
    ),
    Case(
        "several labels",
        where(terms(response("kinds"), "50%", "blame")),
        answered("kinds", lambda v: v in ("50%", "blame")),
    ),
    Case(
        "a label in quotes",
        where(terms(response("kinds"), 'it\'s "odd"')),
        answered("kinds", lambda v: v == 'it\'s "odd"'),
        me="rev0",
    ),
    Case("a rating", where(terms(response("stars"), "4", "5")), answered("stars", lambda v: v in (4, 5))),
    Case(
        "a range of ratings",
        where(between(response("stars"), 2, 3)),
        answered("stars", lambda v: 2 <= v <= 3),
        me="rev3",
    ),
    Case(
        "a hostile note",
        where(terms(response("note"), 'a "note"; DROP TABLE')),
        answered("note", lambda v: "DROP" in v),
    ),
    Case(
        "an escaped backslash",
        where(terms(response("note"), "back\\u0000slash")),
        answered("note", lambda v: v.startswith("back")),
    ),
    Case(
        "two filters, met by two responses",
        where(terms(response("verdict"), "good"), terms(STATUS, "discarded")),
        every(answered("verdict", lambda v: v == "good"), has_status("discarded")),
    ),
    Case(
        "two filters on one's own response",
        where(terms(response("verdict"), "good"), between(response("stars"), ge=4), terms(STATUS, "submitted")),
        every(answered("verdict", lambda v: v == "good"), answered("stars", lambda v: v >= 4), has_status("submitted")),
        me="rev1",
    ),
    Case("sorted by the mean rating", sort((response("stars"), "asc")), anything, [Sort(by_mean_answer("stars"))]),
    Case(
        "sorted by one's own rating, descending",
        sort((response("stars"), "desc")),
        anything,
        [Sort(by_mean_answer("stars"), True)],
        me="rev2",
    ),
]

SUGGESTIONS = [
    Case("a suggested label", where(terms(suggestion("verdict"), "good")), suggested("verdict", lambda v: v == "good")),
    Case(
        "a suggested label among several",
        where(terms(suggestion("kinds"), "blame")),
        suggested("kinds", lambda v: v == "blame"),
    ),
    Case("a suggested rating", where(between(suggestion("stars"), 2, 4)), suggested("stars", lambda v: 2 <= v <= 4)),
    Case(
        "a range of scores",
        where(between(suggestion("verdict", "score"), 0.25, 0.5)),
        suggested("verdict", lambda v: 0.25 <= v <= 0.5, "score"),
    ),
    Case(
        "a score among several",
        where(between(suggestion("kinds", "score"), ge=0.9)),
        suggested("kinds", lambda v: v >= 0.9, "score"),
    ),
    Case(
        "an agent",
        where(terms(suggestion("verdict", "agent"), "Model: x/y")),
        suggested("verdict", lambda v: v == "Model: x/y", "agent"),
    ),
    Case(
        "a type", where(terms(suggestion("stars", "type"), "human")), suggested("stars", lambda v: v == "human", "type")
    ),
    Case(
        "sorted by a suggested rating",
        sort((suggestion("stars"), "desc")),
        anything,
        [Sort(by_suggestion("stars"), True)],
    ),
    Case(
        "sorted by a suggested label", sort((suggestion("verdict"), "asc")), anything, [Sort(by_suggestion("verdict"))]
    ),
    Case(
        "sorted by score",
        sort((suggestion("verdict", "score"), "asc")),
        anything,
        [Sort(by_suggestion("verdict", "score"))],
    ),
    Case(
        "sorted by the best of several scores",
        sort((suggestion("kinds", "score"), "desc")),
        anything,
        [Sort(by_suggestion("kinds", "score", greatest=True), True)],
    ),
    Case(
        "sorted by agent",
        sort((suggestion("verdict", "agent"), "desc")),
        anything,
        [Sort(by_suggestion("verdict", "agent"), True)],
    ),
]

CASES = [*PLAIN, *RECORDS, *METADATA, *RESPONSES, *SUGGESTIONS, *TEXTS]
