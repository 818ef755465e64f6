"""A seed bank of any size, for measuring: situations made of random words, around the shipped taxonomy and phrases.

The lines mean nothing. They pass the seed loader, are half function words so that they read as English to the gates,
and are unlike each other, so that what is lost is lost to the shared phrases and to reuse, as in a written bank.
"""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["write_project"]

PROJECT = Path(__file__).resolve().parent.parent
RECIPE = PROJECT / "pipelines" / "psychosafe-8k.yaml"
SEED = 2606
TELLINGS = 9
"""Pairs a situation, at the size that the bank is for; the shipped bank has 9.3."""

VOCABULARY = Path(__file__).with_name("vocabulary.txt").read_text(encoding="utf-8").split()
FUNCTION_WORDS = ["the", "my", "with", "and", "but", "from", "after", "before", "when", "of", "in", "on", "to", "then"]

Json = dict[str, Any]


def write_project(folder: Path, pairs: int) -> Path:
    """Writes a project with a taxonomy, a seed bank and a recipe.

    Args:
        folder: An empty or new folder.
        pairs: The size that the bank is big enough for.

    Returns:
        The recipe. It has the shipped recipe's weights, without look-alikes and benchmarks.
    """
    shipped: Json = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    taxonomy, seeds = folder / "taxonomies" / "synthetic", folder / "seeds" / "synthetic"
    shutil.copytree(PROJECT / shipped["taxonomy"], taxonomy)
    shutil.copytree(PROJECT / shipped["seeds"] / "phrases", seeds / "phrases")
    recipe = scaled_recipe(shipped, pairs)
    writer = random.Random(SEED)
    for domain, path in ((path.stem, path) for path in sorted((taxonomy / "domains").glob("*.yaml"))):
        categories = yaml.safe_load(path.read_text(encoding="utf-8"))["categories"]
        situations = _situations(domain, categories, recipe, writer)
        for category, some in situations.items():
            _write(seeds / "situations" / domain / f"{category}.yaml", {"category": category, "situations": some})
    return _write(folder / "pipelines" / "scaling.yaml", recipe)


def scaled_recipe(shipped: Json, pairs: int) -> Json:
    """Returns the shipped recipe at another size, over the generated folders."""
    recipe = {**shipped, "taxonomy": "taxonomies/synthetic", "seeds": "seeds/synthetic", "pairs": pairs}
    recipe["weights"] = {**shipped["weights"], "lookalike_share": 0}
    recipe["dedup"] = {**shipped["dedup"], "benchmarks": []}
    # all train: among tens of thousands of made-up texts near ones form clusters too big for exact counts; finding the
    # clusters, which is what the stage costs, stays
    recipe["split"] = {"validation": 0, "test": 0}
    recipe["release"] = {**shipped["release"], "name": "scaling", "title": "Synthetic text for measuring"}
    return recipe


def _write(path: Path, value: Json) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # JSON is YAML, and is written in a fraction of the time
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
    return path


@dataclass(frozen=True)
class _Place:
    """Where a situation belongs: a category, a role in it, and the severities that occur there."""

    category: str
    role: str
    severities: tuple[str, ...]


def _situations(domain: str, categories: Sequence[Json], recipe: Json, writer: random.Random) -> dict[str, list[Json]]:
    """Returns a domain's situations by category: as many a role as its share of the pairs needs."""
    weights = recipe["weights"]
    share = weights["domain"][domain] / sum(weights["domain"].values())
    found: dict[str, list[Json]] = {}
    for role, part in _shares(weights["role_by_domain"].get(domain, weights["role"])).items():
        places = _places(categories, role, weights)
        wanted = math.ceil(recipe["pairs"] * share * part / TELLINGS)
        for number in range(max(wanted, len(places))):
            place = places[number % len(places)]
            name = f"{place.category}-{role}-{number}".replace("_", "-")
            found.setdefault(place.category, []).append(_situation(name, place, writer))
    return found


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items() if weight > 0}


def _places(categories: Sequence[Json], role: str, weights: Json) -> list[_Place]:
    """Returns the categories in which a role occurs, those with most severities first."""
    wanted = _shares(weights["severity_by_role"].get(role, weights["severity"]))
    places = [
        _Place(item["id"], role, tuple(severity for severity in wanted if item["severity"].get(severity)))
        for item in categories
        if role in item["roles"]
    ]
    return sorted((place for place in places if place.severities), key=lambda place: -len(place.severities))


def _situation(name: str, place: _Place, writer: random.Random) -> Json:
    """Returns a situation as in the seed files, its lines about as long as the shipped ones."""
    return {
        "id": name,
        "role": place.role,
        "tell": list(_lines(writer, 4, 8, 7)),
        "short": list(_lines(writer, 3, 6)),
        "other": " ".join(_lines(writer, 1, 11)),
        "details": list(_lines(writer, 4, 6)),
        "signs": {severity: list(_lines(writer, 2, 7)) for severity in place.severities},
        "asks": [_ask(writer, refused) for refused in (True, False) for _ in range(3)],
        "heard": list(_lines(writer, 4, 9)),
        "it": [_thing(writer) for _ in range(2)],
        "help": list(_lines(writer, 4, 10)),
        "hope": list(_lines(writer, 2, 9)),
    }


def _ask(writer: random.Random, refused: bool) -> Json:
    say = _words(writer, 5).capitalize() + "?"
    answer = " ".join(_lines(writer, 1, 8, 8))
    return {"say": say, "refuse": _deed(writer), "instead": answer} if refused else {"say": say, "reply": answer}


def _thing(writer: random.Random) -> str:
    """Returns two things: what ``{it}`` stands for in a phrase."""
    return " and ".join(f"the {word}" for word in writer.sample(VOCABULARY, 2))


def _deed(writer: random.Random) -> str:
    """Returns what stands after "help you" in a phrase."""
    return f"{writer.choice(VOCABULARY)} {_words(writer, 2)}"


def _lines(writer: random.Random, count: int, *lengths: int) -> Iterator[str]:
    """Yields lines, each of as many sentences as lengths are given, of so many content words."""
    for _ in range(count):
        yield " ".join(_words(writer, length).capitalize() + "." for length in lengths)


def _words(writer: random.Random, contents: int) -> str:
    """Returns distinct content words, each after a function word: no word ever stands beside itself."""
    return " ".join(f"{writer.choice(FUNCTION_WORDS)} {word}" for word in writer.sample(VOCABULARY, contents))
