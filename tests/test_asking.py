"""The tasks that ask a model: output that cannot be read is asked for again, about the same prompt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from corpusgen.authors.grounding import Grounding
from corpusgen.authors.offline import Composer, make_briefs
from corpusgen.pipeline.asking import AskResponse, GatewayLLM
from corpusgen.pipeline.steps import lend, row_of
from corpusgen.plan import make_plan
from corpusgen.recipe import load_inputs
from tests.conftest import ROOT

BROKEN = {"text": '{"response": "cut off in the'}
WHOLE = {"text": json.dumps({"response": "I hear you."})}


class Told(GatewayLLM):
    """Says what it is told to, round after round, and remembers what it was asked."""

    rounds: list[dict[str, str]]
    chats: list[str] = []
    names: list[str] = []

    def generate(
        self, inputs: list[Any], num_generations: int = 1, rows: list[str] | None = None
    ) -> list[dict[str, Any]]:
        said = self.rounds[min(len(self.names), len(self.rounds) - 1)]
        self.chats.extend(chat[0]["content"] for chat in inputs)
        self.names.extend(rows or [])
        return [{"generations": [json.dumps(said)] * num_generations} for _ in inputs]


def asked(*rounds: dict[str, str]) -> tuple[dict[str, Any], Told]:
    """Returns what becomes of one row, and the model that was asked."""
    inputs = load_inputs(ROOT / "pipelines" / "smoke.yaml")
    lend(Grounding(Composer(inputs.taxonomy, inputs.seeds), inputs.examples.exemplars))
    cell = next(cell for cell in make_plan(inputs) if not cell.lookalike)
    (brief,) = make_briefs([cell], {cell.cell_id: 0})
    llm = Told(host="", port=0, token="", lane="author", model="made-up", version="response/1", rounds=list(rounds))
    task = AskResponse(name="response", llm=llm, taxonomy=str(inputs.taxonomy.root), seeds=str(inputs.seeds.root))
    task.load()
    row = {**row_of("part", brief), "prompt": "WHAT THE PERSON WROTE", "status": "ok"}
    ((found,),) = task.process([row])
    return found, llm


def test_what_cannot_be_read_is_asked_again_about_the_same_prompt() -> None:
    row, llm = asked(BROKEN, BROKEN, WHOLE)
    assert row["status"] == "ok"
    assert row["prompt"] == "WHAT THE PERSON WROTE"
    assert [json.loads(text)["response"] for text in row["candidates"]] == ["I hear you."]
    assert len(set(llm.names)) == len(llm.names) == 3
    assert llm.chats == llm.chats[:1] * 3
    assert "<message>WHAT THE PERSON WROTE</message>" in llm.chats[0]


@pytest.mark.parametrize(
    ("said", "status", "times"),
    [
        (BROKEN, "failed: the model's output cannot be read", 3),
        ({"failure": "filtered", "words": "no"}, "failed: filtered: no", 1),
        ({"failure": "stopped", "words": "interrupted"}, "stopped: stopped: interrupted", 1),
    ],
)
def test_a_row_without_an_answer_says_why_and_holds_nothing(said: dict[str, str], status: str, times: int) -> None:
    row, llm = asked(said)
    assert row["status"].startswith(status)
    assert (row["prompt"], row["response"]) == ("", "")
    assert len(llm.names) == times
