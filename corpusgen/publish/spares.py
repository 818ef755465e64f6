"""The candidates that a model wrote and that were not chosen: looked up by pair, and too many to hold in memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from corpusgen.errors import RunError
from corpusgen.run import Run

__all__ = ["Spares", "open_spares"]


class Spares:
    """Candidates by pair id."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._any = bool(database.execute("SELECT EXISTS (SELECT 1 FROM spares)").fetchone()[0])

    def of(self, name: str) -> list[str]:
        """Returns the candidates of a pair that were not chosen."""
        if not self._any:
            return []
        found = self._database.execute("SELECT texts FROM spares WHERE id = ?", (name,)).fetchone()
        return list(json.loads(found[0])) if found else []


@contextmanager
def open_spares(run: Run, scratch: Path) -> Iterator[Spares]:
    """Gives the spare candidates of a run, kept in a file of a folder that is thrown away.

    Raises:
        RunError: A written part is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with closing(sqlite3.connect(scratch / "spares.sqlite")) as database:
        database.execute("CREATE TABLE spares (id TEXT PRIMARY KEY, texts TEXT NOT NULL)")
        for part in sorted(run.written.glob("*.parquet")):
            try:
                with pq.ParquetFile(part) as file:
                    for batch in file.iter_batches(columns=["id", "spares"]):
                        rows = ((row["id"], json.dumps(row["spares"])) for row in batch.to_pylist() if row["spares"])
                        database.executemany("INSERT OR REPLACE INTO spares VALUES (?, ?)", rows)
            except (OSError, pa.ArrowException) as error:
                do = "remove the file and run `corpusgen build` again"
                raise RunError(f"cannot be read: {error}", where=part, do=do) from error
        database.commit()
        yield Spares(database)
