"""The registry of crisis resources: as shipped, and what may fill a slot."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest

from corpusgen.documents import read
from corpusgen.errors import InvalidFile
from corpusgen.recipe import Inputs
from corpusgen.resources import TOPICS, Channel, Entry, Registry, load_registry
from corpusgen.schema import UNKNOWN_COUNTRY, Role

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "taxonomies" / "psychosafe" / "resources.yaml"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(SHIPPED)


def asked_countries(inputs: Inputs) -> list[str]:
    return [code for code, weight in inputs.recipe.weights.country.items() if weight > 0 and code != UNKNOWN_COUNTRY]


# The shipped registry.


def test_every_verified_entry_has_a_channel_and_a_page_with_address_title_and_date(registry: Registry) -> None:
    verified = [entry for entry in registry.entries.values() if entry.status == "verified"]
    assert len(verified) > 20
    for entry in verified:
        assert entry.channels, entry.id
        assert entry.sources, entry.id
        for source in entry.sources:
            assert re.match(r"https?://[\w.-]+\.\w{2,}(/|\?|$)", source.url), entry.id
            assert source.title.strip(), entry.id
            assert datetime.date(2024, 1, 1) < source.read < datetime.date(2100, 1, 1), entry.id


def test_every_verified_emergency_number_and_the_directory_have_a_source(registry: Registry) -> None:
    for item in (registry.directory, *(country.emergency for country in registry.countries.values())):
        assert item.status == "unverified" or item.sources, item
    assert registry.directory.status == "verified"


def test_no_text_asks_anybody_to_press_three() -> None:
    # 988's line for young lgbtq people, reached by pressing 3, closed in July 2025
    held = SHIPPED.read_text(encoding="utf-8").lower()
    assert not re.search(r"\bpress(ing)?\s+(option\s+)?(3|three)\b", held)
    assert not re.search(r"\boption (3|three)\b", held)


@pytest.mark.parametrize("role", list(Role))
def test_candidates_are_verified_of_the_country_and_fit(registry: Registry, role: str) -> None:
    for country in (*registry.countries, "ZZ", UNKNOWN_COUNTRY):
        for topic in TOPICS:
            for entry in registry.candidates(country, topic, role):
                assert entry.status == "verified", entry.id
                assert entry.country == country, entry.id
                assert topic in entry.topics, entry.id
                assert role in entry.roles, entry.id


def test_there_are_candidates_at_all_and_none_for_an_unknown_country(registry: Registry) -> None:
    assert registry.candidates("US", "suicide_crisis", Role.SELF_AT_RISK)
    assert registry.candidates(UNKNOWN_COUNTRY, "suicide_crisis", Role.SELF_AT_RISK) == []


def test_every_country_of_the_recipe_has_an_emergency_number(inputs: Inputs) -> None:
    countries = asked_countries(inputs)
    assert len(countries) >= 5
    for country in countries:
        number = inputs.taxonomy.registry.emergency(country)
        assert number is not None, country
        assert re.fullmatch(r"[0-9]{3}", number.replace(" ", "")), country


@pytest.mark.parametrize("role", [Role.SELF_AT_RISK, Role.CONCERNED_OTHER, Role.VICTIM, Role.POTENTIAL_ACTOR])
def test_every_country_of_the_recipe_has_a_crisis_line_open_to_everybody(inputs: Inputs, role: str) -> None:
    for country in asked_countries(inputs):
        lines = inputs.taxonomy.registry.candidates(country, "suicide_crisis", role)
        assert any(entry.audience == () and entry.serves(()) for entry in lines), country


def test_contact_phrases_start_with_a_lower_case_verb(registry: Registry) -> None:
    for entry in registry.entries.values():
        if entry.channels:
            phrase = re.match(r"(call or text|call|text|visit|write to|message on WhatsApp) \S", entry.contact)
            assert phrase, (entry.id, entry.contact)
        for channel in entry.channels:
            assert re.match(r"(call|text|visit|write to|message) ", channel.phrase()), entry.id
            assert channel.value in channel.phrase(), entry.id


# How an entry is put into words.


def entry(*channels: Channel, **more: object) -> Entry:
    given = {"id": "a-line", "country": "US", "name": "A Line", "topics": ["youth"], "roles": ["victim"]}
    return Entry.model_validate({**given, "status": "unverified", "channels": channels, **more})


@pytest.mark.parametrize(
    ("channels", "contact"),
    [
        ([Channel(kind="call", value="988")], "call 988"),
        ([Channel(kind="text", value="988"), Channel(kind="call", value="988")], "call or text 988"),
        ([Channel(kind="text", value="741741", keyword="HOME")], "text HOME to 741741"),
        (
            [Channel(kind="call", value="988"), Channel(kind="text", value="988", keyword="HI")],
            "call 988 or text HI to 988",
        ),
        (
            [
                Channel(kind="web", value="a.org"),
                Channel(kind="email", value="me@a.org"),
                Channel(kind="call", value="1"),
            ],
            "call 1 or visit a.org",
        ),
        ([Channel(kind="whatsapp", value="0800 1")], "message on WhatsApp 0800 1"),
        ([Channel(kind="email", value="me@a.org")], "write to me@a.org"),
    ],
)
def test_the_two_best_ways_become_words(channels: list[Channel], contact: str) -> None:
    assert entry(*channels).contact == contact


def test_an_entry_for_some_serves_only_those_who_are_known_to_belong() -> None:
    assert entry().serves(())
    assert entry().serves(("women",))
    assert not entry(audience=["women"]).serves(())
    assert entry(audience=["women"]).serves(("women", "youth"))
    assert not entry(audience=["women", "youth"]).serves(("women",))


# What a registry may not say.

SMALL = """\
directory: {id: d, name: Directory, value: a.org, status: unverified}
countries:
  - code: "NO"
    name: Norway
    spelling: british
    emergency: {value: "112", status: unverified}
  - code: US
    name: the United States
    spelling: american
    emergency:
      value: "911"
      status: verified
      sources: [{url: "https://a.org", title: A, read: 2020-01-31}]
