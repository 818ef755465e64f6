"""What the answer to a query must be, computed from the data in Python and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from statistics import mean
from typing import Any

from tests.annotation.material import Answer, Item, Material

Holds = Callable[[Item, str | None], bool]
Key = Callable[[Item, str | None], Any]


@dataclass(frozen=True)
class Sort:
    """How a query's results are sorted; a record without the key comes last."""

    key: Key
    descending: bool = False


@dataclass(frozen=True)
class Case:
    """A query, and which records it must find in which order.

    Attributes:
        name: What is asked.
        body: The request, or what makes it from the material and the user who asks.
        holds: Whether a record must be found.
        sorts: How the results are sorted; then by the order in which they were sent.
        me: The user who asks about the own responses; None for the owner, who sees all.
        offset: How many results to pass over.
        limit: How many to ask for.
    """

    name: str
    body: dict[str, Any] | Callable[[Material], dict[str, Any]]
    holds: Holds
    sorts: Sequence[Sort] = ()
    me: str | None = None
    offset: int = 0
    limit: int = 1000

    def wanted(self, material: Material) -> list[str]:
        """The ids that must be found, in order."""
        found = [item for item in material.items if self.holds(item, self.me)]
        for sort in reversed(self.sorts):
            keyed = [(sort.key(item, self.me), item) for item in found]
            # Python keeps the order of equals, also when it sorts backwards
            there = sorted((pair for pair in keyed if pair[0] is not None), key=itemgetter(0), reverse=sort.descending)
            found = [item for _, item in there] + [item for key, item in keyed if key is None]
        return [item.id for item in found]


def answers(item: Item, me: str | None) -> list[Answer]:
    """The responses that count: one's own, or everybody's."""
    return [answer for name, answer in item.answers.items() if me in (None, name)]


def answered(question: str, test: Callable[[Any], bool]) -> Holds:
    """A record where some response has such a value, of several values any."""
    return lambda item, me: any(test(value) for value in answer_values(item, me, question))


def answer_values(item: Item, me: str | None, question: str) -> list[Any]:
    """Every value that was given to a question."""
    return [one for answer in answers(item, me) for one in listed(answer.values.get(question))]


def suggested(question: str, test: Callable[[Any], bool], part: str = "value") -> Holds:
    """A record whose suggestion has such a value, score, agent or type, of several any."""
    return lambda item, me: any(test(one) for one in listed(item.suggestions.get(question, {}).get(part)))


def described(name: str, test: Callable[[Any], bool]) -> Holds:
    """A record with such a metadata value, of several any."""
    return lambda item, me: any(test(one) for one in listed(item.metadata.get(name)))


def has_status(*statuses: str) -> Holds:
    """A record with a response in one of these statuses; "pending" is met by having none."""

    def holds(item: Item, me: str | None) -> bool:
        given = [answer.status for answer in answers(item, me)]
        return any(status in statuses for status in given) or ("pending" in statuses and not given)

    return holds


def listed(value: Any) -> list[Any]:
    """A value as a list: itself if it is one, empty if it is missing."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def by_metadata(name: str, *, greatest: bool = False) -> Key:
    """Sorts by a metadata value, of several by the least or the greatest; text by its bytes."""
    return lambda item, me: _pick(listed(item.metadata.get(name)), greatest)


def by_suggestion(question: str, part: str = "value", *, greatest: bool = False) -> Key:
    """Sorts by a suggestion's value, score, agent or type."""
    return lambda item, me: _pick(listed(item.suggestions.get(question, {}).get(part)), greatest)


def by_mean_answer(question: str) -> Key:
    """Sorts by the mean of a rating over the responses."""

    def key(item: Item, me: str | None) -> float | None:
        given = answer_values(item, me, question)
        return mean(map(float, given)) if given else None

    return key


def holds_word(pattern: str, field: str | None = None) -> Holds:
    """A record one of whose texts matches a pattern, whatever the case."""
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda item, me: any(compiled.search(text) for text in item.texts(field))


def every(*tests: Holds) -> Holds:
    """All of them."""
    return lambda item, me: all(test(item, me) for test in tests)


def some(*tests: Holds) -> Holds:
    """One of them."""
    return lambda item, me: any(test(item, me) for test in tests)


def no(test: Holds) -> Holds:
    """The contrary."""
    return lambda item, me: not test(item, me)


def anything(item: Item, me: str | None) -> bool:
    """Every record."""
    return True


def nothing(item: Item, me: str | None) -> bool:
    """No record."""
    return False


def _pick(values: list[Any], greatest: bool) -> Any:
    keys = [value.encode() if isinstance(value, str) else value for value in values]
    return (max(keys) if greatest else min(keys)) if keys else None
