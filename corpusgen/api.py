"""The rest of the public interface: plan, check and deduplicate, as functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpusgen.checks import Rejection, Rules, check_pairs, corpus_gates, not_run, pair_gates, pair_of
from corpusgen.dedup.clusters import resolve
from corpusgen.dedup.edges import Edge
from corpusgen.dedup.embed import Encoder, MiniLM
from corpusgen.dedup.exact import exact_edges
from corpusgen.errors import UsageError
from corpusgen.plan import Cell, make_plan
from corpusgen.recipe import Checks, load_inputs
from corpusgen.tables import read_column, read_rows, require_columns
from corpusgen.taxonomy import load_taxonomy

__all__ = ["CheckResult", "DedupResult", "Removed", "check", "deduplicate", "plan", "read_against"]


def plan(recipe: str | Path, *, pairs: int | None = None, seed: int | None = None) -> list[Cell]:
    """Plans a corpus without writing it.

    Returns:
        Every cell, in corpus order.

    Raises:
        InvalidFile: The recipe, or a file that it names, is wrong.
    """
    return make_plan(load_inputs(recipe, pairs=pairs, seed=seed))


@dataclass(frozen=True)
class CheckResult:
    """What the gates said about a file.

    Attributes:
        pairs: Rows judged.
        rejections: Every rejection, by row number (0-based).
        not_run: Gates that could not run, with the label columns that they lack.
    """

    pairs: int
    rejections: dict[int, list[Rejection]]
    not_run: dict[str, tuple[str, ...]]

    def by_gate(self) -> dict[str, int]:
        """Returns the number of rows that each gate rejected, most first."""
        counts = Counter(gate for found in self.rejections.values() for gate in {item.gate for item in found})
        return dict(counts.most_common())


def check(
    file: str | Path,
    *,
    taxonomy: str | Path | None = None,
    prompt: str = "prompt",
    response: str = "response",
    country: str | None = None,
    workers: int = 1,
) -> CheckResult:
    """Runs the gates over any JSONL, CSV or Parquet file of pairs.

    Args:
        file: The file.
        taxonomy: A taxonomy folder; the bundled one by default.
        prompt: Name of the column with prompts.
        response: Name of the column with responses.
        country: Country of every row, for a file without that column.
        workers: Processes.

    Raises:
        InvalidFile: The file or the taxonomy is wrong, or a column is missing.
    """
    path = Path(file)
    rows = read_rows(path)
    require_columns(path, rows, (prompt, response))
    fixed = {} if country is None else {"country": country}
    labelled = [
        {**row, **fixed, "id": row.get("id", number), "prompt": row[prompt] or "", "response": row[response] or ""}
        for number, row in enumerate(rows)
    ]
    rules = Rules(load_taxonomy(_taxonomy(taxonomy)), Checks())
    pairs = [pair_of({**row, "id": str(number)}) for number, row in enumerate(labelled)]
    rejections = {number: found for number, found in enumerate(check_pairs(pairs, rules, workers)) if found}
    for gate in corpus_gates(rules):
        for name, reason in gate.screen(pairs, len(pairs)).items():
            rejections.setdefault(int(name), []).append(Rejection(gate.name, gate.kind, reason))
    columns = [*dict.fromkeys(name for row in labelled for name in row)]
    return CheckResult(len(pairs), dict(sorted(rejections.items())), not_run(columns, pair_gates(rules)))


def _taxonomy(given: str | Path | None) -> Path:
    from corpusgen.bundled import root

    return Path(given) if given is not None else root() / "taxonomies" / "psychosafe"


@dataclass(frozen=True)
class Removed:
    """One row that was removed, and why."""

    row: int
    kept: int | None
    kind: str
    similarity: float
    neighbour: str


@dataclass(frozen=True)
class DedupResult:
    """What deduplication kept and removed; kept + removed = input.

    Attributes:
        kept: Rows that stay, in input order.
        removed: One entry a removed row, in input order, with the evidence.
    """

    kept: list[dict[str, Any]]
    removed: list[Removed] = field(repr=False)


def deduplicate(
    rows: Sequence[Mapping[str, Any]],
    *,
    column: str = "prompt",
    threshold: float = 0.90,
    lexical: float = 0.7,
    within: str | None = None,
    prefer: tuple[str, str] | None = None,
    against: Sequence[str] = (),
    encoder: Encoder | None = None,
) -> DedupResult:
    """Removes exact, lexical and semantic near-duplicates from a table; each cluster keeps exactly one row.

    Args:
        rows: The table.
        column: The column compared.
        threshold: Cosine from which two texts are near-duplicates.
        lexical: Jaccard index of word 3-grams from which they are.
        within: A column; near-duplicates are removed only among rows that agree in it, exact ones always.
        prefer: A column and a value; of a cluster, a row with it survives if there is one.
        against: Texts that the table must stay away from; rows near them are removed whatever ``within`` says.
        encoder: What embeds; all-MiniLM-L6-v2 by default.

    Raises:
        UsageError: A threshold is out of range.
    """
    import numpy as np

    from corpusgen.dedup.lexical import LexicalIndex
    from corpusgen.dedup.semantic import semantic_edges

    if not 0 < threshold <= 1 or not 0 < lexical <= 1:
        raise UsageError("a similarity threshold lies between 0 and 1", do="for example --threshold 0.9")
    texts = [*against, *(str(row.get(column) or "") for row in rows)]
    protected = len(against)
    model = encoder or MiniLM()
    alike: list[Edge] = list(LexicalIndex(lexical).edges(texts))
    vectors = model.encode(texts)
    alike += semantic_edges(texts, np.asarray(vectors), threshold, model)
    edges = exact_edges(texts)
    for edge in alike:
        first, second = edge.first - protected, edge.second - protected
        if second < 0:
            continue
        if first < 0 or within is None or rows[first].get(within) == rows[second].get(within):
            edges.append(edge)
    edges = [edge for edge in edges if edge.second >= protected]

    def rank(item: int) -> tuple[bool, int]:
        preferred = prefer is not None and str(rows[item - protected].get(prefer[0])) == prefer[1]
        return not preferred, item

    removed = [
        Removed(
            row=item.removed - protected,
            kept=item.kept - protected if item.kept >= protected else None,
            kind="benchmark" if item.kept < protected else item.kind,
            similarity=item.similarity,
            neighbour=texts[item.neighbour],
        )
        for item in resolve(len(texts), edges, protected, rank)
    ]
    gone = {item.row for item in removed}
    return DedupResult([dict(row) for number, row in enumerate(rows) if number not in gone], removed)


def read_against(files: Sequence[Path], column: str) -> list[str]:
    """Returns the texts of a column over several files.

    Raises:
        InvalidFile: A file cannot be read or has no such column.
    """
    return [text for path in files for text in read_column(path, column)]
