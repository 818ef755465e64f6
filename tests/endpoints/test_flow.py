"""Flow control: limits are kept, everybody gets a turn, and the limit follows what the endpoint says."""

from __future__ import annotations

import asyncio
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusgen.endpoints.answers import Answer, Failure, Outcome
from corpusgen.endpoints.flow import Breaker, Bucket, Flow

GOOD = Answer("yes", 10, 5)
BUSY = Failure("busy", "429: slow down")
LOST = Failure("connection", "ServerDisconnectedError")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


# The bucket.


@settings(max_examples=200)
@given(
    rate=st.integers(1, 6000),
    steps=st.lists(st.tuples(st.floats(0, 5), st.integers(1, 400)), min_size=1, max_size=60),
)
def test_a_bucket_gives_no_more_than_its_rate_and_ten_seconds_worth(rate: int, steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    bucket = Bucket(rate, clock)
    saved = max(1.0, rate / 6)
    start, taken = clock.now, 0.0
    for rest, units in steps:
        clock.now += rest
        clock.now += bucket.wait(units)
        assert bucket.wait(units) == pytest.approx(0, abs=1e-6)
        bucket.take(units)
        # what is larger than the bucket may leave it in debt, and the next one waits for that
        assert taken <= saved + (clock.now - start) * rate / 60 + 1e-6
        taken += units


def test_what_was_not_used_is_given_back() -> None:
    clock = Clock()
    bucket = Bucket(600, clock)
    bucket.take(100)
    assert bucket.wait(10) == pytest.approx(1.0)
    bucket.take(-50)
    assert bucket.wait(10) == 0


# The queue.


def outcome(kind: int) -> Outcome:
    return (GOOD, BUSY, LOST)[kind]


@settings(max_examples=60, deadline=None)
@given(
    cap=st.integers(1, 12),
    kinds=st.lists(st.integers(0, 2), max_size=80),
    cancelled=st.sets(st.integers(0, 79), max_size=20),
    seed=st.integers(0, 2**32),
)
def test_never_more_in_flight_than_the_limit_and_everybody_gets_a_turn(
    cap: int, kinds: list[int], cancelled: set[int], seed: int
) -> None:
    draw = random.Random(seed)

    async def every() -> tuple[Flow, int]:
        flow = Flow(cap)
        served = 0

        async def one(kind: int) -> None:
            nonlocal served
            await flow.enter(1)
            assert flow.in_flight <= cap
            try:
                for _ in range(draw.randrange(4)):
                    await asyncio.sleep(0)
            finally:
                served += 1
                flow.leave(outcome(kind), 1)
            assert 1 <= flow.limit <= cap

        tasks = [asyncio.create_task(one(kind)) for kind in kinds]
        for number in cancelled:
            if number < len(tasks):
                for _ in range(draw.randrange(3)):
                    await asyncio.sleep(0)
                tasks[number].cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
        return flow, served

    flow, served = asyncio.run(every())
    assert flow.in_flight == 0
    assert flow.waiting == 0
    assert served >= len(kinds) - len(cancelled)


def test_first_in_first_out_but_a_second_try_goes_first() -> None:
    async def order() -> list[str]:
        flow, seen = Flow(1), []

        async def one(name: str, again: bool) -> None:
            await flow.enter(1, again=again)
            seen.append(name)
            await asyncio.sleep(0)
            flow.leave(GOOD, 1)

        await flow.enter(1)
        tasks = [asyncio.create_task(one(name, name == "again")) for name in ("a", "b", "c", "again")]
        await asyncio.sleep(0)
        flow.leave(GOOD, 1)
        await asyncio.gather(*tasks)
        return seen

    assert asyncio.run(order()) == ["again", "a", "b", "c"]


def report(flow: Flow, outcomes: list[Outcome]) -> None:
    """Lets requests through, one after the other, with these outcomes."""

    async def each() -> None:
        for found in outcomes:
            await flow.enter(1)
            flow.leave(found, 1)

    asyncio.run(each())


def test_the_limit_starts_at_the_cap_and_a_stray_busy_answer_changes_nothing() -> None:
    flow = Flow(64)
    report(flow, [GOOD] * 40 + [BUSY] + [GOOD] * 40 + [LOST] * 5)
    assert flow.limit == 64


def test_a_window_of_busy_answers_costs_a_quarter_once_and_successes_win_it_back() -> None:
    flow = Flow(64)
    report(flow, [BUSY] * 10)
    assert flow.limit == 48
    report(flow, [BUSY] * 9)
    assert flow.limit == 48
    report(flow, [BUSY])
    assert flow.limit == 36
    report(flow, [GOOD] * 36)
    assert 36.9 < flow.limit < 37.1
    report(flow, [GOOD] * 3000)
    assert flow.limit == 64


def test_retry_after_holds_everybody_back_when_most_are_told_to_wait() -> None:
    async def waits(first: list[Outcome]) -> float:
        flow = Flow(64)
        for found in first:
            await flow.enter(1)
            flow.leave(found, 1)
        start = time.monotonic()
        await asyncio.wait_for(flow.enter(1), 5)
        return time.monotonic() - start

    told = Failure("busy", "429", 0.3)
    assert asyncio.run(waits([told] * 10)) == pytest.approx(0.3, abs=0.1)
    assert asyncio.run(waits([GOOD] * 18 + [told] * 2)) < 0.05


@pytest.mark.parametrize("limits", [{"requests_per_minute": 600}, {"tokens_per_minute": 60_000}])
def test_a_limit_a_minute_is_kept(limits: dict[str, int]) -> None:
    async def took(count: int) -> float:
        flow = Flow(1000, **limits)
        start = time.monotonic()

        async def one() -> None:
            await flow.enter(100)
            flow.leave(Answer("yes", 50, 50), 100)

        await asyncio.gather(*(one() for _ in range(count)))
        return time.monotonic() - start

    # ten a second, with ten seconds' worth at once
    assert asyncio.run(took(100)) < 0.3
    assert asyncio.run(took(105)) == pytest.approx(0.5, abs=0.15)


def test_stopping_lets_go_who_waits_and_who_comes_later() -> None:
    async def stopped() -> Flow:
        flow = Flow(1, requests_per_minute=1)
        await flow.enter(1)
        waiting = [asyncio.create_task(flow.enter(1)) for _ in range(5)]
        await asyncio.sleep(0)
        assert flow.waiting == 5
        flow.stop()
        await asyncio.wait_for(asyncio.gather(*waiting), 1)
        await asyncio.wait_for(flow.enter(1), 1)  # neither a place nor the limit a minute would allow it
        for _ in range(7):
            flow.leave(Failure("stopped", "the build ended"), 1)
        return flow

    flow = asyncio.run(stopped())
    assert (flow.in_flight, flow.waiting) == (0, 0)


# The breaker.


def test_an_endpoint_is_down_after_many_failures_in_a_row_over_some_seconds() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    assert [breaker.note(LOST) for _ in range(50)] == [None] * 50
    clock.now += 4
    assert breaker.note(LOST) == "51 failures in a row, the last: ServerDisconnectedError"


@pytest.mark.parametrize("between", [GOOD, Failure("filtered", "no"), Failure("length", "cut off")])
def test_an_endpoint_that_says_anything_sensible_is_not_down(between: Outcome) -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    for _ in range(20):
        for _ in range(9):
            clock.now += 1
            assert breaker.note(LOST) is None
        assert breaker.note(between) is None


@pytest.mark.parametrize(("failure", "times", "seconds"), [(BUSY, 30, 300.0), (Failure("request", "403: no"), 25, 4.0)])
def test_an_endpoint_that_turns_everything_away_is_down_in_the_end(
    failure: Failure, times: int, seconds: float
) -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    assert breaker.note(failure) is None
    clock.now += seconds
    assert [breaker.note(failure) for _ in range(times - 2)] == [None] * (times - 2)
    assert breaker.note(failure) is not None


def test_a_row_without_tries_left_and_no_connection_is_the_endpoints_fault() -> None:
    refused = Failure("connection", "refused")
    assert Breaker().note(refused, last=True) is not None
    assert Breaker().note(Failure("server", "500"), last=True) is None


def test_an_endpoint_that_will_not_have_us_is_down_at_once() -> None:
    assert Breaker().note(Failure("refused_us", "401: no such key")) == "401: no such key"
