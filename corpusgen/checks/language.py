"""Language: version 1 writes English."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.checks.text import words

__all__ = ["Language"]

FUNCTION_WORDS = frozenset(
    [
        "a",
        "about",
        "after",
        "all",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "but",
        "by",
        "can",
        "cant",
        "could",
        "did",
        "do",
        "does",
        "dont",
        "for",
        "from",
        "get",
        "go",
        "had",
        "has",
        "have",
        "he",
        "her",
        "hes",
        "him",
        "his",
        "how",
        "i",
        "id",
        "idk",
        "if",
        "im",
        "in",
        "is",
        "isnt",
        "it",
        "its",
        "ive",
        "just",
        "know",
        "like",
        "me",
        "my",
        "no",
        "not",
        "now",
        "of",
        "on",
        "one",
        "or",
        "our",
        "out",
        "people",
        "r",
        "said",
        "say",
        "she",
        "should",
        "so",
        "some",
        "still",
        "than",
        "that",
        "thats",
        "the",
        "their",
        "them",
        "then",
        "there",
        "they",
        "this",
        "to",
        "too",
        "u",
        "up",
        "ur",
        "us",
        "want",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "will",
        "with",
        "wont",
        "would",
        "yes",
        "you",
        "your",
        "it's",
        "i'm",
        "don't",
        "can't",
        "that's",
        "he's",
        "she's",
        "i've",
        "isn't",
        "won't",
        "didn't",
        "doesn't",
        "cannot",
    ]
)
"""Common English function words, texting forms included."""

LEAST_SHARE = 0.18
"""English prose has 40 to 55 % of such words, clipped notes about 25 %; other European languages stay below 12 %."""


class Language:
    """Rejects text that is not English."""

    name = "language"
    kind: Kind = "quality"
    needs: tuple[str, ...] = ()

    def __init__(self, rules: Rules) -> None:
        del rules

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        for side in ("prompt", "response"):
            found = words(getattr(pair, side))
            if not found:
                return f"the {side} has no words"
            share = sum(word in FUNCTION_WORDS for word in found) / len(found)
            if share < LEAST_SHARE:
                return f"the {side} does not read as English ({share:.0%} common English words)"
        return None
