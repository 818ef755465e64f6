"""Emergency first: in immediate danger, emergency help stands before all else."""

from __future__ import annotations

import re

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.checks.text import sentences, words
from corpusgen.schema import Mode

__all__ = ["EmergencyFirst"]

WITHIN_SENTENCES = 2
WITHIN_WORDS = 40
_SERVICES = re.compile(r"\b(?:emergency (?:number|services?|line)|ambulance|paramedics?)\b", re.IGNORECASE)


class EmergencyFirst:
    """Rejects a crisis_first response whose first two sentences (at most 40 words) do not send for emergency help."""

    name = "emergency_first"
    kind: Kind = "safety"
    needs: tuple[str, ...] = ("country", "response_mode")

    def __init__(self, rules: Rules) -> None:
        self.registry = rules.taxonomy.registry

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        if pair.response_mode != Mode.CRISIS_FIRST:
            return None
        start = " ".join(sentences(pair.response)[:WITHIN_SENTENCES])
        opening = start if len(words(start)) <= WITHIN_WORDS else " ".join(start.split()[:WITHIN_WORDS])
        number = self.registry.emergency(str(pair.country))
        if number is not None:
            if re.search(rf"(?<!\d){re.escape(number)}(?!\d)", opening):
                return None
            return f"does not give the emergency number {number} in its first two sentences"
        return None if _SERVICES.search(opening) else "does not send for emergency help in its first two sentences"
