"""A gate that rejects what a list of patterns finds; the gates that are such lists build on it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from corpusgen.checks.gate import Pair

__all__ = ["OwnWordsGate", "PatternGate", "compiled"]


def compiled(patterns: Sequence[str]) -> re.Pattern[str]:
    """Returns patterns as one, case-insensitive; an empty list matches nothing."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)", re.IGNORECASE)


class PatternGate:
    """Rejects a pair when the pattern is found on one of the sides looked at.

    Attributes:
        pattern: What must not occur.
        sides: Which texts are looked at.
        what: What was found, completing "the response …".
    """

    needs: tuple[str, ...] = ()
    pattern: re.Pattern[str]
    sides: tuple[str, ...] = ("response",)
    what = "holds what it must not"

    def seen(self, text: str) -> str:
        """Returns the part of a text that the gate looks at: all of it."""
        return text

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        for side in self.sides:
            if found := self.pattern.search(self.seen(getattr(pair, side))):
                return f"the {side} {self.what}: “{found.group(0).strip()}”"
        return None


_QUOTED = re.compile(r"[“\"][^”\"]{1,300}[”\"]")


class OwnWordsGate(PatternGate):
    """A pattern gate that passes over quoted words: what a response suggests that somebody say is not its own voice."""

    def seen(self, text: str) -> str:
        """Returns the text without what stands in quotation marks."""
        return _QUOTED.sub("“”", text)
