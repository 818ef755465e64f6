"""Who is who, and what is called what, on the server: names there, pseudonyms here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from corpusgen.review.connection import Connection
from corpusgen.review.datasets import asking
from corpusgen.review.opening import Review
from corpusgen.review.people import ADJUDICATION, pseudonyms, workspace_of

__all__ = ["Names", "attempt_of", "case_id", "case_of", "names_of"]


@dataclass(frozen=True)
class Names:
    """Names on the server of a run's datasets and people.

    Attributes:
        prefix: What the datasets of this run begin with, so that several runs can share a server.
        reviewers: Username of each reviewer by pseudonym; who left the server is not in it.
        adjudicators: The same of adjudicators.
        users: Id on the server by username.
    """

    prefix: str
    reviewers: dict[str, str] = field(repr=False)
    adjudicators: dict[str, str] = field(repr=False)
    users: dict[str, str] = field(repr=False)

    adjudication = ADJUDICATION
    """The workspace where disagreements are settled."""

    def workspace(self, username: str) -> str:
        """Returns the workspace of a reviewer."""
        return workspace_of(username)

    def portion(self, look: int, portion: int) -> str:
        """Returns the name of a portion's dataset, in its reviewer's workspace."""
        return f"{self.prefix}-look{look}-portion{portion:02d}"

    def cases(self, look: int) -> str:
        """Returns the name of the dataset with what is to adjudicate."""
        return f"{self.prefix}-look{look}-adjudication"

    def adjudicator(self, user: str) -> str | None:
        """Returns the pseudonym of an adjudicator by the id on the server, or None for anybody else."""
        return next((found for found, name in self.adjudicators.items() if self.users[name] == user), None)


def names_of(review: Review, connection: Connection) -> Names:
    """Returns the names that a run uses on a server.

    Raises:
        ReviewError: The server cannot be reached.
    """
    with asking("listing people"):
        users = {user.username: str(user.id) for user in connection.client().users.list()}
    people = review.folder.people()
    reviewers = {known: name for name, known in pseudonyms(connection, "reviewer").items() if known in people}
    adjudicators = {known: name for name, known in pseudonyms(connection, "adjudicator").items() if known in people}
    prefix = str(review.folder.state().get("name", review.run.root.name))
    return Names(prefix, reviewers, adjudicators, users)


def case_id(record_id: str, attempt: int) -> str:
    """Returns the id on the server of a record to adjudicate; one that comes back has a number behind it."""
    return record_id if attempt == 1 else f"{record_id}.{attempt}"


def case_of(external_id: str) -> str:
    """Returns the record of a case by its id on the server."""
    return re.sub(r"\.\d+\Z", "", external_id or "")


def attempt_of(external_id: str) -> int:
    """Returns how often a case had been handed out, from 1, by its id on the server."""
    return int((external_id or "").removeprefix(case_of(external_id)).lstrip(".") or 1)
