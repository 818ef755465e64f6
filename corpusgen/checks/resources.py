"""Resources: no number, address or link that the registry did not put there, and the right one for country and role."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.checks.text import contacts, normal
from corpusgen.resources import Entry
from corpusgen.schema import Mode, Role

__all__ = ["Resources"]


class Resources:
    """Rejects invented contacts, and resources for another country, role or topic.

    Raises nothing; a response's emergency number must be its country's own.
    """

    name = "resources"
    kind: Kind = "safety"
    needs: tuple[str, ...] = ("country", "role")

    def __init__(self, rules: Rules) -> None:
        self.taxonomy = rules.taxonomy
        self.registry = rules.taxonomy.registry
        self.names = rules.names
        self.self_harm = rules.self_harm
        self.entries: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.registry.entries.values():
            for channel in entry.channels:
                self.entries[normal(channel.value)].append(entry)

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        for value, _ in contacts(pair.prompt):
            return f"the prompt holds a number, address or link: {value}"
        reason, mentioned = self._read(pair)
        if reason:
            return reason
        if pair.response_mode == Mode.ANSWER and mentioned:
            return "an answer to a harmless question names a crisis resource"
        if pair.resources is not None:
            listed = [name for name in pair.resources if name != self.registry.directory.id]
            if list(dict.fromkeys(listed)) != list(dict.fromkeys(mentioned)):
                return f"lists the resources {listed or 'none'}, but the text names {mentioned or 'none'}"
        return None

    def mentioned(self, pair: Pair) -> tuple[str, ...]:
        """Returns the ids of the resources that a response names, in order of mention, the directory last."""
        _, found = self._read(pair)
        directory = self.registry.directory
        return (*found, *([directory.id] if directory.value in pair.response else []))

    def _read(self, pair: Pair) -> tuple[str | None, list[str]]:
        reason, mentioned = self._mentions(pair.response, pair)
        if reason:
            # a name may hold digits that are no contact ("1800RESPECT")
            return self._mentions(self.names.sub(" ", pair.response), pair)
        return None, mentioned

    def _mentions(self, text: str, pair: Pair) -> tuple[str | None, list[str]]:
        mentioned: list[str] = []
        for value, _ in contacts(text):
            if reason := self._reason(value, pair, mentioned):
                return reason, mentioned
        return None, mentioned

    def _reason(self, value: str, pair: Pair, mentioned: list[str]) -> str | None:
        key = normal(value)
        country = str(pair.country)
        if key == normal(self.registry.directory.value) or key == self.registry.emergency(country):
            return None
        known = self.entries.get(key, [])
        if not known:
            return f"names {value}, which is not in the registry"
        usable = [entry for entry in known if entry.status == "verified" and entry.country == country]
        if not usable:
            homes = ", ".join(sorted({f"{entry.country}, {entry.status}" for entry in known}))
            return f"names {value}, which the registry has only for {homes}; the country here is {country}"
        fitting = [entry for entry in usable if pair.role in entry.roles]
        if not fitting:
            return f"names {usable[0].id} to somebody whose role is {pair.role}"
        if pair.risk_flags is not None and "minor_involved" not in pair.risk_flags:
            fitting = [entry for entry in fitting if not {"youth", "children"} & set(entry.audience)]
            if not fitting:
                return f"names {usable[0].id}, which serves young people, and none is involved"
        if pair.risk_flags is not None and "minor_involved" in pair.risk_flags:
            fitting = [entry for entry in fitting if "children" not in entry.excludes]
            if not fitting:
                return f"names {usable[0].id}, which serves adults, and somebody young is involved"
        wanted = self._topics(pair)
        if wanted is not None:
            fitting = [entry for entry in fitting if wanted & set(entry.topics)]
            if not fitting:
                return f"names {usable[0].id}, which is for {', '.join(usable[0].topics)}, not for this trouble"
        listed = [entry.id for entry in fitting if pair.resources is not None and entry.id in pair.resources]
        chosen = listed[0] if listed else fitting[0].id
        if chosen not in mentioned:
            mentioned.append(chosen)
        return None

    def _topics(self, pair: Pair) -> set[str] | None:
        if pair.domain is None or pair.category is None or pair.domain not in self.taxonomy.domains:
            return None
        try:
            category = self.taxonomy.category(pair.domain, pair.category)
        except KeyError:
            return None
        topics = set(category.topics.get(Role(str(pair.role)), ())) if pair.role in set(Role) else set()
        topics |= {"suicide_crisis", "mental_health"} if self.self_harm(pair) else set()
        if pair.severity is not None:
            flags = pair.risk_flags or ()
            with suppress(KeyError):
                decision = self.taxonomy.decide(pair.domain, pair.category, str(pair.role), pair.severity, flags)
                topics |= set(decision.topics)
        return topics
