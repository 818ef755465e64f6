"""Worked examples: exemplars, the best pairs that can be written, and bad responses, each with the gate it must fail.

They lie in a seed folder, ``exemplars/*.yaml`` (one file a domain) and ``bad_responses/*.yaml`` (one file a gate). No
pair of a corpus is made from them; an exemplar is marked for one use: to ground language models, to calibrate
reviewers, or to test the gates. docs/authoring.md says how each is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from corpusgen.documents import Document, StrictModel, read_model
from corpusgen.errors import InvalidFile, Problem
from corpusgen.resources import Registry
from corpusgen.schema import UNKNOWN_COUNTRY, Mode, RiskFlag, Role, Severity
from corpusgen.taxonomy import Taxonomy

__all__ = ["SLOT", "BadResponse", "Example", "Examples", "Exemplar", "fill", "load_examples", "unfillable"]

ExampleId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=80)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=6000)]


class _Labelled(StrictModel):
    id: ExampleId
    category: str
    role: Role
    severity: Severity
    flags: tuple[RiskFlag, ...] = ()
    """Flags beyond those of the domain and the category."""
    country: str
    mode: Mode
    strategies: tuple[str, ...] = ()
    prompt: Text
    response: Text
    why: Text
    """What there is to learn from it, in one sentence."""


class _Exemplar(_Labelled):
    use: Literal["ground", "calibrate", "test"]


class _BadResponse(_Labelled):
    domain: str
    seen: bool = True
    """False for what no gate sees yet; kept for reviewers, and for gates to come."""


class _ExemplarFile(StrictModel):
    domain: str
    exemplars: Annotated[tuple[_Exemplar, ...], Field(min_length=1)]


class _BadResponseFile(StrictModel):
    gate: str
    bad_responses: Annotated[tuple[_BadResponse, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Example:
    """A labelled pair whose resource slots are filled.

    Attributes:
        slotted: The response with its slots, as it was written.
        place: File and line, for error messages.
    """

    id: str
    domain: str
    category: str
    role: str
    severity: str
    risk_flags: tuple[str, ...]
    country: str
    response_mode: str
    strategies: tuple[str, ...]
    resources: tuple[str, ...]
    prompt: str
    response: str
    slotted: str
    why: str
    place: Problem = field(repr=False)

    def labels(self) -> dict[str, object]:
        """Returns the columns by which gates judge, as in a table of pairs."""
        names = ("domain", "category", "role", "severity", "risk_flags", "country", "response_mode", "strategies")
        return {name: getattr(self, name) for name in names}

    def row(self) -> dict[str, object]:
        """Returns the example as a row of a table of pairs."""
        return {
            "id": self.id,
            **self.labels(),
            "resources": self.resources,
            "prompt": self.prompt,
            "response": self.response,
        }


@dataclass(frozen=True)
class Exemplar(Example):
    """A pair that passes every gate; ``use`` is the one thing it is used for: ground, calibrate or test."""

    use: str


@dataclass(frozen=True)
class BadResponse(Example):
    """A pair that is bad in one way; ``gate`` names the gate that must reject it.

    Where ``seen`` is False that gate is known to miss it: a matter of tone or sense that patterns do not reach.
    """

    gate: str
    seen: bool


@dataclass(frozen=True)
class Examples:
    """All worked examples of a seed folder, in file order."""

    exemplars: tuple[Exemplar, ...] = ()
    bad_responses: tuple[BadResponse, ...] = ()


def load_examples(root: Path, taxonomy: Taxonomy) -> Examples:
    """Reads the worked examples of a seed folder; a folder without any is no error.

    Raises:
        InvalidFile: With every problem found, each with file and line.
    """
    loader = _Loader(taxonomy)
    exemplars = tuple(loader.exemplars(root / "exemplars"))
    bad = tuple(loader.bad_responses(root / "bad_responses"))
    if loader.problems:
        raise InvalidFile(loader.problems)
    return Examples(exemplars, bad)


class _Loader:
    """Reads examples, gathering problems instead of stopping at the first."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self.problems: list[Problem] = []
        self.seen: set[str] = set()

    def exemplars(self, folder: Path) -> Iterator[Exemplar]:
        for value, item, document, where in self._items(folder, _ExemplarFile, "exemplars"):
            common = self._common(item, value.domain, document, where)
            if common is not None:
                yield Exemplar(**common, use=item.use)  # type: ignore[arg-type]  # the fields of Example, by name

    def bad_responses(self, folder: Path) -> Iterator[BadResponse]:
        for value, item, document, where in self._items(folder, _BadResponseFile, "bad_responses"):
            common = self._common(item, item.domain, document, where)
            if common is not None:
                yield BadResponse(**common, gate=value.gate, seen=item.seen)  # type: ignore[arg-type]  # as above

    def _items(
        self, folder: Path, model: type[StrictModel], key: str
    ) -> Iterator[tuple[Any, Any, Document, tuple[str | int, ...]]]:
        """Yields every item of the files of a folder, with its file's value and document and its place in them."""
        for path in sorted(folder.glob("*.yaml")):
            try:
                value, document = read_model(path, model)
            except InvalidFile as error:
                self.problems.extend(error.problems)
                continue
            for index, item in enumerate(getattr(value, key)):
                yield value, item, document, (key, index)

    def _common(
        self, item: _Labelled, domain: str, document: Document, where: tuple[str | int, ...]
    ) -> dict[str, object] | None:
        """Returns the fields of an example, or None after noting what is wrong with it."""
        found = list(self._check(item, domain, document, where))
        self.seen.add(item.id)
        if found:
            self.problems.extend(found)
            return None
        filled, resources = fill(item.response, item.country, self.taxonomy.registry)
        return {
            "id": item.id,
            "domain": domain,
            "category": item.category,
            "role": str(item.role),
            "severity": str(item.severity),
            "risk_flags": self._flags(item, domain),
            "country": item.country,
            "response_mode": str(item.mode),
            "strategies": item.strategies,
            "resources": resources,
            "prompt": item.prompt,
            "response": filled,
            "slotted": item.response.strip(),
            "why": item.why,
            "place": document.problem(where, ""),
        }

    def _flags(self, item: _Labelled, domain: str) -> tuple[str, ...]:
        return self.taxonomy.flags(domain, item.category, item.severity, tuple(map(str, item.flags)))

    def _check(
        self, item: _Labelled, domain: str, document: Document, where: tuple[str | int, ...]
    ) -> Iterator[Problem]:
        def problem(key: str, what: str, do: str) -> Problem:
            return document.problem((*where, key), what, do)

        if item.id in self.seen:
            yield problem("id", f"repeats the id '{item.id}'", "give it another id")
        if domain not in self.taxonomy.domains:
            yield document.problem(("domain",), f"unknown domain '{domain}'", "use the id of a file in domains/")
            return
        categories = {category.id: category for category in self.taxonomy.domains[domain].categories}
        if item.category not in categories:
            do = f"use a category of domains/{domain}.yaml"
            yield problem("category", f"unknown category '{item.category}' of {domain}", do)
            return
        roles = categories[item.category].roles
        if item.severity != Severity.NONE and item.role not in roles:
            do = f"use one of {', '.join(roles)}"
            yield problem("role", f"the role {item.role} does not occur in {item.category}", do)
            return
        decision = self.taxonomy.decide(domain, item.category, item.role, item.severity, self._flags(item, domain))
        if item.mode != decision.mode:
            do = f"write '{decision.mode}', or correct the labels"
            yield problem("mode", f"is {item.mode}, and the rule '{decision.rule}' says {decision.mode}", do)
        for name in item.strategies:
            if name not in decision.strategies:
                do = f"use one of {', '.join(decision.strategies) or 'none'}"
                yield problem("strategies", f"{name} is not what the rule '{decision.rule}' chooses", do)
        registry = self.taxonomy.registry
        if item.country != UNKNOWN_COUNTRY and item.country not in registry.countries:
            yield problem("country", f"unknown country '{item.country}'", "use a country of resources.yaml, or unknown")
            return
        for slot in SLOT.findall(item.response):
            if reason := unfillable(slot, item.country, registry):
                yield problem(
                    "response", f"the slot {{{slot}}} cannot be filled: {reason}", "name another, or verify it"
                )


