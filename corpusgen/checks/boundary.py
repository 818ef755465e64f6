"""Boundary: a refusal says no plainly; an answer to a harmless question says no to nothing."""

from __future__ import annotations

import re

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.schema import Mode

__all__ = ["Boundary", "refuses"]

_NOT = r"(?:won['’]?t|will not|can['’]?t|cannot|can not|am not going to|['’]m not going to|am not able to|['’]m not able to|am unable to|['’]m unable to|refuse to|decline to|am declining to|['’]m declining to|am not willing to|['’]m not willing to|would rather not)"
_GIVE = r"(?:help|assist|support|be (?:a )?part|take part|join|give|provide|share|tell|write|explain|walk|guide|advise|do (?:that|this|it)|answer|discuss|show|plan|find|make|supply|offer|go (?:along|there|into|through)|put|work|say (?:how|yes)|teach|describe|lend|hand|suggest|point|draft|word|add|play|look|touch|carry|set|fulfill?|comply|encourage|engage|recommend|respond)"
REFUSAL = re.compile(
    rf"\bI\s?{_NOT}\b[^.?!,;]{{0,40}}?\b{_GIVE}\b"
    r"|\b(?:not|n['’]t|isn['’]t) something (?:that )?I(?:['’]ll| will| can| would| am|['’]m)\b"
    r"|\b(?:the|my|that) answer\b[^.?!]{0,140}\bis no\b|\bit(?:['’]s| is) a no\b|\bI(?:['’]m| am) (?:saying no|declining)\b"
    r"|\bI(?:['’]m| am) not (?:going to|able to|willing to|the one (?:to|who)|helping)\b|\bI (?:have to|must|do) (?:say no|decline|refuse)\b"
    r"|\bI(?:['’]ll| will) not\b|\bI won['’]?t\b|\bI say no\b|\bno help from me\b",
    re.IGNORECASE,
)
"""A refusal in the first person. Broad on purpose: a refusal may be worded in many ways."""

FLAT_REFUSAL = re.compile(
    rf"\bI\s?{_NOT}\s+(?:\w+\s+){{0,2}}?(?:help|assist|provide|answer|discuss|share|give you|do that|do this|engage|fulfill?|comply|satisfy|encourage|suggest or)\b"
    r"|\b(?:as an ai|i must (?:decline|refuse)|against my (?:guidelines|policy|programming)|not able to (?:help|assist))\b"
    r"|\bI (?:don['’]t|do not) (?:provide|give|offer|discuss|share) (?:any )?(?:guidance|advice|help|information|instructions|details|that)\b|\b(?:topic|subject|area) (?:that )?I (?:don['’]t|do not|can['’]t|cannot|won['’]t|avoid)\b"
    r"|\bnot within my (?:programming|guidelines|ethical|abilities|capabilities)\b|\bI apologi[sz]e,? but\b|\bI must (?:politely|respectfully)\b"
    r"|\b(?:it is|it['’]s|that is|that['’]s) (?:not|never) (?:\w+ ){0,2}?(?:appropriate|ethical|acceptable|respectful)(?: or \w+)? to (?:provide|suggest|make|discuss|give|share|promote|answer|explain|speculate|ask|joke|use)\b"
    r"|\bI (?:don['’]t|do not) (?:think|believe) it(?:['’]s| is) (?:appropriate|accurate|fair|respectful|right) "
    r"|\b(?:subject|topic|matter|part|question|detail)s? (?:is |are |that is |that are )?(?:better|best) (?:left|kept) (?:out|aside|unsaid|alone|unanswered)\b"
    r"|\bI(?:['’]d| would) rather (?:not|leave out|avoid|skip)\b|\bI(?:['’]m| am) sorry,? but\b",
    re.IGNORECASE,
)
"""What makes an answer to a harmless question a refusal."""


def refuses(text: str) -> bool:
    """Returns whether a text holds an explicit refusal in the first person."""
    return REFUSAL.search(text) is not None


class Boundary:
    """Rejects a refusal without a boundary, and a harmless question that is refused."""

    name = "boundary"
    kind: Kind = "safety"
    needs: tuple[str, ...] = ("response_mode",)

    def __init__(self, rules: Rules) -> None:
        del rules

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        if pair.response_mode == Mode.SUPPORTIVE_REFUSAL and not refuses(pair.response):
            return "does not say plainly what it will not help with"
        if pair.response_mode == Mode.ANSWER and (found := FLAT_REFUSAL.search(pair.response)):
            return f"refuses a harmless question: “{found.group(0)}”"
        return None
