"""plan, preview, build, status and report: from a recipe to a run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from corpusgen.cli.output import Lines, figures, say, show_json, table

__all__ = ["register"]


class AuthorKind(StrEnum):
    """Who writes."""

    offline = "offline"
    llm = "llm"
    local = "local"


Recipe = Annotated[str, typer.Argument(help="A recipe, or the name of a bundled one, e.g. smoke.")]
RunFolder = Annotated[Path, typer.Argument(help="A run folder.")]
Pairs = Annotated[
    int | None, typer.Option("-n", "--pairs", min=1, help="How many pairs, instead of the recipe's number.")
]
Seed = Annotated[int | None, typer.Option("--seed", help="Another seed than the recipe's.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]


def register(app: typer.Typer) -> None:
    """Adds the verbs of this file."""
    app.command(epilog="For example: corpusgen plan pipelines/psychosafe-8k.yaml")(plan)
    app.command(epilog="For example: corpusgen preview smoke -n 3")(preview)
    app.command(epilog="For example: corpusgen build pipelines/smoke.yaml -o runs/smoke")(build)
    app.command(epilog="For example: corpusgen status runs/smoke")(status)
    app.command(epilog="For example: corpusgen report runs/smoke")(report)


def plan(recipe: Recipe, pairs: Pairs = None, seed: Seed = None, json: Json = False) -> None:
    """Show the quotas: how many pairs of each kind. With a language model as author, also what it may cost."""
    from corpusgen.estimate import estimate
    from corpusgen.plan import MARGINS, make_plan, quotas
    from corpusgen.recipe import load_inputs

    inputs = load_inputs(recipe, pairs=pairs, seed=seed)
    cells = make_plan(inputs)
    found = quotas(cells)
    contrast = sum(cell.pair_group is not None for cell in cells) // 2
    costs = estimate(inputs)
    if json:
        estimated = [item._asdict() for item in costs]
        show_json({"pairs": len(cells), "contrast_pairs": contrast, "quotas": found, "estimate": estimated})
        return
    for name in MARGINS:
        table([name.replace("_", " "), "pairs"], list(found[name].items()), numbers=(1,))
        say()
    say(f"{len(cells):,} pairs in {len(found['joint']):,} combinations; {contrast:,} contrast pairs.")
    for item in costs:
        cost = "no price in the recipe" if item.cost_usd is None else f"${item.cost_usd:,.2f}"
        tokens = f"{item.input_tokens:,} tokens in, {item.output_tokens:,} out"
        say(f"{item.model}, estimated: {item.requests:,} requests, {tokens}, {cost}.")


def preview(
    recipe: Recipe,
    number: Annotated[int, typer.Option("-n", min=1, max=200, help="How many pairs.")] = 5,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Show a few pairs with their briefs, without a run."""
    from corpusgen.preview import preview as make

    shown = make(recipe, number, seed)
    if json:
        show_json(shown)
        return
    for item in shown:
        labels = ("domain", "category", "role", "severity", "register", "country")
        say("── " + " · ".join(item[name] for name in labels))
        say(
            f"   {item['response_mode']}"
            + (f", informed by {', '.join(item['strategies'])}" if item["strategies"] else "")
        )
        say(f"\nPROMPT\n{item['prompt']}\n\nRESPONSE\n{item['response']}\n")
        for rejection in item["rejections"]:
            say(f"   would be rejected by {rejection['gate']}: {rejection['reason']}")


def build(
    recipe: Recipe,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The run folder; runs/NAME by default.")] = None,
    pairs: Pairs = None,
    seed: Seed = None,
    author: Annotated[AuthorKind | None, typer.Option(help="Another author than the recipe's.")] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="An OpenAI-compatible endpoint, with its /v1.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="The model behind it.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Requests in flight at most.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; the corpus does not depend on it.")] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="local|ADDRESS", help="Run on Ray; the corpus does not depend on it."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Build everything again; journal and review stay.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Build a corpus, or bring a run up to date: plan, write, check, dedup, refill, split, report.

    Interrupted at any moment, the same command goes on and ends with the same bytes.
    """
    import json as codec

    from corpusgen.build import build as make
    from corpusgen.build import raise_unmet

    lines = Lines(quiet or json)
    result = make(
        recipe,
        out,
        pairs=pairs,
        seed=seed,
        author=str(author) if author else None,
        base_url=base_url,
        model=model,
        concurrency=concurrency,
        workers=workers,
        ray=ray,
        fresh=fresh,
        progress=lines,
    )
    lines.done()
    metrics = codec.loads(result.run.metrics_path.read_text(encoding="utf-8"))
    met, total = metrics["quotas_met"], metrics["quotas_total"]
    if json:
        show_json(
            {
                "run": str(result.run.root),
                "pairs": result.pairs,
                "wanted": result.wanted,
                "quotas_met": met,
                "quotas_total": total,
                "rejected": result.rejected,
                "duplicates": result.duplicates,
                "fell_back": result.fell_back,
                "up_to_date": not result.fresh,
            }
        )
    elif not quiet:
        if not result.fresh:
            say(f"{result.run.root} is up to date; nothing to do")
        say(f"report: {result.run.report_path}")
        figures(result.pairs, result.wanted, met, total, result.rejected, result.duplicates)
        if result.modelled:
            say(f"written by the model: {result.pairs - result.fell_back:,}; fell back: {result.fell_back:,}")
    raise_unmet(result)


def status(run: RunFolder, json: Json = False) -> None:
    """Show what a run holds and what comes next."""
    from corpusgen.errors import RunError
    from corpusgen.reviews import ReviewFolder
    from corpusgen.run import Run

    found = Run(run)
    state = found.state()
    if not state:
        raise RunError("is not a run: it has no run.json", where=run, do=f"build one: corpusgen build smoke -o {run}")
    parts = len(list(found.written.glob("part-*.parquet")))
    shown: dict[str, Any] = {
        "recipe": state["recipe"],
        "state": state["state"],
        "parts_written": parts,
        "counts": state.get("counts", {}),
        "timings_s": state.get("timings_s", {}),
        "usage": state.get("usage", []),
        "cost_usd": state.get("cost_usd", 0.0),
    }
    review = f"corpusgen review status {run}"
    sampled = bool(ReviewFolder(found.review).looks())
    if state["state"] != "built":
        shown["next"] = f"corpusgen build {state['recipe']} -o {run}"
    else:
        shown["next"] = review if sampled else f"corpusgen publish {run} --to DIR --unreviewed"
    if json:
        show_json(shown)
        return
    say(f"{run}: {shown['state']}, from {shown['recipe']}; {parts} parts written, cost ${shown['cost_usd']:.2f}")
    for item in state.get("usage", []):
        tokens = f"{item['input_tokens']:,} tokens in, {item['output_tokens']:,} out"
        say(f"{item['model']}, {item['outcome']}: {item['requests']:,} requests, {tokens}, ${item['cost_usd']:.2f}")
    counts = {name: value for name, value in shown["counts"].items() if name not in ("starved", "short")}
    if counts:
        table(["", "pairs"], list(counts.items()), numbers=(1,))
        table(
            ["stage", "seconds"], [(name, f"{value:.1f}") for name, value in shown["timings_s"].items()], numbers=(1,)
        )
    say(f"next: {shown['next']}")
    if state["state"] == "built" and not sampled:
        say(f"or have it reviewed first: {review}")


def report(run: RunFolder) -> None:
    """Make report.html again from a finished run."""
    from corpusgen.report.again import report_again

    say(f"report: {report_again(run)}")
