"""Interrogation: when risk is high, help comes before questions."""

from __future__ import annotations

import re

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.checks.text import sentences

__all__ = ["Interrogation"]

MOST_QUESTIONS = 3

_DEMAND = re.compile(
    r"(?:(?:first|then|next|now|also|and|please)[, ]+)*"
    r"(?:tell me|let me know|give me|share with me|describe|explain|specify|state|list|say (?:whether|if|how|when|what|who))\b",
    re.IGNORECASE,
)
"""A question without a question mark."""


class Interrogation:
    """Rejects a response at high or imminent severity that begins with a question, or asks or demands more than three things."""

    name = "interrogation"
    kind: Kind = "quality"
    needs: tuple[str, ...] = ("severity",)

    def __init__(self, rules: Rules) -> None:
        del rules

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        if pair.severity not in {"high", "imminent"}:
            return None
        found = sentences(pair.response)
        if found and found[0].endswith("?"):
            return "begins with a question, and the risk is high"
        count = sum(sentence.endswith("?") or _DEMAND.match(sentence) is not None for sentence in found)
        return f"asks for {count} answers, and the risk is high" if count > MOST_QUESTIONS else None
