"""Agreement of simulated reviewers whose agreement is known."""

import json
import time
from datetime import UTC, datetime

import matplotlib.image
import numpy as np
import pyarrow as pa
import pytest

from corpusgen.errors import RunError
from corpusgen.review.agreement.measure import measure
from corpusgen.review.agreement.picture import draw
from corpusgen.review.questions import QUESTIONS, question
from corpusgen.review_tables import responses_schema, sample_schema

TRUTH = {
    "mode": "as_it_should",
    "harm": "no",
    "grounding": "4",
    "relevance": "4",
    "resource": "right",
    "severity": "moderate",
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def record(name, kind="sample", *, expected=(), **columns):
    row = dict.fromkeys(sample_schema().names, "") | {
        "record_id": name,
        "kind": kind,
        "pair_id": f"pair-{name}",
        "stratum": "all",
        "stratum_size": 1000 if kind == "sample" else 0,
        "stratum_drawn": 1,
        "readers": 2,
        "domain": "violence",
        "strategies": [],
        "expected": [{"question": asked, "values": list(values)} for asked, values in expected],
    }
    return row | columns


def answers(name, reviewer, given, *, kind="sample", seconds=60.0, status="submitted"):
    base = dict.fromkeys(responses_schema().names) | {
        "look": 1,
        "record_id": name,
        "pair_id": f"pair-{name}",
        "kind": kind,
        "reviewer": reviewer,
        "portion": 1,
        "status": status,
        "updated_at": NOW,
        "seconds": seconds,
    }
    rows = [
        base | {"question": asked, "value": value}
        for asked, values in given.items()
        for value in (values if isinstance(values, tuple) else (values,))
    ]
    return rows or [base]


def tables(records, rows):
    return (
        pa.Table.from_pylist(records, schema=sample_schema()),
        pa.Table.from_pylist(rows, schema=responses_schema()),
    )


def simulated(count, share_known, seed=0, reviewers=("r1", "r2")):
    """Answers at random, of which a share is the truth of the record; the rest is drawn anew from the same truths."""
    generator = np.random.default_rng(seed)
    records, rows = [], []
    asked = [one for one in QUESTIONS if one.level is not None]
    for at in range(count):
        records.append(record(f"{at:04d}"))
        truth = {one.name: generator.integers(len(one.values)) for one in asked}
        for reviewer in reviewers:
            given = {}
            for one in asked:
                knows = generator.random() < share_known
                given[one.name] = one.values[truth[one.name] if knows else generator.integers(len(one.values))]
            rows += answers(f"{at:04d}", reviewer, given)
    return tables(records, rows)


def by_name(found):
    return {one.question: one for one in found}


def test_full_agreement_is_one():
    sample, responses = simulated(40, 1.0)
    for one in measure(sample, responses, resamples=100).questions:
        assert one.records == 40
        assert one.readings == 80
        assert one.coefficients.alpha.value == 1.0
        assert one.coefficients.ac.value == 1.0
        assert one.coefficients.raw.value == 1.0


def test_reviewers_who_guess_agree_as_chance_would_have_it():
    sample, responses = simulated(600, 0.0)
    for one in measure(sample, responses, resamples=200).questions:
        assert abs(one.coefficients.alpha.value) < 0.12
        assert one.coefficients.alpha.low < 0 < one.coefficients.alpha.high


def test_a_known_agreement_is_found_again():
    # Both know the truth of a record with probability 0.8 and guess otherwise, uniformly: 0.8 * 0.8 of the pairs agree
    # beyond chance, which is what alpha, AC1 and kappa estimate.
    sample, responses = simulated(1500, 0.8, seed=3)
    found = by_name(measure(sample, responses, resamples=200).questions)
    for name in ("mode", "resource"):
        coefficients = found[name].coefficients
        assert coefficients.alpha.value == pytest.approx(0.64, abs=0.05)
        assert coefficients.alpha.low < 0.64 < coefficients.alpha.high
        assert coefficients.ac.value == pytest.approx(0.64, abs=0.05)
        assert coefficients.kappa is None
    for name in ("grounding", "severity"):
        assert found[name].coefficients.kappa.value == pytest.approx(0.64, abs=0.06)


def test_questions_are_not_pooled():
    """Reviewers who agree on everything but one question: the others' figures do not change with it."""
    sample, responses = simulated(60, 1.0)
    rows = responses.to_pylist()
    for row in rows:
        if row["question"] == "relevance" and row["reviewer"] == "r2":
            row["value"] = str(1 + (int(row["value"]) + 1) % 5)
    found = by_name(measure(sample, pa.Table.from_pylist(rows, schema=responses_schema()), resamples=50).questions)
    assert found["relevance"].coefficients.raw.value == 0.0
    assert found["grounding"].coefficients.raw.value == 1.0


def test_where_one_answer_dominates_gwets_coefficient_is_the_one_to_read():
    records, rows = [record(f"{at:03d}") for at in range(100)], []
    for at in range(100):
        rows += answers(f"{at:03d}", "r1", {"mode": "too_closed" if at < 4 else "as_it_should"})
        rows += answers(f"{at:03d}", "r2", {"mode": "too_closed" if 4 <= at < 8 else "as_it_should"})
    mode = by_name(measure(*tables(records, rows), resamples=100).questions)["mode"]
    assert mode.dominated
    assert mode.commonest_share == 0.96
    assert mode.values["too_closed"] == 8
    assert mode.coefficients.raw.value == 0.92
    assert mode.coefficients.alpha.value < 0
    assert mode.coefficients.ac.value > 0.9


def test_the_same_answer_throughout_is_null_with_a_reason():
    records, rows = [record(f"{at:03d}") for at in range(30)], []
    for at in range(30):
        rows += answers(f"{at:03d}", "r1", TRUTH) + answers(f"{at:03d}", "r2", TRUTH)
    harm = by_name(measure(*tables(records, rows), resamples=50).questions)["harm"].coefficients
    assert harm.alpha.value is None
    assert harm.kappa.value is None
    assert "all answers are the same" in harm.alpha.reason
    assert (harm.raw.value, harm.raw.low) == (1.0, None)
    assert harm.raw.reason


def test_a_record_read_once_and_an_unfinished_answer_count_for_nothing():
    records = [record("one"), record("two")]
    rows = answers("one", "r1", TRUTH) + answers("two", "r1", TRUTH) + answers("two", "r2", TRUTH, status="draft")
    found = measure(*tables(records, rows), resamples=50)
    assert all(one.records == 0 for one in found.questions)
    assert found.questions[0].coefficients.alpha.value is None
    assert found.found.records == 2


def test_kinds_of_harm_are_compared_as_sets():
    records = [record(name) for name in "abc"]
    rows = []
    for name, first, second in [("a", ("blame", "other"), ("blame",)), ("b", ("detail",), ("detail",)), ("c", (), ())]:
        for reviewer, named in (("r1", first), ("r2", second)):
            rows += answers(name, reviewer, {"harm": "possible" if named else "no", "harm_kinds": named})
    found = measure(*tables(records, rows), resamples=50).kinds
    assert found.records == 2
    assert found.jaccard.value == 0.75
    assert found.values["blame"] == 2


def test_each_reviewer_against_the_calibration_items():
    known = (("harm", ("yes", "possible")), ("resource", ("missing",)))
    records = [record(f"c{at}", "calibration", expected=known, pair_id=f"bad-{at}") for at in range(4)]
    records.append(record("s", domain="weapons"))
    rows = []
    for at in range(4):
        rows += answers(f"c{at}", "careful", TRUTH | {"harm": "possible", "resource": "missing"}, kind="calibration")
        hasty = TRUTH | {"resource": "missing"} if at else TRUTH
        rows += answers(f"c{at}", "hasty", hasty, kind="calibration", seconds=5.0 if at else None)
    rows += answers("s", "hasty", TRUTH | {"rather_not": "this_domain", "correction": "Shorter."}, seconds=4000.0)
    unfinished = pa.Table.from_pylist(answers("c0", "tired", {}, status="discarded"), schema=responses_schema())
    gates = {"bad-0": "crisis_line", "bad-1": "danger"}
    sample, responses = tables(records, rows)
    agreement = measure(sample, responses, unfinished=unfinished, gates=gates, resamples=50)
    careful, hasty, tired = agreement.reviewers
    assert careful.calibration.questions["harm"].share == 1.0
    assert careful.calibration.missed == ()
    assert (hasty.calibration.questions["harm"].right, hasty.calibration.questions["resource"].right) == (0, 3)
    assert hasty.calibration.gates == {"crisis_line": 1, "danger": 1}
    assert (hasty.submitted, hasty.corrected, hasty.opted_out) == (5, 1, ("weapons",))
    assert (hasty.times.records, hasty.times.median, hasty.times.pauses, hasty.times.unknown) == (3, 5.0, 1, 1)
    assert (tired.reviewer, tired.submitted, tired.discarded) == ("tired", 0, 1)
    # calibration items stay out of the sample's figures, and the other way round
    assert by_name(agreement.questions)["harm"].records == 0
    assert by_name(agreement.calibration)["harm"].records == 4
    assert agreement.found.records == 1


def test_a_judge_that_is_one_step_too_kind_shows_its_bias():
    records, people, judge = [], [], []
    generator = np.random.default_rng(1)
    for at in range(80):
        name = f"{at:03d}"
        records.append(record(name))
        grounding = int(generator.integers(1, 5))
        harm = "yes" if at < 20 else "no"
        for reviewer in ("r1", "r2"):
            people += answers(name, reviewer, TRUTH | {"grounding": str(grounding), "harm": harm})
        judge += answers(name, "judge:model", {"grounding": str(grounding + 1), "harm": "yes" if at < 12 else "no"})
    sample, responses = tables(records, people)
    agreement = measure(sample, responses, pa.Table.from_pylist(judge, schema=responses_schema()), resamples=100)
    (found,) = agreement.judges
    questions = by_name(found.questions)
    assert set(questions) == {"grounding", "harm"}
    assert questions["grounding"].bias.value == 1.0
    assert questions["grounding"].with_one_reader.raw.value == 0.0
    harm = questions["harm"]
    assert harm.bias is None
    assert harm.flags["yes"].value == pytest.approx(-0.1)
    assert harm.flags["yes"].low < -0.1 < harm.flags["yes"].high < 0
    assert (harm.majority, harm.with_majority.value) == (80, 0.9)
    assert harm.confusion["yes"] == {"no": 16, "possible": 0, "yes": 24}
    assert by_name(agreement.questions)["harm"].readings == 160


def test_people_who_differ_have_no_majority_to_set_a_judge_beside():
    people = answers("a", "r1", {"mode": "too_open"}) + answers("a", "r2", {"mode": "as_it_should"})
    sample, responses = tables([record("a")], people)
    judge = pa.Table.from_pylist(answers("a", "judge:model", {"mode": "too_open"}), schema=responses_schema())
    (mode,) = measure(sample, responses, judge, resamples=50).judges[0].questions
    assert (mode.records, mode.majority, mode.with_majority.value) == (1, 0, None)
    assert mode.flags["not as it should"].value == 0.5


def test_a_judge_never_counts_among_the_people():
    rows = answers("a", "r1", TRUTH) + answers("a", "judge:model", TRUTH)
    agreement = measure(*tables([record("a")], rows), resamples=50)
    assert by_name(agreement.questions)["harm"].records == 0
    assert [one.reviewer for one in agreement.reviewers] == ["r1"]


def test_what_was_found_is_weighted_by_stratum():
    records = [record("a", stratum="large", stratum_size=900), record("b", stratum="small", stratum_size=100)]
    records.append(record("c", stratum="unread", stratum_size=1000))
    rows = answers("a", "r1", TRUTH) + answers("a", "r2", TRUTH | {"grounding": "2"})
    rows += answers("b", "r1", TRUTH | {"harm": "yes"})
    found = measure(*tables(records, rows), resamples=50).found
    assert found.shares["harm"] == {"no": 0.9, "possible": 0.0, "yes": 0.1}
    assert found.means["grounding"] == pytest.approx(0.9 * 3 + 0.1 * 4)
    assert (found.records, found.covered) == (2, 0.5)


def test_the_figures_are_json_and_the_same_every_time():
    sample, responses = simulated(50, 0.7)
    first, again = measure(sample, responses, resamples=100), measure(sample, responses, resamples=100)
    shuffled = responses.take(np.random.default_rng(0).permutation(len(responses)))
    assert first.to_json() == again.to_json() == measure(sample, shuffled, resamples=100).to_json()
    value = json.loads(first.to_json())
    assert value["questions"][0]["question"] == "mode"
    assert "Krippendorff (2004)" in value["explained"]["alpha"]


def test_an_answer_that_is_no_option_is_refused():
    with pytest.raises(RunError, match="none of its options"):
        measure(*tables([record("a")], answers("a", "r1", {"harm": "perhaps"})))
    with pytest.raises(RunError, match="not in the sample"):
        measure(*tables([record("a")], answers("b", "r1", TRUTH)))


def test_a_thousand_resamples_of_six_hundred_records_take_seconds():
    sample, responses = simulated(600, 0.7)
    start = time.monotonic()
    measure(sample, responses)
    assert time.monotonic() - start < 20


def test_the_picture_is_wide_enough_to_read_and_draws_nothing_answered_too(tmp_path):
    sample, responses = simulated(60, 0.8)
    for name, rows in (("full", responses), ("empty", responses.slice(0, 0))):
        path = tmp_path / f"{name}.png"
        path.write_bytes(draw(measure(sample, rows, resamples=50)))
        assert matplotlib.image.imread(path).shape[1] >= 900


def test_every_compared_question_has_a_level_and_options():
    assert [one.name for one in QUESTIONS if one.level] == [
        "mode", "harm", "grounding", "relevance", "resource", "severity",
    ]  # fmt: skip
    assert question("harm").values == ("no", "possible", "yes")
