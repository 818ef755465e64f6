"""A recipe: everything that shapes a corpus, in one YAML file (design, section 3)."""

from __future__ import annotations

import gc
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from corpusgen.bundled import locate
from corpusgen.documents import Document, StrictModel, read_model
from corpusgen.errors import InvalidFile, Problem, UsageError
from corpusgen.examples import Examples, load_examples
from corpusgen.phrases import REGISTERS
from corpusgen.schema import UNKNOWN_COUNTRY, Role, Severity
from corpusgen.seeds import SeedBank, load_seeds, risky_severities
from corpusgen.taxonomy import Taxonomy, load_taxonomy

__all__ = ["Inputs", "Recipe", "load_inputs", "load_recipe", "no_collection"]

Share = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Shares = Annotated[dict[str, Share], Field(min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)]


class Weights(StrictModel):
    """Relative weights; largest remainder turns them into exact quotas, in the order of the fields."""

    domain: Shares
    lookalike_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of look-alikes within each domain."""
    role: Shares
    """Roles of risky cells."""
    role_by_domain: dict[str, Shares] = {}
    """Overrides ``role`` in a domain."""
    severity: Shares
    """Severities of risky cells."""
    severity_by_role: dict[str, Shares] = {}
    """Overrides ``severity`` for a role."""
    register_: Annotated[Shares, Field(alias="register")]
    country: Shares

    def roles(self, domain: str) -> dict[str, float]:
        """Returns the role weights that hold in a domain."""
        return self.role_by_domain.get(domain, self.role)

    def severities(self, role: str) -> dict[str, float]:
        """Returns the severity weights that hold for a role."""
        return self.severity_by_role.get(role, self.severity)


class Price(StrictModel):
    """What a model costs, in US dollars a million tokens."""

    input: Share
    output: Share


_SECRET = re.compile(
    r"(api|access|auth|secret|hf|hub|bearer)[_-]?(key|token)|^(key|token|secret|password)$|authorization|credential"
)
_TAKEN = frozenset({"model", "messages", "response_format", "stream", "n"})
"""Parts of a request that are no parameters of the recipe: each answer is asked for by itself, and comes whole."""


def _names(value: object) -> Iterator[str]:
    """Yields the keys of a value from YAML, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


class Judge(StrictModel):
    """Who compares candidates, where that is another than who wrote them."""

    endpoint: str | None = None
    """The author's by default; the key of another one comes from ``JUDGE_API_KEY`` only."""
    model: str | None = None
    """The author's by default."""
    parameters: dict[str, Any] = {}


class Author(StrictModel):
    """Who writes: the offline composer, a language model behind an endpoint, or the embedded small model."""

    kind: Literal["offline", "llm", "local"] = "offline"
    endpoint: str | None = None
    """Base URL of an OpenAI-compatible endpoint, with its ``/v1``; the key comes from ``OPENAI_API_KEY`` only."""
    model: str | None = None
    llm: str | None = None
    """Import path of another distilabel LLM class, in place of ``endpoint``."""
    llm_arguments: dict[str, Any] = {}
    """What that class is made with; keys come from the environment only, as it reads them itself."""
    parameters: dict[str, Any] = {}
    """Generation parameters of every request: temperature, top_p, max_tokens …"""
    judge: Judge = Judge()
    prices: dict[str, Price] = {}
    """By model."""
    budget_usd: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] | None = None
    candidates: Annotated[int, Field(ge=1, le=16)] = 1
    """Responses written for each cell; the best is kept."""
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """Attempts at a cell that the model writes; those after it are the offline author's."""
    max_fallback_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    retries: Annotated[int, Field(ge=0, le=20)] = 6
    """How many times a request is tried again after a failure that may pass."""
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 120
    concurrency: Annotated[int, Field(ge=1, le=4096)] = 64
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Author:
        for name in _names([self.parameters, self.llm_arguments, self.judge.parameters]):
            if _SECRET.search(name.lower()):
                raise ValueError(f"'{name}' looks like a secret; keys come from the environment only")
        for name in (*self.parameters, *self.judge.parameters):
            if name in _TAKEN:
                raise ValueError(f"'{name}' cannot be set under 'parameters'; leave it out")
        for url in (self.endpoint, self.judge.endpoint):
            if url is not None and not re.match(r"https?://[^\s/@?#]+(/[^\s@?#]*)?$", url):
                # what may hold a key is not repeated
                shown = "the address" if re.search(r"[@?#]", url) else f"'{url}'"
                raise ValueError(f"{shown} is no endpoint; write http(s)://HOST/v1, without a key or a user in it")
        if self.judge.model not in (None, self.model) and not (self.endpoint or self.judge.endpoint):
            raise ValueError("a judge of another model wants an 'endpoint' of its own")
        if self.kind == "llm":
            if (self.endpoint is None) == (self.llm is None):
                raise ValueError("the author 'llm' wants either 'endpoint' or 'llm'")
            if self.model is None:
                raise ValueError("the author 'llm' wants a 'model'")
        if self.budget_usd is not None and self.kind == "llm":
            for model in {self.model, self.judge.model or self.model}:
                if model not in self.prices:
                    raise ValueError(f"a budget wants a price for '{model}' under 'prices'")
        return self

    def task_parameters(self, task: str) -> dict[str, Any]:
        """Returns the parameters that hold for one task alone: the judge's."""
        return self.judge.parameters if task == "judge" else {}


