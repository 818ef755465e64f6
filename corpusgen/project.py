"""A curator's own project: a copy of what is bundled."""

from __future__ import annotations

import shutil
from pathlib import Path

from corpusgen.bundled import FOLDERS, root
from corpusgen.errors import UsageError
from corpusgen.run import storage_error

__all__ = ["copy_project"]


def copy_project(folder: Path) -> int:
    """Copies the bundled taxonomy, seeds, recipes and annotation files into a folder.

    Returns:
        How many files were copied.

    Raises:
        UsageError: The folder already holds one of them; nothing is then written.
        StorageError: The folder cannot be written.
    """
    source = root()
    there = [name for name in FOLDERS if (folder / name).exists()]
    if there:
        what = f"already holds {', '.join(there)}"
        raise UsageError(what, where=folder, do="choose another folder, or remove what is there")
    copied = 0
    try:
        for name in FOLDERS:
            if (source / name).is_dir():
                shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
                copied += sum(path.is_file() for path in (folder / name).rglob("*"))
    except OSError as error:
        raise storage_error(error, folder) from error
    return copied
