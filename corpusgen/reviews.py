"""The files of a clinicians' review, below RUN/review/: where they lie, their tables, and what they say.

    state.json             the acceptance plan as it was stated when the first sample was drawn, the looks since, the
                           salt of their draws, and the name that the review's datasets have on the server
    people.json            who reviews: pseudonym, role, profession, whether simulated; never a name
    decisions.parquet      what was decided about which pair, and why: an input of the next build
    .lock                  held by the command that is at work; empty
    look-01/
        frame.parquet          every pair of the corpus when the sample was drawn: its id and the hash of its text
        sample.parquet         the sample as drawn, the calibration items with their known answers, and the pairs that
                               filled the cells of dropped ones since
        assignments.parquet    who was given what, in which portion
        responses.parquet      submitted answers, long: one row an answer
        unfinished.parquet     drafts and discards, the same table
        withdrawn.parquet      submitted flags of harm that were taken back or changed since, the same table
        adjudication.parquet   what adjudicators settled
        judge.parquet          the same questions, answered by a language model
        agreement.json         how far people agree, and what they found; agreement.png is its picture

A review is never cleared by a build. Names of reviewers stay on the annotation server.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from corpusgen.errors import RunError
from corpusgen.review_tables import decisions_schema
from corpusgen.run import read_table, write_table, write_text

if TYPE_CHECKING:
    pass

__all__ = [
    "Decision",
    "Look",
    "Person",
    "ReviewFolder",
    "content_hash",
    "merge_decisions",
    "read_decisions",
    "sha256",
]

REVIEW_FORMAT = 1
"""Raised when a review of an older version can no longer be read."""

Outcome = Literal["keep", "edit", "drop"]


def content_hash(prompt: str, response: str) -> str:
    """Returns the hash of a pair's text (16 hex digits): what was judged, whatever the id says."""
    return hashlib.sha256(f"{prompt}\x1e{response}".encode()).hexdigest()[:16]


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class ReviewFolder:
    """RUN/review/ and the names of what lies in it."""

    root: Path

    @property
    def state_path(self) -> Path:
        """The plan as stated, and the looks."""
        return self.root / "state.json"

    @property
    def people_path(self) -> Path:
        """Who reviews, under pseudonyms."""
        return self.root / "people.json"

    @property
    def decisions_path(self) -> Path:
        """What was decided."""
        return self.root / "decisions.parquet"

    def look(self, number: int) -> Look:
        """Returns the folder of a look, counted from 1."""
        return Look(number, self.root / f"look-{number:02d}")

    def looks(self) -> list[Look]:
        """Returns the looks whose sample was drawn, in order."""
        return [self.look(number) for number in range(1, 1 + len(self.state().get("looks", [])))]

    def state(self) -> dict[str, Any]:
        """Returns state.json, or an empty mapping where no sample was drawn yet.

        Raises:
            RunError: It is damaged, or of another format.
        """
        return _read_json(self.state_path, "review_format", REVIEW_FORMAT)

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Writes state.json.

        Raises:
            StorageError: The folder cannot be written.
        """
        text = json.dumps({"review_format": REVIEW_FORMAT, **state}, indent=2, ensure_ascii=False) + "\n"
        write_text(self.state_path, text)

    def people(self) -> dict[str, Person]:
        """Returns everybody who reviews, by pseudonym."""
        found = _read_json(self.people_path, "review_format", REVIEW_FORMAT).get("people", {})
        return {name: Person(name, **value) for name, value in sorted(found.items())}

    def save_people(self, people: Mapping[str, Person]) -> None:
        """Writes people.json.

        Raises:
            StorageError: The folder cannot be written.
        """
        rows = {
            name: {"role": person.role, "profession": person.profession, "simulated": person.simulated}
            for name, person in sorted(people.items())
        }
        text = json.dumps({"review_format": REVIEW_FORMAT, "people": rows}, indent=2, ensure_ascii=False) + "\n"
        write_text(self.people_path, text)


@dataclass(frozen=True)
class Look:
    """The folder of one look at the corpus: one fresh sample and all that came of it."""

    number: int
    root: Path

    @property
    def frame_path(self) -> Path:
        """Every pair of the corpus when the sample was drawn."""
        return self.root / "frame.parquet"

    @property
    def sample_path(self) -> Path:
        """The sample as drawn, with the calibration key."""
        return self.root / "sample.parquet"

    @property
    def assignments_path(self) -> Path:
        """Who was given what."""
        return self.root / "assignments.parquet"

    @property
    def responses_path(self) -> Path:
        """Submitted answers."""
        return self.root / "responses.parquet"

    @property
    def unfinished_path(self) -> Path:
        """Drafts and discards."""
        return self.root / "unfinished.parquet"

    @property
    def withdrawn_path(self) -> Path:
        """Flags of harm that were submitted, and taken back or changed since: they are settled all the same."""
        return self.root / "withdrawn.parquet"

    @property
    def adjudication_path(self) -> Path:
        """What adjudicators settled."""
        return self.root / "adjudication.parquet"

    @property
    def judge_path(self) -> Path:
        """What a language model answered to the same questions."""
        return self.root / "judge.parquet"

    @property
    def agreement_path(self) -> Path:
        """Agreement figures."""
        return self.root / "agreement.json"

    @property
    def picture_path(self) -> Path:
        """Agreement as a picture."""
        return self.root / "agreement.png"


class Person(NamedTuple):
    """Somebody who takes part in a review.

    Attributes:
        pseudonym: Derived from the random id that the annotation server gave the account.
        role: ``reviewer`` or ``adjudicator``.
        profession: As they wish it to be printed on the card, or empty.
        simulated: Whether a program answers in a person's place: in a test.
    """

    pseudonym: str
    role: str
    profession: str
    simulated: bool


class Decision(NamedTuple):
    """What was decided about one pair.

    Attributes:
        look: The look whose sample held it.
        pair_id: The pair.
        cell_id: Its cell.
        content_hash: Hash of the text that was judged; a decision about another text does not apply.
        outcome: ``keep``, ``edit`` or ``drop``.
        harmful: Whether the answer as drawn was harmful.
        response: The corrected answer of an ``edit``, otherwise null.
        reviewers: Pseudonyms of those who judged it, sorted.
        adjudicator: Pseudonym of who settled it; null where the reviewers agreed.
        reason: Why, in the adjudicator's words, or that the reviewers agreed.
        round: Which recording of the look it came with, from 1: later ones never change what came of earlier ones.
    """

    look: int
    pair_id: str
    cell_id: str
    content_hash: str
    outcome: Outcome
    harmful: bool
    response: str | None
    reviewers: tuple[str, ...]
    adjudicator: str | None
    reason: str
    round: int = 1


def merge_decisions(before: tuple[Decision, ...], made: Iterable[Decision]) -> tuple[Decision, ...]:
    """Returns old and new decisions together: what is new or says something else comes with a round of its own.

    Args:
        before: What was recorded.
        made: What there is to record now; its rounds do not matter.
    """
    kept = {(item.look, item.pair_id): item for item in before}
    last = Counter({look: max(item.round for item in before if item.look == look) for look in {d.look for d in before}})
    for item in made:
        old = kept.get((item.look, item.pair_id))
        if old is None or old._replace(round=0) != item._replace(round=0):
            kept[item.look, item.pair_id] = item._replace(round=last[item.look] + 1)
    return tuple(sorted(kept.values(), key=_recorded))


def _recorded(decision: Decision) -> tuple[int, int, str]:
    return decision.look, decision.round, decision.pair_id


def read_decisions(path: Path) -> tuple[Decision, ...]:
    """Returns the decisions of a run by look, round and pair id; none where nothing was decided.

    Raises:
        RunError: The file is damaged, or decides twice about the same pair in one look.
    """
    if not path.is_file():
        return ()
    rows = [
        Decision(**{**row, "reviewers": tuple(row["reviewers"])})
        for row in read_table(path, remake="corpusgen review apply").to_pylist()
    ]
    found = sorted(rows, key=_recorded)
    if len({(row.look, row.pair_id) for row in found}) < len(found):
        what = "decides twice about a pair in the same look"
        raise RunError(what, where=path, do="corpusgen review apply, which writes it anew from what was pulled")
    return tuple(found)


def write_decisions(decisions: tuple[Decision, ...], path: Path) -> None:
    """Writes the decisions of a run; the same decisions give the same bytes.

    Raises:
        StorageError: The path cannot be written.
    """
    import pyarrow as pa

    rows = [{**row._asdict(), "reviewers": list(row.reviewers)} for row in sorted(decisions, key=_recorded)]
    write_table(pa.Table.from_pylist(rows, schema=decisions_schema()), path)


def _read_json(path: Path, key: str, version: int) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        do = "restore it from a copy; it cannot be made again"
        raise RunError(f"cannot be read: {error}", where=path, do=do) from error
    found = value.get(key) if isinstance(value, dict) else None
    if found != version:
        what = f"is of review format {found}, and this version reads {version}"
        raise RunError(what, where=path, do="use the version of corpusgen that drew the sample")
    return {name: item for name, item in value.items() if name != key}
