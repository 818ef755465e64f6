"""Clients: one request to an OpenAI-compatible endpoint, or to any other LLM class of distilabel."""

from __future__ import annotations

import asyncio
import email.utils
import importlib
import json
import math
import os
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from corpusgen.endpoints.answers import Answer, Ask, Failure, FailureKind, Outcome
from corpusgen.errors import UsageError

if TYPE_CHECKING:
    import aiohttp

__all__ = ["JUDGE_KEY_VARIABLE", "KEY_VARIABLE", "Client", "DistilabelClient", "OpenAIClient"]

KEY_VARIABLE = "OPENAI_API_KEY"
JUDGE_KEY_VARIABLE = "JUDGE_API_KEY"
"""For a judge at another endpoint, which has no business with the author's key."""
SECRET_VARIABLE = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)$")
"""Names of the environment's secrets: another LLM class reads its key from a variable of its own."""
SHORTEST_SECRET = 6
MOST_TOKENS = 2**40
"""A count beyond it is no count."""


class Client(Protocol):
    """Sends one request and says what came of it; never raises for what the endpoint did."""

    async def ask(self, ask: Ask, model: str, max_tokens: int) -> Outcome:
        """Returns an answer, or a failure with its kind."""

    async def close(self) -> None:
        """Gives connections back."""


class OpenAIClient:
    """Any endpoint that speaks OpenAI's chat completions: hosted ones, vLLM, TGI, Ollama, llama.cpp.

    The key comes from the environment and goes nowhere but into the request's header.

    Args:
        base_url: The endpoint, with its ``/v1``.
        timeout_s: Seconds that an answer may take.
        key_variable: The variable that holds the key; None for an endpoint that is to get none.
    """

    def __init__(self, base_url: str, timeout_s: float, key_variable: str | None = KEY_VARIABLE) -> None:
        self.key_variable = key_variable
        self.url = base_url.rstrip("/") + "/chat/completions"
        self.timeout_s = timeout_s
        self.structured = True
        """False from the moment that the endpoint says that it knows no ``response_format``."""
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, ask: Ask, model: str, max_tokens: int) -> Outcome:
        """Returns an answer, or a failure with its kind."""
        import aiohttp

        with_schema = self.structured and ask.schema is not None
        try:
            async with self._open().post(self.url, json=_body(ask, model, max_tokens, with_schema)) as response:
                text = await response.text(errors="replace")
                if response.status == 200:
                    return _read(text)
                failure = _failure(response.status, text, response.headers)
        except TimeoutError:
            return Failure("timeout", f"no answer within {self.timeout_s:g} s")
        except aiohttp.ClientError as error:
            return Failure("connection", _hidden(f"{type(error).__name__}: {error}"))
        if with_schema and response.status in (400, 404, 422, 501) and _about_schema(failure.words):
            self.structured = False
            return await self.ask(ask, model, max_tokens)
        return failure

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            key = os.environ.get(self.key_variable, "").strip() if self.key_variable else ""
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=aiohttp.ClientTimeout(total=self.timeout_s, sock_connect=min(15.0, self.timeout_s)),
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
                trust_env=True,
            )
        return self._session

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()


