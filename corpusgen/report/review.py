"""What the report says of the review: how much of the corpus was read, and what the decisions have changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from corpusgen.reviews import ReviewFolder
from corpusgen.run import Run, read_rows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ReviewFacts", "review_facts"]

OUTCOMES = ("kept", "edited", "dropped", "stale")
SHOWN = 200
"""Changes that the report shows; all of them are in lineage.parquet."""


class ReviewFacts(NamedTuple):
    """The review, as far as this corpus shows it.

    Attributes:
        simulated: Whether a program took part in a person's place.
        pairs: Pairs of the corpus that were reviewed: kept, or edited.
        decisions: Decisions that were compiled in, by what they did.
        changes: Rows of the lineage that changed the corpus, or could not, the first of them.
        more: Such rows beyond these.
    """

    simulated: bool
    pairs: int
    decisions: Mapping[str, int]
    changes: tuple[Mapping[str, Any], ...]
    more: int


def review_facts(run: Run, table: pa.Table, state: Mapping[str, Any]) -> ReviewFacts:
    """Returns what there is to say of the review; nothing much for a run that no decision was compiled into.

    Args:
        run: The run.
        table: Its corpus.
        state: run.json; one of an older build need not count decisions.

    Raises:
        RunError: The lineage, or a file of the review, is damaged.
    """
    counted = state.get("counts", {}).get("reviewed", {})
    pairs = sum(status in ("kept", "edited") for status in table.column("review_status").to_pylist())
    lineage = read_rows(run.lineage_path)
    people = ReviewFolder(run.review).people()
    names = {name for row in lineage for name in (*row["reviewers"], row["adjudicator"]) if name}
    changes = [row for row in lineage if row["outcome"] != "kept"]
    return ReviewFacts(
        any(people[name].simulated for name in names if name in people),
        pairs,
        {name: int(counted.get(name, 0)) for name in OUTCOMES},
        tuple(changes[:SHOWN]),
        max(0, len(changes) - SHOWN),
    )
