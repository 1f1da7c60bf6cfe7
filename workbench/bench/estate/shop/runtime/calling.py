"""Calling another service: a client span, a time limit, the trace carried on, one retry where nobody listened."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from . import log, metrics, tracing
from .resolving import resolve
from .serving import Refused

metrics.register(metrics.CALLED)


def get(url: str, timeout: float) -> Any:
    """Fetch JSON from another service."""
    return call("GET", url, None, timeout)


def post(url: str, body: dict[str, Any], timeout: float) -> Any:
    """Send JSON to another service and return its reply."""
    return call("POST", url, body, timeout)


def call(method: str, url: str, body: dict[str, Any] | None, timeout: float) -> Any:
    """Call, and turn what goes wrong outside into a reply of ours: 4xx passes on, 5xx is a 502, silence a 504.

    Raises:
        Refused: the other service refused, failed or did not answer in time.
    """
    parts = urlsplit(url)
    peer, began = parts.hostname or "", time.perf_counter()
    operation = f"{method} {re.sub(r'/[^/]*[0-9][^/]*', '/{id}', parts.path)}"
    with tracing.span(operation, "client", **{"server.address": peer}) as span:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "traceparent": span.traceparent}
        request = urllib.request.Request(resolve(url), data, headers, method=method)  # noqa: S310  # our own addresses
        try:
            return _answer(request, timeout)
        except urllib.error.HTTPError as error:
            with error:
                reason = json.loads(error.read() or b"{}").get("error", error.reason)
            if error.code < 500:
                raise Refused(error.code, reason) from error
            log.error(f"{method} {parts.path} on {peer} answered {error.code}: {reason}")
            raise Refused(502, f"{peer} answered {error.code}") from error
        except TimeoutError as error:
            log.error(f"{method} {parts.path} on {peer} timed out after {timeout:g} s")
            raise Refused(504, f"{peer} timed out") from error
        except OSError as error:
            what = getattr(error, "reason", None) or error
            if isinstance(what, TimeoutError):
                log.error(f"{method} {parts.path} on {peer} timed out after {timeout:g} s")
                raise Refused(504, f"{peer} timed out") from error
            log.error(f"{method} {parts.path} on {peer} failed: {what}")
            raise Refused(502, f"{peer} cannot be reached") from error
        finally:
            metrics.CALLED.observe(time.perf_counter() - began)


def _answer(request: urllib.request.Request, timeout: float) -> Any:
    """Return the reply; try once more where the connection was refused or cut (the other one restarts)."""
    try:
        return _once(request, timeout)
    except urllib.error.HTTPError:
        raise
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ConnectionError):
            raise
    except ConnectionError:
        pass
    time.sleep(0.05)
    return _once(request, timeout)


def _once(request: urllib.request.Request, timeout: float) -> Any:
    with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310  # our own addresses
        return json.loads(response.read())
