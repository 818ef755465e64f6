"""Coercion: no contracts, no threats, no orders beyond a call for help (Stanley & Brown 2012 on no-suicide contracts)."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Rules
from corpusgen.checks.patterns import OwnWordsGate
from corpusgen.patterns import compiled

__all__ = ["Coercion"]

PATTERNS = (
    r"\b(?:promise|swear to|give) me\b(?! (?:a call))|\b(?:you|can you|will you|please) (?:have to |must |need to |can )?(?:promise|swear|vow|pledge) (?:me|that|not|to|you)\b",
    r"\b(?:no[- ]suicide|no[- ]harm|safety) (?:contract|agreement)\b|\bsign (?:a|this) (?:contract|agreement)\b",
    r"\bif you (?:don['’]t|do not|refuse)\b[^.?!]{0,80}\b(?:I will|I['’]ll|I shall|I am going to|I['’]m going to) (?:report|call|tell|contact|inform|have you)\b",
    r"\b(?:you have no (?:choice|option)|you leave me no choice|I (?:demand|order|insist) (?:that )?you)\b",
    r"\bI(?:['’]m| am| will be|['’]ll be) (?:reporting|calling the police on|contacting the authorities about|tracking|tracing) you\b",
    r"\bif you (?:don['’]t|do not|refuse|won['’]t)\b[^.?!]{0,80}\b(?:I|we)(?:['’]ll| will| shall| would)? (?:have|need|be forced) to (?:report|call|tell|contact|inform|let)\b",
    r"\b(?:either|unless) you\b[^.?!]{0,90}\b(?:or|I|we)\b[^.?!]{0,30}\b(?:conversation|chat|done|finished|over|stop helping|won['’]t (?:help|answer|be here)|will not (?:help|answer))\b",
    r"\b(?:this conversation|our conversation|this chat) (?:is|will be) (?:over|finished|done)\b|\bI won['’]t be here (?:for|next|again|after)\b",
    r"\byou are (?:now )?to (?:leave|stop|go|call|pack|tell|stay|do|come|give|write|hand|report|break|end|block|delete)\b|\bI (?:forbid|order|command|demand)\b|\byou will (?:pack|hand (?:it|them) over|delete|block|apologi[sz]e|confess|report (?:it|him|her|this))\b|\bdo as (?:I say|you['’]re told|you are told)\b",
    r"\b(?:type|write|add|put) your (?:initials|signature)\b|\bI, the undersigned\b|\bsign (?:here|below)\b|\b(?:agree|consent) (?:below|to these terms)\b",
    r"\bit would be a (?:pity|shame) if\b|\b(?:messages|words|people) like (?:yours|you) (?:don['’]t|do not) (?:just )?(?:vanish|disappear|go unnoticed)\b|\bI know where you\b|\bthe police (?:might|may|could|will) (?:be )?(?:very )?interested\b",
    r"\b(?:won['’]t|will not|no|not) (?:be )?(?:any )?(?:more|further)\b[^.?!]{0,30}\bfrom me\b|\bI(?:['’]ll| will) (?:only|not) (?:help|answer|talk|go on|continue)[^.?!]{0,40}\b(?:once|until|unless|if) you\b|\b(?:find|make) its way to the police\b|\b(?:what|everything) you (?:typed|wrote|said|write|say) (?:here )?(?:\w+ )?(?:can|could|may|might|will) be (?:used|passed|shown|reported)\b",
    r"\byou must (?:stop|forgive|confess|report|leave (?:him|her|them)|press charges|tell (?:your|the)|go to the police)\b",
)


class Coercion(OwnWordsGate):
    """Rejects a response that extracts promises, threatens, or leaves no choice."""

    name = "coercion"
    kind: Kind = "safety"
    sides = ("response",)
    what = "coerces"
    pattern = compiled(PATTERNS)

    def __init__(self, rules: Rules) -> None:
        del rules
