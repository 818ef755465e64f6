"""A made-up OpenAI-compatible language model on loopback, for tests and benchmarks, and the ideal to measure by.

python -m tests.endpoint --mean 0.5 --faults 429=0.05,hang=0.005     # prints its port, serves until interrupted

    with Endpoint(mean=0, faults="500=0.1") as endpoint:             # a process of its own
        ask(endpoint.url)                                            # http://127.0.0.1:PORT/v1
        endpoint.stats()["requests"]

`POST /v1/chat/completions`, `GET /v1/models`, `GET /stats`, and `POST /reset`, which forgets everything and takes other
options as a JSON object. No streaming, and one choice whatever `n` says.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import heapq
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from hashlib import blake2b
from itertools import islice
from math import log
from typing import Any

from aiohttp import web

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]  # json then stands in

__all__ = ["Behaviour", "Endpoint", "latencies", "perfect_queue"]

KINDS = ("reset", "empty", "broken", "html", "length", "hang")
"""Faults beside the plain statuses, which are named by their number."""


@dataclass(frozen=True)
class Behaviour:
    """The options of an endpoint; each is an option of the command line too."""

    mean: float = 0.5
    """Mean latency in seconds; 0 answers at once."""
    sigma: float = 0.6
    """Spread of the lognormal latency."""
    seed: int = 0
    """Of the latencies and the faults; the texts do not depend on it."""
    faults: str = ""
    """Shares such as ``429=0.05,reset=0.01``: statuses from 400 on, and ``KINDS``."""
    down: bool = False
    """Answers 503 to everything."""
    status: int = 0
    """Answers this to everything."""
    limit: int = 0
    """Answers 429 to whatever exceeds this number in flight."""
    rate: float = 0.0
    """Answers 429 to whatever exceeds this number within a second."""
    no_schema: bool = False
    """Answers 400 to a body with ``response_format``."""
    key: str = ""
    """Answers 401 without this bearer token."""

    def shares(self) -> dict[str, float]:
        """Returns the faults by kind.

        Raises:
            ValueError: A kind is unknown or the shares exceed 1.
        """
        parts = (part.split("=") for part in self.faults.split(",") if part)
        found = {kind.strip(): float(share) for kind, share in parts}
        unknown = [kind for kind in found if kind not in KINDS and not (kind.isdigit() and 400 <= int(kind) < 600)]
        if unknown or sum(found.values()) > 1:
            raise ValueError(f"faults {self.faults!r}: kinds are {', '.join(KINDS)} and statuses, shares sum to 1")
        return found


def latency_stream(mean: float, sigma: float, seed: int) -> Iterator[float]:
    """Yields lognormal latencies in seconds, without end: mu = ln(mean) - sigma^2 / 2 gives them that mean."""
    draw = random.Random(seed).lognormvariate
    while True:
        yield draw(log(mean) - sigma * sigma / 2, sigma) if mean > 0 else 0.0


def latencies(n: int, mean: float, sigma: float, seed: int) -> list[float]:
    """Returns the latencies of the first ``n`` requests, in order of arrival."""
    return list(islice(latency_stream(mean, sigma, seed), n))


def perfect_queue(seconds: Iterable[float], slots: int) -> float:
    """Returns the makespan in seconds of a first-in-first-out queue with so many slots and no other cost."""
    free = [0.0] * slots
    for each in seconds:
        heapq.heapreplace(free, free[0] + each)
    return max(free)


class Endpoint:
    """An endpoint in a process of its own, which ends with the block, or with this process.

    Args:
        options: Fields of ``Behaviour``; ``faults`` may be a mapping.
    """

    def __init__(self, **options: Any) -> None:
        self.options = _plain(options)
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """The base URL that clients are given."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> Endpoint:
        """Starts the process and waits until it listens."""
        # -P: the folder of this file holds packages of the names dedup, checks, cli. The pipe ends the server with us.
        command = [sys.executable, "-P", __file__, "--until-eof", "--options", json.dumps(self.options)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self.stop)
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line.strip():
            raise RuntimeError(f"the endpoint did not start; exit code {self._process.wait()}")
        self.port = int(line)
        return self

    def stop(self) -> None:
        """Kills the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
            atexit.unregister(self.stop)

    def stats(self) -> dict[str, Any]:
        """Returns what the endpoint has seen; the fields are explained at ``Seen.as_json``."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats", timeout=10) as answer:
            return dict(json.load(answer))

    def reset(self, **options: Any) -> None:
        """Forgets everything seen and starts the latencies anew; given options replace all earlier ones."""
        if options:
            self.options = _plain(options)
        body = json.dumps(self.options).encode()
        urllib.request.urlopen(f"http://127.0.0.1:{self.port}/reset", data=body, timeout=10).close()

    __enter__ = start

    def __exit__(self, *_: object) -> None:
        self.stop()


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    faults = options.get("faults")
    if isinstance(faults, Mapping):
        options = {**options, "faults": ",".join(f"{kind}={share}" for kind, share in faults.items())}
    Behaviour(**options).shares()  # a wrong option is told here, not by a process that does not start
    return options


