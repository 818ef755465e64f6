"""The command line: a thin layer over the Python interface.

Exit codes: 0 done; 1 failed; 2 wrong usage or invalid file; 3 done, but something asked for is not met;
130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated

import typer

from corpusgen.cli import corpora, data, models, project, release, review
from corpusgen.cli.output import fail
from corpusgen.errors import CorpusgenError, InvalidFile, StorageError
from corpusgen.version import VERSION

__all__ = ["app", "main"]

# typer carries its own click; the classes that it exports lead to the base class either way
_ClickException: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)

app = typer.Typer(
    name="corpusgen",
    help="Make training data for supportive refusals and answers, and make it right.",
    epilog="For example: corpusgen build smoke -o runs/smoke && corpusgen publish runs/smoke --to release --unreviewed",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (project, corpora, data, review, release, models):
    group.register(app)


def _version(value: bool) -> None:
    if value:
        print(f"corpusgen {VERSION}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version
    if debug:
        os.environ["CORPUSGEN_DEBUG"] = "1"


def main() -> None:
    """Runs the command line; the entry point of the ``corpusgen`` command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command.

    Returns:
        The exit code.
    """
    command = typer.main.get_command(app)
    try:
        result = command.main(arguments, prog_name="corpusgen", standalone_mode=False)
        code = result if isinstance(result, int) else 0
        # typer turns Ctrl+C into this exit code, and returns it
        return _interrupted(arguments) if code == INTERRUPTED else code
    except typer.Exit as stop:
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _interrupted(arguments)
    except _ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "corpusgen"
        said: str = error.format_message()  # type: ignore[attr-defined]  # of the class found above
        fail(said, do=f"{where} --help")
        return 2
    except CorpusgenError as error:
        _debug(arguments)
        _explain(error)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        _debug(arguments)
        fail(
            StorageError(f"the system refused: {error.strerror or error}").what,
            where=error.filename,
            do="check the disk, the path and its rights",
        )
        return 1


INTERRUPTED = 130


def _interrupted(arguments: list[str]) -> int:
    command = "corpusgen " + " ".join(arguments)
    fail("interrupted; what was done is kept", do=f"run the same command again to go on: {command}")
    return INTERRUPTED


def _debug(arguments: list[str]) -> None:
    if "--debug" in arguments or os.environ.get("CORPUSGEN_DEBUG"):
        traceback.print_exc()


def _explain(error: CorpusgenError) -> None:
    if isinstance(error, InvalidFile):
        shown = error.problems[:20]
        for problem in shown:
            place = f"{problem.file}:{problem.line}" if problem.line else problem.file
            fail(problem.what, where=place, do=problem.do)
        if len(error.problems) > len(shown):
            fail(f"and {len(error.problems) - len(shown)} more problems")
    else:
        fail(error.what, where=error.where, do=error.do)
