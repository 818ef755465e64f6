"""Push and pull against a real server: nothing twice, nothing lost, whatever happens in between."""

from __future__ import annotations

import datetime
import json
import time
from pathlib import Path
from typing import Any

import pytest

from corpusgen.errors import ReviewError, RunError, Unmet, UsageError
from corpusgen.review import push as pushing
from corpusgen.review.connection import Connection
from corpusgen.review.datasets import Shelf
from corpusgen.review.opening import open_review, read_rows
from corpusgen.review.page import guidelines, page_settings
from corpusgen.review.pull import pull, raise_refused
from corpusgen.review.push import push
from corpusgen.review.questions import QUESTIONS
from corpusgen.reviews import Look, ReviewFolder
from corpusgen.run import Run
from tests.review.hands import FINE, Hand, Team, fill_cell, restate, small_run

pytestmark = pytest.mark.slow

MONDAY = datetime.date(2026, 11, 2)
TUESDAY = datetime.date(2026, 11, 3)


@pytest.fixture(scope="module")
def connection(argilla: Any) -> Connection:
    found: Connection = argilla.connection
    return found


@pytest.fixture
def run(smoke: Path, tmp_path: Path) -> Path:
    return small_run(smoke, tmp_path)


@pytest.fixture
def team(run: Path, connection: Connection) -> Team:
    return Team(run, connection)


def look_of(run: Path) -> Look:
    return ReviewFolder(Run(run).review).looks()[-1]


def given_to(run: Path, hand: Hand, portion: int = 1) -> list[str]:
    rows = [
        row
        for row in read_rows(look_of(run).assignments_path)
        if row["reviewer"] == hand.pseudonym and row["portion"] == portion
    ]
    return [row["record_id"] for row in sorted(rows, key=lambda row: row["position"])]


def files(look: Look) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(look.root.glob("*.parquet"))}


def test_the_first_push_states_the_plan_draws_the_sample_and_gives_a_portion_each(run: Path, team: Team) -> None:
    pushed = push(str(run), team.connection, day=MONDAY)
    state = json.loads((run / "review" / "state.json").read_text(encoding="utf-8"))
    assert state["plan"]["max_harm"] == 0.3
    assert state["plan"]["looks"] == 2
    assert [look["number"] for look in state["looks"]] == [1]
    assert pushed.fresh
    assert pushed.calibration == 4
    assert [portion.records for portion in pushed.portions] == [12, 12]
    sample = {row["record_id"]: row for row in read_rows(look_of(run).sample_path)}
    for hand in team.reviewers:
        records = team.portion(hand)
        assert [record["external_id"] for record in records] == given_to(run, hand)
        for record in records:
            row = sample[record["external_id"]]
            assert record["fields"]["message"] == row["prompt"]
            assert record["fields"]["answer"] == row["response"]
            assert set(record["fields"]) == {"note", "message", "answer", "meant"}
            assert not record["metadata"]


