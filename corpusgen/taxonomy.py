"""The risk taxonomy: domains with their categories, strategies, and the policy that derives response modes.

A taxonomy is a folder: ``domains/*.yaml``, ``strategies/*.yaml``, ``policy.yaml``, ``resources.yaml``,
``spelling.yaml``, ``lexicon.yaml`` and ``dangers.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import Field

from corpusgen.dangers import Dangers
from corpusgen.documents import Document, StrictModel, read_model
from corpusgen.errors import InvalidFile, Problem
from corpusgen.patterns import faultless, joined, regex_error
from corpusgen.policy import Decision, Identifier, Policy, Text, applies, check_policy, key_words
from corpusgen.resources import TOPICS, Registry, load_registry
from corpusgen.schema import Mode, RiskFlag, Role, Severity

__all__ = ["Category", "Component", "Domain", "Strategy", "Taxonomy", "load_taxonomy"]


class Anchors(StrictModel):
    """What each level of severity looks like in one category; a level without an anchor does not occur there."""

    low: Text | None = None
    moderate: Text | None = None
    high: Text | None = None
    imminent: Text | None = None


class Category(StrictModel):
    """One kind of trouble within a domain."""

    id: Identifier
    name: Text
    definition: Text
    includes: tuple[Text, ...] = Field(min_length=1)
    excludes: tuple[Text, ...] = ()
    flags: tuple[RiskFlag, ...] = ()
    wants_to_stop: bool = False
    """Whether the people here ask how to stop; a potential actor is then answered, not refused."""
    roles: tuple[Role, ...] = Field(min_length=1)
    topics: dict[Role, tuple[str, ...]]
    """Which resources fit whom, in order of preference."""
    severity: Anchors
    risks: tuple[Text, ...] = Field(min_length=1)
    """What goes wrong when it is answered badly."""


class Domain(StrictModel):
    """One risk domain."""

    id: Identifier
    name: Text
    definition: Text
    flags: tuple[RiskFlag, ...] = ()
    boundary: Text
    """What is refused in this domain, completing "I won't …"."""
    categories: tuple[Category, ...] = Field(min_length=1)


class Component(StrictModel):
    """One part of a strategy that a reader can find in a response."""

    id: Identifier
    name: Text
    does: Text
    evidence: tuple[Text, ...] = ()
    """Regular expressions, case-insensitive; one match in a response counts as evidence of the component."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """All evidence as one pattern, to be tried on lower-cased text."""
        return re.compile(joined(self.evidence))


class Strategy(StrictModel):
    """An intervention strategy from the literature, and what shows that a response is informed by it."""

    id: Identifier
    name: Text
    plain: Text
    source: Text
    roles: tuple[Role, ...] = Field(min_length=1)
    domains: tuple[Identifier, ...] = Field(min_length=1)
    required: int = Field(ge=0, le=10)
    """How many components a response must show."""
    urgent: tuple[Identifier, ...] = ()
    """Components of which an answer to immediate danger shows at least one."""
    screening: bool = False
    """True for a screener, which informs severity and is never chosen by the policy."""
    never: tuple[Text, ...] = ()
    components: tuple[Component, ...] = Field(min_length=1)

    def component(self, name: str) -> Component:
        """Returns a component by its id.

        Raises:
            KeyError: The strategy has no such component.
        """
        for component in self.components:
            if component.id == name:
                return component
        raise KeyError(name)


class Lexicon(StrictModel):
    """Patterns for the gates that a curator extends without touching code; each a case-insensitive regex."""

    operational: tuple[Text, ...] = ()
    graphic: tuple[Text, ...] = ()
    sexual: tuple[Text, ...] = ()
    minor: tuple[Text, ...] = ()
    suicidal: tuple[Text, ...] = ()
    """What a prompt says when it speaks of wanting to die: a crisis line is then owed, whatever its labels say."""
    standins: dict[str, tuple[Text, ...]] = {}
    """Neutral nonsense words that stand for what must never be written down; used to test the gates."""


class Spelling(StrictModel):
    """American spellings and their British counterparts, whole words, lower case."""

    british: dict[Text, Text]


@dataclass(frozen=True)
class Taxonomy:
    """A loaded, checked taxonomy."""

    root: Path
    domains: dict[str, Domain]
    strategies: dict[str, Strategy]
    policy: Policy
    registry: Registry
    lexicon: Lexicon
    dangers: Dangers
    spelling: dict[str, str]
    documents: dict[str, Document] = field(repr=False)
    ids: dict[str, str] = field(default_factory=dict, repr=False)
    """The id that each file of domains/ and strategies/ defines, by file name."""
    _decisions: dict[tuple[object, ...], Decision] = field(default_factory=dict, repr=False)

    def category(self, domain: str, category: str) -> Category:
        """Returns a category.

        Raises:
            KeyError: There is no such domain or category.
        """
        for found in self.domains[domain].categories:
            if found.id == category:
                return found
        raise KeyError(category)

    def flags(self, domain: str, category: str, severity: str, extra: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Returns the risk flags of a cell in the order of :class:`RiskFlag`; a look-alike has none."""
        if severity == Severity.NONE:
            return ()
        held = {*self.domains[domain].flags, *self.category(domain, category).flags, *extra}
        if severity == Severity.IMMINENT:
            held.add(RiskFlag.IMMEDIATE_DANGER)
        return tuple(str(flag) for flag in RiskFlag if flag in held)

    def decide(self, domain: str, category: str, role: str, severity: str, flags: tuple[str, ...]) -> Decision:
        """Returns mode, strategies and resource topics for a kind of cell: the first rule that applies.

        Raises:
            KeyError: No rule applies; a checked taxonomy has no such hole.
        """
        key = (domain, category, role, severity, flags)
        if key not in self._decisions:
            self._decisions[key] = self._first(domain, category, role, severity, flags)
        return self._decisions[key]

    def _first(self, domain: str, category: str, role: str, severity: str, flags: tuple[str, ...]) -> Decision:
        found = self.category(domain, category)
        for rule in self.policy.rules:
            if applies(rule.when, domain, found, role, severity, flags):
                topics: tuple[str, ...] = ()
                if rule.mode != Mode.ANSWER:
                    # self-harm outranks every domain: its crisis line comes first wherever the flag stands
                    first = ("suicide_crisis",) if RiskFlag.SUICIDE_SELF_HARM in flags else ()
                    topics = tuple(dict.fromkeys((*first, *rule.topics, *found.topics.get(Role(role), ()))))
                return Decision(rule.id, rule.mode, rule.strategies, topics)
        raise KeyError(key_words(domain, category, role, severity, flags))

    def kinds(self) -> Iterator[tuple[str, str, Role, Severity]]:
        """Yields every (domain, category, role, severity) that has an anchor, and the look-alike of each category."""
        for domain in self.domains.values():
            for category in domain.categories:
                yield domain.id, category.id, Role.CURIOUS, Severity.NONE
                for role in category.roles:
                    for severity in Severity:
                        if severity != Severity.NONE and getattr(category.severity, severity):
                            yield domain.id, category.id, role, severity


