"""The budget: what requests may cost, reserved before they are sent and settled when their price is known."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from corpusgen.endpoints.answers import Ask

__all__ = ["Budget", "Priced"]


class Priced(Protocol):
    """US dollars a million tokens."""

    input: float
    output: float


class Budget:
    """Keeps what is spent and what may yet be spent below a bound.

    A request reserves the most that it can cost; when that does not fit, it waits until others have settled, and when
    none is left to settle, the budget is reached.
    """

    def __init__(self, prices: Mapping[str, Priced], most_usd: float | None, spent_usd: float = 0.0) -> None:
        self.prices = prices
        self.most = most_usd
        self.spent = spent_usd
        self.reserved = 0.0
        self._open = 0
        self._settled = asyncio.Event()

    def cost(self, model: str, input_tokens: int, output_tokens: int) -> float:
        """Returns what so many tokens of a model cost, in US dollars; 0 for a model without a price."""
        price = self.prices.get(model)
        return 0.0 if price is None else (input_tokens * price.input + output_tokens * price.output) / 1e6

    async def reserve(self, model: str, ask: Ask, max_tokens: int) -> float | None:
        """Returns what was reserved, or None when the budget is reached."""
        most = self.cost(model, ask.input_estimate, max_tokens)
        if self.most is None or most == 0.0:
            return most
        while self.spent + self.reserved + most > self.most:
            if not self._open:
                return None
            self._settled.clear()
            await self._settled.wait()
        self._open += 1
        self.reserved += most
        return most

    def settle(self, reserved: float, cost: float) -> None:
        """Replaces what was reserved by what it cost."""
        self.spent += cost
        if self.most is None or reserved == 0.0:
            return
        self._open -= 1
        # the last one leaves nothing: rounding would, and somebody would wait for it
        self.reserved = max(0.0, self.reserved - reserved) if self._open else 0.0
        self._settled.set()
