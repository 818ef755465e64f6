"""The orchestration: plan, then rounds of write, check and dedup, then split, and the corpus.

Every round is kept, so that a build that is killed goes on where it stopped and ends with the same bytes; a build
whose inputs have not changed does nothing.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from corpusgen.authors.offline import Brief, make_briefs
from corpusgen.checks import Pair, Rules, check_pairs, corpus_gates, pair_gates
from corpusgen.errors import RunError, Unmet, UsageError
from corpusgen.plan import Cell, make_plan, plan_table, stable_hash
from corpusgen.recipe import Inputs, load_inputs
from corpusgen.run import Run, read_table, write_bytes, write_table, write_text
from corpusgen.schema import corpus_schema
from corpusgen.splits import assign
from corpusgen.version import VERSION

if TYPE_CHECKING:
    import pyarrow as pa

    from corpusgen.dedup.embed import Vectors
    from corpusgen.dedup.foreign import Benchmarked
    from corpusgen.dedup.screen import Screen

__all__ = ["BuildResult", "Progress", "build"]

STAGES = ("plan", "write", "check", "dedup", "split", "report")

STAGE_VERSIONS = {"plan": 1, "write": 1, "check": 1, "dedup": 1, "split": 1, "report": 1}
"""Raised with a stage's code when its results change, so that older runs restale."""


class Progress(Protocol):
    """Where a build says what it is doing."""

    def stage(self, name: str, detail: str) -> None:
        """A stage has begun, or has something to say."""

    def count(self, done: int, total: int, what: str) -> None:
        """So many pairs are accepted."""


class Silent:
    """Says nothing."""

    def stage(self, name: str, detail: str) -> None:
        """Ignores it."""

    def count(self, done: int, total: int, what: str) -> None:
        """Ignores it."""


class Outcome(NamedTuple):
    """What became of one attempt."""

    id: str
    cell_id: str
    attempt: int
    outcome: str
    """accepted, failed, rejected (by a gate), duplicate, or partner (the other side of its contrast pair was lost)"""
    gate: str
    kind: str
    reason: str
    kept: str
    similarity: float


@dataclass(frozen=True)
class BuildResult:
    """How a build ended.

    Attributes:
        run: The run on disk.
        pairs: Pairs in the corpus.
        wanted: Pairs asked for.
        rejected: Pairs turned away by a gate.
        duplicates: Pairs removed as duplicates, or as too close to a benchmark.
        fresh: Whether anything had to be done.
        why: Why it had to be done, for people.
        starved: Ids of cells that used up their attempts.
    """

    run: Run
    pairs: int
    wanted: int
    rejected: int
    duplicates: int
    fresh: bool
    why: str
    starved: tuple[str, ...] = ()


