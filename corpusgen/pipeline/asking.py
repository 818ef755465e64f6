"""The tasks of a language model as author: prompt, response, judge; and the choice among candidates."""

import json
from collections.abc import Iterator
from typing import Any

from distilabel.models.llms.base import LLM
from distilabel.steps import Step, StepInput
from distilabel.steps.tasks import Task
from pydantic import PrivateAttr

from corpusgen.authors.grounding import Grounding, Judgement, Unparsable
from corpusgen.checks import PairGate, Rules, check_pair, pair_gates, pair_of
from corpusgen.checks.gate import LABELS
from corpusgen.endpoints.wire import send
from corpusgen.pipeline.steps import EMPTY, brief_of, grounding
from corpusgen.recipe import Checks

__all__ = ["AskJudge", "AskPrompt", "AskResponse", "Choose", "GatewayLLM"]

MISREAD = 2
"""How many times a model is asked again whose output held no answer, each time as a new request."""


class GatewayLLM(LLM):
    """A model behind the gateway of the building process.

    A batch goes out at once, on one connection, and comes back when its last answer is there; the gateway has the
    batches of all other steps in flight meanwhile. A generation is JSON: ``{"text"}``, or ``{"failure", "words"}``.
    """

    host: str
    port: int
    token: str
    lane: str
    model: str
    version: str
    parameters: dict[str, Any] = {}
    answer_schema: dict[str, Any] | None = None

    @property
    def model_name(self) -> str:
        """The model's name."""
        return self.model

    def generate(
        self, inputs: list[Any], num_generations: int = 1, rows: list[str] | None = None
    ) -> list[dict[str, Any]]:
        """Returns the generations for each input.

        Args:
            inputs: Chats.
            num_generations: How many for each.
            rows: What each input is for; a part of the journal's key.

        Raises:
            OSError: The gateway is gone.
        """
        names = rows or [""] * len(inputs)
        wanted = [
            {
                "id": [number, candidate],
                "row": f"{names[number]} {candidate}",
                "version": self.version,
                "messages": chat,
                "parameters": self.parameters,
                "schema": self.answer_schema,
            }
            for number, chat in enumerate(inputs)
            for candidate in range(num_generations)
        ]
        found = [[""] * num_generations for _ in inputs]
        for said in send(self.host, self.port, self.token, self.lane, wanted):
            number, candidate = said.pop("id")
            found[number][candidate] = json.dumps(said)
        return [{"generations": texts, "statistics": {}} for texts in found]


class _Ask(Task):
    """A task that asks through the gateway, and turns every failure into the row's status."""

    taxonomy: str
    seeds: str
    _grounding: Grounding = PrivateAttr()

    def load(self) -> None:
        """Loads taxonomy and seeds."""
        super().load()
        self._grounding = grounding(self.taxonomy, self.seeds)

    @property
    def inputs(self) -> list[str]:
        """Columns read."""
        return ["brief"]

    def process(self, inputs: StepInput) -> Iterator[list[dict[str, Any]]]:
        """Yields the batch with what was asked for; rows that have failed pass as they are."""
        left = [row for row in inputs if row.get("status", "ok") == "ok"]
        for again in range(MISREAD + 1):
            left = self._round(left, again)
        for row in left:
            row.update(EMPTY)
        yield inputs

    def _round(self, rows: list[dict[str, Any]], again: int) -> list[dict[str, Any]]:
        """Asks for rows, and returns those whose answers could not be read."""
        chats = []
        asked = []
        for row in rows:
            try:
                chats.append(self.format_input(row))
                asked.append(row)
            except Exception as error:  # a row's failure is its status, and must not void its batch
                row.update(EMPTY, status=f"failed: {type(error).__name__}: {error}")
        rows = asked
        outputs = self._generate(chats, [_name(row, again) for row in rows]) if rows else []
        misread = []
        for row, output in zip(rows, outputs, strict=True):
            try:
                row.update(self._read(output["generations"], row), status="ok")
            except Unparsable as error:
                # the row keeps its prompt, which the next round asks about
                row["status"] = f"failed: the model's output cannot be read: {error.what}"
                misread.append(row)
            except _Failed as error:
                row.update(EMPTY, status=str(error))
        return misread

    def _generate(self, chats: list[Any], names: list[str]) -> list[dict[str, Any]]:
        count = self.num_generations
        if isinstance(self.llm, GatewayLLM):
            return self.llm.generate(chats, count, rows=names)
        found = self.llm.generate_outputs(inputs=chats, num_generations=count, **self.llm.get_generation_kwargs())
        texts = [[_plain(text) for text in item["generations"]] for item in found]
        return [{"generations": item} for item in texts]

    def _read(self, generations: list[str], row: dict[str, Any]) -> dict[str, Any]:
        """Returns the columns that the generations give.

        Raises:
            Unparsable: They hold no answer.
            _Failed: There are none.
        """
        columns: dict[str, Any] = self.format_output(_text(generations[0]), row)
        return columns


