"""What people answered, ready to be compared: from the long table of responses to counts of values a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from corpusgen.errors import RunError
from corpusgen.plan import stable_hash
from corpusgen.review.questions import Question, question

if TYPE_CHECKING:
    import pyarrow as pa

    from corpusgen.review.agreement.statistics import Counts

__all__ = ["Answers", "Item", "Readings", "compared", "in_drawn_order", "read_answers", "read_items"]

Answers = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Record, reviewer, and the values that they gave to one question."""


class Item(NamedTuple):
    """A record of the sample, as far as agreement needs it; the columns are those of ``sample_schema``."""

    record_id: str
    kind: str
    pair_id: str
    stratum: str
    stratum_size: int
    domain: str
    expected: Mapping[str, frozenset[str]]


class Readings(NamedTuple):
    """Answers to one question, of the records that at least two people answered.

    Attributes:
        records: Ids, sorted.
        counts: How many people gave which value, shape (records, values).
        pairs: Two people's answers to each record, as indices of values, shape (records, 2).
    """

    records: tuple[str, ...]
    counts: Counts
    pairs: Counts


def read_items(sample: pa.Table) -> dict[str, Item]:
    """Returns the records of a sample by id."""
    names = ("record_id", "kind", "pair_id", "stratum", "stratum_size", "domain", "expected")
    return {
        row["record_id"]: Item(
            **{
                **row,
                "expected": {known["question"]: frozenset(known["values"]) for known in row["expected"] or ()},
            }
        )
        for row in sample.select(list(names)).to_pylist()
    }


def read_answers(responses: pa.Table, items: Mapping[str, Item]) -> dict[str, dict[str, dict[str, tuple[str, ...]]]]:
    """Returns the submitted answers by question, record and reviewer; drafts and discards are left out.

    Raises:
        RunError: A record is not in the sample, or a value is none of the question's options.
    """
    found: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {}
    columns = ["record_id", "reviewer", "question", "value", "status"]
    for row in responses.select(columns).to_pylist():
        if row["status"] != "submitted" or row["question"] is None or row["value"] is None:
            continue
        if row["record_id"] not in items:
            what = f"record {row['record_id']} was answered and is not in the sample"
            raise RunError(what, where="responses.parquet", do="corpusgen review pull, with the sample as it was drawn")
        own = found.setdefault(row["question"], {}).setdefault(row["record_id"], {})
        own[row["reviewer"]] = (*own.get(row["reviewer"], ()), row["value"])
    for name, records in found.items():
        _check(question(name), records)
    return found


def compared(asked: Question, answers: Answers, records: Sequence[str]) -> Readings:
    """Returns the answers to a question of those records that at least two people answered.

    Of more than two people two are taken for a pair. Who of them comes first is drawn by a hash of record and
    pseudonym: readers are taken as interchangeable, since no two of them read the same records throughout.
    """
    import numpy as np

    places = {value: at for at, value in enumerate(asked.values)}
    read = sorted(record for record in records if len(answers.get(record, {})) >= 2)
    counts = np.zeros((len(read), len(places)), dtype=np.int64)
    pairs = np.zeros((len(read), 2), dtype=np.int64)
    for at, record in enumerate(read):
        own = answers[record]
        given = [places[own[reviewer][0]] for reviewer in in_drawn_order(record, own)]
        np.add.at(counts[at], given, 1)
        pairs[at] = given[:2]
    return Readings(tuple(read), counts, pairs)


def in_drawn_order(record: str, reviewers: Mapping[str, object]) -> list[str]:
    """Returns those who read a record in an order that is random for each record, and always the same."""
    return sorted(reviewers, key=lambda reviewer: stable_hash("reader", record, reviewer))


def _check(asked: Question, records: Answers) -> None:
    if not asked.options:
        return
    for record, own in records.items():
        for reviewer, values in own.items():
            wrong = next((value for value in values if value not in asked.values), None)
            if wrong is not None or (asked.kind != "labels" and len(values) > 1):
                told = f"{wrong!r} is none of its options" if wrong is not None else "more than one was chosen"
                what = f"answer of {reviewer} to {asked.name!r} of record {record}: {told}"
                raise RunError(what, where="responses.parquet", do="corpusgen review pull")
