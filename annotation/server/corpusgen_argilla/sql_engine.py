"""A search engine for Argilla that answers from the server's own database.

The server writes everything to SQL before it tells the search engine, so there is nothing to index: writing hooks do
nothing, and no search can lag behind or drift.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from argilla_server.enums import SimilarityOrder
from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.models import (
    Dataset,
    Field,
    MetadataProperty,
    Record,
    Response,
    Suggestion,
    User,
    Vector,
    VectorSettings,
)
from argilla_server.search_engine.base import (
    Filter,
    MetadataMetrics,
    Order,
    SearchEngine,
    SearchResponseItem,
    SearchResponses,
    TextQuery,
)
from sqlalchemy import ColumnElement, Text, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from corpusgen_argilla import ENGINE
from corpusgen_argilla.database import reader
from corpusgen_argilla.filters import Schema, load_schema
from corpusgen_argilla.progress import by_record_status, by_response_status, metadata_metrics
from corpusgen_argilla.query import parse
from corpusgen_argilla.similarity import nearest
from corpusgen_argilla.text import searchable

__all__ = ["SqlSearchEngine"]


@SearchEngine.register(ENGINE)
class SqlSearchEngine(SearchEngine):
    """Filters and sorts in SQL; looks for words and compares vectors in Python, on what the filters left."""

    @classmethod
    async def new_instance(cls) -> SqlSearchEngine:
        """Returns an engine; connections are shared by all of them."""
        return cls()

    async def close(self) -> None:
        """Closes nothing: the connections are the process's."""

    async def ping(self) -> bool:
        """Returns whether the database answers."""
        async with reader().connect() as connection:
            return bool((await connection.execute(select(literal(1)))).scalar_one() == 1)

    async def info(self) -> dict[str, str]:
        """Returns the engine's name and the kind of database; anybody may ask."""
        return {"name": ENGINE, "database": reader().dialect.name}

    async def create_index(self, dataset: Dataset) -> None:
        """There is no index."""

    async def delete_index(self, dataset: Dataset) -> None:
        """There is no index."""

    async def configure_metadata_property(self, dataset: Dataset, metadata_property: MetadataProperty) -> None:
        """There is no index."""

    async def configure_index_vectors(self, vector_settings: VectorSettings) -> None:
        """There is no index."""

    async def index_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        """The records are in the database already."""

    async def partial_record_update(self, record: Record, **update: Any) -> None:
        """The change is in the database already."""

    async def delete_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        """The records are gone already."""

    async def update_record_response(self, response: Response) -> None:
        """The response is in the database already."""

    async def delete_record_response(self, response: Response) -> None:
        """The response is gone already."""

    async def update_record_suggestion(self, suggestion: Suggestion) -> None:
        """The suggestion is in the database already."""

    async def delete_record_suggestion(self, suggestion: Suggestion) -> None:
        """The suggestion is gone already."""

    async def get_dataset_progress(self, dataset: Dataset) -> dict[str, int]:
        """Returns the counts of records by status; nothing for a dataset that is not published."""
        if dataset.is_draft:
            return {}
        async with reader().connect() as connection:
            return await by_record_status(connection, dataset.id)

    async def get_dataset_user_progress(self, dataset: Dataset, user: User) -> dict[str, int]:
        """Returns the counts of a user's responses by status; nothing for a dataset that is not published."""
        if dataset.is_draft:
            return {}
        async with reader().connect() as connection:
            return await by_response_status(connection, dataset.id, user.id)

    async def compute_metrics_for(self, metadata_property: MetadataProperty) -> MetadataMetrics:
        """Returns the counts of a property's terms, or its least and greatest value."""
        async with reader().connect() as connection:
            schema = await load_schema(connection, metadata_property.dataset_id)
            return await metadata_metrics(connection, schema, metadata_property.dataset_id, metadata_property.name)

    async def search(
        self,
        dataset: Dataset,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        sort: list[Order] | None = None,
        offset: int = 0,
        limit: int = 100,
        user_id: UUID | None = None,
    ) -> SearchResponses:
        """Returns a page of the records that match, and how many there are.

        Without a sort they come in the order of arrival, for every user the same (`user_id` is not used):
        Elasticsearch would rank by relevance or shuffle for each user, and a portion is put in order before it is sent.
        """
        async with reader().connect() as connection:
            schema = await load_schema(connection, dataset.id)
            where = _conditions(dataset.id, schema, filter)
            chosen = select(Record.id).where(*where).order_by(*schema.order(sort))
            if query is None:
                total = (await connection.execute(select(func.count()).select_from(Record).where(*where))).scalar_one()
                page = list((await connection.execute(chosen.offset(offset).limit(limit))).scalars())
            else:
                matching = set(await _matching(connection, dataset.id, query, where))
                found = [id_ for id_ in (await connection.execute(chosen)).scalars() if id_ in matching]
                total, page = len(found), found[offset : offset + limit]
        score = None if sort else 1.0
        return SearchResponses(items=[SearchResponseItem(record_id=id_, score=score) for id_ in page], total=total)

    async def similarity_search(
        self,
        dataset: Dataset,
        vector_settings: VectorSettings,
        value: list[float] | None = None,
        record: Record | None = None,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        max_results: int = 100,
        order: SimilarityOrder = SimilarityOrder.most_similar,
        threshold: float | None = None,
    ) -> SearchResponses:
        """Returns the records nearest to a vector, or to a record that is left out itself, the best first.

        The total counts the nearest that were asked for and exist, at most `max_results`, as Elasticsearch's does.
        """
        if bool(value) == bool(record):
            raise ValueError("Give either a vector or a record.")
        wanted = value or (record.vector_value_by_vector_settings(vector_settings) if record else None)
        if not wanted or len(wanted) != vector_settings.dimensions:
            raise UnprocessableEntityError(f"Vector must have {vector_settings.dimensions} elements.")
        async with reader().connect() as connection:
            schema = await load_schema(connection, dataset.id)
            where = _conditions(dataset.id, schema, filter)
            if record is not None:
                where.append(Record.id != record.id)
            vectors = (
                select(Record.id, cast(Vector.value, Text))
                .join(Vector, Vector.record_id == Record.id)
                .where(Vector.vector_settings_id == vector_settings.id, *where)
                .order_by(*schema.order(None))
            )
            rows = [(id_, held) for id_, held in await connection.execute(vectors)]
            if query is not None:
                matching = set(await _matching(connection, dataset.id, query, where))
                rows = [row for row in rows if row[0] in matching]
        opposite = order == SimilarityOrder.least_similar
        found = await asyncio.to_thread(nearest, wanted, rows, most=max_results, opposite=opposite, threshold=threshold)
        items = [SearchResponseItem(record_id=near.record_id, score=near.score) for near in found]
        return SearchResponses(items=items, total=len(items))


def _conditions(dataset_id: UUID, schema: Schema, filter: Filter | None) -> list[ColumnElement[bool]]:
    return [Record.dataset_id == dataset_id, *([schema.where(filter)] if filter else [])]


async def _matching(
    connection: AsyncConnection, dataset_id: UUID, query: TextQuery | str, where: Sequence[ColumnElement[bool]]
) -> list[UUID]:
    """Returns the records that meet a text query, of those that meet the conditions."""
    asked = TextQuery(q=query) if isinstance(query, str) else query
    clause = parse(asked.q)
    if clause is None:
        return []
    fields = await connection.execute(select(Field.name, Field.settings).where(Field.dataset_id == dataset_id))
    kinds = {name: str(settings["type"]) for name, settings in fields if asked.field in (None, name)}
    if asked.field and not kinds:
        raise UnprocessableEntityError(f"Field `{asked.field}` not found.")
    rows = (await connection.execute(select(Record.id, cast(Record.fields, Text)).where(*where))).all()

    def look() -> list[UUID]:
        return [id_ for id_, raw in rows if clause.matches(searchable(json.loads(raw), kinds))]

    return await asyncio.to_thread(look)
