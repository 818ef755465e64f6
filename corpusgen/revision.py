"""The review's decisions, compiled into a corpus: what was kept, edited or dropped, and nothing else.

Decisions are played in the order in which they were recorded, upon the corpus as it was composed: the same decisions
give the same corpus, and later ones never change what came of earlier ones. A pair that no decision names keeps its id,
its text and its split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from corpusgen.checks import pair_of
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
    """Compiles decisions into finished rounds, in the order in which they were recorded.

    Args:
        rounds: The rounds that made the corpus; their pairs are changed in place.
        splits: The split of every cell, by cell id; what is refilled stays where the cell was.
        decisions: By look, round and pair id.
        threshold: Cosine from which two prompts are near-duplicates.

    Raises:
        AuthorError: Dropped cells are to be filled again, and the author failed as a whole.
        StorageError: A part cannot be written.
    """
    revision = _Revision(rounds, splits, threshold)
    groups = groupby(decisions, key=lambda decision: (decision.look, decision.round))
    lineage = [item for (look, number), some in groups for item in revision.play(look, number, list(some))]
    return Revised(revision.status, tuple(lineage))


class _Revision:
    """One call of :func:`revise`."""

    def __init__(self, rounds: Rounds, splits: Mapping[str, str], threshold: float) -> None:
        self.rounds = rounds
        self.splits = splits
        self.threshold = threshold
        self.status: dict[str, str] = {}

    def play(self, look: int, number: int, decisions: Sequence[Decision]) -> list[Lineage]:
        """Compiles the decisions in that were recorded together."""
        done: list[tuple[Decision, str, str]] = []
        after: dict[str, int] = {}
        for decision in decisions:
            outcome, reason = self._settle(decision)
            done.append((decision, outcome, reason))
            if outcome == "dropped":
                after[decision.cell_id] = self.rounds.drop(decision.cell_id, reason, decision.harmful)
                self.status.pop(decision.cell_id, None)
        self.rounds.refill(after, f"review-{look:02d}-{number:02d}", self._in_other_splits)
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
        if objection := self.rounds.objection(decision.cell_id, pair):
            # what a gate rejects never stays, whoever wrote it
            return "dropped", f"the corrected answer cannot stand: {objection}"
        self.rounds.correct(decision.cell_id, pair)
        self.status[decision.cell_id] = "edited"
        return "edited", decision.reason

    def _in_other_splits(self, rows: Sequence[Mapping[str, Any]], vectors: Vectors) -> dict[str, Loss]:
        """Returns the newcomers whose prompt is near one of another split, whatever the mode.

        A new cell's split is chosen so that such prompts stay together; a refilled cell's is fixed.
        """
        import numpy as np

        if not rows:
            return {}
        others = [*self.rounds.pairs.values(), *rows]
        held = [self.rounds.vectors[row["id"]] for row in self.rounds.pairs.values()]
        matrix = np.concatenate([np.stack(held), vectors]) if held else vectors
        scores = np.round(vectors @ matrix.T, 4)
        lost: dict[str, Loss] = {}
        for number, row in enumerate(rows):
            # the accepted, and the newcomers before this one
            alike = scores[number, : len(held) + number]
            for at in np.flatnonzero(alike >= self.threshold - MARGIN):
                other = others[at]
                if other["id"] not in lost and self.splits[other["cell_id"]] != self.splits[row["cell_id"]]:
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
