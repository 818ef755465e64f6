"""What was said about each sampled pair, with corrected answers held against the gates that every pair passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

from corpusgen.checks import Pair, PairGate, Rejection, Rules, check_pair, pair_gates, pair_of
from corpusgen.checks.corrected import corrected
from corpusgen.review.opening import Review
from corpusgen.reviews import Look
from corpusgen.standing import Row, Standing, judged_rows

__all__ = ["Corrections", "Judgement", "judgements"]


class Judgement(NamedTuple):
    """What is known about one pair of a look, its corrected answer held against the gates.

    Attributes:
        row: The pair with all that was said about it.
        rejection: The gate that turned the corrected answer away, where one did; ``correction`` where there is none to
            speak of, ``outcome`` where a harmful answer was to be kept.
    """

    row: Row
    rejection: Rejection | None = None

    @property
    def again(self) -> str:
        """Why an adjudicator's word does not stand, for people, or nothing."""
        return _told(self.rejection) if self.rejection else self.row.again

    @property
    def standing(self) -> Standing:
        """Where it stands; a word that a gate turned away goes back to the adjudicator at once."""
        return "open" if self.rejection else self.row.standing


class Corrections:
    """Judges corrected answers as the build will: by the gates that every pair passes, with the labels of the pair.

    Args:
        review: The run, for its taxonomy, thresholds and labels.
    """

    def __init__(self, review: Review) -> None:
        self.review = review

    @cached_property
    def rules(self) -> Rules:
        """What the gates judge by."""
        return Rules(self.review.taxonomy, self.review.recipe.checks)

    @cached_property
    def gates(self) -> list[PairGate]:
        """Every gate on a pair."""
        return pair_gates(self.rules)

    @cached_property
    def responses(self) -> dict[str, str]:
        """The pair that has each response of the corpus."""
        return {pair["response"]: name for name, pair in self.review.pairs.items()}

    def rejection(self, row: Mapping[str, Any], text: str) -> Rejection | None:
        """Returns why a corrected answer is not taken, or None.

        Args:
            row: The pair's row of the sample.
            text: The corrected answer.
        """
        if not text.strip():
            return Rejection("correction", "quality", "there is no corrected answer")
        if text.strip() == row["response"].strip():
            return Rejection("correction", "quality", "the corrected answer is the answer as it was")
        if self.responses.get(text.strip(), row["pair_id"]) != row["pair_id"]:
            return Rejection("correction", "quality", "another pair has this answer, word for word")
        found = check_pair(corrected(self._pair(row), text, self.rules), self.gates)
        return found[0] if found else None

    def _pair(self, row: Mapping[str, Any]) -> Pair:
        """Returns a pair with all its labels; one that is gone from the corpus with those that its sample shows."""
        found = self.review.pairs.get(row["pair_id"])
        if found is not None:
            return replace(pair_of(found), prompt=row["prompt"])
        taxonomy = self.review.taxonomy
        flags = taxonomy.flags(row["domain"], row["category"], row["severity"])
        return replace(pair_of(row), id=row["pair_id"], risk_flags=flags)


def judgements(review: Review, look: Look, corrections: Corrections | None = None) -> list[Judgement]:
    """Returns where every sampled pair of a look stands, in the order of the sample; calibration items are left out.

    Args:
        review: The run.
        look: The look.
        corrections: What judges corrected answers; made where none is given.

    Raises:
        RunError: A table is damaged.
    """
    judge = corrections or Corrections(review)
    return [Judgement(row, _rejection(row, judge)) for row in judged_rows(look)]


def _rejection(row: Row, judge: Corrections) -> Rejection | None:
    word = row.word
    if word is None:
        return None
    if word.outcome == "edit":
        return judge.rejection(row.sample, word.response or "")
    if word.outcome == "keep" and word.harmful:
        return Rejection("outcome", "safety", row.again)
    return None


def _told(rejection: Rejection) -> str:
    if rejection.gate in ("correction", "outcome"):
        return rejection.reason
    return f"the corrected answer was not taken; the gate '{rejection.gate}' says: {rejection.reason}"
