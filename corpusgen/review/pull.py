"""Pull: what people answered on the server, brought into the run.

Nothing that was pulled before is ever lost: of two versions of an answer the later stands, and answers whose dataset
has gone stay. The same answers on the server give the same bytes here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusgen.disputes import flags_harm
from corpusgen.errors import Unmet
from corpusgen.review.answers import by_record
from corpusgen.review.connection import Connection
from corpusgen.review.datasets import Dataset, Shelf
from corpusgen.review.names import Names, attempt_of, case_of, names_of
from corpusgen.review.opening import Review, open_review, read_rows
from corpusgen.review.opinions import told_on
from corpusgen.review.questions import QUESTIONS
from corpusgen.review_tables import adjudication_schema, responses_schema
from corpusgen.reviews import Look, content_hash
from corpusgen.run import Run, write_table
from corpusgen.standing import fingerprint

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Pulled", "pull", "pull_look", "pull_looks", "raise_refused"]

SITTING = timedelta(minutes=20)
"""A pause longer than this ends a sitting; the next answer says nothing about the time that it took."""

Key = tuple[str, str]
"""A record and who answered it."""


@dataclass(frozen=True)
class Pulled:
    """What a pull found.

    Attributes:
        look: The look that is under way; the figures are its own.
        submitted: Records submitted, counted once for each reviewer.
        drafts: Records begun and not submitted.
        discarded: Records set aside.
        settled: Records that an adjudicator settled.
        new: Of all these, and of those of earlier looks, those that came or changed since the last pull.
        refused: Answers about a text that is not the one that was pushed, in any look, for people; they are left out.
        warnings: What else is odd, in any look, for people.
    """

    look: int
    submitted: int
    drafts: int
    discarded: int
    settled: int
    new: int
    refused: tuple[str, ...]
    warnings: tuple[str, ...]


def pull(run: str | Run, connection: Connection) -> Pulled:
    """Brings the answers of every look into RUN/review/, also while people go on working.

    Returns:
        What was found; where answers were refused, the others are there, and :func:`raise_refused` says so.

    Raises:
        RunError: No sample was drawn yet, or the run is not finished.
        ReviewError: The server cannot be reached.
        StorageError: The files cannot be written.
    """
    review = open_review(run)
    review.require_look()
    with review.alone():
        return pull_looks(review, Shelf(connection.client()), names_of(review, connection))


def pull_looks(review: Review, shelf: Shelf, names: Names) -> Pulled:
    """Does the work of :func:`pull` where the files of the review are held already."""
    found = [pull_look(review, look, shelf, names) for look in review.folder.looks()]
    return replace(
        found[-1],
        new=sum(item.new for item in found),
        refused=tuple(text for item in found for text in item.refused),
        warnings=tuple(text for item in found for text in item.warnings),
    )


def pull_look(review: Review, look: Look, shelf: Shelf, names: Names) -> Pulled:
    """Pulls one look."""
    sample = {row["record_id"]: row for row in read_rows(look.sample_path)}
    reader = _Reader(look, sample, names, shelf)
    found = dict(reader.portions(read_rows(look.assignments_path)))
    before = _grouped([*read_rows(look.responses_path), *read_rows(look.unfinished_path)])
    merged, new = _merged(before, found)
    withdrawn = _withdrawn(read_rows(look.withdrawn_path), before, merged)
    rows = list(_rows(merged))
    settled = read_rows(look.adjudication_path)
    ruled, more = _settled(settled, reader.adjudicated([*rows, *withdrawn]))
    _save(look, rows, withdrawn, ruled, had=bool(settled))
    status = Counter(answers[0]["status"] for answers in merged.values())
    return Pulled(
        look=look.number,
        submitted=status["submitted"],
        drafts=status["draft"],
        discarded=status["discarded"],
        settled=len({row["record_id"] for row in ruled}),
        new=new + more,
        refused=tuple(reader.refused),
        warnings=tuple(reader.warnings),
    )


def raise_refused(pulled: Pulled, run: Run) -> None:
    """Raises when answers were refused.

    Raises:
        Unmet: Naming them.
    """
    if pulled.refused:
        what = f"{len(pulled.refused)} answers are about another text than was pushed, and are left out: "
        do = "find out who changed the records on the server; what was answered before the change is kept"
        raise Unmet(what + "; ".join(pulled.refused[:5]), where=run.root, do=do)


class _Reader:
    """Reads the datasets of one look, noting what is odd."""

    def __init__(self, look: Look, sample: Mapping[str, Mapping[str, Any]], names: Names, shelf: Shelf) -> None:
        self.look = look
        self.sample = sample
        self.names = names
        self.shelf = shelf
        self.refused: list[str] = []
        self.warnings: list[str] = []

    def portions(self, assignments: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Key, list[dict[str, Any]]]]:
        """Yields the answers in every portion that was given, by record and reviewer."""
        given: dict[tuple[str, int], set[str]] = {}
        for row in assignments:
            given.setdefault((row["reviewer"], row["portion"]), set()).add(row["record_id"])
        for (reviewer, portion), records in sorted(given.items()):
            name = self.names.portion(self.look.number, portion)
            username = self.names.reviewers.get(reviewer)
            dataset = self.shelf.find(self.names.workspace(username), name) if username else None
            if dataset is None or not dataset.ready:
                where = f"look {self.look.number}, portion {portion} of {reviewer}"
                self.warnings.append(f"{where}, is not on the server; earlier answers are kept")
                continue
            yield from self._portion(dataset, reviewer, portion, records)

    def _portion(
        self, dataset: Dataset, reviewer: str, portion: int, records: set[str]
    ) -> Iterator[tuple[Key, list[dict[str, Any]]]]:
        user = self.names.users[self.names.reviewers[reviewer]]
        for record in self.shelf.records(dataset, responses=True):
            name = record["external_id"]
            if name not in records:
                self.warnings.append(f"portion {portion} of {reviewer} holds a record that was never given: {name}")
                continue
            mine = [item for item in record["responses"] or () if item["user_id"] == user]
            if len(mine) < len(record["responses"] or ()):
                self.warnings.append(f"somebody else than {reviewer} answered {name}; left out")
            if mine and self._as_pushed(record, name, reviewer):
                yield (name, reviewer), self._answers(mine[0], name, reviewer, portion)

    def _as_pushed(self, record: Mapping[str, Any], name: str, who: str) -> bool:
        texts = record["fields"]
        if content_hash(texts.get("message", ""), texts.get("answer", "")) == self.sample[name]["content_hash"]:
            return True
        self.refused.append(f"record {name} of {who}")
        return False

    def _answers(self, response: Mapping[str, Any], name: str, reviewer: str, portion: int) -> list[dict[str, Any]]:
        row = self.sample[name]
        common = {
            "look": self.look.number,
            "record_id": name,
            "pair_id": row["pair_id"],
            "kind": row["kind"],
            "reviewer": reviewer,
            "portion": portion,
            "status": response["status"],
            "content_hash": row["content_hash"],
            "updated_at": moment(response["updated_at"]),
            "seconds": None,
        }
        answered: list[tuple[str | None, str | None]] = [*_values(response)]
        return [{**common, "question": question, "value": value} for question, value in answered or [(None, None)]]

    def adjudicated(self, answered: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yields what adjudicators settled, one row a record, hand-out and adjudicator.

        Args:
            answered: What reviewers have submitted, and what they have taken back, to tell what each page showed.
        """
        said: dict[str, list[tuple[str, dict[str, tuple[str, ...]]]]] = {}
        for status in ("submitted", "withdrawn"):
            for name, given in by_record(row for row in answered if row["status"] == status).items():
                said.setdefault(name, []).extend(given.items())
        dataset = self.shelf.find(self.names.adjudication, self.names.cases(self.look.number))
        if dataset is None or not dataset.ready:
            return
        for record in self.shelf.records(dataset, responses=True):
            name = case_of(record["external_id"])
            for response in record["responses"] or ():
                adjudicator = self.names.adjudicator(response["user_id"])
                if response["status"] != "submitted":
                    continue
                if adjudicator is None or name not in self.sample:
                    self.warnings.append(f"somebody who is no adjudicator settled {name}; left out")
                elif self._as_pushed(record, name, adjudicator):
                    page = record["fields"].get("opinions", "")
                    seen = {fingerprint(who, given) for who, given in said.get(name, ()) if told_on(page, given)}
                    yield {
                        **self._settled(response, name, adjudicator),
                        "attempt": attempt_of(record["external_id"]),
                        "seen": sorted(seen),
                    }

    def _settled(self, response: Mapping[str, Any], name: str, adjudicator: str) -> dict[str, Any]:
        said = {question: item["value"] for question, item in (response["values"] or {}).items()}
        row = self.sample[name]
        edited = said["outcome"] == "edit"
        return {
            "look": self.look.number,
            "record_id": name,
            "pair_id": row["pair_id"],
            "adjudicator": adjudicator,
            "outcome": said["outcome"],
            "harmful": said["harmful"] == "yes",
            "response": tidy(said.get("correction") or "") if edited else None,
            "reason": " ".join(said["reason"].split()),
            "content_hash": row["content_hash"],
            "updated_at": moment(response["updated_at"]),
        }


