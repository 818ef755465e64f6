"""What the command line prints: errors, tables, progress. Text of records is shown with control characters removed."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["Lines", "fail", "figures", "safe", "say", "show_json", "table"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def safe(text: object) -> str:
    """Returns text without control characters: a record must not be able to drive the terminal."""
    return _CONTROL.sub("\ufffd", str(text))


def say(text: str = "") -> None:
    """Prints a line to standard output."""
    print(safe(text))


def show_json(value: Any) -> None:
    """Prints JSON to standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def fail(what: str, *, where: str | None = None, do: str | None = None) -> None:
    """Prints an error block to standard error: what, where, the thing to do next."""
    place = f"{where}: " if where else ""
    print(safe(f"error: {place}{what}"), file=sys.stderr)
    if do:
        print(safe(f"       {do}"), file=sys.stderr)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], numbers: Sequence[int] = ()) -> None:
    """Prints a table; columns whose index is in ``numbers`` are set to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(head):
        grid.add_column(name, justify="right" if index in numbers else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(safe(f"{cell:,}" if isinstance(cell, int) else cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(grid)


def figures(pairs: int, wanted: int, met: int, total: int, rejected: int, duplicates: int) -> None:
    """Prints the three figures of a build."""
    say(f"pairs: {pairs:,} of {wanted:,}; quotas met: {met:,} of {total:,}")
    say(f"rejected by gates: {rejected:,}")
    say(f"duplicates removed: {duplicates:,}")


TICK_S = 10.0
"""Between two lines of one stage where there is no terminal."""


class Lines:
    """Progress of a build: a live line on a terminal, plain lines elsewhere, nothing when quiet."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.live = sys.stderr.isatty()
        self.started = time.monotonic()
        self.ticked = self.started

    def stage(self, name: str, detail: str) -> None:
        """A stage has begun."""
        self._print(f"{name:<6} {detail}")

    def count(self, done: int, total: int, what: str) -> None:
        """So many pairs are accepted."""
        self._print(f"       {done:,} of {total:,} accepted {what}", last=True)

    def tick(self, line: str) -> None:
        """Where a long stage stands: live on a terminal, every ten seconds elsewhere."""
        now = time.monotonic()
        if self.live or now - self.ticked >= TICK_S:
            self.ticked = now
            self._print(f"       {line}")

    def _print(self, text: str, last: bool = False) -> None:
        if self.quiet:
            return
        elapsed = time.monotonic() - self.started
        line = safe(f"[{elapsed:6.1f} s] {text}")
        if self.live and not last:
            print(f"\r\x1b[2K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(f"\r\x1b[2K{line}" if self.live else line, file=sys.stderr, flush=True)

    def done(self) -> None:
        """Ends the live line."""
        if self.live and not self.quiet:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
