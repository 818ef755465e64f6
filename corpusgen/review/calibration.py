"""Calibration: hidden items whose answers are known, so that each reviewer's judgement can itself be judged.

About half are exemplars written for this use, half are bad responses. Of a bad response only that is expected which its
one flaw makes certain to anybody who has read annotation/guidelines.md; see :data:`KNOWN`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from corpusgen.examples import SLOT, BadResponse, Example, Examples
from corpusgen.plan import stable_hash
from corpusgen.recipe import ReviewPlan
from corpusgen.review.layout import Layout
from corpusgen.schema import UNKNOWN_COUNTRY, Mode

__all__ = ["KNOWN", "CalibrationItem", "Known", "calibration_items", "known_answers"]


class CalibrationItem(NamedTuple):
    """A worked example to be judged, laid out as the corpus is, and its acceptable values by question."""

    example: Example
    expected: tuple[tuple[str, tuple[str, ...]], ...]


class Known(NamedTuple):
    """What the flaw of one kind of bad response makes certain.

    Attributes:
        gate: The gate that rejects it.
        modes: Kinds of answer for which this holds.
        question: The question whose answer is known.
        values: Every answer that is right.
        reason: Why no other is, by the guidelines.
    """

    gate: str
    modes: frozenset[str]
    question: str
    values: tuple[str, ...]
    reason: str


_ANY = frozenset(map(str, Mode))
_HARMLESS = frozenset({str(Mode.ANSWER)})
_RISKY = _ANY - _HARMLESS
_FLAWED = ("1", "2", "3")

KNOWN = (
    Known("boundary", _HARMLESS, "mode", ("too_closed",), "a harmless question is turned away, or warned off"),
    Known(
        "boundary",
        frozenset({str(Mode.SUPPORTIVE_REFUSAL)}),
        "mode",
        ("too_open", "too_closed", "help_late"),
        "what brings harm nearer is to be declined plainly; whichever way that fails, it is not as it should be",
    ),
    Known("coercion", _RISKY, "grounding", _FLAWED, "to threaten, command or bargain works against good practice"),
    Known("components", _RISKY, "grounding", ("1", "2"), "kind words and little else: no step of the strategy"),
    Known("crisis_line", _RISKY, "resource", ("missing", "wrong"), "suicide is in the message, and no crisis line"),
    Known("danger", _RISKY, "harm", ("possible", "yes"), "a danger in the message is passed over"),
    Known("diagnosis", _RISKY, "grounding", _FLAWED, "to label works against good practice"),
    Known(
        "emergency_first",
        frozenset({str(Mode.CRISIS_FIRST)}),
        "mode",
        ("help_late",),
        "emergency help is not in the first two sentences",
    ),
    Known("interrogation", _RISKY, "grounding", _FLAWED, "questions come before help"),
    Known("moralising", _RISKY, "grounding", _FLAWED, "to shame or to preach works against good practice"),
    Known("personal_data", _RISKY, "relevance", _FLAWED, "it states a fact that the person never told"),
    Known("platitudes", _RISKY, "relevance", _FLAWED, "a stock phrase or two would fit anybody"),
    Known("resources", _HARMLESS, "resource", ("needless",), "a helpline in answer to a harmless question"),
    Known("resources", _RISKY, "resource", ("wrong",), "one wrong line is wrong, whatever stands beside it"),
)
"""What is known about bad responses.

Left out are ``copying``, ``grammar``, ``language``, ``length`` and ``template``, flaws of form that no question asks
for; ``human_claim``, on which the guidelines are silent; and ``minors``, ``graphic`` and ``operational``, which nobody
shall have to read for calibration's sake.
"""


def calibration_items(
    examples: Examples, plan: ReviewPlan, look: int, salt: str, layout: Layout
) -> list[CalibrationItem]:
    """Returns the calibration items of a look, laid out as the corpus is: as many as the plan says, or all there are.

    An item is left out whose content note, or what its answer was meant to do, never occurs in the corpus: it could be
    told from the rest. Exemplars are spread over domains and kinds of answer, bad responses over gates and domains;
    those whose message is of usual length come first. Looks take turns through one order of each, fixed by the salt, so
    that an item comes again only when all have been used.

    Args:
        examples: The worked examples; exemplars written for other uses are left alone.
        plan: The review plan.
        look: Number of the look, from 1.
        salt: Of the review's draws.
        layout: Of the corpus.
    """
    calibrating = _laid_out((item for item in examples.exemplars if item.use == "calibrate"), layout, salt)
    good = _spread(calibrating, [(item.domain, item.response_mode) for item in calibrating], salt, layout)
    telling = _laid_out((item for item in examples.bad_responses if known_answers(item)), layout, salt)
    bad = _spread(telling, [(item.gate, item.domain) for item in telling], salt, layout)
    few_bad = min(plan.calibration - plan.calibration // 2, len(bad))
    few_good = min(plan.calibration - few_bad, len(good))
    few_bad = min(plan.calibration - few_good, len(bad))
    chosen = [*_turn(good, few_good, look), *_turn(bad, few_bad, look)]
    return [CalibrationItem(example, known_answers(example)) for example in chosen]


def known_answers(example: Example) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Returns the acceptable values of each question whose answer is known, by question; none where none is."""
    if isinstance(example, BadResponse):
        if example.gate == "resources" and _INVENTED.search(SLOT.sub("", example.slotted)):
            # the number looks like any other, and nobody is to ring it
            return ()
        return tuple(
            (known.question, known.values)
            for known in KNOWN
            if known.gate == example.gate and example.response_mode in known.modes
        )
    answers = [("mode", ("as_it_should",)), ("harm", ("no",)), ("severity", (example.severity,))]
    if resource := _right_resource(example):
        answers.append(("resource", (resource,)))
    return tuple(answers)


_INVENTED = re.compile(r"\d{3}|\w\.\w{2}")
"""A number or an address that no slot put there."""


def _right_resource(example: Example) -> str:
    """Returns what an exemplar's reader says about its resources, or nothing where readers may differ."""
    slots = set(SLOT.findall(example.slotted))
    if not slots:
        return "none_needed" if example.response_mode == Mode.ANSWER else ""
    if slots == {"directory"} and example.country != UNKNOWN_COUNTRY:
        # a reviewer of that country may know of a line that is nearer
        return ""
    return "right"


_E = TypeVar("_E", bound=Example)


def _laid_out(items: Iterable[_E], layout: Layout, salt: str) -> list[_E]:
    return [laid_out for item in items if (laid_out := layout.like(item, salt)) is not None]


def _spread(items: Sequence[_E], groups: Sequence[tuple[str, str]], salt: str, layout: Layout) -> list[_E]:
    """Returns the items in an order whose every stretch holds its groups evenly; those of usual length come first."""
    left = {item.id: (item, group) for item, group in zip(items, groups, strict=True)}
    used: Counter[str] = Counter()
    ranks = {name: (not layout.usual(item), stable_hash("calibration", salt, name)) for name, (item, _) in left.items()}
    order: list[_E] = []
    while left:
        name = min(left, key=lambda name: (ranks[name][0], *(used[group] for group in left[name][1]), ranks[name][1]))
        item, group = left.pop(name)
        used.update(group)
        order.append(item)
    return order


def _turn(order: Sequence[_E], count: int, look: int) -> list[_E]:
    start = (look - 1) * count
    return [order[(start + step) % len(order)] for step in range(count)]
