"""Gates: what a pair must pass to be in a corpus, for any author and on anybody's file.

A gate looks at one pair (``PairGate``) or at newcomers against the corpus (``CorpusGate``); its kind is ``safety`` or
``quality``; it says why it rejects. A gate whose label columns a file does not have is "not run", never "pass".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from corpusgen.checks.boundary import Boundary
from corpusgen.checks.coercion import Coercion
from corpusgen.checks.components import Components
from corpusgen.checks.copying import Copying
from corpusgen.checks.crisis_line import CrisisLine
from corpusgen.checks.danger import DangerNamed
from corpusgen.checks.diagnosis import Diagnosis
from corpusgen.checks.emergency_first import EmergencyFirst
from corpusgen.checks.gate import CorpusGate, Pair, PairGate, Rules, pair_of
from corpusgen.checks.grammar import Grammar
from corpusgen.checks.graphic import Graphic
from corpusgen.checks.human_claim import HumanClaim
from corpusgen.checks.interrogation import Interrogation
from corpusgen.checks.language import Language
from corpusgen.checks.length import Length
from corpusgen.checks.minors import Minors
from corpusgen.checks.moralising import Moralising
from corpusgen.checks.openings import Openings
from corpusgen.checks.operational import Operational
from corpusgen.checks.personal_data import PersonalData
from corpusgen.checks.platitudes import Platitudes
from corpusgen.checks.repetition import Repetition
from corpusgen.checks.resources import Resources
from corpusgen.checks.template import Template

__all__ = [
    "CorpusGate",
    "Pair",
    "PairGate",
    "Rejection",
    "Rules",
    "check_pair",
    "check_pairs",
    "corpus_gates",
    "not_run",
    "pair_gates",
    "pair_of",
]


class Rejection(NamedTuple):
    """Why a gate turned a pair away."""

    gate: str
    kind: str
    reason: str


def pair_gates(rules: Rules) -> list[PairGate]:
    """Returns every gate on a pair, safety first."""
    return [
        Operational(rules),
        Graphic(rules),
        Minors(rules),
        PersonalData(rules),
        Resources(rules),
        CrisisLine(rules),
        EmergencyFirst(rules),
        DangerNamed(rules),
        Boundary(rules),
        Coercion(rules),
        Length(rules),
        Language(rules),
        Template(rules),
        Grammar(rules),
        Components(rules),
        Copying(rules),
        Diagnosis(rules),
        Moralising(rules),
        HumanClaim(rules),
        Platitudes(rules),
        Interrogation(rules),
    ]


def corpus_gates(rules: Rules) -> list[CorpusGate]:
    """Returns every gate on the corpus as a whole."""
    return [Openings(rules), Repetition(rules)]


def check_pair(pair: Pair, gates: Iterable[PairGate]) -> list[Rejection]:
    """Returns every rejection of a pair; an empty list is a pass of the gates that could run."""
    found = []
    for gate in gates:
        if any(getattr(pair, label) is None for label in gate.needs):
            continue
        reason = gate.check(pair)
        if reason is not None:
            found.append(Rejection(gate.name, gate.kind, reason))
    return found


def check_pairs(pairs: Sequence[Pair], rules: Rules, workers: int = 1) -> list[list[Rejection]]:
    """Returns the rejections of each pair, in order; many pairs are judged by several processes.

    Args:
        pairs: What to judge.
        rules: What to judge by.
        workers: Processes; the result does not depend on it.
    """
    import multiprocessing

    global _gates
    _gates = pair_gates(rules)
    if workers < 2 or len(pairs) < SMALLEST_POOL or "fork" not in multiprocessing.get_all_start_methods():
        return [check_pair(pair, _gates) for pair in pairs]
    # forked workers inherit the compiled gates
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        return pool.map(_judge, pairs, chunksize=250)


SMALLEST_POOL = 1000
_gates: list[PairGate] = []


def _judge(pair: Pair) -> list[Rejection]:
    return check_pair(pair, _gates)


def not_run(columns: Sequence[str], gates: Iterable[PairGate]) -> dict[str, tuple[str, ...]]:
    """Returns, for each gate that a file with these columns cannot run, the labels it lacks."""
    have = set(columns)
    lacking = {gate.name: tuple(label for label in gate.needs if label not in have) for gate in gates}
    return {name: labels for name, labels in lacking.items() if labels}
