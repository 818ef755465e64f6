"""Throughput of peers: stock distilabel and NVIDIA's Data Designer on the same made-up endpoint, one after the other.

python benchmarks/throughput_peers.py                                # 2,000 requests, 64 at once: about two minutes
python benchmarks/throughput_peers.py --requests 200                 # a trial

Every peer runs in a process and a venv of its own, under ~/.cache/corpusgen/peers, where it is installed at first use.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

__all__ = ["MEAN", "SEED", "SIGMA", "PeerUnavailable", "Throughput", "measure_data_designer", "measure_distilabel"]

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))  # for tests.endpoint, which is imported where it is needed: a peer's venv lacks aiohttp
PEERS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "corpusgen" / "peers"

MEAN, SIGMA, SEED = 0.5, 0.6, 1
"""The latency of the endpoint: lognormal, in seconds."""
NEEDS = {
    # distilabel imports requests and beautifulsoup4 and never declares them
    "distilabel": ["distilabel[openai]==1.5.3", "requests", "beautifulsoup4"],
    "data-designer": ["data-designer>=0.9.6,<0.10"],
}
INSTALL_S, RUN_S = 900, 1_800
MAX_TOKENS = 256


class PeerUnavailable(RuntimeError):
    """A peer cannot be installed, or does not run to its end here."""


@dataclass(frozen=True)
class Throughput:
    """What the endpoint saw of one client.

    Attributes:
        name: The client with its version.
        requests: Requests that the endpoint saw, retries included.
        slots: Requests that the client was allowed at once.
        seconds: From the first request to the last answer; the client's start-up and its end are not in it.
        most_in_flight: Requests at the same moment, at most.
        rows: Rows with a text at the end.
        ideal: Seconds that as many requests of mean latency take with every slot always busy: N * mean / slots.
        queue: Seconds that these very latencies take in a first-in-first-out queue without any other cost.
    """

    name: str
    requests: int
    slots: int
    seconds: float
    most_in_flight: int
    rows: int
    ideal: float
    queue: float

    @classmethod
    def of(cls, name: str, stats: dict[str, float], slots: int, rows: int) -> Throughput:
        """Returns what the statistics of an endpoint with the latency above amount to."""
        from tests.endpoint import latencies, perfect_queue

        count = int(stats["requests"])
        queue = perfect_queue(latencies(count, MEAN, SIGMA, SEED), slots)
        seconds = stats["last_answer"] - stats["first_request"]
        return cls(name, count, slots, seconds, int(stats["most_in_flight"]), rows, count * MEAN / slots, queue)

    def cells(self) -> list[str]:
        """Returns its row of the table."""
        shares = [f"{self.ideal / self.seconds:.1%}", f"{self.queue / self.seconds:.1%}"]
        counts = [f"{self.most_in_flight}", f"{self.requests:,}", f"{self.rows:,}"]
        return [self.name, f"{self.seconds:.1f}", *shares, *counts]


def measure_distilabel(requests: int = 2_000, slots: int = 64) -> Throughput:
    """Returns the throughput of a stock ``TextGeneration`` at batches of ``slots``, without its cache.

    Raises:
        PeerUnavailable: It cannot be installed or did not end well.
    """
    return _measure("distilabel", requests, slots)


def measure_data_designer(requests: int = 2_000, slots: int = 64) -> Throughput:
    """Returns the throughput of one llm-text column over seed rows with ``max_parallel_requests`` of ``slots``.

    Raises:
        PeerUnavailable: It cannot be installed or did not end well.
    """
    return _measure("data-designer", requests, slots)


def _measure(peer: str, requests: int, slots: int) -> Throughput:
    from tests.endpoint import Endpoint

    python = _installed(peer)
    with (
        tempfile.TemporaryDirectory(prefix=f"corpusgen-{peer}-") as scratch,
        Endpoint(mean=MEAN, sigma=SIGMA, seed=SEED) as endpoint,
    ):
        command = [str(python), "-P", __file__, "--inside", peer, "--url", endpoint.url]
        command += ["--requests", str(requests), "--slots", str(slots)]
        # A home of its own: neither finds another run's cache or settings there, nor leaves any.
        quiet = {
            "NEMO_TELEMETRY_ENABLED": "false",
            "HF_HUB_OFFLINE": "1",
            "HOME": scratch,
            "DATA_DESIGNER_HOME": scratch,
        }
        try:
            ran = subprocess.run(
                command, cwd=scratch, env={**os.environ, **quiet}, capture_output=True, text=True, timeout=RUN_S
            )
        except subprocess.TimeoutExpired as error:
            raise PeerUnavailable(f"{peer} did not end within {RUN_S} s") from error
        summary = Path(scratch) / "summary.json"
        if ran.returncode or not summary.is_file():
            end = "\n".join((ran.stdout + ran.stderr).splitlines()[-15:])
            raise PeerUnavailable(f"{peer} ended with exit code {ran.returncode}:\n{end}")
        found = json.loads(summary.read_text(encoding="utf-8"))
        return Throughput.of(f"{peer} {found['version']}", endpoint.stats(), slots, found["rows"])


def _installed(peer: str) -> Path:
    """Returns the interpreter of a peer's venv, made and filled if need be.

    Raises:
        PeerUnavailable: pip failed; its last lines say why.
    """
    folder, needs = PEERS / peer, NEEDS[peer]
    python, done = folder / "bin" / "python", folder / "installed.txt"
    if done.is_file() and done.read_text(encoding="utf-8").splitlines() == needs:
        return python
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *needs]
    for command in ([sys.executable, "-m", "venv", str(folder)], pip):
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PeerUnavailable(f"{peer} cannot be installed: {error}") from error
        if ran.returncode:
            why = [line for line in ran.stderr.splitlines() if not line.startswith("WARNING")]
            raise PeerUnavailable(f"{peer} cannot be installed: {why[-1] if why else ran.stdout[-300:]}")
    done.write_text("\n".join(needs) + "\n", encoding="utf-8")
    return python


def instructions(count: int) -> list[str]:
    """Returns as many different things to ask."""
    return [f"Write a short note to a friend about day {number} of a long journey." for number in range(count)]


def run_distilabel(url: str, requests: int, slots: int) -> int:
    """Runs the stock pipeline; returns the rows with a text. Runs inside the peer's venv."""
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    rows = [{"instruction": each} for each in instructions(requests)]
    with Pipeline(name="peer", cache_dir="cache") as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=slots)
        llm = OpenAILLM(model="made-up", base_url=url, api_key="x", generation_kwargs={"max_new_tokens": MAX_TOKENS})
        load >> TextGeneration(llm=llm, input_batch_size=slots)
    found = pipeline.run(use_cache=False)["default"]["train"]["generation"]
    return sum(bool(text) for text in found)


