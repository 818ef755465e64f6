"""SHA256SUMS: a line a file, as ``sha256sum -c`` reads it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from corpusgen.errors import ReleaseError
from corpusgen.publish.layout import SUMS, ReleaseFolder
from corpusgen.run import write_text

__all__ = ["checksum", "checksums", "read_sums", "write_sums"]


def checksum(path: Path) -> str:
    """Returns the SHA-256 of a file, as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of every file of a release but SHA256SUMS itself, by relative path, sorted."""
    return {name: checksum(folder / name) for name in ReleaseFolder(folder).files() if name != SUMS}


def write_sums(folder: Path) -> dict[str, str]:
    """Writes SHA256SUMS, and returns what :func:`checksums` does.

    Raises:
        StorageError: It cannot be written.
    """
    files = checksums(folder)
    write_text(folder / SUMS, "".join(f"{digest}  {name}\n" for name, digest in files.items()))
    return files


def read_sums(folder: Path) -> dict[str, str]:
    """Returns what SHA256SUMS says, by relative path.

    Raises:
        ReleaseError: It is missing, or has a line of another form.
    """
    path = folder / SUMS
    found = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReleaseError(f"cannot be read: {error}", where=path, do="download the release again") from error
    for number, line in enumerate(lines, 1):
        digest, gap, name = line.partition("  ")
        if not gap or len(digest) != 64 or not name:
            raise ReleaseError("is no line of sums", where=f"{path}:{number}", do="download the release again")
        found[name] = digest
    return found
