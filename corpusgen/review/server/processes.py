"""Processes that outlive the command that started them, and are never mistaken for a stranger's.

A process inherits an open lock file and holds the lock until it is gone, however it ends. So the lock tells whether it
runs, and its process id, written in the same file, is used only while the lock is held.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpusgen.run import storage_error

__all__ = ["Background"]

GRACE_S = 10.0
"""Seconds that a process may take to end when it is asked to; then it is killed."""

_children: list[subprocess.Popen[bytes]] = []
"""Those that this process started: they have to be waited for when they end before it does."""


@dataclass(frozen=True)
class Background:
    """One process of a home.

    Attributes:
        name: What it is, in one word.
        lock: The file whose lock it holds.
        log: Where it writes what it says.
    """

    name: str
    lock: Path
    log: Path

    @property
    def pid(self) -> int | None:
        """Its process id, or None where it does not run."""
        _reap()
        try:
            with self.lock.open() as file:
                try:
                    # shared, so that two who look at once do not take each other for the process
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    text = file.read().strip()
                    return int(text) if text.isdigit() else None
        except OSError:
            return None
        return None

    def start(self, command: Sequence[str], env: Mapping[str, str], cwd: Path, given: str = "") -> int:
        """Starts it, in a session of its own.

        Args:
            command: What to run; it must hold no secret, for everybody can see it.
            env: Its environment.
            cwd: Its folder.
            given: What it reads from standard input.

        Returns:
            Its process id.

        Raises:
            StorageError: Lock or log cannot be written.
        """
        try:
            if self.log.exists():
                self.log.replace(self.log.with_name(f"{self.log.name}.1"))
            with self.lock.open("w+") as lock, self.log.open("wb") as log:
                fcntl.flock(lock, fcntl.LOCK_EX)
                process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(env),
                    cwd=cwd,
                    pass_fds=(lock.fileno(),),
                    start_new_session=True,
                    umask=0o077,
                )
                _children.append(process)
                lock.write(str(process.pid))
                lock.flush()
            with contextlib.suppress(BrokenPipeError), process.stdin or contextlib.nullcontext() as stream:
                if stream is not None:
                    stream.write(given.encode())
        except OSError as error:
            raise storage_error(error, Path(error.filename or self.log)) from error
        return process.pid

    def stop(self, seconds: float = GRACE_S) -> bool:
        """Ends it: asks, and kills what has not ended in time; returns whether it ran."""
        if self.pid is None:
            return False
        self._signal(signal.SIGTERM)
        end = time.monotonic() + seconds
        while self.pid is not None and time.monotonic() < end:
            time.sleep(0.05)
        self.kill()
        return True

    def kill(self) -> None:
        """Kills it at once."""
        self._signal(signal.SIGKILL)
        end = time.monotonic() + GRACE_S
        while self.pid is not None and time.monotonic() < end:
            time.sleep(0.02)

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid
        if pid is not None:
            # its session began with it: the group holds what it started too
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)

    def said(self, lines: int = 6) -> list[str]:
        """Returns the last lines of its log; what is set in, as the inside of a traceback, is left there."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        told = [line.rstrip() for line in text.splitlines() if line.strip() and not line.startswith((" ", "\t"))]
        return told[-lines:]


def _reap() -> None:
    for process in list(_children):
        if process.poll() is not None:
            _children.remove(process)
