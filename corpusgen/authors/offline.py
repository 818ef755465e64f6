"""The offline author: composes prompt and response from the seed bank, with no model and no network.

Deterministic: the same cell, attempt and seed bank give the same text. A situation's own lines are enumerated (so
that two tellings of one situation differ as much as they can), shared pools are dealt by the cell's rank (so that
every line of a pool is used about equally often).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple, TypeVar

from corpusgen.authors.registers import capitalise, voice
from corpusgen.checks.language import FUNCTION_WORDS
from corpusgen.checks.text import words
from corpusgen.phrases import Phrase
from corpusgen.plan import Cell, stable_hash
from corpusgen.resources import Entry
from corpusgen.schema import UNKNOWN_COUNTRY, Mode, RiskFlag, Role
from corpusgen.seeds import Ask, Lookalike, Question, SeedBank, Situation
from corpusgen.spelling import british, spelling_pattern
from corpusgen.taxonomy import Taxonomy

__all__ = ["TRIES_A_QUESTION", "Brief", "Composer", "Written", "last_try", "make_briefs"]

Item = TypeVar("Item")

TRIES_A_QUESTION = 12
"""Attempts at a look-alike before it asks another of its questions."""


def last_try(cell: Cell, attempt: int) -> int:
    """Returns the last attempt at a cell with the same answer: the attempt itself, but for a look-alike.

    A look-alike's question has one answer; where that was dropped, another question has to be asked.
    """
    return attempt // TRIES_A_QUESTION * TRIES_A_QUESTION + TRIES_A_QUESTION - 1 if cell.lookalike else attempt


@dataclass(frozen=True)
class Brief:
    """What an author is told: a cell, which attempt this is, and the cell's rank among its kind."""

    cell: Cell
    attempt: int
    rank: int
    """Position among the cells with the same domain, role and mode; shared pools are dealt by it."""

    def question(self, lookalike: Lookalike) -> Question:
        """Returns the question of a look-alike that this attempt asks: the cell's own, and after some tries another.

        Where a question's one answer is too close to another, no new wording helps; another question does, unless
        another cell asks it already.
        """
        return lookalike.questions[(self.cell.ordinal + self.attempt // TRIES_A_QUESTION) % len(lookalike.questions)]


class Written(NamedTuple):
    """A response with what it claims about itself."""

    response: str
    components: tuple[str, ...]
    resources: tuple[str, ...]


def make_briefs(cells: Sequence[Cell], attempts: dict[str, int]) -> list[Brief]:
    """Returns a brief for every cell named in ``attempts`` (cell id to attempt number), in plan order."""
    ranks: Counter[tuple[str, str, str]] = Counter()
    briefs = []
    for cell in cells:
        kind = (cell.domain, cell.role, cell.response_mode)
        if cell.cell_id in attempts:
            briefs.append(Brief(cell, attempts[cell.cell_id], ranks[kind]))
        ranks[kind] += 1
    return briefs


class _Deal:
    """Deterministic choices for one brief."""

    def __init__(self, brief: Brief) -> None:
        self.brief = brief
        self.turn = brief.cell.ordinal + 5 * brief.attempt
        self.rank = brief.rank + 101 * brief.attempt

    def own(self, name: str, items: Sequence[Item], shift: int = 0) -> Item:
        """One of a situation's own lines: consecutive tellings take different ones, lines and lines combine anew."""
        size = len(items)
        start = int(stable_hash(self.brief.cell.seed_id, name, size=4), 16)
        return items[(start + self.turn + shift * (self.turn // size)) % size]

    def shared(self, name: str, items: Sequence[Item]) -> Item:
        """One line of a shared pool: every line in turn, in an order that differs from pool to pool."""
        size = len(items)
        spin = int(stable_hash(self.brief.cell.domain, self.brief.cell.role, name, size=4), 16)
        stride = 1 + spin % max(1, size - 1)
        while _gcd(stride, size) != 1:
            stride = stride % size + 1
        # each full round through the pool starts elsewhere, so that two pools of one size do not march in step
        return items[(spin + self.rank * stride + (self.rank // size) * (1 + spin % 7)) % size]

    def chance(self, name: str, outcomes: int) -> int:
        """A number below ``outcomes`` that depends on the cell and attempt alone."""
        return int(stable_hash(self.brief.cell.cell_id, self.brief.attempt, name, size=4), 16) % outcomes


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


class Composer:
    """Writes pairs from a taxonomy and a seed bank."""

    def __init__(self, taxonomy: Taxonomy, seeds: SeedBank) -> None:
        self.taxonomy = taxonomy
        self.seeds = seeds
        self.phrases = seeds.phrases
        self.spelling = spelling_pattern(taxonomy.spelling)
        self._british: dict[str, str] = {}
        self._fitting: dict[tuple[object, ...], Sequence[Phrase]] = {}

    def prompt(self, brief: Brief) -> str:
        """Returns the prompt for a brief."""
        if brief.cell.lookalike:
            text = self._lookalike_prompt(brief)
        else:
            text = self._risky_prompt(brief, self._situation(brief))
        return self.spell(text, brief.cell.country)

    def response(self, brief: Brief, prompt: str) -> Written:
        """Returns the response to the prompt of a brief, its resource slots filled from the registry."""
        if brief.cell.lookalike:
            answer = self._question(brief).answer
            return Written(self.spell(answer, brief.cell.country), (), ())
        return _Response(self, brief, self._situation(brief), prompt).compose()

    def resources(self, brief: Brief) -> list[Entry]:
        """Returns the entries of the registry that an answer to a risky brief may name, at most two, in order."""
        return _Response(self, brief, self._situation(brief), "").entries()

    def _situation(self, brief: Brief) -> Situation:
        return self.seeds.situations[brief.cell.seed_id].situation

    def _question(self, brief: Brief) -> Question:
        return brief.question(self.seeds.lookalikes[brief.cell.seed_id][1])

    def spell(self, text: str, country: str) -> str:
        """Returns a text in the spelling of a country."""
        if not self.taxonomy.registry.british(country):
            return text
        if text not in self._british:
            # authored lines come again and again; whole prompts do not, and are few beside them
            self._british[text] = british(text, self.taxonomy.spelling, self.spelling)
        return self._british[text]

    def fitting(self, pool: Sequence[Phrase], cell: Cell) -> Sequence[Phrase]:
        """Returns the lines of a pool that fit a cell; where none does, those that are tagged for nobody else."""
        key = (id(pool), cell.domain, cell.role, cell.severity, cell.risk_flags)
        if key not in self._fitting:
            fit = [line for line in pool if line.fits(cell.domain, cell.role, cell.severity, cell.risk_flags)]
            free = [line for line in pool if not line.tagged]
            self._fitting[key] = fit or free or pool
        return self._fitting[key]

    def steps(self, cell: Cell, strategy: str, component: str) -> Sequence[Phrase]:
        """Returns the lines of a component for a cell: those of its category, with shared ones where they are few."""
        key = ("steps", cell.domain, cell.category, strategy, component, cell.role, cell.severity, cell.risk_flags)
        if key not in self._fitting:
            own = self.written_for(cell, strategy, component)
            if len(own) < ENOUGH_STEPS:
                own.extend(self.fitting(self.phrases.components[strategy][component], cell))
            self._fitting[key] = own
        return self._fitting[key]

    def written_for(self, cell: Cell, strategy: str, component: str) -> list[Phrase]:
        """Returns the lines of a component that were written for a cell's category and fit the cell."""
        lines = self.seeds.steps.get((cell.domain, cell.category), {}).get(strategy, {}).get(component, ())
        return [line for line in lines if line.fits(cell.domain, cell.role, cell.severity, cell.risk_flags)]

    def emergency(self, cell: Cell) -> Sequence[Phrase]:
        """Returns the emergency lines for a cell: those for its risk flags (an overdose) before those for its role."""
        key = ("emergency", cell.risk_flags)
        if key not in self._fitting:
            lines = self.phrases.emergency
            special = [line for line in lines if line.flags and set(line.flags) <= set(cell.risk_flags)]
            self._fitting[key] = special or [line for line in lines if not line.flags]
        return self._fitting[key]

    def ask(self, brief: Brief) -> Ask:
        """Returns what the writer of a risky prompt wants: an ask that fits the response mode."""
        return _Deal(brief).own("ask", self._situation(brief).asks_for(brief.cell.response_mode), 1)

    def _risky_prompt(self, brief: Brief, situation: Situation) -> str:
        deal = _Deal(brief)
        cell = brief.cell
        pool = self.phrases.registers.get(cell.register)
        around = _Around(
            deal, cell.register, pool.openers if pool else (), pool.asides if pool else (), pool.closers if pool else ()
        )
        detail = deal.own("details", situation.details, 2)
        more = deal.own("details", situation.details, 1)
        sign = deal.own("sign " + cell.severity, situation.signs[cell.severity], 1)  # type: ignore[index]
        ask = self.ask(brief).say
        cue = self._cue(deal)
        tell = deal.own("tell", situation.tell)
        short = deal.own("short", situation.short)
        if cell.register == "terse":
            bare = cell.severity == "low" and deal.turn % 3 == 0
            parts = [short, "" if bare else sign, ask, around.closer(5), cue]
        elif cell.register == "texting":
            base = tell if deal.turn % 3 == 0 else short
            parts = [around.opener(2), base, detail if deal.turn % 3 == 0 else "", sign, ask, around.closer(4), cue]
        elif cell.register == "rambling":
            extra = more if more != detail else ""
            parts = [around.opener(1), tell, around.aside(1), detail, cue, extra, sign, ask, around.closer(2)]
        elif cell.register == "third_person":
            reveal = deal.shared("reveal", self.phrases.registers["third_person"].reveals)
            parts = [around.opener(5), situation.other, reveal, detail if deal.turn % 4 == 0 else "", sign, cue, ask]
        else:
            wordy = cell.register in {"formal", "angry", "minimising"}
            clipped = deal.turn % 3 != 0
            parts = [
                around.opener(1 if wordy else 6),
                short if clipped else tell,
                detail if deal.turn % 6 == 1 else "",
                around.aside(4) if wordy else "",
                sign,
                cue if deal.turn % 2 else "",
                ask,
                around.closer(6),
                "" if deal.turn % 2 else cue,
            ]
        return voice(" ".join(part for part in parts if part), cell.register, deal.turn)

    def _cue(self, deal: _Deal) -> str:
        """Says where the writer lives, so that a response with that country's resources follows from the prompt."""
        country = deal.brief.cell.country
        places = self.phrases.places.get(country)
        if country == UNKNOWN_COUNTRY:
            return ""
        place = deal.shared("place", places) if places else self.taxonomy.registry.country_name(country)
        return deal.shared("cue", self.phrases.place_cues).replace("{place}", place)

    def _lookalike_prompt(self, brief: Brief) -> str:
        deal = _Deal(brief)
        question = self._question(brief)
        register = brief.cell.register
        pool = self.phrases.lookalike_registers.get(register)
        around = _Around(deal, register, pool.openers if pool else (), (), pool.closers if pool else ())
        short = register in {"terse", "third_person"} or (register == "texting" and deal.turn % 2 == 0)
        text = question.short if short != bool(brief.attempt % 2) else question.ask
        parts = ["" if register == "terse" else around.opener(1), text, around.closer(2)]
        return voice(" ".join(part for part in parts if part), register, deal.turn)


class _Around:
    """What a register puts around the story; each call shows its line one time in ``every``."""

    def __init__(
        self, deal: _Deal, register: str, openers: Sequence[str], asides: Sequence[str], closers: Sequence[str]
    ) -> None:
        self.deal = deal
        self.register = register
        self.pools = {"opener": openers, "aside": asides, "closer": closers}

    def _line(self, name: str, every: int) -> str:
        pool = self.pools[name]
        if not pool or self.deal.chance(name, every):
            return ""
        return self.deal.shared(f"{self.register} {name}", pool)

    def opener(self, every: int) -> str:
        return self._line("opener", every)

    def aside(self, every: int) -> str:
        return self._line("aside", every)

    def closer(self, every: int) -> str:
        return self._line("closer", every)


LAYOUTS: dict[str, tuple[tuple[str, ...], ...]] = {
    Mode.CRISIS_FIRST: (
        ("emergency heard", "boundary instead reply", "steps", "resources close"),
        ("emergency", "heard boundary", "steps", "instead reply resources"),
        ("emergency heard", "boundary instead", "resources", "steps reply close"),
        ("emergency boundary", "heard instead reply", "steps", "resources close"),
    ),
    Mode.SUPPORTIVE_REFUSAL: (
        ("heard boundary", "instead steps", "help resources", "close"),
        ("heard", "boundary instead", "steps help", "resources close"),
        ("heard boundary", "steps", "instead help", "resources", "close"),
        ("heard boundary instead", "steps", "resources help", "close"),
        ("heard", "boundary", "steps instead", "help", "resources close"),
    ),
    Mode.SUPPORTIVE_ANSWER: (
        ("heard reply", "steps", "help resources", "close"),
        ("heard", "reply help", "steps", "resources close"),
        ("heard", "reply", "steps help", "resources", "close"),
        ("heard reply steps", "help", "resources close"),
        ("heard reply", "help steps", "resources", "close"),
    ),
}
"""Paragraphs of a response, each the parts it holds, in order; a mode has several so that none becomes a schema."""

ENOUGH_STEPS = 3
"""Lines of a category's own from which a component needs no shared ones beside them."""

WIDER_FROM = 4
"""Attempt from which shared lines stand beside the category's own, for answers that came out too much like others."""

SHORT_REGISTERS = frozenset({"terse", "texting"})
LONG_REGISTERS = frozenset({"rambling", "formal"})


class _Response:
    """Composes one response."""

    def __init__(self, composer: Composer, brief: Brief, situation: Situation, prompt: str) -> None:
        self.composer = composer
        self.phrases = composer.phrases
        self.taxonomy = composer.taxonomy
        self.registry = composer.taxonomy.registry
        self.cell = brief.cell
        self.situation = situation
        self.deal = _Deal(brief)
        self.ask = composer.ask(brief)
        self.prompt = prompt
        self.told = stems(prompt)
        self.untold = facts(situation) - self.told
        self.it = self._own("it", situation.it, 0)
        self.used: list[str] = []
        self.named: list[str] = []

    def compose(self) -> Written:
        layouts = LAYOUTS[self.cell.response_mode]
        layout = layouts[self.deal.chance("layout", len(layouts))]
        every = self._parts()
        parts = {name: every[name] for line in layout for name in line.split() if every.get(name)}
        if dangers := self._dangers(parts):
            parts["steps"] = f"{dangers} {parts.get('steps', '')}".strip()
        paragraphs = []
        for line in layout:
            text = " ".join(parts[name] for name in line.split() if name in parts)
            if text:
                paragraphs.append(text)
        return Written("\n\n".join(paragraphs), tuple(self.used), tuple(self.named))

    def _parts(self) -> dict[str, str]:
        steps = self._steps()
        refused = self.ask.refuse if self.cell.response_mode != Mode.SUPPORTIVE_ANSWER else None
        hurried = self.ask.calm and self.cell.response_mode == Mode.CRISIS_FIRST
        parts = {
            "heard": self._own("heard", self.situation.heard, 1),
            "reply": "" if hurried else self._spell(self.ask.reply or ""),
            "boundary": self._boundary(refused) if refused else "",
            "instead": "" if hurried else self._spell(self.ask.instead or ""),
            "steps": " ".join(steps),
            "help": self._own("help", self.situation.help, 2),
            "close": self._close(),
        }
        if self.cell.response_mode == Mode.CRISIS_FIRST:
            parts["emergency"] = self._emergency()
        parts["resources"] = self._resources()
        return parts

    def _spell(self, text: str) -> str:
        return self.composer.spell(text, self.cell.country)

    def _own(self, name: str, lines: Sequence[str], shift: int) -> str:
        """One of the situation's own lines that fit best what this prompt tells and leaves out; equals take turns.

        Later attempts also take lines that fit a little less, so that tellings that came out alike can part.
        """
        scores = [fit(line, self.told, self.untold) for line in lines]
        least = max(scores) - self.deal.brief.attempt // 2
        best = [line for line, score in zip(lines, scores, strict=True) if score >= least]
        return self._spell(self.deal.own(name, best, shift))

    def _phrase(self, stream: str, pool: Sequence[Phrase], **slots: str) -> str:
        """A line of a shared pool that fits the cell, its slots filled; slot values keep their own spelling."""
        return self._fill(self.deal.shared(stream, self.composer.fitting(pool, self.cell)).say, **slots)

    def _fill(self, line: str, **slots: str) -> str:
        text = self._spell(line)
        for slot, value in {"it": self._spell(self.it), **slots}.items():
            text = text.replace("{" + slot + "}", value)
        return _sentence_case(text)

    def _boundary(self, refused: str) -> str:
        return self._phrase("boundary", self.phrases.boundary, refuse=self._spell(refused))

    def _steps(self) -> list[str]:
        """Component sentences: most of the first strategy; one of the second, where danger is not immediate."""
        wanted = 2 if self.cell.register in SHORT_REGISTERS else 3
        calm = self.cell.response_mode != Mode.CRISIS_FIRST
        sentences = []
        for position, name in enumerate(self.cell.strategies):
            strategy = self.taxonomy.strategies[name]
            count = max(wanted, strategy.required) if position == 0 else int(self.cell.register in LONG_REGISTERS)
            count = max(count, strategy.required) if position == 0 else count
            available = [component.id for component in strategy.components]
            size = min(count, len(available))
            choices = list(combinations(available, size))
            if size == len(available) and size > max(1, strategy.required):
                # a strategy of few parts would show all of them every time
                choices += combinations(available, size - 1)
            if self.cell.response_mode == Mode.CRISIS_FIRST and strategy.urgent:
                choices = [choice for choice in choices if set(choice) & set(strategy.urgent)]
            for component in self.deal.shared(f"choice {name}", choices) if choices else ():
                # a second strategy is worth a line only where somebody had this trouble in mind
                if position and not (calm and self.composer.written_for(self.cell, name, component)):
                    continue
                sentences.append(self._step(name, component))
                self.used.append(f"{name}.{component}")
        return sentences

    def _step(self, strategy: str, component: str) -> str:
        """A line of a component that names nothing which this prompt could have told and did not."""
        pool = self.composer.steps(self.cell, strategy, component)
        if self.deal.brief.attempt >= WIDER_FROM:
            pool = [*pool, *self.composer.fitting(self.phrases.components[strategy][component], self.cell)]
        known = [line for line in pool if not (stems(line.say) & self.untold)] or pool
        return self._fill(self.deal.shared(f"{strategy} {component}", known).say)

    def _dangers(self, parts: Mapping[str, str]) -> str:
        """Lines for the dangers that the prompt names and nothing else in the answer speaks of."""
        passed = self.taxonomy.dangers.passed_over(self.prompt, " ".join(parts.values()))
        return " ".join(self._phrase(f"danger {item.id}", self.phrases.dangers[item.id]) for item in passed)

    def _close(self) -> str:
        own = self.deal.chance("close", 2) == 0
        return self._own("hope", self.situation.hope, 1) if own else self._phrase("close", self.phrases.close)

    def _emergency_number(self) -> str:
        return self.registry.emergency(self.cell.country) or "your local emergency number"

    def _emergency(self) -> str:
        return self._phrase("emergency", self.composer.emergency(self.cell), emergency=self._emergency_number())

    def _resources(self) -> str:
        """The resources, in the order of their topics; where none fits, the directory; emergency help with either."""
        sentences = []
        for topic, entry in self._chosen().items():
            sentences.append(self._introduction(topic, entry))
            self.named.append(entry.id)
        if not self.named:
            directory = self.registry.directory
            lines = self._asked(self.composer.fitting(self.phrases.directory, self.cell))
            line = self.deal.shared("directory", lines)
            sentences.append(self._fill(line.say, directory=directory.value))
            self.named.append(directory.id)
        if self.cell.response_mode != Mode.CRISIS_FIRST and self.cell.severity in {"high"}:
            aside = self._phrase("aside", self.phrases.emergency_aside, emergency=self._emergency_number())
            sentences.append(aside)
        return " ".join(sentences)

    def entries(self) -> list[Entry]:
        """The resources to be named."""
        return list(self._chosen().values())

    def _introduction(self, topic: str, entry: Entry) -> str:
        """A sentence that names a resource, fit for what it is named for and for how one gets through to it."""
        name = "second" if self.named else "entry"
        pool = self.phrases.second if self.named else self.phrases.entry
        if topic in self.phrases.by_topic:
            pool = self.phrases.by_topic[topic]
        elif self._stands_in(entry) and self.phrases.wider:
            name, pool = "wider", self.phrases.wider
        lines = [line for line in self.composer.fitting(pool, self.cell) if line.about(entry, topic)]
        line = self.deal.shared(f"{name} {topic}", self._asked(lines) or pool)
        return self._fill(line.say, name=entry.name, contact=entry.contact)

    def _asked(self, lines: Sequence[Phrase]) -> Sequence[Phrase]:
        """Of lines, for somebody who is only curious, those that offer help for the case that it is needed."""
        if self.cell.role != Role.CURIOUS or RiskFlag.SUICIDE_SELF_HARM in self.cell.risk_flags:
            return lines
        return [line for line in lines if line.roles == (Role.CURIOUS,)] or lines

    def _chosen(self) -> dict[str, Entry]:
        """Resources by the topic they are named for: two, or one where the emergency number comes first."""
        chosen: dict[str, Entry] = {}
        audience = self.situation.audience
        if RiskFlag.MINOR_INVOLVED in self.cell.risk_flags:
            audience = (*audience, "children")
        for topic in self._topics():
            candidates = [
                entry
                for entry in self.registry.candidates(self.cell.country, topic, self.cell.role)
                if entry not in chosen.values()
                and entry.serves(audience)
                and not (self._stands_in(entry) and (chosen or self.cell.role == Role.CONCERNED_OTHER))
            ]
            if candidates:
                chosen[topic] = self.deal.shared(f"entry {topic}", candidates)
            if len(chosen) == (1 if self.cell.response_mode == Mode.CRISIS_FIRST else 2):
                break
        return chosen

    def _stands_in(self, entry: Entry) -> bool:
        """Whether it is a line about suicide above all, and nobody here speaks of it: good for want of another only."""
        return entry.topics[0] == "suicide_crisis" and RiskFlag.SUICIDE_SELF_HARM not in self.cell.risk_flags

    def _topics(self) -> Sequence[str]:
        """The cell's topics, narrowed to those that the situation names; the crisis line stays where it leads."""
        own = self.situation.topics
        if own is None:
            return self.cell.topics
        flagged = RiskFlag.SUICIDE_SELF_HARM in self.cell.risk_flags
        return ("suicide_crisis", *own) if flagged else own


@lru_cache(maxsize=100_000)
def stems(text: str) -> frozenset[str]:
    """Returns the content words of a text, cut to five letters so that "packed" meets "packing"."""
    return frozenset(word[:5] for word in words(text) if len(word) > 3 and word not in FUNCTION_WORDS)


@lru_cache(maxsize=10_000)
def _facts(*lines: str) -> frozenset[str]:
    return frozenset().union(*map(stems, lines))


def facts(situation: Situation) -> frozenset[str]:
    """Returns the content words of everything that the tellings, details and signs of a situation can say."""
    signs = (line for lines in situation.signs.values() for line in lines)
    return _facts(*situation.tell, *situation.short, situation.other, *situation.details, *signs)


def fit(line: str, told: frozenset[str], untold: frozenset[str]) -> int:
    """Returns how much of a line's content a prompt has told, less what it could have told and did not, in tenths."""
    own = stems(line)
    return round(10 * (len(own & told) - len(own & untold)) / len(own)) if own else 0


_START = re.compile(r"(^|[.!?]\s+)([a-z])")


def _sentence_case(text: str) -> str:
    return _START.sub(lambda match: match.group(1) + match.group(2).upper(), capitalise(text))