@dataclass
class _Timer:
    """Seconds spent in each stage."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - start


def build(
    recipe: str | Path,
    out: str | Path | None = None,
    *,
    pairs: int | None = None,
    seed: int | None = None,
    author: str | None = None,
    workers: int | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> BuildResult:
    """Builds a corpus from a recipe, or brings a run up to date.

    Args:
        recipe: A recipe file, or the name of a bundled one.
        out: The run folder; ``runs/NAME`` by default, NAME being the recipe's file name.
        pairs: Overrides the recipe's number of pairs.
        seed: Overrides the recipe's seed.
        author: Overrides the recipe's author.
        workers: Processes that write; the number of processors by default. The corpus does not depend on it.
        fresh: Builds everything again; journal and review/ stay.
        progress: Where to say what is being done.

    Returns:
        What was made. Where cells starved, the pairs that could be made are there, and ``starved`` names the cells.

    Raises:
        InvalidFile: The recipe, or a file that it names, is wrong.
        UsageError: An argument is wrong, or the author is not available in this version.
        RunError: The run folder is of another format or damaged.
        StorageError: The disk is full or the folder cannot be written.
        AuthorError: The author failed as a whole.
    """
    said = progress or Silent()
    inputs = load_inputs(recipe, pairs=pairs, seed=seed, author=_author(author))
    if inputs.recipe.author.kind != "offline":
        do = "use --author offline, or a recipe whose author is offline"
        raise UsageError(f"the author '{inputs.recipe.author.kind}' is not part of this version", do=do)
    run = Run(Path(out) if out is not None else Path("runs") / inputs.path.stem)
    job = _Job(inputs, run, workers or os.cpu_count() or 1, said)
    return job.go(fresh)


def _author(kind: str | None) -> dict[str, str] | None:
    return None if kind is None else {"kind": kind}


class _Job:
    """One call of :func:`build`."""

    def __init__(self, inputs: Inputs, run: Run, workers: int, progress: Progress) -> None:
        self.inputs = inputs
        self.run = run
        self.workers = workers
        self.progress = progress
        self.timer = _Timer()
        self.benchmarks = _benchmark_hashes(inputs)
        self.key = stable_hash(inputs.digest(), *sorted(self.benchmarks.items()), *sorted(STAGE_VERSIONS.items()))

    def go(self, fresh: bool) -> BuildResult:
        state = {} if fresh else self.run.state()
        why = self._why(state, fresh)
        if not why:
            return self._result(state, fresh=False, why="")
        with self.timer("plan"):
            cells = make_plan(self.inputs)
        same_inputs = state.get("key") == self.key
        self.run.clear(everything=not same_inputs)
        if not same_inputs:
            state = self._new_state()
            self.run.save_state(state)
        self.progress.stage("plan", why)
        write_table(plan_table(cells), self.run.plan_path)
        outcomes, pairs, starved, vectors = _Rounds(self, cells).play()
        self._finish(cells, pairs, outcomes, starved, vectors, state)
        return self._result(state, fresh=True, why=why)

    def _why(self, state: Mapping[str, Any], fresh: bool) -> str:
        """Returns why there is something to do, or nothing."""
        if fresh:
            return "asked to build afresh"
        if not state:
            return "a new run"
        if state.get("key") != self.key:
            changed = _changed(state, self._new_state())
            return f"changed since the last build: {', '.join(changed) or 'the recipe'}"
        if state.get("state") != "built" or not self.run.corpus_path.is_file():
            return "the last build was not finished"
        if not self.run.metrics_path.is_file() or not self.run.report_path.is_file():
            return "the report is missing"
        return ""

    def _new_state(self) -> dict[str, Any]:
        recipe = self.inputs.recipe
        return {
            "state": "building",
            "key": self.key,
            "recipe": str(self.inputs.path),
            "recipe_hash": self.inputs.digest(),
            "settings": recipe.model_dump(mode="json", by_alias=True),
            "inputs": dict(self.inputs.files),
            "benchmarks": self.benchmarks,
            "version": VERSION,
            "stage_versions": STAGE_VERSIONS,
            "seed": recipe.seed,
            "cost_usd": 0.0,
        }

    def _finish(
        self,
        cells: Sequence[Cell],
        pairs: dict[str, dict[str, Any]],
        outcomes: list[Outcome],
        starved: list[str],
        vectors: dict[str, Any],
        state: dict[str, Any],
    ) -> None:
        from corpusgen.metrics import compute_metrics
        from corpusgen.report import write_report

        self.progress.stage("split", "whole groups, balanced domains")
        made = [cell for cell in cells if cell.cell_id in pairs]
        with self.timer("split"):
            settings = self.inputs.recipe.split
            if len(made) < len(cells):
                settings = settings.model_copy(
                    update={
                        "validation": settings.validation * len(made) // len(cells),
                        "test": settings.test * len(made) // len(cells),
                    }
                )
            near = _cross_mode_edges(made, pairs, vectors, self.inputs)
            splits = assign(made, near, settings, self.inputs.recipe.seed)
            table = self._corpus(made, pairs, splits)
        write_table(_outcome_table(outcomes, {"failed", "rejected", "partner"}), self.run.checks_path)
        write_table(_outcome_table(outcomes, {"duplicate"}), self.run.dedup_path)
        write_table(table, self.run.corpus_path)
        counts = Counter(item.outcome for item in outcomes)
        rounds = 1 + max((item.attempt for item in outcomes), default=0)
        state.update(
            counts={
                "wanted": len(cells),
                "pairs": table.num_rows,
                "attempts": len(outcomes),
                "rejected": counts["rejected"] + counts["failed"],
                "partners": counts["partner"],
                "duplicates": counts["duplicate"],
                "rounds": rounds,
                "starved": starved,
            },
            state="building",
        )
        self.progress.stage("report", "figures, pictures, one HTML file")
        with self.timer("report"):
            matrix = _matrix([pairs[cell.cell_id]["id"] for cell in made], vectors)
            metrics = compute_metrics(table, cells, outcomes, self.inputs, matrix, state)
            write_text(self.run.metrics_path, metrics.to_json())
        state["timings_s"] = {name: round(seconds, 2) for name, seconds in self.timer.seconds.items()}
        with self.timer("report"):
            write_report(self.run, table, metrics, state, matrix)
        state["timings_s"] = {name: round(seconds, 2) for name, seconds in self.timer.seconds.items()}
        state["state"] = "built"
        self.run.save_state(state)

    def _corpus(self, cells: Sequence[Cell], pairs: Mapping[str, Mapping[str, Any]], splits: Sequence[str]) -> pa.Table:
        import pyarrow as pa

        digest = self.inputs.digest()
        rows = [
            {
                **{name: getattr(cell, name) for name in _CELL_COLUMNS},
                "risk_flags": list(cell.risk_flags),
                "strategies": list(cell.strategies),
                **{name: pairs[cell.cell_id][name] for name in _WRITTEN_COLUMNS},
                "messages": [
                    {"role": "user", "content": pairs[cell.cell_id]["prompt"]},
                    {"role": "assistant", "content": pairs[cell.cell_id]["response"]},
                ],
                "language": "en",
                "split": split,
                "review_status": "unreviewed",
                "recipe_hash": digest,
            }
            for cell, split in zip(cells, splits, strict=True)
        ]
        return pa.Table.from_pylist(rows, schema=corpus_schema())

    def _result(self, state: Mapping[str, Any], *, fresh: bool, why: str) -> BuildResult:
        counts = state["counts"]
        return BuildResult(
            run=self.run,
            pairs=counts["pairs"],
            wanted=counts["wanted"],
            rejected=counts["rejected"],
            duplicates=counts["duplicates"],
            fresh=fresh,
            why=why,
            starved=tuple(counts["starved"]),
        )


_CELL_COLUMNS = [
    "cell_id",
    "pair_group",
    "domain",
    "category",
    "register",
    "seed_id",
    "role",
    "severity",
    "response_mode",
    "country",
    "ordinal",
]
_WRITTEN_COLUMNS = ["id", "prompt", "response", "components", "resources", "author", "model", "fell_back", "attempt"]


class _Rounds:
    """Rounds of write, check and dedup, until every quota is full or the attempts are used up."""

    def __init__(self, job: _Job, cells: Sequence[Cell]) -> None:
        from corpusgen.dedup.embed import MiniLM
        from corpusgen.dedup.screen import Screen

        self.job = job
        self.inputs = job.inputs
        self.run = job.run
        self.cells = cells
        self.by_id = {cell.cell_id: cell for cell in cells}
        self.encoder = MiniLM()
        self.rules = Rules(self.inputs.taxonomy, self.inputs.recipe.checks)
        self.gates = len(pair_gates(self.rules))
        self.corpus_gates = corpus_gates(self.rules)
        self.screen: Screen = Screen(
            self.inputs.recipe.dedup, self.inputs.taxonomy.registry, self.encoder, list(_benchmarks(self.inputs))
        )
        self.members: dict[str, list[str]] = defaultdict(list)
        for cell in cells:
            self.members[cell.pair_group or cell.cell_id].append(cell.cell_id)
        self.outcomes: list[Outcome] = []
        self.pairs: dict[str, dict[str, Any]] = {}
        self.vectors: dict[str, Any] = {}

    def play(self) -> tuple[list[Outcome], dict[str, dict[str, Any]], list[str], dict[str, Any]]:
        total = len(self.cells)
        first = 0
        for width in _block_widths(self.inputs.recipe.attempts):
            todo = [cell for cell in self.cells if cell.cell_id not in self.pairs]
            if not todo:
                break
            attempts = range(first, first + width)
            self.job.progress.stage("write", f"{len(todo):,} cells, attempt {_span(attempts)}")
            with self.job.timer("write"):
                rows = self._write(attempts, todo)
            for attempt in attempts:
                open_rows = [row for row in rows[attempt] if row["cell_id"] not in self.pairs]
                if open_rows:
                    self._round(attempt, open_rows)
                    self.job.progress.count(len(self.pairs), total, f"after round {attempt + 1}")
            first += width
        starved = [cell.cell_id for cell in self.cells if cell.cell_id not in self.pairs]
        return self.outcomes, self.pairs, starved, self.vectors

    def _round(self, attempt: int, rows: Sequence[dict[str, Any]]) -> None:
        timer, said = self.job.timer, self.job.progress
        said.stage("check", f"round {attempt + 1}: {len(rows):,} pairs, {self.gates + len(self.corpus_gates)} gates")
        with timer("check"):
            lost = self._check(rows)
        candidates = [row for row in rows if row["id"] not in lost]
        said.stage("dedup", f"round {attempt + 1}: {len(candidates):,} candidates")
        with timer("embed"):
            vectors = self._embed(attempt, candidates)
        with timer("dedup"):
            lost.update(self._duplicates(candidates, vectors))
        with timer("check"):
            lost.update(self._whole_corpus([row for row in candidates if row["id"] not in lost]))
        self._settle(rows, lost, dict(zip([row["id"] for row in candidates], vectors, strict=True)))

    def _write(self, attempts: range, todo: Sequence[Cell]) -> dict[int, list[dict[str, Any]]]:
        """Has the missing parts of a block written, and returns all of its rows by attempt, in plan order."""
        from corpusgen.pipeline import PART_ROWS, write_parts

        briefs = [
            brief for attempt in attempts for brief in make_briefs(self.cells, {cell.cell_id: attempt for cell in todo})
        ]
        parts = {
            f"part-{attempts.start:02d}-{start // PART_ROWS:05d}.parquet": briefs[start : start + PART_ROWS]
            for start in range(0, len(briefs), PART_ROWS)
        }
        missing = {name: some for name, some in parts.items() if not self._whole(name, some)}
        write_parts(self.inputs, missing, self.run.written, self.job.workers)
        rows: dict[int, list[dict[str, Any]]] = {attempt: [] for attempt in attempts}
        for name in parts:
            for row in read_table(self.run.written / name).to_pylist():
                cell = self.by_id[row["cell_id"]]
                labels = {column: getattr(cell, column) for column in _GATE_COLUMNS}
                rows[row["attempt"]].append({**labels, **row})
        return rows

    def _whole(self, name: str, briefs: Sequence[Brief]) -> bool:
        """Whether a part is there and holds just these cells; anything else is written again."""
        path = self.run.written / name
        if not path.is_file():
            return False
        try:
            found = read_table(path).select(["cell_id", "attempt"]).to_pylist()
            return [tuple(row.values()) for row in found] == [(brief.cell.cell_id, brief.attempt) for brief in briefs]
        except RunError:
            path.unlink()
            return False

    def _check(self, rows: Sequence[dict[str, Any]]) -> dict[str, tuple[str, str, str, str, str, float]]:
        """Returns what is lost at the pair gates: outcome, gate, kind, reason, kept, similarity by pair id."""
        lost: dict[str, tuple[str, str, str, str, str, float]] = {}
        written = [row for row in rows if row["status"] == "ok"]
        lost.update(
            {
                row["id"]: ("failed", "author", "quality", row["status"], "", 0.0)
                for row in rows
                if row["status"] != "ok"
            }
        )
        judged = check_pairs([_pair(row) for row in written], self.rules, self.job.workers)
        for row, found in zip(written, judged, strict=True):
            if found:
                first = found[0]
                lost[row["id"]] = ("rejected", first.gate, first.kind, first.reason, "", 0.0)
        return lost

    def _embed(self, attempt: int, rows: Sequence[Mapping[str, Any]]) -> Vectors:
        """Returns the prompts' embeddings, from disk where the same prompts were embedded before."""
        import numpy as np

        prompts = [row["prompt"] for row in rows]
        digest = hashlib.sha256("\x1e".join(prompts).encode()).hexdigest()[:16]
        path = self.run.embeddings / f"round-{attempt:02d}-{digest}.npy"
        if path.is_file():
            try:
                found: Vectors = np.load(path)
                if len(found) == len(prompts):
                    return found
            except (OSError, ValueError):
                path.unlink(missing_ok=True)
        vectors = self.encoder.encode(prompts)
        _save_array(vectors, path)
        return vectors

    def _duplicates(
        self, rows: Sequence[dict[str, Any]], vectors: Vectors
    ) -> dict[str, tuple[str, str, str, str, str, float]]:
        found = self.screen.duplicates([_pair(row) for row in rows], vectors)
        return {item.id: ("duplicate", item.kind, "quality", item.text, item.kept, item.similarity) for item in found}

    def _whole_corpus(self, rows: Sequence[dict[str, Any]]) -> dict[str, tuple[str, str, str, str, str, float]]:
        lost: dict[str, tuple[str, str, str, str, str, float]] = {}
        newcomers = [_pair(row) for row in rows]
        for gate in self.corpus_gates:
            left = [pair for pair in newcomers if pair.id not in lost]
            for name, reason in gate.screen(self.screen.accepted, left, len(self.cells)).items():
                lost[name] = ("rejected", gate.name, gate.kind, reason, "", 0.0)
        return lost

    def _settle(
        self,
        rows: Sequence[dict[str, Any]],
        lost: Mapping[str, tuple[str, str, str, str, str, float]],
        vectors: Mapping[str, Any],
    ) -> None:
        """Accepts what survived, both sides of a contrast pair or neither, and notes what became of every attempt."""
        import numpy as np

        fine = {row["cell_id"] for row in rows if row["id"] not in lost}
        accepted = []
        for row in rows:
            cell = self.by_id[row["cell_id"]]
            reason = lost.get(row["id"])
            if reason is None and not fine.issuperset(self.members[cell.pair_group or cell.cell_id]):
                what = "the other side of its contrast pair was lost; both are written again"
                reason = ("partner", "contrast_pair", "quality", what, "", 0.0)
            if reason is None:
                accepted.append(row)
                reason = ("accepted", "", "", "", "", 0.0)
            self.outcomes.append(Outcome(row["id"], row["cell_id"], row["attempt"], *reason))
        for row in accepted:
            self.pairs[row["cell_id"]] = row
            self.vectors[row["id"]] = vectors[row["id"]]
        if accepted:
            matrix = np.stack([vectors[row["id"]] for row in accepted])
            self.screen.accept([_pair(row) for row in accepted], matrix)


