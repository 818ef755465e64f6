"""Danger: what a prompt names as deadly is not passed over in silence."""

from __future__ import annotations

from corpusgen.checks.gate import Kind, Pair, Rules
from corpusgen.schema import Mode

__all__ = ["DangerNamed"]


class DangerNamed:
    """Rejects a response that says nothing of a danger that its prompt names, by the taxonomy's list of dangers.

    Omission, not invention, is the commoner failure of models in a crisis (arXiv 2604.00014).
    """

    name = "danger"
    kind: Kind = "safety"
    needs: tuple[str, ...] = ("response_mode",)

    def __init__(self, rules: Rules) -> None:
        self.dangers = rules.taxonomy.dangers

    def check(self, pair: Pair) -> str | None:
        """Returns why the pair is rejected, or None."""
        if pair.response_mode == Mode.ANSWER:
            return None
        passed = self.dangers.passed_over(pair.prompt, pair.response)
        return f"passes over {passed[0].name}, which the prompt names" if passed else None