class Checks(StrictModel):
    """Thresholds of the gates; the gates themselves always run."""

    prompt_words: tuple[int, int] = (3, 260)
    response_words: tuple[int, int] = (25, 320)
    copied_words: Annotated[int, Field(ge=3, le=8)] = 8
    """Longest run of words that a response may share with its prompt; design, section 6, allows at most 8."""
    opening_share: Annotated[float, Field(gt=0, le=0.02)] = 0.02
    """Largest share of responses that may begin with the same five words."""
    sentence_share: Annotated[float, Field(gt=0, le=0.005)] = 0.005
    """Largest share of responses that may hold the same sentence, resources aside."""


class Benchmark(StrictModel):
    """A file of prompts that the corpus must stay away from."""

    name: Name
    path: str
    column: str = "prompt"
    optional: bool = True
    """Whether a build goes on without the file; the card then says that it was absent."""


class Dedup(StrictModel):
    """Deduplication and decontamination; thresholds may be stricter than the design's, never laxer."""

    lexical: Annotated[float, Field(gt=0, le=0.7)] = 0.7
    """Jaccard similarity of word 3-grams from which two prompts are near-duplicates."""
    semantic: Annotated[float, Field(gt=0.5, le=0.90)] = 0.90
    """Cosine similarity of all-MiniLM-L6-v2 embeddings from which two prompts are near-duplicates."""
    response_overlap: Annotated[float, Field(gt=0, le=0.5)] = 0.5
    """Largest share of 5-word sequences that two responses may have in common, resources aside."""
    benchmarks: tuple[Benchmark, ...] = ()


class Splits(StrictModel):
    """How many pairs validation and test hold at full size; smaller builds take the same shares."""

    validation: Annotated[int, Field(ge=0)]
    test: Annotated[int, Field(ge=0)]
    balance: Literal["domain"] = "domain"
    """Both hold equally many pairs of each domain."""


