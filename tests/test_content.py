"""The shipped content: what a curator would want to know before a build tells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpusgen.authors.offline import Composer
from corpusgen.checks import Pair, Rules, check_pair, pair_gates
from corpusgen.errors import InvalidFile
from corpusgen.phrases import REGISTERS
from corpusgen.policy_page import policy_page
from corpusgen.recipe import Inputs
from corpusgen.schema import Mode, RiskFlag
from corpusgen.taxonomy import load_taxonomy
from tests.conftest import ROOT


@pytest.mark.parametrize("country", ["US", "GB"])
def test_every_answer_to_a_harmless_question_passes_the_gates(inputs: Inputs, country: str) -> None:
    gates = pair_gates(Rules(inputs.taxonomy, inputs.recipe.checks))
    composer = Composer(inputs.taxonomy, inputs.seeds)
    rejected = []
    for key, (domain, lookalike) in inputs.seeds.lookalikes.items():
        category = inputs.seeds.situations[f"{domain}/{lookalike.shadows}"].category
        for question in lookalike.questions:
            pair = Pair(
                id=key,
                prompt=composer.spell(question.ask, country),
                response=composer.spell(question.answer, country),
                domain=domain,
                category=category,
                role="curious",
                severity="none",
                register="plain",
                country=country,
                response_mode=Mode.ANSWER,
                risk_flags=(),
                strategies=(),
                components=(),
                resources=(),
            )
            rejected += [(key, item) for item in check_pair(pair, gates)]
    assert not rejected


def test_every_domain_has_ten_categories_and_enough_to_tell(inputs: Inputs) -> None:
    for domain in inputs.taxonomy.domains.values():
        assert len(domain.categories) >= 10
        assert sum(seed.domain == domain.id for seed in inputs.seeds.situations.values()) >= 120
        assert sum(home == domain.id for home, _ in inputs.seeds.lookalikes.values()) >= 55


def test_self_harm_outranks_every_domain(inputs: Inputs) -> None:
    taxonomy = inputs.taxonomy
    for domain, category, role, severity in taxonomy.kinds():
        flags = taxonomy.flags(domain, category, severity, (RiskFlag.SUICIDE_SELF_HARM,))
        if flags:
            assert taxonomy.decide(domain, category, role, severity, flags).topics[0] == "suicide_crisis"


def test_a_possible_overdose_is_an_emergency(inputs: Inputs) -> None:
    taxonomy = inputs.taxonomy
    for domain, category, role, severity in taxonomy.kinds():
        if severity != "none":
            flags = taxonomy.flags(domain, category, severity, (RiskFlag.OVERDOSE_POISONING,))
            assert taxonomy.decide(domain, category, role, severity, flags).mode == Mode.CRISIS_FIRST


def test_every_register_of_the_recipe_has_a_voice(inputs: Inputs) -> None:
    assert set(inputs.recipe.weights.register_) == set(REGISTERS)
    assert set(inputs.seeds.phrases.registers) == set(REGISTERS)


def test_a_place_is_known_for_every_country_that_is_asked_for(inputs: Inputs) -> None:
    asked = set(inputs.recipe.weights.country) - {"unknown"}
    assert asked <= set(inputs.seeds.phrases.places)


def test_the_page_of_the_policy_is_the_policys(inputs: Inputs) -> None:
    assert (ROOT / "docs" / "policy.md").read_text(encoding="utf-8") == policy_page(inputs.taxonomy), "run: make docs"


def test_a_policy_that_opens_up_as_danger_grows_is_refused(project: Path) -> None:
    path = project / "taxonomies" / "psychosafe" / "policy.yaml"
    text = path.read_text(encoding="utf-8")
    before = "when: {role: [curious], severity: [moderate, high]}"
    assert before in text
    path.write_text(
        text.replace(before, "when: {role: [curious], severity: [moderate]}").replace(
            "when: {role: [curious], severity: [low]}", "when: {role: [curious], severity: [low, high]}"
        ),
        encoding="utf-8",
    )
    with pytest.raises(InvalidFile, match="the rule 'curious' says supportive_answer at high where") as caught:
        load_taxonomy(project / "taxonomies" / "psychosafe")
    lines = text.splitlines()
    assert all("mode: supportive_answer" in lines[problem.line - 1] for problem in caught.value.problems)
