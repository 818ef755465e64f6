"""A release and its review: what lets it out, and what its card says of who has read it, in every state."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from corpusgen.acceptance import judge_review
from corpusgen.build import build
from corpusgen.cli import run as cli
from corpusgen.errors import Unmet
from corpusgen.publish import publish
from corpusgen.publish.review import read_review, review_facts
from corpusgen.report.again import report_again
from corpusgen.review.apply import apply
from corpusgen.review.judgement import Corrections
from corpusgen.review.looks import ready_look
from corpusgen.review.measuring import measure_look
from corpusgen.review.opening import open_review, read_rows
from corpusgen.reviews import Look, Person, ReviewFolder
from corpusgen.run import Run, read_table
from tests.conftest import ROOT, SHARED
from tests.review.hands import FINE, PLAN, write_answers, write_settled

pytestmark = pytest.mark.slow

ANNA, BEA, KIM = "r-000001", "r-000002", "a-000001"
SECRET = "Mrs Ferreira from ward 7"
HOSTILE = "<script>alert(1)</script> **nurse**"
BETTER = " Write again whenever you want to."


def copied(smoke: Path, folder: Path) -> Path:
    """A copy of the smoke run whose recipe differs in its review plan alone, so that a build finds all its rounds."""
    for name in ("taxonomies", "seeds"):
        (folder / "project").mkdir(exist_ok=True)
        (folder / "project" / name).symlink_to(ROOT / name)
    (folder / "shared").symlink_to(SHARED)
    recipe = yaml.safe_load((ROOT / "pipelines" / "smoke.yaml").read_text(encoding="utf-8"))
    path = folder / "project" / "pipelines" / "smoke.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump({**recipe, "review": PLAN}, sort_keys=False), encoding="utf-8")
    run = folder / "run"
    shutil.copytree(smoke, run)
    state = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps({**state, "recipe": str(path)}), encoding="utf-8")
    return run


def draw(run: Path, *, simulated: bool) -> Look:
    people = [Person(ANNA, "reviewer", HOSTILE, simulated), Person(BEA, "reviewer", "", simulated)]
    people += [Person(KIM, "adjudicator", "psychiatrist", simulated), Person("r-000009", "reviewer", "idler", False)]
    review = open_review(run)
    review.folder.save_people({person.pseudonym: person for person in people})
    return ready_look(review, fresh=False)


def sampled(look: Look) -> list[dict[str, Any]]:
    return [row for row in read_rows(look.sample_path) if row["kind"] == "sample"]


def head(card: str) -> dict[str, Any]:
    return dict(yaml.safe_load(card.split("---")[1]))


def section(card: str, name: str = "Review") -> str:
    return card.split(f"\n## {name}\n")[1].split("\n## ")[0]


def released(run: Path, to: Path, *, unreviewed: bool = False) -> str:
    return (publish(run, to, unreviewed=unreviewed).path / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def under_way(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose sample people have begun to read."""
    run = copied(smoke, tmp_path_factory.mktemp("under-way"))
    look = draw(run, simulated=False)
    once = [row["record_id"] for row in sampled(look) if row["readers"] == 1]
    write_answers(look, {(once[0], ANNA): FINE, (once[1], ANNA): {**FINE, "harm": "yes"}})
    return run


