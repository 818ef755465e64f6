"""How far people agree with each other about one question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from corpusgen.review.agreement import statistics
from corpusgen.review.agreement.readings import Answers, compared
from corpusgen.review.agreement.statistics import Figure, figure
from corpusgen.review.questions import QUESTIONS, Question

if TYPE_CHECKING:
    from corpusgen.review.agreement.statistics import Counts

__all__ = ["DOMINANT", "Coefficients", "KindsAgreement", "QuestionAgreement", "coefficients", "kinds", "of_question"]

DOMINANT = 0.80
"""Where one value has this share of all answers, alpha and kappa fall although people agree (Feinstein & Cicchetti,
1990), and Gwet's coefficient is the one to read."""


@dataclass(frozen=True)
class Coefficients:
    """The coefficients of one question, each over records.

    Attributes:
        alpha: Krippendorff's, at the question's level of measurement.
        ac: Gwet's: AC1 for nominal questions, AC2 with quadratic weights for ordered ones.
        kappa: Quadratic-weighted, for ordered questions; null for nominal ones. Readers are taken as interchangeable
            (they are put in random order), so it is close to Scott's pi rather than a statement about two raters.
        raw: Share of pairs of readers who gave the same answer.
    """

    alpha: Figure
    ac: Figure
    kappa: Figure | None
    raw: Figure


@dataclass(frozen=True)
class QuestionAgreement:
    """Agreement about one question.

    Attributes:
        question: Its name.
        level: ``nominal`` or ``ordinal``.
        records: Records that at least two people answered: what everything here rests on.
        readings: Their answers.
        values: How often each value was given among them, in the order of the page.
        commonest_share: Share of the commonest value, null without answers.
        dominated: Whether that share is 80 % or more; then read ``ac``.
        coefficients: The figures.
    """

    question: str
    level: str
    records: int
    readings: int
    values: dict[str, int]
    commonest_share: float | None
    dominated: bool
    coefficients: Coefficients


@dataclass(frozen=True)
class KindsAgreement:
    """Agreement about the kinds of harm, of which several may be chosen.

    Each kind is too rare for a coefficient of its own. So it is the mean Jaccard index (kinds that both named over
    kinds that either named; Jaccard, 1912) over pairs of readers of whom at least one named a kind, and counts.
    """

    records: int
    jaccard: Figure
    values: dict[str, int]


def of_question(
    asked: Question, answers: Answers, records: Sequence[str], resamples: int, seed: int
) -> QuestionAgreement:
    """Returns how far people agree about a question, over the given records."""
    readings = compared(asked, answers, records)
    given = readings.counts.sum(axis=0)
    total = int(given.sum())
    share = round(int(given.max()) / total, 6) if total else None
    return QuestionAgreement(
        question=asked.name,
        level=asked.level or "nominal",
        records=len(readings.records),
        readings=total,
        values={value: int(given[at]) for at, value in enumerate(asked.values)},
        commonest_share=share,
        dominated=share is not None and share >= DOMINANT,
        coefficients=coefficients(asked, readings.counts, readings.pairs, resamples, seed),
    )


def coefficients(asked: Question, counts: Counts, pairs: Counts, resamples: int, seed: int) -> Coefficients:
    """Returns all coefficients of one question; the same seed gives the same intervals, whatever else is asked."""
    import numpy as np

    level = asked.level or "nominal"
    size = len(counts)
    agreement = statistics.weights(len(asked.values), level)
    draws = statistics.resample(size, resamples, (seed, QUESTIONS.index(asked)))
    if not size:
        none = Figure(None, reason="no record was answered twice")
        return Coefficients(none, none, none if level == "ordinal" else None, none)
    same = statistics.observed(counts, np.eye(counts.shape[1]))
    weighted = None
    if level == "ordinal":
        resampled = statistics.kappa_of(draws, pairs, counts.shape[1])
        weighted = figure(statistics.kappa(pairs, counts.shape[1]), resampled, size)
    return Coefficients(
        alpha=figure(statistics.alpha(counts, level), statistics.alpha_of(draws, counts, level), size),
        ac=figure(statistics.gwet(counts, agreement), statistics.gwet_of(draws, counts, agreement), size),
        kappa=weighted,
        raw=figure(float(np.nanmean(same)), statistics.mean_of(draws, same), size),
    )


def kinds(
    asked: Question, answers: Answers, read: Answers, records: Sequence[str], resamples: int, seed: int
) -> KindsAgreement:
    """Returns how far people agree about the kinds of harm.

    Args:
        asked: The question of kinds.
        answers: Kinds by record and reviewer; who named none is missing there.
        read: Answers to the question of harm, which everybody gave: who read a record.
        records: The records to compare.
        resamples: How many resamples an interval rests on.
        seed: Of the resamples.
    """
    import numpy as np

    shares: list[float] = []
    values = dict.fromkeys(asked.values, 0)
    for record in sorted(records):
        readers = read.get(record, {})
        named = answers.get(record, {})
        if len(readers) < 2:
            continue
        for value in (value for own in named.values() for value in own):
            values[value] += 1
        sets = [set(named.get(reviewer, ())) for reviewer in sorted(readers)]
        pairs = [len(a & b) / len(a | b) for a, b in combinations(sets, 2) if a | b]
        if pairs:
            shares.append(sum(pairs) / len(pairs))
    found = np.asarray(shares, dtype=np.float64)
    draws = statistics.resample(len(found), resamples, (seed, QUESTIONS.index(asked)))
    point = float(found.mean()) if len(found) else float("nan")
    jaccard = figure(point, statistics.mean_of(draws, found), len(found))
    if not len(found):
        jaccard = Figure(None, reason="no record that two people read had a kind of harm named")
    return KindsAgreement(len(found), jaccard, values)
