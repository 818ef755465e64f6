"""Push: the sample is drawn, and today's portions go to their reviewers, a dataset each.

Who gets what is written down before a record is sent, and a record is sent under an id of its own: a push that was
killed is finished by the next one, which sends nothing twice.
"""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from corpusgen.errors import UsageError
from corpusgen.review.answers import opted_out
from corpusgen.review.connection import Connection
from corpusgen.review.datasets import Shelf
from corpusgen.review.looks import changed_since, ready_look, take_refills
from corpusgen.review.names import Names, names_of
from corpusgen.review.opening import Review, open_review, read_rows
from corpusgen.review.page import fields, guidelines, page_settings
from corpusgen.review.portions import counted, next_portions
from corpusgen.review.pull import pull_look
from corpusgen.review_tables import assignments_schema, responses_schema
from corpusgen.reviews import Look
from corpusgen.run import Run, read_table, write_table

if TYPE_CHECKING:
    import argilla
    import pyarrow as pa

__all__ = ["Portion", "Pushed", "push"]


class Portion(NamedTuple):
    """A portion that was sent.

    Attributes:
        reviewer: Whose it is, under a pseudonym.
        portion: Its number, from 1 for each reviewer.
        records: Records that were sent.
        mended: Whether an earlier push had left it unfinished.
        url: Where it is judged.
    """

    reviewer: str
    portion: int
    records: int
    mended: bool
    url: str


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    Attributes:
        look: The look that is under way.
        drawn: Pairs in its sample.
        refills: Pairs beside them that have taken the places of dropped ones.
        calibration: Hidden items beside them.
        fresh: Whether this push drew the sample.
        portions: What was sent.
        starved: Records that cannot be given to enough people, for people.
        warnings: What else is odd, for people.
    """

    look: int
    drawn: int
    refills: int
    calibration: int
    fresh: bool
    portions: tuple[Portion, ...]
    starved: tuple[str, ...]
    warnings: tuple[str, ...]


def push(run: str | Run, connection: Connection, *, day: datetime.date | None = None, new_look: bool = False) -> Pushed:
    """Draws the sample where none was drawn, and gives every reviewer the next portion, after a pull.

    Args:
        run: A finished run.
        connection: The annotation server.
        day: The day for which portions are given; today by default, in UTC.
        new_look: Draws a fresh sample, once the last one is judged and its decisions are built in.

    Raises:
        RunError: The run is not finished, or the plan was changed after it was stated.
        ReviewError: The server cannot be reached.
        UsageError: Nobody reviews yet.
        Unmet: A fresh look is not to be had.
        InvalidFile: The recipe, or the guidelines, cannot be used.
        StorageError: The files cannot be written.
    """
    review = open_review(run)
    names = names_of(review, connection)
    if not names.reviewers:
        do = f"corpusgen review users {review.run.root} --reviewer NAME"
        raise UsageError("nobody reviews yet", where=review.run.root, do=do)
    # first of all: a page that cannot be shown shall not cost a look
    text = guidelines(review.recipe_path, review.recipe, review.taxonomy)
    with review.alone():
        before = review.look
        client = connection.client()
        shelf = Shelf(client)
        # before anything is drawn: a late answer may show that an earlier look is not finished
        given = [look for look in review.folder.looks() if look.assignments_path.is_file()]
        pulled = [pull_look(review, look, shelf, names) for look in given]
        look = ready_look(review, fresh=new_look)
        # a first push has only now given the datasets their name
        names = names_of(review, connection) if before is None else names
        take_refills(review, look)
        job = _Push(review, look, names, shelf, page_settings(client, text), connection.page.rstrip("/"))
        starved = job.assign(day or datetime.datetime.now(datetime.UTC).date())
        job.take_back()
        portions = tuple(job.send())
    odd = [item for found in pulled for item in (*(f"refused: {name}" for name in found.refused), *found.warnings)]
    warnings = [f"the sample is judged as it was drawn: {item}" for item in changed_since(review, look)]
    kinds = [row["kind"] for row in job.sample.values()]
    return Pushed(
        look=look.number,
        drawn=kinds.count("sample"),
        refills=kinds.count("refill"),
        calibration=kinds.count("calibration"),
        fresh=before is None or before.number != look.number,
        portions=portions,
        starved=tuple(starved),
        warnings=(*warnings, *odd),
    )


class _Push:
    """One call of :func:`push`."""

    def __init__(
        self, review: Review, look: Look, names: Names, shelf: Shelf, settings: argilla.Settings, page: str
    ) -> None:
        self.review = review
        self.look = look
        self.names = names
        self.shelf = shelf
        self.settings = settings
        self.page = page
        self.sample = {row["record_id"]: row for row in read_rows(look.sample_path)}
        self.answered = [*read_rows(look.responses_path), *read_rows(look.unfinished_path)]
        self.new: set[tuple[str, int]] = set()

    def assign(self, day: datetime.date) -> Sequence[str]:
        """Writes down who gets what next; returns what cannot be given to enough people."""
        today = day.isoformat()
        found = next_portions(
            read_table(self.look.sample_path),
            _table(self.look.assignments_path, assignments_schema()),
            _said(self.look),
            self._opted_out(),
            sorted(self.names.reviewers),
            self.review.plan,
            today,
            self._elsewhere(today),
        )
        # before a record is sent: a push that is killed knows what it had begun
        write_table(found.assignments, self.look.assignments_path)
        self.new = {(row["reviewer"], row["portion"]) for row in found.given}
        return [f"pair {item.pair_id}, {item.short} readers short: {item.reason}" for item in found.starved]

    def _elsewhere(self, today: str) -> Counter[str]:
        """Returns how many records of earlier looks count towards today's portions."""
        found: Counter[str] = Counter()
        for look in self.review.folder.looks():
            if look.number != self.look.number:
                for who, records in counted(
                    _table(look.assignments_path, assignments_schema()), _said(look), today
                ).items():
                    found[who] += len(records)
        return found

    def _opted_out(self) -> dict[str, set[str]]:
        """Returns the domains that reviewers asked to be spared, in this look or an earlier one."""
        spared: dict[str, set[str]] = defaultdict(set)
        for look in self.review.folder.looks():
            rows = [*read_rows(look.responses_path), *read_rows(look.unfinished_path)]
            for who, domains in opted_out(read_rows(look.sample_path), rows).items():
                spared[who] |= domains
        return spared

    def take_back(self) -> None:
        """Takes records off the pages of reviewers who have given them back without a word about them."""
        gone: dict[tuple[str, int], set[str]] = defaultdict(set)
        for row in read_rows(self.look.assignments_path):
            if row["state"] == "returned" and row["reviewer"] in self.names.reviewers:
                gone[row["reviewer"], row["portion"]].add(row["record_id"])
        for (reviewer, portion), records in sorted(gone.items()):
            workspace = self.names.workspace(self.names.reviewers[reviewer])
            dataset = self.shelf.find(workspace, self.names.portion(self.look.number, portion))
            if dataset is not None and dataset.ready:
                self.shelf.remove(dataset, records)

    def send(self) -> Iterator[Portion]:
        """Sends every record that is assigned, not answered, and not on the server; yields what was sent."""
        touched = {(row["record_id"], row["reviewer"]) for row in self.answered}
        wanted: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        for row in read_rows(self.look.assignments_path):
            if row["state"] == "given" and (row["record_id"], row["reviewer"]) not in touched:
                wanted[row["reviewer"], row["portion"]].append(row)
        for (reviewer, portion), rows in sorted(wanted.items()):
            if reviewer in self.names.reviewers:
                yield from self._send(reviewer, portion, rows)

    def _send(self, reviewer: str, portion: int, rows: Sequence[Mapping[str, Any]]) -> Iterator[Portion]:
        workspace = self.names.workspace(self.names.reviewers[reviewer])
        name = self.names.portion(self.look.number, portion)
        dataset = self.shelf.find(workspace, name)
        there: set[str] = set()
        if dataset is None or not dataset.ready:
            dataset = self.shelf.ensure(workspace, name, self.settings)
        else:
            there = {record["external_id"] for record in self.shelf.records(dataset)}
        left = [row for row in sorted(rows, key=lambda row: row["position"]) if row["record_id"] not in there]
        if left:
            self.shelf.put(dataset, [self._record(row["record_id"]) for row in left])
            url = f"{self.page}/dataset/{dataset.id}/annotation-mode"
            yield Portion(reviewer, portion, len(left), (reviewer, portion) not in self.new, url)

    def _record(self, name: str) -> dict[str, Any]:
        return {"external_id": name, "fields": fields(self.sample[name], self.review.taxonomy)}


def _said(look: Look) -> pa.Table:
    """Returns all that reviewers said in a look, finished or not."""
    import pyarrow as pa

    return pa.concat_tables([_table(path, responses_schema()) for path in (look.responses_path, look.unfinished_path)])


def _table(path: Path, schema: pa.Schema) -> pa.Table:
    return read_table(path, remake="corpusgen review pull") if path.is_file() else schema.empty_table()
