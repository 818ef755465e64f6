"""Whatever a slip of the hand does to a curated file, loading it ends in a plan or in problems with file and line."""

from __future__ import annotations

import copy
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from corpusgen.documents import parse, read
from corpusgen.errors import InvalidFile
from corpusgen.plan import make_plan
from corpusgen.recipe import load_inputs

ROOT = Path(__file__).resolve().parent.parent
SEED = 2606
MUTANTS = 500  # of each kind; random.Random(SEED) draws the same ones every time
SEVERITY = "moderate"  # one severity that each chosen situation file has, so that a small recipe can be met

Where = tuple[str | int, ...]


def dump(data: Any) -> str:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump(data, Dumper=dumper, allow_unicode=True, sort_keys=False, width=120)


# A project that is small enough to load a thousand times: the whole taxonomy, all phrases, a little of the rest.


def _small_situations(domain: str) -> tuple[Path, dict[str, Any]]:
    folder = ROOT / "seeds" / "psychosafe" / "situations" / domain
    for path in sorted(folder.glob("*.yaml"), key=lambda item: (item.stat().st_size, item.name)):
        data = read(path).data
        if any(SEVERITY in situation["signs"] for situation in data["situations"]):
            return path, data
    raise AssertionError(f"no situation file of {domain} has the severity {SEVERITY}")


def _copy_seeds(project: Path) -> dict[str, list[str]]:
    """Copies one situation and one look-alike file a domain; returns the roles that each domain then has."""
    bank = ROOT / "seeds" / "psychosafe"
    shutil.copytree(bank / "phrases", project / "seeds" / "psychosafe" / "phrases")
    roles: dict[str, list[str]] = {}
    for folder in sorted((bank / "situations").iterdir()):
        domain = folder.name
        path, data = _small_situations(domain)
        situations = data["situations"]
        roles[domain] = sorted({item["role"] for item in situations if SEVERITY in item["signs"]})
        target = project / path.relative_to(ROOT)
        target.parent.mkdir(parents=True)
        shutil.copy(path, target)

        look = min((bank / "lookalikes" / domain).glob("*.yaml"), key=lambda item: (item.stat().st_size, item.name))
        target = project / look.relative_to(ROOT)
        target.parent.mkdir(parents=True)
        shadowed = re.sub(r"(?m)^(\s*shadows:).*$", rf"\1 {situations[0]['id']}", look.read_text(encoding="utf-8"))
        target.write_text(shadowed, encoding="utf-8")
    return roles


def _shorten(registry: Path) -> None:
    """Keeps the first thirty entries of the registry, which is half of what a load reads."""
    rows = registry.read_text(encoding="utf-8").splitlines(keepends=True)
    line = read(registry).line(("entries", 30))
    registry.write_text("".join(rows[: line - 1]), encoding="utf-8")


def _small_recipe(roles: dict[str, list[str]]) -> dict[str, Any]:
    data: dict[str, Any] = read(ROOT / "pipelines" / "smoke.yaml").data
    data["pairs"] = 4 * len(roles)
    data["split"] = {"validation": 2, "test": 2}
    weights = data["weights"]
    weights["domain"] = dict.fromkeys(roles, 1)
    weights["lookalike_share"] = 0.25
    weights["role_by_domain"] = {domain: dict.fromkeys(names, 1) for domain, names in roles.items()}
    weights["severity"] = {SEVERITY: 1}
    weights["severity_by_role"] = {name: {SEVERITY: 1} for names in roles.values() for name in names}
    return data


@dataclass
class SmallProject:
    root: Path
    groups: dict[str, list[Path]]
    """Its YAML files by what they are."""

    @property
    def recipe(self) -> Path:
        return self.root / "pipelines" / "small.yaml"

    def pick(self, chance: random.Random) -> Path:
        # kind first, so that the recipe is hit as often as the many strategies together
        return chance.choice(self.groups[chance.choice(sorted(self.groups))])


@pytest.fixture(scope="module", autouse=True)
def _room_for_patterns() -> Iterator[None]:
    # compiling the same thousand patterns again is most of a load; the cache goes by a pattern's text, so that a
    # mutated one is compiled like any other
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(re, "_MAXCACHE", 20_000)
        yield


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    root = tmp_path_factory.mktemp("small")
    shutil.copytree(ROOT / "taxonomies", root / "taxonomies")
    _shorten(root / "taxonomies" / "psychosafe" / "resources.yaml")
    roles = _copy_seeds(root)
    (root / "pipelines").mkdir()
    (root / "pipelines" / "small.yaml").write_text(dump(_small_recipe(roles)), encoding="utf-8")
    groups: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("*.yaml")):
        parts = path.relative_to(root).parts
        groups.setdefault(parts[2] if len(parts) > 2 else parts[0], []).append(path)
    return SmallProject(root, groups)


# Slips on the level of the text.


def delete_line(lines: list[str], chance: random.Random) -> None:
    del lines[chance.randrange(len(lines))]


