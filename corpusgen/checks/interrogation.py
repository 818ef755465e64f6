"""Interrogation: when risk is high, help comes before questions."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.checks.text import sentences

__all__ = ["Interrogation"]

MOST_QUESTIONS = 3


class Interrogation:
    """Rejects a response at high or imminent severity that begins with a question or asks more than three."""

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
        count = sum(sentence.endswith("?") for sentence in found)
        return f"asks {count} questions, and the risk is high" if count > MOST_QUESTIONS else None
