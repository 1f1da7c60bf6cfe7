"""The one HTTP transport of live sources: it can only read.

    session = ReadOnlySession("https://prometheus.example", allowed=(Allowed("GET", "/api/v1/query_range"),))
    session.get("https://prometheus.example/api/v1/query_range", params={...})

A request passes only if its host is the configured one and its (method, path) is on the list. No redirects, no
protocol upgrade, time limits on connecting, reading and the whole; 429 and 5xx are tried again, as `Retry-After` says.
The check stands in `send`, which every way of using a `requests` session ends in, and no other adapter can be mounted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.exceptions import HTTPError, LocationParseError, ReadTimeoutError
from urllib3.util import Url, parse_url

from ontology.errors import BadInput, NotAllowed, Unavailable

CONNECT_SECONDS = 3.05
READ_SECONDS = 10.0
TOTAL_SECONDS = 30.0
"""Limits for connecting, for each read, and for a request with all its repeats."""
TRIES = 4
AGAIN = frozenset({429, 500, 502, 503, 504})
"""Statuses that are tried again: too many requests, and what a restart or a proxy answers."""
FIRST_WAIT_SECONDS = 0.2
MOST_BYTES = 64 * 1024 * 1024
"""A longer answer is cut off with an error: one query must not fill the memory."""
BANNED = frozenset(
    {"host", "upgrade", "sec-websocket-key", "http2-settings", "x-http-method-override", "x-http-method"}
)
"""Headers that turn a read into something else, or lead it elsewhere behind a proxy."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A method and a path template that may be asked: `{name}` stands for one path segment.

    >>> Allowed("GET", "/api/v1/label/{name}/values").fits("GET", "/api/v1/label/job/values")
    True
    >>> Allowed("GET", "/api/v1/label/{name}/values").fits("GET", "/api/v1/label/a/b/values")
    False
    """

    method: str
    template: str

    def fits(self, method: str, path: str) -> bool:
        """Say whether this very request is allowed; a dot segment or an encoded slash or dot never is."""
        if re.search(r"(?:^|/)\.{1,2}(?:/|$)|//|\\|%2f|%2e|%5c|%00", path, re.IGNORECASE):
            return False
        pattern = "[A-Za-z0-9_.:~-]+".join(re.escape(part) for part in re.split(r"\{\w+\}", self.template))
        return method == self.method and re.fullmatch(pattern, path, re.ASCII) is not None


class ReadOnlySession(requests.Session):
    """A `requests` session that sends nothing but the listed reads to one host."""

    def __init__(
        self,
        base: str,
        allowed: Iterable[Allowed],
        *,
        headers: dict[str, str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Bind the session to the scheme, host, port and path prefix of `base`.

        Args:
            base: address of the API, such as `https://metrics.example:9090/prometheus`.
            allowed: what may be asked, paths relative to `base`.
            headers: sent with each request, such as an authorization.
            sleep: how to wait between tries, in seconds.
            clock: a monotonic clock, in seconds.

        Raises:
            BadInput: `base` is no http(s) address, or carries a user, a query or a fragment.
        """
        super().__init__()
        self._base = address(base)
        self._allowed = tuple(allowed)
        self._sleep, self._clock = sleep, clock
        self._adapter = HTTPAdapter(max_retries=0)
        self.adapters.clear()
        self.trust_env = False  # no proxy and no .netrc password from the environment
        self.headers.update(headers or {})

    @property
    def base(self) -> str:
        """The address of the API without a closing slash."""
        return self._base.url

    def mount(self, prefix: str | bytes, adapter: BaseAdapter) -> None:
        """Take no adapter: client libraries mount their own, which would go round the list."""

    def get_adapter(self, url: str | bytes) -> BaseAdapter:
        """Return the one adapter, whatever the address; `send` has checked it."""
        return self._adapter

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request that is on the list, and try again where the server asks for it.

        Raises:
            NotAllowed: the request is off the list, or the answer is a redirect.
            Unavailable: no answer in time, or one that is too long.
        """
        self._check(request)
        until = self._clock() + TOTAL_SECONDS
        for tries in range(1, TRIES + 1):
            response = self._once(request, options, until)
            wait = _wait(response, tries)
            if response.status_code not in AGAIN or tries == TRIES or self._clock() + wait > until:
                return response
            response.close()
            self._sleep(wait)
        raise AssertionError("unreachable: the last try returns")

    def _check(self, request: requests.PreparedRequest) -> None:
        """Raise `NotAllowed` unless host, method, path and headers are what may be sent."""
        check(self._base, self._allowed, request.method or "", str(request.url or ""), request.headers)

    def _once(self, request: requests.PreparedRequest, options: dict[str, Any], until: float) -> requests.Response:
        """Send once, without redirects, within the time limits."""
        left = max(until - self._clock(), 0.1)
        timeout = (min(CONNECT_SECONDS, left), min(READ_SECONDS, left))
        kept = {name: options[name] for name in ("verify", "cert") if name in options}
        try:
            response = super().send(request, stream=True, allow_redirects=False, timeout=timeout, proxies={}, **kept)
            self._read(response, until)
        except (requests.RequestException, HTTPError) as error:
            raise Unavailable(
                f"{self.base} does not answer: {_reason(error)}.",
                next_step="Check the address in the settings and that it can be reached: workbench doctor.",
            ) from error
        if response.is_redirect:
            raise NotAllowed(
                f"{self.base} answers with a redirect, which is not followed.",
                next_step="Set the final address in the settings (often https, or a path prefix).",
            )
        return response

    def _read(self, response: requests.Response, until: float) -> None:
        """Read the body within the total time and size; a server that drips bytes does not hold us."""
        body = bytearray()
        while chunk := response.raw.read1(65536, decode_content=True):  # read1: what is there, not what may come
            body += chunk
            if len(body) > MOST_BYTES or self._clock() > until:
                response.close()
                limit = f"{MOST_BYTES >> 20} MiB" if len(body) > MOST_BYTES else f"{TOTAL_SECONDS:.0f} s"
                raise Unavailable(
                    f"{self.base} was cut off at {limit}.", next_step="Ask for fewer entities or a shorter window."
                )
        response._content_consumed = True  # type: ignore[attr-defined]  # as `requests` marks a body that was read
        response._content = bytes(body)


def check(base: Url, allowed: Iterable[Allowed], method: str, url: str, headers: Iterable[str]) -> None:
    """Refuse a request that is not a listed read of one address.

    Args:
        base: the address, with its path prefix.
        allowed: what may be asked, paths relative to `base`.
        method: the request's method.
        url: the request's address.
        headers: names of the request's headers.

    Raises:
        NotAllowed: host, method, path or a header is not what may be sent.
    """
    target = parse_url(url)  # the parser that connects: two parsers would disagree on a crafted address
    prefix, full = base.path or "", target.path or ""
    path = full[len(prefix) :] if full.startswith(prefix) else ""
    listed = any(each.fits(method, path) for each in allowed)
    upgrade = BANNED & {name.lower() for name in headers}
    if not (_host(target) == _host(base) and listed) or target.auth is not None or upgrade:
        what = f"the header {min(upgrade)}" if upgrade else f"{method} {target.scheme}://{target.netloc}{full}"
        raise NotAllowed(
            f"The read-only transport does not send {what}.",
            next_step=f"Only listed reads of {base.url} are sent; each source lists its own.",
        )


def address(base: str) -> Url:
    """Return the parts of an address without a closing slash.

    Raises:
        BadInput: it is no http(s) address, or carries a user, a query or a fragment.
    """
    try:
        parts = parse_url(base.rstrip("/"))
    except LocationParseError:
        parts = Url()
    if parts.scheme not in ("http", "https") or not parts.host or parts.auth or parts.query or parts.fragment:
        raise BadInput(
            f"{parts.host or base!r} is not the address of an API.",
            next_step="Write it as http(s)://host:port/prefix, without user, query or fragment.",
        )
    return parts


def _host(parts: Url) -> tuple[str | None, str | None, int | None]:
    return parts.scheme, parts.host, parts.port or {"http": 80, "https": 443}.get(parts.scheme or "")


def _wait(response: requests.Response, tries: int) -> float:
    """Return the seconds to wait: what `Retry-After` says (seconds or a date), else doubling from the first wait."""
    said = response.headers.get("Retry-After", "").strip()
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no header, no date, or a date without a zone
        return FIRST_WAIT_SECONDS * 2.0 ** (tries - 1)


def _reason(error: Exception) -> str:
    """Return why a request failed in a few words, without the address of an object in memory."""
    if isinstance(error, requests.Timeout | ReadTimeoutError):
        return "it took too long"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return type(error).__name__
