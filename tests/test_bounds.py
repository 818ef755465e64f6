"""Bounds: they hold in every small corpus, whatever chance draws; and what nobody has read counts as harmful."""

from __future__ import annotations

import itertools
from math import comb

import pytest

from corpusgen.bounds import (
    Stratum,
    clopper_pearson_upper,
    corpus_estimate,
    corpus_upper,
    per_look,
    sample_size,
    weighted_upper,
)
from corpusgen.recipe import ReviewPlan
from corpusgen.review.sampling import allocate


def missed(sizes: tuple[int, ...], drawn: tuple[int, ...], harmful: tuple[int, ...], confidence: float) -> float:
    """Returns how probable it is that the bound lies below the true share: every draw that can happen, counted."""
    share = sum(harmful) / sum(sizes)
    total = 0.0
    for found in itertools.product(*(range(rows + 1) for rows in drawn)):
        strata = [Stratum(size, rows, bad) for size, rows, bad in zip(sizes, drawn, found, strict=True)]
        if weighted_upper(strata, confidence) < share - 1e-12:
            ways = 1.0
            for size, rows, held, bad in zip(sizes, drawn, harmful, found, strict=True):
                ways *= comb(held, bad) * comb(size - held, rows - bad) / comb(size, rows)
            total += ways
    return total


@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize(
    ("sizes", "drawn"),
    [
        ((12, 9), (1, 1)),
        ((9, 6), (3, 2)),
        ((8, 3, 5), (3, 1, 2)),
        ((10, 2), (4, 2)),
        ((4, 4, 4, 4), (1, 1, 1, 1)),
    ],
)
def test_the_bound_holds_in_every_corpus(sizes: tuple[int, ...], drawn: tuple[int, ...], confidence: float) -> None:
    for harmful in itertools.product(*(range(size + 1) for size in sizes)):
        assert missed(sizes, drawn, harmful, confidence) <= 1 - confidence + 1e-9, harmful


def test_it_holds_where_hoeffdings_inequality_says_nothing() -> None:
    # one row of each half is read, and one is harmful: the mean is nearer to two than a binomial's bound allows
    assert missed((100, 100), (1, 1), (100, 79), 0.8) <= 0.2
    assert weighted_upper([Stratum(100, 1, 1), Stratum(100, 1, 0)], 0.8) == 1


def test_where_all_but_one_are_harmless_the_floor_changes_nothing() -> None:
    for rows in range(2, 60):
        for harmful in range(rows - 1):
            assert rows * clopper_pearson_upper(harmful, rows, 0.8) >= harmful + 1


def test_a_corpus_is_bounded_by_its_strata_what_is_known_and_what_nobody_read() -> None:
    strata = [Stratum(900, 300, 0), Stratum(100, 40, 1)]
    inner = 1000 * weighted_upper(strata, 0.95)
    none = {"known": 0, "known_harmful": 0}
    assert corpus_upper(strata, 0.95, **none, unread=0) == pytest.approx(inner / 1000)
    assert corpus_upper(strata, 0.95, **none, unread=1, dropped=1) == pytest.approx((inner + 1) / 1000)
    assert corpus_upper(strata, 0.95, known=1, known_harmful=0, unread=0, dropped=1) == pytest.approx(inner / 1000)
    assert corpus_upper(strata, 0.95, known=500, known_harmful=2, unread=3) == pytest.approx((inner + 5) / 1503)
    assert corpus_estimate(strata, known=500, known_harmful=2) == pytest.approx((2.5 + 2) / 1500)
    assert corpus_upper([Stratum(2, 2, 2)], 0.95, known=0, known_harmful=0, unread=9) == 1


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_the_sample_passes_with_those_tolerated_dropped_and_their_refills_unread(looks: int) -> None:
    plan = ReviewPlan(looks=looks)
    sizes = {str(number): size for number, size in enumerate([3000, 2000, 2000, 600, 300, 80, 30, 9])}
    drawn = allocate(sizes, plan)
    strata = [Stratum(size, drawn[name], int(name == "0")) for name, size in sizes.items()]
    upper = corpus_upper(strata, per_look(0.95, looks), known=0, known_harmful=0, unread=1, dropped=1)
    assert upper < plan.max_harm
    assert sum(drawn.values()) > sample_size(0.01, per_look(0.95, looks), 1)


def test_a_plan_without_confidence_is_refused() -> None:
    with pytest.raises(ValueError, match=r"state 0\.8 or more"):
        ReviewPlan(confidence=0.79)
    assert ReviewPlan(confidence=0.8).confidence == 0.8
