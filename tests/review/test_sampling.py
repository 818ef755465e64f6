"""The sample: a row of every stratum, none too heavy, fresh at every look, and calibration items well hidden."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusgen.bounds import Stratum, corpus_upper, per_look, sample_size, weighted_upper
from corpusgen.errors import RunError
from corpusgen.examples import Examples
from corpusgen.recipe import Inputs, ReviewPlan
from corpusgen.review.sampling import allocate, draw, with_refills
from corpusgen.review_tables import sample_schema
from corpusgen.reviews import content_hash
from corpusgen.schema import corpus_schema
from tests.review.hands import corpus_like

PLAN = ReviewPlan()
NONE = Examples()


def corpus(
    sizes: Mapping[tuple[str, str], int],
    changed: Mapping[str, str] | None = None,
    edited: Collection[str] = (),
) -> pa.Table:
    """Returns a corpus of so many pairs a domain and severity; some have another answer, perhaps by the review."""
    numbers = itertools.count()
    rows = [
        {
            "id": f"pair{(number := next(numbers)):05}",
            "cell_id": f"cell{number:05}",
            "domain": domain,
            "severity": severity,
            "response_mode": "supportive_answer",
            "author": "offline",
            "category": "category",
            "role": "victim",
            "country": "US",
            "strategies": ["lives"],
            "prompt": f"Prompt {number}.",
            "response": (changed or {}).get(f"pair{number:05}", f"Response {number}."),
            "review_status": "edited" if f"pair{number:05}" in edited else "unreviewed",
        }
        for (domain, severity), size in sizes.items()
        for _ in range(size)
    ]
    return pa.Table.from_pylist(rows, schema=corpus_schema())


def counting() -> Callable[[], str]:
    numbers = itertools.count()
    return lambda: f"token{next(numbers):05}"


def rows_of(sample: pa.Table) -> list[dict[str, Any]]:
    return [row for row in sample.to_pylist() if row["kind"] == "sample"]


SIZES = {("violence", "low"): 3000, ("violence", "high"): 1500, ("weapons", "low"): 490, ("weapons", "imminent"): 10}


def test_every_stratum_is_drawn_from_in_proportion() -> None:
    sample = draw(corpus(SIZES), NONE, PLAN, 1, salt="grain")
    assert sample.schema == sample_schema()
    rows = rows_of(sample)
    drawn = Counter(row["stratum"] for row in rows)
    assert set(drawn) == {f"{domain}|{severity}|supportive_answer|offline" for domain, severity in SIZES}
    for row in rows:
        size = SIZES[row["domain"], row["severity"]]
        assert (row["stratum_size"], row["stratum_drawn"]) == (size, drawn[row["stratum"]])
        assert row["stratum_drawn"] >= 473 * size / 5000
        assert row["content_hash"] == content_hash(row["prompt"], row["response"])
    # one refill that nobody has read is 1 of 5,000, and takes a fiftieth of what is allowed
    assert 473 <= len(rows) <= 483 + 2 * len(SIZES)
    assert len({row["pair_id"] for row in rows}) == len(rows)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 900), min_size=1, max_size=30),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(0, 2),
)
def test_a_sample_with_as_many_as_tolerated_passes(
    counts: list[int], tolerated: int, looks: int, refilled: int
) -> None:
    plan = ReviewPlan(max_harm=0.02, tolerated=tolerated, looks=looks)
    sizes = {f"stratum{number}" + "|refilled" * (number < refilled): size for number, size in enumerate(counts)}
    drawn = allocate(sizes, plan)
    assert all(1 <= drawn[name] <= size for name, size in sizes.items())
    assert all(drawn[name] == size for name, size in sizes.items() if name.endswith("|refilled"))
    total = sum(counts)
    if sum(drawn.values()) == total:
        return
    confidence = per_look(0.95, looks)
    for unlucky in sizes:
        if drawn[unlucky] >= tolerated:
            strata = [Stratum(size, drawn[name], tolerated * (name == unlucky)) for name, size in sizes.items()]
            assert weighted_upper(strata, confidence) < 0.02
            # each dropped, and what fills its cell not read yet
            rest = {"known": 0, "known_harmful": 0, "unread": tolerated, "dropped": tolerated}
            assert corpus_upper(strata, confidence, **rest) < 0.02
    # no row stands for more of the corpus than it would in a simple random sample
    simple = sample_size(0.02, confidence, tolerated)
    assert max(size / drawn[name] for name, size in sizes.items()) <= total / simple + 1e-9


def test_rounding_up_costs_no_more_than_a_row_a_stratum_and_a_little() -> None:
    drawn = allocate({str(number): 229 for number in range(35)}, PLAN)
    assert sum(drawn.values()) <= 473 + 35 + 35


def test_a_small_corpus_is_read_whole() -> None:
    rows = rows_of(draw(corpus({("violence", "low"): 150, ("weapons", "low"): 50}), NONE, PLAN, 1, salt="grain"))
    assert len(rows) == 200
    assert all(row["stratum_drawn"] == row["stratum_size"] for row in rows)


def test_the_same_arguments_draw_the_same_rows() -> None:
    table = corpus(SIZES)
    assert draw(table, NONE, PLAN, 1, "3", token=counting()).equals(draw(table, NONE, PLAN, 1, "3", token=counting()))
    pairs = [
        {row["pair_id"] for row in rows_of(draw(table, NONE, PLAN, *key))} for key in ((1, "3"), (1, "4"), (2, "3"))
    ]
    assert pairs[0] != pairs[1] != pairs[2] != pairs[0]
    assert (
        rows_of(draw(table, NONE, PLAN, 1, "3"))[0]["record_id"]
        != rows_of(draw(table, NONE, PLAN, 1, "3"))[0]["record_id"]
    )


def test_the_order_of_the_corpus_does_not_matter() -> None:
    table = corpus(SIZES)
    turned = table.take(list(reversed(range(table.num_rows))))
    one, other = (draw(item, NONE, PLAN, 1, "3", token=counting()) for item in (table, turned))
    assert one.equals(other)


def test_the_share_of_second_readers_is_spread_over_strata() -> None:
    rows = rows_of(draw(corpus(SIZES), NONE, PLAN, 1, salt="grain"))
    twice = [row for row in rows if row["readers"] == 2]
    assert {row["readers"] for row in rows} == {1, 2}
    assert len(twice) == math.floor(0.3 * len(rows) + 0.5)
    drawn = Counter(row["stratum"] for row in rows)
    read = Counter(row["stratum"] for row in twice)
    assert all(abs(read[name] - 0.3 * number) <= 1 for name, number in drawn.items())
    assert {row["readers"] for row in rows_of(draw(corpus(SIZES), NONE, ReviewPlan(second_reader=1), 1, "3"))} == {2}
    assert {row["readers"] for row in rows_of(draw(corpus(SIZES), NONE, ReviewPlan(second_reader=0), 1, "3"))} == {1}


def test_a_fresh_sample_leaves_out_what_was_judged_and_counts_the_rest() -> None:
    table = corpus(SIZES)
    first = draw(table, NONE, PLAN, 1, salt="grain")
    second = rows_of(draw(table, NONE, PLAN, 2, "3", earlier=[first]))
    judged = {row["pair_id"] for row in rows_of(first)}
    assert not judged & {row["pair_id"] for row in second}
    sizes = {row["stratum"]: row["stratum_size"] for row in second}
    assert sum(sizes.values()) + (10 if len(sizes) == 3 else 0) >= 5000 - len(judged)
    assert sizes["violence|low|supportive_answer|offline"] == 3000 - sum(
        row["stratum"] == "violence|low|supportive_answer|offline" for row in rows_of(first)
    )


def test_what_is_new_and_what_was_corrected_joins_with_certainty() -> None:
    first = draw(corpus(SIZES), NONE, PLAN, 1, salt="grain")
    edited = rows_of(first)[0]["pair_id"]
    drawn = set(first["pair_id"].to_pylist())
    refilled = next(name for number in range(5000) if (name := f"pair{number:05}") not in drawn)
    table = corpus(SIZES, {edited: "A better answer."}, [edited])
    second = {row["pair_id"]: row for row in rows_of(draw(table, NONE, PLAN, 2, "3", [first], [refilled]))}
    for name, kind in ((refilled, "|refilled"), (edited, "|edited")):
        assert second[name]["stratum"].endswith(kind)
        assert second[name]["stratum_size"] == second[name]["stratum_drawn"] == 1
    assert second[edited]["response"] == "A better answer."
    # what filled a cell and was read in the same look is known
    read = with_refills(first, table, [refilled])
    again = {row["pair_id"] for row in rows_of(draw(table, NONE, PLAN, 2, "3", [read], [refilled]))}
    assert refilled not in again


def test_what_a_rebuild_changed_is_drawn_by_chance_like_the_rest() -> None:
    first = draw(corpus(SIZES), NONE, PLAN, 1, salt="grain")
    rebuilt = corpus(SIZES, {f"pair{number:05}": f"Another {number}." for number in range(3000)})
    second = rows_of(draw(rebuilt, NONE, PLAN, 2, "grain", [first]))
    assert len(second) < 600
    assert not any(row["stratum"].endswith(("|refilled", "|edited")) for row in second)
    sizes = {row["stratum"]: row["stratum_size"] for row in second}
    assert sizes["violence|low|supportive_answer|offline"] == 3000


def test_with_new_answers_under_the_same_ids_another_salt_draws_other_pairs() -> None:
    table = corpus(SIZES)
    first = {row["pair_id"] for row in rows_of(draw(table, NONE, PLAN, 1, salt="one"))}
    mended = corpus(SIZES, dict.fromkeys(first, "A mended answer."))
    second = {row["pair_id"] for row in rows_of(draw(mended, NONE, PLAN, 1, salt="another"))}
    assert len(first & second) < len(first) / 3


def test_what_fills_a_cell_is_read_once_beside_the_sample() -> None:
    table = corpus(SIZES)
    sample = draw(table, NONE, PLAN, 1, salt="grain")
    drawn = set(sample["pair_id"].to_pylist())
    name = next(name for number in range(5000) if (name := f"pair{number:05}") not in drawn)
    more = with_refills(sample, table, [name, "gone", next(iter(drawn))])
    assert more.schema == sample_schema()
    (row,) = [row for row in more.to_pylist() if row["kind"] == "refill"]
    assert (row["pair_id"], row["stratum"], row["readers"]) == (name, "refilled", 1)
    assert row["stratum_size"] == row["stratum_drawn"] == 0
    assert row["content_hash"] == content_hash(row["prompt"], row["response"])
    assert [item for item in more.to_pylist() if item["kind"] != "refill"] == sample.to_pylist()
    assert with_refills(more, table, [name]).equals(more)


def test_what_is_known_spares_rows() -> None:
    sizes = {str(number): 100 for number in range(40)}
    plan = ReviewPlan(looks=2)
    assert sum(allocate(sizes, plan, known=4000).values()) <= sum(allocate(sizes, plan).values())
    sample, known = allocate(sizes, plan, known=600), {"known": 600, "known_harmful": 0, "unread": 1, "dropped": 1}
    strata = [Stratum(size, sample[name], int(name == "0")) for name, size in sizes.items()]
    assert corpus_upper(strata, per_look(0.95, 2), **known) < 0.01


def test_when_all_was_judged_only_changed_answers_are_left_to_draw() -> None:
    table = corpus({("violence", "low"): 20})
    first = draw(table, NONE, PLAN, 1, salt="grain")
    with pytest.raises(RunError, match="every pair of the corpus has been judged"):
        draw(table, NONE, PLAN, 2, salt="grain", earlier=[first])
    repaired = corpus({("violence", "low"): 20}, {"pair00003": "A better answer."}, ["pair00003"])
    second = draw(repaired, NONE, PLAN, 2, "3", [first])
    (row,) = rows_of(second)
    assert (row["pair_id"], row["response"], row["stratum_size"]) == ("pair00003", "A better answer.", 1)
    assert row["stratum"].endswith("|edited")
    with pytest.raises(RunError, match="every pair of the corpus has been judged"):
        draw(repaired, NONE, PLAN, 3, salt="grain", earlier=[first, second])


def test_calibration_items_are_hidden_among_the_rest(inputs: Inputs) -> None:
    by_name = {item.id: item for item in (*inputs.examples.exemplars, *inputs.examples.bad_responses)}
    sample = draw(corpus_like(by_name.values()), inputs.examples, PLAN, 1, salt="grain")
    rows = sample.to_pylist()
    hidden = [row for row in rows if row["kind"] == "calibration"]
    assert len(hidden) == 24
    assert len({row["record_id"] for row in rows}) == len(rows)
    assert {len(row["record_id"]) for row in rows} == {16}
    # neither at the beginning nor at the end, nor together
    assert [row["record_id"] for row in rows] == sorted(row["record_id"] for row in rows)
    for row in hidden:
        example = by_name[row["pair_id"]]
        assert (row["prompt"], row["response"].split()) == (example.prompt, example.response.split())
        assert row["content_hash"] == content_hash(row["prompt"], row["response"])
        assert (row["stratum_size"], row["stratum_drawn"], row["readers"]) == (0, 0, 0)
        assert row["expected"]
        assert row["strategies"] == list(example.strategies)