def _plain(text: str | None) -> str:
    return json.dumps({"text": text} if text else {"failure": "server", "words": "the LLM class gave nothing"})


def _name(row: dict[str, Any], again: int) -> str:
    brief = brief_of(row)
    return f"{brief.cell.cell_id} {brief.attempt} {again}"


class _Failed(Exception):
    """A request failed for good; the text is the row's status."""


def _text(generation: str) -> str:
    said = json.loads(generation)
    if "text" in said:
        return str(said["text"])
    kind = "stopped" if said["failure"] == "stopped" else "failed"
    raise _Failed(f"{kind}: {said['failure']}: {said['words']}")


class AskPrompt(_Ask):
    """Asks a model for the prompt of each brief."""

    @property
    def outputs(self) -> list[str]:
        """Columns added."""
        return ["prompt", "status"]

    def format_input(self, input: dict[str, Any]) -> list[dict[str, str]]:
        """Returns the chat for a row."""
        return [{"role": "user", "content": self._grounding.ask_prompt(brief_of(input))}]

    def format_output(self, output: str | None, input: dict[str, Any] | None = None) -> dict[str, Any]:
        """Returns the columns from a model's output."""
        return {"prompt": self._grounding.read_prompt(brief_of(input or {}), output or "")}


class AskResponse(_Ask):
    """Asks a model for candidates of the response to each prompt."""

    @property
    def inputs(self) -> list[str]:
        """Columns read."""
        return ["brief", "prompt", "status"]

    @property
    def outputs(self) -> list[str]:
        """Columns added."""
        return ["candidates"]

    def format_input(self, input: dict[str, Any]) -> list[dict[str, str]]:
        """Returns the chat for a row."""
        return [{"role": "user", "content": self._grounding.ask_response(brief_of(input), input["prompt"])}]

    def format_output(self, output: str | None, input: dict[str, Any] | None = None) -> dict[str, Any]:
        """Returns the columns from a model's output: one candidate, as JSON."""
        return {
            "candidates": [json.dumps(self._grounding.read_response(brief_of(input or {}), output or "")._asdict())]
        }

    def _read(self, generations: list[str], row: dict[str, Any]) -> dict[str, Any]:
        """Returns every candidate that came and can be read; a row fails only if none did."""
        candidates: list[str] = []
        problems: list[Exception] = []
        for generation in generations:
            try:
                candidates += self.format_output(_text(generation), row)["candidates"]
            except (_Failed, Unparsable) as error:
                problems.append(error)
        stopped = [error for error in problems if str(error).startswith("stopped")]
        if stopped or not candidates:
            raise (stopped or problems)[0]
        return {"candidates": candidates}


