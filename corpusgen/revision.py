"""The review's decisions, compiled into a corpus: what was kept, edited or dropped, and nothing else.

Looks are played in their order upon the corpus as it was composed, so that the same decisions give the same corpus. A
pair that no decision names keeps its id, its text and its split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from corpusgen.checks import check_pair, pair_gates, pair_of
from corpusgen.checks.corrected import corrected
from corpusgen.reviews import Decision, content_hash
from corpusgen.rounds import Loss, Rounds

if TYPE_CHECKING:
    from corpusgen.dedup.embed import Vectors

__all__ = ["Lineage", "Revised", "revise"]

MARGIN = 0.01
"""Fast embeddings may differ from precise ones by this much in cosine (see the tests of dedup)."""


class Lineage(NamedTuple):
    """What a decision did to the corpus.

    Attributes:
        look: The look that it came from.
        pair_id: The pair that was judged.
        cell_id: Its cell.
        outcome: ``kept``, ``edited`` or ``dropped``; ``stale`` where the corpus no longer holds the text judged.
        before: Hash of the text judged.
        after: Hash of the text that stands there now; null where the cell could not be filled again.
        replaced_by: Id of the pair that fills the cell of a dropped one.
        reviewers: Pseudonyms of those who judged it.
        adjudicator: Pseudonym of who settled it.
        reason: Why.
    """

    look: int
    pair_id: str
    cell_id: str
    outcome: str
    before: str
    after: str | None
    replaced_by: str | None
    reviewers: tuple[str, ...]
    adjudicator: str | None
    reason: str


class Revised(NamedTuple):
    """A corpus after its review.

    Attributes:
        status: ``kept`` or ``edited``, by cell id.
        lineage: What each decision did, by look and pair id.
    """

    status: Mapping[str, str] = MappingProxyType({})
    lineage: tuple[Lineage, ...] = ()

    def counts(self) -> dict[str, int]:
        """Returns the number of decisions by what they did."""
        counts = Counter(item.outcome for item in self.lineage)
        return {name: counts[name] for name in ("kept", "edited", "dropped", "stale")}


def revise(rounds: Rounds, splits: Mapping[str, str], decisions: Sequence[Decision], threshold: float) -> Revised:
    """Compiles decisions into finished rounds, look by look.

    Args:
        rounds: The rounds that made the corpus; their pairs are changed in place.
        splits: The split of every cell, by cell id; what is refilled stays where the cell was.
        decisions: By look and pair id.
        threshold: Cosine from which two prompts are near-duplicates.

    Raises:
        AuthorError: Dropped cells are to be filled again, and the author failed as a whole.
        StorageError: A part cannot be written.
    """
    revision = _Revision(rounds, splits, threshold)
    lineage = [
        item
        for look, some in groupby(decisions, key=lambda decision: decision.look)
        for item in revision.play(look, list(some))
    ]
    return Revised(revision.status, tuple(lineage))


class _Revision:
    """One call of :func:`revise`."""

    def __init__(self, rounds: Rounds, splits: Mapping[str, str], threshold: float) -> None:
        self.rounds = rounds
        self.splits = splits
        self.threshold = threshold
        self.status: dict[str, str] = {}
        self._gates = pair_gates(rounds.rules)

    def play(self, look: int, decisions: Sequence[Decision]) -> list[Lineage]:
        """Compiles the decisions of one look in."""
        done: list[tuple[Decision, str, str]] = []
        after: dict[str, int] = {}
        for decision in decisions:
            outcome, reason = self._settle(decision)
            done.append((decision, outcome, reason))
            if outcome == "dropped":
                after[decision.cell_id] = self.rounds.drop(decision.cell_id, reason)
                self.status.pop(decision.cell_id, None)
        self.rounds.refill(after, f"review-{look:02d}", self._in_other_splits)
        return [self._lineage(decision, outcome, reason) for decision, outcome, reason in done]

    def _settle(self, decision: Decision) -> tuple[str, str]:
        """Returns what becomes of the pair that a decision names, and why; edits it on the way."""
        row = self.rounds.pairs.get(decision.cell_id)
        if row is None or row["id"] != decision.pair_id or _hash(row) != decision.content_hash:
            return "stale", "the corpus no longer holds the text that was judged"
        if decision.outcome == "drop":
            return "dropped", decision.reason
        if decision.outcome == "keep":
            self.status.setdefault(decision.cell_id, "kept")
            return "kept", decision.reason
        pair = corrected(pair_of(row), decision.response or "", self.rounds.rules)
        rejections = check_pair(pair, self._gates)
        if rejections:
            # what a gate rejects never stays, whoever wrote it
            return (
                "dropped",
                f"the corrected answer is rejected by the gate '{rejections[0].gate}': {rejections[0].reason}",
            )
        if any(
            pair.response == other["response"] for name, other in self.rounds.pairs.items() if name != row["cell_id"]
        ):
            return "dropped", "the corrected answer is word for word that of another pair"
        lists = {"resources": list(pair.resources or ()), "components": list(pair.components or ())}
        self.rounds.pairs[decision.cell_id] = {**row, "response": pair.response, **lists}
        self.status[decision.cell_id] = "edited"
        return "edited", decision.reason

    def _in_other_splits(self, rows: Sequence[Mapping[str, Any]], vectors: Vectors) -> dict[str, Loss]:
        """Returns the newcomers whose prompt is near one of another split, whatever the mode.

        A new cell's split is chosen so that such prompts stay together; a refilled cell's is fixed.
        """
        import numpy as np

        cells = list(self.rounds.pairs)
        if not cells or not rows:
            return {}
        matrix = np.stack([self.rounds.vectors[self.rounds.pairs[name]["id"]] for name in cells])
        scores = np.round(vectors @ matrix.T, 4)
        lost: dict[str, Loss] = {}
        for row, alike in zip(rows, scores, strict=True):
            for at in np.flatnonzero(alike >= self.threshold - MARGIN):
                other = self.rounds.pairs[cells[at]]
                if self.splits[cells[at]] != self.splits[row["cell_id"]]:
                    near = (other["prompt"], other["id"], float(alike[at]))
                    lost[row["id"]] = ("duplicate", "split", "quality", *near)
                    break
        return lost

    def _lineage(self, decision: Decision, outcome: str, reason: str) -> Lineage:
        row = self.rounds.pairs.get(decision.cell_id)
        return Lineage(
            decision.look,
            decision.pair_id,
            decision.cell_id,
            outcome,
            decision.content_hash,
            None if row is None else _hash(row),
            row["id"] if row is not None and outcome == "dropped" else None,
            decision.reviewers,
            decision.adjudicator,
            reason,
        )


def _hash(row: Mapping[str, Any]) -> str:
    return content_hash(row["prompt"], row["response"])
