"""Portions: nobody reads too much, twice, or what they asked to be spared; and in the end everything is read."""

from __future__ import annotations

import datetime
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusgen.recipe import ReviewPlan
from corpusgen.review.portions import Portions, in_order, next_portions
from corpusgen.review_tables import assignments_schema, responses_schema, sample_schema

DOMAINS = ("violence", "weapons", "substance_use")
SEVERITIES = ("none", "low", "moderate", "high", "imminent")


def item(number: int, kind: str = "sample", readers: int = 1, **more: str) -> dict[str, Any]:
    return {
        "record_id": f"{kind}{number:04}",
        "kind": kind,
        "pair_id": f"pair{number:04}",
        "readers": readers if kind == "sample" else 0,
        "domain": DOMAINS[number % 3],
        "severity": SEVERITIES[number % 5],
        **more,
    }


class Reading:
    """A review that goes on day by day: who was given what, and who has answered."""

    def __init__(self, items: Sequence[Mapping[str, Any]], reviewers: Sequence[str], cap: int = 10) -> None:
        self.items = {row["record_id"]: row for row in items}
        self.sample = pa.Table.from_pylist(list(items), schema=sample_schema())
        self.reviewers = list(reviewers)
        self.plan = ReviewPlan(daily_portion=cap)
        self.assignments = assignments_schema().empty_table()
        self.answered: set[tuple[str, str]] = set()
        self.days: dict[tuple[str, str], int] = {}
        self.elsewhere: dict[str, int] = {}
        self.discarded: set[tuple[str, str]] = set()
        self.opted_out: dict[str, set[str]] = {}
        self.day = 1

    def push(self) -> Portions:
        rows = [
            {"record_id": record, "reviewer": name, "status": status, "updated_at": self.noon(record, name)}
            for status, said in (("submitted", self.answered), ("discarded", self.discarded))
            for record, name in sorted(said)
        ]
        portions = next_portions(
            self.sample,
            self.assignments,
            pa.Table.from_pylist(rows, schema=responses_schema()),
            self.opted_out,
            self.reviewers,
            self.plan,
            f"2026-03-{self.day:02}",
            self.elsewhere,
        )
        self.assignments = portions.assignments
        return portions

    def noon(self, record: str, name: str) -> datetime.datetime:
        """Returns when somebody answered, which they did today where nothing else was said."""
        return datetime.datetime(2026, 3, self.days.setdefault((record, name), self.day), 12, tzinfo=datetime.UTC)

    def open(self, name: str) -> list[str]:
        """Returns what lies before a reviewer, in its order."""
        rows = [row for row in self.assignments.to_pylist() if row["reviewer"] == name and row["state"] == "given"]
        rows.sort(key=lambda row: (row["portion"], row["position"]))
        done = self.answered | self.discarded
        return [row["record_id"] for row in rows if (row["record_id"], name) not in done]

    def answer(self, name: str, count: int | None = None) -> None:
        done = {(record, name) for record in self.open(name)[:count]}
        self.days |= dict.fromkeys(done, self.day)
        self.answered |= done

    def readers_of(self, record: str) -> set[str]:
        return {name for found, name in self.answered if found == record}


def sample(rows: int, calibration: int = 0, twice: int = 3) -> list[dict[str, Any]]:
    """Returns a sample of which every so manieth row has two readers."""
    return [
        *(item(number, readers=2 if number % twice == 0 else 1) for number in range(rows)),
        *(item(number, "calibration") for number in range(calibration)),
    ]


# what holds whatever happens


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_row_reaches_its_readers_and_every_promise_is_kept(data: st.DataObject) -> None:
    names = [f"r-{number}" for number in range(data.draw(st.integers(2, 5)))]
    cap = data.draw(st.integers(2, 9))
    reading = Reading(sample(data.draw(st.integers(1, 40)), data.draw(st.integers(0, 6))), names, cap)
    given_to: Counter[tuple[str, str]] = Counter()
    portions = reading.push()
    for _ in range(60):
        given_to.update((row["record_id"], row["reviewer"]) for row in portions.given)
        assert all(count == 1 for count in given_to.values()), "nobody is given a record twice"
        for row in portions.given:
            assert reading.items[row["record_id"]]["domain"] not in reading.opted_out.get(row["reviewer"], ())
        today = Counter(
            row["reviewer"] for row in reading.assignments.to_pylist() if row["day"][-2:] == f"{reading.day:02}"
        )
        for name in names:
            assert len(reading.open(name)) <= cap
            assert today[name] <= cap
        again = reading.push()
        assert not again.given
        assert not again.returned
        for name in names:
            reading.answer(name, data.draw(st.integers(1, cap)))
        if reading.day == 1:
            reading.opted_out = {
                name: domains
                for name in names[2:]
                if (domains := data.draw(st.sets(st.sampled_from(DOMAINS), max_size=3)))
            }
        reading.day += 1
        portions = reading.push()
        if not any(map(reading.open, names)):
            break
    assert not portions.starved
    for record, row in reading.items.items():
        if row["kind"] == "sample":
            assert len(reading.readers_of(record)) >= row["readers"]
    for name in names[:2]:
        assert {record for record, who in reading.answered if who == name} >= {
            record for record, row in reading.items.items() if row["kind"] == "calibration"
        }


