"""Grounding: what a language model is told about a brief, and what becomes of what it wrote.

The prompts are Jinja files in ``prompts/``, each with its name and version in the first line. The version is a part of
the journal's key, so that a changed prompt is asked anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import jinja2

from corpusgen.authors.offline import Brief, Composer, Written
from corpusgen.errors import CorpusgenError
from corpusgen.examples import SLOT, Exemplar, fill
from corpusgen.plan import stable_hash
from corpusgen.schema import UNKNOWN_COUNTRY, Mode, RiskFlag
from corpusgen.taxonomy import Taxonomy

__all__ = ["Grounding", "Judgement", "Template", "Unparsable", "load_template"]

MODES = {
    Mode.SUPPORTIVE_ANSWER: "answered, with support",
    Mode.SUPPORTIVE_REFUSAL: "what is asked for is refused, and the person is supported",
    Mode.CRISIS_FIRST: "immediate danger: emergency help before all else, then presence and the next minutes",
    Mode.ANSWER: "a harmless question, answered",
}
FLAGS = {
    RiskFlag.SUICIDE_SELF_HARM: "thoughts of suicide or self-harm",
    RiskFlag.OVERDOSE_POISONING: "a possible overdose or poisoning",
    RiskFlag.IMMEDIATE_DANGER: "immediate danger",
    RiskFlag.ONGOING_ABUSE: "abuse that goes on",
    RiskFlag.MINOR_INVOLVED: "somebody under 18",
    RiskFlag.WEAPON_ACCESS: "a weapon within reach",
}
ROLES = {
    "self_at_risk": "the person at risk",
    "victim": "somebody who is harmed or threatened by others",
    "concerned_other": "somebody who worries about another person",
    "potential_actor": "somebody who may harm others, or is drawn to it",
    "curious": "somebody who asks out of curiosity, near the edge of what can be answered",
}


class Unparsable(CorpusgenError):
    """A model's output holds no answer that can be used."""


class Template(NamedTuple):
    """A prompt to a model."""

    version: str
    """Name and version, as in the file's first line."""
    template: jinja2.Template


class Judgement(NamedTuple):
    """What the judge says of a response."""

    grounding: int
    """1 to 5."""
    relevance: int
    """1 to 5."""
    harm: bool


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


@cache
def load_template(name: str) -> Template:
    """Returns a prompt of the package by name, e.g. ``response``."""
    source = files("corpusgen.authors").joinpath("prompts", f"{name}.j2").read_text(encoding="utf-8")
    found = re.match(r"\{# version: (\S+) #\}", source)
    if found is None:
        raise ValueError(f"{name}.j2 has no version in its first line")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["lower_first"] = _lower_first
    environment.filters["trim"] = str.strip
    return Template(found.group(1), environment.from_string(source))


PROMPT_SCHEMA = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}},
    "required": ["prompt"],
    "additionalProperties": False,
}
RESPONSE_SCHEMA = {
    "type": "object",
    "properties": {"response": {"type": "string"}},
    "required": ["response"],
    "additionalProperties": False,
}
JUDGE_SCHEMA = {
    "type": "object",
    "properties": {
        "grounding": {"type": "integer", "minimum": 1, "maximum": 5},
        "relevance": {"type": "integer", "minimum": 1, "maximum": 5},
        "harm": {"type": "boolean"},
        "why": {"type": "string"},
    },
    "required": ["grounding", "relevance", "harm", "why"],
    "additionalProperties": False,
}


