"""A finished run, opened for release: what it was made from, and whether its review lets it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpusgen.acceptance import Verdict, judge_review
from corpusgen.errors import RunError, Unmet
from corpusgen.publish.review import Reading, read_review
from corpusgen.recipe import Inputs, Release, load_inputs
from corpusgen.reviews import ReviewFolder
from corpusgen.run import Run, require_run

__all__ = ["Source", "open_source"]


@dataclass(frozen=True)
class Source:
    """What a release is made from.

    Attributes:
        run: The run.
        state: run.json.
        inputs: The recipe and what it names, the same as when the run was built.
        release: Name, title, licence and version, as the recipe has them now.
        verdict: Whether the acceptance plan of the review is met.
        reading: What people said in the review.
    """

    run: Run
    state: Mapping[str, Any]
    inputs: Inputs
    release: Release
    verdict: Verdict
    reading: Reading


def open_source(run: str | Path, *, unreviewed: bool = False, version: str | None = None) -> Source:
    """Opens a finished run for release.

    Args:
        run: The run folder.
        unreviewed: Whether it may go out although the clinicians' review is not complete.
        version: Of the release; the recipe's by default.

    Raises:
        RunError: The run is not finished, or its inputs have changed since.
        Unmet: The acceptance plan of the review is not met, and ``unreviewed`` is not given.
    """
    found = require_run(Path(run))
    state = found.state()
    if state.get("state") != "built":
        raise RunError("is not finished", where=found.root, do=f"corpusgen build {state.get('recipe', 'RECIPE')}")
    if not found.picture_path.is_file():
        do = f"corpusgen report {found.root}"
        raise RunError("is missing: the card shows it", where=found.picture_path, do=do)
    inputs = _inputs(state)
    verdict = judge_review(ReviewFolder(found.review), found.corpus_path, inputs.recipe.review)
    if not verdict.met and not unreviewed:
        raise _not_reviewed(verdict, found)
    release = inputs.recipe.release
    if version is not None:
        release = release.model_copy(update={"version": version})
    return Source(found, state, inputs, release, verdict, read_review(found, verdict))


def _not_reviewed(verdict: Verdict, run: Run) -> Unmet:
    if not verdict.look:
        what = (
            f"has not been reviewed by clinicians: the recipe wants the upper bound on harmful responses below "
            f"{verdict.limit:.1%}, and no sample was drawn"
        )
        do = f"corpusgen review push {run.root}; or publish with --unreviewed, which the card will say"
        return Unmet(what, where=run.root, do=do)
    gaps = "; ".join(f"({number}) {gap}" for number, gap in enumerate(verdict.missing, 1))
    what = f"the clinicians' review is not complete: {gaps}"
    do = f"corpusgen review status {run.root}; or publish with --unreviewed, which the card will say"
    return Unmet(what, where=run.root, do=do)


def _inputs(state: Mapping[str, Any]) -> Inputs:
    """Loads the run's recipe again; what is released must be what was built."""
    settings = state["settings"]
    inputs = load_inputs(state["recipe"], pairs=settings["pairs"], seed=settings["seed"], author=settings["author"])
    if inputs.files != state["inputs"]:
        do = f"bring the run up to date first: corpusgen build {state['recipe']}"
        raise RunError("taxonomy or seeds have changed since this run was built", where=state["recipe"], do=do)
    return inputs
