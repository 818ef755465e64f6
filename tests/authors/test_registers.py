"""Registers: a prompt's voice changes by the listed features and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from corpusgen.authors.offline import Brief, Composer, make_briefs
from corpusgen.authors.registers import capitalise, expand_contractions, voice
from corpusgen.plan import make_plan
from corpusgen.recipe import Inputs
from corpusgen.seeds import Situation

SAID = (
    "I don't know what to say. You told people about the party, because you're never sure. He's been asking for advice."
)

# contractions


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("he's been away", "he has been away"),
        ("it's raining", "it is raining"),
        ("It's raining", "It is raining"),
        ("she's stopped eating", "she has stopped eating"),
        ("he's tired", "he is tired"),
        ("she's got a key", "she has got a key"),
        ("he's just left", "he has just left"),
        ("I can't", "I cannot"),
        ("I won't go", "I will not go"),
        ("Can't you see", "Can you not see"),
        ("won't they come", "will they not come"),
        ("it's late, isn't it?", "it is late, is it not?"),
        ("Don't they know?", "Do they not know?"),
        ("I'm here and we're not", "I am here and we are not"),
        ("they've gone, she'll stay", "they have gone, she will stay"),
        ("let's go", "let us go"),
        ("he'd know", "he'd know"),
        ("my sister's coat", "my sister's coat"),
    ],
)
def test_contractions_are_written_out(short: str, full: str) -> None:
    assert expand_contractions(short) == full


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("It's only a feeling.", "It is only a feeling."),
        ("it's just words so far", "it is just words so far"),
        ("He's always there.", "He is always there."),
        ("There's only a small bruise.", "There is only a small bruise."),
        ("she's always in control", "she is always in control"),
        ("it's never enough", "it is never enough"),
        ("he's already asleep", "he is already asleep"),
        ("it's supposed to be their secret", "it is supposed to be their secret"),
        ("it's named after me", "it is named after me"),
    ],
)
def test_an_adverb_or_an_adjective_does_not_make_it_has(short: str, full: str) -> None:
    assert expand_contractions(short) == full


# voices


@pytest.mark.parametrize("register", ["plain", "terse", "rambling", "minimising", "third_person"])
def test_these_registers_leave_spelling_and_grammar_alone(register: str) -> None:
    assert [voice(SAID, register, turn) for turn in range(6)] == [SAID] * 6


def test_texting_is_lower_case_with_short_forms_and_no_last_period() -> None:
    assert voice(SAID, "texting", 2) == (
        "idk what to say. u told ppl abt the party, bc youre never sure. hes been asking for advice"
    )
    assert voice("Please tell me what you are doing right now though.", "texting", 2) == (
        "pls tell me what u are doing rn tho"
    )
    assert voice("Is it okay? Are you there? To be honest, ask your mother tomorrow.", "texting", 2) == (
        "is it ok? r u there? tbh, ask ur mother tmrw"
    )


def test_texting_sometimes_has_new_lines_for_periods() -> None:
    turns = [voice(SAID, "texting", turn) for turn in range(12)]
    assert any("\n" in text for text in turns)
    assert any("\n" not in text for text in turns)
    assert all(text == text.lower() and not text.endswith(".") for text in turns)
    assert {text.replace("\n", ". ") for text in turns if "'" not in text} == {turns[2]}


def test_texting_keeps_numbers_out() -> None:
    assert voice("Come tonight, before it is too late for you.", "texting", 2) == (
        "come tonight, before it is too late for u"
    )


def test_formal_writes_contractions_out_and_changes_nothing_else() -> None:
    assert voice(SAID, "formal", 0) == (
        "I do not know what to say. You told people about the party, because you are never sure. "
        "He has been asking for advice."
    )


def test_a_second_language_loses_some_articles_and_counts_the_uncountable() -> None:
    text = "I don't have the key, so the neighbor gave me a book with the information and advice."
    one, other = voice(text, "second_language", 0), voice(text, "second_language", 1)
    assert one == "I do not have key, so the neighbor gave me book with the informations and advices."
    assert other == "I do not have the key, so neighbor gave me a book with informations and advices."


def test_angry_shouts_one_word() -> None:
    text = "I am never heard, and nobody is always right."
    shouted = [voice(text, "angry", turn) for turn in range(3)]
    assert shouted == [text.replace(word, word.upper()) for word in ("never", "nobody", "always")]
    assert voice("Why me?", "angry", 0) == "Why me?"


@pytest.mark.parametrize(
    ("text", "full"), [("it is", "It is"), ("“it is”", "“It is”"), ("3 of us", "3 of us"), ("", ""), ("…", "…")]
)
def test_the_first_letter_is_capitalised(text: str, full: str) -> None:
    assert capitalise(text) == full


# what is told around the story


@pytest.fixture(scope="module")
def prompts(inputs: Inputs) -> Callable[[str], list[tuple[str, Situation]]]:
    """Tells the same risky cells, American spelling, in any register."""
    cells = make_plan(inputs)
    chosen = [brief for brief in make_briefs(cells, {cell.cell_id: 0 for cell in cells}) if told_plainly(brief)]
    composer = Composer(inputs.taxonomy, inputs.seeds)
    assert len(chosen) >= 60

    def tell(register: str) -> list[tuple[str, Situation]]:
        briefs = [replace(brief, cell=replace(brief.cell, register=register)) for brief in chosen[:60]]
        return [(composer.prompt(brief), inputs.seeds.situations[brief.cell.seed_id].situation) for brief in briefs]

    return tell


def told_plainly(brief: Brief) -> bool:
    return not brief.cell.lookalike and brief.cell.country == "unknown"


Tell = Callable[[str], list[tuple[str, Situation]]]


def opened_by(text: str, lines: tuple[str, ...]) -> bool:
    return any(text.startswith(line) for line in lines)


def closed_by(text: str, lines: tuple[str, ...]) -> bool:
    return any(text.endswith(line) for line in lines)


def test_terse_is_a_clipped_telling(prompts: Tell) -> None:
    terse, rambling = prompts("terse"), prompts("rambling")
    assert all(text.startswith(tuple(situation.short)) for text, situation in terse)
    assert all(len(short) < len(long) for (short, _), (long, _) in zip(terse, rambling, strict=True))


def test_rambling_has_opener_and_aside_in_one_paragraph(prompts: Tell, inputs: Inputs) -> None:
    pool = inputs.seeds.phrases.registers["rambling"]
    told = prompts("rambling")
    for text, situation in told:
        assert opened_by(text, pool.openers)
        assert any(aside in text for aside in pool.asides)
        assert any(line in text for line in situation.tell)
        assert "\n" not in text
    assert any(closed_by(text, pool.closers) for text, _ in told)


@pytest.mark.parametrize("register", ["minimising", "formal", "angry"])
def test_a_wordy_register_always_opens_and_sometimes_closes_in_its_way(
    register: str, prompts: Tell, inputs: Inputs
) -> None:
    pool = inputs.seeds.phrases.registers[register]
    told = [text.lower() for text, _ in prompts(register)]
    voiced = {
        name: tuple(voice(line, register, 0).lower() for line in getattr(pool, name)) for name in ("openers", "closers")
    }
    assert all(opened_by(text, voiced["openers"]) for text in told)
    closed = sum(closed_by(text, voiced["closers"]) for text in told)
    assert 0 < closed < len(told)


def test_third_person_tells_of_another_and_then_owns_it(prompts: Tell, inputs: Inputs) -> None:
    pool = inputs.seeds.phrases.registers["third_person"]
    for text, situation in prompts("third_person"):
        told, owned = text.find(situation.other), [text.find(line) for line in pool.reveals if line in text]
        assert told >= 0
        assert owned
        assert max(owned) > told


def test_a_second_language_says_so_sometimes(prompts: Tell, inputs: Inputs) -> None:
    pool = inputs.seeds.phrases.registers["second_language"]
    openers = tuple(line[:12] for line in pool.openers)
    told = [text for text, _ in prompts("second_language")]
    assert 0 < sum(opened_by(text, openers) for text in told) < len(told)


def test_plain_adds_nothing_of_another_voice(prompts: Tell, inputs: Inputs) -> None:
    pools = inputs.seeds.phrases.registers
    lines = {
        line
        for name in ("rambling", "angry", "minimising", "formal")
        for line in (*pools[name].openers, *pools[name].asides, *pools[name].closers)
        if line not in pools["plain"].openers
    }
    for text, situation in prompts("plain"):
        assert any(line in text for line in (*situation.tell, *situation.short))
        assert not [line for line in lines if len(line.split()) > 3 and line in text]
