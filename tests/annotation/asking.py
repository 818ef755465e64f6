"""Queries as the API takes them."""

from __future__ import annotations

from typing import Any

STATUS = {"entity": "response", "property": "status"}


def metadata(name: str) -> dict[str, Any]:
    return {"entity": "metadata", "metadata_property": name}


def record(name: str) -> dict[str, Any]:
    return {"entity": "record", "property": name}


def response(question: str) -> dict[str, Any]:
    return {"entity": "response", "question": question}


def suggestion(question: str, part: str = "value") -> dict[str, Any]:
    return {"entity": "suggestion", "question": question, "property": part}


def terms(scope: dict[str, Any], *values: Any) -> dict[str, Any]:
    return {"type": "terms", "scope": scope, "values": list(values)}


def between(scope: dict[str, Any], ge: Any = None, le: Any = None) -> dict[str, Any]:
    return {"type": "range", "scope": scope, "ge": ge, "le": le}


def where(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"filters": {"and": list(filters)}}


def sort(*scopes: tuple[dict[str, Any], str]) -> dict[str, Any]:
    return {"sort": [{"scope": scope, "order": order} for scope, order in scopes]}


def text(query: str, field: str | None = None) -> dict[str, Any]:
    return {"query": {"text": {"q": query, "field": field}}}
