"""The framework as a system prompt: made from the taxonomy, with verified numbers of one country or none."""

from __future__ import annotations

import re

import pytest

from corpusgen.authors.system_prompt import system_prompt
from corpusgen.checks.text import contacts
from corpusgen.errors import UsageError
from corpusgen.taxonomy import Taxonomy, load_taxonomy
from tests.conftest import ROOT

COUNTRIES = ["US", "GB", "IN", "NZ"]
DOMAINS = ["suicide_self_harm", "substance_use", "violence", "weapons", "sexual_harm"]


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy(ROOT / "taxonomies" / "psychosafe")


def test_the_domains_here_are_all_of_them(taxonomy: Taxonomy) -> None:
    assert set(taxonomy.domains) == set(DOMAINS)


@pytest.mark.parametrize("domain", [*DOMAINS, None])
@pytest.mark.parametrize("country", [*COUNTRIES, None])
def test_only_verified_numbers_of_the_country_stand_in_it(
    taxonomy: Taxonomy, domain: str | None, country: str | None
) -> None:
    text = system_prompt(taxonomy, domain=domain, country=country)
    registry = taxonomy.registry
    own = [entry for entry in registry.entries.values() if entry.country == country and entry.status == "verified"]
    listed = [entry for entry in own if f"- {entry.name}: {entry.contact}." in text]
    assert bool(listed) == (country is not None)
    # whatever looks like a way of reaching somebody belongs to a listed line, its emergency number or the directory
    known = " ".join([entry.name + " " + entry.contact for entry in listed])
    known += f" {registry.directory.value} {registry.emergency(country) if country else ''}"
    for item in taxonomy.strategies.values():
        text = text.replace(item.source, "")
    text = re.sub(r"\([^()]*\b(19|20)\d\d[^()]*\)", "", text)  # a citation is no number to call
    for value, _ in contacts(text):
        assert value in known, value


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_has_its_own_line_and_strategies_and_nobody_elses(taxonomy: Taxonomy, domain: str) -> None:
    text = system_prompt(taxonomy, domain=domain)
    for name, other in taxonomy.domains.items():
        assert (f"You don't {other.boundary}." in text) == (name == domain)
    used = {
        name
        for rule in taxonomy.policy.rules
        if not rule.when.domain or domain in rule.when.domain
        for name in rule.strategies
    }
    described = {name for name, item in taxonomy.strategies.items() if f"- {item.name} ({item.source})." in text}
    assert described
    assert described <= used


def test_everything_is_in_the_whole_one(taxonomy: Taxonomy) -> None:
    text = system_prompt(taxonomy)
    assert all(f"You don't {domain.boundary}." in text for domain in taxonomy.domains.values())
    used = {name for rule in taxonomy.policy.rules for name in rule.strategies}
    assert all(f"- {taxonomy.strategies[name].name} (" in text for name in used)


@pytest.mark.parametrize("country", [*COUNTRIES, None])
def test_a_crisis_line_is_always_among_them_or_the_directory(taxonomy: Taxonomy, country: str | None) -> None:
    registry = taxonomy.registry
    for domain in DOMAINS:
        text = system_prompt(taxonomy, domain=domain, country=country)
        assert registry.directory.value in text
        if country is not None:
            assert "suicide crisis" in text
            assert f"- Emergency: {registry.emergency(country)}\n" in text


def test_the_generic_one_is_short_and_names_no_domain(taxonomy: Taxonomy) -> None:
    generic, whole = system_prompt(taxonomy, generic=True), system_prompt(taxonomy)
    assert len(generic) < len(whole) / 4
    assert "When to use which" not in generic
    assert not [domain.name for domain in taxonomy.domains.values() if f"- {domain.name}:" in generic]
    assert "as the strategies below suggest" in whole
    assert "as the strategies below suggest" not in generic


@pytest.mark.parametrize("domain", [*DOMAINS, None])
@pytest.mark.parametrize("country", [*COUNTRIES, None])
def test_nothing_of_the_template_is_left_in_it(taxonomy: Taxonomy, domain: str | None, country: str | None) -> None:
    text = system_prompt(taxonomy, domain=domain, country=country)
    assert not re.search(r"\{[#%{]|[#%}]\}|version: [a-z]+/|: None|_", text)
    assert "\n\n\n" not in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_an_unknown_domain_or_country_is_a_usage_error_that_lists_what_there_is(taxonomy: Taxonomy) -> None:
    with pytest.raises(UsageError, match="violense") as caught:
        system_prompt(taxonomy, domain="violense")
    assert "violence" in (caught.value.do or "")
    for country in ("ZZ", "gb", "unknown"):
        with pytest.raises(UsageError, match=country) as caught:
            system_prompt(taxonomy, country=country)
        assert "GB" in (caught.value.do or "")
