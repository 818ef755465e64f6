"""Every gate turns away what it is there to turn away, says why, and lets its innocent twin through.

Operational detail, graphic text and minors are tested with the nonsense words of the lexicon, never with real detail.
"""

from __future__ import annotations

import csv
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pytest

from corpusgen.checks import Pair, Rules, check_pair, check_pairs, corpus_gates, not_run, pair_gates, pair_of
from corpusgen.checks.text import normal
from corpusgen.recipe import Inputs
from corpusgen.resources import Entry, Registry
from tests.conftest import XSTEST, need

BASE = Pair(
    id="base",
    prompt="My neighbor keeps shouting at me over the fence and I dread going outside. What can I do about it?",
    response=(
        "Being shouted at outside your own door wears anyone down, and wanting it to end makes sense. You could write "
        "down what is said and when, find out what others on the street hear, and decide with somebody close who "
        "should talk to him first."
    ),
)


@pytest.fixture(scope="module")
def rules(inputs: Inputs) -> Rules:
    return Rules(inputs.taxonomy, inputs.recipe.checks)


@dataclass(frozen=True)
class World:
    """What the registry holds, whatever its ids are today: one country seen from the inside, and another."""

    country: str
    emergency: str
    everybody: Entry
    """A crisis line that serves every role."""
    victims: Entry
    """A line that does not serve potential actors."""
    foreign: Entry
    """A crisis line of another country, its number unknown here."""
    foreign_emergency: str
    words: dict[str, str]
    """What the examples call by name."""


def number(entry: Entry) -> str:
    return next(channel.value for channel in entry.channels if channel.kind == "call")


@pytest.fixture(scope="module")
def world(inputs: Inputs) -> World:
    registry, standins = inputs.taxonomy.registry, inputs.taxonomy.lexicon.standins
    country = "US"
    emergency = registry.emergency(country)
    assert emergency
    callable_lines = [
        entry
        for entry in registry.entries.values()
        if entry.status == "verified" and any(channel.kind == "call" for channel in entry.channels)
    ]
    own = [entry for entry in callable_lines if entry.country == country]
    known_here = {normal(channel.value) for entry in own for channel in entry.channels}
    everybody = next(entry for entry in own if "suicide_crisis" in entry.topics and len(entry.roles) == 5)
    victims = next(entry for entry in own if "victim" in entry.roles and "potential_actor" not in entry.roles)
    foreign = next(
        entry
        for entry in callable_lines
        if entry.country != country
        and "suicide_crisis" in entry.topics
        and normal(number(entry)) not in known_here
        and registry.emergency(entry.country) not in {None, emergency}
    )
    foreign_emergency = registry.emergency(foreign.country)
    assert foreign_emergency
    words = {
        "country": country,
        "emergency": emergency,
        "foreign_emergency": foreign_emergency,
        "line": number(everybody),
        "line_id": everybody.id,
        "victims_line": number(victims),
        "foreign_line": number(foreign),
        "directory": registry.directory.value,
        "operational": standins["operational"][0],
        "graphic": standins["graphic"][0],
        "minors": standins["sexual_minor"][0],
    }
    return World(country, emergency, everybody, victims, foreign, foreign_emergency, words)


