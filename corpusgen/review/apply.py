"""Apply: complete judgements become decisions, which the next build compiles into the corpus. It needs no server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from corpusgen.errors import Unmet
from corpusgen.review.judgement import Corrections, Judgement, judgements
from corpusgen.review.opening import open_review
from corpusgen.reviews import Decision, merge_decisions, write_decisions
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
        look: The look that is under way; the pairs counted are its own.
        rows: Pairs in its sample, and those that took the places of dropped ones.
        kept: Pairs that stay as they are.
        edited: Pairs that get a corrected answer.
        dropped: Pairs that go, and whose cells are filled again.
        new: Decisions of any look that are new, or another than before.
        waiting: Pairs that some reader has not answered.
        open: Pairs of any look that wait for an adjudicator.
        rejected: Words of adjudicators, in any look, that were not taken.
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

    A decision whose case was opened again stays until it is settled anew.

    Returns:
        What was decided; :func:`raise_rejected` says which words were not taken.

    Raises:
        RunError: No sample was drawn yet, or the run is not finished.
        StorageError: The decisions cannot be written.
    """
    review = open_review(run)
    look = review.require_look()
    with review.alone():
        corrections = Corrections(review)
        found = {each.number: judgements(review, each, corrections) for each in review.folder.looks()}
        before = review.decisions
        merged = merge_decisions(before, (item for number in found for item in _decisions(number, found[number])))
        new = len(set(merged) - set(before))
        if new or not review.folder.decisions_path.is_file():
            write_decisions(merged, review.folder.decisions_path)
    outcomes = Counter(item.outcome for item in merged if item.look == look.number)
    every = [item for some in found.values() for item in some]
    return Applied(
        look=look.number,
        rows=len(found[look.number]),
        kept=outcomes["keep"],
        edited=outcomes["edit"],
        dropped=outcomes["drop"],
        new=new,
        waiting=sum(item.standing == "short" for item in found[look.number]),
        open=sum(item.standing == "open" for item in every),
        rejected=tuple(_rejected(every)),
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
        row, word = item.row, item.row.word
        same: dict[str, Any] = {
            "look": look,
            "pair_id": row.pair_id,
            "cell_id": row.sample["cell_id"],
            "content_hash": row.content_hash,
            "harmful": row.harmful,
            "reviewers": tuple(sorted(row.answers)),
        }
        if item.standing == "agreed":
            alone = len(row.answers) == 1
            reason = "one reviewer judged it, and nothing was to settle" if alone else "the reviewers agreed"
            yield Decision(**same, outcome="keep", response=None, adjudicator=None, reason=reason)
        elif item.standing == "settled" and word is not None:
            response = word.response if word.outcome == "edit" else None
            said: dict[str, Any] = {"outcome": word.outcome, "adjudicator": word.adjudicator, "reason": word.reason}
            yield Decision(**same, **said, response=response)


def _rejected(found: Sequence[Judgement]) -> Iterator[Rejected]:
    for item in found:
        if item.rejection is not None:
            yield Rejected(item.row.pair_id, item.rejection.gate, item.rejection.reason)
