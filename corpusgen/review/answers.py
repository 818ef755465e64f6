"""What reviewers answered, from the long table of responses: by record, reviewer and question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from corpusgen.review.questions import OPTED_OUT

__all__ = ["Answers", "by_record", "last_answered", "opted_out"]

Answers = dict[str, dict[str, tuple[str, ...]]]
"""Values by question, by reviewer."""


def by_record(rows: Iterable[Mapping[str, Any]]) -> dict[str, Answers]:
    """Returns the answers to each record; several values of one question in their order in the table."""
    found: dict[str, Answers] = defaultdict(dict)
    for row in rows:
        mine = found[row["record_id"]].setdefault(row["reviewer"], {})
        if row["question"] is not None:
            mine[row["question"]] = (*mine.get(row["question"], ()), row["value"])
    return dict(found)


def last_answered(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], datetime]:
    """Returns when each record was last answered by each reviewer."""
    return {(row["record_id"], row["reviewer"]): row["updated_at"] for row in rows}


def opted_out(sample: Iterable[Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Returns the domains that each reviewer asked to be spared.

    Args:
        sample: The records.
        rows: Responses of any status: who opts out need not judge the record that moved them to.
    """
    domains = {row["record_id"]: row["domain"] for row in sample}
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row["question"] == "rather_not" and row["value"] == OPTED_OUT and row["record_id"] in domains:
            found[row["reviewer"]].add(domains[row["record_id"]])
    return dict(found)
