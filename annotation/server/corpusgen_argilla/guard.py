"""What stands before the server: one writer at a time, headers that keep a page to itself, no public docs."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Headers", "OneWriter", "content_security_policy", "without_docs"]

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# These are sent with POST and write nothing; a test of a webhook waits for somebody else's server.
_READS = re.compile(r"/(records/search|token|ping)/?$")
_INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


class OneWriter:
    """Lets one writing request in at a time.

    Argilla reads before it writes and settles a record's status in a transaction of its own. Two requests at once could
    meet SQLite's lock, or a serialization failure in PostgreSQL, and settle a status by what they no longer find. The
    server is one process, so a lock costs nothing that the database would not make them wait for.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on; a writing one when its body is in and the one before is done."""
        if scope["type"] != "http" or scope["method"] not in _WRITES or _READS.search(scope["path"]):
            await self.app(scope, receive, send)
            return
        # A client that sends slowly must not keep the others waiting, nor one that reads the answer slowly.
        heard = await _body(receive)
        said: list[Message] = []

        async def replay() -> Message:
            return heard.pop(0) if heard else await receive()

        async def keep(message: Message) -> None:
            said.append(message)

        async with self.lock:
            await self.app(scope, replay, keep)
        for message in said:
            await send(message)


class Headers:
    """Adds the headers that a browser obeys."""

    def __init__(self, app: ASGIApp, policy: str) -> None:
        self.app = app
        self.headers = [
            (b"content-security-policy", policy.encode("ascii")),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on and its answer back with the headers; answers of the API are not to be kept."""
        private = scope["type"] == "http" and scope["path"].startswith("/api/")
        extra = [*self.headers, (b"cache-control", b"no-store")] if private else self.headers

        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        await self.app(scope, receive, mark)


def content_security_policy(pages: Path) -> str:
    """Returns a policy that lets the page load from its own server only.

    Scripts inside the HTML run only when they are those of the pages in this folder, known by their hashes: a script
    that a record smuggles in does not. Styles inside the HTML are allowed, the page sets many.
    """
    hashes = sorted({_hash(script) for page in pages.glob("*.html") for script in _inline(page)})
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("script-src 'self'", *hashes)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def without_docs(app: FastAPI) -> None:
    """Takes away the pages that describe the API to anybody."""
    public = {app.docs_url, app.redoc_url, app.openapi_url, app.swagger_ui_oauth2_redirect_url, "/docs", "/api"}
    app.router.routes = [route for route in app.router.routes if getattr(route, "path", None) not in public]


def _inline(page: Path) -> Iterable[str]:
    return _INLINE.findall(page.read_text(encoding="utf-8"))


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


async def _body(receive: Receive) -> list[Message]:
    heard: list[Message] = []
    more = True
    while more:
        message = await receive()
        heard.append(message)
        more = message["type"] == "http.request" and message.get("more_body", False)
    return heard
