"""The annotation server's life: up once, mended when a part is gone, down with its data kept; secrets stay secret."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from corpusgen.errors import ReviewError, UsageError
from corpusgen.review.server.addresses import free_port, page, port_to_use, warning
from corpusgen.review.server.home import Home, Secrets, home_of
from corpusgen.review.server.lifecycle import connect, down, status, up
from corpusgen.review.server.parts import Parts, hide, variables
from tests.annotation.conftest import absent
from tests.annotation.servers import postgres, postgres_binary
from tests.review.conftest import Annotation


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    found = Home(tmp_path / ".argilla")
    yield found
    down(found)


@pytest.fixture(autouse=True)
def _no_other_argilla(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ARGILLA_API_URL", "ARGILLA_API_KEY", "CORPUSGEN_DATABASE_URL", "CORPUSGEN_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


def code(url: str, **headers: str) -> int:
    """The status that a request is answered with."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def sign_in(url: str, username: str, password: str) -> str:
    """The token that the page keeps for somebody who is signed in."""
    body = urllib.parse.urlencode({"username": username, "password": password}).encode()
    with urllib.request.urlopen(f"{url}/api/v1/token", body, timeout=10) as answer:
        return str(json.load(answer)["access_token"])


def everything(secrets: Secrets) -> list[str]:
    return [secrets.auth_secret, secrets.owner_password, secrets.owner_api_key, secrets.redis_password]


# --- the home


def test_a_project_has_one_home(tmp_path: Path) -> None:
    assert home_of(tmp_path / "runs" / "smoke").root == tmp_path / ".argilla"
    assert home_of(tmp_path / "runs" / "other").root == tmp_path / ".argilla"
    assert home_of(tmp_path / "smoke").root == tmp_path / ".argilla"


def test_the_home_is_for_its_user_only_and_secrets_are_made_once(home: Home) -> None:
    home.prepare()
    made = home.secrets()
    assert home.secrets() == made
    assert len(set(everything(made))) == 4
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.secrets_path.stat().st_mode) == 0o600
    assert (home.root / ".gitignore").read_text() == "*\n"
    home.root.chmod(0o755)
    home.prepare()
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    assert not any(secret in repr(made) for secret in everything(made))


def test_damaged_secrets_are_not_made_anew_behind_ones_back(home: Home) -> None:
    home.prepare()
    home.secrets_path.write_text("{")
    with pytest.raises(ReviewError, match="everybody has to sign in again"):
        home.secrets()


def test_a_database_password_goes_beside_its_url(home: Home) -> None:
    secrets = Secrets(
        "-a-", "-b-", "-c-", "-d-", database_url="postgresql://anna:p%40ss@db.example:5432/review?ssl=require"
    )
    env = variables(home, secrets, 0)
    assert env["ARGILLA_DATABASE_URL"] == "postgresql://anna@db.example:5432/review?ssl=require"
    assert env["PGPASSWORD"] == "p@ss"
    assert hide("p@ss, p%40ss and -a-", secrets) == "***, *** and ***"


def test_what_is_meant_for_another_argilla_does_not_reach_ours(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGILLA_ELASTICSEARCH", "http://other:9200")
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    env = variables(home, Secrets("a", "b", "c", "d"), 7000)
    assert "ARGILLA_ELASTICSEARCH" not in env
    assert "PYTHONHOME" not in env
    assert env["HF_HUB_DISABLE_TELEMETRY"] == "1"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "review.example"])
