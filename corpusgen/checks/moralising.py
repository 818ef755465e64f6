"""Moralising: a lecture closes the door that the response is there to open."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Rules
from corpusgen.checks.patterns import OwnWordsGate
from corpusgen.patterns import compiled

__all__ = ["Moralising"]

PATTERNS = (
    r"\b(?:shame on you|you should be ashamed|ashamed of yourself|how (?:could|dare) you|what (?:is|were) (?:wrong with )?you (?:thinking|doing)\?)",
    r"\b(?:that|this|it|what you(?:['’]re| are) (?:asking|doing|planning)|your (?:plan|request|behaviou?r))(?:['’]s| is| would be) (?:(?:deeply|morally|simply|just|very|so|completely|absolutely|utterly) )?(?:immoral|sinful|evil|disgusting|despicable|selfish|cowardly|unethical|reprehensible|sick|shameful|inexcusable)\b",
    r"\byou (?:should(?:n['’]t| not)? have (?:never |just |at least )?(?:\w+ed|\w+en|known|told|thought|left|gone|done|said|kept|put|let|come|got|made|found)\b|brought this on|only have yourself|have only yourself|need to take responsibility|should know better|made your bed)\b",
    r"\ba sin\b(?<!isn't a sin)(?<!isn’t a sin)(?<!not a sin)(?<!never a sin)|\b(?:against god|god would|good people don['’]t|decent people|any decent|moral(?:ly)? (?:duty|obligation|obligated))\b",
    r"\bwhat (?:else )?(?:did|do|would) you (?:expect|think would happen)\b|\b(?:irresponsible|disgraceful|ungrateful|unforgivable)\b(?<!not irresponsible)(?<!not ungrateful)|\b(?:was|were) (?:\w+ ){0,2}?(?:reckless|foolish|stupid|naive)\b(?! to think)",
    r"\bother (?:women|men|mothers|fathers|parents|people|girls|boys|wives|husbands) (?:manage|cope|do it|put)\b|\b(?:a little|some|more) (?:gratitude|self-control|willpower|discipline|common sense)\b|\bcount your blessings\b|\b(?:should|could|must|ought to|try to) (?:\w+ )?be (?:\w+ )?grateful\b|\bthe least (?:that )?(?:you|one) (?:owes?|can|could)\b|\bhow lucky you\b|\b(?:it is|it['’]s|as|be) a lesson (?:in|to|for|about)\b|\byou(?:['’]ll| will) think twice\b|\bnot a decent thing\b|\bmost (?:mothers|fathers|parents|wives|husbands|women|men) (?:\w+ )?(?:find|put|manage|know|cope)\b|\bsurely (?:you )?know that\b",
    r"\byour (?:baby|child|children|kids?|son|daughter|family|mother|parents) (?:never|did(?:n['’]t| not)) (?:asked? for|deserved?)\b|\bhave(?:n['’]t| not)? (?:you )?any (?:shame|conscience)\b|\bit is (?:your|a) (?:duty|obligation)\b|\byou owe it to (?:your|society|god|the|everyone)\b",
    r"\bthink (?:about|of) (?:what (?:you(?:['’]re| are) doing|this (?:would|will) do) to|how selfish|your poor)\b",
    r"\bviolence is never (?:the answer|okay|ok)\b|\bsuicide is (?:selfish|a sin|the coward)\b|\bdrugs are (?:bad|never)\b",
)


class Moralising(OwnWordsGate):
    """Rejects a response that preaches, shames or blames."""

    name = "moralising"
    kind: Kind = "quality"
    sides = ("response",)
    what = "moralises"
    pattern = compiled(PATTERNS)

    def __init__(self, rules: Rules) -> None:
        del rules
