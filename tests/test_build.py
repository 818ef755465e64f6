"""The corpus: exact, unlike itself, the same whatever the workers, and the same after a kill at any moment."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from corpusgen.build import BuildResult, build, raise_unmet
from corpusgen.checks import Rules, check_pair, pair_gates, pair_of
from corpusgen.checks.text import ngrams, without_resources, words
from corpusgen.dedup.embed import MiniLM
from corpusgen.errors import RunError, Unmet
from corpusgen.plan import make_plan, quotas
from corpusgen.recipe import Inputs, load_inputs
from corpusgen.run import Run
from corpusgen.schema import corpus_schema
from tests.conftest import ROOT, XSTEST, need

pytestmark = pytest.mark.slow

FULL = ROOT / "pipelines" / "psychosafe-8k.yaml"
SMOKE = ROOT / "pipelines" / "smoke.yaml"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The full corpus, built with two workers."""
    return build(FULL, tmp_path_factory.mktemp("full") / "run", workers=2).run


@pytest.fixture(scope="module")
def rows(full: Run) -> list[dict[str, Any]]:
    return pq.read_table(full.corpus_path).to_pylist()


@pytest.fixture(scope="module")
def vectors(rows: list[dict[str, Any]]) -> Any:
    """Fast embeddings of the prompts; their cosines lie within 0.01 of precise ones."""
    return MiniLM().encode([row["prompt"] for row in rows])


def test_the_corpus_has_exactly_the_asked_pairs_and_every_quota(full: Run, inputs: Inputs) -> None:
    table = pq.read_table(full.corpus_path)
    assert table.schema.equals(corpus_schema())
    assert table.num_rows == 8019
    made = set(table.column("cell_id").to_pylist())
    cells = make_plan(inputs)
    assert quotas(cells) == quotas(cell for cell in cells if cell.cell_id in made)


def test_every_prompt_and_every_response_is_its_own(rows: list[dict[str, Any]]) -> None:
    assert len({row["prompt"] for row in rows}) == len(rows)
    assert len({row["response"] for row in rows}) == len(rows)
    assert len({row["id"] for row in rows}) == len(rows)


def test_the_splits_hold_a_hundred_of_each_domain(rows: list[dict[str, Any]]) -> None:
    counts = Counter(row["split"] for row in rows)
    assert counts == {"train": 7019, "validation": 500, "test": 500}
    for split in ("validation", "test"):
        domains = Counter(row["domain"] for row in rows if row["split"] == split)
        assert set(domains.values()) == {100}


def test_no_situation_and_no_contrast_pair_is_in_two_splits(rows: list[dict[str, Any]]) -> None:
    for column in ("seed_id", "pair_group"):
        homes: dict[str, set[str]] = {}
        for row in rows:
            if row[column] is not None:
                homes.setdefault(row[column], set()).add(row["split"])
        assert all(len(splits) == 1 for splits in homes.values())


def test_no_two_prompts_of_a_mode_and_none_of_two_splits_are_near(rows: list[dict[str, Any]], vectors: Any) -> None:
    close = [
        (start + first, second)
        for start in range(0, len(rows), 1000)
        for first, second in np.argwhere(vectors[start : start + 1000] @ vectors.T >= 0.89)
        if start + first < second
    ]
    involved = sorted({row for pair in close for row in pair})
    precise = dict(zip(involved, MiniLM().encode([rows[row]["prompt"] for row in involved], precise=True), strict=True))
    assert close
    for one, two in close:
        if round(float(precise[one] @ precise[two]), 4) >= 0.90:
            assert rows[one]["response_mode"] != rows[two]["response_mode"]
            assert rows[one]["split"] == rows[two]["split"]


def test_no_prompt_is_near_a_benchmark(vectors: Any) -> None:
    from corpusgen.tables import read_column

    theirs = MiniLM().encode(read_column(need(XSTEST / "prompts.csv"), "prompt"), precise=True)
    assert (vectors @ theirs.T).max() < 0.89


def test_no_two_responses_share_more_than_half_of_their_sequences(rows: list[dict[str, Any]], inputs: Inputs) -> None:
    registry = inputs.taxonomy.registry
    sets = [ngrams(words(" ".join(without_resources(row["response"], registry))), 5) for row in rows]
    holders: dict[tuple[str, ...], list[int]] = {}
    for index, own in enumerate(sets):
        shared: Counter[int] = Counter()
        for gram in own:
            shared.update(holders.get(gram, ()))
            holders.setdefault(gram, []).append(index)
        for other, count in shared.items():
            assert count <= 0.5 * min(len(own), len(sets[other])), (rows[index]["id"], rows[other]["id"])


def test_every_row_passes_every_gate(rows: list[dict[str, Any]], inputs: Inputs) -> None:
    gates = pair_gates(Rules(inputs.taxonomy, inputs.recipe.checks))
    assert not [(row["id"], found) for row in rows if (found := check_pair(pair_of(row), gates))]


