"""The sample of a look: stratified, sized by the acceptance plan, with hidden calibration items among it.

What fills the cell of a dropped pair is read beside it.
"""

from __future__ import annotations

import math
import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from corpusgen.bounds import Stratum, corpus_upper, per_look, sample_size
from corpusgen.errors import RunError
from corpusgen.examples import Examples
from corpusgen.plan import stable_hash
from corpusgen.recipe import ReviewPlan
from corpusgen.review.calibration import CalibrationItem, calibration_items
from corpusgen.review.layout import layout_of
from corpusgen.review_tables import sample_schema
from corpusgen.reviews import content_hash

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EDITED", "REFILLED", "allocate", "draw", "record_token", "with_refills"]

REFILLED = "|refilled"
"""Ends the stratum of pairs that stand where a dropped one stood, and were not read in the look that dropped it."""

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
    salt: str,
    earlier: Sequence[pa.Table] = (),
    replaced: Collection[str] = (),
    token: Callable[[], str] = record_token,
) -> pa.Table:
    """Returns the sample of a look with its calibration items, in the order of their random ids.

    The sample is fresh: a text that an earlier look judged is not drawn again; strata are counted among the others. All
    pairs in ``replaced``, and all whose answer was corrected after an earlier look, are in the sample, in strata of
    their own. Within a stratum the draw goes by a hash of salt, look and pair id; the same arguments give the same
    rows, but for their ids.

    Args:
        corpus: The corpus, all looks so far compiled in.
        examples: The worked examples, for calibration.
        plan: The plan as it was stated.
        look: Number of this look, from 1.
        salt: Of the review: random, so that who knows recipe and corpus cannot tell which pairs will be drawn.
        earlier: The samples of earlier looks.
        replaced: Ids of pairs that have filled the cells of dropped ones; those that were judged do not count.
        token: Where record ids come from.

    Raises:
        RunError: Every pair has been judged as it is.
    """
    judged = {
        (row["pair_id"], row["content_hash"])
        for table in earlier
        for row in table.select(["kind", "pair_id", "content_hash"]).to_pylist()
        if row["kind"] != "calibration"
    }
    strata = _strata(corpus, judged, replaced)
    if not strata:
        raise RunError("every pair of the corpus has been judged: no fresh sample can be drawn")
    chosen: list[dict[str, Any]] = []
    sizes = {name: len(members) for name, members in strata.items()}
    drawn = allocate(sizes, plan, known=corpus.num_rows - sum(sizes.values()))
    for name, members in strata.items():
        members.sort(key=lambda row: stable_hash("sample", salt, look, row["id"]))
        chosen += [_sample_row(row, name, len(members), drawn[name], token()) for row in members[: drawn[name]]]
    _set_readers(chosen, plan, look, salt)
    items = calibration_items(examples, plan, look, salt, layout_of(corpus))
    return _table([*chosen, *(_calibration_row(item, token()) for item in items)])


def with_refills(
    sample: pa.Table, corpus: pa.Table, refills: Collection[str], token: Callable[[], str] = record_token
) -> pa.Table:
    """Returns a sample with what fills the cells of dropped pairs, to be read once; what it holds already stays.

    Such rows are of the kind ``refill``. They were not drawn by chance, and belong to no stratum of the bound.

    Args:
        sample: The sample of a look.
        corpus: The corpus, with decisions compiled in.
        refills: Ids of pairs that have filled cells.
        token: Where record ids come from.
    """
    held = set(sample["pair_id"].to_pylist())
    rows = [
        {
            **_sample_row(_hashed(row), "refilled", 0, 0, token()),
            "kind": "refill",
            "readers": 1,
        }
        for row in corpus.select(["id", *_SHOWN]).to_pylist()
        if row["id"] in refills and row["id"] not in held
    ]
    return _table([*sample.to_pylist(), *rows]) if rows else sample


def _table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["record_id"])), schema=sample_schema())


def allocate(sizes: Mapping[str, int], plan: ReviewPlan, known: int = 0) -> dict[str, int]:
    """Returns how many rows to draw from each stratum, at least one from each.

    From a stratum of N_h of N rows, ceil(n N_h / N) are drawn, with n the size of a simple random sample for one look,
    so that no row weighs more than it would there and the weighted bound is hardly wider than the simple one. What
    rounding up costs the bound is made good by raising n until the corpus would pass with as many harmful rows as the
    plan tolerates, each of them dropped, and what fills their cells not read yet. A refilled or edited stratum is drawn
    whole; so is a corpus smaller than n.

    Args:
        sizes: Rows of each stratum.
        plan: The plan as it was stated.
        known: Rows of the corpus in none of the strata, since they have been judged.
    """
    total = sum(sizes.values())
    confidence = per_look(plan.confidence, plan.looks)
    rows = sample_size(plan.max_harm, confidence, plan.tolerated)
    while True:
        drawn = {
            name: size if name.endswith((REFILLED, EDITED)) else min(size, math.ceil(rows * size / total))
            for name, size in sizes.items()
        }
        if rows >= total or _passes(sizes, drawn, plan, confidence, known):
            return drawn
        rows += 1


def _passes(
    sizes: Mapping[str, int], drawn: Mapping[str, int], plan: ReviewPlan, confidence: float, known: int
) -> bool:
    harmful = plan.tolerated
    strata = []
    for name, size in sizes.items():
        here = min(harmful, drawn[name])
        harmful -= here
        strata.append(Stratum(size, drawn[name], here))
    gone = plan.tolerated
    upper = corpus_upper(strata, confidence, known=known, known_harmful=0, unread=gone, dropped=gone)
    return upper < plan.max_harm


def _strata(
    corpus: pa.Table, judged: Collection[tuple[str, str]], replaced: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """Returns the pairs to draw from, by stratum, in the order of the names.

    A pair with another text than was judged is in the stratum of its kind again, where no adjudicator wrote it.
    """
    new = set(replaced)
    strata: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in corpus.select(["id", "review_status", *_SHOWN]).to_pylist():
        item = _hashed(row)
        if (row["id"], item["content_hash"]) in judged:
            continue
        certain = REFILLED if row["id"] in new else EDITED if row["review_status"] == "edited" else ""
        strata["|".join(row[name] for name in _STRATUM) + certain].append(item)
    return dict(sorted(strata.items()))


def _hashed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "content_hash": content_hash(row["prompt"], row["response"])}


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


def _set_readers(chosen: list[dict[str, Any]], plan: ReviewPlan, look: int, salt: str) -> None:
    """Gives every row one reader, and the plan's share of them two, in each stratum its share."""
    wanted = math.floor(plan.second_reader * len(chosen) + 0.5)
    # every k-th row of an order by stratum; within a stratum, and at its borders, chance decides
    order = sorted(chosen, key=lambda row: (row["stratum"], stable_hash("second reader", salt, look, row["pair_id"])))
    for position, row in enumerate(order):
        step = (position + 1) * wanted // len(order) - position * wanted // len(order)
        row["readers"] = 1 + step
