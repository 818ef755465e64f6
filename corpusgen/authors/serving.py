"""The process that serves the embedded model: ``python -m corpusgen.authors.serving MODEL SLOTS PARENT``.

It prints its address and serves until it is ended, or until its parent is gone.
"""

from __future__ import annotations

import os
import sys
import time

__all__ = ["main"]

CONTEXT = 4096
"""Tokens of a request and its answer."""


def main() -> None:
    """Serves a model file."""
    import xllamacpp

    path, slots, parent = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = CONTEXT * slots
    params.n_parallel = slots
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.warmup = False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    while os.getppid() == parent:
        time.sleep(0.5)


if __name__ == "__main__":
    main()
