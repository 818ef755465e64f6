"""What a build tells while it runs, and what it notes about every attempt."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

__all__ = ["Interrupts", "Outcome", "Progress", "Silent", "Timer"]


class Progress(Protocol):
    """Where a build says what it is doing."""

    def stage(self, name: str, detail: str) -> None:
        """A stage has begun, or has something to say."""

    def count(self, done: int, total: int, what: str) -> None:
        """So many pairs are accepted."""

    def tick(self, line: str) -> None:
        """Where a stage that takes long stands; comes about once a second, from another thread."""


class Silent:
    """Says nothing."""

    def stage(self, name: str, detail: str) -> None:
        """Ignores it."""

    def count(self, done: int, total: int, what: str) -> None:
        """Ignores it."""

    def tick(self, line: str) -> None:
        """Ignores it."""


class Outcome(NamedTuple):
    """What became of one attempt."""

    id: str
    cell_id: str
    attempt: int
    outcome: str
    """accepted, failed, rejected (by a gate), duplicate, partner (the other side of its contrast pair was lost), or
    dropped (by the review)"""
    gate: str
    kind: str
    reason: str
    kept: str
    similarity: float
    author: str = "offline"


class Interrupts:
    """Ctrl+C that does not get lost: some libraries catch every exception while they are imported.

    Between ``with`` and its end an interrupt is raised where it arrives, and again at the next stage if it was lost.
    """

    def __init__(self) -> None:
        self.seen = False
        self._before: Any = None
        self._hook: Any = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
            self._hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            sys.unraisablehook = self._hook

    def _unraisable(self, lost: Any) -> None:
        # an interrupt that fell into a destructor is not lost: the next stage raises it
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            self._hook(lost)

    def _note(self, number: int, frame: object) -> None:
        del number, frame
        self.seen = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raises the interrupt again.

        Raises:
            KeyboardInterrupt: There was one.
        """
        if self.seen:
            raise KeyboardInterrupt


@dataclass
class Timer:
    """Seconds spent in each stage; a stage begins and ends only if nobody has interrupted."""

    interrupts: Interrupts = field(default_factory=Interrupts)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Adds the time that the block takes to a stage."""
        self.interrupts.check()
        start = time.perf_counter()
        try:
            yield
            self.interrupts.check()
        finally:
            self.seconds[stage] += time.perf_counter() - start
