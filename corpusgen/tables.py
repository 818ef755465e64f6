"""Anybody's tables: JSONL, CSV and Parquet files with named columns."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corpusgen.errors import InvalidFile, Problem

__all__ = ["read_column", "read_rows", "write_rows"]

csv.field_size_limit(64 * 1024 * 1024)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Reads a table by its ending: .jsonl, .csv or .parquet.

    Returns:
        One mapping a row, in file order.

    Raises:
        InvalidFile: The file cannot be read, or a row is not one; with its line.
    """
    readers = {".jsonl": _jsonl, ".ndjson": _jsonl, ".csv": _csv, ".parquet": _parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InvalidFile([Problem(str(path), 0, "is not a table that can be read", "use .jsonl, .csv or .parquet")])
    try:
        return list(reader(path))
    except OSError as error:
        raise InvalidFile(
            [Problem(str(path), 0, f"cannot be read: {error.strerror or error}", "check path and rights")]
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidFile([Problem(str(path), 0, "is not UTF-8 text", "save the file as UTF-8")]) from error


def read_column(path: Path, column: str) -> list[str]:
    """Returns one column of a table as text; empty values are left out.

    Raises:
        InvalidFile: The file cannot be read or has no such column.
    """
    rows = read_rows(path)
    require_columns(path, rows, (column,))
    return [str(row[column]) for row in rows if row.get(column) not in (None, "")]


def require_columns(path: Path, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """Checks that a table has columns.

    Raises:
        InvalidFile: One is missing; the error names those that are there.
    """
    have = list(dict.fromkeys(name for row in rows[:1000] for name in row))
    problems = [
        Problem(str(path), 1, f"has no column '{name}'", f"the columns here are {', '.join(have) or 'none'}")
        for name in columns
        if name not in have
    ]
    if problems:
        raise InvalidFile(problems)


def _jsonl(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                problem = Problem(str(path), number, f"is not JSON: {error}", "write one JSON object a line")
                raise InvalidFile([problem]) from error
            if not isinstance(row, dict):
                raise InvalidFile([Problem(str(path), number, "is not a JSON object", "write one JSON object a line")])
            yield row


def _csv(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for row in reader:
                if None in row or None in row.values():
                    what = "has more or fewer fields than the header"
                    problem = Problem(str(path), reader.line_num, what, "quote fields that hold commas or line breaks")
                    raise InvalidFile([problem])
                yield dict(row)
        except csv.Error as error:
            # the reader counts a line once it is whole
            problem = Problem(
                str(path), reader.line_num + 1, f"is not valid CSV: {error}", "check the quotes near this line"
            )
            raise InvalidFile([problem]) from error


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        yield from pq.ParquetFile(path).read().to_pylist()
    except pa.ArrowException as error:
        raise InvalidFile([Problem(str(path), 0, f"is not a Parquet file: {error}", "check the file")]) from error


def write_rows(rows: list[dict[str, Any]], path: Path) -> None:
    """Writes a table by its ending, whole or not at all.

    Raises:
        InvalidFile: The ending is not known.
        StorageError: The path cannot be written.
    """
    from corpusgen.run import write_table, write_text

    suffix = path.suffix.lower()
    if suffix in {".jsonl", ".ndjson"}:
        write_text(path, "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows))
    elif suffix == ".csv":
        import io

        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, fieldnames=list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
        write_text(path, buffer.getvalue())
    elif suffix == ".parquet":
        import pyarrow as pa

        columns = list(dict.fromkeys(name for row in rows for name in row))
        write_table(pa.table({name: [row.get(name) for row in rows] for name in columns}), path)
    else:
        raise InvalidFile(
            [Problem(str(path), 0, "has an ending that cannot be written", "use .jsonl, .csv or .parquet")]
        )
