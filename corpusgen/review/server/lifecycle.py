"""The annotation server's life: up, down, where it stands, and the way to reach it or another Argilla."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from corpusgen.errors import ReviewError, UsageError
from corpusgen.review.connection import Connection
from corpusgen.review.server.addresses import LOOPBACK, address, page, port_to_use, reachable, warning
from corpusgen.review.server.environment import ensure
from corpusgen.review.server.home import OWNER, Home, Secrets, home_of
from corpusgen.review.server.parts import Parts, start_log, variables, wait

__all__ = ["EMBEDDED", "Connection", "Home", "Running", "connect", "down", "home_of", "status", "up"]

EMBEDDED = "embedded"
"""In place of a URL: go back to the home's own database, or its own Redis."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Running:
    """Where a home's server stands.

    Attributes:
        url: What people open in a browser.
        api: What programs on this machine ask.
        database: ``sqlite`` or ``postgresql``.
        pids: Process ids by part: ``server``, ``worker``, ``redis``.
        missing: Parts that should run and do not.
        answers: Whether the server answers.
        started: Parts that this call of ``up`` started; none when everything ran already.
        warning: What its operator should know, or empty.
    """

    url: str
    api: str
    database: str
    pids: dict[str, int]
    missing: tuple[str, ...]
    answers: bool
    started: tuple[str, ...] = ()
    warning: str = ""

    @property
    def pid(self) -> int | None:
        """The server's process id."""
        return self.pids.get("server")

    @property
    def whole(self) -> bool:
        """Whether every part runs and the server answers."""
        return self.answers and not self.missing


def up(
    home: Home,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    database_url: str | None = None,
    redis_url: str | None = None,
    progress: Say | None = None,
    start_s: float = 60.0,
) -> Running:
    """Starts what of a home's server does not run: Redis, the server, its worker; makes the owner's account.

    They outlive the command. Called again, it mends what is missing, or only says where the server is.

    Args:
        home: The home; made if it is not there.
        host: The address to listen on; anything but this machine's own is told of as a warning.
        port: The port; 0 for that of last time, or a free one.
        database_url: PostgreSQL, ``postgresql://…``; None for the one of last time (``CORPUSGEN_DATABASE_URL`` goes
            before it), ``embedded`` for SQLite in the home.
        redis_url: A Redis to use; None and ``embedded`` likewise (``CORPUSGEN_REDIS_URL``).
        progress: Is told what happens, in plain lines.
        start_s: Seconds that the server may take to answer.

    Raises:
        UsageError: Host, port or a URL cannot be used, or the server runs with others.
        ReviewError: The environment cannot be built, or a part does not start.
        StorageError: The home cannot be written.
    """
    say = progress or (lambda line: None)
    home.prepare()
    python = ensure(progress)
    with home.alone():
        parts, before = Parts(home, python), home.server()
        running = parts.pids()
        kept = home.secrets()
        secrets = replace(
            kept,
            database_url=_chosen(database_url, "CORPUSGEN_DATABASE_URL", kept.database_url),
            redis_url=_chosen(redis_url, "CORPUSGEN_REDIS_URL", kept.redis_url),
        )
        _check_urls(secrets)
        if "server" in running:
            _check_same(before, host, port, kept, secrets)
            host, port = str(before.get("host", host)), int(before.get("port", port))
        else:
            port = port_to_use(host, port, int(before.get("port", 0)))
        if secrets != kept:
            _stop(parts)  # a worker that was left would go on with the settings of before
            home.save_secrets(secrets)
        try:
            return _mend(home, parts, secrets, host, port, before, say, start_s)
        except BaseException:
            # what ran before goes on; what this call began is not left half done, and its settings are not remembered
            for part in parts.all:
                if part.name not in running:
                    part.stop()
            home.save_secrets(kept)
            raise


def _mend(
    home: Home, parts: Parts, secrets: Secrets, host: str, port: int, before: dict[str, Any], say: Say, start_s: float
) -> Running:
    started: list[str] = []
    redis_port = int(before.get("redis_port", 0))
    if not secrets.redis_url and parts.redis.pid is None:
        _stop(parts)  # the others hold connections to the Redis that is gone
        say("starting Redis")
        redis_port = parts.start_redis(secrets, redis_port)
        started.append("redis")
    env = variables(home, secrets, redis_port)
    if secrets.redis_url and parts.server.pid is None:
        parts.check_redis(env, secrets)
    api = address(reachable(host), port)
    kind = "postgresql" if secrets.database_url else "sqlite"
    known = {
        "url": page(host, port),
        "api": api,
        "host": host,
        "port": port,
        "database": kind,
        "redis_port": redis_port,
    }
    home.save_server(known)
    if parts.server.pid is None:
        say(f"starting the annotation server on {host}, port {port}")
        parts.start_server(env, host, port)
        started.append("server")
    if not wait(partial(_answers, api), parts.server, start_s):
        what = "has ended" if parts.server.pid is None else f"does not answer within {start_s:g} s"
        said = start_log(parts.server, secrets)
        do = "read the log; then run the same command again"
        raise ReviewError(f"the annotation server {what}:{said}", where=parts.server.log, do=do)
    if _me(api, secrets.owner_api_key) != (OWNER, "owner"):
        say("making the owner's account")
        parts.set_owner(env, secrets)
        if _me(api, secrets.owner_api_key) != (OWNER, "owner"):
            raise ReviewError("the server does not know its owner", where=api, do="corpusgen review down RUN, then up")
    if parts.worker.pid is None:
        parts.start_worker(env)
        started.append("worker")
    home.save_server({**known, "pids": parts.pids()})
    return _running(home, parts, tuple(started))


