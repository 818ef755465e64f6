"""The server's environment: built once, whole or not at all, by one of those who ask for it at once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from corpusgen.errors import ReviewError, StorageError
from corpusgen.review.server import environment
from corpusgen.review.server.environment import data_folder, ensure


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock without packages, so that building needs no network; the data folder is the test's too."""
    sources = tmp_path / "server"
    sources.mkdir()
    monkeypatch.setattr(environment, "server_sources", lambda: sources)
    monkeypatch.setenv("CORPUSGEN_DATA", str(tmp_path / "data"))
    path = sources / "requirements.lock"
    path.write_text("# nothing\n")
    return path


def test_the_data_folder_is_named_or_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CORPUSGEN_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert data_folder() == tmp_path / "own"
    monkeypatch.delenv("CORPUSGEN_DATA")
    assert data_folder() == tmp_path / "xdg" / "corpusgen"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder() == tmp_path / ".local" / "share" / "corpusgen"


@pytest.mark.slow
def test_several_who_ask_at_once_get_one_environment_and_later_ones_the_same(lock: Path) -> None:
    said: list[str] = []
    with ThreadPoolExecutor(3) as pool:
        pythons = set(pool.map(lambda _: ensure(said.append), range(3)))
    assert len(pythons) == 1
    assert sum(line.startswith("building") for line in said) == 1
    assert sum(line.startswith("another process") for line in said) == 2
    python = pythons.pop()
    version = subprocess.run([python, "-c", "import sys; print(sys.version)"], capture_output=True, text=True)
    assert version.stdout.strip() == sys.version
    assert ensure(said.append) == python
    assert sum(line.startswith("building") for line in said) == 1


@pytest.mark.slow
def test_one_that_was_interrupted_or_lost_its_python_is_built_again(lock: Path) -> None:
    python = ensure()
    place = python.parent.parent
    (place / ".complete").unlink()
    (place / "half").touch()
    assert ensure() == python
    assert not (place / "half").exists()

    python.unlink()
    python.symlink_to("/nowhere/python")
    assert ensure() == python
    assert python.exists()


@pytest.mark.slow
def test_what_pip_said_is_in_the_error_and_nothing_is_taken_for_whole(lock: Path) -> None:
    lock.write_text("--no-index\ncorpusgen-argilla-is-not-here==1.0\n")
    for _ in range(2):
        with pytest.raises(ReviewError, match="No matching distribution found for corpusgen-argilla-is-not-here"):
            ensure()


def test_without_a_lock_it_says_so(lock: Path) -> None:
    lock.unlink()
    with pytest.raises(ReviewError, match=r"requirements\.lock: the server's lock file cannot be read"):
        ensure()


def test_a_data_folder_that_cannot_be_written_is_named(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUSGEN_DATA", str(lock))
    with pytest.raises(StorageError, match="cannot be written"):
        ensure()