@given(st.lists(st.booleans(), max_size=40))
def test_grave_records_are_spread_out(grave: list[bool]) -> None:
    order = in_order(grave)
    assert sorted(order) == list(range(len(grave)))
    heavy, light = sum(grave), len(grave) - sum(grave)
    portion = "".join("G" if grave[index] else "m" for index in order)
    if heavy <= 2 * (light + 1):
        assert "GGG" not in portion
    if light >= 1 and heavy <= 2 * light:
        assert portion.endswith("m")
    if light >= 2 and heavy <= 2 * (light - 1):
        assert portion.startswith("m")
    # the gaps between those that are not grave differ by one at most, where all gaps are used alike
    if light >= 2 and heavy <= 2 * (light - 1):
        gaps = [len(gap) for gap in portion.split("m")[1:-1]]
        assert max(gaps) - min(gaps) <= 1
    for kind in (True, False):
        chosen = [index for index in order if grave[index] is kind]
        assert chosen == sorted(chosen)


@pytest.mark.parametrize(
    ("heavy", "light", "portion"),
    [
        (0, 3, "mmm"),
        (3, 0, "GGG"),
        (1, 1, "Gm"),
        (1, 2, "mGm"),
        (2, 3, "mGmGm"),
        (4, 3, "mGGmGGm"),
        (5, 3, "GmGGmGGm"),
        (7, 3, "GmGGmGGmGG"),
        (20, 2, "m" + 20 * "G" + "m"),
    ],
)
def test_the_order_of_a_portion(heavy: int, light: int, portion: str) -> None:
    grave = [True] * heavy + [False] * light
    assert "".join("G" if grave[index] else "m" for index in in_order(grave)) == portion


# how it works


def test_the_load_is_balanced_and_rows_have_different_readers() -> None:
    reading = Reading(sample(80, twice=2), ["r-1", "r-2", "r-3", "r-4"], cap=100)
    portions = reading.push()
    assert Counter(row["reviewer"] for row in portions.given) == {"r-1": 30, "r-2": 30, "r-3": 30, "r-4": 30}
    pairs: dict[str, set[str]] = defaultdict(set)
    for row in portions.given:
        pairs[row["record_id"]].add(row["reviewer"])
    assert Counter(map(len, pairs.values())) == {1: 40, 2: 40}
    # everybody reads with everybody, so that no two opinions stand alone
    assert len({frozenset(pair) for pair in pairs.values() if len(pair) == 2}) == 6


def test_what_is_unanswered_counts_towards_the_next_portion() -> None:
    reading = Reading(sample(100, twice=1000), ["r-1"], cap=10)
    assert len(reading.push().given) == 10
    reading.answer("r-1", 4)
    assert reading.push().given == ()
    reading.day += 1
    portions = reading.push()
    assert len(portions.given) == 4
    assert {row["portion"] for row in portions.given} == {2}
    assert [row["position"] for row in portions.given] == [0, 1, 2, 3]


def test_the_cap_is_one_a_day_whenever_the_records_were_given() -> None:
    reading = Reading(sample(100, 4), ["r-1"], cap=10)
    reading.push()
    reading.day += 1
    assert reading.push().given == ()
    reading.answer("r-1")
    # ten were read today, though given yesterday
    assert reading.push().given == ()
    reading.day += 1
    assert len(reading.push().given) == 10
    read = Counter(reading.days.values())
    assert max(read.values()) == 10


def test_what_was_set_aside_today_counts_too() -> None:
    reading = Reading(sample(100, twice=1000), ["r-1"], cap=10)
    reading.push()
    reading.day += 1
    reading.discarded = {(record, "r-1") for record in reading.open("r-1")[:3]}
    assert reading.push().given == ()
    reading.day += 1
    assert len(reading.push().given) == 3


def test_what_other_looks_ask_for_counts_too() -> None:
    reading = Reading(sample(100, twice=1000), ["r-1", "r-2"], cap=10)
    reading.elsewhere = {"r-1": 7}
    assert Counter(row["reviewer"] for row in reading.push().given) == {"r-1": 3, "r-2": 10}


def test_what_fills_a_dropped_cell_is_given_out_like_the_rest() -> None:
    reading = Reading([item(0), item(1, "refill"), item(2, "calibration")], ["r-1"])
    reading.items["refill0001"]["readers"] = 1
    reading.sample = pa.Table.from_pylist(list(reading.items.values()), schema=sample_schema())
    assert {row["record_id"] for row in reading.push().given} == {"sample0000", "refill0001", "calibration0002"}


