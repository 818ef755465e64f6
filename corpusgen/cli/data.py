"""check and dedup: the gates and the deduplication, on anybody's file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpusgen.cli.output import say, show_json, table

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the verbs of this file."""
    app.command(epilog="For example: corpusgen check pairs.jsonl --country US")(check)
    app.command(epilog="For example: corpusgen dedup prompts.csv -o kept.csv --evidence removed.jsonl")(dedup)


def check(
    file: Annotated[Path, typer.Argument(help="A .jsonl, .csv or .parquet file with prompts and responses.")],
    prompt: Annotated[str, typer.Option(help="Column with the prompts.")] = "prompt",
    response: Annotated[str, typer.Option(help="Column with the responses.")] = "response",
    country: Annotated[
        str | None, typer.Option(help="Country of every row, e.g. US, for a file without that column.")
    ] = None,
    taxonomy: Annotated[Path | None, typer.Option(help="A taxonomy folder; the bundled one by default.")] = None,
    show: Annotated[int, typer.Option(min=0, help="How many rejected rows to show.")] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print every rejection as JSON.")] = False,
) -> None:
    """Run the gates over a file. A gate whose label columns are absent is "not run", never "pass"."""
    import os

    from corpusgen.api import check as judge
    from corpusgen.errors import Unmet

    result = judge(
        file, taxonomy=taxonomy, prompt=prompt, response=response, country=country, workers=os.cpu_count() or 1
    )
    if json:
        show_json(
            {
                "pairs": result.pairs,
                "rejected": len(result.rejections),
                "by_gate": result.by_gate(),
                "not_run": {name: list(labels) for name, labels in result.not_run.items()},
                "rejections": {
                    str(row): [item._asdict() for item in found] for row, found in result.rejections.items()
                },
            }
        )
    else:
        say(f"{result.pairs - len(result.rejections):,} of {result.pairs:,} pairs pass every gate that could run")
        if result.by_gate():
            table(["gate", "rejected"], list(result.by_gate().items()), numbers=(1,))
        for name, labels in result.not_run.items():
            say(f"not run: {name} (needs {', '.join(labels)})")
        for row, found in list(result.rejections.items())[:show]:
            say(f"row {row + 1}: {found[0].gate}: {found[0].reason}")
    if result.rejections:
        raise Unmet(
            f"{len(result.rejections):,} of {result.pairs:,} pairs are rejected",
            where=file,
            do="see above, or --json for all",
        )


def dedup(
    files: Annotated[list[Path], typer.Argument(help="One or more .jsonl, .csv or .parquet files.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the kept rows go.")],
    column: Annotated[str, typer.Option(help="The column compared.")] = "prompt",
    threshold: Annotated[float, typer.Option(help="Cosine from which two texts are near-duplicates.")] = 0.90,
    within: Annotated[
        str | None, typer.Option(help="Near-duplicates go only among rows that agree in this column.")
    ] = None,
    prefer: Annotated[str | None, typer.Option(help="COLUMN=VALUE: of a cluster such a row survives.")] = None,
    against: Annotated[list[Path] | None, typer.Option(help="A file to stay away from; may be given again.")] = None,
    against_column: Annotated[str | None, typer.Option(help="The column of those files; --column by default.")] = None,
    evidence: Annotated[Path | None, typer.Option(help="Where the reason for each removal goes.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Remove exact, lexical and semantic near-duplicates; each cluster keeps exactly one row."""
    from collections import Counter

    from corpusgen.api import deduplicate, read_against
    from corpusgen.errors import UsageError
    from corpusgen.tables import read_rows, require_columns, write_rows

    chosen = None
    if prefer is not None:
        name, equals, value = prefer.partition("=")
        if not equals:
            raise UsageError("--prefer takes COLUMN=VALUE", do="for example --prefer reviewed=yes")
        chosen = (name, value)
    rows = []
    for path in files:
        found = read_rows(path)
        require_columns(path, found, tuple(filter(None, (column, within))))
        rows.extend(found)
    texts = read_against(against or [], against_column or column)
    result = deduplicate(rows, column=column, threshold=threshold, within=within, prefer=chosen, against=texts)
    write_rows(result.kept, out)
    if evidence is not None:
        write_rows(
            [
                {
                    "row": item.row + 1,
                    "kind": item.kind,
                    "similarity": item.similarity,
                    "kept_row": None if item.kept is None else item.kept + 1,
                    "removed": rows[item.row][column],
                    "because_of": item.neighbour,
                }
                for item in result.removed
            ],
            evidence,
        )
    kinds = dict(Counter(item.kind for item in result.removed).most_common())
    if json:
        show_json({"rows": len(rows), "kept": len(result.kept), "removed": len(result.removed), "by_kind": kinds})
        return
    parts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
    say(
        f"{len(rows):,} rows: {len(result.kept):,} kept, {len(result.removed):,} removed"
        + (f" ({parts})" if parts else "")
    )
    say(f"kept rows: {out}")
