"""The Python environment of the embedded Argilla server: built once, from a lock of its own.

Argilla's server pins versions that clash with ours, so it runs in a virtual environment in the user's data folder. The
environment is named after what goes into it; another lock or another Python gets another one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from corpusgen.bundled import root
from corpusgen.errors import ReviewError
from corpusgen.run import storage_error

__all__ = ["data_folder", "ensure", "server_sources"]

Say = Callable[[str], None]

COMPLETE = ".complete"
"""Written last; an environment without it was interrupted, and is built again."""

LINES = 8
"""Of pip's output, in an error."""


def data_folder() -> Path:
    """Returns where corpusgen keeps what it builds: ``CORPUSGEN_DATA``, or its place in the user's data folder."""
    home = os.environ.get("CORPUSGEN_DATA")
    if home:
        return Path(home).expanduser().resolve()
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "corpusgen"


def server_sources() -> Path:
    """Returns the folder of the server's package and its lock."""
    return root() / "annotation" / "server"


def ensure(progress: Say | None = None) -> Path:
    """Builds the environment unless it is there; of several who ask at once, one builds and the others wait.

    Args:
        progress: Is told what happens, in plain lines.

    Returns:
        Its Python.

    Raises:
        ReviewError: The lock is missing, or the environment cannot be built.
        StorageError: The data folder cannot be written.
    """
    say = progress or (lambda line: None)
    lock = server_sources() / "requirements.lock"
    try:
        wanted = lock.read_bytes()
    except OSError as error:
        do = "install corpusgen again: this file belongs to it"
        raise ReviewError(f"the server's lock file cannot be read: {error.strerror}", where=lock, do=do) from error
    place = data_folder() / f"argilla-{_name(wanted)}"
    if _usable(place):
        return _python(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _alone(place.with_name(f"{place.name}.lock"), say):
            if not _usable(place):
                say("building the annotation server's environment, once; this takes some minutes")
                shutil.rmtree(place, ignore_errors=True)
                _build(place, lock, say)
                (place / COMPLETE).touch()
    except OSError as error:
        raise storage_error(error, place) from error
    return _python(place)


def _name(lock: bytes) -> str:
    python = f"{sys.implementation.cache_tag}-{sys.platform}".encode()
    return hashlib.sha256(lock + b"\x1e" + python).hexdigest()[:12]


def _python(place: Path) -> Path:
    return place / "bin" / "python"


def _usable(place: Path) -> bool:
    # the interpreter is a link: it is gone when the Python that it was made from is
    return (place / COMPLETE).is_file() and _python(place).exists()


@contextlib.contextmanager
def _alone(path: Path, say: Say) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is building the annotation server's environment; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(place: Path, lock: Path, say: Say) -> None:
    _run([sys.executable, "-m", "venv", str(place)], "the virtual environment cannot be made", lambda line: None)
    total = sum(1 for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line.partition("#")[0])
    seen: set[str] = set()

    def follow(line: str) -> None:
        if line.startswith("Collecting "):
            seen.add(line.split()[1])
            if len(seen) % 20 == 0:
                say(f"{len(seen)} of {total} packages")
        elif line.startswith("Installing collected"):
            say("all packages are here; installing them")

    command = [str(_python(place)), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    _run([*command, "-r", str(lock)], "the annotation server's packages cannot be installed", follow)


def _run(command: list[str], what: str, follow: Say) -> None:
    chosen = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    last: deque[str] = deque(maxlen=LINES)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=chosen,
    ) as process:
        for line in _lines(process.stdout):
            last.append(line)
            follow(line)
    if process.returncode:
        said = "\n       ".join(last) or f"it ended with exit code {process.returncode} and said nothing"
        do = "check that the package registry can be reached and venv is installed, then run the same command again"
        raise ReviewError(f"{what}:\n       {said}", do=do)


def _lines(stream: IO[str] | None) -> Iterator[str]:
    for line in stream or ():
        if line.strip():
            yield line.rstrip()