def _loads(data: bytes) -> Any:
    return json.loads(data) if orjson is None else orjson.loads(data)


def _dumps(value: Any) -> bytes:
    """Returns JSON with sorted keys, so that it can be hashed."""
    if orjson is None:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


# --- The answer: a function of model, messages and seed.

_FRAMES = (
    "{who} {did} {what} {when}, and {then}.",
    "{when}, {who} {did} {what}.",
    "It was {when} that {who} {did} {what}; {then}.",
    "Nobody noticed how {who} {did} {what} {where}.",
    "{where}, {who} {did} {what}, so {then}.",
    "Because {who} {did} {what} {where}, {then}.",
    "People say that {who} {did} {what} {when}.",
    "{who} {did} {what} once more, though {then}.",
    "What matters is that {who} {did} {what} {where} {when}.",
    "{then}, because {who} {did} {what}.",
)
_POOLS = {
    "who": "my neighbour|the older teacher|a quiet baker|our young nurse|the night porter|her cousin|the gardener|a "
    "retired sailor|the librarian|an old friend|the bus driver|a patient clerk|the violinist|his landlady|a tall "
    "student|the postman",
    "did": "mended|described|forgot|carried|painted|borrowed|measured|counted|returned|cleaned|found|wrapped|sketched|"
    "sorted|bought|hid",
    "what": "the blue bicycle|a basket of pears|three letters|the broken clock|an empty jar|the kitchen table|a wool "
    "blanket|the garden gate|two brass keys|a map of the coast|the green umbrella|some dry firewood|a pot of soup|the "
    "spare lamp|an unread novel|the wooden ladder",
    "when": "before breakfast|late on Sunday|during the storm|after the concert|in early spring|at the end of June|one "
    "cold evening|around noon|while the kettle boiled|the day before yesterday|just after sunrise|on market day",
    "where": "near the harbour|behind the school|at the railway station|beside the river|under the old bridge|in the "
    "back room|by the bakery|along the north road|next to the chapel|in the upstairs hall|outside the museum|on the "
    "second floor",
    "then": "the rest could wait|everyone had time to talk|the room grew quiet|there was little left to decide|the "
    "dog slept through it|we kept the window open|the plan changed again|tea was served anyway|no one asked why|the "
    "work went faster than expected|the children laughed about it|a note was left on the door",
}
_PHRASES = {name: tuple(pool.split("|")) for name, pool in _POOLS.items()}