def run_data_designer(url: str, requests: int, slots: int) -> int:
    """Runs the column; returns the rows with a text. Runs inside the peer's venv."""
    import data_designer.config as dd
    import pandas as pd
    from data_designer.interface import DataDesigner

    provider = dd.ModelProvider(name="loopback", endpoint=url, provider_type="openai", api_key="x")
    parameters = dd.ChatCompletionInferenceParams(max_parallel_requests=slots, max_tokens=MAX_TOKENS)
    # Its health check is a request like any other: the clock at the endpoint would start with it.
    model = dd.ModelConfig(
        alias="writer", model="made-up", provider="loopback", inference_parameters=parameters, skip_health_check=True
    )
    builder = dd.DataDesignerConfigBuilder(model_configs=[model])
    builder.with_seed_dataset(dd.DataFrameSeedSource(df=pd.DataFrame({"instruction": instructions(requests)})))
    builder.add_column(dd.LLMTextColumnConfig(name="text", prompt="{{ instruction }}", model_alias="writer"))
    designer = DataDesigner(artifact_path="artifacts", model_providers=[provider])
    designer.set_run_config(dd.RunConfig(otel_metrics_port=None))
    found = designer.create(builder, num_records=requests).load_dataset()["text"]
    return sum(isinstance(text, str) and bool(text) for text in found)


RUNS = {"distilabel": run_distilabel, "data-designer": run_data_designer}


def table(rows: Sequence[Throughput]) -> str:
    """Returns the measurements as Markdown."""
    header = ["", "seconds", "of N * mean / slots", "of a perfect queue", "most in flight", "requests", "rows"]
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *(each.cells() for each in rows)))


def arguments() -> argparse.Namespace:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--inside", choices=RUNS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measures the peers and prints; a peer that is not to be had is told, and is no failure."""
    chosen = arguments()
    if chosen.inside:
        rows = RUNS[chosen.inside](chosen.url, chosen.requests, chosen.slots)
        summary = {"rows": rows, "version": version(chosen.inside)}
        Path("summary.json").write_text(json.dumps(summary), encoding="utf-8")
        return
    from machine import this_machine

    print(this_machine().line() + "\n")
    print(f"Lognormal latency, mean {MEAN} s, sigma {SIGMA}, {chosen.slots} requests at once.\n", flush=True)
    measured, missing = [], []
    for measure in (measure_distilabel, measure_data_designer):
        try:
            measured.append(measure(chosen.requests, chosen.slots))
        except PeerUnavailable as error:
            missing.append(f"Not measured: {error}")
    print("\n\n".join([*([table(measured)] if measured else []), *missing]))


if __name__ == "__main__":
    main()
