"""Decontamination: which prompts are too close to the prompts of a benchmark."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from corpusgen.dedup.embed import Encoder
from corpusgen.dedup.exact import normalise
from corpusgen.dedup.lexical import shingles
from corpusgen.dedup.semantic import MARGIN, near

if TYPE_CHECKING:
    from corpusgen.dedup.embed import Vectors

__all__ = ["Benchmarked", "Foreign"]


@dataclass(frozen=True)
class Benchmarked:
    """The prompts of a benchmark that was present."""

    name: str
    prompts: tuple[str, ...]


@dataclass(frozen=True)
class Foreign:
    """All benchmark prompts together, with their embeddings.

    Attributes:
        names: The benchmark of each prompt.
        prompts: The prompts.
        lexical: Jaccard index of word 3-grams from which a prompt is too close.
        vectors: Fast embeddings, shape (len(prompts), 384).
    """

    names: tuple[str, ...]
    prompts: tuple[str, ...]
    lexical: float
    vectors: Vectors

    @cached_property
    def _exact(self) -> dict[str, int]:
        return {normalise(text): position for position, text in enumerate(self.prompts)}

    @cached_property
    def _sets(self) -> list[frozenset[str]]:
        return [shingles(text) for text in self.prompts]

    @cached_property
    def _holders(self) -> dict[str, list[int]]:
        holders: dict[str, list[int]] = defaultdict(list)
        for position, held in enumerate(self._sets):
            for shingle in held:
                holders[shingle].append(position)
        return holders

    def by_words(self, texts: Sequence[str]) -> dict[int, tuple[int, float]]:
        """Returns, for each text that is an exact or lexical near-duplicate, the benchmark prompt and how alike."""
        found: dict[int, tuple[int, float]] = {}
        for index, text in enumerate(texts):
            if (position := self._exact.get(normalise(text))) is not None:
                found[index] = (position, 1.0)
                continue
            own = shingles(text)
            for position in sorted({held for shingle in own for held in self._holders.get(shingle, ())}):
                theirs = self._sets[position]
                together = len(own & theirs)
                jaccard = round(together / (len(own) + len(theirs) - together), 4)
                if jaccard >= self.lexical and jaccard > found.get(index, (0, 0.0))[1]:
                    found[index] = (position, jaccard)
        return found

    def by_meaning(
        self, texts: Sequence[str], vectors: Vectors, threshold: float, encoder: Encoder
    ) -> dict[int, tuple[int, float]]:
        """Returns, for each text at or above a cosine, the benchmark prompt and the cosine, in single precision."""
        candidates = sorted((query, position) for query, position, _ in near(vectors, self.vectors, threshold - MARGIN))
        if not candidates:
            return {}
        ours = encoder.encode([texts[query] for query, _ in candidates], precise=True).astype("float64")
        theirs = encoder.encode([self.prompts[position] for _, position in candidates], precise=True).astype("float64")
        found: dict[int, tuple[int, float]] = {}
        for row, (query, position) in enumerate(candidates):
            cosine = round(float(ours[row] @ theirs[row]), 4)
            if cosine >= threshold and cosine > found.get(query, (0, 0.0))[1]:
                found[query] = (position, cosine)
        return found
