"""The review over its command line, with a server: push, pull, adjudicate, apply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpusgen.cli import run as command
from tests.review.hands import FINE, Team, restate, small_run


@pytest.mark.slow
def test_the_whole_way_over_the_command_line(
    smoke: Path, tmp_path: Path, argilla: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = small_run(smoke, tmp_path)
    monkeypatch.setenv("ARGILLA_API_URL", argilla.connection.url)
    monkeypatch.setenv("ARGILLA_API_KEY", argilla.connection.api_key)

    def told(*arguments: str, code: int = 0) -> str:
        assert command(["review", arguments[0], str(small), *arguments[1:]]) == code
        found = capsys.readouterr()
        return found.out + found.err

    team = Team(small, argilla.connection, reviewers=1)
    anna, kim = team.reviewers[0], team.adjudicators[0]
    again = told("users", "--reviewer", f"{anna.username}:nurse")
    assert "has a password already" in again
    assert "taking part: 1 reviewer, 1 adjudicator" in again
    listed = told("users")
    assert anna.username in listed
    assert kim.pseudonym in listed
    renewed = told("users", "--new-password", anna.username).splitlines()[0].split()[-1]
    anna = type(anna)(argilla.connection, anna.username, renewed, anna.pseudonym)
    pushed = told("push")
    assert f"{anna.pseudonym}, portion 1: 12 records" in pushed
    assert "/annotation-mode" in pushed
    assert "short" in pushed  # half of the sample wants two people, and there is one
    assert "--reviewer NAME" in pushed
    assert "nothing to give today" in told("push")
    assert told("push", "--quiet") == ""
    for record in team.portion(anna):
        anna.answer(record, {**FINE, "harm": "possible"})
    pulled = json.loads(told("pull", "--json"))
    assert (pulled["submitted"], pulled["new"]) == (12, 12)
    handed = told("adjudicate")
    assert "wait for an adjudicator" in handed
    for record in team.cases().values():
        kim.answer(record, {"outcome": "keep", "harmful": "no", "reason": "it is fine"})
    told("pull")
    assert " 0 for an adjudicator" in told("apply")
    restate(small, looks=3)
    assert "the plan was changed" in told("push", code=1)
    # names stay on the server
    texts = [path.read_bytes() for path in (small / "review").rglob("*") if path.is_file()]
    assert not any(hand.username.encode() in text for hand in (anna, kim) for text in texts)
