"""Background processes: they outlive who started them, and no stranger is ever taken for one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from corpusgen.review.server.processes import Background


@pytest.fixture
def part(tmp_path: Path) -> Background:
    return Background("part", tmp_path / "part.lock", tmp_path / "part.log")


def start(part: Background, code: str, given: str = "") -> int:
    pid = part.start([sys.executable, "-uc", code], os.environ, part.log.parent, given)
    end = time.monotonic() + 10
    while not part.said() and time.monotonic() < end:
        time.sleep(0.02)
    return pid


def test_it_runs_until_it_is_stopped(part: Background) -> None:
    assert part.pid is None
    pid = start(part, "import time; print(input()); time.sleep(60)", "what it was given\n")
    assert part.pid == pid
    assert part.said() == ["what it was given"]
    assert part.stop()
    assert part.pid is None
    assert not part.stop()


def test_one_that_does_not_listen_is_killed(part: Background) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on'); time.sleep(60)"
    start(part, code)
    before = time.monotonic()
    assert part.stop(seconds=0.3)
    assert part.pid is None
    assert time.monotonic() - before < 5


def test_what_it_started_ends_with_it(part: Background) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid); time.sleep(60)"
    )
    start(part, code)
    child = int(part.said()[0])
    part.kill()
    end = time.monotonic() + 5
    while psutil.pid_exists(child) and time.monotonic() < end:
        time.sleep(0.05)
    assert not psutil.pid_exists(child)


def test_it_outlives_who_started_it(part: Background) -> None:
    code = (
        "import os, sys; from pathlib import Path; from corpusgen.review.server.processes import Background\n"
        "part = Background('part', Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "print(part.start([sys.executable, '-c', 'import time; time.sleep(60)'], os.environ, Path.cwd()))"
    )
    command = [sys.executable, "-c", code, str(part.lock), str(part.log)]
    pid = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    try:
        assert part.pid == pid
    finally:
        assert part.stop()
    assert part.pid is None


def test_a_stranger_with_its_number_is_left_alone(part: Background) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        part.lock.write_text(str(stranger.pid))
        try:
            assert part.pid is None
            assert not part.stop()
            part.kill()
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_the_log_before_is_kept(part: Background) -> None:
    for word in ("first", "second"):
        start(part, f"print('{word}')")
        part.stop()
    assert part.said() == ["second"]
    assert part.log.with_name("part.log.1").read_text() == "first\n"
