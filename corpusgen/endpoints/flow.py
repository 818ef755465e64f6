"""Flow control for one endpoint and model: how many requests may be in flight, and when the next one may start."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from corpusgen.endpoints.answers import Answer, Failure, Outcome

__all__ = ["Breaker", "Bucket", "Flow", "Patience"]

DECREASE = 0.75
BUSY_SHARE = 0.1
"""Share of busy answers in the window from which the endpoint tells us to slow down; a stray one is only retried."""
HOLD_SHARE = 0.5
"""Share of busy answers from which a Retry-After holds back every request, not only the one that got it."""
LONGEST_HOLD_S = 300.0


class Bucket:
    """A token bucket: so many units a minute, evenly; at most ten seconds' worth may be saved up."""

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = per_minute / 60
        self.most = max(1.0, per_minute / 6)
        self.clock = clock
        self.level = self.most
        self.at = clock()

    def wait(self, units: float) -> float:
        """Returns the seconds until so many units are there; 0 when they are."""
        now = self.clock()
        self.level = min(self.most, self.level + (now - self.at) * self.rate)
        self.at = now
        # what is larger than the bucket may start when the bucket is full, and leaves it in debt
        return max(0.0, (min(units, self.most) - self.level) / self.rate)

    def take(self, units: float) -> None:
        """Takes units; negative ones are given back."""
        self.level -= units


class Flow:
    """A first-in-first-out queue in front of an endpoint, with adaptive concurrency (AIMD, Chiu & Jain 1989).

    The limit starts at the cap. It is cut by a quarter when a tenth of a window's answers say "busy", at most once a
    window, and grows by one a round of successes. Requests that are tried again go before those that never ran.
    """

    def __init__(
        self, cap: int, requests_per_minute: float | None = None, tokens_per_minute: float | None = None
    ) -> None:
        self.cap = cap
        self.limit = float(cap)
        self.in_flight = 0
        self.most_in_flight = 0
        self.stopped = False
        self.requests = Bucket(requests_per_minute) if requests_per_minute else None
        self.tokens = Bucket(tokens_per_minute) if tokens_per_minute else None
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._window: deque[bool] = deque(maxlen=max(20, cap))
        self._held_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return len(self._waiting)

    async def enter(self, tokens: int, *, again: bool = False) -> None:
        """Waits for a place.

        Args:
            tokens: Tokens that the request may use, for the limit on tokens a minute.
            again: Whether it was tried before; it then goes to the front.
        """
        if self.stopped:
            self._take(0)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if again:
            self._waiting.appendleft((turn, tokens))
        else:
            self._waiting.append((turn, tokens))
        self._start()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free()
            raise

    def leave(self, outcome: Outcome, reserved: int) -> None:
        """Gives the place back and learns from what came of the request.

        Args:
            outcome: The answer or failure.
            reserved: The tokens that were asked for on entering.
        """
        if self.tokens is not None:
            used = outcome.input_tokens + outcome.output_tokens
            self.tokens.take(used - reserved)
        busy = isinstance(outcome, Failure) and outcome.kind == "busy"
        self._window.append(busy)
        if busy:
            self._back_off(outcome.retry_after if isinstance(outcome, Failure) else None)
        elif isinstance(outcome, Answer):
            self.limit = min(float(self.cap), self.limit + 1 / self.limit)
        self._free()

    def stop(self) -> None:
        """Lets everybody go who waits or comes; they find out by themselves that there is nothing more to do."""
        self.stopped = True
        while self._waiting:
            turn, _ = self._waiting.popleft()
            if not turn.done():
                self._take(0)
                turn.set_result(None)

    def _back_off(self, retry_after: float | None) -> None:
        share = sum(self._window) / len(self._window)
        if len(self._window) >= 10 and share >= BUSY_SHARE:
            if share >= HOLD_SHARE and retry_after:
                self._held_until = time.monotonic() + min(retry_after, LONGEST_HOLD_S)
            self.limit = max(1.0, self.limit * DECREASE)
            self._window.clear()

    def _free(self) -> None:
        self.in_flight -= 1
        self._start()

    def _take(self, tokens: int) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if self.requests is not None:
            self.requests.take(1)
        if self.tokens is not None:
            self.tokens.take(tokens)

    def _start(self) -> None:
        while self._waiting and self.in_flight < int(self.limit):
            turn, tokens = self._waiting[0]
            if turn.done():
                self._waiting.popleft()
                continue
            wait = self._held_until - time.monotonic()
            if self.requests is not None:
                wait = max(wait, self.requests.wait(1))
            if self.tokens is not None:
                wait = max(wait, self.tokens.wait(tokens))
            if wait > 0:
                self._later(wait)
                return
            self._waiting.popleft()
            self._take(tokens)
            turn.set_result(None)

    def _later(self, wait: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(wait, self._start)


class Patience(NamedTuple):
    """How many failures of a sort in a row, over how many seconds, mean that an endpoint gives no answers."""

    failures: int
    seconds: float


PATIENCE: dict[str, Patience] = {
    **dict.fromkeys(("server", "connection", "timeout", "malformed"), Patience(10, 4.0)),
    # every request wrong in the same way, as with an account that may not use the model
    "request": Patience(25, 4.0),
    # a quota of the day looks like any other "busy", but does not pass
    "busy": Patience(30, 300.0),
}


class Breaker:
    """Notices that an endpoint gives no answers: many failures over some seconds, and no answer between them."""

    def __init__(
        self, patience: Mapping[str, Patience] = PATIENCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.patience = patience
        self.clock = clock
        self._seen: dict[Patience, tuple[int, float]] = {}

    def note(self, outcome: Outcome, *, last: bool = False) -> str | None:
        """Returns why the endpoint counts as down, or None.

        Args:
            outcome: What came of a request.
            last: Whether its row has no try left. When even then no connection is had, and there was no answer since
                the first such failure, the endpoint is down, and not the row to blame.
        """
        if isinstance(outcome, Answer) or outcome.kind in ("filtered", "length"):
            self._seen.clear()
            return None
        if outcome.kind == "refused_us":
            return outcome.words
        wanted = self.patience.get(outcome.kind)
        if wanted is None:
            return None
        count, since = self._seen.get(wanted, (0, self.clock()))
        self._seen[wanted] = (count + 1, since)
        over = count + 1 >= wanted.failures and self.clock() - since >= wanted.seconds
        if over or (last and outcome.kind == "connection"):
            return f"{count + 1} failures in a row, the last: {outcome.words}"
        return None
