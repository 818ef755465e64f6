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
from corpusgen.review.names import attempt_of, case_id, case_of, names_of
from corpusgen.review.opening import open_review
from corpusgen.review.opinions import page_of
from corpusgen.review.page import adjudication_settings, fields, guidelines
from corpusgen.review.portions import GRAVE, in_order
from corpusgen.review.pull import pull_looks
from corpusgen.run import Run
from corpusgen.taxonomy import Taxonomy

__all__ = ["Handed", "adjudicate", "opinions", "proposal"]


@dataclass(frozen=True)
class Handed:
    """What was handed to the adjudicators.

    Attributes:
        look: The look that is under way.
        new: Cases that were added.
        again: Of them, cases that came back: a gate turned the correction away, an opinion was not on the page, or
            adjudicators contradict each other.
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
    last = review.require_look()
    names = names_of(review, connection)
    if not names.adjudicators:
        do = f"corpusgen review users {review.run.root} --adjudicator NAME"
        raise UsageError("nobody adjudicates yet", where=review.run.root, do=do)
    client = connection.client()
    shelf = Shelf(client)
    new = again = waiting = 0
    url = None
    with review.alone():
        looks = review.folder.looks()
        datasets = {look: shelf.find(names.adjudication, names.cases(look.number)) for look in looks}
        before = {look: _answered(shelf, datasets[look]) for look in looks}
        pulled = pull_looks(review, shelf, names)
        for look in looks:
            cases = [item for item in judgements(review, look) if item.standing == "open"]
            dataset = datasets[look]
            if cases and (dataset is None or not dataset.ready):
                text = guidelines(review.recipe_path, review.recipe, review.taxonomy, "adjudication")
                settings = adjudication_settings(client, text)
                dataset = shelf.ensure(names.adjudication, names.cases(look.number), settings)
            added = _hand_out(shelf, dataset, cases, review.taxonomy, before[look]) if dataset else _Added(0, 0)
            new, again, waiting = new + added.new, again + added.again, waiting + len(cases)
            if dataset and (cases or url is None):
                url = f"{connection.page.rstrip('/')}/dataset/{dataset.id}/annotation-mode"
    notes = (*(f"refused: {item}" for item in pulled.refused), *pulled.warnings)
    return Handed(last.number, new, again, waiting, url, notes)


class _Added(NamedTuple):
    new: int
    again: int


class _Held(NamedTuple):
    """A case as the server has it."""

    attempt: int
    answered: bool
    opinions: str


def _hand_out(
    shelf: Shelf, dataset: Dataset, cases: Sequence[Judgement], taxonomy: Taxonomy, before: frozenset[str]
) -> _Added:
    held = _held(shelf.records(dataset, responses=True))
    question = shelf.question_ids(dataset)["correction"]
    items: list[dict[str, Any]] = []
    new = again = 0
    for case in _spread(cases):
        record = case.row.sample["record_id"]
        last = held.get(record)
        said = opinions(case)
        if last is not None and not last.answered and last.opinions == said:
            continue
        if last is not None and last.answered and _on_its_way(case, last.attempt, before):
            continue
        fresh = last is None or last.answered
        attempt = 1 if last is None else last.attempt + fresh
        new += fresh
        again += fresh and attempt > 1
        items.append(
            {
                "external_id": case_id(record, attempt),
                "fields": {**fields(case.row.sample, taxonomy), "opinions": said},
                "suggestions": [{"question_id": question, "value": proposal(case)}],
            }
        )
    if items:
        shelf.put(dataset, items)
    return _Added(new, again)


def _on_its_way(case: Judgement, attempt: int, before: frozenset[str]) -> bool:
    """Returns whether a case was answered during this very command, so that the next pull brings the word."""
    answered = case_id(case.row.sample["record_id"], attempt)
    return answered not in before and all(word.attempt != attempt for word in case.row.words)


def _spread(cases: Sequence[Judgement]) -> list[Judgement]:
    """Returns cases in an order of chance that spreads the grave ones."""
    ranked = sorted(cases, key=lambda case: stable_hash("case", case.row.sample["record_id"]))
    return [ranked[index] for index in in_order([case.row.sample["severity"] in GRAVE for case in ranked])]


def _answered(shelf: Shelf, dataset: Dataset | None) -> frozenset[str]:
    """Returns the ids of the cases that an adjudicator has answered."""
    if dataset is None or not dataset.ready:
        return frozenset()
    records = shelf.records(dataset, responses=True)
    return frozenset(record["external_id"] for record in records if _has_word(record))


def _has_word(record: Mapping[str, Any]) -> bool:
    return any(item["status"] == "submitted" for item in record["responses"] or ())


def _held(records: Iterable[Mapping[str, Any]]) -> dict[str, _Held]:
    """Returns the last form in which each case was handed out."""
    found: dict[str, _Held] = {}
    for record in records:
        name, attempt = case_of(record["external_id"]), attempt_of(record["external_id"])
        if name not in found or found[name].attempt < attempt:
            found[name] = _Held(attempt, _has_word(record), record["fields"].get("opinions", ""))
    return found


def opinions(case: Judgement) -> str:
    """Returns what the reviewers said about a pair, in the words of the page; reviewers are letters, in no order."""
    row = case.row
    head = ["To settle: " + "; ".join(row.reasons) + "."] if row.reasons else []
    if case.again:
        head.append(f"This comes back: {case.again}.")
    return page_of(head, _shuffled(case), row.answers, row.withdrawn)


def _shuffled(case: Judgement) -> list[str]:
    # another order in each case, so that nobody can be followed through them
    people = case.row.answers.keys() | case.row.withdrawn.keys()
    return sorted(people, key=lambda who: stable_hash(case.row.sample["record_id"], who))


def proposal(case: Judgement) -> str:
    """Returns what the box for the corrected answer begins with: a rejected one, a reviewer's, or the answer itself."""
    word = case.row.word
    if word is not None and word.response:
        return word.response
    for who in _shuffled(case):
        for text in case.row.answers.get(who, {}).get("correction", ()):
            if text.strip():
                return text
    return str(case.row.sample["response"])
