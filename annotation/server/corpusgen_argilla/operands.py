"""What a filter or a sort points at: metadata, a record's property, a response's answer, a suggestion."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol
from uuid import UUID

from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.models import Record
from sqlalchemy import ColumnElement, Double, FromClause, and_, cast, exists, func, select

from corpusgen_argilla.elements import Dialect
from corpusgen_argilla.moments import moment

__all__ = ["Bound", "Column", "Identity", "Moment", "Nested", "Operand"]

Bound = float | str | None
"""One end of a range, as the API takes it."""


class Operand(Protocol):
    """Something that can be filtered and sorted by."""

    def terms(self, values: Iterable[str]) -> ColumnElement[bool]:
        """Returns: one of the values is among the operand's."""
        ...

    def between(self, ge: Bound, le: Bound) -> ColumnElement[bool]:
        """Returns: one of the operand's values lies within both ends."""
        ...

    def key(self, *, descending: bool) -> ColumnElement[Any]:
        """Returns the expression to sort by, NULL where the operand is missing."""
        ...


@dataclass(frozen=True)
class Column:
    """A text column of the record."""

    column: ColumnElement[str]

    def terms(self, values: Iterable[str]) -> ColumnElement[bool]:
        """Returns: the column equals one of the values."""
        return self.column.in_(list(values))

    def between(self, ge: Bound, le: Bound) -> ColumnElement[bool]:
        """Returns: the column lies within both ends, byte by byte."""
        return _within(self.column, ge, le, _plain)

    def key(self, *, descending: bool) -> ColumnElement[Any]:
        """Returns the column."""
        return self.column


@dataclass(frozen=True)
class Identity:
    """The record's id, which SQLite keeps without hyphens."""

    digits: ColumnElement[Any]

    def terms(self, values: Iterable[str]) -> ColumnElement[bool]:
        """Returns: the id is one of the values; what is no id is none of them."""
        found: ColumnElement[bool] = Record.id.in_([id_ for value in values if (id_ := _uuid(value))])
        return found

    def between(self, ge: Bound, le: Bound) -> ColumnElement[bool]:
        """Returns: the id lies within both ends, byte by byte."""
        return _within(self.digits, ge, le, lambda value: _plain(value).replace("-", "").lower())

    def key(self, *, descending: bool) -> ColumnElement[Any]:
        """Returns the id's digits."""
        return self.digits


@dataclass(frozen=True)
class Moment:
    """A time of the record, kept in UTC."""

    column: ColumnElement[Any]

    def terms(self, values: Iterable[str]) -> ColumnElement[bool]:
        """Returns: the time is one of the values."""
        return self.column.in_([moment(value, up=False) for value in values])

    def between(self, ge: Bound, le: Bound) -> ColumnElement[bool]:
        """Returns: the time lies within both ends; an upper end given as a day ends with that day."""
        low = None if ge is None else moment(ge, up=False)
        high = None if le is None else moment(le, up=True)
        return _within(self.column, low, high, lambda value: value)

    def key(self, *, descending: bool) -> ColumnElement[Any]:
        """Returns the time."""
        return self.column


@dataclass(frozen=True)
class Nested:
    """Values in rows that belong to the record: elements of JSON, or a column of a response or suggestion.

    Attributes:
        sources: What to select from.
        where: What ties the rows to the record.
        value: The value, as text or as a number.
        numeric: Whether it is a number.
        mean: Whether to sort by the mean over the rows; otherwise by the least when ascending, else the greatest.
        dialect: How the database takes numbers.
    """

    sources: tuple[FromClause, ...]
    where: tuple[ColumnElement[bool], ...]
    value: ColumnElement[Any]
    numeric: bool
    mean: bool
    dialect: Dialect

    def terms(self, values: Iterable[str]) -> ColumnElement[bool]:
        """Returns: some row's value is among the values. A word among numbers matches nothing."""
        if not self.numeric:
            return self._some(self.value.in_(list(values)))
        numbers = [self.dialect.number(found) for value in values if (found := _decimal(value)) is not None]
        return self._some(self.value.in_(numbers))

    def between(self, ge: Bound, le: Bound) -> ColumnElement[bool]:
        """Returns: some row's value lies within both ends."""
        return self._some(_within(self.value, ge, le, self._number if self.numeric else _plain))

    def key(self, *, descending: bool) -> ColumnElement[Any]:
        """Returns the mean, the least or the greatest over the rows."""
        if self.mean and self.numeric:
            chosen: ColumnElement[Any] = func.avg(cast(self.value, Double))
        else:
            chosen = func.max(self.value) if descending else func.min(self.value)
        return select(chosen).select_from(*self.sources).where(*self.where).correlate(Record).scalar_subquery()

    def _some(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        return exists(select(1).select_from(*self.sources).where(*self.where, condition).correlate(Record))

    def _number(self, value: float | str) -> Decimal | float:
        found = _decimal(value)
        if found is None:
            raise UnprocessableEntityError(f"`{value}` is not a number.")
        return self.dialect.number(found)


def _within(column: ColumnElement[Any], ge: Any, le: Any, convert: Callable[[Any], Any]) -> ColumnElement[bool]:
    ends = []
    if ge is not None:
        ends.append(column >= convert(ge))
    if le is not None:
        ends.append(column <= convert(le))
    return and_(*ends)


def _plain(value: float | str) -> str:
    return str(value)


def _decimal(value: float | str) -> Decimal | None:
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
