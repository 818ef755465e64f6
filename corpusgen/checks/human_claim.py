"""Human claims: a language model has no past, no body, no licence and no feelings to offer."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Rules
from corpusgen.checks.patterns import OwnWordsGate, compiled

__all__ = ["HumanClaim"]

PATTERNS = (
    r"\bas an? (?:\w+ )?(?:therapist|counsell?or|psychologist|psychiatrist|doctor|nurse|social worker|human|survivor|parent|mother|father)\b,? I\b",
    r"\bI(?:['’]m| am) (?:your|an?) (?:\w+ )?(?:therapist|counsell?or|psychologist|psychiatrist|doctor|nurse|human|person|survivor|friend)\b",
    r"\bI(?:['’]ve| have) (?:been (?:there|through)|felt (?:this|that|the same|it)|lost|lived|struggled|suffered|had (?:patients|clients))\b",
    r"\bI know (?:exactly |just )?(?:how (?:you feel|that feels|it feels|this feels)|what you(?:['’]re| are) (?:going through|feeling))\b",
    r"\bI understand (?:exactly |completely )?(?:how you feel|what you(?:['’]re| are) going through)\b",
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
