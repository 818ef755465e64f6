"""Agreement in one look: per question and never pooled, per reviewer, of people with a judge, and what was found.

Every figure rests on submitted answers. Calibration items are measured apart from the sample. A figure that is
undefined is null with its reason, never 0 or 1. Reviewers appear under their pseudonyms.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from corpusgen.review.agreement.between_readers import KindsAgreement, QuestionAgreement, kinds, of_question
from corpusgen.review.agreement.judge_figures import JudgeFigures, of_judge
from corpusgen.review.agreement.readings import Answers, Item, read_answers, read_items
from corpusgen.review.agreement.reviewer_figures import ReviewerFigures, Times, of_reviewers, times
from corpusgen.review.questions import QUESTIONS, question

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EXPLAINED", "Agreement", "Found", "found", "measure"]

JUDGE = "judge:"
"""A reviewer whose name begins so is a language model, and never counts among the people."""

EXPLAINED: Mapping[str, str] = {
    "alpha": "Krippendorff's alpha: 1 is full agreement, 0 what chance would give. Krippendorff (2004) asks for 0.800 "
    "and allows tentative conclusions from 0.667.",
    "ac": "Gwet's AC1 for nominal questions, AC2 with quadratic weights for ordered ones. To be read where one value "
    "has 80 % of the answers or more: there alpha and kappa fall although people agree.",
    "kappa": "Quadratic-weighted kappa, for ordered questions. Each record's two readers are put in random order, so "
    "that readers count as interchangeable.",
    "raw": "Share of pairs of readers who gave the same answer; chance is not taken off.",
    "intervals": "95 % percentile intervals, from resamples of whole records; Wilson's for shares of right answers.",
    "times": "Seconds a record; what took longer than 20 minutes counts as a pause and is left out.",
    "found": "As raters saw it: a record counts as its readers' mean, and for as many pairs of the corpus as its "
    "stratum has for each record answered.",
}


@dataclass(frozen=True)
class Found:
    """What raters found, weighted by stratum to the corpus; before adjudication.

    Attributes:
        records: Records of the sample with at least one answer.
        covered: Share of the corpus that lies in strata with an answer; null where nothing was answered.
        shares: Share of each value of mode, harm and resource.
        means: Mean grounding and relevance, 1 to 5.
    """

    records: int
    covered: float | None
    shares: dict[str, dict[str, float]]
    means: dict[str, float]


@dataclass(frozen=True)
class Agreement:
    """All figures of one look.

    Attributes:
        questions: Agreement about each question, over the sample.
        kinds: Agreement about the kinds of harm.
        calibration: Agreement about each question, over the calibration items.
        reviewers: Each reviewer, by pseudonym.
        times: Seconds a record, of all reviewers.
        judges: Each language model that answered.
        found: What raters found.
        resamples: How many resamples an interval rests on.
        seed: Of the resamples.
    """

    questions: tuple[QuestionAgreement, ...]
    kinds: KindsAgreement
    calibration: tuple[QuestionAgreement, ...]
    reviewers: tuple[ReviewerFigures, ...]
    times: Times
    judges: tuple[JudgeFigures, ...]
    found: Found
    resamples: int
    seed: int

    def to_json(self) -> str:
        """Returns the figures as JSON, with what they mean in words; undefined ones are null."""
        value = {"explained": dict(EXPLAINED), **asdict(self)}
        return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def measure(
    sample: pa.Table,
    responses: pa.Table,
    judge: pa.Table | None = None,
    *,
    unfinished: pa.Table | None = None,
    gates: Mapping[str, str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Agreement:
    """Returns the agreement figures of a look; the same tables and seed give the same figures.

    Args:
        sample: The sample as drawn (``sample_schema``).
        responses: Submitted answers (``responses_schema``).
        judge: What language models answered, in the same table; reviewers are named ``judge:MODEL``.
        unfinished: Drafts and discards, for the counts of each reviewer.
        gates: The gate that each worked example was written to fail, by its id, to name the gates that were missed.
        resamples: How many resamples an interval rests on.
        seed: Of the resamples.

    Raises:
        RunError: An answer is to a record that the sample does not hold, or is no option of its question.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    items = read_items(sample)
    rows = responses if unfinished is None else pa.concat_tables([responses, unfinished])
    rows = rows.filter(pc.invert(pc.starts_with(rows["reviewer"], JUDGE)))
    answers = read_answers(rows, items)
    drawn = [record for record, item in items.items() if item.kind == "sample"]
    known = [record for record, item in items.items() if item.kind == "calibration"]
    measured = [asked for asked in QUESTIONS if asked.level is not None]
    reviewers = of_reviewers(items, rows, answers, gates or {})
    return Agreement(
        questions=tuple(of_question(one, answers.get(one.name, {}), drawn, resamples, seed) for one in measured),
        kinds=kinds(
            question("harm_kinds"), answers.get("harm_kinds", {}), answers.get("harm", {}), drawn, resamples, seed
        ),
        calibration=tuple(of_question(one, answers.get(one.name, {}), known, resamples, seed) for one in measured),
        reviewers=reviewers,
        times=times(_seconds(rows)),
        judges=_judges(items, judge, answers, gates or {}, resamples, seed),
        found=found(items, answers),
        resamples=resamples,
        seed=seed,
    )


