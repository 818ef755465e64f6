"""What became of the decisions, and whether the corpus is the one that was sampled: nothing came in by another way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusgen.reviews import Decision, Look, content_hash
from corpusgen.run import read_rows, read_table
from corpusgen.standing import Row

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Compiled", "compare", "count", "texts"]


@dataclass(frozen=True)
class Compiled:
    """The corpus against the decisions, and against the corpus that the last sample was drawn from.

    Attributes:
        pending: Decisions that the corpus does not show yet.
        stale: Decisions of the last look about texts that the corpus no longer holds.
        harmful: Decisions that keep an answer that was found harmful.
        strange: Pairs of the corpus that were not there when the last sample was drawn, and come of no decision.
        gone: Pairs that the last sample was drawn from, and that are gone without a decision.
        back: Pairs whose text was dropped, or edited, under another id.
        foreign: Decisions about pairs that no sample of their look holds.
        refills: Pairs of the corpus that fill the cell of a dropped one, and were not there when the sample was drawn.
    """

    pending: int
    stale: int
    harmful: int
    strange: int
    gone: int
    back: int
    foreign: int
    refills: frozenset[str]

    def gaps(self) -> Iterator[str]:
        """Yields what is missing, each a sentence that says what to do."""
        if number := self.pending:
            yield f"{_are(number, 'decision')} not compiled into the corpus yet: `corpusgen build`"
        if number := self.stale:
            yield (
                f"{_are(number, 'decision')} about texts that the corpus no longer holds: "
                "build with the inputs of the sample, or draw a fresh one with `corpusgen review push --new-look`"
            )
        if number := self.harmful:
            yield (
                f"{_are(number, 'pair')} kept though found harmful: "
                "have the adjudicator edit or drop it, then `corpusgen review pull` and `corpusgen review apply`"
            )
        if number := self.strange:
            yield (
                f"{_are(number, 'pair')} in the corpus that the last sample was not drawn from, and that no decision "
                f"put there: {_REBUILD}"
            )
        if number := self.gone:
            yield f"{_are(number, 'pair')} gone that the last sample was drawn from, by no decision: {_REBUILD}"
        if number := self.back:
            yield (
                f"{_are(number, 'pair')} in the corpus with a text that was dropped or edited: "
                "drop its seed or mend it, then `corpusgen build` and `corpusgen review push --new-look`"
            )
        if number := self.foreign:
            yield (
                f"{_are(number, 'decision')} about pairs that no sample of their look holds: "
                "restore decisions.parquet from a copy, or run `corpusgen review apply`"
            )


_REBUILD = (
    "build again from the inputs of the sample, or draw a fresh one with `corpusgen review push --new-look`, "
    "where another look was stated"
)


def texts(corpus: pa.Table) -> dict[str, str]:
    """Returns the hash of every pair's text, by id."""
    rows = corpus.select(["id", "prompt", "response"]).to_pylist()
    return {row["id"]: content_hash(row["prompt"], row["response"]) for row in rows}


def compare(
    decisions: Sequence[Decision], corpus: pa.Table, rows: Mapping[int, Sequence[Row]], look: Look, lineage: Path
) -> Compiled:
    """Compares the corpus with what was decided, and with what the last sample was drawn from.

    Args:
        decisions: Of all looks.
        corpus: The corpus as it is now.
        rows: What was judged, by look.
        look: The last look.
        lineage: What the last build made of the decisions; not there before the first build with any.

    Raises:
        RunError: A table is damaged, or the frame of the last look is missing.
    """
    now = texts(corpus)
    status = dict(zip(corpus["id"].to_pylist(), corpus["review_status"].to_pylist(), strict=True))
    judged = {(number, row.pair_id): row for number, some in rows.items() for row in some}
    ordered = sorted(decisions, key=lambda item: (item.look, item.round))
    last = {item.pair_id: item for item in ordered}
    edited = {
        (item.pair_id, content_hash(row.sample["prompt"], (item.response or "").strip()))
        for item in ordered
        if item.outcome == "edit" and (row := judged.get((item.look, item.pair_id))) is not None
    }
    pending = stale = 0
    for item in last.values():
        text = now.get(item.pair_id)
        untouched = text == item.content_hash
        if item.outcome == "keep":
            # what an earlier look edited stays marked so when a later one keeps it
            done = untouched and status[item.pair_id] in ("kept", "edited")
        else:
            # a corrected answer that a gate rejects is dropped, and its cell filled again
            done = text is None or (item.outcome == "edit" and (item.pair_id, text) in edited)
        pending += not done and untouched
        # an earlier look's texts may have changed since: the frame of the last one holds what was there then
        stale += not done and not untouched and item.look == look.number
    frame = {row["id"]: row["content_hash"] for row in read_table(look.frame_path, _COPY).to_pylist()}
    refills = _refills(lineage, {(item.look, item.pair_id): item for item in decisions})
    explained = {
        name
        for name, text in now.items()
        if frame.get(name) == text or (name, text) in edited or refills.get(name, "") == text
    }
    # their own words say more: they are stale
    named = {item.pair_id for item in last.values() if item.look == look.number}
    left = named | {item.pair_id for item in decisions if item.outcome != "keep"}
    gone_texts: dict[str, str] = {}
    for item in ordered:
        if item.outcome == "keep":
            gone_texts.pop(item.content_hash, None)
        else:
            gone_texts[item.content_hash] = item.pair_id
    return Compiled(
        pending=pending,
        stale=stale,
        harmful=sum(item.harmful and item.outcome == "keep" for item in last.values()),
        strange=len(now.keys() - explained - named),
        gone=len(frame.keys() - now.keys() - left),
        back=sum(gone_texts.get(text, name) != name for name, text in now.items()),
        foreign=sum((item.look, item.pair_id) not in judged for item in decisions),
        refills=frozenset(refills.keys() & now.keys() - frame.keys()),
    )


_COPY = "corpusgen review push (in a copy: a frame cannot be made again)"


def _refills(lineage: Path, decisions: Mapping[tuple[int, str], Decision]) -> dict[str, str | None]:
    """Returns the hash of each pair that fills a cell which a decision emptied."""
    found: dict[str, str | None] = {}
    rows: Sequence[Mapping[str, Any]] = read_rows(lineage)
    for row in rows:
        decision = decisions.get((row["look"], row["pair_id"]))
        if row["replaced_by"] and decision is not None and decision.outcome != "keep":
            found[row["replaced_by"]] = row["after"]
    return found


def count(number: int, noun: str) -> str:
    """Returns a number with its noun."""
    plural = {"person": "people"}.get(noun, noun + "s")
    return f"{number:,} {noun if number == 1 else plural}"


def _are(number: int, noun: str) -> str:
    return f"{count(number, noun)} {'is' if number == 1 else 'are'}"
