"""The wheel: built, installed elsewhere, it makes a project and builds the smoke corpus."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow


def test_the_wheel_carries_everything_it_needs(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True)
    wheel = next(tmp_path.glob("corpusgen-*.whl"))
    place = tmp_path / "place"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place), str(wheel)], check=True
    )
    assert (place / "corpusgen" / "_bundled" / "taxonomies" / "psychosafe" / "policy.yaml").is_file()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(place)}

    def corpusgen(*arguments: str) -> str:
        # -P keeps the checkout that tests run in off the path; the installed copy is the one that runs
        command = [sys.executable, "-P", "-m", "corpusgen", *arguments]
        done = subprocess.run(command, cwd=elsewhere, env=environment, check=True, capture_output=True, text=True)
        return done.stdout

    where = [sys.executable, "-P", "-c", "import corpusgen; print(corpusgen.__file__)"]
    found = subprocess.run(where, cwd=elsewhere, env=environment, check=True, capture_output=True, text=True).stdout
    assert str(place) in found
    corpusgen("init", "mine")
    assert (elsewhere / "mine" / "seeds" / "psychosafe" / "phrases" / "voice.yaml").is_file()
    corpusgen("build", "mine/pipelines/smoke.yaml", "-o", "run", "--quiet")
    assert pq.read_table(elsewhere / "run" / "corpus.parquet").num_rows == 200
    assert "60" in corpusgen("build", "smoke", "-n", "60", "-o", "bundled")