def duplicate_line(lines: list[str], chance: random.Random) -> None:
    place = chance.randrange(len(lines))
    lines.insert(place, lines[place])


def swap_lines(lines: list[str], chance: random.Random) -> None:
    first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]


def delete_character(lines: list[str], chance: random.Random) -> None:
    place = chance.randrange(len(lines))
    column = chance.randrange(len(lines[place]))
    lines[place] = lines[place][:column] + lines[place][column + 1 :]


def insert_character(lines: list[str], chance: random.Random) -> None:
    place = chance.randrange(len(lines))
    column = chance.randrange(len(lines[place]))
    lines[place] = lines[place][:column] + chance.choice(":-{}[]\"'#&*!%@\t") + lines[place][column:]


def truncate(lines: list[str], chance: random.Random) -> None:
    place = chance.randrange(len(lines))
    lines[place:] = [lines[place][: chance.randrange(len(lines[place]))]]


def indent(lines: list[str], chance: random.Random) -> None:
    place = chance.randrange(len(lines))
    lines[place] = " " * chance.choice((1, 2, 3)) + lines[place]


def outdent(lines: list[str], chance: random.Random) -> None:
    place = chance.randrange(len(lines))
    lines[place] = lines[place].removeprefix(" " * chance.choice((1, 2)))


TEXT_SLIPS: tuple[Callable[[list[str], random.Random], None], ...] = (
    delete_line,
    duplicate_line,
    swap_lines,
    delete_character,
    insert_character,
    truncate,
    indent,
    outdent,
)


def slip_in_text(path: Path, chance: random.Random) -> tuple[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    slip = chance.choice(TEXT_SLIPS)
    slip(lines, chance)
    return slip.__name__, "".join(lines)


# Slips on the level of the data.

WRONG_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    7,
    2.5,
    1e308,
    [],
    ["x", None],
    {},
    {"x": {"y": 1}},
    "",
    "x",
    "a" * 5000,
)


