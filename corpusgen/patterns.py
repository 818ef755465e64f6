"""Regular expressions that a curator writes: many as one, quick on texts that hold nothing of the kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

__all__ = ["Patterns", "compiled", "faultless", "joined", "regex_error", "widen"]


class Patterns:
    """Regular expressions as one, to be tried on lower-cased text.

    RE2 looks first, with the patterns widened to what it can express (no lookaround, no word boundaries); only where
    it finds something does Python's engine decide. Most texts hold nothing of the kind, and RE2 says so faster.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        lower = [lower_pattern(pattern) for pattern in patterns]
        self._exact = re.compile(joined(patterns))
        self._wider = _wider(lower)

    def search(self, text: str) -> re.Match[str] | None:
        """Returns the first match in a lower-cased text, or None."""
        if self._wider is not None and self._wider.search(text) is None:
            return None
        return self._exact.search(text)


def compiled(patterns: Sequence[str]) -> Patterns:
    """Returns patterns as one that is to be tried on lower-cased text; an empty list matches nothing."""
    return Patterns(patterns)


def _wider(patterns: Sequence[str]) -> Any:
    """Returns an RE2 expression that finds whatever one of the patterns finds, or None where there is none."""
    widened = [widen(pattern) for pattern in patterns]
    if not widened or None in widened:
        return None
    try:
        import re2
    except ImportError:  # it only saves time
        return None
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile("|".join(f"(?:{pattern})" for pattern in widened), options)
    except re2.error:
        return None


_CLASSES = {"w": r"\pL\pM\pN_", "d": r"\pN", "s": r"\s\pZ\x{85}"}


def widen(pattern: str) -> str | None:
    """Returns a pattern that matches wherever the given one does, in RE2's syntax, or None where that is not sure.

    Lookarounds, boundaries and anchors are left out, which lets more through; ``\\w``, ``\\d`` and ``\\s`` become the
    Unicode classes that they are in Python.
    """
    out: list[str] = []
    at = 0
    inside = negated = False
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            escaped = pattern[at + 1 : at + 2]
            at += 2
            if escaped in _CLASSES:
                if inside and negated:
                    return None
                out.append(_CLASSES[escaped] if inside else f"[{_CLASSES[escaped]}]")
            elif escaped in "bBAZ" and not inside:
                continue
            elif escaped.isalnum() and escaped not in "nrt":
                return None  # a negated class, a backreference, or something else to be careful with
            else:
                out.append("\\" + escaped)
            continue
        if not inside and pattern.startswith(("(?=", "(?!", "(?<=", "(?<!"), at):
            at = _closing(pattern, at) + 1
            continue
        if char == "[" and not inside:
            inside, negated = True, pattern.startswith("[^", at)
        elif char == "]" and inside:
            inside = False
        elif char in "^$" and not inside:
            at += 1
            continue
        out.append(char)
        at += 1
    return "".join(out)


def _closing(pattern: str, start: int) -> int:
    """Returns where the group that begins at ``start`` ends."""
    depth, at, inside = 0, start, False
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif inside:
            inside = char != "]"
        elif char == "[":
            inside = True
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if not depth:
                return at
        at += 1
    return len(pattern) - 1


def lower_pattern(pattern: str) -> str:
    """Returns a pattern in lower case, its escapes (``\\W``, ``\\S``) as they are, for use on lower-cased text."""
    return re.sub(r"(\\.)|([A-Z])", lambda match: match.group(1) or match.group(2).lower(), pattern)


def joined(patterns: Sequence[str]) -> str:
    """Returns patterns as one, in lower case; an empty list gives one that matches nothing."""
    return "|".join(f"(?:{lower_pattern(pattern)})" for pattern in patterns) or r"(?!)"


def faultless(patterns: Sequence[str]) -> bool:
    """Returns whether patterns are regular expressions and match no empty text: all at once, as they will be used."""
    try:
        return re.compile(joined(patterns)).match("") is None
    except (re.error, RecursionError, OverflowError):
        return False


def regex_error(pattern: str) -> str | None:
    """Returns what is wrong with a pattern as the gates use it: in lower case, as one of several."""
    try:
        tried = re.compile(f"(?:{lower_pattern(pattern)})")
    except (re.error, RecursionError, OverflowError) as error:
        return str(error)
    return "it matches the empty text" if tried.match("") else None
