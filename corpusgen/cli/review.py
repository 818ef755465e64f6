"""review: the clinicians' review in Argilla, there and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpusgen.cli.output import Lines, say, show_json, table

if TYPE_CHECKING:
    from corpusgen.review.agreement.statistics import Figure

__all__ = ["register"]

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A finished run.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]


def register(app: typer.Typer) -> None:
    """Adds the verbs of this file."""
    verbs = typer.Typer(
        help="The clinicians' review in Argilla: there, back, and up to the gate.", no_args_is_help=True
    )
    verbs.command(epilog="For example: corpusgen review up runs/smoke")(up)
    verbs.command(epilog="For example: corpusgen review down runs/smoke")(down)
    verbs.command(
        epilog="For example: corpusgen review users runs/smoke --reviewer anna:psychologist --adjudicator kim"
    )(users)
    verbs.command(epilog="For example: corpusgen review push runs/smoke")(push)
    verbs.command(epilog="For example: corpusgen review status runs/smoke")(status)
    verbs.command(epilog="For example: corpusgen review pull runs/smoke")(pull)
    verbs.command(epilog="For example: corpusgen review agreement runs/smoke")(agreement)
    verbs.command(epilog="For example: corpusgen review adjudicate runs/smoke")(adjudicate)
    verbs.command("apply", epilog="For example: corpusgen review apply runs/smoke")(apply_decisions)
    app.add_typer(verbs, name="review")


def up(
    run: RunFolder,
    host: Annotated[
        str, typer.Option(help="Where it listens; anything but this machine's own address needs TLS in front.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Its port; that of last time, or a free one.")] = 0,
    database_url: Annotated[
        str | None,
        typer.Option("--database-url", metavar="URL", help="PostgreSQL instead of SQLite; or CORPUSGEN_DATABASE_URL."),
    ] = None,
    redis_url: Annotated[
        str | None, typer.Option("--redis-url", metavar="URL", help="A Redis that runs already.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Start the project's own annotation server, or say where it is; the first time its environment is built."""
    from corpusgen.review.server.lifecycle import home_of
    from corpusgen.review.server.lifecycle import up as start
    from corpusgen.run import require_run

    require_run(run)
    lines = Lines(quiet or json)
    home = home_of(run)

    def told(line: str) -> None:
        lines.stage("up", line)

    found = start(home, host=host, port=port, database_url=database_url, redis_url=redis_url, progress=told)
    lines.done()
    if json:
        started = list(found.started)
        show_json({"url": found.url, "database": found.database, "started": started, "warning": found.warning})
    elif not quiet:
        say(f"{'started' if found.started else 'already up'}: {found.url} ({found.database})")
        if found.warning:
            say(f"warning: {found.warning}")
        say(f"the owner's name and password are in {home.secrets_path}")
        say(f"next: corpusgen review users {run} --reviewer NAME --adjudicator NAME")


def down(run: RunFolder, quiet: Quiet = False) -> None:
    """Stop the project's own annotation server; everything in it stays."""
    from corpusgen.review.server.lifecycle import down as stop
    from corpusgen.review.server.lifecycle import home_of

    stopped = stop(home_of(run))
    if not quiet:
        say(f"stopped: {', '.join(stopped)}; data stay" if stopped else "nothing was running")


People = Annotated[
    list[str] | None,
    typer.Option("--reviewer", metavar="NAME[:PROFESSION]", help="Somebody who judges pairs; may be repeated."),
]


