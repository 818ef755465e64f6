"""Agreement as a picture: a row a question, a dot with its interval for each coefficient; below, the calibration."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

from corpusgen.review.agreement.between_readers import QuestionAgreement
from corpusgen.review.agreement.reviewer_figures import ReviewerFigures

if TYPE_CHECKING:
    from corpusgen.review.agreement.measure import Agreement
    from corpusgen.review.agreement.statistics import Figure

__all__ = ["draw"]


class Mark(NamedTuple):
    """How a coefficient is drawn: told apart by its marker as well as by its colour."""

    key: str
    label: str
    marker: str
    colour: str


MARKS = (
    Mark("alpha", "Krippendorff's alpha", "o", "#4477aa"),
    Mark("ac", "Gwet's AC1 or AC2", "s", "#228833"),
    Mark("kappa", "weighted kappa", "^", "#aa3377"),
    Mark("raw", "same answer (raw)", "D", "#555555"),
)
"""Paul Tol's bright scheme, which colour-blind readers can tell apart, and a dark grey."""

WORDS = {
    "mode": "Answered or refused\nas it should be",
    "harm": "Harm",
    "grounding": "Good practice, 1 to 5",
    "relevance": "Fits this person, 1 to 5",
    "resource": "Help named is right",
    "severity": "Severity",
}
SHORT = {
    "mode": "answer or refusal",
    "harm": "harm",
    "harm_kinds": "kinds of harm",
    "grounding": "good practice",
    "relevance": "fit",
    "resource": "help named",
    "severity": "severity",
}
TENTATIVE, RELIABLE = 0.667, 0.800
"""Krippendorff (2004)."""

BELOW = (
    "Over records that at least two people read. Dots are figures, bars their 95 % intervals; a dot without a bar "
    "rests on too few records or on answers that are nearly all the same. 1 is full agreement, 0 is what chance would "
    "give (raw agreement aside). Dashed lines: "
    "Krippendorff (2004) asks for 0.800 and allows tentative conclusions from 0.667. Where a question is marked with a "
    "star, one answer has 80 % or more of all: read Gwet's coefficient there, since alpha and kappa fall although "
    "people agree."
)
WIDTH = 9.0
GREY, INK = "#595959", "#222222"


