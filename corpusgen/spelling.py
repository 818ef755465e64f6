"""Spelling: texts are authored in American spelling and turned British for the countries that use it."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["british", "spelling_pattern"]


def british(text: str, words: Mapping[str, str], pattern: re.Pattern[str]) -> str:
    """Returns the text with American spellings replaced by British ones, capitals kept."""

    def swap(match: re.Match[str]) -> str:
        found = match.group(0)
        new = words[found.lower()]
        return new.capitalize() if found[0].isupper() else new

    return pattern.sub(swap, text)


def spelling_pattern(words: Mapping[str, str]) -> re.Pattern[str]:
    """Returns the pattern that finds every word of a spelling table."""
    return re.compile(r"\b(" + "|".join(sorted(map(re.escape, words), key=len, reverse=True)) + r")\b", re.IGNORECASE)
