"""The public surface, and that importing it costs nothing."""

from __future__ import annotations

import subprocess
import sys
import time

import corpusgen as cg


def test_the_public_names_are_these() -> None:
    assert cg.__all__ == ["Run", "__version__", "build", "check", "deduplicate", "load_recipe", "plan", "publish"]


def test_a_function_is_not_hidden_by_the_module_of_its_name() -> None:
    import corpusgen.build
    import corpusgen.plan
    import corpusgen.publish  # noqa: F401

    assert callable(cg.build)
    assert callable(cg.plan)
    assert callable(cg.publish)


def test_help_is_there_in_a_third_of_a_second() -> None:
    command = [sys.executable, "-m", "corpusgen", "--help"]
    subprocess.run(command, check=True, capture_output=True)  # writes the bytecode
    best = min(_seconds(command) for _ in range(5))
    assert best < 0.3


def test_validate_takes_less_than_two_seconds() -> None:
    command = [sys.executable, "-m", "corpusgen", "validate", "--quiet"]
    assert min(_seconds(command) for _ in range(5)) < 2.0


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, corpusgen.cli; print([m for m in ('torch', 'pyarrow', 'distilabel', 'yaml') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert found.strip() == "[]"
