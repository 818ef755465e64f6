"""Length: neither a fragment nor an essay."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.checks.text import words

__all__ = ["Length"]


class Length:
    """Rejects prompts and responses outside the recipe's range of words."""

    name = "length"
    kind: Kind = "quality"
    needs: tuple[str, ...] = ()

    def __init__(self, rules: Rules) -> None:
        self.ranges = {"prompt": rules.checks.prompt_words, "response": rules.checks.response_words}

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        for side, (low, high) in self.ranges.items():
            count = len(words(getattr(pair, side)))
            if not low <= count <= high:
                return f"the {side} has {count} words; it should have {low} to {high}"
        return None
