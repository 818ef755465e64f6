"""What reviewers disagree on reaches somebody who sees both opinions, and comes back when a word does not stand."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from corpusgen.errors import UsageError
from corpusgen.review import adjudication
from corpusgen.review.adjudication import adjudicate, opinions, proposal
from corpusgen.review.apply import apply
from corpusgen.review.connection import Connection
from corpusgen.review.judgement import Corrections, Judgement
from corpusgen.review.names import attempt_of, case_id, case_of
from corpusgen.review.opening import open_review, read_rows
from corpusgen.review.opinions import told_on
from corpusgen.review.pull import pull
from corpusgen.review.push import push
from corpusgen.review.questions import ADJUDICATION
from corpusgen.reviews import ReviewFolder, read_decisions
from corpusgen.run import Run
from corpusgen.standing import Row, Word
from tests.review.hands import FINE, Hand, Team, small_run

MONDAY = datetime.date(2026, 11, 2)

SAMPLE = {"record_id": "0f", "pair_id": "p", "response": "As it was.", "readers": 2}
ROW = Row(
    SAMPLE,
    answers={
        "r-000001": {"mode": ("as_it_should",), "harm": ("no",), "grounding": ("4",), "rather_not": ("this_domain",)},
        "r-000002": {
            "mode": ("too_closed",),
            "harm": ("yes",),
            "harm_kinds": ("blame", "other"),
            "comment": ("It preaches.",),
            "correction": ("A better one.",),
        },
    },
    withdrawn={},
    words=(),
)
CASE = Judgement(ROW)


def case(**changes: Any) -> Judgement:
    return Judgement(ROW._replace(**changes))


def test_opinions_are_in_the_words_of_the_page_and_name_nobody() -> None:
    told = opinions(CASE)
    assert told.startswith("To settle: an answer was found harmful; the reviewers differ on whether it answered")
    assert "Did it answer, or refuse, as it should? Refused what it should have answered" in told
    assert "If so, what kind? Blames, shames or preaches; Something else" in told
    assert "Anything else: It preaches." in told
    assert "Reviewer A" in told
    assert "Reviewer B" in told
    assert "r-0000" not in told
    # who would rather not see more is nobody's business
    assert "rather not" not in told


def test_nobody_is_the_same_letter_in_every_case() -> None:
    letters = set()
    for number in range(20):
        told = opinions(case(sample={**SAMPLE, "record_id": f"{number:02x}"}))
        letters.add(told.index("It preaches.") < told.index("As it should"))
    assert letters == {True, False}


def test_the_box_begins_with_what_was_proposed_last() -> None:
    assert proposal(CASE) == "A better one."
    assert proposal(case(answers={"r-000001": {"harm": ("possible",)}})) == "As it was."
    when = datetime.datetime(2026, 11, 2, tzinfo=datetime.UTC)
    word = Word("a-1", "edit", False, "Call 0800 555 4321.", "because", 1, frozenset(), when)
    assert proposal(case(words=(word,))) == "Call 0800 555 4321."


def test_a_page_tells_which_opinions_it_showed() -> None:
    one, other = ROW.answers["r-000001"], ROW.answers["r-000002"]
    alone = opinions(case(answers={"r-000001": one}))
    assert told_on(alone, one)
    assert not told_on(alone, other)
    both = opinions(CASE)
    assert told_on(both, one)
    assert told_on(both, other)
    assert not told_on(both, {**other, "comment": ("It preaches. A lot.",)})
    # less than somebody said is not what they said
    assert not told_on(both, {name: values for name, values in other.items() if name != "correction"})


def test_a_finding_that_was_taken_back_is_shown() -> None:
    told = opinions(case(answers={}, withdrawn={"r-000001": ROW.answers["r-000002"]}))
    assert "harm was found, and the finding was taken back" in told
    assert "Reviewer A, who has taken this back" in told
    assert told_on(told, ROW.answers["r-000002"])


def test_a_case_that_comes_back_has_an_id_of_its_own() -> None:
    assert [case_id("0f", attempt) for attempt in (1, 2, 3)] == ["0f", "0f.2", "0f.3"]
    assert [case_of(name) for name in ("0f", "0f.2", "0f.13")] == ["0f", "0f", "0f"]
    assert [attempt_of(name) for name in ("0f", "0f.2", "0f.13")] == [1, 2, 13]


@pytest.fixture(scope="module")
def connection(argilla: Any) -> Connection:
    found: Connection = argilla.connection
    return found


class Read:
    """A run whose first portions are given, with two readers for every pair."""

    def __init__(self, run: Path, connection: Connection) -> None:
        self.run = run
        self.team = Team(run, connection)
        push(str(run), connection, day=MONDAY)
        self.look = ReviewFolder(Run(run).review).looks()[-1]
        self.sample = {row["record_id"]: row for row in read_rows(self.look.sample_path)}
        self.anna, self.bea = self.team.reviewers
        self.kim = self.team.adjudicators[0]
        self.records = {hand.pseudonym: self.records_of(hand) for hand in self.team.reviewers}
        shared = self.records[self.anna.pseudonym].keys() & self.records[self.bea.pseudonym].keys()
        self.shared = sorted(name for name in shared if self.sample[name]["kind"] == "sample")

    def records_of(self, hand: Hand) -> dict[str, dict[str, Any]]:
        return {record["external_id"]: record for record in self.team.portion(hand)}

    def answer(self, hand: Hand, name: str, **said: Any) -> None:
        hand.answer(self.records[hand.pseudonym][name], {**FINE, **said})

    def settle(self, name: str, **said: Any) -> None:
        values = {"outcome": "keep", "harmful": "no", "reason": "because", **said}
        self.kim.answer(self.team.cases()[name], values)


@pytest.fixture
def read(smoke: Path, tmp_path: Path, connection: Connection) -> Read:
    return Read(small_run(smoke, tmp_path, second_reader=1.0), connection)


@pytest.mark.slow
def test_nobody_adjudicates_where_nobody_was_asked_to(smoke: Path, tmp_path: Path, connection: Connection) -> None:
    run = small_run(smoke, tmp_path)
    Team(run, connection, adjudicators=0)
    push(str(run), connection, day=MONDAY)
    with pytest.raises(UsageError, match="nobody adjudicates"):
        adjudicate(str(run), connection)


@pytest.mark.slow
def test_disagreements_and_flagged_harm_are_handed_out_once(read: Read) -> None:
    first, second, third, fourth = read.shared[:4]
    read.answer(read.anna, first, harm="possible", comment="It may sting.")  # one reader is enough
    read.answer(read.anna, second)
    read.answer(read.bea, second, resource="missing")
    read.answer(read.anna, third)
    read.answer(read.bea, third)
    read.answer(read.anna, fourth, mode="too_open")  # the second reader is still to come
    handed = adjudicate(str(read.run), read.team.connection)
    assert (handed.new, handed.again, handed.waiting) == (2, 0, 2)
    cases = read.team.cases()
    assert set(cases) == {first, second}
    shown = cases[first]["fields"]
    assert shown["message"] == read.sample[first]["prompt"]
    assert shown["answer"] == read.sample[first]["response"]
    assert "It may sting." in shown["opinions"]
    assert all(hand.pseudonym not in str(cases) for hand in read.team.reviewers)
    assert all(hand.username not in str(cases) for hand in read.team.reviewers)
    read.answer(read.bea, fourth)
    again = adjudicate(str(read.run), read.team.connection)
    assert (again.new, again.waiting) == (1, 3)
    assert adjudicate(str(read.run), read.team.connection).new == 0
    assert set(read.team.cases()) == {first, second, fourth}


@pytest.mark.slow
def test_the_adjudicators_page_begins_with_a_proposal_and_asks_four_things(read: Read) -> None:
    name = read.shared[0]
    read.answer(read.anna, name, harm="yes", correction="A better one.")
    adjudicate(str(read.run), read.team.connection)
    shelf, names = read.team.shelf, read.team.names
    dataset = shelf.find(names.adjudication, names.cases(1))
    assert dataset
    asked = read.kim.http.get(f"/api/v1/datasets/{dataset.id}/questions").raise_for_status().json()["items"]
    assert [(item["name"], item["required"]) for item in asked] == [(item.name, item.required) for item in ADJUDICATION]
    path = f"/api/v1/datasets/{dataset.id}/records?include=suggestions"
    record = shelf.http.get(path).raise_for_status().json()["items"][0]
    assert [item["value"] for item in record["suggestions"]] == ["A better one."]
    # reviewers do not see what becomes of their answers
    assert read.anna.http.get(f"/api/v1/datasets/{dataset.id}").status_code in {403, 404}


@pytest.mark.slow
def test_opinions_that_came_later_are_shown_while_a_case_waits(read: Read) -> None:
    name = read.shared[0]
    read.answer(read.anna, name, harm="possible")
    adjudicate(str(read.run), read.team.connection)
    assert "Reviewer B" not in read.team.cases()[name]["fields"]["opinions"]
    read.answer(read.bea, name, harm="yes")
    handed = adjudicate(str(read.run), read.team.connection)
    assert (handed.new, handed.waiting) == (0, 1)
    assert set(read.team.cases()) == {name}
    assert "Reviewer B" in read.team.cases()[name]["fields"]["opinions"]


@pytest.mark.slow
def test_a_word_is_pulled_and_applied_and_a_rejected_correction_comes_back_with_the_reason(read: Read) -> None:
    corrections = Corrections(open_review(read.run))
    first = read.shared[0]
    second = next(
        name
        for name in read.shared[1:]
        if not corrections.rejection(read.sample[name], read.sample[name]["response"] + " Write whenever you want to.")
    )
    for name in (first, second):
        read.answer(read.anna, name, harm="yes")
        read.answer(read.bea, name)
    adjudicate(str(read.run), read.team.connection)
    read.settle(first, outcome="drop", harmful="yes", reason="  It blames\nher. ")
    read.settle(second, outcome="edit", correction=read.sample[second]["response"] + " Call 0800 555 4321.")
    found = pull(str(read.run), read.team.connection)
    assert found.settled == 2
    assert pull(str(read.run), read.team.connection).new == 0
    applied = apply(str(read.run))
    assert (applied.dropped, applied.edited, applied.open) == (1, 0, 1)
    assert [item.gate for item in applied.rejected] == ["resources"]

    handed = adjudicate(str(read.run), read.team.connection)
    assert (handed.new, handed.again, handed.waiting) == (1, 1, 1)
    back = read.team.cases()[f"{second}.2"]
    assert "the gate 'resources' says: names 0800 555 4321" in back["fields"]["opinions"]
    assert adjudicate(str(read.run), read.team.connection).new == 0

    better = read.sample[second]["response"] + " Write whenever you want to."
    read.settle(f"{second}.2", outcome="edit", correction=f" {better}\r\n", harmful="yes")
    pull(str(read.run), read.team.connection)
    applied = apply(str(read.run))
    assert (applied.dropped, applied.edited, applied.open) == (1, 1, 0)
    decided = {item.pair_id: item for item in read_decisions(ReviewFolder(Run(read.run).review).decisions_path)}
    assert decided[read.sample[second]["pair_id"]].response == better
    gone = decided[read.sample[first]["pair_id"]]
    assert (gone.harmful, gone.reason, gone.adjudicator) == (True, "It blames her.", read.kim.pseudonym)
    assert gone.reviewers == tuple(sorted([read.anna.pseudonym, read.bea.pseudonym]))


@pytest.mark.slow
def test_an_adjudicator_can_change_their_mind(read: Read) -> None:
    name = read.shared[0]
    read.answer(read.anna, name, harm="yes")
    read.answer(read.bea, name)
    adjudicate(str(read.run), read.team.connection)
    read.settle(name, outcome="keep")
    pull(str(read.run), read.team.connection)
    assert apply(str(read.run)).kept == 1
    read.settle(name, outcome="drop", harmful="yes")
    assert pull(str(read.run), read.team.connection).new == 1
    applied = apply(str(read.run))
    assert (applied.kept, applied.dropped) == (0, 1)


@pytest.mark.slow
def test_an_opinion_that_the_page_did_not_show_opens_the_case_again(read: Read) -> None:
    name = read.shared[0]
    read.answer(read.anna, name, harm="possible")
    adjudicate(str(read.run), read.team.connection)
    read.answer(read.bea, name, harm="yes", comment="I came before the word, and after the page.")
    read.settle(name)
    pull(str(read.run), read.team.connection)
    assert apply(str(read.run)).open == 1
    handed = adjudicate(str(read.run), read.team.connection)
    assert (handed.new, handed.again) == (1, 1)
    assert "was not on the page" in read.team.cases()[f"{name}.2"]["fields"]["opinions"]
    read.settle(f"{name}.2", outcome="drop", harmful="yes")
    pull(str(read.run), read.team.connection)
    assert (apply(str(read.run)).open, apply(str(read.run)).dropped) == (0, 1)


@pytest.mark.slow
def test_a_word_spoken_while_cases_are_handed_out_makes_no_second_case(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = read.shared[0]
    read.answer(read.anna, name, harm="yes")
    adjudicate(str(read.run), read.team.connection)
    hand_out = adjudication._hand_out

    def late(*args: Any) -> Any:
        read.settle(name, outcome="drop", harmful="yes")
        return hand_out(*args)

    with monkeypatch.context() as patch:
        patch.setattr(adjudication, "_hand_out", late)
        assert adjudicate(str(read.run), read.team.connection).new == 0
    assert set(read.team.cases()) == {name}
    assert adjudicate(str(read.run), read.team.connection).waiting == 0


@pytest.mark.slow
def test_a_flag_of_harm_that_is_taken_back_is_settled_all_the_same(read: Read) -> None:
    name = read.shared[0]
    record = read.records[read.anna.pseudonym][name]
    read.answer(read.anna, name, harm="yes", comment="It stings.")
    pull(str(read.run), read.team.connection)
    read.anna.answer(record, None, "discarded")
    handed = adjudicate(str(read.run), read.team.connection)
    assert handed.new == 1
    shown = read.team.cases()[name]["fields"]["opinions"]
    assert "the finding was taken back" in shown
    assert "It stings." in shown
    pull(str(read.run), read.team.connection)
    assert apply(str(read.run)).open == 1
