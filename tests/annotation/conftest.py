"""The real review server, once on SQLite and once on PostgreSQL, with reviewers and a dataset to search."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from corpusgen.review.server.environment import ensure
from tests.annotation.material import Material, fill
from tests.annotation.servers import PASSWORD, ReviewServer, postgres, postgres_binary, redis


def absent(reason: str) -> None:
    """Skips, or fails where everything is required."""
    if os.environ.get("CORPUSGEN_REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def argilla_python() -> Path:
    """The Python of the server's own environment."""
    if given := os.environ.get("CORPUSGEN_ARGILLA_PYTHON"):
        return Path(given)
    return ensure()


@pytest.fixture(scope="session")
def redis_url(argilla_python: Path) -> Iterator[str]:
    with redis(argilla_python) as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, argilla_python: Path, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ReviewServer]:
    """A running server with an owner; tests make datasets of their own in it."""
    home = tmp_path_factory.mktemp(f"argilla-{request.param}")
    if request.param == "sqlite":
        yield from running(ReviewServer(argilla_python, home, redis_url))
        return
    if not (postgres_binary("initdb") and postgres_binary("pg_ctl")):
        absent("PostgreSQL is not installed")
    with postgres() as url:
        yield from running(ReviewServer(argilla_python, home, redis_url, url))


@pytest.fixture(scope="session")
def material(server: ReviewServer) -> Material:
    """A dataset in the server, and the same data in Python."""
    with server.client() as owner:
        return fill(owner, {f"rev{number}": make_user(owner, f"rev{number}") for number in range(4)})


def running(server: ReviewServer) -> Iterator[ReviewServer]:
    try:
        server.start()
        server.make_owner()
        yield server
    finally:
        server.stop()


def make_user(owner: httpx.Client, name: str, role: str = "annotator") -> dict[str, str]:
    """Makes a user and returns what the API says, the key among it."""
    body = {"first_name": name, "username": name, "password": PASSWORD, "role": role}
    made = owner.post("/users", json=body)
    made.raise_for_status()
    return dict(made.json())
