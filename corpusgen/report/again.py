"""Making the report again from what a run holds."""

from __future__ import annotations

import json
from pathlib import Path

from corpusgen.dedup.embed import MiniLM
from corpusgen.metrics import Metrics
from corpusgen.report import draw_picture, write_report
from corpusgen.run import read_table, require_run

__all__ = ["report_again"]


def report_again(folder: Path) -> Path:
    """Writes report.html again, from the corpus, metrics.json and run.json.

    Returns:
        The path of the report.

    Raises:
        RunError: The run is not finished.
        StorageError: The file cannot be written.
    """
    run = require_run(folder)
    table = read_table(run.corpus_path)
    metrics = Metrics(**json.loads(run.metrics_path.read_text(encoding="utf-8")))
    vectors = MiniLM().encode(table.column("prompt").to_pylist())
    write_report(run, table, metrics, run.state(), draw_picture(table, vectors))
    return run.report_path