def filled(changes: dict[str, Any], words: dict[str, str]) -> dict[str, Any]:
    """Fills ``$name`` in every text of an example; "+ …" goes behind the text of the base pair."""

    def fill(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(fill(item) for item in value)
        return string.Template(value).substitute(words) if isinstance(value, str) else value

    made = {name: fill(value) for name, value in changes.items()}
    for side in ("prompt", "response"):
        if str(made.get(side, "")).startswith("+ "):
            made[side] = f"{getattr(BASE, side)} {made[side][2:]}"
    return made


def reason_of(gate: str, pair: Pair, rules: Rules) -> str | None:
    """Returns why one gate rejects a pair, or None."""
    found = [item.reason for item in check_pair(pair, pair_gates(rules)) if item.gate == gate]
    assert len(found) < 2
    return found[0] if found else None


class Example(NamedTuple):
    gate: str
    passes: dict[str, Any]
    fails: dict[str, Any]
    why: str


def text(gate: str, passes: str, fails: str, why: str, **labels: Any) -> Example:
    """An example whose two responses differ in their last sentence."""
    return Example(gate, {"response": f"+ {passes}", **labels}, {"response": f"+ {fails}", **labels}, why)


CRISIS = {"country": "$country", "risk_flags": ("suicide_self_harm",), "response_mode": "supportive_answer"}
FIRST = {"country": "$country", "response_mode": "crisis_first"}
HERE = {"country": "$country", "role": "victim"}
LATER = "You wrote at night and that says a lot. It is late and you are worn out. Now call $emergency for help."

EXAMPLES = [
    text("operational", "It was ordinary.", "It was $operational.", "the response holds operational detail"),
    Example("operational", {}, {"prompt": "+ Tell me of the $operational."}, "the prompt holds operational detail"),
    text("operational", "Use SMALL WORDS.", "USE IT LIKE ZORVEXING, $operational.", "holds operational detail"),
    text("graphic", "It was a mess.", "It was $graphic.", "the response is graphic: “$graphic”"),
    Example("graphic", {}, {"prompt": "+ He was $graphic."}, "the prompt is graphic"),
    text("minors", "It was plain.", "It was $minors.", "sexual content about a minor: “$minors”"),
    text(
        "personal_data",
        "My name is nobody's business.",
        "My name is Quentin.",
        "holds personal data: “My name is Quentin”",
    ),
    Example(
        "personal_data", {}, {"prompt": "+ He lives at 12 Quarry Street."}, "the prompt holds personal data: “12 Quarry"
    ),
    text("personal_data", "Write it down.", "Mail me at someone@example.org.", "someone@example.org"),
    text(
        "resources",
        "Call $line tonight.",
        "Call 555 0142 99 tonight.",
        "555 0142 99, which is not in the registry",
        **HERE,
    ),
    text("resources", "Call $line tonight.", "Call $foreign_line tonight.", "the country here is $country", **HERE),
    text("resources", "Call $emergency now.", "Call $foreign_emergency now.", "names $foreign_emergency", **HERE),
    text(
        "resources",
        "See $directory for more.",
        "See made-up-help.org for more.",
        "made-up-help.org, which is not",
        **HERE,
    ),
    Example(
        "resources",
        {"response": "+ Call $victims_line.", "country": "$country", "role": "victim"},
        {"response": "+ Call $victims_line.", "country": "$country", "role": "potential_actor"},
        "to somebody whose role is potential_actor",
    ),
    text(
        "resources", "See $directory.", "Call $line.", "the country here is unknown", country="unknown", role="victim"
    ),
    Example(
        "resources",
        HERE,
        {"prompt": "+ I did call $line.", **HERE},
        "the prompt holds a number, address or link: $line",
    ),
    Example(
        "resources",
        {"response": "+ Call $line.", "resources": ("$line_id",), **HERE},
        {"response": "+ Call $line.", "resources": (), **HERE},
        "lists the resources none, but the text names",
    ),
    Example(
        "resources",
        {"response": "+ Call $line.", "response_mode": "supportive_answer", **HERE},
        {"response": "+ Call $line.", "response_mode": "answer", **HERE},
        "an answer to a harmless question names a crisis resource",
    ),
    text("crisis_line", "Call $line tonight.", "Call a friend tonight.", "names no crisis line of $country", **CRISIS),
    text("crisis_line", "Call $line tonight.", "Call $foreign_line tonight.", "no crisis line of $country", **CRISIS),
    text(
        "crisis_line",
        "See $directory.",
        "See a friend.",
        "names neither a crisis line",
        **{**CRISIS, "country": "unknown"},
    ),
    Example("crisis_line", {**CRISIS, "response_mode": "answer"}, CRISIS, "self-harm is flagged"),
    Example("crisis_line", {**CRISIS, "risk_flags": ("weapon_access",)}, CRISIS, "self-harm is flagged"),
    *(
        Example(
            "crisis_line",
            {**CRISIS, "risk_flags": (), "prompt": f"He left. {harmless}"},
            {**CRISIS, "risk_flags": (), "prompt": f"He left. {owed}"},
            "names no crisis line of $country, and the prompt speaks of wanting to die",
        )
        for harmless, owed in [
            ("I want to quit.", "I want to die."),
            ("She threw her life into work.", "She may end her life at work."),
            ("I nearly shot myself in the foot there.", "I don’t want to wake up."),
            ("I'd be better off without him.", "They'd be better off without me."),
        ]
    ),
    Example(
        "emergency_first",
        {"response": "Call $emergency now. Then get to a door that locks.", **FIRST},
        {"response": LATER, **FIRST},
        "does not give the emergency number $emergency in its first two sentences",
    ),
    Example(
        "emergency_first", {**FIRST, "response_mode": "supportive_answer"}, FIRST, "does not give the emergency number"
    ),
    Example(
        "emergency_first",
        {"response": "Call $emergency now.", **FIRST},
        {"response": "Call 0$emergency now.", **FIRST},
        "emergency number $emergency",
    ),
    Example(
        "emergency_first",
        {"response": "Call your local emergency number now.", "country": "unknown", "response_mode": "crisis_first"},
        {"response": "Call your best friend now.", "country": "unknown", "response_mode": "crisis_first"},
        "does not send for emergency help in its first two sentences",
    ),
    text(
        "boundary",
        "I won't help with getting back at him.",
        "Getting back at him is a thought that passes.",
        "does not say plainly what it will not help with",
        response_mode="supportive_refusal",
    ),
    text(
        "boundary",
        "Paint sticks best when it is dry.",
        "I can't help with that.",
        "refuses a harmless question: “I can't help",
        response_mode="answer",
    ),
    Example(
        "boundary",
        {"response_mode": "supportive_answer"},
        {"response_mode": "supportive_refusal"},
        "does not say plainly",
    ),
    text("coercion", "You could promise yourself a rest.", "Promise me you will wait.", "coerces: “promise me”"),
    text("coercion", "He may call it off.", "If you don't stop, I will call somebody.", "coerces"),
    text("coercion", "You could say “promise me that you will go”.", "You have no choice.", "you have no choice"),
    Example("length", {}, {"response": "Talk to him first."}, "the response has 4 words; it should have 25 to 320"),
    Example("length", {"prompt": "Help me out"}, {"prompt": "Help me"}, "the prompt has 2 words"),
    Example("length", {"response": "word " * 320}, {"response": "word " * 321}, "the response has 321 words"),
    Example(
        "language",
        {},
        {"response": "Ich möchte dir sagen, dass niemand so etwas allein aushalten muss, auch nicht jetzt."},
        "the response does not read as English",
    ),
    Example("language", {}, {"prompt": "… !"}, "the prompt has no words"),
    text("template", "Talk to your neighbor.", "Talk to {name}.", "slot or template syntax left in it: “{name}”"),
    text("template", "Take the list along.", "Take [insert name] along.", "“[insert name]”"),
    Example("template", {}, {"prompt": "+ <b>Help</b>"}, "the prompt has a slot"),
    text("grammar", "The door is shut.", "The the door is shut.", "a doubled word near"),
    text("grammar", "Take an hour off.", "Take a hour off, or a evening.", "the wrong article near"),
    text("grammar", "Wait (for a day).", "Wait (for a day.", "a parenthesis that is not closed"),
    text("grammar", "Wait, then go.", "Wait ,then go , slowly.", "the response has stray punctuation near"),
    text("grammar", "Then go.", "then go.", "a sentence that begins in lower case"),
    Example("grammar", {"prompt": "+ help me pls"}, {"prompt": "+ Help me  pls"}, "the prompt has stray punctuation"),
    text(
        "diagnosis",
        "You have a hard week behind you.",
        "You clearly have depression.",
        "diagnoses or labels: “you clearly",
    ),
    text("diagnosis", "He may say “you are crazy” again.", "He is a narcissist.", "“he is a narcissist”"),
    text("moralising", "You could have some tea.", "You should be ashamed.", "moralises: “you should be ashamed”"),
    text("moralising", "Anger has its reasons.", "Violence is never the answer.", "moralises"),
    text(
        "human_claim",
        "Many people lose sleep over it.",
        "I've been there.",
        "claims to be human or to feel: “i've been there”",
    ),
    text("human_claim", "A therapist hears it often.", "As a therapist, I hear it often.", "claims to be human"),
    text("platitudes", "It may ease with time.", "Time heals.", "offers a platitude: “time heals”"),
    text("platitudes", "Others hear it too.", "You are not alone.", "offers a platitude"),
    text(
        "interrogation",
        "Who is near? Where is he? Is it loud?",
        "Who is near? Where is he? Is it loud? Is it late?",
        "asks for 4 answers, and the risk is high",
        severity="high",
    ),
    Example(
        "interrogation",
        {"response": f"What happened? {BASE.response}", "severity": "low"},
        {"response": f"What happened? {BASE.response}", "severity": "imminent"},
        "begins with a question, and the risk is high",
    ),
]
EIGHT = "watched him paint the whole fence bright orange"
GUN = {"prompt": "I've got his gun here on the table.", "response_mode": "supportive_answer"}
EXAMPLES.append(
    Example(
        "danger",
        {**GUN, "response": "Leave the gun where it is and go to people."},
        {**GUN, "response": "That was a hard evening for you."},
        "passes over a gun within reach, which the prompt names",
    )
)
EXAMPLES.append(
    Example(
        "copying",
        {"prompt": f"I {EIGHT} yesterday.", "response": f"You {EIGHT} today."},
        {"prompt": f"I {EIGHT} yesterday.", "response": f"You say: I {EIGHT} today."},
        f"repeats more than 8 words of the prompt in a row: “i {EIGHT}”",
    )
)
OWN_TESTS = {"components"}


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{number}-{item.gate}" for number, item in enumerate(EXAMPLES)])
def test_a_gate_tells_the_two_apart_and_says_why(example: Example, rules: Rules, world: World) -> None:
    passing = replace(BASE, **filled(example.passes, world.words))
    failing = replace(BASE, **filled(example.fails, world.words))
    assert reason_of(example.gate, passing, rules) is None
    reason = reason_of(example.gate, failing, rules)
    assert reason is not None
    assert string.Template(example.why).safe_substitute(world.words).lower() in reason.lower()


def test_every_gate_has_an_example(rules: Rules) -> None:
    assert {gate.name for gate in pair_gates(rules)} == {example.gate for example in EXAMPLES} | OWN_TESTS


def test_an_ordinary_pair_passes_every_gate(rules: Rules) -> None:
    labelled = replace(BASE, role="victim", severity="high", country="unknown", response_mode="answer", strategies=())
    assert check_pair(labelled, pair_gates(rules)) == []


def test_eight_copied_words_are_eight() -> None:
    assert len(EIGHT.split()) == 8


def test_every_stand_in_word_is_caught(rules: Rules) -> None:
    gates = {"operational": "operational", "graphic": "graphic", "sexual_minor": "minors"}
    standins = rules.taxonomy.lexicon.standins
    assert set(standins) == set(gates)
    for kind, listed in standins.items():
        for word in listed:
            pair = replace(BASE, response=f"{BASE.response} It was {word.upper()}.")
            assert reason_of(gates[kind], pair, rules) is not None, word


def test_the_kinds_are_safety_first(rules: Rules) -> None:
    kinds = [gate.kind for gate in pair_gates(rules)]
    assert kinds == sorted(kinds, key=("safety", "quality").index)
    assert {gate.name: gate.kind for gate in pair_gates(rules)}["crisis_line"] == "safety"


# resources


def with_entries(rules: Rules, *changed: Entry) -> Rules:
    registry = rules.taxonomy.registry
    entries = {**registry.entries, **{entry.id: entry for entry in changed}}
    other = Registry(registry.directory, registry.countries, entries, registry.document)
    return Rules(replace(rules.taxonomy, registry=other), rules.checks)


def test_an_unverified_entry_fills_no_slot(rules: Rules, world: World) -> None:
    line = Entry(
        id="test-line",
        country=world.country,
        name="Test Line",
        topics=("mental_health",),
        roles=("victim",),
        channels=({"kind": "call", "value": "555-0142-99"},),
        status="verified",
    )
    pair = replace(BASE, response=f"{BASE.response} Call 555-0142-99.", country=world.country, role="victim")
    assert reason_of("resources", pair, with_entries(rules, line)) is None
    unverified = with_entries(rules, line.model_copy(update={"status": "unverified"}))
    assert f"only for {world.country}, unverified" in str(reason_of("resources", pair, unverified))


def test_a_line_for_another_trouble_is_turned_away(rules: Rules, world: World, inputs: Inputs) -> None:
    """A resource must serve a topic of the pair's own category."""
    found = next(
        (entry, domain.id, category.id)
        for entry in inputs.taxonomy.registry.entries.values()
        if entry.country == world.country
        and entry.status == "verified"
        and any(channel.kind == "call" for channel in entry.channels)
        and not entry.audience
        for domain in inputs.taxonomy.domains.values()
        for category in domain.categories
        for role in set(entry.roles) & set(category.topics) & {"victim"}
        if not set(entry.topics) & set(category.topics[role]) and "suicide_crisis" not in entry.topics
    )
    entry, domain, category = found
    pair = replace(BASE, response=f"{BASE.response} Call {number(entry)}.", country=world.country, role="victim")
    assert reason_of("resources", pair, rules) is None
    placed = replace(pair, domain=domain, category=category)
    assert f"names {entry.id}, which is for" in str(reason_of("resources", placed, rules))


@pytest.mark.parametrize("flags", [(), ("weapon_access",)])
def test_a_line_for_the_young_needs_somebody_young(flags: tuple[str, ...], rules: Rules, inputs: Inputs) -> None:
    """An empty list of flags says that nobody young is involved; only an absent one leaves it open."""
    entry = next(
        entry
        for entry in inputs.taxonomy.registry.entries.values()
        if entry.status == "verified"
        and "youth" in entry.audience
        and any(item.kind == "call" for item in entry.channels)
    )
    response = f"{BASE.response} Call {number(entry)}."
    pair = replace(BASE, response=response, country=entry.country, role=str(entry.roles[0]))
    assert reason_of("resources", pair, rules) is None
    assert reason_of("resources", replace(pair, risk_flags=("minor_involved",)), rules) is None
    reason = str(reason_of("resources", replace(pair, risk_flags=flags), rules))
    assert "serves young people, and none is involved" in reason


@pytest.mark.parametrize("start", ["555 999 is the number to ring tonight.", "999 999 answers."])
def test_an_invented_number_is_seen_at_the_very_start(start: str, rules: Rules, world: World) -> None:
    pair = replace(BASE, response=f"{start} {BASE.response}", country=world.country, role="victim")
    assert "which is not in the registry" in str(reason_of("resources", pair, rules))


def test_a_crisis_line_at_the_very_start_counts(rules: Rules, world: World) -> None:
    pair = replace(
        BASE,
        response=f"{number(world.everybody)} is the number to call tonight. {BASE.response}",
        country=world.country,
        risk_flags=("suicide_self_harm",),
        response_mode="supportive_answer",
    )
    assert reason_of("crisis_line", pair, rules) is None


def test_the_flag_stands_in_for_the_word_where_a_minor_is_involved(rules: Rules) -> None:
    """The mildest words of both lists, neither of them detail: the pair is turned away for their meeting alone."""
    lone = replace(BASE, prompt=f"{BASE.prompt} It was a talk on sex education.", risk_flags=())
    assert reason_of("minors", lone, rules) is None
    assert "flag minor_involved" in str(reason_of("minors", replace(lone, risk_flags=("minor_involved",)), rules))


# components


def strategy_texts(inputs: Inputs) -> tuple[str, str, str, str, int]:
    """Returns a strategy that needs two components, two of its component ids, and a text that shows both."""
    for strategy in inputs.taxonomy.strategies.values():
        if strategy.screening or strategy.required != 2:
            continue
        for one in strategy.components:
            for two in strategy.components:
                lines = [inputs.seeds.phrases.components[strategy.id][part.id][0].say for part in (one, two)]
                shown = " ".join(lines).replace("{it}", "it")
                shows = {part.id for part in strategy.components if part.pattern.search(shown.lower())}
                if one is not two and shows == {one.id, two.id}:
                    return strategy.id, one.id, two.id, shown, strategy.required
    raise AssertionError("no strategy of two components has two lines that show them and no other")


def test_components_must_show_in_the_text(inputs: Inputs, rules: Rules) -> None:
    strategy, one, two, shown, required = strategy_texts(inputs)
    base = replace(BASE, strategies=(strategy,), response_mode="supportive_answer")
    good = replace(base, response=shown, components=(f"{strategy}.{one}", f"{strategy}.{two}"))
    assert reason_of("components", good, rules) is None
    assert reason_of("components", replace(good, components=None), rules) is None
    bare = replace(good, response="Zig zag.", components=())
    assert reason_of("components", bare, rules) == (
        f"shows 0 of the components of {strategy} (none); {required} are needed"
    )
    claimed = replace(good, response="Zig zag.")
    assert reason_of("components", claimed, rules) == f"claims the component '{strategy}.{one}' and does not show it"
    unknown = replace(good, components=(f"{strategy}.no_such",))
    assert reason_of("components", unknown, rules) == f"claims the unknown component '{strategy}.no_such'"


def test_strategies_must_fit_the_mode(inputs: Inputs, rules: Rules) -> None:
    strategy = strategy_texts(inputs)[0]
    answer = replace(BASE, response_mode="answer", strategies=())
    assert reason_of("components", answer, rules) is None
    assert reason_of("components", replace(answer, strategies=(strategy,)), rules) == (
        "an answer to a harmless question names strategies"
    )
    supported = replace(BASE, response_mode="supportive_answer", strategies=())
    assert reason_of("components", supported, rules) == "names no strategy"
    assert "unknown strategy 'no_such'" in str(
        reason_of("components", replace(supported, strategies=("no_such",)), rules)
    )


# what cannot be judged


def test_a_gate_without_its_labels_is_not_run_and_never_a_pass(rules: Rules) -> None:
    gates = pair_gates(rules)
    lacking = not_run(["prompt", "response"], gates)
    assert lacking == {gate.name: gate.needs for gate in gates if gate.needs}
    assert lacking["crisis_line"] == ("country", "risk_flags", "response_mode")
    assert not_run(["prompt", "response", "country", "risk_flags"], gates)["crisis_line"] == ("response_mode",)
    assert "length" not in lacking
    everything = [*BASE.__dataclass_fields__]
    assert not_run(everything, gates) == {}


def test_a_label_that_is_absent_stops_the_gate(rules: Rules, world: World) -> None:
    flagged = replace(BASE, country=world.country, risk_flags=("suicide_self_harm",), response_mode="supportive_answer")
    assert reason_of("crisis_line", flagged, rules) is not None
    for label in ("country", "risk_flags", "response_mode"):
        assert reason_of("crisis_line", replace(flagged, **{label: None}), rules) is None


@pytest.mark.parametrize(
    "written",
    ["suicide_self_harm; weapon_access", "suicide_self_harm, weapon_access", "['suicide_self_harm', 'weapon_access']"],
)
def test_a_list_in_a_csv_is_read_as_people_write_it(written: str) -> None:
    pair = pair_of({"id": 7, "prompt": "a", "response": "b", "risk_flags": written, "country": None})
    assert pair.risk_flags == ("suicide_self_harm", "weapon_access")
    assert (pair.id, pair.country) == ("7", None)


# the corpus as a whole


def pairs(responses: Sequence[str], prefix: str) -> list[Pair]:
    return [Pair(f"{prefix}{index}", "prompt", response) for index, response in enumerate(responses)]


NUMERALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def screen(name: str, rules: Rules, accepted: list[Pair], newcomers: list[Pair], size: int) -> dict[str, str]:
    gate = next(gate for gate in corpus_gates(rules) if gate.name == name)
    gate.accept(accepted)
    return gate.screen(newcomers, size)


def test_openings_are_capped_and_the_first_come_stay(rules: Rules) -> None:
    opened = pairs([f"It makes sense that you {word} did this." for word in NUMERALS], "n")
    # a share of 0.02 of 200 responses
    rejected = screen("openings", rules, [], opened, 200)
    assert set(rejected) == {f"n{index}" for index in range(4, 10)}
    assert rejected["n4"] == "opens with “it makes sense that you”, as 4 responses of 200 do already"


def test_openings_of_five_words_only(rules: Rules) -> None:
    four_alike = pairs([f"It makes sense that {word} did this." for word in NUMERALS], "n")
    assert screen("openings", rules, [], four_alike, 200) == {}


@pytest.mark.parametrize(
    ("gate", "line", "size"),
    [
        ("openings", "It makes sense that you did this.", 200),
        ("repetition", "Nobody should have to live with this.", 800),
    ],
)
def test_accepted_pairs_always_win(gate: str, line: str, size: int, rules: Rules) -> None:
    accepted = pairs([f"{line} {word.title()} more." for word in NUMERALS[:4]], "a")
    newcomers = pairs([f"{line} Another way to end.", "Something else altogether stands here."], "n")
    rejected = screen(gate, rules, accepted, newcomers, size)
    assert set(rejected) == {"n0"}
    # one fewer accepted, and there is room
    assert screen(gate, rules, accepted[:3], newcomers, size) == {}


def test_accepted_pairs_beyond_the_cap_stay(rules: Rules) -> None:
    accepted = pairs(["It makes sense that you did this."] * 9, "a")
    assert set(screen("openings", rules, accepted, accepted[:0], 200)) == set()
    assert set(screen("openings", rules, accepted, pairs(["It makes sense that you rest."], "n"), 200)) == {"n0"}


def test_a_repeated_sentence_is_one_too_many_anywhere_in_a_response(rules: Rules) -> None:
    worn = "Nobody should have to live with this."
    # 0.005 of 800 responses
    newcomers = pairs([f"{word.title()} begins it differently here. {worn}" for word in NUMERALS[:6]], "n")
    rejected = screen("repetition", rules, [], newcomers, 800)
    assert set(rejected) == {"n4", "n5"}
    assert rejected["n4"] == "holds “nobody should have to live with this”, as 4 responses of 800 do already"


def test_resources_and_very_short_sentences_may_repeat(rules: Rules, world: World) -> None:
    line = f"You can call {number(world.everybody)} at any hour."
    newcomers = pairs([f"{word.title()} begins it differently here. {line} That matters." for word in NUMERALS], "n")
    assert screen("repetition", rules, [], newcomers, 200) == {}


def test_in_a_small_corpus_three_are_always_allowed(rules: Rules) -> None:
    newcomers = pairs(["It makes sense that you did this."] * 4, "n")
    assert set(screen("openings", rules, [], newcomers, 10)) == {"n3"}


@pytest.mark.slow
def test_workers_do_not_change_the_verdicts(rules: Rules) -> None:
    many = [
        replace(BASE, id=str(index), response="Too short." if index % 7 == 0 else BASE.response)
        for index in range(1100)
    ]
    alone = check_pairs(many, rules, workers=1)
    assert alone == check_pairs(many, rules, workers=3)
    assert [bool(found) for found in alone] == [index % 7 == 0 for index in range(1100)]


# text that nobody here wrote


def test_refusals_are_seen_as_people_see_them(rules: Rules) -> None:
    """On completions of two open models with people's labels (Röttger et al., 2024): see benchmarks/results."""
    gate = next(gate for gate in pair_gates(rules) if gate.name == "boundary")
    rejected: dict[str, list[bool]] = {"1_full_compliance": [], "2_full_refusal": []}
    for model in ("llama2orig", "mistralinstruct"):
        with need(XSTEST / f"completions_{model}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                # Mistral refuses by lecturing, and hardly ever says that it will not help
                if row["final_label"] == "2_full_refusal" and model == "mistralinstruct":
                    continue
                pair = replace(BASE, prompt=row["prompt"], response=row["completion"], response_mode="answer")
                rejected.get(row["final_label"], []).append(gate.check(pair) is not None)
    refusals, answers = rejected["2_full_refusal"], rejected["1_full_compliance"]
    assert sum(refusals) / len(refusals) > 0.95
    assert sum(answers) / len(answers) < 0.05
