"""A language model answers the reviewers' questions, so that it can be set beside the people: see `agreement`.

It sees what they see and nothing else. It settles nothing: no verdict, no decision and no figure of the people's own
agreement rests on it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from corpusgen.authors.grounding import Unparsable, first_object, load_template
from corpusgen.endpoints.wire import send
from corpusgen.errors import UsageError
from corpusgen.progress import Progress, Silent
from corpusgen.review.agreement.measure import JUDGE
from corpusgen.review.opening import Review, open_review, read_rows
from corpusgen.review.page import fields
from corpusgen.review.questions import QUESTIONS, Question
from corpusgen.review_tables import responses_schema
from corpusgen.reviews import Look
from corpusgen.run import Run, write_table
from corpusgen.taxonomy import Taxonomy

__all__ = ["Judged", "judge_look", "question_text"]

TEMPLATE = "review"
MAX_TOKENS = 300
TRIES = 3
"""How many times a model is asked whose output holds no answer, each time as a new request."""

_RATING = re.compile(r"([1-5])(?:\.0)?(?: ?/ ?5)?")
_NOTHING = frozenset({"", "none", "no", "n/a"})
"""How models say that none of several options holds."""

ASKED: tuple[Question, ...] = tuple(item for item in QUESTIONS if item.kind != "text" and item.name != "rather_not")


class Judged(NamedTuple):
    """What became of the questions.

    Attributes:
        model: The model.
        records: Records that it answered.
        unread: Record ids whose answers could not be had, with the reason; they are left out.
        path: Where the answers lie.
    """

    model: str
    records: int
    unread: dict[str, str]
    path: Path


def judge_look(
    run: str | Run, *, model: str | None = None, base_url: str | None = None, progress: Progress | None = None
) -> Judged:
    """Has a language model answer the reviewers' questions about every record of the look that is under way.

    Every answer is kept in the run's journal and counts towards the recipe's budget; nothing is paid twice.

    Args:
        run: The run.
        model: The model; by default the judge of the recipe as it is now.
        base_url: Its endpoint; the recipe's by default. Its key comes from JUDGE_API_KEY, or OPENAI_API_KEY where the
            recipe names no other endpoint for its judge.
        progress: Where to say how the requests stand.

    Raises:
        UsageError: Neither the recipe nor the call names a model and an endpoint, or there is a budget and no price.
        AuthorError: The endpoint gives no answers.
        Unmet: The budget is reached; the same call goes on when it is raised.
        RunError: No sample was drawn yet, or a table of the review is damaged.
        ReviewError: Another command is at work on the review when the answers are written down.
        StorageError: The answers cannot be written.
    """

    review = open_review(run)
    look = review.require_look()
    author = review.recipe.author
    name = model or author.judge.model or author.model
    endpoint = base_url or author.judge.endpoint or author.endpoint
    if not name or not endpoint:
        what = "names no model to judge, or no endpoint to find it at"
        raise UsageError(what, where=review.run.root, do="give --judge MODEL --base-url URL")
    if author.budget_usd is not None and name not in author.prices:
        do = f"add {name} under 'prices' of the recipe's author, in US dollars a million tokens"
        raise UsageError(f"a budget wants a price for '{name}'", where=review.recipe_path, do=do)
    sample = read_rows(look.sample_path)
    said, unread = _ask(review, sample, name, endpoint, progress or Silent())
    with review.alone():
        _keep(look, sample, f"{JUDGE}{name}", said)
    return Judged(name, len(said), unread, look.judge_path)


def question_text(row: Mapping[str, Any], taxonomy: Taxonomy) -> str:
    """Returns what the model is asked about a record: the fields of the page, and the questions.

    Text of records is hostile: none of it can end the tags that it stands between.

    Args:
        row: A row of the sample; its labels are not shown.
        taxonomy: The taxonomy.
    """
    shown = {name: text.replace("<", "&lt;") for name, text in fields(row, taxonomy).items()}
    return load_template(TEMPLATE).template.render(**shown, questions=ASKED).strip()


def _keep(
    look: Look, sample: Sequence[Mapping[str, Any]], reviewer: str, said: Mapping[str, Mapping[str, Sequence[str]]]
) -> None:
    """Writes a model's answers down in the place of its earlier ones; those of other models stay."""
    import pyarrow as pa

    rows = [
        {
            **{column: row[column] for column in ("record_id", "pair_id", "kind", "content_hash")},
            "look": look.number,
            "reviewer": reviewer,
            "portion": 0,
            "question": question,
            "value": value,
            "status": "submitted",
        }
        for row in sample
        for question, values in said.get(row["record_id"], {}).items()
        for value in values
    ]
    others = [row for row in read_rows(look.judge_path) if row["reviewer"] != reviewer]
    write_table(pa.Table.from_pylist([*others, *rows], schema=responses_schema()), look.judge_path)


