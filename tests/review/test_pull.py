"""What a pull keeps: every adjudicator's word, flags that were taken back, and all of it when it is killed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from corpusgen.review import pull
from corpusgen.review.opening import read_rows
from corpusgen.reviews import Look, ReviewFolder
from corpusgen.run import write_table

EIGHT, NINE = (datetime(2026, 11, 2, hour, tzinfo=UTC) for hour in (8, 9))


def answer(value: str | None, status: str, when: datetime = EIGHT) -> dict[str, Any]:
    return {
        "look": 1,
        "record_id": "x",
        "pair_id": "p",
        "kind": "sample",
        "reviewer": "r-1",
        "portion": 1,
        "question": None if value is None else "harm",
        "value": value,
        "status": status,
        "content_hash": "h",
        "updated_at": when,
        "seconds": None,
    }


def word(adjudicator: str, outcome: str, attempt: int = 1, when: datetime = EIGHT) -> dict[str, Any]:
    return {
        "look": 1,
        "record_id": "x",
        "pair_id": "p",
        "adjudicator": adjudicator,
        "outcome": outcome,
        "harmful": outcome == "drop",
        "response": None,
        "reason": "because",
        "content_hash": "h",
        "attempt": attempt,
        "seen": [],
        "updated_at": when,
    }


@pytest.fixture
def look(tmp_path: Path) -> Look:
    return ReviewFolder(tmp_path).look(1)


def test_each_adjudicators_word_on_each_hand_out_is_kept() -> None:
    words = [word("a-1", "drop"), word("a-2", "keep", when=NINE), word("a-1", "keep", attempt=2)]
    kept, new = pull._settled([], words)
    assert kept == words
    assert new == 1
    assert pull._settled(kept, words) == (kept, 0)
    changed = word("a-1", "edit", when=NINE)
    assert pull._settled(kept, [changed])[0][0] == changed


@pytest.mark.parametrize(
    "later", [answer(None, "discarded", NINE), answer("no", "draft", NINE), answer("no", "submitted", NINE)]
)
def test_a_submitted_flag_is_kept_when_it_is_taken_back(later: dict[str, Any]) -> None:
    before = {("x", "r-1"): [answer("yes", "submitted")]}
    merged, _ = pull._merged(before, {("x", "r-1"): [later]})
    kept = pull._withdrawn([], before, merged)
    assert [(row["value"], row["status"]) for row in kept] == [("yes", "withdrawn")]
    # and stays, whatever comes next
    assert pull._withdrawn(kept, merged, merged) == kept


def test_what_flags_nothing_may_be_taken_back() -> None:
    before = {("x", "r-1"): [answer("no", "submitted")]}
    merged, _ = pull._merged(before, {("x", "r-1"): [answer(None, "discarded", NINE)]})
    assert not pull._withdrawn([], before, merged)


@pytest.mark.parametrize(("before", "now"), [("draft", "submitted"), ("submitted", "draft")])
@pytest.mark.parametrize("writes", [0, 1, 2])
def test_killed_between_two_tables_an_answer_is_in_one_of_them(
    look: Look, monkeypatch: pytest.MonkeyPatch, before: str, now: str, writes: int
) -> None:
    pull._save(look, [answer("yes", before)], [], [], had=False)
    done = write_table
    left = [writes]

    def killed(table: Any, path: Path) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        done(table, path)

    with monkeypatch.context() as patch:
        patch.setattr(pull, "write_table", killed)
        try:
            pull._save(look, [answer("yes", now, NINE)], [], [], had=False)
        except KeyboardInterrupt:
            assert now == "submitted" or writes < 2
    there = pull._grouped([*read_rows(look.responses_path), *read_rows(look.unfinished_path)])
    assert [row["value"] for row in there["x", "r-1"]] == ["yes"]
    assert there["x", "r-1"][0]["status"] in (before, now)
    pull._save(look, [answer("yes", now, NINE)], [], [], had=False)
    assert len([*read_rows(look.responses_path), *read_rows(look.unfinished_path)]) == 1
