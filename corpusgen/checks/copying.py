"""Copying: a response gives a prompt back in other words, and does not parrot it."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.checks.text import ngrams, words

__all__ = ["Copying"]


class Copying:
    """Rejects a response that shares a longer run of words with its prompt than the recipe allows (at most 8)."""

    name = "copying"
    kind: Kind = "quality"
    needs: tuple[str, ...] = ()

    def __init__(self, rules: Rules) -> None:
        self.longest = rules.checks.copied_words

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        size = self.longest + 1
        shared = ngrams(words(pair.prompt), size) & ngrams(words(pair.response), size)
        if not shared:
            return None
        return f"repeats more than {self.longest} words of the prompt in a row: “{' '.join(min(shared))}”"
