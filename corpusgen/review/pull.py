"""Pull: what people answered on the server, brought into the run.

Nothing that was pulled before is ever lost: of two versions of an answer the later stands, and answers whose dataset
has gone stay. The same answers on the server give the same bytes here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from corpusgen.errors import Unmet
from corpusgen.review.connection import Connection
from corpusgen.review.datasets import Dataset, Shelf
from corpusgen.review.names import Names, case_of, names_of
from corpusgen.review.opening import Review, open_review, read_rows
from corpusgen.review.questions import QUESTIONS
from corpusgen.reviews import Look, adjudication_schema, content_hash, responses_schema
from corpusgen.run import Run, write_table

__all__ = ["Pulled", "pull", "raise_refused"]

SITTING = timedelta(minutes=20)
"""A pause longer than this ends a sitting; the next answer says nothing about the time that it took."""

Key = tuple[str, str]
"""A record and who answered it."""


@dataclass(frozen=True)
class Pulled:
    """What a pull found.

    Attributes:
        look: The look that is under way.
        submitted: Records submitted, counted once for each reviewer.
        drafts: Records begun and not submitted.
        discarded: Records set aside.
        settled: Records that an adjudicator settled.
        new: Of all these, those that came or changed since the last pull.
        refused: Answers about a text that is not the one that was pushed, for people; they are left out.
        warnings: What else is odd, for people.
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
    """Brings the answers of the look that is under way into RUN/review/, also while people go on working.

    Returns:
        What was found; where answers were refused, the others are there, and :func:`raise_refused` says so.

    Raises:
        RunError: No sample was drawn yet, or the run is not finished.
        ReviewError: The server cannot be reached.
        StorageError: The files cannot be written.
    """
    review = open_review(run)
    look = review.require_look()
    with review.alone():
        return pull_look(review, look, Shelf(connection.client()), names_of(review, connection))


def pull_look(review: Review, look: Look, shelf: Shelf, names: Names) -> Pulled:
    """Does the work of :func:`pull` where the files of the review are held already."""
    sample = {row["record_id"]: row for row in read_rows(look.sample_path)}
    reader = _Reader(look, sample, names, shelf)
    found = dict(reader.portions(read_rows(look.assignments_path)))
    before = _grouped([*read_rows(look.responses_path), *read_rows(look.unfinished_path)])
    merged, new = _merged(before, found)
    settled = {row["record_id"]: row for row in read_rows(look.adjudication_path)}
    ruled, more = _settled(settled, reader.adjudicated())
    rows = list(_rows(merged))
    _save(look, rows, ruled, had=bool(settled))
    status = Counter(answers[0]["status"] for answers in merged.values())
    return Pulled(
        look=look.number,
        submitted=status["submitted"],
        drafts=status["draft"],
        discarded=status["discarded"],
        settled=len(ruled),
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
                self.warnings.append(f"portion {portion} of {reviewer} is not on the server; earlier answers are kept")
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

    def adjudicated(self) -> Iterator[dict[str, Any]]:
        """Yields what adjudicators settled, one row a record and adjudicator and round."""
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
                    yield self._settled(response, name, adjudicator)

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
    found: dict[Key, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["record_id"], row["reviewer"]), []).append(row)
    return found


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


def _settled(before: Mapping[str, dict[str, Any]], found: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Returns the latest word of an adjudicator on every record, and how many came or changed."""
    merged, new = dict(before), set()
    for row in found:
        known = merged.get(row["record_id"])
        if known is None or (row["updated_at"], row["adjudicator"]) > (known["updated_at"], known["adjudicator"]):
            merged[row["record_id"]] = row
            new.add(row["record_id"])
    return [merged[name] for name in sorted(merged)], len(new)


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


def _save(look: Look, rows: list[dict[str, Any]], ruled: list[dict[str, Any]], *, had: bool) -> None:
    import pyarrow as pa

    done = [row for row in rows if row["status"] == "submitted"]
    left = [row for row in rows if row["status"] != "submitted"]
    # unfinished first: killed between the two, an answer is in both rather than in neither
    write_table(pa.Table.from_pylist(left, schema=responses_schema()), look.unfinished_path)
    write_table(pa.Table.from_pylist(done, schema=responses_schema()), look.responses_path)
    if ruled or had:
        write_table(pa.Table.from_pylist(ruled, schema=adjudication_schema()), look.adjudication_path)
