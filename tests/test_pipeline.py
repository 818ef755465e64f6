"""Forked steps leave Ctrl+C to their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

FORKER = """
import os, signal, time
from corpusgen.pipeline import _guard_children

signal.signal(signal.SIGINT, lambda *_: None)
GUARD
print("ready", flush=True)
bad, end = 0, time.monotonic() + 1.5
while time.monotonic() < end:
    child = os.fork()
    if not child:
        # what the child does first: Python code, in which a pending signal would call the parent's handler
        os._exit(0 if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else 1)
    bad += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
print(bad, flush=True)
"""


def _forked(guard: str) -> int:
    """Returns how many forked children met Ctrl+C with the parent's handler, while it was pressed all the time."""
    command = [sys.executable, "-c", FORKER.replace("GUARD", guard)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    end = time.monotonic() + 1.2
    while time.monotonic() < end:
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.0005)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    return int(said)


def test_a_forked_child_ignores_an_interrupt_from_its_first_moment() -> None:
    assert _forked("_guard_children()") == 0
    assert _forked("") > 0
