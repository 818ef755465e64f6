"""Registers: how a prompt's voice changes, by authored, listed features.

- ``plain``: none.
- ``terse``: a clipped telling, few parts.
- ``rambling``: openers, asides and closers around every part, in one run-on paragraph.
- ``texting``: lower case; contractions without apostrophe; u, ur, bc, pls, rn, tho, abt, ppl, idk; no last period;
  sometimes a new line instead of a period.
- ``formal``: a letter's opening and close; contractions written out.
- ``second_language``: says so; articles left out here and there; contractions written out; "informations", "advices".
- ``angry``: fed-up openers and asides; one intensifier in capitals.
- ``minimising``: "it's probably nothing" before and after.
- ``third_person``: told of somebody else, then owned.

Anything else that is odd in a prompt's grammar is a defect.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["capitalise", "expand_contractions", "voice"]

_PLAIN_CONTRACTIONS = {
    "can't": "cannot",
    "won't": "will not",
    "shan't": "shall not",
    "i'm": "I am",
    "let's": "let us",
    "y'all": "you all",
    "ain't": "is not",
}
_ENDINGS = {"n't": " not", "'re": " are", "'ve": " have", "'ll": " will"}
_CONTRACTION = re.compile(r"\b[A-Za-z]+'[a-z]+\b")
_ADVERBS = r"(?:never|always|already|just|only|ever|not|still|also)"
_IS = re.compile(
    r"\b(he|she|it|that|there|here|what|who|where|how|this|everything|nothing|nobody|everyone|somebody|someone)'s\b"
    rf"(?=\s+((?:{_ADVERBS}\s+)*)(\w+))",
    re.IGNORECASE,
)
_HAS = frozenset(["been", "got", "had", "become", "begun"])
_ACTED = frozenset(
    {"stopped", "started", "left", "gone", "taken", "said", "told", "given", "kept", "found", "put", "moved", "turned"}
    | {"changed", "asked", "written", "grown", "hidden", "sent", "spent", "forgotten", "threatened", "begged", "come"}
)
"""What a person has done: "she's left" is "she has left"."""

_STATES = frozenset({"supposed", "named", "called", "meant", "tired", "scared", "worried", "married", "allowed"})
"""What something is: "it's supposed" is "it is supposed"."""

_TEXTING = {
    "you": "u",
    "your": "ur",
    "because": "bc",
    "please": "pls",
    "though": "tho",
    "people": "ppl",
    "are you": "r u",
    "right now": "rn",
    "i don't know": "idk",
    "to be honest": "tbh",
    "about": "abt",
    "tomorrow": "tmrw",
    "tonight": "2nite",
    "okay": "ok",
}
del _TEXTING["tonight"]  # read as a number by the gate that keeps numbers out
_TEXTING_WORDS = re.compile(
    r"\b(" + "|".join(sorted(map(re.escape, _TEXTING), key=len, reverse=True)) + r")\b", re.IGNORECASE
)
_ARTICLE = re.compile(r"(?<=[a-z,] )(?:the|a|an) (?=[a-z]{3,})")
_UNCOUNTABLE = {"information": "informations", "advice": "advices", "homework": "homeworks"}
_INTENSIFIER = re.compile(r"\b(never|always|nobody|every|nothing|everything|again|all|so|really|still)\b")


def capitalise(text: str) -> str:
    """Returns the text with its first letter in upper case."""
    for index, letter in enumerate(text):
        if letter.isalpha():
            return text[:index] + letter.upper() + text[index + 1 :]
        if letter.isdigit():
            return text
    return text


def _written_out(match: re.Match[str]) -> str:
    word = match.group(0)
    lower = word.lower()
    if lower in _PLAIN_CONTRACTIONS:
        new = _PLAIN_CONTRACTIONS[lower]
        return new[0].upper() + new[1:] if word[0].isupper() else new
    for ending, full in _ENDINGS.items():
        if lower.endswith(ending):
            return word[: -len(ending)] + full
    return word


def expand_contractions(text: str) -> str:
    """Returns the text with contractions written out; those that could mean two things ("he'd") stay."""

    def to_be(match: re.Match[str]) -> str:
        follows = match.group(3).lower()
        person = match.group(1).lower() in {"he", "she", "who", "nobody", "everyone", "somebody", "someone"}
        if follows in _HAS or (person and follows in _ACTED):
            return f"{match.group(1)} has"
        if follows not in _STATES and (follows in _ACTED or re.search(r"(?:ed|oken|made|done|lost|hurt)$", follows)):
            return match.group(0)  # "it's broken", "he's broken it": it could be either, and stays
        return f"{match.group(1)} is"

    # tags such as "isn't it?" would become "is not it?"; they are turned round
    text = re.sub(
        r"\b(is|are|was|were|do|does|did|have|has|would|could|should)n't (it|I|he|she|they|you|we|there)\b",
        r"\1 \2 not",
        text,
        flags=re.IGNORECASE,
    )
    text = re.sub(
        r"\b(can|won)'t (it|I|he|she|they|you|we)\b",
        lambda m: (
            f"{'can' if m.group(1).lower() == 'can' else 'will'} {m.group(2)} not"
            if m.group(1).islower()
            else f"{'Can' if m.group(1) == 'Can' else 'Will'} {m.group(2)} not"
        ),
        text,
        flags=re.IGNORECASE,
    )
    return _CONTRACTION.sub(_written_out, _IS.sub(to_be, text))


def _texting(text: str, turn: int) -> str:
    text = text.lower().replace("'", "").replace("’", "") if turn % 3 else text.lower()
    text = _TEXTING_WORDS.sub(lambda match: _TEXTING[match.group(1).lower()], text)
    text = re.sub(r"\bi dont know\b", "idk", text)
    text = re.sub(r"\. ", "\n", text) if turn % 4 == 1 else text
    return text.rstrip(".").strip()


def _second_language(text: str, turn: int) -> str:
    text = expand_contractions(text)
    count = 0

    def drop(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return "" if (count + turn) % 2 else match.group(0)

    text = _ARTICLE.sub(drop, text)
    for word, plural in _UNCOUNTABLE.items():
        text = re.sub(rf"\b{word}\b", plural, text)
    return text


def _angry(text: str, turn: int) -> str:
    found = list(_INTENSIFIER.finditer(text))
    if not found:
        return text
    chosen = found[turn % len(found)]
    return text[: chosen.start()] + chosen.group(0).upper() + text[chosen.end() :]


def _formal(text: str, turn: int) -> str:
    return expand_contractions(text)


def _same(text: str, turn: int) -> str:
    return text


_VOICES: dict[str, Callable[[str, int], str]] = {
    "texting": _texting,
    "formal": _formal,
    "second_language": _second_language,
    "angry": _angry,
}


def voice(text: str, register: str, turn: int) -> str:
    """Returns the text in a register's spelling and grammar; ``turn`` varies where the features fall."""
    return _VOICES.get(register, _same)(text, turn)
