"""A gate that rejects what a list of patterns finds; the gates that are such lists build on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from corpusgen.patterns import Patterns

if TYPE_CHECKING:
    from corpusgen.checks.gate import Pair

__all__ = ["OwnWordsGate", "PatternGate"]


class PatternGate:
    """Rejects a pair when the pattern is found on one of the sides looked at.

    Attributes:
        pattern: What must not occur, for lower-cased text.
        sides: Which texts are looked at.
        what: What was found, completing "the response …".
    """

    needs: tuple[str, ...] = ()
    pattern: Patterns
    sides: tuple[str, ...] = ("response",)
    what = "holds what it must not"

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        for side in self.sides:
            text: str = getattr(pair, side)
            # most texts pass outright; what is looked past is taken out only where there is something to look past
            if self.pattern.search(text.lower()) and (found := self.pattern.search(self.seen(text).lower())):
                return f"the {side} {self.what}: “{found.group(0).strip()}”"
        return None

    def seen(self, text: str) -> str:
        """Returns the part of a text that the gate looks at: all of it."""
        return text


_QUOTED = re.compile(r"[“\"][^”\"]{1,300}[”\"]|(?<!\w)['‘](?:[^'’]|['’](?=\w)){1,200}['’](?!\w)")


class OwnWordsGate(PatternGate):
    """A pattern gate that passes over quoted words: what a response suggests that somebody say is not its own voice."""

    def seen(self, text: str) -> str:
        """Returns the text without what stands in quotation marks."""
        return _QUOTED.sub("“”", text)
