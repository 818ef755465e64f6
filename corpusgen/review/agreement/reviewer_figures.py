"""What is known of each reviewer, under a pseudonym: answers to the calibration items, counts, and time a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpusgen.review.agreement.readings import Answers, Item
from corpusgen.review.agreement.statistics import Proportion, wilson
from corpusgen.review.questions import OPTED_OUT, QUESTIONS

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "LONGEST_READING",
    "Calibration",
    "Missed",
    "ReviewerFigures",
    "Times",
    "calibrated",
    "of_reviewers",
    "times",
]

LONGEST_READING = 20 * 60
"""Seconds. After a longer time somebody was away; such records are left out of the time a record, and counted."""


@dataclass(frozen=True)
class Times:
    """Seconds a record: quartiles. Null where no record has a time.

    Attributes:
        records: Records that the quartiles rest on.
        lower: Lower quartile.
        median: Median.
        upper: Upper quartile.
        pauses: Records left out because more than 20 minutes had gone by since the submission before.
        unknown: Records without a time: the first of a sitting.
    """

    records: int
    lower: float | None
    median: float | None
    upper: float | None
    pauses: int
    unknown: int


@dataclass(frozen=True)
class Missed:
    """A calibration item of which an answer was not among the known ones.

    Attributes:
        item: Id of the worked example.
        gate: The gate that it was written to fail; null for one that is right, or where the caller named no gates.
        question: The question.
        expected: The acceptable values, sorted.
        answered: What was answered.
    """

    item: str
    gate: str | None
    question: str
    expected: tuple[str, ...]
    answered: tuple[str, ...]


@dataclass(frozen=True)
class Calibration:
    """Answers to the items whose answers are known.

    Where several values may be chosen, an answer is right if it names one of the known ones.

    Attributes:
        items: Items that were answered.
        questions: Right answers of all, with Wilson's interval, by question.
        missed: What was missed.
        gates: Items with something missed, by gate.
    """

    items: int
    questions: dict[str, Proportion]
    missed: tuple[Missed, ...]
    gates: dict[str, int]


@dataclass(frozen=True)
class ReviewerFigures:
    """What is known of one reviewer.

    Attributes:
        reviewer: Pseudonym.
        submitted: Records submitted, calibration items among them.
        discarded: Records set aside.
        corrected: Records for which they wrote a better answer.
        opted_out: Subjects that they asked to be spared, sorted.
        calibration: Answers to the calibration items.
        times: Seconds a record.
    """

    reviewer: str
    submitted: int
    discarded: int
    corrected: int
    opted_out: tuple[str, ...]
    calibration: Calibration
    times: Times


def of_reviewers(
    items: Mapping[str, Item], table: pa.Table, answers: Mapping[str, Answers], gates: Mapping[str, str]
) -> tuple[ReviewerFigures, ...]:
    """Returns the figures of everybody who answered or set aside anything, by pseudonym.

    Args:
        items: The sample.
        table: All rows, with drafts and discards if those shall be counted.
        answers: Submitted answers by question.
        gates: The gate that a worked example was written to fail, by its id.
    """
    states: dict[str, dict[str, str]] = {}
    spent: dict[str, dict[str, float | None]] = {}
    for row in table.select(["record_id", "reviewer", "status", "seconds"]).to_pylist():
        states.setdefault(row["reviewer"], {})[row["record_id"]] = row["status"]
        if row["status"] == "submitted":
            spent.setdefault(row["reviewer"], {})[row["record_id"]] = row["seconds"]
    return tuple(
        ReviewerFigures(
            reviewer=reviewer,
            submitted=len(spent.get(reviewer, {})),
            discarded=sum(state == "discarded" for state in states[reviewer].values()),
            corrected=sum(
                any(value.strip() for value in own.get(reviewer, ())) for own in answers.get("correction", {}).values()
            ),
            opted_out=tuple(
                sorted(
                    {
                        items[record].domain
                        for record, own in answers.get("rather_not", {}).items()
                        if OPTED_OUT in own.get(reviewer, ())
                    }
                )
            ),
            calibration=calibrated(reviewer, items, answers, gates),
            times=times(list(spent.get(reviewer, {}).values())),
        )
        for reviewer in sorted(states)
    )


def calibrated(
    reviewer: str, items: Mapping[str, Item], answers: Mapping[str, Answers], gates: Mapping[str, str]
) -> Calibration:
    """Returns how somebody answered the items whose answers are known; a language model's answers count alike."""
    questions: dict[str, Proportion] = {}
    missed: list[Missed] = []
    seen: set[str] = set()
    known = sorted((item for item in items.values() if item.expected), key=lambda item: item.pair_id)
    for asked in QUESTIONS:
        right = total = 0
        for item in known:
            given = answers.get(asked.name, {}).get(item.record_id, {}).get(reviewer)
            expected = item.expected.get(asked.name)
            if given is None and asked.kind == "labels" and _took_part(reviewer, item, answers):
                given = ()
            if given is None or not expected:
                continue
            seen.add(item.record_id)
            total += 1
            if expected.intersection(given):
                right += 1
            else:
                gate = gates.get(item.pair_id)
                missed.append(Missed(item.pair_id, gate, asked.name, tuple(sorted(expected)), given))
        if total:
            questions[asked.name] = wilson(right, total)
    by_gate = Counter(gate for _, gate in {(one.item, one.gate) for one in missed} if gate is not None)
    return Calibration(len(seen), questions, tuple(missed), dict(sorted(by_gate.items())))


def times(seconds: list[float | None]) -> Times:
    """Returns the quartiles of the time a record, pauses of more than 20 minutes left out."""
    import numpy as np

    known = [value for value in seconds if value is not None]
    kept = [value for value in known if value <= LONGEST_READING]
    pauses, unknown = len(known) - len(kept), len(seconds) - len(known)
    if not kept:
        return Times(0, None, None, None, pauses, unknown)
    lower, median, upper = (round(float(value), 1) for value in np.quantile(kept, (0.25, 0.5, 0.75)))
    return Times(len(kept), lower, median, upper, pauses, unknown)


def _took_part(reviewer: str, item: Item, answers: Mapping[str, Answers]) -> bool:
    return any(reviewer in own.get(item.record_id, {}) for own in answers.values())
