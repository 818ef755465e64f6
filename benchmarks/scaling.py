"""What a pair costs as the corpus grows, over a generated seed bank that is big enough for the largest size.

python benchmarks/scaling.py                        # writes results/scaling.md
python benchmarks/scaling.py --sizes 300,600        # a trial; prints only
python benchmarks/scaling.py --bank-per-size        # a bank that grows with the corpus, instead of one for all
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from machine import Machine, this_machine
from process_tree import Measured, measure
from synthetic_bank import PROJECT, TELLINGS, write_project

SIZES = (1_000, 10_000, 50_000)
RESULTS = PROJECT / "benchmarks" / "results" / "scaling.md"
STAGES = ("plan", "write", "check", "embed", "dedup", "split", "report")
SEARCHING = frozenset({"embed", "dedup"})


@dataclass(frozen=True)
class Build:
    """One size: what was asked for, what came of it, and what it cost."""

    wanted: int
    pairs: int
    attempts: int
    timings: dict[str, float]
    cost: Measured

    def per_thousand(self, *stages: str) -> float:
        """Returns the seconds that stages took for 1,000 pairs of the corpus."""
        return sum(self.timings.get(stage, 0.0) for stage in stages) / max(self.pairs, 1) * 1000


def build(recipe: Path, pairs: int, run: Path) -> Build:
    """Builds a corpus of one size in a process of its own.

    Raises:
        SystemExit: The build failed. Exit code 3 is no failure: starved cells are what the fill rate shows.
    """
    command = [sys.executable, "-m", "corpusgen", "build", str(recipe), "-o", str(run), "-n", str(pairs), "--quiet"]
    cost = measure(command, run.with_suffix(".log"), cwd=PROJECT)
    if cost.code not in {0, 3}:
        sys.exit(f"corpusgen build of {pairs:,} pairs ended with exit code {cost.code}:\n{cost.tail()}")
    state = json.loads((run / "run.json").read_text(encoding="utf-8"))
    counts = state["counts"]
    return Build(counts["wanted"], counts["pairs"], counts["attempts"], state["timings_s"], cost)


def measure_sizes(sizes: list[int], folder: Path, per_size: bool) -> list[Build]:
    """Builds every size in a folder, over one bank or over one each, and says so as it goes."""
    recipe = None
    builds = []
    for size in sizes:
        if recipe is None or per_size:
            bank = size if per_size else max(sizes)
            recipe = write_project(folder / f"bank-{bank}", bank)
        print(f"{size:,} pairs …", file=sys.stderr, flush=True)
        builds.append(build(recipe, size, folder / f"run-{size}"))
    return builds


def markdown(header: list[str], rows: list[list[str]]) -> list[str]:
    """Returns a Markdown table with right-aligned columns."""
    return ["| " + " | ".join(row) + " |" for row in (header, ["---:"] * len(header), *rows)]


def stage_table(builds: list[Build]) -> list[str]:
    """Returns seconds by stage, wall time and peak memory."""
    rows = [
        [
            f"{item.wanted:,}",
            *(f"{item.timings.get(stage, 0.0):.1f}" for stage in STAGES),
            f"{item.cost.seconds:.1f}",
            "-" if item.cost.pss_mb is None else f"{item.cost.pss_mb:,.0f}",
        ]
        for item in builds
    ]
    return markdown(["pairs wanted", *STAGES, "wall", "peak PSS, MB"], rows)


def share_table(builds: list[Build]) -> list[str]:
    """Returns seconds for 1,000 pairs, the fill rate and the attempts that a pair took."""
    others = [stage for stage in STAGES if stage not in SEARCHING]
    rows = [
        [
            f"{item.wanted:,}",
            f"{item.per_thousand(*others):.2f}",
            f"{item.per_thousand('embed'):.2f}",
            f"{item.per_thousand('dedup'):.2f}",
            f"{item.pairs / item.wanted:.2%}",
            f"{item.attempts / max(item.pairs, 1):.2f}",
        ]
        for item in builds
    ]
    return markdown(["pairs wanted", "all other stages", "embed", "dedup", "fill rate", "attempts per pair"], rows)


def report(builds: list[Build], machine: Machine, per_size: bool) -> str:
    """Returns everything that was measured, as Markdown."""
    largest = max(item.wanted for item in builds)
    bank = (
        f"Each size has a generated seed bank of its own, one situation for {TELLINGS} pairs."
        if per_size
        else f"One generated seed bank, big enough for {largest:,} pairs ({TELLINGS} a situation), serves all sizes; "
        "reading it is part of `write` and costs the same at every size."
    )
    lines = ["# Cost against corpus size", "", machine.line(), "", bank, ""]
    lines += ["Seconds by stage, wall time of the whole process in seconds, and its peak memory with all children:", ""]
    lines += stage_table(builds)
    lines += ["", "Seconds for each 1,000 pairs of the corpus, and how well the quotas filled:", ""]
    lines += share_table(builds)
    lines += ["", f"All other stages are {', '.join(stage for stage in STAGES if stage not in SEARCHING)}."]
    lines += ["`split` holds one exact search of its own, for near-duplicates across response modes."]
    return "\n".join(lines) + "\n"


def _sizes(text: str) -> list[int]:
    sizes = [int(part) for part in text.split(",")]
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError("sizes are whole numbers above 0")
    return sizes


def arguments() -> argparse.Namespace:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=_sizes, default=list(SIZES), help="other sizes, for a trial; prints only")
    parser.add_argument("--bank-per-size", action="store_true", help="a bank that grows with the corpus; prints only")
    parser.add_argument("--keep", action="store_true", help="keep the banks and runs, and say where they are")
    parser.add_argument("--results", type=Path, help="write here instead, trials too")
    return parser.parse_args()


def main() -> None:
    """Measures every size, prints, and writes the results of the full run."""
    chosen = arguments()
    machine = this_machine()
    prefix = "corpusgen-scaling-"
    place = nullcontext(tempfile.mkdtemp(prefix=prefix)) if chosen.keep else tempfile.TemporaryDirectory(prefix=prefix)
    with place as folder:
        builds = measure_sizes(chosen.sizes, Path(folder), chosen.bank_per_size)
        if chosen.keep:
            print(f"kept: {folder}", file=sys.stderr)
    text = report(builds, machine, chosen.bank_per_size)
    print(text, end="")
    whole = chosen.sizes == list(SIZES) and not chosen.bank_per_size
    if path := chosen.results or (RESULTS if whole else None):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