SLOT = re.compile(r"\{([a-z0-9-]+\.(?:name|contact)|emergency|directory)\}")


def unfillable(slot: str, country: str, registry: Registry) -> str:
    """Returns why a slot cannot be filled, or nothing."""
    if slot == "directory":
        return ""
    if slot == "emergency":
        known = country == UNKNOWN_COUNTRY or registry.emergency(country)
        return "" if known else f"{country} has no verified emergency number"
    entry = registry.entries.get(slot.partition(".")[0])
    if entry is None:
        return "the registry has no such entry"
    return "" if entry.status == "verified" else "the entry is not verified"


def fill(response: str, country: str, registry: Registry) -> tuple[str, tuple[str, ...]]:
    """Fills the slots of a text from the registry.

    Args:
        response: A text with the slots ``{ENTRY.name}``, ``{ENTRY.contact}``, ``{emergency}`` and ``{directory}``.
        country: Whose emergency number it is.
        registry: Where the values come from.

    Returns:
        The text, and the ids of the resources named, in order of mention.
    """
    named: list[str] = []

    def value(match: re.Match[str]) -> str:
        slot = match.group(1)
        if slot == "emergency":
            return registry.emergency(country) or "your local emergency number"
        if slot == "directory":
            named.append(registry.directory.id)
            return registry.directory.value
        name, _, part = slot.partition(".")
        entry = registry.entries[name]
        named.append(name)
        if part == "contact":
            return entry.contact
        before = response[: match.start()].rstrip(" ")
        begins = not before or before[-1] in ".!?\n"
        return entry.name[0].upper() + entry.name[1:] if begins else entry.name

    return SLOT.sub(value, response).strip(), tuple(dict.fromkeys(named))
