"""The full build against a stock distilabel pipeline over the same texts, on one machine, one after the other.

python benchmarks/build_against_stock.py                 # about five minutes; writes results/build_against_stock.md
python benchmarks/build_against_stock.py --pairs 300     # a trial; prints only
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from machine import Machine, this_machine
from process_tree import Measured, measure

ROOT = Path(__file__).resolve().parent.parent
RECIPE = ROOT / "pipelines" / "psychosafe-8k.yaml"
RESULTS = ROOT / "benchmarks" / "results" / "build_against_stock.md"

BAR_SECONDS = {True: 90, False: 180}
"""The full build takes less than this, with and without AVX512-BF16."""
BAR_MB = 2_000
BAR_RATIO = 3


@dataclass(frozen=True)
class Side:
    """One of the two contenders."""

    name: str
    cost: Measured
    rows: int
    timings: dict[str, float] = field(default_factory=dict)

    def cells(self) -> list[str]:
        """Returns its row of the table."""
        pss = "-" if self.cost.pss_mb is None else f"{self.cost.pss_mb:,.0f}"
        return [self.name, f"{self.cost.seconds:.1f}", pss, f"{self.cost.rss_mb:,.0f}", f"{self.rows:,}"]


def run_corpusgen(run: Path, pairs: int | None) -> Side:
    """Builds the corpus into ``run``.

    Raises:
        SystemExit: The build failed. Exit code 3 is no failure: starved cells are what its row count shows.
    """
    size = [] if pairs is None else ["--pairs", str(pairs)]
    command = [sys.executable, "-m", "corpusgen", "build", str(RECIPE), "-o", str(run), "--quiet", *size]
    cost = measure(command, run.with_suffix(".log"), cwd=ROOT)
    if cost.code not in {0, 3}:
        sys.exit(f"corpusgen build ended with exit code {cost.code}:\n{cost.tail()}")
    state = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return Side("corpusgen build", cost, state["counts"]["pairs"], state["timings_s"])


def run_stock(corpus: Path, model: str, out: Path) -> Side:
    """Sends the texts of a corpus through the stock pipeline.

    Raises:
        SystemExit: The pipeline failed.
    """
    out.mkdir()
    rows = out / "rows.json"
    rows.write_text(json.dumps(texts(corpus)), encoding="utf-8")
    script = Path(__file__).with_name("stock_pipeline.py")
    command = [sys.executable, str(script), str(rows), model, str(out)]
    cost = measure(command, out / "stock.log", cwd=out, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    summary = out / "summary.json"
    if cost.code or not summary.is_file():
        sys.exit(f"the stock pipeline ended with exit code {cost.code}:\n{cost.tail()}")
    found = json.loads(summary.read_text(encoding="utf-8"))
    return Side(f"stock distilabel {version('distilabel')}", cost, found["rows"])


def texts(corpus: Path) -> list[dict[str, str]]:
    """Returns id, prompt and response of every pair of a corpus."""
    import pyarrow.parquet as pq

    return list(pq.read_table(corpus, columns=["id", "prompt", "response"]).to_pylist())


def warm_up() -> str:
    """Imports what both sides import, so that neither pays for reading it from disk first.

    Returns:
        The folder of the embedding model.
    """
    code = (
        "import datasets, distilabel.pipeline, faiss, sentence_transformers, torch\n"
        "from corpusgen.dedup.embed import model_path\n"
        "print(model_path())"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    return found.stdout.splitlines()[-1]


def markdown(header: list[str], rows: list[list[str]], numbers: int) -> list[str]:
    """Returns a Markdown table whose columns from ``numbers`` on are right-aligned."""
    rule = ["---:" if index >= numbers else "---" for index in range(len(header))]
    return ["| " + " | ".join(row) + " |" for row in (header, rule, *rows)]


def bars(ours: Side, stock: Side | None, machine: Machine) -> list[list[str]]:
    """Returns each bar with what was measured and whether it is met."""
    seconds, peak = ours.cost.seconds, ours.cost.pss_mb
    limit = BAR_SECONDS[machine.bfloat16]
    with_without = "with" if machine.bfloat16 else "without"
    found = [[f"under {limit} s ({with_without} AVX512-BF16)", f"{seconds:.1f} s", _met(seconds < limit)]]
    shown = "not told by this system" if peak is None else f"{peak:,.0f} MB"
    found.append(["peak memory (PSS) under 2 GB", shown, "not measured" if peak is None else _met(peak < BAR_MB)])
    wanted = f"at least {BAR_RATIO} times as fast as stock"
    if stock is None:
        return [*found, [wanted, "-", "not measured"]]
    ratio = stock.cost.seconds / seconds
    return [*found, [wanted, f"{ratio:.2f} times", _met(ratio >= BAR_RATIO)]]


def _met(yes: bool) -> str:
    return "yes" if yes else "no"


def report(ours: Side, stock: Side | None, machine: Machine, trial: bool) -> str:
    """Returns everything that was measured, as Markdown."""
    sides = [ours] if stock is None else [ours, stock]
    lines = ["# The full build against stock distilabel", "", machine.line(), ""]
    if trial:
        lines += ["A trial of another size: the bars are for the full corpus.", ""]
    header = ["", "seconds", "peak PSS, MB", "peak RSS, MB", "rows"]
    lines += markdown(header, [side.cells() for side in sides], 1)
    lines += ["", _what_is_compared(), ""]
    if stock is not None:
        lines += [f"Stock takes {stock.cost.seconds / ours.cost.seconds:.2f} times as long as `corpusgen build`.", ""]
    lines += markdown(["bar", "measured", "met"], bars(ours, stock, machine), 3)
    lines += ["", "Seconds within `corpusgen build`, from run.json:", ""]
    lines += markdown(["stage", "seconds"], [[name, f"{value:.2f}"] for name, value in ours.timings.items()], 1)
    return "\n".join(lines) + "\n"


def _what_is_compared() -> str:
    return (
        "Wall time of the whole process, start-up included, with the libraries in the file cache; memory of the "
        "process with all its children, sampled five times a second (RSS counts a page that forked processes share "
        "once for each). `corpusgen build` plans, writes, checks, removes duplicates, writes again what was lost, "
        "splits and reports. The stock pipeline is handed the finished texts by a language model that costs nothing, "
        "embeds the prompts, finds each one's nearest neighbour, and writes a Distiset."
    )


def arguments() -> argparse.Namespace:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, help="another size, for a trial; nothing is written then")
    parser.add_argument("--skip-stock", action="store_true", help="measure corpusgen only; nothing is written then")
    parser.add_argument("--results", type=Path, help="write here instead, trials too")
    return parser.parse_args()


def main() -> None:
    """Measures both and prints; a bar that is not met is no failure of the benchmark."""
    chosen = arguments()
    machine = this_machine()
    model = warm_up()
    with tempfile.TemporaryDirectory(prefix="corpusgen-benchmark-") as scratch:
        run = Path(scratch) / "run"
        ours = run_corpusgen(run, chosen.pairs)
        stock = None if chosen.skip_stock else run_stock(run / "corpus.parquet", model, Path(scratch) / "stock")
    text = report(ours, stock, machine, trial=chosen.pairs is not None)
    print(text, end="")
    whole = chosen.pairs is None and not chosen.skip_stock
    if path := chosen.results or (RESULTS if whole else None):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
