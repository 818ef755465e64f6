"""The steps around an author: briefs in, Parquet parts out; and the offline author's own two steps."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from distilabel.steps import GeneratorStep, Step, StepInput

from corpusgen.authors.grounding import Grounding
from corpusgen.authors.offline import Brief, Composer
from corpusgen.examples import load_examples
from corpusgen.plan import Cell, pair_id
from corpusgen.run import write_table
from corpusgen.schema import written_schema
from corpusgen.seeds import load_seeds
from corpusgen.taxonomy import load_taxonomy

__all__ = ["BriefSource", "ComposePrompt", "ComposeResponse", "KeepPart", "brief_of", "grounding", "lend", "row_of"]


_lent: dict[tuple[str, str], Grounding] = {}


def lend(found: Grounding) -> None:
    """Keeps what steps need in this process, for forked steps to inherit."""
    seeds = found.composer.seeds
    _lent[str(found.taxonomy.root), str(seeds.root)] = found


def grounding(taxonomy: str, seeds: str) -> Grounding:
    """Returns taxonomy, seeds and composer; loads them where the parent's are not inherited."""
    if (taxonomy, seeds) not in _lent:
        loaded = load_taxonomy(Path(taxonomy))
        composer = Composer(loaded, load_seeds(Path(seeds), loaded))
        _lent[taxonomy, seeds] = Grounding(composer, load_examples(Path(seeds), loaded).exemplars)
    return _lent[taxonomy, seeds]


def row_of(part: str, brief: Brief) -> dict[str, Any]:
    """Returns a brief as a row of the pipeline."""
    return {"part": part, "brief": json.dumps({**vars(brief), "cell": vars(brief.cell)})}


def brief_of(row: dict[str, Any]) -> Brief:
    """Returns the brief of a row."""
    found = json.loads(row["brief"])
    lists = {name: tuple(found["cell"][name]) for name in ("risk_flags", "strategies", "topics")}
    return Brief(Cell(**{**found["cell"], **lists}), found["attempt"], found["rank"])


class BriefSource(GeneratorStep):
    """Yields briefs from a file of JSON lines, until they end or the file ``stop`` appears.

    They are read from a file: distilabel writes a step's attributes out again with every batch.
    """

    path: str
    stop: str

    def process(self, offset: int = 0) -> Iterator[tuple[list[dict[str, Any]], bool]]:
        """Yields batches of rows and whether the batch is the last."""
        with Path(self.path).open(encoding="utf-8") as lines:
            waiting: list[dict[str, Any]] = []
            for line in lines:
                if len(waiting) == self.batch_size:
                    if Path(self.stop).exists():
                        break
                    yield waiting, False
                    waiting = []
                waiting.append(json.loads(line))
            yield waiting, True

    @property
    def outputs(self) -> list[str]:
        """The columns of a brief."""
        return ["part", "brief"]


class _Compose(Step):
    """A step that composes from a seed bank."""

    taxonomy: str
    seeds: str

    def _each(self, rows: list[dict[str, Any]], write: Callable[[Composer, Brief, dict[str, Any]], None]) -> None:
        author = grounding(self.taxonomy, self.seeds).composer
        for row in rows:
            if row.get("status", "ok") != "ok":
                continue
            try:
                write(author, brief_of(row), row)
                row["status"] = "ok"
            except Exception as error:  # a row's failure is its status, and must not void its batch
                row.update(status=f"failed: {type(error).__name__}: {error}", **EMPTY)


EMPTY: dict[str, Any] = {"prompt": "", "response": "", "components": [], "resources": []}


class ComposePrompt(_Compose):
    """Writes the prompt of each brief."""

    @property
    def inputs(self) -> list[str]:
        """Columns read."""
        return ["brief"]

    @property
    def outputs(self) -> list[str]:
        """Columns added."""
        return ["prompt", "status"]

    def process(self, *inputs: StepInput) -> Iterator[list[dict[str, Any]]]:
        """Yields the batch with prompts."""

        def write(author: Composer, brief: Brief, row: dict[str, Any]) -> None:
            row["prompt"] = author.prompt(brief)

        for rows in inputs:
            self._each(rows, write)
            yield rows


class ComposeResponse(_Compose):
    """Writes the response of each brief, with its resources filled in from the registry."""

    @property
    def inputs(self) -> list[str]:
        """Columns read."""
        return ["brief", "prompt", "status"]

    @property
    def outputs(self) -> list[str]:
        """Columns added."""
        return ["response", "components", "resources"]

    def process(self, *inputs: StepInput) -> Iterator[list[dict[str, Any]]]:
        """Yields the batch with responses."""

        def write(author: Composer, brief: Brief, row: dict[str, Any]) -> None:
            written = author.response(brief, row["prompt"])
            row["response"] = written.response
            row["components"] = list(written.components)
            row["resources"] = list(written.resources)

        for rows in inputs:
            self._each(rows, write)
            yield rows


class KeepPart(Step):
    """Writes each batch as one Parquet part, whole or not at all, and passes on only its name.

    A part in which a row was stopped is not kept: it is written again when the build goes on.
    """

    folder: str
    author: str = "offline"
    model: str | None = None
    fell_back: bool = False

    @property
    def inputs(self) -> list[str]:
        """Columns read."""
        return ["part", "brief", "prompt", "response", "components", "resources", "status"]

    @property
    def outputs(self) -> list[str]:
        """Columns that reach the Distiset, which nothing reads."""
        return ["kept"]

    def process(self, *inputs: StepInput) -> Iterator[list[dict[str, Any]]]:
        """Yields one row a part."""
        import pyarrow as pa

        for rows in inputs:
            name = rows[0]["part"]
            if not any(row["status"].startswith("stopped") for row in rows):
                table = pa.Table.from_pylist([self._written(row) for row in rows], schema=written_schema())
                write_table(table, Path(self.folder) / name)
            yield [{"kept": name}]

    def _written(self, row: dict[str, Any]) -> dict[str, Any]:
        brief = brief_of(row)
        return {
            "id": pair_id(brief.cell.cell_id, brief.attempt),
            "cell_id": brief.cell.cell_id,
            "attempt": brief.attempt,
            "status": row["status"],
            "prompt": row["prompt"],
            "response": row["response"],
            "components": row["components"],
            "resources": row["resources"],
            "spares": row.get("spares") or [],
            "author": self.author,
            "model": self.model,
            "fell_back": self.fell_back,
        }
