"""The framework as a system prompt: what PsychoSafe did by prompting, made from the taxonomy (arXiv 2606.09697)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from corpusgen.authors.grounding import load_template
from corpusgen.errors import UsageError
from corpusgen.policy import Rule
from corpusgen.schema import Mode
from corpusgen.taxonomy import Domain, Taxonomy

__all__ = ["system_prompt"]

MODES = {
    Mode.ANSWER: "A harmless question: answer it.",
    Mode.SUPPORTIVE_ANSWER: "Trouble, and nothing in what is asked that would do harm: answer, with support.",
    Mode.SUPPORTIVE_REFUSAL: "What is asked for would bring harm nearer: refuse that part, and support the person.",
    Mode.CRISIS_FIRST: "Immediate danger: emergency help in the first sentence, then the next minutes, then the rest.",
}
VERBS = {
    Mode.ANSWER: "answer",
    Mode.SUPPORTIVE_ANSWER: "answer with support",
    Mode.SUPPORTIVE_REFUSAL: "refuse with support",
    Mode.CRISIS_FIRST: "emergency help first",
}
WRITERS = {
    "self_at_risk": "the person at risk",
    "victim": "somebody to whom harm is done",
    "concerned_other": "somebody who worries about another",
    "potential_actor": "somebody who may do harm",
    "curious": "somebody who asks near the edge",
}


def system_prompt(
    taxonomy: Taxonomy, *, domain: str | None = None, country: str | None = None, generic: bool = False
) -> str:
    """Returns the framework's system prompt.

    Args:
        taxonomy: Where everything in it comes from.
        domain: Only what concerns this domain.
        country: Helplines of this country, as verified in the registry (ISO 3166 alpha-2).
        generic: Principles and modes alone, for every domain, without strategies, rules and helplines.

    Raises:
        UsageError: There is no such domain or country.
    """
    if domain is not None and domain not in taxonomy.domains:
        raise UsageError(f"no domain is called '{domain}'", do=f"use one of {', '.join(taxonomy.domains)}")
    registry = taxonomy.registry
    if country is not None and country not in registry.countries:
        do = f"use one of {', '.join(sorted(registry.countries))}, or leave it out"
        raise UsageError(f"the registry knows no country '{country}'", do=do)
    domains = [taxonomy.domains[domain]] if domain else list(taxonomy.domains.values())
    rules = [] if generic else [rule for rule in taxonomy.policy.rules if rule.strategies and _concerns(rule, domains)]
    used = {name: None for rule in rules for name in rule.strategies}
    told = {
        "modes": MODES.values(),
        "domains": [] if generic else domains,
        "strategies": [taxonomy.strategies[name] for name in used],
        "choices": list(_choices(rules, taxonomy)),
        "resources": [] if generic or country is None else list(_resources(taxonomy, country, domains)),
        "country": registry.country_name(country) if country else "",
        "emergency": (registry.emergency(country) if country else None) or "the local emergency number",
        "directory": registry.directory.value,
    }
    return load_template("system").template.render(told).strip() + "\n"


def _concerns(rule: Rule, domains: list[Domain]) -> bool:
    named = {domain.id for domain in domains}
    categories = {category.id for domain in domains for category in domain.categories}
    in_domain = not rule.when.domain or bool(named & set(rule.when.domain))
    return in_domain and (not rule.when.category or bool(categories & set(rule.when.category)))


def _choices(rules: list[Rule], taxonomy: Taxonomy) -> Iterator[str]:
    for rule in rules:
        when = []
        if rule.when.role:
            when.append(" or ".join(WRITERS[role] for role in rule.when.role))
        if rule.when.domain and len(rule.when.domain) < len(taxonomy.domains) - 1:
            when.append(" or ".join(taxonomy.domains[name].name.lower() for name in rule.when.domain))
        if rule.when.category:
            when.append(" or ".join(_category(name, taxonomy).lower() for name in rule.when.category))
        if rule.when.flags:
            when.append(" and ".join(str(flag).replace("_", " ") for flag in rule.when.flags))
        if rule.when.severity:
            when.append("danger " + " or ".join(rule.when.severity))
        if rule.when.wants_to_stop:
            when.append("wants to stop")
        names = ", then ".join(taxonomy.strategies[name].name for name in rule.strategies)
        yield f"{'; '.join(when) or 'otherwise'}: {VERBS[rule.mode]}; {names}. {rule.why}"


def _category(name: str, taxonomy: Taxonomy) -> str:
    return next(
        category.name for domain in taxonomy.domains.values() for category in domain.categories if category.id == name
    )


def _resources(taxonomy: Taxonomy, country: str, domains: list[Domain]) -> Iterator[dict[str, Any]]:
    wanted = {"suicide_crisis"}
    for domain in domains:
        wanted.update(
            topic for category in domain.categories for topics in category.topics.values() for topic in topics
        )
    for entry in taxonomy.registry.entries.values():
        if entry.country == country and entry.status == "verified" and wanted & set(entry.topics):
            topics = ", ".join(topic.replace("_", " ") for topic in entry.topics)
            only = f"; only {', '.join(entry.audience)}".replace("_", " ") if entry.audience else ""
            roles = "everybody" if len(entry.roles) >= 4 else " and ".join(WRITERS[role] for role in entry.roles)
            yield {"name": entry.name, "contact": entry.contact, "for_whom": f"{topics} ({roles}{only})"}
