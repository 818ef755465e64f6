"""The budget: never passed while answers cost at most what was reserved, never a reason to wait for nothing."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusgen.endpoints.answers import Ask
from corpusgen.endpoints.budget import Budget
from corpusgen.recipe import Price

PRICES = {"small": Price(input=0.15, output=0.6), "large": Price(input=3, output=15)}


def ask(letters: int) -> Ask:
    return Ask("cell", "prompt/1", [{"role": "user", "content": "x" * letters}])


def test_a_cost_is_dollars_a_million_tokens_and_nothing_without_a_price() -> None:
    budget = Budget(PRICES, None)
    assert budget.cost("large", 1_000_000, 2_000_000) == pytest.approx(33)
    assert budget.cost("small", 1000, 0) == pytest.approx(0.00015)
    assert budget.cost("local", 10**9, 10**9) == 0


Request = st.tuples(
    st.sampled_from(["small", "large"]),
    st.integers(0, 6000),  # letters
    st.integers(1, 4000),  # tokens that the answer may have
    st.floats(0, 1),  # share of the reservation that it costs
    st.integers(0, 3),  # turns of the loop that it takes
)


@settings(max_examples=200, deadline=None)
@given(requests=st.lists(Request, max_size=40), most=st.floats(1e-4, 0.3), spent=st.floats(0, 0.2))
def test_what_is_spent_never_passes_the_bound_and_nobody_waits_for_ever(
    requests: list[tuple[str, int, int, float, int]], most: float, spent: float
) -> None:
    budget = Budget(PRICES, most, spent)

    async def one(model: str, letters: int, room: int, share: float, turns: int) -> None:
        reserved = await budget.reserve(model, ask(letters), room)
        if reserved is None:
            # rightly: with nothing left to settle, it does not fit
            assert budget.spent + budget.cost(model, ask(letters).input_estimate, room) > most
            return
        assert budget.spent + budget.reserved <= most + 1e-12
        for _ in range(turns):
            await asyncio.sleep(0)
        budget.settle(reserved, reserved * share)
        assert budget.spent + budget.reserved <= most + 1e-12

    async def every() -> None:
        await asyncio.wait_for(asyncio.gather(*(one(*request) for request in requests)), 10)

    asyncio.run(every())
    assert budget.spent <= max(most, spent) + 1e-12
    assert budget.reserved == 0


def test_without_a_bound_or_a_price_nothing_waits() -> None:
    async def reserve(budget: Budget, model: str) -> float | None:
        return await asyncio.wait_for(budget.reserve(model, ask(3000), 1000), 1)

    unbounded = Budget(PRICES, None, 1e6)
    assert asyncio.run(reserve(unbounded, "large")) == pytest.approx(unbounded.cost("large", 1016, 1000))
    assert asyncio.run(reserve(Budget(PRICES, 0.01, 5.0), "local")) == 0


def test_a_request_waits_for_others_to_settle_and_then_goes() -> None:
    async def two() -> tuple[bool, float | None]:
        budget = Budget(PRICES, 0.02)
        first = await budget.reserve("large", ask(0), 1000)
        assert first is not None
        second = asyncio.create_task(budget.reserve("large", ask(0), 1000))
        await asyncio.sleep(0.01)
        waited = not second.done()
        budget.settle(first, 0.001)
        return waited, await asyncio.wait_for(second, 1)

    waited, second = asyncio.run(two())
    assert waited
    assert second == pytest.approx(0.015 + 16 * 3e-6)


def test_one_that_gives_up_waiting_keeps_nobody_else_from_it() -> None:
    async def three() -> float | None:
        budget = Budget(PRICES, 0.02)
        first = await budget.reserve("large", ask(0), 1000)
        gives_up, waits = (asyncio.create_task(budget.reserve("large", ask(0), 1000)) for _ in range(2))
        await asyncio.sleep(0)
        gives_up.cancel()
        budget.settle(first or 0.0, 0.0)
        return await asyncio.wait_for(waits, 1)

    assert asyncio.run(three())


@given(st.text(max_size=300), st.integers(1, 20))
def test_the_estimate_of_a_message_grows_with_it_and_counts_the_schema(text: str, times: int) -> None:
    short, long = (Ask("", "", [{"role": "user", "content": text * n}]) for n in (1, 1 + times))
    assert long.input_estimate >= short.input_estimate >= len(text.encode()) // 3
    shaped = Ask("", "", short.messages, {}, {"type": "object", "properties": {"prompt": {"type": "string"}}})
    assert shaped.input_estimate > short.input_estimate + 20