def found(items: Mapping[str, Item], answers: Mapping[str, Answers]) -> Found:
    """Returns what raters found, each record weighing as many pairs as its stratum has for each record answered."""
    shares: dict[str, dict[str, float]] = {}
    means: dict[str, float] = {}
    for name in ("mode", "harm", "resource", "grounding", "relevance"):
        weight = _weights(items, answers.get(name, {}))
        total = sum(weight.values())
        if not total:
            continue
        share = dict.fromkeys(question(name).values, 0.0)
        for record, heavy in weight.items():
            own = answers[name][record]
            for values in own.values():
                share[values[0]] += heavy / total / len(own)
        if question(name).kind == "rating":
            means[name] = round(sum(float(value) * part for value, part in share.items()), 6)
        else:
            shares[name] = {value: round(part, 6) for value, part in share.items()}
    weight = _weights(items, answers.get("harm", {}))
    sizes = {item.stratum: item.stratum_size for item in items.values() if item.kind == "sample"}
    there = {items[record].stratum for record in weight}
    every = sum(sizes.values())
    covered = round(sum(sizes[stratum] for stratum in there) / every, 6) if every and weight else None
    return Found(len(weight), covered, shares, means)


def _weights(items: Mapping[str, Item], answers: Answers) -> dict[str, float]:
    answered = [record for record in sorted(answers) if items[record].kind == "sample" and answers[record]]
    count: dict[str, int] = {}
    for record in answered:
        count[items[record].stratum] = count.get(items[record].stratum, 0) + 1
    return {record: items[record].stratum_size / count[items[record].stratum] for record in answered}


def _judges(
    items: Mapping[str, Item],
    table: pa.Table | None,
    people: Mapping[str, Answers],
    gates: Mapping[str, str],
    resamples: int,
    seed: int,
) -> tuple[JudgeFigures, ...]:
    if table is None:
        return ()
    judged = read_answers(table, items)
    names = sorted({name for records in judged.values() for own in records.values() for name in own})
    return tuple(
        of_judge(
            name,
            items,
            {
                asked: {record: {name: own[name]} for record, own in records.items() if name in own}
                for asked, records in judged.items()
            },
            people,
            gates,
            resamples,
            seed,
        )
        for name in names
    )


def _seconds(rows: pa.Table) -> list[float | None]:
    spent = {
        (row["reviewer"], row["record_id"]): row["seconds"]
        for row in rows.select(["reviewer", "record_id", "status", "seconds"]).to_pylist()
        if row["status"] == "submitted"
    }
    return list(spent.values())
