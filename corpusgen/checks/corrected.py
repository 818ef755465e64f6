"""A pair whose response somebody has corrected: its labels follow the new text, and the gates judge it like any other."""

from __future__ import annotations

from dataclasses import replace

from corpusgen.checks.components import shown_components
from corpusgen.checks.gate import Pair, Rules
from corpusgen.checks.resources import Resources

__all__ = ["corrected"]


def corrected(pair: Pair, response: str, rules: Rules) -> Pair:
    """Returns a pair with another response.

    Its resources become those that the new text names, in order of mention, and its components those of the old ones
    that the new text still shows. Whether it may stand is for the gates to say.
    """
    new = replace(pair, response=response.strip())
    return replace(
        new,
        resources=Resources(rules).mentioned(new),
        components=shown_components(rules, pair.components or (), new.response),
    )
