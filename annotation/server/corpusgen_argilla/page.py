"""The page as reviewers get it: Argilla's own, with a stylesheet of ours."""

from __future__ import annotations

from pathlib import Path

__all__ = ["dress"]

STYLES = "corpusgen.css"


def dress(pages: Path) -> None:
    """Adds our stylesheet to every HTML file of the folder that Argilla copied its page to.

    Raises:
        RuntimeError: The page has no head to put it in: this is another version of Argilla.
    """
    (pages / STYLES).write_bytes((Path(__file__).parent / "page.css").read_bytes())
    link = f'<link rel="stylesheet" href="/{STYLES}"></head>'
    for page in pages.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        if "</head>" not in text:
            raise RuntimeError(f"{page.name} of Argilla's page has no head")
        page.write_text(text.replace("</head>", link, 1), encoding="utf-8")
