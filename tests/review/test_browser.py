"""The whole way, as people go it: two reviewers and an adjudicator in a real browser, and back into the corpus."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from corpusgen.build import build
from corpusgen.publish import publish
from corpusgen.review.adjudication import adjudicate
from corpusgen.review.apply import apply
from corpusgen.review.measuring import measure_look
from corpusgen.review.opening import open_review, read_rows
from corpusgen.review.people import Invitee, enrol
from corpusgen.review.pull import pull
from corpusgen.review.push import push
from tests.review.chromium import Desk, chromium
from tests.review.hands import FINE, Hand, small_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

CHECKS = (Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8")
HOSTILE = 'Am I <b>safe</b>? <script>window.hit = 1</script><img src=x onerror="window.hit = 2"> & 3 < 4'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


class Stage(NamedTuple):
    """A run that is pushed, and its people."""

    run: Path
    hands: dict[str, Hand]
    passwords: dict[str, str]
    links: dict[str, str]


def people(run: Path, argilla: Any, names: dict[str, str]) -> tuple[dict[str, Hand], dict[str, str]]:
    """Enrols reviewers and adjudicators, and signs each in over HTTP as well."""
    invited = enrol(
        argilla.connection,
        open_review(run).folder,
        reviewers=[Invitee(name) for name, role in names.items() if role == "reviewer"],
        adjudicators=[Invitee(name) for name, role in names.items() if role == "adjudicator"],
        simulated=True,
    )
    passwords = {item.username: item.password or "" for item in invited}
    hands = {
        item.username: Hand(argilla.connection, item.username, item.password or "", item.pseudonym) for item in invited
    }
    return hands, passwords


def wrong(desk: Desk, check: str) -> Any:
    return desk.page.evaluate(f"{CHECKS}.{check}()")


def rows(run: Path) -> dict[str, dict[str, Any]]:
    return {row["cell_id"]: row for row in pq.read_table(run / "corpus.parquet").to_pylist()}


@pytest.fixture(scope="module")
def stage(smoke: Path, argilla: Any, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Two reviewers who both read everything, with one hostile text among it."""
    folder = tmp_path_factory.mktemp("browser")
    run = small_run(smoke, folder, second_reader=1.0, daily_portion=100, calibration=2)
    build(folder / "pipelines" / "smoke.yaml", run)
    hands, passwords = people(run, argilla, {"anna": "reviewer", "ben": "reviewer", "kim": "adjudicator"})
    pushed = push(str(run), argilla.connection)
    by_pseudonym = {hand.pseudonym: name for name, hand in hands.items()}
    links = {by_pseudonym[portion.reviewer]: portion.url for portion in pushed.portions}
    return Stage(run, hands, passwords, links)


