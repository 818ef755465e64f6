"""Minors: no sexual word in a pair in which a minor occurs, whatever is meant by it."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.patterns import compiled

__all__ = ["Minors"]


class Minors:
    """Rejects a pair that holds both a sexual word and a word for a minor, or a stand-in word for the two together.

    Strict on purpose: it also turns away harmless pairs, and none of the other kind is worth one of those.
    """

    name = "minors"
    kind: Kind = "safety"
    needs: tuple[str, ...] = ()

    def __init__(self, rules: Rules) -> None:
        lexicon = rules.taxonomy.lexicon
        self.sexual = compiled(lexicon.sexual)
        self.minor = compiled(lexicon.minor)
        # a line's own name ("… Sexual Abuse Support Line") is no sexual word
        self.names = rules.names
        self.standins = compiled(lexicon.standins.get("sexual_minor", ()))

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        text = f"{pair.prompt}\n{pair.response}"
        lower = text.lower()
        if found := self.standins.search(lower):
            return f"holds sexual content about a minor: “{found.group(0)}”"
        if not self.sexual.search(lower):
            return None
        lower = self.names.sub(" ", text).lower()
        sexual = self.sexual.search(lower)
        if sexual is None:
            return None
        flagged = "minor_involved" in (pair.risk_flags or ())
        minor = self.minor.search(lower)
        if minor is not None or flagged:
            shown = minor.group(0) if minor else "flag minor_involved"
            return f"holds a sexual word (“{sexual.group(0)}”) where a minor occurs (“{shown}”)"
        return None
