"""The gates tried on the worked examples: every exemplar passes, every bad response fails the gate it is labelled with."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from corpusgen.checks import Pair, Rules, check_pair, pair_gates, pair_of
from corpusgen.errors import Problem
from corpusgen.examples import Examples, Exemplar

__all__ = ["misjudged", "rejected_elsewhere"]


def misjudged(examples: Examples, rules: Rules) -> Iterator[Problem]:
    """Yields each exemplar that a gate rejects, and each bad response that its gate lets pass, with file and line."""
    gates = pair_gates(rules)
    for exemplar in examples.exemplars:
        for rejection in check_pair(pair_of(exemplar.row()), gates):
            what = f"the exemplar '{exemplar.id}' fails the gate {rejection.gate}: {rejection.reason}"
            yield replace(exemplar.place, what=what, do="write it better, or correct its labels")
    by_name = {gate.name: gate for gate in gates}
    for bad in examples.bad_responses:
        if bad.gate not in by_name:
            do = f"use one of {', '.join(by_name)}"
            yield replace(bad.place, what=f"'{bad.id}' names the unknown gate '{bad.gate}'", do=do)
            continue
        seen = bool(check_pair(pair_of(bad.row()), [by_name[bad.gate]]))
        if seen and not bad.seen:
            what = f"the bad response '{bad.id}' is seen by the gate {bad.gate} now"
            yield replace(bad.place, what=what, do="remove its 'seen: false'")
        elif bad.seen and not seen:
            do = "make the gate see it, or label it with the gate that it fails"
            yield replace(bad.place, what=f"the bad response '{bad.id}' passes the gate {bad.gate}", do=do)


def rejected_elsewhere(exemplars: Sequence[Exemplar], rules: Rules, seed: int) -> dict[str, float]:
    """Returns how often each gate rejects an exemplar that is judged under the labels of another domain.

    A gate that looks at labels should notice that a response does not belong; one that looks at the text alone should
    not. Each exemplar is judged once, under the labels of a random exemplar of another domain.

    Returns:
        The share of exemplars rejected, from 0 to 1, by gate, and by any gate under ``any``; empty without exemplars.
    """
    draw = random.Random(seed)
    gates = pair_gates(rules)
    counts: Counter[str] = Counter()
    judged = 0
    for exemplar in exemplars:
        others = [other for other in exemplars if other.domain != exemplar.domain]
        if not others:
            continue
        judged += 1
        found = check_pair(_relabelled(exemplar, draw.choice(others)), gates)
        counts.update({rejection.gate for rejection in found})
        counts["any"] += bool(found)
    names = ["any", *(gate.name for gate in gates)]
    return {name: round(counts[name] / judged, 4) for name in names} if judged else {}


def _relabelled(exemplar: Exemplar, other: Exemplar) -> Pair:
    return pair_of({**exemplar.row(), **other.labels()})
