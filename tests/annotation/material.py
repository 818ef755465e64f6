"""A few hundred records with everything that can be searched, sent to a server and kept in Python."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

RECORDS = 300
DIMENSIONS = 8
ODD = 'it\'s "odd".$[0]; --'
VERDICTS = ("good", "bad", "unsure")
KINDS = ("blame", "detail", 'it\'s "odd"', "50%", "wrong_help")
LEXICON = re.split(
    " ",
    "garden gardener Garden night rain rainy window letter train don't can’t naïve Überraschung straße C3PO "
    "under_score back\\slash 100% well-being 3.5 1,000 “quoted” (bracket) 東京 🌧 café cafe\u0301 per%cent a.b e.g.",
)


@dataclass(frozen=True)
class Answer:
    """A reviewer's response."""

    id: str
    status: str
    values: dict[str, Any]


@dataclass
class Item:
    """A record as it was sent, and what the server answered."""

    number: int
    external_id: str
    fields: dict[str, Any]
    metadata: dict[str, Any]
    suggestions: dict[str, dict[str, Any]]
    vector: list[float] | None
    answers: dict[str, Answer] = field(default_factory=dict)
    id: str = ""
    inserted_at: str = ""
    status: str = "pending"

    def texts(self, name: str | None = None) -> list[str]:
        """The texts of one field or of all; a chat gives one a message."""
        found: list[str] = []
        for key, value in self.fields.items():
            if name in (None, key) and value is not None:
                found += [value] if isinstance(value, str) else [message["content"] for message in value]
        return found


@dataclass(frozen=True)
class Material:
    """The dataset, its people and its records in the order in which they were sent."""

    dataset: str
    users: dict[str, dict[str, str]]
    items: list[Item]
    metadata_ids: dict[str, str]


def make_items(seed: int = 5) -> list[Item]:
    """Records with gaps everywhere: fields, metadata, suggestions and vectors are missing now and then."""
    draw = random.Random(seed)
    items = []
    for number in range(RECORDS):
        text = [" ".join(draw.choices(LEXICON, k=draw.randint(3, 12))) for _ in range(3)]
        fields: dict[str, Any] = {"title": text[0]}
        if draw.random() < 0.8:
            fields["body"] = text[1] if draw.random() < 0.97 else (text[1] + " ") * 300
        if draw.random() < 0.7:
            fields["talk"] = [{"role": "user", "content": text[2]}, {"role": "assistant", "content": text[0]}]
        metadata: dict[str, Any] = {}
        if draw.random() < 0.8:
            metadata["domain"] = draw.choice(["grief", "work", 'it\'s "odd"', "100%", "Zorn", "ärger"])
        elif draw.random() < 0.5:
            metadata["domain"] = draw.sample(["grief", "work", "Zorn", "ärger"], 2)
        if draw.random() < 0.8:
            metadata["size"] = draw.choice([draw.randint(-20, 20), draw.randint(0, 10**12)])
        if draw.random() < 0.8:
            metadata["weight"] = draw.choice([0.1, 0.25, 1e-7, 3.0, draw.uniform(-5, 5)])
        if draw.random() < 0.5:
            metadata[ODD] = draw.choice(["yes", "no"])
        suggestions: dict[str, dict[str, Any]] = {}
        if draw.random() < 0.7:
            suggestions["verdict"] = _suggestion(draw, draw.choice(VERDICTS))
        if draw.random() < 0.5:
            chosen = draw.sample(KINDS, draw.randint(1, 3))
            suggestions["kinds"] = {**_suggestion(draw, chosen), "score": [round(draw.random(), 3) for _ in chosen]}
        if draw.random() < 0.5:
            suggestions["stars"] = _suggestion(draw, draw.randint(1, 5))
        vector = [draw.uniform(-1, 1) for _ in range(DIMENSIONS)] if draw.random() < 0.85 else None
        items.append(Item(number, f"r-{draw.randint(0, 9)}'{number:03d}%_", fields, metadata, suggestions, vector))
    return items


def _suggestion(draw: random.Random, value: Any) -> dict[str, Any]:
    score = draw.choice([None, round(draw.random(), 3)])
    agent = draw.choice([None, "judge-1", "judge-2", "Model: x/y"])
    return {"value": value, "score": score, "agent": agent, "type": draw.choice([None, "model", "human"])}


def _values(draw: random.Random) -> dict[str, Any]:
    values: dict[str, Any] = {"verdict": draw.choice(VERDICTS), "stars": draw.randint(1, 5)}
    if draw.random() < 0.6:
        values["kinds"] = draw.sample(KINDS, draw.randint(1, 3))
    if draw.random() < 0.4:
        values["note"] = draw.choice(["fine", 'a "note"; DROP TABLE', "nul \x00 here", "back\\u0000slash"])
    return values


