"""Splitting: groups stay whole, validation and test hold equally many pairs of each domain."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from corpusgen.dedup.clusters import clusters
from corpusgen.dedup.edges import Edge
from corpusgen.errors import Unmet
from corpusgen.plan import Cell, apportion, stable_hash
from corpusgen.recipe import Splits
from corpusgen.schema import Split

__all__ = ["assign", "group"]


class _Group(NamedTuple):
    key: str
    members: tuple[int, ...]
    domains: tuple[str, ...]


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


def assign(cells: Sequence[Cell], near: Sequence[Edge], settings: Splits, seed: int) -> list[str]:
    """Returns the split of each cell, in order.

    Validation and test are filled domain by domain with whole groups, so that their modes follow the domain's; the
    last places are filled by an exact search over group sizes.

    Raises:
        Unmet: Whole groups cannot make the exact counts.
    """
    by_domain: dict[str, list[_Group]] = defaultdict(list)
    for members in group(cells, near):
        domains = tuple(sorted({cells[position].domain for position in members}))
        key = stable_hash(seed, "split", *sorted(cells[position].cell_id for position in members))
        by_domain[domains[0]].append(_Group(key, tuple(members), domains))
    splits = [str(Split.TRAIN)] * len(cells)
    present = dict.fromkeys(sorted({cell.domain for cell in cells}), 1.0)
    for name, total in ((Split.VALIDATION, settings.validation), (Split.TEST, settings.test)):
        for domain, count in apportion(total, present).items():
            free = [item for item in by_domain[domain] if splits[item.members[0]] == Split.TRAIN]
            for item in _choose(free, count, cells, domain, str(name)):
                for position in item.members:
                    splits[position] = str(name)
    return splits


def _choose(groups: Sequence[_Group], count: int, cells: Sequence[Cell], domain: str, split: str) -> list[_Group]:
    """Chooses whole groups of one domain that hold exactly ``count`` cells and whose modes follow the domain's."""
    usable = sorted(item for item in groups if item.domains == (domain,) and len(item.members) <= count)
    modes = Counter(cell.response_mode for cell in cells if cell.domain == domain)
    wanted = {mode: count * number / sum(modes.values()) for mode, number in modes.items()}
    chosen: list[_Group] = []
    have: Counter[str] = Counter()
    # greedy on the modes while there is room for the largest groups, then an exact fit
    margin = 3 * max((len(item.members) for item in usable), default=0)
    remaining = list(usable)
    while remaining and count - sum(have.values()) > margin:
        best = min(remaining, key=lambda item: (_distance(have, item, cells, wanted), item.key))
        remaining.remove(best)
        chosen.append(best)
        have.update(cells[position].response_mode for position in best.members)
    rest = _exact_fit(remaining, count - sum(have.values()))
    if rest is None:
        rest = _exact_fit(usable, count)
        chosen = []
    if rest is None:
        what = f"{split} wants {count} pairs of {domain}, and its whole groups cannot make that number"
        raise Unmet(what, do="change the counts under 'split', or add situations to the domain")
    return chosen + rest


def _distance(have: Mapping[str, int], item: _Group, cells: Sequence[Cell], wanted: Mapping[str, float]) -> float:
    after = Counter(have)
    after.update(cells[position].response_mode for position in item.members)
    over = sum(max(0.0, after[mode] - wanted.get(mode, 0.0)) for mode in after)
    return round(over / len(item.members), 9)


def _exact_fit(groups: Sequence[_Group], count: int) -> list[_Group] | None:
    """Returns groups whose sizes sum to ``count`` exactly (subset sum, first groups preferred), or None."""
    reached: dict[int, tuple[int, int]] = {0: (-1, 0)}
    for index, item in enumerate(groups):
        if count in reached:
            break
        size = len(item.members)
        for total in sorted(reached, reverse=True):
            after = total + size
            if after <= count and after not in reached:
                reached[after] = (index, total)
    if count not in reached:
        return None
    chosen = []
    total = count
    while total:
        index, total = reached[total]
        chosen.append(groups[index])
    return chosen