def _block_widths(attempts: int) -> Iterator[int]:
    """Yields how many attempts are written at a time: one for all cells, then several for the few that are left.

    Starting the writers costs more than composing a few pairs that turn out not to be needed.
    """
    left = attempts
    for width in (1, 7, attempts):
        if left > 0:
            yield min(width, left)
            left -= width


def _span(attempts: range) -> str:
    last = attempts.stop
    return str(last) if len(attempts) == 1 else f"{attempts.start + 1} to {last}"


_GATE_COLUMNS = [
    "domain",
    "category",
    "role",
    "severity",
    "register",
    "country",
    "response_mode",
    "risk_flags",
    "strategies",
]


def _pair(row: Mapping[str, Any]) -> Pair:
    return Pair(
        id=row["id"],
        prompt=row["prompt"],
        response=row["response"],
        **{name: row[name] for name in _GATE_COLUMNS},
        components=tuple(row["components"]),
        resources=tuple(row["resources"]),
    )


def _save_array(array: Vectors, path: Path) -> None:
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array)
    write_bytes(path, buffer.getvalue())


def _matrix(ids: Sequence[str], vectors: Mapping[str, Any]) -> Vectors:
    import numpy as np

    return np.stack([vectors[name] for name in ids])


def _cross_mode_edges(
    cells: Sequence[Cell], pairs: Mapping[str, Mapping[str, Any]], vectors: Mapping[str, Any], inputs: Inputs
) -> list[Any]:
    """Near-duplicate prompts of different modes are both kept; they must not be parted by the split."""
    from corpusgen.dedup.embed import MiniLM
    from corpusgen.dedup.semantic import semantic_edges

    prompts = [pairs[cell.cell_id]["prompt"] for cell in cells]
    matrix = _matrix([pairs[cell.cell_id]["id"] for cell in cells], vectors)
    return list(semantic_edges(prompts, matrix, inputs.recipe.dedup.semantic, MiniLM()))


