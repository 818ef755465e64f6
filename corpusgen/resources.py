"""The registry of crisis resources: the only source of a number, address or link in any text.

An entry fills a slot only when its status is ``verified``, which takes a source that somebody read and the date.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from corpusgen.documents import Document, StrictModel, read_model
from corpusgen.errors import InvalidFile, Problem
from corpusgen.schema import UNKNOWN_COUNTRY, Role

__all__ = ["TOPICS", "Channel", "ChannelKind", "Country", "Entry", "Registry", "load_registry"]

TOPICS = frozenset(
    [
        "suicide_crisis",
        "partner_violence",
        "family_violence",
        "sexual_violence",
        "own_behaviour_partner_violence",
        "own_behaviour_family_violence",
        "own_behaviour_sexual",
        "own_behaviour_child_sexual",
        "substance_use",
        "poison",
        "child_protection",
        "child_concern",
        "child_sexual_abuse",
        "youth",
        "runaway",
        "trafficking",
        "stalking",
        "image_abuse",
        "extremism_exit",
        "extremism_worry",
        "crime_victims",
        "elder_abuse",
        "forced_marriage",
        "mental_health",
        "depression",
    ]
)
"""What a resource is for, above all first; a category names the topics that fit each role.

The narrow ones stay narrow: a line for people who are violent to a partner (``own_behaviour_partner_violence``) is none
for a gang or a stalker, one about children (``own_behaviour_child_sexual``, ``child_sexual_abuse``) none about adults,
``child_protection`` is for a child who is harmed and ``child_concern`` for any worry of a grown-up about a child.
"""

STALE_AFTER = datetime.timedelta(days=365)
"""A page read longer ago than this is worth reading again; ``validate`` warns and changes no bytes."""

Text = Annotated[str, StringConstraints(min_length=1)]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Status = Literal["verified", "unverified"]
ChannelKind = Literal["call", "text", "web", "email", "whatsapp"]


class Source(StrictModel):
    """A page that states the number, and when somebody read it."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
    title: Text
    read: datetime.date


class Sourced(StrictModel):
    """Anything that is verified by sources."""

    status: Status
    sources: tuple[Source, ...] = ()
    note: str | None = None


class Directory(Sourced):
    """The directory of helplines that stands in where no entry fits."""

    id: Text
    name: Text
    value: Text


class Emergency(Sourced):
    """A country's emergency number, as dialled."""

    value: Annotated[str, StringConstraints(pattern=r"^[0-9][0-9 ]{1,6}$")]


class Country(StrictModel):
    """A country of the registry."""

    code: CountryCode
    name: Text
    spelling: Literal["american", "british"]
    emergency: Emergency


class Channel(StrictModel):
    """One way to get through."""

    kind: ChannelKind
    value: Text
    keyword: str | None = None
    """The word to send, for a text line that wants one."""

    def phrase(self) -> str:
        """Returns the channel as words that start with a verb, e.g. "text HOME to 741741"."""
        if self.kind == "text":
            return f"text {self.keyword} to {self.value}" if self.keyword else f"text {self.value}"
        verb = {"call": "call", "web": "visit", "email": "write to", "whatsapp": "message on WhatsApp"}[self.kind]
        return f"{verb} {self.value}"