def down(home: Home) -> tuple[str, ...]:
    """Stops a home's server, its worker and its Redis; data stay. Returns the parts that ran.

    Raises:
        ReviewError: Another command is working on the home.
    """
    if not home.locks.is_dir():
        return ()
    with home.alone():
        return _stop(Parts(home))


def _stop(parts: Parts) -> tuple[str, ...]:
    return tuple(part.name for part in parts.all if part.stop())


def status(home: Home) -> Running | None:
    """Returns where a home's server stands, or None where nothing of it runs."""
    parts = Parts(home)
    return _running(home, parts, ()) if parts.pids() else None


def connect(home: Home | None = None) -> Connection:
    """Returns the way to the server: the Argilla of ``ARGILLA_API_URL`` and ``ARGILLA_API_KEY``, or the home's.

    Raises:
        UsageError: One of the two variables is set, and the other is not.
        ReviewError: Neither is set, and the home's server does not answer.
    """
    url, key = os.environ.get("ARGILLA_API_URL"), os.environ.get("ARGILLA_API_KEY")
    if url and key:
        return Connection(url.rstrip("/"), key, url.rstrip("/"))
    if url or key:
        given, absent = ("ARGILLA_API_URL", "ARGILLA_API_KEY")[:: 1 if url else -1]
        raise UsageError(f"{given} is set, and {absent} is not", do="set both to use that Argilla, or neither")
    found = status(home) if home else None
    if home is None or found is None or not found.answers:
        where = home.root if home else None
        if found is not None and "server" in found.pids:
            do = "stop it and start it again: corpusgen review down RUN, then corpusgen review up RUN; data stay"
            raise ReviewError("the annotation server runs and does not answer", where=found.api, do=do)
        raise ReviewError("no annotation server is up", where=where, do="start it: corpusgen review up RUN")
    return Connection(found.api, home.secrets().owner_api_key, found.url)


def _running(home: Home, parts: Parts, started: tuple[str, ...]) -> Running:
    pids, known = parts.pids(), home.server()
    wanted = ["server", "worker"] + ([] if home.secrets().redis_url else ["redis"])
    api = str(known.get("api", ""))
    return Running(
        url=str(known.get("url", api)),
        api=api,
        database=str(known.get("database", "sqlite")),
        pids=pids,
        missing=tuple(name for name in wanted if name not in pids),
        answers="server" in pids and _answers(api),
        started=started,
        warning=warning(str(known.get("host", LOOPBACK))),
    )


def _chosen(asked: str | None, variable: str, before: str | None) -> str | None:
    found = asked or os.environ.get(variable) or before
    return None if found == EMBEDDED else found


def _check_urls(secrets: Secrets) -> None:
    # the URLs may hold passwords, so an error never repeats them
    if secrets.database_url and not secrets.database_url.startswith(("postgresql://", "postgresql+asyncpg://")):
        do = f"begin it with postgresql://, or say {EMBEDDED} for SQLite in the project"
        raise UsageError("this kind of database is not known", where="--database-url", do=do)
    if secrets.redis_url and not secrets.redis_url.startswith(("redis://", "rediss://", "unix://")):
        do = f"begin it with redis://, rediss:// or unix://, or say {EMBEDDED}"
        raise UsageError("this is no address of a Redis", where="--redis-url", do=do)


def _check_same(before: dict[str, Any], host: str, port: int, kept: Secrets, secrets: Secrets) -> None:
    differs = {
        "--host": host not in {LOOPBACK, before.get("host")},
        "--port": port not in {0, before.get("port")},
        "--database-url": secrets.database_url != kept.database_url,
        "--redis-url": secrets.redis_url != kept.redis_url,
    }
    if any(differs.values()):
        where = ", ".join(name for name, differ in differs.items() if differ)
        do = "stop it first: corpusgen review down RUN"
        raise UsageError(f"it is up at {before.get('url')} with another setting", where=where, do=do)


# a proxy of the surroundings is not for this machine's own server
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def _answers(api: str) -> bool:
    try:
        with _open(f"{api}/api/v1/status", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _me(api: str, key: str) -> tuple[str, str] | None:
    """Returns name and role of a key's account, or None where the server refuses it."""
    request = urllib.request.Request(f"{api}/api/v1/me", headers={"X-Argilla-Api-Key": key})
    try:
        with _open(request, timeout=30) as answer:
            found = json.load(answer)
            return found["username"], found["role"]
    except urllib.error.HTTPError as error:
        if error.code == 401:
            return None
        raise ReviewError(f"the server answers with {error.code}", where=api) from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise ReviewError(f"the server does not answer: {error}", where=api) from error
