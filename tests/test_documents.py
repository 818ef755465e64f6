"""A YAML reader that knows the line of every value and loses nothing silently."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusgen.documents import StrictModel, parse, read, read_model
from corpusgen.errors import InvalidFile, Problem


def refusal(text: str) -> Problem:
    """Returns the one problem for which a text is refused."""
    with pytest.raises(InvalidFile) as caught:
        parse(text, "some.yaml")
    (problem,) = caught.value.problems
    assert problem.file == "some.yaml"
    return problem


SAMPLE = textwrap.dedent(
    """\
    # a comment
    name: first

    lines:
      - one
      - say: >
          folded
          text
        tags: [a, b]
      - {say: three,
         tags: [c]}
    end: "last"
    """
)


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ((), 2),
        (("name",), 2),
        (("lines",), 4),
        (("lines", 0), 5),
        (("lines", 1), 6),
        (("lines", 1, "say"), 6),
        (("lines", 1, "tags", 1), 9),
        (("lines", 2), 10),
        (("lines", 2, "tags"), 11),
        (("end",), 12),
        (("lines", 1, "missing", "deeper"), 6),
        (("no such key",), 2),
    ],
)
def test_every_value_has_its_line_and_what_is_missing_that_of_what_holds_it(
    where: tuple[str | int, ...], line: int
) -> None:
    assert parse(SAMPLE, "sample.yaml").line(where) == line


def test_lines_count_the_same_after_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SAMPLE.replace("\n", "\r\n").encode())
    document = read(path)
    assert document.data == parse(SAMPLE, "sample.yaml").data
    assert document.line(("end",)) == 12


@given(st.lists(st.sampled_from(["word", "'quoted'", "[a, b]", "{k: v}", "|\n    two\n    rows"]), min_size=1))
def test_the_line_of_an_item_is_where_its_dash_stands(items: list[str]) -> None:
    text = "items:\n" + "".join(f"  - {item}\n" for item in items)
    document = parse(text, "items.yaml")
    dashes = [number for number, row in enumerate(text.splitlines(), start=1) if row.startswith("  - ")]
    assert [document.line(("items", index)) for index in range(len(items))] == dashes


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("116:123", "116:123"),
        ("2026-11-23", "2026-11-23"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("'988'", "988"),
        ('"true"', "true"),
        ("true", True),
        ("FALSE", False),
        ("988", 988),
        ("-1", -1),
        ("0.90", 0.9),
        ("1e3", 1000.0),
        ("null", None),
        ("~", None),
        ("", None),
        ("''", ""),
    ],
)
def test_only_what_yaml_1_2_takes_for_a_number_a_truth_or_nothing_is_one(written: str, value: object) -> None:
    found = parse(f"key: {written}\n", "some.yaml").data["key"]
    assert (found, type(found)) == (value, type(value))


def test_keys_are_text_whatever_they_look_like() -> None:
    assert parse("NO: 1\n112: 2\ntrue: 3\n", "some.yaml").data == {"NO": 1, "112": 2, "true": 3}


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"], exclude_characters="\ufeff"),
    max_size=30,
)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | texts, lambda v: st.lists(v) | st.dictionaries(texts, v))
)
def test_what_was_written_is_read_back(data: object) -> None:
    if len(str(data)) > 900:  # a key this long is written in a form that says so; curated files have none
        return
    written = json.dumps({"data": _big_numbers_as_text(data)}, ensure_ascii=False)  # JSON is YAML 1.2
    assert parse(written, "round.yaml").data == {"data": _big_numbers_as_text(data)}


def _big_numbers_as_text(value: object) -> object:
    if isinstance(value, list):
        return [_big_numbers_as_text(item) for item in value]
    if isinstance(value, dict):
        return {key: _big_numbers_as_text(item) for key, item in value.items()}
    if isinstance(value, int) and not isinstance(value, bool) and len(str(value)) > 18:
        return str(value)
    return value


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "repeats the key 'a'"),
        ("a:\n  b: 1\n  'b': 2\n", 3, "repeats the key 'b'"),
        ("a: &x 1\nb: *x\n", 1, "anchor or alias"),
        ("a: 1\nb: &loop [*loop]\n", 2, "anchor or alias"),
        ("a: 1\n<<: *x\n", 2, ""),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "tag"),
        ("a: !secret x\n", 1, "tag"),
        ("a: !!str 1\n", 1, "tag"),
        ("a: 1\n---\nb: 2\n", 2, "more than one YAML document"),
        ("a: 1\n...\n---\nb: 2\n", 3, "more than one YAML document"),
        ("a: 1\n? [x, y]\n: 2\n", 2, "a key that is not text"),
        ("a: 1\nb: 'open\n", 2, "not valid YAML"),
        ("a: 1\nb: c: d\n", 2, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: \x07\n", 2, "not valid YAML"),
    ],
)
def test_what_could_be_lost_or_misread_is_refused_at_its_line(text: str, line: int, what: str) -> None:
    problem = refusal(text)
    assert problem.line == line
    assert what in problem.what
    assert problem.do


@pytest.mark.parametrize("text", ["a: 1\nb: [x", "a: 1\nb: {x", "a: 1\nb", 'a: 1\nb: "x'])
def test_a_file_that_breaks_off_is_refused_at_a_line_that_it_has(text: str) -> None:
    assert refusal(text).line == 2


def test_an_anchor_on_a_key_is_refused_like_any_other() -> None:
    assert "anchor" in refusal("a: 1\n&k b: 2\n").what


def test_one_document_with_its_marks_is_fine() -> None:
    assert parse("---\na: 1\n...\n", "some.yaml").data == {"a": 1}


def test_an_empty_file_holds_nothing_and_has_a_first_line() -> None:
    for text in ("", "\n\n", "# only a comment\n"):
        document = parse(text, "empty.yaml")
        assert (document.data, document.line()) == (None, 1)


def test_bytes_that_are_not_utf_8_are_refused_at_their_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: fine\nb: caf\xe9\n")
    with pytest.raises(InvalidFile) as caught:
        read(path)
    assert [(p.file, p.line, p.what) for p in caught.value.problems] == [(str(path), 2, "is not UTF-8 text")]


def test_a_file_that_is_not_there_and_a_folder_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InvalidFile, match="cannot be read") as caught:
            read(path)
        assert (caught.value.problems[0].file, caught.value.problems[0].line) == (str(path), 0)


@pytest.mark.parametrize("pair", ["[]", "{}"])
@pytest.mark.parametrize("depth", [60, 5_000])
def test_deep_nesting_is_refused_before_it_can_do_harm(pair: str, depth: int) -> None:
    opening = "[" if pair == "[]" else "{k: "
    problem = refusal("top:\n  " + opening * depth + pair[1] * depth + "\n")
    assert problem.line == 2
    assert "nested too deeply" in problem.what


def test_nesting_that_a_person_would_write_is_read() -> None:
    data = parse("[" * 20 + "]" * 20, "some.yaml").data
    for _ in range(19):
        (data,) = data
    assert data == []


class Helper(StrictModel):
    name: str
    years: int = 0


class Team(StrictModel):
    title: str
    helpers: tuple[Helper, ...]


def test_a_model_reports_every_problem_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(
        textwrap.dedent(
            """\
            title: NO
            helpers:
              - name: 112
              - years: 3
              - name: Ann
                age: 40
              - name: Bo
                years: many
            """
        )
    )
    with pytest.raises(InvalidFile) as caught:
        read_model(path, Team)
    found = {(problem.line, problem.what.split(":")[0]) for problem in caught.value.problems}
    assert found == {
        (3, "'helpers.name' should be text, not 112"),
        (4, "the key 'name' is missing"),
        (6, "the key 'age' is not known here"),
        (8, "'helpers.years'"),
    }


@pytest.mark.parametrize("text", ["", "[]", "just text", "7"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(text)
    with pytest.raises(InvalidFile, match="is not a mapping"):
        read_model(path, Team)
