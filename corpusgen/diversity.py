"""How unlike the texts of a corpus are: measures with their sources, on samples of a fixed size."""

from __future__ import annotations

import math
import random
import zlib
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from corpusgen.checks.text import words

if TYPE_CHECKING:
    from corpusgen.dedup.embed import Vectors

__all__ = [
    "SAMPLE",
    "compression_ratio",
    "distinct",
    "median_words",
    "sample",
    "self_bleu",
    "self_repetition",
    "vendi",
]

SAMPLE = 500
"""Texts a sample: every measure here depends on sample size, so that it is fixed."""


def sample(count: int, seed: int, size: int = SAMPLE) -> list[int]:
    """Returns ``size`` positions below ``count`` (all of them if there are fewer), drawn with a fixed seed, sorted."""
    return sorted(random.Random(seed).sample(range(count), min(size, count)))


def self_bleu(texts: Sequence[str], order: int = 4) -> float:
    """Returns Self-BLEU-4 (Zhu et al., 2018): each text scored against all others, averaged; higher is more alike.

    Lower-cased word tokens; geometric mean of the clipped 1- to 4-gram precisions, a zero count taken as 0.1, no
    brevity penalty.
    """
    tokens = [words(text) for text in texts]
    logs = [0.0] * len(tokens)
    for size in range(1, order + 1):
        counts = [Counter(found[at : at + size] for at in range(len(found) - size + 1)) for found in tokens]
        # the largest count of an n-gram among the *other* texts: the best, or the runner-up where the best is one's own
        best: dict[tuple[str, ...], tuple[int, int, int]] = {}
        for index, counter in enumerate(counts):
            for gram, count in counter.items():
                first, owner, second = best.get(gram, (0, -1, 0))
                if count > first:
                    best[gram] = (count, index, first)
                elif count > second:
                    best[gram] = (first, owner, count)
        for index, counter in enumerate(counts):
            total = sum(counter.values())
            matched = 0
            for gram, count in counter.items():
                first, owner, second = best[gram]
                matched += min(count, second if owner == index else first)
            logs[index] += math.log(max(matched, 0.1) / max(total, 1)) / order
    return sum(math.exp(value) for value in logs) / len(logs) if logs else 0.0


def distinct(texts: Sequence[str], order: int = 2) -> float:
    """Returns Distinct-n (Li et al., 2016): distinct n-grams divided by n-grams, over all texts together."""
    grams: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        found = words(text)
        grams.update(found[at : at + order] for at in range(len(found) - order + 1))
    return len(grams) / max(1, sum(grams.values()))


def compression_ratio(texts: Sequence[str]) -> float:
    """Returns the size of all texts divided by their DEFLATE size (Shaib et al., 2024); higher is more repetitive."""
    joined = "\n".join(texts).encode()
    return len(joined) / max(1, len(zlib.compress(joined, 9)))


def self_repetition(texts: Sequence[str], order: int = 4) -> float:
    """Returns the mean over texts of ln(1 + n-grams shared with another text) (Salkar et al., 2022)."""
    grams = [{found[at : at + order] for at in range(len(found) - order + 1)} for found in map(words, texts)]
    holders: Counter[tuple[str, ...]] = Counter()
    for own in grams:
        holders.update(own)
    shared = [sum(1 for gram in own if holders[gram] > 1) for own in grams]
    return sum(math.log1p(count) for count in shared) / max(1, len(shared))


def vendi(vectors: Vectors) -> float:
    """Returns the Vendi score (Friedman & Dieng, 2023) of unit vectors, shape (n, d): an effective number of texts."""
    import numpy as np

    kernel = (vectors @ vectors.T).astype(np.float64) / len(vectors)
    values = np.linalg.eigvalsh(kernel)
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))


def median_words(texts: Sequence[str]) -> float:
    """Returns the median number of words."""
    return float(median(len(words(text)) for text in texts)) if texts else 0.0
