"""A corpus by a language model behind an endpoint: faults, kills, budget, fallback, selection, keys."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from corpusgen.build import build
from corpusgen.cli import run as cli
from corpusgen.errors import AuthorError, Unmet
from corpusgen.publish import publish
from corpusgen.run import Run
from tests.conftest import ROOT
from tests.endpoint import Endpoint

pytestmark = pytest.mark.slow
SMOKE = ROOT / "pipelines" / "smoke.yaml"
KEY = "sk-planted-0123456789abcdef"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(mean=0) as found:
        yield found


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Path]:
    """Writes a recipe of fifty pairs with a language model as author, and other values where they are given."""

    def write(url: str, **author: Any) -> Path:
        import yaml

        value = yaml.safe_load(SMOKE.read_text(encoding="utf-8"))
        for name in ("taxonomy", "seeds"):
            value[name] = str(ROOT / value[name])
        fixed = {"kind": "llm", "endpoint": url, "model": "made-up", "attempts": 1, "max_fallback_share": 1.0}
        value.update(pairs=50, split={"validation": 3, "test": 3}, author={**fixed, **author})
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")
        return path

    return write


def pairs(run: Run) -> list[dict[str, Any]]:
    return pq.read_table(run.corpus_path).to_pylist()


def test_every_cell_is_filled_by_the_model_or_by_the_offline_author(
    endpoint: Endpoint, recipe: Callable[..., Path], tmp_path: Path
) -> None:
    endpoint.reset(mean=0)
    found = build(recipe(endpoint.url), tmp_path / "run")
    made = pairs(found.run)
    assert len(made) == 50
    assert {(row["author"], row["model"], row["fell_back"]) for row in made} <= {
        ("llm", "made-up", False),
        ("offline", None, True),
    }
    assert found.fell_back == sum(row["fell_back"] for row in made)
    metrics = json.loads(found.run.metrics_path.read_text())
    assert metrics["authors"]["llm"]["attempts"] == 50
    counted = metrics["authors"]["llm"]
    assert counted["attempts"] == sum(count for name, count in counted.items() if name != "attempts")
    assert {item["outcome"] for item in metrics["usage"]} == {"answer"}
    # what is done is not asked again
    before = endpoint.stats()["requests"]
    assert build(tmp_path / "recipe.yaml", tmp_path / "run").fresh is False
    build(tmp_path / "recipe.yaml", tmp_path / "run", fresh=True)
    assert endpoint.stats()["requests"] == before


def test_faults_change_nothing_but_the_bill(recipe: Callable[..., Path], tmp_path: Path) -> None:
    faults = {"429": 0.05, "500": 0.02, "reset": 0.01, "empty": 0.01, "broken": 0.01, "html": 0.01, "length": 0.02}
    with Endpoint(mean=0) as calm:
        quiet = build(recipe(calm.url), tmp_path / "quiet")
    with Endpoint(mean=0, faults={**faults, "hang": 0.02}) as rough:
        loud = build(recipe(rough.url, timeout_s=3), tmp_path / "loud")
        seen = rough.stats()["outcomes"]
    assert sum(count for name, count in seen.items() if name != "ok") >= 3
    columns = ["cell_id", "attempt", "prompt", "response", "author"]
    assert [[row[name] for name in columns] for row in pairs(loud.run)] == [
        [row[name] for name in columns] for row in pairs(quiet.run)
    ]
    rows = pq.read_table(sorted(loud.run.written.glob("part-00-0*.parquet"))[0]).to_pylist()
    assert all(row["status"] is not None for row in rows)


def test_an_endpoint_that_is_down_ends_the_build_in_seconds(recipe: Callable[..., Path], tmp_path: Path) -> None:
    with Endpoint(mean=0, down=True) as endpoint:
        start = time.monotonic()
        with pytest.raises(AuthorError, match="gives no answers"):
            build(recipe(endpoint.url), tmp_path / "run")
        assert time.monotonic() - start < 25
        endpoint.reset(mean=0)
        # and goes on when it is up again
        assert build(tmp_path / "recipe.yaml", tmp_path / "run").pairs == 50


def test_a_budget_stops_before_it_is_passed(endpoint: Endpoint, recipe: Callable[..., Path], tmp_path: Path) -> None:
    endpoint.reset(mean=0)
    prices = {"made-up": {"input": 10.0, "output": 30.0}}
    path = recipe(endpoint.url, prices=prices, budget_usd=0.4)
    with pytest.raises(Unmet, match="budget"):
        build(path, tmp_path / "run")
    assert cli(["build", str(path), "-o", str(tmp_path / "run"), "--quiet"]) == 3
    from corpusgen.endpoints import Journal

    journal = Journal(tmp_path / "run" / "journal.sqlite")
    spent = sum(item.cost_usd for item in journal.usage())
    journal.close()
    assert 0.1 < spent <= 0.4
    asked = endpoint.stats()["requests"]
    raised = path.read_text().replace("budget_usd: 0.4", "budget_usd: 400")
    path.write_text(raised)
    done = build(path, tmp_path / "run")
    assert done.pairs == 50
    assert asked > 5
    # nothing is paid twice: two requests a row in all
    assert endpoint.stats()["requests"] == 100


def test_no_key_is_left_anywhere(recipe: Callable[..., Path], tmp_path: Path) -> None:
    environment = {**os.environ, "OPENAI_API_KEY": KEY}
    run = tmp_path / "run"
    with Endpoint(mean=0, key=KEY, faults={"500": 0.05}) as endpoint:
        path = recipe(endpoint.url)
        command = [sys.executable, "-m", "corpusgen", "--debug", "build", str(path), "-o", str(run)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
        assert done.returncode == 0
        wrong = {**environment, "OPENAI_API_KEY": KEY + "x"}
        other = [*command[:-1], str(tmp_path / "other")]
        failed = subprocess.run(other, capture_output=True, text=True, env=wrong, check=False)
        assert failed.returncode == 1
        assert "401" in failed.stderr
    said = [done.stdout, done.stderr, failed.stdout, failed.stderr]
    assert not [text for text in said if KEY in text]
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) > 5
    assert not [file for file in files if KEY.encode() in file.read_bytes()]


def test_the_best_of_several_is_kept_and_the_others_are_preference_pairs(
    endpoint: Endpoint, recipe: Callable[..., Path], tmp_path: Path
) -> None:
    endpoint.reset(mean=0)
    found = build(recipe(endpoint.url, candidates=3), tmp_path / "run")
    # a prompt, three responses, three judgements
    assert endpoint.stats()["requests"] == 50 * 7
    spares = {
        row["id"]: row["spares"]
        for part in found.run.written.glob("part-*.parquet")
        for row in pq.read_table(part).to_pylist()
        if row["spares"]
    }
    release = publish(found.run.root, tmp_path / "release", unreviewed=True)
    table = pq.read_table(release.path / "data" / "preference" / "train-00000-of-00001.parquet").to_pylist()
    used = [row for row in table if row["id"] in spares]
    assert all(row["rejected"][0]["content"] in spares[row["id"]] for row in used)
    assert all(row["rejected"] != row["chosen"] for row in table)


def test_too_many_fallbacks_are_said(endpoint: Endpoint, recipe: Callable[..., Path], tmp_path: Path) -> None:
    endpoint.reset(mean=0)
    path = recipe(endpoint.url, max_fallback_share=0.0)
    assert cli(["build", str(path), "-o", str(tmp_path / "run"), "--quiet"]) == 3


@pytest.mark.parametrize(("name", "number", "times"), [("SIGKILL", signal.SIGKILL, 3), ("SIGINT", signal.SIGINT, 2)])
def test_ended_and_resumed_nothing_is_lost_or_paid_twice(name: str, number: int, times: int) -> None:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import kills

    quiet = kills.run(SMOKE, 300, 0, signal.SIGKILL, 0)
    found = kills.run(SMOKE, 300, times, number, 7)
    assert found.digest == quiet.digest
    assert found.requests <= quiet.requests + kills.SLOTS * found.kills
    assert found.kills > 0


def test_interrupted_it_says_how_to_go_on(recipe: Callable[..., Path], tmp_path: Path) -> None:
    with Endpoint(mean=1.0) as endpoint:
        path = recipe(endpoint.url)
        command = [sys.executable, "-m", "corpusgen", "build", str(path), "-o", str(tmp_path / "run")]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        while endpoint.stats()["requests"] < 20:
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again" in said
    assert "Traceback" not in said