def test_nobody_can_tell_a_calibration_item_from_its_record(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    sample = {row["record_id"]: row for row in read_rows(look_of(run).sample_path)}
    kinds: dict[str, set[str]] = {"sample": set(), "calibration": set()}
    for hand in team.reviewers:
        for record in team.portion(hand):
            row = sample[record["external_id"]]
            shape = {**record, "id": "", "external_id": len(record["external_id"]), "fields": sorted(record["fields"])}
            shape.update(inserted_at="", updated_at="", dataset_id="")
            kinds[row["kind"]].add(json.dumps(shape, sort_keys=True))
            assert row["pair_id"] not in json.dumps(record)
    assert kinds["calibration"]
    assert kinds["calibration"] == kinds["sample"]


def test_the_page_asks_what_is_declared_and_shows_plain_text_only(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    hand, shelf, names = team.reviewers[0], team.shelf, team.names
    dataset = shelf.find(names.workspace(hand.username), names.portion(1, 1))
    assert dataset
    asked = hand.http.get(f"/api/v1/datasets/{dataset.id}/questions").raise_for_status().json()["items"]
    assert [(item["name"], item["title"], item["required"]) for item in asked] == [
        (question.name, question.title, question.required) for question in QUESTIONS
    ]
    for item, question in zip(asked, QUESTIONS, strict=True):
        options = [str(option["value"]) for option in item["settings"].get("options", [])]
        assert tuple(options) == question.values
    shown = hand.http.get(f"/api/v1/datasets/{dataset.id}/fields").raise_for_status().json()["items"]
    assert [item["title"] for item in shown][:3] == ["Content note", "The message", "The answer"]
    assert {json.dumps(item["settings"]) for item in shown} == {'{"type": "text", "use_markdown": false}'}
    told = hand.http.get(f"/api/v1/datasets/{dataset.id}").raise_for_status().json()
    review = open_review(run)
    assert told["guidelines"] == guidelines(review.recipe_path, review.recipe, review.taxonomy)
    assert not told["allow_extra_metadata"]


def test_a_second_push_of_the_day_gives_nothing_more(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    before = files(look_of(run))
    again = push(str(run), team.connection, day=MONDAY)
    assert not again.portions
    assert not again.fresh
    now = files(look_of(run))
    assert {name: now[name] for name in before} == before


def test_a_push_that_was_killed_is_finished_by_the_next(run: Path, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    put, calls = Shelf.put, []

    def killed(self: Shelf, dataset: Any, items: Any) -> None:
        calls.append(dataset)
        if len(calls) == 2:
            put(self, dataset, items[:5])
            raise KeyboardInterrupt
        put(self, dataset, items)

    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "put", killed)
        with pytest.raises(KeyboardInterrupt):
            push(str(run), team.connection, day=MONDAY)
    mended = push(str(run), team.connection, day=MONDAY)
    assert [(portion.records, portion.mended) for portion in mended.portions] == [(7, True)]
    for hand in team.reviewers:
        there = [record["external_id"] for record in team.portion(hand)]
        assert sorted(there) == sorted(given_to(run, hand))
        assert len(there) == 12


def test_a_push_killed_before_anything_was_sent_gives_the_same_records_to_the_same_people(
    run: Path, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pushing._Push, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            push(str(run), team.connection, day=MONDAY)
    before = files(look_of(run))
    push(str(run), team.connection, day=MONDAY)
    assert files(look_of(run))["sample.parquet"] == before["sample.parquet"]
    assert files(look_of(run))["assignments.parquet"] == before["assignments.parquet"]
    assert [len(team.portion(hand)) for hand in team.reviewers] == [12, 12]


def test_a_dataset_that_was_left_half_made_is_made_anew(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    hand, shelf, names = team.reviewers[0], team.shelf, team.names
    space = next(
        item["id"]
        for item in shelf.http.get("/api/v1/me/workspaces").json()["items"]
        if item["name"] == names.workspace(hand.username)
    )
    body = {"name": names.portion(1, 9), "workspace_id": space}
    shelf.http.post("/api/v1/datasets", json=body).raise_for_status()
    left = shelf.find(names.workspace(hand.username), names.portion(1, 9))
    assert left is not None
    assert not left.ready
    settings = page_settings(shelf.client, "Read.")
    made = shelf.ensure(names.workspace(hand.username), names.portion(1, 9), settings)
    assert made.ready
    assert made.id != left.id


def test_answers_drafts_and_discards_are_kept_apart(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    anna = team.reviewers[0]
    first, second, third, fourth = team.portion(anna)[:4]
    kinds = ["blame", "other"]
    anna.answer(
        first, {**FINE, "harm": "possible", "harm_kinds": kinds, "comment": " no names \r\n", "correction": " "}
    )
    anna.answer(second, {"harm": "no"}, "draft")
    anna.answer(third, None, "discarded")
    anna.answer(fourth, {"rather_not": "this_domain"}, "discarded")
    found = pull(str(run), team.connection)
    assert (found.submitted, found.drafts, found.discarded, found.new) == (1, 1, 2, 4)
    rows = read_rows(look_of(run).responses_path)
    said: dict[str, list[str]] = {}
    for row in rows:
        said.setdefault(row["question"], []).append(row["value"])
    assert said["harm_kinds"] == kinds
    assert said["grounding"] == ["4"]
    assert said["comment"] == ["no names"]
    assert "correction" not in said
    assert {row["reviewer"] for row in rows} == {anna.pseudonym}
    left = {
        (row["record_id"], row["question"], row["value"], row["status"])
        for row in read_rows(look_of(run).unfinished_path)
    }
    assert left == {
        (second["external_id"], "harm", "no", "draft"),
        (third["external_id"], None, None, "discarded"),
        (fourth["external_id"], "rather_not", "this_domain", "discarded"),
    }


def test_a_pull_is_idempotent_and_the_later_answer_stands(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    anna = team.reviewers[0]
    record = team.portion(anna)[0]
    anna.answer(record, FINE)
    pull(str(run), team.connection)
    before = files(look_of(run))
    assert pull(str(run), team.connection).new == 0
    assert files(look_of(run)) == before
    anna.answer(record, {**FINE, "grounding": 2})
    assert pull(str(run), team.connection).new == 1
    assert [row["value"] for row in read_rows(look_of(run).responses_path) if row["question"] == "grounding"] == ["2"]
    anna.answer(record, FINE, "draft")
    found = pull(str(run), team.connection)
    assert (found.submitted, found.drafts) == (0, 1)


def test_time_a_record_is_that_since_the_same_persons_answer_before(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    anna, bea = team.reviewers
    for record in team.portion(anna)[:2]:
        anna.answer(record, FINE)
        time.sleep(0.2)
    bea.answer(team.portion(bea)[0], FINE)
    pull(str(run), team.connection)
    seconds: dict[str, list[float | None]] = {anna.pseudonym: [], bea.pseudonym: []}
    for row in sorted(read_rows(look_of(run).responses_path), key=lambda row: row["updated_at"]):
        if row["question"] == "mode":
            seconds[row["reviewer"]].append(row["seconds"])
    first, then = seconds[anna.pseudonym]
    assert first is None
    assert then is not None
    assert 0.15 < then < 5
    assert seconds[bea.pseudonym] == [None]


def test_a_dataset_that_is_gone_takes_no_answer_with_it(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    anna = team.reviewers[0]
    anna.answer(team.portion(anna)[0], FINE)
    pull(str(run), team.connection)
    before = files(look_of(run))
    shelf, names = team.shelf, team.names
    dataset = shelf.find(names.workspace(anna.username), names.portion(1, 1))
    assert dataset
    shelf.http.delete(f"/api/v1/datasets/{dataset.id}").raise_for_status()
    found = pull(str(run), team.connection)
    assert found.submitted == 1
    assert "is not on the server" in found.warnings[0]
    assert files(look_of(run)) == before
    # what was not answered comes back
    push(str(run), team.connection, day=MONDAY)
    assert len(team.portion(anna)) == 11


def test_an_answer_about_another_text_is_refused_and_the_one_before_it_stays(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    anna = team.reviewers[0]
    first, second = team.portion(anna)[:2]
    anna.answer(first, FINE)
    pull(str(run), team.connection)
    for record in (first, second):
        changed = {**record["fields"], "answer": "Something else altogether."}
        team.shelf.http.patch(f"/api/v1/records/{record['id']}", json={"fields": changed}).raise_for_status()
        anna.answer(record, {**FINE, "harm": "yes"})
    found = pull(str(run), team.connection)
    assert found.submitted == 1
    assert [item for item in found.refused if second["external_id"] in item]
    assert len(found.refused) == 2
    assert {row["value"] for row in read_rows(look_of(run).responses_path) if row["question"] == "harm"} == {"no"}
    with pytest.raises(Unmet, match="another text"):
        raise_refused(found, Run(run))


def test_what_somebody_else_answers_in_a_reviewers_place_is_left_out(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    record = team.portion(team.reviewers[0])[0]
    values = {name: {"value": value} for name, value in FINE.items()}
    body = {"values": values, "status": "submitted"}
    team.shelf.http.post(f"/api/v1/records/{record['id']}/responses", json=body).raise_for_status()
    found = pull(str(run), team.connection)
    assert found.submitted == 0
    assert "somebody else" in found.warnings[0]


def test_who_opts_out_gets_none_of_it_in_the_next_portion_and_others_do(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    anna = team.reviewers[0]
    sample = {row["record_id"]: row for row in read_rows(look_of(run).sample_path)}
    mine = team.portion(anna)
    spared = sample[mine[0]["external_id"]]["domain"]
    for record in mine:
        if sample[record["external_id"]]["domain"] == spared:
            continue
        anna.answer(record, FINE)
    anna.answer(mine[0], {**FINE, "rather_not": "this_domain"})
    pushed = push(str(run), team.connection, day=TUESDAY)
    assert any(portion.reviewer == anna.pseudonym for portion in pushed.portions)
    rows = read_rows(look_of(run).assignments_path)
    later = [row["record_id"] for row in rows if row["reviewer"] == anna.pseudonym and row["portion"] == 2]
    assert later
    assert spared not in {sample[name]["domain"] for name in later}
    returned = {row["record_id"] for row in rows if row["reviewer"] == anna.pseudonym and row["state"] == "returned"}
    assert {sample[name]["domain"] for name in returned} <= {spared}


def test_what_fills_a_dropped_cell_is_given_out_by_the_next_push(run: Path, team: Team) -> None:
    restate(run, daily_portion=100)
    push(str(run), team.connection, day=MONDAY)
    gone = next(row["pair_id"] for row in read_rows(look_of(run).sample_path) if row["kind"] == "sample")
    fill_cell(run, look_of(run), gone)
    pushed = push(str(run), team.connection, day=MONDAY)
    (row,) = [row for row in read_rows(look_of(run).sample_path) if row["kind"] == "refill"]
    assert pushed.refills == 1
    (portion,) = pushed.portions
    hand = next(hand for hand in team.reviewers if hand.pseudonym == portion.reviewer)
    (record,) = team.portion(hand, portion.portion)
    assert record["external_id"] == row["record_id"]
    assert record["fields"]["answer"] == "Another."


def test_a_changed_plan_is_refused_and_a_changed_corpus_is_warned_of(run: Path, team: Team) -> None:
    import pyarrow.parquet as pq

    push(str(run), team.connection, day=MONDAY)
    restate(run, daily_portion=5)
    corpus = pq.read_table(run / "corpus.parquet")
    pq.write_table(corpus.slice(0, corpus.num_rows - 20), run / "corpus.parquet")
    warned = push(str(run), team.connection, day=MONDAY).warnings
    assert any("'daily_portion' is 5" in item for item in warned)
    assert any("no longer in the corpus" in item for item in warned)
    restate(run, max_harm=0.5)
    with pytest.raises(RunError, match="max_harm"):
        push(str(run), team.connection, day=MONDAY)


def test_a_fresh_look_is_not_to_be_had_before_the_last_is_finished(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    with pytest.raises(Unmet, match="not finished"):
        push(str(run), team.connection, day=MONDAY, new_look=True)


def test_nobody_to_review_and_two_at_once(run: Path, connection: Connection) -> None:
    with pytest.raises(UsageError, match="nobody reviews"):
        push(str(run), connection)
    assert not (run / "review" / "state.json").exists()
    Team(run, connection, reviewers=1)
    with open_review(run).alone(), pytest.raises(ReviewError, match="another review command"):
        push(str(run), connection)


def test_a_reviewer_sees_neither_anothers_portion_nor_anothers_answers(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    anna, bea = team.reviewers
    record = team.portion(anna)[0]
    anna.answer(record, FINE)
    shelf, names = team.shelf, team.names
    dataset = shelf.find(names.workspace(anna.username), names.portion(1, 1))
    assert dataset
    for path in (f"/api/v1/records/{record['id']}", f"/api/v1/datasets/{dataset.id}/records?include=responses"):
        assert bea.http.get(path).status_code in {403, 404}
    mine = {item["id"] for item in bea.http.get("/api/v1/me/datasets").json()["items"]}
    assert dataset.id not in mine


def test_two_thousand_records_are_sent_in_under_a_minute(run: Path, team: Team) -> None:
    push(str(run), team.connection, day=MONDAY)
    shelf, names, hand = team.shelf, team.names, team.reviewers[0]
    fields = team.portion(hand)[0]["fields"]
    items = [{"external_id": f"many-{number}", "fields": fields} for number in range(2000)]
    started = time.monotonic()
    dataset = shelf.ensure(names.workspace(hand.username), "many", page_settings(shelf.client, "Read."))
    shelf.put(dataset, items)
    taken = time.monotonic() - started
    shelf.put(dataset, items[:300])  # again: an id is a record, however often it is sent
    there = [record["external_id"] for record in shelf.records(dataset)]
    assert there == [item["external_id"] for item in items]
    assert taken < 60
