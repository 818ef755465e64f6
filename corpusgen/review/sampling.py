"""The sample of a look: stratified, sized by the acceptance plan, with hidden calibration items among it."""

from __future__ import annotations

import math
import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from corpusgen.bounds import Stratum, per_look, sample_size, weighted_upper
from corpusgen.errors import RunError
from corpusgen.examples import Examples
from corpusgen.plan import stable_hash
from corpusgen.recipe import ReviewPlan
from corpusgen.review.calibration import CalibrationItem, calibration_items
from corpusgen.reviews import content_hash, sample_schema

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EDITED", "REFILLED", "allocate", "draw", "record_token"]

REFILLED = "|refilled"
"""Ends the stratum of pairs that stand where a dropped one stood."""

EDITED = "|edited"
"""Ends the stratum of pairs whose response was corrected after it was judged."""

_STRATUM = ("domain", "severity", "response_mode", "author")
_SHOWN = (
    "cell_id",
    "domain",
    "category",
    "role",
    "severity",
    "response_mode",
    "country",
    "author",
    "strategies",
    "prompt",
    "response",
)


def record_token() -> str:
    """Returns a random id of a record (16 hex digits), which tells nothing about what the record is."""
    return secrets.token_hex(8)


def draw(
    corpus: pa.Table,
    examples: Examples,
    plan: ReviewPlan,
    look: int,
    seed: int,
    earlier: Sequence[pa.Table] = (),
    replaced: Collection[str] = (),
    token: Callable[[], str] = record_token,
) -> pa.Table:
    """Returns the sample of a look with its calibration items, in the order of their random ids.

    The sample is fresh: a pair that an earlier look judged is not drawn again. It was found harmless, or was repaired,
    so that what bounds the share of harmful responses among those not yet judged bounds it in the whole corpus too;
    strata are counted among those not yet judged. Pairs in ``replaced`` are drawn all, in strata of their own. Where
    every pair has been judged, those whose response was corrected since are the sample. Within a stratum the draw goes
    by a hash of seed, look and pair id; the same arguments give the same rows, but for their ids.

    Args:
        corpus: The corpus, all looks so far compiled in.
        examples: The worked examples, for calibration.
        plan: The plan as it was stated.
        look: Number of this look, from 1.
        seed: Of the recipe.
        earlier: The samples of earlier looks.
        replaced: Ids of pairs that have filled the cells of dropped ones since the last look.
        token: Where record ids come from.

    Raises:
        RunError: Every pair has been judged, and none was corrected.
    """
    import pyarrow as pa

    judged = {
        (row["pair_id"], row["content_hash"])
        for table in earlier
        for row in table.select(["kind", "pair_id", "content_hash"]).to_pylist()
        if row["kind"] == "sample"
    }
    strata = _strata(corpus, judged, replaced)
    if not strata:
        raise RunError("every pair of the corpus has been judged: no fresh sample can be drawn")
    chosen: list[dict[str, Any]] = []
    drawn = allocate({name: len(members) for name, members in strata.items()}, plan)
    for name, members in strata.items():
        members.sort(key=lambda row: stable_hash("sample", seed, look, row["id"]))
        chosen += [_sample_row(row, name, len(members), drawn[name], token()) for row in members[: drawn[name]]]
    _set_readers(chosen, plan, look, seed)
    items = calibration_items(examples, plan, look, seed)
    rows = [*chosen, *(_calibration_row(item, token()) for item in items)]
    return pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["record_id"])), schema=sample_schema())


def allocate(sizes: Mapping[str, int], plan: ReviewPlan) -> dict[str, int]:
    """Returns how many rows to draw from each stratum, at least one from each.

    From a stratum of N_h of N rows, ceil(n N_h / N) are drawn, with n the size of a simple random sample for one look,
    so that no row weighs more than it would there and the weighted bound is hardly wider than the simple one. What
    rounding up costs the bound is made good by raising n until the sample, with as many harmful rows as the plan
    tolerates, would pass. A refilled or edited stratum is drawn whole; so is a corpus smaller than n.
    """
    total = sum(sizes.values())
    confidence = per_look(plan.confidence, plan.looks)
    rows = sample_size(plan.max_harm, confidence, plan.tolerated)
    while True:
        drawn = {
            name: size if name.endswith((REFILLED, EDITED)) else min(size, math.ceil(rows * size / total))
            for name, size in sizes.items()
        }
        if rows >= total or _passes(sizes, drawn, plan, confidence):
            return drawn
        rows += 1


def _passes(sizes: Mapping[str, int], drawn: Mapping[str, int], plan: ReviewPlan, confidence: float) -> bool:
    harmful = plan.tolerated
    strata = []
    for name, size in sizes.items():
        here = min(harmful, drawn[name])
        harmful -= here
        strata.append(Stratum(size, drawn[name], here))
    return weighted_upper(strata, confidence) < plan.max_harm


def _strata(
    corpus: pa.Table, judged: Collection[tuple[str, str]], replaced: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """Returns the pairs to draw from, by stratum, in the order of the names."""
    new = set(replaced)
    known = {pair for pair, _ in judged}
    strata: dict[str, list[dict[str, Any]]] = defaultdict(list)
    edited: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in corpus.select(["id", *_SHOWN]).to_pylist():
        digest = content_hash(row["prompt"], row["response"])
        stratum, item = "|".join(row[name] for name in _STRATUM), {**row, "content_hash": digest}
        if row["id"] in new:
            strata[stratum + REFILLED].append(item)
        elif row["id"] not in known:
            strata[stratum].append(item)
        elif (row["id"], digest) not in judged:
            edited[stratum + EDITED].append(item)
    return dict(sorted((strata or edited).items()))


def _sample_row(row: Mapping[str, Any], stratum: str, size: int, drawn: int, record_id: str) -> dict[str, Any]:
    return {
        **{name: row[name] for name in (*_SHOWN, "content_hash")},
        "record_id": record_id,
        "kind": "sample",
        "pair_id": row["id"],
        "stratum": stratum,
        "stratum_size": size,
        "stratum_drawn": drawn,
        "expected": [],
    }


def _calibration_row(item: CalibrationItem, record_id: str) -> dict[str, Any]:
    row = {**item.example.row(), "cell_id": None, "author": None}
    return {
        **{name: row[name] for name in _SHOWN},
        "strategies": list(item.example.strategies),
        "record_id": record_id,
        "kind": "calibration",
        "pair_id": item.example.id,
        "stratum": None,
        "stratum_size": 0,
        "stratum_drawn": 0,
        "readers": 0,
        "content_hash": content_hash(item.example.prompt, item.example.response),
        "expected": [{"question": question, "values": list(values)} for question, values in item.expected],
    }


def _set_readers(chosen: list[dict[str, Any]], plan: ReviewPlan, look: int, seed: int) -> None:
    """Gives every row one reader, and the plan's share of them two, in each stratum its share."""
    wanted = math.floor(plan.second_reader * len(chosen) + 0.5)
    # every k-th row of an order by stratum; within a stratum, and at its borders, chance decides
    order = sorted(chosen, key=lambda row: (row["stratum"], stable_hash("second reader", seed, look, row["pair_id"])))
    for position, row in enumerate(order):
        step = (position + 1) * wanted // len(order) - position * wanted // len(order)
        row["readers"] = 1 + step
