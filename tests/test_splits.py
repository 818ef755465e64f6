"""Splits: exact counts a domain, and what belongs together is never parted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusgen.dedup.edges import Edge
from corpusgen.plan import Cell
from corpusgen.recipe import Splits
from corpusgen.splits import assign, group


def cell(number: int, domain: str, seed: str, mode: str = "supportive_answer", pair_group: str | None = None) -> Cell:
    return Cell(
        cell_id=f"cell{number:04}",
        pair_group=pair_group,
        domain=domain,
        category="category",
        role="victim",
        severity="low",
        register="plain",
        country="US",
        seed_id=seed,
        ordinal=0,
        response_mode=mode,
        risk_flags=(),
        strategies=(),
        topics=(),
    )


def corpus(sizes: dict[str, Sequence[int]], contrast: Sequence[tuple[int, int]] = ()) -> list[Cell]:
    """Returns one seed situation of each size in each domain; ``contrast`` names positions that are a pair."""
    made = [
        (domain, f"{domain}/{seed}")
        for domain, counts in sizes.items()
        for seed, size in enumerate(counts)
        for _ in range(size)
    ]
    paired = {position: f"pair{number}" for number, pair in enumerate(contrast) for position in pair}
    return [cell(number, *item, pair_group=paired.get(number)) for number, item in enumerate(made)]


def counted(cells: Sequence[Cell], splits: Sequence[str]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for item, split in zip(cells, splits, strict=True):
        found[split][item.domain] += 1
    return found


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[Cell], list[Edge]]:
    """Three domains, each with groups of several sizes and singles enough to fill any count."""
    sizes = {name: [*draw(st.lists(st.integers(2, 5), max_size=5)), *[1] * 26] for name in ("one", "two", "three")}
    count = sum(map(sum, sizes.values()))
    place = st.integers(0, count - 1)
    joined = st.tuples(place, place).filter(lambda pair: pair[0] < pair[1])
    contrast = draw(st.lists(joined, max_size=3, unique_by=(lambda pair: pair[0], lambda pair: pair[1])))
    contrast = [pair for pair in contrast if sum(bool(set(pair) & set(other)) for other in contrast) == 1]
    near = [Edge(*pair, "semantic", 0.93) for pair in draw(st.lists(joined, max_size=3))]
    return corpus(sizes, contrast), near


@settings(max_examples=60, deadline=None)
@given(corpora(), st.integers(0, 9), st.integers(0, 9), st.integers(0, 5))
def test_counts_are_exact_and_groups_whole(
    made: tuple[list[Cell], list[Edge]], validation: int, test: int, seed: int
) -> None:
    cells, near = made
    splits, short = assign(cells, near, Splits(validation=validation, test=test), seed)
    assert not short
    found = counted(cells, splits)
    for name, total in (("validation", validation), ("test", test)):
        assert sum(found[name].values()) == total
        each = [found[name][domain] for domain in ("one", "two", "three")]
        assert max(each) - min(each) <= 1
    assert set(splits) <= {"train", "validation", "test"}
    for key in ("seed_id", "pair_group"):
        homes: dict[str, set[str]] = defaultdict(set)
        for item, split in zip(cells, splits, strict=True):
            if getattr(item, key) is not None:
                homes[getattr(item, key)].add(split)
        assert all(len(found) == 1 for found in homes.values())
    assert all(splits[edge.first] == splits[edge.second] for edge in near)


def test_what_is_joined_through_a_third_stays_together() -> None:
    cells = corpus({"one": [2, 1, 1, 1]}, contrast=[(1, 2)])
    assert sorted(group(cells, [Edge(2, 3, "lexical", 0.8)])) == [[0, 1, 2, 3], [4]]


def test_each_domain_has_its_exact_count() -> None:
    cells = corpus({"one": [1] * 30, "two": [2] * 20, "three": [3, 1] * 10})
    found = counted(cells, assign(cells, [], Splits(validation=12, test=18), 1).splits)
    assert found["validation"] == {"one": 4, "two": 4, "three": 4}
    assert found["test"] == {"one": 6, "two": 6, "three": 6}


def test_the_modes_of_a_split_follow_the_domain() -> None:
    modes = ["answer"] * 20 + ["supportive_refusal"] * 60 + ["crisis_first"] * 20
    cells = [cell(number, "one", f"seed{number}", mode) for number, mode in enumerate(modes)]
    splits = assign(cells, [], Splits(validation=10, test=10), 3).splits
    for name in ("validation", "test"):
        held = Counter(mode for mode, split in zip(modes, splits, strict=True) if split == name)
        assert abs(held["supportive_refusal"] - 6) <= 2
        assert min(held["answer"], held["crisis_first"]) >= 1


def test_a_group_over_two_domains_is_for_training() -> None:
    cells = corpus({"one": [1] * 4, "two": [1] * 4}, contrast=[(0, 4)])
    for seed in range(8):
        splits = assign(cells, [], Splits(validation=4, test=0), seed).splits
        assert (splits[0], splits[4]) == ("train", "train")


def test_the_seed_moves_the_splits_and_nothing_else_does() -> None:
    cells = corpus({"one": [1, 2] * 20})
    settings = Splits(validation=6, test=6)
    assert assign(cells, [], settings, 1) == assign(cells, [], settings, 1)
    assert assign(cells, [], settings, 1) != assign(cells, [], settings, 2)
    by_id = dict(zip((item.cell_id for item in cells), assign(cells, [], settings, 1).splits, strict=True))
    backwards = cells[::-1]
    again = dict(zip((item.cell_id for item in backwards), assign(backwards, [], settings, 1).splits, strict=True))
    assert again == by_id


@pytest.mark.parametrize(
    ("sizes", "validation", "test", "told"),
    [
        ([3, 3, 3], 2, 0, ["validation has 0 of 2 pairs of one"]),
        ([2, 2, 2], 2, 1, ["test has 0 of 1 pairs of one"]),
        ([2, 3], 4, 0, ["validation has 3 of 4 pairs of one"]),
        ([1, 1], 1, 2, ["test has 1 of 2 pairs of one"]),
    ],
)
def test_what_whole_groups_cannot_make_is_said(sizes: list[int], validation: int, test: int, told: list[str]) -> None:
    cells = corpus({"one": sizes})
    splits, short = assign(cells, [], Splits(validation=validation, test=test), 1)
    assert short == told
    seeds = {(item.seed_id, split) for item, split in zip(cells, splits, strict=True)}
    assert len(seeds) == len({item.seed_id for item in cells})
