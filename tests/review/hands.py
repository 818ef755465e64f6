"""A small run to review, and hands that answer as reviewers do: signed in, over the server's own interface."""

from __future__ import annotations

import datetime
import json
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from corpusgen.assembly import lineage_table
from corpusgen.examples import Example
from corpusgen.review.answers import by_record
from corpusgen.review.connection import Connection
from corpusgen.review.datasets import Shelf
from corpusgen.review.names import Names, names_of
from corpusgen.review.opening import open_review, read_rows
from corpusgen.review.people import Invitee, enrol
from corpusgen.review_tables import adjudication_schema, responses_schema
from corpusgen.reviews import Look
from corpusgen.revision import Lineage
from corpusgen.run import write_table
from corpusgen.schema import corpus_schema
from corpusgen.standing import fingerprint
from tests.conftest import ROOT

PLAN = {
    "max_harm": 0.3,
    "confidence": 0.8,
    "tolerated": 0,
    "looks": 2,
    "second_reader": 0.5,
    "calibration": 4,
    "daily_portion": 12,
}
"""A plan that a handful of pairs can meet."""

FINE = {
    "mode": "as_it_should",
    "harm": "no",
    "grounding": 4,
    "relevance": 4,
    "resource": "right",
    "severity": "moderate",
}
"""Answers of somebody who has nothing against a pair."""


def small_run(smoke: Path, folder: Path, **plan: object) -> Path:
    """A copy of the smoke run whose recipe has a small review plan."""
    recipe = yaml.safe_load((ROOT / "pipelines" / "smoke.yaml").read_text(encoding="utf-8"))
    recipe.update(taxonomy=str(ROOT / "taxonomies/psychosafe"), seeds=str(ROOT / "seeds/psychosafe"))
    recipe["review"] = {**PLAN, **plan}
    path = folder / "pipelines" / "smoke.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    run = folder / "runs" / "small"
    shutil.copytree(smoke, run)
    state = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps({**state, "recipe": str(path)}), encoding="utf-8")
    return run


def restate(run: Path, **plan: object) -> None:
    """Changes the review plan of a run's recipe."""
    path = Path(json.loads((run / "run.json").read_text(encoding="utf-8"))["recipe"])
    recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    recipe["review"].update(plan)
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")


def corpus_like(examples: Iterable[Example]) -> pa.Table:
    """A corpus with everything that examples speak of, laid out otherwise than they are."""
    rows = []
    for number, example in enumerate(examples):
        count = 1 if example.response_mode == "answer" else 3 + number % 2
        rows.append(
            {
                **example.row(),
                "id": f"pair{number}",
                "cell_id": f"cell{number}",
                "author": "offline",
                "review_status": "unreviewed",
                "strategies": list(example.strategies),
                "response": "\n\n".join(f"Part {part} of {number}." for part in range(count)),
            }
        )
    return pa.Table.from_pylist(rows, schema=corpus_schema())


class Hand:
    """Somebody who takes part, signed in with name and password."""

    def __init__(self, connection: Connection, username: str, password: str, pseudonym: str) -> None:
        self.username = username
        self.pseudonym = pseudonym
        self.connection = connection
        self.http = httpx.Client(base_url=connection.url, timeout=30)
        form = {"username": username, "password": password}
        token = self.http.post("/api/v1/token", data=form).raise_for_status().json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def answer(
        self, record: Mapping[str, Any], values: Mapping[str, Any] | None = None, status: str = "submitted"
    ) -> None:
        """Answers a record as the page does, or answers it anew."""
        given = {name: {"value": value} for name, value in ({} if values is None else values).items()}
        body = {"items": [{"record_id": record["id"], "values": given or None, "status": status}]}
        found = self.http.post("/api/v1/me/responses/bulk", json=body).raise_for_status().json()["items"]
        assert found[0]["item"], found[0]["error"]


