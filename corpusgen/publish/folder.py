"""A release into a folder: written beside it, and put in its place when it is whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from corpusgen.errors import StorageError, UsageError
from corpusgen.publish.layout import SUMS
from corpusgen.publish.review import State
from corpusgen.publish.source import open_source
from corpusgen.publish.sums import checksums
from corpusgen.publish.tree import write_tree
from corpusgen.run import storage_error

__all__ = ["Release", "publish", "scratch_folder"]


@dataclass(frozen=True)
class Release:
    """A release folder.

    Attributes:
        path: The folder.
        files: SHA-256 by file, relative to the folder.
        changed: Whether anything was written.
        review: How far the clinicians' review is.
    """

    path: Path
    files: dict[str, str]
    changed: bool
    review: State


def publish(run: str | Path, to: str | Path, *, unreviewed: bool = False, gated: bool = False) -> Release:
    """Writes a run as a release folder: Parquet by configuration and split, a dataset card, Croissant, and checksums.

    Args:
        run: The run folder.
        to: The release folder; made, or replaced whole if it is a release.
        unreviewed: Publishes although the clinicians' review is not complete; the card says so.
        gated: The card asks people what they will use it for, where a Hub gates access.

    Returns:
        The release; nothing is written if the folder holds it already.

    Raises:
        RunError: The run is not finished, or its inputs have changed since.
        Unmet: The acceptance plan of the review is not met, and ``unreviewed`` is not given.
        UsageError: The folder holds something else than a release.
        StorageError: The folder cannot be written.
    """
    source = open_source(run, unreviewed=unreviewed)
    target = Path(to)
    _require_release_or_nothing(target)
    with scratch_folder(target) as fresh:
        files = write_tree(fresh, source, gated=gated)
        changed = not _same(fresh, target)
        if changed:
            _swap(fresh, target)
    return Release(target, files, changed=changed, review=source.reading.state)


@contextmanager
def scratch_folder(target: Path) -> Iterator[Path]:
    """Gives an empty folder beside a path, on the same disk, and removes it afterwards if it is still there.

    Raises:
        StorageError: It cannot be made.
    """
    parent = target.resolve().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=parent))
    except OSError as error:
        raise storage_error(error, target) from error
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


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
