"""What a curator gets wrong: an exit code, a block that says where, no traceback, nothing half-written."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from corpusgen.cli import run
from corpusgen.documents import read


class Shell:
    """Runs the command line in this process and looks at what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def refused(self, code: int, *arguments: object) -> str:
        """Runs a command that has to end with ``code`` and an error block; returns standard error."""
        self.capsys.readouterr()
        found = run([str(item) for item in arguments])
        out, err = self.capsys.readouterr()
        assert found == code, err
        assert re.search(r"^error: \S", err, re.MULTILINE), err
        assert "Traceback" not in out + err
        return err


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.delenv("CORPUSGEN_DEBUG", raising=False)
    return Shell(capsys)


@pytest.fixture
def recipe(project: Path) -> Path:
    return project / "pipelines" / "smoke.yaml"


def change(path: Path, old: str, new: str) -> int:
    """Replaces the first occurrence of a text in a file; returns the line it stood in."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def taxonomy(project: Path) -> Path:
    return project / "taxonomies" / "psychosafe"


def first_of(project: Path, kind: str) -> Path:
    return sorted((project / "seeds" / "psychosafe" / kind).glob("*/*.yaml"))[0]


# Curated files.


def test_a_missing_key_is_named_at_its_line(project: Path, recipe: Path, shell: Shell) -> None:
    path = first_of(project, "situations")
    data = read(path).data
    del data["situations"][0]["heard"]
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=10_000), encoding="utf-8")
    line = read(path).line(("situations", 0))
    err = shell.refused(2, "validate", recipe)
    assert f"error: {path}:{line}: the key 'heard' is missing" in err
    assert "add 'heard:'" in err


def test_a_recipe_without_weights_is_refused(recipe: Path, shell: Shell) -> None:
    change(recipe, "weights:", "wieghts:")
    err = shell.refused(2, "plan", recipe)
    assert f"{recipe}:" in err
    assert "the key 'weights' is missing" in err
    assert "the key 'wieghts' is not known here" in err


def test_an_unknown_strategy_is_named_at_its_rule(project: Path, recipe: Path, shell: Shell) -> None:
    path = taxonomy(project) / "policy.yaml"
    rules = read(path).data["rules"]
    index = next(number for number, rule in enumerate(rules) if rule["strategies"])
    line = read(path).line(("rules", index, "strategies"))
    assert change(path, "strategies: [" + rules[index]["strategies"][0], "strategies: [no_such_strategy") == line
    err = shell.refused(2, "validate", recipe)
    assert f"error: {path}:{line}: unknown strategy 'no_such_strategy'" in err
    assert rules[index]["strategies"][0] in err


def test_a_role_that_no_situation_tells_of_is_refused(project: Path, recipe: Path, shell: Shell) -> None:
    domain = "suicide_self_harm"
    for path in (project / "seeds" / "psychosafe" / "situations" / domain).glob("*.yaml"):
        for item in read(path).data["situations"]:
            assert item["role"] != "potential_actor", "choose another role for this test"
    weights = f"{domain}: {{self_at_risk: 62,"
    line = change(recipe, weights, f"{domain}: {{potential_actor: 5, self_at_risk: 62,")
    err = shell.refused(2, "plan", recipe)
    assert f"error: {recipe}:{line}: asks for {domain} / potential_actor / " in err
    assert "there is no situation" in err


def test_more_lookalikes_than_questions_are_refused(recipe: Path, tmp_path: Path, shell: Shell) -> None:
    line = change(recipe, "lookalike_share: 0.10", "lookalike_share: 0.99")
    for arguments in (["plan", recipe, "-n", 90_000], ["build", recipe, "-n", 90_000, "-o", tmp_path / "run"]):
        err = shell.refused(2, *arguments)
        assert re.search(rf"error: {re.escape(str(recipe))}:{line}: asks for [\d,]+ look-alikes of \w+", err)
        assert "lower 'lookalike_share' or 'pairs'" in err
    assert not (tmp_path / "run").exists()


def test_a_resource_without_a_country_is_refused(project: Path, recipe: Path, shell: Shell) -> None:
    path = taxonomy(project) / "resources.yaml"
    data = read(path).data
    del data["entries"][1]["country"]
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    line = read(path).line(("entries", 1))
    assert f"error: {path}:{line}: the key 'country' is missing" in shell.refused(2, "validate", recipe)


def test_a_resource_of_an_unknown_country_is_refused(project: Path, recipe: Path, shell: Shell) -> None:
    path = taxonomy(project) / "resources.yaml"
    data = read(path).data
    data["entries"][1]["country"] = "ZZ"
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    line = read(path).line(("entries", 1, "country"))
    assert f"error: {path}:{line}: unknown country 'ZZ'" in shell.refused(2, "validate", recipe)


def test_a_country_of_the_recipe_that_the_registry_lacks_is_refused(recipe: Path, shell: Shell) -> None:
    line = change(recipe, "{US: 30,", "{ZZ: 5, US: 30,")
    assert f"error: {recipe}:{line}: unknown country 'ZZ'" in shell.refused(2, "plan", recipe)


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_seed_file_is_refused(project: Path, recipe: Path, shell: Shell, text: str) -> None:
    for kind in ("situations", "lookalikes"):
        path = first_of(project, kind)
        before = path.read_text(encoding="utf-8")
        path.write_text(text)
        err = shell.refused(2, "validate", recipe)
        assert f"error: {path}:1: 'the file' is not a mapping" in err
        path.write_text(before, encoding="utf-8")


def test_an_alias_and_a_cycle_are_refused(project: Path, recipe: Path, shell: Shell) -> None:
    path = first_of(project, "situations")
    original = path.read_text(encoding="utf-8")
    for addition in ("extra: &loop [*loop]\n", "extra: &a {b: 1}\n"):
        path.write_text(original.rstrip("\n") + "\n" + addition, encoding="utf-8")
        line = original.rstrip("\n").count("\n") + 2
        err = shell.refused(2, "validate", recipe)
        assert f"error: {path}:{line}: uses a YAML anchor or alias" in err


@pytest.mark.parametrize("addition", ["tell: 'open\n", "a: b: c\n", "  - stray: [\n", "x: [1, 2\n", "\t- x\n"])
def test_a_syntax_error_is_refused(project: Path, recipe: Path, shell: Shell, addition: str) -> None:
    path = taxonomy(project) / "policy.yaml"
    last = path.read_text(encoding="utf-8").count("\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(addition)
    err = shell.refused(2, "validate", recipe)
    found = re.search(rf"error: {re.escape(str(path))}:(\d+): is not valid YAML", err)
    assert found, err
    assert last <= int(found[1]) <= last + 2


def test_every_problem_is_shown_and_a_flood_is_cut(project: Path, recipe: Path, shell: Shell) -> None:
    path = taxonomy(project) / "policy.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?m)^    mode: \w+$", "    mode: shout", text), encoding="utf-8")
    wrong = len(read(path).data["rules"])
    assert wrong > 20
    err = shell.refused(2, "validate", recipe)
    assert err.count(f"error: {path}:") == 20
    assert "more problems" in err


# Options and names.


def test_an_unknown_option_is_refused(shell: Shell) -> None:
    err = shell.refused(2, "plan", "smoke", "--pears", "3")
    assert "--pears" in err
    assert "corpusgen plan --help" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-verb"],
        ["plan"],
        ["plan", "smoke", "-n", "0"],
        ["plan", "smoke", "-n", "many"],
        ["plan", "smoke", "-n", "20000000"],
        ["build", "smoke", "--author", "shakespeare"],
        ["dedup", "a.csv", "-o", "b.csv", "--prefer", "reviewed"],
    ],
)
def test_wrong_usage_is_refused(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shell.refused(2, *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["plan", "validate", "preview", "build"])
def test_an_unknown_recipe_is_refused_with_those_there_are(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.chdir(tmp_path)
    err = shell.refused(2, verb, "no-such-recipe")
    assert "error: no-such-recipe: there is no such recipe" in err
    assert "smoke" in err
    assert list(tmp_path.iterdir()) == []


# Other people's tables.


def test_a_missing_column_is_refused_by_check_and_dedup(tmp_path: Path, shell: Shell) -> None:
    table = tmp_path / "t.csv"
    table.write_text("question,reply\nhow?,so\n", encoding="utf-8")
    out = tmp_path / "out" / "kept.csv"
    for arguments in (["check", table], ["dedup", table, "-o", out]):
        err = shell.refused(2, *arguments)
        assert f"error: {table}:1: has no column 'prompt'" in err
        assert "question, reply" in err
    err = shell.refused(2, "dedup", table, "-o", out, "--column", "question", "--within", "mode")
    assert "has no column 'mode'" in err
    err = shell.refused(
        2, "dedup", table, "-o", out, "--column", "question", "--against", table, "--against-column", "p"
    )
    assert "has no column 'p'" in err
    assert not out.parent.exists()


def test_a_broken_line_is_refused_by_check_and_dedup(tmp_path: Path, shell: Shell) -> None:
    table = tmp_path / "t.jsonl"
    table.write_text('{"prompt": "a", "response": "b"}\n{"prompt": "a", \n', encoding="utf-8")
    out = tmp_path / "out" / "kept.jsonl"
    for arguments in (["check", table], ["dedup", table, "-o", out]):
        assert f"error: {table}:2: is not JSON" in shell.refused(2, *arguments)
    assert not out.parent.exists()


def test_a_table_that_is_not_there_is_refused(tmp_path: Path, shell: Shell) -> None:
    for arguments in (["check", tmp_path / "no.csv"], ["dedup", tmp_path / "no.csv", "-o", tmp_path / "o.csv"]):
        err = shell.refused(2, *arguments)
        assert f"error: {tmp_path / 'no.csv'}: cannot be read: No such file" in err
    assert list(tmp_path.iterdir()) == []


def test_rows_that_a_gate_rejects_end_in_three(tmp_path: Path, shell: Shell) -> None:
    table = tmp_path / "t.jsonl"
    table.write_text('{"prompt": "I feel low and do not know what to do.", "response": "No."}\n', encoding="utf-8")
    err = shell.refused(3, "check", table)
    assert f"error: {table}: 1 of 1 pairs are rejected" in err


# Runs and disks.


@pytest.fixture
def in_the_way(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("in the way")
    return path


def test_a_run_below_a_file_cannot_be_written(in_the_way: Path, shell: Shell) -> None:
    err = shell.refused(1, "build", "smoke", "-o", in_the_way / "run", "--quiet")
    assert str(in_the_way) in err
    assert "choose another folder" in err
    assert in_the_way.read_text() == "in the way"
    assert list(in_the_way.parent.iterdir()) == [in_the_way]


def test_init_below_a_file_cannot_be_written(in_the_way: Path, shell: Shell) -> None:
    err = shell.refused(1, "init", in_the_way / "project")
    assert str(in_the_way) in err
    assert list(in_the_way.parent.iterdir()) == [in_the_way]


def test_init_writes_nothing_over_what_is_there(tmp_path: Path, shell: Shell) -> None:
    (tmp_path / "seeds").mkdir()
    err = shell.refused(2, "init", tmp_path)
    assert f"error: {tmp_path}: already holds seeds" in err
    assert list(tmp_path.rglob("*")) == [tmp_path / "seeds"]


def full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_ends_a_build_with_nothing_half_written(
    tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "replace", full)
    err = shell.refused(1, "build", "smoke", "-o", tmp_path / "run", "--quiet")
    assert f"error: {tmp_path / 'run'}/" in err
    assert "No space left on device" in err
    assert "free some space" in err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.slow
def test_a_full_disk_leaves_the_table_that_was_there(
    tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, out = tmp_path / "t.csv", tmp_path / "kept.csv"
    table.write_text("prompt\nhow?\nhow?\n", encoding="utf-8")
    out.write_text("an older table", encoding="utf-8")
    monkeypatch.setattr(os, "replace", full)
    err = shell.refused(1, "dedup", table, "-o", out)
    assert f"error: {out}: cannot be written: No space left on device" in err
    assert out.read_text(encoding="utf-8") == "an older table"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.csv", "t.csv"]


def test_a_table_cannot_be_written_below_a_file(in_the_way: Path, shell: Shell) -> None:
    table = in_the_way.parent / "t.csv"
    table.write_text("prompt\nhow?\n", encoding="utf-8")
    err = shell.refused(1, "dedup", table, "-o", in_the_way / "kept.csv")
    assert f"error: {in_the_way / 'kept.csv'}: cannot be written" in err


@pytest.mark.parametrize("verb", ["status", "report"])
def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, shell: Shell, verb: str) -> None:
    err = shell.refused(1, verb, tmp_path)
    assert f"error: {tmp_path}: is not a run" in err
    assert "corpusgen build" in err


def test_a_damaged_run_is_refused(tmp_path: Path, shell: Shell) -> None:
    (tmp_path / "run.json").write_text('{"run_format": 1,')
    err = shell.refused(1, "status", tmp_path)
    assert f"error: {tmp_path / 'run.json'}: cannot be read" in err


def test_a_run_that_is_not_there_is_not_published(tmp_path: Path, shell: Shell) -> None:
    err = shell.refused(1, "publish", tmp_path / "no", "--to", tmp_path / "release", "--unreviewed")
    assert "is not a run" in err
    assert not (tmp_path / "release").exists()
