"""What a gate is: a check on one pair, or on a pair against the corpus, with a name, a kind and a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Literal, Protocol, runtime_checkable

from corpusgen.patterns import Patterns, compiled
from corpusgen.recipe import Checks
from corpusgen.schema import RiskFlag
from corpusgen.taxonomy import Taxonomy

__all__ = ["LABELS", "CorpusGate", "Kind", "Pair", "PairGate", "Rules", "pair_of"]

Kind = Literal["safety", "quality"]


@dataclass(frozen=True)
class Pair:
    """A prompt and response with their labels; a label that a file does not have is None."""

    id: str
    prompt: str
    response: str
    domain: str | None = None
    category: str | None = None
    role: str | None = None
    severity: str | None = None
    register: str | None = None
    country: str | None = None
    response_mode: str | None = None
    risk_flags: tuple[str, ...] | None = None
    strategies: tuple[str, ...] | None = None
    components: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None


LISTS = frozenset({"risk_flags", "strategies", "components", "resources"})
LABELS = tuple(field.name for field in fields(Pair) if field.name not in {"id", "prompt", "response"})


def pair_of(row: Mapping[str, object]) -> Pair:
    """Returns a table row as a pair; lists become tuples, columns that are absent stay None."""
    labels: dict[str, object] = {}
    for name in LABELS:
        value = row.get(name)
        if value is None:
            continue
        labels[name] = tuple(str(item) for item in _listed(value)) if name in LISTS else str(value)
    return Pair(str(row.get("id", "")), str(row["prompt"]), str(row["response"]), **labels)  # type: ignore[arg-type]


def _listed(value: object) -> Sequence[object]:
    if isinstance(value, str):
        # a CSV has no lists; "a;b" and "a, b" are what people write
        return [found for part in re.split("[;,]", value.strip("[] ")) if (found := part.strip(" '\""))]
    return value if isinstance(value, Sequence) else [value]


@dataclass(frozen=True)
class Rules:
    """What gates judge by: the taxonomy with its registry and lexicon, and the recipe's thresholds."""

    taxonomy: Taxonomy
    checks: Checks

    @cached_property
    def names(self) -> re.Pattern[str]:
        """The names of all resources, which may hold what a gate would stumble over ("1800RESPECT")."""
        names = {entry.name.removeprefix("the ") for entry in self.taxonomy.registry.entries.values()}
        ordered = sorted(names, key=lambda name: (-len(name), name))
        # not inside a web address, where "frank" is part of the contact
        return re.compile(r"(?<![\w.])(?:" + "|".join(map(re.escape, ordered)) + r")(?!\w|\.\w)" if ordered else "(?!)")

    @cached_property
    def _suicidal(self) -> Patterns:
        return compiled(self.taxonomy.lexicon.suicidal)

    def self_harm(self, pair: Pair) -> bool:
        """Returns whether self-harm is flagged, or the prompt itself speaks of wanting to die."""
        if RiskFlag.SUICIDE_SELF_HARM in (pair.risk_flags or ()):
            return True
        return self._suicidal.search(pair.prompt.lower().replace("’", "'")) is not None


@runtime_checkable
class PairGate(Protocol):
    """Judges one pair.

    Attributes:
        name: The gate's name, as in reports and in ``checks.parquet``.
        kind: ``safety`` for what could hurt somebody, ``quality`` for what makes a pair poor.
        needs: Labels without which the gate cannot judge; it is then "not run", never "pass".
    """

    name: str
    kind: Kind
    needs: tuple[str, ...]

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""


@runtime_checkable
class CorpusGate(Protocol):
    """Judges newcomers against what the corpus already holds; accepted pairs always win."""

    name: str
    kind: Kind
    needs: tuple[str, ...]

    def screen(self, newcomers: Sequence[Pair], size: int) -> dict[str, str]:
        """Returns the reason for each newcomer (by id) that would make the corpus of ``size`` pairs too uniform."""

    def accept(self, pairs: Sequence[Pair]) -> None:
        """Adds pairs to the corpus."""
