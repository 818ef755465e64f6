"""The acceptance plan: what a sample shows of the corpus, and whether a release may go out.

Harmful rows are counted as the sample was drawn, after adjudication; what was repaired since does not lower the count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from corpusgen.bounds import Stratum, corpus_estimate, corpus_upper, per_look
from corpusgen.compiled import compare, count, texts
from corpusgen.errors import RunError
from corpusgen.recipe import ReviewPlan
from corpusgen.reviews import Decision, Look, ReviewFolder, read_decisions
from corpusgen.run import Run, read_table
from corpusgen.standing import Row, judged_rows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Verdict", "judge_review", "statement"]

BINDING = ("max_harm", "confidence", "tolerated", "looks")
"""What of a plan binds: changing it after seeing a sample would undo the guarantee."""

COMPARED = ("id", "prompt", "response", "review_status")
"""What is read of the corpus; of a million pairs the rest would fill the memory."""


def statement(plan: ReviewPlan) -> dict[str, float | int]:
    """Returns what of a plan binds from the first sample on, as state.json holds it under ``plan``."""
    return {name: getattr(plan, name) for name in BINDING}


class Verdict(NamedTuple):
    """Whether the release gate is met, and what it rests on.

    Attributes:
        met: Whether the corpus may be released; also where programs took part, so that ``simulated`` has to be read.
        missing: What is missing, each a sentence that says what to do.
        look: The last look, from 1; 0 where no sample was drawn.
        looks: Looks that the plan states.
        rows: Rows of its sample, calibration items and refills aside.
        judged: Of them, rows that all their readers have answered.
        harmful: Of these, rows that are harmful, or held to be so until an adjudicator has settled them.
        estimate: Share of harmful rows in the corpus, weighted; none until every row is judged.
        upper: Its one-sided upper bound at ``look_confidence``; none until every row is judged.
        limit: What the bound must stay below.
        confidence: Over all looks together.
        look_confidence: This look's share of it.
        reviewers: People who answered, in any look.
        adjudicators: People who settled something, in any look.
        simulated: Whether a program answered in the place of one of them.
        pending_decisions: Decisions that the corpus does not show yet.
        unread: Pairs in the places of dropped ones that nobody has read to the end; the bound holds them for harmful.
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
    unread: int = 0


def judge_review(folder: ReviewFolder, corpus: pa.Table | Path, plan: ReviewPlan) -> Verdict:
    """Returns whether the release gate is met, and if not, everything that is missing.

    The bound is the last look's; what is open, or was decided, in any look counts. The plan is the one stated when the
    first sample was drawn.

    Args:
        folder: The review.
        corpus: The corpus as it is now, or where it lies.
        plan: The plan as the recipe has it now.

    Raises:
        RunError: A file of the review is missing or damaged.
    """
    stated = {name: value for name, value in folder.state().get("plan", {}).items() if name in BINDING}
    binding = plan.model_copy(update=stated)
    confidence = per_look(binding.confidence, binding.looks)
    looks = folder.looks()
    if not looks:
        return _nothing_drawn(binding, confidence)
    look = looks[-1]
    rows = {each.number: judged_rows(each) for each in looks}
    sample = [row for row in rows[look.number] if row.sample["kind"] == "sample"]
    strata = _strata(sample, look)
    decisions = read_decisions(folder.decisions_path)
    table = read_table(corpus, columns=[*COMPARED]) if isinstance(corpus, Path) else corpus
    compiled = compare(decisions, table, rows, look, Run(folder.root.parent).lineage_path)
    known = _known(rows, look, texts(table), compiled.refills)
    short = sum(row.short for row in sample)
    estimate = upper = None
    counts = {"known": known.rows, "known_harmful": known.harmful, "dropped": known.dropped}
    if not short:
        estimate = corpus_estimate(strata, **counts)
        upper = corpus_upper(strata, confidence, **counts, unread=known.unread)
    people = folder.people()
    every = [row for some in rows.values() for row in some]
    reviewers = {name for row in every for name in (*row.answers, *row.withdrawn)}
    adjudicators = {word.adjudicator for row in every for word in row.words}
    reviewers |= {name for item in decisions for name in item.reviewers}
    adjudicators |= {item.adjudicator for item in decisions if item.adjudicator is not None}
    found = [
        *_plan_gaps(statement(plan), stated, len(looks), binding.looks),
        *(gap for each in looks for gap in _row_gaps(rows[each.number], decisions, each.number, look.number)),
        *compiled.gaps(),
    ]
    if unknown := (reviewers | adjudicators) - set(people):
        found.append(f"people.json does not know {count(len(unknown), 'person')} who answered: `corpusgen review pull`")
    harmful = sum(row.harmful for row in sample if not row.short)
    if upper is not None and upper >= binding.max_harm:
        counts["known"] += known.unread
        mends = corpus_upper(strata, confidence, **counts, unread=0) < binding.max_harm
        found.append(_too_harmful(upper, harmful, len(sample), known.unread if mends else 0, binding, look.number))
    return Verdict(
        met=not found,
        missing=tuple(found),
        look=look.number,
        looks=binding.looks,
        rows=len(sample),
        judged=len(sample) - short,
        harmful=harmful,
        estimate=estimate,
        upper=upper,
        limit=binding.max_harm,
        confidence=binding.confidence,
        look_confidence=confidence,
        reviewers=len(reviewers),
        adjudicators=len(adjudicators),
        simulated=any(people[name].simulated for name in reviewers | adjudicators if name in people),
        pending_decisions=compiled.pending,
        unread=known.unread,
    )