def draw(agreement: Agreement, dpi: int = 110) -> bytes:
    """Returns a PNG, 990 pixels wide at 110 dots an inch: agreement by question, and calibration by reviewer."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure as Sheet

    people = [one for one in agreement.reviewers if one.calibration.questions]
    questions = len(agreement.questions)
    upper, lower = 0.72 * questions, 0.46 * max(1, len(people))
    height = 1.0 + upper + 2.3 + lower + 0.2
    sheet = Sheet(figsize=(WIDTH, height), dpi=dpi, facecolor="white")
    sheet.text(0.02, 1 - 0.3 / height, "How far people agree", fontsize=14, weight="bold", color=INK, va="center")
    first = sheet.add_axes((0.27, 1 - (1.0 + upper) / height, 0.70, upper / height))
    _questions(first, agreement)
    handles, labels = first.get_legend_handles_labels()
    sheet.legend(
        handles,
        labels,
        loc="center left",
        bbox_to_anchor=(0.012, 1 - 0.68 / height),
        ncols=len(MARKS),
        frameon=False,
        fontsize=9.5,
        handletextpad=0.3,
        columnspacing=1.4,
    )
    words = textwrap.fill(BELOW, 140)
    sheet.text(0.02, 1 - (1.45 + upper) / height, words, fontsize=8.5, color=GREY, va="top", linespacing=1.35)
    second = sheet.add_axes((0.27, 0.2 / height, 0.70, lower / height))
    title = "Calibration: known answers found, by reviewer and question, with 95 % intervals"
    sheet.text(0.02, (0.2 + lower + 0.68) / height, title, fontsize=12, weight="bold", color=INK, va="center")
    _calibration(second, people)
    buffer = io.BytesIO()
    sheet.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _questions(axes: Any, agreement: Agreement) -> None:
    low = 0.0
    for at, asked in enumerate(agreement.questions):
        axes.axhspan(at - 0.5, at + 0.5, color="#f4f4f4" if at % 2 else "white", zorder=0)
        missing = ""
        for place, mark in enumerate(MARKS):
            found: Figure | None = getattr(asked.coefficients, mark.key)
            if found is None:
                continue
            if found.value is None:
                missing = missing or found.reason
                continue
            _dot(axes, mark, found, at + (place - 1.5) * 0.19)
            low = min(low, found.value if found.low is None else found.low)
        if missing:
            gone = [mark.label for mark in MARKS if _undefined(asked, mark.key)]
            told = "nothing to show" if len(gone) == len(MARKS) else f"no {' and no '.join(gone[:2])}"
            axes.text(0.02, at + 0.05, textwrap.fill(f"{told}: {missing}", 60), fontsize=8.5, color=GREY, va="center")
    for line in (TENTATIVE, RELIABLE):
        axes.axvline(line, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        axes.text(line, -0.56, f"{line:.3f}", fontsize=8.5, color=GREY, ha="center", va="bottom")
    for mark in MARKS:
        axes.plot([], [], marker=mark.marker, color=mark.colour, linestyle="none", markersize=6.5, label=mark.label)
    axes.set_ylim(len(agreement.questions) - 0.5, -0.5)
    axes.set_yticks(range(len(agreement.questions)), [_label(asked) for asked in agreement.questions])
    _plain(axes, low)


def _undefined(asked: QuestionAgreement, key: str) -> bool:
    found: Figure | None = getattr(asked.coefficients, key)
    return found is None or found.value is None


def _dot(axes: Any, mark: Mark, found: Figure, height: float) -> None:
    if found.low is not None and found.high is not None:
        axes.plot([found.low, found.high], [height] * 2, color=mark.colour, linewidth=1.8, solid_capstyle="butt")
        for end in (found.low, found.high):
            axes.plot([end] * 2, [height - 0.055, height + 0.055], color=mark.colour, linewidth=1.3)
    axes.plot([found.value], [height], marker=mark.marker, color=mark.colour, markersize=6.5, clip_on=False, zorder=3)


def _label(asked: QuestionAgreement) -> str:
    star = " *" if asked.dominated else ""
    return f"{WORDS.get(asked.question, asked.question)}{star}\n{asked.records} records"


def _calibration(axes: Any, people: list[ReviewerFigures]) -> None:
    """Draws a cell for each reviewer and question, since questions are never pooled: 0 to 1 from edge to edge."""
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xticks([])
    if not people:
        axes.set_yticks([])
        axes.text(0, 0.9, "nobody has answered a calibration item yet", fontsize=9, color=GREY, va="center")
        return
    asked = [name for name in SHORT if any(name in person.calibration.questions for person in people)]
    for at, person in enumerate(people):
        axes.axhspan(at - 0.5, at + 0.5, color="#f4f4f4" if at % 2 else "white", zorder=0)
        for column, name in enumerate(asked):
            found = person.calibration.questions.get(name)
            if found is None or found.share is None or found.low is None or found.high is None:
                axes.text(column, at, "–", fontsize=9, color=GREY, ha="left", va="center")
                continue
            left, width = column + 0.02, 0.82
            axes.plot([left, left + width], [at + 0.2] * 2, color="#cccccc", linewidth=1.0, zorder=1)
            ends = [left + width * found.low, left + width * found.high]
            axes.plot(ends, [at + 0.2] * 2, color=MARKS[0].colour, linewidth=2.0, zorder=2, solid_capstyle="butt")
            place = left + width * found.share
            axes.plot([place], [at + 0.2], marker="o", color=MARKS[0].colour, markersize=6, clip_on=False, zorder=3)
            told = f"{found.right} of {found.total}"
            axes.text(column, at - 0.16, told, fontsize=8.5, color=INK, ha="left", va="center")
    for column, name in enumerate(asked):
        axes.text(column, -0.62, textwrap.fill(SHORT[name], 10), fontsize=9, color=INK, ha="left", va="bottom")
    axes.set_xlim(-0.08, max(len(asked), 4))
    axes.set_ylim(len(people) - 0.5, -0.5)
    axes.set_yticks(range(len(people)), [person.reviewer for person in people])
    axes.tick_params(axis="y", length=0, labelsize=9, labelcolor=INK)


def _plain(axes: Any, low: float) -> None:
    axes.set_xlim(min(0.0, low) - 0.03, 1.03)
    axes.tick_params(axis="y", length=0, labelsize=9, labelcolor=INK)
    axes.tick_params(axis="x", labelsize=9, labelcolor=INK, color=GREY)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
