"""The tables of a release beside the corpus: preference pairs, and the registry of resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from corpusgen.checks import Pair, Rules, check_pair, pair_gates
from corpusgen.plan import stable_hash
from corpusgen.recipe import Inputs
from corpusgen.resources import Registry, Sourced
from corpusgen.schema import Mode

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["preference_table", "resources_table"]

OWED = frozenset({"crisis_line", "emergency_first", "danger", "boundary"})
"""Safety gates that ask for something to be there. A rejected side is poor because it leaves that out; it must pass all
the others, which ask that nothing harmful be there."""


def preference_table(corpus: pa.Table, inputs: Inputs, spares: Mapping[str, Sequence[str]] | None = None) -> pa.Table:
    """Returns the preference configuration: prompt, chosen and rejected as chat lists.

    The rejected side is a curt refusal; for a harmless look-alike it is an unnecessary one. Where a model wrote several
    candidates, it is one that was not chosen and passed every safety gate.

    Args:
        corpus: The corpus.
        inputs: The recipe's inputs.
        spares: Candidates that were not chosen, by pair id.
    """
    import pyarrow as pa

    gates = [
        gate
        for gate in pair_gates(Rules(inputs.taxonomy, inputs.recipe.checks))
        if gate.kind == "safety" and gate.name not in OWED
    ]
    curt = inputs.seeds.phrases
    pools = {
        True: [text for text in curt.over_refusals if not check_pair(Pair("", "", text), gates)],
        False: [text for text in curt.refusals if not check_pair(Pair("", "", text), gates)],
    }
    rows = []
    columns = ["id", "prompt", "response", "response_mode", "domain", "split"]
    for row in corpus.select(columns).to_pylist():
        pool = pools[row["response_mode"] == Mode.ANSWER]
        left = (spares or {}).get(row["id"]) or pool
        rejected = left[int(stable_hash("rejected", row["id"]), 16) % len(left)]
        rows.append(
            {
                "id": row["id"],
                "prompt": [_turn("user", row["prompt"])],
                "chosen": [_turn("assistant", row["response"])],
                "rejected": [_turn("assistant", rejected)],
                "domain": row["domain"],
                "response_mode": row["response_mode"],
                "corpus_split": row["split"],
            }
        )
    text = pa.string()
    chat = pa.list_(pa.struct([("role", text), ("content", text)]))
    schema = pa.schema(
        [
            ("id", text),
            ("prompt", chat),
            ("chosen", chat),
            ("rejected", chat),
            ("domain", text),
            ("response_mode", text),
            ("corpus_split", text),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def resources_table(registry: Registry) -> pa.Table:
    """Returns the verified part of the registry: emergency numbers, lines and services, the directory."""
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    for country in registry.countries.values():
        if country.emergency.status == "verified":
            channels = [{"kind": "call", "value": country.emergency.value, "keyword": None}]
            name = f"emergency services of {country.name}"
            rows.append(
                _resource(
                    f"{country.code.lower()}-emergency", country.code, name, ["emergency"], channels, country.emergency
                )
            )
    for entry in registry.entries.values():
        if entry.status == "verified":
            channels = [channel.model_dump() for channel in entry.channels]
            row = _resource(entry.id, entry.country, entry.name, list(entry.topics), channels, entry)
            row.update(
                roles=[str(role) for role in entry.roles],
                audience=list(entry.audience),
                hours=entry.hours,
                languages=list(entry.languages),
            )
            rows.append(row)
    directory = registry.directory
    channels = [{"kind": "web", "value": directory.value, "keyword": None}]
    rows.append(_resource(directory.id, "unknown", directory.name, ["directory"], channels, directory))
    text = pa.string()
    texts = pa.list_(text)
    schema = pa.schema(
        [
            ("id", text),
            ("country", text),
            ("name", text),
            ("topics", texts),
            ("roles", texts),
            ("audience", texts),
            ("channels", pa.list_(pa.struct([("kind", text), ("value", text), ("keyword", text)]))),
            ("hours", text),
            ("languages", texts),
            ("source_urls", texts),
            ("read", texts),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def _resource(
    name: str, country: str, label: str, topics: list[str], channels: list[dict[str, Any]], sourced: Sourced
) -> dict[str, Any]:
    return {
        "id": name,
        "country": country,
        "name": label,
        "topics": topics,
        "roles": [],
        "audience": [],
        "channels": channels,
        "hours": None,
        "languages": [],
        "source_urls": [source.url for source in sourced.sources],
        "read": [source.read.isoformat() for source in sourced.sources],
    }
