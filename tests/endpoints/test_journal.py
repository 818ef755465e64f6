"""The journal: an answer that was kept is there after any end, and what was spent adds up."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusgen.endpoints.answers import Answer, Ask
from corpusgen.endpoints.journal import Journal, Usage
from corpusgen.errors import StorageError

HELLO = Answer("Hello.\n\nIt's “fine” — 🙂\x00", 12, 5)


def keep(journal: Journal, key: str, answer: Answer = HELLO) -> None:
    asyncio.run(asyncio.wait_for(journal.keep(key, "cell 0 0", "prompt/1", answer), 10))


def test_an_answer_is_found_again_to_the_letter_and_in_another_session(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "new" / "journal.db")) as journal:
        assert journal.get("a") is None
        keep(journal, "a")
        assert journal.get("a") == HELLO
    with closing(Journal(tmp_path / "new" / "journal.db")) as journal:
        assert journal.get("a") == HELLO
        assert journal.get("b") is None


def test_what_was_kept_is_on_disk_when_keep_returns(tmp_path: Path) -> None:
    code = (
        "import asyncio, os, pathlib, signal, sys\n"
        "from corpusgen.endpoints import Answer, Journal\n"
        "journal = Journal(pathlib.Path(sys.argv[1]))\n"
        "asyncio.run(journal.keep('a', 'cell', 'prompt/1', Answer('Hello.', 1, 2)))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "journal.db")], check=False)
    assert done.returncode == -signal.SIGKILL
    with closing(Journal(tmp_path / "journal.db")) as journal:
        assert journal.get("a") == Answer("Hello.", 1, 2)


def test_many_answers_at_once_are_all_kept(tmp_path: Path) -> None:
    async def all_of_them(journal: Journal) -> None:
        await asyncio.gather(
            *(journal.keep(str(n), f"cell {n}", "prompt/1", Answer(f"say {n}", n, n)) for n in range(500))
        )

    with closing(Journal(tmp_path / "journal.db")) as journal:
        asyncio.run(all_of_them(journal))
        assert [journal.get(str(n)) for n in range(500)] == [Answer(f"say {n}", n, n) for n in range(500)]


Spent = st.tuples(
    st.sampled_from(["small", "large"]),
    st.sampled_from(["answer", "busy", "length"]),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.floats(0, 10),
)


@settings(max_examples=20, deadline=None)
@given(sessions=st.lists(st.lists(Spent, max_size=30), min_size=1, max_size=3))
def test_what_was_spent_adds_up_over_all_sessions(
    sessions: list[list[tuple[str, str, int, int, float]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("spent") / "journal.db"
    for session in sessions:
        with closing(Journal(path)) as journal:
            for item in session:
                journal.spend(*item)
    every = [item for session in sessions for item in session]
    requests = Counter((model, outcome) for model, outcome, *_ in every)
    expected = []
    for model, outcome in sorted(requests):
        same = [item for item in every if item[:2] == (model, outcome)]
        given_tokens, said = sum(item[2] for item in same), sum(item[3] for item in same)
        cost = pytest.approx(sum(item[4] for item in same))
        expected.append(Usage(model, outcome, requests[model, outcome], given_tokens, said, cost))
    with closing(Journal(path)) as journal:
        assert journal.usage() == expected


@pytest.mark.parametrize("answer", [Answer("half of an emoji: \ud83d", 1, 1), Answer("too many tokens", 2**70, 1)])
def test_an_answer_that_cannot_be_written_is_told_and_stops_nothing(tmp_path: Path, answer: Answer) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        with pytest.raises(StorageError, match="journal"):
            keep(journal, "bad", answer)
        keep(journal, "good")
        assert journal.get("good") == HELLO
        assert journal.get("bad") is None


def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_text("no database, but somebody's notes\n" * 100)
    before = path.read_bytes()
    with pytest.raises(StorageError) as caught:
        Journal(path)
    assert caught.value.where == str(path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="journal"):
        Journal(tmp_path / "file" / "journal.db")


def test_a_table_that_is_gone_is_a_storage_error_for_reader_and_writer(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        with closing(sqlite3.connect(tmp_path / "journal.db")) as other:
            other.execute("drop table answers")
        with pytest.raises(StorageError):
            journal.get("a")
        with pytest.raises(StorageError):
            keep(journal, "a")


def test_closing_writes_what_is_left_and_ends_the_thread(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    for _ in range(2000):
        journal.spend("small", "answer", 1, 1, 0.5)
    journal.close()
    assert "journal" not in {thread.name for thread in threading.enumerate()}
    with closing(Journal(tmp_path / "journal.db")) as again:
        assert again.usage() == [Usage("small", "answer", 2000, 2000, 2000, 1000.0)]
    assert [path.name for path in tmp_path.iterdir()] == ["journal.db"]


# The key: everything that shapes an answer, and nothing else.

ASK = Ask("cell 0 0", "prompt/1", [{"role": "user", "content": "Hello"}], {"temperature": 0.7, "max_tokens": 400}, None)
OTHERS = {
    "endpoint": ("http://b/v1", "small", ASK),
    "model": ("http://a/v1", "large", ASK),
    "row": ("http://a/v1", "small", Ask("cell 0 1", ASK.version, ASK.messages, ASK.parameters)),
    "version": ("http://a/v1", "small", Ask(ASK.row, "prompt/2", ASK.messages, ASK.parameters)),
    "words": (
        "http://a/v1",
        "small",
        Ask(ASK.row, ASK.version, [{"role": "user", "content": "Hello."}], ASK.parameters),
    ),
    "role": (
        "http://a/v1",
        "small",
        Ask(ASK.row, ASK.version, [{"role": "system", "content": "Hello"}], ASK.parameters),
    ),
    "parameters": (
        "http://a/v1",
        "small",
        Ask(ASK.row, ASK.version, ASK.messages, {**ASK.parameters, "temperature": 0}),
    ),
    "schema": ("http://a/v1", "small", Ask(ASK.row, ASK.version, ASK.messages, ASK.parameters, {"type": "object"})),
}


@pytest.mark.parametrize("changed", OTHERS)
def test_whatever_shapes_an_answer_changes_its_key(changed: str) -> None:
    endpoint, model, ask = OTHERS[changed]
    assert ask.key(endpoint, model) != ASK.key("http://a/v1", "small")


def test_the_order_of_the_parameters_changes_no_key() -> None:
    turned = Ask(ASK.row, ASK.version, ASK.messages, dict(reversed(ASK.parameters.items())))
    assert turned.key("http://a/v1", "small") == ASK.key("http://a/v1", "small")
