"""Where the judgement of each sampled pair stands: waiting for readers, to be settled, agreed on, or settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, NamedTuple

from corpusgen.acceptance import complete, needs_adjudication
from corpusgen.checks import Pair, PairGate, Rejection, Rules, check_pair, pair_gates, pair_of
from corpusgen.checks.corrected import corrected
from corpusgen.review.answers import Answers, by_record, last_answered
from corpusgen.review.opening import Review, read_rows
from corpusgen.reviews import Look

__all__ = ["Corrections", "Judgement", "judgements"]

Standing = Literal["waiting", "open", "agreed", "settled"]


class Judgement(NamedTuple):
    """What is known about one pair of a sample.

    Attributes:
        row: Its row of the sample.
        answers: What its reviewers answered, whole answers only.
        reasons: Why somebody has to settle it, for people; nothing where nobody has to.
        settled: An adjudicator's last word, or None.
        again: Why that word does not stand, for people, or nothing.
        rejection: The gate that turned the corrected answer away, where one did; ``correction`` where there is none to
            speak of, ``outcome`` where a harmful answer was to be kept.
    """

    row: Mapping[str, Any]
    answers: Answers
    reasons: tuple[str, ...]
    settled: Mapping[str, Any] | None
    again: str = ""
    rejection: Rejection | None = None

    @property
    def standing(self) -> Standing:
        """Where it stands.

        ``open`` is for an adjudicator: when every reader has answered, and at once where somebody sees harm.
        """
        if self.settled is not None:
            return "open" if self.again else "settled"
        harm = any(answers["harm"][0] != "no" for answers in self.answers.values())
        if len(self.answers) < max(1, self.row["readers"]) and not harm:
            return "waiting"
        return "open" if self.reasons else "agreed"


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
    rows = read_rows(look.responses_path)
    answers, when = by_record(rows), last_answered(rows)
    settled = {row["record_id"]: row for row in read_rows(look.adjudication_path)}
    found = []
    for row in read_rows(look.sample_path):
        if row["kind"] != "sample":
            continue
        name = row["record_id"]
        whole = {who: said for who, said in answers.get(name, {}).items() if complete(said)}
        last = settled.get(name)
        later = _later(name, whole, when, last)
        rejection = _rejection(row, last, judge) if last else None
        again = _told(rejection) if rejection else later
        found.append(Judgement(row, whole, needs_adjudication(whole), last, again, rejection))
    return found


def _rejection(row: Mapping[str, Any], last: Mapping[str, Any], judge: Corrections) -> Rejection | None:
    if last["outcome"] == "edit":
        return judge.rejection(row, last["response"] or "")
    if last["outcome"] == "keep" and last["harmful"]:
        return Rejection("outcome", "safety", "an answer that was found harmful is corrected or dropped, never kept")
    return None


def _told(rejection: Rejection) -> str:
    if rejection.gate in ("correction", "outcome"):
        return rejection.reason
    return f"the corrected answer was not taken; the gate '{rejection.gate}' says: {rejection.reason}"


def _later(
    name: str, answers: Answers, when: Mapping[tuple[str, str], datetime], last: Mapping[str, Any] | None
) -> str:
    """Returns that somebody answered after a record was settled, and sees something to settle; or nothing."""
    if last is None:
        return ""
    since: Sequence[str] = [who for who in answers if when[name, who] > last["updated_at"]]
    if any(needs_adjudication({who: answers[who]}) for who in since):
        return "a reviewer answered after this was settled"
    return ""
