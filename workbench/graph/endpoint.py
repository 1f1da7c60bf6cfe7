"""One address that speaks the SPARQL 1.1 protocol: a question is posted, its answer read, within limits.

No redirects are followed, since they would carry facts and secrets elsewhere, and no proxy or password of the
environment is used. An answer has a deadline and a largest size, and is never taken for whole when it is not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from ontology.errors import BadInput, NotAllowed, PersonError, Unavailable

Form = Mapping[str, str | list[str]]
CONNECT_SECONDS = 3.05
MOST_BYTES = 1024 * 1024 * 1024
"""A longer answer is cut off with an error."""
_BUSY = frozenset({429, 502, 503, 504})
"""Statuses that say nothing about the request itself."""
_AT_MOST = 4_000
"""Characters of an engine's own message that are read."""


class TimedOut(Unavailable):
    """The engine stopped, or did not answer, within the time that it was given."""


class Incomplete(Unavailable):
    """The engine left out part of the answer, and said so."""


class Refused(BadInput):
    """The engine read the request and did nothing of it."""

    def __init__(self, message: str) -> None:
        """Keep what the engine said."""
        self.message = message
        super().__init__(
            f"The SPARQL engine refused: {message}", next_step="Correct the query, or see what the engine supports."
        )


class Endpoint:
    """An address of a SPARQL engine."""

    def __init__(self, address: str, auth: AuthBase | None = None) -> None:
        """Take the address, without user or password, and who signs requests to it.

        Raises:
            BadInput: the address is none of http or https.
        """
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
            raise BadInput(f"{address!r} is no address of a SPARQL engine.", next_step="Set it as https://host/path.")
        self.address = address
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True
        self._session.auth = auth

    @contextmanager
    def post(
        self, form: Form | bytes, accept: str, seconds: float, *, below: str = "", kind: str = ""
    ) -> Iterator[Answer]:
        """Post the form, or a body of that kind, to the address or below it; yield the answer while it comes in.

        Raises:
            Refused: the engine says that the request is wrong, or that it cannot do it.
            NotAllowed: no permission, or a redirect.
            TimedOut: no answer in that many seconds.
            Unavailable: nobody answers, or only to say that it is busy.
        """
        until = time.monotonic() + seconds
        try:
            response = self._session.post(
                self.address + below,
                data=form,
                headers={"Accept": accept, **({"Content-Type": kind} if kind else {})},
                timeout=(min(CONNECT_SECONDS, seconds), seconds),
                stream=True,
                allow_redirects=False,
            )
        except requests.ReadTimeout as error:
            raise self._late(seconds) from error
        except requests.RequestException as error:
            raise self.silent(error) from error
        with response:
            body = Answer(response, until, self._late(seconds), self.silent)
            if not 200 <= response.status_code < 300:
                raise self.problem(response, body)
            yield body

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def problem(self, response: requests.Response, body: Answer) -> PersonError:
        """Return the error that an answer without success is."""
        message = " ".join(body.read(_AT_MOST).decode("utf-8", "replace").partition("\n\nSPARQL query:")[0].split())
        said = f"{response.status_code} {response.reason}. {message[:600]}".strip()
        if 300 <= response.status_code < 400:
            return NotAllowed(
                f"{self.address} leads elsewhere, which is not followed.",
                next_step=f"Set the address itself: {response.headers.get('Location', '')[:200]}",
            )
        if response.status_code in (401, 403):
            return NotAllowed(
                f"{self.address} says: {said}",
                next_step="Set WORKBENCH_GRAPH_SECRET, the user in the address, and WORKBENCH_GRAPH_AUTH.",
            )
        if response.status_code in (404, 405) or response.status_code in _BUSY:
            return Unavailable(f"{self.address} says: {said}", next_step="Check the address, and ask again.")
        if "S1T" in message or "timeout" in message.lower() or "timed out" in message.lower():
            return TimedOut(f"The SPARQL engine stopped it: {said}", next_step=_NARROW)
        return Refused(message[:600] or said)

    def _late(self, seconds: float) -> TimedOut:
        return TimedOut(f"{self.address} did not answer within {seconds:g} s.", next_step=_NARROW)

    def silent(self, error: Exception) -> Unavailable:
        """Return the error that no answer is."""
        return Unavailable(
            f"{self.address} does not answer: {type(error).__name__}.",
            next_step="Check that it runs, and WORKBENCH_GRAPH.",
        )


_NARROW = "Bind one end of every path, narrow it by a class or a name, or ask with a longer timeout."


class Answer:
    """The body of an answer as a file, with a deadline and a largest size."""

    def __init__(
        self, response: requests.Response, until: float, late: TimedOut, silent: Callable[[Exception], Unavailable]
    ) -> None:
        """Take the response, when it must be read by, and what to say where it is not."""
        self.headers = response.headers
        self._raw = response.raw
        self._until, self._late, self._silent = until, late, silent
        self._left = MOST_BYTES

    def read(self, size: int = -1) -> bytes:
        """Return up to that many bytes.

        Raises:
            TimedOut: the time is up.
            Unavailable: the connection broke.
            BadInput: the answer is too long.
        """
        if time.monotonic() > self._until:
            raise self._late
        try:
            found: bytes = self._raw.read(None if size < 0 else size, decode_content=True)
        except HTTPError as error:
            raise (self._late if "timed out" in str(error) else self._silent(error)) from error
        self._left -= len(found)
        if self._left < 0:
            raise BadInput("The answer is larger than 1 GiB.", next_step="Narrow the query.")
        return found
