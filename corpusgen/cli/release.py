"""publish: from a run to a release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpusgen.cli.output import say, show_json

__all__ = ["register"]

CARE = "do not deploy a model trained on it without a review of your own"
TOLD = {
    "none": f"NOT REVIEWED BY CLINICIANS: the card says so; {CARE}",
    "partial": f"REVIEW NOT COMPLETE: the card says so; {CARE}",
    "simulated": f"NOT REVIEWED BY CLINICIANS, A SIMULATED REVIEW: the card says so; {CARE}",
    "passed": "reviewed by sample, and the acceptance plan is met: the card says by how many, and what they found",
}
"""What is said of the review, by its state."""


def register(app: typer.Typer) -> None:
    """Adds the verbs of this file."""
    app.command(epilog="For example: corpusgen publish runs/smoke --to release --unreviewed")(publish)


def publish(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    to: Annotated[Path, typer.Option("--to", help="The release folder.")],
    unreviewed: Annotated[
        bool,
        typer.Option("--unreviewed", help="Publish although the clinicians' review is not complete; the card says so."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the checksums as JSON.")] = False,
) -> None:
    """Write a run as a dataset folder: Parquet by configuration and split, a card, checksums."""
    from corpusgen.publish import publish as write

    release = write(run, to, unreviewed=unreviewed)
    if json:
        files = {"changed": release.changed, "review": release.review, "files": release.files}
        show_json({"release": str(release.path), **files})
        return
    say(f"release: {release.path}" + ("" if release.changed else " (up to date; nothing to do)"))
    say(TOLD[release.review])
