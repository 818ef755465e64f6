"""Starts the worker that carries out what the server puts off: `python -m corpusgen_argilla.worker`.

It sets the statuses of records anew when a dataset's distribution changes, and calls webhooks. It needs the same
environment variables as the server.
"""

from __future__ import annotations

import shutil

from corpusgen_argilla.serve import configure

__all__ = ["main"]


def main() -> None:
    """Works through the queues until the process is told to stop."""
    own = configure()
    try:
        _work()
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _work() -> None:
    from argilla_server.jobs.queues import DEFAULT_QUEUE, HIGH_QUEUE, REDIS_CONNECTION
    from rq import Worker

    import corpusgen_argilla.sql_engine  # noqa: F401  registers itself
    from corpusgen_argilla.database import open_safely

    open_safely()
    Worker([HIGH_QUEUE, DEFAULT_QUEUE], connection=REDIS_CONNECTION).work(logging_level="WARNING")


if __name__ == "__main__":
    main()
