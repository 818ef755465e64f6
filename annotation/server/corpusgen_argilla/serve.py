"""Starts the review server: `python -m corpusgen_argilla.serve --host 127.0.0.1 --port 6900`.

Argilla's own environment variables configure it: ARGILLA_HOME_PATH, ARGILLA_DATABASE_URL, ARGILLA_REDIS_URL,
ARGILLA_AUTH_SECRET_KEY.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from corpusgen_argilla import ENGINE

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["configure", "main"]


def configure() -> Path:
    """Sets what Argilla reads when it is imported, and returns a folder of this process to remove in the end.

    Argilla copies its 14 MB page to a temporary folder whenever it is imported and never removes it. Exits with a
    message where the home or the secret is missing.
    """
    for name in ("ARGILLA_HOME_PATH", "ARGILLA_AUTH_SECRET_KEY"):
        if not os.environ.get(name):
            sys.exit(f"{name} is not set: without it data and logins would not outlive the process.")
    home = Path(os.environ["ARGILLA_HOME_PATH"])
    home.mkdir(parents=True, exist_ok=True)
    os.environ["ARGILLA_SEARCH_ENGINE"] = ENGINE
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("ARGILLA_CORS_ORIGINS", "[]")
    os.environ.setdefault("ARGILLA_DATABASE_SQLITE_TIMEOUT", "30")
    # Argilla looks for this file in the working directory otherwise, and trusts it.
    os.environ.setdefault("ARGILLA_AUTH_OAUTH_CFG", str(home / "oauth.yaml"))
    _sweep(home)
    tempfile.tempdir = tempfile.mkdtemp(prefix=f"page-{os.getpid()}-", dir=home)
    return Path(tempfile.tempdir)


def migrate() -> None:
    """Brings the database's tables up to this version of Argilla."""
    import alembic.config
    from argilla_server.database import ALEMBIC_CONFIG_FILE

    alembic.config.main(argv=["-c", ALEMBIC_CONFIG_FILE, "upgrade", "head"])


def application(pages: Path) -> ASGIApp:
    """Returns Argilla's application behind the guards, for the page that it put below a folder."""
    from argilla_server._app import app
    from argilla_server.api.routes import api_v1

    import corpusgen_argilla.sql_engine  # noqa: F401  registers itself
    from corpusgen_argilla.guard import Headers, OneWriter, content_security_policy, without_docs
    from corpusgen_argilla.page import dress

    for part in (app, api_v1):
        without_docs(part)
    statics = next(pages.glob("*/statics"))
    dress(statics)
    return Headers(OneWriter(app), content_security_policy(statics))


def main(argv: list[str] | None = None) -> None:
    """Migrates the database and serves until the process is told to stop."""
    parser = argparse.ArgumentParser(prog="corpusgen_argilla.serve", description="Start the review server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args(argv)
    own = configure()
    # uvicorn hands the signal on when it is done; as an exception it lets this process tidy up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        serve(arguments.host, arguments.port, own)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def serve(host: str, port: int, own: Path) -> None:
    """Migrates the database, sets statuses right, and serves."""
    import uvicorn

    from corpusgen_argilla.database import open_safely, settle_statuses

    open_safely()
    migrate()
    if settled := settle_statuses():
        print(f"{settled} records had a status that did not fit their responses; it is set right.", file=sys.stderr)
    uvicorn.run(
        application(own),
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=10,
    )


def _sweep(home: Path) -> None:
    # A killed server leaves its copy of the page; the name tells whose it was.
    for folder in home.glob("page-*-*"):
        try:
            os.kill(int(folder.name.split("-")[1]), 0)
        except (ValueError, ProcessLookupError):
            shutil.rmtree(folder, ignore_errors=True)
        except PermissionError:
            continue


if __name__ == "__main__":
    main()