def test_no_opening_and_no_sentence_is_worn(rows: list[dict[str, Any]], inputs: Inputs) -> None:
    openings = Counter(words(row["response"])[:5] for row in rows)
    assert openings.most_common(1)[0][1] <= 0.02 * len(rows)
    sentences: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        found = {words(text) for text in without_resources(row["response"], inputs.taxonomy.registry)}
        sentences.update(text for text in found if len(text) >= 4)
    assert sentences.most_common(1)[0][1] <= 0.005 * len(rows)


def test_another_number_of_workers_gives_the_same_bytes(full: Run, tmp_path: Path) -> None:
    other = build(FULL, tmp_path / "other", workers=1).run
    assert other.corpus_path.read_bytes() == full.corpus_path.read_bytes()


def test_a_second_build_does_nothing(smoke: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in smoke.rglob("*") if path.is_file()}
    result = build(SMOKE, smoke)
    assert not result.fresh
    assert before == {path: path.stat().st_mtime_ns for path in smoke.rglob("*") if path.is_file()}


def test_evidence_accounts_for_every_attempt(smoke: Path) -> None:
    counts = Run(smoke).state()["counts"]
    removed = pq.read_table(Run(smoke).dedup_path)
    lost = pq.read_table(Run(smoke).checks_path)
    assert counts["attempts"] == counts["pairs"] + removed.num_rows + lost.num_rows
    corpus = {row["id"] for row in pq.read_table(Run(smoke).corpus_path).to_pylist()}
    assert corpus.isdisjoint(removed.column("id").to_pylist())
    assert all(lost.column("reason").to_pylist())


def test_a_changed_recipe_restales_and_says_why(smoke: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(smoke, copy)
    result = build(SMOKE, copy, seed=7)
    assert result.fresh
    assert "the recipe" in result.why
    assert Run(copy).state()["seed"] == 7


@pytest.mark.parametrize("moment", ["plan.parquet", "part-00-", "embeddings", "checks.parquet", "metrics.json"])
def test_killed_at_a_moment_it_finishes_to_the_same_bytes(moment: str, smoke: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "corpusgen", "build", str(SMOKE), "-o", str(folder), "--quiet"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < deadline:
        if any(moment in str(path) for path in folder.rglob("*")):
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    build(SMOKE, folder)
    assert (folder / "corpus.parquet").read_bytes() == (smoke / "corpus.parquet").read_bytes()
    assert not [path for path in folder.rglob(".*") if path.is_file()]


def test_a_kill_leaves_no_process_behind(tmp_path: Path) -> None:
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc")
    command = [sys.executable, "-m", "corpusgen", "build", str(FULL), "-o", str(tmp_path / "run"), "--quiet"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (children := _descendants(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    children |= _descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(1.5)
    assert children
    assert not [child for child in children if _alive(child)]


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            found |= {int(child)} | _descendants(int(child))
    return found


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_interrupted_it_says_how_to_go_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "corpusgen", "build", str(FULL), "-o", str(tmp_path / "run")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    time.sleep(6)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "run the same command again" in said
    assert "Traceback" not in said


def test_a_damaged_part_is_written_again(smoke: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(smoke, copy)
    state = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps({**state, "state": "building"}))
    part = min((copy / "written").glob("part-*.parquet"))
    part.write_bytes(part.read_bytes()[:200])
    build(SMOKE, copy)
    assert (copy / "corpus.parquet").read_bytes() == (smoke / "corpus.parquet").read_bytes()


def test_an_older_run_format_is_refused(smoke: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(smoke, copy)
    state = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps({**state, "run_format": 0}))
    with pytest.raises(RunError, match="run format 0"):
        build(SMOKE, copy)


def test_what_is_not_met_is_named_and_the_corpus_kept(tmp_path: Path) -> None:
    done = {"run": Run(tmp_path), "wanted": 3, "rejected": 0, "duplicates": 0, "fresh": True, "why": ""}
    raise_unmet(BuildResult(pairs=3, **done))
    short = "validation has 98 of 100 pairs of violence"
    with pytest.raises(Unmet, match=f"2 of 3 pairs could be made; starved cells: c1; .*{short}"):
        raise_unmet(BuildResult(pairs=2, starved=("c1",), short=(short,), **done))


def test_rounds_count_up(smoke: Path) -> None:
    metrics = json.loads((smoke / "metrics.json").read_text())
    numbers = [item["round"] for item in metrics["attempts_by_round"]]
    assert numbers[0] == 1
    assert all(later > earlier for earlier, later in pairwise(numbers))


def test_pairs_and_seed_override_the_recipe() -> None:
    changed = load_inputs(SMOKE, pairs=60, seed=5).recipe
    assert (changed.pairs, changed.seed) == (60, 5)
    assert changed.split.validation == 15 * 60 // 200
