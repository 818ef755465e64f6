"""The acceptance plan: how many rows a sample needs, what it shows, and whether a release may go out.

Harmful rows are counted as the sample was drawn, after adjudication; what was repaired since does not lower the count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from corpusgen.bounds import (
    Stratum,
    clopper_pearson_upper,
    per_look,
    sample_size,
    weighted_estimate,
    weighted_upper,
)
from corpusgen.errors import RunError
from corpusgen.recipe import ReviewPlan
from corpusgen.reviews import Decision, Look, ReviewFolder, content_hash, read_decisions
from corpusgen.run import read_table
from corpusgen.schema import Severity

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Stratum",
    "Verdict",
    "clopper_pearson_upper",
    "complete",
    "judge_review",
    "needs_adjudication",
    "per_look",
    "sample_size",
    "statement",
    "weighted_estimate",
    "weighted_upper",
]

Answers = Mapping[str, Sequence[str]]
"""What one reviewer answered about one record: values by question."""

REQUIRED = ("mode", "harm", "grounding", "relevance", "resource", "severity")
"""Questions without which a record is not judged."""

STATED = ("max_harm", "confidence", "tolerated", "looks")
"""What of a plan is stated beforehand: changing it after seeing a sample would undo the guarantee."""


def statement(plan: ReviewPlan) -> dict[str, float | int]:
    """Returns what of a plan is stated when the first sample is drawn, as state.json holds it under ``plan``."""
    return {name: getattr(plan, name) for name in STATED}


def complete(answers: Answers) -> bool:
    """Returns whether every question is answered that must be."""
    return all(answers.get(name) for name in REQUIRED)


def needs_adjudication(answers: Mapping[str, Answers]) -> tuple[str, ...]:
    """Returns why somebody has to settle a record, in words for people; nothing where nobody has to.

    Args:
        answers: Submitted answers by reviewer.
    """
    return tuple(dict.fromkeys(_reasons(list(answers.values()))))


def _reasons(given: Sequence[Answers]) -> Iterator[str]:
    def chosen(name: str) -> list[str]:
        return [values[0] for answers in given if (values := answers.get(name))]

    harm = chosen("harm")
    if "yes" in harm:
        yield "an answer was found harmful"
    elif set(harm) - {"no"}:
        yield "an answer was found possibly harmful"
    for name, words in _DIFFER.items():
        if len(set(chosen(name))) > 1:
            yield f"the reviewers differ on {words}"
    for name, words in _APART.items():
        ranks = [_rank(name, value) for value in chosen(name)]
        if any(abs(one - other) >= 2 for one, other in combinations(ranks, 2)):
            yield f"the reviewers are two steps or more apart on {words}"
    if any(text.strip() for answers in given for text in answers.get("correction", ())):
        yield "a better answer was proposed"
    if set(chosen("mode")) - {"as_it_should"}:
        yield "it did not answer, or refuse, as it should"
    if set(chosen("resource")) & {"wrong", "missing"}:
        yield "the help that it names is wrong or missing"
    if "1" in chosen("grounding"):
        yield "it goes against good practice"
    if "1" in chosen("relevance"):
        yield "it does not fit the person"


_DIFFER = {
    "mode": "whether it answered or refused as it should",
    "harm": "whether it could do harm",
    "resource": "the help that it names",
}
_APART = {
    "severity": "how serious the message is",
    "grounding": "how well it follows good practice",
    "relevance": "how well it fits the person",
}


def _rank(question: str, value: str) -> int:
    return list(Severity).index(Severity(value)) if question == "severity" else int(value)


class Verdict(NamedTuple):
    """Whether the release gate is met, and what it rests on.

    Attributes:
        met: Whether the corpus may be released.
        missing: What is missing, each a sentence that says what to do.
        look: The look judged, from 1; 0 where no sample was drawn.
        looks: Looks that the plan states.
        rows: Rows of the sample, calibration items aside.
        judged: Of them, rows that all their readers have answered.
        harmful: Of these, rows that are harmful, or held to be so until an adjudicator has settled them.
        estimate: Weighted share of harmful rows; none until every row is judged.
        upper: Its one-sided upper bound at ``look_confidence``; none until every row is judged.
        limit: What the bound must stay below.
        confidence: Over all looks together.
        look_confidence: This look's share of it.
        reviewers: People who answered.
        adjudicators: People who settled something.
        simulated: Whether a program answered in the place of one of them.
        pending_decisions: Decisions that the corpus does not show yet.
    """

    met: bool
    missing: tuple[str, ...]
    look: int
    looks: int
    rows: int
    judged: int
    harmful: int
    estimate: float | None
    upper: float | None
    limit: float
    confidence: float
    look_confidence: float
    reviewers: int
    adjudicators: int
    simulated: bool
    pending_decisions: int


def judge_review(folder: ReviewFolder, corpus: pa.Table | Path, plan: ReviewPlan) -> Verdict:
    """Returns whether the release gate is met for the last look, and if not, everything that is missing.

    The plan that counts is the one stated when the first sample was drawn.

    Args:
        folder: The review.
        corpus: The corpus as it is now, or where it lies.
        plan: The plan as the recipe has it now.

    Raises:
        RunError: A file of the review is missing or damaged.
    """
    stated = {name: value for name, value in folder.state().get("plan", {}).items() if name in STATED}
    binding = plan.model_copy(update=stated)
    limits = (binding.max_harm, binding.confidence, per_look(binding.confidence, binding.looks))
    looks = folder.looks()
    if not looks:
        missing = ("no sample was drawn: run `corpusgen review push`",)
        return Verdict(False, missing, 0, binding.looks, 0, 0, 0, None, None, *limits, 0, 0, False, 0)
    look = looks[-1]
    rows = _read_rows(look)
    strata = _strata(rows, look)
    missing_answers = [row for row in rows if row.short]
    estimate = upper = None
    if not missing_answers:
        estimate, upper = weighted_estimate(strata), weighted_upper(strata, limits[2])
    decisions = read_decisions(folder.decisions_path)
    table = read_table(corpus) if isinstance(corpus, Path) else corpus
    compiled = _compare(decisions, table)
    taking_part = {name for row in rows for name in row.answers} | {name for row in rows for name in row.settled_by}
    people = folder.people()
    harmful = sum(row.harmful for row in rows if not row.short)
    found = [
        *_plan_gaps(statement(plan), stated, len(looks), binding.looks),
        *_row_gaps(rows, decisions, look.number),
        *_decision_gaps(compiled),
    ]
    if unknown := taking_part - set(people):
        found.append(
            f"people.json does not know {_count(len(unknown), 'person')} who answered: `corpusgen review pull`"
        )
    if upper is not None and upper >= binding.max_harm:
        found.append(_too_harmful(upper, harmful, len(rows), binding, look.number))
    return Verdict(
        not found,
        tuple(found),
        look.number,
        binding.looks,
        len(rows),
        len(rows) - len(missing_answers),
        harmful,
        estimate,
        upper,
        *limits,
        len({name for row in rows for name in row.answers}),
        len({name for row in rows for name in row.settled_by}),
        any(people[name].simulated for name in taking_part if name in people),
        len(compiled["pending"]),
    )


class _Row(NamedTuple):
    """A row of the sample with all that was said about it."""

    pair_id: str
    content_hash: str
    stratum: str
    stratum_size: int
    stratum_drawn: int
    readers: int
    answers: Mapping[str, Answers]
    settled: tuple[Mapping[str, Any], ...]

    @property
    def short(self) -> bool:
        return len(self.answers) < self.readers

    @property
    def settled_by(self) -> set[str]:
        return {item["adjudicator"] for item in self.settled}

    @property
    def open(self) -> bool:
        return not self.settled and bool(needs_adjudication(self.answers))

    @property
    def harmful(self) -> bool:
        if self.settled:
            return any(item["harmful"] for item in self.settled)
        return any(answers["harm"][0] != "no" for answers in self.answers.values())

    def decided_by(self, decision: Decision | None) -> bool:
        """Returns whether a decision is about this text and says what was judged last."""
        if decision is None or decision.content_hash != self.content_hash:
            return False
        outcomes = {item["outcome"] for item in self.settled} or {"keep"}
        return decision.outcome in outcomes and decision.harmful == self.harmful


def _read_rows(look: Look) -> list[_Row]:
    """Returns the sample of a look, calibration items aside; what was said about another text does not count."""
    answers: dict[tuple[str, str], dict[str, dict[str, list[str]]]] = defaultdict(lambda: defaultdict(dict))
    if look.responses_path.is_file():
        for row in read_table(look.responses_path, remake="corpusgen review pull").to_pylist():
            if row["status"] == "submitted" and row["question"] is not None and row["value"] is not None:
                given = answers[row["record_id"], row["content_hash"]][row["reviewer"]]
                given.setdefault(row["question"], []).append(row["value"])
    settled: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    if look.adjudication_path.is_file():
        for row in read_table(look.adjudication_path, remake="corpusgen review pull").to_pylist():
            settled[row["record_id"], row["content_hash"]].append(row)
    rows = []
    for row in read_table(look.sample_path, remake="corpusgen review push").to_pylist():
        if row["kind"] != "sample":
            continue
        key = row["record_id"], row["content_hash"]
        whole = {name: given for name, given in answers[key].items() if complete(given)}
        same = {name: row[name] for name in ("pair_id", "content_hash", "stratum", "stratum_size", "stratum_drawn")}
        rows.append(_Row(**same, readers=max(1, row["readers"]), answers=whole, settled=tuple(settled[key])))
    return rows


def _strata(rows: Sequence[_Row], look: Look) -> list[Stratum]:
    members: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        members[row.stratum].append(row)
    for name, some in members.items():
        if len(some) != some[0].stratum_drawn:
            what = f"holds {len(some)} rows of the stratum {name}, of which {some[0].stratum_drawn} were drawn"
            raise RunError(what, where=look.sample_path, do="restore it from a copy; a sample cannot be drawn again")
    return [
        Stratum(some[0].stratum_size, len(some), sum(row.harmful for row in some if not row.short))
        for some in members.values()
    ]


def _plan_gaps(now: Mapping[str, Any], stated: Mapping[str, Any], drawn: int, looks: int) -> Iterator[str]:
    changed = [
        f"{name} was {stated.get(name, 'not stated')} and is {now[name]}"
        for name in STATED
        if stated.get(name) != now[name]
    ]
    if changed:
        yield (
            f"the plan was changed after the first sample was drawn: {', '.join(changed)}; "
            "put it back in the recipe, or begin another review in a new run"
        )
    if drawn > looks:
        yield f"{_count(drawn, 'sample')} drawn where the plan stated {looks}: begin another review in a new run"


def _row_gaps(rows: Sequence[_Row], decisions: Sequence[Decision], look: int) -> Iterator[str]:
    of = f"of the {_count(len(rows), 'row')}"
    if short := sum(row.short for row in rows):
        yield (
            f"{short:,} {of} {_be(short)} not answered by all their readers: "
            "`corpusgen review status` says who has what, `corpusgen review pull` fetches new answers"
        )
    if unsettled := sum(row.open for row in rows if not row.short):
        do = "`corpusgen review adjudicate` hands them out, `corpusgen review pull` fetches the outcome"
        yield f"{unsettled:,} {of} {_wait(unsettled)} for an adjudicator: {do}"
    by_pair = {decision.pair_id: decision for decision in decisions if decision.look == look}
    ready = [row for row in rows if not row.short and not row.open]
    if undecided := sum(not row.decided_by(by_pair.get(row.pair_id)) for row in ready):
        yield f"{undecided:,} {of} {_be(undecided)} judged and not decided: `corpusgen review apply`"


def _compare(decisions: Sequence[Decision], corpus: pa.Table) -> dict[str, list[Decision]]:
    """Returns the last decision about each pair by what became of it; those that keep a harmful one twice."""
    columns = ("id", "prompt", "response", "review_status")
    pairs = {row["id"]: row for row in corpus.select(columns).to_pylist()}
    found: dict[str, list[Decision]] = {"done": [], "pending": [], "stale": [], "harmful": []}
    last = {decision.pair_id: decision for decision in sorted(decisions, key=lambda decision: decision.look)}
    for decision in last.values():
        row = pairs.get(decision.pair_id)
        untouched = row is not None and content_hash(row["prompt"], row["response"]) == decision.content_hash
        if decision.outcome == "keep":
            # what an earlier look edited stays marked so when a later one keeps it
            done = untouched and row is not None and row["review_status"] in ("kept", "edited")
        else:
            # a corrected answer that a gate rejects is dropped, and its cell filled again
            done = row is None or (decision.outcome == "edit" and row["response"] == (decision.response or "").strip())
        found["done" if done else "pending" if untouched else "stale"].append(decision)
        if decision.harmful and decision.outcome == "keep":
            found["harmful"].append(decision)
    return found


def _decision_gaps(compiled: Mapping[str, Sequence[Decision]]) -> Iterator[str]:
    if count := len(compiled["pending"]):
        yield f"{_count(count, 'decision')} {_be(count)} not compiled into the corpus yet: `corpusgen build`"
    if count := len(compiled["stale"]):
        yield (
            f"{_count(count, 'decision')} {_be(count)} about texts that the corpus no longer holds: "
            "build with the inputs of the sample, or draw a fresh one with `corpusgen review push --new-look`"
        )
    if count := len(compiled["harmful"]):
        yield (
            f"{_count(count, 'pair')} {_be(count)} kept though found harmful: "
            "have the adjudicator edit or drop it, then `corpusgen review pull` and `corpusgen review apply`"
        )


def _too_harmful(upper: float, harmful: int, rows: int, plan: ReviewPlan, look: int) -> str:
    found = (
        f"the upper bound of harmful responses is {upper:.2%}, not below {plan.max_harm:.2%} "
        f"({harmful:,} of {_count(rows, 'row')} harmful)"
    )
    if look < plan.looks:
        do = f"compile the decisions in, then draw look {look + 1} of {plan.looks}: `corpusgen review push --new-look`"
    else:
        do = "no further look was stated, so this corpus cannot pass; mend its author or seeds, and build another"
    return f"{found}: {do}"


def _count(number: int, noun: str) -> str:
    plural = {"person": "people"}.get(noun, noun + "s")
    return f"{number:,} {noun if number == 1 else plural}"


def _be(number: int) -> str:
    return "is" if number == 1 else "are"


def _wait(number: int) -> str:
    return "waits" if number == 1 else "wait"
