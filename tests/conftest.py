"""What several tests share: the loaded inputs, a seed bank small enough to copy, one built smoke run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from corpusgen.recipe import Inputs, load_inputs

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
XSTEST = SHARED / "data" / "xstest"


def need(path: Path) -> Path:
    """Returns a file that a test needs; without it the test is skipped, and fails where everything is required."""
    if not path.exists():
        reason = f"{path.name} is not at hand"
        if os.environ.get("CORPUSGEN_REQUIRE_ALL"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def inputs() -> Inputs:
    """The full recipe's inputs, loaded once; nobody changes them."""
    return load_inputs(ROOT / "pipelines" / "psychosafe-8k.yaml")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of taxonomy, seeds and recipes, to break things in."""
    for name in ("taxonomies", "seeds", "pipelines"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built smoke run; tests read it and leave it as it is."""
    from corpusgen.build import build

    folder = tmp_path_factory.mktemp("smoke") / "run"
    build(ROOT / "pipelines" / "smoke.yaml", folder)
    return folder
