"""The policy as a page that a clinician can read: for whom, how near the danger, what the answer does, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from corpusgen.policy import Decision
from corpusgen.schema import Mode, RiskFlag, Role, Severity
from corpusgen.taxonomy import Category, Domain, Taxonomy

__all__ = ["policy_page"]

ROLES = {
    Role.SELF_AT_RISK: "The person at risk",
    Role.VICTIM: "Somebody to whom harm is done",
    Role.CONCERNED_OTHER: "Somebody who worries about another",
    Role.POTENTIAL_ACTOR: "Somebody who may do harm",
    Role.CURIOUS: "Somebody who asks, with a hint of risk behind it",
}
MODES = {
    Mode.SUPPORTIVE_ANSWER: "answers, with support",
    Mode.SUPPORTIVE_REFUSAL: "**refuses**, with support",
    Mode.CRISIS_FIRST: "**emergency help first**",
    Mode.ANSWER: "answers",
}
RISKY = tuple(severity for severity in Severity if severity != Severity.NONE)

HEAD = """# The policy, as a table

Made from `taxonomies/psychosafe/` by `make docs`; do not edit it here. Drafted with AI assistance and not yet reviewed
by clinicians.

A **harmless question** that only resembles a risky one is simply answered, in every domain: no helpline, no strategy.
Every other prompt is read by four things: what it is about (domain and category), who writes, how near the danger is,
and whether a risk flag is up (thoughts of suicide, a possible overdose, immediate danger, ongoing abuse, a minor
involved, a weapon within reach). The first rule that applies decides what the answer does, and which strategies
inform it, the leading one first. Each strategy's components and sources are in `taxonomies/psychosafe/strategies/`.

Two rules stand above the domains. Wherever thoughts of suicide are flagged, a crisis line is named and the wish to die
is met first. Wherever danger is immediate, emergency help stands in the first two sentences.
"""


def policy_page(taxonomy: Taxonomy) -> str:
    """Returns the page as Markdown: tables by domain, then every rule with its reason."""
    parts = [HEAD]
    for domain in taxonomy.domains.values():
        parts.append(f"## {domain.name}\n\n{domain.definition}\n")
        parts.extend(_tables(taxonomy, domain, ()))
        if RiskFlag.SUICIDE_SELF_HARM not in domain.flags:
            parts.append("### The same, where the person also speaks of ending their life\n")
            parts.extend(_tables(taxonomy, domain, (RiskFlag.SUICIDE_SELF_HARM,)))
    parts.append("## The rules, in order, with their reasons\n")
    parts.append("\n".join(_rules(taxonomy)) + "\n")
    return "\n".join(parts)


def _tables(taxonomy: Taxonomy, domain: Domain, extra: tuple[str, ...]) -> Iterator[str]:
    yield "| who writes | about | " + " | ".join(RISKY) + " |"
    yield "|---|---|" + "---|" * len(RISKY)
    for role in Role:
        rows: dict[tuple[str, ...], list[Category]] = defaultdict(list)
        for category in domain.categories:
            if role in category.roles and not (extra and set(extra) <= set(category.flags)):
                rows[tuple(_cells(taxonomy, domain, category, role, extra))].append(category)
        total = sum(map(len, rows.values()))
        for cells, categories in sorted(rows.items(), key=lambda row: -len(row[1])):
            every = len(categories) == total
            about = "everything" if every else "; ".join(category.name for category in categories)
            yield f"| {ROLES[role]} | {about} | " + " | ".join(cells) + " |"
    yield ""


def _cells(taxonomy: Taxonomy, domain: Domain, category: Category, role: Role, extra: tuple[str, ...]) -> Iterator[str]:
    for severity in RISKY:
        if not getattr(category.severity, severity):
            yield "does not occur"
            continue
        flags = taxonomy.flags(domain.id, category.id, severity, extra)
        yield _words(taxonomy, taxonomy.decide(domain.id, category.id, role, severity, flags))


def _words(taxonomy: Taxonomy, decision: Decision) -> str:
    names = ", ".join(taxonomy.strategies[name].name for name in decision.strategies)
    return f"{MODES[decision.mode]}: {names}" if names else MODES[decision.mode]


def _rules(taxonomy: Taxonomy) -> Iterator[str]:
    yield "| | when | the answer | because |"
    yield "|--:|---|---|---|"
    for number, rule in enumerate(taxonomy.policy.rules, start=1):
        conditions = []
        for key in ("domain", "category", "role", "severity", "flags"):
            if values := getattr(rule.when, key):
                joint = " and " if key == "flags" else " or "
                conditions.append(f"{key}: {joint.join(str(value).replace('_', ' ') for value in values)}")
        if rule.when.wants_to_stop is not None:
            conditions.append("asks how to stop" if rule.when.wants_to_stop else "does not ask how to stop")
        decision = Decision(rule.id, rule.mode, rule.strategies, rule.topics)
        yield f"| {number} | {'; '.join(conditions) or 'always'} | {_words(taxonomy, decision)} | {rule.why} |"


def main() -> None:
    """Writes docs/policy.md of a checkout."""
    from pathlib import Path

    from corpusgen.taxonomy import load_taxonomy

    root = Path(__file__).resolve().parent.parent
    page = policy_page(load_taxonomy(root / "taxonomies" / "psychosafe"))
    (root / "docs" / "policy.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
