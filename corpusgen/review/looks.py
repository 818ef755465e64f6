"""Looks at the corpus: the first sample, and, after repairs, a fresh one, as often as was stated beforehand."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from corpusgen.acceptance import judge_review, statement
from corpusgen.errors import RunError, Unmet
from corpusgen.recipe import ReviewPlan
from corpusgen.review.opening import Review, read_rows
from corpusgen.review.sampling import draw, with_refills
from corpusgen.review_tables import frame_schema
from corpusgen.reviews import Look, content_hash
from corpusgen.run import read_table, write_table
from corpusgen.standing import unfinished

__all__ = ["STATED", "changed_since", "ready_look", "take_refills"]

STATED = ("max_harm", "confidence", "tolerated", "looks", "second_reader", "calibration", "daily_portion")
"""What of the plan is put on record before the first sample is drawn."""


def ready_look(review: Review, *, fresh: bool) -> Look:
    """Returns the look that is under way; draws the first one, or a ``fresh`` one.

    Raises:
        RunError: The plan was changed after the first sample was drawn, or what says so is gone.
        Unmet: A fresh look is asked for while the last one is not finished, or none is left.
        StorageError: The files cannot be written.
    """
    looks = review.folder.looks()
    plan = review.plan
    _state_plan(review, plan)
    if looks and not fresh:
        return looks[-1]
    if looks:
        _require_next(review, looks[-1])
    return _draw(review, plan, looks)


def take_refills(review: Review, look: Look) -> int:
    """Adds what fills the cells of dropped pairs, and was in no sample yet, to a look; returns how many pairs.

    They are read like rows of the sample, and no part of its bound.

    Raises:
        RunError: A table is damaged.
        StorageError: The sample cannot be written.
    """
    read = {row["pair_id"] for earlier in review.folder.looks() for row in read_rows(earlier.sample_path)}
    sample = read_table(look.sample_path)
    more = with_refills(sample, review.corpus, _replacing(review) - read)
    if more.num_rows > sample.num_rows:
        write_table(more, look.sample_path)
    return int(more.num_rows - sample.num_rows)


def _replacing(review: Review) -> set[str]:
    """Returns the pairs that fill the cells of dropped ones."""
    path = review.run.lineage_path
    rows = read_table(path).to_pylist() if path.is_file() else []
    return {row["replaced_by"] for row in rows if row["replaced_by"] in review.pairs}


def changed_since(review: Review, look: Look) -> list[str]:
    """Returns what a sample no longer agrees with, for people; it is judged as it was drawn all the same."""
    stated = review.folder.state().get("plan", {})
    now = review.plan.model_dump()
    found = [f"'{name}' is {now[name]} in the recipe and was {stated[name]}" for name in _differing(stated, now)]
    decided = {item.pair_id for item in review.decisions}
    gone = 0
    for row in read_rows(look.sample_path):
        pair = review.pairs.get(row["pair_id"])
        if row["kind"] != "calibration" and row["pair_id"] not in decided:
            gone += pair is None or content_hash(pair["prompt"], pair["response"]) != row["content_hash"]
    if gone:
        found.append(f"{gone:,} pairs of the sample are no longer in the corpus as they were drawn")
    return found


def _differing(stated: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [name for name in STATED if name in stated and stated[name] != now[name]]


def _state_plan(review: Review, plan: ReviewPlan) -> None:
    """Puts the plan on record before anything is drawn; afterwards holds the recipe to it."""
    state = review.folder.state()
    now = plan.model_dump()
    if "plan" not in state:
        _require_unused(review)
        name = re.sub(r"[^a-z0-9-]+", "-", review.run.root.resolve().name.lower()).strip("-")[:40] or "run"
        stated = {key: now[key] for key in STATED}
        drawing = {"name": f"{name}-{secrets.token_hex(2)}", "salt": secrets.token_hex(8)}
        review.folder.save_state({**drawing, "plan": stated, "looks": []})
        return
    if "salt" not in state:
        # a review that was begun before draws were salted
        review.folder.save_state({**state, "salt": secrets.token_hex(8)})
    for key in _differing(state["plan"], now):
        if key in statement(plan):
            what = f"the plan was changed after it was stated: '{key}' is {now[key]}, and was {state['plan'][key]}"
            do = f"set '{key}: {state['plan'][key]}' under 'review' in the recipe again"
            raise RunError(what, where=review.built["recipe"], do=do)


def _require_next(review: Review, last: Look) -> None:
    stated = review.folder.state()["plan"]["looks"]
    if last.number >= stated:
        looks = "look was" if stated == 1 else "looks were"
        what = f"{stated} {looks} stated beforehand, and all are drawn; one more would make the bound worthless"
        raise Unmet(what, where=review.run.root, do="begin a review anew, with a new run and a plan of its own")
    for look in review.folder.looks():
        if left := unfinished(look):
            wait = "row waits" if left == 1 else "rows wait"
            what = f"look {look.number} is not finished: {left:,} {wait} for readers, or for an adjudicator"
            raise Unmet(what, where=review.run.root, do=f"corpusgen review status {review.run.root}")
    sampled = {row["pair_id"] for row in read_rows(last.sample_path) if row["kind"] != "calibration"}
    undecided = sampled - {item.pair_id for item in review.decisions if item.look == last.number}
    if undecided:
        what = f"look {last.number} is not finished: {len(undecided):,} of {len(sampled):,} pairs are not decided"
        raise Unmet(what, where=review.run.root, do=f"corpusgen review apply {review.run.root}")
    verdict = judge_review(review.folder, review.corpus, review.plan)
    if verdict.pending_decisions:
        what = f"{verdict.pending_decisions:,} decisions are not in the corpus yet"
        raise Unmet(what, where=review.run.root, do=review.build_command)
    if verdict.met:
        what = "the release gate is met; another look would shut it until that look is read as well"
        raise Unmet(what, where=review.run.root, do=f"corpusgen publish {review.run.root} --to DIR")


def _draw(review: Review, plan: ReviewPlan, looks: list[Look]) -> Look:
    look = review.folder.look(len(looks) + 1)
    if look.assignments_path.is_file() or look.responses_path.is_file():
        # a draw that was killed leaves a sample at most
        raise _lost(review, look)
    state = review.folder.state()
    sample = draw(
        review.corpus,
        review.examples,
        plan,
        look.number,
        state["salt"],
        [read_table(earlier.sample_path) for earlier in looks],
        _replacing(review),
    )
    write_table(_frame(review), look.frame_path)
    write_table(sample, look.sample_path)
    # last, so that a look that is on record has its sample
    drawn = {"number": look.number, "corpus_sha256": review.corpus_hash(), "rows": sample.num_rows}
    review.folder.save_state({**state, "looks": [*state["looks"], drawn]})
    return look


def _require_unused(review: Review) -> None:
    """Raises where something was drawn and nothing says under which plan: to draw anew would be a look too many."""
    first = review.folder.look(1)
    if any(path.is_file() for path in (first.sample_path, first.assignments_path, first.responses_path)):
        raise _lost(review, first)


def _lost(review: Review, look: Look) -> RunError:
    what = f"{review.folder.state_path.name} does not know of look {look.number}, whose files are there"
    do = f"restore {review.folder.state_path} from a copy; a sample cannot be drawn again"
    return RunError(what, where=look.root, do=do)


def _frame(review: Review) -> Any:
    import pyarrow as pa

    rows = [
        {"id": name, "content_hash": content_hash(pair["prompt"], pair["response"])}
        for name, pair in review.pairs.items()
    ]
    return pa.Table.from_pylist(rows, schema=frame_schema())
