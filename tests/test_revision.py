"""The review's decisions, compiled in: the corpus changes exactly there, stays what it was elsewhere, and says why."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from corpusgen.build import build
from corpusgen.checks import Rules, pair_of
from corpusgen.checks.corrected import corrected
from corpusgen.errors import RunError
from corpusgen.recipe import load_inputs
from corpusgen.reviews import (
    Decision,
    ReviewFolder,
    content_hash,
    merge_decisions,
    read_decisions,
    write_decisions,
)
from corpusgen.revision import _Revision
from corpusgen.run import Run
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

SMOKE = ROOT / "pipelines" / "smoke.yaml"
PAIRS = 80
Row = dict[str, Any]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The smoke corpus, which nobody has reviewed."""
    return build(SMOKE, tmp_path_factory.mktemp("base") / "run", pairs=PAIRS).run


@pytest.fixture
def run(base: Run, tmp_path: Path) -> Run:
    return Run(Path(shutil.copytree(base.root, tmp_path / "run")))


def rows(run: Run) -> dict[str, Row]:
    """The corpus by cell id."""
    return {row["cell_id"]: row for row in pq.read_table(run.corpus_path).to_pylist()}


def lineage(run: Run) -> dict[str, Row]:
    return {row["pair_id"]: row for row in pq.read_table(run.lineage_path).to_pylist()}


def decide(row: Row, outcome: Any, response: str | None = None, look: int = 1, recorded: int = 1) -> Decision:
    judged = content_hash(row["prompt"], row["response"])
    said = (outcome, outcome == "drop", response, ("r-1",), "a-1", f"settled: {outcome}")
    return Decision(look, row["id"], row["cell_id"], judged, *said, recorded)


def rebuild(run: Run, *decisions: Decision) -> dict[str, Row]:
    write_decisions(decisions, ReviewFolder(run.review).decisions_path)
    build(SMOKE, run.root, pairs=PAIRS)
    return rows(run)


def changed(before: dict[str, Row], after: dict[str, Row]) -> set[str]:
    return {cell for cell in before.keys() | after.keys() if before.get(cell) != after.get(cell)}


def test_keep_edit_and_drop_change_exactly_what_they_name(run: Run) -> None:
    before = rows(run)
    risky = [row for row in before.values() if row["response_mode"] != "answer" and not row["pair_group"]]
    keep, edit, drop = risky[0], risky[1], risky[2]
    text = edit["response"] + " You can write to me again tonight."
    after = rebuild(run, decide(keep, "keep"), decide(edit, "edit", text), decide(drop, "drop"))

    assert changed(before, after) == {keep["cell_id"], edit["cell_id"], drop["cell_id"]}
    assert after[keep["cell_id"]] == {**keep, "review_status": "kept"}
    edited = after[edit["cell_id"]]
    assert (edited["id"], edited["split"], edited["response"]) == (edit["id"], edit["split"], text)
    assert edited["messages"][1]["content"] == text
    assert edited["review_status"] == "edited"
    refilled = after[drop["cell_id"]]
    assert refilled["id"] != drop["id"]
    assert refilled["response"] != drop["response"]
    assert (refilled["split"], refilled["review_status"]) == (drop["split"], "unreviewed")

    told = lineage(run)
    assert {name: row["outcome"] for name, row in told.items()} == {
        keep["id"]: "kept",
        edit["id"]: "edited",
        drop["id"]: "dropped",
    }
    assert told[drop["id"]]["replaced_by"] == refilled["id"]
    assert told[edit["id"]]["after"] == content_hash(edit["prompt"], text)
    assert told[edit["id"]]["reason"] == "settled: edit"
    assert [
        (row["id"], row["reason"]) for row in pq.read_table(run.checks_path).to_pylist() if row["gate"] == "review"
    ] == [(drop["id"], "settled: drop")]


def test_a_dropped_look_alike_asks_another_question_and_its_partner_stays(run: Run) -> None:
    before = rows(run)
    lookalike = next(row for row in before.values() if row["response_mode"] == "answer" and row["pair_group"])
    after = rebuild(run, decide(lookalike, "drop"))
    assert changed(before, after) == {lookalike["cell_id"]}
    assert after[lookalike["cell_id"]]["response"] != lookalike["response"]
    assert after[lookalike["cell_id"]]["pair_group"] == lookalike["pair_group"]


def test_what_fills_a_dropped_cell_can_be_dropped_by_the_next_look(run: Run) -> None:
    before = rows(run)
    first = next(row for row in before.values() if row["response_mode"] == "supportive_refusal")
    once = rebuild(run, decide(first, "drop"))
    second = once[first["cell_id"]]
    twice = rebuild(run, decide(first, "drop"), decide(second, "drop", look=2))
    third = twice[first["cell_id"]]
    assert changed(once, twice) == {first["cell_id"]}
    assert len({first["id"], second["id"], third["id"]}) == 3
    # taken back, the corpus is what it was
    assert rebuild(run) == before


