"""Who reviews: accounts and workspaces on the server, pseudonyms in the run.

A name is known to the server alone. A run knows a person by a pseudonym that is derived from the random id of the
account, so it can be found again from the server, and from nothing else.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from corpusgen.errors import ReviewError, UsageError
from corpusgen.review.connection import Connection
from corpusgen.review.datasets import asking
from corpusgen.reviews import Person, ReviewFolder

if TYPE_CHECKING:
    import argilla

__all__ = [
    "ADJUDICATION",
    "Invitation",
    "Invitee",
    "enrol",
    "invitee",
    "new_password",
    "pseudonyms",
    "workspace_of",
]

ADJUDICATION = "adjudication"
"""The workspace of those who settle what reviewers disagree on."""

Role = Literal["reviewer", "adjudicator"]

NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
"""What a username may be: it becomes part of a workspace's name, and the SDK takes no other characters there."""

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of passwords: none that looks like another on paper."""

DIGITS = 6
"""Of an account's hash in a pseudonym, unless an earlier account has the same."""


class Invitee(NamedTuple):
    """Somebody to be given an account: a username, and a profession as they wish it to be printed, or empty."""

    username: str
    profession: str = ""


class Invitation(NamedTuple):
    """What to hand to somebody.

    Attributes:
        username: For signing in.
        password: Shown once and kept nowhere; None where the account was there before.
        pseudonym: By which the run knows them.
        role: ``reviewer`` or ``adjudicator``.
        url: The page where they sign in.
    """

    username: str
    password: str | None
    pseudonym: str
    role: Role
    url: str

    def __repr__(self) -> str:
        return f"Invitation({self.pseudonym})"


def invitee(text: str) -> Invitee:
    """Reads ``NAME`` or ``NAME:PROFESSION``.

    Raises:
        UsageError: The name cannot be a username.
    """
    name, _, profession = text.partition(":")
    found = Invitee(name.strip(), " ".join(profession.split()))
    _check_name(found.username)
    return found


def workspace_of(username: str) -> str:
    """Returns the name of a reviewer's workspace."""
    return f"review-{username}"


def enrol(
    connection: Connection,
    folder: ReviewFolder,
    *,
    reviewers: Sequence[Invitee] = (),
    adjudicators: Sequence[Invitee] = (),
    simulated: bool = False,
) -> list[Invitation]:
    """Gives people accounts and workspaces, and enters their pseudonyms in the run; may be done again, and adds only.

    Args:
        connection: An owner's.
        folder: The run's review.
        reviewers: Each gets a workspace of their own.
        adjudicators: They share one workspace.
        simulated: A program answers in their place, in a test. Who was once entered as simulated stays so.

    Returns:
        One invitation a person and role, reviewers first, in the order given.

    Raises:
        UsageError: A name cannot be used, or somebody would settle what they have reviewed.
        ReviewError: The server refuses, or the key is not an owner's.
        StorageError: The run cannot be written.
    """
    asked: list[tuple[Role, Invitee]] = [("reviewer", each) for each in reviewers]
    asked += [("adjudicator", each) for each in adjudicators]
    _check_names(asked)
    with asking("making accounts"):
        client = connection.client()
        _check_owner(client, connection)
        users = {user.username: user for user in client.api.users.list()}
        _check_accounts(users, asked)
        _check_roles(_pseudonyms(users.values()), folder.people(), asked)
        passwords: dict[str, str] = {}
        for name in dict.fromkeys(each.username for _, each in asked):
            if name not in users:
                passwords[name] = _password()
                users[name] = _create(client, name, passwords[name])
        spaces = {space.name: space for space in client.api.workspaces.list()}
        for role, each in asked:
            _join(client, spaces, _workspace(role, each.username), users[each.username])
        known = _pseudonyms(client.api.users.list())
    people = folder.people()
    for role, each in asked:
        name = _entry(role, known[each.username])
        before = people.get(name, Person(name, role, "", False))
        profession = each.profession or before.profession
        people[name] = Person(name, role, profession, simulated or before.simulated)
    folder.save_people(people)
    page = f"{connection.page}/sign-in"
    return [
        Invitation(each.username, passwords.get(each.username), _entry(role, known[each.username]), role, page)
        for role, each in dict.fromkeys((role, each) for role, each in asked)
    ]


def pseudonyms(connection: Connection, role: Role = "reviewer") -> dict[str, str]:
    """Returns the pseudonym of everybody on the server who could have a role, by username.

    Accounts of owners and administrators are none of them. Whether somebody takes part in a run, its people.json says.

    Raises:
        ReviewError: The server refuses, or the key is not an owner's.
    """
    with asking("listing people"):
        client = connection.client()
        _check_owner(client, connection)
        users = client.api.users.list()
    known = _pseudonyms(users)
    return {user.username: _entry(role, known[user.username]) for user in users if _role(user) == "annotator"}