def plain_text(number: int) -> str:
    """Returns the text of 60 to 120 words that belongs to a number of at least 64 bits."""
    draw = random.Random(number)
    wanted = draw.randint(60, 102)  # the last sentence takes it over by 17 words at most
    sentences: list[str] = []
    words = 0
    while words < wanted:
        frame = _FRAMES[int(draw.random() * len(_FRAMES))]
        picks = {name: pool[int(draw.random() * len(pool))] for name, pool in _PHRASES.items()}
        sentence = frame.format_map(picks)
        sentences.append(sentence[0].upper() + sentence[1:])
        words += sentence.count(" ") + 1
    return " ".join(sentences)


def answer(body: Mapping[str, Any]) -> str:
    """Returns the text that a request is answered with.

    Raises:
        ValueError: The schema asks for something this endpoint does not know.
    """
    digest = blake2b(_dumps([body["model"], body["messages"], body.get("seed")]), digest_size=16).digest()
    number = int.from_bytes(digest)
    told = _told(body["messages"])
    shape = body.get("response_format") or {}
    if not shape or shape.get("type") == "text" or (told or "").startswith("{"):
        return plain_text(number) if told is None else told
    text = plain_text(number) if told is None else told
    if shape.get("type") == "json_object":
        return _dumps({"text": text}).decode()
    schema = shape.get("json_schema", {}).get("schema")
    if not isinstance(schema, Mapping):
        raise ValueError("response_format has no json_schema.schema")
    return _dumps(_fill(schema, schema, text, number)).decode()


