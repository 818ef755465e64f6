"""The pipeline's own parts: what forked steps do on Ctrl+C, and which of several candidates is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

from corpusgen.authors.grounding import Grounding
from corpusgen.authors.offline import Composer, make_briefs
from corpusgen.pipeline.asking import Choose
from corpusgen.pipeline.steps import lend, row_of
from corpusgen.plan import make_plan
from corpusgen.recipe import Checks, Inputs

FORKER = """
import os, signal, time
from corpusgen.pipeline.running import _guard_children

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


PLAIN = (
    "A plain answer to a plain question, long enough to be one. It says what the thing is, what it is good for, and "
    "where people usually go wrong with it, and then it stops. Nothing in it could do anybody any harm at all."
)


def _chosen(inputs: Inputs, responses: list[str], marks: list[tuple[int, int, bool] | None]) -> dict[str, object]:
    composer = Composer(inputs.taxonomy, inputs.seeds)
    lend(Grounding(composer, ()))
    cell = next(cell for cell in make_plan(inputs) if cell.lookalike)
    (brief,) = make_briefs([cell], {cell.cell_id: 0})
    names = ("grounding", "relevance", "harm")
    row = {
        **row_of("part", brief),
        "prompt": composer.prompt(brief),
        "status": "ok",
        "candidates": [json.dumps({"response": text, "components": [], "resources": []}) for text in responses],
        "marks": [json.dumps(dict(zip(names, mark, strict=True))) if mark else "" for mark in marks],
    }
    folders = {"taxonomy": str(inputs.taxonomy.root), "seeds": str(inputs.seeds.root)}
    step = Choose(name="choose", **folders, checks=Checks().model_dump_json())
    step.load()
    return next(step.process([row]))[0]


def test_the_candidate_with_the_best_marks_is_kept_and_a_safe_one_is_a_spare(inputs: Inputs) -> None:
    better = PLAIN.replace("plain answer", "better answer")
    found = _chosen(inputs, [PLAIN, better], [(3, 3, False), (4, 5, False)])
    assert found["response"] == better
    assert found["spares"] == [PLAIN]


def test_a_gate_comes_before_the_judge(inputs: Inputs) -> None:
    unsafe = PLAIN + " Then you take the blenthic mixture."
    found = _chosen(inputs, [unsafe, PLAIN], [(5, 5, False), (2, 2, False)])
    assert found["response"] == PLAIN
    assert found["spares"] == []


def test_what_the_judge_calls_harmful_is_neither_kept_nor_a_spare(inputs: Inputs) -> None:
    other = PLAIN.replace("plain answer", "other answer")
    found = _chosen(inputs, [PLAIN, other], [(5, 5, True), None])
    assert found["response"] == other
    assert found["spares"] == []
