"""Steps: component lines that are written for one category, before the shared ones of its strategies.

Files ``steps/DOMAIN/CATEGORY.yaml`` of a seed bank: by strategy and component, the same kind of line as in
``phrases/components/``, by somebody who has this one trouble in mind.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, field_validator

from corpusgen.documents import Document, StrictModel, read_model
from corpusgen.errors import InvalidFile, Problem
from corpusgen.phrases import Phrase, as_phrases, unshown
from corpusgen.taxonomy import Taxonomy

__all__ = ["Steps", "load_steps"]

Steps = dict[tuple[str, str], dict[str, dict[str, tuple[Phrase, ...]]]]
"""Lines by (domain, category), strategy and component."""


class _StepFile(StrictModel):
    category: str
    steps: dict[str, dict[str, tuple[Phrase, ...]]] = Field(min_length=1)

    @field_validator("steps", mode="before")
    @classmethod
    def _wrap(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {
            strategy: {key: as_phrases(lines) for key, lines in parts.items()} if isinstance(parts, dict) else parts
            for strategy, parts in value.items()
        }


def load_steps(root: Path, taxonomy: Taxonomy, documents: dict[str, Document]) -> tuple[Steps, list[Problem]]:
    """Reads and checks the files of a ``steps/`` folder, which may be absent.

    Args:
        root: The seed bank.
        taxonomy: What the lines are checked against.
        documents: Where the files read are put, by their path in the seed bank.

    Returns:
        The lines, and every problem found, each with file and line.
    """
    found: Steps = {}
    problems: list[Problem] = []
    for path in sorted((root / "steps").glob("*/*.yaml")):
        try:
            value, document = read_model(path, _StepFile)
        except InvalidFile as error:
            problems.extend(error.problems)
            continue
        documents[path.relative_to(root).as_posix()] = document
        wrong = list(_check(path.parent.name, value, document, taxonomy))
        problems.extend(wrong)
        if not wrong:
            found[path.parent.name, value.category] = value.steps
    return found, problems


def _check(domain: str, value: _StepFile, document: Document, taxonomy: Taxonomy) -> Iterator[Problem]:
    try:
        taxonomy.category(domain, value.category)
    except KeyError:
        yield document.problem(("category",), f"unknown category '{value.category}' of {domain}", "correct it")
    for name, parts in value.steps.items():
        strategy = taxonomy.strategies.get(name)
        if strategy is None:
            do = f"use one of {', '.join(sorted(taxonomy.strategies))}"
            yield document.problem(("steps", name), f"unknown strategy '{name}'", do)
            continue
        known = {component.id: component for component in strategy.components}
        for key, lines in parts.items():
            if key not in known:
                do = f"use one of {', '.join(known)}"
                yield document.problem(("steps", name, key), f"{name} has no component '{key}'", do)
                continue
            for index, line in enumerate(lines):
                where = ("steps", name, key, index)
                if wrong := unshown(line, strategy, known[key]):
                    yield document.problem(where, *wrong)
                if any(char in "{}[]" or char.isdigit() for char in line.say):
                    do = "write the line out: it has no slots, and numbers come from resources.yaml only"
                    yield document.problem(where, "holds a digit, a brace or a bracket", do)
