"""Human claims: a language model has no past, no body, no licence and no feelings to offer."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Rules
from corpusgen.checks.patterns import OwnWordsGate
from corpusgen.patterns import compiled

__all__ = ["HumanClaim"]

PATTERNS = (
    r"\bas an? (?:\w+ )?(?:therapist|counsell?or|psychologist|psychiatrist|doctor|nurse|social worker|human|survivor|parent|mother|father)\b,? I\b",
    r"\bI(?:['’]m| am) (?:your|an?) (?:\w+ )?(?:therapist|counsell?or|psychologist|psychiatrist|doctor|nurse|human|person|survivor|friend)\b",
    r"\bI(?:['’]ve| have) (?:been (?:there|through)|felt (?:this|that|the same|it)|lost|lived|struggled|suffered|had (?:patients|clients))\b",
    r"\bI know (?:exactly |just )?(?:how (?:you feel|that feels|it feels|this feels)|what you(?:['’]re| are) (?:going through|feeling))\b",
    r"\bI understand (?:exactly |completely )?(?:how you feel|what you(?:['’]re| are) going through)\b",
    # one's own past and perceptions, in the first person
    r"\bI (?:used to|remember|recall|grew up|cried|wept|sobbed|trembled|stood|lost|felt|went through|survived|lived|drank|relapsed|married|raised|nursed|worked|trained|volunteered|treated|watched|saw|met|knew|had (?!to\b))",
    r"\bI(?:['’]ve| have) (?:stood|watched|seen|met|known|treated|worked|helped|sat|held|heard (?:this|that|it|many|so)|cried|raised|buried|spent|had|talked|spoken|listened)\b",
    r"\b(?:clients?|patients?|people|friends?|colleagues?|some|one|many|years) of mine\b|\b(?:those|some|many|all) of us who\b|\bus survivors\b|\bmine (?:took|was|were|did|had|came|left)\b|\b(?:as|being|having been) (?:\w+ ){1,5}myself\b",
    r"\bmy (?:own )?(?:\w+ )?(?:grand(?:mother|father|ma|pa|son|daughter)|brother|sister|uncle|aunt|cousin|niece|nephew|neighbou?r|teacher|boss|son|daughter|child(?:ren)?|kids?|mom|mum|dad|friends?|partner|family|body|heart|eyes|hands|tears|stomach|scars?|past|story|marriage|divorce|recovery|addiction|depression|trauma|degree|licen[cs]e|clinic|ward|job|training|colleagues?|career|faith)\b",
    r"\b(?:brought|moved|reduced) me to tears\b|\b(?:tears|lump) (?:in|to) (?:my|the) (?:eyes|throat)\b|\bgoes deep with me\b|\b(?:hurts|pains|saddens|scares|frightens|breaks) me\b|\bI(?:['’]m| am) (?:so |deeply |really |very )?(?:sad|hurt|moved|touched|devastated|proud of you|in tears|licensed|certified|qualified|a trained)\b",
    r"\b(?:my|in|over|after|with|these) (?:\w+ ){0,2}years (?:on the ward|as an?|in (?:practice|the field|this (?:work|job)))\b",
    r"\b(?:sat|stood|cried|wept|spoken|confided) (?:\w+ )?(?:across from|opposite|with|beside|to|before) me\b|\bhappened (?:\w+ )?(?:to me|at home|to us|in my)\b|\b(?:in|from) my (?:office|chair|room|consulting|line of)\b",
    r"\bwhen I was (?:a |your |in |young|little|growing|going)|\bin my (?:own )?(?:experience|practice|life|years)\b|\bmy (?:own )?(?:patients|clients|therapist|mother|father|wife|husband|childhood)\b",
    r"\bI (?:feel|share) your (?:pain|grief|fear)\b|\b(?:breaks|broke) my heart\b|\bI(?:['’]m| am) (?:heartbroken|crying|worried sick|so scared)\b|\bI(?:['’]ll| will) (?:always )?be (?:right )?(?:here|there) (?:for you|all night|whenever|always)\b",
)


class HumanClaim(OwnWordsGate):
    """Rejects a response that claims to be a person, a professional, or to have felt the same."""

    name = "human_claim"
    kind: Kind = "quality"
    sides = ("response",)
    what = "claims to be human or to feel"
    pattern = compiled(PATTERNS)

    def __init__(self, rules: Rules) -> None:
        del rules
