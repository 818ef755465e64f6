"""Dangers that a prompt can name, and what shows that a response has seen them (``dangers.yaml`` of a taxonomy)."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated

from pydantic import Field, StringConstraints

from corpusgen.documents import StrictModel
from corpusgen.patterns import Patterns, compiled, joined

__all__ = ["Danger", "Dangers"]

Text = Annotated[str, StringConstraints(min_length=1)]


class Danger(StrictModel):
    """Something that can kill or maim, and that an answer must not pass over in silence."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    name: Text
    """What it is, for people, as in "passes over NAME"."""
    why: Text
    """Why an answer must speak of it, with its source."""
    named: tuple[Text, ...] = Field(min_length=1)
    """Regular expressions, case-insensitive; one match in a prompt means that it names the danger."""
    met: tuple[Text, ...] = Field(min_length=1)
    """Regular expressions, case-insensitive; one match in a response shows that it speaks of the danger."""

    @cached_property
    def _named(self) -> Patterns:
        return compiled(self.named)

    @cached_property
    def _met(self) -> re.Pattern[str]:
        return re.compile(joined(self.met))

    def named_in(self, prompt: str) -> bool:
        """Returns whether a prompt names the danger."""
        return self._named.search(_plain(prompt)) is not None

    def shown(self, response: str) -> bool:
        """Returns whether a response speaks of the danger."""
        return self._met.search(_plain(response)) is not None


class Dangers(StrictModel):
    """The file."""

    dangers: tuple[Danger, ...] = ()

    def passed_over(self, prompt: str, response: str) -> list[Danger]:
        """Returns the dangers that a prompt names and a response passes over, in the order of the file."""
        return [danger for danger in self.dangers if danger.named_in(prompt) and not danger.shown(response)]


def _plain(text: str) -> str:
    return text.lower().replace("’", "'")
