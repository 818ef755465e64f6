"""Language models behind endpoints: one gateway through which every request goes.

The steps of the pipeline, in whatever process they run, ask the gateway; it holds the journal, the limits, the retries
and the budget of a build in one place, and keeps as many requests in flight as it may, with no barrier between batches.
"""

from __future__ import annotations

from corpusgen.endpoints.answers import Answer, Ask, Failure
from corpusgen.endpoints.gateway import Gateway, Lane
from corpusgen.endpoints.journal import Journal

__all__ = ["Answer", "Ask", "Failure", "Gateway", "Journal", "Lane"]
