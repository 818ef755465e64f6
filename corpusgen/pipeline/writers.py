"""Writers: an author with the pipeline that it needs."""

import json
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from distilabel.steps import StepResources

from corpusgen.authors.grounding import JUDGE_SCHEMA, PROMPT_SCHEMA, RESPONSE_SCHEMA, Grounding, load_template
from corpusgen.authors.local import LOCAL_MODEL, serve_model
from corpusgen.authors.offline import Brief, Composer
from corpusgen.endpoints import Gateway, Journal, Lane
from corpusgen.endpoints.budget import Budget
from corpusgen.endpoints.client import JUDGE_KEY_VARIABLE, KEY_VARIABLE, Client, DistilabelClient, OpenAIClient
from corpusgen.endpoints.flow import Flow
from corpusgen.endpoints.journal import Usage
from corpusgen.errors import AuthorError
from corpusgen.pipeline.asking import AskJudge, AskPrompt, AskResponse, Choose, GatewayLLM
from corpusgen.pipeline.running import Pipeline, connect_ray, run
from corpusgen.pipeline.steps import BriefSource, ComposePrompt, ComposeResponse, KeepPart, lend, row_of
from corpusgen.progress import Progress
from corpusgen.recipe import Author, Inputs

__all__ = ["EndpointWriter", "OfflineWriter", "Writer", "open_judge", "open_writer"]

Batches = Mapping[str, Sequence[Brief]]
"""Briefs by the name of the part that they make."""


class Writer(Protocol):
    """Writes parts."""

    part_rows: int
    """Briefs a part, at most."""
    ray: str | None
    """Where the steps run: ``local`` or a cluster's address for Ray, None for processes of this machine."""

    def write(self, batches: Batches, folder: Path) -> None:
        """Has briefs written, and keeps the parts.

        Args:
            batches: Briefs by the name of the part that they make, at most ``part_rows`` each.
            folder: Where the parts go.

        Raises:
            AuthorError: The pipeline failed, or ended without all parts.
            Unmet: The budget is reached.
            KeyboardInterrupt: Ctrl+C; the parts written so far are kept.
        """

    def usage(self) -> list[Usage]:
        """Returns what was asked of models and spent so far, over all starts of the run."""


class _Folders:
    """What steps are told about taxonomy and seeds: where they are. Forked steps inherit the loaded ones."""

    def __init__(self, inputs: Inputs) -> None:
        self.taxonomy, self.seeds = str(inputs.taxonomy.root), str(inputs.seeds.root)
        lend(Grounding(Composer(inputs.taxonomy, inputs.seeds), inputs.examples.exemplars))

    def both(self) -> dict[str, str]:
        """Returns them as attributes of a step."""
        return {"taxonomy": self.taxonomy, "seeds": self.seeds}


class OfflineWriter:
    """The offline author: composes from the seed bank.

    Args:
        inputs: The recipe's inputs.
        workers: Processes that compose responses, at least 1.
        fell_back: Whether it stands in for a language model.
        ray: ``local``, or the address of a Ray cluster, to run the steps there.
    """

    part_rows = 500

    def __init__(self, inputs: Inputs, workers: int, *, fell_back: bool = False, ray: str | None = None) -> None:
        self.inputs = inputs
        self.ray = ray
        self.workers = workers
        self.fell_back = fell_back

    def write(self, batches: Batches, folder: Path) -> None:
        """Has briefs written, and keeps the parts; see :class:`Writer`."""
        if not batches:
            return
        given = _Folders(self.inputs).both()
        with _scratch(folder, self.ray) as scratch:
            source, size = _source(batches, Path(scratch))
            replicas = StepResources(replicas=max(1, min(self.workers, len(batches))))
            with Pipeline(name=_unique("offline"), cache_dir=Path(scratch)) as pipeline:
                briefs = BriefSource(name="briefs", **source)
                prompt = ComposePrompt(name="prompt", **given, input_batch_size=size)
                response = ComposeResponse(name="response", **given, input_batch_size=size, resources=replicas)
                keep = KeepPart(name="keep", folder=str(folder), fell_back=self.fell_back, input_batch_size=size)
                briefs >> prompt >> response >> keep
            run(pipeline, ray=self.ray)
        _complete(batches, folder)

    def usage(self) -> list[Usage]:
        """Returns nothing: no model is asked."""
        return []


LOCAL = "local"
"""The endpoint of the embedded model, by its name in the journal's keys."""

REPLICAS = 4
"""Processes of each task: while one waits for the last answers of its batch, the others keep the endpoint busy."""


