"""The Parquet tables of a clinicians' review, declared once; where they lie, :mod:`corpusgen.reviews` says."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "adjudication_schema",
    "assignments_schema",
    "decisions_schema",
    "frame_schema",
    "responses_schema",
    "sample_schema",
]


@cache
def frame_schema() -> pa.Schema:
    """One row a pair of the corpus, as it was when a sample was drawn: its id and the hash of its text."""
    import pyarrow as pa

    return pa.schema([("id", pa.string()), ("content_hash", pa.string())])


@cache
def sample_schema() -> pa.Schema:
    """One row an item to be judged.

    ``kind`` is ``sample``, ``refill`` or ``calibration``. ``stratum`` is domain|severity|mode|author; ``stratum_size``
    (pairs of the corpus) and ``stratum_drawn`` (of the sample) are 0 for what is not drawn by chance: a refill, which
    fills the cell of a dropped pair and whose stratum is ``refilled``, and a calibration item, whose ``expected``
    answers are known; ``pair_id`` is then the id of the worked example. ``readers`` is how many people shall judge it.
    ``record_id`` is random, so that the server's records do not tell which items calibrate.
    """
    import pyarrow as pa

    text, number = pa.string(), pa.int32()
    answers = pa.struct([("question", text), ("values", pa.list_(text))])
    return pa.schema(
        [
            ("record_id", text),
            ("kind", text),
            ("pair_id", text),
            ("cell_id", text),
            ("stratum", text),
            ("stratum_size", number),
            ("stratum_drawn", number),
            ("readers", number),
            ("domain", text),
            ("category", text),
            ("role", text),
            ("severity", text),
            ("response_mode", text),
            ("country", text),
            ("author", text),
            ("strategies", pa.list_(text)),
            ("prompt", text),
            ("response", text),
            ("content_hash", text),
            ("expected", pa.list_(answers)),
        ]
    )


@cache
def assignments_schema() -> pa.Schema:
    """One row a record and reviewer. ``state`` is ``given``, or ``returned`` after an opt-out: somebody else takes it.

    ``portion`` counts from 1 for each reviewer, ``position`` from 0 within it; ``day`` is the ISO date it was pushed.
    """
    import pyarrow as pa

    text, number = pa.string(), pa.int32()
    return pa.schema(
        [
            ("record_id", text),
            ("reviewer", text),
            ("portion", number),
            ("position", number),
            ("day", text),
            ("state", text),
        ]
    )


@cache
def responses_schema() -> pa.Schema:
    """One row an answer: a record, a reviewer, a question and a value; several rows where several may be chosen.

    Ratings are digits. ``status`` is ``submitted``, ``draft`` or ``discarded``, or ``withdrawn`` for what was submitted
    once and is kept because it flags harm; a record that was discarded without any
    answer has one row whose question and value are null. ``seconds`` is the time since the reviewer's previous
    submission, null for the first of a sitting.
    """
    import pyarrow as pa

    text, number = pa.string(), pa.int32()
    return pa.schema(
        [
            ("look", number),
            ("record_id", text),
            ("pair_id", text),
            ("kind", text),
            ("reviewer", text),
            ("portion", number),
            ("question", text),
            ("value", text),
            ("status", text),
            ("content_hash", text),
            ("updated_at", pa.timestamp("us", tz="UTC")),
            ("seconds", pa.float64()),
        ]
    )


@cache
def adjudication_schema() -> pa.Schema:
    """One row a record, hand-out and adjudicator: what they said last.

    ``attempt`` counts from 1 how often the case was handed out; ``seen`` holds the fingerprints of the answers that the
    page showed (see :func:`corpusgen.standing.fingerprint`).
    """
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            ("look", pa.int32()),
            ("record_id", text),
            ("pair_id", text),
            ("adjudicator", text),
            ("outcome", text),
            ("harmful", pa.bool_()),
            ("response", text),
            ("reason", text),
            ("content_hash", text),
            ("attempt", pa.int32()),
            ("seen", pa.list_(text)),
            ("updated_at", pa.timestamp("us", tz="UTC")),
        ]
    )


@cache
def decisions_schema() -> pa.Schema:
    """One row a decision; see :class:`Decision`."""
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            ("look", pa.int32()),
            ("pair_id", text),
            ("cell_id", text),
            ("content_hash", text),
            ("outcome", text),
            ("harmful", pa.bool_()),
            ("response", text),
            ("reviewers", pa.list_(text)),
            ("adjudicator", text),
            ("reason", text),
            ("round", pa.int32()),
        ]
    )
