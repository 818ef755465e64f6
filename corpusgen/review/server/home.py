"""The folder where a project's annotation server lives, and its secrets.

.gitignore      keeps all of it out of version control
secrets.json    the only place that holds secrets (mode 0600)
server.json     address and kind of the database
argilla.db      the database, unless it is PostgreSQL
redis/          the queue of background jobs
logs/           of this start, and of the one before
locks/          one a process, held while it runs
tmp/            emptied at each start
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from corpusgen.errors import ReviewError
from corpusgen.run import storage_error, write_text

__all__ = ["OWNER", "Home", "Secrets", "home_of"]

OWNER = "owner"
"""Name of the account that owns the server; the commands use it."""


@dataclass(frozen=True)
class Secrets:
    """What nobody else may know.

    Attributes:
        auth_secret: Signs the tokens of those who are signed in; another one signs everybody out.
        owner_password: Of the account ``owner``, for the web page.
        owner_api_key: The same account's, for programs.
        redis_password: Of the Redis that the home runs itself.
        database_url: A database other than the embedded one, as it was last named.
        redis_url: A Redis other than the embedded one, as it was last named.
    """

    auth_secret: str
    owner_password: str
    owner_api_key: str
    redis_password: str
    database_url: str | None = None
    redis_url: str | None = None

    def __repr__(self) -> str:
        # a traceback or a failing test must not print them
        return "Secrets(...)"


@dataclass(frozen=True)
class Home:
    """The folder of one annotation server."""

    root: Path

    @property
    def secrets_path(self) -> Path:
        """The secrets."""
        return self.root / "secrets.json"

    @property
    def server_path(self) -> Path:
        """Address and kind of the database."""
        return self.root / "server.json"

    @property
    def redis(self) -> Path:
        """Folder of the queue."""
        return self.root / "redis"

    @property
    def logs(self) -> Path:
        """Folder of the logs."""
        return self.root / "logs"

    @property
    def locks(self) -> Path:
        """Folder of the locks."""
        return self.root / "locks"

    @property
    def scratch(self) -> Path:
        """Folder of temporary files."""
        return self.root / "tmp"

    def prepare(self) -> None:
        """Makes the folder, for its user only.

        Raises:
            StorageError: It cannot be made.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o700)
            for folder in (self.redis, self.logs, self.locks, self.scratch):
                folder.mkdir(mode=0o700, exist_ok=True)
            (self.root / ".gitignore").write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise storage_error(error, self.root) from error

    @contextlib.contextmanager
    def alone(self, seconds: float = 180.0) -> Iterator[None]:
        """Holds the home against another ``up`` or ``down`` while the block runs.

        Raises:
            ReviewError: Somebody else holds it for longer than ``seconds``.
        """
        with (self.locks / "home.lock").open("w") as file:
            end = time.monotonic() + seconds
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > end:
                        do = "wait until it has ended, then run the same command again"
                        raise ReviewError(
                            "another command is working on this server", where=self.root, do=do
                        ) from error
                    time.sleep(0.1)
            yield

    def secrets(self) -> Secrets:
        """Returns the secrets; made at random the first time.

        Raises:
            ReviewError: The file is damaged.
            StorageError: It cannot be written.
        """
        try:
            found = json.loads(self.secrets_path.read_text(encoding="utf-8"))
            known = {field.name for field in fields(Secrets)}
            return Secrets(**{name: value for name, value in found.items() if name in known})
        except FileNotFoundError:
            made = Secrets(*(secrets.token_urlsafe(32) for _ in range(4)))
            self.save_secrets(made)
            return made
        except (OSError, ValueError, TypeError, AttributeError) as error:
            do = "restore the file, or remove it: new secrets are made then, and everybody has to sign in again"
            raise ReviewError("cannot be read", where=self.secrets_path, do=do) from error

    def save_secrets(self, kept: Secrets) -> None:
        """Writes the secrets, readable for their user only.

        Raises:
            StorageError: The file cannot be written.
        """
        temporary = self.secrets_path.with_name(f".{self.secrets_path.name}.new")
        try:
            temporary.unlink(missing_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(kept), file, indent=2)
            os.replace(temporary, self.secrets_path)
        except OSError as error:
            raise storage_error(error, self.secrets_path) from error

    def server(self) -> dict[str, Any]:
        """Returns server.json as the last start left it; empty where there was none, or it cannot be read."""
        try:
            found = json.loads(self.server_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return dict(found) if isinstance(found, dict) else {}

    def save_server(self, values: Mapping[str, object]) -> None:
        """Writes server.json.

        Raises:
            StorageError: The file cannot be written.
        """
        write_text(self.server_path, json.dumps(dict(values), indent=2) + "\n")


def home_of(run_root: Path) -> Home:
    """Returns the home of the annotation server of a run's project.

    The project is the folder above ``runs/``, or the folder that the run lies in.
    """
    above = run_root.expanduser().resolve().parent
    return Home((above.parent if above.name == "runs" else above) / ".argilla")
