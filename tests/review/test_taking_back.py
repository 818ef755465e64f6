"""What a reviewer gives back leaves their page, and no answer goes with it; against a real server."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from corpusgen.review.connection import Connection
from corpusgen.review.datasets import Dataset, Shelf
from corpusgen.review.opening import open_review, read_rows
from corpusgen.review.pull import pull
from corpusgen.review.push import push
from corpusgen.reviews import Look
from tests.review.hands import FINE, Hand, Team, small_run

pytestmark = pytest.mark.slow

MONDAY = datetime.date(2026, 11, 2)
TUESDAY = datetime.date(2026, 11, 3)


@pytest.fixture
def run(smoke: Path, tmp_path: Path) -> Path:
    return small_run(smoke, tmp_path)


@pytest.fixture
def team(run: Path, argilla: Any) -> Team:
    connection: Connection = argilla.connection
    return Team(run, connection)


def look_of(run: Path) -> Look:
    return open_review(run).require_look()


def opted_out(run: Path, team: Team) -> tuple[Hand, list[dict[str, Any]]]:
    """Has the first reviewer opt out of the domain that most of their records have; returns those left of it."""
    push(str(run), team.connection, day=MONDAY)
    anna = team.reviewers[0]
    domains = {row["record_id"]: row["domain"] for row in read_rows(look_of(run).sample_path)}
    mine = team.portion(anna)
    named = [domains[record["external_id"]] for record in mine]
    spared = max(sorted(set(named)), key=named.count)
    first, *others = [record for record in mine if domains[record["external_id"]] == spared]
    anna.answer(first, {**FINE, "rather_not": "this_domain"})
    return anna, others


def on_page(team: Team, hand: Hand) -> set[str]:
    return {record["external_id"] for record in team.portion(hand)}


def test_open_records_of_the_domain_leave_the_page(run: Path, team: Team) -> None:
    anna, others = opted_out(run, team)
    begun, *untouched = others
    anna.answer(begun, {"harm": "no"}, "draft")
    before = on_page(team, anna)
    push(str(run), team.connection, day=TUESDAY)
    assert untouched
    assert on_page(team, anna) == before - {record["external_id"] for record in untouched}
    # somebody else is given them, and doing it again does nothing
    rows = read_rows(look_of(run).assignments_path)
    gone = {record["external_id"] for record in others}
    assert {row["record_id"] for row in rows if row["state"] == "returned"} == gone
    again = on_page(team, anna)
    push(str(run), team.connection, day=TUESDAY)
    assert on_page(team, anna) == again


def test_what_is_answered_between_pull_and_taking_back_stays(
    run: Path, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, others = opted_out(run, team)
    late = others[0]
    remove = Shelf.remove

    def slowly(self: Shelf, dataset: Dataset, records: set[str]) -> int:
        if late["external_id"] in records:
            anna.answer(late, {**FINE, "harm": "yes"})
        return remove(self, dataset, records)

    monkeypatch.setattr(Shelf, "remove", slowly)
    push(str(run), team.connection, day=TUESDAY)
    pull(str(run), team.connection)
    said = [
        row["value"]
        for row in read_rows(look_of(run).responses_path)
        if row["record_id"] == late["external_id"] and row["question"] == "harm"
    ]
    assert said == ["yes"]
    assert late["external_id"] in on_page(team, anna)


def test_a_killed_push_takes_back_the_next_time(run: Path, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    anna, others = opted_out(run, team)

    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            push(str(run), team.connection, day=TUESDAY)
    gone = {record["external_id"] for record in others}
    assert gone <= on_page(team, anna)
    push(str(run), team.connection, day=TUESDAY)
    assert not gone & on_page(team, anna)


def test_records_by_the_hundred_are_taken_out(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    hand, shelf, names = team.reviewers[0], team.shelf, team.names
    dataset = shelf.find(names.workspace(hand.username), names.portion(1, 1))
    assert dataset
    fields = team.portion(hand)[0]["fields"]
    many = [f"many-{number}" for number in range(230)]
    shelf.put(dataset, [{"external_id": name, "fields": fields} for name in many])
    hand.answer(next(record for record in team.portion(hand) if record["external_id"] == "many-7"), FINE)
    assert shelf.remove(dataset, {*many, "never there"}) == 229
    assert {name for name in on_page(team, hand) if name.startswith("many")} == {"many-7"}
