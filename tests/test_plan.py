"""The plan: exact quotas, stable ids, contrast pairs, and modes that the policy decides."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusgen.plan import Cell, apportion, make_plan, pair_id, plan_table, quotas
from corpusgen.recipe import Inputs, load_inputs
from corpusgen.schema import plan_schema

weights = st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 100), min_size=1).filter(
    lambda found: sum(found.values()) > 0
)

# apportionment


@given(st.integers(0, 10_000), weights)
def test_quotas_sum_exactly_and_stay_within_one_of_the_share(count: int, given_weights: dict[str, int]) -> None:
    found = apportion(count, given_weights)
    total = sum(given_weights.values())
    assert sum(found.values()) == count
    assert set(found) == {key for key, weight in given_weights.items() if weight}
    for key, number in found.items():
        assert abs(number - count * given_weights[key] / total) < 1


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), weights)
def test_many_small_calls_stay_near_the_share(counts: list[int], given_weights: dict[str, int]) -> None:
    carry: dict[str, float] = {}
    sums: Counter[str] = Counter()
    for count in counts:
        found = apportion(count, given_weights, carry)
        assert sum(found.values()) == count
        assert min(found.values()) >= 0
        sums.update(found)
    total = sum(given_weights.values())
    for key, weight in given_weights.items():
        assert abs(sums[key] - sum(counts) * weight / total) < len(given_weights)


def test_the_carry_keeps_small_calls_from_starving_the_rare() -> None:
    shares = {"often": 9.0, "rare": 1.0}
    carry: dict[str, float] = {}
    with_carry, without = Counter[str](), Counter[str]()
    for _ in range(100):
        with_carry.update(apportion(2, shares, carry))
        without.update(apportion(2, shares))
    assert with_carry == {"often": 180, "rare": 20}
    assert without == {"often": 200, "rare": 0}


def test_ties_go_to_the_key_that_is_named_first() -> None:
    assert apportion(4, {"b": 1, "a": 1, "c": 1}) == {"b": 2, "a": 1, "c": 1}


# the plan of the full recipe


@pytest.fixture(scope="module")
def cells(inputs: Inputs) -> list[Cell]:
    return make_plan(inputs)


def test_there_are_exactly_8019_cells_each_with_its_own_id(cells: list[Cell]) -> None:
    assert len(cells) == 8019
    assert len({cell.cell_id for cell in cells}) == 8019
    assert [cell.cell_id for cell in cells] == sorted(cell.cell_id for cell in cells)


def test_the_domains_share_the_pairs_evenly(cells: list[Cell]) -> None:
    assert sorted(Counter(cell.domain for cell in cells).values()) == [1603, 1604, 1604, 1604, 1604]


def test_planning_again_gives_the_same_cells(cells: list[Cell], inputs: Inputs) -> None:
    assert make_plan(load_inputs(inputs.path)) == cells
    ids = {cell.cell_id for cell in make_plan(load_inputs(inputs.path, seed=inputs.recipe.seed + 1))}
    assert ids != {cell.cell_id for cell in cells}


@pytest.mark.slow
def test_another_process_with_another_hash_seed_plans_the_same(cells: list[Cell], inputs: Inputs) -> None:
    code = (
        "import sys; from corpusgen.plan import make_plan; from corpusgen.recipe import load_inputs; "
        "print(*[cell for cell in make_plan(load_inputs(sys.argv[1]))], sep='\\n')"
    )
    for value in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(inputs.path)],
            env={**os.environ, "PYTHONHASHSEED": value},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines() == [str(cell) for cell in cells]


def test_the_policy_decides_flags_mode_strategies_and_topics(cells: list[Cell], inputs: Inputs) -> None:
    taxonomy, seeds = inputs.taxonomy, inputs.seeds
    for cell in cells:
        extra = () if cell.lookalike else tuple(map(str, seeds.situations[cell.seed_id].situation.flags))
        assert cell.risk_flags == taxonomy.flags(cell.domain, cell.category, cell.severity, extra)
        decision = taxonomy.decide(cell.domain, cell.category, cell.role, cell.severity, cell.risk_flags)
        assert (cell.response_mode, cell.strategies, cell.topics) == (
            decision.mode,
            decision.strategies,
            decision.topics,
        )
    assert {cell.response_mode for cell in cells} == {
        "answer",
        "supportive_answer",
        "supportive_refusal",
        "crisis_first",
    }


def test_a_lookalike_is_answered_and_flags_nothing(cells: list[Cell], inputs: Inputs) -> None:
    harmless = [cell for cell in cells if cell.lookalike]
    by_domain = Counter(cell.domain for cell in harmless)
    pairs = Counter(cell.domain for cell in cells)
    for domain, count in by_domain.items():
        assert abs(count - pairs[domain] * inputs.recipe.weights.lookalike_share) < 1
    assert {(cell.response_mode, cell.severity, cell.role, cell.risk_flags) for cell in harmless} == {
        ("answer", "none", "curious", ())
    }
    # no question is asked twice
    assert len({(cell.seed_id, cell.ordinal) for cell in harmless}) == len(harmless)


def test_a_seed_serves_only_cells_that_it_fits(cells: list[Cell], inputs: Inputs) -> None:
    strata = inputs.seeds.strata()
    for cell in cells:
        if not cell.lookalike:
            assert cell.seed_id in {seed.key for seed in strata[cell.domain, cell.role, cell.severity]}
            assert inputs.seeds.situations[cell.seed_id].category == cell.category


def test_a_contrast_pair_is_one_harmless_and_one_risky_cell_of_a_domain(cells: list[Cell], inputs: Inputs) -> None:
    groups: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.pair_group is not None:
            groups[cell.pair_group].append(cell)
    assert groups
    shadowed = 0
    for members in groups.values():
        harmless, risky = sorted(members, key=lambda cell: not cell.lookalike)
        assert harmless.lookalike
        assert not risky.lookalike
        assert harmless.domain == risky.domain
        assert harmless.category == risky.category
        shadows = inputs.seeds.lookalikes[harmless.seed_id][1].shadows
        shadowed += risky.seed_id == f"{risky.domain}/{shadows}"
    # most partners are the very situation that the question shadows
    assert shadowed > len(groups) / 2
    assert len(groups) > 0.9 * sum(cell.lookalike for cell in cells)


@pytest.mark.parametrize(("margin", "field"), [("register", "register_"), ("country", "country")])
def test_registers_and_countries_keep_their_shares(margin: str, field: str, cells: list[Cell], inputs: Inputs) -> None:
    shares = getattr(inputs.recipe.weights, field)
    found = quotas(cells)[margin]
    assert set(found) == {key for key, share in shares.items() if share}
    for key, share in shares.items():
        assert abs(found[key] - len(cells) * share / sum(shares.values())) <= len(shares)


def test_every_stratum_has_its_exact_quota(cells: list[Cell], inputs: Inputs) -> None:
    """Domain, then look-alikes, then role, then severity: each within one of its share of the level above."""
    recipe = inputs.recipe.weights
    risky = Counter((cell.domain, cell.role, cell.severity) for cell in cells if not cell.lookalike)
    for domain in recipe.domain:
        total = sum(count for key, count in risky.items() if key[0] == domain)
        roles = recipe.roles(domain)
        for role, share in roles.items():
            held = sum(count for key, count in risky.items() if key[:2] == (domain, role))
            assert abs(held - total * share / sum(roles.values())) < 1
            severities = recipe.severities(role)
            for severity, part in severities.items():
                exact = held * part / sum(severities.values())
                assert abs(risky[domain, role, severity] - exact) < 1


def test_margins_and_joint_quotas_add_up(cells: list[Cell]) -> None:
    found = quotas(cells)
    assert {name: sum(counts.values()) for name, counts in found.items()} == dict.fromkeys(found, 8019)
    some = cells[0]
    key = " / ".join((some.domain, some.role, some.severity, some.register, some.country))
    like = [
        cell
        for cell in cells
        if (cell.domain, cell.role, cell.severity, cell.register, cell.country)
        == (some.domain, some.role, some.severity, some.register, some.country)
    ]
    assert found["joint"][key] == len(like)


def test_the_situations_of_a_stratum_are_told_about_equally_often(cells: list[Cell], inputs: Inputs) -> None:
    used = Counter(cell.seed_id for cell in cells if not cell.lookalike)
    sharing: dict[tuple[str, ...], list[str]] = defaultdict(list)
    homes: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for stratum, seeds in inputs.seeds.strata().items():
        for seed in seeds:
            homes[seed.key].append(tuple(map(str, stratum)))
    for key, strata in homes.items():
        sharing[tuple(sorted("/".join(item) for item in strata))].append(key)
    # situations that serve exactly the same strata differ by one telling at most
    for keys in sharing.values():
        counts = [used[key] for key in keys]
        assert max(counts) - min(counts) <= 1


def test_the_table_holds_the_plan(cells: list[Cell]) -> None:
    table = plan_table(cells[:50])
    assert table.schema == plan_schema()
    assert table.column("cell_id").to_pylist() == [cell.cell_id for cell in cells[:50]]
    assert [tuple(found) for found in table.column("risk_flags").to_pylist()] == [
        cell.risk_flags for cell in cells[:50]
    ]


def test_the_id_of_a_pair_depends_on_cell_and_attempt() -> None:
    ids = {pair_id(cell, attempt) for cell in ("a", "b", "a1") for attempt in (0, 1, 10)}
    assert len(ids) == 9
    assert pair_id("a", 1) == pair_id("a", 1)
    assert math.log2(int(pair_id("a", 1), 16)) < 64
