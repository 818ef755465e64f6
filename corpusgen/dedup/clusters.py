"""From edges to survivors: clusters by union-find, one survivor each, evidence for every removal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from corpusgen.dedup.edges import Edge

__all__ = ["Removal", "clusters", "resolve"]


class Removal(NamedTuple):
    """A text that was removed, the survivor of its cluster, and the nearest edge that put it there."""

    removed: int
    kept: int
    kind: str
    similarity: float
    neighbour: int


def clusters(count: int, edges: Iterable[Edge]) -> list[list[int]]:
    """Returns the connected groups of two or more positions, each sorted, by union-find."""
    parent = list(range(count))

    def find(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for edge in edges:
        first, second = find(edge.first), find(edge.second)
        if first != second:
            parent[max(first, second)] = min(first, second)
    groups: dict[int, list[int]] = defaultdict(list)
    for item in range(count):
        groups[find(item)].append(item)
    return [group for group in groups.values() if len(group) > 1]


def resolve(
    count: int, edges: Sequence[Edge], protected: int = 0, rank: Callable[[int], tuple[object, ...]] | None = None
) -> list[Removal]:
    """Decides who survives.

    Args:
        count: How many texts there are.
        edges: Which are too alike.
        protected: Texts before this position are accepted already and always survive.
        rank: Among the rest of a cluster the one of lowest rank survives, unless an accepted one does; by default
            the earliest.

    Returns:
        One removal for each text that does not survive: every cluster keeps exactly one, or all of its accepted ones.
    """
    by_item: dict[int, list[Edge]] = defaultdict(list)
    for edge in edges:
        by_item[edge.first].append(edge)
        by_item[edge.second].append(edge)
    order: Callable[[int], Any] = rank or (lambda item: item)
    removals = []
    for group in clusters(count, edges):
        survivors = [item for item in group if item < protected] or [min(group, key=order)]
        alive = set(survivors)
        for item in group:
            if item in alive:
                continue
            nearest = max(by_item[item], key=lambda edge: (_other(edge, item) in alive, edge.similarity, -edge.first))
            neighbour = _other(nearest, item)
            kept = neighbour if neighbour in alive else survivors[0]
            removals.append(Removal(item, kept, nearest.kind, nearest.similarity, neighbour))
    return sorted(removals)


def _other(edge: Edge, item: int) -> int:
    return edge.second if edge.first == item else edge.first
