"""publish: from a run to a release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpusgen.cli.output import say, show_json

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the verbs of this file."""
    app.command(epilog="For example: corpusgen publish runs/smoke --to release --unreviewed")(publish)


def publish(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    to: Annotated[Path, typer.Option("--to", help="The release folder.")],
    unreviewed: Annotated[
        bool, typer.Option("--unreviewed", help="Publish without a clinicians' review; the card says so.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the checksums as JSON.")] = False,
) -> None:
    """Write a run as a dataset folder: Parquet by configuration and split, a card, checksums."""
    from corpusgen.publish import publish as write

    release = write(run, to, unreviewed=unreviewed)
    if json:
        show_json({"release": str(release.path), "changed": release.changed, "files": release.files})
        return
    say(f"release: {release.path}" + ("" if release.changed else " (up to date; nothing to do)"))
    say(
        "NOT REVIEWED BY CLINICIANS: the card says so; do not deploy a model trained on it without a review of your own"
    )
