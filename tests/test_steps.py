"""Lines written for one category: checked like all content, and taken before the shared ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpusgen.authors.offline import ENOUGH_STEPS, Composer, make_briefs
from corpusgen.errors import InvalidFile
from corpusgen.plan import make_plan
from corpusgen.recipe import Inputs
from corpusgen.schema import Mode
from corpusgen.seeds import load_seeds
from corpusgen.taxonomy import load_taxonomy

STEPS = Path("seeds/psychosafe/steps/suicide_self_harm/means_at_home.yaml")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("category: means_at_home", "category: means_at_work", "unknown category 'means_at_work'"),
        ("  safety_planning:", "  safety_plans:", "unknown strategy 'safety_plans'"),
        ("    means_safety:", "    means:", "has no component 'means'"),
    ],
)
def test_a_mistake_is_named_with_its_line(project: Path, old: str, new: str, told: str) -> None:
    file = project / STEPS
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidFile) as caught:
        load_seeds(project / "seeds" / "psychosafe", load_taxonomy(project / "taxonomies" / "psychosafe"))
    problem = next(item for item in caught.value.problems if told in item.what)
    assert problem.file.endswith("means_at_home.yaml")
    assert problem.line > 0


def test_the_first_strategy_speaks_in_lines_of_the_category(inputs: Inputs) -> None:
    composer = Composer(inputs.taxonomy, inputs.seeds)
    cells = [cell for cell in make_plan(inputs) if cell.strategies]
    first = [(cell, cell.strategies[0], part.id) for cell in cells for part in _parts(inputs, cell.strategies[0])]
    own = sum(len(composer.written_for(*item)) >= ENOUGH_STEPS for item in first)
    assert own / len(first) > 0.9


def _parts(inputs: Inputs, strategy: str) -> tuple[object, ...]:
    return inputs.taxonomy.strategies[strategy].components


def test_an_answer_to_immediate_danger_shows_an_urgent_component_and_no_calm_reply(inputs: Inputs) -> None:
    composer = Composer(inputs.taxonomy, inputs.seeds)
    cells = make_plan(inputs)
    briefs = make_briefs(cells, {cell.cell_id: 0 for cell in cells if cell.response_mode == Mode.CRISIS_FIRST})
    for brief in briefs[:300]:
        written = composer.response(brief, composer.prompt(brief))
        strategy = inputs.taxonomy.strategies[brief.cell.strategies[0]]
        if strategy.urgent:
            shown = {name.partition(".")[2] for name in written.components if name.startswith(f"{strategy.id}.")}
            assert shown & set(strategy.urgent)
        ask = composer.ask(brief)
        if ask.calm and ask.reply:
            assert composer.spell(ask.reply, brief.cell.country) not in written.response
