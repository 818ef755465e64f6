"""The tables that a build writes: the corpus, what became of every attempt, and what the review changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from corpusgen.plan import Cell
from corpusgen.progress import Outcome
from corpusgen.revision import Lineage
from corpusgen.schema import corpus_schema

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["corpus_table", "lineage_table", "outcome_table"]

_CELL_COLUMNS = [
    "cell_id",
    "pair_group",
    "domain",
    "category",
    "register",
    "seed_id",
    "role",
    "severity",
    "response_mode",
    "country",
    "ordinal",
]
_WRITTEN_COLUMNS = ["id", "prompt", "response", "components", "resources", "author", "model", "fell_back", "attempt"]


def corpus_table(
    cells: Sequence[Cell],
    pairs: Mapping[str, Mapping[str, Any]],
    splits: Mapping[str, str],
    status: Mapping[str, str],
    digest: str,
) -> pa.Table:
    """Returns the corpus, one row a filled cell, in the order of the cells.

    Args:
        cells: The filled cells.
        pairs: What stands in each, by cell id.
        splits: The split of each, by cell id.
        status: What the review said of some, by cell id: ``kept`` or ``edited``.
        digest: Hash of the recipe and its inputs.
    """
    import pyarrow as pa

    rows = []
    for cell in cells:
        pair = pairs[cell.cell_id]
        turns = (("user", pair["prompt"]), ("assistant", pair["response"]))
        rows.append(
            {
                **{name: getattr(cell, name) for name in _CELL_COLUMNS},
                "risk_flags": list(cell.risk_flags),
                "strategies": list(cell.strategies),
                **{name: pair[name] for name in _WRITTEN_COLUMNS},
                "messages": [{"role": role, "content": content} for role, content in turns],
                "language": "en",
                "split": splits[cell.cell_id],
                "review_status": status.get(cell.cell_id, "unreviewed"),
                "recipe_hash": digest,
            }
        )
    return pa.Table.from_pylist(rows, schema=corpus_schema())


def outcome_table(outcomes: Iterable[Outcome], kinds: set[str]) -> pa.Table:
    """Returns the attempts with some outcomes, one row an attempt."""
    import pyarrow as pa

    text = pa.string()
    schema = pa.schema(
        [
            ("id", text),
            ("cell_id", text),
            ("attempt", pa.int32()),
            ("outcome", text),
            ("gate", text),
            ("kind", text),
            ("reason", text),
            ("kept", text),
            ("similarity", pa.float64()),
            ("author", text),
        ]
    )
    return pa.Table.from_pylist([item._asdict() for item in outcomes if item.outcome in kinds], schema=schema)


def lineage_table(lineage: Iterable[Lineage]) -> pa.Table:
    """Returns what the review's decisions did, one row a decision."""
    import pyarrow as pa

    text = pa.string()
    schema = pa.schema(
        [
            ("look", pa.int32()),
            ("pair_id", text),
            ("cell_id", text),
            ("outcome", text),
            ("before", text),
            ("after", text),
            ("replaced_by", text),
            ("reviewers", pa.list_(text)),
            ("adjudicator", text),
            ("reason", text),
        ]
    )
    return pa.Table.from_pylist([{**row._asdict(), "reviewers": list(row.reviewers)} for row in lineage], schema=schema)
