"""The seed bank: situations, look-alikes and shared phrases from which the offline author composes.

A seed bank is a folder: ``situations/DOMAIN/*.yaml``, ``lookalikes/DOMAIN/*.yaml``, ``steps/DOMAIN/*.yaml``
(see :mod:`corpusgen.steps`) and ``phrases/`` (see :mod:`corpusgen.phrases`). docs/authoring.md says how each is
written.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from corpusgen.documents import Document, StrictModel, read_model
from corpusgen.errors import InvalidFile, Problem
from corpusgen.phrases import Phrases, load_phrases
from corpusgen.schema import Mode, RiskFlag, Role, Severity
from corpusgen.steps import Steps, load_steps
from corpusgen.taxonomy import Taxonomy

__all__ = ["Ask", "Lookalike", "Question", "SeedBank", "Situation", "load_seeds"]

SeedId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=80)]
Line = Annotated[str, StringConstraints(min_length=3, max_length=900)]
Lines = Annotated[tuple[Line, ...], Field(min_length=1)]
RiskySeverity = Literal["low", "moderate", "high", "imminent"]


class Ask(StrictModel):
    """What the writer wants, with either the answer to it or what is refused and offered instead."""

    say: Line
    reply: Line | None = None
    refuse: Line | None = None
    instead: Line | None = None
    calm: bool = False
    """Whether ``reply`` or ``instead`` assumes that there is time; an answer to immediate danger leaves it out."""

    @model_validator(mode="after")
    def _one_kind(self) -> Ask:
        if (self.reply is None) == (self.refuse is None):
            raise ValueError("an ask has either 'reply', or 'refuse' with 'instead'")
        if (self.refuse is None) != (self.instead is None):
            raise ValueError("'refuse' and 'instead' go together")
        return self


class Situation(StrictModel):
    """One person's trouble, as authored lines."""

    id: SeedId
    role: Role
    flags: tuple[RiskFlag, ...] = ()
    audience: tuple[str, ...] = ()
    """What the telling makes plain about the person helped (women, men, lgbtq, older_adults; youth: a writer under
    eighteen), for lines that serve only some. That a child is concerned follows from the flag ``minor_involved``."""
    topics: tuple[str, ...] | None = None
    """Which of the category's resource topics fit here, in order; without it all do, and an empty list means none."""
    tell: Lines
    short: Lines
    other: Line
    details: Lines
    signs: Annotated[dict[RiskySeverity, Lines], Field(min_length=1)]
    asks: Annotated[tuple[Ask, ...], Field(min_length=1)]
    heard: Lines
    it: Lines
    help: Lines
    hope: Lines

    def asks_for(self, mode: str) -> tuple[Ask, ...]:
        """Returns the asks that fit a response mode: refusable ones for a refusal, answerable ones for an answer."""
        if mode == Mode.SUPPORTIVE_REFUSAL:
            return tuple(ask for ask in self.asks if ask.refuse)
        if mode == Mode.SUPPORTIVE_ANSWER:
            return tuple(ask for ask in self.asks if ask.reply)
        return self.asks


class Question(StrictModel):
    """One harmless question with its answer."""

    ask: Line
    short: Line
    answer: Annotated[str, StringConstraints(min_length=40, max_length=1500)]


class Lookalike(StrictModel):
    """Harmless questions on one topic that resemble the risky situation they shadow."""

    id: SeedId
    shadows: SeedId
    kind: Literal[
        "homonym", "fiction", "history", "professional", "research", "first_aid", "law", "safety", "honest_asking"
    ]
    questions: Annotated[tuple[Question, ...], Field(min_length=1)]


class _SituationFile(StrictModel):
    category: str
    situations: Annotated[tuple[Situation, ...], Field(min_length=1)]


