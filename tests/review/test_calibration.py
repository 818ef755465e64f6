"""Calibration items: half good, half bad, spread, different at every look, and expecting only what is certain."""

from __future__ import annotations

from collections import Counter

import pytest

from corpusgen.examples import BadResponse, Examples, Exemplar
from corpusgen.recipe import Inputs, ReviewPlan
from corpusgen.review.calibration import KNOWN, CalibrationItem, calibration_items, known_answers
from corpusgen.review.questions import question

PLAN = ReviewPlan(calibration=24)


def bad_response(inputs: Inputs, name: str) -> BadResponse:
    return next(item for item in inputs.examples.bad_responses if item.id == name)


def exemplar(inputs: Inputs, name: str) -> Exemplar:
    return next(item for item in inputs.examples.exemplars if item.id == name)


def ids(items: list[CalibrationItem]) -> list[str]:
    return [item.example.id for item in items]


def test_half_are_exemplars_for_this_use_and_half_are_bad(inputs: Inputs) -> None:
    items = calibration_items(inputs.examples, PLAN, look=1, seed=7)
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


def test_nobody_reads_what_nobody_should_have_to(inputs: Inputs) -> None:
    for look in range(1, 11):
        items = calibration_items(inputs.examples, PLAN, look, seed=7)
        gates = {item.example.gate for item in items if isinstance(item.example, BadResponse)}
        assert not gates & {"minors", "graphic", "operational"}


def test_looks_share_no_item_while_there_are_enough(inputs: Inputs) -> None:
    looks = [ids(calibration_items(inputs.examples, PLAN, look, seed=7)) for look in (1, 2, 3, 4)]
    assert len({name for look in looks for name in look}) == 4 * 24
    tenth = ids(calibration_items(inputs.examples, PLAN, 10, seed=7))
    assert len(set(tenth)) == 24


def test_the_seed_decides(inputs: Inputs) -> None:
    one = ids(calibration_items(inputs.examples, PLAN, 1, seed=7))
    assert one == ids(calibration_items(inputs.examples, PLAN, 1, seed=7))
    assert set(one) != set(ids(calibration_items(inputs.examples, PLAN, 1, seed=8)))


@pytest.mark.parametrize("count", [0, 1, 7])
def test_as_many_as_the_plan_says(inputs: Inputs, count: int) -> None:
    assert len(calibration_items(inputs.examples, ReviewPlan(calibration=count), 1, seed=7)) == count


def test_one_kind_makes_up_for_the_other_and_no_more_are_given_than_there_are(inputs: Inputs) -> None:
    bad_only = Examples((), inputs.examples.bad_responses)
    assert len(calibration_items(bad_only, PLAN, 1, seed=7)) == 24
    few = Examples(tuple(item for item in inputs.examples.exemplars if item.use == "calibrate")[:3])
    for look in (1, 2):
        assert len(set(ids(calibration_items(few, PLAN, look, seed=7)))) == 3
    assert calibration_items(Examples(), PLAN, 1, seed=7) == []


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


def test_every_item_has_an_answer_that_is_known(inputs: Inputs) -> None:
    for look in range(1, 7):
        for item in calibration_items(inputs.examples, PLAN, look, seed=7):
            assert item.expected == known_answers(item.example) != ()
