"""Every query that the page or the SDK can make finds what the data say it must find, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest

from tests.annotation.asking import STATUS, metadata, terms, text, where
from tests.annotation.cases import CASES
from tests.annotation.material import ODD, Item, Material, cosine
from tests.annotation.servers import ReviewServer
from tests.annotation.truth import Case, anything, listed, nothing

pytestmark = pytest.mark.slow


def search(client: httpx.Client, path: str, body: dict[str, Any], offset: int, limit: int) -> dict[str, Any]:
    answer = client.post(f"{path}/records/search", params={"offset": offset, "limit": limit}, json=body)
    assert answer.is_success, answer.text
    return dict(answer.json())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_query_finds_what_the_data_say(server: ReviewServer, material: Material, case: Case) -> None:
    body = case.body(material) if callable(case.body) else case.body
    key = material.users[case.me]["api_key"] if case.me else None
    path = f"/me/datasets/{material.dataset}" if case.me else f"/datasets/{material.dataset}"
    with server.client(key) if key else server.client() as client:
        found = search(client, path, body, case.offset, case.limit)
    wanted = case.wanted(material)
    assert [item["record"]["id"] for item in found["items"]] == wanted[case.offset : case.offset + case.limit]
    assert found["total"] == len(wanted)


def test_no_case_is_met_by_all_or_by_none_without_saying_so(material: Material) -> None:
    assert len(CASES) >= 60
    for case in CASES:
        if case.holds not in (anything, nothing) and case.name != "a span of days":
            assert 0 < len(case.wanted(material)) < len(material.items), case.name


def nearest(material: Material, vector: list[float], keep: Any, opposite: bool, own: str | None = None) -> list[Item]:
    sign = -1 if opposite else 1
    found = [item for item in material.items if item.vector and item.id != own and keep(item)]
    return sorted(found, key=lambda item: -sign * cosine(vector, item.vector or []))


@pytest.mark.parametrize("opposite", [False, True], ids=["most", "least"])
@pytest.mark.parametrize("of_record", [False, True], ids=["a vector", "a record"])
@pytest.mark.parametrize("filtered", [False, True], ids=["all", "filtered"])
def test_the_nearest_vectors(
    server: ReviewServer, material: Material, opposite: bool, of_record: bool, filtered: bool
) -> None:
    start = next(item for item in material.items if item.vector)
    vector = start.vector if of_record else [0.5, -1, 0.25, 0, 0, 1, 0, 0.125]
    assert vector
    query: dict[str, Any] = {"name": "meaning", "order": "least_similar" if opposite else "most_similar"}
    query |= {"record_id": start.id} if of_record else {"value": vector}
    body: dict[str, Any] = {"query": {"vector": query}}
    if filtered:
        body |= where(terms(metadata("domain"), "grief"))
        body["query"] |= text("garden")["query"]

    def keep(item: Item) -> bool:
        words = " ".join(item.texts()).lower().split()
        return not filtered or ("grief" in listed(item.metadata.get("domain")) and "garden" in words)

    wanted = nearest(material, vector, keep, opposite, start.id if of_record else None)
    with server.client() as owner:
        found = search(owner, f"/datasets/{material.dataset}", body, 0, 40)
        later = search(owner, f"/datasets/{material.dataset}", body, 10, 10)
    assert [item["record"]["id"] for item in found["items"]] == [item.id for item in wanted[:40]]
    assert [item["record"]["id"] for item in later["items"]] == [item.id for item in wanted[10:20]]
    assert found["total"] == len(wanted[:40])
    sign = -1 if opposite else 1
    scores = [(1 + sign * cosine(vector, item.vector or [])) / 2 for item in wanted[:40]]
    assert [item["query_score"] for item in found["items"]] == pytest.approx(scores)


def test_progress(server: ReviewServer, material: Material) -> None:
    with server.client() as owner:
        progress = owner.get(f"/datasets/{material.dataset}/progress").json()
    statuses = Counter(item.status for item in material.items)
    assert (progress["total"], progress["completed"], progress["pending"]) == (
        len(material.items),
        statuses["completed"],
        statuses["pending"],
    )


@pytest.mark.parametrize("me", ["rev0", "rev3"])
def test_ones_own_progress(server: ReviewServer, material: Material, me: str) -> None:
    with server.client(material.users[me]["api_key"]) as client:
        found = client.get(f"/me/datasets/{material.dataset}/metrics").json()["responses"]
        left = search(client, f"/me/datasets/{material.dataset}", where(terms(STATUS, "pending")), 0, 1)["total"]
    given = Counter(item.answers[me].status for item in material.items if me in item.answers)
    assert {name: found[name] for name in ("submitted", "draft", "discarded")} == given
    assert found["total"] == len(material.items)
    assert found["pending"] == len(material.items) - given.total() == left


@pytest.mark.parametrize("name", ["domain", ODD])
def test_counts_of_terms(server: ReviewServer, material: Material, name: str) -> None:
    with server.client() as owner:
        found = owner.get(f"/metadata-properties/{material.metadata_ids[name]}/metrics").json()
    counts = Counter(term for item in material.items for term in listed(item.metadata.get(name)))
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].encode()))
    assert [(value["term"], value["count"]) for value in found["values"]] == ordered
    assert found["total"] == counts.total()


@pytest.mark.parametrize("name", ["size", "weight"])
def test_least_and_greatest(server: ReviewServer, material: Material, name: str) -> None:
    with server.client() as owner:
        found = owner.get(f"/metadata-properties/{material.metadata_ids[name]}/metrics").json()
    values = [item.metadata[name] for item in material.items if name in item.metadata]
    assert (found["min"], found["max"]) == pytest.approx((min(values), max(values)), abs=1e-5)


@pytest.mark.parametrize(
    "body",
    [
        where({"type": "range", "scope": STATUS, "ge": 1}),
        where({"type": "range", "scope": metadata("size"), "ge": "many"}),
        where({"type": "range", "scope": {"entity": "record", "property": "inserted_at"}, "ge": "yesterday"}),
        {"query": {"vector": {"name": "meaning", "value": [1.0, 2.0]}}},
        text("(" * 60 + "a" + ")" * 60),
        text("a " * 1100),
        where(terms(metadata("unknown"), "x")),
        text("a", "unknown"),
    ],
    ids=["range of status", "no number", "no time", "short vector", "deep", "long", "property", "field"],
)
def test_a_query_that_cannot_be_answered_is_refused(
    server: ReviewServer, material: Material, body: dict[str, Any]
) -> None:
    with server.client() as owner:
        assert owner.post(f"/datasets/{material.dataset}/records/search", json=body).status_code == 422