def test_a_corrected_answer_that_a_gate_rejects_never_stays(run: Run) -> None:
    before = rows(run)
    row = next(row for row in before.values() if row["response_mode"] == "supportive_answer")
    after = rebuild(run, decide(row, "edit", row["response"] + " Or call me on 0161 496 0000, any time."))
    told = lineage(run)[row["id"]]
    assert told["outcome"] == "dropped"
    assert "resources" in told["reason"]
    assert "0161" not in after[row["cell_id"]]["response"]


def test_a_correction_takes_its_labels_with_it(run: Run) -> None:
    inputs = load_inputs(SMOKE)
    row = next(row for row in rows(run).values() if len(row["resources"]) == 2 and not row["risk_flags"])
    first = inputs.taxonomy.registry.entries[row["resources"][0]]
    without = "\n\n".join(part for part in row["response"].split("\n\n") if first.contact not in part)
    new = corrected(pair_of(row), without, Rules(inputs.taxonomy, inputs.recipe.checks))
    assert first.id not in (new.resources or ())
    assert set(new.components or ()) <= set(row["components"])


def test_two_corrections_that_say_nearly_the_same_do_not_both_stand(run: Run) -> None:
    one, two = [row for row in rows(run).values() if row["response_mode"] == "answer"][:2]
    same = "Ask at the desk first, since each place does it in its own way, and keep the slip that they give you. "
    both = same + "Most people are done within a quarter of an hour, and nobody minds a second visit."
    after = rebuild(run, decide(one, "edit", both), decide(two, "edit", both + " Bring a pen."))
    outcomes = {row["outcome"] for row in lineage(run).values()}
    assert outcomes == {"edited", "dropped"}
    assert sum(row["response"].startswith(same.strip()) for row in after.values()) == 1


def test_later_decisions_do_not_change_what_filled_a_cell_before(run: Run) -> None:
    some = [row for row in rows(run).values() if row["response_mode"] == "supportive_answer"][:6]
    first = rebuild(run, *(decide(row, "drop") for row in some[3:]))
    after = rebuild(
        run,
        *(decide(row, "drop") for row in some[3:]),
        *(decide(row, "drop", recorded=2) for row in some[:3]),
        # what filled a cell is judged in the same look
        decide(first[some[3]["cell_id"]], "keep", recorded=2),
    )
    assert changed(first, after) == {row["cell_id"] for row in some[:4]}
    assert after[some[3]["cell_id"]]["id"] == first[some[3]["cell_id"]]["id"]
    assert after[some[3]["cell_id"]]["review_status"] == "kept"


def test_newcomers_that_are_near_each_other_are_not_parted_by_the_split() -> None:
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 1]]
    rounds: Any = SimpleNamespace(pairs={}, vectors={}, rules=None)
    newcomers = [{"id": name, "cell_id": name, "prompt": name} for name in "abc"]
    revision = _Revision(rounds, {"a": "train", "b": "test", "c": "test"}, 0.9)
    lost = revision._in_other_splits(newcomers, vectors)
    assert list(lost) == ["b"]
    assert lost["b"][4] == "a"


def test_what_is_decided_anew_comes_with_a_round_of_its_own() -> None:
    row = {"id": "p", "cell_id": "c", "prompt": "", "response": ""}
    first = merge_decisions((), [decide(row, "keep"), decide({**row, "id": "q"}, "keep")])
    assert {item.round for item in first} == {1}
    assert merge_decisions(first, first) == first
    again = merge_decisions(first, [decide(row, "drop"), decide({**row, "id": "q"}, "keep")])
    assert [(item.pair_id, item.outcome, item.round) for item in again] == [("q", "keep", 1), ("p", "drop", 2)]


def test_a_decision_about_another_text_changes_nothing(run: Run) -> None:
    before = rows(run)
    row = next(iter(before.values()))
    stale = decide({**row, "response": "something else"}, "drop")
    assert rebuild(run, stale) == before
    assert lineage(run)[row["id"]]["outcome"] == "stale"


def test_the_same_decisions_give_the_same_bytes(run: Run, tmp_path: Path) -> None:
    row = next(row for row in rows(run).values() if row["response_mode"] == "crisis_first")
    rebuild(run, decide(row, "drop"))
    other = Run(tmp_path / "other")
    write_decisions((decide(row, "drop"),), ReviewFolder(other.review).decisions_path)
    build(SMOKE, other.root, pairs=PAIRS, workers=1)
    assert other.corpus_path.read_bytes() == run.corpus_path.read_bytes()
    assert other.lineage_path.read_bytes() == run.lineage_path.read_bytes()


def test_two_decisions_about_one_pair_in_a_look_are_refused(run: Run) -> None:
    row = next(iter(rows(run).values()))
    path = ReviewFolder(run.review).decisions_path
    write_decisions((decide(row, "keep"), decide(row, "drop")), path)
    with pytest.raises(RunError, match="decides twice"):
        read_decisions(path)
