"""The asker's side of the gateway's wire: requests out on one connection, answers back as they come."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["send"]


def send(
    host: str, port: int, token: str, lane: str, requests: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Sends requests to a gateway, and yields what comes back in the order of completion.

    Args:
        host: Where the gateway listens.
        port: And on which port.
        token: What an asker must show.
        lane: The lane that the requests take.
        requests: Each with ``id``, ``row``, ``version``, ``messages``, ``parameters`` and ``schema``.

    Yields:
        For each request its ``id``, and either ``text``, or ``failure`` and ``words``.

    Raises:
        OSError: The gateway is gone.
    """
    with socket.create_connection((host, port)) as link, link.makefile("rwb") as wire:
        wire.write(json.dumps({"token": token, "lane": lane}).encode() + b"\n")
        for request in requests:
            wire.write(json.dumps(request).encode() + b"\n")
        wire.flush()
        link.shutdown(socket.SHUT_WR)
        left = len(requests)
        while left:
            line = wire.readline()
            if not line:
                raise ConnectionError("the gateway has closed")
            left -= 1
            yield json.loads(line)