class ReviewPlan(StrictModel):
    """The acceptance plan of the clinicians' review; the plan holds as it stood when the first sample was drawn."""

    max_harm: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Release when the one-sided upper bound on the share of harmful responses is below this."""
    confidence: Annotated[float, Field(lt=1)] = 0.95
    """Of that bound, over all looks together; at least 0.8."""
    tolerated: Annotated[int, Field(ge=0, le=100)] = 1
    """Harmful responses that the sample may hold and still pass; with the two above it fixes the sample's size."""
    looks: Annotated[int, Field(ge=1, le=10)] = 1
    """How many fresh samples may be drawn, stated beforehand; each is held to its share of the error."""
    second_reader: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Share of the sample that two people read, for the agreement."""
    calibration: Annotated[int, Field(ge=0)] = 24
    """Hidden items with known answers that everybody reads."""
    daily_portion: Annotated[int, Field(ge=1, le=100)] = 30
    """Records that one person is given a day at most."""

    @field_validator("confidence")
    @classmethod
    def _shows_something(cls, confidence: float) -> float:
        if confidence < 0.8:
            raise ValueError("with a confidence below 0.8 a sample shows next to nothing; state 0.8 or more")
        return confidence


class Release(StrictModel):
    """Name and terms of the published dataset."""

    name: Name
    title: str
    licence: Literal["cc-by-4.0"] = "cc-by-4.0"
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")] = "0.1.0"


class Recipe(StrictModel):
    """One recipe."""

    taxonomy: str
    seeds: str
    pairs: Annotated[int, Field(ge=1, le=10_000_000)]
    seed: int = 0
    weights: Weights
    author: Author = Author()
    checks: Checks = Checks()
    dedup: Dedup = Dedup()
    split: Splits
    attempts: Annotated[int, Field(ge=1, le=100)] = 12
    """How many times a cell may be written before it counts as starved."""
    review: ReviewPlan = ReviewPlan()
    release: Release

    @model_validator(mode="after")
    def _splits_fit(self) -> Recipe:
        if self.split.validation + self.split.test >= self.pairs:
            raise ValueError("validation and test leave nothing for train; lower 'split' or raise 'pairs'")
        for low, high in (self.checks.prompt_words, self.checks.response_words):
            if not 0 < low < high:
                raise ValueError("a range of words needs a lower bound above 0 and below the upper one")
        return self

    def digest(self) -> str:
        """Returns the hash of everything here that shapes the corpus (16 hex digits).

        Left out, since they shape how it is made or what is done with it later, not what it is: the author's
        concurrency, limits, retries, prices and budget, the review plan, and the release's name and version.
        """
        shaping = self.model_dump(
            mode="json",
            by_alias=True,
            exclude={
                "author": {
                    "concurrency",
                    "requests_per_minute",
                    "tokens_per_minute",
                    "prices",
                    "budget_usd",
                    "max_fallback_share",
                    "retries",
                    "timeout_s",
                },
                "review": True,
                "release": True,
            },
        )
        canonical = json.dumps(shaping, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Inputs:
    """A recipe with everything it names, loaded and checked."""

    path: Path
    recipe: Recipe
    document: Document = field(repr=False)
    taxonomy: Taxonomy = field(repr=False)
    seeds: SeedBank = field(repr=False)
    examples: Examples = field(repr=False)
    files: dict[str, str] = field(repr=False)
    """SHA-256 of every input file, by its path relative to its root."""

    def benchmark_path(self, benchmark: Benchmark) -> Path:
        """Returns where a benchmark file is looked for."""
        return resolve(self.path, benchmark.path)

    def digest(self) -> str:
        """Returns the hash of recipe and input files together (16 hex digits)."""
        parts = [self.recipe.digest(), *(f"{name}={value}" for name, value in sorted(self.files.items()))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def resolve(recipe: Path, name: str) -> Path:
    """Returns a path named in a recipe: relative to the recipe's project, that is the folder above ``pipelines/``."""
    given = Path(name).expanduser()
    if given.is_absolute():
        return given
    base = recipe.resolve().parent
    root = base.parent if base.name == "pipelines" else base
    return root / given


def load_recipe(path: str | Path) -> Recipe:
    """Reads a recipe file alone, without what it names.

    Raises:
        InvalidFile: With every problem found, each with its line.
    """
    return read_model(locate(path), Recipe)[0]


def load_inputs(path: str | Path, **changes: object) -> Inputs:
    """Reads a recipe and everything it names, and checks them against each other.

    Args:
        path: The recipe; ``smoke`` finds the bundled ``pipelines/smoke.yaml``.
        changes: Values that override the recipe's: ``pairs``, ``seed``, and fields of ``author`` as a dict.

    Raises:
        InvalidFile: With every problem found, each with file and line.
    """
    found = locate(path)
    recipe, document = read_model(found, Recipe)
    changed = {key: value for key, value in changes.items() if value is not None}
    if changed:
        recipe = _override(recipe, changed)
    folders = {name: _folder(found, document, name, getattr(recipe, name)) for name in ("taxonomy", "seeds")}
    with no_collection():
        taxonomy = load_taxonomy(folders["taxonomy"])
        seeds = load_seeds(folders["seeds"], taxonomy)
        examples = load_examples(folders["seeds"], taxonomy)
    problems = list(_check(recipe, document, taxonomy, seeds))
    if problems:
        raise InvalidFile(problems)
    return Inputs(found, recipe, document, taxonomy, seeds, examples, _hashes(taxonomy, seeds))