class EndpointWriter:
    """A language model as author, behind the gateway.

    A batch is four times what may be in flight, and four batches of each task are out at a time: the tail of one batch
    (a lognormal latency has a long one) is hidden by the heads of the others.

    Args:
        inputs: The recipe's inputs.
        gateway: An open gateway with the lanes ``author`` and ``judge``.
        ray: ``local``, or the address of a Ray cluster, to run the steps there.
    """

    def __init__(self, inputs: Inputs, gateway: Gateway, *, ray: str | None = None) -> None:
        self.inputs = inputs
        self.ray = ray
        self.gateway = gateway
        self.author = inputs.recipe.author
        self.part_rows = min(1000, max(16, 4 * self.author.concurrency))

    def write(self, batches: Batches, folder: Path) -> None:
        """Has briefs written, and keeps the parts; see :class:`Writer`."""
        if not batches:
            return
        with _scratch(folder, self.ray) as scratch:
            pipeline = self._assemble(batches, folder, Path(scratch))
            stop = Path(scratch) / "stop"
            self.gateway.when_stopped = stop.touch
            run(pipeline, self.gateway.interrupt, self.ray)
        if self.gateway.stopped is not None:
            raise self.gateway.stopped
        _complete(batches, folder)

    def usage(self) -> list[Usage]:
        """Returns what was asked of models and spent so far, over all starts of the run."""
        return self.gateway.journal.usage()

    def _assemble(self, batches: Batches, folder: Path, scratch: Path) -> Pipeline:
        given = _Folders(self.inputs).both()
        source, size = _source(batches, scratch)
        each: dict[str, Any] = {**given, "input_batch_size": size, "add_raw_output": False, "add_raw_input": False}
        each["resources"] = StepResources(replicas=max(1, min(REPLICAS, len(batches))))
        checks = self.inputs.recipe.checks.model_dump_json()
        model = self.gateway.lanes["author"].model
        with Pipeline(name=_unique("endpoint"), cache_dir=scratch) as pipeline:
            briefs = BriefSource(name="briefs", **source)
            prompt = AskPrompt(name="prompt", llm=self._llm("prompt", PROMPT_SCHEMA), **each)
            count = self.author.candidates
            response = AskResponse(
                name="response", llm=self._llm("response", RESPONSE_SCHEMA), num_generations=count, **each
            )
            judge = AskJudge(name="judge", llm=self._llm("judge", JUDGE_SCHEMA), **each)
            choose = Choose(name="choose", **given, checks=checks, input_batch_size=size)
            keep = KeepPart(
                name="keep", folder=str(folder), author=self.author.kind, model=model, input_batch_size=size
            )
            briefs >> prompt >> response >> judge >> choose >> keep
        assembled: Pipeline = pipeline
        return assembled

    def _llm(self, task: str, schema: dict[str, Any]) -> GatewayLLM:
        lane = "judge" if task == "judge" else "author"
        parameters = {"max_tokens": MAX_TOKENS[task], **self.author.parameters, **self.author.task_parameters(task)}
        if "max_completion_tokens" in parameters:
            del parameters["max_tokens"]
        return GatewayLLM(
            host=self.gateway.address,
            port=self.gateway.port,
            token=self.gateway.token,
            lane=lane,
            model=self.gateway.lanes[lane].model,
            version=load_template(task).version,
            parameters=parameters,
            answer_schema=schema,
        )


@contextmanager
def open_writer(
    inputs: Inputs, journal: Path, workers: int, progress: Progress, ray: str | None = None
) -> Iterator[Writer]:
    """Opens the writer that a recipe names, with everything that it needs.

    Args:
        inputs: The recipe's inputs.
        journal: Where the answers of an endpoint are kept.
        workers: Processes of the offline author.
        progress: Where to say how the requests stand.
        ray: ``local``, or the address of a Ray cluster, to run the steps there.

    Raises:
        UsageError: The recipe's LLM class cannot be used.
        ModelError: The embedded model is not there.
        StorageError: The journal cannot be used.
    """
    author = inputs.recipe.author
    if author.kind == "offline":
        yield OfflineWriter(inputs, workers, ray=ray)
        return
    with ExitStack() as stack:
        if author.kind == "local":
            base_url = stack.enter_context(serve_model())
            model = author.model or LOCAL_MODEL
            client = OpenAIClient(base_url, author.timeout_s, key_variable=None)
            writing = Lane(LOCAL, model, client, _flow(author), author.retries)
        else:
            writing = _lane(author, author.endpoint, author.model or "", author.llm, KEY_VARIABLE)
        judge, judging = author.judge, writing
        if (judge.endpoint or author.endpoint, judge.model or writing.model) != (author.endpoint, writing.model):
            key = KEY_VARIABLE if judge.endpoint in (None, author.endpoint) else JUDGE_KEY_VARIABLE
            judging = _lane(author, judge.endpoint or author.endpoint, judge.model or writing.model, None, key)
        kept = stack.enter_context(closing(Journal(journal)))
        spent = sum(item.cost_usd for item in kept.usage())
        budget = Budget(author.prices, author.budget_usd, spent)
        lanes = {"author": writing, "judge": judging}
        everywhere = ray not in (None, "local")
        gateway = Gateway(lanes, kept, budget, progress.tick, host="0.0.0.0" if everywhere else "127.0.0.1")
        gateway.address = connect_ray(ray) if ray is not None else gateway.host
        yield EndpointWriter(inputs, stack.enter_context(gateway), ray=ray)