def _body(ask: Ask, model: str, max_tokens: int, with_schema: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "messages": list(ask.messages), **ask.parameters}
    body[ask.length_name] = max_tokens
    if with_schema:
        named = {"name": ask.version.split("/")[0], "schema": ask.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    return body


def _read(text: str) -> Outcome:
    try:
        body = json.loads(text)
        choice = body["choices"][0]
        content = choice["message"]["content"]
        usage = body.get("usage") or {}
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return Failure("malformed", f"not an answer: {_short(text) or 'an empty body'}")
    counts = usage if isinstance(usage, dict) else {}
    tokens = (_count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens")))
    reason = choice.get("finish_reason")
    if reason == "length":
        return Failure("length", "the answer was cut off at the token limit", None, *tokens)
    if reason == "content_filter":
        return Failure("filtered", "stopped by the endpoint's content filter", None, *tokens)
    if not isinstance(content, str) or not content.strip():
        refusal = choice["message"].get("refusal") if isinstance(choice["message"], dict) else None
        if isinstance(refusal, str) and refusal.strip():
            return Failure("filtered", f"refused: {_short(refusal)}", None, *tokens)
        return Failure("malformed", "an answer without text", None, *tokens)
    if not _whole(content):
        return Failure("malformed", "an answer with half a character", None, *tokens)
    return Answer(content, *tokens)


def _count(value: object) -> int:
    """Returns a number of tokens; 0 for whatever is none."""
    if not isinstance(value, (int, float)) or not 0 <= value <= MOST_TOKENS:
        return 0
    return int(value)


def _whole(text: str) -> bool:
    """Whether a text can be written down: JSON can hold half of a surrogate pair, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _failure(status: int, text: str, headers: Mapping[str, str]) -> Failure:
    words = f"{status}: {_words(text)}"
    if status in (401, 402, 405) or (status == 404 and "response_format" not in text):
        return Failure("refused_us", words)
    if status == 429 and "insufficient_quota" in text:
        return Failure("refused_us", words)
    kind: FailureKind
    wait = _retry_after(headers)
    if status == 429 or (status == 503 and wait is not None):
        kind = "busy"
    elif status >= 500 or status in (408, 409, 425):
        kind = "server"
    else:
        kind = "request"
    return Failure(kind, words, wait)


def _words(text: str) -> str:
    """Returns the endpoint's own words from an error body."""
    try:
        body = json.loads(text)
        error = body.get("error", body)
        said = error.get("message") if isinstance(error, dict) else error
        return _short(str(said or body))
    except (ValueError, AttributeError):
        return _short(text) or "no words"


def _short(text: str) -> str:
    # hidden before it is cut, so that no half of a key is left
    return _hidden(" ".join(text.split()))[:300]


def _hidden(text: str) -> str:
    """Returns a text without the keys of the environment, should an endpoint have repeated one."""
    for name, value in os.environ.items():
        secret = value.strip()
        if len(secret) >= SHORTEST_SECRET and SECRET_VARIABLE.search(name.upper()):
            text = text.replace(secret, "[key]")
    return text


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Returns the seconds that a Retry-After header asks for: a number or a date (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _about_schema(words: str) -> bool:
    return any(name in words.lower() for name in ("response_format", "json_schema", "structured", "guided"))


class DistilabelClient:
    """Any other LLM class of distilabel, by import path and arguments.

    distilabel does not tell why an answer ended: one that has used up its tokens counts as cut off, and where the class
    counts no tokens, a cut-off one can only be noticed by the gates.

    Raises:
        UsageError: The class cannot be imported, or does not take the arguments.
    """

    def __init__(self, path: str, arguments: Mapping[str, Any], timeout_s: float) -> None:
        module, _, name = path.rpartition(".")
        try:
            kind = getattr(importlib.import_module(module), name)
            self.llm = kind(**arguments)
            self.llm.load()
        except Exception as error:  # whatever a foreign class raises is about the recipe's 'llm'
            what = f"the LLM class '{path}' cannot be used: {_short(f'{type(error).__name__}: {error}')}"
            do = "name an LLM class of distilabel under 'author: llm', with its arguments under 'llm_arguments'"
            raise UsageError(what, do=do) from error
        self.timeout_s = timeout_s
        self._turn = asyncio.Lock()

    async def ask(self, ask: Ask, model: str, max_tokens: int) -> Outcome:
        """Returns an answer, or a failure with its kind."""
        messages = [dict(message) for message in ask.messages]
        parameters = {name: value for name, value in ask.parameters.items() if name != ask.length_name}
        parameters["max_new_tokens"] = max_tokens
        try:
            if hasattr(self.llm, "agenerate"):
                async with asyncio.timeout(self.timeout_s):
                    found = await self.llm.agenerate(input=messages, num_generations=1, **parameters)
            else:
                # the time begins when the turn comes, not while others are served
                async with self._turn, asyncio.timeout(self.timeout_s):
                    (found,) = await asyncio.to_thread(self.llm.generate, [messages], 1, **parameters)
            text = (found.get("generations") or [None])[0]
            counted = found.get("statistics") or {}
            tokens = tuple(_count((counted.get(name) or [0])[0]) for name in ("input_tokens", "output_tokens"))
        except TimeoutError:
            return Failure("timeout", f"no answer within {self.timeout_s:g} s")
        except Exception as error:  # what it means is known to the class alone
            return Failure("server", _short(f"{type(error).__name__}: {error}"))
        if not isinstance(text, str) or not text.strip():
            return Failure("malformed", "an answer without text", None, *tokens)
        if not _whole(text):
            return Failure("malformed", "an answer with half a character", None, *tokens)
        if tokens[1] >= max_tokens:
            return Failure("length", "the answer used up its tokens", None, *tokens)
        return Answer(text, *tokens)

    async def close(self) -> None:
        """Unloads the LLM."""
        self.llm.unload()
