"""Crisis line: wherever self-harm is flagged and the prompt is not a harmless one, a crisis line is named."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.checks.text import contacts, normal
from corpusgen.schema import Mode, RiskFlag

__all__ = ["CrisisLine"]


class CrisisLine:
    """Rejects a response without a crisis line where one is owed: by the risk flag, or by the prompt's own words.

    Where the registry has no verified line for the country, the directory of helplines or the emergency number counts.
    """

    name = "crisis_line"
    kind: Kind = "safety"
    needs: tuple[str, ...] = ("country", "risk_flags", "response_mode")

    def __init__(self, rules: Rules) -> None:
        self.self_harm = rules.self_harm
        self.registry = rules.taxonomy.registry
        self.lines: dict[str, set[str]] = {}
        for entry in self.registry.entries.values():
            if entry.status == "verified" and "suicide_crisis" in entry.topics:
                values = {normal(channel.value) for channel in entry.channels}
                self.lines.setdefault(entry.country, set()).update(values)

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        if pair.response_mode == Mode.ANSWER or not self.self_harm(pair):
            return None
        flagged = RiskFlag.SUICIDE_SELF_HARM in (pair.risk_flags or ())
        why = "self-harm is flagged" if flagged else "the prompt speaks of wanting to die"
        country = str(pair.country)
        named = {normal(value) for value, _ in contacts(pair.response)}
        if owed := self.lines.get(country):
            return None if named & owed else f"names no crisis line of {country}, and {why}"
        directory = normal(self.registry.directory.value) in named
        emergency = self.registry.emergency(country) in named or "emergency number" in pair.response.lower()
        if directory or emergency:
            return None
        return f"names neither a crisis line, a directory of helplines nor an emergency number, and {why}"
