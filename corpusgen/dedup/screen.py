"""Screening a round of newcomers: against each other, against what is accepted, and against benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from corpusgen.checks.gate import Pair
from corpusgen.checks.text import without_resources, words
from corpusgen.dedup.clusters import resolve
from corpusgen.dedup.edges import Edge
from corpusgen.dedup.embed import DIMENSIONS, Encoder
from corpusgen.dedup.exact import ExactIndex
from corpusgen.dedup.foreign import Benchmarked, Foreign
from corpusgen.dedup.lexical import LexicalIndex
from corpusgen.dedup.overlap import OverlapIndex
from corpusgen.dedup.semantic import semantic_edges
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


class Screen:
    """Keeps what is accepted, and says which newcomers are too close to it, to each other, or to a benchmark.

    Exact duplicates go whatever the mode; near-duplicate prompts only within a response mode; responses that share
    more than the allowed part of their 5-word sequences (resources aside) go whatever the mode.
    """

    def __init__(
        self, settings: Dedup, registry: Registry, encoder: Encoder, benchmarks: Sequence[Benchmarked] = ()
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.encoder = encoder
        self.benchmarks = benchmarks
        self.accepted: list[Pair] = []
        self._vectors: Vectors = _no_vectors()
        self._exact_prompts = ExactIndex()
        self._exact_responses = ExactIndex()
        self._lexical = LexicalIndex(settings.lexical)
        self._overlap = OverlapIndex(settings.response_overlap, self._words)
        self._foreign: Foreign | None = None

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
        self._exact_prompts.accept([pair.prompt for pair in pairs])
        self._exact_responses.accept([pair.response for pair in pairs])
        self._lexical.accept([pair.prompt for pair in pairs])
        self._overlap.accept([pair.response for pair in pairs])

    def too_alike(self, pair: Pair) -> Duplicate | None:
        """Returns the accepted pair whose response a corrected one shares too much with, if there is one.

        What the corrected pair said before does not count.
        """
        found = [*self._exact_responses.edges([pair.response]), *self._overlap.edges([pair.response])]
        for edge in found:
            other = self.accepted[edge.first]
            if other.id != pair.id:
                return Duplicate(pair.id, other.id, "response", edge.similarity, other.response)
        return None

    def _words(self, response: str) -> tuple[str, ...]:
        return words(" ".join(without_resources(response, self.registry)))

    def _edges(self, pairs: Sequence[Pair], vectors: Vectors) -> list[Edge]:
        import numpy as np

        start = len(self.accepted)
        prompts = [pair.prompt for pair in pairs]
        edges = self._exact_prompts.edges(prompts[start:])
        edges += self._exact_responses.edges([pair.response for pair in pairs[start:]])
        alike = self._lexical.edges(prompts[start:])
        all_vectors = np.concatenate([self._vectors, vectors])

        def same_mode(first: int, second: int) -> bool:
            return pairs[first].response_mode == pairs[second].response_mode

        edges += [edge for edge in alike if same_mode(edge.first, edge.second)]
        edges += semantic_edges(prompts, all_vectors, self.settings.semantic, self.encoder, start, same_mode)
        edges += self._overlap.edges([pair.response for pair in pairs[start:]])
        return edges

    def _near_benchmarks(self, newcomers: Sequence[Pair], vectors: Vectors) -> list[Duplicate]:
        prompts = [text for benchmark in self.benchmarks for text in benchmark.prompts]
        if not prompts or not newcomers:
            return []
        if self._foreign is None:
            names = tuple(benchmark.name for benchmark in self.benchmarks for _ in benchmark.prompts)
            self._foreign = Foreign(names, tuple(prompts), self.settings.lexical, self.encoder.encode(prompts))
        found: dict[str, Duplicate] = {}
        for index, (position, similarity) in self._foreign.by_words([pair.prompt for pair in newcomers]).items():
            found[newcomers[index].id] = self._near(newcomers[index], position, similarity)
        for index, (position, similarity) in self._foreign.by_meaning(
            [pair.prompt for pair in newcomers], vectors, self.settings.semantic, self.encoder
        ).items():
            found.setdefault(newcomers[index].id, self._near(newcomers[index], position, similarity))
        return list(found.values())

    def _near(self, pair: Pair, position: int, similarity: float) -> Duplicate:
        assert self._foreign is not None
        return Duplicate(
            pair.id, self._foreign.names[position], "benchmark", similarity, self._foreign.prompts[position]
        )


def _no_vectors() -> Vectors:
    import numpy as np

    return np.zeros((0, DIMENSIONS), dtype=np.float32)
