"""A hundred thousand rows through an endpoint that answers at once: does memory grow, does it slow down?

Only the writing is run, two requests a row; memory is the parent's own, which holds plan, gateway and journal.

python benchmarks/endless.py                   # about six minutes; writes results/endless.md
python benchmarks/endless.py --rows 5000
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import yaml
from machine import this_machine

from corpusgen.authors.offline import make_briefs
from corpusgen.pipeline import EndpointWriter, open_writer
from corpusgen.plan import make_plan
from corpusgen.progress import Silent
from corpusgen.recipe import load_inputs
from tests.endpoint import Endpoint

ROOT = Path(__file__).resolve().parent.parent
RECIPE = ROOT / "pipelines" / "psychosafe-8k.yaml"
RESULTS = ROOT / "benchmarks" / "results" / "endless.md"
BAR_MB, BAR_SLOWER = 1_000, 0.1


class Seen(NamedTuple):
    """What was measured.

    Attributes:
        rows: Rows written.
        tenths: Answers a second in each tenth of the answers.
        memory_mb: The parent's resident memory at most.
    """

    rows: int
    tenths: list[float]
    memory_mb: float


def measure(recipe: Path, rows: int) -> Seen:
    """Writes rows and watches."""
    with tempfile.TemporaryDirectory(prefix="corpusgen-endless-") as scratch, Endpoint(mean=0) as endpoint:
        author = {"kind": "llm", "model": "made-up", "endpoint": endpoint.url}
        inputs = load_inputs(_without_lookalikes(recipe, Path(scratch)), pairs=rows, author=author)
        cells = make_plan(inputs)
        briefs = make_briefs(cells, {cell.cell_id: 0 for cell in cells})
        with open_writer(inputs, Path(scratch) / "journal.sqlite", 1, Silent()) as writer:
            assert isinstance(writer, EndpointWriter)
            times, most = [0.0] * 11, [0.0]
            done = threading.Event()
            watcher = threading.Thread(target=_watch, args=(writer, 2 * rows, times, most, done))
            watcher.start()
            size = writer.part_rows
            parts = {f"part-{start:06d}.parquet": briefs[start : start + size] for start in range(0, rows, size)}
            writer.write(parts, Path(scratch) / "written")
            done.set()
            watcher.join()
    return Seen(rows, [rows / 5 / (later - earlier) for earlier, later in pairwise(times)], most[0])


def _without_lookalikes(recipe: Path, scratch: Path) -> Path:
    """Look-alikes are a fixed number of questions, too few for so many rows."""
    value = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    root = recipe.resolve().parent.parent
    value.update(taxonomy=str(root / value["taxonomy"]), seeds=str(root / value["seeds"]))
    value["weights"]["lookalike_share"] = 0
    path = scratch / "recipe.yaml"
    path.write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")
    return path


def _watch(writer: EndpointWriter, total: int, times: list[float], most: list[float], done: threading.Event) -> None:
    reached = -1
    while reached < 10:
        most[0] = max(most[0], _resident_mb())
        answers = writer.gateway.counts.answers
        while reached < 10 and answers >= max(1, (reached + 1) * total // 10):
            reached += 1
            times[reached] = time.monotonic()
        if done.is_set() and answers < total:
            break
        time.sleep(0.02)


def _resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def main() -> None:
    """Measures and keeps the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    given = parser.parse_args()
    seen = measure(given.recipe, given.rows)
    slower = 1 - seen.tenths[-1] / seen.tenths[0]
    lines = ["| tenth of the answers | answers a second |", "|--:|--:|"]
    lines += [f"| {number} | {rate:,.0f} |" for number, rate in enumerate(seen.tenths, start=1)]
    table = "\n".join(lines)
    table += f"\n\nMemory of the parent at most: {seen.memory_mb:,.0f} MB (bar {BAR_MB:,}). "
    table += f"Last tenth against the first: {-slower:+.1%} (bar {-BAR_SLOWER:+.0%})."
    print(table)
    if given.rows >= 100_000:
        head = f"# A hundred thousand rows, no latency\n\n{this_machine().line()}\n\n"
        RESULTS.write_text(f"{head}{given.rows:,} rows, two requests each.\n\n{table}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
