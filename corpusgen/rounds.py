"""Rounds of write, check and dedup: accepted pairs always win, cells that lost a pair get the next attempt."""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusgen.authors.offline import TRIES_A_QUESTION, Brief, last_try, make_briefs
from corpusgen.checks import Pair, Rules, check_pair, check_pairs, corpus_gates, pair_gates, pair_of
from corpusgen.checks.gate import LABELS
from corpusgen.dedup.embed import MiniLM
from corpusgen.dedup.foreign import Benchmarked
from corpusgen.dedup.screen import Screen
from corpusgen.errors import RunError
from corpusgen.pipeline import OfflineWriter, Writer
from corpusgen.plan import Cell
from corpusgen.progress import Outcome, Progress, Timer
from corpusgen.recipe import Inputs
from corpusgen.run import Run, read_table, write_bytes
from corpusgen.tables import read_column

if TYPE_CHECKING:
    from corpusgen.dedup.embed import Vectors

__all__ = ["Loss", "Rounds", "Screening"]

Loss = tuple[str, str, str, str, str, float]
"""Why an attempt is lost: outcome, gate, kind, reason, the id of what was kept in its place, similarity."""

Screening = Callable[[Sequence[Mapping[str, Any]], "Vectors"], Mapping[str, Loss]]
"""Says which of some newcomers are lost, by pair id, given their rows and embeddings."""


def _none(rows: Sequence[Mapping[str, Any]], vectors: Vectors) -> Mapping[str, Loss]:
    return {}


