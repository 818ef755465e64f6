"""Points in time as the API takes them: an ISO 8601 date, with or without time and zone, or milliseconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from argilla_server.errors.future import UnprocessableEntityError

__all__ = ["moment"]

_ISO = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?:[T ](?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?)?)?)?"
    r"(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?"
)


def moment(value: float | str, *, up: bool) -> datetime:
    """Returns a time in UTC without a zone, as the server keeps it.

    Args:
        value: An ISO 8601 text, or milliseconds since 1970 as a number or as digits (more than four).
        up: Whether a part that is left out is filled to its end (23:59:59.999999) rather than to its beginning;
            month and day are filled with 1 in both cases, as Elasticsearch does.

    Raises:
        UnprocessableEntityError: The text is no time.
    """
    text = str(value).strip()
    try:
        if re.fullmatch(r"-?\d{5,}(\.\d+)?|-?\d+\.\d+", text):
            return datetime(1970, 1, 1) + timedelta(milliseconds=float(text), microseconds=999 if up else 0)
        if found := _ISO.fullmatch(text):
            return _from_parts(found, up)
    except (ValueError, OverflowError):
        pass
    raise UnprocessableEntityError(f"`{text}` is not a time: give an ISO 8601 date or milliseconds since 1970.")


def _from_parts(found: re.Match[str], up: bool) -> datetime:
    last = (23, 59, 59) if up else (0, 0, 0)
    named = zip(("hour", "minute", "second"), last, strict=True)
    hour, minute, second = (int(found[name]) if found[name] else fill for name, fill in named)
    fraction = int(found["fraction"].ljust(9, "0")[:6]) if found["fraction"] else (999_999 if up else 0)
    year, month, day = int(found["year"]), int(found["month"] or 1), int(found["day"] or 1)
    plain = datetime(year, month, day, hour, minute, second, fraction)
    zone = found["zone"]
    if not zone or zone == "Z":
        return plain
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return (plain.replace(tzinfo=UTC) + (offset if zone[0] == "-" else -offset)).replace(tzinfo=None)