def test_listening_for_other_machines_is_told(host: str) -> None:
    assert "TLS" in warning(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_listening_for_this_machine_is_not(host: str) -> None:
    assert warning(host) == ""


def test_a_page_has_an_address_that_can_be_opened() -> None:
    assert page("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert page("::1", 80) == "http://[::1]:80"
    assert page("0.0.0.0", 80) == f"http://{socket.getfqdn()}:80"


def test_the_port_of_last_time_is_taken_again_while_it_is_free() -> None:
    last = free_port("127.0.0.1")
    assert port_to_use("127.0.0.1", 0, last) == last
    with socket.create_server(("127.0.0.1", last)):
        assert port_to_use("127.0.0.1", 0, last) != last


# --- connecting


def test_another_argilla_serves_as_well(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    monkeypatch.setenv("ARGILLA_API_URL", "https://review.example/")
    with pytest.raises(UsageError, match="ARGILLA_API_URL is set, and ARGILLA_API_KEY is not"):
        connect(home)
    monkeypatch.setenv("ARGILLA_API_KEY", "key-of-the-other")
    found = connect(home)
    assert (found.url, found.api_key, found.page) == ("https://review.example", "key-of-the-other", found.url)
    assert "key-of-the-other" not in repr(found)
    monkeypatch.delenv("ARGILLA_API_URL")
    with pytest.raises(UsageError, match="ARGILLA_API_KEY is set, and ARGILLA_API_URL is not"):
        connect(home)


def test_without_any_server_the_next_command_is_named(home: Home) -> None:
    with pytest.raises(ReviewError, match="corpusgen review up RUN"):
        connect(home)
    assert status(home) is None
    assert down(home) == ()


@pytest.mark.slow
def test_an_argilla_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGILLA_API_URL", f"http://127.0.0.1:{free_port('127.0.0.1')}")
    monkeypatch.setenv("ARGILLA_API_KEY", "key")
    with pytest.raises(ReviewError, match="does not answer"):
        connect().client()


# --- a server that is up


@pytest.mark.slow
def test_up_again_changes_nothing(argilla: Annotation) -> None:
    before = status(argilla.home)
    again = up(argilla.home)
    assert before is not None
    assert before.whole
    assert again.started == ()
    assert again.pids == before.pids
    assert again.url == argilla.connection.page
    assert set(again.pids) == {"server", "worker", "redis"}


@pytest.mark.slow
def test_other_settings_need_a_down_first(argilla: Annotation) -> None:
    with pytest.raises(UsageError, match="--port: it is up at"):
        up(argilla.home, port=free_port("127.0.0.1"))
    with pytest.raises(UsageError, match="--database-url"):
        up(argilla.home, database_url="postgresql://somebody@127.0.0.1/other")
    assert argilla.home.secrets().database_url is None


@pytest.mark.slow
def test_the_client_is_the_owners_and_keeps_quiet(argilla: Annotation, capfd: pytest.CaptureFixture[str]) -> None:
    import argilla as rg

    client = argilla.connection.client()
    assert client.me.username == "owner"
    workspace = rg.Workspace(name="quiet", client=client).create()
    settings = rg.Settings(fields=[rg.TextField(name="text")], questions=[rg.RatingQuestion(name="q", values=[1, 2])])
    dataset = rg.Dataset(name="quiet", workspace=workspace, settings=settings, client=client).create()
    dataset.records.log([{"text": str(number)} for number in range(10)])
    assert len(list(dataset.records)) == 10
    assert client.workspaces("nobody") is None
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


@pytest.mark.slow
def test_a_wrong_key_is_refused_in_plain_words(argilla: Annotation) -> None:
    with pytest.raises(ReviewError, match="refuses the key") as caught:
        argilla.connection.__class__(argilla.connection.url, "a-wrong-key", "").client()
    assert "a-wrong-key" not in str(caught.value)


@pytest.mark.slow
def test_nobody_gets_in_without_a_key_or_from_another_machine(argilla: Annotation) -> None:
    url = argilla.connection.url
    for path in ("me", "users", "me/workspaces", "me/datasets"):
        assert code(f"{url}/api/v1/{path}") == 401
    running = status(argilla.home)
    assert running is not None
    for name in ("server", "redis"):
        listening = [each for each in psutil.Process(running.pids[name]).net_connections() if each.status == "LISTEN"]
        assert [each.laddr.ip for each in listening] == ["127.0.0.1"]
    with socket.create_connection(("127.0.0.1", argilla.home.server()["redis_port"])) as line:
        line.sendall(b"PING\r\n")
        assert line.recv(100).startswith(b"-NOAUTH")


@pytest.mark.slow
def test_secrets_are_in_one_file_and_in_no_list_of_processes(argilla: Annotation) -> None:
    running, secrets = status(argilla.home), everything(argilla.home.secrets())
    assert running is not None
    sign_in(running.url, "owner", argilla.home.secrets().owner_password)
    holding = {
        path.name
        for path in argilla.home.root.rglob("*")
        if path.is_file() and any(secret.encode() in path.read_bytes() for secret in secrets)
    }
    # Argilla keeps the keys of accounts, and hashes of passwords, in its database
    assert holding - {"argilla.db", "argilla.db-wal"} == {"secrets.json"}
    listed = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert "corpusgen_argilla.serve" in listed
    assert not any(secret in listed for secret in secrets)
    readable = [path for path in argilla.home.root.glob("argilla.db*") if path.stat().st_mode & 0o077]
    assert readable == []


# --- a life


@pytest.mark.slow
def test_a_server_is_mended_stopped_and_started_and_keeps_data_logins_and_address(home: Home) -> None:
    first = up(home)
    assert first.started == ("redis", "server", "worker")
    owner = home.secrets().owner_password
    token = sign_in(first.url, "owner", owner)
    connect(home).client().api.users.http_client.post("/api/v1/workspaces", json={"name": "kept"}).raise_for_status()

    Parts(home).worker.kill()
    halved = status(home)
    assert halved is not None
    assert halved.missing == ("worker",)
    mended = up(home)
    assert mended.started == ("worker",)
    assert mended.pids["server"] == first.pids["server"]

    Parts(home).redis.kill()
    mended = up(home)
    assert mended.whole
    assert mended.url == first.url

    assert down(home) == ("server", "worker", "redis")
    assert status(home) is None
    assert not any(psutil.pid_exists(pid) for pid in mended.pids.values())
    with pytest.raises(ReviewError, match="review up"):
        connect(home)

    again = up(home)
    assert again.url == first.url
    assert home.secrets().owner_password == owner
    assert code(f"{again.url}/api/v1/me", Authorization=f"Bearer {token}") == 200
    assert [space.name for space in connect(home).client().workspaces] == ["kept"]
    assert len(list(home.scratch.iterdir())) <= 2


@pytest.mark.slow
def test_postgresql_serves_and_its_password_stays_in_the_secrets(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (postgres_binary("initdb") and postgres_binary("psql")):
        absent("PostgreSQL is not installed")
    password = "p%an@t/ed"
    with postgres() as trusted:
        place = trusted.rpartition("@")[2]
        say = [str(postgres_binary("psql")), "-qAt", f"postgresql://postgres@{place}", "-c"]
        rules = Path(subprocess.run([*say, "SHOW hba_file"], capture_output=True, text=True, check=True).stdout.strip())
        subprocess.run([*say, f"CREATE ROLE anna SUPERUSER LOGIN PASSWORD '{password}'"], check=True)
        rules.write_text("host all anna 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
        subprocess.run([*say, "SELECT pg_reload_conf()"], check=True, stdout=subprocess.DEVNULL)

        monkeypatch.setenv(
            "CORPUSGEN_DATABASE_URL", f"postgresql://anna:{urllib.parse.quote(password, safe='')}@{place}"
        )
        first = up(home)
        assert first.database == "postgresql"
        monkeypatch.delenv("CORPUSGEN_DATABASE_URL")
        # the database of last time is used again, unasked
        assert up(home).started == ()
        assert connect(home).client().me.username == "owner"
        assert not (home.root / "argilla.db").exists()
        holding = [path.name for path in home.root.rglob("*") if path.is_file() and b"p%25an" in path.read_bytes()]
        assert holding == ["secrets.json"]
        assert down(home) == ("server", "worker", "redis")


@pytest.mark.slow
def test_a_server_that_cannot_start_says_why_and_leaves_nothing_running(home: Home) -> None:
    planted = "planted%2Fpassword"
    url = f"postgresql://anna:{planted}@127.0.0.1:{free_port('127.0.0.1')}/review"
    with pytest.raises(ReviewError, match=r"(?s)annotation server has ended.*refused") as caught:
        up(home, database_url=url)
    assert status(home) is None
    assert "planted" not in str(caught.value)
    # what did not work is not remembered either
    assert not any(b"planted" in path.read_bytes() for path in home.root.rglob("*") if path.is_file())


def test_what_cannot_be_used_is_refused_without_being_repeated(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpusgen.review.server.lifecycle.ensure", lambda progress: Path(os.devnull))
    with pytest.raises(UsageError, match="--database-url") as caught:
        up(home, database_url="mysql://anna:planted@db/review")
    assert "planted" not in str(caught.value)
    with pytest.raises(UsageError, match="--redis-url"):
        up(home, redis_url="localhost:6379")
    with pytest.raises(UsageError, match=r"--host: cannot listen on 192\.0\.2\.7"):
        up(home, host="192.0.2.7")
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match=r"--port: port \d+ is taken"):
        up(home, port=taken.getsockname()[1])
    assert status(home) is None
