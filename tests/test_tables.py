"""Anybody's tables: read and written by their ending, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusgen.errors import InvalidFile, Problem, StorageError
from corpusgen.tables import read_column, read_rows, require_columns, write_rows

ROWS = [
    {"prompt": "How do I kill a process?", "response": 'Send it a signal, "TERM" first.\nThen wait.'},
    {"prompt": "naïve – ‘quotes’, 日本", "response": " spaces kept "},
]


def refusal(path: Path) -> Problem:
    """Returns the one problem for which a table is refused."""
    with pytest.raises(InvalidFile) as caught:
        read_rows(path)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    assert problem.do
    return problem


def test_csv_rows_are_text_by_column(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('prompt,n\n"a, ""b""\nc",1\nplain,\n', encoding="utf-8")
    assert read_rows(path) == [{"prompt": 'a, "b"\nc', "n": "1"}, {"prompt": "plain", "n": ""}]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    for name, text in (("t.csv", "prompt\nhello\n"), ("t.jsonl", '{"prompt": "hello"}\n')):
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        assert read_rows(tmp_path / name) == [{"prompt": "hello"}]


def test_jsonl_keeps_types_and_skips_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.JSONL"
    path.write_text('{"a": 1, "b": ["x"]}\n\n   \n{"a": null}', encoding="utf-8")
    assert read_rows(path) == [{"a": 1, "b": ["x"]}, {"a": None}]


def test_parquet_gives_the_rows_that_it_was_written_from(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    rows = [{"a": 1, "flags": ["x", "y"]}, {"a": None, "flags": []}]
    pq.write_table(pa.Table.from_pylist(rows), path)
    assert read_rows(path) == rows


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.ndjson", "t.parquet", "T.CSV"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new" / "folder" / name
    write_rows(ROWS, path)
    assert read_rows(path) == ROWS
    assert [item.name for item in path.parent.iterdir()] == [name]


cells = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@given(rows=st.lists(st.fixed_dictionaries({"prompt": cells, 'note, "x"': cells}), min_size=1, max_size=6))
def test_any_text_survives_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, ending: str, rows: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("round") / f"t.{ending}"
    write_rows(rows, path)
    assert read_rows(path) == rows


def test_rows_with_different_columns_are_written_with_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_rows([{"a": "1"}, {"a": "2", "b": "3"}], path)
    assert read_rows(path) == [{"a": "1", "b": ""}, {"a": "2", "b": "3"}]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_table_of_different_columns_loses_none(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.{ending}"
    write_rows([{"a": "1"}, {"a": "2", "b": "3"}], path)
    assert read_rows(path)[1]["b"] == "3"


@pytest.mark.parametrize(
    ("name", "text", "line", "what"),
    [
        ("t.jsonl", '{"a": 1}\n{"a": \n', 2, "is not JSON"),
        ("t.jsonl", '{"a": 1}\n\n[1]\n', 3, "is not a JSON object"),
        ("t.jsonl", "null\n", 1, "is not a JSON object"),
        ("t.jsonl", "[" * 100_000 + "\n", 1, "is not JSON"),
        ("t.csv", "a,b\n1,2\n1,2,3\n", 3, "more or fewer fields"),
        ("t.csv", "a,b\n1,2\n1\n", 3, "more or fewer fields"),
        ("t.csv", 'a,b\n1,"2\n', 2, "not valid CSV"),
        ("t.csv", 'a,b\n1,"2"x\n', 2, "not valid CSV"),
        ("t.parquet", "not parquet", 0, "is not a Parquet file"),
        ("t.parquet", "", 0, "is not a Parquet file"),
        ("t.xlsx", "whatever", 0, "is not a table that can be read"),
    ],
)
def test_a_broken_table_is_refused_at_its_line(tmp_path: Path, name: str, text: str, line: int, what: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    problem = refusal(path)
    assert problem.line == line
    assert what in problem.what


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_a_table_that_is_not_utf_8_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b'{"a": "caf\xe9"}\n')
    assert "is not UTF-8" in refusal(path).what


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_a_table_that_is_not_there_or_is_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path / name).line == 0
    (tmp_path / name).mkdir()
    assert refusal(tmp_path / name).line == 0


def test_a_column_leaves_out_what_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(json.dumps({"p": value}) for value in ("a", "", None, 7, "a")), encoding="utf-8")
    assert read_column(path, "p") == ["a", "7", "a"]


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\nx,y\n", encoding="utf-8")
    with pytest.raises(InvalidFile) as caught:
        read_column(path, "prompt")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.what) == (str(path), 1, "has no column 'prompt'")
    assert "text, label" in problem.do
    require_columns(path, read_rows(path), ("text", "label"))


def test_an_unknown_ending_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="ending that cannot be written"):
        write_rows(ROWS, tmp_path / "t.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_a_table_below_a_file_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        write_rows(ROWS, tmp_path / "file" / name)
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_row_that_cannot_be_written_leaves_the_old_table(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_rows(ROWS, path)
    with pytest.raises((pa.ArrowException, TypeError)):
        write_rows([{"a": object()}], path)
    assert read_rows(path) == ROWS
    assert list(tmp_path.iterdir()) == [path]
