"""Language: version 1 writes English."""

from __future__ import annotations

import re

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.checks.text import sentences, words

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


FOREIGN_WORDS = frozenset(
    [
        "que",
        "los",
        "las",
        "una",
        "uno",
        "usted",
        "puede",
        "pueden",
        "para",
        "por",
        "pero",
        "como",
        "cuando",
        "donde",
        "muy",
        "está",
        "están",
        "ser",
        "hacer",
        "algo",
        "porque",
        "también",
        "sus",
        "je",
        "tu",
        "vous",
        "nous",
        "elle",
        "ils",
        "est",
        "sont",
        "le",
        "les",
        "une",
        "des",
        "du",
        "et",
        "ou",
        "pas",
        "ne",
        "qui",
        "dans",
        "pour",
        "avec",
        "sur",
        "votre",
        "vos",
        "c'est",
        "n'est",
        "mais",
        "plus",
        "und",
        "der",
        "das",
        "den",
        "dem",
        "ein",
        "eine",
        "einen",
        "ist",
        "sind",
        "nicht",
        "ich",
        "sie",
        "wir",
        "ihr",
        "mit",
        "von",
        "auf",
        "auch",
        "wenn",
        "aber",
        "oder",
        "dass",
        "für",
        "che",
        "non",
        "sono",
        "della",
        "nel",
        "perché",
        "anche",
        "questo",
        "il",
        "gli",
        "het",
        "een",
        "niet",
        "zijn",
        "wordt",
        "naar",
        "maar",
        "voor",
        "não",
        "você",
        "uma",
        "são",
        "isso",
        "para",
        "com",
        "mais",
    ]
) - {
    "sur",
    "plus",
    "den",
    "para",
    "com",
    "ser",
    "une",
    "dem",
    "non",
    "tu",
    "des",
    "le",
    "du",
    "das",
    "der",
    "il",
    "sie",
    "que",
}
"""Frequent words of other European languages that English does not have."""

LEAST_FOREIGN = 4

LEAST_STRANGE = 2
"""Sentences of eight words or more with hardly a common English one."""


def _unenglish(found: tuple[str, ...]) -> bool:
    return len(found) >= 8 and sum(word in FUNCTION_WORDS for word in found) / len(found) < 0.1


_CLIPPED = re.compile(
    r"(?<![\w.@])(?:u|ur|r|n|b4|w8|gr8|m8|txt|thx|pls|plz|cuz|coz|tbh|btw|idk|imo|wanna|gonna|sum1|any1|every1|ppl|msg|rn"
    r"|(?!www|hmm|shh|brr|pst)[bcdfghjklmnpqrstvwxz]{3,5})(?![\w@])"
)
LEAST_CLIPPED = 5
"""A response is written out, whatever the voice of its prompt."""

_BROKEN = re.compile(
    r"\b(?:the|a|an) (?:of|and|or|but|because|with|whether|how|is|are|the|a|an|whom|in|from|toward|without|between|under)\b(?!-)"
    r"|\b(?:and|of|with|of the) (?:of|is|are|with)\b|\b(?:the|an?|of|toward)[.,;]",
    re.IGNORECASE,
)
LEAST_BROKEN = 3
"""Words in no order at all bring articles and prepositions together that never meet in a sentence."""


class Language:
    """Rejects text that is not English, in whole or in part, and responses that are not written in sentences."""

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
            foreign = [word for word in found if word in FOREIGN_WORDS]
            if len(foreign) >= LEAST_FOREIGN and len(set(foreign)) > 2:
                return f"the {side} is in part in another language ({', '.join(sorted(set(foreign))[:4])})"
        strange = [sentence for sentence in sentences(pair.response) if _unenglish(words(sentence))]
        if len(strange) >= LEAST_STRANGE:
            return f"the response is in part in another language (“{strange[0][:60]}”)"
        clipped = _CLIPPED.findall(pair.response)
        if len(clipped) >= LEAST_CLIPPED:
            return f"the response is written in clipped words ({', '.join(sorted(set(clipped))[:4])})"
        broken = _BROKEN.findall(pair.response)
        if len(broken) >= LEAST_BROKEN:
            return f"the response does not hold together as sentences (“{broken[0]}”, “{broken[1]}”)"
        return None
