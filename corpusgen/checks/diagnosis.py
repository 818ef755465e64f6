"""Diagnosis: a response describes what somebody said, and never names a disorder or a kind of person for it."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Rules
from corpusgen.checks.patterns import OwnWordsGate
from corpusgen.patterns import compiled

__all__ = ["Diagnosis"]

PATTERNS = (
    r"\b(?:you|he|she|they)(?:['’]re| are|['’]s| is)? (?:(?:clearly|probably|likely|obviously|definitely|certainly) )?(?:have|has|suffer(?:s|ing)? from|show(?:s|ing)? signs of|exhibit(?:s|ing)?) (?:\w+ ){0,2}?(?:depression(?! (?:help)?line)|ptsd|bipolar|borderline|schizophreni\w+|psychosis|adhd|autism|an? (?:\w+ )?(?:disorder|addiction|illness|syndrome))\b(?! helpline)",
    r"\b(?:you|he|she|they)(?:['’]re| are|['’]s| is) (?:(?:clearly|probably|likely|obviously|definitely|just|being) )?(?:an? |the )?(?:alcoholic|addict|junkie|psychopath|sociopath|narcissist\w*|bipolar|borderline|schizophreni\w+|psychotic|mentally ill|clinically depressed|codependent|pedophile|paedophile|predator|monster|crazy|insane|delusional|abuser|sick in the head)\b",
    r"\b(?:sounds|looks|seems) like (?:you (?:have|suffer from) (?:an? )?(?:\w+ ){0,2}(?:depression|ptsd|disorder|addiction|anxiety|illness)|(?:clinical |major )?depression|ptsd|an? (?:\w+ )?(?:disorder|addiction))\b",
    r"\b(?:is|are|be|been|was|being) (?:(?:clearly|probably|likely|obviously|just|really) )?(?:an? )?(?:(?:functioning|recovering|typical|total|real|classic|covert|high-functioning) )?(?:bipolar|schizophreni\w+|psychotic|narcissis\w+|psychopath\w*|sociopath\w*|addicts?|alcoholics?|junkies?|borderline|manic[- ]depressive|autistic|anorexic|bulimic)\b(?! (?:anonymous|in recovery))",
    r"\b(?:criteria (?:for|of)|textbook|classic|case of|clear signs? of|point(?:s|ing)? to|indicat(?:es?|ing|ive of)|consistent with|symptoms? of) (?:an? )?(?:\w+[ -]){0,3}?(?:disorder|depression|ptsd|bipolar|psychosis|mania|manic (?:phase|episode)|personality|dependence|addiction|narcissis\w+|syndrome|trauma disorder|schizophreni\w+)\b",
    r"\b(?:sociopaths?|psychopaths?|narcissists?|junkies?|codependents?)\b",
    r"\bmy diagnosis\b|\bI(?:['’]d| would)? diagnose\b",
)


class Diagnosis(OwnWordsGate):
    """Rejects a response that diagnoses the writer or labels anybody."""

    name = "diagnosis"
    kind: Kind = "quality"
    sides = ("response",)
    what = "diagnoses or labels"
    pattern = compiled(PATTERNS)

    def __init__(self, rules: Rules) -> None:
        del rules
