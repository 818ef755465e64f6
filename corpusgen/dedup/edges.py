"""An edge says that two texts are too alike, by which measure and by how much."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["Edge", "EdgeKind"]

EdgeKind = Literal["exact", "lexical", "semantic", "response", "benchmark"]


class Edge(NamedTuple):
    """Two positions with ``first < second``.

    ``similarity`` is 1 for exact duplicates, the Jaccard index of word 3-grams for lexical ones, the cosine for
    semantic ones, and the shared part of the smaller set of 5-word sequences for responses; rounded to 4 places.
    """

    first: int
    second: int
    kind: EdgeKind
    similarity: float
