"""From weights to cells: exact quotas, situations dealt out evenly, contrast pairs planned together."""

from __future__ import annotations

import hashlib
import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from corpusgen.errors import InvalidFile
from corpusgen.policy import Decision
from corpusgen.recipe import Inputs
from corpusgen.schema import Role, Severity, plan_schema
from corpusgen.seeds import Lookalike, Seed

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Cell", "apportion", "make_plan", "pair_id", "plan_table", "quotas"]


@dataclass(frozen=True)
class Cell:
    """One pair to be written: everything about it that is fixed beforehand."""

    cell_id: str
    pair_group: str | None
    domain: str
    category: str
    role: str
    severity: str
    register: str
    country: str
    seed_id: str
    ordinal: int
    response_mode: str
    risk_flags: tuple[str, ...]
    strategies: tuple[str, ...]
    topics: tuple[str, ...]

    @property
    def lookalike(self) -> bool:
        """Whether this is a harmless prompt."""
        return self.severity == Severity.NONE


def stable_hash(*parts: object, size: int = 8) -> str:
    """Returns a hex digest of the parts that is the same on every machine and in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def pair_id(cell_id: str, attempt: int) -> str:
    """Returns the id of the pair that an attempt at a cell gives."""
    return stable_hash("pair", cell_id, attempt)


def apportion(count: int, weights: Mapping[str, float], carry: dict[str, float] | None = None) -> dict[str, int]:
    """Splits a count by weights into whole numbers that sum to it, by largest remainder (Hamilton's method).

    Args:
        count: How many to give out.
        weights: Relative weights; keys with weight 0 get nothing.
        carry: Remainders left over by earlier calls over the same keys; read and updated, so that the sums over many
            small calls stay within one of the exact share.

    Returns:
        A whole number for each key with a positive weight.
    """
    positive = {key: weight for key, weight in weights.items() if weight > 0}
    total = sum(positive.values())
    owed = carry if carry is not None else {}
    exact = {key: count * weight / total + owed.get(key, 0.0) for key, weight in positive.items()}
    given = {key: max(0, math.floor(value + 1e-9)) for key, value in exact.items()}
    # ties go to the key named first, so that the order in the recipe is the only tie-breaker
    order = sorted(positive, key=lambda key: (-round(exact[key] - given[key], 9), list(positive).index(key)))
    index = 0
    while (short := count - sum(given.values())) != 0:
        key = order[index % len(order)] if short > 0 else order[-1 - index % len(order)]
        given[key] += 1 if short > 0 else (-1 if given[key] > 0 else 0)
        index += 1
    for key in positive:
        owed[key] = exact[key] - given[key]
    return given


class _Slot(NamedTuple):
    """A cell before it has a seed."""

    domain: str
    role: str
    severity: str
    register: str
    country: str


def _slots(inputs: Inputs) -> list[_Slot]:
    weights = inputs.recipe.weights
    registers: dict[str, float] = {}
    countries: dict[str, float] = {}
    slots: list[_Slot] = []

    def spread(count: int, domain: str, role: str, severity: str) -> None:
        for register, amount in apportion(count, weights.register_, registers).items():
            for country, number in apportion(amount, weights.country, countries).items():
                slots.extend([_Slot(domain, role, severity, register, country)] * number)

    for domain, pairs in apportion(inputs.recipe.pairs, weights.domain).items():
        share = {"lookalike": weights.lookalike_share, "risky": 1 - weights.lookalike_share}
        kinds = apportion(pairs, share)
        if kinds.get("lookalike"):
            spread(kinds["lookalike"], domain, Role.CURIOUS, Severity.NONE)
        for role, amount in apportion(kinds.get("risky", 0), weights.roles(domain)).items():
            for severity, number in apportion(amount, weights.severities(role)).items():
                spread(number, domain, role, severity)
    return slots


def make_plan(inputs: Inputs) -> list[Cell]:
    """Plans every cell of a corpus.

    Returns:
        As many cells as the recipe has pairs, in the order of their ids, which is random and stable.

    Raises:
        InvalidFile: A domain has fewer harmless questions than its quota of look-alikes.
    """
    dealer = _Dealer(inputs)
    by_stratum: dict[tuple[str, str, str], list[_Slot]] = defaultdict(list)
    for slot in _slots(inputs):
        by_stratum[slot.domain, slot.role, slot.severity].append(slot)
    order = sorted(by_stratum, key=lambda key: (key[2] != Severity.NONE, list(by_stratum).index(key)))
    cells: list[Cell] = []
    for key in order:
        slots = by_stratum[key]
        numbered = sorted(enumerate(slots), key=lambda item: stable_hash(inputs.recipe.seed, *item[1], item[0]))
        shuffled = [slot for _, slot in numbered]
        cells.extend(dealer.lookalikes(shuffled) if key[2] == Severity.NONE else dealer.situations(shuffled))
    return sorted(_pair_up(cells, inputs), key=lambda cell: cell.cell_id)


class _Dealer:
    """Deals seeds to slots, least used first, so that every situation is told about equally often."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.seed = inputs.recipe.seed
        self.strata = inputs.seeds.strata()
        self.used: Counter[str] = Counter()
        self.wanted: set[str] = set()

    def situations(self, slots: Sequence[_Slot]) -> list[Cell]:
        candidates = {seed.key: seed for seed in self.strata[slots[0].domain, slots[0].role, slots[0].severity]}
        heap = [(*self._turn(seed), key) for key, seed in candidates.items()]
        heapq.heapify(heap)
        cells = []
        for slot in slots:
            # another stratum may have used a seed since its turn was noted
            while heap[0][0] != self.used[heap[0][-1]]:
                heapq.heapreplace(heap, (*self._turn(candidates[heap[0][-1]]), heap[0][-1]))
            key = heap[0][-1]
            cells.append(self._cell(slot, candidates[key], self.used[key]))
            self.used[key] += 1
        return cells

    def _turn(self, seed: Seed) -> tuple[int, bool, str]:
        return self.used[seed.key], seed.key not in self.wanted, stable_hash(self.seed, seed.key)

    def _cell(self, slot: _Slot, seed: Seed, ordinal: int) -> Cell:
        taxonomy = self.inputs.taxonomy
        flags = taxonomy.flags(slot.domain, seed.category, slot.severity, tuple(map(str, seed.situation.flags)))
        decision = taxonomy.decide(slot.domain, seed.category, slot.role, slot.severity, flags)
        return _make_cell(slot, seed.category, seed.key, ordinal, flags, decision)

    def lookalikes(self, slots: Sequence[_Slot]) -> list[Cell]:
        domain = slots[0].domain
        questions = [
            (key, index, lookalike)
            for key, (home, lookalike) in self.inputs.seeds.lookalikes.items()
            if home == domain
            for index in range(len(lookalike.questions))
        ]
        if len(questions) < len(slots):
            what = f"asks for {len(slots)} look-alikes of {domain}, and the seeds hold {len(questions)} questions"
            do = f"lower 'lookalike_share' or 'pairs', or write more under lookalikes/{domain}/"
            raise InvalidFile([self.inputs.document.problem(("weights", "lookalike_share"), what, do)])
        # topic by topic before any topic has its second question
        questions.sort(key=lambda item: (item[1], stable_hash(self.seed, item[0])))
        return [
            self._lookalike_cell(slot, *chosen) for slot, chosen in zip(slots, questions[: len(slots)], strict=True)
        ]

    def _lookalike_cell(self, slot: _Slot, key: str, index: int, lookalike: Lookalike) -> Cell:
        shadowed = f"{slot.domain}/{lookalike.shadows}"
        self.wanted.add(shadowed)
        category = self.inputs.seeds.situations[shadowed].category
        decision = self.inputs.taxonomy.decide(slot.domain, category, slot.role, slot.severity, ())
        return _make_cell(slot, category, key, index, (), decision)


def _make_cell(
    slot: _Slot, category: str, seed_id: str, ordinal: int, flags: tuple[str, ...], decision: Decision
) -> Cell:
    cell_id = stable_hash("cell", slot.domain, category, *slot[1:], seed_id, ordinal)
    return Cell(
        cell_id=cell_id,
        pair_group=None,
        domain=slot.domain,
        category=category,
        role=str(slot.role),
        severity=str(slot.severity),
        register=slot.register,
        country=slot.country,
        seed_id=seed_id,
        ordinal=ordinal,
        response_mode=str(decision.mode),
        risk_flags=flags,
        strategies=decision.strategies,
        topics=decision.topics,
    )


def _pair_up(cells: Iterable[Cell], inputs: Inputs) -> list[Cell]:
    """Joins each look-alike to a risky cell of the situation it shadows, or else of the same category."""
    all_cells = list(cells)
    by_seed: dict[str, list[Cell]] = defaultdict(list)
    by_category: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in sorted(all_cells, key=lambda item: item.cell_id):
        if not cell.lookalike:
            by_seed[cell.seed_id].append(cell)
            by_category[cell.domain, cell.category].append(cell)
    group: dict[str, str] = {}
    for exact in (True, False):
        for cell in all_cells:
            if not cell.lookalike or cell.cell_id in group:
                continue
            lookalike = inputs.seeds.lookalikes[cell.seed_id][1]
            shadowed = by_seed[f"{cell.domain}/{lookalike.shadows}"]
            pool = shadowed if exact else by_category[cell.domain, cell.category]
            partner = next((risky for risky in pool if risky.cell_id not in group), None)
            if partner is not None:
                group[cell.cell_id] = group[partner.cell_id] = stable_hash("group", cell.cell_id, partner.cell_id)
    return [replace(cell, pair_group=group.get(cell.cell_id)) for cell in all_cells]


def plan_table(cells: Sequence[Cell]) -> pa.Table:
    """Returns the plan as a table of :func:`corpusgen.schema.plan_schema`."""
    import pyarrow as pa

    return pa.Table.from_pylist([vars(cell) for cell in cells], schema=plan_schema())


MARGINS = ("domain", "response_mode", "role", "severity", "register", "country", "category")
"""The columns whose counts are reported one by one."""


def quotas(cells: Iterable[Cell]) -> dict[str, dict[str, int]]:
    """Returns the marginal quotas (by column and value) and, as ``joint``, the quota of every combination."""
    margins: dict[str, Counter[str]] = {name: Counter() for name in (*MARGINS, "joint")}
    for cell in cells:
        for name in MARGINS:
            margins[name][getattr(cell, name)] += 1
        joint = (cell.domain, cell.role, cell.severity, cell.register, cell.country)
        margins["joint"][" / ".join(joint)] += 1
    return {name: dict(sorted(counter.items())) for name, counter in margins.items()}