class Team:
    """The people of a run, and what they have before them."""

    def __init__(self, run: Path, connection: Connection, reviewers: int = 2, adjudicators: int = 1) -> None:
        self.run = run
        self.connection = connection
        # accounts of their own: the server is shared by all tests
        reading = [Invitee(f"reader-{secrets.token_hex(4)}", "nurse") for _ in range(reviewers)]
        settling = [Invitee(f"settler-{secrets.token_hex(4)}") for _ in range(adjudicators)]
        review = open_review(run)
        invited = enrol(connection, review.folder, reviewers=reading, adjudicators=settling, simulated=True)
        hands = [Hand(connection, item.username, item.password or "", item.pseudonym) for item in invited]
        self.reviewers, self.adjudicators = hands[:reviewers], hands[reviewers:]

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.connection.client())

    @property
    def names(self) -> Names:
        return names_of(open_review(self.run), self.connection)

    def portion(self, hand: Hand, number: int = 1, look: int = 1, *, responses: bool = False) -> list[dict[str, Any]]:
        """The records of a portion, as the server has them."""
        shelf, names = self.shelf, self.names
        dataset = shelf.find(names.workspace(hand.username), names.portion(look, number))
        assert dataset is not None
        return shelf.records(dataset, responses=responses)

    def cases(self, look: int = 1) -> dict[str, dict[str, Any]]:
        """What is to adjudicate, by its id."""
        shelf, names = self.shelf, self.names
        dataset = shelf.find(names.adjudication, names.cases(look))
        found = shelf.records(dataset, responses=True) if dataset else []
        return {record["external_id"]: record for record in found}


def fill_cell(run: Path, look: Look, gone: str) -> str:
    """Puts another pair in the place of one, as a build does after a drop; returns its id."""
    table = pq.read_table(run / "corpus.parquet")
    rows = [
        {**row, "id": "filled-1", "response": "Another."} if row["id"] == gone else row for row in table.to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), run / "corpus.parquet")
    (row,) = [row for row in read_rows(look.sample_path) if row["pair_id"] == gone]
    said = ("dropped", row["content_hash"], "", "filled-1", ("r-1",), "a-1", "harmful")
    write_table(lineage_table([Lineage(look.number, gone, row["cell_id"], *said)]), run / "lineage.parquet")
    return "filled-1"


NOON = datetime.datetime(2026, 11, 2, 12, tzinfo=datetime.UTC)


def write_answers(look: Look, given: Mapping[tuple[str, str], Mapping[str, Any]], minutes: int = 0) -> None:
    """Writes responses.parquet as a pull would: answers by record and reviewer."""
    sample = {row["record_id"]: row for row in read_rows(look.sample_path)}
    rows = []
    for (record, reviewer), values in given.items():
        row = sample[record]
        for question, value in values.items():
            for item in value if isinstance(value, list) else [value]:
                rows.append(
                    {
                        "look": look.number,
                        "record_id": record,
                        "pair_id": row["pair_id"],
                        "kind": row["kind"],
                        "reviewer": reviewer,
                        "portion": 1,
                        "question": question,
                        "value": str(item),
                        "status": "submitted",
                        "content_hash": row["content_hash"],
                        "updated_at": NOON + datetime.timedelta(minutes=minutes),
                        "seconds": None,
                    }
                )
    before = read_rows(look.responses_path)
    write_table(pa.Table.from_pylist([*before, *rows], schema=responses_schema()), look.responses_path)


def write_settled(look: Look, settled: Mapping[str, Mapping[str, Any]], minutes: int = 30) -> None:
    """Writes adjudication.parquet as a pull would: outcome, harmful, response and reason by record.

    The page is taken to have shown what was answered until now.
    """
    given = by_record(read_rows(look.responses_path))
    sample = {row["record_id"]: row for row in read_rows(look.sample_path)}
    rows = [
        {
            "look": look.number,
            "record_id": record,
            "pair_id": sample[record]["pair_id"],
            "adjudicator": "a-000001",
            "response": None,
            "harmful": False,
            "reason": "because",
            "content_hash": sample[record]["content_hash"],
            "attempt": 1,
            "seen": [fingerprint(who, answers) for who, answers in given.get(record, {}).items()],
            "updated_at": NOON + datetime.timedelta(minutes=minutes),
            **said,
        }
        for record, said in settled.items()
    ]
    write_table(pa.Table.from_pylist(rows, schema=adjudication_schema()), look.adjudication_path)