class Entry(Sourced):
    """One line, service or organisation."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    country: CountryCode
    name: Text
    topics: tuple[str, ...] = Field(min_length=1)
    roles: tuple[Role, ...] = Field(min_length=1)
    channels: tuple[Channel, ...] = ()
    audience: tuple[str, ...] = ()
    """Whom it serves where that is not everybody (women, men, lgbtq …; youth: writers under eighteen; children: people
    of any age whose trouble is about a child; older_adults: where the person harmed is old)."""
    excludes: tuple[str, ...] = ()
    """Whom it does not serve where it serves everybody else (men, adults …)."""
    hours: str | None = None
    languages: tuple[str, ...] = ()

    def serves(self, audience: Iterable[str]) -> bool:
        """Returns whether somebody of whom this much is known is among those it serves."""
        known = set(audience)
        return set(self.audience) <= known and not set(self.excludes) & known

    @property
    def best(self) -> tuple[Channel, ...]:
        """The best two ways to get through, a voice before a page."""
        order = {"call": 0, "text": 1, "whatsapp": 2, "web": 3, "email": 4}
        return tuple(sorted(self.channels, key=lambda channel: order[channel.kind])[:2])

    @property
    def contact(self) -> str:
        """The best two ways to get through, as words, e.g. "call or text 988"."""
        best = self.best
        if len(best) == 2 and {item.kind for item in best} == {"call", "text"}:
            call, text = best
            if call.value == text.value and not text.keyword:
                return f"call or text {call.value}"
        return " or ".join(channel.phrase() for channel in best)


class _File(StrictModel):
    directory: Directory
    countries: tuple[Country, ...] = Field(min_length=1)
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Registry:
    """A loaded, checked registry."""

    directory: Directory
    countries: dict[str, Country]
    entries: dict[str, Entry]
    document: Document = field(repr=False)

    def candidates(self, country: str, topic: str, role: str) -> list[Entry]:
        """Returns the verified entries of a country that serve a topic and a role, in file order."""
        return [
            entry
            for entry in self.entries.values()
            if entry.country == country and entry.status == "verified" and topic in entry.topics and role in entry.roles
        ]

    def emergency(self, country: str) -> str | None:
        """Returns the verified emergency number of a country, or None where there is none to be had."""
        found = self.countries.get(country)
        return found.emergency.value if found and found.emergency.status == "verified" else None

    def country_name(self, code: str) -> str:
        """Returns a country's name for people."""
        return self.countries[code].name if code in self.countries else code

    def british(self, code: str) -> bool:
        """Returns whether texts for a country take British spelling."""
        return code in self.countries and self.countries[code].spelling == "british"

    def stale(self, today: datetime.date) -> list[Problem]:
        """Returns a warning for each source that was read more than a year before ``today``."""
        found = []
        for index, entry in enumerate(self.entries.values()):
            for position, source in enumerate(entry.sources):
                if today - source.read > STALE_AFTER:
                    where = ("entries", index, "sources", position)
                    what = f"'{entry.id}' was last checked on {source.read}"
                    found.append(self.document.problem(where, what, "read the page again and set the date"))
        return found


def load_registry(path: Path) -> Registry:
    """Reads and checks a registry file.

    Raises:
        InvalidFile: With every problem found, each with its line.
    """
    value, document = read_model(path, _File)
    problems = list(_check(value, document))
    if problems:
        raise InvalidFile(problems)
    countries = {country.code: country for country in value.countries}
    return Registry(value.directory, countries, {entry.id: entry for entry in value.entries}, document)


def _check(value: _File, document: Document) -> Iterator[Problem]:
    sourced: list[tuple[tuple[str | int, ...], Sourced]] = [(("directory",), value.directory)]
    codes: set[str] = set()
    for index, country in enumerate(value.countries):
        sourced.append((("countries", index, "emergency"), country.emergency))
        if country.code in codes or country.code == UNKNOWN_COUNTRY:
            yield document.problem(("countries", index), f"repeats the country {country.code}", "remove one of the two")
        codes.add(country.code)
    seen: set[str] = set()
    for index, entry in enumerate(value.entries):
        where = ("entries", index)
        sourced.append((where, entry))
        if entry.id in seen:
            yield document.problem(where, f"repeats the id '{entry.id}'", "rename one of the two")
        seen.add(entry.id)
        if entry.country not in codes:
            do = "add the country under 'countries', with its emergency number"
            yield document.problem((*where, "country"), f"unknown country '{entry.country}'", do)
        for topic in entry.topics:
            if topic not in TOPICS:
                do = f"use one of {', '.join(sorted(TOPICS))}"
                yield document.problem((*where, "topics"), f"unknown topic '{topic}'", do)
        if entry.status == "verified" and not entry.channels:
            do = "add the channel that the page states, or set 'status: unverified'"
            yield document.problem(where, "is marked verified and has no channel", do)
        for position, channel in enumerate(entry.channels):
            yield from _check_channel(document, (*where, "channels", position), channel)
    for place, item in sourced:
        if item.status == "verified" and not item.sources:
            do = "add the page that you read and the date, or set 'status: unverified'"
            yield document.problem(place, "is marked verified without a source", do)


_CALLABLE = re.compile(r"[0-9#*+][0-9 #*+().-]*\Z")
_WEB = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(/\S*)?\Z")


def _check_channel(document: Document, where: tuple[str | int, ...], channel: Channel) -> Iterator[Problem]:
    if channel.kind in {"call", "text", "whatsapp"} and not _CALLABLE.match(channel.value):
        do = "write the number as dialled, digits and separators only"
        yield document.problem((*where, "value"), f"'{channel.value}' is not a number as dialled", do)
    if channel.kind == "web" and not _WEB.match(channel.value):
        do = "write a bare address such as findahelpline.com"
        yield document.problem((*where, "value"), f"'{channel.value}' is not a web address", do)
    if channel.kind == "email" and "@" not in channel.value:
        yield document.problem((*where, "value"), f"'{channel.value}' is not an e-mail address", "correct it")
