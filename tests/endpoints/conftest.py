"""The made-up endpoint that the tests of this folder ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.endpoint import Endpoint


@pytest.fixture(scope="module")
def process() -> Iterator[Endpoint]:
    with Endpoint(mean=0) as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(process: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    process.reset(mean=0)
    return process