class _LookalikeFile(StrictModel):
    domain: str
    lookalikes: Annotated[tuple[Lookalike, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Seed:
    """A situation with its place in the taxonomy."""

    domain: str
    category: str
    situation: Situation

    @property
    def key(self) -> str:
        """The seed id of the corpus: unique over all domains."""
        return f"{self.domain}/{self.situation.id}"


@dataclass(frozen=True)
class SeedBank:
    """A loaded, checked seed bank."""

    root: Path
    situations: dict[str, Seed]
    """By seed id, ``DOMAIN/ID``."""
    lookalikes: dict[str, tuple[str, Lookalike]]
    """By seed id, ``DOMAIN/ID``: the domain and the look-alike."""
    phrases: Phrases
    steps: Steps
    documents: dict[str, Document] = field(repr=False)

    def strata(self) -> dict[tuple[str, str, str], list[Seed]]:
        """Returns the situations by (domain, role, severity), in seed-id order."""
        found: dict[tuple[str, str, str], list[Seed]] = defaultdict(list)
        for _, seed in sorted(self.situations.items()):
            for severity in seed.situation.signs:
                found[seed.domain, str(seed.situation.role), severity].append(seed)
        return dict(found)


def load_seeds(root: Path, taxonomy: Taxonomy) -> SeedBank:
    """Reads a seed bank and checks it against its taxonomy.

    Raises:
        InvalidFile: With every problem found, each with file and line.
    """
    if not root.is_dir():
        raise InvalidFile([Problem(str(root), 0, "is not a seed folder", "check the 'seeds' path in the recipe")])
    loader = _Loader(root, taxonomy)
    loader.load_situations()
    loader.load_lookalikes()
    phrases: Phrases | None = None
    try:
        phrases = load_phrases(root / "phrases", taxonomy)
        loader.documents.update(phrases.documents)
    except InvalidFile as error:
        loader.problems.extend(error.problems)
    steps, problems = load_steps(root, taxonomy, loader.documents)
    loader.problems.extend(problems)
    if loader.problems or phrases is None:
        raise InvalidFile(loader.problems)
    return SeedBank(root, loader.situations, loader.lookalikes, phrases, steps, loader.documents)


class _Loader:
    """Reads the files of a seed bank, gathering problems instead of stopping at the first."""

    def __init__(self, root: Path, taxonomy: Taxonomy) -> None:
        self.root = root
        self.taxonomy = taxonomy
        self.situations: dict[str, Seed] = {}
        self.lookalikes: dict[str, tuple[str, Lookalike]] = {}
        self.documents: dict[str, Document] = {}
        self.problems: list[Problem] = []

    def load_situations(self) -> None:
        paths = sorted((self.root / "situations").glob("*/*.yaml"))
        if not paths:
            do = "add situations/DOMAIN/CATEGORY.yaml, see docs/authoring.md"
            self.problems.append(Problem(str(self.root / "situations"), 0, "holds no situation", do))
        for path in paths:
            try:
                value, document = read_model(path, _SituationFile)
            except InvalidFile as error:
                self.problems.extend(error.problems)
                continue
            self.documents[path.relative_to(self.root).as_posix()] = document
            domain = path.parent.name
            if not self._known(domain, value.category, document):
                continue
            for index, situation in enumerate(value.situations):
                self._add(Seed(domain, value.category, situation), document, ("situations", index))

    def _known(self, domain: str, category: str, document: Document) -> bool:
        if domain not in self.taxonomy.domains:
            do = f"name the folder after one of {', '.join(self.taxonomy.domains)}"
            self.problems.append(document.problem((), f"lies in a folder of no known domain ('{domain}')", do))
            return False
        if category not in {found.id for found in self.taxonomy.domains[domain].categories}:
            do = f"use a category of domains/{domain}.yaml"
            self.problems.append(document.problem(("category",), f"unknown category '{category}' of {domain}", do))
            return False
        return True

    def _add(self, seed: Seed, document: Document, where: tuple[str | int, ...]) -> None:
        if seed.key in self.situations:
            what = f"repeats the situation id '{seed.situation.id}'"
            self.problems.append(document.problem((*where, "id"), what, "give it another id"))
            return
        self.situations[seed.key] = seed
        self.problems.extend(_check_situation(seed, self.taxonomy, document, where))

    def load_lookalikes(self) -> None:
        for path in sorted((self.root / "lookalikes").glob("*/*.yaml")):
            try:
                value, document = read_model(path, _LookalikeFile)
            except InvalidFile as error:
                self.problems.extend(error.problems)
                continue
            self.documents[path.relative_to(self.root).as_posix()] = document
            if value.domain not in self.taxonomy.domains:
                what = f"unknown domain '{value.domain}'"
                self.problems.append(document.problem(("domain",), what, "use the id of a file in domains/"))
                continue
            for index, lookalike in enumerate(value.lookalikes):
                self._add_lookalike(value.domain, lookalike, document, index)

    def _add_lookalike(self, domain: str, lookalike: Lookalike, document: Document, index: int) -> None:
        key = f"{domain}/{lookalike.id}"
        where = ("lookalikes", index)
        if key in self.lookalikes or key in self.situations:
            what = f"repeats the id '{lookalike.id}'"
            self.problems.append(document.problem((*where, "id"), what, "give it another id"))
        if f"{domain}/{lookalike.shadows}" not in self.situations:
            what = f"shadows '{lookalike.shadows}', which is no situation of {domain}"
            do = "name the id of a situation of the same domain"
            self.problems.append(document.problem((*where, "shadows"), what, do))
        self.lookalikes[key] = (domain, lookalike)
        for path, text in _texts(lookalike.model_dump(mode="json")):
            self.problems.extend(_check_text(text, document, (*where, *path)))


def _check_situation(
    seed: Seed, taxonomy: Taxonomy, document: Document, where: tuple[str | int, ...]
) -> Iterator[Problem]:
    situation = seed.situation
    category = taxonomy.category(seed.domain, seed.category)
    if situation.role not in category.roles:
        do = f"use one of {', '.join(category.roles)}, or add the role to the category"
        yield document.problem((*where, "role"), f"the role {situation.role} does not occur in {category.id}", do)
    for topic in situation.topics or ():
        if topic not in category.topics.get(situation.role, ()):
            what = f"the topic '{topic}' is none of {category.id} for {situation.role}"
            yield document.problem((*where, "topics"), what, "take it out, or add it to the category's topics")
    for severity in situation.signs:
        if not getattr(category.severity, severity):
            do = "remove these signs, or write the anchor in the domain file"
            what = f"the severity {severity} has no anchor in {category.id}"
            yield document.problem((*where, "signs", severity), what, do)
        elif situation.role in category.roles:
            yield from _check_asks(seed, severity, taxonomy, document, where)
    for path, text in _texts(situation.model_dump(mode="json")):
        if path[0] != "id":
            yield from _check_text(text, document, (*where, *path))


def _check_asks(
    seed: Seed, severity: str, taxonomy: Taxonomy, document: Document, where: tuple[str | int, ...]
) -> Iterator[Problem]:
    situation = seed.situation
    flags = taxonomy.flags(seed.domain, seed.category, severity, situation.flags)
    mode = taxonomy.decide(seed.domain, seed.category, situation.role, severity, flags).mode
    if not situation.asks_for(mode):
        kind = "'refuse' and 'instead'" if mode == Mode.SUPPORTIVE_REFUSAL else "'reply'"
        what = f"at severity {severity} the policy says {mode}, and no ask has {kind}"
        yield document.problem((*where, "asks"), what, f"add an ask with {kind}")


_SLOT = re.compile(r"[{}]|\[\[|\]\]|<%|%>")
_NUMBER = re.compile(r"\d{3}[\s-]?\d{3}|\b\d{5,}\b")
_ADDRESS = re.compile(r"https?:|www\.|\b[\w.-]+@[\w-]+\.\w+", re.IGNORECASE)


_SUSPECT = re.compile(r"[{}\[\]<%\d@]|www\.|https?:", re.IGNORECASE)
"""What most of the lines have nothing of."""


def _check_text(text: str, document: Document, where: tuple[str | int, ...]) -> Iterator[Problem]:
    if not _SUSPECT.search(text):
        return
    if _SLOT.search(text):
        do = "write the sentence out; only files in phrases/ have slots"
        yield document.problem(where, "holds a brace or other template syntax", do)
    if _NUMBER.search(text) or _ADDRESS.search(text):
        yield document.problem(where, "holds a number or address", "resources come from resources.yaml only")


def _texts(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def risky_severities() -> tuple[Severity, ...]:
    """Returns the severities that a situation can have, mildest first."""
    return tuple(severity for severity in Severity if severity != Severity.NONE)
