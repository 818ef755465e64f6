"""The release folder: what a fine-tuner loads, and what anybody can verify."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from corpusgen.checks import Pair, Rules, check_pair, pair_gates
from corpusgen.errors import RunError, Unmet, UsageError
from corpusgen.publish import publish
from corpusgen.publish.tables import OWED
from corpusgen.recipe import Inputs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def release(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("release") / "psychosafe"
    publish(smoke, target, unreviewed=True)
    return target


def load(release: Path, config: str, tmp_path: Path) -> Any:
    from datasets import load_dataset

    return load_dataset(str(release), config, cache_dir=str(tmp_path))


def test_load_dataset_returns_the_splits(release: Path, smoke: Path, tmp_path: Path) -> None:
    loaded = load(release, "default", tmp_path)
    assert {name: part.num_rows for name, part in loaded.items()} == {"train": 170, "validation": 15, "test": 15}
    rows = {row["id"]: row for part in loaded.values() for row in part}
    for row in pq.read_table(smoke / "corpus.parquet").to_pylist():
        assert rows[row["id"]] == row


def test_messages_are_in_chat_form(release: Path, tmp_path: Path) -> None:
    row = load(release, "default", tmp_path)["train"][0]
    assert row["messages"] == [
        {"role": "user", "content": row["prompt"]},
        {"role": "assistant", "content": row["response"]},
    ]


def test_preference_pairs_are_chat_lists_whose_rejected_side_is_safe(
    release: Path, inputs: Inputs, tmp_path: Path
) -> None:
    loaded = load(release, "preference", tmp_path)["train"]
    assert loaded.num_rows == 200
    gates = [gate for gate in pair_gates(Rules(inputs.taxonomy, inputs.recipe.checks)) if gate.kind == "safety"]
    for row in loaded:
        assert row["prompt"][0]["role"] == "user"
        assert row["chosen"][0]["content"] != row["rejected"][0]["content"]
        found = check_pair(Pair("", row["prompt"][0]["content"], row["rejected"][0]["content"]), gates)
        assert not [item for item in found if item.gate not in OWED]


def test_resources_name_their_sources(release: Path, tmp_path: Path) -> None:
    loaded = load(release, "resources", tmp_path)["train"]
    assert loaded.num_rows > 100
    assert all(row["source_urls"] and row["read"] and row["channels"] for row in loaded)


def test_the_sums_verify_and_name_every_file(release: Path) -> None:
    lines = (release / "SHA256SUMS").read_text().splitlines()
    named = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    there = {path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file()}
    assert set(named) == there - {"SHA256SUMS"}
    for name, digest in named.items():
        assert hashlib.sha256((release / name).read_bytes()).hexdigest() == digest


def test_the_card_says_plainly_that_nobody_has_reviewed_it(release: Path) -> None:
    card = (release / "README.md").read_text()
    assert "Not reviewed by clinicians" in card
    assert "drafted with AI assistance" in card
    head = yaml.safe_load(card.split("---")[1])
    assert head["license"] == "cc-by-4.0"
    assert [item["config_name"] for item in head["configs"]] == ["default", "preference", "resources"]
    assert not re.search(r"\{\{|\{%|Undefined", card)


def test_the_card_is_one_that_the_hub_understands(release: Path) -> None:
    from huggingface_hub import DatasetCard

    card = DatasetCard.load(release / "README.md")
    assert card.data.to_dict()["language"] == ["en"]


def test_publishing_again_changes_nothing(release: Path, smoke: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in release.rglob("*")}
    assert not publish(smoke, release, unreviewed=True).changed
    assert before == {path: path.stat().st_mtime_ns for path in release.rglob("*")}


def test_a_damaged_release_is_written_anew(release: Path, smoke: Path, tmp_path: Path) -> None:
    copy = tmp_path / "release"
    shutil.copytree(release, copy)
    (copy / "data" / "default" / "test-00000-of-00001.parquet").write_bytes(b"broken")
    assert publish(smoke, copy, unreviewed=True).changed
    assert (copy / "SHA256SUMS").read_bytes() == (release / "SHA256SUMS").read_bytes()
    assert pq.read_table(copy / "data" / "default" / "test-00000-of-00001.parquet").num_rows == 15


def test_without_a_review_it_takes_the_word_unreviewed(smoke: Path, tmp_path: Path) -> None:
    with pytest.raises(Unmet, match="not been reviewed by clinicians"):
        publish(smoke, tmp_path / "release")
    assert not (tmp_path / "release").exists()


def test_a_folder_with_other_files_is_not_replaced(smoke: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="would be replaced"):
        publish(smoke, tmp_path, unreviewed=True)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_run_whose_seeds_have_changed_is_not_released(smoke: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(smoke, copy)
    state = json.loads((copy / "run.json").read_text())
    state["inputs"][next(iter(state["inputs"]))] = "0" * 64
    (copy / "run.json").write_text(json.dumps(state))
    with pytest.raises(RunError, match="have changed since"):
        publish(copy, tmp_path / "release", unreviewed=True)
