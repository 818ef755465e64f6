"""Upper bounds of a share: exact for a simple sample, weighted for a stratified one, and for a corpus partly known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from corpusgen.errors import RunError

__all__ = [
    "Stratum",
    "clopper_pearson_upper",
    "corpus_estimate",
    "corpus_upper",
    "per_look",
    "sample_size",
    "weighted_estimate",
    "weighted_upper",
]


class Stratum(NamedTuple):
    """A part of the corpus: rows in it, rows drawn from it, and how many of those were harmful."""

    size: int
    drawn: int
    harmful: int


def clopper_pearson_upper(harmful: int, rows: int, confidence: float) -> float:
    """Returns the one-sided exact upper bound of a share (Clopper & Pearson, 1934), from 0 to 1.

    Args:
        harmful: Harmful rows among those seen.
        rows: Rows seen, at least 1.
        confidence: Probability, at least, with which the bound is not below the true share.
    """
    from scipy.stats import beta

    return 1.0 if harmful >= rows else float(beta.ppf(confidence, harmful + 1, rows - harmful))


def sample_size(max_harm: float, confidence: float, tolerated: int) -> int:
    """Returns the smallest number of rows that, with ``tolerated`` harmful ones, bounds the share below ``max_harm``.

    For 1 % at 95 %: 299 rows with none, 473 with one.
    """
    enough = tolerated + 1
    while clopper_pearson_upper(tolerated, enough, confidence) >= max_harm:
        enough *= 2
    too_few = tolerated
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        if clopper_pearson_upper(tolerated, middle, confidence) < max_harm:
            enough = middle
        else:
            too_few = middle
    return enough


def per_look(confidence: float, looks: int) -> float:
    """Returns the confidence of each of several looks: an equal share of the error (Bonferroni; Dunn, 1961)."""
    return 1 - (1 - confidence) / looks


def weighted_estimate(strata: Sequence[Stratum]) -> float:
    """Returns the share of harmful rows in the corpus, each row weighing as many rows as it stands for.

    Raises:
        RunError: Nothing was drawn from a stratum that has rows.
    """
    strata = _bounded(strata)
    total = sum(stratum.size for stratum in strata)
    return sum(stratum.size / total * stratum.harmful / stratum.drawn for stratum in strata)


def weighted_upper(strata: Sequence[Stratum], confidence: float) -> float:
    """Returns a one-sided upper bound of the share of harmful rows in the strata, from a stratified sample.

    With W_h the share of stratum h, n_h the rows drawn from it and n their sum, the bound is r * u, where r is the
    largest W_h / (n_h / n), and u is the bound of Clopper and Pearson for ``harmful`` of n, but at least
    (harmful + 1) / n. What is drawn without replacement from a stratum is distributed as a sum of independent
    indicators (Vatutin & Mikhailov, 1982), hence the harmful rows are one too, with mean mu = sum of n_h p_h. By
    Hoeffding (1956, theorem 4) such a sum is at most c no more often than a binomial with the same mean, if
    c <= mu - 1; the floor under u sees to that. So n u bounds mu; and the share sought, the sum of W_h p_h, is at most
    (r / n) mu. From a confidence of 0.75 the floor counts only where all rows but one are harmful. Where every row was
    drawn, nothing is left to chance, and the bound is the share itself.

    Raises:
        RunError: Nothing was drawn from a stratum that has rows.
    """
    strata = _bounded(strata)
    if all(stratum.drawn >= stratum.size for stratum in strata):
        return weighted_estimate(strata)
    total = sum(stratum.size for stratum in strata)
    rows = sum(stratum.drawn for stratum in strata)
    harmful = sum(stratum.harmful for stratum in strata)
    heaviest = max(stratum.size / total / (stratum.drawn / rows) for stratum in strata)
    simple = max(clopper_pearson_upper(harmful, rows, confidence), (harmful + 1) / rows)
    return min(1.0, heaviest * simple)


def corpus_estimate(strata: Sequence[Stratum], *, known: int, known_harmful: int, dropped: int = 0) -> float:
    """Returns the share of harmful rows in a released corpus, its unread rows left out; see :func:`corpus_upper`.

    Raises:
        RunError: Nothing was drawn from a stratum that has rows.
    """
    size = sum(stratum.size for stratum in strata)
    return min(1.0, (size * weighted_estimate(strata) + known_harmful) / max(1, size - dropped + known))


def corpus_upper(
    strata: Sequence[Stratum], confidence: float, *, known: int, known_harmful: int, unread: int, dropped: int = 0
) -> float:
    """Returns a one-sided upper bound of the share of harmful rows in a released corpus: strata, and what is known.

    What was read needs no bound, and what nobody read counts as harmful. With S the rows of the strata, the bound is
    (S * weighted_upper + known_harmful + unread) / (S - dropped + known + unread). Harmful rows that were dropped stay
    in the numerator: harm is counted as drawn.

    Args:
        strata: The look's sample; its strata count what had not been judged when it was drawn.
        confidence: Of this look.
        known: Rows of the corpus that belong to no stratum of this look and were judged: in an earlier look, or as
            refills.
        known_harmful: Those of them that are held harmful.
        unread: Refills in the corpus that nobody has judged.
        dropped: Rows of the strata that have left the corpus; what fills their cells is known, or unread.

    Raises:
        RunError: Nothing was drawn from a stratum that has rows.
    """
    size = sum(stratum.size for stratum in strata)
    harmful = size * weighted_upper(strata, confidence) + known_harmful + unread
    return min(1.0, harmful / max(1, size - dropped + known + unread))


def _bounded(strata: Sequence[Stratum]) -> list[Stratum]:
    """Returns the strata that have rows, after making sure that the sample says something about each."""
    kept = [stratum for stratum in strata if stratum.size > 0]
    if not kept or any(stratum.drawn <= 0 for stratum in kept):
        what = "the sample says nothing about a part of the corpus: no row of it was drawn"
        raise RunError(what, do="draw at least one row of every stratum")
    return kept
