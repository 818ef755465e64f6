"""Shared phrases: what the offline author puts around a situation's own lines.

Files under ``phrases/``: ``voice.yaml`` (the prompt side), ``components/STRATEGY.yaml``, ``boundary.yaml``,
``emergency.yaml``, ``dangers.yaml``, ``resources.yaml``, ``close.yaml`` and ``curt.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, StringConstraints, field_validator

from corpusgen.documents import Document, StrictModel, read_model
from corpusgen.errors import InvalidFile, Problem
from corpusgen.resources import TOPICS, ChannelKind, Entry
from corpusgen.schema import RiskFlag, Role, Severity
from corpusgen.taxonomy import Component, Strategy, Taxonomy

__all__ = ["Phrase", "Phrases", "RegisterPool", "as_phrases", "load_phrases", "unshown"]

REGISTERS = (
    "plain",
    "terse",
    "rambling",
    "texting",
    "formal",
    "second_language",
    "angry",
    "minimising",
    "third_person",
)
"""The voices a prompt can have; corpusgen.authors.registers says what each one changes."""

Text = Annotated[str, StringConstraints(min_length=2, max_length=600)]


class Phrase(StrictModel):
    """One line of a pool, with the cells it fits; an empty tag fits all."""

    say: Text
    roles: tuple[Role, ...] = ()
    domains: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    flags: tuple[RiskFlag, ...] = ()
    """Risk flags that must all be there."""
    unless: tuple[RiskFlag, ...] = ()
    """Risk flags of which none may be there."""
    channels: tuple[ChannelKind, ...] = ()
    """Of a line about a resource: how one gets through to it first (call, text, whatsapp, web, email)."""
    topics: tuple[str, ...] = ()
    """Of a line about a resource: what the resource is named for here, one of these."""
    unless_topics: tuple[str, ...] = ()
    """Of a line about a resource: what it may not be named for (a line that listens to anybody is not "for this")."""

    def fits(self, domain: str, role: str, severity: str, flags: Sequence[str]) -> bool:
        """Returns whether the line may stand in an answer to such a cell."""
        return (
            (not self.roles or role in self.roles)
            and (not self.domains or domain in self.domains)
            and (not self.severities or severity in self.severities)
            and set(self.flags) <= set(flags)
            and not set(self.unless) & set(flags)
        )

    @property
    def tagged(self) -> bool:
        """Whether it is for some cells only."""
        return bool(self.roles or self.domains or self.severities or self.flags or self.unless)

    def about(self, entry: Entry, topic: str) -> bool:
        """Returns whether the line may introduce a resource that is reached this way and named for this topic."""
        return (
            (not self.channels or entry.best[0].kind in self.channels)
            and (not self.topics or topic in self.topics)
            and topic not in self.unless_topics
        )


def as_phrases(value: object) -> object:
    """Returns a YAML list in which a line may be written as a bare string, as phrases."""
    if isinstance(value, (list, tuple)):
        return [{"say": item} if isinstance(item, str) else item for item in value]
    return value


def _each_as_phrases(value: object) -> object:
    return {key: as_phrases(item) for key, item in value.items()} if isinstance(value, dict) else value


class _Pool(StrictModel):
    lines: tuple[Phrase, ...] = Field(min_length=1)
    _wrap = field_validator("lines", mode="before")(as_phrases)


class _ComponentFile(StrictModel):
    strategy: str
    components: dict[str, tuple[Phrase, ...]]

    @field_validator("components", mode="before")
    @classmethod
    def _wrap(cls, value: object) -> object:
        return _each_as_phrases(value)


class _ResourceFile(StrictModel):
    entry: tuple[Phrase, ...] = Field(min_length=1)
    second: tuple[Phrase, ...] = Field(min_length=1)
    wider: tuple[Phrase, ...] = ()
    by_topic: dict[str, tuple[Phrase, ...]] = {}
    directory: tuple[Phrase, ...] = Field(min_length=1)
    emergency_aside: tuple[Phrase, ...] = Field(min_length=1)
    _wrap = field_validator("entry", "second", "wider", "directory", "emergency_aside", mode="before")(as_phrases)
    _wrap_each = field_validator("by_topic", mode="before")(_each_as_phrases)


class _DangerFile(StrictModel):
    dangers: dict[str, tuple[Phrase, ...]]

    @field_validator("dangers", mode="before")
    @classmethod
    def _wrap(cls, value: object) -> object:
        return _each_as_phrases(value)


class _CurtFile(StrictModel):
    refusals: tuple[Text, ...] = Field(min_length=1)
    over_refusals: tuple[Text, ...] = Field(min_length=1)


class RegisterPool(StrictModel):
    """What a person types around their story in one register."""

    openers: tuple[Text, ...] = ()
    asides: tuple[Text, ...] = ()
    closers: tuple[Text, ...] = ()
    reveals: tuple[Text, ...] = ()


class _VoiceFile(StrictModel):
    registers: dict[str, RegisterPool]
    lookalikes: dict[str, RegisterPool]
    places: dict[str, tuple[Text, ...]]
    place_cues: tuple[Text, ...] = Field(min_length=1)


Model = TypeVar("Model", bound=StrictModel)


@dataclass(frozen=True)
class Phrases:
    """All pools of a seed bank."""

    components: dict[str, dict[str, tuple[Phrase, ...]]]
    """By strategy and component."""
    dangers: dict[str, tuple[Phrase, ...]]
    """By danger: lines for a prompt that names it, where nothing else in the answer speaks of it."""
    boundary: tuple[Phrase, ...]
    emergency: tuple[Phrase, ...]
    close: tuple[Phrase, ...]
    entry: tuple[Phrase, ...]
    second: tuple[Phrase, ...]
    wider: tuple[Phrase, ...]
    """Lines about a suicide line where nobody speaks of dying: they say that it is not for that alone."""
    by_topic: dict[str, tuple[Phrase, ...]]
    """Lines for a resource that is named for this topic, in place of the others (poison: nobody listens there)."""
    directory: tuple[Phrase, ...]
    emergency_aside: tuple[Phrase, ...]
    refusals: tuple[str, ...]
    over_refusals: tuple[str, ...]
    registers: dict[str, RegisterPool]
    lookalike_registers: dict[str, RegisterPool]
    places: dict[str, tuple[str, ...]]
    place_cues: tuple[str, ...]
    documents: dict[str, Document] = field(repr=False)


SLOTS = {
    "boundary.yaml": {"refuse"},
    "emergency.yaml": {"emergency"},
    "close.yaml": {"it"},
    "components": {"it"},
    "entry": {"name", "contact"},
    "second": {"name", "contact"},
    "wider": {"name", "contact"},
    "directory": {"directory"},
    "emergency_aside": {"emergency"},
}
"""Which slots a pool may use; all but ``it`` are also required there."""


def load_phrases(root: Path, taxonomy: Taxonomy) -> Phrases:
    """Reads and checks the phrase files.

    Raises:
        InvalidFile: With every problem found, each with file and line.
    """
    reader = _PhraseReader(root, taxonomy)
    boundary = reader.pool("boundary.yaml")
    emergency = reader.pool("emergency.yaml")
    close = reader.pool("close.yaml")
    resources = reader.one("resources.yaml", _ResourceFile)
    curt = reader.one("curt.yaml", _CurtFile)
    voice = reader.one("voice.yaml", _VoiceFile)
    components = reader.components()
    dangers = reader.dangers()
    if resources is not None:
        for name in ("entry", "second", "wider", "directory", "emergency_aside"):
            reader.check_slots("resources.yaml", (name,), getattr(resources, name), SLOTS[name])
        reader.check_topics(resources.by_topic)
    if voice is not None:
        reader.check_voice(voice)
    if reader.problems or resources is None or curt is None or voice is None:
        raise InvalidFile(reader.problems)
    return Phrases(
        components=components,
        dangers=dangers,
        boundary=boundary,
        emergency=emergency,
        close=close,
        entry=resources.entry,
        second=resources.second,
        wider=resources.wider,
        by_topic=resources.by_topic,
        directory=resources.directory,
        emergency_aside=resources.emergency_aside,
        refusals=curt.refusals,
        over_refusals=curt.over_refusals,
        registers=voice.registers,
        lookalike_registers=voice.lookalikes,
        places=voice.places,
        place_cues=voice.place_cues,
        documents=reader.documents,
    )


def unshown(line: Phrase, strategy: Strategy, component: Component) -> tuple[str, str] | None:
    """Returns what is wrong with a line that does not show its component, and what to do, or None."""
    if component.pattern.search(line.say.replace("{it}", "it").lower()):
        return None
    what = f"does not show the component '{component.id}' by any of its evidence patterns"
    return what, f"reword it, or widen 'evidence' in strategies/{strategy.id}.yaml"


_SLOT = re.compile(r"\{([^{}]*)\}")


class _PhraseReader:
    """Reads the phrase files, gathering problems instead of stopping at the first."""

    def __init__(self, root: Path, taxonomy: Taxonomy) -> None:
        self.root = root
        self.taxonomy = taxonomy
        self.documents: dict[str, Document] = {}
        self.problems: list[Problem] = []

    def one(self, name: str, model: type[Model]) -> Model | None:
        try:
            value, self.documents[f"phrases/{name}"] = read_model(self.root / name, model)
        except InvalidFile as error:
            self.problems.extend(error.problems)
            return None
        return value

    def pool(self, name: str) -> tuple[Phrase, ...]:
        value = self.one(name, _Pool)
        if value is None:
            return ()
        self.check_slots(name, ("lines",), value.lines, SLOTS[name])
        return value.lines

    def components(self) -> dict[str, dict[str, tuple[Phrase, ...]]]:
        found: dict[str, dict[str, tuple[Phrase, ...]]] = {}
        for path in sorted((self.root / "components").glob("*.yaml")):
            name = f"components/{path.name}"
            value = self.one(name, _ComponentFile)
            if value is None:
                continue
            strategy = self.taxonomy.strategies.get(value.strategy)
            if strategy is None:
                do = f"use one of {', '.join(sorted(self.taxonomy.strategies))}"
                self._add(name, ("strategy",), f"unknown strategy '{value.strategy}'", do)
                continue
            found[value.strategy] = dict(value.components)
            for component in strategy.components:
                lines = value.components.get(component.id, ())
                if not lines:
                    what = f"has no line for the component '{component.id}' of {strategy.id}"
                    self._add(name, ("components",), what, "write some")
                for index, line in enumerate(lines):
                    if wrong := unshown(line, strategy, component):
                        self._add(name, ("components", component.id, index), *wrong)
            for key in value.components:
                if key not in {component.id for component in strategy.components}:
                    self._add(name, ("components", key), f"{strategy.id} has no component '{key}'", "correct the id")
                self.check_slots(name, ("components", key), value.components[key], {"it"})
        for strategy in self.taxonomy.strategies.values():
            if strategy.id not in found and not strategy.screening:
                problem = Problem(str(self.root / "components"), 0, f"holds no lines for '{strategy.id}'", "add them")
                self.problems.append(problem)
        return found

    def dangers(self) -> dict[str, tuple[Phrase, ...]]:
        value = self.one("dangers.yaml", _DangerFile)
        if value is None:
            return {}
        known = {danger.id: danger for danger in self.taxonomy.dangers.dangers}
        for key, lines in value.dangers.items():
            if key not in known:
                self._add("dangers.yaml", ("dangers", key), f"unknown danger '{key}'", "use an id of dangers.yaml")
                continue
            self.check_slots("dangers.yaml", ("dangers", key), lines, set())
            for index, line in enumerate(lines):
                if not known[key].shown(line.say):
                    do = "reword it, or widen 'met' in the taxonomy's dangers.yaml"
                    self._add("dangers.yaml", ("dangers", key, index), f"does not speak of {known[key].name}", do)
        for key in known.keys() - value.dangers.keys():
            self._add("dangers.yaml", ("dangers",), f"holds no lines for '{key}'", "add them")
        return value.dangers

    def check_topics(self, pools: dict[str, tuple[Phrase, ...]]) -> None:
        for topic, lines in pools.items():
            if topic not in TOPICS or not lines:
                do = f"use one of {', '.join(sorted(TOPICS))}, with at least one line"
                self._add("resources.yaml", ("by_topic", topic), f"no lines for a known topic: '{topic}'", do)
            self.check_slots("resources.yaml", ("by_topic", topic), lines, SLOTS["entry"])

    def check_slots(self, name: str, where: tuple[str, ...], lines: Sequence[Phrase], slots: set[str]) -> None:
        needed = slots - {"it"}
        for index, line in enumerate(lines):
            used = set(_SLOT.findall(line.say))
            rest = _SLOT.sub("", line.say)
            if used - slots or "{" in rest or "}" in rest:
                do = f"the slots here are {', '.join('{' + slot + '}' for slot in sorted(slots))}"
                self._add(name, (*where, index), f"uses a slot that does not exist here: {line.say!r}", do)
            elif needed - used:
                do = f"add {', '.join('{' + slot + '}' for slot in sorted(needed - used))}"
                self._add(name, (*where, index), "lacks a slot that this pool must fill", do)
            if re.search(r"\d", rest):
                self._add(name, (*where, index), "holds a digit", "resources fill slots; write other numbers in words")
            for domain in line.domains:
                if domain not in self.taxonomy.domains:
                    self._add(name, (*where, index), f"unknown domain '{domain}'", "use the id of a domain file")
            for topic in (*line.topics, *line.unless_topics):
                if topic not in TOPICS:
                    do = f"use one of {', '.join(sorted(TOPICS))}"
                    self._add(name, (*where, index), f"unknown topic '{topic}'", do)

    def check_voice(self, voice: _VoiceFile) -> None:
        for group, pools in (("registers", voice.registers), ("lookalikes", voice.lookalikes)):
            for register in pools:
                if register not in REGISTERS:
                    do = f"use one of {', '.join(REGISTERS)}"
                    self._add("voice.yaml", (group, register), f"unknown register '{register}'", do)
        if "reveals" not in voice.registers.get("third_person", RegisterPool()).model_fields_set:
            self._add("voice.yaml", ("registers",), "third_person has no reveals", "add 'reveals'")
        for index, cue in enumerate(voice.place_cues):
            if _SLOT.findall(cue) != ["place"]:
                self._add("voice.yaml", ("place_cues", index), "does not hold exactly the slot {place}", "add it")
        for country in voice.places:
            if country not in self.taxonomy.registry.countries:
                do = "add the country to resources.yaml, with its emergency number, or remove its places"
                self._add("voice.yaml", ("places", country), f"unknown country '{country}'", do)

    def _add(self, name: str, where: tuple[str | int, ...], what: str, do: str) -> None:
        self.problems.append(self.documents[f"phrases/{name}"].problem(where, what, do))
