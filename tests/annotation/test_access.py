"""What somebody without a key gets, and what the server tells the browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess

import httpx
import pytest

from tests.annotation.material import Material
from tests.annotation.servers import ReviewServer

pytestmark = pytest.mark.slow

PUBLIC = ["/version", "/status", "/settings", "/oauth2/providers"]
SIGNING_IN = {"/token", "/oauth2/providers/{provider}/authentication", "/oauth2/providers/{provider}/access-token"}
LIST_ROUTES = """
import json
from argilla_server.api.routes import api_v1
from fastapi.routing import APIRoute
print(json.dumps([[sorted(route.methods)[0], route.path] for route in api_v1.routes if isinstance(route, APIRoute)]))
"""


def test_nobody_gets_anything_without_a_key(server: ReviewServer, material: Material) -> None:
    command = [server.python, "-c", LIST_ROUTES]
    listed = subprocess.run(command, env=server.environment(), check=True, capture_output=True, text=True).stdout
    routes = [route for route in json.loads(listed) if route[1] not in {*PUBLIC, *SIGNING_IN}]
    assert len(routes) > 60
    for method, path in routes:
        known = path.replace("{dataset_id}", material.dataset).replace("{record_id}", material.items[0].id)
        url = f"{server.url}/api/v1{re.sub('{[^}]*}', material.items[0].id, known)}"
        for headers in ({}, {"X-Argilla-Api-Key": "wrong"}, {"Authorization": "Bearer wrong"}):
            answer = httpx.request(
                method, url, headers=headers, json={} if method in ("POST", "PUT", "PATCH") else None
            )
            assert answer.status_code == 401, (method, path, answer.text)


@pytest.mark.parametrize("path", ["/api/v1/docs", "/api/v1/redoc", "/api/v1/openapi.json"])
def test_the_api_is_not_described_to_anybody(server: ReviewServer, path: str) -> None:
    assert httpx.get(server.url + path).status_code == 404


def test_what_is_public_says_nothing_about_the_machine(server: ReviewServer) -> None:
    for path in PUBLIC:
        answer = httpx.get(f"{server.url}/api/v1{path}")
        assert answer.is_success
        assert str(server.home) not in answer.text


def test_a_reviewer_sees_own_answers_only(server: ReviewServer, material: Material) -> None:
    me = material.users["rev0"]
    with server.client(me["api_key"]) as client:
        path = f"/me/datasets/{material.dataset}/records/search"
        items = client.post(path, params={"limit": 1000, "include": "responses"}, json={}).json()["items"]
        assert {given["user_id"] for item in items for given in item["record"]["responses"]} == {me["id"]}
        assert client.post(f"/datasets/{material.dataset}/records/search", json={}).status_code == 403
        assert client.get(f"/datasets/{material.dataset}/records").status_code == 403


def test_another_origin_is_not_let_in(server: ReviewServer) -> None:
    answer = httpx.get(f"{server.url}/api/v1/version", headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_the_page_may_load_and_run_only_what_is_its_own(server: ReviewServer) -> None:
    page = httpx.get(f"{server.url}/sign-in")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert "unsafe" not in policy["script-src"]
    inline = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    assert inline
    for script in inline:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy["script-src"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"


def test_answers_of_the_api_are_not_kept_by_the_browser(server: ReviewServer) -> None:
    assert httpx.get(f"{server.url}/api/v1/version").headers["cache-control"] == "no-store"