def new_password(connection: Connection, username: str) -> str:
    """Gives somebody a new password, for one who has lost theirs, and returns it; who is signed in stays so.

    Raises:
        UsageError: There is no such reviewer or adjudicator.
        ReviewError: The server refuses, or the key is not an owner's.
    """
    with asking("setting a password"):
        client = connection.client()
        _check_owner(client, connection)
        found = next((user for user in client.api.users.list() if user.username == username), None)
        if found is None or _role(found) != "annotator":
            do = "give them an account: corpusgen review users RUN --reviewer NAME"
            raise UsageError(f"nobody who reviews is called '{username}'", do=do)
        password = _password()
        # the SDK has no call for it, and the server has
        answer = client.http_client.patch(f"/api/v1/users/{found.id}", json={"password": password})
        answer.raise_for_status()
    return password


def _check_names(asked: Iterable[tuple[Role, Invitee]]) -> None:
    seen: dict[tuple[Role, str], Invitee] = {}
    roles: dict[str, Role] = {}
    for role, each in asked:
        _check_name(each.username)
        if roles.setdefault(each.username.lower(), role) != role:
            raise _two_roles(each.username)
        before = seen.setdefault((role, each.username.lower()), each)
        if before != each:
            what = f"'{before.username}' and '{each.username}' are given as two {role}s"
            raise UsageError(what, do="name everybody once, and tell people apart by more than capitals")


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        do = "use letters without accents, digits, - and _, at most 60 of them, e.g. anna-k"
        raise UsageError(f"'{name}' cannot be a username", where="NAME[:PROFESSION]", do=do)


def _check_accounts(users: dict[str, Any], asked: Iterable[tuple[Role, Invitee]]) -> None:
    small = {name.lower(): name for name in users}
    for _, each in asked:
        account = small.get(each.username.lower())
        if account is not None and account != each.username:
            what = f"there is an account '{account}', and '{each.username}' differs from it in capitals only"
            raise UsageError(what, do=f"use {account}, or another name")
        if account is not None and _role(users[account]) != "annotator":
            what = f"'{account}' is the account of an {_role(users[account])}, who would see everybody's answers"
            raise UsageError(what, do="give them another account, under another name")


def _check_roles(known: Mapping[str, str], people: Mapping[str, Person], asked: Iterable[tuple[Role, Invitee]]) -> None:
    for role, each in asked:
        other: Role = "adjudicator" if role == "reviewer" else "reviewer"
        if each.username in known and _entry(other, known[each.username]) in people:
            raise _two_roles(each.username)


def _two_roles(name: str) -> UsageError:
    what = f"'{name}' would be a reviewer and an adjudicator of this run, and settle what they have judged themselves"
    return UsageError(what, do="have another person do one of the two")


def _check_owner(client: argilla.Argilla, connection: Connection) -> None:
    if _role(client.me) != "owner":
        do = "set ARGILLA_API_KEY to the key of an owner's account: its settings page shows it"
        raise ReviewError(f"the key is that of an {_role(client.me)}", where=connection.url, do=do)


def _role(user: Any) -> str:
    return str(getattr(user.role, "value", user.role))


def _password() -> str:
    # 20 of 31 letters: 99 bits, in groups that can be read out
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(4))


def _create(client: argilla.Argilla, name: str, password: str) -> Any:
    from argilla._models import UserModel

    return client.api.users.create(
        UserModel(username=name, first_name=name, last_name=None, role="annotator", password=password)
    )


def _workspace(role: Role, username: str) -> str:
    return workspace_of(username) if role == "reviewer" else ADJUDICATION


def _join(client: argilla.Argilla, spaces: dict[str, Any], name: str, user: Any) -> None:
    from argilla._models import WorkspaceModel

    if name not in spaces:
        spaces[name] = client.api.workspaces.create(WorkspaceModel(name=name))
    space = spaces[name]
    if all(member.id != user.id for member in client.api.users.list_by_workspace_id(space.id)):
        client.api.users.add_to_workspace(space.id, user.id)


def _pseudonyms(users: Iterable[Any]) -> dict[str, str]:
    """Returns a part of each account's hash by username: short, and different for all.

    The earlier account keeps the shorter one, so that no later account changes a pseudonym that is in use.
    """
    taken: set[str] = set()
    found: dict[str, str] = {}
    for user in sorted(users, key=lambda user: (user.inserted_at, str(user.id))):
        whole = hashlib.sha256(str(user.id).encode()).hexdigest()
        short = next(whole[:length] for length in range(DIGITS, 65) if whole[:length] not in taken)
        taken.add(short)
        found[user.username] = short
    return found


def _entry(role: Role, short: str) -> str:
    return f"{role[0]}-{short}"