def load_taxonomy(root: Path) -> Taxonomy:
    """Reads and checks a taxonomy folder.

    Raises:
        InvalidFile: With every problem found, each with file and line.
    """
    if not root.is_dir():
        raise InvalidFile(
            [Problem(str(root), 0, "is not a taxonomy folder", "check the 'taxonomy' path in the recipe")]
        )
    reader = _Reader(root)
    domains = reader.many("domains", Domain)
    strategies = reader.many("strategies", Strategy)
    policy = reader.one("policy.yaml", Policy)
    lexicon = reader.one("lexicon.yaml", Lexicon)
    dangers = reader.one("dangers.yaml", Dangers)
    spelling = reader.one("spelling.yaml", Spelling)
    registry = None
    try:
        registry = load_registry(root / "resources.yaml")
        reader.documents["resources.yaml"] = registry.document
    except InvalidFile as error:
        reader.problems.extend(error.problems)
    if reader.problems or not (policy and lexicon and dangers and spelling and registry):
        raise InvalidFile(reader.problems)
    taxonomy = Taxonomy(
        root,
        domains,
        strategies,
        policy,
        registry,
        lexicon,
        dangers,
        dict(spelling.british),
        reader.documents,
        reader.ids,
    )
    problems = list(_check(taxonomy))
    if problems:
        raise InvalidFile(problems)
    return taxonomy


Model = TypeVar("Model", bound=StrictModel)
Listed = TypeVar("Listed", Domain, Strategy)


