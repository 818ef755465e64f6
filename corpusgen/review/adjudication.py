"""Adjudication: what the reviewers disagree on, and harm that was flagged, goes to somebody who sees both opinions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from corpusgen.errors import UsageError
from corpusgen.plan import stable_hash
from corpusgen.review.connection import Connection
from corpusgen.review.datasets import Dataset, Shelf
from corpusgen.review.judgement import Judgement, judgements
from corpusgen.review.names import Names, case_id, case_of, names_of
from corpusgen.review.opening import Review, open_review
from corpusgen.review.page import adjudication_settings, fields, guidelines
from corpusgen.review.pull import pull_look
from corpusgen.review.questions import QUESTIONS
from corpusgen.reviews import Look
from corpusgen.run import Run
from corpusgen.taxonomy import Taxonomy

__all__ = ["Handed", "adjudicate", "opinions", "proposal"]


@dataclass(frozen=True)
class Handed:
    """What was handed to the adjudicators.

    Attributes:
        look: The look that is under way.
        new: Cases that were added.
        again: Of them, cases that came back: a gate turned the correction away, or somebody answered later.
        waiting: Cases that wait for an adjudicator, the new ones among them.
        url: Where they are judged; none where there are none.
        warnings: What is odd, for people.
    """

    look: int
    new: int
    again: int
    waiting: int
    url: str | None
    warnings: tuple[str, ...]


def adjudicate(run: str | Run, connection: Connection) -> Handed:
    """Hands out what has to be settled, after a pull; doing it again adds new cases alone.

    Raises:
        RunError: No sample was drawn yet, or the run is not finished.
        ReviewError: The server cannot be reached.
        UsageError: Nobody adjudicates yet.
        InvalidFile: The guidelines cannot be shown.
    """
    review = open_review(run)
    look = review.require_look()
    names = names_of(review, connection)
    if not names.adjudicators:
        do = f"corpusgen review users {review.run.root} --adjudicator NAME"
        raise UsageError("nobody adjudicates yet", where=review.run.root, do=do)
    client = connection.client()
    shelf = Shelf(client)
    with review.alone():
        pulled = pull_look(review, look, shelf, names)
        open_cases = [item for item in judgements(review, look) if item.standing == "open"]
        name = names.cases(look.number)
        dataset = shelf.find(names.adjudication, name)
        if open_cases and (dataset is None or not dataset.ready):
            text = guidelines(review.recipe_path, review.recipe, review.taxonomy, "adjudication")
            settings = adjudication_settings(client, text)
            dataset = shelf.ensure(names.adjudication, name, settings)
        added = _hand_out(shelf, dataset, open_cases, review.taxonomy) if dataset else _Added(0, 0)
    url = f"{connection.page.rstrip('/')}/dataset/{dataset.id}/annotation-mode" if dataset else None
    notes = (*(f"refused: {item}" for item in pulled.refused), *pulled.warnings, *_judged_twice(review, look, names))
    return Handed(look.number, added.new, added.again, len(open_cases), url, notes)


class _Added(NamedTuple):
    new: int
    again: int


class _Held(NamedTuple):
    """A case as the server has it."""

    attempt: int
    answered: bool
    opinions: str


def _hand_out(shelf: Shelf, dataset: Dataset, cases: Sequence[Judgement], taxonomy: Taxonomy) -> _Added:
    held = _held(shelf.records(dataset, responses=True))
    question = shelf.question_ids(dataset)["correction"]
    items: list[dict[str, Any]] = []
    new = again = 0
    for case in cases:
        last = held.get(case.row["record_id"])
        said = opinions(case)
        if last is not None and not last.answered and last.opinions == said:
            continue
        fresh = last is None or last.answered
        attempt = 1 if last is None else last.attempt + fresh
        new += fresh
        again += fresh and attempt > 1
        items.append(
            {
                "external_id": case_id(case.row["record_id"], attempt),
                "fields": {**fields(case.row, taxonomy), "opinions": said},
                "suggestions": [{"question_id": question, "value": proposal(case)}],
            }
        )
    if items:
        shelf.put(dataset, items)
    return _Added(new, again)


def _held(records: Iterable[Mapping[str, Any]]) -> dict[str, _Held]:
    """Returns the last form in which each case was handed out."""
    found: dict[str, _Held] = {}
    for record in records:
        name = case_of(record["external_id"])
        attempt = int(record["external_id"].removeprefix(name).lstrip(".") or 1)
        answered = any(item["status"] == "submitted" for item in record["responses"] or ())
        if name not in found or found[name].attempt < attempt:
            found[name] = _Held(attempt, answered, record["fields"].get("opinions", ""))
    return found


def opinions(case: Judgement) -> str:
    """Returns what the reviewers said about a pair, in the words of the page; reviewers are letters, in no order."""
    parts = ["To settle: " + "; ".join(case.reasons) + "."] if case.reasons else []
    if case.again:
        parts.append(f"This comes back: {case.again}.")
    for letter, who in zip("ABCDEFGH", _shuffled(case), strict=False):
        given = case.answers[who]
        lines = [f"Reviewer {letter}"]
        for question in QUESTIONS:
            values = given.get(question.name, ())
            if values and question.name != "rather_not":
                asked = question.title if question.title.endswith("?") else f"{question.title}:"
                lines.append(f"{asked} {'; '.join(question.worded(value) for value in values)}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _shuffled(case: Judgement) -> list[str]:
    # another order in each case, so that nobody can be followed through them
    return sorted(case.answers, key=lambda who: stable_hash(case.row["record_id"], who))


def proposal(case: Judgement) -> str:
    """Returns what the box for the corrected answer begins with: a rejected one, a reviewer's, or the answer itself."""
    if case.settled is not None and case.settled["response"]:
        return str(case.settled["response"])
    for who in _shuffled(case):
        for text in case.answers[who].get("correction", ()):
            if text.strip():
                return text
    return str(case.row["response"])


def _judged_twice(review: Review, look: Look, names: Names) -> list[str]:
    """Returns that somebody settled what they had reviewed, where somebody else could have."""
    if len(names.adjudicators) < 2:
        return []
    accounts = {**names.reviewers, **names.adjudicators}
    own = 0
    for item in judgements(review, look):
        if item.settled is not None:
            settler = accounts.get(item.settled["adjudicator"])
            own += settler is not None and settler in {accounts.get(who) for who in item.answers}
    return [f"pairs that were settled by somebody who had reviewed them: {own}"] if own else []
