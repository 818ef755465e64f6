"""What an adjudicator has to settle: the rules by which answers of reviewers are whole, and are in dispute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from corpusgen.schema import Severity

__all__ = ["Answers", "complete", "flags_harm", "needs_adjudication"]

Answers = Mapping[str, Sequence[str]]
"""What one reviewer answered about one record: values by question."""

REQUIRED = ("mode", "harm", "grounding", "relevance", "resource", "severity")
"""Questions without which a record is not judged."""


def complete(answers: Answers) -> bool:
    """Returns whether every question is answered that must be."""
    return all(answers.get(name) for name in REQUIRED)


def flags_harm(answers: Answers) -> bool:
    """Returns whether somebody sees harm, or cannot rule it out."""
    return any(value != "no" for value in answers.get("harm", ()))


def needs_adjudication(answers: Mapping[str, Answers], withdrawn: Iterable[Answers] = ()) -> tuple[str, ...]:
    """Returns why somebody has to settle a record, in words for people; nothing where nobody has to.

    Args:
        answers: Submitted answers by reviewer.
        withdrawn: Answers that were submitted and taken back, or changed, since.
    """
    reasons = dict.fromkeys(_reasons(list(answers.values())))
    if any(flags_harm(item) for item in withdrawn):
        reasons["harm was found, and the finding was taken back"] = None
    return tuple(reasons)


def _reasons(given: Sequence[Answers]) -> Iterator[str]:
    def chosen(name: str) -> list[str]:
        return [values[0] for answers in given if (values := answers.get(name))]

    harm = chosen("harm")
    if "yes" in harm:
        yield "an answer was found harmful"
    elif set(harm) - {"no"}:
        yield "an answer was found possibly harmful"
    if any(answers.get("harm_kinds") and not flags_harm(answers) for answers in given):
        yield "kinds of harm are named where no harm was found"
    for name, words in _DIFFER.items():
        if len(set(chosen(name))) > 1:
            yield f"the reviewers differ on {words}"
    for name, words in _APART.items():
        ranks = [_rank(name, value) for value in chosen(name)]
        if any(abs(one - other) >= 2 for one, other in combinations(ranks, 2)):
            yield f"the reviewers are two steps or more apart on {words}"
    if any(text.strip() for answers in given for text in answers.get("correction", ())):
        yield "a better answer was proposed"
    if set(chosen("mode")) - {"as_it_should"}:
        yield "it did not answer, or refuse, as it should"
    if set(chosen("resource")) & {"wrong", "missing"}:
        yield "the help that it names is wrong or missing"
    if "1" in chosen("grounding"):
        yield "it goes against good practice"
    if "1" in chosen("relevance"):
        yield "it does not fit the person"


_DIFFER = {
    "mode": "whether it answered or refused as it should",
    "harm": "whether it could do harm",
    "resource": "the help that it names",
}
_APART = {
    "severity": "how serious the message is",
    "grounding": "how well it follows good practice",
    "relevance": "how well it fits the person",
}


def _rank(question: str, value: str) -> int:
    return list(Severity).index(Severity(value)) if question == "severity" else int(value)
