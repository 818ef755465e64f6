"""A language model as judge, set beside the people: how far it agrees with them, and which way it leans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpusgen.review.agreement import statistics
from corpusgen.review.agreement.between_readers import Coefficients, coefficients
from corpusgen.review.agreement.readings import Answers, Item, in_drawn_order
from corpusgen.review.agreement.reviewer_figures import Calibration, calibrated
from corpusgen.review.agreement.statistics import Figure, figure
from corpusgen.review.questions import QUESTIONS, Question

if TYPE_CHECKING:
    from corpusgen.review.agreement.statistics import Floats

__all__ = ["FLAGS", "JudgeFigures", "JudgeQuestion", "of_judge"]

FLAGS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "mode": {"not as it should": frozenset({"too_open", "too_closed", "help_late", "help_needless"})},
    "harm": {"yes": frozenset({"yes"}), "yes or possibly": frozenset({"yes", "possible"})},
    "resource": {"wrong or missing": frozenset({"wrong", "missing"})},
}
"""What counts as a finding, for the questions that are no scale of quality: the bias is a difference of rates."""


@dataclass(frozen=True)
class JudgeQuestion:
    """The judge beside the people, for one question.

    Attributes:
        question: Its name.
        records: Records that both the judge and at least one person answered.
        with_one_reader: Agreement of the judge with one reader of each record, drawn at random. It can be set beside
            the agreement of two readers: agreement with a consensus would be higher for that reason alone.
        majority: Records where most readers gave the same answer; a tie has no majority.
        with_majority: Share of them where the judge gave that answer.
        bias: Mean of the judge's answer less the mean of the people's, in steps of the scale, with its interval over
            records; null for questions in ``flags``.
        flags: The judge's rate of findings less the people's, by finding.
        confusion: How often people gave the first value and the judge the second; each reading counts once.
    """

    question: str
    records: int
    with_one_reader: Coefficients
    majority: int
    with_majority: Figure
    bias: Figure | None
    flags: dict[str, Figure]
    confusion: dict[str, dict[str, int]]


@dataclass(frozen=True)
class JudgeFigures:
    """A judge, as it signs itself, with its figures and its answers to the calibration items."""

    judge: str
    questions: tuple[JudgeQuestion, ...]
    calibration: Calibration


def of_judge(
    judge: str,
    items: Mapping[str, Item],
    judged: Mapping[str, Answers],
    people: Mapping[str, Answers],
    gates: Mapping[str, str],
    resamples: int,
    seed: int,
) -> JudgeFigures:
    """Returns a judge's figures for the questions that it answered, over the records of the sample itself."""
    records = sorted(record for record, item in items.items() if item.kind == "sample")
    asked = [one for one in QUESTIONS if one.level is not None and one.name in judged]
    return JudgeFigures(
        judge,
        tuple(
            _of_question(one, judge, judged[one.name], people.get(one.name, {}), records, resamples, seed)
            for one in asked
        ),
        calibrated(judge, items, judged, gates),
    )


def _of_question(
    asked: Question, judge: str, judged: Answers, people: Answers, records: Sequence[str], resamples: int, seed: int
) -> JudgeQuestion:
    import numpy as np

    places = {value: at for at, value in enumerate(asked.values)}
    both = [record for record in records if judge in judged.get(record, {}) and people.get(record)]
    said = np.asarray([places[judged[record][judge][0]] for record in both], dtype=np.int64)
    given = np.zeros((len(both), len(places)), dtype=np.int64)
    pairs = np.zeros((len(both), 2), dtype=np.int64)
    for at, record in enumerate(both):
        own = people[record]
        np.add.at(given[at], [places[values[0]] for values in own.values()], 1)
        pairs[at] = places[own[in_drawn_order(record, own)[0]][0]], said[at]
    counts = np.eye(len(places), dtype=np.int64)[pairs].sum(axis=1)
    confusion = np.zeros((len(places), len(places)), dtype=np.int64)
    np.add.at(confusion.T, said, given)
    draws = statistics.resample(len(both), resamples, (seed, QUESTIONS.index(asked), 1))
    top = given.max(axis=1, initial=0)
    clear = 2 * top > given.sum(axis=1)
    hits = np.where(clear, (given.argmax(axis=1) == said).astype(np.float64), np.nan) if both else np.zeros(0)
    shares = given / np.maximum(given.sum(axis=1, keepdims=True), 1)
    own_shares = np.eye(len(places))[said]
    findings = FLAGS.get(asked.name, {})
    bias = None
    if asked.level == "ordinal" and not findings:
        bias = _mean((own_shares - shares) @ np.arange(len(places)), draws)
    flags = {
        name: _mean((own_shares - shares) @ np.asarray([value in values for value in places], dtype=np.float64), draws)
        for name, values in findings.items()
    }
    return JudgeQuestion(
        question=asked.name,
        records=len(both),
        with_one_reader=coefficients(asked, counts, pairs, resamples, seed),
        majority=int(clear.sum()),
        with_majority=_mean(hits, draws),
        bias=bias,
        flags=flags,
        confusion={
            value: {other: int(confusion[at, to]) for other, to in places.items()} for value, at in places.items()
        },
    )


def _mean(values: Floats, draws: Floats) -> Figure:
    import numpy as np

    there = int((~np.isnan(values)).sum())
    point = float(np.nanmean(values)) if there else float("nan")
    return figure(point, statistics.mean_of(draws, values), there, "no record to compare")
