"""The one transport that sends: POST alone, to one host, on listed paths.

    post = PostOnly("https://slack.com", ("/api/chat.postMessage", "/api/chat.update"))
    post("/api/chat.update", b"{}", {"Content-Type": "application/json"})

All other traffic of the workbench only reads (`telemetry.readonly`). A pool of connections is bound to scheme, host and
port; there is no verb but this one, no redirect is followed, no proxy is taken from the environment, an answer has a
limit in time and size. 429 and what a restart answers are tried again, as soon as `Retry-After` allows; a longer rest
is handed up as `LaterError`. A break after sending is not repeated here: the sender knows what a second one does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError, InvalidHeader, LocationParseError, NewConnectionError
from urllib3.util import Retry, Url, parse_url

from ontology.errors import BadInput, NotAllowed, Unavailable

TRIES = 3
AGAIN = frozenset({429, 500, 502, 503, 504})
CONNECT_SECONDS = 3.05
TOTAL_SECONDS = 30.0
"""For one message with its repeats, beside the last answer's own time."""
FIRST_WAIT_SECONDS = 0.5
MOST_BYTES = 256 * 1024
"""Of an answer; the rest is left unread."""


class LaterError(Unavailable):
    """The other side asks to be left alone for a while."""

    def __init__(self, problem: str, *, next_step: str, seconds: float = 0.0) -> None:
        super().__init__(problem, next_step=next_step)
        self.seconds = seconds


class Answer(NamedTuple):
    """What came back: neither a redirect nor a wish to be asked later."""

    status: int
    body: bytes


class PostOnly:
    """Posts to one host.

    Args:
        base: scheme, host and port; a path does not count.
        paths: the only ones that are posted to, with their query.
        seconds: that the server may stay silent.
        sleep: how to wait, in seconds.

    Raises:
        BadInput: `base` is no http(s) address, or carries a user.
    """

    def __init__(
        self, base: str, paths: Collection[str], *, seconds: float = 10.0, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        parts = address(base)
        assert parts.host
        kind = HTTPSConnectionPool if parts.scheme == "https" else HTTPConnectionPool
        self.host = parts.netloc or parts.host
        self._pool = kind(parts.host, parts.port, timeout=Timeout(connect=CONNECT_SECONDS, read=seconds))
        self._paths, self._seconds, self._sleep = frozenset(paths), seconds, sleep

    def __call__(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post, again where the server asks for it, and return what came back.

        Raises:
            NotAllowed: the path is not listed, or the answer is a redirect.
            LaterError: it says 429 or 5xx, again and again or for longer than is waited.
            Unavailable: no answer in time; whether it arrived is not known.
        """
        if path not in self._paths:
            raise NotAllowed(f"Nothing is posted to {path}.", next_step=f"Listed are: {', '.join(sorted(self._paths))}")
        until = time.monotonic() + TOTAL_SECONDS
        for tries in range(1, TRIES + 1):
            answer, wait = self._once(path, body, headers, tries)
            if answer.status not in AGAIN:
                return answer
            if tries == TRIES or time.monotonic() + wait > until:
                raise LaterError(
                    f"{self.host} answers {answer.status}.", next_step="It is tried again by itself.", seconds=wait
                )
            self._sleep(wait)
        raise AssertionError("unreachable: the last try returns")

    def _once(self, path: str, body: bytes, headers: Mapping[str, str], tries: int) -> tuple[Answer, float]:
        """Post once; return the answer, and the seconds to wait before a repeat."""
        try:
            response = self._pool.urlopen(
                "POST", path, body, dict(headers), retries=False, redirect=False, preload_content=False
            )
            said = self._read(response)
        except (HTTPError, OSError) as error:
            sent = "" if isinstance(error, NewConnectionError) else "; whether it arrived is not known"
            raise Unavailable(
                f"{self.host} does not answer ({type(error).__name__}){sent}.",
                next_step="Check the address in the settings: workbench notify test.",
            ) from error
        if response.get_redirect_location():
            raise NotAllowed(
                f"{self.host} answers with a redirect, which is not followed.",
                next_step="Set the final address in the settings.",
            )
        return Answer(response.status, said), _rest(response, tries)

    def _read(self, response: BaseHTTPResponse) -> bytes:
        """Read the answer as far as it may go; what drips is cut off."""
        until, body = time.monotonic() + self._seconds, bytearray()
        while len(body) < MOST_BYTES and time.monotonic() < until and (chunk := response.read1(8192)):
            body += chunk
        response.close()
        return bytes(body[:MOST_BYTES])


def address(url: str) -> Url:
    """Return the parts of an http(s) address.

    Raises:
        BadInput: it is none, or carries a user or a fragment.
    """
    try:
        parts = parse_url(url)
    except LocationParseError:
        parts = Url()
    if parts.scheme not in ("http", "https") or not parts.host or parts.auth or parts.fragment:
        raise BadInput(
            f"{parts.host or 'A setting'!r} is not an address to send to.",
            next_step="Write slack_url and notify_url as http(s)://host/path, without user or fragment.",
        )
    return parts


def _rest(response: BaseHTTPResponse, tries: int) -> float:
    """Return the seconds that `Retry-After` names (a number or a date), else doubling ones."""
    try:
        named = Retry().get_retry_after(response)
    except InvalidHeader:
        named = None
    return FIRST_WAIT_SECONDS * 2.0 ** (tries - 1) if named is None else named
