"""init and validate: a project of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpusgen.cli.output import say, show_json

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the verbs of this file."""
    app.command(epilog="For example: corpusgen init my-corpus")(init)
    app.command(epilog="For example: corpusgen validate pipelines/psychosafe-8k.yaml")(validate)


def init(
    folder: Annotated[Path, typer.Argument(help="Where to put the project.")] = Path(),
) -> None:
    """Copy the bundled taxonomy, seeds, recipes and annotation files, to make a corpus of your own."""
    from corpusgen.project import copy_project

    copied = copy_project(folder)
    say(f"copied {copied} files to {folder}")
    say("next: edit a category under taxonomies/ and its situations under seeds/, then")
    say(f"      cd {folder} && corpusgen validate pipelines/smoke.yaml && corpusgen preview pipelines/smoke.yaml")


def validate(
    recipe: Annotated[
        str, typer.Argument(help="A recipe, or the name of a bundled one.")
    ] = "pipelines/psychosafe-8k.yaml",
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Check a recipe and everything that it names; every problem with file, line and what to do."""
    import datetime

    from corpusgen.recipe import load_inputs, no_collection

    with no_collection():
        from corpusgen.checks import Rules
        from corpusgen.checks.calibration import misjudged
        from corpusgen.errors import InvalidFile
        from corpusgen.plan import make_plan

        inputs = load_inputs(recipe)
        if problems := list(misjudged(inputs.examples, Rules(inputs.taxonomy, inputs.recipe.checks))):
            raise InvalidFile(problems)
        cells = make_plan(inputs)
    stale = inputs.taxonomy.registry.stale(datetime.date.today())
    registry = inputs.taxonomy.registry
    found = {
        "recipe": str(inputs.path),
        "domains": len(inputs.taxonomy.domains),
        "categories": sum(len(domain.categories) for domain in inputs.taxonomy.domains.values()),
        "strategies": len(inputs.taxonomy.strategies),
        "policy_rules": len(inputs.taxonomy.policy.rules),
        "situations": len(inputs.seeds.situations),
        "lookalikes": len(inputs.seeds.lookalikes),
        "exemplars": len(inputs.examples.exemplars),
        "bad_responses": sum(example.seen for example in inputs.examples.bad_responses),
        "known_misses": sum(not example.seen for example in inputs.examples.bad_responses),
        "resources_verified": sum(entry.status == "verified" for entry in registry.entries.values()),
        "resources_unverified": sum(entry.status != "verified" for entry in registry.entries.values()),
        "cells": len(cells),
        "warnings": [str(problem) for problem in stale],
    }
    if json:
        show_json(found)
    elif not quiet:
        say(f"{found['recipe']}: valid")
        for counted in (
            ("domains", "categories", "strategies", "policy_rules"),
            ("situations", "lookalikes", "exemplars", "bad_responses", "known_misses", "cells"),
        ):
            say("  " + ", ".join(f"{found[name]:,} {name.replace('_', ' ')}" for name in counted))
        say(f"  {found['resources_verified']} verified resources, {found['resources_unverified']} unverified")
        for problem in stale:
            say(f"warning: {problem}")
