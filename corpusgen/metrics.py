"""The figures of a finished corpus: quotas, rejections, duplicates, diversity, and what they are held against."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from corpusgen.checks.openings import LENGTH
from corpusgen.checks.repetition import SHORTEST
from corpusgen.checks.text import without_resources, words
from corpusgen.diversity import (
    compression_ratio,
    distinct,
    median_words,
    sample,
    self_bleu,
    self_repetition,
    vendi,
)
from corpusgen.plan import MARGINS, Cell, quotas

if TYPE_CHECKING:
    import pyarrow as pa

    from corpusgen.dedup.embed import Vectors
    from corpusgen.progress import Outcome
    from corpusgen.recipe import Inputs

__all__ = ["REFERENCES", "Metrics", "compute_metrics"]

SAMPLE_SEED = 20260609

REFERENCES = (
    ("People in crisis, simulated, their turns", 116, 0.47, 0.44),
    ("Frontier models' answers to them", 234, 0.51, 0.39),
    ("XSTest prompts", 8, 0.46, 0.54),
    ("SORRY-Bench prompts", 18, 0.18, 0.75),
    ("Llama-2 on XSTest", 158, 0.62, 0.33),
    ("GPT-4 on XSTest", 44, 0.56, 0.63),
    ("GPT-3.5, short refusals", 24, 0.67, 0.47),
)
"""Median words, Self-BLEU-4 and Distinct-2 of 500 other texts, measured the same way (500 texts, fixed seed)."""


@dataclass(frozen=True)
class Metrics:
    """Everything that metrics.json holds."""

    counts: dict[str, Any]
    quotas: dict[str, dict[str, list[int]]]
    """By column and value: planned and met."""
    quotas_met: int
    quotas_total: int
    authors: dict[str, dict[str, int]]
    """By author: attempts, and what became of them."""
    usage: list[dict[str, Any]]
    """By model and outcome: requests, tokens, cost."""
    rejected_by_gate: dict[str, dict[str, Any]]
    duplicates_by_kind: dict[str, int]
    duplicate_examples: list[dict[str, Any]]
    attempts_by_round: list[dict[str, int]]
    splits: dict[str, dict[str, int]]
    diversity: dict[str, dict[str, Any]]
    nearest: dict[str, Any]
    uniformity: dict[str, Any]
    relevance: dict[str, Any]
    examples: dict[str, Any]
    """How the gates judge the worked examples."""
    benchmarks: dict[str, str]

    def to_json(self) -> str:
        """Returns the figures as indented JSON, keys in a fixed order."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def compute_metrics(
    table: pa.Table,
    cells: Sequence[Cell],
    outcomes: Sequence[Outcome],
    inputs: Inputs,
    vectors: Vectors,
    state: Mapping[str, Any],
) -> Metrics:
    """Measures a corpus.

    Args:
        table: The corpus.
        cells: The plan.
        outcomes: What became of every attempt.
        inputs: The recipe's inputs.
        vectors: Embeddings of the prompts, in the corpus's order, shape (rows, 384).
        state: run.json so far.
    """
    prompts: list[str] = table.column("prompt").to_pylist()
    responses: list[str] = table.column("response").to_pylist()
    domains: list[str] = table.column("domain").to_pylist()
    modes: list[str] = table.column("response_mode").to_pylist()
    planned = quotas(cells)
    made = set(table.column("cell_id").to_pylist())
    met = quotas(cell for cell in cells if cell.cell_id in made)
    both = {
        name: {value: [count, met[name].get(value, 0)] for value, count in planned[name].items()} for name in planned
    }
    full = [pair for group in both.values() for pair in group.values()]
    # what embeds works outside the interpreter's lock, beside what counts words
    with ThreadPoolExecutor(1) as aside:
        relevance = aside.submit(_relevance, vectors, responses, list(zip(domains, modes, strict=True)))
        examples = aside.submit(_of_examples, inputs)
        diversity = _diversity(prompts, responses, domains)
        uniformity = _uniformity(responses, inputs)
    return Metrics(
        counts=dict(state["counts"]),
        quotas={name: both[name] for name in (*MARGINS, "joint")},
        quotas_met=sum(wanted == found for wanted, found in full),
        quotas_total=len(full),
        authors=_by_author(outcomes),
        usage=list(state.get("usage", [])),
        rejected_by_gate=_by_gate(outcomes),
        duplicates_by_kind=dict(sorted(Counter(o.gate for o in outcomes if o.outcome == "duplicate").items())),
        duplicate_examples=_examples(outcomes),
        attempts_by_round=_by_round(outcomes),
        splits=_splits(table),
        diversity=diversity,
        nearest=_nearest(vectors, modes),
        uniformity=uniformity,
        relevance=relevance.result(),
        examples=examples.result(),
        benchmarks=dict(state["benchmarks"]),
    )


