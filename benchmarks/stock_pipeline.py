"""The same texts through a stock distilabel pipeline; run by build_against_stock.py in a process of its own.

Two ``TextGeneration`` tasks with a language model that answers at once, ``EmbeddingGeneration`` and
``FaissNearestNeighbour`` at their defaults. No gate, no refill, no removal of duplicates, no split, no report.
"""

from __future__ import annotations

import argparse
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from distilabel.models import LLM, SentenceTransformerEmbeddings
from distilabel.pipeline import Pipeline
from distilabel.steps import EmbeddingGeneration, FaissNearestNeighbour, LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration

BATCH = 200
"""Rows a batch: the faster of the two sizes measured with a free language model (15 s against 39 s at 50)."""


class PreparedLLM(LLM):
    """A language model that costs nothing: it looks its answer up.

    Attributes:
        path: A JSON file that maps the last message of a chat to the answer. A path, since distilabel writes a step's
            attributes out again with every batch.
    """

    path: str

    @cached_property
    def _answers(self) -> dict[str, str]:
        return dict(json.loads(Path(self.path).read_text(encoding="utf-8")))

    @property
    def model_name(self) -> str:
        """Returns the name that lands in the rows."""
        return "prepared"

    def generate(self, inputs: list[Any], num_generations: int = 1) -> list[Any]:
        """Returns the prepared answer to each chat."""
        return [
            {
                "generations": [self._answers[chat[-1]["content"]]] * num_generations,
                "statistics": {"input_tokens": [0] * num_generations, "output_tokens": [0] * num_generations},
            }
            for chat in inputs
        ]


def assemble(rows: list[dict[str, str]], model: str, scratch: Path) -> Pipeline:
    """Returns the pipeline over rows with ``id``, ``prompt`` and ``response``; ``scratch`` takes its files."""
    prompts, responses = scratch / "prompts.json", scratch / "responses.json"
    prompts.write_text(json.dumps({row["id"]: row["prompt"] for row in rows}), encoding="utf-8")
    responses.write_text(json.dumps({row["prompt"]: row["response"] for row in rows}), encoding="utf-8")
    with Pipeline(name="stock", cache_dir=scratch / "cache") as pipeline:
        load = LoadDataFromDicts(data=[{"id": row["id"]} for row in rows], batch_size=BATCH)
        prompt = TextGeneration(
            name="prompt",
            llm=PreparedLLM(path=str(prompts)),
            input_batch_size=BATCH,
            input_mappings={"instruction": "id"},
            output_mappings={"generation": "prompt", "model_name": "prompt_model"},
        )
        response = TextGeneration(
            name="response",
            llm=PreparedLLM(path=str(responses)),
            input_batch_size=BATCH,
            input_mappings={"instruction": "prompt"},
            output_mappings={"generation": "response", "model_name": "response_model"},
        )
        embed = EmbeddingGeneration(
            embeddings=SentenceTransformerEmbeddings(model=model, device="cpu"), input_mappings={"text": "prompt"}
        )
        load >> prompt >> response >> embed >> FaissNearestNeighbour()
    return pipeline


def whole_rows(table: Any) -> int:
    """Returns how many rows have a prompt, a response and a neighbour: a stock run ends well without them, too."""
    columns = [table[name] for name in ("prompt", "response", "nn_indices")]
    return sum(all(item is not None for item in row) for row in zip(*columns, strict=True))


def main() -> None:
    """Runs the pipeline and writes ``summary.json`` beside the Distiset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path, help="JSON list of id, prompt and response")
    parser.add_argument("model", help="folder of the embedding model")
    parser.add_argument("out", type=Path, help="an existing folder for the Distiset and the summary")
    arguments = parser.parse_args()
    rows = json.loads(arguments.rows.read_text(encoding="utf-8"))
    distiset = assemble(rows, arguments.model, arguments.out).run(use_cache=False)
    distiset.save_to_disk(str(arguments.out / "distiset"))
    summary = {"rows": whole_rows(distiset["default"]["train"])}
    (arguments.out / "summary.json").write_text(json.dumps(summary), encoding="utf-8")


if __name__ == "__main__":
    main()