def _ask(
    review: Review, sample: Sequence[Mapping[str, Any]], model: str, endpoint: str, progress: Progress
) -> tuple[dict[str, dict[str, tuple[str, ...]]], dict[str, str]]:
    """Returns the answers by record id and question, and why those are missing that are."""
    from corpusgen.pipeline.writers import open_judge

    author = review.recipe.author
    parameters = {"temperature": 0.0, **author.task_parameters("judge")}
    if "max_completion_tokens" not in parameters:
        parameters.setdefault("max_tokens", MAX_TOKENS)
    requests = {}
    for row in sample:
        text = question_text(row, review.taxonomy)
        requests[row["record_id"]] = {
            "version": load_template(TEMPLATE).version,
            "messages": [{"role": "user", "content": text}],
            "parameters": parameters,
            "schema": answer_schema(),
        }
    answers: dict[str, dict[str, tuple[str, ...]]] = {}
    missing: dict[str, str] = {}
    failed: set[str] = set()
    with open_judge(author, review.run.journal_path, progress, endpoint, model) as gateway:
        for again in range(TRIES):
            left = [name for name in requests if name not in answers and name not in failed]
            wanted = [{"id": name, "row": f"{name} {again}", **requests[name]} for name in left]
            for said in send(gateway.address, gateway.port, gateway.token, "judge", wanted):
                if "text" not in said:
                    missing[said["id"]] = f"{said['failure']}: {said['words']}"
                    failed.add(said["id"])
                    continue
                try:
                    answers[said["id"]] = read_answer(said["text"])
                    missing.pop(said["id"], None)
                except Unparsable as error:
                    missing[said["id"]] = error.what
            if gateway.stopped is not None:
                raise gateway.stopped
    return answers, missing


def answer_schema() -> dict[str, Any]:
    """Returns the JSON schema of an answer."""
    kinds: dict[str, Any] = {}
    for question in ASKED:
        if question.kind == "rating":
            kinds[question.name] = {"type": "integer", "minimum": 1, "maximum": 5}
        elif question.kind == "labels":
            kinds[question.name] = {"type": "array", "items": {"type": "string", "enum": list(question.values)}}
        else:
            kinds[question.name] = {"type": "string", "enum": list(question.values)}
    return {"type": "object", "properties": kinds, "required": list(kinds), "additionalProperties": False}


def read_answer(output: str) -> dict[str, tuple[str, ...]]:
    """Returns the values by question in a model's output, whether it gave values or the page's words for them.

    Raises:
        Unparsable: A required question has no answer, or one that is no option.
    """
    found = first_object(output)
    values: dict[str, tuple[str, ...]] = {}
    for question in ASKED:
        given = found.get(question.name)
        listed = given if isinstance(given, list) else [] if given is None else [given]
        if question.kind == "labels":
            listed = [item for item in listed if str(item).strip().lower() not in _NOTHING]
        chosen = tuple(dict.fromkeys(_value(question, item) for item in listed))
        if question.kind != "labels" and len(chosen) != 1:
            raise Unparsable(f"no single answer to '{question.name}': {json.dumps(given)[:80]}")
        if chosen:
            values[question.name] = chosen
    return values


def _value(question: Question, given: object) -> str:
    said = str(given).strip().lower()
    if question.kind == "rating" and (rating := _RATING.fullmatch(said)):
        return rating.group(1)
    for value, words in question.options:
        if said in {value.lower(), words.lower()}:
            return value
    raise Unparsable(f"'{str(given)[:60]}' is no option of '{question.name}'")
