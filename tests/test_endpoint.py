"""The made-up endpoint keeps the laws that tests and benchmarks rely on."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from statistics import mean, pstdev
from typing import Any

import aiohttp
import pytest

from tests.endpoint import Endpoint, latencies, perfect_queue, plain_text

SCHEMA = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string"},
        "score": {"type": "integer", "minimum": 1, "maximum": 5},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "kept": {"type": "boolean"},
        "verdict": {"$ref": "#/$defs/Verdict"},
        "reasons": {"type": "array", "items": {"type": "string"}, "minItems": 3},
    },
    "required": ["prompt", "score", "share", "kept", "verdict", "reasons"],
    "$defs": {"Verdict": {"type": "string", "enum": ["pass", "fail"]}},
}


@pytest.fixture(scope="module")
def process() -> Iterator[Endpoint]:
    with Endpoint(mean=0) as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(process: Endpoint) -> Endpoint:
    process.reset(mean=0)
    return process


def body(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "made-up", "messages": [{"role": "user", "content": text}], **more}


async def ask(session: aiohttp.ClientSession, endpoint: Endpoint, asked: dict[str, Any]) -> tuple[str, Any]:
    """Returns the outcome as a client sees it, with the answer."""
    try:
        async with session.post(f"{endpoint.url}/chat/completions", json=asked) as answer:
            text = await answer.text()
            if answer.status != 200:
                return str(answer.status), json.loads(text)
            if answer.content_type != "application/json":
                return "html", text
            if not text:
                return "empty", text
            found = json.loads(text)
            return found["choices"][0]["finish_reason"], found
    except json.JSONDecodeError:
        return "broken", None
    except TimeoutError:  # before its kin, the lost connection
        return "hang", None
    except aiohttp.ClientConnectionError:
        return "reset", None


def ask_all(
    endpoint: Endpoint, bodies: list[dict[str, Any]], slots: int = 200, patience: float = 5, **client: Any
) -> list[tuple[str, Any]]:
    async def run() -> list[tuple[str, Any]]:
        connector, timeout = aiohttp.TCPConnector(limit=slots), aiohttp.ClientTimeout(sock_read=patience)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, **client) as session:
            return await asyncio.gather(*(ask(session, endpoint, asked) for asked in bodies))

    return asyncio.run(run())


def content(answer: tuple[str, Any]) -> str:
    return str(answer[1]["choices"][0]["message"]["content"])


def test_latencies_are_lognormal_with_the_mean_asked_for() -> None:
    drawn = latencies(20_000, 0.5, 0.6, 1)
    assert mean(drawn) == pytest.approx(0.5, rel=0.02)
    assert pstdev(drawn) == pytest.approx(0.5 * 0.658, rel=0.05)  # mean * sqrt(exp(sigma^2) - 1)
    assert latencies(10, 0.5, 0.6, 1) == drawn[:10]
    assert latencies(10, 0.5, 0.6, 2) != drawn[:10]


def test_a_perfect_queue_is_bounded_by_its_work_and_its_longest_job() -> None:
    assert perfect_queue([3, 1, 1, 1], 2) == 3
    assert perfect_queue([1, 1, 1, 3], 2) == 4
    assert perfect_queue([1, 2, 3], 1) == 6


def test_requests_take_their_latencies_in_order_of_arrival(endpoint: Endpoint) -> None:
    endpoint.reset(mean=0.02, sigma=0.6, seed=1)
    start = time.perf_counter()
    ask_all(endpoint, [body(f"task {each}") for each in range(200)], slots=20)
    took, stats, drawn = time.perf_counter() - start, endpoint.stats(), latencies(200, 0.02, 0.6, 1)
    assert stats["outcomes"] == {"ok": 200}
    assert stats["busy"] == pytest.approx(sum(drawn))
    assert stats["most_in_flight"] == 20
    span = stats["last_answer"] - stats["first_request"]
    assert perfect_queue(drawn, 20) <= span <= took


def test_the_text_is_a_function_of_model_messages_and_seed(endpoint: Endpoint) -> None:
    asked = [body("a"), body("a", temperature=1, max_tokens=9), body("b"), body("a", seed=1), body("a")]
    first, second, other, seeded, again = map(content, ask_all(endpoint, asked, slots=1))
    assert first == second == again
    assert len({first, other, seeded}) == 3
    assert all(60 <= len(plain_text(each << 70).split()) <= 120 for each in range(500))


def test_it_replies_with_what_it_is_told(endpoint: Endpoint) -> None:
    asked = [
        body("Do this.\nREPLY WITH: Yes, of course.\nThank you."),
        body("REPLY WITH: aa", response_format=schema()),
    ]
    plain, shaped = map(content, ask_all(endpoint, asked))
    assert plain == "Yes, of course."
    assert json.loads(shaped)["prompt"] == "aa"


def schema() -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "verdict", "schema": SCHEMA}}


def test_a_schema_is_satisfied(endpoint: Endpoint) -> None:
    found = json.loads(content(ask_all(endpoint, [body("judge", response_format=schema())])[0]))
    assert list(found) == sorted(SCHEMA["required"])
    assert (found["score"], found["share"], found["kept"]) == (3, 0.5, True)
    assert found["verdict"] in {"pass", "fail"}
    assert len(found["reasons"]) == 3
    assert len(found["prompt"].split()) >= 60


def test_faults_come_in_their_shares_and_again_in_another_run(endpoint: Endpoint) -> None:
    shares = {"429": 0.1, "500": 0.1, "reset": 0.05, "empty": 0.05, "broken": 0.05, "html": 0.05, "length": 0.05}
    bodies = [body(f"task {each}", max_tokens=100) for each in range(600)]
    runs = []
    for _ in range(2):
        endpoint.reset(mean=0, faults=shares)
        runs.append([outcome for outcome, _ in ask_all(endpoint, bodies)])
    assert runs[0] == runs[1]
    seen = Counter(runs[0])
    assert {kind: seen[kind] / 600 for kind in shares} == pytest.approx(shares, abs=0.05)
    assert set(seen) == {*shares, "stop"}
    stats = endpoint.stats()
    assert stats["outcomes"] == {**{kind: seen[kind] for kind in shares}, "ok": seen["stop"]}
    assert stats["distinct"] == 600


def test_a_retry_draws_anew_but_a_text_stays_too_long_until_it_may_be_longer(endpoint: Endpoint) -> None:
    endpoint.reset(mean=0, faults={"500": 0.5})
    retries = [outcome for outcome, _ in ask_all(endpoint, [body("a")] * 20, slots=1)]
    assert set(retries) == {"500", "stop"}
    endpoint.reset(mean=0, faults={"length": 1})
    asked = [body("a", max_tokens=size) for size in (100, 100, 199, 200)]
    outcomes = ask_all(endpoint, asked, slots=1)
    assert [outcome for outcome, _ in outcomes] == ["length", "length", "length", "stop"]
    assert content(outcomes[3]).startswith(content(outcomes[0]))
    assert endpoint.stats()["distinct"] == 1


def test_a_hanging_request_ends_when_the_client_leaves(endpoint: Endpoint) -> None:
    endpoint.reset(mean=0, faults={"hang": 1})
    assert ask_all(endpoint, [body("a")], patience=0.2) == [("hang", None)]
    time.sleep(0.05)
    assert endpoint.stats()["outcomes"] == {"hang": 1}
    assert endpoint.stats()["in_flight"] == 0


def test_a_limit_turns_away_what_exceeds_it(endpoint: Endpoint) -> None:
    endpoint.reset(mean=0.2, sigma=0, limit=4)
    outcomes = Counter(outcome for outcome, _ in ask_all(endpoint, [body(str(each)) for each in range(10)]))
    assert outcomes == {"stop": 4, "429": 6}
    assert endpoint.stats()["most_in_flight"] == 4
    endpoint.reset(mean=0, rate=5)
    assert Counter(outcome for outcome, _ in ask_all(endpoint, [body("a")] * 8)) == {"stop": 5, "429": 3}


@pytest.mark.parametrize(
    ("options", "asked", "outcome"),
    [
        ({"down": True}, body("a"), "503"),
        ({"status": 401}, body("a"), "401"),
        ({"no_schema": True}, body("a", response_format=schema()), "400"),
        ({"key": "secret"}, body("a"), "401"),
        ({}, {"model": "made-up"}, "400"),
    ],
)
def test_requests_are_turned_away_at_the_door(
    endpoint: Endpoint, options: dict[str, Any], asked: dict[str, Any], outcome: str
) -> None:
    endpoint.reset(mean=0, **options)
    found = ask_all(endpoint, [asked])[0]
    assert found[0] == outcome
    assert found[1]["error"]["message"]


def test_the_right_key_opens_the_door(endpoint: Endpoint) -> None:
    endpoint.reset(mean=0, key="secret")
    assert ask_all(endpoint, [body("a")], headers={"Authorization": "Bearer secret"})[0][0] == "stop"


def test_a_wrong_option_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="kinds are"):
        Endpoint(faults={"smoke": 0.1})