def _told(messages: list[Mapping[str, Any]]) -> str | None:
    """Returns what the last user message says to reply with, if it does."""
    last = next((message for message in reversed(messages) if message["role"] == "user"), None)
    content = _content(last) if last else ""
    start = content.rfind("REPLY WITH: ")
    return content[start + 12 :].split("\n", 1)[0] if start >= 0 else None


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def _fill(schema: Mapping[str, Any], root: Mapping[str, Any], text: str, number: int) -> Any:
    """Returns a value of a schema: strings get the text, numbers the middle of their range, enums one by the number."""
    if "$ref" in schema:
        return _fill(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, text, number)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][number % len(schema["enum"])]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _fill(schema[several][0], root, text, number)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _fill(each, root, text, number // (at + 1)) for at, (name, each) in enumerate(properties.items())}
    if kind == "array":
        size = max(schema.get("minItems", 0), min(2, schema.get("maxItems", 2)))
        sentences = text.split(". ")
        return [_fill(schema["items"], root, sentences[at % len(sentences)], number + at) for at in range(size)]
    if kind == "string":
        return text[: schema.get("maxLength", len(text))]
    if kind in {"integer", "number"}:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        middle = (low + schema.get("maximum", schema.get("exclusiveMaximum", low + 10))) / 2
        return int(middle) if kind == "integer" else middle
    if kind == "boolean":
        return True
    raise ValueError(f"no answer to a schema of type {kind!r}")


# --- The server.


class Seen:
    """What an endpoint remembers between two resets."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.shares = behaviour.shares()
        self.latency = latency_stream(behaviour.mean, behaviour.sigma, behaviour.seed)
        self.outcomes: Counter[str] = Counter()
        self.times: Counter[bytes] = Counter()
        self.too_long: dict[bytes, int] = {}
        self.recent: deque[float] = deque()
        self.asked: dict[bytes, int] = {}
        self.requests = self.in_flight = self.most = 0
        self.busy = 0.0
        self.first = self.last = self.answered = None

    first: float | None
    last: float | None
    answered: float | None

    def as_json(self) -> dict[str, Any]:
        """Returns the statistics.

        ``outcomes``: ok; the faults by name; gone (the client left first); and what was turned away at the door: down,
        status, key, no_schema, bad, limit, rate. ``distinct``: bodies past the door, max_tokens aside. Times are
        seconds since the epoch. ``busy``: sum of the latencies that were served to their end.
        """
        return {
            "requests": self.requests,
            "outcomes": dict(self.outcomes),
            "in_flight": self.in_flight,
            "most_in_flight": self.most,
            "distinct": len(self.times),
            "first_request": self.first,
            "last_request": self.last,
            "last_answer": self.answered,
            "busy": self.busy,
        }

    def fault(self, body: bytes, asked: int) -> tuple[str, bool]:
        """Returns the fault of this request, empty for none, and a coin for its details.

        Drawn by the body and how often it was seen, so that a retry can succeed; only a text that was too long stays
        so, until the request allows it twice the first one's tokens.
        """
        again = self.times[body]
        self.times[body] = again + 1
        first = self.asked.setdefault(body, asked)
        if not self.shares:
            return "", False
        digest = blake2b(b"%d %d " % (self.behaviour.seed, again) + body, digest_size=9).digest()
        draw = int.from_bytes(digest[:8]) / 2**64
        found = ""
        for kind, share in self.shares.items():
            if draw < share:
                found = kind
                break
            draw -= share
        if found == "length":
            self.too_long[body] = first
        if found in {"", "length"} and body in self.too_long:
            found = "" if first and asked >= 2 * first else "length"
        return found, bool(digest[8] & 1)


class Server:
    """Answers requests; without a router, since it has to keep up with 3,000 a second."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.seen = Seen(behaviour)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Returns the answer to any request."""
        if request.path == "/v1/chat/completions" and request.method == "POST":
            return await self.chat(request)
        if request.path == "/stats":
            return _json(self.seen.as_json())
        if request.path == "/reset" and request.method == "POST":
            data = await request.read()
            self.seen = Seen(Behaviour(**_loads(data)) if data else self.seen.behaviour)
            return _json({})
        if request.path == "/v1/models":
            return _json({"object": "list", "data": [{"id": "made-up", "object": "model", "owned_by": "tests"}]})
        return _error(404, f"no route {request.method} {request.path}")

    async def chat(self, request: web.BaseRequest) -> web.StreamResponse:
        """Returns the answer to a request for a completion."""
        data = await request.read()
        seen = self.seen  # a reset while it sleeps does not get its counts
        seen.requests += 1
        seen.last = time.time()
        seen.first = seen.first or seen.last
        try:
            body = _loads(data)
            turned_away = door(seen, request, body)
            text = "" if turned_away else answer(body)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            turned_away, text = ("bad", _error(400, f"not a request this endpoint understands: {error!r}")), ""
        if turned_away:
            seen.outcomes[turned_away[0]] += 1
            seen.answered = time.time()
            return turned_away[1]
        asked = body.get("max_completion_tokens") or body.get("max_tokens") or 0
        rest = {name: value for name, value in body.items() if name not in {"max_tokens", "max_completion_tokens"}}
        fault, coin = seen.fault(blake2b(_dumps(rest), digest_size=16).digest(), asked)
        if fault == "429":
            seen.outcomes["429"] += 1
            seen.answered = time.time()
            return _error(429, "Rate limit reached, try again later.", {"Retry-After": "1"} if coin else None)
        return await self.serve(request, seen, fault, _completion(body, text))

    async def serve(
        self, request: web.BaseRequest, seen: Seen, fault: str, completion: dict[str, Any]
    ) -> web.StreamResponse:
        """Returns the answer after its latency."""
        seconds = next(seen.latency)
        seen.in_flight += 1
        seen.most = max(seen.most, seen.in_flight)
        outcome = "gone"
        try:
            if fault == "hang":
                outcome = "hang"
                await asyncio.Event().wait()
            if seconds:
                await asyncio.sleep(seconds)
            seen.busy += seconds
            outcome = fault or "ok"
            seen.answered = time.time()
            if fault == "reset":
                if request.transport is not None:
                    request.transport.abort()
                await asyncio.Event().wait()  # the lost connection cancels this
            return _answer_with(fault, completion)
        finally:
            seen.in_flight -= 1
            seen.outcomes[outcome] += 1


def door(seen: Seen, request: web.BaseRequest, body: Mapping[str, Any]) -> tuple[str, web.Response] | None:
    """Returns why a request is turned away at once, with the answer; such a request takes no latency."""
    chosen = seen.behaviour
    if chosen.down:
        return "down", _error(503, "The server is overloaded or not ready yet.")
    if chosen.status:
        return "status", _error(chosen.status, f"Made up: every request is answered with {chosen.status}.")
    if chosen.key and request.headers.get("Authorization") != f"Bearer {chosen.key}":
        return "key", _error(401, "Incorrect API key provided.", code="invalid_api_key")
    if chosen.no_schema and body.get("response_format"):
        return "no_schema", _error(400, "'response_format' is not supported with this model.", param="response_format")
    if chosen.limit and seen.in_flight >= chosen.limit:
        return "limit", _error(429, f"More than {chosen.limit} requests at once.", code="rate_limit_exceeded")
    if chosen.rate:
        now = time.monotonic()
        while seen.recent and seen.recent[0] <= now - 1:
            seen.recent.popleft()
        if len(seen.recent) >= chosen.rate:
            away = {"Retry-After": "1"}
            return "rate", _error(429, f"More than {chosen.rate:g} requests a second.", away, "rate_limit_exceeded")
        seen.recent.append(now)
    return None


def _completion(body: Mapping[str, Any], text: str) -> dict[str, Any]:
    asked, said = sum(len(_content(message)) for message in body["messages"]) // 4 + 1, len(text) // 4 + 1
    return {
        "id": "chatcmpl-made-up",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    }


def _answer_with(fault: str, completion: dict[str, Any]) -> web.Response:
    """Returns the completion, spoilt by the fault if there is one."""
    if not fault:
        return _json(completion)
    if fault.isdigit():
        return _error(int(fault), "The server had an error while processing your request.")
    if fault == "empty":
        return web.Response(body=b"", content_type="application/json")
    if fault == "html":
        return web.Response(body=b"<html><body><h1>Please sign in</h1></body></html>", content_type="text/html")
    if fault == "broken":
        whole = _dumps(completion)
        return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
    choice, usage = completion["choices"][0], completion["usage"]
    text = choice["message"]["content"]
    choice["message"]["content"] = text[: len(text) // 2]
    choice["finish_reason"] = "length"
    usage["completion_tokens"] = len(text) // 8 + 1
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    return _json(completion)


def _json(value: Any) -> web.Response:
    return web.Response(body=_dumps(value), content_type="application/json")


def _error(
    status: int, message: str, headers: dict[str, str] | None = None, code: str | None = None, param: str | None = None
) -> web.Response:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    body = _dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


async def serve(behaviour: Behaviour, port: int, listening: Callable[[int], None]) -> None:
    """Serves until cancelled; tells the port once it listens."""
    # A connection is kept for an hour: closing an idle one would look like a fault that was not asked for.
    server = web.Server(Server(behaviour).handle, handler_cancellation=True, access_log=None, keepalive_timeout=3600)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=4096, shutdown_timeout=0)
    await site.start()
    listening(runner.addresses[0][1])
    await asyncio.Event().wait()


def arguments() -> argparse.Namespace:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in fields(Behaviour):
        name = "--" + field.name.replace("_", "-")
        if isinstance(field.default, bool):
            parser.add_argument(name, action="store_true")
        else:
            parser.add_argument(name, type=type(field.default), default=field.default)
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    parser.add_argument("--options", help=argparse.SUPPRESS)
    parser.add_argument("--until-eof", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Serves until interrupted."""
    chosen = arguments()
    given = {field.name: getattr(chosen, field.name) for field in fields(Behaviour)}
    behaviour = Behaviour(**(json.loads(chosen.options) if chosen.options else given))
    behaviour.shares()
    if chosen.until_eof:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is for the client
        threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        asyncio.run(serve(behaviour, chosen.port, lambda port: print(port, flush=True)))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