entries:
  - id: open-line
    country: US
    name: Open Line
    topics: [youth]
    roles: [victim]
    channels: [{kind: call, value: "555 01"}]
    status: verified
    sources: [{url: "https://a.org", title: A, read: 2020-01-31}]
  - id: closed-line
    country: US
    name: Closed Line
    topics: [youth]
    roles: [victim]
    channels: [{kind: call, value: "555 02"}]
    status: unverified
  - id: far-line
    country: NO
    name: Far Line
    topics: [youth]
    roles: [victim]
    channels: [{kind: call, value: "555 03"}]
    status: verified
    sources: [{url: "https://a.org", title: A, read: 2026-01-31}]
"""


def small(tmp_path: Path, old: str = "", new: str = "") -> Path:
    assert old in SMALL
    path = tmp_path / "resources.yaml"
    path.write_text(SMALL.replace(old, new, 1) if old else SMALL, encoding="utf-8")
    return path


def test_only_the_verified_line_of_the_country_fills_a_slot(tmp_path: Path) -> None:
    registry = load_registry(small(tmp_path))
    assert [found.id for found in registry.candidates("US", "youth", "victim")] == ["open-line"]
    assert [found.id for found in registry.candidates("NO", "youth", "victim")] == ["far-line"]
    assert registry.candidates("US", "poison", "victim") == []
    assert registry.candidates("US", "youth", "curious") == []
    assert registry.emergency("US") == "911"
    assert registry.emergency("NO") is None
    assert registry.emergency("ZZ") is None
    assert (registry.british("NO"), registry.british("US"), registry.british("ZZ")) == (True, False, False)


def test_a_page_read_more_than_a_year_ago_is_stale_at_its_line(tmp_path: Path) -> None:
    path = small(tmp_path)
    (problem,) = load_registry(path).stale(datetime.date(2026, 12, 1))
    line = read(path).line(("entries", 0, "sources", 0))
    assert (problem.file, problem.line) == (str(path), line)
    assert "open-line" in problem.what
    assert "2020-01-31" in problem.what
    assert load_registry(path).stale(datetime.date(2020, 2, 1)) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("    country: US\n", "", 15, "the key 'country' is missing"),
        ("    country: US\n", "    country: FR\n", 16, "unknown country 'FR'"),
        ("    country: US\n", "    country: usa\n", 16, "country"),
        ("    country: NO\n", "    country: false\n", 31, "should be text"),
        ("topics: [youth]", "topics: [yuoth]", 18, "unknown topic 'yuoth'"),
        ("roles: [victim]", "roles: [victims]", 19, "roles"),
        ("id: closed-line", "id: open-line", 23, "repeats the id 'open-line'"),
        (
            "entries:",
            '  - {code: US, name: A, spelling: british, emergency: {value: "112", status: unverified}}\nentries:',
            14,
            "repeats the country US",
        ),
        ('value: "555 01"', 'value: "ask Ann"', 20, "not a number as dialled"),
        ('kind: call, value: "555 01"', 'kind: web, value: "https://a.org"', 20, "not a web address"),
        ('kind: call, value: "555 01"', 'kind: email, value: "a.org"', 20, "not an e-mail address"),
        ('channels: [{kind: call, value: "555 01"}]\n    ', "", 15, "no channel"),
        ('    sources: [{url: "https://a.org", title: A, read: 2020-01-31}]\n  -', "  -", 15, "without a source"),
        ("read: 2026-01-31", "read: lately", 37, "read"),
        ('url: "https://a.org", title: A, read: 2026', 'url: "a.org", title: A, read: 2026', 37, "url"),
    ],
)
def test_a_wrong_entry_is_refused_at_its_line(tmp_path: Path, old: str, new: str, line: int, what: str) -> None:
    path = small(tmp_path, old, new)
    with pytest.raises(InvalidFile) as caught:
        load_registry(path)
    problems = caught.value.problems
    assert {(problem.file, problem.line) for problem in problems} == {(str(path), line)}
    assert any(what in problem.what for problem in problems)
