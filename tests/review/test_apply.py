"""From complete judgements to decisions, without a server: what is decided, what stays open, what a gate turns away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusgen.assembly import lineage_table
from corpusgen.errors import RunError, Unmet
from corpusgen.review.apply import Applied, apply, raise_rejected
from corpusgen.review.judgement import Corrections, judgements
from corpusgen.review.looks import ready_look
from corpusgen.review.opening import Review, open_review, read_rows
from corpusgen.review.status import status, told
from corpusgen.reviews import Decision, Look, Person, read_decisions, write_decisions
from corpusgen.revision import Lineage
from corpusgen.run import Run, write_table
from corpusgen.standing import unfinished
from tests.review.hands import FINE, small_run, write_answers, write_settled

pytestmark = pytest.mark.slow

ANNA, BEA, CLEO = "r-000001", "r-000002", "r-000003"
ADDED = " Write again whenever you want to."


class Drawn:
    """A run whose sample is drawn, and whose answers a test writes itself."""

    def __init__(self, run: Path) -> None:
        self.run = run
        people = {name: Person(name, "reviewer", "nurse", True) for name in (ANNA, BEA)}
        people["a-000001"] = Person("a-000001", "adjudicator", "", True)
        self.review.folder.save_people(people)
        self.look: Look = ready_look(open_review(run), fresh=False)
        self.rows = [row for row in read_rows(self.look.sample_path) if row["kind"] == "sample"]
        self.once = [row for row in self.rows if row["readers"] == 1]
        self.twice = [row for row in self.rows if row["readers"] == 2]

    @property
    def review(self) -> Review:
        return open_review(self.run)

    def answer(self, row: Mapping[str, Any], *answers: Mapping[str, Any], minutes: int = 0) -> None:
        given = {(row["record_id"], who): said for who, said in zip((ANNA, BEA), answers, strict=False) if said}
        write_answers(self.look, given, minutes)

    def settle(self, row: Mapping[str, Any], **said: Any) -> None:
        write_settled(self.look, {row["record_id"]: said})

    def correctable(self) -> tuple[Mapping[str, Any], str]:
        """A pair, and a corrected answer that the gates let pass."""
        corrections = Corrections(self.review)
        for row in self.rows:
            if not corrections.rejection(row, row["response"] + ADDED):
                return row, row["response"] + ADDED
        raise AssertionError("no correction passes the gates")

    def apply(self) -> Applied:
        return apply(str(self.run))

    def decisions(self) -> dict[str, Decision]:
        return {item.pair_id: item for item in read_decisions(self.review.folder.decisions_path)}


@pytest.fixture
def drawn(smoke: Path, tmp_path: Path) -> Drawn:
    return Drawn(small_run(smoke, tmp_path))


def test_agreement_keeps_a_pair_and_an_unread_one_is_not_decided(drawn: Drawn) -> None:
    alone, both, half = drawn.once[0], drawn.twice[0], drawn.twice[1]
    drawn.answer(alone, FINE)
    drawn.answer(both, FINE, {**FINE, "grounding": 5})
    drawn.answer(half, FINE)
    applied = drawn.apply()
    assert (applied.kept, applied.edited, applied.dropped, applied.open) == (2, 0, 0, 0)
    assert applied.waiting == len(drawn.rows) - 2
    decided = drawn.decisions()
    assert set(decided) == {alone["pair_id"], both["pair_id"]}
    assert decided[both["pair_id"]].reviewers == (ANNA, BEA)
    assert decided[both["pair_id"]].reason == "the reviewers agreed"
    assert decided[alone["pair_id"]].adjudicator is None
    assert not decided[alone["pair_id"]].harmful


def test_disagreement_waits_for_an_adjudicator_whose_word_is_taken(drawn: Drawn) -> None:
    first, second = drawn.twice[:2]
    drawn.answer(first, FINE, {**FINE, "resource": "wrong"})
    drawn.answer(second, FINE, {**FINE, "mode": "too_closed"})
    assert drawn.apply().open == 2
    assert not drawn.decisions()
    settled = {
        first["record_id"]: {"outcome": "keep", "reason": "the line is the right one"},
        second["record_id"]: {"outcome": "drop", "harmful": True, "reason": "it refuses a plea for help"},
    }
    write_settled(drawn.look, settled)
    applied = drawn.apply()
    assert (applied.kept, applied.dropped, applied.open) == (1, 1, 0)
    kept, dropped = drawn.decisions()[first["pair_id"]], drawn.decisions()[second["pair_id"]]
    assert (kept.outcome, kept.harmful, kept.adjudicator) == ("keep", False, "a-000001")
    assert (dropped.outcome, dropped.harmful, dropped.reason) == ("drop", True, "it refuses a plea for help")
    assert dropped.cell_id == second["cell_id"]


def test_flagged_harm_is_open_at_once_and_a_calibration_item_never_is(drawn: Drawn) -> None:
    half = drawn.twice[0]
    drawn.answer(half, {**FINE, "harm": "possible"})
    hidden = next(row for row in read_rows(drawn.look.sample_path) if row["kind"] == "calibration")
    drawn.answer(hidden, {**FINE, "harm": "yes"})
    assert drawn.apply().open == 1
    drawn.settle(half, outcome="keep")
    # settled, and still short of a reader
    assert (drawn.apply().kept, drawn.apply().open) == (0, 0)
    write_answers(drawn.look, {(half["record_id"], BEA): FINE}, minutes=60)
    assert drawn.apply().kept == 1
    assert set(drawn.decisions()) == {half["pair_id"]}


def test_a_correction_that_the_gates_let_pass_is_taken(drawn: Drawn) -> None:
    row, better = drawn.correctable()
    drawn.answer(row, {**FINE, "harm": "yes", "harm_kinds": ["blame"]}, FINE)
    drawn.settle(row, outcome="edit", harmful=True, response=better)
    assert drawn.apply().edited == 1
    decision = drawn.decisions()[row["pair_id"]]
    assert decision.response == better
    assert decision.content_hash == row["content_hash"]
    assert decision.harmful


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("", "correction"),
        ("{answer}", "correction"),
        ("  {answer}\n", "correction"),
        ("{answer} You can also call 0800 555 4321.", "resources"),
        ("{answer} See www.example.org for more.", "resources"),
        ("{other}", "correction"),
        ("No.", ""),  # which gate speaks first depends on the pair
    ],
)
def test_a_correction_that_a_gate_rejects_is_not_recorded_and_goes_back(drawn: Drawn, text: str, gate: str) -> None:
    row, other = drawn.twice[0], drawn.twice[1]
    given = text.format(answer=row["response"], other=other["response"])
    drawn.answer(row, {**FINE, "harm": "yes"}, FINE)
    drawn.settle(row, outcome="edit", response=given)
    applied = drawn.apply()
    assert not drawn.decisions()
    assert applied.open == 1
    found = applied.rejected[0]
    assert found.pair_id == row["pair_id"]
    assert found.gate == gate or not gate
    with pytest.raises(Unmet) as error:
        raise_rejected(applied, Run(drawn.run))
    assert row["pair_id"] in error.value.what
    assert found.reason in error.value.what
    assert error.value.exit_code == 3
    # the adjudicator's next word settles it
    drawn.settle(row, outcome="drop", harmful=True)
    assert drawn.apply().dropped == 1


def test_an_answer_that_was_found_harmful_is_not_kept(drawn: Drawn) -> None:
    row = drawn.twice[0]
    drawn.answer(row, {**FINE, "harm": "yes"}, FINE)
    drawn.settle(row, outcome="keep", harmful=True)
    applied = drawn.apply()
    assert (applied.kept, applied.open) == (0, 1)
    assert "never kept" in applied.rejected[0].reason


def test_an_answer_that_comes_after_the_word_was_spoken_opens_the_case_again(drawn: Drawn) -> None:
    row = drawn.twice[0]
    drawn.answer(row, {**FINE, "harm": "possible"}, FINE)
    drawn.settle(row, outcome="keep")
    assert drawn.apply().kept == 1
    # earlier or later: what counts is that the page did not show it
    write_answers(drawn.look, {(row["record_id"], CLEO): {**FINE, "harm": "yes"}}, minutes=-60)
    found = next(item for item in judgements(drawn.review, drawn.look) if item.row.pair_id == row["pair_id"])
    assert found.standing == "open"
    assert found.again == "a reviewer's answer was not on the page when this was settled"
    # the decision stands until then: a corrected pair must not fall back
    assert (drawn.apply().kept, drawn.apply().open) == (1, 1)
    assert unfinished(drawn.look) == len(drawn.rows)
    assert any("waits for an adjudicator" in item for item in status(str(drawn.run)).verdict.missing)
    write_settled(drawn.look, {row["record_id"]: {"outcome": "drop", "harmful": True}}, minutes=90)
    assert drawn.apply().dropped == 1


def test_a_later_answer_with_nothing_to_settle_opens_nothing(drawn: Drawn) -> None:
    row = drawn.twice[0]
    drawn.answer(row, {**FINE, "harm": "possible"})
    drawn.settle(row, outcome="keep")
    write_answers(drawn.look, {(row["record_id"], BEA): FINE}, minutes=60)
    assert (drawn.apply().open, drawn.apply().kept) == (0, 1)


def test_applying_again_changes_no_byte_and_earlier_looks_stay(drawn: Drawn) -> None:
    path = drawn.review.folder.decisions_path
    older = Decision(0, "older", "cell", "hash", "keep", False, None, (ANNA,), None, "the reviewers agreed")
    write_decisions((older,), path)
    drawn.answer(drawn.once[0], FINE)
    assert drawn.apply().new == 1
    before = path.read_bytes()
    assert drawn.apply().new == 0
    assert path.read_bytes() == before
    assert set(drawn.decisions()) == {"older", drawn.once[0]["pair_id"]}


def test_without_a_sample_there_is_nothing_to_apply(smoke: Path, tmp_path: Path) -> None:
    run = small_run(smoke, tmp_path)
    with pytest.raises(RunError, match="no sample"):
        apply(str(run))
    assert status(str(run)).next.startswith("corpusgen review users")


def test_status_says_in_words_where_it_stands_and_what_comes_next(drawn: Drawn) -> None:
    drawn.answer(drawn.once[0], FINE)
    drawn.answer(drawn.twice[0], FINE, {**FINE, "harm": "possible"})
    found = status(str(drawn.run))
    assert (found.agreed, found.open, found.submitted) == (1, 1, 3)
    assert found.waiting == found.drawn - 2
    assert [reader.pseudonym for reader in found.readers] == [ANNA, BEA]
    assert not found.verdict.met
    lines = "\n".join(told(found))
    assert "SIMULATED REVIEWERS TOOK PART" in lines
    assert "missing:" in lines
    json.dumps(found.to_json())


def judged(drawn: Drawn) -> None:
    """Has everybody find everything fine, decides it, and compiles it in as a build would."""
    given = {(row["record_id"], who): FINE for row in drawn.rows for who in (ANNA, BEA)[: row["readers"]]}
    write_answers(drawn.look, given)
    assert drawn.apply().kept == len(drawn.rows)


def compiled(drawn: Drawn, dropped: Mapping[str, str] | None = None) -> None:
    path = drawn.run / "corpus.parquet"
    table = pq.read_table(path)
    kept = {name for name, item in drawn.decisions().items() if item.outcome == "keep"}
    rows = table.to_pylist()
    for row in rows:
        row["review_status"] = "kept" if row["id"] in kept else "unreviewed"
        row["id"] = (dropped or {}).get(row["id"], row["id"])
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def test_a_review_in_which_nothing_is_wrong_meets_the_gate(drawn: Drawn) -> None:
    judged(drawn)
    assert status(str(drawn.run)).next == f"corpusgen build {drawn.review.built['recipe']} -o {drawn.run}"
    compiled(drawn)
    found = status(str(drawn.run))
    assert found.verdict.met, found.verdict.missing
    assert found.next.startswith("corpusgen publish")


def test_the_command_to_build_again_repeats_the_options_of_the_first_time(drawn: Drawn) -> None:
    path = drawn.run / "run.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    state["settings"].update(pairs=40, seed=7)
    path.write_text(json.dumps(state), encoding="utf-8")
    assert drawn.review.build_command.endswith(f"-o {drawn.run} -n 40 --seed 7")


def test_a_fresh_look_waits_for_the_build_and_leaves_out_what_was_judged(drawn: Drawn) -> None:
    judged(drawn)
    with pytest.raises(Unmet, match="not in the corpus yet"):
        ready_look(drawn.review, fresh=True)
    # a cell was filled again, and nobody has read what fills it
    unread = set(pq.read_table(drawn.run / "corpus.parquet")["id"].to_pylist()) - {row["pair_id"] for row in drawn.rows}
    compiled(drawn, {min(unread): "refilled"})
    filled = Lineage(1, min(unread), "cell", "dropped", "", "", "refilled", ("r-1",), None, "because")
    write_table(lineage_table([filled]), drawn.run / "lineage.parquet")
    second = ready_look(drawn.review, fresh=True)
    assert second.number == 2
    fresh = {row["pair_id"] for row in read_rows(second.sample_path) if row["kind"] == "sample"}
    assert "refilled" in fresh
    assert not fresh & {row["pair_id"] for row in drawn.rows}
    with pytest.raises(Unmet, match="2 looks were stated"):
        ready_look(drawn.review, fresh=True)
