"""Apply: complete judgements become decisions, which the next build compiles into the corpus. It needs no server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from corpusgen.errors import Unmet
from corpusgen.review.judgement import Judgement, judgements
from corpusgen.review.opening import open_review
from corpusgen.reviews import Decision, write_decisions
from corpusgen.run import Run

__all__ = ["Applied", "Rejected", "apply", "raise_rejected"]


class Rejected(NamedTuple):
    """A word that was not taken, for a gate turned its corrected answer away; the case goes back to the adjudicator."""

    pair_id: str
    gate: str
    reason: str


@dataclass(frozen=True)
class Applied:
    """What was decided.

    Attributes:
        look: The look that is under way.
        rows: Pairs in its sample.
        kept: Pairs that stay as they are.
        edited: Pairs that get a corrected answer.
        dropped: Pairs that go, and whose cells are filled again.
        new: Decisions that are new, or another than before.
        waiting: Pairs that some reader has not answered.
        open: Pairs that wait for an adjudicator.
        rejected: An adjudicator's words that were not taken.
    """

    look: int
    rows: int
    kept: int
    edited: int
    dropped: int
    new: int
    waiting: int
    open: int
    rejected: tuple[Rejected, ...]


def apply(run: str | Run) -> Applied:
    """Records what was decided about every pair whose judgement is complete.

    Decisions of earlier looks stay, and so does one whose case was opened again, until it is settled anew.

    Returns:
        What was decided; :func:`raise_rejected` says which words were not taken.

    Raises:
        RunError: No sample was drawn yet, or the run is not finished.
        StorageError: The decisions cannot be written.
    """
    review = open_review(run)
    look = review.require_look()
    with review.alone():
        found = judgements(review, look)
        before = {(item.look, item.pair_id): item for item in review.decisions}
        made = {(item.look, item.pair_id): item for item in _decisions(look.number, found)}
        merged = tuple(sorted({**before, **made}.values()))
        new = sum(before.get(key) != item for key, item in made.items())
        if new or not review.folder.decisions_path.is_file():
            write_decisions(merged, review.folder.decisions_path)
    outcomes = Counter(item.outcome for item in merged if item.look == look.number)
    standing = Counter(item.standing for item in found)
    return Applied(
        look=look.number,
        rows=len(found),
        kept=outcomes["keep"],
        edited=outcomes["edit"],
        dropped=outcomes["drop"],
        new=new,
        waiting=standing["waiting"],
        open=standing["open"],
        rejected=tuple(_rejected(found)),
    )


def raise_rejected(applied: Applied, run: Run) -> None:
    """Raises when an adjudicator's words were not taken.

    Raises:
        Unmet: Naming pair, gate and reason.
    """
    if applied.rejected:
        told = "; ".join(f"{item.pair_id}, {item.gate}: {item.reason}" for item in applied.rejected[:5])
        one = len(applied.rejected) == 1
        what = f"{len(applied.rejected)} adjudicated {'pair was' if one else 'pairs were'} not taken: {told}"
        raise Unmet(what, where=run.root, do=f"corpusgen review adjudicate {run.root}, which hands them out again")


def _decisions(look: int, found: Sequence[Judgement]) -> Iterator[Decision]:
    for item in found:
        if item.standing == "agreed":
            alone = len(item.answers) == 1
            reason = "one reviewer judged it, and nothing was to settle" if alone else "the reviewers agreed"
            yield _decision(look, item, "keep", reason)
        elif item.standing == "settled" and item.settled is not None:
            yield _decision(look, item, item.settled["outcome"], item.settled["reason"])


def _decision(look: int, item: Judgement, outcome: str, reason: str) -> Decision:
    settled = item.settled
    return Decision(
        look=look,
        pair_id=item.row["pair_id"],
        cell_id=item.row["cell_id"],
        content_hash=item.row["content_hash"],
        outcome=outcome,  # type: ignore[arg-type]  # one of the options of the page
        harmful=bool(settled and settled["harmful"]),
        response=settled["response"] if settled and outcome == "edit" else None,
        reviewers=tuple(sorted(item.answers)),
        adjudicator=settled["adjudicator"] if settled else None,
        reason=reason,
    )


def _rejected(found: Sequence[Judgement]) -> Iterator[Rejected]:
    for item in found:
        if item.rejection is not None:
            yield Rejected(item.row["pair_id"], item.rejection.gate, item.rejection.reason)
