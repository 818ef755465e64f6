"""What a release says of its review: the answers as a table, and the facts for the card."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from corpusgen.acceptance import Verdict
from corpusgen.reviews import Look, Person, ReviewFolder, read_decisions, sha256
from corpusgen.run import Run, read_rows
from corpusgen.standing import Row, judged_rows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LookFacts", "Reading", "State", "read_review", "review_facts", "reviews_schema"]

KEPT_BACK = frozenset({"comment", "correction", "rather_not"})
"""Questions whose answers are not published: free text may name somebody, and what one would rather not see is private.
A correction that an adjudicator accepted stands in the corpus itself."""

PULL = "corpusgen review pull"

State = Literal["none", "partial", "simulated", "passed"]
"""Nobody answered; people answered and the plan is not met; programs answered in people's place; the plan is met."""


class LookFacts(NamedTuple):
    """One look, for the card.

    Attributes:
        number: From 1.
        drawn: Pairs of its sample.
        harmful: Of them, those that were settled as harmful, as drawn.
        kept: Pairs that stayed as they were.
        edited: Pairs with a corrected response.
        dropped: Pairs that went, and another in their place.
    """

    number: int
    drawn: int
    harmful: int
    kept: int
    edited: int
    dropped: int


class Reading(NamedTuple):
    """What people, or programs in their place, said about a run's pairs.

    Attributes:
        state: How far the review is.
        people: Everybody whose answers or decisions count, in any look; one that people.json does not know, too.
        answers: The ``reviews`` configuration; empty where nothing was reviewed.
    """

    state: State
    people: tuple[Person, ...]
    answers: pa.Table


def read_review(run: Run, verdict: Verdict) -> Reading:
    """Reads the answers and words that count, about pairs of the corpus and what took a dropped one's place.

    Calibration items, drafts, and words that later ones replaced are left out. A person is a pseudonym, and there are
    no times. ``pair_id`` is the pair as it was drawn, which an edit keeps and a drop takes out of the corpus;
    ``simulated`` says that a program answered in a person's place.

    Args:
        run: The run.
        verdict: Whether its acceptance plan is met.

    Raises:
        RunError: A file of the review is damaged.
    """
    import pyarrow as pa

    folder = ReviewFolder(run.review)
    known = folder.people()
    judged = [(look.number, row) for look in folder.looks() for row in judged_rows(look)]
    names = {
        name for item in read_decisions(folder.decisions_path) for name in (*item.reviewers, item.adjudicator) if name
    }
    names |= {name for _, row in judged for name in (*row.answers, *row.withdrawn)}
    names |= {word.adjudicator for _, row in judged for word in row.words}
    people = tuple(known.get(name) or Person(name, _role(name), "", False) for name in sorted(names))
    programs = {person.pseudonym for person in people if person.simulated}
    rows = [
        {"pair_id": row.pair_id, "look": number, "reviewer": who, "question": question, "value": value}
        for number, row in judged
        for who, question, value in _said(row)
    ]
    rows = [{**row, "simulated": row["reviewer"] in programs} for row in rows]
    rows.sort(key=lambda row: (row["look"], row["pair_id"], row["reviewer"], row["question"], row["value"]))
    return Reading(_state(verdict, people), people, pa.Table.from_pylist(rows, schema=reviews_schema()))


def reviews_schema() -> pa.Schema:
    """The ``reviews`` configuration: one row an answer."""
    import pyarrow as pa

    text = pa.string()
    columns = [("pair_id", text), ("look", pa.int32()), ("reviewer", text), ("question", text), ("value", text)]
    return pa.schema([*columns, ("simulated", pa.bool_())])


def _said(row: Row) -> Iterator[tuple[str, str, str]]:
    """Yields who said what: questions and values, or outcomes."""
    for who, given in row.answers.items():
        for question, values in given.items():
            yield from ((who, question, value) for value in values if question not in KEPT_BACK)
    for word in row.words:
        yield word.adjudicator, "outcome", word.outcome
        yield word.adjudicator, "harmful", "yes" if word.harmful else "no"


def review_facts(run: Run, verdict: Verdict, reading: Reading) -> dict[str, Any]:
    """Returns what release.json and the card tell about the review.

    Args:
        run: The run.
        verdict: Whether its acceptance plan is met.
        reading: Who said what.

    Returns:
        ``state`` is one of :data:`State`; the rest are figures for people. ``agreement`` is empty where it was not
        measured, and where answers have come since.

    Raises:
        RunError: A file of the review is damaged.
    """
    folder = ReviewFolder(run.review)
    looks = folder.looks()
    return {
        "state": reading.state,
        "verdict": verdict._asdict(),
        "people": len(reading.people),
        "simulated": sum(person.simulated for person in reading.people),
        "who": _who(reading.people),
        "looks": [facts._asdict() for facts in _looks(run, folder)],
        "agreement": _agreement(looks[-1]) if looks else {},
    }


def _state(verdict: Verdict, people: Sequence[Person]) -> State:
    if not people:
        return "none"
    # also who took part in an earlier look alone: what they decided stands in the corpus
    if any(person.simulated for person in people):
        return "simulated"
    return "passed" if verdict.met else "partial"


def _role(pseudonym: str) -> str:
    return "adjudicator" if pseudonym.startswith("a-") else "reviewer"


def _who(people: Sequence[Person]) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """Returns each role with the number of people in it, and their professions, as far as they gave one."""
    found = []
    for role in ("reviewer", "adjudicator"):
        own = [person for person in people if person.role == role]
        professions = Counter(person.profession for person in own if person.profession)
        found.append((role, len(own), sorted(professions.items())))
    return found


def _looks(run: Run, folder: ReviewFolder) -> list[LookFacts]:
    decisions = read_decisions(folder.decisions_path)
    done = Counter((row["look"], row["outcome"]) for row in read_rows(run.lineage_path))
    found = []
    for look in folder.looks():
        drawn = sum(row["kind"] == "sample" for row in read_rows(look.sample_path, PULL))
        harmful = sum(decision.harmful for decision in decisions if decision.look == look.number)
        outcomes = (done[look.number, outcome] for outcome in ("kept", "edited", "dropped"))
        found.append(LookFacts(look.number, drawn, harmful, *outcomes))
    return found


def _agreement(look: Look) -> dict[str, Any]:
    """Returns agreement.json; nothing where it was measured on other answers than there are now."""
    if not look.agreement_path.is_file():
        return {}
    found: dict[str, Any] = json.loads(look.agreement_path.read_text(encoding="utf-8"))
    return found if found.get("responses_sha256") == sha256(look.responses_path) else {}
