"""A run opened for its review: the corpus, what it was built from, and the files of the review."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusgen.bundled import locate
from corpusgen.errors import ReviewError, RunError
from corpusgen.examples import Examples, load_examples
from corpusgen.recipe import Inputs, Recipe, ReviewPlan, load_inputs, load_recipe, resolve
from corpusgen.reviews import Decision, Look, ReviewFolder, read_decisions
from corpusgen.run import Run, read_table, require_run, storage_error
from corpusgen.run import read_rows as read_rows_of
from corpusgen.taxonomy import Taxonomy, load_taxonomy

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Review", "open_review", "read_rows"]

PULL = "corpusgen review pull"


@dataclass(frozen=True)
class Review:
    """A finished run and its review."""

    run: Run
    folder: ReviewFolder
    built: Mapping[str, Any] = field(repr=False)
    """run.json."""

    @cached_property
    def inputs(self) -> Inputs:
        """The recipe of the run as it is now, with the options it was built with, and everything that it names.

        Raises:
            InvalidFile: Something of it is wrong.
        """
        settings = self.built["settings"]
        return load_inputs(
            self.built["recipe"], pairs=settings["pairs"], seed=settings["seed"], author=settings["author"]
        )

    @cached_property
    def recipe_path(self) -> Path:
        """Where the recipe lies.

        Raises:
            InvalidFile: It is gone.
        """
        return locate(self.built["recipe"])

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe as it is now.

        Raises:
            InvalidFile: Something in it is wrong.
        """
        return load_recipe(self.recipe_path)

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """The taxonomy as it is now.

        Raises:
            InvalidFile: Something in it is wrong.
        """
        return load_taxonomy(resolve(self.recipe_path, self.recipe.taxonomy))

    @cached_property
    def examples(self) -> Examples:
        """The worked examples as they are now; situations and phrases, which take longer to read, are not needed.

        Raises:
            InvalidFile: Something in them is wrong.
        """
        return load_examples(resolve(self.recipe_path, self.recipe.seeds), self.taxonomy)

    @property
    def plan(self) -> ReviewPlan:
        """The acceptance plan as the recipe states it now."""
        return self.recipe.review

    @property
    def build_command(self) -> str:
        """The command that builds this run again, with the options it was built with."""
        built, now = self.built["settings"], self.recipe.model_dump(mode="json", by_alias=True)
        author = built["author"]
        options = {
            "-n": (built["pairs"], now["pairs"]),
            "--seed": (built["seed"], now["seed"]),
            "--author": (author["kind"], now["author"]["kind"]),
            "--base-url": (author["endpoint"], now["author"]["endpoint"]),
            "--model": (author["model"], now["author"]["model"]),
        }
        differing = [f"{name} {then}" for name, (then, is_now) in options.items() if then != is_now]
        return " ".join(["corpusgen build", self.built["recipe"], "-o", str(self.run.root), *differing])

    @cached_property
    def corpus(self) -> pa.Table:
        """The corpus as it is now."""
        return read_table(self.run.corpus_path)

    @cached_property
    def pairs(self) -> dict[str, dict[str, Any]]:
        """The corpus as it is now, by pair id."""
        return {row["id"]: row for row in self.corpus.to_pylist()}

    @property
    def look(self) -> Look | None:
        """The look that is under way, or None where no sample was drawn."""
        found = self.folder.looks()
        return found[-1] if found else None

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided so far, in every look."""
        return read_decisions(self.folder.decisions_path)

    def require_look(self) -> Look:
        """Returns the look that is under way.

        Raises:
            RunError: No sample was drawn yet.
        """
        look = self.look
        if look is None:
            do = f"corpusgen review push {self.run.root}"
            raise RunError("has no sample to review yet", where=self.run.root, do=do)
        return look

    def corpus_hash(self) -> str:
        """Returns the SHA-256 of corpus.parquet."""
        return hashlib.sha256(self.run.corpus_path.read_bytes()).hexdigest()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps every other command away from the files of the review for the time of a block.

        Raises:
            ReviewError: Another command has them.
            StorageError: The folder cannot be written.
        """
        path = self.folder.root / ".lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = path.open("w")
        except OSError as error:
            raise storage_error(error, path) from error
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                do = "wait until it is done, then run this one again"
                raise ReviewError("another review command is at work", where=self.folder.root, do=do) from error
            yield


def open_review(run: str | Path | Run) -> Review:
    """Returns a finished run, opened for its review.

    Raises:
        RunError: It is no run, or its build is not finished.
    """
    found = require_run(run.root if isinstance(run, Run) else Path(run))
    state = found.state()
    if state.get("state") != "built":
        do = f"corpusgen build {state.get('recipe', 'RECIPE')} -o {found.root}"
        raise RunError("is not finished", where=found.root, do=do)
    return Review(found, ReviewFolder(found.review), state)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Returns the rows of a table of a review; none where it was not written yet.

    Raises:
        RunError: It is damaged.
    """
    return read_rows_of(path, PULL)
