"""Calling another service: a client span, a time limit, the trace carried on, one retry where nobody listened."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from . import log, metrics, tracing
from .resolving import address
from .serving import Refused

Reply = tuple[int, Any]


@dataclass(frozen=True)
class Peer:
    """Another service: where it is, and for how long we wait for it.

    A reply of 4xx passes on as `Refused`, 5xx becomes a 502, silence a 504.
    """

    url: str
    timeout: float

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        """Fetch JSON."""
        return self._call("GET", path, None, headers or {})

    def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Any:
        """Send JSON and return the reply."""
        return self._call("POST", path, body, headers or {})

    def delete(self, path: str) -> Any:
        """Let something be forgotten."""
        return self._call("DELETE", path, None, {})

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Any:
        parts = urlsplit(self.url + path)
        name, began, status = parts.hostname or "", time.perf_counter(), "error"
        route = re.sub(r"/[^/]*[0-9][^/]*", "/{id}", parts.path)
        about: dict[str, str | int] = {
            "http.request.method": method,
            "server.address": name,
            "server.port": parts.port or 80,
            "url.path": parts.path,
        }
        try:
            with tracing.span(f"{method} {route}", "client", about) as span:
                code, reply = self._answer(method, parts, body, {**headers, **tracing.carried()})
                status = str(code)
                span.set_attribute("http.response.status_code", code)
                return _accepted(code, reply, name)
        except TimeoutError as error:
            status = "timeout"
            log.error(f"{method} {route} on {name} timed out after {self.timeout:g} s")
            raise Refused(504, f"{name} timed out") from error
        except (OSError, http.client.HTTPException) as error:
            log.error(f"{method} {route} on {name} failed: {error or type(error).__name__}")
            raise Refused(502, f"{name} cannot be reached") from error
        finally:
            metrics.CALLED.observe(time.perf_counter() - began, name, status)

    def _answer(
        self, method: str, parts: SplitResult, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Reply:
        """Return the reply; try once more where the connection was refused (the other one restarts)."""
        try:
            return self._once(method, parts, body, headers)
        except ConnectionRefusedError:
            time.sleep(0.05)
            return self._once(method, parts, body, headers)

    def _once(
        self, method: str, parts: SplitResult, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Reply:
        host, port = address(parts.hostname or "", parts.port or 80)
        link = http.client.HTTPConnection(host, port, timeout=self.timeout)
        try:
            data = None if body is None else json.dumps(body).encode()
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            sent = {"Host": parts.netloc, "Content-Type": "application/json", "Connection": "close", **headers}
            link.request(method, path, data, sent)
            response = link.getresponse()
            text = response.read()
            return response.status, json.loads(text or b"{}")
        finally:
            link.close()


def _accepted(code: int, reply: Any, peer: str) -> Any:
    """Return a good reply.

    Raises:
        Refused: it is none.
    """
    if code < 400:
        return reply
    reason = reply.get("error", "") if isinstance(reply, dict) else ""
    if code < 500:
        raise Refused(code, reason)
    log.error(f"{peer} answered {code}: {reason}")
    raise Refused(502, f"{peer} answered {code}")
