"""The policy: from (domain, category, role, severity, risk flags) to response mode and strategies.

Rules are read from the top and the first that applies decides. The checks find holes (a kind of prompt without a rule),
rules out of reach, and contradictions (a greater danger that gets a more open answer).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field, StringConstraints

from corpusgen.documents import Document, StrictModel
from corpusgen.errors import Problem
from corpusgen.resources import TOPICS
from corpusgen.schema import Mode, RiskFlag, Role, Severity

if TYPE_CHECKING:
    from corpusgen.taxonomy import Category, Taxonomy

__all__ = ["Condition", "Decision", "Identifier", "Policy", "Rule", "Text", "applies", "check_policy", "key_words"]

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Text = Annotated[str, StringConstraints(min_length=2)]


class Condition(StrictModel):
    """When a rule applies: every key that is given must hold; ``flags`` must all be present."""

    domain: tuple[Identifier, ...] = ()
    category: tuple[Identifier, ...] = ()
    role: tuple[Role, ...] = ()
    severity: tuple[Severity, ...] = ()
    flags: tuple[RiskFlag, ...] = ()
    wants_to_stop: bool | None = None


class Rule(StrictModel):
    """One row of the policy table."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
    when: Condition
    mode: Mode
    strategies: tuple[Identifier, ...]
    topics: tuple[str, ...] = ()
    """Resource topics that come before those of the category."""
    why: Text


class Policy(StrictModel):
    """The ordered rules; the first that applies decides."""

    rules: tuple[Rule, ...] = Field(min_length=1)


class Decision(NamedTuple):
    """What the policy says for one kind of cell."""

    rule: str
    mode: Mode
    strategies: tuple[str, ...]
    topics: tuple[str, ...]


def key_words(domain: str, category: str, role: str, severity: str, flags: tuple[str, ...]) -> str:
    """Returns a kind of cell as words for an error message."""
    held = f", flags {', '.join(flags)}" if flags else ""
    return f"domain {domain}, category {category}, role {role}, severity {severity}{held}"


def applies(when: Condition, domain: str, category: Category, role: str, severity: str, flags: tuple[str, ...]) -> bool:
    """Returns whether a rule's condition holds for a kind of cell."""
    return (
        (not when.domain or domain in when.domain)
        and (not when.category or category.id in when.category)
        and (not when.role or role in when.role)
        and (not when.severity or severity in when.severity)
        and (when.wants_to_stop is None or when.wants_to_stop == category.wants_to_stop)
        and set(when.flags) <= set(flags)
    )


def check_policy(taxonomy: Taxonomy) -> Iterator[Problem]:
    """Yields what is wrong with the policy of a taxonomy: holes, unreachable rules, contradictions, unknown names."""
    document = taxonomy.documents["policy.yaml"]
    seen: set[str] = set()
    for index, rule in enumerate(taxonomy.policy.rules):
        where = ("rules", index)
        if rule.id in seen:
            yield document.problem(where, f"repeats the rule id '{rule.id}'", "rename one of the two")
        seen.add(rule.id)
        yield from _check_rule(document, where, rule, taxonomy)
    used: set[str] = set()
    hole = False
    for domain, category, role, severity in taxonomy.kinds():
        for flags in _possible_flags(taxonomy, domain, category, severity):
            try:
                used.add(taxonomy.decide(domain, category, role, severity, flags).rule)
            except KeyError:
                hole = True
                what = f"no rule for {key_words(domain, category, role, severity, flags)}"
                yield document.problem(("rules",), what, "add a rule that covers it")
    if not hole:
        yield from _check_rising(document, taxonomy)
    for index, rule in enumerate(taxonomy.policy.rules):
        if rule.id not in used:
            do = "an earlier rule always applies first, or nothing matches: reorder, change or remove it"
            yield document.problem(("rules", index), f"the rule '{rule.id}' can never apply", do)


GUARDED = (Mode.ANSWER, Mode.SUPPORTIVE_ANSWER, Mode.SUPPORTIVE_REFUSAL, Mode.CRISIS_FIRST)
"""Modes, the most open first."""


def _check_rising(document: Document, taxonomy: Taxonomy) -> Iterator[Problem]:
    """Yields each rule that is more open, for the same person, than the rule for a lesser danger."""
    rules = {rule.id: index for index, rule in enumerate(taxonomy.policy.rules)}
    before: dict[tuple[object, ...], tuple[int, str, str]] = {}
    told: set[tuple[str, str]] = set()
    for domain, category, role, severity in taxonomy.kinds():
        for extra in ((), *((flag,) for flag in RiskFlag)):
            flags = taxonomy.flags(domain, category, severity, extra)
            decision = taxonomy.decide(domain, category, role, severity, flags)
            guard, who = GUARDED.index(decision.mode), (domain, category, role, extra)
            lower, rule, milder = before.get(who, (guard, decision.rule, severity))
            if guard < lower and (rule, decision.rule) not in told:
                told.add((rule, decision.rule))
                what = (
                    f"the rule '{decision.rule}' says {decision.mode} at {severity} where '{rule}' says "
                    f"{GUARDED[lower]} at {milder} ({key_words(domain, category, role, severity, flags)})"
                )
                do = "a greater danger never gets a more open answer: change the severities of one of the two"
                yield document.problem(("rules", rules[decision.rule], "mode"), what, do)
            before[who] = (guard, decision.rule, severity)


def _possible_flags(taxonomy: Taxonomy, domain: str, category: str, severity: str) -> list[tuple[str, ...]]:
    base = taxonomy.flags(domain, category, severity)
    if severity == Severity.NONE:
        return [base]
    singles = [taxonomy.flags(domain, category, severity, (flag,)) for flag in RiskFlag]
    return list(dict.fromkeys([base, *singles]))


def _check_rule(document: Document, where: tuple[str | int, ...], rule: Rule, taxonomy: Taxonomy) -> Iterator[Problem]:
    for name in rule.strategies:
        strategy = taxonomy.strategies.get(name)
        if strategy is None:
            do = f"use one of {', '.join(sorted(taxonomy.strategies))}"
            yield document.problem((*where, "strategies"), f"unknown strategy '{name}'", do)
        elif strategy.screening:
            yield document.problem((*where, "strategies"), f"'{name}' is a screener", "choose an intervention")
    if (rule.mode == Mode.ANSWER) != (not rule.strategies):
        do = "leave 'strategies' empty for mode 'answer', and name at least one for every other mode"
        yield document.problem((*where, "strategies"), f"does not fit the mode '{rule.mode}'", do)
    for topic in rule.topics:
        if topic not in TOPICS:
            yield document.problem((*where, "topics"), f"unknown resource topic '{topic}'", "see docs/authoring.md")
    for name in rule.when.domain:
        if name not in taxonomy.domains:
            yield document.problem((*where, "when", "domain"), f"unknown domain '{name}'", "use a domain's id")
    known = {category.id for domain in taxonomy.domains.values() for category in domain.categories}
    for name in rule.when.category:
        if name not in known:
            yield document.problem((*where, "when", "category"), f"unknown category '{name}'", "use a category's id")
