"""The distilabel pipeline that writes pairs: briefs in, Parquet parts out.

distilabel runs the steps, each in a process of its own. What it is unsafe at is done here (it was measured with
version 1.5.3): results are kept by the last step, part by part and renamed into place, so that nothing depends on its
cache or on the Distiset; a row that fails becomes a row with its status instead of ``None``; an interrupt is raised
instead of returned as a shorter result; no step outlives a killed parent.

No postponed annotations here: distilabel reads the hints of ``process`` at run time.
"""

import gc
import json
import logging
import os
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# distilabel warns about optional packages at import; nothing of them is used
logging.getLogger("distilabel").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", message="The .default. attribute with value None")

_hook = sys.excepthook
from distilabel.pipeline import Pipeline as Distilabel  # noqa: E402  (after its logger is quiet)
from distilabel.pipeline.base import _STEP_NOT_LOADED_CODE  # noqa: E402  (as above)
from distilabel.steps import GeneratorStep, Step, StepInput, StepResources  # noqa: E402

# distilabel replaces the traceback printer by one that shows local variables, keys among them
sys.excepthook = _hook

from corpusgen.authors.offline import Brief, Composer  # noqa: E402
from corpusgen.errors import AuthorError  # noqa: E402
from corpusgen.plan import Cell, pair_id  # noqa: E402
from corpusgen.recipe import Inputs  # noqa: E402
from corpusgen.run import write_table  # noqa: E402
from corpusgen.schema import written_schema  # noqa: E402
from corpusgen.seeds import load_seeds  # noqa: E402
from corpusgen.taxonomy import load_taxonomy  # noqa: E402

__all__ = ["write_parts"]

PART_ROWS = 500
"""Pairs a part: a kill costs at most this many compositions a process."""


_composers: dict[tuple[str, str], Composer] = {}


def composer(taxonomy: str, seeds: str) -> Composer:
    """Returns the composer for a taxonomy and a seed folder; loads them where the parent's are not inherited."""
    if (taxonomy, seeds) not in _composers:
        loaded = load_taxonomy(Path(taxonomy))
        _composers[taxonomy, seeds] = Composer(loaded, load_seeds(Path(seeds), loaded))
    return _composers[taxonomy, seeds]


class BriefSource(GeneratorStep):
    """Yields briefs, one batch a part.

    They are read from a file: distilabel writes a step's attributes out again with every batch.
    """

    path: str

    def process(self, offset: int = 0) -> Iterator[tuple[list[dict[str, Any]], bool]]:
        """Yields batches of rows and whether the batch is the last."""
        rows = json.loads(Path(self.path).read_text(encoding="utf-8"))
        size = self.batch_size
        for start in range(offset, len(rows), size):
            yield rows[start : start + size], start + size >= len(rows)

    @property
    def outputs(self) -> list[str]:
        """The columns of a brief."""
        return ["part", "brief"]


class _Compose(Step):
    """A step that composes from a seed bank."""

    taxonomy: str
    seeds: str

    def _each(self, rows: list[dict[str, Any]], write: Callable[[Composer, Brief, dict[str, Any]], None]) -> None:
        author = composer(self.taxonomy, self.seeds)
        for row in rows:
            if row.get("status", "ok") != "ok":
                continue
            brief = json.loads(row["brief"])
            try:
                write(author, Brief(_cell(brief["cell"]), brief["attempt"], brief["rank"]), row)
                row["status"] = "ok"
            except Exception as error:  # a row's failure is its status, and must not void its batch
                row.update(status=f"failed: {type(error).__name__}: {error}", **_EMPTY)


_EMPTY: dict[str, Any] = {"prompt": "", "response": "", "components": [], "resources": []}


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
    """Writes each batch as one Parquet part, whole or not at all, and passes on only its name."""

    folder: str

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
            table = pa.Table.from_pylist([_written_row(row) for row in rows], schema=written_schema())
            write_table(table, Path(self.folder) / rows[0]["part"])
            yield [{"kept": rows[0]["part"]}]


class Pipeline(Distilabel):
    """A distilabel pipeline that notices at once that its steps are there.

    distilabel looks once, sleeps for 2.5 s and looks again, which is longer than a small round of writing takes.
    """

    def _run_steps(self, steps: Iterable[str]) -> None:
        """Starts the steps and waits until each has said that it is loaded, at most as long as distilabel sleeps."""
        names = list(steps)
        super()._run_steps(names)
        end = time.monotonic() + LONGEST_WAIT_S
        while time.monotonic() < end and not self._stop_called:
            with self._steps_load_status_lock:
                loaded = self._get_steps_load_status(names)
            if all(self._settled(name, count) for name, count in loaded.items()):
                return
            time.sleep(0.01)

    def _settled(self, name: str, loaded: int) -> bool:
        # negative codes stand for a step that has failed to load, or is done already
        return loaded == self.dag.get_step_replica_count(name) or (loaded < 0 and loaded != _STEP_NOT_LOADED_CODE)


LONGEST_WAIT_S = 2.5


def _cell(values: dict[str, Any]) -> Cell:
    lists = {name: tuple(values[name]) for name in ("risk_flags", "strategies", "topics")}
    return Cell(**{**values, **lists})


