"""Agreement of the look that is under way, measured, written down and drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from corpusgen.errors import RunError
from corpusgen.review.agreement.measure import Agreement, measure
from corpusgen.review.agreement.picture import draw
from corpusgen.review.opening import open_review
from corpusgen.reviews import sha256
from corpusgen.run import Run, read_table, write_bytes, write_text

__all__ = ["Measured", "measure_look"]


@dataclass(frozen=True)
class Measured:
    """Agreement, and where it was written.

    Attributes:
        agreement: The figures.
        path: They, as JSON.
        picture: They, drawn.
    """

    agreement: Agreement
    path: Path
    picture: Path


def measure_look(run: str | Run) -> Measured:
    """Measures how far the reviewers agree in the look that is under way, as of the last pull.

    Raises:
        RunError: Nothing was pulled yet, or the run is not finished.
        StorageError: The files cannot be written.
    """
    review = open_review(run)
    look = review.require_look()
    if not look.responses_path.is_file():
        raise RunError("holds no answers yet", where=look.root, do=f"corpusgen review pull {review.run.root}")
    pull = "corpusgen review pull"
    judge, unfinished = (
        read_table(path, remake=pull) if path.is_file() else None for path in (look.judge_path, look.unfinished_path)
    )
    found = measure(
        read_table(look.sample_path),
        read_table(look.responses_path, remake=pull),
        judge,
        unfinished=unfinished,
        gates={example.id: example.gate for example in review.examples.bad_responses},
    )
    picture = draw(found)
    with review.alone():
        figures = {"responses_sha256": sha256(look.responses_path), **json.loads(found.to_json())}
        write_text(look.agreement_path, json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
        write_bytes(look.picture_path, picture)
    return Measured(found, look.agreement_path, look.picture_path)
