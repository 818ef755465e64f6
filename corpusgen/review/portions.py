"""Daily portions: who is given which records, in which order. The annotation server assigns nothing itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from corpusgen.plan import stable_hash
from corpusgen.recipe import ReviewPlan
from corpusgen.review_tables import assignments_schema
from corpusgen.schema import Severity

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["GRAVE", "Portions", "Starved", "counted", "in_order", "next_portions"]

GRAVE = frozenset({str(Severity.HIGH), str(Severity.IMMINENT)})
"""Severities of which nobody shall meet many in a row."""


class Starved(NamedTuple):
    """A row that cannot reach as many readers as it should, however long one waits, and why."""

    record_id: str
    pair_id: str
    short: int
    reason: str


class Portions(NamedTuple):
    """The next portions.

    Attributes:
        assignments: All assignments as they are now.
        given: Those that are new, by reviewer and position.
        returned: Those that were taken back, by reviewer and record.
        starved: Rows that lack people.
    """

    assignments: pa.Table
    given: tuple[Mapping[str, Any], ...]
    returned: tuple[Mapping[str, Any], ...]
    starved: tuple[Starved, ...]


def next_portions(
    sample: pa.Table,
    assignments: pa.Table,
    responses: pa.Table,
    opted_out: Mapping[str, Collection[str]],
    reviewers: Sequence[str],
    plan: ReviewPlan,
    day: str,
    elsewhere: Mapping[str, int] = MappingProxyType({}),
) -> Portions:
    """Returns what to give to whom now.

    Nobody is given a record twice, or one of a domain they opted out of. Nobody is given more than the plan's daily
    portion leaves room for; what they were given or answered today, or have still before them, counts. Unanswered
    records go back when their reviewer has opted out of the domain, has set them aside, or takes part no more, and
    others are given them. Rows go to those who have been given least. Everybody gets every calibration item, evenly
    over their portions. The same arguments give the same portions, and a second call on a day gives nothing more,
    whatever was answered in between, but for what others gave back.

    Args:
        sample: The sample of the look.
        assignments: What has been given so far.
        responses: What was submitted, and what was set aside.
        opted_out: Domains that a reviewer would rather not see.
        reviewers: Pseudonyms of all who take part.
        plan: The review plan.
        day: ISO date of today, in UTC.
        elsewhere: Records of other looks that count towards today's portion, by reviewer; see :func:`counted`.
    """
    return _Dealer(sample, assignments, responses, opted_out, reviewers, plan.daily_portion, day, elsewhere).deal()


def counted(assignments: pa.Table, responses: pa.Table, day: str) -> dict[str, set[str]]:
    """Returns the records of a look that count towards a day's portion, by reviewer.

    They are those given on that day, those submitted or set aside on it, whenever they were given, and those still
    open.

    Args:
        assignments: What has been given so far.
        responses: What was submitted, and what was set aside.
        day: ISO date, in UTC.
    """
    found: dict[str, set[str]] = defaultdict(set)
    submitted = set()
    for row in responses.select(["record_id", "reviewer", "status", "updated_at"]).to_pylist():
        if row["status"] == "submitted":
            submitted.add((row["record_id"], row["reviewer"]))
        if row["status"] != "draft" and row["updated_at"] is not None and row["updated_at"].date().isoformat() == day:
            found[row["reviewer"]].add(row["record_id"])
    for row in assignments.to_pylist():
        if row["day"] == day or (row["state"] == "given" and (row["record_id"], row["reviewer"]) not in submitted):
            found[row["reviewer"]].add(row["record_id"])
    return found


class _Item(NamedTuple):
    record_id: str
    kind: str
    pair_id: str
    readers: int
    domain: str
    severity: str

    @property
    def grave(self) -> bool:
        return self.severity in GRAVE


class _Dealer:
    """One call of :func:`next_portions`."""

    def __init__(
        self,
        sample: pa.Table,
        assignments: pa.Table,
        responses: pa.Table,
        opted_out: Mapping[str, Collection[str]],
        reviewers: Sequence[str],
        cap: int,
        day: str,
        elsewhere: Mapping[str, int],
    ) -> None:
        items = [_Item(**row) for row in sample.select(list(_Item._fields)).to_pylist()]
        self.rows = _mixed([item for item in items if item.kind != "calibration"])
        self.calibration = [item for item in items if item.kind == "calibration"]
        self.items = {item.record_id: item for item in items}
        self.assigned = assignments.to_pylist()
        self.reviewers = sorted(set(reviewers))
        self.opted_out = {name: frozenset(domains) for name, domains in opted_out.items()}
        self.cap = cap
        self.day = day
        self.responses = responses
        self.elsewhere = elsewhere
        said = responses.select(["record_id", "reviewer", "status"]).to_pylist()
        self.answered = {(row["record_id"], row["reviewer"]) for row in said if row["status"] == "submitted"}
        self.discarded = {(row["record_id"], row["reviewer"]) for row in said if row["status"] == "discarded"}

    def deal(self) -> Portions:
        """Returns the portions."""
        import pyarrow as pa

        returned = self._take_back()
        self.met: dict[str, set[str]] = defaultdict(set)
        self.holders: dict[str, set[str]] = defaultdict(set)
        self.load: Counter[str] = Counter()
        for row in self.assigned:
            key = row["record_id"], row["reviewer"]
            self.met[row["record_id"]].add(row["reviewer"])
            if row["state"] == "given" or key in self.answered:
                self.holders[row["record_id"]].add(row["reviewer"])
                self.load[row["reviewer"]] += 1
        for record_id, reviewer in self.answered:
            self.met[record_id].add(reviewer)
            self.holders[record_id].add(reviewer)
        today = counted(pa.Table.from_pylist(self.assigned, schema=assignments_schema()), self.responses, self.day)
        room = {
            name: max(0, self.cap - len(today.get(name, ())) - self.elsewhere.get(name, 0)) for name in self.reviewers
        }
        fresh = self._deal_rows(room)
        given = [row for name in self.reviewers for row in self._portion(name, fresh[name])]
        return Portions(
            pa.Table.from_pylist([*self.assigned, *given], schema=assignments_schema()),
            tuple(given),
            tuple(sorted(returned, key=lambda row: (row["reviewer"], row["record_id"]))),
            tuple(self._starved()),
        )

    def _take_back(self) -> list[dict[str, Any]]:
        taken = []
        for row in self.assigned:
            key = row["record_id"], row["reviewer"]
            if row["state"] == "given" and key not in self.answered:
                domain = self.items[row["record_id"]].domain
                if (
                    key in self.discarded
                    or row["reviewer"] not in self.reviewers
                    or self._spared(row["reviewer"], domain)
                ):
                    row["state"] = "returned"
                    taken.append(row)
        return taken

    def _spared(self, reviewer: str, domain: str) -> bool:
        return domain in self.opted_out.get(reviewer, ())

    def _may_have(self, item: _Item, reviewer: str) -> bool:
        return reviewer not in self.met[item.record_id] and not self._spared(reviewer, item.domain)

    def _deal_rows(self, room: Mapping[str, int]) -> dict[str, list[_Item]]:
        """Returns the new records of each reviewer: rows of the sample with calibration items among them."""
        waiting = {
            name: sorted(
                (item for item in self.calibration if self._may_have(item, name)),
                key=lambda item: stable_hash("calibration", name, item.record_id),
            )
            for name in self.reviewers
        }
        due = {name: self._calibration_due(name, room[name], len(waiting[name])) for name in self.reviewers}
        left = {name: room[name] - due[name] for name in self.reviewers}
        fresh: dict[str, list[_Item]] = {name: [] for name in self.reviewers}
        for item in self.rows:
            held = self.holders[item.record_id]
            if len(held) >= item.readers:
                continue
            able = [name for name in self.reviewers if left[name] > 0 and self._may_have(item, name)]
            able.sort(key=lambda name: (self.load[name], stable_hash("reader", item.record_id, name)))
            for name in able[: item.readers - len(held)]:
                fresh[name].append(item)
                held.add(name)
                self.met[item.record_id].add(name)
                self.load[name] += 1
                left[name] -= 1
        for name in self.reviewers:
            # room that no row can fill goes to the calibration items that are left
            fresh[name] += waiting[name][: due[name] + left[name]]
        return fresh

    def _calibration_due(self, reviewer: str, room: int, waiting: int) -> int:
        """Returns how many calibration items the next ``room`` records shall hold, so that they come evenly."""
        willing: Counter[str] = Counter()
        for domain in {item.domain for item in self.rows}:
            willing[domain] = sum(not self._spared(name, domain) for name in self.reviewers)
        mine = sum(
            min(1.0, item.readers / willing[item.domain])
            for item in self.rows
            if not self._spared(reviewer, item.domain)
        )
        items = sum(not self._spared(reviewer, item.domain) for item in self.calibration)
        so_far = self.load[reviewer]
        target = round(items * min(1.0, (so_far + room) / (mine + items))) if items else 0
        return max(0, min(room, waiting, target - (items - waiting)))

    def _portion(self, reviewer: str, fresh: Sequence[_Item]) -> list[dict[str, Any]]:
        number = 1 + max((row["portion"] for row in self.assigned if row["reviewer"] == reviewer), default=0)
        return [
            {
                "record_id": item.record_id,
                "reviewer": reviewer,
                "portion": number,
                "position": position,
                "day": self.day,
                "state": "given",
            }
            for position, item in enumerate(_arranged(fresh, reviewer))
        ]

    def _starved(self) -> list[Starved]:
        found = []
        for item in self.rows:
            held = self.holders[item.record_id]
            short = item.readers - len(held) - sum(self._may_have(item, name) for name in self.reviewers)
            if short > 0:
                if len(self.reviewers) < item.readers:
                    reason = f"{item.readers} people must read it, and {len(self.reviewers)} take part"
                else:
                    reason = f"all others have opted out of {item.domain}, or have set it aside"
                found.append(Starved(item.record_id, item.pair_id, short, reason))
        return found


def _mixed(rows: Sequence[_Item]) -> list[_Item]:
    """Returns rows in a random order of which every stretch holds grave ones in proportion."""
    ranked = sorted(rows, key=lambda item: stable_hash("order", item.record_id))
    places: list[tuple[float, str, _Item]] = []
    for part in ([item for item in ranked if item.grave], [item for item in ranked if not item.grave]):
        places += [((index + 0.5) / len(part), item.record_id, item) for index, item in enumerate(part)]
    return [item for *_, item in sorted(places)]


def _arranged(items: Sequence[_Item], reviewer: str) -> list[_Item]:
    """Returns a portion in its order: random for each reviewer, so that no two read alike, grave ones spread out."""
    ranked = sorted(items, key=lambda item: stable_hash("position", reviewer, item.record_id))
    order = in_order([item.grave for item in ranked])
    return [ranked[index] for index in order]


def in_order(grave: Sequence[bool]) -> list[int]:
    """Returns positions in an order that spreads the grave ones evenly, each kind in the order given.

    No more than two grave ones follow each other where that can be had. The first and the last are not grave, where
    there are others and the first rule allows it; the last matters more.
    """
    mild = [index for index, is_grave in enumerate(grave) if not is_grave]
    hard = [index for index, is_grave in enumerate(grave) if is_grave]
    between, number = len(mild) - 1, len(hard)
    # gaps that may hold grave ones: between mild ones; else also before the first; else also after the last
    if between > 0 and (number <= 2 * between or number > 2 * (between + 2)):
        before, gaps = 0, between
    elif number <= 2 * (between + 1) or number > 2 * (between + 2):
        before, gaps = 1, between + 1
    else:
        before, gaps = 1, between + 2
    if not mild:
        return hard
    share = [(gap + 1) * number // gaps - gap * number // gaps for gap in range(gaps)]
    order: list[int] = []
    rest = iter(hard)
    for place in range(len(mild) + 1):
        gap = place - 1 + before
        if 0 <= gap < gaps:
            order += [next(rest) for _ in range(share[gap])]
        if place < len(mild):
            order.append(mild[place])
    return order
