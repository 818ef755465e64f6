"""How alike two vectors are, and which records are nearest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import numpy as np

__all__ = ["Near", "nearest"]


class Near(NamedTuple):
    """A record and its score."""

    record_id: UUID
    score: float


def nearest(
    query: Sequence[float],
    rows: Sequence[tuple[UUID, str]],
    *,
    most: int,
    opposite: bool,
    threshold: float | None = None,
) -> list[Near]:
    """Returns the records whose vectors are nearest to the query, the best first.

    The score is Elasticsearch's for cosine similarity, (1 + cos) / 2, from 0 to 1; the search is exact. A vector
    without direction (all zeros) is near to nothing.

    Args:
        query: The vector to compare with.
        rows: Record and vector (as JSON) in the order that decides between equals.
        most: The greatest number of records to return.
        opposite: Whether to look for the least similar, scored by the inverted vector.
        threshold: The lowest score to return.
    """
    wanted = np.asarray(query, dtype=np.float64)
    length = float(np.linalg.norm(wanted))
    if not rows or not np.isfinite(length) or length == 0.0:
        return []
    vectors = np.asarray([json.loads(value) for _, value in rows], dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1)
    usable = np.flatnonzero(np.isfinite(lengths) & (lengths > 0))
    cosine = (vectors[usable] @ wanted) / (lengths[usable] * length)
    scores = (1.0 + np.clip(-cosine if opposite else cosine, -1.0, 1.0)) / 2.0
    ranked = np.argsort(-scores, kind="stable")[:most]
    found = [Near(rows[usable[place]][0], float(scores[place])) for place in ranked]
    return [near for near in found if threshold is None or near.score >= threshold]