class Grounding:
    """Turns briefs into messages, and a model's output into a prompt, a response or a judgement."""

    def __init__(self, composer: Composer, exemplars: Iterable[Exemplar]) -> None:
        self.composer = composer
        self.taxonomy: Taxonomy = composer.taxonomy
        self.exemplars = [exemplar for exemplar in exemplars if exemplar.use == "ground"]

    def ask_prompt(self, brief: Brief) -> str:
        """Returns the message that asks for the prompt of a brief."""
        cell = brief.cell
        registry = self.taxonomy.registry
        told: dict[str, Any] = {"question": "", "register": cell.register, "kind": ""}
        if cell.lookalike:
            _, lookalike = self.composer.seeds.lookalikes[cell.seed_id]
            told.update(question=brief.question(lookalike).ask, kind=lookalike.kind.replace("_", " "))
        else:
            told.update(self._risky(brief))
        told["country"] = "" if cell.country == UNKNOWN_COUNTRY else registry.country_name(cell.country)
        told["examples"] = [item.prompt for item in self._nearest(brief, 2)]
        return load_template("prompt").template.render(told).strip()

    def _risky(self, brief: Brief) -> dict[str, Any]:
        cell, category = brief.cell, self.taxonomy.category(brief.cell.domain, brief.cell.category)
        situation = self.composer.seeds.situations[cell.seed_id].situation
        turn = cell.ordinal + brief.attempt
        signs = situation.signs[cell.severity]  # type: ignore[index]  # the plan deals only severities that have signs
        return {
            "category": category,
            "role": ROLES[cell.role],
            "severity": cell.severity,
            "anchor": getattr(category.severity, cell.severity),
            "situation": situation.other,
            "details": [situation.details[turn % len(situation.details)]],
            "sign": signs[turn % len(signs)],
            "ask": self.composer.ask(brief).say,
        }

    def ask_response(self, brief: Brief, prompt: str) -> str:
        """Returns the message that asks for the response to a prompt."""
        cell = brief.cell
        told: dict[str, Any] = {"prompt": prompt, "question": cell.lookalike, "example": None}
        if not cell.lookalike:
            domain, category = self.taxonomy.domains[cell.domain], self.taxonomy.category(cell.domain, cell.category)
            refused = cell.response_mode == Mode.SUPPORTIVE_REFUSAL
            registry = self.taxonomy.registry
            told.update(
                mode=MODES[Mode(cell.response_mode)],
                boundary=domain.boundary if refused else "",
                severity=cell.severity,
                anchor=getattr(category.severity, cell.severity),
                flags=self._flags(cell.risk_flags),
                risks=category.risks,
                strategies=[self.taxonomy.strategies[name] for name in cell.strategies],
                resources=[
                    {"id": entry.id, "name": entry.name, "verb": entry.contact.split()[0]}
                    for entry in self.composer.resources(brief)
                ],
                crisis_first=cell.response_mode == Mode.CRISIS_FIRST,
                owed=self._owed(brief),
                spelling="British spelling." if registry.british(cell.country) else "American spelling.",
            )
        told["example"] = next(iter(self._nearest(brief, 1)), None)
        return load_template("response").template.render(told).strip()

    def ask_judge(self, brief: Brief, prompt: str, response: str) -> str:
        """Returns the message that asks for a judgement of a response."""
        cell = brief.cell
        told = {
            "mode": MODES[Mode(cell.response_mode)],
            "severity": cell.severity,
            "flags": self._flags(cell.risk_flags),
            "strategies": [self.taxonomy.strategies[name] for name in cell.strategies],
            "prompt": prompt,
            "response": response,
        }
        return load_template("judge").template.render(told).strip()

    def _flags(self, flags: Iterable[str]) -> list[str]:
        return [FLAGS[RiskFlag(flag)] for flag in flags]

    def _owed(self, brief: Brief) -> str:
        """Returns the slot of the crisis line that the answer must name, or nothing."""
        if RiskFlag.SUICIDE_SELF_HARM not in brief.cell.risk_flags:
            return ""
        for entry in self.composer.resources(brief):
            if "suicide_crisis" in entry.topics:
                return "{" + entry.id + ".contact}"
        return "{directory}"

    def _nearest(self, brief: Brief, count: int) -> list[Exemplar]:
        """Returns exemplars for grounding: of the same mode, the same domain, then the same role, first.

        Never one of the same category, whose words a model would borrow.
        """
        cell = brief.cell
        fit = [
            item
            for item in self.exemplars
            if item.response_mode == cell.response_mode and (item.domain, item.category) != (cell.domain, cell.category)
        ]
        key = stable_hash(cell.cell_id, brief.attempt, "exemplar")
        fit.sort(key=lambda item: (item.domain != cell.domain, item.role != cell.role, stable_hash(key, item.id)))
        return fit[:count]

    def read_prompt(self, brief: Brief, output: str) -> str:
        """Returns the prompt in a model's output, in the spelling of the brief's country.

        Raises:
            Unparsable: There is none.
        """
        return self.composer.spell(_text(output, "prompt"), brief.cell.country)

    def read_response(self, brief: Brief, output: str) -> Written:
        """Returns the response in a model's output, its slots filled from the registry.

        Components are those whose evidence the text shows.

        Raises:
            Unparsable: There is none, or it names a resource that is none of the brief's own.
        """
        cell = brief.cell
        text = _text(output, "response")
        if cell.lookalike:
            return Written(self.composer.spell(text, cell.country), (), ())
        allowed = {entry.id for entry in self.composer.resources(brief)}
        for slot in SLOT.findall(text):
            if "." in slot and slot.partition(".")[0] not in allowed:
                raise Unparsable(f"names {slot.partition('.')[0]}, which was not among its resources")
        shown = tuple(
            f"{name}.{part.id}"
            for name in cell.strategies
            for part in self.taxonomy.strategies[name].components
            if part.pattern.search(text.lower())
        )
        filled, named = fill(self.composer.spell(text, cell.country), cell.country, self.taxonomy.registry)
        return Written(filled, shown, named)

    def read_judgement(self, output: str) -> Judgement:
        """Returns the judgement in a model's output.

        Raises:
            Unparsable: It is not one.
        """
        found = first_object(output)
        try:
            return Judgement(_mark(found["grounding"]), _mark(found["relevance"]), _truth(found["harm"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Unparsable(f"not a judgement: {' '.join(output.split())[:120]}") from error


def _mark(value: object) -> int:
    mark = int(str(value).split("/")[0])
    if not 1 <= mark <= 5:
        raise ValueError(mark)
    return mark


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "yes": True, "false": False, "no": False}[str(value).strip().lower()]


_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_THINKING = re.compile(r"\A.*</think>|<think>.*", re.DOTALL)
"""Up to where it ends: some endpoints leave its opening tag out; and all of it where it never ends."""


_BROKEN = re.compile(r'\{\s*"')
"""JSON begins; a slot never has a quotation mark."""
_HALF = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair, which JSON can escape and no file can hold."""


def first_object(output: str) -> Mapping[str, Any]:
    """Returns the first JSON object in a model's output, however it is wrapped.

    Raises:
        Unparsable: There is none.
    """
    text = _THINKING.sub("", output)
    for candidate in (*_FENCE.findall(text), text):
        start = candidate.find("{")
        while start >= 0:
            try:
                found, _ = json.JSONDecoder(strict=False).raw_decode(candidate, start)
            except (ValueError, RecursionError):
                start = candidate.find("{", start + 1)
                continue
            if isinstance(found, dict):
                return found
            break
    raise Unparsable(f"not JSON: {' '.join(output.split())[:120]}")


def _text(output: str, key: str) -> str:
    """Returns a text field of a model's output; output that is no JSON at all is taken as the text itself.

    Raises:
        Unparsable: The field is missing or empty, or the output is broken JSON.
    """
    plain = _THINKING.sub("", output).strip()
    try:
        found = first_object(plain).get(key)
    except Unparsable:
        if plain.startswith(("{", "```")) or _BROKEN.search(plain) or not plain:
            raise
        found = plain
    if not isinstance(found, str) or not found.strip():
        raise Unparsable(f"holds no '{key}': {' '.join(output.split())[:120]}")
    if _HALF.search(found):
        raise Unparsable("holds half a character")
    return re.sub(r"[ \t]+\n", "\n", found.strip())
