"""The dataset card: metadata for the Hub, and a text for people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from corpusgen.metrics import REFERENCES
from corpusgen.recipe import Inputs
from corpusgen.schema import Split

if TYPE_CHECKING:
    import pyarrow as pa

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


def render_card(
    corpus: pa.Table,
    metrics: Mapping[str, Any],
    state: Mapping[str, Any],
    inputs: Inputs,
    review: Mapping[str, Any],
) -> str:
    """Returns README.md of a release, without wall-clock time: the same run gives the same card.

    Args:
        corpus: The corpus.
        metrics: Its figures, as metrics.json holds them.
        state: run.json.
        inputs: The recipe's inputs.
        review: What there is to say of the review (see :func:`corpusgen.publish.review.review_facts`).
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
    splits = corpus.column("split").to_pylist()
    registry = inputs.taxonomy.registry
    used = Counter(name for names in corpus.column("resources").to_pylist() for name in names)
    dates = sorted(
        source.read.isoformat()
        for name in used
        if name in registry.entries
        for source in registry.entries[name].sources
    )
    return environment.get_template("card.md.j2").render(
        release=state["settings"]["release"],
        settings=state["settings"],
        state=state,
        metrics=metrics,
        review=review,
        rows=corpus.num_rows,
        size=size_category(corpus.num_rows),
        splits=[str(split) for split in Split if str(split) in set(splits)],
        split_counts=Counter(splits),
        domains=Counter(corpus.column("domain").to_pylist()),
        modes=Counter(corpus.column("response_mode").to_pylist()),
        authors=Counter(corpus.column("author").to_pylist()),
        models=sorted({plain(name) for name in corpus.column("model").to_pylist() if name}),
        countries=Counter(corpus.column("country").to_pylist()),
        references=REFERENCES,
        strategies=sorted((item for item in inputs.taxonomy.strategies.values()), key=lambda item: item.name),
        resources_used=len(used),
        resources_dates=dates,
        situations=len(inputs.seeds.situations),
        lookalikes=len(inputs.seeds.lookalikes),
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