class Rounds:
    """Rounds of write, check and dedup, until every quota is full or the attempts are used up."""

    def __init__(
        self,
        inputs: Inputs,
        run: Run,
        cells: Sequence[Cell],
        writer: Writer,
        workers: int,
        progress: Progress,
        timer: Timer,
    ) -> None:
        self.inputs = inputs
        self.run = run
        self.cells = cells
        self.writer = writer
        author = inputs.recipe.author
        self.modelled = 0 if author.kind == "offline" else min(author.attempts, inputs.recipe.attempts)
        """Attempts at a cell that a model writes; after them, or a failed one, the offline author does."""
        self.offline = OfflineWriter(inputs, workers, fell_back=True, ray=writer.ray) if self.modelled else writer
        self.failed: set[str] = set()
        self.workers = workers
        self.progress = progress
        self.timer = timer
        self.by_id = {cell.cell_id: cell for cell in cells}
        self.encoder = MiniLM()
        self.rules = Rules(self.inputs.taxonomy, self.inputs.recipe.checks)
        self.pair_gates = pair_gates(self.rules)
        self.corpus_gates = corpus_gates(self.rules)
        self.screen: Screen = Screen(
            self.inputs.recipe.dedup, self.inputs.taxonomy.registry, self.encoder, list(_benchmarks(self.inputs))
        )
        self.members: dict[str, list[str]] = defaultdict(list)
        for cell in cells:
            self.members[cell.pair_group or cell.cell_id].append(cell.cell_id)
        self.outcomes: list[Outcome] = []
        """What became of every attempt."""
        self.pairs: dict[str, dict[str, Any]] = {}
        """The accepted pairs, by cell id."""
        self.vectors: dict[str, Any] = {}
        """The embedding of each accepted pair's prompt, by pair id."""

    def play(self) -> None:
        """Plays rounds until every cell is filled or has used up its attempts.

        Raises:
            AuthorError: The pipeline failed as a whole.
            StorageError: A part cannot be written.
        """
        total = len(self.cells)
        for attempts in self._blocks():
            todo = [cell for cell in self.cells if cell.cell_id not in self.pairs]
            if not todo:
                break
            self.progress.stage("write", f"{len(todo):,} cells, attempt {_span(attempts)}")
            with self.timer("write"):
                rows = self._write(attempts, todo, "part")
            for attempt in attempts:
                open_rows = [row for row in rows[attempt] if row["cell_id"] not in self.pairs]
                if open_rows:
                    self._round(attempt, open_rows)
                    self.progress.count(len(self.pairs), total, f"after round {attempt + 1}")

    def matrix(self, cells: Sequence[Cell]) -> Vectors:
        """Returns the embeddings of the prompts that fill some cells, in their order, shape (len(cells), 384)."""
        import numpy as np

        return np.stack([self.vectors[self.pairs[cell.cell_id]["id"]] for cell in cells])

    def objection(self, cell_id: str, pair: Pair) -> str | None:
        """Returns why a corrected pair cannot stand in its cell, or None: what a gate rejects or repeats another."""
        rejections = check_pair(pair, self.pair_gates)
        if rejections:
            return f"the gate '{rejections[0].gate}' rejects it: {rejections[0].reason}"
        if twin := self.screen.too_alike(pair):
            return f"it shares {twin.similarity:.0%} of its word sequences with the answer of {twin.kept}"
        before = pair_of(self.pairs[cell_id])
        for gate in self.corpus_gates:
            reason = gate.screen([pair], len(self.cells)).get(pair.id)
            # a limit that the text before had reached as well is no reason
            if reason and not gate.screen([before], len(self.cells)):
                return f"the gate '{gate.name}' rejects it: {reason}"
        return None

    def correct(self, cell_id: str, pair: Pair) -> None:
        """Puts a corrected pair in the place of an accepted one; later pairs must keep away from both texts."""
        import numpy as np

        row = self.pairs[cell_id]
        lists = {"resources": list(pair.resources or ()), "components": list(pair.components or ())}
        self.pairs[cell_id] = {**row, "response": pair.response, **lists}
        self.screen.accept([pair], np.stack([self.vectors[row["id"]]]))
        for gate in self.corpus_gates:
            gate.accept([pair])

    def drop(self, cell_id: str, reason: str, harmful: bool) -> int:
        """Takes an accepted pair out again: its cell is open, and what comes near the pair stays unwelcome.

        Args:
            cell_id: Its cell.
            reason: Why the review dropped it.
            harmful: Whether it was held harmful.

        Returns:
            The last attempt that would say the same again.
        """
        row = self.pairs.pop(cell_id)
        del self.vectors[row["id"]]
        gone = ("dropped", "review", "safety" if harmful else "quality", reason, "", 0.0)
        self.outcomes = [
            Outcome(item.id, item.cell_id, item.attempt, *gone, item.author) if item.id == row["id"] else item
            for item in self.outcomes
        ]
        return last_try(self.by_id[cell_id], row["attempt"])

    def refill(self, after: Mapping[str, int], name: str, screen: Screening) -> None:
        """Plays rounds for cells that were dropped, with more attempts than a new cell has.

        Args:
            after: The attempt that was dropped, by cell id; only later ones count.
            name: What the parts' names begin with.
            screen: Says what else is lost, of newcomers that passed all the rest.

        Raises:
            AuthorError: The pipeline failed as a whole.
            StorageError: A part cannot be written.
        """
        for attempts in self._blocks(max(after.values(), default=0) + 2 * TRIES_A_QUESTION):
            todo = [
                cell
                for cell in self.cells
                if after.get(cell.cell_id, attempts.stop) < attempts.stop - 1 and cell.cell_id not in self.pairs
            ]
            if not todo:
                continue
            self.progress.stage("write", f"{len(todo):,} cells that the review dropped, attempt {_span(attempts)}")
            with self.timer("write"):
                rows = self._write(attempts, todo, name)
            for attempt in attempts:
                open_rows = [
                    row for row in rows[attempt] if row["cell_id"] not in self.pairs and attempt > after[row["cell_id"]]
                ]
                if open_rows:
                    self._round(attempt, open_rows, screen)

    def _round(self, attempt: int, rows: Sequence[dict[str, Any]], screen: Screening | None = None) -> None:
        timer, said = self.timer, self.progress
        said.stage(
            "check", f"round {attempt + 1}: {len(rows):,} pairs, {len(self.pair_gates) + len(self.corpus_gates)} gates"
        )
        with timer("check"):
            lost = self._check(rows)
        candidates = [row for row in rows if row["id"] not in lost]
        said.stage("dedup", f"round {attempt + 1}: {len(candidates):,} candidates")
        with timer("embed"):
            vectors = self._embed(attempt, candidates)
        with timer("dedup"):
            lost.update(self._duplicates(candidates, vectors))
            lost.update({name: lost.get(name, why) for name, why in (screen or _none)(candidates, vectors).items()})
        with timer("check"):
            lost.update(self._whole_corpus([row for row in candidates if row["id"] not in lost]))
        self._settle(rows, lost, dict(zip([row["id"] for row in candidates], vectors, strict=True)))

    def _write(self, attempts: range, todo: Sequence[Cell], kind: str) -> dict[int, list[dict[str, Any]]]:
        """Has the missing parts of a block written, and returns all of its rows by attempt, in plan order."""
        asked = [cell for cell in todo if attempts.start < self.modelled and cell.cell_id not in self.failed]
        given = {cell.cell_id for cell in asked}
        left = [cell for cell in todo if cell.cell_id not in given]
        rows: dict[int, list[dict[str, Any]]] = {attempt: [] for attempt in attempts}
        name = f"{kind}-{attempts.start:02d}"
        self._have_written(self.writer, name, attempts, asked, rows)
        self._have_written(self.offline, f"{name}-offline" if self.modelled else name, attempts, left, rows)
        order = {cell.cell_id: position for position, cell in enumerate(self.cells)}
        for some in rows.values():
            some.sort(key=lambda row: order[row["cell_id"]])
        return rows

    def _have_written(
        self, writer: Writer, name: str, attempts: range, cells: Sequence[Cell], rows: dict[int, list[dict[str, Any]]]
    ) -> None:
        """Has one writer write what is missing of its share of a block, and adds all of the share to the rows."""
        ids = [cell.cell_id for cell in cells]
        briefs = [brief for attempt in attempts for brief in make_briefs(self.cells, dict.fromkeys(ids, attempt))]
        size = writer.part_rows
        parts = {
            f"{name}-{start // size:05d}.parquet": briefs[start : start + size] for start in range(0, len(briefs), size)
        }
        missing = {part: some for part, some in parts.items() if not self._whole(part, some)}
        writer.write(missing, self.run.written)
        for part in parts:
            for row in read_table(self.run.written / part).to_pylist():
                cell = self.by_id[row["cell_id"]]
                labels = {column: getattr(cell, column) for column in _CELL_LABELS}
                rows[row["attempt"]].append({**labels, **row})

    def _blocks(self, more: int = 0) -> Iterator[range]:
        """Yields the attempts that are written at a time.

        A model's attempts come singly, since each is paid for. The offline author's come in blocks: one for all cells,
        then more and more for the few that are left; starting the writers costs as much as composing some two thousand
        pairs that turn out not to be needed. ``more`` attempts are allowed beyond the recipe's.
        """
        end = self.inputs.recipe.attempts + more
        for attempt in range(self.modelled):
            yield range(attempt, attempt + 1)
        first, width = self.modelled, 1
        while first < end:
            last = min(first + width, end)
            yield range(first, last)
            first, width = last, max(3, 2 * width)

    def _whole(self, name: str, briefs: Sequence[Brief]) -> bool:
        """Whether a part is there and holds just these cells; anything else is written again."""
        path = self.run.written / name
        if not path.is_file():
            return False
        try:
            found = read_table(path).select(["cell_id", "attempt"]).to_pylist()
            return [tuple(row.values()) for row in found] == [(brief.cell.cell_id, brief.attempt) for brief in briefs]
        except RunError:
            path.unlink()
            return False

    def _check(self, rows: Sequence[dict[str, Any]]) -> dict[str, Loss]:
        """Returns what is lost at the pair gates, by pair id."""
        lost: dict[str, Loss] = {}
        written = [row for row in rows if row["status"] == "ok"]
        lost.update(
            {
                row["id"]: ("failed", "author", "quality", row["status"], "", 0.0)
                for row in rows
                if row["status"] != "ok"
            }
        )
        judged = check_pairs([pair_of(row) for row in written], self.rules, self.workers)
        self.failed.update(row["cell_id"] for row in rows if row["status"] != "ok")
        for row, found in zip(written, judged, strict=True):
            if found:
                first = found[0]
                lost[row["id"]] = ("rejected", first.gate, first.kind, first.reason, "", 0.0)
        return lost

    def _embed(self, attempt: int, rows: Sequence[Mapping[str, Any]]) -> Vectors:
        """Returns the prompts' embeddings, from disk where the same prompts were embedded before."""
        import numpy as np

        prompts = [row["prompt"] for row in rows]
        digest = hashlib.sha256("\x1e".join(prompts).encode()).hexdigest()[:16]
        path = self.run.embeddings / f"round-{attempt:02d}-{digest}.npy"
        if path.is_file():
            try:
                found: Vectors = np.load(path)
                if len(found) == len(prompts):
                    return found
            except (OSError, ValueError):
                path.unlink(missing_ok=True)
        vectors = self.encoder.encode(prompts)
        _save_array(vectors, path)
        return vectors

    def _duplicates(self, rows: Sequence[dict[str, Any]], vectors: Vectors) -> dict[str, Loss]:
        found = self.screen.duplicates([pair_of(row) for row in rows], vectors)
        return {item.id: ("duplicate", item.kind, "quality", item.text, item.kept, item.similarity) for item in found}

    def _whole_corpus(self, rows: Sequence[dict[str, Any]]) -> dict[str, Loss]:
        lost: dict[str, Loss] = {}
        newcomers = [pair_of(row) for row in rows]
        for gate in self.corpus_gates:
            left = [pair for pair in newcomers if pair.id not in lost]
            for name, reason in gate.screen(left, len(self.cells)).items():
                lost[name] = ("rejected", gate.name, gate.kind, reason, "", 0.0)
        return lost

    def _settle(
        self,
        rows: Sequence[dict[str, Any]],
        lost: Mapping[str, Loss],
        vectors: Mapping[str, Any],
    ) -> None:
        """Accepts what survived, both sides of a contrast pair or neither, and notes what became of every attempt."""
        import numpy as np

        # the other side of a pair that the review dropped stays accepted
        fine = {row["cell_id"] for row in rows if row["id"] not in lost} | self.pairs.keys()
        accepted = []
        for row in rows:
            cell = self.by_id[row["cell_id"]]
            reason = lost.get(row["id"])
            if reason is None and not fine.issuperset(self.members[cell.pair_group or cell.cell_id]):
                what = "the other side of its contrast pair was lost; both are written again"
                reason = ("partner", "contrast_pair", "quality", what, "", 0.0)
            if reason is None:
                accepted.append(row)
                reason = ("accepted", "", "", "", "", 0.0)
            self.outcomes.append(Outcome(row["id"], row["cell_id"], row["attempt"], *reason, row["author"]))
        for row in accepted:
            self.pairs[row["cell_id"]] = row
            self.vectors[row["id"]] = vectors[row["id"]]
        if accepted:
            matrix = np.stack([vectors[row["id"]] for row in accepted])
            pairs = [pair_of(row) for row in accepted]
            self.screen.accept(pairs, matrix)
            for gate in self.corpus_gates:
                gate.accept(pairs)


def _span(attempts: range) -> str:
    last = attempts.stop
    return str(last) if len(attempts) == 1 else f"{attempts.start + 1} to {last}"


_WRITTEN_LABELS = {"components", "resources"}
_CELL_LABELS = [name for name in LABELS if name not in _WRITTEN_LABELS]


def _save_array(array: Vectors, path: Path) -> None:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array)
    write_bytes(path, buffer.getvalue())


def _benchmarks(inputs: Inputs) -> Iterator[Benchmarked]:
    for benchmark in inputs.recipe.dedup.benchmarks:
        path = inputs.benchmark_path(benchmark)
        if path.is_file():
            yield Benchmarked(benchmark.name, tuple(read_column(path, benchmark.column)))
