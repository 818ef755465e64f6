"""People: accounts and workspaces on the real server; pseudonyms, and no name, in the run."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from corpusgen.errors import ReviewError, UsageError
from corpusgen.review import people
from corpusgen.review.connection import Connection
from corpusgen.review.people import (
    ADJUDICATION,
    Invitation,
    Invitee,
    enrol,
    invitee,
    new_password,
    pseudonyms,
    workspace_of,
)
from corpusgen.reviews import ReviewFolder
from tests.review.conftest import Annotation


@pytest.fixture
def folder(tmp_path: Path) -> ReviewFolder:
    return ReviewFolder(tmp_path / "run" / "review")


def as_person(argilla: Annotation, username: str, password: str | None) -> httpx.Client:
    """A client signed in as the page signs people in."""
    url = argilla.connection.url
    answer = httpx.post(f"{url}/api/v1/token", data={"username": username, "password": password or ""})
    if answer.status_code == 401:
        raise PermissionError(username)
    token = answer.raise_for_status().json()["access_token"]
    return httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"})


def spaces_of(argilla: Annotation, invitation: Invitation) -> list[str]:
    with as_person(argilla, invitation.username, invitation.password) as person:
        return sorted(space["name"] for space in person.get("/me/workspaces").json()["items"])


# --- who is asked


def test_a_person_is_named_with_a_profession_or_without() -> None:
    assert invitee("anna") == Invitee("anna", "")
    assert invitee("anna-k:clinical  psychologist") == Invitee("anna-k", "clinical psychologist")


@pytest.mark.parametrize("name", ["", "anna keller", "anna@clinic.example", "änne", "../anna", "a" * 61, ":nurse"])
def test_a_name_that_argilla_would_refuse_is_refused_here(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a username"):
        invitee(name)


# --- pseudonyms


def account(name: str, number: int) -> Any:
    born = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    return SimpleNamespace(username=name, id=uuid.UUID(int=number * 7919), inserted_at=born)


def test_pseudonyms_differ_even_where_hashes_begin_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "DIGITS", 2)
    users = [account(f"user{number}", number) for number in range(1000)]
    found = people._pseudonyms(users)
    assert len(set(found.values())) == 1000
    assert {len(short) for short in found.values()} >= {2, 3}


def test_a_later_account_changes_no_pseudonym(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "DIGITS", 2)
    users = [account(f"user{number}", number) for number in range(300)]
    few, many = people._pseudonyms(users[:100]), people._pseudonyms(reversed(users))
    assert few.items() <= many.items()


# --- on the server


@pytest.mark.slow
def test_people_get_accounts_workspaces_and_pseudonyms(argilla: Annotation, folder: ReviewFolder) -> None:
    made = enrol(
        argilla.connection,
        folder,
        reviewers=[Invitee("Rosalind", "psychiatrist"), Invitee("bertha")],
        adjudicators=[Invitee("margarete", "clinical psychologist")],
    )
    assert [(each.username, each.role) for each in made] == [
        ("Rosalind", "reviewer"),
        ("bertha", "reviewer"),
        ("margarete", "adjudicator"),
    ]
    assert len({each.password for each in made}) == 3
    assert {each.url for each in made} == {f"{argilla.connection.page}/sign-in"}

    assert spaces_of(argilla, made[0]) == [workspace_of("Rosalind")]
    assert spaces_of(argilla, made[1]) == [workspace_of("bertha")]
    assert spaces_of(argilla, made[2]) == [ADJUDICATION]
    with as_person(argilla, "Rosalind", made[0].password) as person:
        assert person.get("/me").json()["role"] == "annotator"
        assert person.get("/users").status_code == 403

    entered = folder.people()
    assert {(each.role, each.profession, each.simulated) for each in entered.values()} == {
        ("reviewer", "psychiatrist", False),
        ("reviewer", "", False),
        ("adjudicator", "clinical psychologist", False),
    }
    assert set(entered) == {each.pseudonym for each in made}
    # found again from the server alone
    assert {name: pseudonyms(argilla.connection)[name] for name in ("Rosalind", "bertha")} == {
        each.username: each.pseudonym for each in made[:2]
    }
    assert pseudonyms(argilla.connection, "adjudicator")["margarete"] == made[2].pseudonym
    assert "owner" not in pseudonyms(argilla.connection)

    text = folder.people_path.read_text().lower()
    assert not any(each.username.lower() in text or str(each.password) in text for each in made)
    assert not any(str(each.password) in repr(each) for each in made)


@pytest.mark.slow
def test_asked_again_nothing_is_made_twice_and_nobody_is_lost(argilla: Annotation, folder: ReviewFolder) -> None:
    first = enrol(argilla.connection, folder, reviewers=[Invitee("clara", "nurse")], simulated=True)
    again = enrol(argilla.connection, folder, reviewers=[Invitee("clara"), Invitee("dora")])
    assert [each.password is None for each in again] == [True, False]
    assert again[0].pseudonym == first[0].pseudonym
    found = folder.people()
    assert len(found) == 2
    # a program does not become a person by being asked again
    assert found[first[0].pseudonym].simulated
    assert found[first[0].pseudonym].profession == "nurse"
    assert not found[again[1].pseudonym].simulated
    spaces = [space.name for space in argilla.connection.client().workspaces]
    assert spaces.count(workspace_of("clara")) == 1


@pytest.mark.slow
def test_nobody_settles_what_they_have_judged_themselves(argilla: Annotation, folder: ReviewFolder) -> None:
    with pytest.raises(UsageError, match="a reviewer and an adjudicator"):
        enrol(argilla.connection, folder, reviewers=[Invitee("lina")], adjudicators=[Invitee("lina")])
    assert "lina" not in pseudonyms(argilla.connection)
    enrol(argilla.connection, folder, reviewers=[Invitee("lina")], adjudicators=[Invitee("maria")])
    before = folder.people()
    for role, name in (("adjudicators", "lina"), ("reviewers", "maria")):
        with pytest.raises(UsageError, match="a reviewer and an adjudicator"):
            enrol(argilla.connection, folder, **{role: [Invitee(name)]})  # type: ignore[arg-type]  # by name of the role
    assert folder.people() == before
    # of another run one may be the other
    enrol(argilla.connection, ReviewFolder(folder.root / "another"), adjudicators=[Invitee("lina")])


@pytest.mark.slow
def test_a_lost_password_is_replaced(argilla: Annotation, folder: ReviewFolder) -> None:
    [made] = enrol(argilla.connection, folder, reviewers=[Invitee("edith")])
    fresh = new_password(argilla.connection, "edith")
    with pytest.raises(PermissionError):
        as_person(argilla, "edith", made.password)
    assert as_person(argilla, "edith", fresh).get("/me").json()["username"] == "edith"
    for name in ("nobody", "owner"):
        with pytest.raises(UsageError, match=f"nobody who reviews is called '{name}'"):
            new_password(argilla.connection, name)


@pytest.mark.slow
def test_who_would_see_everything_is_no_reviewer(argilla: Annotation, folder: ReviewFolder) -> None:
    with pytest.raises(UsageError, match="who would see everybody's answers"):
        enrol(argilla.connection, folder, reviewers=[Invitee("frieda"), Invitee("owner")])
    assert "frieda" not in pseudonyms(argilla.connection)
    assert folder.people() == {}


@pytest.mark.slow
def test_people_are_told_apart_by_more_than_capitals(argilla: Annotation, folder: ReviewFolder) -> None:
    with pytest.raises(UsageError, match="more than capitals"):
        enrol(argilla.connection, folder, reviewers=[Invitee("grete"), Invitee("Grete")])
    enrol(argilla.connection, folder, reviewers=[Invitee("grete")])
    with pytest.raises(UsageError, match="differs from it in capitals only"):
        enrol(argilla.connection, folder, adjudicators=[Invitee("Grete")])


@pytest.mark.slow
def test_a_reviewers_key_cannot_enrol(argilla: Annotation, folder: ReviewFolder) -> None:
    [made] = enrol(argilla.connection, folder, reviewers=[Invitee("hedwig")])
    with as_person(argilla, "hedwig", made.password) as person:
        key = person.get("/me").json()["api_key"]
    theirs = Connection(argilla.connection.url, key, argilla.connection.page)
    with pytest.raises(ReviewError, match="the key is that of an annotator"):
        enrol(theirs, folder, reviewers=[Invitee("ida")])
    with pytest.raises(ReviewError, match="the key is that of an annotator"):
        pseudonyms(theirs)


@pytest.mark.slow
def test_no_log_tells_a_password(argilla: Annotation, folder: ReviewFolder) -> None:
    [made] = enrol(argilla.connection, folder, reviewers=[Invitee("johanna")])
    as_person(argilla, "johanna", made.password).close()
    logs = "".join(path.read_text() for path in argilla.home.logs.iterdir())
    assert str(made.password) not in logs
    assert json.dumps(argilla.home.server()).find(str(made.password)) == -1
