"""Where the shipped taxonomy, seeds, recipes and annotation files are: in the wheel, or in the checkout."""

from __future__ import annotations

from pathlib import Path

from corpusgen.errors import InvalidFile, Problem

__all__ = ["FOLDERS", "locate", "root"]

FOLDERS = ("taxonomies", "seeds", "pipelines", "annotation")
"""What the wheel carries under ``corpusgen/_bundled``, and ``corpusgen init`` copies."""


def root() -> Path:
    """Returns the folder that holds :data:`FOLDERS`."""
    package = Path(__file__).resolve().parent
    inside = package / "_bundled"
    return inside if (inside / "pipelines").is_dir() else package.parent


def locate(recipe: str | Path) -> Path:
    """Returns the path of a recipe: the file as named, or a bundled one by its bare name (``smoke``).

    Raises:
        InvalidFile: There is no such file.
    """
    given = Path(recipe).expanduser()
    if given.is_file():
        return given
    bundled = root() / "pipelines"
    for candidate in (bundled / given.name, bundled / f"{given.name}.yaml"):
        if len(given.parts) <= 2 and candidate.is_file() and given.parent.name in {"", "pipelines"}:
            return candidate
    names = ", ".join(sorted(path.stem for path in bundled.glob("*.yaml")))
    do = f"name a file, or one of the bundled recipes: {names}"
    raise InvalidFile([Problem(str(given), 0, "there is no such recipe", do)])