@contextmanager
def open_judge(author: Author, journal: Path, progress: Progress, endpoint: str, model: str) -> Iterator[Gateway]:
    """Opens a gateway whose one lane, ``judge``, leads to a model that judges; limits and budget are the author's.

    Args:
        author: The recipe's author.
        journal: Where the answers are kept.
        progress: Where to say how the requests stand.
        endpoint: The model's endpoint.
        model: The model.

    Raises:
        StorageError: The journal cannot be used.
    """
    key = KEY_VARIABLE if endpoint == author.endpoint else JUDGE_KEY_VARIABLE
    with closing(Journal(journal)) as kept:
        spent = sum(item.cost_usd for item in kept.usage())
        lanes = {"judge": _lane(author, endpoint, model, None, key)}
        with Gateway(lanes, kept, Budget(author.prices, author.budget_usd, spent), progress.tick) as gateway:
            yield gateway


def _lane(author: Author, endpoint: str | None, model: str, llm: str | None, key_variable: str) -> Lane:
    client: Client
    if llm is not None:
        client = DistilabelClient(llm, author.llm_arguments, author.timeout_s)
        name = llm + json.dumps(author.llm_arguments, sort_keys=True)
    else:
        name = endpoint or ""
        client = OpenAIClient(name, author.timeout_s, key_variable)
    return Lane(name, model, client, _flow(author), author.retries)


def _flow(author: Author) -> Flow:
    return Flow(author.concurrency, author.requests_per_minute, author.tokens_per_minute)


MAX_TOKENS = {"prompt": 400, "response": 800, "judge": 200}
"""Tokens of an answer at first; one that is cut off is asked for again with more room."""


AHEAD = 16
"""Parts that the source gives out at a time: distilabel asks it for more only when the first task has come back with a
batch, and cuts at once what it gets into as many batches as that makes."""


def _scratch(folder: Path, ray: str | None) -> tempfile.TemporaryDirectory[str]:
    """Returns a temporary folder that every step can read: on a cluster it lies with the run."""
    if ray in (None, "local"):
        return tempfile.TemporaryDirectory(prefix="corpusgen-")
    folder.parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=".steps-", dir=folder.parent)


def _unique(name: str) -> str:
    """Returns a pipeline's name that no other has: on a cluster actors are named after it."""
    return f"corpusgen-{name}-{secrets.token_hex(4)}"


def _source(batches: Batches, scratch: Path) -> tuple[dict[str, Any], int]:
    """Writes the briefs down; returns the attributes of their source, and the rows of a part."""
    path = scratch / "briefs.jsonl"
    with path.open("w", encoding="utf-8") as lines:
        for row in _rows(batches):
            lines.write(json.dumps(row) + "\n")
    size = max(len(briefs) for briefs in batches.values())
    return {"path": str(path), "stop": str(scratch / "stop"), "batch_size": AHEAD * size}, size


def _rows(batches: Batches) -> Iterator[dict[str, Any]]:
    # batches are cut by number, so that a part that is not full stands last
    for part, briefs in sorted(batches.items(), key=lambda item: -len(item[1])):
        for brief in briefs:
            yield row_of(part, brief)


def _complete(batches: Batches, folder: Path) -> None:
    missing = [part for part in batches if not (folder / part).exists()]
    if missing:
        what = f"the pipeline ended without writing {len(missing)} of {len(batches)} parts"
        raise AuthorError(what, where=folder, do="run the same command again; parts that are there are kept")