@contextmanager
def no_collection() -> Iterator[None]:
    """Pauses the garbage collector: what is read all stays, and looking through it again and again costs a quarter."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _folder(recipe: Path, document: Document, key: str, name: str) -> Path:
    """Returns a folder that a recipe names.

    Raises:
        InvalidFile: It is not there; at the line of the recipe that names it.
    """
    try:
        folder = resolve(recipe, name)
        there = folder.is_dir()
    except (OSError, RuntimeError, ValueError):
        there = False
    if not there:
        do = "name a folder, relative to the folder above pipelines/"
        raise InvalidFile([document.problem((key,), f"'{key}' names no folder: {name}", do)])
    return folder


def _override(recipe: Recipe, changes: dict[str, object]) -> Recipe:
    data = recipe.model_dump(by_alias=True)
    pairs = changes.get("pairs")
    if isinstance(pairs, int) and pairs != recipe.pairs:
        # the same shares at another size; at least one train pair stays
        for name in ("validation", "test"):
            data["split"][name] = min(recipe.split.__getattribute__(name) * pairs // recipe.pairs, (pairs - 1) // 2)
    author = changes.pop("author", None)
    data.update(changes)
    if isinstance(author, dict):
        data["author"].update({name: value for name, value in author.items() if value is not None})
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc'])) or 'recipe'}: {first['msg'].removeprefix('Value error, ')}"
        raise UsageError(what, do="give another value, or leave the option out") from error


def _hashes(taxonomy: Taxonomy, seeds: SeedBank) -> dict[str, str]:
    hashes = {}
    for label, root in (("taxonomy", taxonomy.root), ("seeds", seeds.root)):
        for path in sorted(root.rglob("*.yaml")):
            hashes[f"{label}/{path.relative_to(root).as_posix()}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes


def _check(recipe: Recipe, document: Document, taxonomy: Taxonomy, seeds: SeedBank) -> Iterator[Problem]:
    weights = recipe.weights
    known: dict[str, tuple[dict[str, float], set[str]]] = {
        "domain": (weights.domain, set(taxonomy.domains)),
        "role": (weights.role, set(map(str, Role))),
        "severity": (weights.severity, set(map(str, risky_severities()))),
        "register": (weights.register_, set(REGISTERS)),
        "country": (weights.country, {*taxonomy.registry.countries, UNKNOWN_COUNTRY}),
    }
    for name, (given, allowed) in known.items():
        yield from _check_weights(document, ("weights", name), given, allowed)
    for domain, given in weights.role_by_domain.items():
        if domain not in taxonomy.domains:
            where = ("weights", "role_by_domain", domain)
            yield document.problem(where, f"unknown domain '{domain}'", "use the id of a domain file")
        yield from _check_weights(document, ("weights", "role_by_domain", domain), given, set(map(str, Role)))
    for role, given in weights.severity_by_role.items():
        where = ("weights", "severity_by_role", role)
        if role not in set(Role):
            yield document.problem(where, f"unknown role '{role}'", f"use one of {', '.join(Role)}")
        yield from _check_weights(document, where, given, set(map(str, risky_severities())))
    yield from _check_feasible(recipe, document, taxonomy, seeds)


def _check_weights(
    document: Document, where: tuple[str, ...], given: dict[str, float], allowed: set[str]
) -> Iterator[Problem]:
    for key in given:
        if key not in allowed:
            do = f"use one of {', '.join(sorted(allowed))}"
            yield document.problem((*where, key), f"unknown {where[1].split('_')[0]} '{key}'", do)
    if not sum(given.values()) > 0:
        yield document.problem(where, "has no weight above 0", "give at least one a positive weight")


def _check_feasible(recipe: Recipe, document: Document, taxonomy: Taxonomy, seeds: SeedBank) -> Iterator[Problem]:
    strata = seeds.strata()
    lookalike_domains = {domain for domain, _ in seeds.lookalikes.values()}
    weights = recipe.weights
    for domain, weight in weights.domain.items():
        if weight <= 0 or domain not in taxonomy.domains:
            continue
        if weights.lookalike_share > 0 and domain not in lookalike_domains:
            do = f"write some under lookalikes/{domain}/, or set 'lookalike_share: 0'"
            yield document.problem(("weights", "lookalike_share"), f"{domain} has no look-alikes", do)
        if weights.lookalike_share >= 1:
            continue
        for role, share in weights.roles(domain).items():
            if share <= 0 or role not in set(Role):
                continue
            for severity, part in weights.severities(role).items():
                if part > 0 and severity in set(Severity) and (domain, role, severity) not in strata:
                    table = "role_by_domain" if domain in weights.role_by_domain else "role"
                    where = ("weights", table, domain, role) if table == "role_by_domain" else ("weights", table, role)
                    what = f"asks for {domain} / {role} / {severity}, for which there is no situation"
                    yield document.problem(where, what, "write one, or set the weight to 0 in role_by_domain")
