"""Splitting: groups stay whole, validation and test hold equally many pairs of each domain."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from corpusgen.dedup.clusters import clusters
from corpusgen.dedup.edges import Edge
from corpusgen.plan import Cell, apportion, stable_hash
from corpusgen.recipe import Splits
from corpusgen.schema import Split

if TYPE_CHECKING:
    from corpusgen.dedup.embed import Vectors

__all__ = ["Assignment", "assign", "group", "near_across_modes"]


class Assignment(NamedTuple):
    """Where each pair goes.

    Attributes:
        splits: The split of each cell, in order.
        short: Where whole groups cannot make the count that was asked for, what was made of it, for people.
    """

    splits: list[str]
    short: list[str]


class _Group(NamedTuple):
    key: str
    members: tuple[int, ...]
    domains: tuple[str, ...]


def near_across_modes(prompts: Sequence[str], vectors: Vectors, threshold: float) -> list[Edge]:
    """Returns near-duplicate prompts: those of different modes are both kept, and must not be parted by a split.

    Args:
        prompts: The prompts of the corpus.
        vectors: Their embeddings, shape (len(prompts), 384).
        threshold: Cosine from which two are near-duplicates.
    """
    from corpusgen.dedup.embed import MiniLM
    from corpusgen.dedup.semantic import semantic_edges

    return list(semantic_edges(prompts, vectors, threshold, MiniLM()))


def group(cells: Sequence[Cell], near: Sequence[Edge]) -> list[list[int]]:
    """Returns positions that must stay together.

    Together stay: the two sides of a contrast pair, prompts that are near-duplicates across response modes, and all
    pairs of one seed situation, so that no situation of the training split is met again in validation or test.
    """
    edges = list(near)
    first: dict[str, int] = {}
    for position, cell in enumerate(cells):
        for key in filter(None, (cell.pair_group, cell.seed_id)):
            if key in first:
                edges.append(Edge(first[key], position, "exact", 1.0))
            else:
                first[key] = position
    together = clusters(len(cells), edges)
    grouped = {position for members in together for position in members}
    return together + [[position] for position in range(len(cells)) if position not in grouped]


def assign(cells: Sequence[Cell], near: Sequence[Edge], settings: Splits, seed: int) -> Assignment:
    """Returns the split of each cell, and the counts that whole groups cannot make.

    Validation and test are filled domain by domain with whole groups, so that their modes follow the domain's; the
    last places are filled by an exact search over group sizes. Where no choice makes the count, the largest number
    below it is taken, and what is left stays in the training split.
    """
    by_domain: dict[str, list[_Group]] = defaultdict(list)
    for members in group(cells, near):
        domains = tuple(sorted({cells[position].domain for position in members}))
        key = stable_hash(seed, "split", *sorted(cells[position].cell_id for position in members))
        by_domain[domains[0]].append(_Group(key, tuple(members), domains))
    splits = [str(Split.TRAIN)] * len(cells)
    short = []
    present = dict.fromkeys(sorted({cell.domain for cell in cells}), 1.0)
    for name, total in ((Split.VALIDATION, settings.validation), (Split.TEST, settings.test)):
        for domain, count in apportion(total, present).items():
            free = [item for item in by_domain[domain] if splits[item.members[0]] == Split.TRAIN]
            members = [position for item in _choose(free, count, cells, domain) for position in item.members]
            for position in members:
                splits[position] = str(name)
            if len(members) < count:
                short.append(f"{name} has {len(members)} of {count} pairs of {domain}")
    return Assignment(splits, short)


def _choose(groups: Sequence[_Group], count: int, cells: Sequence[Cell], domain: str) -> list[_Group]:
    """Chooses whole groups of one domain that hold ``count`` cells, or as many below it as can be."""
    usable = sorted(item for item in groups if item.domains == (domain,) and len(item.members) <= count)
    modes = Counter(cell.response_mode for cell in cells if cell.domain == domain)
    wanted = {mode: count * number / sum(modes.values()) for mode, number in modes.items()}
    chosen: list[_Group] = []
    have: Counter[str] = Counter()
    # greedy on the modes, which are to follow the domain's, while there is room for the largest groups; then a fit
    margin = 3 * max((len(item.members) for item in usable), default=0)
    remaining = list(usable)
    while remaining and count - _size(chosen) > margin:
        best = min(remaining, key=lambda item: (_distance(have, item, cells, wanted), item.key))
        remaining.remove(best)
        chosen.append(best)
        have.update(cells[position].response_mode for position in best.members)
    chosen += _fit(remaining, count - _size(chosen))
    anew = _fit(usable, count) if _size(chosen) < count else []
    return max(chosen, anew, key=_size)


def _distance(have: Mapping[str, int], item: _Group, cells: Sequence[Cell], wanted: Mapping[str, float]) -> float:
    after = Counter(have)
    after.update(cells[position].response_mode for position in item.members)
    over = sum(max(0.0, after[mode] - wanted.get(mode, 0.0)) for mode in after)
    return round(over / len(item.members), 9)


def _size(groups: Sequence[_Group]) -> int:
    return sum(len(item.members) for item in groups)


def _fit(groups: Sequence[_Group], count: int) -> list[_Group]:
    """Returns groups whose sizes sum to ``count``, or to the most below it (subset sum, first groups preferred)."""
    reached: dict[int, tuple[int, int]] = {0: (-1, 0)}
    for index, item in enumerate(groups):
        if count in reached:
            break
        size = len(item.members)
        for total in sorted(reached, reverse=True):
            after = total + size
            if after <= count and after not in reached:
                reached[after] = (index, total)
    chosen = []
    total = max(reached)
    while total:
        index, total = reached[total]
        chosen.append(groups[index])
    return chosen
