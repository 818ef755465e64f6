"""What a release says of its review: the answers as a table, and the facts for the card."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from corpusgen.acceptance import Verdict, judge_review
from corpusgen.recipe import load_recipe
from corpusgen.reviews import Look, Person, ReviewFolder, read_decisions, sha256
from corpusgen.run import Run, read_rows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LookFacts", "State", "review_facts", "review_state", "reviews_table"]

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


def reviews_table(run: Run) -> pa.Table:
    """Returns the reviewers' and adjudicators' answers about pairs of the corpus, under pseudonyms and without times.

    One row an answer: ``pair_id`` is the pair as it was drawn, which an edit keeps and a drop takes out of the corpus;
    ``simulated`` says that a program answered in a person's place. Calibration items are left out. The table is empty
    where nothing was reviewed.

    Raises:
        RunError: A file of the review is damaged.
    """
    import pyarrow as pa

    folder = ReviewFolder(run.review)
    programs = {person.pseudonym for person in folder.people().values() if person.simulated}
    answers = (row for look in folder.looks() for row in _answers(look))
    rows = [{**row, "simulated": row["reviewer"] in programs} for row in answers]
    rows.sort(key=lambda row: (row["look"], row["pair_id"], row["reviewer"], row["question"], row["value"]))
    text = pa.string()
    columns = [("pair_id", text), ("look", pa.int32()), ("reviewer", text), ("question", text), ("value", text)]
    columns.append(("simulated", pa.bool_()))
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def _answers(look: Look) -> Iterator[dict[str, Any]]:
    for row in read_rows(look.responses_path, PULL):
        if row["kind"] == "sample" and row["question"] not in KEPT_BACK and row["value"] is not None:
            yield {name: row[name] for name in ("pair_id", "look", "reviewer", "question", "value")}
    for row in read_rows(look.adjudication_path, PULL):
        said = {"outcome": row["outcome"], "harmful": "yes" if row["harmful"] else "no"}
        about = {"pair_id": row["pair_id"], "look": row["look"], "reviewer": row["adjudicator"]}
        yield from ({**about, "question": question, "value": value} for question, value in said.items())


def review_facts(run: Run, verdict: Verdict, corpus: pa.Table) -> dict[str, Any]:
    """Returns what the card tells about the review.

    Args:
        run: The run.
        verdict: Whether its acceptance plan is met.
        corpus: The corpus.

    Returns:
        ``state`` is one of :data:`State`; the rest are figures for people. ``agreement`` is empty where it was not
        measured, and where answers have come since.

    Raises:
        RunError: A file of the review is damaged.
    """
    folder = ReviewFolder(run.review)
    people = _taking_part(run)
    looks = folder.looks()
    status = corpus.column("review_status").to_pylist()
    return {
        "state": _state(verdict, people),
        "verdict": verdict,
        "people": len(people),
        "simulated": sum(person.simulated for person in people),
        "who": _who(people),
        "looks": _looks(run, folder),
        "kept": status.count("kept"),
        "edited": status.count("edited"),
        "agreement": _agreement(looks[-1]) if looks else {},
    }


def review_state(run: Path) -> State:
    """Returns where the review of a finished run stands, as its card would put it.

    Raises:
        RunError: A file of the review is damaged.
        InvalidFile: The recipe cannot be used.
    """
    found = Run(run)
    plan = load_recipe(found.state()["recipe"]).review
    return _state(judge_review(ReviewFolder(found.review), found.corpus_path, plan), _taking_part(found))


def _state(verdict: Verdict, people: list[Person]) -> State:
    if not people:
        return "none"
    # also who took part in an earlier look alone: what they decided stands in the corpus
    if any(person.simulated for person in people):
        return "simulated"
    return "passed" if verdict.met else "partial"


def _taking_part(run: Run) -> list[Person]:
    """Returns everybody who answered something about a pair, in any look; one that people.json does not know too."""
    known = ReviewFolder(run.review).people()
    names = set(reviews_table(run).column("reviewer").to_pylist())
    return [known.get(name) or Person(name, _role(name), "", False) for name in sorted(names)]


def _role(pseudonym: str) -> str:
    return "adjudicator" if pseudonym.startswith("a-") else "reviewer"


def _who(people: list[Person]) -> list[tuple[str, int, list[tuple[str, int]]]]:
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
