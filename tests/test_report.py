"""The report: one file, no network, and record text that cannot do anything."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusgen.report.again import report_again

pytestmark = pytest.mark.slow

PAYLOAD = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(page)
    return parser.tags


def test_it_opens_without_a_network(smoke: Path) -> None:
    page = (smoke / "report.html").read_text()
    assert "default-src 'none'" in page
    for tag, attributes in tags(page):
        assert tag not in {"script", "link", "iframe"}
        assert (attributes.get("src") or "data:").startswith("data:")
    assert not re.search(r"url\(|@import", page)


def test_it_shows_what_a_curator_looks_for(smoke: Path) -> None:
    page = (smoke / "report.html").read_text()
    for heading in (
        "Quotas",
        "Rejected by gates",
        "Duplicates removed",
        "The corpus as a map",
        "Pairs to read",
        "Time",
    ):
        assert f">{heading}<" in page
    assert "Not yet reviewed by clinicians" in page
    assert page.count('class="pair"') >= 5 * 4
    metrics = json.loads((smoke / "metrics.json").read_text())
    assert f"{metrics['counts']['rejected']:,}" in page


def test_record_text_is_shown_and_never_run(smoke: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(smoke, copy)
    table = pq.read_table(copy / "corpus.parquet")
    hostile = pa.array([PAYLOAD + text for text in table.column("prompt").to_pylist()])
    table = table.set_column(table.schema.get_field_index("prompt"), "prompt", hostile)
    pq.write_table(table, copy / "corpus.parquet")
    page = report_again(copy).read_text()
    assert "owned" in page
    assert not [tag for tag, attributes in tags(page) if tag == "script" or "onerror" in attributes]
