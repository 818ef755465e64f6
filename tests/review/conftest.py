"""One annotation server for every test of the review: the real one, in a home of its own, taken down at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from corpusgen.review.server.lifecycle import Connection, Home, connect, down, up


class Annotation(NamedTuple):
    """The server of the tests."""

    home: Home
    connection: Connection


@pytest.fixture(scope="session")
def argilla(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Annotation]:
    """A server that is up. Its tests share it: they use names of their own, and leave it up."""
    home = Home(tmp_path_factory.mktemp("project") / ".argilla")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ARGILLA_API_URL", "ARGILLA_API_KEY", "CORPUSGEN_DATABASE_URL", "CORPUSGEN_REDIS_URL"):
            patch.delenv(name, raising=False)
        try:
            up(home, progress=print)
            yield Annotation(home, connect(home))
        finally:
            down(home)
