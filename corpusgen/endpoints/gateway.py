"""The gateway: a loopback server in the building process, in front of the endpoints.

Every step, replica and remote worker sends its requests here, a batch on one connection, and gets each answer back as
it comes. So concurrency, limits, retries, journal, budget and the progress line live in one place, and as many
requests are in flight as may be, whatever the batches.

The wire is JSON, one object a line. First the asker says ``{"token", "lane"}``, then one line for each request
(``{"id", "row", "version", "messages", "parameters", "schema"}``), then closes its side. Back come lines
``{"id", "text"}`` or ``{"id", "failure", "words"}``, in the order of completion.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import random
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from corpusgen.endpoints.answers import Answer, Ask, Failure, FailureKind, Outcome
from corpusgen.endpoints.budget import Budget
from corpusgen.endpoints.client import Client
from corpusgen.endpoints.flow import Breaker, Flow
from corpusgen.endpoints.journal import Journal
from corpusgen.errors import AuthorError, CorpusgenError, Unmet

__all__ = ["Gateway", "Lane"]

RETRYABLE: tuple[FailureKind, ...] = ("busy", "server", "connection", "timeout", "malformed", "length")
PERHAPS_PAID = frozenset({"answer", "length", "filtered", "timeout", "malformed", "stopped"})
"""Outcomes that an endpoint may charge for; it need not say how many tokens they had."""
MORE_ROOM = 2
"""How many times an answer that was cut off is asked for again, each time with twice the room."""
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 60.0
GRACE_S = 3.0
"""Seconds that requests in flight have to come home after Ctrl+C."""
LONGEST_PAUSE_S = 300.0
"""Seconds that a request waits at most before it is tried again, whatever Retry-After says."""
LONGEST_LINE = 64 * 2**20


@dataclass
class Lane:
    """The way to one endpoint and model.

    Attributes:
        endpoint: The endpoint as the recipe names it.
        model: The model's name.
        client: What sends a request.
        flow: How many may be in flight; lanes to the same endpoint and model share it.
        retries: How many times a request is tried again.
    """

    endpoint: str
    model: str
    client: Client
    flow: Flow
    retries: int = 6
    breaker: Breaker = field(default_factory=Breaker)


@dataclass
class Counts:
    """What the gateway has seen since it was opened."""

    asked: int = 0
    kept: int = 0
    """Answers that the journal already held."""
    answers: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    """Failed tries, by kind."""
    tokens: int = 0


class Gateway:
    """A context manager: serves while it is open.

    Args:
        lanes: By name.
        journal: Where answers are kept.
        budget: What may be spent.
        tell: Is called about once a second with a line for the terminal.
        host: The address to listen on; loopback unless remote workers are to reach it.

    Attributes:
        token: What an asker must show.
        address: Where askers find it, which is another than ``host`` where that is every address.
        port: Where it listens, once it is open.
        when_stopped: Is called once, when the build cannot go on.
        stopped: Why the build cannot go on, or None.
    """

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        journal: Journal,
        budget: Budget,
        tell: Callable[[str], None] = lambda line: None,
        host: str = "127.0.0.1",
    ) -> None:
        self.lanes = lanes
        self.journal = journal
        self.budget = budget
        self.tell = tell
        self.host = host
        self.address = host
        self.port = 0
        self.when_stopped: Callable[[], object] = lambda: None
        self.token = secrets.token_hex(16)
        self.counts = Counts()
        self.stopped: CorpusgenError | None = None
        self._ready = threading.Event()
        self._unheard: OSError | None = None
        self._ended: asyncio.Event
        self._stopping: asyncio.Event
        self._sent: set[asyncio.Task[Outcome]] = set()
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="gateway", daemon=True)

    def __enter__(self) -> Gateway:
        self._thread.start()
        self._ready.wait()
        if self._unheard is not None:
            what = f"no gateway can listen on {self.host}: {self._unheard}"
            raise AuthorError(what, do="give an address of this machine")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def interrupt(self) -> None:
        """Ends the build from another thread: what is in flight gets some seconds to come home."""
        why = Unmet("interrupted", do="run the same command again to go on")
        self._loop.call_soon_threadsafe(lambda: self._stop(why, GRACE_S))

    def _stop(self, why: CorpusgenError, grace: float | None) -> None:
        """Ends the build: what has not been sent is answered "stopped".

        Args:
            why: The reason.
            grace: Seconds that requests in flight have; None lets each of them end, since they are paid for.
        """
        if grace is not None:
            # also after another reason: Ctrl+C does not wait for what the budget has left in flight
            self._loop.call_later(grace, self._cancel)
        if self.stopped is not None:
            return
        self.stopped = why
        self._stopping.set()
        for lane in self.lanes.values():
            lane.flow.stop()
        self.when_stopped()

    def _cancel(self) -> None:
        for sent in self._sent:
            sent.cancel()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._stopping = asyncio.Event()
        try:
            server = await asyncio.start_server(self._connection, self.host, 0, limit=LONGEST_LINE, backlog=512)
        except OSError as error:
            self._unheard = error
            self._ready.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        ticking = asyncio.create_task(self._tick())
        try:
            await self._ended.wait()
        finally:
            ticking.cancel()
            server.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            for client in {id(lane.client): lane.client for lane in self.lanes.values()}.values():
                await client.close()

    async def _tick(self) -> None:
        told = self.line()
        while True:
            await asyncio.sleep(1.0)
            line = self.line()
            if line != told:
                self.tell(line)
            told = line

    def line(self) -> str:
        """Returns where the requests stand, for the terminal."""
        counts, flows = self.counts, {id(lane.flow): lane.flow for lane in self.lanes.values()}.values()
        flying, waiting = sum(flow.in_flight for flow in flows), sum(flow.waiting for flow in flows)
        parts = [f"{counts.answers:,} answers", f"{flying} in flight", f"{waiting:,} waiting"]
        if counts.kept:
            parts.append(f"{counts.kept:,} from the journal")
        if failed := sum(counts.failures.values()):
            parts.append(f"{failed:,} failed tries")
        parts.append(f"{counts.tokens:,} tokens")
        if self.budget.spent:
            most = "" if self.budget.most is None else f" of ${self.budget.most:,.2f}"
            parts.append(f"${self.budget.spent:,.2f}{most}")
        return ", ".join(parts)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks: list[asyncio.Task[None]] = []
        try:
            hello = json.loads(await reader.readline() or b"{}")
            if not hmac.compare_digest(str(hello["token"]).encode(), self.token.encode()):
                return
            lane = self.lanes[hello["lane"]]
            while line := await reader.readline():
                tasks.append(asyncio.create_task(self._one(lane, json.loads(line), writer)))
            await asyncio.gather(*tasks)
            await writer.drain()
        except (ConnectionError, ValueError, KeyError, TypeError):
            # the asker is gone, or is none of ours; what it has asked is paid for, and comes home to the journal
            pass
        except asyncio.CancelledError:
            # the gateway closes; asyncio 3.11 would print a traceback for a connection that was cancelled
            pass
        finally:
            with contextlib.suppress(ConnectionError):
                writer.close()

    async def _one(self, lane: Lane, wanted: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        try:
            ask = Ask(
                wanted["row"],
                wanted["version"],
                wanted["messages"],
                wanted.get("parameters") or {},
                wanted.get("schema"),
            )
            outcome = await self.answer(lane, ask)
        except CorpusgenError as error:
            self._stop(error, 0.0)
            outcome = Failure("stopped", error.what)
        except Exception as error:  # the asker waits for a line for each request, whatever is wrong with one
            outcome = Failure("request", f"{type(error).__name__}: {error}")
        said: dict[str, Any] = {"id": wanted["id"]}
        if isinstance(outcome, Answer):
            said["text"] = outcome.text
        else:
            said.update(failure=outcome.kind, words=outcome.words)
        writer.write(json.dumps(said).encode() + b"\n")

    async def answer(self, lane: Lane, ask: Ask) -> Outcome:
        """Returns the answer to one request: from the journal, or from the endpoint after as many tries as it takes.

        Raises:
            StorageError: The journal cannot be written.
        """
        self.counts.asked += 1
        key = ask.key(lane.endpoint, lane.model)
        kept = self.journal.get(key)
        if kept is not None:
            self.counts.kept += 1
            return kept
        room, widened = ask.max_tokens, 0
        tries = 0
        while True:
            outcome = await self._try(lane, ask, room, again=tries > 0, last=tries == lane.retries)
            if isinstance(outcome, Answer):
                await self.journal.keep(key, ask.row, ask.version, outcome)
                self.counts.answers += 1
                return outcome
            if outcome.kind == "length" and widened < MORE_ROOM:
                widened += 1
                room *= 2
                continue
            tries += 1
            if outcome.kind not in RETRYABLE or outcome.kind == "length" or tries > lane.retries:
                return outcome
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _pause(tries, outcome.retry_after))

    async def _try(self, lane: Lane, ask: Ask, room: int, *, again: bool, last: bool) -> Outcome:
        if self.stopped is not None:
            return Failure("stopped", self.stopped.what)
        tokens = ask.input_estimate + room
        await lane.flow.enter(tokens, again=again)
        outcome: Outcome = Failure("stopped", "the build ended")
        try:
            outcome = await self._within_budget(lane, ask, room)
        finally:
            lane.flow.leave(outcome, tokens)
        if self.stopped is None and (down := lane.breaker.note(outcome, last=last)):
            self._stop(_down(lane, down), 0.0)
        return outcome

    async def _within_budget(self, lane: Lane, ask: Ask, room: int) -> Outcome:
        """Sends a request when its cost at most fits; it has a place by then, so that no queue is reserved for."""
        if self.stopped is not None:
            return Failure("stopped", self.stopped.what)
        reserved = await self.budget.reserve(lane.model, ask, room)
        if reserved is None:
            self._stop(_budget_reached(self.budget), None)
            return Failure("stopped", "the budget is reached")
        if self.stopped is not None:
            self.budget.settle(reserved, 0.0)
            return Failure("stopped", self.stopped.what)
        # what becomes of a request that breaks off is unknown: it counts as a lost one
        outcome: Outcome = Failure("timeout", "broken off")
        try:
            outcome = await self._send(lane, ask, room)
        finally:
            self._account(lane, outcome, reserved)
        return outcome

    async def _send(self, lane: Lane, ask: Ask, room: int) -> Outcome:
        sent = asyncio.create_task(lane.client.ask(ask, lane.model, room))
        self._sent.add(sent)
        try:
            return await sent
        except asyncio.CancelledError:
            if self.stopped is None:
                raise
            return Failure("stopped", self.stopped.what)
        finally:
            self._sent.discard(sent)

    def _account(self, lane: Lane, outcome: Outcome, reserved: float) -> None:
        """Settles what a request that was sent has cost: by the endpoint's count, or else the most that it can be."""
        kind = "answer" if isinstance(outcome, Answer) else outcome.kind
        cost = self.budget.cost(lane.model, outcome.input_tokens, outcome.output_tokens)
        if kind in PERHAPS_PAID and not (outcome.input_tokens or outcome.output_tokens):
            cost = reserved
        self.budget.settle(reserved, cost)
        self.journal.spend(lane.model, kind, outcome.input_tokens, outcome.output_tokens, cost)
        self.counts.tokens += outcome.input_tokens + outcome.output_tokens
        if isinstance(outcome, Failure):
            self.counts.failures[outcome.kind] += 1


def _pause(tries: int, retry_after: float | None) -> float:
    """Returns the seconds to wait: what the endpoint asks for, within bounds, or exponential backoff with jitter."""
    backoff: float = random.uniform(0.1, 1.0) * min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (tries - 1))
    return max(backoff, min(retry_after or 0.0, LONGEST_PAUSE_S))


def _budget_reached(budget: Budget) -> Unmet:
    what = f"the next request could pass the budget: ${budget.spent:,.2f} of ${budget.most or 0:,.2f} are spent"
    do = "raise 'budget_usd' in the recipe and run the same command again; every answer so far is kept"
    return Unmet(what, do=do)


def _down(lane: Lane, words: str) -> AuthorError:
    what = f"the endpoint gives no answers: {words}"
    do = "see to the endpoint, then run the same command again; every answer so far is kept"
    return AuthorError(what, where=lane.endpoint, do=do)