def _nothing_drawn(plan: ReviewPlan, confidence: float) -> Verdict:
    return Verdict(
        met=False,
        missing=("no sample was drawn: run `corpusgen review push`",),
        look=0,
        looks=plan.looks,
        rows=0,
        judged=0,
        harmful=0,
        estimate=None,
        upper=None,
        limit=plan.max_harm,
        confidence=plan.confidence,
        look_confidence=confidence,
        reviewers=0,
        adjudicators=0,
        simulated=False,
        pending_decisions=0,
    )


class _Known(NamedTuple):
    """Rows of the corpus that are no part of the last look's strata, by what is known of them.

    Attributes:
        rows: Judged in an earlier look, or as refills.
        harmful: Of them, those held harmful.
        unread: Not judged to the end.
        dropped: Rows of the strata that have left the corpus.
    """

    rows: int
    harmful: int
    unread: int
    dropped: int


def _known(rows: Mapping[int, Sequence[Row]], look: Look, now: Mapping[str, str], refills: frozenset[str]) -> _Known:
    frame = {row["id"]: row["content_hash"] for row in read_table(look.frame_path).to_pylist()}
    last = {row.pair_id: row for number in sorted(rows) for row in rows[number]}
    before = {(row.pair_id, row.content_hash) for number, some in rows.items() if number < look.number for row in some}
    judged = {name for name, text in frame.items() if (name, text) in before}
    outside = [last.get(name) for name in (judged | refills) & now.keys()]
    read = [row for row in outside if row is not None and not row.short]
    return _Known(
        rows=len(read),
        harmful=sum(row.harmful and now[row.pair_id] == row.content_hash for row in read),
        unread=len(outside) - len(read),
        dropped=len(frame.keys() - judged - now.keys()),
    )


def _decided_by(row: Row, decision: Decision | None) -> bool:
    """Returns whether a decision is about the text of a row and says what was judged last."""
    if decision is None or decision.content_hash != row.content_hash or decision.harmful != row.harmful:
        return False
    word = row.word
    if word is None:
        return (decision.outcome, decision.response, decision.adjudicator) == ("keep", None, None)
    said = (word.outcome, word.response if word.outcome == "edit" else None, word.adjudicator, word.reason)
    return (decision.outcome, decision.response, decision.adjudicator, decision.reason) == said


def _strata(rows: Sequence[Row], look: Look) -> list[Stratum]:
    members: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        members[row.sample["stratum"]].append(row)
    for name, some in members.items():
        drawn = some[0].sample["stratum_drawn"]
        if len(some) != drawn:
            what = f"holds {len(some)} rows of the stratum {name}, of which {drawn} were drawn"
            raise RunError(what, where=look.sample_path, do="restore it from a copy; a sample cannot be drawn again")
    return [
        Stratum(some[0].sample["stratum_size"], len(some), sum(row.harmful for row in some if not row.short))
        for some in members.values()
    ]


def _plan_gaps(now: Mapping[str, Any], stated: Mapping[str, Any], drawn: int, looks: int) -> Iterator[str]:
    changed = [
        f"{name} was {stated.get(name, 'not stated')} and is {now[name]}"
        for name in BINDING
        if stated.get(name) != now[name]
    ]
    if changed:
        yield (
            f"the plan was changed after the first sample was drawn: {', '.join(changed)}; "
            "put it back in the recipe, or begin another review in a new run"
        )
    if drawn > looks:
        yield f"{count(drawn, 'sample')} drawn where the plan stated {looks}: begin another review in a new run"


def _row_gaps(rows: Sequence[Row], decisions: Sequence[Decision], look: int, last: int) -> Iterator[str]:
    """Yields what a look lacks; a row of an earlier look, or a refill, that is short of readers counts as unread."""
    of = f"of the {count(len(rows), 'row')}" + ("" if look == last else f" of look {look}")
    if look == last and (short := sum(row.short for row in rows if row.sample["kind"] == "sample")):
        yield (
            f"{short:,} {of} {_be(short)} not answered by all their readers: "
            "`corpusgen review status` says who has what, `corpusgen review pull` fetches new answers"
        )
    if unsettled := sum(row.standing == "open" for row in rows):
        do = "`corpusgen review adjudicate` hands them out, `corpusgen review pull` fetches the outcome"
        yield f"{unsettled:,} {of} {'waits' if unsettled == 1 else 'wait'} for an adjudicator: {do}"
    by_pair = {decision.pair_id: decision for decision in decisions if decision.look == look}
    ready = [row for row in rows if row.standing in ("agreed", "settled")]
    if undecided := sum(not _decided_by(row, by_pair.get(row.pair_id)) for row in ready):
        yield f"{undecided:,} {of} {_be(undecided)} judged and not decided: `corpusgen review apply`"


def _too_harmful(upper: float, harmful: int, rows: int, unread: int, plan: ReviewPlan, look: int) -> str:
    found = (
        f"the upper bound of harmful responses is {upper:.2%}, not below {plan.max_harm:.2%} "
        f"({harmful:,} of {count(rows, 'row')} harmful)"
    )
    if unread:
        do = f"have the {count(unread, 'pair')} read that fill the places of dropped ones: `corpusgen review push`"
    elif look < plan.looks:
        do = f"compile the decisions in, then draw look {look + 1} of {plan.looks}: `corpusgen review push --new-look`"
    else:
        do = "no further look was stated, so this corpus cannot pass; mend its author or seeds, and build another"
    return f"{found}: {do}"


def _be(number: int) -> str:
    return "is" if number == 1 else "are"
