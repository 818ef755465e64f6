"""Counts: a dataset's progress, a user's, and what a metadata property holds."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from argilla_server.models import Record, Response
from argilla_server.search_engine.base import (
    FloatMetadataMetrics,
    IntegerMetadataMetrics,
    MetadataMetrics,
    TermsMetrics,
)
from sqlalchemy import Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from corpusgen_argilla.filters import Schema

__all__ = ["by_record_status", "by_response_status", "metadata_metrics"]

_MOST_TERMS = 2**14  # as many as Argilla asks Elasticsearch for


async def by_record_status(connection: AsyncConnection, dataset_id: UUID) -> dict[str, int]:
    """Returns how many records a dataset has in all (`total`) and in each status."""
    status = cast(Record.status, Text)
    query = select(status, func.count()).where(Record.dataset_id == dataset_id).group_by(status)
    counts: dict[str, int] = dict((await connection.execute(query)).tuples().all())
    return {"total": sum(counts.values()), **counts}


async def by_response_status(connection: AsyncConnection, dataset_id: UUID, user_id: UUID) -> dict[str, int]:
    """Returns how many responses a user has in a dataset, in all (`total`) and in each status.

    Only the user's own count; Argilla's Elasticsearch engine counts the statuses of colleagues on the same records.
    """
    status = cast(Response.status, Text)
    query = (
        select(status, func.count())
        .join(Record, Record.id == Response.record_id)
        .where(Record.dataset_id == dataset_id, Response.user_id == user_id)
        .group_by(status)
    )
    counts: dict[str, int] = dict((await connection.execute(query)).tuples().all())
    return {"total": sum(counts.values()), **counts}


async def metadata_metrics(connection: AsyncConnection, schema: Schema, dataset_id: UUID, name: str) -> MetadataMetrics:
    """Returns a property's terms with their counts of records, the commonest first, or its least and greatest value."""
    held = schema.of_metadata(name)
    rows = (*held.where, Record.dataset_id == dataset_id)
    if held.numeric:
        low, high = (
            await connection.execute(
                select(func.min(held.value), func.max(held.value)).select_from(Record, *held.sources).where(*rows)
            )
        ).one()
        if schema.metadata[name] == "integer":
            return IntegerMetadataMetrics(min=_integer(low), max=_integer(high))
        return FloatMetadataMetrics(min=_float(low), max=_float(high))
    term = held.value.label("term")
    count = func.count(Record.id.distinct())
    query = select(term, count).select_from(Record, *held.sources).where(*rows).group_by(term)
    counts = (await connection.execute(query.order_by(count.desc(), term))).all()
    values = [TermsMetrics.TermCount(term=value, count=number) for value, number in counts[:_MOST_TERMS]]
    return TermsMetrics(total=sum(number for _, number in counts), values=values)


def _integer(value: object) -> int | None:
    return None if value is None else int(Decimal(str(value)))


def _float(value: object) -> float | None:
    return None if value is None else float(str(value))
