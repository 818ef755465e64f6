"""The way to an Argilla server, and the SDK's client for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from corpusgen.errors import ReviewError

if TYPE_CHECKING:
    import argilla

__all__ = ["Connection"]


@dataclass(frozen=True)
class Connection:
    """The way to an Argilla server, as its owner.

    Attributes:
        url: What programs ask.
        page: What people open in a browser.
    """

    url: str
    api_key: str
    page: str

    def __repr__(self) -> str:
        return f"Connection(url={self.url!r}, page={self.page!r})"

    def client(self) -> argilla.Argilla:
        """Returns a client of Argilla's SDK, which keeps quiet.

        Raises:
            ReviewError: The server does not answer, or refuses the key.
        """
        import logging
        import warnings

        import httpx

        warnings.filterwarnings("ignore", module=r"argilla(\.|$)")
        import argilla
        from argilla.records import _dataset_records as records

        logging.getLogger("argilla.sdk").setLevel(logging.ERROR)
        # the SDK draws a bar for each batch and has no switch for it
        records.tqdm = _no_bar
        try:
            return argilla.Argilla(api_url=self.url, api_key=self.api_key, retries=3)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            do = "see that it runs and can be reached from here; for the project's own: corpusgen review up RUN"
            raise ReviewError(f"the annotation server does not answer: {error}", where=self.url, do=do) from error
        except argilla._exceptions.ArgillaError as error:
            do = "check ARGILLA_API_KEY: it has to be the key of an owner's account"
            raise ReviewError("the annotation server refuses the key", where=self.url, do=do) from error


def _no_bar(iterable: Any, **_: object) -> Any:
    return iterable
