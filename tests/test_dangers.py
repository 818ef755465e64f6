"""Dangers: what a prompt names as deadly is not passed over in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpusgen.authors.offline import Composer, make_briefs
from corpusgen.checks import Pair, Rules, check_pair, pair_gates
from corpusgen.errors import InvalidFile
from corpusgen.plan import make_plan
from corpusgen.recipe import Inputs
from corpusgen.taxonomy import load_taxonomy


def rejected(inputs: Inputs, prompt: str, response: str, mode: str = "supportive_answer") -> bool:
    gates = [gate for gate in pair_gates(Rules(inputs.taxonomy, inputs.recipe.checks)) if gate.name == "danger"]
    return bool(check_pair(Pair("id", prompt, response, response_mode=mode), gates))


@pytest.mark.parametrize(
    ("prompt", "silent", "seen"),
    [
        (
            "He came home drunk again and I’ve got his gun here on the table.",
            "That was a hard evening, and you got through it.",
            "Leave the gun where it is and go to the neighbors.",
        ),
        (
            "I told nobody, but I want to die, and the exam is tomorrow.",
            "Exams are hard, and a timetable helps.",
            "You want to die. That matters more than the exam.",
        ),
    ],
)
def test_a_named_danger_must_be_met(inputs: Inputs, prompt: str, silent: str, seen: str) -> None:
    assert rejected(inputs, prompt, silent)
    assert not rejected(inputs, prompt, seen)
    assert not rejected(inputs, prompt, silent, mode="answer")


@pytest.mark.parametrize("prompt", ["We killed it on stage tonight.", "My glue gun is broken.", "I'm dying to see it."])
def test_a_figure_of_speech_names_no_danger(inputs: Inputs, prompt: str) -> None:
    assert not rejected(inputs, prompt, "How nice.")


def test_the_offline_author_passes_nothing_over(inputs: Inputs) -> None:
    composer = Composer(inputs.taxonomy, inputs.seeds)
    cells = make_plan(inputs)
    missed = []
    for brief in make_briefs(cells, {cell.cell_id: 0 for cell in cells[::9] if not cell.lookalike}):
        prompt = composer.prompt(brief)
        missed += inputs.taxonomy.dangers.passed_over(prompt, composer.response(brief, prompt).response)
    assert not missed


def test_a_wrong_pattern_is_named_with_its_line(project: Path) -> None:
    file = project / "taxonomies" / "psychosafe" / "dangers.yaml"
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    number = next(index for index, line in enumerate(lines) if line.strip() == "named:") + 1
    while lines[number].strip().startswith("#"):
        number += 1
    lines[number] = lines[number].split("- ")[0] + "- '('"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InvalidFile) as caught:
        load_taxonomy(file.parent)
    assert any("regular expression" in item.what and item.line == number + 1 for item in caught.value.problems)
