"""What a corpus will cost with a language model as author: real messages measured, answers assumed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from corpusgen.authors.grounding import Grounding
from corpusgen.authors.offline import Brief, Composer, make_briefs
from corpusgen.plan import Cell, make_plan, stable_hash
from corpusgen.recipe import Inputs

__all__ = ["Estimate", "estimate"]

SAMPLE = 40
CHARACTERS_A_TOKEN = 4
"""English text, roughly, for the tokenizers in use."""
ANSWER_TOKENS = {"prompt": 90, "response": 260, "judge": 60}
"""Tokens of an answer of the length that the prompts ask for, with the JSON around it."""
AGAIN = 1.25
"""Requests in all for one in the first attempt; the others make up for pairs that are turned away."""


class Estimate(NamedTuple):
    """Requests, tokens and cost of a model, estimated."""

    model: str
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """None for a model without a price."""


def estimate(inputs: Inputs) -> list[Estimate]:
    """Estimates what a build asks of its models, from the messages of some forty cells.

    Returns:
        One entry a model; nothing for the offline author.
    """
    author = inputs.recipe.author
    if author.kind == "offline":
        return []
    cells = make_plan(inputs)
    several = author.candidates if author.candidates > 1 else 0
    counts = {"prompt": len(cells), "response": len(cells) * author.candidates, "judge": len(cells) * several}
    writer = author.model or author.kind
    models = {"prompt": writer, "response": writer, "judge": author.judge.model or writer}
    lengths: dict[str, list[int]] = {task: [] for task in counts}
    for task, message in _messages(inputs, cells):
        lengths[task].append(len(message))
    totals: dict[str, list[int]] = {}
    for task, count in counts.items():
        if count:
            requests = round(count * AGAIN)
            total = totals.setdefault(models[task], [0, 0, 0])
            total[0] += requests
            total[1] += round(requests * sum(lengths[task]) / len(lengths[task]) / CHARACTERS_A_TOKEN)
            total[2] += requests * ANSWER_TOKENS[task]
    found = []
    for model, (requests, given, said) in totals.items():
        price = author.prices.get(model)
        cost = None if price is None else (given * price.input + said * price.output) / 1e6
        found.append(Estimate(model, requests, given, said, cost))
    return found


def _messages(inputs: Inputs, cells: list[Cell]) -> Iterator[tuple[str, str]]:
    """Yields task and message for a sample of cells, as a model would get them."""
    composer = Composer(inputs.taxonomy, inputs.seeds)
    grounding = Grounding(composer, inputs.examples.exemplars)
    drawn = sorted(cells, key=lambda cell: stable_hash("estimate", cell.cell_id))[:SAMPLE]
    briefs: list[Brief] = make_briefs(cells, {cell.cell_id: 0 for cell in drawn})
    for brief in briefs:
        prompt = composer.prompt(brief)
        response = composer.response(brief, prompt).response
        yield "prompt", grounding.ask_prompt(brief)
        yield "response", grounding.ask_response(brief, prompt)
        yield "judge", grounding.ask_judge(brief, prompt, response)