def test_two_reviewers_and_an_adjudicator_change_the_corpus_exactly_where_they_say(
    stage: Stage, browser: Browser, argilla: Any, tmp_path: Path
) -> None:
    run, url = stage.run, argilla.connection.page or argilla.connection.url
    before = rows(run)
    anna = Desk(browser, url, "anna", stage.passwords["anna"], tmp_path)
    ben = Desk(browser, url, "ben", stage.passwords["ben"], tmp_path)

    # the guidelines are there to read, with somewhere to turn to
    anna.open(stage.links["anna"])
    anna.page.locator(".panel__header").first.click()
    anna.page.get_by_role("heading", name="Support for you").wait_for()
    assert "988" in anna.page.content()
    anna.page.wait_for_timeout(600)
    anna.picture("guidelines")
    anna.page.locator(".panel__header").first.click()
    anna.page.wait_for_timeout(600)

    # message, beginning of the answer and first question in view, also of the longest; contrast; nothing chosen
    longest = max(
        range(len(hers := own_records(stage.hands["anna"], stage.links["anna"]))), key=lambda at: _long(hers[at])
    )
    anna.open(f"{stage.links['anna']}?page={longest + 1}&status=pending")
    assert anna.field("The message") == unescape(hers[longest]["fields"]["message"])
    anna.picture("longest-record")
    assert wrong(anna, "hidden") == []
    anna.open(f"{stage.links['anna']}?page=1&status=pending")
    assert wrong(anna, "hidden") == []
    assert wrong(anna, "contrast") == []
    assert anna.page.locator("input:checked").count() == 0
    anna.picture("first-record")

    # anna finds the first answer harmful, and answers every question from the keyboard
    judged_by_anna = anna.field("The message")
    anna.press("1", "3", "2", "ArrowDown", "2", "3", "1", "4", "Shift+Enter", '"', "Escape", "ArrowDown")
    anna.press("Shift+Enter", '"A danger is passed over, 1 of 2.', "Backspace", "Escape", "ArrowDown")
    assert wrong(anna, "contrast") == []
    anna.picture("answered")
    anna.submit()
    # she opts out of the next one's subject, and sets the record aside
    spared = anna.field("Content note").split(".")[0]
    anna.press(*["ArrowDown"] * 9, "1", "Backspace")
    anna.page.wait_for_timeout(500)

    # ben proposes a better answer to the first that is not a calibration item
    ben.open(stage.links["ben"])
    sample = {row["prompt"]: row for row in read_rows(open_review(run).require_look().sample_path)}
    message, answer = ben.field("The message"), ben.field("The answer")
    better = f"{answer} You can write to me again tonight."
    ben.press("1", "1", "ArrowDown", "3", "4", "1", "3", "Shift+Enter", f'"{better}', "Escape")
    ben.submit()

    # the rest is answered over the same interface, by nobody with a complaint
    portions = {name: _records(stage, argilla, name) for name in ("anna", "ben")}
    for name, records in portions.items():
        for record in records:
            if not record["responses"]:
                stage.hands[name].answer(record, FINE)

    pulled = pull(str(run), argilla.connection)
    assert not pulled.warnings
    review = open_review(run)
    look = review.require_look()
    answers = read_rows(look.responses_path)
    said = {(row["question"], row["value"]) for row in answers if row["reviewer"] == stage.hands["anna"].pseudonym}
    assert {("harm", "yes"), ("harm_kinds", "danger_missed"), ("grounding", "2"), ("severity", "high")} <= said
    assert ("comment", "A danger is passed over, 1 of 2") in said
    assert (better,) in {(row["value"],) for row in answers if row["question"] == "correction"}
    text = (run / "review" / "people.json").read_text(encoding="utf-8")
    assert not any(name in text for name in ("anna", "ben", "kim"))

    # what anna is spared is taken from her, and goes to nobody twice
    push(str(run), argilla.connection)
    domains = {row["record_id"]: row["domain"] for row in sample.values()}
    hers = [row for row in read_rows(look.assignments_path) if row["reviewer"] == stage.hands["anna"].pseudonym]
    names = {domain.name: key for key, domain in review.taxonomy.domains.items()}
    open_ones = {row["record_id"] for row in hers if row["state"] == "given"}
    done = {row["record_id"] for row in answers if row["reviewer"] == stage.hands["anna"].pseudonym}
    assert names[spared] not in {domains[name] for name in open_ones - done}

    agreement = measure_look(str(run)).agreement
    assert {item.question for item in agreement.questions} >= {"mode", "harm", "severity"}

    # kim sees both opinions, and settles
    handed = adjudicate(str(run), argilla.connection)
    assert handed.new
    kim = Desk(browser, url, "kim", stage.passwords["kim"], tmp_path)
    kim.open(str(handed.url))
    kim.picture("adjudication")
    assert wrong(kim, "contrast") == []
    settled: dict[str, str] = {}
    for _ in range(handed.new):
        shown = kim.field("The message")
        opinions = kim.field("What the reviewers said")
        assert "Reviewer A" in opinions
        assert not any(hand.pseudonym in opinions for hand in stage.hands.values())
        kim.picture("adjudication")
        if shown == message:
            settled[shown] = "edit"
            kim.press("1", "2", "ArrowDown", "Shift+Enter", '"An offer to stay is better than none.', "Escape")
        elif shown == judged_by_anna:
            settled[shown] = "drop"
            kim.press("2", "3", "ArrowDown", "Shift+Enter", '"A danger is passed over.', "Escape")
        else:
            settled[shown] = "keep"
            kim.press("1", "1", "ArrowDown", "Shift+Enter", '"It can stand.', "Escape")
        kim.submit()
    pull(str(run), argilla.connection)
    applied = apply(str(run))
    assert not applied.rejected

    # compiled in: exactly there, and the lineage says why
    build(review.inputs.path, run)
    after = rows(run)
    texts = {cell for cell in before if before[cell]["response"] != after[cell]["response"]}
    expected = {row["cell_id"] for prompt, row in sample.items() if settled.get(prompt) in ("edit", "drop")}
    assert texts == expected - {None}
    for row in pq.read_table(run / "lineage.parquet").to_pylist():
        assert row["adjudicator"] is None or row["reason"] in {
            "An offer to stay is better than none.",
            "A danger is passed over.",
            "It can stand.",
        }
    untouched = [cell for cell in before if cell not in texts]
    assert all({**before[cell], "review_status": ""} == {**after[cell], "review_status": ""} for cell in untouched)
    card = publish(run, tmp_path / "release", unreviewed=True).path / "README.md"
    assert "simulation" in card.read_text(encoding="utf-8")