def users(
    run: RunFolder,
    reviewer: People = None,
    adjudicator: Annotated[
        list[str] | None,
        typer.Option("--adjudicator", metavar="NAME[:PROFESSION]", help="Somebody who settles; may be repeated."),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Programs answer in their place; the card will say so.")
    ] = False,
    renewed: Annotated[
        list[str] | None,
        typer.Option("--new-password", metavar="NAME", help="Give somebody another password; may be repeated."),
    ] = None,
    json: Json = False,
) -> None:
    """Make accounts for reviewers and adjudicators, or show who takes part. Passwords are shown once."""
    from corpusgen.review.opening import open_review
    from corpusgen.review.people import enrol, invitee, new_password, pseudonyms
    from corpusgen.review.server.lifecycle import connect, home_of

    review = open_review(run)
    connection = connect(home_of(run))
    invited = enrol(
        connection,
        review.folder,
        reviewers=[invitee(text) for text in reviewer or ()],
        adjudicators=[invitee(text) for text in adjudicator or ()],
        simulated=simulated,
    )
    passwords = {name: new_password(connection, name) for name in renewed or ()}
    if json:
        show_json([item._asdict() for item in invited] + [{"username": n, "password": p} for n, p in passwords.items()])
        return
    for item in invited:
        password = f"password {item.password}" if item.password else "has a password already"
        say(f"{item.username} ({item.pseudonym}): {item.url} {password}")
    for name, password in passwords.items():
        say(f"{name}: {connection.page}/sign-in password {password}")
    people = review.folder.people()
    known = (*pseudonyms(connection, "reviewer").items(), *pseudonyms(connection, "adjudicator").items())
    names = {pseudonym: name for name, pseudonym in known}
    if not invited and not passwords and people:
        rows = [(names.get(person.pseudonym, "no account here"), *person[:3]) for person in people.values()]
        table(["name", "pseudonym", "role", "profession"], rows)
    reviewers = sum(person.role == "reviewer" for person in people.values())
    say(f"taking part: {_some(reviewers, 'reviewer')}, {_some(len(people) - reviewers, 'adjudicator')}")
    say(f"next: corpusgen review push {run}" if reviewers else f"next: corpusgen review users {run} --reviewer NAME")


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def push(
    run: RunFolder,
    new_look: Annotated[
        bool, typer.Option("--new-look", help="Draw a fresh sample, once the last one is judged and built in.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw the sample, the first time, and give every reviewer today's portion."""
    from corpusgen.review.push import push as send
    from corpusgen.review.server.lifecycle import connect, home_of

    sent = send(str(run), connect(home_of(run)), new_look=new_look)
    if json:
        portions = [portion._asdict() for portion in sent.portions]
        show_json({**vars(sent), "portions": portions})
        return
    if quiet:
        return
    drawn = "drawn now" if sent.fresh else "drawn before"
    say(f"look {sent.look}: {sent.drawn:,} pairs and {sent.calibration:,} calibration items, {drawn}")
    for portion in sent.portions:
        mended = ", left unfinished by an earlier push" if portion.mended else ""
        say(f"{portion.reviewer}, portion {portion.portion}: {_some(portion.records, 'record')}{mended}: {portion.url}")
    if sent.refills:
        say(f"{_some(sent.refills, 'pair')} that took the place of dropped ones joined the sample")
    if not sent.portions:
        say(
            "nothing to give today: everybody has what a day allows, or everything is given; tomorrow's comes with push"
        )
    for line in sent.starved:
        say(f"cannot be given: {line}")
    if sent.starved:
        say(f"somebody else has to read these: corpusgen review users {run} --reviewer NAME")
    for line in sent.warnings:
        say(f"warning: {line}")
    say(f"next: corpusgen review pull {run}")


def status(run: RunFolder, json: Json = False) -> None:
    """Show where the review stands, as of the last pull, and what comes next."""
    from corpusgen.review.status import status as look_up
    from corpusgen.review.status import told

    found = look_up(str(run))
    if json:
        show_json(found.to_json())
        return
    for line in told(found):
        say(line)
    if found.readers:
        head = ["reviewer", "profession", "given", "submitted", "begun", "set aside", "portions"]
        rows = [
            (
                f"{reader.pseudonym}{' (simulated)' if reader.simulated else ''}",
                reader.profession,
                reader.given,
                reader.submitted,
                reader.drafts,
                reader.discarded,
                reader.portions,
            )
            for reader in found.readers
        ]
        table(head, rows, numbers=(2, 3, 4, 5, 6))


def pull(run: RunFolder, json: Json = False, quiet: Quiet = False) -> None:
    """Bring the answers into the run; safe at any time, also while people work."""
    from corpusgen.review.pull import pull as fetch
    from corpusgen.review.pull import raise_refused
    from corpusgen.review.server.lifecycle import connect, home_of
    from corpusgen.run import Run

    found = fetch(str(run), connect(home_of(run)))
    if json:
        show_json(vars(found))
    elif not quiet:
        say(
            f"look {found.look}: {found.submitted:,} submitted, {found.drafts:,} begun, {found.discarded:,} set aside, "
            f"{found.settled:,} settled; {found.new:,} are new or changed"
        )
        for line in found.warnings:
            say(f"warning: {line}")
        say(f"next: corpusgen review status {run}")
    raise_refused(found, Run(run))


def agreement(
    run: RunFolder,
    judge: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Ask a language model the same questions, and set it beside the people."),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="Its endpoint; the recipe's by default.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure how far the reviewers agree, question by question, and draw it."""
    from corpusgen.review.judge import judge_look
    from corpusgen.review.measuring import measure_look

    if judge is not None or base_url is not None:
        lines = Lines(quiet or json)
        asked = judge_look(str(run), model=judge, base_url=base_url, progress=lines)
        lines.done()
        if not quiet and not json:
            left_out = f"; {len(asked.unread):,} could not be read and are left out" if asked.unread else ""
            say(f"{asked.model} answered about {asked.records:,} records{left_out}: {asked.path}")
    found = measure_look(str(run))
    if json:
        print(found.agreement.to_json(), end="")
        return
    if quiet:
        return
    head = ["question", "level", "records read twice", "alpha", "AC1/AC2", "kappa", "same answer", "read"]
    rows = []
    for item in found.agreement.questions:
        shown = item.coefficients
        figures = [_figure(figure) for figure in (shown.alpha, shown.ac, shown.kappa, shown.raw)]
        rows.append((item.question, item.level, item.records, *figures, "AC" if item.dominated else "alpha"))
    table(head, rows, numbers=(2, 3, 4, 5, 6))
    say(f"figures, with intervals and what they mean: {found.path}")
    say(f"picture: {found.picture}")


def _figure(figure: Figure | None) -> str:
    return "-" if figure is None or figure.value is None else f"{figure.value:.2f}"


def adjudicate(run: RunFolder, json: Json = False, quiet: Quiet = False) -> None:
    """Hand what the reviewers disagree on, and harm that was flagged, to the adjudicators."""
    from corpusgen.review.adjudication import adjudicate as hand_out
    from corpusgen.review.server.lifecycle import connect, home_of

    found = hand_out(str(run), connect(home_of(run)))
    if json:
        show_json(vars(found))
    elif not quiet:
        again = f", of which {found.again:,} came back" if found.again else ""
        say(f"look {found.look}: {_some(found.new, 'new case')}{again}; {found.waiting:,} wait for an adjudicator")
        if found.url:
            say(found.url)
        for line in found.warnings:
            say(f"warning: {line}")
        say(f"next: corpusgen review {'pull' if found.waiting else 'apply'} {run}")


def apply_decisions(run: RunFolder, json: Json = False, quiet: Quiet = False) -> None:
    """Record what was decided; the next build compiles it in. Exit 3 where a gate turned a correction away."""
    from corpusgen.review.apply import apply, raise_rejected
    from corpusgen.run import Run

    found = apply(str(run))
    if json:
        show_json({**vars(found), "rejected": [item._asdict() for item in found.rejected]})
    elif not quiet:
        say(
            f"look {found.look}: {found.kept:,} kept, {found.edited:,} edited, {found.dropped:,} dropped, "
            f"of {found.rows:,}; {found.new:,} decisions are new"
        )
        say(f"{found.waiting:,} wait for readers, {found.open:,} for an adjudicator")
        say(f"next: corpusgen review status {run}")
    raise_rejected(found, Run(run))
