"""The server's database: how SQLite is opened, a pool of its own for reading, statuses set right after a crash."""

from __future__ import annotations

from typing import Any

from argilla_server.database import sync_engine
from argilla_server.enums import RecordStatus, ResponseStatus
from argilla_server.models import Dataset, Record, Response
from argilla_server.settings import settings
from sqlalchemy import Engine, event, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

__all__ = ["open_safely", "reader", "settle_statuses"]

_reader: AsyncEngine | None = None


def open_safely() -> None:
    """Makes every SQLite connection of this process durable (WAL, synced at each commit) and patient with writers."""
    if settings.database_is_sqlite and not event.contains(Engine, "connect", _configure):
        event.listen(Engine, "connect", _configure)


def reader() -> AsyncEngine:
    """Returns the engine that searches read with, made at the first call.

    It is not the server's own: a request that holds a connection and waits for a second one of the same pool can wait
    for itself.
    """
    global _reader
    if _reader is None:
        _reader = create_async_engine(settings.database_url or "", **settings.database_engine_args)
    return _reader


def settle_statuses() -> int:
    """Sets each record's status by its submitted responses and returns how many were wrong.

    The server commits a response first and the record's status after it, so a kill between the two leaves a record
    pending that is complete.
    """
    submitted = (
        select(func.count())
        .where(Response.record_id == Record.id, Response.status == ResponseStatus.submitted)
        .scalar_subquery()
    )
    changed = 0
    with sync_engine.begin() as connection:
        for dataset_id, distribution in connection.execute(select(Dataset.id, Dataset.distribution)).all():
            enough = submitted >= int(distribution["min_submitted"])
            for condition, status in ((enough, RecordStatus.completed), (~enough, RecordStatus.pending)):
                wrong = (Record.dataset_id == dataset_id, Record.status != status, condition)
                # The time of the last change is the reviewers' and stays.
                kept = {"status": status, "updated_at": Record.updated_at}
                changed += connection.execute(update(Record.__table__).where(*wrong).values(kept)).rowcount
    sync_engine.dispose()
    return changed


def _configure(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()
