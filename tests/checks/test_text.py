"""How gates cut text, above all what counts as a way of reaching somebody."""

from __future__ import annotations

import pytest

from corpusgen.checks.text import contacts, ngrams, normal, sentences, without_resources, words
from corpusgen.recipe import Inputs


def values(text: str) -> list[str]:
    return [value for value, _ in contacts(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("You can call 988 at any hour.", ["988"]),
        ("The people at 13 11 14 pick up.", ["13 11 14"]),
        ("Lifeline: 13 11 14.", ["13 11 14"]),
        ("Childline, 0800 1111, listens.", ["0800 1111"]),
        ("Write to help@example.org today.", ["help@example.org"]),
        ("Go to www.example.org/talk.", ["www.example.org/talk"]),
        ("Go to example.co.uk, day or night.", ["example.co.uk"]),
        ("Text HOME to 741741, or ring +44 1372 847 161.", ["741741", "+44 1372 847 161"]),
        ("It is open 24/7 on 988, just call.", ["988"]),
        ("Please dial 15.", ["15"]),
        ("You can reach them on 988.", ["988"]),
    ],
)
def test_a_way_of_reaching_somebody_is_found(text: str, found: list[str]) -> None:
    assert values(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "They are open 24/7.",
        "My grandfather was born in 1945.",
        "He lives 300 meters away.",
        "There were 1,000 people in the square.",
        "I paid £12345 for it.",
        "I have called her 300 times.",
        "They talked for 45 minutes on the phone.",
        "He is 15 now.",
        "Call me in 5.",
    ],
)
def test_a_quantity_a_year_and_opening_hours_are_no_contacts(text: str) -> None:
    assert values(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("13 11 14 is where they listen.", ["13 11 14"]),
        ("988 is the number to call.", ["988"]),
        ("85258 takes texts.", ["85258"]),
    ],
)
def test_a_number_that_begins_the_text_counts_like_any_other(text: str, found: list[str]) -> None:
    assert values(text) == found


def test_contacts_come_in_order_with_their_position() -> None:
    text = "First call 988, then visit example.org."
    assert contacts(text) == [("988", text.index("988")), ("example.org", text.index("example.org"))]


@pytest.mark.parametrize(
    ("one", "other"),
    [("0800 1111", "08001111"), ("(1-800) 799.7233", "1 800 799 7233"), ("https://www.Example.org/", "example.org")],
)
def test_two_spellings_of_a_contact_are_equal(one: str, other: str) -> None:
    assert normal(one) == normal(other)


def test_a_different_number_is_not_equal() -> None:
    assert normal("0800 1111") != normal("0800 1112")


def test_words_are_lower_case_and_keep_their_apostrophes() -> None:
    assert words("Don’t GO, she's two-faced_ok") == ("don't", "go", "she's", "two", "faced", "ok")


def test_sentences_end_at_marks_and_at_new_lines() -> None:
    assert sentences("One. “Two?” Three!\n\nFour") == ["One.", "“Two?", "Three!", "Four"]


def test_ngrams_are_the_distinct_runs_of_words() -> None:
    assert ngrams(("a", "b", "a", "b"), 2) == {("a", "b"), ("b", "a")}
    assert ngrams(("a",), 2) == set()


def test_sentences_that_name_a_resource_are_left_out(inputs: Inputs) -> None:
    registry = inputs.taxonomy.registry
    line = next(
        channel.value
        for entry in registry.entries.values()
        for channel in entry.channels
        if entry.status == "verified" and channel.kind == "call" and len(channel.value) > 6
    )
    text = (
        f"Rest first. You can call {line} tonight. Your local emergency number is quickest. "
        f"See {registry.directory.value} for more. Call 5550199 instead. Eat something."
    )
    assert without_resources(text, registry) == ["Rest first.", "Call 5550199 instead.", "Eat something."]
