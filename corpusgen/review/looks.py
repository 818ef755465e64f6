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
from corpusgen.review.sampling import draw
from corpusgen.reviews import Look, content_hash
from corpusgen.run import read_table, write_table

__all__ = ["STATED", "changed_since", "frame_path", "ready_look"]

STATED = ("max_harm", "confidence", "tolerated", "looks", "second_reader", "calibration", "daily_portion")
"""What of the plan is put on record before the first sample is drawn."""


def ready_look(review: Review, *, fresh: bool) -> Look:
    """Returns the look that is under way; draws the first one, or a ``fresh`` one.

    Raises:
        RunError: The plan was changed after the first sample was drawn.
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


def changed_since(review: Review, look: Look) -> list[str]:
    """Returns what a sample no longer agrees with, for people; it is judged as it was drawn all the same."""
    stated = review.folder.state().get("plan", {})
    now = review.plan.model_dump()
    found = [f"'{name}' is {now[name]} in the recipe and was {stated[name]}" for name in _differing(stated, now)]
    decided = {item.pair_id for item in review.decisions}
    gone = 0
    for row in read_rows(look.sample_path):
        pair = review.pairs.get(row["pair_id"])
        if row["kind"] == "sample" and row["pair_id"] not in decided:
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
        name = re.sub(r"[^a-z0-9-]+", "-", review.run.root.resolve().name.lower()).strip("-")[:40] or "run"
        stated = {key: now[key] for key in STATED}
        review.folder.save_state({"name": f"{name}-{secrets.token_hex(2)}", "plan": stated, "looks": []})
        return
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
    sampled = {row["pair_id"] for row in read_rows(last.sample_path) if row["kind"] == "sample"}
    undecided = sampled - {item.pair_id for item in review.decisions if item.look == last.number}
    if undecided:
        what = f"look {last.number} is not finished: {len(undecided):,} of {len(sampled):,} pairs are not decided"
        raise Unmet(what, where=review.run.root, do=f"corpusgen review status {review.run.root}")
    if pending := judge_review(review.folder, review.corpus, review.plan).pending_decisions:
        what = f"{pending:,} decisions are not in the corpus yet"
        raise Unmet(what, where=review.run.root, do=review.build_command)


def _draw(review: Review, plan: ReviewPlan, looks: list[Look]) -> Look:
    look = review.folder.look(len(looks) + 1)
    sample = draw(
        review.corpus,
        review.examples,
        plan,
        look.number,
        review.seed,
        [read_table(earlier.sample_path) for earlier in looks],
        _newcomers(review, looks),
    )
    write_table(_frame(review), frame_path(look))
    write_table(sample, look.sample_path)
    state = review.folder.state()
    # last, so that a look that is on record has its sample
    drawn = {"number": look.number, "corpus_sha256": review.corpus_hash(), "rows": sample.num_rows}
    review.folder.save_state({**state, "looks": [*state["looks"], drawn]})
    return look


def _newcomers(review: Review, looks: list[Look]) -> set[str]:
    """Returns the pairs that were not in the corpus, or not with this text, when the last sample was drawn."""
    if not looks:
        return set()
    frame = {row["id"]: row["content_hash"] for row in read_rows(frame_path(looks[-1]))}
    edited = {(item.pair_id, item.response) for item in review.decisions if item.outcome == "edit"}
    return {
        name
        for name, pair in review.pairs.items()
        if frame.get(name) != content_hash(pair["prompt"], pair["response"]) and (name, pair["response"]) not in edited
    }


def frame_path(look: Look) -> Any:
    """Returns the sampling frame of a look: every pair of the corpus that its sample was drawn from."""
    return look.root / "frame.parquet"


def _frame(review: Review) -> Any:
    import pyarrow as pa

    rows = [
        {"id": name, "content_hash": content_hash(pair["prompt"], pair["response"])}
        for name, pair in review.pairs.items()
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema([("id", pa.string()), ("content_hash", pa.string())]))
