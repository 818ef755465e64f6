"""Interrupts that a library swallows are raised again."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from corpusgen.progress import Interrupts, Timer


def test_a_swallowed_interrupt_is_raised_when_the_stage_ends() -> None:
    before = signal.getsignal(signal.SIGINT)
    timer = Timer()
    with timer.interrupts:
        with pytest.raises(KeyboardInterrupt), timer("embed"), contextlib.suppress(BaseException):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), timer("dedup"):
            pytest.fail("a stage began after the interrupt")
    assert signal.getsignal(signal.SIGINT) is before
    assert "embed" in timer.seconds


def test_without_an_interrupt_nothing_happens() -> None:
    interrupts = Interrupts()
    with interrupts:
        interrupts.check()
    assert not interrupts.seen
