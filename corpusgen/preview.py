"""A few pairs with their briefs, to look at while a curator writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from corpusgen.authors.offline import Composer, make_briefs
from corpusgen.checks import Rules, check_pair, pair_gates, pair_of
from corpusgen.plan import make_plan, stable_hash
from corpusgen.recipe import load_inputs

__all__ = ["preview"]


def preview(recipe: str | Path, number: int, seed: int | None = None) -> list[dict[str, Any]]:
    """Returns a few composed pairs, each with its labels and what the gates would say, drawn evenly over the plan.

    Raises:
        InvalidFile: The recipe, or a file that it names, is wrong.
    """
    inputs = load_inputs(recipe, seed=seed)
    cells = make_plan(inputs)
    by_turn = sorted(cells, key=lambda cell: stable_hash("preview", inputs.recipe.seed, cell.cell_id))
    chosen = {cell.cell_id: 0 for cell in by_turn[:number]}
    composer = Composer(inputs.taxonomy, inputs.seeds)
    gates = pair_gates(Rules(inputs.taxonomy, inputs.recipe.checks))
    shown = []
    for brief in make_briefs(cells, chosen):
        prompt = composer.prompt(brief)
        written = composer.response(brief, prompt)
        row = {
            **vars(brief.cell),
            "prompt": prompt,
            "response": written.response,
            "components": written.components,
            "resources": written.resources,
        }
        found = check_pair(pair_of(row), gates)
        shown.append({**row, "rejections": [rejection._asdict() for rejection in found]})
    return shown
