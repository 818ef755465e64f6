"""Clients: whatever an endpoint does is an answer or a failure of the right kind, and no key is in any words."""

from __future__ import annotations

import asyncio
import email.utils
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from distilabel.models.llms.base import LLM, AsyncLLM

from corpusgen.endpoints.answers import Answer, Ask, Failure, Outcome
from corpusgen.endpoints.client import Client, DistilabelClient, OpenAIClient
from corpusgen.errors import UsageError
from tests.endpoint import Endpoint

KEY = "sk-planted-" + "k3y" * 20
SCHEMA = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}},
    "required": ["prompt"],
    "additionalProperties": False,
}


def ask(text: str = "REPLY WITH: Yes, of course.", schema: Mapping[str, Any] | None = None, **parameters: Any) -> Ask:
    return Ask("cell 0 0", "prompt/1", [{"role": "user", "content": text}], parameters, schema)


def outcomes(client: Client, *asked: Ask) -> list[Outcome]:
    async def each() -> list[Outcome]:
        try:
            return [await client.ask(one, "made-up", one.max_tokens) for one in asked]
        finally:
            await client.close()

    return asyncio.run(each())


def outcome(url: str, asked: Ask | None = None, timeout_s: float = 5) -> Outcome:
    (found,) = outcomes(OpenAIClient(url, timeout_s), asked or ask())
    return found


def failure(url: str, timeout_s: float = 5) -> Failure:
    found = outcome(url, timeout_s=timeout_s)
    assert isinstance(found, Failure)
    return found


