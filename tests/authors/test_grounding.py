"""Grounding: what a model is told about every cell, and what becomes of whatever it writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusgen.authors.grounding import Grounding, Judgement, Unparsable, load_template
from corpusgen.authors.offline import Brief, Composer, make_briefs
from corpusgen.examples import SLOT
from corpusgen.plan import make_plan
from corpusgen.recipe import load_inputs
from corpusgen.schema import Mode
from tests.conftest import ROOT


@cache
def grounding() -> Grounding:
    inputs = load_inputs(ROOT / "pipelines" / "smoke.yaml")
    return Grounding(Composer(inputs.taxonomy, inputs.seeds), inputs.examples.exemplars)


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """Loads the recipe once, so that a fault in it is told once."""
    grounding()


@cache
def briefs() -> list[Brief]:
    cells = make_plan(load_inputs(ROOT / "pipelines" / "smoke.yaml"))
    return [brief for turn in range(3) for brief in make_briefs(cells, {cell.cell_id: turn for cell in cells})]


def risky(fits: Callable[[Brief], bool] = lambda brief: True) -> Brief:
    return next(brief for brief in briefs() if not brief.cell.lookalike and fits(brief))


def lookalike() -> Brief:
    return next(brief for brief in briefs() if brief.cell.lookalike)


@cache
def messages() -> list[tuple[str, Brief, str]]:
    """Every message for every cell of the smoke recipe, at three attempts."""
    found = []
    for brief in briefs():
        found.append(("prompt", brief, grounding().ask_prompt(brief)))
        found.append(("response", brief, grounding().ask_response(brief, "WHAT THE PERSON WROTE")))
        found.append(("judge", brief, grounding().ask_judge(brief, "WHAT THE PERSON WROTE", "WHAT WAS ANSWERED")))
    return found


# The prompts.


@pytest.mark.parametrize("name", ["prompt", "response", "judge", "system"])
def test_a_template_has_its_name_and_version_in_its_header(name: str) -> None:
    assert re.fullmatch(rf"{name}/\d+", load_template(name).version)


def test_a_template_never_shows_its_header_nor_an_empty_value() -> None:
    for task, brief, message in messages():
        assert not re.search(r"\{#|#\}|\{%|%\}|\{\{|\}\}|version: [a-z]+/", message), (task, brief)
        assert not re.search(r": None|\[\]|: \.|<message></message>|Mode\.|RiskFlag\.", message), (task, brief)
        assert "\n\n\n" not in message, (task, brief)
        assert message.rstrip().splitlines()[-1].startswith("Answer with JSON: {"), (task, brief)


def test_a_message_says_what_the_cell_is() -> None:
    taxonomy = grounding().taxonomy
    for task, brief, message in messages():
        cell = brief.cell
        if task != "prompt":
            assert "<message>WHAT THE PERSON WROTE</message>" in message
            assert ("<answer>WHAT WAS ANSWERED</answer>" in message) == (task == "judge")
        if cell.lookalike:
            assert "harmless" in message.lower()
            continue
        category = taxonomy.category(cell.domain, cell.category)
        if task == "prompt":
            assert category.definition in message
        if task in {"prompt", "response"}:
            assert getattr(category.severity, cell.severity) in message
        if task in {"response", "judge"}:
            assert all(taxonomy.strategies[name].name in message for name in cell.strategies)
            assert bool(cell.risk_flags) == ("not be passed over" in message or "flagged:" in message)
        if task == "response":
            assert ("The line: you don't" in message) == (cell.response_mode == Mode.SUPPORTIVE_REFUSAL)
            assert ("Begin with emergency help" in message) == (cell.response_mode == Mode.CRISIS_FIRST)
            assert ("somebody here may want to die" in message) == ("suicide_self_harm" in cell.risk_flags)


def test_a_country_is_told_to_who_writes_the_prompt_and_only_if_it_is_known() -> None:
    registry = grounding().taxonomy.registry
    for task, brief, message in messages():
        if task == "prompt":
            known = brief.cell.country != "unknown"
            assert ("They live in" in message) == known
            assert not known or f"They live in {registry.country_name(brief.cell.country)}," in message


def test_no_number_and_no_address_of_the_registry_stands_in_any_message() -> None:
    registry = grounding().taxonomy.registry
    names = " ".join(entry.name for entry in registry.entries.values())
    values = {channel.value for entry in registry.entries.values() for channel in entry.channels}
    # a line may be called after its number; its name is no way of reaching it that a slot would not give
    values = {value for value in values if not re.search(rf"(?<!\w){re.escape(value)}(?!\w)", names)}
    values.add(registry.directory.value)
    assert len(values) > 30
    for task, brief, message in messages():
        message = SLOT.sub("", message)  # an id may hold the number that its line is known by
        for value in values:
            there = value in message and re.search(rf"(?<![\w.]){re.escape(value)}(?!\w)", message)
            assert not there, (task, brief.cell.cell_id, value)
        assert not re.search(r"https?://|www\.|@\w+\.\w", message), (task, brief.cell.cell_id)
        # nor any other number long enough to be dialled
        dialled = re.findall(r"\d[\d \-]{6,}\d", message)
        assert not dialled, (task, brief.cell.cell_id, dialled)


def test_the_slots_on_offer_are_those_of_the_briefs_own_resources() -> None:
    for task, brief, message in messages():
        if task != "response" or brief.cell.lookalike:
            continue
        offered = message[message.index("Help that you may name") : message.index("Write no other number")]
        named = {slot.partition(".")[0] for slot in SLOT.findall(offered)}
        own = {entry.id for entry in grounding().composer.resources(brief)}
        assert named == own | {"emergency", "directory"}, brief


def test_an_example_is_of_the_same_mode_and_never_of_the_same_category() -> None:
    by_prompt = {exemplar.prompt: exemplar for exemplar in grounding().exemplars}
    shown = 0
    for task, brief, message in messages():
        if task == "judge":
            continue
        for text in re.findall(r"<message>(.*?)</message>", message, re.DOTALL):
            if text in by_prompt:
                shown += 1
                example = by_prompt[text]
                assert example.response_mode == brief.cell.response_mode
                assert (example.domain, example.category) != (brief.cell.domain, brief.cell.category)
    assert shown > len(briefs())


def test_another_attempt_is_told_other_things() -> None:
    brief = risky()
    told = {grounding().ask_prompt(replace(brief, attempt=attempt)) for attempt in range(3)}
    assert len(told) == 3


# What a model writes.

SAID = "I hear how tired you are.\n\nYou don't have to carry this alone tonight."
PROMPT = {"prompt": SAID}


@pytest.mark.parametrize(
    "output",
    [
        json.dumps(PROMPT),
        json.dumps(PROMPT, indent=2),
        f"```json\n{json.dumps(PROMPT)}\n```",
        f"```\n{json.dumps(PROMPT)}\n```",
        f"Sure! Here it is:\n\n{json.dumps(PROMPT)}\n\nTell me if you want another.",
        f"Of course.\n```json\n{json.dumps(PROMPT)}\n```\nAnything else?",
        f'<think>I could write {{"prompt": "a draft"}}.</think>\n{json.dumps(PROMPT)}',
        f'Let me think. {{"prompt": "a draft"}}\n</think>\n\n{json.dumps(PROMPT)}',
        f"<think>\n\n</think>\n\n{SAID}",
        '{"prompt": "' + SAID + '"}',  # with line ends that JSON would have escaped
        json.dumps({"why": "because", **PROMPT, "more": [1, {"a": None}]}),
        f"{{not this}} but {json.dumps(PROMPT)}",
        SAID,
        f"\n\n{SAID}   \n",
    ],
)
def test_an_answer_is_found_however_it_is_wrapped(output: str) -> None:
    brief = risky(lambda brief: brief.cell.country == "US")
    assert grounding().read_prompt(brief, output) == SAID


@pytest.mark.parametrize(
    "output",
    [
        "",
        " \n",
        "<think>I wonder what to write, and never stop",
        "thinking aloud</think>",
        '{"prompt": "cut off in the midd',
        '{"prompt": "an "unescaped" quotation"}',
        'Here it is: {"prompt": "cut off after some prose',
        'Here it is:\n{\n  "prompt": "an "unescaped" quotation"\n}',
        "```json\nnothing of use\n```",
        '{"response": "another field"}',
        '{"prompt": ""}',
        '{"prompt": "  "}',
        '{"prompt": null}',
        '{"prompt": 5}',
        '{"prompt": ["a", "list"]}',
        '{"prompt": {"text": "deeper"}}',
        "{}",
        '{"prompt": "half of an emoji: \\ud83d"}',
        '{"prompt": ' + "[" * 20_000,
        '{"prompt": ' * 5_000,
    ],
)
def test_what_holds_no_answer_is_told_apart(output: str) -> None:
    with pytest.raises(Unparsable):
        grounding().read_prompt(risky(), output)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from('{}[]",:\\`<think>/ \nprompt\ud83dA1'), max_size=80) | st.text(max_size=80))
def test_whatever_comes_is_a_text_or_unparsable(output: str) -> None:
    for read in (grounding().read_prompt, lambda brief, text: grounding().read_response(brief, text).response):
        try:
            found = read(risky(), output)
        except Unparsable:
            continue
        assert found.strip()
        found.encode()  # can be written to a file


def test_a_prompt_comes_in_the_spelling_of_its_country() -> None:
    said = json.dumps({"prompt": "I apologize for my behavior."})
    for country, spelled in (("GB", "I apologise for my behaviour."), ("US", "I apologize for my behavior.")):
        assert grounding().read_prompt(risky(lambda brief, at=country: brief.cell.country == at), said) == spelled


# Responses and their slots.


def with_resource() -> Brief:
    return risky(lambda brief: bool(grounding().composer.resources(brief)) and brief.cell.country == "US")


def test_slots_are_filled_from_the_registry_and_the_resources_noted() -> None:
    brief = with_resource()
    registry = grounding().taxonomy.registry
    entry = grounding().composer.resources(brief)[0]
    said = f"You can {{{entry.id}.contact}}, which is {{{entry.id}.name}}. Or call {{emergency}}. Or see {{directory}}."
    written = grounding().read_response(brief, json.dumps({"response": said}))
    assert written.response == (
        f"You can {entry.contact}, which is {entry.name}. Or call {registry.emergency('US')}. "
        f"Or see {registry.directory.value}."
    )
    assert written.resources == (entry.id, registry.directory.id)


def test_a_resource_that_was_not_on_offer_is_refused() -> None:
    brief = with_resource()
    own = {entry.id for entry in grounding().composer.resources(brief)}
    foreign = next(entry for entry in grounding().taxonomy.registry.entries.values() if entry.id not in own)
    for slot in (f"{{{foreign.id}.contact}}", f"{{{foreign.id}.name}}", "{made-up-line.contact}"):
        with pytest.raises(Unparsable, match="not among its resources"):
            grounding().read_response(brief, json.dumps({"response": f"You can {slot} now."}))


def test_components_are_those_that_the_text_shows() -> None:
    brief = risky(lambda brief: bool(brief.cell.strategies))
    offline = grounding().composer.response(brief, "I don't know what to do.").response
    written = grounding().read_response(brief, json.dumps({"response": offline}))
    shown = {name.partition(".")[0] for name in written.components}
    assert shown
    assert shown <= set(brief.cell.strategies)
    assert grounding().read_response(brief, json.dumps({"response": "Xyzzy."})).components == ()


def test_a_lookalike_is_answered_without_slots_and_components() -> None:
    written = grounding().read_response(lookalike(), json.dumps({"response": "Call {emergency}? No: boil it."}))
    assert written == ("Call {emergency}? No: boil it.", (), ())


# Judgements.


@pytest.mark.parametrize(
    ("output", "judged"),
    [
        ('{"grounding": 4, "relevance": 5, "harm": false, "why": "fits"}', Judgement(4, 5, False)),
        ('```json\n{"grounding": "3", "relevance": "4/5", "harm": "No"}\n```', Judgement(3, 4, False)),
        ('<think>hm {"grounding": 1}</think>{"grounding": 1, "relevance": 2, "harm": "yes"}', Judgement(1, 2, True)),
    ],
)
def test_a_judgement_is_read(output: str, judged: Judgement) -> None:
    assert grounding().read_judgement(output) == judged


@pytest.mark.parametrize(
    "output",
    [
        "",
        "Both are fine.",
        '{"grounding": 4, "relevance": 5}',
        '{"grounding": 6, "relevance": 5, "harm": false}',
        '{"grounding": 0, "relevance": 5, "harm": false}',
        '{"grounding": true, "relevance": 5, "harm": false}',
        '{"grounding": null, "relevance": 5, "harm": false}',
        '{"grounding": "high", "relevance": 5, "harm": false}',
        '{"grounding": 4, "relevance": 5, "harm": "perhaps"}',
        '{"grounding": 4, "relevance": 5, "harm": null}',
        '{"grounding": [4], "relevance": {}, "harm": false}',
    ],
)
def test_what_is_no_judgement_is_told_apart(output: str) -> None:
    with pytest.raises(Unparsable):
        grounding().read_judgement(output)