def test_after_an_opt_out_open_records_go_to_somebody_else() -> None:
    reading = Reading(sample(12, twice=1000), ["r-1", "r-2"], cap=10)
    reading.push()
    reading.answer("r-1", 2)
    reading.opted_out = {"r-1": {"violence"}}
    open_before = {record for record in reading.open("r-1") if reading.items[record]["domain"] == "violence"}
    reading.day += 1
    portions = reading.push()
    assert {row["record_id"] for row in portions.returned} == open_before != set()
    assert {row["state"] for row in portions.returned} == {"returned"}
    assert {row["record_id"] for row in portions.given if row["reviewer"] == "r-2"} >= open_before
    # what was answered before stays answered
    assert len(reading.answered) == 2


def test_what_is_set_aside_and_who_has_left() -> None:
    reading = Reading(sample(6, twice=1000), ["r-1", "r-2", "r-3"], cap=10)
    reading.push()
    aside = reading.open("r-1")[0]
    reading.discarded = {(aside, "r-1")}
    left_behind = set(reading.open("r-2"))
    reading.reviewers.remove("r-2")
    portions = reading.push()
    assert {row["record_id"] for row in portions.returned} == {aside, *left_behind}
    taken = {row["record_id"]: row["reviewer"] for row in portions.given}
    assert set(taken) == {aside, *left_behind}
    assert taken[aside] == "r-3"


def test_rows_that_nobody_is_left_for_are_reported() -> None:
    reading = Reading(sample(6, twice=6), ["r-1"], cap=10)
    found = {row.record_id: row for row in reading.push().starved}
    assert set(found) == {"sample0000"}
    assert (found["sample0000"].short, found["sample0000"].reason) == (1, "2 people must read it, and 1 take part")
    reading = Reading(sample(6, twice=6), ["r-1", "r-2"], cap=10)
    reading.opted_out = {"r-1": {"violence"}, "r-2": {"violence"}}
    portions = reading.push()
    assert {row.record_id: row.short for row in portions.starved} == {"sample0000": 2, "sample0003": 1}
    assert "opted out of violence" in portions.starved[0].reason
    assert {reading.items[row["record_id"]]["domain"] for row in portions.given} == {"weapons", "substance_use"}


def test_calibration_items_come_evenly_to_everybody() -> None:
    items = [item(number) for number in range(200)] + [item(number, "calibration") for number in range(20)]
    reading = Reading(items, ["r-1", "r-2"], cap=12)
    shares: dict[str, list[int]] = defaultdict(list)
    places: list[float] = []
    while (portions := reading.push()).given:
        for name in reading.reviewers:
            mine = [row for row in portions.given if row["reviewer"] == name]
            hidden = [row["position"] for row in mine if reading.items[row["record_id"]]["kind"] == "calibration"]
            shares[name].append(len(hidden))
            places += [place / len(mine) for place in hidden]
            reading.answer(name)
        reading.day += 1
    for name in reading.reviewers:
        assert sum(shares[name]) == 20
        assert len(shares[name]) == 10
        assert set(shares[name]) <= {1, 2, 3}
    # within a portion they may stand anywhere
    assert min(places) < 0.2
    assert max(places) > 0.8


def test_no_two_people_read_in_the_same_order() -> None:
    reading = Reading([item(number, readers=2) for number in range(20)], ["r-1", "r-2"], cap=20)
    reading.push()
    assert set(reading.open("r-1")) == set(reading.open("r-2"))
    assert reading.open("r-1") != reading.open("r-2")


def test_grave_records_are_shared_out_over_the_portions() -> None:
    reading = Reading(sample(300, twice=1000), ["r-1", "r-2"], cap=30)
    for _ in range(5):
        reading.push()
        for name in reading.reviewers:
            severities = [reading.items[record]["severity"] for record in reading.open(name)]
            portion = "".join("G" if severity in ("high", "imminent") else "m" for severity in severities)
            # two of five are grave, so that twelve of thirty would be exact
            assert 6 <= portion.count("G") <= 18
            assert portion[0] == portion[-1] == "m"
            assert "GGG" not in portion
            reading.answer(name)
        reading.day += 1


def test_two_thousand_rows_and_eight_people_take_under_a_second() -> None:
    reading = Reading(sample(2000, calibration=24), [f"r-{number}" for number in range(8)], cap=100)
    begun = time.perf_counter()
    assert len(reading.push().given) == 800
    assert time.perf_counter() - begun < 1
    for name in reading.reviewers:
        reading.answer(name)
    reading.day += 1
    reading.opted_out = {"r-1": {"violence"}}
    begun = time.perf_counter()
    reading.push()
    assert time.perf_counter() - begun < 1


def test_the_order_of_the_tables_does_not_matter() -> None:
    rows: Collection[dict[str, Any]] = sample(40, calibration=4)
    one = Reading(list(rows), ["r-1", "r-2", "r-3"]).push()
    other = Reading(list(reversed(list(rows))), ["r-3", "r-1", "r-2"]).push()
    assert one.given == other.given
