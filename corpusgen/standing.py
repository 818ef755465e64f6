"""Where every sampled pair of a look stands: short of readers, to be settled, settled, or agreed on.

The one rule by which the gate, the decisions and the next look go. What was said about another text does not count.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from corpusgen.disputes import Answers, complete, flags_harm, needs_adjudication
from corpusgen.reviews import Look
from corpusgen.run import read_rows, read_table

__all__ = ["KINDS", "Row", "Standing", "Word", "fingerprint", "judged_rows", "last_words", "standing", "unfinished"]

Standing = Literal["short", "open", "settled", "agreed"]

KINDS = ("sample", "refill")
"""The kinds of rows that are pairs of the corpus."""

PULL = "corpusgen review pull"

UNSHOWN = "rather_not"
"""The question whose answer is between a reviewer and who deals the portions."""


class Word(NamedTuple):
    """What an adjudicator said about a pair.

    Attributes:
        adjudicator: Who, under a pseudonym.
        outcome: ``keep``, ``edit`` or ``drop``.
        harmful: Whether the answer as drawn was harmful.
        response: The corrected answer of an ``edit``.
        reason: Why, in their words.
        attempt: How often the case had been handed out, from 1.
        seen: Fingerprints of the answers that the page showed.
        updated_at: When.
    """

    adjudicator: str
    outcome: str
    harmful: bool
    response: str | None
    reason: str
    attempt: int
    seen: frozenset[str]
    updated_at: datetime

    @property
    def said(self) -> tuple[str, str | None]:
        """What must be the same for two adjudicators to agree; one who sees harm need not be joined by the other."""
        return self.outcome, self.response if self.outcome == "edit" else None


def fingerprint(reviewer: str, answers: Answers) -> str:
    """Returns what tells one reviewer's answers about a record from any others (16 hex digits)."""
    said = sorted((name, sorted(values)) for name, values in answers.items() if name != UNSHOWN and values)
    return hashlib.sha256(json.dumps([reviewer, said]).encode()).hexdigest()[:16]


def last_words(words: Iterable[Word]) -> tuple[Word, ...]:
    """Returns the words that count, the latest last: those of the last hand-out, and any that was spoken after one."""
    found = sorted(words, key=lambda word: (word.attempt, word.updated_at, word.adjudicator))
    if not found:
        return ()
    since = min(word.updated_at for word in found if word.attempt == found[-1].attempt)
    return tuple(word for word in found if word.attempt == found[-1].attempt or word.updated_at > since)


class Row(NamedTuple):
    """A pair of a sample, or one that took a dropped one's place, with all that was said about it.

    Attributes:
        sample: Its row of the sample.
        answers: What its reviewers answered, whole answers only.
        withdrawn: Answers with a flag of harm that were submitted, and taken back or changed.
        words: What adjudicators said last.
    """

    sample: Mapping[str, Any]
    answers: Mapping[str, Answers]
    withdrawn: Mapping[str, Answers]
    words: tuple[Word, ...]

    @property
    def pair_id(self) -> str:
        """The pair."""
        return str(self.sample["pair_id"])

    @property
    def content_hash(self) -> str:
        """Hash of the text that was judged."""
        return str(self.sample["content_hash"])

    @property
    def short(self) -> bool:
        """Whether somebody who shall read it has not answered."""
        return len(self.answers) < max(1, int(self.sample["readers"]))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why somebody has to settle it, for people; nothing where nobody has to."""
        return needs_adjudication(self.answers, self.withdrawn.values())

    @property
    def word(self) -> Word | None:
        """An adjudicator's last word, or None."""
        return self.words[-1] if self.words else None

    @property
    def again(self) -> str:
        """Why the adjudicators' words do not stand, for people, or nothing."""
        if len({word.said for word in self.words}) > 1:
            said = ", ".join(sorted(f"{word.outcome}: {word.reason}" for word in self.words))
            return f"the adjudicators contradict each other ({said})"
        if any(word.outcome == "keep" and word.harmful for word in self.words):
            return "an answer that was found harmful is corrected or dropped, never kept"
        if self.words and any(needs_adjudication({who: given}) for who, given in self._unseen()):
            return "a reviewer's answer was not on the page when this was settled"
        return ""

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        return standing(self)

    @property
    def harmful(self) -> bool:
        """Whether the answer as drawn is harmful, or is held to be so until an adjudicator has settled it."""
        if not self.words:
            return any(flags_harm(given) for _, given in self._said())
        return any(word.harmful for word in self.words) or any(flags_harm(given) for _, given in self._unseen())

    def _said(self) -> list[tuple[str, Answers]]:
        return [*self.answers.items(), *self.withdrawn.items()]

    def _unseen(self) -> list[tuple[str, Answers]]:
        seen = frozenset[str]().union(*(word.seen for word in self.words))
        return [(who, given) for who, given in self._said() if fingerprint(who, given) not in seen]


def standing(row: Row) -> Standing:
    """Returns where a row stands.

    ``open`` is for an adjudicator: when every reader has answered, and at once where somebody sees harm. ``short`` is
    short of readers, whatever was settled meanwhile.
    """
    unsettled = bool(row.again) if row.words else bool(row.reasons)
    at_once = bool(row.again) or (not row.words and row.harmful)
    if unsettled and (at_once or not row.short):
        return "open"
    if row.short:
        return "short"
    return "settled" if row.words else "agreed"


def unfinished(look: Look) -> int:
    """Returns the number of a look's rows that are short of readers, or to be settled.

    Raises:
        RunError: A table is damaged.
    """
    return sum(row.standing in ("short", "open") for row in judged_rows(look))


def judged_rows(look: Look) -> list[Row]:
    """Returns the rows of a look in the order of its sample, calibration items aside.

    Raises:
        RunError: A table is damaged, or the sample is missing.
    """
    answers, withdrawn = _answers(look.responses_path), _answers(look.withdrawn_path)
    words: dict[tuple[str, str], list[Word]] = defaultdict(list)
    for row in read_rows(look.adjudication_path, PULL):
        same = {name: row[name] for name in Word._fields if name != "seen"}
        words[row["record_id"], row["content_hash"]].append(Word(**same, seen=frozenset(row["seen"] or ())))
    rows = []
    for sample in read_table(look.sample_path, remake="corpusgen review push").to_pylist():
        if sample["kind"] in KINDS:
            key = sample["record_id"], sample["content_hash"]
            whole = {who: given for who, given in answers[key].items() if complete(given)}
            taken_back = {
                who: given
                for who, given in withdrawn[key].items()
                if fingerprint(who, given) != fingerprint(who, whole.get(who, {}))
            }
            rows.append(Row(sample, whole, taken_back, last_words(words[key])))
    return rows


def _answers(path: Path) -> dict[tuple[str, str], dict[str, dict[str, tuple[str, ...]]]]:
    """Returns answers by record and text, reviewer and question."""
    found: dict[tuple[str, str], dict[str, dict[str, tuple[str, ...]]]] = defaultdict(lambda: defaultdict(dict))
    for row in read_rows(path, PULL):
        if row["question"] is not None and row["value"] is not None and row["status"] in ("submitted", "withdrawn"):
            given = found[row["record_id"], row["content_hash"]][row["reviewer"]]
            given[row["question"]] = (*given.get(row["question"], ()), row["value"])
    return found
