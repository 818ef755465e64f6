"""From the API's filters and sorts to SQL over the server's tables.

Each filter on responses looks for one response that meets all of its conditions (value, range, whose it is); two
filters may be met by two different responses, as in Argilla's Elasticsearch engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from argilla_server.enums import MetadataPropertyType, QuestionType, ResponseStatusFilter, SortOrder
from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.models import MetadataProperty, Question, Record, Response, Suggestion
from argilla_server.search_engine.base import (
    AndFilter,
    Filter,
    FilterScope,
    MetadataFilterScope,
    Order,
    RangeFilter,
    RecordFilterScope,
    ResponseFilterScope,
    SuggestionFilterScope,
    TermsFilter,
)
from sqlalchemy import ColumnElement, Text, and_, cast, exists, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from corpusgen_argilla.elements import Dialect
from corpusgen_argilla.operands import Column, Identity, Moment, Nested, Operand

__all__ = ["Schema", "load_schema"]

_NUMBERS = {MetadataPropertyType.integer, MetadataPropertyType.float}


@dataclass(frozen=True)
class Schema:
    """A dataset's questions and metadata, and how its database spells things.

    Attributes:
        dialect: The database's own ways.
        questions: Id and type of each question, by name.
        metadata: Type of each metadata property, by name.
    """

    dialect: Dialect
    questions: dict[str, tuple[UUID, str]]
    metadata: dict[str, str]

    def where(self, filter: Filter) -> ColumnElement[bool]:
        """Returns a condition on the table of records.

        Raises:
            UnprocessableEntityError: The filter cannot be applied to what it names.
        """
        if isinstance(filter, AndFilter):
            return and_(true(), *(self.where(part) for part in filter.filters))
        scope = filter.scope
        if isinstance(scope, ResponseFilterScope) and not scope.question:
            if isinstance(filter, TermsFilter) and scope.property == "status":
                return _response_status(filter.values, scope)
            raise UnprocessableEntityError("Responses are filtered by a question's name, or by terms of `status`.")
        operand = self._operand(scope)
        if isinstance(filter, TermsFilter):
            return operand.terms(filter.values)
        if isinstance(filter, RangeFilter):
            return operand.between(filter.ge, filter.le)
        raise UnprocessableEntityError(f"Filters of type {type(filter).__name__} are unknown.")

    def order(self, sort: Sequence[Order] | None) -> list[ColumnElement[Any]]:
        """Returns what to order by: the sorts, what is missing last, then the order of arrival."""
        keys: list[ColumnElement[Any]] = []
        for item in sort or ():
            descending = item.order == SortOrder.desc
            key = self._operand(item.scope).key(descending=descending)
            keys.append((key.desc() if descending else key.asc()).nulls_last())
        return [*keys, Record.inserted_at.asc(), Record.id.asc()]

    def _operand(self, scope: FilterScope) -> Operand:
        if isinstance(scope, MetadataFilterScope):
            return self.of_metadata(scope.metadata_property)
        if isinstance(scope, RecordFilterScope):
            return self._of_record(str(scope.property))
        if isinstance(scope, SuggestionFilterScope):
            return self._of_suggestion(scope)
        return self._of_response(scope)

    def of_metadata(self, name: str) -> Nested:
        """Returns the values of a metadata property; a record may hold one, several or none."""
        if name not in self.metadata:
            raise UnprocessableEntityError(f"Metadata property `{name}` not found.")
        found = self.dialect.elements(Record.metadata_.expression, [name])
        numeric = self.metadata[name] in _NUMBERS
        value = found.number if numeric else found.text
        return Nested(found.sources, (*found.where, value.is_not(None)), value, numeric, False, self.dialect)

    def _of_record(self, name: str) -> Operand:
        bytewise = self.dialect.bytewise
        if name == "id":
            return Identity(bytewise(func.replace(cast(Record.id, Text), "-", "")))
        if name in ("inserted_at", "updated_at"):
            return Moment(getattr(Record, name))
        return Column(bytewise(cast({"status": Record.status, "external_id": Record.external_id}[name], Text)))

    def _of_response(self, scope: ResponseFilterScope) -> Nested:
        response = aliased(Response)
        tied = [response.record_id == Record.id]
        if scope.user is not None:
            tied.append(response.user_id == scope.user.id)
        if not scope.question:
            if scope.property != "status":
                raise UnprocessableEntityError("Responses are sorted by a question's name or by `status`.")
            status = self.dialect.bytewise(cast(response.status, Text))
            return Nested((response,), tuple(tied), status, False, False, self.dialect)
        _, kind = self._question(scope.question)
        found = self.dialect.elements(response.values, [scope.question, "value"])
        numeric = kind == QuestionType.rating
        value = found.number if numeric else found.text
        where = (*tied, *found.where, value.is_not(None))
        return Nested((response, *found.sources), where, value, numeric, True, self.dialect)

    def _of_suggestion(self, scope: SuggestionFilterScope) -> Nested:
        question, kind = self._question(scope.question)
        suggestion = aliased(Suggestion)
        tied = (suggestion.record_id == Record.id, suggestion.question_id == question)
        if scope.property in ("agent", "type"):
            column = cast(suggestion.agent if scope.property == "agent" else suggestion.type, Text)
            return Nested((suggestion,), tied, self.dialect.bytewise(column), False, False, self.dialect)
        if scope.property == "score":
            found = self.dialect.elements(suggestion.score)
            numeric = True
        else:  # the API passes the text "None" where no property is given, and means the value
            found = self.dialect.elements(suggestion.value)
            numeric = kind == QuestionType.rating
        value = found.number if numeric else found.text
        where = (*tied, *found.where, value.is_not(None))
        return Nested((suggestion, *found.sources), where, value, numeric, False, self.dialect)

    def _question(self, name: str) -> tuple[UUID, str]:
        if name not in self.questions:
            raise UnprocessableEntityError(f"Question `{name}` not found.")
        return self.questions[name]


async def load_schema(connection: AsyncConnection, dataset_id: UUID) -> Schema:
    """Returns a dataset's questions and metadata properties, read from the database."""
    questions = await connection.execute(
        select(Question.name, Question.id, Question.settings).where(Question.dataset_id == dataset_id)
    )
    metadata = await connection.execute(
        select(MetadataProperty.name, MetadataProperty.settings).where(MetadataProperty.dataset_id == dataset_id)
    )
    return Schema(
        dialect=Dialect(postgresql=connection.dialect.name == "postgresql"),
        questions={name: (id_, settings["type"]) for name, id_, settings in questions},
        metadata={name: settings["type"] for name, settings in metadata},
    )


def _response_status(values: Iterable[str], scope: ResponseFilterScope) -> ColumnElement[bool]:
    statuses = {str(value) for value in values}
    response = aliased(Response)
    theirs = [response.record_id == Record.id]
    if scope.user is not None:
        theirs.append(response.user_id == scope.user.id)
    given = statuses - {str(ResponseStatusFilter.pending)}
    either: list[ColumnElement[bool]] = [
        exists(select(1).where(*theirs, cast(response.status, Text).in_(sorted(given))).correlate(Record))
    ]
    if given != statuses:
        either.append(~exists(select(1).where(*theirs).correlate(Record)))
    return or_(*either)
