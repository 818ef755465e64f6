"""Platitudes: words that fit everybody reach nobody."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Rules
from corpusgen.checks.patterns import PatternGate
from corpusgen.patterns import compiled

__all__ = ["Platitudes"]

PATTERNS = (
    r"\beverything happens for a reason\b|\btime heals\b|\bit could be worse\b|\bothers have it worse\b|\blook on the bright side\b|\bcheer up\b|\bstay strong\b|\bjust be positive\b|\bthink positive\b|\bthis too shall pass\b",
    r"\b(?:never|not) (?:sent|dealt|given) more than\b|\bsteel is forged\b|\bforged in (?:the )?fire\b|\bfall(?:s|ing)? into place\b|\bwhat(?:['’]s| is) meant for you\b|\bpass you by\b|\bat peace now\b|\blooking down on (?:you|us)\b|\bwould(?:n['’]t| not)? want (?:is for )?you to be (?:sad|happy|strong)\b|\bwould want is for you\b|\bfish in the sea\b|\b(?:one|a) door closes\b|\b(?:darkest|coldest) (?:\w+ )?before\b|\b(?:light|end) (?:at|of) the (?:end|tunnel)\b|\bend of (?:the|every) tunnel\b|\bgiven? (?:\w+ )?more than (?:you|we|one) can (?:handle|bear|cope with)\b|\bsilver lining\b|\bevery cloud\b|\bbehind the clouds\b|\bsun (?:is still|still|will) (?:shin|rise|come)\w*",
    r"\b(?:if|what(?:ever)?|it) (?:\w+ )?(?:is|was|wasn['’]t) meant to be\b(?=[.,;])|\bwhen life gives\b|\bit is what it is\b|\btomorrow is (?:another|a new) day\b|\bafter (?:the |every )?rain\b|\bgood things come\b|\bhang in there\b|\bkeep your chin up\b|\btime (?:is a|is the|the great) (?:great )?healer\b|\bfollow your heart\b|\blove yourself first\b|\bbe the bigger person\b|\bin a better place\b|\bmakes you stronger\b|\bforgive and forget\b|\ball things (?:must )?pass\b",
    r"\byou are not alone\b|\byou['’]re not alone\b|\bone day at a time\b|\byou(?:['’]ve| have) got this\b|\byou got this\b|\bwhat doesn['’]t kill\b|\bgod never gives\b|\blife is (?:beautiful|a gift|precious)\b|\bthere is always (?:hope|light)\b|\bit gets better\b(?<!until it gets better)(?<!when it gets better)(?<!before it gets better)(?<!if it gets better)(?=[.!,;]|$)|\beverything will be (?:okay|ok|fine|alright|all right)\b|\bdon['’]t worry, be\b|\bkeep smiling\b|\bpermanent solution to a temporary\b",
)


class Platitudes(PatternGate):
    """Rejects a response with hollow comfort."""

    name = "platitudes"
    kind: Kind = "quality"
    sides = ("response",)
    what = "offers a platitude"
    pattern = compiled(PATTERNS)

    def __init__(self, rules: Rules) -> None:
        del rules
