"""Datasets on an Argilla server: found, made whole, filled, read. Everything here may be done twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape, unescape
from typing import TYPE_CHECKING, Any, NamedTuple

from corpusgen.errors import ReviewError

if TYPE_CHECKING:
    import argilla

__all__ = ["Dataset", "Shelf", "asking"]

BATCH = 250
"""Records a request; Argilla takes 500."""
REMOVED = 100
"""Records a request to take out; Argilla takes no more."""
PAGE = 500
"""Records a page; Argilla gives 1,000 at most."""
ATTEMPTS = 5
"""How often a listing is read again where records came in between its pages."""


class Dataset(NamedTuple):
    """A dataset of the server.

    Attributes:
        id: Its id on the server.
        name: Its name.
        workspace: Name of its workspace.
        ready: Whether it was published; one that was not holds no records.
    """

    id: str
    name: str
    workspace: str
    ready: bool


class Shelf:
    """The datasets of a server, by workspace and name.

    Args:
        client: Signed in as the owner.
    """

    def __init__(self, client: argilla.Argilla) -> None:
        self.client = client
        self.http = client.http_client
        self._found: dict[tuple[str, str], Dataset] | None = None

    def find(self, workspace: str, name: str) -> Dataset | None:
        """Returns a dataset, or None where the server has none of that name.

        Raises:
            ReviewError: The server does not answer.
        """
        return self._all().get((workspace, name))

    def ensure(self, workspace: str, name: str, settings: argilla.Settings) -> Dataset:
        """Returns a dataset, made where there is none, and made anew where it was left half made.

        Raises:
            ReviewError: There is no such workspace, or the server refuses.
        """
        import argilla

        found = self.find(workspace, name)
        if found is not None and found.ready:
            return found
        with asking(f"making the dataset '{name}'"):
            if found is not None:
                self.http.delete(f"/api/v1/datasets/{found.id}").raise_for_status()
            argilla.Dataset(name=name, workspace=workspace, settings=settings, client=self.client).create()
        self._found = None
        made = self.find(workspace, name)
        if made is None:
            raise ReviewError(f"the server made the dataset '{name}' and does not list it", do="run it again")
        return made

    def put(self, dataset: Dataset, items: Sequence[Mapping[str, Any]]) -> None:
        """Adds records, or replaces those whose ``external_id`` is there; their answers stay.

        Raises:
            ReviewError: The server refuses, or does not answer.
        """
        with asking(f"sending {len(items)} records to '{dataset.name}'"):
            for start in range(0, len(items), BATCH):
                body = {"items": [_with_fields(item, _shown) for item in items[start : start + BATCH]]}
                self.http.put(f"/api/v1/datasets/{dataset.id}/records/bulk", json=body).raise_for_status()

    def remove(self, dataset: Dataset, records: Collection[str]) -> int:
        """Takes records out that nobody has answered, begun or set aside; returns how many.

        What the server holds is looked at anew before each request, so that an answer that came meanwhile stays.

        Args:
            dataset: Where they are.
            records: Their ``external_id``; others are left alone, and so are those that are gone.

        Raises:
            ReviewError: The server refuses, or does not answer.
        """
        removed = 0
        while untouched := [
            record["id"]
            for record in self.records(dataset, responses=True)
            if record["external_id"] in records and not record["responses"]
        ][:REMOVED]:
            with asking(f"taking {len(untouched)} records out of '{dataset.name}'"):
                where = f"/api/v1/datasets/{dataset.id}/records"
                self.http.delete(where, params={"ids": ",".join(untouched)}).raise_for_status()
            removed += len(untouched)
        return removed

    def records(self, dataset: Dataset, *, responses: bool = False) -> list[dict[str, Any]]:
        """Returns every record as the server gives it, in the order in which they were added.

        Raises:
            ReviewError: The server does not answer.
        """
        with asking(f"reading '{dataset.name}'"):
            for _ in range(ATTEMPTS):
                total, found = self._listing(dataset, responses)
                if len(found) == total:
                    return list(found.values())
        raise ReviewError(f"'{dataset.name}' changes while it is read", do="run it again in a moment")

    def question_ids(self, dataset: Dataset) -> dict[str, str]:
        """Returns the ids of a dataset's questions by name.

        Raises:
            ReviewError: The server does not answer.
        """
        with asking(f"reading '{dataset.name}'"):
            answer = self.http.get(f"/api/v1/datasets/{dataset.id}/questions").raise_for_status().json()
        return {item["name"]: item["id"] for item in answer["items"]}

    def _listing(self, dataset: Dataset, responses: bool) -> tuple[int, dict[str, dict[str, Any]]]:
        found: dict[str, dict[str, Any]] = {}
        offset = 0
        while True:
            query: dict[str, str | int] = {"offset": offset, "limit": PAGE}
            if responses:
                query["include"] = "responses"
            answer = self.http.get(f"/api/v1/datasets/{dataset.id}/records", params=query).raise_for_status().json()
            found.update((item["id"], _with_fields(item, unescape)) for item in answer["items"])
            offset += len(answer["items"])
            if len(answer["items"]) < PAGE:
                return int(answer["total"]), found

    def _all(self) -> dict[tuple[str, str], Dataset]:
        if self._found is None:
            with asking("listing datasets"):
                spaces = self.http.get("/api/v1/me/workspaces").raise_for_status().json()["items"]
                names = {item["id"]: item["name"] for item in spaces}
                answer = self.http.get("/api/v1/me/datasets").raise_for_status().json()["items"]
            every = (
                Dataset(item["id"], item["name"], names.get(item["workspace_id"], ""), item["status"] == "ready")
                for item in answer
            )
            self._found = {(item.workspace, item.name): item for item in every}
        return self._found


def _shown(text: str) -> str:
    """Argilla 2.8 puts a plain text field into its page as HTML; escaped, it is shown letter by letter."""
    return escape(text, quote=False)


def _with_fields(record: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    return {**record, "fields": {name: change(text) for name, text in record["fields"].items()}}


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turns what client and server may raise into an error that says what was being done.

    Raises:
        ReviewError: In place of any of them.
    """
    import httpx
    from argilla._exceptions import ArgillaError

    try:
        yield
    except httpx.HTTPStatusError as error:
        said = error.response.text[:300]
        raise ReviewError(f"{what}: the server answered {error.response.status_code}: {said}", do=CHECK) from error
    except httpx.HTTPError as error:
        raise ReviewError(f"{what}: the server cannot be reached: {error}", do="corpusgen review up RUN") from error
    except ArgillaError as error:
        raise ReviewError(f"{what}: {error}", do=CHECK) from error


CHECK = "check the server's log, and that the key is an owner's; then run the same command again"
