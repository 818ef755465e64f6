"""`corpusgen review`: thin verbs, plain errors, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpusgen.cli import run as command
from tests.review.hands import FINE, small_run
from tests.review.test_apply import Drawn

VERBS = ("up", "down", "users", "push", "status", "pull", "agreement", "adjudicate", "apply")


@pytest.fixture
def small(smoke: Path, tmp_path: Path) -> Path:
    return small_run(smoke, tmp_path)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["review", verb, "--help"]) == 0
    assert f"corpusgen review {verb} runs/smoke" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("up", "down")])
def test_a_folder_that_is_no_run_is_said_to_be_none(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ARGILLA_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ARGILLA_API_KEY", "key")
    assert command(["review", verb, str(tmp_path)]) == 1
    assert "is not a run" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["users", "push", "pull", "adjudicate"])
def test_without_a_server_the_next_command_is_named(
    verb: str, small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ARGILLA_API_URL", "ARGILLA_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert command(["review", verb, str(small)]) == 1
    assert "corpusgen review up" in capsys.readouterr().err


@pytest.mark.slow
def test_status_and_apply_speak_for_people_and_for_programs(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = Drawn(small)
    drawn.answer(drawn.once[0], FINE)
    assert command(["review", "status", str(small)]) == 0
    out = capsys.readouterr().out
    assert "look 1 of 2" in out
    assert "r-000001 (simulated)" in out
    assert command(["review", "status", str(small), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["submitted"] == 1
    assert command(["review", "apply", str(small)]) == 0
    assert "1 kept, 0 edited, 0 dropped" in capsys.readouterr().out
    assert command(["review", "apply", str(small), "--quiet"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_a_rejected_correction_is_exit_3_with_pair_gate_and_reason(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = Drawn(small)
    row = drawn.once[0]
    drawn.answer(row, {**FINE, "harm": "yes"})
    drawn.settle(row, outcome="edit", response=row["response"] + " Call 0800 555 4321.")
    assert command(["review", "apply", str(small), "--json"]) == 3
    found = capsys.readouterr()
    assert json.loads(found.out)["rejected"][0]["gate"] == "resources"
    assert row["pair_id"] in found.err
    assert "0800 555 4321" in found.err
    assert "corpusgen review adjudicate" in found.err


@pytest.mark.slow
def test_agreement_is_printed_written_and_drawn(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = Drawn(small)
    assert command(["review", "agreement", str(small)]) == 1
    assert "corpusgen review pull" in capsys.readouterr().err
    for at, row in enumerate(drawn.twice):
        drawn.answer(row, FINE, {**FINE, "grounding": 3 + at % 3})
    assert command(["review", "agreement", str(small)]) == 0
    out = capsys.readouterr().out
    assert "grounding" in out
    assert (drawn.look.root / "agreement.json").is_file()
    assert (drawn.look.root / "agreement.png").read_bytes()[:4] == b"\x89PNG"
