"""Runs a command and measures it whole: wall time, and the peak memory of the process with all its children."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Measured", "measure"]

INTERVAL_S = 0.2
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Measured:
    """What a command cost.

    Attributes:
        seconds: Wall time, start-up of the interpreter included.
        pss_mb: Peak of the summed proportional set size in MB (10^6 bytes): a page that several processes share counts
            once. None where the system does not tell it.
        rss_mb: Peak of the summed resident set size in MB; pages shared after a fork count once a process.
        code: Exit code.
        log: Where stdout and stderr went.
    """

    seconds: float
    pss_mb: float | None
    rss_mb: float
    code: int
    log: Path

    def tail(self, lines: int = 15) -> str:
        """Returns the end of the log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def measure(
    command: Sequence[str], log: Path, *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Measured:
    """Runs a command to its end.

    Args:
        command: Program and arguments.
        log: Receives stdout and stderr.
        cwd: Working folder.
        env: The whole environment; this process's own by default.

    Returns:
        What it cost, whatever its exit code.
    """
    with log.open("w", encoding="utf-8") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=cwd, env=env)
        sampler = _Sampler(process.pid)
        sampler.start()
        code = process.wait()
        seconds = time.perf_counter() - start
        sampler.stop()
    pss = sampler.pss / MEGABYTE if sampler.pss else None
    return Measured(seconds, pss, sampler.rss / MEGABYTE, code, log)


class _Sampler(threading.Thread):
    """Notes the peaks of a process tree's memory, five times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.pss = 0
        self.rss = 0
        self._done = threading.Event()

    def run(self) -> None:
        """Samples until told to stop."""
        while not self._done.wait(INTERVAL_S):
            sizes = [_memory(process) for process in _tree(self.pid)]
            self.pss = max(self.pss, sum(pss for pss, _ in sizes))
            self.rss = max(self.rss, sum(rss for _, rss in sizes))

    def stop(self) -> None:
        """Ends the sampling."""
        self._done.set()
        self.join()


def _tree(pid: int) -> Iterator[psutil.Process]:
    try:
        root = psutil.Process(pid)
        yield root
        yield from root.children(recursive=True)
    except psutil.Error:
        return  # it has ended meanwhile


def _memory(process: psutil.Process) -> tuple[int, int]:
    """Returns (PSS, RSS) in bytes; zeros for a process that has ended, PSS 0 where the system does not tell it."""
    try:
        found = process.memory_full_info()
    except psutil.Error:
        return 0, 0
    return getattr(found, "pss", 0), found.rss