class AskJudge(_Ask):
    """Asks a model to judge every candidate; one that cannot be judged has no marks, and comes last."""

    @property
    def inputs(self) -> list[str]:
        """Columns read."""
        return ["brief", "prompt", "candidates", "status"]

    @property
    def outputs(self) -> list[str]:
        """Columns added."""
        return ["marks"]

    def process(self, inputs: StepInput) -> Iterator[list[dict[str, Any]]]:
        """Yields the batch with the marks of each candidate."""
        asked: list[tuple[dict[str, Any], int]] = []
        for row in inputs:
            row["marks"] = [""] * len(row.get("candidates") or [])
            if row["status"] == "ok" and len(row["candidates"]) > 1:
                asked.extend((row, number) for number in range(len(row["candidates"])))
        chats = [self.format_input({**row, "response": _response(row, number)}) for row, number in asked]
        names = [f"{_name(row, 0)} judge {number}" for row, number in asked]
        outputs = self._generate(chats, names) if asked else []
        for (row, number), output in zip(asked, outputs, strict=True):
            try:
                row["marks"][number] = self.format_output(_text(output["generations"][0]), row)["marks"]
            except Unparsable:
                continue
            except _Failed as error:
                if str(error).startswith("stopped"):
                    row.update(EMPTY, status=str(error))
        yield inputs

    def format_input(self, input: dict[str, Any]) -> list[dict[str, str]]:
        """Returns the chat for a row with one candidate as its response."""
        content = self._grounding.ask_judge(brief_of(input), input["prompt"], input["response"])
        return [{"role": "user", "content": content}]

    def format_output(self, output: str | None, input: dict[str, Any] | None = None) -> dict[str, Any]:
        """Returns the marks from a model's output, as JSON."""
        return {"marks": json.dumps(self._grounding.read_judgement(output or "")._asdict())}


def _response(row: dict[str, Any], number: int) -> str:
    return str(json.loads(row["candidates"][number])["response"])


class Choose(Step):
    """Keeps the best candidate: one that passes every gate before one that does not, then by the judge's marks.

    One that the judge calls harmful is out. What is left over and passes every safety gate is kept as a spare, for the
    rejected side of preference pairs.
    """

    taxonomy: str
    seeds: str
    checks: str
    _gates: list[PairGate] = PrivateAttr(default_factory=list)

    def load(self) -> None:
        """Loads the gates."""
        super().load()
        checks = Checks.model_validate_json(self.checks)
        self._gates = pair_gates(Rules(grounding(self.taxonomy, self.seeds).taxonomy, checks))

    @property
    def inputs(self) -> list[str]:
        """Columns read."""
        return ["brief", "prompt", "candidates", "marks", "status"]

    @property
    def outputs(self) -> list[str]:
        """Columns added."""
        return ["response", "components", "resources", "spares"]

    def process(self, *inputs: StepInput) -> Iterator[list[dict[str, Any]]]:
        """Yields the batch with one response a row."""
        for rows in inputs:
            for row in rows:
                row.setdefault("prompt", "")
                row.update({**EMPTY, "prompt": row["prompt"]}, spares=[])
                if row["status"] == "ok":
                    self._choose(row)
            yield rows

    def _choose(self, row: dict[str, Any]) -> None:
        ranked = []
        for number, (text, mark) in enumerate(zip(row["candidates"], row["marks"], strict=True)):
            written = json.loads(text)
            rejected = check_pair(pair_of({**_labels(row), **written, "prompt": row["prompt"]}), self._gates)
            judged = Judgement(**json.loads(mark)) if mark else None
            harmful = judged is not None and judged.harm
            score = (not rejected, judged is not None, _sum(judged), -number)
            if not harmful:
                ranked.append((score, written, any(item.kind == "safety" for item in rejected)))
        if not ranked:
            row["status"] = "failed: the judge calls every candidate harmful"
            return
        ranked.sort(key=lambda item: item[0], reverse=True)
        best, *rest = ranked
        row.update(best[1])
        row["spares"] = [written["response"] for _, written, unsafe in rest if not unsafe]


def _labels(row: dict[str, Any]) -> dict[str, Any]:
    cell = vars(brief_of(row).cell)
    return {name: cell[name] for name in LABELS if name in cell}


def _sum(judged: Judgement | None) -> int:
    return judged.grounding + judged.relevance if judged else 0
