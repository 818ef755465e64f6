"""The gateway, asked over the wire as the pipeline's steps ask it, in front of a made-up endpoint."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from corpusgen.endpoints import Gateway, Journal, Lane
from corpusgen.endpoints.answers import Answer, Ask, Failure, Outcome
from corpusgen.endpoints.budget import Budget
from corpusgen.endpoints.client import Client, OpenAIClient
from corpusgen.endpoints.flow import Flow
from corpusgen.errors import AuthorError, StorageError, Unmet
from corpusgen.pipeline.asking import GatewayLLM
from corpusgen.recipe import Price
from tests.endpoint import Endpoint


@contextmanager
def gateway(
    journal: Path,
    url: str = "",
    *,
    client: Client | None = None,
    timeout_s: float = 5,
    cap: int = 64,
    retries: int = 6,
    budget: Budget | None = None,
    **limits: float,
) -> Iterator[Gateway]:
    """Opens a gateway with one lane, whose endpoint has one name whatever its port."""
    lane = Lane("http://made-up/v1", "made-up", client or OpenAIClient(url, timeout_s), Flow(cap, **limits), retries)
    with closing(Journal(journal)) as kept, Gateway({"author": lane}, kept, budget or Budget({}, None)) as opened:
        yield opened


def llm(asked: Gateway, version: str = "prompt/1", **parameters: Any) -> GatewayLLM:
    return GatewayLLM(
        host=asked.address,
        port=asked.port,
        token=asked.token,
        lane="author",
        model="made-up",
        version=version,
        parameters={"max_tokens": 400, **parameters},
    )


def chat(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"Row {number}.\nREPLY WITH: answer {number}."}]


def ask(asked: Gateway, numbers: range, **parameters: Any) -> list[dict[str, str]]:
    """Returns what came for each row."""
    outputs = llm(asked, **parameters).generate([chat(number) for number in numbers], 1, [str(n) for n in numbers])
    return [json.loads(output["generations"][0]) for output in outputs]


def answers(numbers: range) -> list[dict[str, str]]:
    return [{"text": f"answer {number}."} for number in numbers]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


# Answers.


def test_every_answer_comes_and_to_its_row(endpoint: Endpoint, journal: Path) -> None:
    endpoint.reset(mean=0.02)  # lognormal, so that they come in another order than they were asked in
    with gateway(journal, endpoint.url) as opened:
        assert ask(opened, range(300)) == answers(range(300))
    assert endpoint.stats()["requests"] == 300
    assert 32 < endpoint.stats()["most_in_flight"] <= 64


def test_candidates_are_requests_of_their_own(endpoint: Endpoint, journal: Path) -> None:
    with gateway(journal, endpoint.url) as opened:
        (output,) = llm(opened).generate([chat(1)], 3, ["cell"])
        assert [json.loads(text) for text in output["generations"]] == answers(range(1, 2)) * 3
    assert endpoint.stats()["requests"] == 3


def test_many_askers_share_one_limit(endpoint: Endpoint, journal: Path) -> None:
    endpoint.reset(mean=0.02)
    parts = [range(start, start + 50) for start in range(0, 300, 50)]
    with gateway(journal, endpoint.url, cap=8) as opened, ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda part: ask(opened, part), parts)) == [answers(part) for part in parts]
    assert endpoint.stats()["most_in_flight"] == 8


def test_an_empty_batch_is_answered(endpoint: Endpoint, journal: Path) -> None:
    with gateway(journal, endpoint.url) as opened:
        assert ask(opened, range(0)) == []


def test_a_second_session_on_the_same_journal_sends_nothing(endpoint: Endpoint, journal: Path) -> None:
    with gateway(journal, endpoint.url) as opened:
        ask(opened, range(50))
    endpoint.reset(mean=0, down=True)
    with gateway(journal, endpoint.url) as opened:
        assert ask(opened, range(50)) == answers(range(50))
        assert (opened.counts.kept, opened.counts.answers) == (50, 0)
    assert endpoint.stats()["requests"] == 0


def test_another_version_or_another_parameter_is_asked_anew(endpoint: Endpoint, journal: Path) -> None:
    with gateway(journal, endpoint.url) as opened:
        for changes in ({}, {"version": "prompt/2"}, {"temperature": 0.5}, {}):
            assert ask(opened, range(5), **changes) == answers(range(5))
    assert endpoint.stats()["requests"] == 15


# Failures and retries.


@pytest.mark.slow
def test_what_may_pass_is_tried_again_until_it_does(endpoint: Endpoint, journal: Path) -> None:
    shares = {"429": 0.04, "500": 0.04, "reset": 0.04, "empty": 0.03, "broken": 0.03, "html": 0.03, "hang": 0.01}
    endpoint.reset(mean=0, faults=shares)
    with gateway(journal, endpoint.url, timeout_s=0.5, retries=12) as opened:
        assert ask(opened, range(80)) == answers(range(80))
        assert set(opened.counts.failures) >= {"busy", "server", "connection", "malformed"}
    with closing(Journal(journal)) as kept:
        usage = {item.outcome: item.requests for item in kept.usage()}
    assert usage["answer"] == 80
    assert sum(usage.values()) == endpoint.stats()["requests"]


def test_a_cut_off_answer_gets_more_room_and_is_whole(endpoint: Endpoint, journal: Path) -> None:
    endpoint.reset(mean=0, faults={"length": 1})
    with gateway(journal, endpoint.url) as opened:
        assert ask(opened, range(20)) == answers(range(20))
        assert opened.counts.failures == {"length": 20}
    assert endpoint.stats()["outcomes"] == {"length": 20, "ok": 20}


class Scripted:
    """A client whose outcomes are written down, and which remembers the room that it was given."""

    def __init__(self, *outcomes: Outcome | Exception, last: Outcome | None = None) -> None:
        self.outcomes, self.last, self.rooms = list(outcomes), last or Answer("yes", 5, 5), list[int]()

    async def ask(self, ask: Ask, model: str, max_tokens: int) -> Outcome:
        self.rooms.append(max_tokens)
        found = self.outcomes.pop(0) if self.outcomes else self.last
        if isinstance(found, Exception):
            raise found
        return found

    async def close(self) -> None:
        pass


CUT = Failure("length", "cut off", None, 10, 400)


def test_an_answer_that_stays_cut_off_fails_after_twice_more_room_and_is_not_kept(journal: Path) -> None:
    client = Scripted(last=CUT)
    for _ in range(2):
        with gateway(journal, client=client) as opened:
            assert ask(opened, range(1)) == [{"failure": "length", "words": "cut off"}]
    assert client.rooms == [400, 800, 1600] * 2


@pytest.mark.parametrize("kind", ["request", "filtered"])
def test_what_would_fail_again_is_not_tried_again_nor_kept(journal: Path, kind: Any) -> None:
    client = Scripted(Failure(kind, "400: no"), Failure(kind, "400: no"))
    with gateway(journal, client=client) as opened:
        assert ask(opened, range(1)) == [{"failure": kind, "words": "400: no"}]
        assert ask(opened, range(1)) == [{"failure": kind, "words": "400: no"}]
        assert ask(opened, range(1)) == [{"text": "yes"}]


def test_retries_are_counted_and_the_last_words_are_told(journal: Path) -> None:
    client = Scripted(last=Failure("server", "500: oh no"))
    with gateway(journal, client=client, retries=2) as opened:
        assert ask(opened, range(1)) == [{"failure": "server", "words": "500: oh no"}]
    assert client.rooms == [400] * 3


def test_retry_after_is_waited_for(journal: Path) -> None:
    start = time.monotonic()
    with gateway(journal, client=Scripted(Failure("busy", "429", 1.0))) as opened:
        assert ask(opened, range(1)) == [{"text": "yes"}]
    assert 1.0 <= time.monotonic() - start < 2.0


def test_a_fault_of_a_client_costs_its_row_and_no_other(journal: Path) -> None:
    with gateway(journal, client=Scripted(ZeroDivisionError("a bug"), ValueError("another"))) as opened:
        found = ask(opened, range(10))
    assert found.count({"failure": "request", "words": "ZeroDivisionError: a bug"}) == 1
    assert found.count({"failure": "request", "words": "ValueError: another"}) == 1
    assert found.count({"text": "yes"}) == 8


def test_the_limit_backs_off_above_a_servers_limit_and_everything_is_answered(
    endpoint: Endpoint, journal: Path
) -> None:
    endpoint.reset(mean=0.05, sigma=0.3, limit=8)
    with gateway(journal, endpoint.url, cap=64) as opened:
        assert ask(opened, range(300)) == answers(range(300))
        assert opened.lanes["author"].flow.limit < 16
    outcomes = endpoint.stats()["outcomes"]
    assert outcomes["ok"] == 300
    assert 0 < outcomes["limit"] < 300


# Endings.


def stops_within(seconds: float, opened: Gateway, numbers: range) -> list[dict[str, str]]:
    start = time.monotonic()
    found = ask(opened, numbers)
    assert time.monotonic() - start < seconds
    return found


@pytest.mark.slow
def test_an_endpoint_that_is_down_stops_within_seconds_and_says_so(endpoint: Endpoint, journal: Path) -> None:
    endpoint.reset(mean=0, down=True)
    told = []
    with gateway(journal, endpoint.url) as opened:
        opened.when_stopped = lambda: told.append(1)
        found = stops_within(8, opened, range(200))
        assert {item["failure"] for item in found} == {"stopped"}
        assert isinstance(opened.stopped, AuthorError)
        assert "overloaded or not ready" in opened.stopped.what
        assert "run the same command again" in (opened.stopped.do or "")
        assert opened.stopped.where == "http://made-up/v1"
        assert told == [1]
        # and whoever asks later hears it at once
        assert {item["failure"] for item in stops_within(1, opened, range(200, 210))} == {"stopped"}


def test_nobody_at_the_address_stops_it_too(journal: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with gateway(journal, f"http://127.0.0.1:{taken.getsockname()[1]}/v1") as opened:
            opened.lanes["author"].breaker.seconds = 1.0
            assert {item["failure"] for item in stops_within(8, opened, range(100))} == {"stopped"}
            assert isinstance(opened.stopped, AuthorError)


def test_a_wrong_key_stops_at_once_after_a_handful_of_requests(endpoint: Endpoint, journal: Path) -> None:
    endpoint.reset(mean=0, status=401)
    with gateway(journal, endpoint.url, cap=8) as opened:
        found = stops_within(2, opened, range(500))
        assert "401" in (opened.stopped.what if opened.stopped else "")
    assert {item["failure"] for item in found} == {"refused_us", "stopped"}
    assert endpoint.stats()["requests"] <= 16


PRICE = {"made-up": Price(input=10, output=30)}


@pytest.mark.parametrize("most", [0.03, 0.1])
def test_the_budget_stops_before_it_is_passed_and_what_was_paid_is_kept(
    endpoint: Endpoint, journal: Path, most: float
) -> None:
    endpoint.reset(mean=0.01)
    budget = Budget(PRICE, most)
    with gateway(journal, endpoint.url, budget=budget) as opened:
        found = ask(opened, range(800))
        assert isinstance(opened.stopped, Unmet)
        assert "budget_usd" in (opened.stopped.do or "")
    paid = [item for item in found if "text" in item]
    assert {item.get("failure") for item in found} == {None, "stopped"}
    with closing(Journal(journal)) as kept:
        spent = sum(item.cost_usd for item in kept.usage())
    # it stops when a request at its dearest no longer fits
    assert most - 0.02 < spent <= most
    assert spent == pytest.approx(budget.spent)
    assert endpoint.stats()["requests"] == len(paid)
    endpoint.reset(mean=0)
    with gateway(journal, endpoint.url, budget=Budget(PRICE, most, spent)) as opened:
        assert [item for item in ask(opened, range(800)) if "text" in item] == paid
    assert endpoint.stats()["requests"] == 0


@pytest.mark.parametrize("outcome", [Answer("yes", 0, 0), Failure("timeout", "slow"), Failure("malformed", "<html>")])
def test_what_an_endpoint_does_not_count_is_charged_at_its_dearest(journal: Path, outcome: Outcome) -> None:
    client = Scripted(last=outcome)
    with gateway(journal, client=client, budget=Budget(PRICE, 0.06), retries=20) as opened:
        found = ask(opened, range(100))
        assert isinstance(opened.stopped, Unmet)
        assert opened.budget.spent <= 0.06
    # 400 tokens of an answer are 1.2 cents, and those of the question next to nothing
    assert len(client.rooms) == 4
    assert sum("text" in item for item in found) == (4 if isinstance(outcome, Answer) else 0)


@pytest.mark.parametrize("outcome", [Failure("busy", "429"), Failure("server", "500"), Failure("connection", "reset")])
def test_what_an_endpoint_turned_away_costs_nothing(journal: Path, outcome: Outcome) -> None:
    with gateway(journal, client=Scripted(outcome, last=Answer("yes", 10, 10)), budget=Budget(PRICE, 1)) as opened:
        assert ask(opened, range(1)) == [{"text": "yes"}]
        assert opened.budget.spent == pytest.approx(0.0004)


def meanwhile(act: Callable[[], object], opened: Gateway, numbers: range, in_flight: int) -> list[dict[str, str]]:
    """Asks, and does something once so many requests are in flight."""
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, opened, numbers)
        end = time.monotonic() + 5
        while opened.lanes["author"].flow.in_flight < in_flight:
            assert time.monotonic() < end
            time.sleep(0.01)
        act()
        return asked.result(timeout=20)


def test_an_interrupt_lets_what_is_in_flight_come_home(endpoint: Endpoint, journal: Path) -> None:
    endpoint.reset(mean=0.5, sigma=0)
    with gateway(journal, endpoint.url, cap=16) as opened:
        found = meanwhile(opened.interrupt, opened, range(100), 16)
        assert isinstance(opened.stopped, Unmet)
    paid = [item for item in found if "text" in item]
    assert len(paid) == endpoint.stats()["requests"] == 16
    assert {item.get("failure") for item in found} == {None, "stopped"}
    endpoint.reset(mean=0)
    with gateway(journal, endpoint.url) as opened:
        assert ask(opened, range(100)) == answers(range(100))
    assert endpoint.stats()["requests"] == 84


def test_an_interrupt_does_not_wait_for_a_limit_a_minute_nor_for_a_pause(endpoint: Endpoint, journal: Path) -> None:
    endpoint.reset(mean=0, faults={"500": 1})
    with gateway(journal, endpoint.url, requests_per_minute=6) as opened:
        start = time.monotonic()
        timer = threading.Timer(0.3, opened.interrupt)
        timer.start()
        assert {item["failure"] for item in ask(opened, range(50))} == {"stopped"}
        assert time.monotonic() - start < 2


def test_an_interrupt_waits_for_a_hanging_request_for_some_seconds_only(
    endpoint: Endpoint, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corpusgen.endpoints.gateway.GRACE_S", 0.5)
    endpoint.reset(mean=0, faults={"hang": 1})
    with gateway(journal, endpoint.url, timeout_s=60) as opened:
        start = time.monotonic()
        assert {item["failure"] for item in meanwhile(opened.interrupt, opened, range(10), 10)} == {"stopped"}
        assert 0.5 <= time.monotonic() - start < 3


def test_an_interrupt_after_the_budget_waits_no_longer(
    endpoint: Endpoint, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corpusgen.endpoints.gateway.GRACE_S", 0.5)
    endpoint.reset(mean=0, faults={"hang": 1})
    with gateway(journal, endpoint.url, timeout_s=60, budget=Budget(PRICE, 0.03)) as opened:

        def act() -> None:
            opened._loop.call_soon_threadsafe(lambda: opened._stop(Unmet("the budget is reached"), None))
            opened.interrupt()

        start = time.monotonic()
        meanwhile(act, opened, range(10), 2)
        assert 0.5 <= time.monotonic() - start < 3
        assert str(opened.stopped) == "the budget is reached"


def test_leaving_the_gateway_ends_what_is_in_flight_and_its_thread(endpoint: Endpoint, journal: Path) -> None:
    endpoint.reset(mean=0, faults={"hang": 1})
    with ThreadPoolExecutor(1) as pool:
        start = time.monotonic()
        with gateway(journal, endpoint.url, timeout_s=60) as opened:
            asked = pool.submit(ask, opened, range(5))
            while opened.lanes["author"].flow.in_flight < 5:
                assert time.monotonic() - start < 5
                time.sleep(0.01)
        with pytest.raises(OSError, match=r"closed|reset"):
            asked.result(timeout=5)
    assert time.monotonic() - start < 3
    assert "gateway" not in {thread.name for thread in threading.enumerate()}


def test_a_journal_that_cannot_be_written_stops_the_build(journal: Path) -> None:
    with gateway(journal, client=Scripted(last=Answer("half \ud83d", 5, 5))) as opened:
        assert {item["failure"] for item in stops_within(5, opened, range(20))} == {"stopped"}
        assert isinstance(opened.stopped, StorageError)


# The door.


def says(opened: Gateway, *lines: bytes) -> bytes:
    with socket.create_connection((opened.host, opened.port), timeout=5) as link:
        link.sendall(b"".join(line + b"\n" for line in lines))
        link.shutdown(socket.SHUT_WR)
        found = b""
        try:
            while more := link.recv(4096):
                found += more
        except ConnectionResetError:
            pass
        return found


REQUEST = json.dumps({"id": [0, 0], "row": "r", "version": "v/1", "messages": chat(1), "parameters": {}}).encode()


@pytest.mark.parametrize(
    "hello",
    [
        b'{"token": "wrong", "lane": "author"}',
        '{"token": "fälsch", "lane": "author"}'.encode(),
        b'{"lane": "author"}',
        b"{}",
        b"[]",
        b"5",
        b"null",
        b"GET / HTTP/1.1",
        b"",
        b"\xff\xfe",
    ],
)
def test_without_the_token_nobody_gets_anything(
    endpoint: Endpoint, journal: Path, hello: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with gateway(journal, endpoint.url) as opened:
        assert says(opened, hello, REQUEST) == b""
        assert ask(opened, range(2)) == answers(range(2))
    assert endpoint.stats()["requests"] == 2
    assert not caplog.records


def test_a_lane_that_is_none_gets_nothing(endpoint: Endpoint, journal: Path) -> None:
    with gateway(journal, endpoint.url) as opened:
        assert says(opened, json.dumps({"token": opened.token, "lane": "judge"}).encode(), REQUEST) == b""
    assert endpoint.stats()["requests"] == 0


def test_what_an_asker_asked_before_it_died_is_kept(endpoint: Endpoint, journal: Path) -> None:
    endpoint.reset(mean=0.3, sigma=0)
    with gateway(journal, endpoint.url) as opened:
        hello = json.dumps({"token": opened.token, "lane": "author"}).encode()
        link = socket.create_connection((opened.host, opened.port))
        link.sendall(hello + b"\n" + REQUEST + b"\n" + REQUEST[:20])
        while not endpoint.stats()["in_flight"]:
            time.sleep(0.01)
        # a reset, as the kernel sends it for a killed process with unread data
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        link.close()
        end = time.monotonic() + 5
        while not opened.counts.answers:
            assert time.monotonic() < end
            time.sleep(0.01)
    assert endpoint.stats()["outcomes"] == {"ok": 1}


def test_an_address_of_another_machine_is_told_at_once(journal: Path) -> None:
    with closing(Journal(journal)) as kept, pytest.raises(AuthorError, match=r"192\.0\.2\.1"):
        Gateway({}, kept, Budget({}, None), host="192.0.2.1").__enter__()


# The progress line.


def test_the_line_tells_how_the_requests_stand(endpoint: Endpoint, journal: Path) -> None:
    with gateway(journal, endpoint.url, budget=Budget(PRICE, 5)) as opened:
        assert opened.line() == "0 answers, 0 in flight, 0 waiting, 0 tokens"
        ask(opened, range(100))
        tokens, spent = opened.counts.tokens, opened.budget.spent
        assert opened.line() == f"100 answers, 0 in flight, 0 waiting, {tokens:,} tokens, ${spent:.2f} of $5.00"
        ask(opened, range(10))
        assert "10 from the journal" in opened.line()


def test_the_line_is_told_about_once_a_second(endpoint: Endpoint, journal: Path) -> None:
    endpoint.reset(mean=1.6, sigma=0)
    lines: list[str] = []
    with gateway(journal, endpoint.url, cap=4) as opened:
        opened.tell = lines.append
        ask(opened, range(4))
    assert lines[0] == "0 answers, 4 in flight, 0 waiting, 0 tokens"
    assert len(lines) <= 2
