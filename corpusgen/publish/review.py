"""What a release says of its review: the answers as a table, and the facts for the card."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from corpusgen.acceptance import Verdict
from corpusgen.reviews import ReviewFolder
from corpusgen.run import Run, read_table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["review_facts", "reviews_table"]

KEPT_BACK = frozenset({"comment", "correction", "rather_not"})
"""Questions whose answers are not published: free text may name somebody, and what one would rather not see is private.
A correction that an adjudicator accepted stands in the corpus itself."""


def reviews_table(run: Run) -> pa.Table:
    """Returns the reviewers' and adjudicators' answers about pairs of the corpus, under pseudonyms and without times.

    One row an answer: ``pair_id`` is the pair as it was drawn, which an edit keeps and a drop takes out of the corpus.
    Calibration items are left out. The table is empty where nothing was reviewed.

    Raises:
        RunError: A file of the review is damaged.
    """
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    for look in ReviewFolder(run.review).looks():
        if look.responses_path.is_file():
            for row in read_table(look.responses_path, remake="corpusgen review pull").to_pylist():
                if row["kind"] == "sample" and row["question"] not in KEPT_BACK and row["value"] is not None:
                    rows.append({name: row[name] for name in ("pair_id", "look", "question", "value")})
                    rows[-1]["reviewer"] = row["reviewer"]
        if look.adjudication_path.is_file():
            for row in read_table(look.adjudication_path, remake="corpusgen review pull").to_pylist():
                for question, value in (("outcome", row["outcome"]), ("harmful", "yes" if row["harmful"] else "no")):
                    about = {"pair_id": row["pair_id"], "look": row["look"], "question": question, "value": value}
                    rows.append({**about, "reviewer": row["adjudicator"]})
    rows.sort(key=lambda row: (row["look"], row["pair_id"], row["reviewer"], row["question"], row["value"]))
    text = pa.string()
    columns = [("pair_id", text), ("look", pa.int32()), ("reviewer", text), ("question", text), ("value", text)]
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def review_facts(run: Run, verdict: Verdict, corpus: pa.Table) -> dict[str, Any]:
    """Returns what the card tells about the review.

    Args:
        run: The run.
        verdict: Whether its acceptance plan is met.
        corpus: The corpus.

    Returns:
        ``state`` is ``none``, ``partial``, ``simulated`` or ``passed``; the rest are figures for people.

    Raises:
        RunError: A file of the review is damaged.
    """
    folder = ReviewFolder(run.review)
    people = folder.people().values()
    looks = folder.looks()
    agreement: dict[str, Any] = {}
    if looks and looks[-1].agreement_path.is_file():
        agreement = json.loads(looks[-1].agreement_path.read_text(encoding="utf-8"))
    status = corpus.column("review_status").to_pylist()
    state = "passed" if verdict.met else "partial"
    if not verdict.judged:
        state = "none"
    elif verdict.simulated:
        state = "simulated"
    return {
        "state": state,
        "verdict": verdict,
        "professions": sorted(person.profession for person in people if person.profession),
        "kept": status.count("kept"),
        "edited": status.count("edited"),
        "agreement": agreement,
    }