class Canned:
    """An endpoint that answers everything with what is set, and remembers what it was sent."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 200, {}, b""
        self.seen: list[tuple[Mapping[str, str], dict[str, Any]]] = []
        canned = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                canned.seen.append((dict(self.headers), json.loads(sent)))
                self.send_response(canned.status)
                for name, value in {**canned.headers, "Content-Length": str(len(canned.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(canned.body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def says(self, body: Any, status: int = 200, **headers: str) -> None:
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answers(self, content: Any, usage: Any = None, reason: str = "stop", **message: Any) -> None:
        choice = {"message": {"role": "assistant", "content": content, **message}, "finish_reason": reason}
        self.says({"choices": [choice], "usage": usage})


@pytest.fixture
def canned() -> Iterator[Canned]:
    found = Canned()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


# Outcomes.


def test_an_answer_comes_with_its_tokens(endpoint: Endpoint) -> None:
    assert outcome(endpoint.url + "/") == Answer("Yes, of course.", 7, 4)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "request"),
        (401, "refused_us"),
        (402, "refused_us"),
        (403, "request"),
        (404, "refused_us"),
        (405, "refused_us"),
        (408, "server"),
        (413, "request"),
        (422, "request"),
        (429, "busy"),
        (500, "server"),
        (502, "server"),
        (503, "server"),
        (529, "server"),
    ],
)
def test_a_status_becomes_a_kind_in_the_endpoints_own_words(endpoint: Endpoint, status: int, kind: str) -> None:
    endpoint.reset(mean=0, status=status)
    assert failure(endpoint.url) == Failure(
        kind,  # type: ignore[arg-type]  # one of the kinds, by parameter
        f"{status}: Made up: every request is answered with {status}.",
    )


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("reset", "connection", "ServerDisconnected"),
        ("empty", "malformed", "an empty body"),
        ("broken", "malformed", "not an answer"),
        ("html", "malformed", "Please sign in"),
        ("length", "length", "cut off"),
        ("hang", "timeout", "no answer within 0.3 s"),
    ],
)
def test_a_fault_becomes_a_kind(endpoint: Endpoint, fault: str, kind: str, words: str) -> None:
    endpoint.reset(mean=0, faults={fault: 1})
    found = failure(endpoint.url, timeout_s=0.3)
    assert found.kind == kind
    assert words in found.words
    assert (found.output_tokens > 0) == (fault == "length")


def test_nobody_at_home_is_a_lost_connection() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        found = failure(f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
    assert found.kind == "connection"
    assert "refused" in found.words.lower() or "Cannot connect" in found.words


def test_no_money_left_is_not_a_busy_server(canned: Canned) -> None:
    canned.says({"error": {"message": "You exceeded your quota.", "code": "insufficient_quota"}}, 429)
    assert failure(canned.url) == Failure("refused_us", "429: You exceeded your quota.")


def test_a_content_filter_and_a_refusal_are_no_answers(canned: Canned) -> None:
    canned.answers("I", {"prompt_tokens": 9, "completion_tokens": 1}, "content_filter")
    assert failure(canned.url)[:1] + failure(canned.url)[3:] == ("filtered", 9, 1)
    canned.answers(None, refusal="I can't help with that.")
    assert failure(canned.url)[:2] == ("filtered", "refused: I can't help with that.")


@pytest.mark.parametrize("content", [None, "", " \n", 5, ["a"], "half of an emoji \ud83d"])
def test_an_answer_without_whole_text_is_malformed(canned: Canned, content: Any) -> None:
    canned.answers(content)
    assert failure(canned.url).kind == "malformed"


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b'"yes"',
        b"{}",
        b'{"choices": []}',
        b'{"choices": [null]}',
        b'{"choices": [{"message": null}]}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_completion_is_malformed(canned: Canned, body: bytes) -> None:
    canned.says(body)
    assert failure(canned.url).kind == "malformed"


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, (0, 0)),
        ({}, (0, 0)),
        ("many", (0, 0)),
        ([1, 2], (0, 0)),
        ({"prompt_tokens": "7", "completion_tokens": None}, (0, 0)),
        ({"prompt_tokens": -7, "completion_tokens": float("nan")}, (0, 0)),
        ({"prompt_tokens": 2**80, "completion_tokens": float("inf")}, (0, 0)),
        ({"prompt_tokens": 7.0, "completion_tokens": 3}, (7, 3)),
    ],
)
def test_an_odd_count_of_tokens_spoils_no_answer(canned: Canned, usage: Any, tokens: tuple[int, int]) -> None:
    canned.answers("Yes.", usage)
    assert outcome(canned.url) == Answer("Yes.", *tokens)


# Retry-After.


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("1.5", 1.5), ("-3", 0), ("", None), ("soon", None), ("inf", None), ("nan", None)],
)
def test_retry_after_in_seconds(canned: Canned, value: str, seconds: float | None) -> None:
    canned.says({"error": {"message": "slow down"}}, 429, Retry_After=value)
    assert failure(canned.url) == Failure("busy", "429: slow down", seconds)


def test_retry_after_as_a_date(canned: Canned) -> None:
    for ahead, expected in ((90, 90), (-90, 0)):
        canned.says(b"", 503, Retry_After=email.utils.formatdate(time.time() + ahead, usegmt=True))
        found = failure(canned.url)
        assert found.kind == "busy"  # a server that says when to come back is not broken
        assert found.retry_after == pytest.approx(expected, abs=2)


# The request.


def test_parameters_and_room_are_sent_under_the_name_that_the_recipe_uses(canned: Canned) -> None:
    canned.answers("Yes.")
    client = OpenAIClient(canned.url, 5)

    async def both() -> None:
        await client.ask(ask(temperature=0.2, max_tokens=100), "made-up", 200)
        await client.ask(ask(max_completion_tokens=100), "made-up", 400)
        await client.close()

    asyncio.run(both())
    first, second = (body for _, body in canned.seen)
    assert (first["model"], first["temperature"], first["max_tokens"]) == ("made-up", 0.2, 200)
    assert second["max_completion_tokens"] == 400
    assert "max_tokens" not in second
    assert "response_format" not in first


def test_a_schema_is_kept_where_the_endpoint_has_them(endpoint: Endpoint) -> None:
    found = outcome(endpoint.url, ask(schema=SCHEMA))
    assert isinstance(found, Answer)
    assert json.loads(found.text) == {"prompt": "Yes, of course."}


def test_a_schema_is_dropped_for_good_where_it_has_none(endpoint: Endpoint) -> None:
    endpoint.reset(mean=0, no_schema=True)
    client = OpenAIClient(endpoint.url, 5)
    found = outcomes(client, *[ask(schema=SCHEMA)] * 3)
    assert found == [Answer("Yes, of course.", 7, 4)] * 3
    assert endpoint.stats()["outcomes"] == {"no_schema": 1, "ok": 3}
    assert not client.structured


# The key.


def test_the_key_of_the_environment_opens_the_door(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint.reset(mean=0, key=KEY)
    assert failure(endpoint.url).kind == "refused_us"
    for value in (KEY, f" {KEY}\n"):  # as a file with a line end gives it
        monkeypatch.setenv("OPENAI_API_KEY", value)
        assert isinstance(outcome(endpoint.url), Answer)


@pytest.mark.parametrize("before", [0, 230, 290])
@pytest.mark.parametrize("status", [200, 401])
@pytest.mark.parametrize("ending", ["", "\n"])
def test_a_key_that_the_endpoint_repeats_is_in_no_words(
    canned: Canned, monkeypatch: pytest.MonkeyPatch, before: int, status: int, ending: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY + ending)
    for body in ({"error": {"message": "x" * before + f" {KEY} is wrong"}}, ("y" * before + KEY).encode()):
        canned.says(body, status)
        found = failure(canned.url)
        assert not any(KEY[:size] in found.words for size in range(8, len(KEY) + 1)), found.words
    assert canned.seen[-1][0]["Authorization"] == f"Bearer {KEY}"


def test_without_a_key_none_is_sent(canned: Canned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    canned.answers("Yes.")
    outcome(canned.url)
    assert "Authorization" not in canned.seen[0][0]


# Other LLM classes of distilabel.


class Slow(LLM):
    """Answers one at a time, and says how many were in it at most."""

    seconds: float = 0.0
    text: Any = "Yes."
    statistics: Any = None
    _inside: int = 0

    @property
    def model_name(self) -> str:
        return "slow"

    def generate(self, inputs: list[Any], num_generations: int = 1, **kwargs: Any) -> list[Any]:
        assert num_generations == 1
        self._inside += 1
        time.sleep(self.seconds)
        self._inside -= 1
        if self._inside or isinstance(self.text, Exception):
            raise self.text if isinstance(self.text, Exception) else RuntimeError("two at a time")
        return [{"generations": [self.text], "statistics": self.statistics or {}} for _ in inputs]


class Echo(AsyncLLM):
    """Repeats what it is asked, with its parameters."""

    seconds: float = 0.0
    _open: bool = False

    def load(self) -> None:
        super().load()
        self._open = True

    def unload(self) -> None:
        self._open = False

    @property
    def model_name(self) -> str:
        return "echo"

    async def agenerate(self, input: list[Any], num_generations: int = 1, **kwargs: Any) -> dict[str, Any]:
        assert self._open
        await asyncio.sleep(self.seconds)
        said = json.dumps([input, kwargs])
        return {"generations": [said], "statistics": {"input_tokens": [3], "output_tokens": [4]}}


def other(name: str, timeout_s: float = 5, **arguments: Any) -> DistilabelClient:
    return DistilabelClient(f"{__name__}.{name}", arguments, timeout_s)


def test_an_async_class_gets_messages_and_parameters_and_is_unloaded() -> None:
    client = other("Echo")
    (found,) = outcomes(client, ask("Hello", temperature=0.5, max_tokens=50))
    messages = [{"role": "user", "content": "Hello"}]
    assert found == Answer(json.dumps([messages, {"temperature": 0.5, "max_new_tokens": 50}]), 3, 4)
    assert not client.llm._open


def test_requests_to_an_async_class_run_side_by_side() -> None:
    async def ten(client: DistilabelClient) -> list[Outcome]:
        return await asyncio.gather(*(client.ask(ask(str(number)), "echo", 100) for number in range(10)))

    start = time.monotonic()
    found = asyncio.run(ten(other("Echo", seconds=0.2)))
    assert time.monotonic() - start < 1
    assert [json.loads(one.text)[0][0]["content"] for one in found] == [str(number) for number in range(10)]  # type: ignore[union-attr]


def test_a_sync_class_is_asked_one_at_a_time_and_waiting_is_no_timeout() -> None:
    async def five(client: DistilabelClient) -> list[Outcome]:
        return await asyncio.gather(*(client.ask(ask(), "slow", 100) for _ in range(5)))

    assert asyncio.run(five(other("Slow", timeout_s=0.3, seconds=0.1))) == [Answer("Yes.", 0, 0)] * 5


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"text": None}, "malformed", "without text"),
        ({"text": " "}, "malformed", "without text"),
        ({"text": "half \ud83d"}, "malformed", "half a character"),
        ({"text": ConnectionError(f"bad key {KEY}")}, "server", "ConnectionError: bad key [key]"),
        ({"statistics": {"output_tokens": "x"}}, "ok", ""),
        ({"statistics": {"output_tokens": 5}}, "server", "TypeError"),
        ({"statistics": {"output_tokens": [100]}}, "length", "used up"),
        ({"seconds": 0.5}, "timeout", "no answer within 0.1 s"),
    ],
)
def test_what_a_class_does_becomes_a_kind(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], kind: str, words: str
) -> None:
    monkeypatch.setenv("OTHER_API_KEY", KEY)
    (found,) = outcomes(other("Slow", timeout_s=0.1, **arguments), ask(max_tokens=100))
    if kind == "ok":
        assert found == Answer("Yes.", 0, 0)
        return
    assert isinstance(found, Failure)
    assert found.kind == kind
    assert words in found.words
    assert KEY not in found.words


@pytest.mark.parametrize(
    ("path", "arguments"),
    [("no.such.module.LLM", {}), ("json.NoSuchClass", {}), ("plain", {}), (f"{__name__}.Slow", {"seconds": "long"})],
)
def test_a_class_that_cannot_be_used_is_a_usage_error_that_names_it(path: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="LLM class") as caught:
        DistilabelClient(path, arguments, 5)
    assert path in caught.value.what
    assert "llm_arguments" in (caught.value.do or "")
