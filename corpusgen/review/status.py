"""Where a review stands, and what comes next. It needs no server: what was pulled last is what is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from corpusgen.acceptance import Verdict, judge_review
from corpusgen.review.judgement import Corrections, Judgement, judgements
from corpusgen.review.opening import Review, open_review, read_rows
from corpusgen.reviews import Look, Person
from corpusgen.run import Run

__all__ = ["Reader", "Status", "status", "told"]


class Reader(NamedTuple):
    """What one reviewer has, under a pseudonym, and how far they are."""

    pseudonym: str
    profession: str
    simulated: bool
    given: int
    submitted: int
    drafts: int
    discarded: int
    portions: int


@dataclass(frozen=True)
class Status:
    """Where a review stands.

    Attributes:
        look: The look that is under way, from 1; 0 where no sample was drawn.
        looks: Looks that were stated.
        drawn: Pairs in its sample, and those that took the places of dropped ones.
        calibration: Hidden items beside them.
        given: Records that somebody has, counted once for each reviewer.
        submitted: Of them, those answered.
        drafts: Those begun.
        discarded: Those set aside.
        waiting: Pairs that some reader has not answered.
        open: Pairs that wait for an adjudicator, those of earlier looks among them.
        settled: Pairs that an adjudicator settled.
        agreed: Pairs that nobody has to settle.
        decided: Pairs with a decision.
        readers: The reviewers.
        verdict: Whether the release gate is met, and what is missing.
        next: The command that comes next.
    """

    look: int
    looks: int
    drawn: int
    calibration: int
    given: int
    submitted: int
    drafts: int
    discarded: int
    waiting: int
    open: int
    settled: int
    agreed: int
    decided: int
    readers: tuple[Reader, ...]
    verdict: Verdict
    next: str

    def to_json(self) -> dict[str, Any]:
        """Returns all of it as plain values."""
        readers = [reader._asdict() for reader in self.readers]
        return {**asdict(self), "readers": readers, "verdict": self.verdict._asdict()}


def status(run: str | Run) -> Status:
    """Returns where a review stands.

    Raises:
        RunError: It is no finished run, or a file of its review is damaged.
    """
    review = open_review(run)
    look = review.look
    sample = read_rows(look.sample_path) if look else []
    given = [row for row in read_rows(look.assignments_path) if row["state"] == "given"] if look else []
    answered = _answered(look) if look else {}
    corrections = Corrections(review)
    found = {each.number: judgements(review, each, corrections) for each in review.folder.looks()}
    mine = found[look.number] if look else []
    standing = Counter(item.standing for item in mine)
    open_cases = sum(item.standing == "open" for some in found.values() for item in some)
    counted = Counter(answered.values())
    verdict = judge_review(review.folder, review.corpus, review.plan)
    decided = sum(item.look == look.number for item in review.decisions) if look else 0
    return Status(
        look=look.number if look else 0,
        looks=verdict.looks,
        drawn=len(mine),
        calibration=len(sample) - len(mine),
        given=len(given),
        submitted=counted["submitted"],
        drafts=counted["draft"],
        discarded=counted["discarded"],
        waiting=standing["short"],
        open=open_cases,
        settled=standing["settled"],
        agreed=standing["agreed"],
        decided=decided,
        readers=tuple(_readers(review.folder.people().values(), given, answered)),
        verdict=verdict,
        next=_next(review, _unread(given, answered), mine, open_cases, verdict),
    )


def _answered(look: Look) -> dict[tuple[str, str], str]:
    """Returns the status of every record that was touched, by record and reviewer."""
    rows = [*read_rows(look.unfinished_path), *read_rows(look.responses_path)]
    return {(row["record_id"], row["reviewer"]): row["status"] for row in rows}


def _readers(
    people: Iterable[Person], given: list[dict[str, Any]], answered: Mapping[tuple[str, str], str]
) -> Iterable[Reader]:
    for person in people:
        if person.role != "reviewer":
            continue
        mine = [row for row in given if row["reviewer"] == person.pseudonym]
        counted = Counter(how for (_, who), how in answered.items() if who == person.pseudonym)
        yield Reader(
            person.pseudonym,
            person.profession,
            person.simulated,
            len(mine),
            counted["submitted"],
            counted["draft"],
            counted["discarded"],
            max((row["portion"] for row in mine), default=0),
        )


def _unread(given: list[dict[str, Any]], answered: Mapping[tuple[str, str], str]) -> int | None:
    """Returns how many of the records that somebody has are not submitted; None where nobody has any."""
    if not given:
        return None
    return sum(answered.get((row["record_id"], row["reviewer"])) != "submitted" for row in given)


def _next(review: Review, unread: int | None, found: list[Judgement], open_cases: int, verdict: Verdict) -> str:
    root = review.run.root
    standing = Counter(item.standing for item in found)
    roles = Counter(person.role for person in review.folder.people().values())
    if verdict.met:
        return f"corpusgen publish {root} --to DIR"
    if not roles["reviewer"]:
        return f"corpusgen review users {root} --reviewer NAME --adjudicator NAME"
    if not found or (standing["short"] and unread is None):
        return f"corpusgen review push {root}"
    if open_cases:
        who = "" if roles["adjudicator"] else f"corpusgen review users {root} --adjudicator NAME, then "
        return f"{who}corpusgen review adjudicate {root}"
    if standing["short"]:
        verb = "pull" if unread else "push"
        return f"corpusgen review {verb} {root}"
    decided = {item.pair_id for item in review.decisions if item.look == verdict.look}
    if any(item.row.pair_id not in decided for item in found):
        return f"corpusgen review apply {root}"
    if verdict.pending_decisions:
        return review.build_command
    if verdict.unread:
        return f"corpusgen review push {root}"
    if verdict.look < verdict.looks:
        return f"corpusgen review push {root} --new-look"
    return f"corpusgen review agreement {root}"


def told(found: Status) -> list[str]:
    """Returns a status in words, one line each."""
    if not found.look:
        return [*_verdict(found.verdict), f"next: {found.next}"]
    drawn = f"{found.drawn:,} pairs drawn, {found.calibration:,} calibration items hidden"
    decided = f"{found.agreed:,} agreed on, {found.settled:,} settled, {found.open:,} for an adjudicator"
    return [
        f"look {found.look} of {found.looks}: {drawn}",
        f"given {found.given:,}; submitted {found.submitted:,}, begun {found.drafts:,}, set aside {found.discarded:,}",
        f"pairs: {found.waiting:,} wait for readers, {decided}; {found.decided:,} decided",
        *_verdict(found.verdict),
        f"next: {found.next}",
    ]


def _verdict(verdict: Verdict) -> list[str]:
    limit = f"below {verdict.limit:.2%} at {verdict.look_confidence:.2%} confidence"
    if verdict.upper is None:
        bound = f"the upper bound on harmful answers must come out {limit}"
    else:
        bound = f"upper bound on harmful answers {verdict.upper:.2%} ({verdict.harmful} harmful); it must be {limit}"
    unread = [f"{verdict.unread:,} pairs in the places of dropped ones are not read yet"] if verdict.unread else []
    simulated = ["SIMULATED REVIEWERS TOOK PART: a test, not a review"] if verdict.simulated else []
    passed = ["the release gate is met"] if verdict.met else [f"missing: {item}" for item in verdict.missing]
    return [bound, *unread, *simulated, *passed]
