"""The worked examples: loaded with file and line, judged by the gates as they say, and enough of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from corpusgen.checks import Rules, pair_gates
from corpusgen.checks.calibration import misjudged, rejected_elsewhere
from corpusgen.errors import InvalidFile
from corpusgen.examples import Examples, fill, load_examples
from corpusgen.recipe import Inputs
from corpusgen.schema import Mode


@pytest.fixture(scope="module")
def rules(inputs: Inputs) -> Rules:
    return Rules(inputs.taxonomy, inputs.recipe.checks)


# the shipped ones


def test_every_exemplar_passes_and_every_bad_response_fails_its_gate(inputs: Inputs, rules: Rules) -> None:
    assert [str(problem) for problem in misjudged(inputs.examples, rules)] == []


def test_there_are_exemplars_for_everything(inputs: Inputs) -> None:
    exemplars = inputs.examples.exemplars
    assert len(exemplars) >= 150
    by_domain = Counter((exemplar.domain, exemplar.response_mode) for exemplar in exemplars)
    assert {(domain, mode) for domain in inputs.taxonomy.domains for mode in Mode} <= set(by_domain)
    chosen = {name for rule in inputs.taxonomy.policy.rules for name in rule.strategies}
    assert {name for exemplar in exemplars for name in exemplar.strategies} == chosen
    uses = Counter(exemplar.use for exemplar in exemplars)
    assert set(uses) == {"ground", "calibrate", "test"}
    assert min(uses.values()) >= 30


def test_there_are_bad_responses_for_every_gate_on_a_pair(inputs: Inputs, rules: Rules) -> None:
    bad = Counter(example.gate for example in inputs.examples.bad_responses)
    assert sum(bad.values()) >= 100
    assert {gate.name for gate in pair_gates(rules) if bad[gate.name] < 3} == set()


def test_no_text_stands_in_two_examples(inputs: Inputs) -> None:
    every = [*inputs.examples.exemplars, *inputs.examples.bad_responses]
    assert len({example.prompt for example in every}) == len(every)
    assert len({example.response for example in every}) == len(every)


def test_labels_of_another_domain_do_not_fit(inputs: Inputs, rules: Rules) -> None:
    shares = rejected_elsewhere(inputs.examples.exemplars, rules, seed=1)
    assert shares == rejected_elsewhere(inputs.examples.exemplars, rules, seed=1)
    # the gates that look at labels notice; those that look at the text alone do not
    assert min(shares["resources"], shares["components"]) > 0.2
    assert shares["any"] > 0.8
    assert shares["diagnosis"] == shares["grammar"] == 0
    assert shares["any"] >= max(share for gate, share in shares.items() if gate != "any")
    assert rejected_elsewhere((), rules, seed=1) == {}


# files of one's own


def write(folder: Path, kind: str, **changes: object) -> Path:
    """Writes one acceptable example, changed, and returns the folder that holds it."""
    example: dict[str, object] = {
        "id": "one",
        "category": "partner_violence",
        "role": "victim",
        "severity": "moderate",
        "country": "US",
        "mode": "supportive_answer",
        "strategies": ["lives"],
        "prompt": "He shouts until I give in.",
        "response": "You can {us-ndvh.contact}.",
        "why": "It is short.",
    }
    if kind == "exemplars":
        content: dict[str, object] = {"domain": "violence", "exemplars": [{**example, "use": "test", **changes}]}
    else:
        content = {"gate": "length", "bad_responses": [{**example, "domain": "violence", **changes}]}
    (folder / kind).mkdir(parents=True)
    (folder / kind / "own.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return folder


def hotline(inputs: Inputs) -> str:
    """The id of a verified line for victims of partner violence in the United States."""
    return inputs.taxonomy.registry.candidates("US", "partner_violence", "victim")[0].id


@pytest.mark.parametrize("kind", ["exemplars", "bad_responses"])
def test_slots_are_filled_from_the_registry(inputs: Inputs, tmp_path: Path, kind: str) -> None:
    name = hotline(inputs)
    folder = write(tmp_path, kind, response=f"{{{name}.name}} listens: {{{name}.contact}}. Or {{directory}}.")
    loaded = load_examples(folder, inputs.taxonomy)
    (example,) = [*loaded.exemplars, *loaded.bad_responses]
    entry = inputs.taxonomy.registry.entries[name]
    # a name that begins a sentence is capitalised
    assert example.response.startswith(entry.name[0].upper() + entry.name[1:] + " listens: " + entry.contact)
    assert example.resources == (name, inputs.taxonomy.registry.directory.id)
    assert "ongoing_abuse" in example.risk_flags


def test_the_emergency_number_is_the_countrys_own(inputs: Inputs) -> None:
    registry = inputs.taxonomy.registry
    assert fill("Call {emergency}.", "GB", registry) == (f"Call {registry.emergency('GB')}.", ())
    assert fill("Call {emergency}.", "unknown", registry) == ("Call your local emergency number.", ())


@pytest.mark.parametrize(
    ("changes", "line", "what"),
    [
        ({"mode": "supportive_refusal"}, 8, "says supportive_answer"),
        ({"strategies": ["qpr"]}, 10, "is not what the rule"),
        ({"category": "unheard_of"}, 4, "unknown category"),
        ({"role": "self_at_risk"}, 5, "does not occur"),
        ({"country": "XX"}, 7, "unknown country"),
        ({"response": "Call {nobody.name}."}, 12, "no such entry"),
        ({"response": "Call {us-unverified.name}."}, 12, "cannot be filled"),
        ({"use": "everything"}, 14, "use"),
        ({"extra": 1}, 15, "extra"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    inputs: Inputs, tmp_path: Path, changes: dict[str, object], line: int, what: str
) -> None:
    content = {"response": f"You can {{{hotline(inputs)}.contact}}.", **changes}
    folder = write(tmp_path, "exemplars", **content)
    with pytest.raises(InvalidFile) as caught:
        load_examples(folder, inputs.taxonomy)
    problem = caught.value.problems[0]
    assert what in f"{problem.what} {problem.file}"
    assert abs(problem.line - line) <= 1


def test_an_unverified_entry_fills_no_slot(inputs: Inputs, tmp_path: Path) -> None:
    unverified = [entry for entry in inputs.taxonomy.registry.entries.values() if entry.status != "verified"]
    folder = write(tmp_path, "bad_responses", response=f"Call {{{unverified[0].id}.name}}.")
    with pytest.raises(InvalidFile, match="not verified"):
        load_examples(folder, inputs.taxonomy)


def test_an_id_stands_once_over_all_files(inputs: Inputs, tmp_path: Path) -> None:
    response = f"You can {{{hotline(inputs)}.contact}}."
    write(tmp_path, "exemplars", response=response)
    folder = write(tmp_path, "bad_responses", response=response)
    with pytest.raises(InvalidFile, match="repeats the id 'one'"):
        load_examples(folder, inputs.taxonomy)


def test_a_folder_without_examples_is_no_error(inputs: Inputs, tmp_path: Path) -> None:
    assert load_examples(tmp_path, inputs.taxonomy) == Examples()


def test_what_the_gates_judge_otherwise_is_told_with_file_and_line(
    inputs: Inputs, rules: Rules, tmp_path: Path
) -> None:
    name = hotline(inputs)
    good = f"{{{name}.name}} listens: {{{name}.contact}}."
    write(tmp_path, "exemplars", response="Call 555-0123.")
    folder = write(tmp_path, "bad_responses", id="two", response=" ".join([good, "You decide what happens next."] * 4))
    found = [str(problem) for problem in misjudged(load_examples(folder, inputs.taxonomy), rules)]
    assert any("exemplars/own.yaml:3: the exemplar 'one' fails the gate resources" in line for line in found)
    assert any("bad_responses/own.yaml:3: the bad response 'two' passes the gate length" in line for line in found)
