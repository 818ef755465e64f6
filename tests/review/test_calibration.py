"""Calibration items: half good, half bad, spread, different at every look, and expecting only what is certain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from corpusgen.examples import BadResponse, Examples, Exemplar
from corpusgen.recipe import Inputs, ReviewPlan
from corpusgen.review.calibration import KNOWN, CalibrationItem, calibration_items, known_answers
from corpusgen.review.layout import Layout, layout_of, paragraphs
from corpusgen.review.page import fields
from corpusgen.review.questions import question
from corpusgen.run import Run, read_table
from corpusgen.schema import Mode
from corpusgen.taxonomy import Taxonomy
from tests.review.hands import corpus_like

PLAN = ReviewPlan(calibration=24)


def bad_response(inputs: Inputs, name: str) -> BadResponse:
    return next(item for item in inputs.examples.bad_responses if item.id == name)


def exemplar(inputs: Inputs, name: str) -> Exemplar:
    return next(item for item in inputs.examples.exemplars if item.id == name)


@pytest.fixture(scope="module")
def layout(inputs: Inputs) -> Layout:
    """Of a corpus that speaks of everything that the examples speak of."""
    return layout_of(corpus_like((*inputs.examples.exemplars, *inputs.examples.bad_responses)))


def ids(items: list[CalibrationItem]) -> list[str]:
    return [item.example.id for item in items]


def test_half_are_exemplars_for_this_use_and_half_are_bad(inputs: Inputs, layout: Layout) -> None:
    items = calibration_items(inputs.examples, PLAN, 1, "seven", layout)
    good = [item.example for item in items if isinstance(item.example, Exemplar)]
    bad = [item.example for item in items if isinstance(item.example, BadResponse)]
    assert (len(good), len(bad)) == (12, 12)
    assert {item.use for item in good} == {"calibrate"}
    for kind in (good, bad):
        domains = Counter(item.domain for item in kind)
        assert len(domains) == 5
        assert max(domains.values()) <= 4
    assert max(Counter(item.response_mode for item in good).values()) == 3
    assert len({item.gate for item in bad}) >= 11


def test_nobody_reads_what_nobody_should_have_to(inputs: Inputs, layout: Layout) -> None:
    for look in range(1, 11):
        items = calibration_items(inputs.examples, PLAN, look, "seven", layout)
        gates = {item.example.gate for item in items if isinstance(item.example, BadResponse)}
        assert not gates & {"minors", "graphic", "operational"}


def test_looks_share_no_item_while_there_are_enough(inputs: Inputs, layout: Layout) -> None:
    looks = [ids(calibration_items(inputs.examples, PLAN, look, "seven", layout)) for look in (1, 2, 3, 4)]
    assert len({name for look in looks for name in look}) == 4 * 24
    tenth = ids(calibration_items(inputs.examples, PLAN, 10, "seven", layout))
    assert len(set(tenth)) == 24


def test_the_salt_decides(inputs: Inputs, layout: Layout) -> None:
    one = ids(calibration_items(inputs.examples, PLAN, 1, "seven", layout))
    assert one == ids(calibration_items(inputs.examples, PLAN, 1, "seven", layout))
    assert set(one) != set(ids(calibration_items(inputs.examples, PLAN, 1, "eight", layout)))


@pytest.mark.parametrize("count", [0, 1, 7])
def test_as_many_as_the_plan_says(inputs: Inputs, layout: Layout, count: int) -> None:
    assert len(calibration_items(inputs.examples, ReviewPlan(calibration=count), 1, "seven", layout)) == count


def test_one_kind_makes_up_for_the_other_and_no_more_are_given_than_there_are(inputs: Inputs, layout: Layout) -> None:
    bad_only = Examples((), inputs.examples.bad_responses)
    assert len(calibration_items(bad_only, PLAN, 1, "seven", layout)) == 24
    few = Examples(tuple(item for item in inputs.examples.exemplars if item.use == "calibrate")[:3])
    for look in (1, 2):
        assert len(set(ids(calibration_items(few, PLAN, look, "seven", layout)))) == 3
    assert calibration_items(Examples(), PLAN, 1, "seven", layout) == []


# known answers


def test_the_table_asks_what_the_page_asks_for_gates_that_exist(inputs: Inputs) -> None:
    gates = {item.gate for item in inputs.examples.bad_responses}
    for known in KNOWN:
        assert known.gate in gates
        assert set(known.values) < set(question(known.question).values)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("harmless-and-turned-away", {"mode": ("too_closed",)}),
        ("only-the-crisis-line", {"mode": ("help_late",)}),
        ("warm-words-and-no-throat", {"harm": ("possible", "yes")}),
        ("british-line-in-canada", {"resource": ("wrong",)}),
        ("helpline-with-the-basil", {"resource": ("needless",)}),
        ("emergency-number-only", {"resource": ("missing", "wrong")}),
        # a number that was made up looks like any other
        ("night-line-from-nowhere", {}),
        ("page-on-example", {}),
        # no question asks for form
        ("insert-name-here", {}),
    ],
)
def test_what_a_bad_response_makes_certain(inputs: Inputs, name: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert dict(known_answers(bad_response(inputs, name))) == expected


def test_what_an_exemplar_makes_certain(inputs: Inputs) -> None:
    fine = {"mode": ("as_it_should",), "harm": ("no",)}
    crisis = exemplar(inputs, "paddock-goodbye")
    assert dict(known_answers(crisis)) == {**fine, "severity": ("imminent",), "resource": ("right",)}
    harmless = exemplar(inputs, "kingfisher-at-the-lake")
    assert dict(known_answers(harmless)) == {**fine, "severity": ("none",), "resource": ("none_needed",)}
    # a directory where a reviewer may know of something nearer
    assert dict(known_answers(exemplar(inputs, "laugh-in-the-group-chat"))) == {**fine, "severity": ("moderate",)}


def test_every_item_has_an_answer_that_is_known(inputs: Inputs, layout: Layout) -> None:
    for look in range(1, 7):
        for item in calibration_items(inputs.examples, PLAN, look, "seven", layout):
            assert item.expected == known_answers(item.example) != ()


# layout


def seen(row: Mapping[str, Any], taxonomy: Taxonomy) -> tuple[object, ...]:
    """What the page shows of a record before anybody reads it: paragraphs, content note, and what was meant."""
    shown = fields(row, taxonomy)
    return (row["response_mode"], row["response"].count("\n\n")), shown["note"], shown["meant"]


def test_by_its_looks_no_item_can_be_told_from_the_corpus(inputs: Inputs, smoke: Path) -> None:
    corpus = read_table(Run(smoke).corpus_path)
    known = [set(values) for values in zip(*(seen(row, inputs.taxonomy) for row in corpus.to_pylist()), strict=True)]
    items = calibration_items(inputs.examples, PLAN, 1, "seven", layout_of(corpus))
    assert len(items) == 24
    for item in items:
        row = {**item.example.row(), "strategies": list(item.example.strategies)}
        for value, values in zip(seen(row, inputs.taxonomy), known, strict=True):
            assert value in values, item.example.id


def test_paragraphs_are_distributed_as_in_the_corpus_and_no_word_is_changed(inputs: Inputs) -> None:
    examples = (*inputs.examples.exemplars, *inputs.examples.bad_responses)
    three_in_four = {mode: {3: 300, 4: 100} for mode in Mode}
    layout = layout_of(corpus_like(examples))._replace(paragraphs=three_in_four)
    found = [(item, laid_out) for item in examples if (laid_out := layout.like(item, "seven"))]
    assert len(found) > 0.8 * len(examples)
    for item, laid_out in found:
        assert laid_out.response.split() == item.response.split()
    counts = Counter(len(paragraphs(laid_out.response)) for _, laid_out in found)
    assert set(counts) == {3, 4}
    assert 0.65 < counts[3] / len(found) < 0.85
    assert layout.like(found[0][0], "seven") == found[0][1]


def test_messages_of_usual_length_come_first(inputs: Inputs, layout: Layout) -> None:
    lengths = sorted(len(item.prompt) for item in inputs.examples.exemplars)
    middle = layout._replace(shortest=lengths[len(lengths) // 4], longest=lengths[-len(lengths) // 4])
    items = calibration_items(inputs.examples, PLAN, 1, "seven", middle)
    assert len(items) == 24
    assert all(middle.usual(item.example) for item in items)


def test_what_the_corpus_never_speaks_of_is_left_out(inputs: Inputs, layout: Layout) -> None:
    bare = layout._replace(meant=frozenset({()}))
    items = calibration_items(inputs.examples, PLAN, 1, "seven", bare)
    assert items
    assert {item.example.strategies for item in items} == {()}
    assert calibration_items(inputs.examples, PLAN, 1, "seven", layout._replace(notes=frozenset())) == []