def fill(owner: httpx.Client, users: dict[str, dict[str, str]], min_submitted: int = 2) -> Material:
    """Makes the dataset, sends the records with their responses in three portions, then changes a few of them."""
    items = make_items()
    dataset, questions, metadata_ids = make_dataset(owner, "everything", list(users.values()), min_submitted)
    draw = random.Random(7)
    given = [{name: _answer(draw) for name in users if draw.random() < 0.6} for _ in items]
    for start in range(0, len(items), 100):
        portion = range(start, start + 100)
        body = [_body(items[at], given[at], users, questions) for at in portion]
        saved = _ok(owner.post(f"/datasets/{dataset}/records/bulk", json={"items": body}))["items"]
        for at, record in zip(portion, saved, strict=True):
            items[at].id, items[at].inserted_at = record["id"], record["inserted_at"]
    for at, record in enumerate(_ok(owner.get(f"/datasets/{dataset}/records?limit=1000&include=responses"))["items"]):
        assert record["id"] == items[at].id
        for response in record["responses"]:
            name = next(name for name, user in users.items() if user["id"] == response["user_id"])
            status, values = given[at][name]
            items[at].answers[name] = Answer(response["id"], status, values)
    _change(owner, users, items)
    for item in items:
        submitted = sum(answer.status == "submitted" for answer in item.answers.values())
        item.status = "completed" if submitted >= min_submitted else "pending"
    return Material(dataset, users, items, metadata_ids)


def make_dataset(
    owner: httpx.Client, name: str, users: list[dict[str, str]], min_submitted: int
) -> tuple[str, dict[str, str], dict[str, str]]:
    """A published dataset in a workspace of its name; returns its id, the ids of questions and of metadata."""
    workspace = _ok(owner.post("/workspaces", json={"name": name}))["id"]
    for user in users:
        _ok(owner.post(f"/workspaces/{workspace}/users", json={"user_id": user["id"]}))
    distribution = {"strategy": "overlap", "min_submitted": min_submitted}
    made = owner.post("/datasets", json={"name": name, "workspace_id": workspace, "distribution": distribution})
    dataset = _ok(made)["id"]
    for field_name, kind in {"title": "text", "body": "text", "talk": "chat"}.items():
        settings = {"type": kind, "use_markdown": False}
        body = {"name": field_name, "title": field_name, "required": field_name == "title", "settings": settings}
        _ok(owner.post(f"/datasets/{dataset}/fields", json=body))
    options = [[{"value": value, "text": value} for value in values] for values in (VERDICTS, KINDS)]
    kinds: dict[str, dict[str, Any]] = {
        "verdict": {"type": "label_selection", "options": options[0]},
        "kinds": {"type": "multi_label_selection", "options": options[1]},
        "stars": {"type": "rating", "options": [{"value": value} for value in range(1, 6)]},
        "note": {"type": "text"},
    }
    questions = {}
    for question, settings in kinds.items():
        body = {"name": question, "title": question, "required": question == "stars", "settings": settings}
        questions[question] = _ok(owner.post(f"/datasets/{dataset}/questions", json=body))["id"]
    metadata = {}
    for property_, kind in {"domain": "terms", "size": "integer", "weight": "float", ODD: "terms"}.items():
        body = {"name": property_, "title": "property", "settings": {"type": kind}, "visible_for_annotators": True}
        metadata[property_] = _ok(owner.post(f"/datasets/{dataset}/metadata-properties", json=body))["id"]
    vectors = {"name": "meaning", "title": "meaning", "dimensions": DIMENSIONS}
    _ok(owner.post(f"/datasets/{dataset}/vectors-settings", json=vectors))
    _ok(owner.put(f"/datasets/{dataset}/publish"))
    return dataset, questions, metadata


def cosine(left: list[float], right: list[float]) -> float:
    """The cosine of the angle between two vectors."""
    return sum(a * b for a, b in zip(left, right, strict=True)) / (math.hypot(*left) * math.hypot(*right))


def wrap(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Answers as the API takes them."""
    return {question: {"value": value} for question, value in values.items()}


def _answer(draw: random.Random) -> tuple[str, dict[str, Any]]:
    status = draw.choice(["submitted", "submitted", "draft", "discarded"])
    return status, ({} if status != "submitted" and draw.random() < 0.3 else _values(draw))


def _body(
    item: Item,
    given: dict[str, tuple[str, dict[str, Any]]],
    users: dict[str, dict[str, str]],
    questions: dict[str, str],
) -> dict[str, Any]:
    return {
        "external_id": item.external_id,
        "fields": item.fields,
        "metadata": item.metadata or None,
        "suggestions": [{"question_id": questions[name], **held} for name, held in item.suggestions.items()],
        "responses": [
            {"user_id": users[name]["id"], "status": status, "values": wrap(values)}
            for name, (status, values) in given.items()
        ],
        "vectors": {"meaning": item.vector} if item.vector else None,
    }


def _change(owner: httpx.Client, users: dict[str, dict[str, str]], items: list[Item]) -> None:
    # A few responses are sent again by their authors, a few withdrawn.
    draw = random.Random(11)
    for name, user in users.items():
        key = {"X-Argilla-Api-Key": user["api_key"]}
        chosen = draw.sample(items, 20)
        fresh = [("submitted", _values(draw)) for _ in chosen]
        body = [
            {"record_id": item.id, "status": status, "values": wrap(values)}
            for item, (status, values) in zip(chosen, fresh, strict=True)
        ]
        saved = _ok(owner.post("/me/responses/bulk", json={"items": body}, headers=key))["items"]
        for item, (status, values), answer in zip(chosen, fresh, saved, strict=True):
            assert answer["error"] is None, answer
            item.answers[name] = Answer(answer["item"]["id"], status, values)
        for item in chosen[:4]:
            _ok(owner.delete(f"/responses/{item.answers.pop(name).id}", headers=key))


def _ok(response: httpx.Response) -> Any:
    assert response.is_success, f"{response.status_code} {response.text[:500]}"
    return response.json() if response.content else None
