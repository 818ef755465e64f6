"""Grammar: the marks that careless composition leaves."""

from __future__ import annotations

import re
from itertools import pairwise

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.checks.text import words

__all__ = ["Grammar"]

_DOUBLED = re.compile(
    r"\b(?!(?:that|had|no|so|very|really|bye|ha|please|never|again|many|long|far|out|her|do|is|it|you|on|in|who)\b)([a-z]+) \1\b",
    re.IGNORECASE,
)
_DOUBLED_PAIR = re.compile(r"\b([a-z']+ [a-z']+) \1\b", re.IGNORECASE)
_PUNCTUATION = re.compile(r"\s[,;:!?](?=\s|$)|(?<!\.)\.\.(?!\.)|[,;:]{2,}|[,;:]\.(?!\.)|\.,|\(\s|\s\)|\?\?|!!| {2,}")
_ARTICLE = re.compile(
    r"\ba (?=(?!(?:one|once|uni|use|usual|user|eu|ui|uk|us|u|european|unit|ubiqu|ewe|ouija)[a-z]*\b)[aeiou][a-z]+\b)"
    r"|\ban (?=(?!(?:hour|honest|heir|honou?r|x|mri|md|l|f|h|s|n|m|r)[a-z-]*\b)[bcdfghjklmnpqrstvwxyz][a-z]+\b)",
    re.IGNORECASE,
)
_LOWER_START = re.compile(
    r"(?:^|(?<![ap]\.m)(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bmr)(?<!\bdr)[.!?] |\n)(?!i[A-Z])[a-z]{2,}[ ,]"
)
_LOWER = re.compile(r"(?:^|[.!?] |\n)[a-z]")
"""Where the costly pattern before has anything to look at."""


class Grammar:
    """Rejects doubled words, stray punctuation, wrong articles and sentences that begin in lower case.

    Prompts are looked at for doubled spaces and punctuation only: their voice is the register's business.
    """

    name = "grammar"
    kind: Kind = "quality"
    needs: tuple[str, ...] = ()

    def __init__(self, rules: Rules) -> None:
        del rules

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        if found := _PUNCTUATION.search(pair.prompt):
            return f"the prompt has stray punctuation near “{_near(pair.prompt, found)}”"
        checks = (
            (_PUNCTUATION, "stray punctuation"),
            (_DOUBLED, "a doubled word"),
            (_DOUBLED_PAIR, "words twice over"),
            (_ARTICLE, "the wrong article"),
            (_LOWER_START, "a sentence that begins in lower case"),
        )
        for pattern, what in checks:
            if pattern is _DOUBLED and not _may_double(pair.response):
                continue
            if pattern is _LOWER_START and not _LOWER.search(pair.response):
                continue
            if found := pattern.search(pair.response):
                return f"the response has {what} near “{_near(pair.response, found)}”"
        if pair.response.count("(") != pair.response.count(")"):
            return "the response has a parenthesis that is not closed"
        return None


def _may_double(text: str) -> bool:
    found = words(text)
    return any(first == second for first, second in pairwise(found))


def _near(text: str, found: re.Match[str]) -> str:
    return " ".join(text[max(0, found.start() - 15) : found.end() + 20].split())