@pytest.fixture(scope="module")
def simulated(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that programs have reviewed, to the end: one pair edited, one dropped, all others kept."""
    run = copied(smoke, tmp_path_factory.mktemp("simulated"))
    look = draw(run, simulated=True)
    rows = sampled(look)
    corrections = Corrections(open_review(run))
    edited = next(row for row in rows if not corrections.rejection(row, row["response"] + BETTER))
    dropped = next(row for row in rows if row["readers"] == 2 and row is not edited)
    answers = {(row["record_id"], who): FINE for row in rows for who in (ANNA, BEA)[: row["readers"]]}
    private = {"comment": SECRET, "correction": edited["response"] + BETTER, "rather_not": "this_domain"}
    answers[edited["record_id"], ANNA] = {**FINE, **private}
    answers[dropped["record_id"], BEA] = {**FINE, "harm": "yes", "harm_kinds": ["blame", "other"]}
    for row in read_rows(look.sample_path):
        if row["kind"] == "calibration":
            answers[row["record_id"], ANNA] = FINE
    write_answers(look, answers)
    settled: dict[str, dict[str, Any]] = {
        edited["record_id"]: {"outcome": "edit", "response": edited["response"] + BETTER},
        dropped["record_id"]: {"outcome": "drop", "harmful": True, "reason": f"<script>it blames</script> {SECRET}"},
    }
    write_settled(look, settled)
    apply(str(run))
    measure_look(str(run))
    built = build(open_review(run).built["recipe"], run)
    assert built.why == "the review's decisions have changed"
    return run


@pytest.fixture(scope="module")
def reviewed(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, as if people had reviewed it."""
    run = tmp_path_factory.mktemp("reviewed") / "run"
    shutil.copytree(simulated, run)
    folder = ReviewFolder(run / "review")
    folder.save_people({name: person._replace(simulated=False) for name, person in folder.people().items()})
    return run


def test_before_a_sample_is_drawn_it_names_the_command_that_draws_one(smoke: Path, tmp_path: Path) -> None:
    with pytest.raises(Unmet, match="no sample was drawn") as caught:
        publish(smoke, tmp_path / "release")
    assert f"corpusgen review push {smoke}" in (caught.value.do or "")
    assert cli(["publish", str(smoke), "--to", str(tmp_path / "release")]) == 3
    assert not (tmp_path / "release").exists()


def test_a_sample_that_nobody_has_read_is_no_review(smoke: Path, tmp_path: Path) -> None:
    run = copied(smoke, tmp_path)
    draw(run, simulated=False)
    release = publish(run, tmp_path / "release", unreviewed=True)
    card = (release.path / "README.md").read_text(encoding="utf-8")
    assert "> **Not reviewed by clinicians.**" in card
    assert section(card).strip() == "Nobody has reviewed this corpus."
    assert release.review == "none"


def test_under_way_it_names_everything_that_is_missing(under_way: Path, tmp_path: Path) -> None:
    review = open_review(under_way)
    verdict = judge_review(review.folder, review.corpus, review.plan)
    assert len(verdict.missing) == 3
    with pytest.raises(Unmet) as caught:
        publish(under_way, tmp_path / "release")
    for gap in verdict.missing:
        assert gap in caught.value.what
    for telling in ("not answered by all their readers", "1 of the", "for an adjudicator", "judged and not decided"):
        assert telling in caught.value.what
    assert "corpusgen review status" in (caught.value.do or "")


def test_under_way_the_card_says_that_it_came_too_early(under_way: Path, tmp_path: Path) -> None:
    card = released(under_way, tmp_path / "release", unreviewed=True)
    assert "> **Released before its review was complete.**" in card
    assert "Reviewed by sample" not in card
    rows = len(sampled(open_review(under_way).require_look()))
    assert f"Of a sample of {rows} pairs, 2 have been read by everybody who should" in card
    told = section(card)
    assert "The plan is **not** met:\n\n- " in told
    review = open_review(under_way)
    for gap in judge_review(review.folder, review.corpus, review.plan).missing:
        assert f"\n- {gap}\n" in told
    assert "**Agreement** was not measured on these answers." in told
    assert "its review not complete" in section(card, "Reference")
    assert head(card)["annotations_creators"] == ["expert-generated"]


def test_a_simulated_review_is_called_one(simulated: Path, tmp_path: Path) -> None:
    card = released(simulated, tmp_path / "release")
    assert "> **Not reviewed by clinicians: the review below is a simulation.**" in card
    assert "Reviewed by sample" not in card
    assert "in the place of 3 of 3 reviewers and adjudicators" in section(card)
    assert head(card)["annotations_creators"] == ["no-annotation"]
    assert "not reviewed by clinicians" in section(card, "Reference")


def test_one_program_among_people_makes_it_a_simulation(reviewed: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(reviewed, run)
    folder = ReviewFolder(run / "review")
    people = folder.people()
    folder.save_people({**people, BEA: people[BEA]._replace(simulated=True)})
    found = publish(run, tmp_path / "release")
    release = found.path
    assert found.review == "simulated"
    assert "in the place of 1 of 3" in section((release / "README.md").read_text())
    answers = pq.read_table(release / "data/reviews/train-00000-of-00001.parquet").to_pylist()
    assert {row["reviewer"] for row in answers if row["simulated"]} == {BEA}


def test_a_review_by_people_is_called_one_by_sample(reviewed: Path, tmp_path: Path) -> None:
    card = released(reviewed, tmp_path / "release")
    rows = len(sampled(open_review(reviewed).require_look()))
    assert "> **Reviewed by sample.** " in card
    assert f"2 reviewers read a sample of {rows} pairs, and it met the acceptance plan" in card
    assert "imulation" not in card
    assert "imulat" not in section(card)
    assert head(card)["annotations_creators"] == ["expert-generated"]
    told = section(card)
    assert f"| 1 | {rows} | 1 | {rows - 2} | 1 | 1 |" in told
    assert "vouches for no single pair" in card
    assert f"In this release {rows - 2} pairs are marked `kept` and 1 `edited`" in told
    assert "The plan is met." in told
    assert "| mode | " in told
    status = read_table(Run(reviewed).corpus_path).column("review_status").to_pylist()
    assert (status.count("kept"), status.count("edited")) == (rows - 2, 1)


def test_who_took_part_is_told_and_nobody_else(reviewed: Path, tmp_path: Path) -> None:
    told = section(released(reviewed, tmp_path / "release"))
    assert "2 reviewers (" in told
    assert "1 adjudicator (psychiatrist)" in told
    assert "idler" not in told
    # what somebody calls themselves is text like any other
    assert "<script>" not in told
    assert "\\<script\\>" in told
    assert "nobody has checked them" in told


def test_the_answers_load_without_free_text_names_or_calibration(reviewed: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    release = publish(reviewed, tmp_path / "release").path
    rows = load_dataset(str(release), "reviews", split="train", cache_dir=str(tmp_path / "cache")).to_list()
    look = open_review(reviewed).require_look()
    assert list(rows[0]) == ["pair_id", "look", "reviewer", "question", "value", "simulated"]
    assert not any(row["simulated"] for row in rows)
    assert {row["reviewer"] for row in rows} == {ANNA, BEA, KIM}
    assert {row["question"] for row in rows} == {*FINE, "harm_kinds", "outcome", "harmful"}
    assert {row["pair_id"] for row in rows} == {row["pair_id"] for row in sampled(look)}
    # nothing of the answers is lost but what is kept back
    kept_back = {"comment", "correction", "rather_not"}
    given = [
        row for row in read_rows(look.responses_path) if row["kind"] == "sample" and row["question"] not in kept_back
    ]
    assert len(rows) == len(given) + 2 * len(read_rows(look.adjudication_path))
    for path in release.rglob("*"):
        if path.is_file():
            text = (
                str(pq.read_table(path).to_pylist())
                if path.suffix == ".parquet"
                else path.read_bytes().decode(errors="replace")
            )
            assert SECRET not in text


def test_the_sides_that_were_judged_are_the_sides_that_are_released(reviewed: Path, tmp_path: Path) -> None:
    release = publish(reviewed, tmp_path / "release").path
    pairs = {row["id"]: row for path in (release / "data/default").glob("*") for row in pq.read_table(path).to_pylist()}
    lineage = {row["outcome"]: row for row in read_rows(Run(reviewed).lineage_path)}
    assert lineage["dropped"]["pair_id"] not in pairs
    assert pairs[lineage["dropped"]["replaced_by"]]["review_status"] == "unreviewed"
    edited = pairs[lineage["edited"]["pair_id"]]
    assert edited["review_status"] == "edited"
    assert edited["response"].endswith(BETTER)
    assert edited["messages"][1]["content"] == edited["response"]


def test_the_card_is_one_that_the_hub_understands(reviewed: Path, under_way: Path, tmp_path: Path) -> None:
    from huggingface_hub import DatasetCard

    for run, name in ((reviewed, "reviewed"), (under_way, "under way")):
        release = publish(run, tmp_path / name, unreviewed=True).path
        card = DatasetCard.load(release / "README.md")
        configs = [item["config_name"] for item in card.data.to_dict()["configs"]]
        assert configs == ["default", "preference", "reviews", "resources"]
        assert "Undefined" not in card.content
        assert "{{" not in card.content.replace("title = {{", "")


def test_the_same_run_gives_the_same_bytes(reviewed: Path, tmp_path: Path) -> None:
    first, second = (publish(reviewed, tmp_path / name) for name in ("one", "two"))
    assert first.files == second.files
    assert not publish(reviewed, tmp_path / "one").changed


def test_agreement_on_other_answers_is_left_out(reviewed: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(reviewed, run)
    review = open_review(run)
    look = review.require_look()
    verdict = judge_review(review.folder, review.corpus, review.plan)
    assert review_facts(review.run, verdict, read_review(review.run, verdict))["agreement"]
    alone = next(row for row in sampled(look) if row["readers"] == 1)
    write_answers(look, {(alone["record_id"], BEA): FINE})
    assert not review_facts(review.run, verdict, read_review(review.run, verdict))["agreement"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("smoke", "NOT REVIEWED BY CLINICIANS: the card says so"),
        ("under_way", "REVIEW NOT COMPLETE: the card says so"),
        ("simulated", "NOT REVIEWED BY CLINICIANS, A SIMULATED REVIEW: the card says so"),
        ("reviewed", "reviewed by sample, and the acceptance plan is met"),
    ],
)
def test_the_command_says_what_the_card_says(
    name: str,
    told: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["publish", str(request.getfixturevalue(name)), "--to", str(tmp_path / "release")]
    assert cli([*command, "--unreviewed"]) == 0
    out = capsys.readouterr().out
    assert told in out
    assert ("REVIEWED" in out.upper().replace("NOT REVIEWED", "")) == (name == "reviewed")
    state = {"smoke": "none", "under_way": "partial", "simulated": "simulated", "reviewed": "passed"}[name]
    assert cli([*command, "--unreviewed", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["review"] == state


def test_status_points_to_the_review_once_a_sample_is_drawn(
    smoke: Path, under_way: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run, command in ((smoke, "publish"), (under_way, "review status")):
        assert cli(["status", str(run), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["next"].startswith(f"corpusgen {command} {run}")
    assert cli(["status", str(smoke)]) == 0
    assert "or have it reviewed first" in capsys.readouterr().out


def test_the_report_says_what_was_decided_and_runs_none_of_it(simulated: Path, reviewed: Path) -> None:
    reports = {run: report_again(run).read_text(encoding="utf-8") for run in (simulated, reviewed)}
    lineage = {row["outcome"]: row for row in read_rows(Run(reviewed).lineage_path)}
    kept = sum(row["outcome"] == "kept" for row in read_rows(Run(reviewed).lineage_path))
    for page in reports.values():
        assert f"decisions of the review: {kept} kept, 1 edited, 1 dropped and written again." in page
        assert lineage["edited"]["pair_id"] in page
        assert lineage["dropped"]["replaced_by"] in page
        assert "&lt;script&gt;it blames&lt;/script&gt;" in page
        assert "<script" not in page
    assert "<b>Not yet reviewed by clinicians: the review of this corpus is a simulation.</b>" in reports[simulated]
    assert "<b>Simulated.</b>" in reports[simulated]
    assert "Reviewed in part" not in reports[simulated]
    assert "<b>Reviewed in part, by sample.</b>" in reports[reviewed]
    assert f"stands in {kept + 1} of these 200 pairs" in reports[reviewed]
    assert "Not yet reviewed by clinicians" not in reports[reviewed]


def test_the_report_of_an_older_run_says_that_nothing_was_decided(smoke: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(smoke, run)
    for name in ("run.json", "metrics.json"):
        value = json.loads((run / name).read_text(encoding="utf-8"))
        del value["counts"]["reviewed"]
        (run / name).write_text(json.dumps(value), encoding="utf-8")
    page = report_again(run).read_text(encoding="utf-8")
    assert "<b>Not yet reviewed by clinicians.</b>" in page
    assert "No decision of a review is compiled into this corpus." in page
