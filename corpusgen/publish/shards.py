"""Parquet shards of a release: written row group by row group, so that a corpus of any size passes through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusgen.publish.layout import shard_name
from corpusgen.run import storage_error

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["ROWS", "features_of", "shard_writer"]

ROWS = 100_000
"""Rows of a shard: some 100 MB of pairs, which a client fetches in one go and the Hub's viewer can show."""

GROUP_ROWS = 10_000


def features_of(schema: pa.Schema) -> dict[str, Any]:
    """Returns a schema as features of the datasets library, in the form that Parquet metadata holds them."""
    from datasets import Features

    found: dict[str, Any] = Features.from_arrow_schema(schema).to_dict()
    return found


@contextmanager
def shard_writer(root: Path, config: str, split: str, schema: pa.Schema) -> Iterator[ShardWriter]:
    """Gives a writer of one split; its shards get their names when the block succeeds.

    Args:
        root: The release folder.
        config: The configuration.
        split: The split.
        schema: Columns; they are declared in the files as features, too.

    Raises:
        StorageError: A shard cannot be written.
    """
    writer = ShardWriter(root, config, split, schema)
    try:
        yield writer
        writer.finish()
    finally:
        writer.close()


class ShardWriter:
    """Gathers rows into row groups of 10,000 and shards of 100,000; the same rows give the same bytes."""

    def __init__(self, root: Path, config: str, split: str, schema: pa.Schema) -> None:
        self.root, self.config, self.split = root, config, split
        declared = json.dumps({"info": {"features": features_of(schema)}}, sort_keys=True)
        self.schema = schema.with_metadata({"huggingface": declared})
        self._held: list[pa.RecordBatch] = []
        self._waiting = 0
        self._parts: list[Path] = []
        self._file: pq.ParquetWriter | None = None
        self._in_file = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds rows, in order.

        Raises:
            StorageError: The shard cannot be written.
        """
        if not batch.num_rows:
            return
        self._held.append(batch)
        self._waiting += batch.num_rows
        while self._waiting >= GROUP_ROWS:
            self._flush(GROUP_ROWS)

    def finish(self) -> None:
        """Writes what is left, and names the shards; a split without rows has none.

        Raises:
            StorageError: A shard cannot be written.
        """
        if self._waiting:
            self._flush(self._waiting)
        try:
            self.close()
            for index, part in enumerate(self._parts):
                part.rename(self.root / shard_name(self.config, self.split, index, len(self._parts)))
        except OSError as error:
            raise storage_error(error, self.root) from error

    def close(self) -> None:
        """Closes the file that is open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _flush(self, rows: int) -> None:
        import pyarrow as pa

        table = pa.Table.from_batches(self._held).replace_schema_metadata(self.schema.metadata)
        try:
            file = self._file or self._open()
            file.write_table(table.slice(0, rows), row_group_size=rows)
        except OSError as error:
            raise storage_error(error, self.root) from error
        self._in_file += rows
        rest = table.slice(rows)
        self._held = rest.to_batches()
        self._waiting = rest.num_rows
        if self._in_file >= ROWS:
            self.close()

    def _open(self) -> pq.ParquetWriter:
        import pyarrow.parquet as pq

        part = self.root / shard_name(self.config, self.split, len(self._parts), 0)
        part.parent.mkdir(parents=True, exist_ok=True)
        self._parts.append(part)
        # a page index lets the Hub's viewer read single rows
        self._file = pq.ParquetWriter(part, self.schema, compression="zstd", write_page_index=True)
        self._in_file = 0
        return self._file
