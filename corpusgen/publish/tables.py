"""The tables of a release beside the corpus: preference pairs, and the registry of resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corpusgen.checks import Pair, Rules, check_pair, pair_gates
from corpusgen.plan import stable_hash
from corpusgen.publish.spares import Spares
from corpusgen.recipe import Inputs
from corpusgen.resources import Registry, Sourced
from corpusgen.schema import Mode

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Preferences", "preference_schema", "resources_schema", "resources_table"]

OWED = frozenset({"crisis_line", "emergency_first", "danger", "boundary"})
"""Safety gates that ask for something to be there. A rejected side is poor because it leaves that out; it must pass all
the others, which ask that nothing harmful be there."""


def preference_schema() -> pa.Schema:
    """The ``preference`` configuration: prompt, chosen and rejected as chat lists."""
    import pyarrow as pa

    text = pa.string()
    chat = pa.list_(pa.struct([("role", text), ("content", text)]))
    columns = [("id", text), ("prompt", chat), ("chosen", chat), ("rejected", chat)]
    return pa.schema([*columns, ("domain", text), ("response_mode", text), ("corpus_split", text)])


class Preferences:
    """Gives every pair of a corpus its rejected side.

    That is a curt refusal; for a harmless look-alike an unnecessary one. Where a model wrote several candidates, it is
    one that was not chosen and passed every safety gate.

    Args:
        inputs: The recipe's inputs.
        spares: Candidates that were not chosen.
    """

    COLUMNS = ("id", "prompt", "response", "response_mode", "domain", "split")
    """What is read of the corpus."""

    def __init__(self, inputs: Inputs, spares: Spares) -> None:
        gates = [
            gate
            for gate in pair_gates(Rules(inputs.taxonomy, inputs.recipe.checks))
            if gate.kind == "safety" and gate.name not in OWED
        ]
        curt = inputs.seeds.phrases
        self._pools = {
            True: [text for text in curt.over_refusals if not check_pair(Pair("", "", text), gates)],
            False: [text for text in curt.refusals if not check_pair(Pair("", "", text), gates)],
        }
        self._spares = spares

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns the preference pairs of some pairs, in their order."""
        import pyarrow as pa

        rows = [
            {
                "id": row["id"],
                "prompt": [_turn("user", row["prompt"])],
                "chosen": [_turn("assistant", row["response"])],
                "rejected": [_turn("assistant", self._rejected(row["id"], row["response_mode"]))],
                "domain": row["domain"],
                "response_mode": row["response_mode"],
                "corpus_split": row["split"],
            }
            for row in batch.select([*self.COLUMNS]).to_pylist()
        ]
        return pa.RecordBatch.from_pylist(rows, schema=preference_schema())

    def _rejected(self, name: str, mode: str) -> str:
        left = self._spares.of(name) or self._pools[mode == Mode.ANSWER]
        return left[int(stable_hash("rejected", name), 16) % len(left)]


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
    return pa.Table.from_pylist(rows, schema=resources_schema())


def resources_schema() -> pa.Schema:
    """The ``resources`` configuration: one row a number, line, service or directory."""
    import pyarrow as pa

    text = pa.string()
    texts = pa.list_(text)
    return pa.schema(
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
