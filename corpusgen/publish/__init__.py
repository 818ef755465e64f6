"""Publishing: a finished run becomes a release folder that `datasets.load_dataset` reads and anybody can verify."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusgen.acceptance import Verdict, judge_review
from corpusgen.errors import RunError, StorageError, Unmet, UsageError
from corpusgen.publish.card import render_card
from corpusgen.publish.review import review_facts, reviews_table
from corpusgen.publish.tables import preference_table, resources_table
from corpusgen.recipe import Inputs, load_inputs
from corpusgen.reviews import ReviewFolder
from corpusgen.run import Run, read_table, require_run, storage_error, write_table, write_text
from corpusgen.schema import Split

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Release", "publish"]

SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Release:
    """A release folder.

    Attributes:
        path: The folder.
        files: SHA-256 by file, relative to the folder.
        changed: Whether anything was written.
        reviewed: Whether the review gate was passed.
    """

    path: Path
    files: dict[str, str]
    changed: bool
    reviewed: bool


def publish(run: str | Path, to: str | Path, *, unreviewed: bool = False) -> Release:
    """Writes a run as a release folder: Parquet by configuration and split, a dataset card, and checksums.

    Args:
        run: The run folder.
        to: The release folder; made, or replaced whole if it is a release.
        unreviewed: Publishes although the clinicians' review is not complete; the card says so.

    Returns:
        The release; nothing is written if the folder holds it already.

    Raises:
        RunError: The run is not finished, or its inputs have changed since.
        Unmet: The acceptance plan of the review is not met, and ``unreviewed`` is not given.
        UsageError: The folder holds something else than a release.
        StorageError: The folder cannot be written.
    """
    source = require_run(Path(run))
    state = source.state()
    if state.get("state") != "built":
        raise RunError("is not finished", where=source.root, do=f"corpusgen build {state.get('recipe', 'RECIPE')}")
    inputs = _inputs(state)
    corpus = read_table(source.corpus_path)
    verdict = judge_review(ReviewFolder(source.review), corpus, inputs.recipe.review)
    if not verdict.met and not unreviewed:
        raise _not_reviewed(verdict, source)
    target = Path(to)
    _require_release_or_nothing(target)
    parent = target.resolve().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=parent))
    except OSError as error:
        raise storage_error(error, target) from error
    try:
        _write(scratch, source, corpus, state, inputs, verdict)
        files = checksums(scratch)
        write_text(scratch / SUMS, "".join(f"{digest}  {name}\n" for name, digest in files.items()))
        if _same(scratch, target):
            return Release(target, files, changed=False, reviewed=verdict.met)
        _swap(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Release(target, files, changed=True, reviewed=verdict.met)


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


def _write(
    folder: Path, run: Run, corpus: pa.Table, state: Mapping[str, Any], inputs: Inputs, verdict: Verdict
) -> None:
    import json

    import pyarrow.compute as pc

    for split in Split:
        part: pa.Table = corpus.filter(pc.equal(corpus.column("split"), str(split)))
        if part.num_rows:
            write_table(part, folder / "data" / "default" / f"{split}.parquet")
    write_table(preference_table(corpus, inputs, _spares(run)), folder / "data" / "preference" / "train.parquet")
    write_table(resources_table(inputs.taxonomy.registry), folder / "data" / "resources" / "train.parquet")
    reviews = reviews_table(run)
    if reviews.num_rows:
        write_table(reviews, folder / "data" / "reviews" / "train.parquet")
    metrics = json.loads(run.metrics_path.read_text(encoding="utf-8"))
    facts = {**review_facts(run, verdict, corpus), "answers": reviews.num_rows}
    write_text(folder / "README.md", render_card(corpus, metrics, state, inputs, facts))


def _spares(run: Run) -> dict[str, list[str]]:
    """Returns the candidates that were not chosen, by pair id."""
    import pyarrow.parquet as pq

    found: dict[str, list[str]] = {}
    for part in sorted(run.written.glob("*.parquet")):
        table = pq.read_table(part, columns=["id", "spares"])
        found.update({row["id"]: row["spares"] for row in table.to_pylist() if row["spares"]})
    return found


def checksums(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of every file of a release but SHA256SUMS itself, by relative path, sorted."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != SUMS and not any(part.startswith(".") for part in Path(name).parts):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _require_release_or_nothing(target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise UsageError("is a file", where=target, do="name a folder")
    if any(target.iterdir()) and not (target / SUMS).is_file():
        do = "name an empty folder, or one that holds a release"
        raise UsageError("holds files that are no release, and would be replaced", where=target, do=do)


def _same(fresh: Path, target: Path) -> bool:
    sums = target / SUMS
    return sums.is_file() and sums.read_bytes() == (fresh / SUMS).read_bytes() and checksums(target) == checksums(fresh)


def _swap(fresh: Path, target: Path) -> None:
    """Puts a complete folder in the place of an older one; the older one goes only when the new one stands."""
    old = fresh.with_name(fresh.name + ".old")
    try:
        if target.exists():
            target.rename(old)
        fresh.rename(target)
        target.chmod(0o755)
    except OSError as error:
        if old.exists() and not target.exists():
            old.rename(target)
        raise StorageError(
            f"cannot be replaced: {error.strerror}", where=target, do="close what has it open"
        ) from error
    finally:
        shutil.rmtree(old, ignore_errors=True)
