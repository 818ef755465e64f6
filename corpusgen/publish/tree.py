"""All files of a release, written to a folder: the data as they stream by, then what is said about them."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from corpusgen.errors import RunError
from corpusgen.publish.card import render_card
from corpusgen.publish.facts import release_facts
from corpusgen.publish.layout import CARD, FACTS, METRICS, PICTURES, TAXONOMY, ReleaseFolder
from corpusgen.publish.shards import shard_writer
from corpusgen.publish.source import Source
from corpusgen.publish.spares import open_spares
from corpusgen.publish.sums import write_sums
from corpusgen.publish.tables import Preferences, preference_schema, resources_table
from corpusgen.run import write_bytes, write_text
from corpusgen.schema import Split, corpus_schema

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_tree"]


def write_tree(root: Path, source: Source, *, gated: bool = False) -> dict[str, str]:
    """Writes a release; the same run gives the same bytes.

    Args:
        root: An empty folder.
        source: The run.
        gated: Whether the card asks people what they will use it for before the Hub gives it to them.

    Returns:
        SHA-256 by file, relative to the folder.

    Raises:
        RunError: A table of the run is damaged.
        StorageError: A file cannot be written.
    """
    folder = ReleaseFolder(root)
    _write_pairs(root, source)
    _write_whole(root, "resources", resources_table(source.inputs.taxonomy.registry))
    _write_whole(root, "reviews", source.reading.answers)
    _copy_taxonomy(root, source)
    write_bytes(root / PICTURES / "similarity_map.png", source.run.picture_path.read_bytes())
    metrics = source.run.metrics_path.read_text(encoding="utf-8")
    write_text(root / METRICS, metrics)
    facts = release_facts(source, folder, gated=gated)
    write_text(root / FACTS, _json(facts))
    write_text(root / CARD, render_card(facts, json.loads(metrics), source.inputs.taxonomy.strategies))
    return write_sums(root)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _write_pairs(root: Path, source: Source) -> None:
    """Writes ``default`` and ``preference`` in one pass over the corpus."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = source.run.corpus_path
    try:
        with ExitStack() as stack, pq.ParquetFile(path) as corpus:
            schema, scratch = corpus_schema(), Path(stack.enter_context(TemporaryDirectory(dir=root.parent)))
            splits = {
                str(split): stack.enter_context(shard_writer(root, "default", str(split), schema)) for split in Split
            }
            pairs = stack.enter_context(shard_writer(root, "preference", "train", preference_schema()))
            preferences = Preferences(source.inputs, stack.enter_context(open_spares(source.run, scratch)))
            for batch in corpus.iter_batches(10_000):
                for split, writer in splits.items():
                    writer.write(batch.filter(pc.equal(batch.column("split"), split)))
                pairs.write(preferences.of(batch))
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"cannot be read: {error}", where=path, do="run `corpusgen build` again") from error


def _write_whole(root: Path, config: str, table: pa.Table) -> None:
    with shard_writer(root, config, "train", table.schema) as writer:
        for batch in table.to_batches():
            writer.write(batch)


def _copy_taxonomy(root: Path, source: Source) -> None:
    home = source.inputs.taxonomy.root
    for path in sorted(home.rglob("*.yaml")):
        write_bytes(root / TAXONOMY / path.relative_to(home), path.read_bytes())
