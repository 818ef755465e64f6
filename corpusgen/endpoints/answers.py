"""What is asked of an endpoint, and what comes of it: an answer, or a typed failure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

__all__ = ["Answer", "Ask", "Failure", "FailureKind", "Outcome"]

FailureKind = Literal[
    "busy",  # 429, or a server that says when to come back
    "server",  # 5xx
    "connection",  # refused, reset, cut off
    "timeout",
    "malformed",  # an answer that is not one: empty, not JSON, a web page
    "length",  # cut off at the token limit
    "filtered",  # the endpoint's content filter
    "request",  # 4xx: this request is wrong, and would be again
    "refused_us",  # no such model, no such key, no money: every request would fail
    "stopped",  # the build is ending: budget, breaker, interrupt
]


class Answer(NamedTuple):
    """What a model said, whole."""

    text: str
    input_tokens: int
    output_tokens: int


class Failure(NamedTuple):
    """Why there is no answer."""

    kind: FailureKind
    words: str
    """In the endpoint's own words where it has any."""
    retry_after: float | None = None
    """Seconds that the endpoint asks to wait."""
    input_tokens: int = 0
    output_tokens: int = 0


Outcome = Answer | Failure


@dataclass(frozen=True)
class Ask:
    """One request, before it is sent.

    Attributes:
        row: What it is for: cell, attempt, candidate; two rows with the same words are still two requests.
        version: Name and version of the prompt template.
        messages: The chat, as the OpenAI interface has it.
        parameters: Generation parameters, ``max_tokens`` among them.
        schema: A JSON schema for the answer, or None.
    """

    row: str
    version: str
    messages: Sequence[Mapping[str, str]]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None

    @property
    def max_tokens(self) -> int:
        """How many tokens the answer may have at first."""
        return int(self.parameters.get(self.length_name, 1024))

    @property
    def length_name(self) -> str:
        """The parameter that bounds the answer: newer OpenAI models know only the longer name."""
        return "max_completion_tokens" if "max_completion_tokens" in self.parameters else "max_tokens"

    def key(self, endpoint: str, model: str) -> str:
        """Returns the hash of everything that shapes the answer (32 hex digits).

        Args:
            endpoint: The endpoint as the recipe names it, not the port that it happens to have.
            model: The model's name.
        """
        shaping = [
            endpoint,
            model,
            self.row,
            self.version,
            [dict(message) for message in self.messages],
            dict(self.parameters),
            None if self.schema is None else dict(self.schema),
        ]
        canonical = json.dumps(shaping, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:32]

    @property
    def input_estimate(self) -> int:
        """Tokens of messages and schema, estimated from above: three characters a token, and some for each turn."""
        told = [message["content"] for message in self.messages]
        if self.schema is not None:
            told.append(json.dumps(dict(self.schema)))
        return sum(len(text.encode()) // 3 + 8 for text in told) + 8