def _outcome_table(outcomes: Iterable[Outcome], kinds: set[str]) -> pa.Table:
    import pyarrow as pa

    text = pa.string()
    schema = pa.schema(
        [
            ("id", text),
            ("cell_id", text),
            ("attempt", pa.int32()),
            ("outcome", text),
            ("gate", text),
            ("kind", text),
            ("reason", text),
            ("kept", text),
            ("similarity", pa.float64()),
        ]
    )
    return pa.Table.from_pylist([item._asdict() for item in outcomes if item.outcome in kinds], schema=schema)


def _benchmark_hashes(inputs: Inputs) -> dict[str, str]:
    """Returns the SHA-256 of each benchmark that is present, and "absent" for one that is not.

    Raises:
        RunError: A benchmark that is not optional is absent.
    """
    found = {}
    for benchmark in inputs.recipe.dedup.benchmarks:
        path = inputs.benchmark_path(benchmark)
        if path.is_file():
            found[benchmark.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif benchmark.optional:
            found[benchmark.name] = "absent"
        else:
            do = "put the file there, or set 'optional: true' for it in the recipe"
            raise RunError(f"the benchmark '{benchmark.name}' is absent", where=path, do=do)
    return found


def _benchmarks(inputs: Inputs) -> Iterator[Benchmarked]:
    from corpusgen.dedup.foreign import Benchmarked
    from corpusgen.tables import read_column

    for benchmark in inputs.recipe.dedup.benchmarks:
        path = inputs.benchmark_path(benchmark)
        if path.is_file():
            yield Benchmarked(benchmark.name, tuple(read_column(path, benchmark.column)))


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Returns what differs between two states, for people."""
    changed = []
    for name, label in (("settings", "the recipe"), ("benchmarks", "a benchmark"), ("stage_versions", "corpusgen")):
        if old.get(name) != new.get(name):
            changed.append(label)
    before, after = old.get("inputs", {}), new["inputs"]
    files = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    changed.extend(files[:5])
    if len(files) > 5:
        changed.append(f"{len(files) - 5} more files")
    return changed


def raise_unmet(result: BuildResult) -> None:
    """Raises when a build has fewer pairs than were asked for.

    Raises:
        Unmet: Naming the starved cells.
    """
    if result.starved:
        shown = ", ".join(result.starved[:5]) + (" …" if len(result.starved) > 5 else "")
        what = f"{result.pairs:,} of {result.wanted:,} pairs could be made; starved cells: {shown}"
        do = "add situations or phrases where they starve (see the report), or raise 'attempts' in the recipe"
        raise Unmet(what, where=result.run.root, do=do)