def _by_author(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for item in outcomes:
        entry = found.setdefault(
            item.author,
            dict.fromkeys(("attempts", "accepted", "rejected", "failed", "duplicate", "partner", "dropped"), 0),
        )
        entry["attempts"] += 1
        entry[item.outcome] += 1
    return dict(sorted(found.items()))


def _by_gate(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for item in outcomes:
        if item.outcome in {"rejected", "failed"}:
            entry = found.setdefault(item.gate, {"kind": item.kind, "count": 0, "by_author": {}, "examples": []})
            entry["count"] += 1
            entry["by_author"][item.author] = entry["by_author"].get(item.author, 0) + 1
            if len(entry["examples"]) < 3 and item.reason not in entry["examples"]:
                entry["examples"].append(item.reason)
    return dict(sorted(found.items(), key=lambda entry: (-entry[1]["count"], entry[0])))


def _examples(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    seen: Counter[str] = Counter()
    for item in outcomes:
        if item.outcome == "duplicate" and seen[item.gate] < 3:
            seen[item.gate] += 1
            shown.append(
                {
                    "id": item.id,
                    "kind": item.gate,
                    "similarity": item.similarity,
                    "kept": item.kept,
                    "near": item.reason,
                }
            )
    return shown


def _by_round(outcomes: Sequence[Outcome]) -> list[dict[str, int]]:
    rounds: dict[int, Counter[str]] = defaultdict(Counter)
    for item in outcomes:
        rounds[item.attempt][item.outcome] += 1
    return [{"round": number + 1, **dict(sorted(rounds[number].items()))} for number in sorted(rounds)]


def _splits(table: pa.Table) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for split, domain in zip(table.column("split").to_pylist(), table.column("domain").to_pylist(), strict=True):
        found[split][domain] += 1
    return {split: dict(sorted(counter.items())) for split, counter in sorted(found.items())}


def _measure(texts: Sequence[str]) -> dict[str, Any]:
    return {
        "texts": len(texts),
        "median_words": median_words(texts),
        "self_bleu_4": round(self_bleu(texts), 4),
        "distinct_2": round(distinct(texts), 4),
        "compression_ratio": round(compression_ratio(texts), 3),
        "self_repetition_4": round(self_repetition(texts), 3),
    }


def _diversity(prompts: Sequence[str], responses: Sequence[str], domains: Sequence[str]) -> dict[str, dict[str, Any]]:
    chosen = sample(len(prompts), SAMPLE_SEED)
    found = {
        "prompts": {**_measure([prompts[at] for at in chosen]), "distinct_texts": len(set(prompts))},
        "responses": {**_measure([responses[at] for at in chosen]), "distinct_texts": len(set(responses))},
    }
    for domain in sorted(set(domains)):
        own = [at for at, name in enumerate(domains) if name == domain]
        picked = [own[at] for at in sample(len(own), SAMPLE_SEED)]
        found[f"prompts, {domain}"] = _measure([prompts[at] for at in picked])
        found[f"responses, {domain}"] = _measure([responses[at] for at in picked])
    return found


def _nearest(vectors: Vectors, modes: Sequence[str]) -> dict[str, Any]:
    """Distribution of each prompt's cosine to its nearest neighbour of the same mode (fast embeddings)."""
    import numpy as np

    best = np.full(len(vectors), -1.0)
    for mode in sorted(set(modes)):
        own = np.asarray([at for at, name in enumerate(modes) if name == mode])
        for start in range(0, len(own), 1000):
            block = own[start : start + 1000]
            scores = vectors[block] @ vectors[own].T
            scores[np.arange(len(block)), np.arange(start, start + len(block))] = -1.0
            best[block] = scores.max(axis=1)
    edges = [round(0.05 * step, 2) for step in range(21)]
    histogram, _ = np.histogram(best, bins=edges)
    return {"bins": edges, "counts": [int(count) for count in histogram], "median": round(float(np.median(best)), 3)}


def _uniformity(responses: Sequence[str], inputs: Inputs) -> dict[str, Any]:
    openings = Counter(" ".join(words(text)[:LENGTH]) for text in responses)
    sentences: Counter[str] = Counter()
    for text in responses:
        found = {words(sentence) for sentence in without_resources(text, inputs.taxonomy.registry)}
        sentences.update(" ".join(sentence) for sentence in found if len(sentence) >= SHORTEST)
    total = max(1, len(responses))
    return {
        "most_common_openings": [[text, count, round(count / total, 5)] for text, count in openings.most_common(5)],
        "most_common_sentences": [[text, count, round(count / total, 5)] for text, count in sentences.most_common(5)],
        "distinct_openings": len(openings),
        "distinct_sentences": len(sentences),
    }


CANDIDATES = 20


def _relevance(vectors: Vectors, responses: Sequence[str], kinds: Sequence[Hashable]) -> dict[str, Any]:
    """How often a response's own prompt is the nearest of 20 of the same kind; chance is 1 in 20.

    The Vendi scores are those of the same prompts and responses, at most 200 of each.
    """
    import random

    from corpusgen.dedup.embed import MiniLM

    groups: dict[Hashable, list[int]] = defaultdict(list)
    for at, kind in enumerate(kinds):
        groups[kind].append(at)
    draw = random.Random(SAMPLE_SEED)
    trials = []
    for at in sample(len(responses), SAMPLE_SEED + 1, 200):
        others = [other for other in groups[kinds[at]] if other != at]
        if len(others) >= CANDIDATES - 1:
            trials.append((at, [at, *draw.sample(others, CANDIDATES - 1)]))
    if not trials:
        return {"trials": 0, "chance": 1 / CANDIDATES}
    answers = MiniLM().encode([responses[at] for at, _ in trials])
    hits = 0
    for answer, (_, candidates) in zip(answers, trials, strict=True):
        hits += int((vectors[candidates] @ answer).argmax()) == 0
    share = hits / len(trials)
    return {
        "trials": len(trials),
        "top1": round(share, 4),
        "chance": 1 / CANDIDATES,
        "times_chance": round(share * CANDIDATES, 2),
        "vendi_prompts": round(vendi(vectors[[at for at, _ in trials]]), 1),
        "vendi_responses": round(vendi(answers), 1),
    }


def _of_examples(inputs: Inputs) -> dict[str, Any]:
    """How the gates judge the worked examples, and how well an exemplar's response picks its prompt in its domain."""
    from corpusgen.checks import Rules
    from corpusgen.checks.calibration import misjudged, rejected_elsewhere
    from corpusgen.dedup.embed import MiniLM

    exemplars, bad = inputs.examples.exemplars, inputs.examples.bad_responses
    rules = Rules(inputs.taxonomy, inputs.recipe.checks)
    return {
        "exemplars": len(exemplars),
        "exemplars_by_use": dict(sorted(Counter(exemplar.use for exemplar in exemplars).items())),
        "bad_responses": sum(example.seen for example in bad),
        "known_misses": sum(not example.seen for example in bad),
        "misjudged": len(list(misjudged(inputs.examples, rules))),
        "rejected_elsewhere": rejected_elsewhere(exemplars, rules, SAMPLE_SEED),
        "relevance": _relevance(
            MiniLM().encode([exemplar.prompt for exemplar in exemplars]),
            [exemplar.response for exemplar in exemplars],
            [exemplar.domain for exemplar in exemplars],
        ),
    }
