"""Looks: drawn by a salt of their own, and finished before the next; what fills dropped pairs' cells joins them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusgen.errors import RunError, Unmet
from corpusgen.review.looks import ready_look, take_refills
from corpusgen.review.opening import Review, open_review, read_rows
from corpusgen.review_tables import frame_schema
from corpusgen.reviews import Decision, Look, content_hash, write_decisions
from tests.review.hands import FINE, fill_cell, small_run, write_answers

pytestmark = pytest.mark.slow  # each begins with a copy of a built run


@pytest.fixture
def run(smoke: Path, tmp_path: Path) -> Path:
    return small_run(smoke, tmp_path, second_reader=0)


def first_look(run: Path) -> tuple[Review, Look]:
    review = open_review(run)
    return review, ready_look(review, fresh=False)


def drawn(look: Look) -> list[dict[str, Any]]:
    return [row for row in read_rows(look.sample_path) if row["kind"] == "sample"]


def decide(review: Review, look: Look) -> None:
    """Records that every pair of a look is kept, and marks it so in the corpus."""
    names = {row["pair_id"] for row in drawn(look)}
    decisions = tuple(
        Decision(1, row["pair_id"], row["cell_id"], row["content_hash"], "keep", False, None, ("r-1",), None, "agreed")
        for row in drawn(look)
    )
    write_decisions(decisions, review.folder.decisions_path)
    path = review.run.corpus_path
    table = pq.read_table(path)
    rows = [{**row, "review_status": "kept"} if row["id"] in names else row for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def test_the_same_recipe_draws_other_pairs_in_another_run(smoke: Path, tmp_path: Path) -> None:
    plan = {"max_harm": 0.5, "looks": 1}
    looks = [first_look(small_run(smoke, tmp_path / name, **plan)) for name in ("one", "other")]
    salts = {review.folder.state()["salt"] for review, _ in looks}
    assert len(salts) == 2
    assert all(len(salt) == 16 for salt in salts)
    one, other = ({row["pair_id"] for row in drawn(look)} for _, look in looks)
    assert one != other


def test_the_frame_is_the_corpus_as_it_was(run: Path) -> None:
    review, look = first_look(run)
    frame = pq.read_table(look.frame_path)
    assert frame.schema.equals(frame_schema())
    assert {row["id"]: row["content_hash"] for row in frame.to_pylist()} == {
        name: content_hash(pair["prompt"], pair["response"]) for name, pair in review.pairs.items()
    }


@pytest.mark.parametrize("left", ["sample.parquet", "assignments.parquet", "responses.parquet"])
def test_without_its_state_a_review_is_not_drawn_anew(run: Path, left: str) -> None:
    review, look = first_look(run)
    kept = look.sample_path.read_bytes()
    look.sample_path.rename(look.root / left)
    review.folder.state_path.unlink()
    for _ in range(2):
        with pytest.raises(RunError, match="does not know of look 1") as caught:
            ready_look(open_review(run), fresh=False)
        assert "restore" in str(caught.value)
    assert (look.root / left).read_bytes() == kept
    assert not review.folder.state_path.exists()


def test_an_old_copy_of_the_state_does_not_draw_over_what_was_given(run: Path) -> None:
    review, look = first_look(run)
    review.folder.save_state({**review.folder.state(), "looks": []})
    # a draw that was killed is done again, and comes to the same pairs
    before = {row["pair_id"] for row in drawn(look)}
    assert {row["pair_id"] for row in drawn(ready_look(open_review(run), fresh=False))} == before
    review.folder.save_state({**review.folder.state(), "looks": []})
    look.assignments_path.write_bytes(b"")
    with pytest.raises(RunError, match="does not know of look 1"):
        ready_look(open_review(run), fresh=False)


def test_what_fills_a_dropped_cell_joins_the_same_look_once(run: Path) -> None:
    _, look = first_look(run)
    before = read_rows(look.sample_path)
    name = fill_cell(run, look, drawn(look)[0]["pair_id"])
    assert take_refills(open_review(run), look) == 1
    (row,) = [row for row in read_rows(look.sample_path) if row["kind"] == "refill"]
    assert (row["pair_id"], row["response"], row["readers"]) == (name, "Another.", 1)
    assert [row for row in read_rows(look.sample_path) if row["kind"] != "refill"] == before
    written = look.sample_path.read_bytes()
    assert take_refills(open_review(run), look) == 0
    assert look.sample_path.read_bytes() == written


def test_what_fills_a_cell_and_has_left_again_is_not_read(run: Path) -> None:
    _, look = first_look(run)
    path = run / "corpus.parquet"
    fill_cell(run, look, drawn(look)[0]["pair_id"])
    table = pq.read_table(path)
    pq.write_table(table.filter(pa.compute.not_equal(table["id"], "filled-1")), path)
    assert take_refills(open_review(run), look) == 0


def test_the_next_look_waits_for_readers_and_adjudicators_whatever_was_decided(run: Path) -> None:
    review, look = first_look(run)
    decide(review, look)
    rows = drawn(look)
    write_answers(look, {(row["record_id"], "r-1"): FINE for row in rows[1:]})
    with pytest.raises(Unmet, match="look 1 is not finished: 1 row waits"):
        ready_look(open_review(run), fresh=True)
    write_answers(look, {(rows[0]["record_id"], "r-1"): {**FINE, "harm": "yes"}})
    with pytest.raises(Unmet, match="look 1 is not finished: 1 row waits"):
        ready_look(open_review(run), fresh=True)


def test_the_next_look_is_drawn_from_what_nobody_judged(run: Path) -> None:
    review, look = first_look(run)
    decide(review, look)
    write_answers(look, {(row["record_id"], "r-1"): FINE for row in drawn(look)})
    second = ready_look(open_review(run), fresh=True)
    assert second.number == 2
    assert not {row["pair_id"] for row in drawn(second)} & {row["pair_id"] for row in drawn(look)}
