"""The report: one HTML file that opens without a network."""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from corpusgen.metrics import REFERENCES, Metrics
from corpusgen.report.review import review_facts
from corpusgen.run import Run, write_bytes, write_text

if TYPE_CHECKING:
    import pyarrow as pa

    from corpusgen.dedup.embed import Vectors

__all__ = ["draw_picture", "write_report"]

COLOURS = {
    "suicide_self_harm": "#4477aa",
    "substance_use": "#228833",
    "violence": "#aa3377",
    "weapons": "#997700",
    "sexual_harm": "#ee6677",
}
"""Paul Tol's bright scheme, which colour-blind readers can tell apart; domains of other taxonomies take the rest."""

SPARE_COLOURS = ("#66ccee", "#bbbbbb", "#332288", "#117733", "#882255")
MODES = ("answer", "supportive_answer", "supportive_refusal", "crisis_first")
EXAMPLES = 2


def write_report(run: Run, table: pa.Table, metrics: Metrics, state: Mapping[str, Any], picture: bytes) -> None:
    """Writes report.html, and the similarity map beside it.

    Args:
        run: The run.
        table: Its corpus.
        metrics: Its figures.
        state: run.json.
        picture: The similarity map, a PNG (see :func:`draw_picture`).

    Raises:
        RunError: What the review's decisions did cannot be read.
        StorageError: The file cannot be written.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("corpusgen", "report/templates"),
        autoescape=True,  # record text is hostile wherever it is shown
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    environment.filters["thousands"] = lambda number: f"{number:,}"
    page = environment.get_template("report.html.j2").render(
        title=state["settings"]["release"]["title"],
        name=state["settings"]["release"]["name"],
        state=state,
        metrics=metrics,
        review=review_facts(run, table, state),
        colours=colour_of(table),
        similarity_map=base64.b64encode(picture).decode(),
        references=REFERENCES,
        matrix=_matrix(table),
        modes=MODES,
        examples=_examples(table),
        timings=sorted(state["timings_s"].items(), key=lambda item: -item[1]),
    )
    write_bytes(run.picture_path, picture)
    write_text(run.report_path, page)


def draw_picture(table: pa.Table, vectors: Vectors) -> bytes:
    """Returns the similarity map of a corpus as a PNG.

    Args:
        table: The corpus.
        vectors: Embeddings of its prompts, shape (rows, 384).
    """
    from corpusgen.report.similarity_map import draw_map

    domains, modes = (table.column(name).to_pylist() for name in ("domain", "response_mode"))
    return draw_map(vectors, domains, modes, colour_of(table))


def colour_of(table: pa.Table) -> dict[str, str]:
    """Returns a colour for each domain of a corpus."""
    domains = sorted(set(table.column("domain").to_pylist()))
    spare = iter(SPARE_COLOURS * (1 + len(domains) // len(SPARE_COLOURS)))
    return {domain: COLOURS.get(domain) or next(spare) for domain in domains}


def _matrix(table: pa.Table) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for domain, mode in zip(table.column("domain").to_pylist(), table.column("response_mode").to_pylist(), strict=True):
        found[domain][mode] += 1
    return dict(sorted(found.items()))


def _examples(table: pa.Table) -> dict[str, list[dict[str, Any]]]:
    """Returns a few pairs a domain, of different modes, from the train split: the first in the corpus's order."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    wanted = {mode: (1 if mode == "answer" else EXAMPLES - (mode == "crisis_first")) for mode in MODES}
    seen: Counter[tuple[str, str]] = Counter()
    columns = [
        "prompt",
        "response",
        "domain",
        "category",
        "role",
        "severity",
        "register",
        "country",
        "response_mode",
        "split",
        "strategies",
    ]
    for row in table.select(columns).to_pylist():
        key = (row["domain"], row["response_mode"])
        if row["split"] == "train" and seen[key] < wanted[row["response_mode"]]:
            seen[key] += 1
            found[row["domain"]].append(row)
    return {
        domain: sorted(rows, key=lambda row: MODES.index(row["response_mode"]))
        for domain, rows in sorted(found.items())
    }
