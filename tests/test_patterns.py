"""Patterns look with RE2 first; what they find is what Python's engine finds."""

from __future__ import annotations

import importlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusgen.patterns import Patterns, lower_pattern, widen
from corpusgen.recipe import Inputs

GATES = ("coercion", "diagnosis", "human_claim", "moralising", "personal_data", "platitudes", "template")


@pytest.fixture(scope="module")
def shipped(inputs: Inputs) -> dict[str, list[str]]:
    lexicon = inputs.taxonomy.lexicon
    own = {name: list(importlib.import_module(f"corpusgen.checks.{name}").PATTERNS) for name in GATES}
    lists = ("operational", "graphic", "sexual", "minor", "suicidal")
    return own | {name: list(getattr(lexicon, name)) for name in lists}


def test_every_shipped_pattern_has_a_wider_one(shipped: dict[str, list[str]]) -> None:
    """So that none is slow in silence."""
    assert [
        pattern for patterns in shipped.values() for pattern in patterns if widen(lower_pattern(pattern)) is None
    ] == []


def test_nothing_is_missed_in_what_people_wrote(shipped: dict[str, list[str]], inputs: Inputs) -> None:
    examples = [*inputs.examples.bad_responses, *inputs.examples.exemplars]
    texts = [text.lower() for example in examples for text in (example.prompt, example.response)]
    texts += [
        line.lower()
        for seed in inputs.seeds.situations.values()
        for line in (*seed.situation.tell, seed.situation.other)
    ]
    found = 0
    for patterns in shipped.values():
        exact = re.compile("|".join(f"(?:{lower_pattern(pattern)})" for pattern in patterns))
        both = Patterns(patterns)
        for text in texts:
            wanted = exact.search(text)
            got = both.search(text)
            assert (got and got.span()) == (wanted and wanted.span()), text
            found += wanted is not None
    assert found > 150


PIECES = ["a", "é", "b c", "_", "9", "٣", "\u00a0", "\u2028", "\n", "ab", "A", ".", "-", "ß", "x y"]
EXPRESSIONS = [
    r"\bab\b",
    r"\b\w+_\w+\b",
    r"(?<!a)b(?=\sc)",
    r"a\s+b|x\sy",
    r"\d{1,2}\b",
    r"[\w.+-]+-[a-z]",
    r"^a|b$",
    r"(?:a|é)(?!b)",
    r"[^.]\.",
    r"a(?:(?=[)])|b)c?",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.sampled_from(EXPRESSIONS))
def test_a_wider_pattern_finds_whatever_the_exact_one_does(text: str, expression: str) -> None:
    lower = text.lower()
    wanted = re.compile(lower_pattern(expression)).search(lower)
    got = Patterns([expression]).search(lower)
    assert (got and got.span()) == (wanted and wanted.span())


def test_what_cannot_be_widened_with_certainty_is_left_to_python() -> None:
    assert widen(r"\W") is None
    assert widen(r"[^\w]") is None
    assert widen(r"(a)\1") is None
    assert Patterns([r"(a)\1"]).search("xaay") is not None
    assert Patterns([]).search("anything") is None
