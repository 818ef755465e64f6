"""Coefficients against published worked examples, and the fast forms against the libraries."""

import math

import numpy as np
import pytest

from corpusgen.review.agreement import statistics

MISSING = -1

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability": four observers, twelve units, values 1 to 5.
# Gwet uses the same matrix for AC1 (Gwet, 2008; cac.raw4raters of his R package irrCAC).
FOUR_OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, MISSING, MISSING, MISSING),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, MISSING, 3),
    (MISSING, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, MISSING),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, MISSING),
)

# distrib.6raters of irrCAC: six psychiatrists, fifteen patients, five diagnoses.
SIX_PSYCHIATRISTS = np.array(
    [
        [0, 0, 0, 6, 0],
        [0, 3, 0, 0, 3],
        [0, 1, 4, 0, 1],
        [0, 0, 0, 0, 6],
        [0, 3, 0, 3, 0],
        [2, 0, 4, 0, 0],
        [0, 0, 4, 0, 2],
        [2, 0, 3, 1, 0],
        [2, 0, 0, 4, 0],
        [0, 0, 0, 0, 6],
        [1, 0, 0, 5, 0],
        [1, 1, 0, 4, 0],
        [0, 3, 3, 0, 0],
        [1, 0, 0, 5, 0],
        [0, 2, 0, 3, 1],
    ]
)

# cont3x3abstractors of irrCAC: two abstractors, a hundred patients, three kinds of pregnancy (Gwet, 2014).
TWO_ABSTRACTORS = np.array([[13, 0, 0], [0, 20, 7], [0, 4, 56]])


def counts_of(observers: tuple[tuple[int, ...], ...], values: int = 5) -> np.ndarray:
    data = np.array(observers).T
    return np.stack([(data == value).sum(axis=1) for value in range(1, values + 1)], axis=1)


def pairs_of(table: np.ndarray) -> np.ndarray:
    return np.array([cell for cell in np.ndindex(table.shape) for _ in range(table[cell])])


def counts_of_pairs(pairs: np.ndarray, values: int) -> np.ndarray:
    return np.eye(values, dtype=np.int64)[pairs].sum(axis=1)


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815)])
def test_alpha_is_what_krippendorff_published(level, published):
    assert statistics.alpha(counts_of(FOUR_OBSERVERS), level) == pytest.approx(published, abs=5e-4)


def test_alpha_of_six_psychiatrists():
    # README of irrCAC (K. Gwet): krippen.alpha.dist(distrib.6raters)
    assert statistics.alpha(SIX_PSYCHIATRISTS, "nominal") == pytest.approx(0.4204384, abs=5e-8)


@pytest.mark.parametrize(
    ("counts", "published"),
    [
        # README of irrCAC (K. Gwet): gwet.ac1.raw, gwet.ac1.dist and gwet.ac1.table of the three data sets
        (counts_of(FOUR_OBSERVERS), 0.77544),
        (SIX_PSYCHIATRISTS, 0.4448007),
        (counts_of_pairs(pairs_of(TWO_ABSTRACTORS), 3), 0.8493305),
    ],
)
def test_ac1_is_what_gwet_published(counts, published):
    assert statistics.gwet(counts, np.eye(counts.shape[1])) == pytest.approx(published, abs=5e-6)


def test_quadratic_weights_are_those_of_gwets_vignette():
    # irrCAC, vignette "Weighted Chance-corrected Agreement Coefficients": quadratic.weights(1:3)
    assert statistics.weights(3, "ordinal").tolist() == [[1, 0.75, 0], [0.75, 1, 0.75], [0, 0.75, 1]]


def test_ac2_by_hand():
    # Observed: README of irrCAC prints 0.89; the other 11 of 100 are one step apart, of quadratic weight 0.75.
    # Chance: from the printed AC1, times the sum of the weights, 6 in place of 3.
    counts = counts_of_pairs(pairs_of(TWO_ABSTRACTORS), 3)
    chance = 6 / 3 * (0.89 - 0.8493305) / (1 - 0.8493305)
    expected = (0.89 + 0.11 * 0.75 - chance) / (1 - chance)
    assert statistics.gwet(counts, statistics.weights(3, "ordinal")) == pytest.approx(expected, abs=1e-6)


def test_weighted_kappa_is_what_gwets_manual_prints():
    # irrCAC manual, kappa2.table(cont3x3abstractors, weights = quadratic.weights(1:q))
    assert statistics.kappa(pairs_of(TWO_ABSTRACTORS), 3) == pytest.approx(0.8921569, abs=5e-8)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_is_what_newcombe_tabled(right, total, low, high):
    # Newcombe (1998), Statistics in Medicine 17: 857-872, Table I, method 3
    found = statistics.wilson(right, total)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_no_answer_has_no_share():
    assert statistics.wilson(0, 0) == statistics.Proportion(0, 0, None, None, None)


@pytest.mark.parametrize("seed", range(5))
def test_the_fast_forms_equal_the_libraries(seed):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 5, 60)
    pairs = np.clip(truth[:, None] + generator.integers(-1, 2, (60, 2)), 0, 4)
    counts = counts_of_pairs(pairs, 5)
    counts[np.arange(20), generator.integers(0, 5, 20)] += 1  # a third reader
    draws = statistics.resample(60, 7, (seed,))
    for at, times in enumerate(draws.astype(int)):
        chosen = np.repeat(np.arange(60), times)
        for level in ("nominal", "ordinal"):
            slow = statistics.alpha(counts[chosen], level)
            assert statistics.alpha_of(draws, counts, level)[at] == pytest.approx(slow, abs=1e-9)
        slow = statistics.kappa(pairs[chosen], 5)
        assert statistics.kappa_of(draws, pairs, 5)[at] == pytest.approx(slow, abs=1e-9)
        slow = statistics.gwet(counts[chosen], statistics.weights(5, "ordinal"))
        assert statistics.gwet_of(draws, counts, statistics.weights(5, "ordinal"))[at] == pytest.approx(slow, abs=1e-9)


def test_undefined_is_null_with_its_reason_and_never_a_number():
    counts, pairs = np.tile([2, 0, 0], (40, 1)), np.zeros((40, 2), dtype=np.int64)
    assert math.isnan(statistics.alpha(counts, "nominal"))
    assert math.isnan(statistics.kappa(pairs, 3))
    draws = statistics.resample(40, 100, (0,))
    figure = statistics.figure(float("nan"), statistics.alpha_of(draws, counts, "nominal"), 40)
    assert (figure.value, figure.low, figure.high) == (None, None, None)
    assert "all answers are the same" in figure.reason


def test_few_records_and_full_agreement_have_no_interval():
    draws = statistics.resample(5, 100, (0,))
    few = statistics.figure(0.5, statistics.mean_of(draws, np.array([0.0, 1, 0, 1, 0.5])), 5)
    assert few.value == 0.5
    assert few.low is None
    assert "fewer than 10" in few.reason
    draws = statistics.resample(50, 100, (0,))
    full = statistics.figure(1.0, statistics.mean_of(draws, np.ones(50)), 50)
    assert full.value == 1.0
    assert full.low is None
    assert "every resample" in full.reason


def test_an_interval_holds_the_mean_about_as_often_as_it_says():
    """Coverage of the percentile interval of a mean of 100 records over 300 samples."""
    generator, held = np.random.default_rng(5), 0
    for trial in range(300):
        values = generator.normal(0.3, 1.0, 100)
        found = statistics.figure(
            values.mean(), statistics.mean_of(statistics.resample(100, 400, (trial,)), values), 100
        )
        held += found.low <= 0.3 <= found.high
    assert 0.90 <= held / 300 <= 0.99
