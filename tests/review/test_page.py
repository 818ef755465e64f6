"""The page: what a reviewer reads tells nothing of what they are asked, and the guidelines ask the same questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpusgen.authors.system_prompt import WRITERS
from corpusgen.errors import InvalidFile
from corpusgen.recipe import Inputs
from corpusgen.resources import Entry
from corpusgen.review.page import FIELDS, LONGEST_GUIDELINES, fields, guidelines, support
from corpusgen.review.questions import ADJUDICATION, QUESTIONS, question
from corpusgen.schema import Mode, Severity
from tests.conftest import ROOT

ROW = {
    "domain": "violence",
    "category": "",
    "role": "victim",
    "severity": "imminent",
    "response_mode": "crisis_first",
    "country": "GB",
    "strategies": ["lives", "trauma_informed"],
    "prompt": "He is outside the door.",
    "response": "Call 999 first.",
}


def row(inputs: Inputs, **changes: object) -> dict[str, object]:
    category = inputs.taxonomy.domains["violence"].categories[0].id
    return {**ROW, "category": category, **changes}


def test_message_and_answer_are_shown_word_for_word(inputs: Inputs) -> None:
    shown = fields(row(inputs, prompt="<script>alert(1)</script>", response="[a](javascript:b)"), inputs.taxonomy)
    assert list(shown) == list(FIELDS)
    assert shown["message"] == "<script>alert(1)</script>"
    assert shown["answer"] == "[a](javascript:b)"


def test_the_note_is_one_short_line_that_gives_no_answer_away(inputs: Inputs) -> None:
    said = fields(row(inputs), inputs.taxonomy)["note"]
    assert said.startswith("Violence and abuse. ")
    assert "somebody to whom harm is done" in said
    assert said.endswith("United Kingdom.")
    assert "\n" not in said
    # whatever the labels that a question asks for, the note is the same
    for severity in Severity:
        for mode in Mode:
            other = row(inputs, severity=str(severity), response_mode=str(mode))
            assert fields(other, inputs.taxonomy)["note"] == said


def test_every_note_is_short(inputs: Inputs) -> None:
    taxonomy = inputs.taxonomy
    longest = max(
        len(fields(row(inputs, domain=domain.id, category=category.id, role=role), taxonomy)["note"])
        for domain in taxonomy.domains.values()
        for category in domain.categories
        for role in WRITERS
    )
    assert longest <= 140


def test_an_unknown_country_is_named_so(inputs: Inputs) -> None:
    assert fields(row(inputs, country="unknown"), inputs.taxonomy)["note"].endswith("country unknown.")


def test_strategies_stand_in_plain_words_and_a_look_alike_says_so(inputs: Inputs) -> None:
    meant = fields(row(inputs), inputs.taxonomy)["meant"]
    lives = inputs.taxonomy.strategies["lives"]
    assert meant.startswith(f"{lives.name}. {lives.plain}")
    assert len(meant.split("\n\n")) == 2
    assert fields(row(inputs, strategies=[]), inputs.taxonomy)["meant"] == "Nothing more than to answer the question."


def test_support_names_verified_lines_of_the_recipes_countries_and_nothing_else(inputs: Inputs) -> None:
    lines = support(inputs.recipe, inputs.taxonomy).splitlines()
    assert lines[0].startswith("- United States: ")
    assert "988" in lines[0]
    assert lines[-1].endswith(inputs.taxonomy.registry.directory.value)
    countries = [code for code, weight in inputs.recipe.weights.country.items() if weight > 0 and code != "unknown"]
    assert len(lines) <= len(countries) + 1

    def usable(entry: Entry) -> bool:
        fits = entry.country in countries and "suicide_crisis" in entry.topics and not entry.audience
        return entry.status == "verified" and fits

    contacts = {entry.contact for entry in inputs.taxonomy.registry.entries.values() if usable(entry)}
    assert all(any(line.endswith(contact) for contact in contacts) for line in lines[:-1])


def test_an_unverified_line_supports_nobody(project: Path) -> None:
    from corpusgen.recipe import load_recipe
    from corpusgen.taxonomy import load_taxonomy

    path = project / "taxonomies" / "psychosafe" / "resources.yaml"
    recipe = load_recipe(project / "pipelines" / "smoke.yaml")
    path.write_text(
        path.read_text(encoding="utf-8").replace("status: verified", "status: unverified"), encoding="utf-8"
    )
    assert support(recipe, load_taxonomy(project / "taxonomies" / "psychosafe")) == ""


@pytest.mark.parametrize("name", ["guidelines", "adjudication"])
def test_the_bundled_guidelines_fit_and_name_where_a_reviewer_finds_support(inputs: Inputs, name: str) -> None:
    text = guidelines(inputs.path, inputs.recipe, inputs.taxonomy, name)
    assert len(text) <= LONGEST_GUIDELINES
    assert "{support}" not in text
    assert "988" in text
    assert "AI assistance" in text


def test_guidelines_of_the_project_come_first_and_must_not_be_too_long(project: Path, inputs: Inputs) -> None:
    path = project / "pipelines" / "smoke.yaml"
    folder = project / "annotation"
    folder.mkdir()
    (folder / "guidelines.md").write_text("Read well.\n\n{support}\n", encoding="utf-8")
    text = guidelines(path, inputs.recipe, inputs.taxonomy)
    assert text.startswith("Read well.\n\n- United States: ")
    (folder / "guidelines.md").write_text("long " * 2000 + "{support}", encoding="utf-8")
    with pytest.raises(InvalidFile, match="Argilla takes 10,000"):
        guidelines(path, inputs.recipe, inputs.taxonomy)


def test_the_guidelines_speak_of_every_question_in_the_words_of_the_page() -> None:
    told = (ROOT / "annotation" / "guidelines.md").read_text(encoding="utf-8")
    assert QUESTIONS[-1].name == "rather_not"
    assert "the last question" in told
    for item in QUESTIONS[:-1]:
        assert item.title in told, item.name
        if item.kind in ("label", "labels"):
            for value, words in item.options:
                assert words in told, (item.name, value)


def test_the_adjudicators_guidelines_speak_of_every_question_in_the_order_of_the_page() -> None:
    told = (ROOT / "annotation" / "adjudication.md").read_text(encoding="utf-8")
    places = [told.index(f"## {item.title.removesuffix('?')}") for item in ADJUDICATION]
    assert places == sorted(places)
    for _, words in ADJUDICATION[1].options:
        assert f"**{words.partition(':')[0]}**" in told


def test_names_and_values_of_questions_are_all_different() -> None:
    for asked in (QUESTIONS, ADJUDICATION):
        assert len({item.name for item in asked}) == len(asked)
        for item in asked:
            assert len(set(item.values)) == len(item.values)
            assert (not item.options) == (item.kind == "text")
            # Argilla takes no fewer
            assert item.kind == "text" or len(item.options) >= 2
    assert question("harm").worded("possible") == "Possibly"
    assert question("severity").values == tuple(map(str, Severity))
    with pytest.raises(KeyError):
        question("outcome")
