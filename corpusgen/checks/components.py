"""Components: the strategy that the policy chose can be found in the response."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.schema import Mode
from corpusgen.spelling import british, spelling_pattern

__all__ = ["Components", "shown_components"]


class Components:
    """Rejects a response that does not show enough components of its first strategy, or claims one it does not show."""

    name = "components"
    kind: Kind = "quality"
    needs: tuple[str, ...] = ("strategies", "response_mode")

    def __init__(self, rules: Rules) -> None:
        self.strategies = rules.taxonomy.strategies
        back = {british: american for american, british in rules.taxonomy.spelling.items()}
        self.american = partial(british, words=back, pattern=spelling_pattern(back))

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        if pair.response_mode == Mode.ANSWER:
            return "an answer to a harmless question names strategies" if pair.strategies else None
        if not pair.strategies:
            return "names no strategy"
        for name in pair.strategies:
            if name not in self.strategies:
                return f"names the unknown strategy '{name}'"
        reason = self._reason(pair, pair.response.lower())
        # evidence is written in American spelling
        return self._reason(pair, self.american(pair.response.lower())) if reason else None

    def _reason(self, pair: Pair, text: str) -> str | None:
        for claimed in pair.components or ():
            strategy, _, component = claimed.partition(".")
            try:
                found = self.strategies[strategy].component(component)
            except KeyError:
                return f"claims the unknown component '{claimed}'"
            if not found.pattern.search(text):
                return f"claims the component '{claimed}' and does not show it"
        first = self.strategies[(pair.strategies or ("",))[0]]
        claims = {claim for claim in pair.components or () if claim.startswith(f"{first.id}.")}
        if len(claims) >= first.required:
            return None
        shown = [part.id for part in first.components if part.pattern.search(text)]
        if len(shown) < first.required:
            return f"shows {len(shown)} of the components of {first.id} ({', '.join(shown) or 'none'}); {first.required} are needed"
        return None


def shown_components(rules: Rules, claimed: Sequence[str], response: str) -> tuple[str, ...]:
    """Returns the claimed components that a text shows, in the order of the claims."""
    back = {british: american for american, british in rules.taxonomy.spelling.items()}
    texts = (response.lower(), british(response.lower(), words=back, pattern=spelling_pattern(back)))
    found = []
    for claim in claimed:
        strategy, _, component = claim.partition(".")
        pattern = rules.taxonomy.strategies[strategy].component(component).pattern
        if any(pattern.search(text) for text in texts):
            found.append(claim)
    return tuple(found)
