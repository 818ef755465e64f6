"""The values inside a JSON column as rows of SQL, on SQLite and on PostgreSQL.

A value may be a scalar or a list of scalars; both come out as one row an element. Keys are compared as bound
parameters and never become part of a JSON path, so a key may hold quotes, dots or anything else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Numeric, Text, case, cast, collate, func, literal_column
from sqlalchemy.dialects.postgresql import JSONB

__all__ = ["Dialect", "Elements"]

_NUL = r"\u0000"
_NUL_PATTERN = r"(?<!\\)((?:\\\\)*)\\u0000"


@dataclass(frozen=True)
class Elements:
    """Rows of elements.

    Attributes:
        sources: What to select from, in this order, after the table that holds the column.
        where: Conditions that pick the key.
        text: An element as text, compared byte by byte; NULL for an object or a JSON null.
        number: An element as a number; NULL for anything else.
    """

    sources: tuple[FromClause, ...]
    where: tuple[ColumnElement[bool], ...]
    text: ColumnElement[Any]
    number: ColumnElement[Any]


@dataclass(frozen=True)
class Dialect:
    """What differs between the two databases."""

    postgresql: bool

    def bytewise(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        """Returns a text expression that is ordered by its bytes, whatever the database's locale."""
        return collate(text, "C") if self.postgresql else text

    def number(self, value: Decimal) -> Decimal | float:
        """Returns a number as the database compares it exactly with what JSON holds."""
        return value if self.postgresql else float(value)

    def elements(self, column: ColumnElement[Any], keys: Iterable[str] = ()) -> Elements:
        """Returns the elements of a JSON column's value, or of the value under nested keys."""
        keys = tuple(keys)
        return self._jsonb(column, keys) if self.postgresql else self._json_each(column, keys)

    def _jsonb(self, column: ColumnElement[Any], keys: tuple[str, ...]) -> Elements:
        raw = cast(column, Text)
        # jsonb has no NUL; a json column may hold one, and the conversion of the whole row would fail.
        clean = case(
            (func.strpos(raw, _NUL) > 0, func.regexp_replace(raw, _NUL_PATTERN, r"\1", "g")),
            else_=raw,
        )
        value: ColumnElement[Any] = cast(clean, JSONB)
        for key in keys:
            value = value.op("->")(key)
        listed = case((func.jsonb_typeof(value) == "array", value), else_=func.jsonb_build_array(value))
        each = func.jsonb_array_elements(listed).table_valued("value", joins_implicitly=True)
        kind = func.jsonb_typeof(each.c.value)
        plain = each.c.value.op("#>>")(literal_column("'{}'"))
        return Elements(
            sources=(each,),
            where=(),
            text=collate(case((kind.in_(("string", "number", "boolean")), cast(plain, Text))), "C"),
            number=case((kind == "number", cast(plain, Numeric))),
        )

    def _json_each(self, column: ColumnElement[Any], keys: tuple[str, ...]) -> Elements:
        each = _each(column)
        sources: list[FromClause] = [each]
        where: list[ColumnElement[bool]] = []
        kind: ColumnElement[Any] = each.c.type
        value: ColumnElement[Any] = each.c.value
        if keys:
            where.append(each.c.key == keys[0])
            for key in keys[1:]:
                each = _each(case((each.c.type == "object", each.c.value), else_="{}"))
                sources.append(each)
                where.append(each.c.key == key)
            # A scalar stands for itself; the one-element list beside it only makes one row of it.
            item = _each(case((each.c.type == "array", each.c.value), else_="[0]"))
            sources.append(item)
            kind = case((each.c.type == "array", item.c.type), else_=each.c.type)
            value = case((each.c.type == "array", item.c.value), else_=each.c.value)
        return Elements(
            sources=tuple(sources),
            where=tuple(where),
            text=case(
                (kind.in_(("true", "false")), kind),
                (kind.in_(("text", "integer", "real")), cast(value, Text)),
            ),
            number=case((kind.in_(("integer", "real")), value)),
        )


def _each(column: Any) -> Any:
    return func.json_each(column).table_valued("key", "value", "type", joins_implicitly=True)