def _values(response: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    given = response["values"] or {}
    for question in QUESTIONS:
        value = (given.get(question.name) or {}).get("value")
        for item in value if isinstance(value, list) else [value]:
            if item is not None and str(item).strip():
                yield question.name, tidy(item) if question.kind == "text" else str(item)


def moment(text: str) -> datetime:
    """Returns a time of the server, which gives it in UTC and does not say so."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def tidy(text: str) -> str:
    """Returns a text from a browser with its line ends as everywhere else, and no blanks around it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _grouped(rows: Iterable[dict[str, Any]]) -> dict[Key, list[dict[str, Any]]]:
    """Returns the answers to each record by reviewer; of two versions, which a killed pull leaves, the later."""
    found: dict[Key, dict[tuple[datetime, bool], list[dict[str, Any]]]] = {}
    for row in rows:
        version = row["updated_at"], row["status"] == "submitted"
        found.setdefault((row["record_id"], row["reviewer"]), {}).setdefault(version, []).append(row)
    return {key: versions[max(versions)] for key, versions in found.items()}


def _withdrawn(
    kept: Iterable[dict[str, Any]],
    before: Mapping[Key, list[dict[str, Any]]],
    now: Mapping[Key, list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    """Returns the submitted flags of harm that another version has taken the place of; the latest of each reader."""
    found = _grouped(kept)
    for key, rows in before.items():
        if now[key] is not rows and rows[0]["status"] == "submitted":
            said = by_record(rows)[key[0]][key[1]]
            if flags_harm(said):
                found[key] = [{**row, "status": "withdrawn"} for row in rows]
    return [row for key in sorted(found) for row in found[key]]


def _merged(
    before: Mapping[Key, list[dict[str, Any]]], found: Mapping[Key, list[dict[str, Any]]]
) -> tuple[dict[Key, list[dict[str, Any]]], int]:
    """Returns the later version of every record's answers, and how many came or changed."""
    merged, new = dict(before), 0
    for key, rows in found.items():
        known = before.get(key)
        if known is None or rows[0]["updated_at"] > known[0]["updated_at"]:
            merged[key] = rows
            new += 1
    return merged, new


def _settled(before: Iterable[dict[str, Any]], found: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Returns each adjudicator's latest word on every hand-out of a record, and how many records are new or changed."""
    merged = {(row["record_id"], row["attempt"], row["adjudicator"]): row for row in before}
    new = set()
    for row in found:
        key = row["record_id"], row["attempt"], row["adjudicator"]
        known = merged.get(key)
        if known is None or row["updated_at"] > known["updated_at"]:
            merged[key] = row
            new.add(row["record_id"])
    return [merged[key] for key in sorted(merged)], len(new)


_ORDER = {question.name: position for position, question in enumerate(QUESTIONS)}


def _rows(merged: Mapping[Key, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yields every row, in an order of its own, with the seconds since the same person's answer before."""
    last: dict[str, datetime] = {}
    seconds: dict[Key, float | None] = {}
    for key, rows in sorted(merged.items(), key=lambda item: (item[1][0]["updated_at"], item[0])):
        if rows[0]["status"] == "draft":
            continue
        reviewer, when = key[1], rows[0]["updated_at"]
        passed = when - last[reviewer] if reviewer in last else None
        seconds[key] = passed.total_seconds() if passed is not None and passed <= SITTING else None
        last[reviewer] = when
    for key in sorted(merged, key=lambda key: (key[1], merged[key][0]["portion"], key[0])):
        for row in sorted(merged[key], key=lambda row: _ORDER.get(row["question"], -1)):
            yield {**row, "seconds": seconds.get(key)}


def _save(
    look: Look,
    rows: list[dict[str, Any]],
    withdrawn: list[dict[str, Any]],
    ruled: list[dict[str, Any]],
    *,
    had: bool,
) -> None:
    """Writes the tables; killed anywhere in between, an answer is in two of them rather than in none."""
    done = [row for row in rows if row["status"] == "submitted"]
    left = [row for row in rows if row["status"] != "submitted"]
    moved = {(row["record_id"], row["reviewer"]) for row in done}
    held = [row for row in read_rows(look.unfinished_path) if (row["record_id"], row["reviewer"]) in moved]
    if withdrawn:
        _write(withdrawn, look.withdrawn_path)
    # what was a draft stays one until it is among the submitted
    _write([*left, *held], look.unfinished_path)
    _write(done, look.responses_path)
    if held:
        _write(left, look.unfinished_path)
    if ruled or had:
        _write(ruled, look.adjudication_path, adjudication_schema())


def _write(rows: list[dict[str, Any]], path: Path, schema: pa.Schema | None = None) -> None:
    import pyarrow as pa

    write_table(pa.Table.from_pylist(rows, schema=schema or responses_schema()), path)
