"""How a corpus is laid out, and worked examples laid out alike: by its looks nobody shall tell what calibrates."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from corpusgen.examples import Example
from corpusgen.plan import stable_hash

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Layout", "layout_of", "paragraphs"]

_BREAK = "\n\n"
_BETWEEN = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|(?<=[.!?][\"'”’)])\s+(?=[A-Z])")
"""Between sentences; where in doubt, within one."""
_SEEN = ("response_mode", "domain", "role", "country", "strategies", "prompt", "response")
_E = TypeVar("_E", bound=Example)


class Layout(NamedTuple):
    """What a reviewer can see of a corpus without reading it.

    Attributes:
        paragraphs: How many answers have so many paragraphs, by kind of answer.
        notes: Domain, role and country of every pair, of which its content note is made.
        meant: The strategies of every pair, which are what its answer was meant to do.
        shortest: Characters of a message of which 5 % are shorter.
        longest: Characters of a message of which 5 % are longer.
    """

    paragraphs: Mapping[str, Mapping[int, int]]
    notes: frozenset[tuple[str, str, str]]
    meant: frozenset[tuple[str, ...]]
    shortest: int
    longest: int

    def usual(self, example: Example) -> bool:
        """Returns whether an example's message is neither unusually short nor unusually long."""
        return self.shortest <= len(example.prompt) <= self.longest

    def like(self, example: _E, salt: str) -> _E | None:
        """Returns an example with as many paragraphs as the corpus has, or None where it would stand out all the same.

        Chance decides how many: a hash of the salt and the example's id, so that the examples of a kind are
        distributed as the corpus is. Paragraphs are joined, or parted between sentences; no word is changed.
        """
        note = (example.domain, example.role, example.country)
        if note not in self.notes or example.strategies not in self.meant:
            return None
        room = sum(len(_BETWEEN.split(part)) for part in paragraphs(example.response))
        usual = {count: n for count, n in self.paragraphs.get(example.response_mode, {}).items() if count <= room}
        if not usual:
            return None
        chosen = int(stable_hash("layout", salt, example.id), 16) % sum(usual.values())
        count = next(islice((count for count, n in sorted(usual.items()) for _ in range(n)), chosen, None))
        return replace(example, response=_flowed(example.response, count))


def layout_of(corpus: pa.Table) -> Layout:
    """Returns the layout of a corpus."""
    rows = corpus.select(list(_SEEN)).to_pylist()
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        counts[row["response_mode"]][len(paragraphs(row["response"]))] += 1
    lengths = sorted(len(row["prompt"]) for row in rows) or [0]
    return Layout(
        counts,
        frozenset((row["domain"], row["role"], row["country"]) for row in rows),
        frozenset(tuple(row["strategies"]) for row in rows),
        lengths[len(lengths) // 20],
        lengths[-1 - len(lengths) // 20],
    )


def paragraphs(text: str) -> list[str]:
    """Returns what a blank line parts."""
    return [part for part in text.split(_BREAK) if part.strip()]


def _flowed(text: str, count: int) -> str:
    """Returns a text in so many paragraphs: short neighbours are joined, long ones parted in their middle."""
    parts = [_BETWEEN.split(part) for part in paragraphs(text)]
    while len(parts) > count:
        at = min(range(len(parts) - 1), key=lambda index: _length(parts[index]) + _length(parts[index + 1]))
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    while len(parts) < count:
        at = max((index for index, part in enumerate(parts) if len(part) > 1), key=lambda index: _length(parts[index]))
        part = parts[at]
        cut = min(range(1, len(part)), key=lambda end: abs(_length(part[:end]) - _length(part[end:])))
        parts[at : at + 1] = [part[:cut], part[cut:]]
    return _BREAK.join(" ".join(part) for part in parts)


def _length(part: Iterable[Any]) -> int:
    return sum(len(sentence) for sentence in part)
