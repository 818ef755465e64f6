"""Killed again and again: what an endpoint is asked, and paid for, when a build is killed at random moments.

A process has rows written through the gateway and is killed with SIGKILL (or gets SIGINT) at random moments,
and started again, until it ends. Against it stands an undisturbed run on an endpoint that answers the same. Wanted: the
same rows, and at most N + 64 requests a kill.

python benchmarks/kills.py                     # twenty kills, about two minutes; writes results/kills.md
python benchmarks/kills.py --kills 5 --rows 300
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from machine import this_machine

from tests.endpoint import Endpoint

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "kills.md"
SLOTS = 64

WRITER = """
import sys
from pathlib import Path
from corpusgen.authors.offline import make_briefs
from corpusgen.pipeline import open_writer
from corpusgen.plan import make_plan
from corpusgen.progress import Silent
from corpusgen.recipe import load_inputs

recipe, url, rows, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
author = {"kind": "llm", "model": "made-up", "endpoint": url, "concurrency": 64}
inputs = load_inputs(recipe, pairs=rows, author=author)
cells = make_plan(inputs)
with open_writer(inputs, folder / "journal.sqlite", 1, Silent()) as writer:
    briefs = make_briefs(cells, {cell.cell_id: 0 for cell in cells})
    size = writer.part_rows
    parts = {f"part-{start:06d}.parquet": briefs[start : start + size] for start in range(0, rows, size)}
    missing = {name: some for name, some in parts.items() if not (folder / "written" / name).exists()}
    print("writing", flush=True)
    writer.write(missing, folder / "written")
"""


class Run(NamedTuple):
    """A run to its end.

    Attributes:
        kills: How often it was ended before.
        requests: What the endpoint saw in all.
        digest: Hash of all rows.
    """

    kills: int
    requests: int
    digest: str


def run(recipe: Path, rows: int, kills: int, number: int, seed: int, mean: float = 0.1) -> Run:
    """Has rows written, ended by a signal at random moments so many times.

    Args:
        recipe: The recipe.
        rows: Rows, each of two requests.
        kills: How often to end the process.
        number: The signal.
        seed: Of the moments.
        mean: Mean latency of the endpoint in seconds.
    """
    draw = random.Random(seed)
    done = 0
    with (
        Endpoint(mean=mean, sigma=0.6, seed=3) as endpoint,
        tempfile.TemporaryDirectory(prefix="corpusgen-kills-") as scratch,
    ):
        while True:
            command = [sys.executable, "-c", WRITER, str(recipe), endpoint.url, str(rows), scratch]
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=ROOT
            )
            assert process.stdout is not None
            process.stdout.readline()
            if done < kills:
                try:
                    process.wait(draw.uniform(0.0, 2.3 + 2 * rows * mean / SLOTS / kills))
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, number) if number == signal.SIGINT else process.kill()
                    process.communicate(timeout=60)
                    done += 1
                    continue
            _, said = process.communicate(timeout=600)
            if process.returncode:
                raise RuntimeError(said[-2000:])
            time.sleep(0.2)
            return Run(done, endpoint.stats()["requests"], digest(Path(scratch) / "written"))


def digest(folder: Path) -> str:
    """Returns the hash of all rows that were written."""
    import pyarrow.parquet as pq

    rows = [row for part in sorted(folder.glob("*.parquet")) for row in pq.read_table(part).to_pylist()]
    return hashlib.sha256(json.dumps(sorted(rows, key=lambda row: row["id"])).encode()).hexdigest()


def main() -> None:
    """Measures and keeps the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rows", type=int, default=1_500)
    parser.add_argument("--recipe", type=Path, default=ROOT / "pipelines" / "psychosafe-8k.yaml")
    given = parser.parse_args()
    lines = ["| ended by | times | requests | at most | the same rows |", "|---|--:|--:|--:|---|"]
    quiet = run(given.recipe, given.rows, 0, signal.SIGKILL, 0)
    lines.append(f"| nobody | 0 | {quiet.requests:,} | {2 * given.rows:,} | |")
    for name, number in (("SIGKILL", signal.SIGKILL), ("SIGINT", signal.SIGINT)):
        found = run(given.recipe, given.rows, given.kills, number, 1)
        most = quiet.requests + SLOTS * found.kills
        same = "yes" if found.digest == quiet.digest else "NO"
        lines.append(f"| {name} | {found.kills} | {found.requests:,} | {most:,} | {same} |")
        print(lines[-1], file=sys.stderr, flush=True)
    table = "\n".join(lines)
    print(table)
    if given.kills >= 20 and given.rows >= 1_500:
        head = f"# Killed and resumed\n\n{this_machine().line()}\n\n{given.rows:,} rows, two requests each.\n\n"
        RESULTS.write_text(head + table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
