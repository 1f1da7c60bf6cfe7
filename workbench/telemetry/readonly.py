"""The one HTTP transport of live sources: it can only read.

    session = ReadOnlySession("https://prometheus.example", allowed=(Allowed("GET", "/api/v1/query_range"),))
    session.get("https://prometheus.example/api/v1/query_range", params={...})

A request passes only if its host is the configured one and its (method, path) is on the list. No redirects, no
protocol upgrade, time limits on connecting, reading and the whole; how often, how soon again and when not at all is
its `Pace`'s.
The check stands in `send`, which every way of using a `requests` session ends in, and no other adapter can be mounted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.exceptions import HTTPError, LocationParseError, ReadTimeoutError
from urllib3.util import Url, parse_url

from ontology.errors import BadInput, NotAllowed, Unavailable
from workbench.telemetry.pace import Pace, Seen

CONNECT_SECONDS = 3.05
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
        pace: Pace | None = None,
    ) -> None:
        """Bind the session to the scheme, host, port and path prefix of `base`.

        Args:
            base: address of the API, such as `https://metrics.example:9090/prometheus`.
            allowed: what may be asked, paths relative to `base`.
            headers: sent with each request, such as an authorization.
            pace: how hard it may be asked, with the clock that all limits are measured by; one of its own where None.

        Raises:
            BadInput: `base` is no http(s) address, or carries a user, a query or a fragment.
        """
        super().__init__()
        self._base = address(base)
        self._allowed = tuple(allowed)
        self.pace = pace or Pace(self._base.url)
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
        return self.pace.ask(lambda until: self._once(request, options, until), _seen)

    def _check(self, request: requests.PreparedRequest) -> None:
        """Raise `NotAllowed` unless host, method, path and headers are what may be sent."""
        check(self._base, self._allowed, request.method or "", str(request.url or ""), request.headers)

    def _once(self, request: requests.PreparedRequest, options: dict[str, Any], until: float) -> requests.Response:
        """Send once, without redirects, within the time limits."""
        left = max(until - self.pace.clock(), 0.1)
        silence = min(self.pace.limits.seconds, left)
        timeout = (min(CONNECT_SECONDS, silence), silence)
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
            if len(body) > MOST_BYTES or self.pace.clock() > until:
                response.close()
                limit = f"{MOST_BYTES >> 20} MiB" if len(body) > MOST_BYTES else f"{self.pace.limits.total:g} s"
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
    refuse(base, next(offences(base, allowed, method, url, headers), None))


def refuse(base: Url, offence: Offence | None) -> None:
    """Raise `NotAllowed` for an offence, where there is one."""
    if offence is not None:
        raise NotAllowed(
            f"The read-only transport does not send {offence.what}.",
            next_step=f"Only listed reads of {base.url} are sent; each source lists its own.",
        )


@dataclass(frozen=True, slots=True)
class Offence:
    """A reason not to send a request."""

    rule: str
    """`host`, `list`, `user` or `header`: the tests take each away in turn, and must see it missing."""
    what: str
    """What is not sent, in words."""


def offences(base: Url, allowed: Iterable[Allowed], method: str, url: str, headers: Iterable[str]) -> Iterator[Offence]:
    """Yield why a request may not be sent, by rule; the arguments are those of `check`."""
    target = parse_url(url)  # the parser that connects: two parsers would disagree on a crafted address
    prefix, full = base.path or "", target.path or ""
    path = full[len(prefix) :] if full.startswith(prefix) else ""
    what = f"{method} {target.scheme}://{target.netloc}{full}"
    if _host(target) != _host(base):
        yield Offence("host", what)
    if target.auth is not None:
        yield Offence("user", what)
    if not any(each.fits(method, path) for each in allowed):
        yield Offence("list", what)
    if upgrade := BANNED & {name.lower() for name in headers}:
        yield Offence("header", f"the header {min(upgrade)}")


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


def _seen(response: requests.Response) -> Seen:
    return response.status_code, response.headers


def _reason(error: Exception) -> str:
    """Return why a request failed in a few words, without the address of an object in memory."""
    if isinstance(error, requests.Timeout | ReadTimeoutError):
        return "it took too long"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return type(error).__name__
