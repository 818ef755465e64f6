"""The journal: every answer that an endpoint ever gave in a run, durable before anybody sees it (SQLite).

Failures are never kept as answers, only what they cost.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from corpusgen.endpoints.answers import Answer
from corpusgen.errors import StorageError

__all__ = ["Journal", "Usage"]

_TABLES = """
create table if not exists answers (
    key text primary key,
    row text not null,
    version text not null,
    text text not null,
    input_tokens integer not null,
    output_tokens integer not null
) without rowid;
create table if not exists spending (
    model text not null,
    outcome text not null,
    requests integer not null,
    input_tokens integer not null,
    output_tokens integer not null,
    cost_usd real not null,
    primary key (model, outcome)
) without rowid;
"""
_KEEP = "insert or replace into answers values (?, ?, ?, ?, ?, ?)"
_SPEND = """
insert into spending values (?, ?, 1, ?, ?, ?) on conflict (model, outcome) do update set
    requests = requests + 1, input_tokens = input_tokens + excluded.input_tokens,
    output_tokens = output_tokens + excluded.output_tokens, cost_usd = cost_usd + excluded.cost_usd
"""


class Usage(NamedTuple):
    """What a model was asked and what it cost, over all starts of a run."""

    model: str
    outcome: str
    """``answer``, or the kind of failure."""
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


_Work = tuple[str, tuple[Any, ...], Callable[[BaseException | None], None] | None]
"""A statement, its values, and whom to tell when they are on disk."""


class Journal:
    """The journal of one run; one process writes it at a time.

    A thread of its own writes, and commits whatever has come in as one transaction, synced to disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader, self._writer = self._open(), self._open()
            self._reader.executescript(_TABLES)
        except (sqlite3.Error, OSError) as error:
            raise _storage_error(error, path) from error
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def _open(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.path, timeout=30, check_same_thread=False, isolation_level=None)
        base.execute("pragma journal_mode=wal")
        base.execute("pragma synchronous=full")
        return base

    def get(self, key: str) -> Answer | None:
        """Returns the answer kept under a key.

        Raises:
            StorageError: The journal cannot be read.
        """
        try:
            found = self._reader.execute(
                "select text, input_tokens, output_tokens from answers where key = ?", (key,)
            ).fetchone()
        except sqlite3.Error as error:
            raise _storage_error(error, self.path) from error
        return None if found is None else Answer(*found)

    async def keep(self, key: str, row: str, version: str, answer: Answer) -> None:
        """Keeps an answer; returns when it is on disk.

        Raises:
            StorageError: It cannot be written.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def settle(error: BaseException | None) -> None:
            if not done.done():
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)

        values = (key, row, version, answer.text, answer.input_tokens, answer.output_tokens)
        self._queue.put((_KEEP, values, lambda error: _tell(loop, settle, error)))
        await done

    def spend(self, model: str, outcome: str, input_tokens: int, output_tokens: int, cost_usd: float) -> None:
        """Notes what a response cost, whatever came of it."""
        self._queue.put((_SPEND, (model, outcome, input_tokens, output_tokens, cost_usd), None))

    def usage(self) -> list[Usage]:
        """Returns what was asked and spent so far, by model and outcome."""
        return [Usage(*row) for row in self._reader.execute("select * from spending order by model, outcome")]

    def close(self) -> None:
        """Writes what is left and closes the file."""
        self._queue.put(None)
        self._thread.join()
        self._reader.close()

    def _write(self) -> None:
        base = self._writer
        going = True
        while going:
            group = [self._queue.get()]
            while not self._queue.empty():
                group.append(self._queue.get())
            going = None not in group
            work = [item for item in group if item is not None]
            error = self._commit(base, [(statement, values) for statement, values, _ in work])
            for _, _, told in work:
                if told is not None:
                    told(error)
        base.close()

    def _commit(self, base: sqlite3.Connection, work: list[tuple[str, tuple[Any, ...]]]) -> StorageError | None:
        if not work:
            return None
        try:
            base.execute("begin immediate")
            for statement, values in work:
                base.execute(statement, values)
            base.execute("commit")
        except Exception as error:  # a value that SQLite does not take is none of its own errors; the thread must go on
            if base.in_transaction:
                base.execute("rollback")
            return _storage_error(error, self.path)
        return None


def _tell(
    loop: asyncio.AbstractEventLoop, settle: Callable[[BaseException | None], None], error: BaseException | None
) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(settle, error)


def _storage_error(error: Exception, path: Path) -> StorageError:
    do = "free some space or check the file's rights, then run the same command again; what it holds is kept"
    return StorageError(f"the journal cannot be used: {error}", where=path, do=do)