def places(data: Any, where: Where = ()) -> Iterator[tuple[Any, str | int, Where]]:
    """Yields every value below the top with the mapping or list that holds it, its key there, and its path."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield data, key, (*where, key)
        yield from places(value, (*where, key))


def delete_value(data: Any, chance: random.Random) -> str:
    holder, key, where = chance.choice(list(places(data)))
    del holder[key]
    return f"delete {where}"


def replace_value(data: Any, chance: random.Random) -> str:
    holder, key, where = chance.choice(list(places(data)))
    holder[key] = copy.deepcopy(chance.choice(WRONG_VALUES))
    return f"{where} becomes {str(holder[key])[:20]!r}"


def rename_key(data: Any, chance: random.Random) -> str:
    holder, key, where = chance.choice([place for place in places(data) if isinstance(place[0], dict)])
    renamed = chance.choice((f"{key}x", key[:-1], key.upper(), key.replace("_", "-") + " ", "1"))
    items = [(renamed if name == key else name, value) for name, value in holder.items()]
    holder.clear()
    holder.update(items)
    return f"{where} renamed to {renamed!r}"


def unknown_word(data: Any, chance: random.Random) -> str:
    words = [place for place in places(data) if isinstance(value := place[0][place[1]], str) and " " not in value]
    holder, key, where = chance.choice(words or list(places(data)))
    holder[key] = chance.choice(("no_such_word", f"{holder[key]}x", str(holder[key]).upper(), f"{holder[key]} "))
    return f"{where} becomes {holder[key]!r}"


def duplicate_item(data: Any, chance: random.Random) -> str:
    lists = [place for place in places(data) if isinstance(place[0], list)]
    if not lists:
        return delete_value(data, chance)
    named = [place for place in lists if isinstance(place[0][place[1]], dict) and "id" in place[0][place[1]]]
    holder, key, where = chance.choice(named or lists)
    holder.insert(int(key), copy.deepcopy(holder[int(key)]))
    return f"{where} twice"


DATA_SLIPS = (delete_value, replace_value, rename_key, unknown_word, duplicate_item)


def slip_in_data(path: Path, chance: random.Random) -> tuple[str, str]:
    data = read(path).data
    done = chance.choice(DATA_SLIPS)(data, chance)
    return done, dump(data)


# What must hold of each.


def faults(error: InvalidFile, project: SmallProject) -> list[str]:
    """Returns what is wrong with a refusal: it has to name files of the project, and lines that they have."""
    found = [] if error.problems else ["names no problem"]
    for problem in error.problems:
        path = Path(problem.file)
        if not path.exists() or project.root not in path.resolve().parents:
            found.append(f"names a file that is not there: {str(problem)[:200]}")
        elif problem.line == 0:
            if path.is_file() and not problem.what.startswith("cannot be read"):
                found.append(f"has no line: {str(problem)[:200]}")
        elif path.is_dir() or not 0 < problem.line <= path.read_bytes().count(b"\n") + 1:
            found.append(f"names a line that is not there: {str(problem)[:200]}")
        if not problem.what:
            found.append(f"says nothing: {problem}")
    return found


def outcome(project: SmallProject) -> tuple[str, list[str]]:
    try:
        inputs = load_inputs(project.recipe)
        cells = make_plan(inputs)
    except InvalidFile as error:
        return "refused", faults(error, project)
    except Exception as error:  # whatever else comes out is the finding
        return "crashed", [f"raises {type(error).__name__}: {str(error)[:200]}"]
    wanted = inputs.recipe.pairs
    return "planned", [] if len(cells) == wanted else [f"plans {len(cells)} cells instead of {wanted}"]


def try_mutant(project: SmallProject, path: Path, text: str) -> tuple[str, list[str]]:
    original = path.read_bytes()
    try:
        path.write_text(text, encoding="utf-8")
        return outcome(project)
    finally:
        path.write_bytes(original)


@pytest.mark.slow
@pytest.mark.parametrize("slip", [slip_in_text, slip_in_data])
def test_a_mutated_file_is_planned_or_refused_with_file_and_line(
    small: SmallProject, slip: Callable[[Path, random.Random], tuple[str, str]]
) -> None:
    assert outcome(small) == ("planned", [])
    chance = random.Random(f"{SEED}-{slip.__name__}")
    ends: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(MUTANTS):
        path = small.pick(chance)
        done, text = slip(path, chance)
        end, complaints = try_mutant(small, path, text)
        ends[end] += 1
        if end == "refused":
            refused[next(name for name, paths in small.groups.items() if path in paths)] += 1
        wrong += [f"{number}: {path.relative_to(small.root)}: {done}: {complaint}" for complaint in complaints]
    assert not wrong, f"{len(wrong)} complaints\n" + "\n".join(wrong[:40])
    # the mutants bite, in every kind of file, and not all of them
    assert ends["refused"] > MUTANTS // 5
    assert ends["planned"] > MUTANTS // 20
    assert set(refused) == set(small.groups)
    assert outcome(small) == ("planned", [])


@pytest.mark.slow
def test_writing_a_file_anew_changes_nothing(small: SmallProject) -> None:
    # else a mutation of the data would be refused for how it is written, not for what it says
    for paths in small.groups.values():
        path = paths[0]
        text = dump(read(path).data)
        assert parse(text, "anew").data == read(path).data
        assert try_mutant(small, path, text) == ("planned", []), path


# Slips that a draw of a thousand may miss.


def _first(project: SmallProject, group: str) -> Path:
    return project.groups[group][0]


def edited(path: Path, change: Callable[[Any], None]) -> str:
    data = read(path).data
    change(data)
    return dump(data)


def test_an_id_with_a_space_around_it_is_no_crash(small: SmallProject) -> None:
    for group in ("domains", "strategies"):
        path = _first(small, group)
        text = edited(path, lambda data: data.update(id=data["id"] + " "))
        end, complaints = try_mutant(small, path, text)
        assert (end, complaints) in [("planned", []), ("refused", [])], group


@pytest.mark.parametrize("pattern", ["(?i)breathe", "(?P<Word>breathe)", "(", "a**", "", "[z-a]"])
def test_an_evidence_pattern_that_cannot_be_used_is_refused_where_it_stands(small: SmallProject, pattern: str) -> None:
    for path in small.groups["strategies"]:
        if read(path).data.get("screening"):
            continue
        text = edited(path, lambda data: data["components"][0]["evidence"].append(pattern))
        end, complaints = try_mutant(small, path, text)
        assert (end, complaints) in [("planned", []), ("refused", [])], path.name


@pytest.mark.parametrize("weight", [1e308, 5e-324, 10**17])
def test_an_absurd_weight_is_no_crash(small: SmallProject, weight: float) -> None:
    def absurd(data: Any) -> None:
        data["weights"]["domain"] = dict.fromkeys(data["weights"]["domain"], weight)

    end, complaints = try_mutant(small, small.recipe, edited(small.recipe, absurd))
    assert (end, complaints) in [("planned", []), ("refused", [])]


@pytest.mark.parametrize("key", ["taxonomy", "seeds"])
@pytest.mark.parametrize("name", ["no/such/folder", "a" * 5000, "~nobody-of-that-name/x", "pipelines/small.yaml"])
def test_a_folder_that_is_not_there_is_reported_at_its_line_of_the_recipe(
    small: SmallProject, key: str, name: str
) -> None:
    text = edited(small.recipe, lambda data: data.update({key: name}))
    original = small.recipe.read_bytes()
    line = next(number for number, row in enumerate(text.splitlines(), start=1) if row.startswith(f"{key}:"))
    try:
        small.recipe.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidFile) as caught:
            load_inputs(small.recipe)
    finally:
        small.recipe.write_bytes(original)
    assert [(problem.file, problem.line) for problem in caught.value.problems] == [(str(small.recipe), line)]
