"""The page that a reviewer reads: its fields, its questions and its guidelines, as settings of an Argilla dataset.

Text of records is hostile. Every field is plain text: no Markdown, no HTML, no custom field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusgen.authors.system_prompt import WRITERS
from corpusgen.bundled import root
from corpusgen.errors import InvalidFile, Problem
from corpusgen.recipe import Recipe, resolve
from corpusgen.review.questions import ADJUDICATION, QUESTIONS, Question
from corpusgen.schema import UNKNOWN_COUNTRY, Role
from corpusgen.taxonomy import Taxonomy

if TYPE_CHECKING:
    import argilla

__all__ = ["adjudication_settings", "fields", "guidelines", "page_settings", "support"]

FIELDS = {
    "note": "Content note",
    "message": "The message",
    "answer": "The answer",
    "meant": "What the answer was meant to do",
}
OPINIONS = {"opinions": "What the reviewers said"}
NOTHING_MORE = "Nothing more than to answer the question."
LONGEST_GUIDELINES = 10_000
"""Characters of a dataset's guidelines that Argilla 2.8 takes."""


def fields(row: Mapping[str, Any], taxonomy: Taxonomy) -> dict[str, str]:
    """Returns the fields of a record, from a row of the sample.

    The note says which risk it is about, who writes and from where, and holds no label that a question asks for; the
    category is left out, since it would tell a harmless question what it shadows.
    """
    return {
        "note": _note(row, taxonomy),
        "message": row["prompt"],
        "answer": row["response"],
        "meant": _meant(row["strategies"], taxonomy),
    }


def _note(row: Mapping[str, Any], taxonomy: Taxonomy) -> str:
    where = "country unknown" if row["country"] == UNKNOWN_COUNTRY else _country(row["country"], taxonomy)
    # "near the edge", as the words for models have it, would tell a harmless question from another
    who = "somebody who asks" if row["role"] == Role.CURIOUS else WRITERS[row["role"]]
    return f"{_subject(row['domain'], taxonomy)}. From {who}; {where}."


def _country(code: str, taxonomy: Taxonomy) -> str:
    """Returns a country's name as it stands alone: "United States", where a sentence has "the United States"."""
    return taxonomy.registry.country_name(code).removeprefix("the ")


def _subject(domain: str, taxonomy: Taxonomy) -> str:
    known = taxonomy.domains.get(domain)
    return known.name if known else domain.replace("_", " ").capitalize()


def _meant(strategies: Sequence[str], taxonomy: Taxonomy) -> str:
    told = []
    for name in strategies:
        strategy = taxonomy.strategies.get(name)
        told.append(f"{strategy.name}. {strategy.plain}" if strategy else name.replace("_", " "))
    return "\n\n".join(told) or NOTHING_MORE


def support(recipe: Recipe, taxonomy: Taxonomy) -> str:
    """Returns where a reviewer finds somebody to talk to, as a Markdown list: verified crisis lines alone.

    One line a country that the recipe writes for, and the directory for everywhere else.
    """
    registry = taxonomy.registry
    lines = []
    for code, weight in recipe.weights.country.items():
        serving = [
            entry
            for entry in registry.candidates(code, "suicide_crisis", Role.SELF_AT_RISK)
            if entry.channels and entry.serves(())
        ]
        if weight > 0 and serving:
            name = serving[0].name.removeprefix("the ")
            lines.append(f"- {_country(code, taxonomy)}: {name[0].upper() + name[1:]}, {serving[0].contact}")
    if registry.directory.status == "verified":
        lines.append(f"- Anywhere: {registry.directory.name}, {registry.directory.value}")
    return "\n".join(lines)


def guidelines(path: Path, recipe: Recipe, taxonomy: Taxonomy, name: str = "guidelines") -> str:
    """Returns annotation/NAME.md of a recipe's project, or the bundled one, with its slot for support filled.

    Args:
        path: Where the recipe lies.
        recipe: The recipe, for its countries.
        taxonomy: The taxonomy, for its registry.
        name: Which of the files.

    Raises:
        InvalidFile: There is no such file, or it is longer than Argilla takes.
    """
    found = resolve(path, f"annotation/{name}.md")
    if not found.is_file():
        found = root() / "annotation" / f"{name}.md"
    try:
        text = found.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        do = "run `corpusgen init` in an empty folder, and take the file from there"
        raise InvalidFile([Problem(str(found), 0, f"cannot be read: {error}", do)]) from error
    filled = text.replace("{support}", support(recipe, taxonomy)).strip()
    _require_short(filled, found)
    return filled


def _require_short(text: str, path: Path) -> None:
    if len(text) > LONGEST_GUIDELINES:
        over = len(text) - LONGEST_GUIDELINES
        what = f"comes to {len(text):,} characters with its helplines, and Argilla takes {LONGEST_GUIDELINES:,}"
        raise InvalidFile([Problem(str(path), 0, what, f"shorten it by {over:,}")])


def page_settings(client: argilla.Argilla, text: str) -> argilla.Settings:
    """Returns the settings of a portion's dataset; ``text`` is its guidelines."""
    return _settings(client, text, FIELDS, QUESTIONS)


def adjudication_settings(client: argilla.Argilla, text: str) -> argilla.Settings:
    """Returns the settings of the dataset where disagreements are settled; ``text`` is its guidelines."""
    return _settings(client, text, {**FIELDS, **OPINIONS}, ADJUDICATION)


def _settings(
    client: argilla.Argilla, text: str, shown: Mapping[str, str], asked: Sequence[Question]
) -> argilla.Settings:
    import argilla

    return argilla.Settings(
        guidelines=text,
        fields=[
            argilla.TextField(name=name, title=title, use_markdown=False, client=client)
            for name, title in shown.items()
        ],
        questions=[_asked(client, question) for question in asked],
        allow_extra_metadata=False,
        distribution=argilla.TaskDistribution(min_submitted=1),
    )


def _asked(client: argilla.Argilla, question: Question) -> Any:
    import argilla

    common: dict[str, Any] = {
        "name": question.name,
        "title": question.title,
        "description": question.description or None,
        "required": question.required,
        "client": client,
    }
    match question.kind:
        case "label":
            return argilla.LabelQuestion(labels=dict(question.options), **common)
        case "labels":
            return argilla.MultiLabelQuestion(labels=dict(question.options), **common)
        case "rating":
            return argilla.RatingQuestion(values=[int(value) for value in question.values], **common)
        case _:
            return argilla.TextQuestion(use_markdown=False, **common)
