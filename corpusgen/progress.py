"""What a build tells while it runs, and what it notes about every attempt."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

__all__ = ["Outcome", "Progress", "Silent", "Timer"]


class Progress(Protocol):
    """Where a build says what it is doing."""

    def stage(self, name: str, detail: str) -> None:
        """A stage has begun, or has something to say."""

    def count(self, done: int, total: int, what: str) -> None:
        """So many pairs are accepted."""


class Silent:
    """Says nothing."""

    def stage(self, name: str, detail: str) -> None:
        """Ignores it."""

    def count(self, done: int, total: int, what: str) -> None:
        """Ignores it."""


class Outcome(NamedTuple):
    """What became of one attempt."""

    id: str
    cell_id: str
    attempt: int
    outcome: str
    """accepted, failed, rejected (by a gate), duplicate, or partner (the other side of its contrast pair was lost)"""
    gate: str
    kind: str
    reason: str
    kept: str
    similarity: float


@dataclass
class Timer:
    """Seconds spent in each stage."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Adds the time that the block takes to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - start
