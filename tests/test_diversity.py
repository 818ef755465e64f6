"""Measures of diversity against their definitions, worked out the slow way."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusgen.diversity import (
    compression_ratio,
    distinct,
    median_words,
    sample,
    self_bleu,
    self_repetition,
    vendi,
)

texts = st.lists(st.lists(st.sampled_from(["sun", "rain", "wind"]), max_size=9).map(" ".join), max_size=6)


def naive_self_bleu(corpus: list[str]) -> float:
    """BLEU-4 of each text with all others as references: clipped precisions, zero counts as 0.1, no brevity penalty."""
    scores = []
    for index, text in enumerate(corpus):
        references = [other.split() for place, other in enumerate(corpus) if place != index]
        product = 1.0
        for size in (1, 2, 3, 4):
            own = Counter(runs(text.split(), size))
            matched = 0
            for run, count in own.items():
                most = max((runs(reference, size).count(run) for reference in references), default=0)
                matched += min(count, most)
            product *= (matched or 0.1) / max(1, sum(own.values()))
        scores.append(product**0.25)
    return sum(scores) / len(scores) if scores else 0.0


def runs(tokens: list[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(tokens[at : at + size]) for at in range(len(tokens) - size + 1)]


@given(texts)
def test_self_bleu_is_what_its_definition_says(corpus: list[str]) -> None:
    assert self_bleu(corpus) == pytest.approx(naive_self_bleu(corpus))


def test_self_bleu_of_equal_texts_is_one_and_of_unlike_ones_small() -> None:
    assert self_bleu(["a b c d e"] * 3) == pytest.approx(1)
    assert self_bleu(["a b c d e", "f g h i j"]) == pytest.approx((0.1 / 5 * 0.1 / 4 * 0.1 / 3 * 0.1 / 2) ** 0.25)
    assert self_bleu([]) == 0


def test_distinct_counts_runs_over_all_texts_together() -> None:
    # a b, b a, a b; b a: four runs, two of them distinct
    assert distinct(["a b a b", "b a"], 2) == pytest.approx(2 / 4)
    assert distinct(["a b a b", "b a"], 1) == pytest.approx(2 / 6)
    # a run does not cross from one text into the next
    assert distinct(["a b", "c d"], 2) == 1
    assert distinct([], 2) == 0


@given(st.integers(1, 20))
def test_vendi_of_identical_vectors_is_one(count: int) -> None:
    vector = np.array([[0.6, 0.8, 0.0]], dtype=np.float32)
    assert vendi(np.repeat(vector, count, axis=0)) == pytest.approx(1, abs=1e-4)


@given(st.integers(1, 20))
def test_vendi_of_orthogonal_vectors_is_their_number(count: int) -> None:
    assert vendi(np.eye(count, dtype=np.float32)) == pytest.approx(count, rel=1e-4)


def test_vendi_of_two_groups_of_one_size_is_two() -> None:
    assert vendi(np.repeat(np.eye(2, dtype=np.float32), 5, axis=0)) == pytest.approx(2, rel=1e-4)


def test_repetition_within_and_across_texts() -> None:
    shared = "one two three four"
    assert self_repetition([f"{shared} five", f"zero {shared}"]) == pytest.approx(math.log(2))
    # a run that one text alone repeats is not shared
    assert self_repetition([f"{shared} {shared}", "nothing of the kind here"]) == 0
    varied = " ".join(f"w{number * number}" for number in range(400))
    assert compression_ratio(["again and again"] * 100) > 4 * compression_ratio([varied])


@given(st.integers(0, 60), st.integers(0, 1000), st.integers(1, 30))
def test_a_sample_is_sorted_distinct_and_the_same_each_time(count: int, seed: int, size: int) -> None:
    drawn = sample(count, seed, size)
    assert drawn == sorted(set(drawn))
    assert len(drawn) == min(size, count)
    assert set(drawn) <= set(range(count))
    assert drawn == sample(count, seed, size)


def test_samples_of_two_seeds_differ() -> None:
    assert sample(1000, 1, 50) != sample(1000, 2, 50)


def test_median_words() -> None:
    assert median_words(["one", "one two", "one two three four"]) == 2
    assert median_words([]) == 0
