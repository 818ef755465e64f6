"""Ray: the steps as actors, the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpusgen.build import build
from tests.conftest import ROOT

pytestmark = pytest.mark.slow


def test_on_ray_the_corpus_has_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    import ray

    recipe = ROOT / "pipelines" / "smoke.yaml"
    here = build(recipe, tmp_path / "here", pairs=40)
    try:
        there = build(recipe, tmp_path / "there", pairs=40, ray="local")
    finally:
        ray.shutdown()
    assert there.run.corpus_path.read_bytes() == here.run.corpus_path.read_bytes()