def _written_row(row: dict[str, Any]) -> dict[str, Any]:
    brief = json.loads(row["brief"])
    cell_id, attempt = brief["cell"]["cell_id"], brief["attempt"]
    return {
        "id": pair_id(cell_id, attempt),
        "cell_id": cell_id,
        "attempt": attempt,
        "status": row["status"],
        "prompt": row["prompt"],
        "response": row["response"],
        "components": row["components"],
        "resources": row["resources"],
        "author": "offline",
        "model": None,
        "fell_back": False,
    }


def write_parts(
    inputs: Inputs,
    batches: Mapping[str, Sequence[Brief]],
    folder: Path,
    workers: int,
) -> None:
    """Has the offline author write briefs, and keeps the parts.

    Args:
        inputs: The recipe's inputs.
        batches: Briefs by the name of the part that they make, at most :data:`PART_ROWS` each.
        folder: Where the parts go.
        workers: Processes that compose responses, at least 1.

    Raises:
        AuthorError: The pipeline failed, or ended without all parts.
        KeyboardInterrupt: Ctrl+C; the parts written so far are kept.
    """
    if not batches:
        return
    taxonomy, seeds = str(inputs.taxonomy.root), str(inputs.seeds.root)
    _composers[taxonomy, seeds] = Composer(inputs.taxonomy, inputs.seeds)  # forked steps inherit it
    rows: list[dict[str, Any]] = []
    size = max(len(briefs) for briefs in batches.values())
    # batches are cut by number, so that a part that is not full stands last
    for part, briefs in sorted(batches.items(), key=lambda item: -len(item[1])):
        rows.extend({"part": part, "brief": json.dumps({**vars(brief), "cell": vars(brief.cell)})} for brief in briefs)
    with tempfile.TemporaryDirectory(prefix="corpusgen-") as scratch:
        briefs_path = Path(scratch) / "briefs.json"
        briefs_path.write_text(json.dumps(rows), encoding="utf-8")
        pipeline = _assemble(taxonomy, seeds, briefs_path, size, folder, min(workers, len(batches)), Path(scratch))
        _run(pipeline)
    missing = [part for part in batches if not (folder / part).exists()]
    if missing:
        what = f"the pipeline ended without writing {len(missing)} of {len(batches)} parts"
        raise AuthorError(what, where=folder, do="run the same command again; parts that are there are kept")


def _assemble(
    taxonomy: str, seeds: str, briefs: Path, size: int, folder: Path, workers: int, scratch: Path
) -> Pipeline:
    replicas = StepResources(replicas=max(1, workers))
    with Pipeline(name="corpusgen-offline", cache_dir=scratch) as pipeline:
        source = BriefSource(name="briefs", path=str(briefs), batch_size=size)
        prompt = ComposePrompt(name="prompt", taxonomy=taxonomy, seeds=seeds, input_batch_size=size)
        response = ComposeResponse(
            name="response", taxonomy=taxonomy, seeds=seeds, input_batch_size=size, resources=replicas
        )
        keep = KeepPart(name="keep", folder=str(folder), input_batch_size=size)
        source >> prompt >> response >> keep
    assembled: Pipeline = pipeline
    return assembled


def _run(pipeline: Pipeline) -> None:
    interrupted = False
    from datasets import disable_progress_bars

    original = pipeline._handle_keyboard_interrupt
    before = signal.getsignal(signal.SIGINT)

    def handle() -> Any:
        original()
        stop = signal.getsignal(signal.SIGINT)

        def on_interrupt(number: int, frame: Any) -> None:
            nonlocal interrupted
            interrupted = True
            if callable(stop):
                stop(number, frame)

        return signal.signal(signal.SIGINT, on_interrupt)

    # distilabel swallows Ctrl+C and returns what it has; the flag tells the two endings apart
    pipeline._handle_keyboard_interrupt = handle
    _guard_children()
    disable_progress_bars()
    quiet = {"DISTILABEL_LOG_LEVEL": "ERROR", "HF_HUB_OFFLINE": "1"}
    saved = {name: os.environ.get(name) for name in quiet}
    os.environ.update(quiet)
    # what is frozen is not touched by the collectors of the forked steps, so that they share it with this process
    gc.freeze()
    try:
        pipeline.run(use_cache=False)
    except KeyboardInterrupt:
        raise
    except Exception as error:
        if not interrupted:
            what = f"the writing pipeline failed: {type(error).__name__}: {error}"
            raise AuthorError(what, do="run the same command again; with --debug it shows the traceback") from error
    finally:
        gc.unfreeze()
        signal.signal(signal.SIGINT, before)
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    if interrupted:
        raise KeyboardInterrupt


_hooked = False


def _guard_children() -> None:
    """Leaves Ctrl+C to the parent, and on Linux asks the kernel to end forked children when the parent is killed.

    A terminal sends Ctrl+C to every process. A child that has just been forked still has the parent's handler, and
    would print a traceback of its own; so the signal is held back around a fork, until the child ignores it.
    """
    global _hooked
    if _hooked or not hasattr(os, "register_at_fork"):
        return
    import ctypes

    on_linux = Path("/proc/self").exists()
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def hold() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])

    def let_go() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])

    def after_fork() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        let_go()
        if on_linux and os.getppid() == parent:
            libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

    os.register_at_fork(before=hold, after_in_parent=let_go, after_in_child=after_fork)
    _hooked = True
