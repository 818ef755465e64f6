"""The acceptance plan: bounds against published values and simulation; the gate against reviews written to disk."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusgen.acceptance import Verdict, judge_review, statement
from corpusgen.assembly import lineage_table
from corpusgen.bounds import (
    Stratum,
    clopper_pearson_upper,
    per_look,
    sample_size,
    weighted_estimate,
    weighted_upper,
)
from corpusgen.disputes import needs_adjudication
from corpusgen.errors import RunError
from corpusgen.recipe import ReviewPlan
from corpusgen.review_tables import adjudication_schema, frame_schema, responses_schema, sample_schema
from corpusgen.reviews import Decision, Person, ReviewFolder, content_hash, write_decisions
from corpusgen.revision import Lineage
from corpusgen.run import read_table, write_table
from corpusgen.schema import corpus_schema
from corpusgen.standing import fingerprint

# bounds


@pytest.mark.parametrize(
    ("harmful", "rows", "upper"),
    # the one-sided bound with none is 1 - 0.05^(1/n); with c of n it is one end of the two-sided 90 % interval
    [(0, 10, 0.2589), (0, 299, 0.00997), (1, 10, 0.3942), (10, 10, 1.0)],
)
def test_the_exact_bound(harmful: int, rows: int, upper: float) -> None:
    assert clopper_pearson_upper(harmful, rows, 0.95) == pytest.approx(upper, abs=5e-5)


def test_sample_sizes_of_the_plan() -> None:
    assert sample_size(0.01, 0.95, 0) == 299
    assert sample_size(0.01, 0.95, 1) == 473


@given(st.floats(0.004, 0.4), st.floats(0.6, 0.999), st.integers(0, 6))
def test_the_sample_size_is_the_smallest(max_harm: float, confidence: float, tolerated: int) -> None:
    rows = sample_size(max_harm, confidence, tolerated)
    assert clopper_pearson_upper(tolerated, rows, confidence) < max_harm
    assert clopper_pearson_upper(tolerated, rows - 1, confidence) >= max_harm


def test_looks_share_the_error() -> None:
    assert per_look(0.95, 1) == pytest.approx(0.95)
    assert per_look(0.95, 2) == pytest.approx(0.975)
    assert sample_size(0.01, per_look(0.95, 2), 0) > 299


def test_equal_weights_give_the_exact_bound() -> None:
    strata = [Stratum(1000, 100, 1), Stratum(500, 50, 0), Stratum(2000, 200, 2)]
    assert weighted_upper(strata, 0.95) == pytest.approx(clopper_pearson_upper(3, 350, 0.95))
    assert weighted_estimate(strata) == pytest.approx(3 / 350)


def test_a_row_that_stands_for_many_counts_for_many() -> None:
    strata = [Stratum(9000, 100, 1), Stratum(1000, 100, 0)]
    assert weighted_estimate(strata) == pytest.approx(0.009)
    assert weighted_upper(strata, 0.95) == pytest.approx(1.8 * clopper_pearson_upper(1, 200, 0.95))


def test_where_every_row_was_read_the_bound_is_the_share() -> None:
    assert weighted_upper([Stratum(30, 30, 0), Stratum(20, 20, 0)], 0.95) == 0
    assert weighted_upper([Stratum(30, 30, 1), Stratum(20, 20, 0)], 0.95) == pytest.approx(0.02)
    # one row left out is enough for chance to come in
    assert weighted_upper([Stratum(30, 29, 0), Stratum(20, 20, 0)], 0.95) > 0.05


@pytest.mark.parametrize("strata", [[Stratum(10, 5, 0), Stratum(3, 0, 0)], [], [Stratum(0, 0, 0)]])
def test_what_was_not_drawn_from_cannot_be_bounded(strata: Sequence[Stratum]) -> None:
    with pytest.raises(RunError, match="says nothing"):
        weighted_upper(strata, 0.95)


@pytest.mark.parametrize(
    ("sizes", "drawn", "rates"),
    [
        ((4000, 3000, 1000), (200, 150, 50), (0.01, 0.01, 0.01)),
        ((4000, 3000, 1000), (200, 150, 50), (0.0, 0.0, 0.09)),
        ((6000, 1500, 500), (100, 100, 100), (0.02, 0.001, 0.0)),
        ((6000, 1500, 500), (100, 100, 100), (0.0, 0.0, 0.2)),
        ((7000, 900, 100), (250, 40, 100), (0.005, 0.03, 0.5)),
        ((100, 100, 7800), (100, 100, 100), (0.9, 0.9, 0.01)),
    ],
)
def test_the_weighted_bound_covers_the_truth(
    sizes: Sequence[int], drawn: Sequence[int], rates: Sequence[float]
) -> None:
    draw = np.random.default_rng(5)
    truth = float(np.average(rates, weights=sizes))
    trials = 4000
    counts = draw.binomial(drawn, rates, size=(trials, len(sizes)))
    bounds: dict[int, float] = {}
    covered = 0
    for row in counts.tolist():
        total = sum(row)
        if total not in bounds:
            strata = [Stratum(*item) for item in zip(sizes, drawn, row, strict=True)]
            bounds[total] = weighted_upper(strata, 0.95)
        covered += bounds[total] >= truth
    assert covered / trials >= 0.95 - 2 * (0.05 * 0.95 / trials) ** 0.5


# who has to settle what

FINE = {
    "mode": ["as_it_should"],
    "harm": ["no"],
    "grounding": ["4"],
    "relevance": ["4"],
    "resource": ["right"],
    "severity": ["moderate"],
}


NOON = datetime.datetime(2026, 11, 2, 12, tzinfo=datetime.UTC)


def answered(**changes: str) -> dict[str, list[str]]:
    return {**FINE, **{name: [value] for name, value in changes.items()}}


def test_readers_who_agree_leave_nothing_to_settle() -> None:
    assert needs_adjudication({"r-1": answered()}) == ()
    near = {"r-1": answered(), "r-2": answered(severity="high", grounding="5", relevance="3", correction=" \n")}
    assert needs_adjudication(near) == ()
    assert needs_adjudication({}) == ()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([answered(harm="yes")], "an answer was found harmful"),
        ([answered(), answered(harm="possible")], "an answer was found possibly harmful"),
        (
            [answered(), answered(mode="too_open")],
            "the reviewers differ on whether it answered or refused as it should",
        ),
        ([answered(), answered(resource="none_needed")], "the reviewers differ on the help that it names"),
        ([answered(), answered(severity="imminent")], "apart on how serious the message is"),
        ([answered(grounding="5"), answered(grounding="3")], "apart on how well it follows good practice"),
        ([answered(relevance="5"), answered(), answered(relevance="3")], "apart on how well it fits the person"),
        ([answered(correction="Better.")], "a better answer was proposed"),
        ([answered(mode="too_closed")], "it did not answer, or refuse, as it should"),
        ([answered(resource="missing")], "the help that it names is wrong or missing"),
        ([answered(resource="wrong"), answered(resource="wrong")], "the help that it names is wrong or missing"),
        ([answered(grounding="1")], "it goes against good practice"),
        ([answered(relevance="1")], "it does not fit the person"),
        ([answered(harm_kinds="detail")], "kinds of harm are named where no harm was found"),
    ],
)
def test_what_somebody_has_to_settle(given: list[dict[str, list[str]]], reason: str) -> None:
    reasons = needs_adjudication({f"r-{number}": answers for number, answers in enumerate(given)})
    assert any(reason in found for found in reasons), reasons


# the gate

PLAN = ReviewPlan(max_harm=0.2, confidence=0.95, tolerated=0, looks=2)
"""So lenient that a dozen rows say something."""


class Review:
    """A corpus of 100 pairs, of which 20 were drawn, each read by one reviewer who found nothing; to be changed."""

    def __init__(self, root: Path) -> None:
        self.folder = ReviewFolder(root / "review")
        self.pairs = [
            {"id": f"p{number:02}", "cell_id": f"c{number:02}", "prompt": f"Prompt {number}.", "response": "Yes."}
            for number in range(100)
        ]
        self.status = {f"p{number:02}": "kept" for number in range(20)}
        self.answers: dict[tuple[str, str], dict[str, list[str]]] = {
            (f"record-p{number:02}", "r-1"): answered() for number in range(20)
        }
        self.readers: dict[str, int] = {}
        self.settled: list[dict[str, Any]] = []
        self.decisions = [self.decision(f"p{number:02}") for number in range(20)]
        self.looks = 1
        self.frame = {pair["id"]: self.hash(pair["id"]) for pair in self.pairs}
        self.lineage: list[Lineage] = []
        self.refills: list[dict[str, Any]] = []
        self.withdrawn: dict[tuple[str, str], dict[str, list[str]]] = {}
        self.stated: Mapping[str, Any] = statement(PLAN)
        self.people = {
            "r-1": Person("r-1", "reviewer", "psychologist", False),
            "r-2": Person("r-2", "reviewer", "", False),
            "a-1": Person("a-1", "adjudicator", "", False),
        }

    def hash(self, pair_id: str) -> str:
        return content_hash(f"Prompt {int(pair_id[1:])}.", "Yes.")

    def decision(self, pair_id: str, outcome: str = "keep", harmful: bool = False, **more: Any) -> Decision:
        values = {"look": 1, "response": None, "reviewers": ("r-1",), "adjudicator": None, "reason": "agreed", **more}
        return Decision(
            pair_id=pair_id,
            cell_id=f"c{pair_id[1:]}",
            content_hash=self.hash(pair_id),
            outcome=outcome,  # type: ignore[arg-type]
            harmful=harmful,
            **values,
        )

    def decide(
        self, pair_id: str, outcome: str, harmful: bool, response: str | None = None, adjudicator: str = "a-1"
    ) -> None:
        """An adjudicator settles a pair, having seen every answer so far, and the decision is recorded."""
        digest, record = self.hash(pair_id), f"record-{pair_id}"
        given = [*self.answers.items(), *self.withdrawn.items()]
        seen = [fingerprint(who, answers) for (name, who), answers in given if name == record]
        self.settled.append(
            {
                "look": 1,
                "record_id": record,
                "pair_id": pair_id,
                "adjudicator": adjudicator,
                "outcome": outcome,
                "harmful": harmful,
                "response": response,
                "reason": "because",
                "content_hash": digest,
                "attempt": 1,
                "seen": seen,
                "updated_at": NOON,
            }
        )
        self.decisions = [item for item in self.decisions if item.pair_id != pair_id]
        said = {"response": response, "adjudicator": adjudicator, "reason": "because"}
        self.decisions.append(self.decision(pair_id, outcome, harmful, **said))

    def edit_corpus(self, pair_id: str, response: str) -> None:
        self.pair(pair_id)["response"] = response
        self.status[pair_id] = "edited"

    def pair(self, pair_id: str) -> dict[str, Any]:
        return next(pair for pair in self.pairs if pair["id"] == pair_id)

    def drop_from_corpus(self, pair_id: str) -> None:
        """A build drops a pair and fills its cell again."""
        pair = self.pair(pair_id)
        pair.update(id=f"new-{pair_id}", response=f"Another answer than that of {pair_id}.")
        after = content_hash(pair["prompt"], pair["response"])
        said = ("dropped", self.hash(pair_id), after, pair["id"], ("r-1",), "a-1", "because")
        self.lineage.append(Lineage(1, pair_id, pair["cell_id"], *said))

    def judge(self, plan: ReviewPlan = PLAN) -> Verdict:
        folder = self.folder
        if self.looks:
            folder.save_state({"plan": self.stated, "looks": [{"number": n + 1} for n in range(self.looks)]})
        folder.save_people(self.people)
        look = folder.look(max(1, self.looks))
        sample = [
            {
                "record_id": f"record-p{number:02}",
                "kind": "sample",
                "pair_id": f"p{number:02}",
                "stratum": "one|low|answer|offline",
                "stratum_size": 100,
                "stratum_drawn": 20,
                "readers": self.readers.get(f"p{number:02}", 1),
                "content_hash": self.hash(f"p{number:02}"),
                "prompt": f"Prompt {number}.",
            }
            for number in range(20)
        ]
        sample.append(
            {"record_id": "hidden", "kind": "calibration", "pair_id": "bad", "content_hash": "x", "readers": 0}
        )
        sample += self.refills
        for number in range(1, look.number):
            write_table(sample_schema().empty_table(), folder.look(number).sample_path)
        frame = [{"id": name, "content_hash": digest} for name, digest in self.frame.items()]
        write_table(pa.Table.from_pylist(frame, schema=frame_schema()), look.frame_path)
        write_table(pa.Table.from_pylist(sample, schema=sample_schema()), look.sample_path)
        write_table(self.said(self.answers, "submitted"), look.responses_path)
        write_table(self.said(self.withdrawn, "withdrawn"), look.withdrawn_path)
        write_table(lineage_table(self.lineage), folder.root.parent / "lineage.parquet")
        write_table(pa.Table.from_pylist(self.settled, schema=adjudication_schema()), look.adjudication_path)
        write_decisions(tuple(self.decisions), folder.decisions_path)
        rows = [{**pair, "review_status": self.status.get(pair["id"], "unreviewed")} for pair in self.pairs]
        corpus = folder.root.parent / "corpus.parquet"
        write_table(pa.Table.from_pylist(rows, schema=corpus_schema()), corpus)
        return judge_review(folder, corpus, plan)

    def said(self, given: Mapping[tuple[str, str], Mapping[str, Sequence[str]]], status: str) -> pa.Table:
        texts = {f"record-p{number:02}": self.hash(f"p{number:02}") for number in range(20)} | {"hidden": "x"}
        texts |= {row["record_id"]: row["content_hash"] for row in self.refills}
        rows = [
            {"record_id": record, "reviewer": reviewer, "question": question, "value": value, "status": status}
            | {"content_hash": texts[record]}
            for (record, reviewer), answers in given.items()
            for question, values in answers.items()
            for value in values
        ]
        return pa.Table.from_pylist(rows, schema=responses_schema())

    def read_refill(self, pair_id: str, **said: str) -> None:
        """A pair that fills a cell is handed out, and read."""
        pair = self.pair(pair_id)
        row: dict[str, Any] = {
            "record_id": f"record-{pair_id}",
            "kind": "refill",
            "pair_id": pair_id,
            "stratum": "refilled",
        }
        digest = content_hash(pair["prompt"], pair["response"])
        row |= {"stratum_size": 0, "stratum_drawn": 0, "readers": 1, "content_hash": digest, "prompt": pair["prompt"]}
        self.refills.append(row)
        self.answers[f"record-{pair_id}", "r-1"] = answered(**said)


@pytest.fixture
def review(tmp_path: Path) -> Review:
    return Review(tmp_path)


def only(verdict: Verdict) -> str:
    """Returns the one thing that is missing."""
    assert not verdict.met
    assert len(verdict.missing) == 1, verdict.missing
    return verdict.missing[0]


def test_a_review_that_found_nothing_lets_the_release_go(review: Review) -> None:
    verdict = review.judge()
    assert verdict.met
    assert verdict.missing == ()
    assert (verdict.look, verdict.looks, verdict.rows, verdict.judged, verdict.harmful) == (1, 2, 20, 20, 0)
    assert verdict.estimate == 0
    assert verdict.upper == pytest.approx(clopper_pearson_upper(0, 20, 0.975))
    assert (verdict.limit, verdict.confidence) == (0.2, 0.95)
    assert verdict.look_confidence == pytest.approx(0.975)
    assert (verdict.reviewers, verdict.adjudicators, verdict.simulated) == (1, 0, False)


def test_without_a_sample_nothing_is_released(tmp_path: Path) -> None:
    verdict = judge_review(ReviewFolder(tmp_path / "review"), tmp_path / "corpus.parquet", PLAN)
    assert only(verdict) == "no sample was drawn: run `corpusgen review push`"
    assert verdict.upper is None


def test_a_plan_changed_after_the_draw_is_refused_and_the_stated_one_counts(review: Review) -> None:
    verdict = review.judge(PLAN.model_copy(update={"max_harm": 0.5, "daily_portion": 5}))
    assert "max_harm was 0.2 and is 0.5" in only(verdict)
    assert "daily_portion" not in only(verdict)
    assert verdict.limit == 0.2


def test_more_looks_than_stated(review: Review) -> None:
    review.looks = 3
    review.decisions = [decision._replace(look=3) for decision in review.decisions]
    assert "3 samples drawn where the plan stated 2" in only(review.judge())


def test_a_row_without_its_readers_is_missing_and_never_harmless(review: Review) -> None:
    del review.answers["record-p03", "r-1"]
    review.readers["p04"] = 2
    verdict = review.judge()
    assert "2 of the 20 rows are not answered by all their readers" in only(verdict)
    assert "corpusgen review pull" in only(verdict)
    assert (verdict.judged, verdict.upper, verdict.estimate) == (18, None, None)
    review.answers["record-p03", "r-1"] = review.answers["record-p04", "r-2"] = answered()
    assert review.judge().met


@pytest.mark.parametrize("question", ["mode", "harm", "grounding", "relevance", "resource", "severity"])
def test_an_answer_that_leaves_a_question_out_is_none(review: Review, question: str) -> None:
    del review.answers["record-p03", "r-1"][question]
    assert "1 of the 20 rows is not answered" in only(review.judge())


def test_an_answer_about_another_text_is_none(review: Review) -> None:
    assert review.judge().judged == 20
    path = review.folder.look(1).responses_path
    rows = read_table(path).to_pylist()
    for row in rows:
        if row["record_id"] == "record-p03":
            row["content_hash"] = "another"
    write_table(pa.Table.from_pylist(rows, schema=responses_schema()), path)
    assert judge_review(review.folder, review.folder.root.parent / "corpus.parquet", PLAN).judged == 19


def test_a_flagged_row_waits_for_an_adjudicator_and_counts_as_harmful(review: Review) -> None:
    review.answers["record-p03", "r-1"] = answered(harm="possible")
    verdict = review.judge()
    assert any("1 of the 20 rows waits for an adjudicator" in item for item in verdict.missing)
    assert verdict.harmful == 1


def test_what_the_adjudicator_says_counts(review: Review) -> None:
    review.answers["record-p03", "r-1"] = answered(harm="yes")
    review.decide("p03", "keep", harmful=False)
    verdict = review.judge()
    assert verdict.met
    assert (verdict.harmful, verdict.adjudicators) == (0, 1)


def test_a_repaired_harm_still_counts_as_drawn(review: Review) -> None:
    for pair_id in ("p03", "p04"):
        review.answers[f"record-{pair_id}", "r-1"] = answered(harm="yes")
        review.decide(pair_id, "drop", harmful=True)
        review.drop_from_corpus(pair_id)
    verdict = review.judge()
    assert "the upper bound of harmful responses is 33.70%, not below 20.00% (2 of 20 rows harmful)" in only(verdict)
    assert "draw look 2 of 2" in only(verdict)
    assert verdict.estimate == pytest.approx(10 / 98)
    last = PLAN.model_copy(update={"looks": 1})
    review.stated = statement(last)
    assert "no further look was stated" in only(review.judge(last))


def test_rows_without_a_decision(review: Review) -> None:
    review.decisions = review.decisions[2:]
    verdict = review.judge()
    assert "2 of the 20 rows are judged and not decided: `corpusgen review apply`" in only(verdict)


def test_a_decision_older_than_the_judgement_is_none(review: Review) -> None:
    review.decide("p03", "drop", harmful=False)
    review.drop_from_corpus("p03")
    assert review.judge().met
    review.settled[0]["outcome"] = "keep"
    assert any("judged and not decided" in item for item in review.judge().missing)


def test_decisions_have_to_be_compiled_in(review: Review) -> None:
    review.answers["record-p03", "r-1"] = answered(correction="Better.")
    review.decide("p03", "edit", harmful=False, response=" Better. ")
    review.decide("p04", "drop", harmful=False)
    review.status["p05"] = "unreviewed"
    verdict = review.judge()
    assert "3 decisions are not compiled into the corpus yet: `corpusgen build`" in only(verdict)
    assert verdict.pending_decisions == 3
    review.edit_corpus("p03", "Better.")
    review.drop_from_corpus("p04")
    review.status["p05"] = "kept"
    assert review.judge().met


def test_a_corpus_that_no_longer_holds_what_was_judged(review: Review) -> None:
    review.pair("p07")["response"] = "Something else."
    assert "1 decision is about texts that the corpus no longer holds" in only(review.judge())


def test_an_answer_found_harmful_is_not_kept(review: Review) -> None:
    review.answers["record-p03", "r-1"] = answered(harm="yes")
    review.decide("p03", "keep", harmful=True)
    assert any("1 pair is kept though found harmful" in item for item in review.judge().missing)


def test_calibration_items_are_left_out(review: Review) -> None:
    review.answers["hidden", "r-2"] = answered(harm="yes")
    verdict = review.judge()
    assert verdict.met
    assert (verdict.rows, verdict.harmful) == (20, 0)


def test_simulated_reviewers_are_named(review: Review) -> None:
    review.people["r-1"] = Person("r-1", "reviewer", "", True)
    verdict = review.judge()
    assert verdict.met
    assert verdict.simulated


def test_somebody_nobody_knows(review: Review) -> None:
    del review.people["r-1"]
    assert "people.json does not know 1 person who answered" in only(review.judge())


def test_a_sample_that_lost_rows_is_an_error(review: Review) -> None:
    review.judge()
    path = review.folder.look(1).sample_path
    write_table(read_table(path).slice(1), path)
    with pytest.raises(RunError, match="holds 19 rows of the stratum"):
        judge_review(review.folder, review.folder.root.parent / "corpus.parquet", PLAN)


# the corpus that was sampled, and the one that is released


@pytest.mark.parametrize("change", ["text", "added", "gone"])
def test_a_corpus_that_was_not_sampled_is_not_released(review: Review, change: str) -> None:
    if change == "text":
        review.pair("p50")["response"] = "Never sampled."
    elif change == "added":
        review.pairs.append({"id": "q", "cell_id": "q", "prompt": "Another?", "response": "Another."})
    else:
        review.pairs.pop()
    found = only(review.judge())
    assert found.startswith("1 pair is gone that" if change == "gone" else "1 pair is in the corpus that")
    assert "build again from the inputs of the sample" in found


def test_a_refill_that_no_decision_explains_is_not_released(review: Review) -> None:
    review.drop_from_corpus("p50")
    missing = review.judge().missing
    assert any("that no decision put there" in item for item in missing)
    assert any("by no decision" in item for item in missing)


def test_a_text_that_was_dropped_does_not_come_back(review: Review) -> None:
    review.decide("p03", "drop", harmful=False)
    review.drop_from_corpus("p03")
    assert review.judge().met
    review.pair("p50")["id"] = "back"
    review.pair("back").update(prompt="Prompt 3.", response="Yes.")
    assert any("1 pair is in the corpus with a text that was dropped or edited" in m for m in review.judge().missing)


def test_a_decision_about_a_pair_that_was_not_drawn_is_none(review: Review) -> None:
    review.decisions.append(review.decision("p50", "edit", response="Smuggled.", adjudicator="a-1"))
    review.edit_corpus("p50", "Smuggled.")
    assert any("1 decision is about pairs that no sample of their look holds" in m for m in review.judge().missing)


def test_refills_count_as_harmful_until_they_are_read(review: Review) -> None:
    clean = review.judge().upper or 0
    review.decide("p03", "drop", harmful=False)
    review.drop_from_corpus("p03")
    verdict = review.judge()
    assert verdict.unread == 1
    assert verdict.upper == pytest.approx(clean + 0.01)
    review.read_refill("new-p03")
    assert "1 of the 21 rows is judged and not decided" in only(review.judge())
    review.decisions.append(
        review.decision("p03")._replace(pair_id="new-p03", content_hash=review.refills[0]["content_hash"])
    )
    review.status["new-p03"] = "kept"
    verdict = review.judge()
    assert verdict.met
    assert (verdict.unread, verdict.rows) == (0, 20)
    assert verdict.upper == pytest.approx(clean)


def test_where_the_reading_of_refills_would_do_it_asks_for_that(review: Review) -> None:
    for pair_id in ("p03", "p04", "p05", "p06"):
        review.decide(pair_id, "drop", harmful=False)
        review.drop_from_corpus(pair_id)
    assert "have the 4 pairs read that fill the places of dropped ones" in only(review.judge())


# one rule for what is settled


def test_a_flag_that_the_adjudicator_did_not_see_shuts_the_gate(review: Review) -> None:
    review.answers["record-p03", "r-1"] = answered(harm="possible")
    review.decide("p03", "keep", harmful=False)
    assert review.judge().met
    review.answers["record-p03", "r-2"] = answered(harm="yes")
    verdict = review.judge()
    assert "1 of the 20 rows waits for an adjudicator" in verdict.missing[0]
    assert verdict.harmful == 1


def test_a_flag_that_was_taken_back_shuts_the_gate_until_it_is_settled(review: Review) -> None:
    review.withdrawn["record-p03", "r-1"] = answered(harm="yes")
    verdict = review.judge()
    assert "1 of the 20 rows waits for an adjudicator" in verdict.missing[0]
    assert verdict.harmful == 1
    review.decide("p03", "keep", harmful=False)
    assert review.judge().met


def test_adjudicators_who_contradict_each_other_have_settled_nothing(review: Review) -> None:
    review.people["a-2"] = Person("a-2", "adjudicator", "", False)
    review.answers["record-p03", "r-1"] = answered(harm="yes")
    review.decide("p03", "drop", harmful=True)
    review.decide("p03", "keep", harmful=False, adjudicator="a-2")
    verdict = review.judge()
    assert "1 of the 20 rows waits for an adjudicator" in verdict.missing[0]
    assert verdict.harmful == 1


def test_short_of_a_reader_outranks_settled(review: Review) -> None:
    review.readers["p03"] = 2
    review.answers["record-p03", "r-1"] = answered(harm="possible")
    review.decide("p03", "keep", harmful=False)
    assert "1 of the 20 rows is not answered by all their readers" in only(review.judge())


@pytest.mark.parametrize("change", [{"response": "Another correction."}, {"adjudicator": "a-2"}, {"reason": "other"}])
def test_a_decision_says_what_the_adjudicator_said_last(review: Review, change: dict[str, str]) -> None:
    review.people["a-2"] = Person("a-2", "adjudicator", "", False)
    review.decide("p03", "edit", harmful=False, response="Better.")
    review.edit_corpus("p03", "Better.")
    assert review.judge().met
    review.settled[0].update(change)
    assert "1 of the 20 rows is judged and not decided" in only(review.judge())


def test_a_late_flag_in_an_earlier_look_shuts_the_gate(review: Review) -> None:
    review.judge()
    first = review.folder.look(1)
    sample, said = (
        read_table(first.sample_path),
        review.said({("record-p03", "r-1"): answered(harm="yes")}, "submitted"),
    )
    review.looks = 2
    review.decisions = [item._replace(look=2) for item in review.decisions]
    assert review.judge().met
    row = sample.filter(pa.compute.equal(sample["pair_id"], "p03"))
    write_table(row, first.sample_path)
    write_table(said, first.responses_path)
    corpus = review.folder.root.parent / "corpus.parquet"
    found = judge_review(review.folder, corpus, PLAN)
    assert "1 of the 1 row of look 1 waits for an adjudicator" in found.missing[0]
    assert not found.met


def test_an_earlier_look_may_have_kept_what_is_gone_since(review: Review) -> None:
    review.looks = 2
    review.decisions = [item._replace(look=2) for item in review.decisions]
    review.decisions.append(review.decision("p50")._replace(pair_id="gone", look=1))
    missing = review.judge().missing
    assert not any("no longer holds" in item for item in missing)


def test_a_program_in_an_earlier_look_is_named(review: Review) -> None:
    review.looks = 2
    review.people["a-9"] = Person("a-9", "adjudicator", "", True)
    review.decisions = [item._replace(look=2) for item in review.decisions]
    review.decisions.append(review.decision("p50", "edit", response="By a program.", adjudicator="a-9"))
    verdict = review.judge()
    assert verdict.simulated
    assert verdict.adjudicators == 1
