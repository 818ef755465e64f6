"""The estimate of `corpusgen plan`: real messages counted, priced per model, nothing for the offline author."""

from __future__ import annotations

from typing import Any

import pytest

from corpusgen.estimate import AGAIN, ANSWER_TOKENS, Estimate, estimate
from corpusgen.recipe import load_inputs
from tests.conftest import ROOT


def estimated(pairs: int = 60, **author: Any) -> list[Estimate]:
    given = {"kind": "llm", "endpoint": "http://127.0.0.1:1/v1", "model": "small", **author}
    return estimate(load_inputs(ROOT / "pipelines" / "smoke.yaml", pairs=pairs, author=given))


def test_the_offline_author_asks_nobody() -> None:
    assert estimate(load_inputs(ROOT / "pipelines" / "smoke.yaml", pairs=60)) == []


def test_a_prompt_and_a_response_are_asked_for_each_pair() -> None:
    (found,) = estimated()
    assert found.model == "small"
    assert found.requests == 2 * 60 * AGAIN
    assert found.output_tokens == 60 * AGAIN * (ANSWER_TOKENS["prompt"] + ANSWER_TOKENS["response"])
    # a message has some hundred words: its brief, strategies, examples
    assert 300 < found.input_tokens / found.requests < 3000
    assert found.cost_usd is None


def test_candidates_are_written_and_judged_each() -> None:
    (found,) = estimated(candidates=4)
    assert found.requests == (1 + 4 + 4) * 60 * AGAIN


def test_a_judge_of_its_own_is_counted_by_itself() -> None:
    writer, judge = estimated(candidates=2, judge={"model": "large"})
    assert (writer.model, writer.requests) == ("small", 3 * 60 * AGAIN)
    assert (judge.model, judge.requests) == ("large", 2 * 60 * AGAIN)
    assert len(estimated(candidates=1, judge={"model": "large"})) == 1


def test_the_cost_is_that_of_the_tokens_and_unknown_without_a_price() -> None:
    prices = {"small": {"input": 0.5, "output": 2}}
    writer, judge = estimated(candidates=2, judge={"model": "large"}, prices=prices)
    assert writer.cost_usd == pytest.approx((writer.input_tokens * 0.5 + writer.output_tokens * 2) / 1e6)
    assert judge.cost_usd is None


def test_twice_the_pairs_cost_about_twice_as_much() -> None:
    (few,), (many,) = estimated(100), estimated(200)
    assert many.requests == 2 * few.requests
    assert many.input_tokens / few.input_tokens == pytest.approx(2, rel=0.1)
