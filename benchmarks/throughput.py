"""How busy the endpoint is kept: our gateway beside NVIDIA Data Designer and stock distilabel, on the same endpoint.

A made-up endpoint answers after lognormal latencies (mean 0.5 s, sigma 0.6; the k-th request waits the same whoever
asks), 64 requests may be in flight. Start-up aside: seconds run from the first request to the last answer, as the
endpoint saw them. Two yardsticks: the ideal N x mean / slots, and a perfect first-in-first-out queue with the same
latencies, which nobody can beat.

python benchmarks/throughput.py                    # about ten minutes; writes results/throughput.md
python benchmarks/throughput.py --skip-peers --scale 0.1
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from machine import this_machine
from throughput_peers import PeerUnavailable, measure_data_designer, measure_distilabel

from corpusgen.authors.offline import make_briefs
from corpusgen.endpoints import Gateway, Journal, Lane
from corpusgen.endpoints.budget import Budget
from corpusgen.endpoints.client import OpenAIClient
from corpusgen.endpoints.flow import Flow
from corpusgen.pipeline import EndpointWriter
from corpusgen.plan import make_plan
from corpusgen.recipe import load_inputs
from tests.endpoint import Endpoint, latencies, perfect_queue

ROOT = Path(__file__).resolve().parent.parent
RECIPE = ROOT / "pipelines" / "psychosafe-8k.yaml"
RESULTS = ROOT / "benchmarks" / "results" / "throughput.md"
MEAN, SIGMA, SEED, SLOTS = 0.5, 0.6, 1, 64


class Row(NamedTuple):
    """One line of the table."""

    what: str
    requests: int
    seconds: float
    ideal: float
    """Share of N x mean / slots."""
    queue: float
    """Share of the perfect queue; of no meaning where tasks depend on each other."""
    bar: str


def measure(rows: int, candidates: int) -> tuple[int, float]:
    """Has the product's own pipeline write rows.

    Args:
        rows: How many.
        candidates: With 1 a row is two dependent requests (prompt, response); with 2 it is three tasks and five
            requests (prompt, two responses, two judgements).

    Returns:
        Requests that the endpoint answered, and seconds from the first request to the last answer.
    """
    author = {
        "kind": "llm",
        "model": "made-up",
        "endpoint": "http://127.0.0.1/v1",
        "candidates": candidates,
        "concurrency": SLOTS,
    }
    inputs = load_inputs(RECIPE, pairs=rows, author=author)
    cells = make_plan(inputs)
    with (
        tempfile.TemporaryDirectory(prefix="corpusgen-throughput-") as scratch,
        Endpoint(mean=MEAN, sigma=SIGMA, seed=SEED) as endpoint,
        _gateway(endpoint.url, Path(scratch)) as gateway,
    ):
        writer = EndpointWriter(inputs, gateway)
        briefs = make_briefs(cells, {cell.cell_id: 0 for cell in cells})
        size = writer.part_rows
        batches = {f"part-{start:06d}.parquet": briefs[start : start + size] for start in range(0, rows, size)}
        writer.write(batches, Path(scratch) / "written")
        seen = endpoint.stats()
    return seen["requests"], seen["last_answer"] - seen["first_request"]


@contextmanager
def _gateway(url: str, scratch: Path) -> Iterator[Gateway]:
    lane = Lane(url, "made-up", OpenAIClient(url, 120), Flow(SLOTS))
    with (
        closing(Journal(scratch / "journal.sqlite")) as journal,
        Gateway({"author": lane, "judge": lane}, journal, Budget({}, None)) as gateway,
    ):
        yield gateway


def _row(what: str, requests: int, seconds: float, bar: str) -> Row:
    perfect = perfect_queue(latencies(requests, MEAN, SIGMA, SEED), SLOTS)
    return Row(what, requests, seconds, requests * MEAN / SLOTS / seconds, perfect / seconds, bar)


def _peers(requests: int) -> Iterator[Row]:
    for name, run in (("NVIDIA Data Designer", measure_data_designer), ("stock distilabel", measure_distilabel)):
        try:
            found = run(requests, SLOTS)
        except PeerUnavailable as error:
            print(f"{name}: not measured: {error}", file=sys.stderr)
            continue
        yield _row(f"{name}, one task", found.requests, found.seconds, "")


def _table(rows: Sequence[Row]) -> str:
    lines = [
        "| what | requests | seconds | of N x mean / 64 | of the perfect queue | bar |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.what} | {row.requests:,} | {row.seconds:.1f} | {row.ideal:.1%} | {row.queue:.1%} | {row.bar} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures and keeps the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="a share of the sizes, for a trial; prints only")
    parser.add_argument("--skip-peers", action="store_true")
    given = parser.parse_args()
    rows: list[Row] = []
    for what, count, candidates, bar in (
        ("corpusgen, two tasks a row", 1_000, 1, "97 % of the queue"),
        ("corpusgen, two tasks a row", 5_000, 1, "94 % of the ideal"),
        ("corpusgen, three tasks a row", 2_000, 2, "90 % of the ideal"),
    ):
        rows.append(_row(what, *measure(max(50, int(count * given.scale)), candidates), bar))
        print(_table(rows[-1:]), file=sys.stderr, flush=True)
    if not given.skip_peers:
        rows.extend(_peers(int(2_000 * given.scale)))
    table = _table(rows)
    print(table)
    if given.scale == 1.0 and not given.skip_peers:
        head = f"# Throughput in front of one endpoint\n\n{this_machine().line()}\n\n"
        RESULTS.write_text(f"{head}{table}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
