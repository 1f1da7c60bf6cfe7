"""What every live source over HTTP has in common: one read-only session, JSON answers, errors that become `Failed`.

A source of its own says which paths it reads, and how a question becomes a reply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import requests

from ontology.errors import Unavailable
from workbench.telemetry.layouts import service_of
from workbench.telemetry.live_source import LiveSource, named, names_of, span, windows
from workbench.telemetry.pace import Pace
from workbench.telemetry.readonly import Allowed, ReadOnlySession

__all__ = ["HttpSource", "carrying", "named", "names_of", "span", "windows"]


class HttpSource(LiveSource):
    """Answers questions of one kind from an HTTP API."""

    reads: tuple[Allowed, ...]
    """What it may ask; a session of its own sends nothing else."""

    def __init__(
        self,
        url: str,
        *,
        session: ReadOnlySession | None = None,
        headers: dict[str, str] | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Bind to the API at `url`; nothing is sent before the first question.

        Args:
            url: address of the API, with a path prefix where it has one.
            session: what carries the requests; a read-only one where none is given.
            headers: such as an authorization, for the default session.
            pace: how hard it may be asked, for the default session.

        Raises:
            BadInput: `url` is no http(s) address.
        """
        self.url = url.rstrip("/")
        self._session = session or ReadOnlySession(url, self.reads, headers=headers, pace=pace)

    @property
    def off(self) -> str:
        """How wrong the server's clock is, in words; empty where it is right."""
        return self._session.pace.off

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object at a path.

        Raises:
            Unavailable: no answer, a refusal, or something else than a JSON object.
        """
        return self._object(self.response("GET", path, parameters))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON object that a search with a body is answered with: a listed read, as all that is sent.

        Raises:
            Unavailable: as `get`.
        """
        return self._object(self.response("POST", path, body=body))

    def items(self, path: str, parameters: Mapping[str, str] | None = None) -> list[Any]:
        """Return the JSON list at a path.

        Raises:
            Unavailable: as `get`.
        """
        return self.listed(self.response("GET", path, parameters))

    def listed(self, response: requests.Response) -> list[Any]:
        """Return the list of a response.

        Raises:
            Unavailable: it is none.
        """
        answer = self._json(response)
        if not isinstance(answer, list):
            raise self.foreign()
        return answer

    def response(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> requests.Response:
        """Return the response to one request, its status 200, or 201 where a search is begun.

        Raises:
            Unavailable: no answer, or a refusal.
        """
        try:
            response = self._session.request(method, f"{self.url}{path}", params=dict(parameters or {}), json=body)
        except requests.RequestException as error:
            raise Unavailable(f"{self.url} does not answer: {type(error).__name__}.", next_step=self._check) from error
        if response.status_code not in (200, 201):
            said = " ".join(response.text.split())[:200]
            raise Unavailable(f"{self.name} refuses ({response.status_code}): {said}.", next_step=self._check)
        return response

    def foreign(self) -> Unavailable:
        """Return the error that an answer is not of the shape that the vendor documents."""
        return Unavailable(f"{self.url} answers with something else than expected.", next_step=self._check)

    def refused(self, said: str) -> Unavailable:
        """Return the error that the server refuses, in its own words."""
        return Unavailable(f"{self.name} refuses: {' '.join(said.split())[:200]}.", next_step=self._check)

    def _object(self, response: requests.Response) -> dict[str, Any]:
        answer = self._json(response)
        if not isinstance(answer, dict):
            raise self.foreign()
        return answer

    def _json(self, response: requests.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise Unavailable(f"{self.url} does not answer in JSON.", next_step=self._check) from error

    @property
    def _check(self) -> str:
        return f"Check the address of {self.name} in the settings, and what it may read: workbench doctor."


def carrying(values: Sequence[str], names: frozenset[str]) -> list[str]:
    """Return the values of a label that are, or are instances of, one of the names.

    >>> carrying(["cart-5d8f7c9b6d-x2x7k", "mail"], frozenset({"cart"}))
    ['cart-5d8f7c9b6d-x2x7k']
    """
    return [value for value in values if value in names or service_of(value) in names]
