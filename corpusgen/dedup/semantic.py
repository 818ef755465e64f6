"""Semantic near-duplicates: exact inner-product search over embeddings (FAISS), decided in single precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from corpusgen.dedup.edges import Edge
from corpusgen.dedup.embed import Encoder

if TYPE_CHECKING:
    from corpusgen.dedup.embed import Vectors

__all__ = ["near", "semantic_edges"]

MARGIN = 0.01
"""Cosines of fast embeddings were measured within 0.008 of precise ones; candidates are taken this much below."""

QUERY_ROWS = 4096


def near(queries: Vectors, index: Vectors, threshold: float) -> Iterator[tuple[int, int, float]]:
    """Yields (query, position, cosine) for every pair at or above a cosine, by exact search.

    Args:
        queries: Unit vectors, shape (n, d).
        index: Unit vectors, shape (m, d).
        threshold: Least cosine.
    """
    import faiss

    if not len(queries) or not len(index):
        return
    flat = faiss.IndexFlatIP(index.shape[1])
    flat.add(index)
    for start in range(0, len(queries), QUERY_ROWS):
        # range_search keeps what is above the radius, so the radius lies a hair below
        limits, scores, positions = flat.range_search(queries[start : start + QUERY_ROWS], threshold - 1e-6)
        for row in range(len(limits) - 1):
            for place in range(int(limits[row]), int(limits[row + 1])):
                yield start + row, int(positions[place]), float(scores[place])


def semantic_edges(
    texts: Sequence[str],
    vectors: Vectors,
    threshold: float,
    encoder: Encoder,
    start: int = 0,
    comparable: Callable[[int, int], bool] | None = None,
) -> list[Edge]:
    """Returns an edge for each pair of texts at or above a cosine.

    Args:
        texts: All texts.
        vectors: Their fast embeddings, shape (len(texts), d).
        threshold: Cosine from which two texts are near-duplicates, compared after rounding to 4 places.
        encoder: Embeds the candidates again in single precision, which decides.
        start: Pairs among the texts before this position are not looked for.
        comparable: Which pairs count at all; every pair by default.
    """
    import numpy as np

    candidates = sorted(
        {
            (min(start + query, other), max(start + query, other))
            for query, other, _ in near(vectors[start:], vectors, threshold - MARGIN)
            if start + query != other
            and (comparable is None or comparable(min(start + query, other), max(start + query, other)))
        }
    )
    if not candidates:
        return []
    involved = sorted({position for pair in candidates for position in pair})
    precise = encoder.encode([texts[position] for position in involved], precise=True).astype(np.float64)
    place = {position: row for row, position in enumerate(involved)}
    edges = []
    for first, second in candidates:
        cosine = round(float(precise[place[first]] @ precise[place[second]]), 4)
        if cosine >= threshold:
            edges.append(Edge(first, second, "semantic", cosine))
    return edges