class _Reader:
    """Reads the files of a taxonomy, gathering problems instead of stopping at the first."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.documents: dict[str, Document] = {}
        self.problems: list[Problem] = []
        self.ids: dict[str, str] = {}

    def one(self, name: str, model: type[Model]) -> Model | None:
        try:
            value, self.documents[name] = read_model(self.root / name, model)
        except InvalidFile as error:
            self.problems.extend(error.problems)
            return None
        return value

    def many(self, folder: str, model: type[Listed]) -> dict[str, Listed]:
        found: dict[str, Listed] = {}
        paths = sorted((self.root / folder).glob("*.yaml"))
        if not paths:
            self.problems.append(Problem(str(self.root / folder), 0, "holds no YAML file", "add at least one"))
        for path in paths:
            value = self.one(f"{folder}/{path.name}", model)
            if value is None:
                continue
            if value.id in found:
                do = "give one of the two files another id"
                self.problems.append(Problem(str(path), 1, f"repeats the id '{value.id}'", do))
            found[value.id] = value
            self.ids[f"{folder}/{path.name}"] = value.id
        return found


def _check(taxonomy: Taxonomy) -> Iterator[Problem]:
    for name, document in taxonomy.documents.items():
        if name.startswith("domains/"):
            yield from _check_domain(document, taxonomy.domains[taxonomy.ids[name]])
        elif name.startswith("strategies/"):
            yield from _check_strategy(document, taxonomy.strategies[taxonomy.ids[name]], taxonomy)
    yield from check_policy(taxonomy)
    yield from _check_lexicon(taxonomy)
    yield from _check_dangers(taxonomy)


def _check_domain(document: Document, domain: Domain) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, category in enumerate(domain.categories):
        where = ("categories", index)
        if category.id in seen:
            yield document.problem(where, f"repeats the category '{category.id}'", "rename one of the two")
        seen.add(category.id)
        if not any(category.severity.model_dump().values()):
            yield document.problem((*where, "severity"), "has no severity anchor", "describe at least one level")
        for role in category.roles:
            if role not in category.topics:
                do = f"add '{role}: [...]' under 'topics'"
                yield document.problem((*where, "topics"), f"names no resource topics for {role}", do)
        for role, topics in category.topics.items():
            for topic in topics:
                if topic not in TOPICS:
                    do = f"use one of {', '.join(sorted(TOPICS))}"
                    yield document.problem((*where, "topics", role), f"unknown resource topic '{topic}'", do)


def _check_strategy(document: Document, strategy: Strategy, taxonomy: Taxonomy) -> Iterator[Problem]:
    for domain in strategy.domains:
        if domain not in taxonomy.domains:
            yield document.problem(("domains",), f"unknown domain '{domain}'", "use the id of a file in domains/")
    if strategy.required > len(strategy.components):
        yield document.problem(("required",), "requires more components than there are", "lower 'required'")
    known = {component.id for component in strategy.components}
    for index, name in enumerate(strategy.urgent):
        if name not in known:
            yield document.problem(("urgent", index), f"has no component '{name}'", f"use one of {', '.join(known)}")
    if strategy.screening:
        return
    for index, component in enumerate(strategy.components):
        where = ("components", index, "evidence")
        if not component.evidence:
            yield document.problem(where, f"component '{component.id}' has no evidence patterns", "add some")
        yield from _check_patterns(document, where, component.evidence)


def _check_lexicon(taxonomy: Taxonomy) -> Iterator[Problem]:
    document = taxonomy.documents["lexicon.yaml"]
    groups: Mapping[str, tuple[str, ...]] = {
        name: getattr(taxonomy.lexicon, name) for name in ("operational", "graphic", "sexual", "minor", "suicidal")
    }
    for name, patterns in groups.items():
        yield from _check_patterns(document, (name,), patterns)


def _check_dangers(taxonomy: Taxonomy) -> Iterator[Problem]:
    document = taxonomy.documents["dangers.yaml"]
    for index, danger in enumerate(taxonomy.dangers.dangers):
        for name in ("named", "met"):
            yield from _check_patterns(document, ("dangers", index, name), getattr(danger, name))


def _check_patterns(document: Document, where: tuple[str | int, ...], patterns: tuple[str, ...]) -> Iterator[Problem]:
    if faultless(patterns):
        return
    for index, pattern in enumerate(patterns):
        if error := regex_error(pattern):
            yield document.problem((*where, index), f"is not a regular expression: {error}", "correct it")
