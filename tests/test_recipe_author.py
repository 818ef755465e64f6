"""The author of a recipe: what cannot work, or would give a key away, is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpusgen.errors import InvalidFile
from corpusgen.recipe import Author, load_recipe
from tests.conftest import ROOT

SMOKE = (ROOT / "pipelines" / "smoke.yaml").read_text(encoding="utf-8")
OFFLINE = "author:\n  kind: offline\n"


def written(folder: Path, author: str) -> Path:
    assert OFFLINE in SMOKE
    path = folder / "recipe.yaml"
    path.write_text(SMOKE.replace(OFFLINE, f"author:\n{author}"), encoding="utf-8")
    return path


def refusal(folder: Path, author: str) -> tuple[int, str]:
    """Returns line and words of the one problem for which a recipe with this author is refused."""
    path = written(folder, author)
    with pytest.raises(InvalidFile) as caught:
        load_recipe(path)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    assert problem.line is not None
    lines = path.read_text(encoding="utf-8").splitlines()
    start = lines.index("author:") + 1
    assert start <= problem.line <= start + author.count("\n")
    return problem.line - start, problem.what


LLM = "  kind: llm\n  endpoint: https://example.org/v1\n  model: small\n"


def test_an_endpoint_and_a_model_are_enough(tmp_path: Path) -> None:
    author = load_recipe(written(tmp_path, LLM)).author
    assert (author.kind, author.endpoint, author.model) == ("llm", "https://example.org/v1", "small")


@pytest.mark.parametrize(
    "argument",
    [
        "parameters: {api_key: sk-planted}",
        "parameters: {extra_headers: {Authorization: Bearer sk-planted}}",
        "parameters: {extra_body: [{accessToken: sk-planted}]}",
        "judge: {parameters: {X-API-Key: sk-planted}}",
        "llm_arguments: {token: sk-planted}",
        "llm_arguments: {client: {hf_token: sk-planted}}",
    ],
)
def test_an_argument_that_looks_like_a_secret_is_refused_and_not_repeated(tmp_path: Path, argument: str) -> None:
    _, what = refusal(tmp_path, f"{LLM}  {argument}\n")
    assert "looks like a secret" in what
    assert "sk-planted" not in what


@pytest.mark.parametrize(
    "parameters", ["{max_tokens: 5}", "{stop_token_ids: [2], logit_bias: {a: 1}}", "{extra_body: {top_k: 40, seed: 1}}"]
)
def test_ordinary_parameters_are_no_secrets(tmp_path: Path, parameters: str) -> None:
    assert load_recipe(written(tmp_path, f"{LLM}  parameters: {parameters}\n")).author.parameters


@pytest.mark.parametrize("name", ["model", "messages", "stream", "n", "response_format"])
def test_a_part_of_the_request_is_no_parameter(tmp_path: Path, name: str) -> None:
    _, what = refusal(tmp_path, f"{LLM}  parameters: {{{name}: 1}}\n")
    assert f"'{name}' cannot be set" in what


@pytest.mark.parametrize(
    "url",
    [
        "https://user:sk-planted@example.org/v1",
        "https://sk-planted@example.org/v1",
        "https://example.org/v1?key=sk-planted",
        "https://example.org/v1#sk-planted",
    ],
)
@pytest.mark.parametrize("whose", ["endpoint", "judge"])
def test_a_user_or_a_key_in_the_address_is_refused_and_not_repeated(tmp_path: Path, url: str, whose: str) -> None:
    author = (
        LLM.replace("https://example.org/v1", url) if whose == "endpoint" else f"{LLM}  judge: {{endpoint: '{url}'}}\n"
    )
    _, what = refusal(tmp_path, author)
    assert "without a key or a user in it" in what
    assert "sk-planted" not in what


@pytest.mark.parametrize("url", ["example.org/v1", "ftp://example.org/v1", "https://", "https:///v1", "''"])
def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    _, what = refusal(tmp_path, LLM.replace("https://example.org/v1", url))
    assert "is no endpoint" in what


@pytest.mark.parametrize(
    ("author", "what"),
    [
        ("  kind: llm\n  model: small\n", "either 'endpoint' or 'llm'"),
        (f"{LLM}  llm: distilabel.models.OllamaLLM\n", "either 'endpoint' or 'llm'"),
        ("  kind: llm\n  endpoint: https://example.org/v1\n", "wants a 'model'"),
        (f"{LLM}  budget_usd: 5\n", "a price for 'small'"),
        (f"{LLM}  budget_usd: 5\n  judge: {{model: large}}\n  prices: {{small: {{input: 1, output: 2}}}}\n", "'large'"),
        ("  kind: llm\n  llm: a.B\n  model: small\n  judge: {model: large}\n", "an 'endpoint' of its own"),
        ("  kind: local\n  judge: {model: large}\n", "an 'endpoint' of its own"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, author: str, what: str) -> None:
    assert what in refusal(tmp_path, author)[1]


@pytest.mark.parametrize(
    "line",
    [
        "budget_usd: 0",
        "budget_usd: .inf",
        "candidates: 0",
        "timeout_s: 0",
        "concurrency: 0",
        "retries: 21",
        "kind: gpt",
        "requests_per_minute: 0",
        "no_such_field: 1",
        "prices: {small: {input: -1, output: 2}}",
    ],
)
def test_a_wrong_value_is_refused_at_its_own_line(tmp_path: Path, line: str) -> None:
    author = LLM.replace("kind: llm", line) if line.startswith("kind") else f"{LLM}  {line}\n"
    at, what = refusal(tmp_path, author)
    assert at == author.splitlines().index(f"  {line}") + 1
    assert line.partition(":")[0] in what or "price" in what or "unknown" in what


def test_how_it_is_asked_changes_no_digest_and_what_is_asked_does(tmp_path: Path) -> None:
    first = load_recipe(written(tmp_path, LLM))

    def digest(**changes: object) -> str:
        author = Author.model_validate({**first.author.model_dump(), **changes})
        return first.model_copy(update={"author": author}).digest()

    how = {"concurrency": 5, "retries": 1, "timeout_s": 9, "requests_per_minute": 7, "tokens_per_minute": 9}
    price = {"prices": {"small": {"input": 1, "output": 2}}, "budget_usd": 3}
    assert digest(**how, **price, max_fallback_share=0.5) == first.digest()
    changes: list[dict[str, object]] = [{"model": "large"}, {"candidates": 2}, {"parameters": {"temperature": 0}}]
    assert first.digest() not in {digest(**change) for change in changes}
