"""release.json: what a release says of itself to programs, and what the card says in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from corpusgen.publish.layout import FORMAT, ReleaseFolder
from corpusgen.publish.review import review_facts
from corpusgen.publish.source import Source
from corpusgen.version import VERSION

__all__ = ["release_facts"]

COUNTED = ("domain", "response_mode", "role", "severity", "country", "split", "author", "model", "review_status")
"""Columns whose values are counted."""

SETTINGS = ("pairs", "seed", "weights", "checks", "split", "attempts", "review")
"""What of the recipe stands in a release; never the author's part, whose endpoint is nobody else's business."""

THRESHOLDS = ("lexical", "semantic", "response_overlap")


def release_facts(source: Source, folder: ReleaseFolder, *, gated: bool) -> dict[str, Any]:
    """Returns what release.json holds, without wall-clock time.

    ``configs`` gives by configuration and split the ``rows``, the ``bytes`` in memory and the ``files``; ``columns`` by
    configuration the Arrow type of each column; ``counts`` how often each value of a column occurs; ``seeds`` and
    ``inputs`` what the corpus was composed from, with SHA-256; ``review`` is :func:`review_facts`; ``changes`` what
    differs from the release before, null where none was named.

    Args:
        source: The run.
        folder: The release, with its data written.
        gated: Whether people are asked for what they will use it for.
    """
    settings, registry = source.state["settings"], source.inputs.taxonomy.registry
    counts, named = _counts(folder)
    dates = sorted(
        page.read.isoformat() for name in named if name in registry.entries for page in registry.entries[name].sources
    )
    return {
        "release_format": FORMAT,
        "corpusgen": VERSION,
        **source.release.model_dump(mode="json"),
        "gated": gated,
        "recipe_hash": source.state["recipe_hash"],
        "built_with": source.state["version"],
        "settings": {
            **{name: settings[name] for name in SETTINGS},
            "dedup": {name: settings["dedup"][name] for name in THRESHOLDS},
        },
        "benchmarks": dict(source.state["benchmarks"]),
        "inputs": dict(source.inputs.files),
        "seeds": {"situations": len(source.inputs.seeds.situations), "lookalikes": len(source.inputs.seeds.lookalikes)},
        "configs": _configs(folder),
        "columns": {
            config: {field.name: str(field.type) for field in folder.schema(config)} for config in folder.shards()
        },
        "counts": counts,
        "resources": {
            "named": len(named),
            "first_read": dates[0] if dates else None,
            "last_read": dates[-1] if dates else None,
        },
        "review": review_facts(source.run, source.verdict, source.reading),
        "changes": None,
    }


def _counts(folder: ReleaseFolder) -> tuple[dict[str, dict[str, int]], set[str]]:
    """Returns how often each value occurs, and the resources that are named."""
    import pyarrow.compute as pc

    found: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
    named: set[str] = set()
    for batch in folder.batches("default", (*COUNTED, "resources")):
        for name, counter in found.items():
            for entry in pc.value_counts(batch.column(name).drop_null()).to_pylist():
                counter[entry["values"]] += entry["counts"]
        named |= set(pc.unique(pc.list_flatten(batch.column("resources"))).to_pylist())
    return {name: dict(sorted(counter.items())) for name, counter in found.items()}, named


def _configs(folder: ReleaseFolder) -> Mapping[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for config, splits in folder.shards().items():
        for split, paths in splits.items():
            rows = size = 0
            for batch in folder.batches(config, split=split):
                rows += batch.num_rows
                size += batch.nbytes
            files = [path.relative_to(folder.root).as_posix() for path in paths]
            found.setdefault(config, {})[split] = {"rows": rows, "bytes": size, "files": files}
    return found
