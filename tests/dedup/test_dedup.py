"""Deduplication: what counts as a duplicate, who survives, and that nothing is lost on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusgen.api import deduplicate
from corpusgen.dedup.clusters import clusters, resolve
from corpusgen.dedup.edges import Edge
from corpusgen.dedup.embed import MiniLM
from corpusgen.dedup.exact import ExactIndex, exact_edges, normalise
from corpusgen.dedup.lexical import LexicalIndex
from corpusgen.dedup.overlap import OverlapIndex
from corpusgen.dedup.semantic import semantic_edges
from corpusgen.errors import UsageError

# who survives


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[Edge]]:
    count = draw(st.integers(1, 14))
    ends = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda pair: pair[0] < pair[1])
    pairs = draw(st.lists(ends, max_size=20)) if count > 1 else []
    scores = draw(st.lists(st.integers(5000, 10000), min_size=len(pairs), max_size=len(pairs)))
    return count, [Edge(*pair, "semantic", score / 10000) for pair, score in zip(pairs, scores, strict=True)]


def components(count: int, edges: Sequence[Edge]) -> list[list[int]]:
    """Connected groups of two or more, by walking the graph."""
    neighbours: dict[int, set[int]] = defaultdict(set)
    for edge in edges:
        neighbours[edge.first].add(edge.second)
        neighbours[edge.second].add(edge.first)
    seen: set[int] = set()
    found = []
    for start in range(count):
        if start in seen:
            continue
        reached, waiting = {start}, [start]
        while waiting:
            for other in neighbours[waiting.pop()] - reached:
                reached.add(other)
                waiting.append(other)
        seen |= reached
        if len(reached) > 1:
            found.append(sorted(reached))
    return found


@given(graphs())
def test_clusters_are_the_connected_groups(graph: tuple[int, list[Edge]]) -> None:
    assert sorted(clusters(*graph)) == components(*graph)


@given(graphs(), st.integers(0, 14))
def test_each_cluster_keeps_one_or_all_that_are_protected(graph: tuple[int, list[Edge]], protected: int) -> None:
    count, edges = graph
    removals = resolve(count, edges, protected)
    removed = [item.removed for item in removals]
    kept = set(range(count)) - set(removed)
    assert len(kept) + len(removed) == count
    groups = components(count, edges)
    for group in groups:
        accepted = [item for item in group if item < protected]
        assert sorted(kept & set(group)) == (accepted or [min(group)])
    assert set(range(count)) - {item for group in groups for item in group} <= kept


@given(graphs(), st.integers(0, 14))
def test_every_removal_has_its_evidence(graph: tuple[int, list[Edge]], protected: int) -> None:
    count, edges = graph
    removals = resolve(count, edges, protected)
    removed = {item.removed for item in removals}
    cluster = {item: number for number, group in enumerate(components(count, edges)) for item in group}
    for item in removals:
        assert item.kept not in removed
        assert cluster[item.kept] == cluster[item.removed]
        low, high = sorted((item.removed, item.neighbour))
        assert Edge(low, high, "semantic", item.similarity) in edges


@given(graphs(), st.data())
def test_the_lowest_rank_survives(graph: tuple[int, list[Edge]], data: st.DataObject) -> None:
    count, edges = graph
    ranks = data.draw(st.permutations(range(count)))
    removed = {item.removed for item in resolve(count, edges, rank=lambda item: (ranks[item],))}
    for group in components(count, edges):
        assert [item for item in group if item not in removed] == [min(group, key=lambda item: ranks[item])]


def test_the_evidence_prefers_the_survivor_over_a_nearer_loser() -> None:
    edges = [Edge(0, 2, "lexical", 0.8), Edge(1, 2, "semantic", 0.99), Edge(0, 1, "lexical", 0.7)]
    found = {item.removed: (item.kept, item.kind, item.similarity, item.neighbour) for item in resolve(3, edges)}
    assert found == {1: (0, "lexical", 0.7, 0), 2: (0, "lexical", 0.8, 0)}


# exact


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("He won't stop.", "he won’t   STOP"),
        ("“Why?” she said", '"Why" she said!'),
        ("Ｗｈａｔ now", "what now"),
        ("so — what…", "so  what"),
        ("straße", "STRASSE"),
        ("a\u00a0b\nc", "a b c"),
    ],
)
def test_what_makes_no_other_text_is_normalised_away(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), [("he can stop", "he can not stop"), ("café", "cafe"), ("a b", "ab")])
def test_other_words_are_another_text(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_exact_duplicates_point_to_the_first_holder() -> None:
    assert exact_edges(["One.", "two", "one", "ONE!", "?!", "?!", "..."]) == [
        Edge(0, 2, "exact", 1.0),
        Edge(0, 3, "exact", 1.0),
        Edge(4, 5, "exact", 1.0),
    ]


def test_exact_duplicates_of_accepted_texts_are_found() -> None:
    index = ExactIndex()
    index.accept(["one", "two"])
    assert index.edges(["three", "TWO", "three!"]) == [Edge(1, 3, "exact", 1.0), Edge(2, 4, "exact", 1.0)]


# lexical

SENTENCE = "my landlord keeps coming into the flat at night and i do not feel safe"
CHANGED = "my landlord keeps coming into the flat at night and i do not feel calm"
UNRELATED = "which mushrooms in the forest behind our school are good to eat in a soup"


def test_one_changed_word_in_fifteen_is_found_and_an_unrelated_sentence_is_not() -> None:
    assert len(SENTENCE.split()) == len(CHANGED.split()) == 15
    found = LexicalIndex(0.7).edges([SENTENCE, UNRELATED, CHANGED])
    # 13 runs of three words each, 12 of them shared
    assert found == [Edge(0, 2, "lexical", round(12 / 14, 4))]


def test_a_lexical_duplicate_of_an_accepted_text_is_found() -> None:
    index = LexicalIndex(0.7)
    index.accept([UNRELATED, SENTENCE])
    assert index.edges([CHANGED]) == [Edge(1, 2, "lexical", round(12 / 14, 4))]


def test_below_the_threshold_there_is_no_edge() -> None:
    assert LexicalIndex(0.86).edges([SENTENCE, CHANGED]) == []
    assert LexicalIndex(0.85).edges([SENTENCE, CHANGED]) != []


# responses that overlap

texts = st.lists(st.lists(st.sampled_from("abc"), max_size=14), max_size=8)


def overlapping(responses: Sequence[Sequence[str]], threshold: float, start: int = 0) -> list[Edge]:
    """The definition, pair by pair."""
    runs = [{tuple(item[at : at + 5]) for at in range(len(item) - 4)} for item in responses]
    found = []
    for second in range(start, len(runs)):
        for first in range(second):
            smaller = min(len(runs[first]), len(runs[second]))
            shared = len(runs[first] & runs[second])
            if smaller and shared / smaller > threshold:
                found.append(Edge(first, second, "response", round(shared / smaller, 4)))
    return sorted(found)


def joined(responses: Sequence[Sequence[str]]) -> list[str]:
    return [" ".join(tokens) for tokens in responses]


@given(texts, st.sampled_from([0.25, 0.5]))
def test_overlap_is_what_its_definition_says(responses: list[list[str]], threshold: float) -> None:
    assert OverlapIndex(threshold, str.split).edges(joined(responses)) == overlapping(responses, threshold)


@given(texts, st.integers(0, 8), st.integers(0, 8))
def test_overlap_with_what_was_accepted_in_two_steps(responses: list[list[str]], one: int, two: int) -> None:
    first, second = sorted((min(one, len(responses)), min(two, len(responses))))
    index = OverlapIndex(0.5, str.split)
    index.accept(joined(responses[:first]))
    # looking at newcomers leaves no trace
    index.edges(joined(responses[first:]))
    index.accept(joined(responses[first:second]))
    assert index.edges(joined(responses[second:])) == overlapping(responses, 0.5, second)


# embeddings

PROMPTS = (
    "My brother drinks every night and I do not know how to talk to him about it.",
    "Every night my brother drinks, and I don't know how I should talk with him about it.",
    "How do I get a red wine stain out of a white shirt?",
    "My boss reads my messages and I am afraid of losing my job.",
    "I have not slept for three days and everything feels far away.",
    "Where can I learn to play chess with other beginners?",
    "My neighbor's dog barks until midnight.",
    "What is a good first novel to read in Spanish?",
    "She left last week and the flat is so quiet.",
    "How long should bread dough rest before baking?",
    "I failed my exam again and cannot tell my parents.",
    "Which train goes from Leeds to York on Sundays?",
)
"""A dozen, the second a paraphrase of the first."""


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    return MiniLM()


def test_vectors_have_unit_length(encoder: MiniLM) -> None:
    vectors = encoder.encode(PROMPTS)
    assert vectors.shape == (12, 384)
    assert vectors.dtype == np.float32
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    assert encoder.encode([]).shape == (0, 384)


def test_fast_cosines_are_within_a_hundredth_of_precise_ones(encoder: MiniLM) -> None:
    fast, precise = encoder.encode(PROMPTS), encoder.encode(PROMPTS, precise=True)
    assert np.abs(fast @ fast.T - precise @ precise.T).max() < 0.01
    # and they are cosines of these texts: the paraphrase is nearest
    assert np.argsort(precise[0] @ precise.T)[-2] == 1


@pytest.mark.parametrize("precise", [False, True])
def test_the_order_of_the_input_does_not_change_a_vector(encoder: MiniLM, precise: bool) -> None:
    many = [
        f"{prompt} {extra}" for prompt in PROMPTS for extra in ("", "Please help.", "It is urgent, I think.", "Ok.")
    ]
    there, back = encoder.encode(many, precise=precise), encoder.encode(many[::-1], precise=precise)
    assert np.array_equal(there, back[::-1])
    twice = encoder.encode([many[3], *many], precise=precise)
    assert np.array_equal(twice[0], there[3])


def test_semantic_edges_join_the_paraphrase_alone(encoder: MiniLM) -> None:
    vectors = encoder.encode(PROMPTS)
    edges = semantic_edges(PROMPTS, vectors, 0.9, encoder)
    assert [(edge.first, edge.second, edge.kind) for edge in edges] == [(0, 1, "semantic")]
    precise = encoder.encode(PROMPTS[:2], precise=True).astype(np.float64)
    assert edges[0].similarity == pytest.approx(precise[0] @ precise[1], abs=1e-3)
    # pairs among the accepted are not looked for
    assert semantic_edges(PROMPTS, vectors, 0.9, encoder, start=2) == []
    assert len(semantic_edges(PROMPTS, vectors, 0.9, encoder, start=1)) == 1


# a table


def rows(modes: dict[int, str] | None = None, prompts: Sequence[str] = PROMPTS) -> list[dict[str, Any]]:
    return [{"prompt": text, "mode": (modes or {}).get(index, "answer")} for index, text in enumerate(prompts)]


def test_a_paraphrase_is_removed_with_its_evidence(encoder: MiniLM) -> None:
    result = deduplicate(rows(), encoder=encoder)
    assert result.kept == [row for index, row in enumerate(rows()) if index != 1]
    (removed,) = result.removed
    assert (removed.row, removed.kept, removed.kind, removed.neighbour) == (1, 0, "semantic", PROMPTS[0])
    assert 0.9 <= removed.similarity < 1


def test_within_spares_near_duplicates_of_another_mode(encoder: MiniLM) -> None:
    apart = rows({1: "refusal"})
    assert deduplicate(apart, within="mode", encoder=encoder).kept == apart
    assert len(deduplicate(apart, encoder=encoder).kept) == 11


def test_within_spares_no_exact_duplicate(encoder: MiniLM) -> None:
    twice = [*rows(), {"prompt": PROMPTS[4].upper(), "mode": "refusal"}]
    result = deduplicate(twice, within="mode", encoder=encoder)
    assert {(item.row, item.kept, item.kind) for item in result.removed} == {(1, 0, "semantic"), (12, 4, "exact")}


def test_the_preferred_row_survives(encoder: MiniLM) -> None:
    result = deduplicate(rows({1: "refusal"}), prefer=("mode", "refusal"), encoder=encoder)
    assert [(item.row, item.kept) for item in result.removed] == [(0, 1)]
    # no preferred row in the cluster: the earliest
    other = deduplicate(rows({7: "refusal"}), prefer=("mode", "refusal"), encoder=encoder)
    assert [(item.row, item.kept) for item in other.removed] == [(1, 0)]


def test_rows_near_a_foreign_text_are_removed_whatever_the_mode(encoder: MiniLM) -> None:
    against = [PROMPTS[2].lower(), "How should I talk to my brother, who drinks every night?", PROMPTS[2]]
    result = deduplicate(rows({2: "refusal"}), against=against, within="mode", encoder=encoder, threshold=0.8)
    found = {item.row: (item.kept, item.kind) for item in result.removed}
    assert found[2] == (None, "benchmark")
    assert found[0] == found[1] == (None, "benchmark")
    assert len(result.kept) + len(result.removed) == 12
    assert len(result.removed) == 3


def test_foreign_texts_that_are_alike_are_nobodys_business(encoder: MiniLM) -> None:
    result = deduplicate(rows(prompts=PROMPTS[2:]), against=["Good day.", "good day"], encoder=encoder)
    assert result.removed == []


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(PROMPTS), max_size=10))
def test_kept_and_removed_make_the_input(prompts: list[str]) -> None:
    table = [{"prompt": text, "row": index} for index, text in enumerate(prompts)]
    result = deduplicate(table, encoder=MiniLM())
    assert sorted([row["row"] for row in result.kept] + [item.row for item in result.removed]) == list(
        range(len(table))
    )
    # the first two are one cluster, every other prompt is its own
    assert len(result.kept) == len({max(PROMPTS.index(text), 1) for text in prompts})


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01])
def test_a_threshold_that_is_no_share_is_refused(threshold: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        deduplicate(rows(), threshold=threshold)
    with pytest.raises(UsageError, match="between 0 and 1"):
        deduplicate(rows(), lexical=threshold)
