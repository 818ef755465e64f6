"""Screening a round of newcomers: against each other, against what is accepted, and against benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from corpusgen.checks.gate import Pair
from corpusgen.checks.text import without_resources, words
from corpusgen.dedup.clusters import resolve
from corpusgen.dedup.edges import Edge
from corpusgen.dedup.embed import DIMENSIONS, Encoder
from corpusgen.dedup.exact import exact_edges, normalise
from corpusgen.dedup.lexical import LexicalIndex, shingles
from corpusgen.dedup.semantic import MARGIN, near, semantic_edges
from corpusgen.recipe import Dedup
from corpusgen.resources import Registry

if TYPE_CHECKING:
    from corpusgen.dedup.embed import Vectors

__all__ = ["Duplicate", "Screen"]


class Duplicate(NamedTuple):
    """Why a newcomer is removed: what survives in its place, by which measure and how alike."""

    id: str
    kept: str
    kind: str
    similarity: float
    text: str
    """The text that it is too close to."""


@dataclass(frozen=True)
class Benchmarked:
    """The prompts of a benchmark that was present."""

    name: str
    prompts: tuple[str, ...]


class Screen:
    """Keeps what is accepted, and says which newcomers are too close to it, to each other, or to a benchmark.

    Exact duplicates go whatever the mode; near-duplicate prompts only within a response mode; responses that share
    more than the allowed part of their 5-word sequences (resources aside) go whatever the mode.
    """

    def __init__(
        self, settings: Dedup, registry: Registry, encoder: Encoder, benchmarks: Sequence[Benchmarked] = ()
    ) -> None:
        from corpusgen.dedup.overlap import OverlapIndex

        self.settings = settings
        self.registry = registry
        self.encoder = encoder
        self.benchmarks = benchmarks
        self.accepted: list[Pair] = []
        self._vectors: Vectors = _no_vectors()
        self._lexical = LexicalIndex(settings.lexical)
        self._overlap = OverlapIndex(settings.response_overlap)
        self._benchmark_vectors: Vectors | None = None

    def duplicates(self, newcomers: Sequence[Pair], vectors: Vectors) -> list[Duplicate]:
        """Returns the newcomers to remove, each with its evidence.

        Args:
            newcomers: In order of preference: of a cluster without an accepted pair the first survives.
            vectors: Their prompts' embeddings, shape (len(newcomers), 384).
        """
        foreign = self._near_benchmarks(newcomers, vectors)
        blocked = {duplicate.id for duplicate in foreign}
        kept = [index for index, pair in enumerate(newcomers) if pair.id not in blocked]
        pairs = [*self.accepted, *(newcomers[index] for index in kept)]
        removals = resolve(len(pairs), self._edges(pairs, vectors[kept]), protected=len(self.accepted))
        found = [
            Duplicate(
                id=pairs[item.removed].id,
                kept=pairs[item.kept].id,
                kind=item.kind,
                similarity=item.similarity,
                text=pairs[item.neighbour].response if item.kind == "response" else pairs[item.neighbour].prompt,
            )
            for item in removals
        ]
        return [*foreign, *found]

    def accept(self, pairs: Sequence[Pair], vectors: Vectors) -> None:
        """Adds pairs to the accepted ones."""
        import numpy as np

        self.accepted.extend(pairs)
        self._vectors = np.concatenate([self._vectors, vectors])
        self._lexical.accept([pair.prompt for pair in pairs])
        self._overlap.accept([self._words(pair) for pair in pairs])

    def _words(self, pair: Pair) -> tuple[str, ...]:
        return words(" ".join(without_resources(pair.response, self.registry)))

    def _edges(self, pairs: Sequence[Pair], vectors: Vectors) -> list[Edge]:
        import numpy as np

        start = len(self.accepted)
        prompts = [pair.prompt for pair in pairs]
        edges = [edge for edge in exact_edges(prompts) if edge.second >= start]
        edges += [edge for edge in exact_edges([pair.response for pair in pairs]) if edge.second >= start]
        alike = self._lexical.edges(prompts[start:])
        all_vectors = np.concatenate([self._vectors, vectors])
        alike += semantic_edges(prompts, all_vectors, self.settings.semantic, self.encoder, start)
        edges += [edge for edge in alike if pairs[edge.first].response_mode == pairs[edge.second].response_mode]
        edges += self._overlap.edges([self._words(pair) for pair in pairs[start:]])
        return edges

    def _near_benchmarks(self, newcomers: Sequence[Pair], vectors: Vectors) -> list[Duplicate]:
        prompts = [text for benchmark in self.benchmarks for text in benchmark.prompts]
        if not prompts or not newcomers:
            return []
        names = [benchmark.name for benchmark in self.benchmarks for _ in benchmark.prompts]
        if self._benchmark_vectors is None:
            self._benchmark_vectors = self.encoder.encode(prompts)
        found: dict[str, Duplicate] = {}

        def add(pair: Pair, position: int, similarity: float) -> None:
            found.setdefault(pair.id, Duplicate(pair.id, names[position], "benchmark", similarity, prompts[position]))

        exact = {normalise(text): position for position, text in enumerate(prompts)}
        sets = [shingles(text) for text in prompts]
        holders: dict[str, set[int]] = {}
        for position, held in enumerate(sets):
            for shingle in held:
                holders.setdefault(shingle, set()).add(position)
        for pair in newcomers:
            if (position := exact.get(normalise(pair.prompt))) is not None:
                add(pair, position, 1.0)
                continue
            own = shingles(pair.prompt)
            for position in sorted(set().union(*(holders.get(shingle, set()) for shingle in own))):
                together = len(own & sets[position])
                jaccard = round(together / (len(own) + len(sets[position]) - together), 4)
                if jaccard >= self.settings.lexical:
                    add(pair, position, jaccard)
        self._semantic_benchmarks(newcomers, vectors, prompts, add)
        return list(found.values())

    def _semantic_benchmarks(self, newcomers: Sequence[Pair], vectors: Vectors, prompts: list[str], add: object) -> None:
        assert callable(add)
        assert self._benchmark_vectors is not None
        candidates = sorted(
            (query, position)
            for query, position, _ in near(vectors, self._benchmark_vectors, self.settings.semantic - MARGIN)
        )
        if not candidates:
            return
        texts = [newcomers[query].prompt for query, _ in candidates]
        ours = self.encoder.encode(texts, precise=True)
        theirs = self.encoder.encode([prompts[position] for _, position in candidates], precise=True)
        for row, (query, position) in enumerate(candidates):
            cosine = round(float(ours[row].astype("float64") @ theirs[row].astype("float64")), 4)
            if cosine >= self.settings.semantic:
                add(newcomers[query], position, cosine)


def _no_vectors() -> Vectors:
    import numpy as np

    return np.zeros((0, DIMENSIONS), dtype=np.float32)
