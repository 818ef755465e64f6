"""The dataset card: metadata for the Hub, and a text for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from corpusgen.metrics import REFERENCES
from corpusgen.taxonomy import Strategy

__all__ = ["render_card", "size_category"]

SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)


def size_category(rows: int) -> str:
    """Returns the Hub's size category for a number of rows."""
    return next((name for limit, name in SIZES if rows < limit), "10M<n<100M")


def render_card(facts: Mapping[str, Any], metrics: Mapping[str, Any], strategies: Mapping[str, Strategy]) -> str:
    """Returns README.md of a release, without wall-clock time: the same release gives the same card.

    Args:
        facts: release.json (see :func:`corpusgen.publish.facts.release_facts`).
        metrics: metrics.json.
        strategies: The taxonomy's intervention strategies.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("corpusgen", "publish/templates"),
        autoescape=False,  # Markdown; the one free text that comes from records goes through `plain`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["thousands"] = lambda number: f"{number:,}"
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    environment.filters["plain"] = plain
    environment.filters["figure"] = figure
    rows = sum(split["rows"] for split in facts["configs"]["default"].values())
    return environment.get_template("card.md.j2").render(
        facts=facts,
        metrics=metrics,
        rows=rows,
        size=size_category(rows),
        strategies=sorted(strategies.values(), key=lambda item: item.name),
        references=REFERENCES,
    )


def plain(text: object) -> str:
    """Returns text that Markdown and HTML show as it stands."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~-])", r"\\\1", str(text)).replace("\n", " ")


def figure(found: Mapping[str, Any] | None) -> str:
    """Returns a coefficient of agreement with its interval, or a dash where it is undefined or does not apply."""
    if not found or found["value"] is None:
        return "–"
    low, high = found.get("low"), found.get("high")
    interval = f" ({low:.2f} to {high:.2f})" if low is not None and high is not None else ""
    return f"{found['value']:.2f}{interval}"
