"""The grammar of text queries, read into clauses. Operators are taken from left to right; a blank means "and"."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from argilla_server.errors.future import UnprocessableEntityError

from corpusgen_argilla.text import Both, Clause, Either, Not, Phrase, Prefix, Word, fold, words

__all__ = ["parse"]

_MOST_CLAUSES = 1024  # as many as Elasticsearch takes
_DEEPEST = 50
_ENDS = frozenset('"|+()')
_FUZZY = re.compile(r"(?<=.)~\d*$")


def parse(query: str) -> Clause | None:
    """Returns what a query asks for, or None where it holds no word: such a query matches nothing.

    A sign that makes no sense where it stands, such as a quote that is never closed, is passed over. `~2` after a word
    or a phrase is read and has no effect: nothing is searched for fuzzily.

    Raises:
        UnprocessableEntityError: The query has more than 1,024 words or nests more than 50 deep.
    """
    return _Reader(fold(query)).group(0)


@dataclass
class _Reader:
    text: str
    at: int = 0
    clauses: int = field(default=0, init=False)

    def group(self, depth: int) -> Clause | None:
        if depth > _DEEPEST:
            raise UnprocessableEntityError(f"The text query nests more than {_DEEPEST} parentheses.")
        top: Clause | None = None
        either = negated = False
        while self.at < len(self.text):
            sign = self.text[self.at]
            if sign == ")":
                self.at += 1
                if depth:
                    break
            elif sign == "|" or sign == "+":
                self.at += 1
                either = sign == "|" and top is not None
            elif sign == "-":
                self.at += 1
                negated = not negated
                continue
            elif sign.isspace():
                self.at += 1
            elif (clause := self._clause(sign, depth)) is not None:
                clause = Not(clause) if negated else clause
                top = clause if top is None else (Either if either else Both)(top, clause)
                either = False
            negated = False
        return top

    def _clause(self, sign: str, depth: int) -> Clause | None:
        self.clauses += 1
        if self.clauses > _MOST_CLAUSES:
            raise UnprocessableEntityError(f"The text query has more than {_MOST_CLAUSES} words.")
        if sign == "(":
            self.at += 1
            return self.group(depth + 1) if self._closes() else None
        return self._phrase() if sign == '"' else self._word()

    def _closes(self) -> bool:
        return ")" in self.text[self.at :]

    def _phrase(self) -> Clause | None:
        self.at += 1
        held, end = self._until(self.at, frozenset('"'))
        if end >= len(self.text):  # never closed: what follows is read as words
            return None
        self.at = end + 1
        if slop := re.compile(r"~\d*").match(self.text, self.at):
            self.at = slop.end()
        parts = words(held)
        return Phrase(parts) if parts else None

    def _word(self) -> Clause | None:
        start = self.at
        held, self.at = self._until(start, _ENDS, blank=True)
        raw = self.text[start : self.at]
        if raw.endswith("*") and not raw.endswith("\\*") and len(held) > 1:
            return Prefix(held[:-1])
        parts = words(_FUZZY.sub("", held))
        return Word(parts) if parts else None

    def _until(self, at: int, ends: frozenset[str], *, blank: bool = False) -> tuple[str, int]:
        # The text up to one of the signs, each backslash taken as an escape.
        held: list[str] = []
        while at < len(self.text):
            character = self.text[at]
            if character == "\\" and at + 1 < len(self.text):
                held.append(self.text[at + 1])
                at += 2
                continue
            if character in ends or (blank and character.isspace()):
                break
            held.append(character)
            at += 1
        return "".join(held), at
