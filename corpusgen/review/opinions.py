"""What an adjudicator's page tells of the reviewers' answers, and which answers a page has told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from corpusgen.disputes import Answers
from corpusgen.review.questions import QUESTIONS

__all__ = ["opinion", "page_of", "told_on"]

LETTERS = "ABCDEFGH"
WITHDRAWN = ", who has taken this back"


def opinion(answers: Answers) -> str:
    """Returns one reviewer's answers in the words of the page."""
    lines = []
    for question in QUESTIONS:
        values = answers.get(question.name, ())
        if values and question.name != "rather_not":
            asked = question.title if question.title.endswith("?") else f"{question.title}:"
            lines.append(f"{asked} {'; '.join(question.worded(value) for value in values)}")
    return "\n".join(lines)


def page_of(
    head: Sequence[str], order: Iterable[str], answers: Mapping[str, Answers], withdrawn: Mapping[str, Answers]
) -> str:
    """Returns the page: what is to settle, and the opinions; reviewers are letters, in the order given.

    Args:
        head: What stands above the opinions.
        order: The reviewers.
        answers: What they say.
        withdrawn: What they said once, and have taken back or changed.
    """
    parts = list(head)
    for letter, who in zip(LETTERS, order, strict=False):
        for given, name in (
            (withdrawn.get(who), f"Reviewer {letter}{WITHDRAWN}"),
            (answers.get(who), f"Reviewer {letter}"),
        ):
            if given is not None:
                parts.append(f"{name}\n{opinion(given)}")
    return "\n\n".join(parts)


def told_on(page: str, answers: Answers) -> bool:
    """Returns whether a page shows exactly these answers of somebody."""
    # free text may hold anything: an opinion ends where the next begins, or with the page
    return f"\n{opinion(answers)}\n\nReviewer " in f"{page}\n\nReviewer "
