"""The orchestration: plan, then rounds of write, check and dedup, then split, review decisions, and the corpus.

Every round is kept, so that a build that is killed goes on where it stopped and ends with the same bytes; a build
whose inputs have not changed does nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusgen.errors import RunError, Unmet
from corpusgen.plan import make_plan, plan_table, stable_hash
from corpusgen.progress import Progress, Silent, Timer
from corpusgen.recipe import Inputs, load_inputs
from corpusgen.reviews import ReviewFolder, read_decisions
from corpusgen.run import Run, write_table, write_text
from corpusgen.version import VERSION

if TYPE_CHECKING:
    from corpusgen.revision import Revised
    from corpusgen.rounds import Rounds

__all__ = ["BuildResult", "Progress", "build"]

STAGE_VERSIONS = {"plan": 1, "write": 2, "check": 1, "dedup": 1, "split": 2, "review": 1, "report": 1}
"""Raised with a stage's code when its results change, so that older runs restale."""


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
        short: Splits whose count whole groups could not make, for people.
        fell_back: Pairs that the offline author wrote in place of a language model.
        modelled: Whether a language model was the author.
        max_fallback_share: The largest share of such pairs that the recipe allows.
    """

    run: Run
    pairs: int
    wanted: int
    rejected: int
    duplicates: int
    fresh: bool
    why: str
    starved: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    fell_back: int = 0
    modelled: bool = False
    max_fallback_share: float = 1.0


def build(
    recipe: str | Path,
    out: str | Path | None = None,
    *,
    pairs: int | None = None,
    seed: int | None = None,
    author: str | None = None,
    base_url: str | None = None,
    model: str | None = None,
    concurrency: int | None = None,
    workers: int | None = None,
    ray: str | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> BuildResult:
    """Builds a corpus from a recipe, or brings a run up to date.

    Args:
        recipe: A recipe file, or the name of a bundled one.
        out: The run folder; ``runs/NAME`` by default, NAME being the recipe's file name.
        pairs: Overrides the recipe's number of pairs.
        seed: Overrides the recipe's seed.
        author: Overrides the recipe's author: ``offline``, ``llm`` or ``local``.
        base_url: Overrides the recipe's endpoint.
        model: Overrides the recipe's model.
        concurrency: Overrides how many requests may be in flight. The corpus does not depend on it.
        workers: Processes that write; the number of processors by default. The corpus does not depend on it.
        ray: ``local``, or the address of a Ray cluster, to have the steps run as its actors. The corpus does not depend
            on it.
        fresh: Builds everything again; journal and review/ stay.
        progress: Where to say what is being done.

    Returns:
        What was made. Where something asked for is not met, the pairs that could be made are there, and ``starved``
        and ``short`` say what is missing.

    Raises:
        InvalidFile: The recipe, or a file that it names, is wrong.
        UsageError: An argument is wrong.
        RunError: The run folder is of another format or damaged.
        StorageError: The disk is full or the folder cannot be written.
        AuthorError: The author failed as a whole: its endpoint gives no answers.
        ModelError: An embedded model is missing.
        Unmet: The budget is reached; the same call goes on when it is raised.
    """
    said = progress or Silent()
    given = {"kind": author, "endpoint": base_url, "model": model, "concurrency": concurrency}
    changed = {name: value for name, value in given.items() if value is not None}
    inputs = load_inputs(recipe, pairs=pairs, seed=seed, author=changed or None)
    run = Run(Path(out) if out is not None else Path("runs") / inputs.path.stem)
    job = _Job(inputs, run, workers or os.cpu_count() or 1, said, ray)
    with job.timer.interrupts:
        return job.go(fresh)


class _Job:
    """One call of :func:`build`."""

    def __init__(self, inputs: Inputs, run: Run, workers: int, progress: Progress, ray: str | None) -> None:
        self.inputs = inputs
        self.ray = ray
        self.run = run
        self.workers = workers
        self.progress = progress
        self.timer = Timer()
        self.benchmarks = _benchmark_hashes(inputs)
        decisions = ReviewFolder(run.review).decisions_path
        self.decisions = read_decisions(decisions)
        self.decisions_hash = hashlib.sha256(decisions.read_bytes()).hexdigest() if self.decisions else ""
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
        from corpusgen.pipeline import open_writer
        from corpusgen.rounds import Rounds

        with open_writer(self.inputs, self.run.journal_path, self.workers, self.progress, self.ray) as writer:
            rounds = Rounds(self.inputs, self.run, cells, writer, self.workers, self.progress, self.timer)
            rounds.play()
            splits, short = self._split(rounds)
            revised = self._revise(rounds, splits)
            usage = writer.usage()
        state["usage"] = [item._asdict() for item in usage]
        state["cost_usd"] = round(sum(item.cost_usd for item in usage), 6)
        state["decisions"] = self.decisions_hash
        self._finish(rounds, splits, short, revised, state)
        return self._result(state, fresh=True, why=why)

    def _split(self, rounds: Rounds) -> tuple[dict[str, str], list[str]]:
        """Returns the split of every cell that was filled, and what whole groups could not make, for people."""
        from corpusgen.splits import assign, near_across_modes

        self.progress.stage("split", "whole groups, balanced domains")
        with self.timer("split"):
            made = [cell for cell in rounds.cells if cell.cell_id in rounds.pairs]
            settings = self.inputs.recipe.split
            if len(made) < len(rounds.cells):
                settings = settings.model_copy(
                    update={
                        "validation": settings.validation * len(made) // len(rounds.cells),
                        "test": settings.test * len(made) // len(rounds.cells),
                    }
                )
            prompts = [rounds.pairs[cell.cell_id]["prompt"] for cell in made]
            near = near_across_modes(prompts, rounds.matrix(made), self.inputs.recipe.dedup.semantic)
            splits, short = assign(made, near, settings, self.inputs.recipe.seed)
        return {cell.cell_id: split for cell, split in zip(made, splits, strict=True)}, list(short)

    def _revise(self, rounds: Rounds, splits: Mapping[str, str]) -> Revised:
        from corpusgen.revision import Revised, revise

        if not self.decisions:
            return Revised()
        self.progress.stage("review", f"{len(self.decisions):,} decisions to compile in")
        return revise(rounds, splits, self.decisions, self.inputs.recipe.dedup.semantic)

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
        if state.get("decisions", "") != self.decisions_hash:
            return "the review's decisions have changed"
        figures = (self.run.metrics_path, self.run.report_path, self.run.picture_path)
        if not all(path.is_file() for path in figures):
            return "the report is missing"
        return ""

    def _new_state(self) -> dict[str, Any]:
        recipe = self.inputs.recipe
        return {
            "state": "building",
            "key": self.key,
            # whole, since a run is used from other folders, where a relative name may mean the bundled recipe
            "recipe": str(self.inputs.path.resolve()),
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
        self, rounds: Rounds, splits: Mapping[str, str], short: list[str], revised: Revised, state: dict[str, Any]
    ) -> None:
        from corpusgen.assembly import corpus_table, lineage_table, outcome_table
        from corpusgen.metrics import compute_metrics
        from corpusgen.report import draw_picture, write_report

        cells, outcomes, run = rounds.cells, rounds.outcomes, self.run
        made = [cell for cell in cells if cell.cell_id in rounds.pairs]
        table = corpus_table(made, rounds.pairs, splits, revised.status, self.inputs.digest())
        write_table(outcome_table(outcomes, {"failed", "rejected", "partner", "dropped"}), run.checks_path)
        write_table(outcome_table(outcomes, {"duplicate"}), run.dedup_path)
        if revised.lineage:
            write_table(lineage_table(revised.lineage), run.lineage_path)
        write_table(table, run.corpus_path)
        counts = Counter(item.outcome for item in outcomes)
        state.update(
            counts={
                "wanted": len(cells),
                "pairs": table.num_rows,
                "attempts": len(outcomes),
                "rejected": counts["rejected"] + counts["failed"],
                "partners": counts["partner"],
                "duplicates": counts["duplicate"],
                "rounds": 1 + max((item.attempt for item in outcomes), default=0),
                "starved": [cell.cell_id for cell in cells if cell.cell_id not in rounds.pairs],
                "short": short,
                "fell_back": sum(pair["fell_back"] for pair in rounds.pairs.values()),
                "reviewed": revised.counts(),
            },
            state="building",
        )
        self.progress.stage("report", "figures, pictures, one HTML file")
        with self.timer("report"), ThreadPoolExecutor(1) as drawing:
            matrix = rounds.matrix(made)
            # most of the drawing happens outside the interpreter's lock
            picture = drawing.submit(draw_picture, table, matrix)
            metrics = compute_metrics(table, cells, outcomes, self.inputs, matrix, state)
            write_text(run.metrics_path, metrics.to_json())
        state["timings_s"] = {name: round(seconds, 2) for name, seconds in self.timer.seconds.items()}
        with self.timer("report"):
            write_report(run, table, metrics, state, picture.result())
        state["timings_s"] = {name: round(seconds, 2) for name, seconds in self.timer.seconds.items()}
        state["state"] = "built"
        run.save_state(state)

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
            short=tuple(counts["short"]),
            fell_back=counts["fell_back"],
            modelled=self.inputs.recipe.author.kind != "offline",
            max_fallback_share=self.inputs.recipe.author.max_fallback_share,
        )


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
    """Raises when a build lacks something that was asked for.

    Raises:
        Unmet: Naming the starved cells, the splits that are short, or the share that fell back.
    """
    missing, mend = [], []
    if result.starved:
        shown = ", ".join(result.starved[:5]) + (" …" if len(result.starved) > 5 else "")
        missing.append(f"{result.pairs:,} of {result.wanted:,} pairs could be made; starved cells: {shown}")
        mend.append("add situations or phrases where they starve (see the report), or raise 'attempts' in the recipe")
    if result.short:
        missing.append(f"whole groups cannot make every split: {', '.join(result.short)}")
        mend.append("change the counts under 'split' in the recipe, or add situations to the domain")
    if result.fell_back > result.max_fallback_share * result.pairs:
        allowed = f"the recipe allows {result.max_fallback_share:.0%}"
        missing.append(f"{result.fell_back:,} of {result.pairs:,} pairs fell back to the offline author; {allowed}")
        mend.append("see in the report which gates rejected the model's pairs, or raise 'max_fallback_share'")
    if missing:
        raise Unmet("; ".join(missing), where=result.run.root, do="; ".join(mend))
