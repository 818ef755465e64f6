"""The files of a release and where they lie, the same in a folder and on the Hub."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusgen.errors import ReleaseError
from corpusgen.schema import Split

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "CARD",
    "CITATION",
    "CONFIGS",
    "CROISSANT",
    "FACTS",
    "FORMAT",
    "LICENCE",
    "METRICS",
    "PICTURES",
    "SUMS",
    "TAXONOMY",
    "ReleaseFolder",
    "shard_name",
]

FORMAT = 1
"""Raised when a release of an older version can no longer be read."""

CONFIGS = ("default", "preference", "reviews", "resources")
"""In the order of the card; ``reviews`` is left out where nobody has reviewed anything."""

CARD = "README.md"
CITATION = "CITATION.cff"
CROISSANT = "croissant.json"
FACTS = "release.json"
LICENCE = "LICENSE"
METRICS = "metrics.json"
SUMS = "SHA256SUMS"
DATA = "data"
PICTURES = "pictures"
TAXONOMY = "taxonomy"
"""Folder of the taxonomy that the pairs were made and checked by: with it, anybody can run the gates again."""

SHARD = re.compile(r"(?P<split>[a-z]+)-(?P<index>\d{5})-of-(?P<count>\d{5})\.parquet")
BATCH_ROWS = 10_000


def shard_name(config: str, split: str, index: int, count: int) -> str:
    """Returns the path of a shard in a release, numbered from 0."""
    return f"{DATA}/{config}/{split}-{index:05d}-of-{count:05d}.parquet"


@dataclass(frozen=True)
class ReleaseFolder:
    """A release on disk, to be read.

    Attributes:
        root: The folder.
    """

    root: Path

    def facts(self) -> dict[str, Any]:
        """Returns release.json (see :mod:`corpusgen.publish.facts`).

        Raises:
            ReleaseError: It is missing, damaged, or of another format.
        """
        found = self._json(FACTS)
        if found.get("release_format") != FORMAT:
            what = f"has release format {found.get('release_format')!r}; this version reads {FORMAT}"
            raise ReleaseError(what, where=self.root / FACTS, do="use the corpusgen that it names under 'corpusgen'")
        return found

    def metrics(self) -> dict[str, Any]:
        """Returns metrics.json, as the build measured it.

        Raises:
            ReleaseError: It is missing or damaged.
        """
        return self._json(METRICS)

    def _json(self, name: str) -> dict[str, Any]:
        path = self.root / name
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ReleaseError("is missing, so this is no release", where=path, do=_ANEW) from error
        except (OSError, ValueError) as error:
            raise ReleaseError(f"cannot be read: {error}", where=path, do=_ANEW) from error
        if not isinstance(found, dict):
            raise ReleaseError("holds no mapping", where=path, do=_ANEW)
        return found

    def files(self) -> list[str]:
        """Returns the relative path of every file, sorted; hidden ones, which the Hub adds, left out."""
        names = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return sorted(name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts))

    def shards(self) -> dict[str, dict[str, list[Path]]]:
        """Returns the Parquet files by configuration and split, in reading order; what is empty is left out."""
        found: dict[str, dict[str, list[Path]]] = {}
        for config in CONFIGS:
            for path in sorted((self.root / DATA / config).glob("*.parquet")):
                if name := SHARD.fullmatch(path.name):
                    found.setdefault(config, {}).setdefault(name["split"], []).append(path)
        order = {str(split): number for number, split in enumerate(Split)}
        ordered = {
            config: dict(sorted(splits.items(), key=lambda item: order.get(item[0], len(order))))
            for config, splits in found.items()
        }
        return ordered

    def schema(self, config: str) -> pa.Schema:
        """Returns the Arrow schema of a configuration, without metadata.

        Raises:
            ReleaseError: The configuration is not there, or its shards differ.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        paths = [path for some in self.shards().get(config, {}).values() for path in some]
        try:
            schemas = [pq.read_schema(path).remove_metadata() for path in paths]
        except (OSError, pa.ArrowException) as error:
            raise ReleaseError(f"cannot be read: {error}", where=self.root / DATA / config, do=_ANEW) from error
        if not schemas:
            raise ReleaseError("is not there", where=self.root / DATA / config, do=_ANEW)
        for path, schema in zip(paths, schemas, strict=True):
            if not schema.equals(schemas[0]):
                raise ReleaseError(f"has other columns than {paths[0].name}", where=path, do=_ANEW)
        return schemas[0]

    def batches(
        self, config: str, columns: Sequence[str] | None = None, split: str | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yields a configuration in pieces of at most 10,000 rows, split after split; nothing where it is not there.

        Raises:
            ReleaseError: A shard is damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        for name, paths in self.shards().get(config, {}).items():
            for path in paths if split in (None, name) else []:
                try:
                    with pq.ParquetFile(path) as file:
                        yield from file.iter_batches(BATCH_ROWS, columns=None if columns is None else [*columns])
                except (OSError, pa.ArrowException) as error:
                    raise ReleaseError(f"cannot be read: {error}", where=path, do=_ANEW) from error


_ANEW = "download the release again, or write it anew with `corpusgen publish`"