def _records(stage: Stage, argilla: Any, name: str) -> list[dict[str, Any]]:
    """What a reviewer has before them, as their own eyes get it."""
    return own_records(stage.hands[name], stage.links[name])


def own_records(hand: Hand, link: str) -> list[dict[str, Any]]:
    """The records of a portion with one's own answers, as the page asks for them."""
    path = f"/api/v1/me/datasets/{dataset_of(link)}/records/search"
    found = hand.http.post(path, params={"include": "responses", "limit": 500}, json={}).raise_for_status().json()
    return [item["record"] for item in found["items"]]


def _long(record: dict[str, Any]) -> int:
    return len(record["fields"]["message"])


def dataset_of(link: str) -> str:
    return link.split("/dataset/")[1].split("/")[0]


def test_hostile_text_is_shown_letter_by_letter_and_runs_nowhere(
    smoke: Path, browser: Browser, argilla: Any, tmp_path: Path
) -> None:
    run = small_run(smoke, tmp_path, second_reader=0.0, daily_portion=100, calibration=0)
    hands, passwords = people(run, argilla, {"mallory": "reviewer", "judy": "adjudicator"})
    # an author's text comes into the corpus past every gate
    table = pq.read_table(run / "corpus.parquet").to_pylist()
    hostile = [{**row, "prompt": f"{HOSTILE} {at}", "response": f"{HOSTILE} {at}!"} for at, row in enumerate(table)]
    import pyarrow as pa

    pq.write_table(pa.Table.from_pylist(hostile, schema=pq.read_schema(run / "corpus.parquet")), run / "corpus.parquet")
    pushed = push(str(run), argilla.connection)
    desk = Desk(browser, argilla.connection.page or argilla.connection.url, "mallory", passwords["mallory"], tmp_path)
    dialogs: list[str] = []
    desk.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    desk.open(pushed.portions[0].url)
    desk.picture("hostile")
    assert desk.field("The message").startswith(HOSTILE)
    assert desk.field("The answer").startswith(HOSTILE)
    assert desk.page.evaluate("window.hit === undefined")
    assert desk.page.locator(".fields iframe, .fields img, .fields script").count() == 0
    # neither does it in a correction that an adjudicator is shown
    records = own_records(hands["mallory"], pushed.portions[0].url)
    hands["mallory"].answer(records[0], {**FINE, "harm": "yes", "correction": HOSTILE, "comment": HOSTILE})
    pull(str(run), argilla.connection)
    handed = adjudicate(str(run), argilla.connection)
    judge = Desk(browser, argilla.connection.page or argilla.connection.url, "judy", passwords["judy"], tmp_path)
    judge.open(str(handed.url))
    judge.picture("hostile-adjudication")
    assert HOSTILE in judge.field("What the reviewers said")
    assert judge.page.evaluate("window.hit === undefined")
    assert not dialogs


def test_a_reviewer_sees_nobody_elses_work_and_nobody_without_a_name_sees_anything(stage: Stage, argilla: Any) -> None:
    import httpx

    anna, ben = stage.hands["anna"], stage.hands["ben"]
    datasets = {name: dataset_of(stage.links[name]) for name in ("anna", "ben")}
    seen = {item["id"] for item in anna.http.get("/api/v1/me/datasets").json()["items"]}
    assert datasets["anna"] in seen
    assert datasets["ben"] not in seen
    for path in ("", "/records", "/fields", "/progress", "/records?include=responses"):
        assert anna.http.get(f"/api/v1/datasets/{datasets['ben']}{path}").status_code in (403, 404)
    search = f"/api/v1/me/datasets/{datasets['ben']}/records/search"
    assert anna.http.post(search, json={}).status_code in (403, 404)
    record = _records(stage, argilla, "ben")[0]
    assert anna.http.get(f"/api/v1/records/{record['id']}").status_code in (403, 404)
    assert ben.http.get("/api/v1/users").status_code == 403
    # the key stays with the curator: nothing that the server gives tells a calibration item from another
    kept = set(record) - {
        "id",
        "external_id",
        "fields",
        "metadata",
        "status",
        "dataset_id",
        "inserted_at",
        "updated_at",
    }
    assert kept <= {"responses", "suggestions", "vectors"}
    assert not record.get("metadata")
    for path in ("/api/v1/me/datasets", f"/api/v1/datasets/{datasets['ben']}/records", "/api/v1/users"):
        assert httpx.get(f"{argilla.connection.url}{path}").status_code == 401
