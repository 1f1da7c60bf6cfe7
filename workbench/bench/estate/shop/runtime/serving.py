"""Serving: routes, a server span and a duration for every request, `/metrics`, `/health`, a clean end on SIGTERM."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from . import log, metrics, tracing

ROOT = Path(__file__).parents[1]


class Refused(Exception):  # noqa: N818  # named as the log line says it
    """A reply that is not a success: its HTTP status and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True)
class Request:
    """What a route gets: the names in its path, the query, the JSON body, the headers (small letters)."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    headers: Mapping[str, str]


Handler = Callable[[Request], Any]


@dataclass(frozen=True)
class Route:
    """A method, a path with names in it, and the function that answers."""

    method: str
    template: str
    pattern: re.Pattern[str]
    handler: Handler

    @property
    def code(self) -> dict[str, str | int]:
        """Where the function stands, in the words of the semantic conventions."""
        about = inspect.unwrap(self.handler).__code__
        return {
            "code.function.name": about.co_qualname,
            "code.file.path": Path(about.co_filename).relative_to(ROOT).as_posix(),
            "code.line.number": about.co_firstlineno,
        }


class Service:
    """The routes of one service, and the server that answers them."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        size = int(os.environ.get("WORKERS", "24"))
        self._workers, self._busy = threading.BoundedSemaphore(size), 0
        self._lock = threading.Lock()
        metrics.register(metrics.Gauge("http_server_active_requests", lambda: {(): float(self._busy)}))
        metrics.register(metrics.Gauge("http_server_workers_max", lambda: {(): float(size)}))

    def route(self, method: str, template: str) -> Callable[[Handler], Handler]:
        """Say which function answers a method and a path such as `/products/{id}`."""
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))

        def keep(handler: Handler) -> Handler:
            self.routes.append(Route(method, template, pattern, handler))
            return handler

        return keep

    def answer(self, method: str, target: str, data: bytes, headers: Mapping[str, str]) -> tuple[int, Any]:
        """Answer one request: status and reply; what the route refuses is a reply, what it did not foresee a 500."""
        parts = urlsplit(target)
        found = ((each, each.pattern.fullmatch(parts.path)) for each in self.routes if each.method == method)
        route, match = next(((each, match) for each, match in found if match), (None, None))
        if route is None or match is None:
            return 404, {"error": "no such page"}
        began, status = time.perf_counter(), 500
        about = {"http.request.method": method, "http.route": route.template, "url.path": parts.path, **route.code}
        try:
            with tracing.span(
                f"{method} {route.template}", "server", about, above=headers.get("traceparent", "")
            ) as span:
                names, query = match.groupdict(), dict(parse_qsl(parts.query))
                with self._lock:
                    self._busy += 1
                try:
                    with self._workers:
                        status, reply = _handled(route.handler, names, query, data, headers)
                finally:
                    with self._lock:
                        self._busy -= 1
                span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    tracing.failed(span, reply)
        finally:
            metrics.SERVED.observe(time.perf_counter() - began, method, route.template, str(status))
        return status, {"error": getattr(reply, "reason", "internal error")} if isinstance(reply, Exception) else reply

    def run(self) -> None:
        """Serve until SIGTERM."""
        ends = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before any thread is made: none of them takes the signal
        tracing.start()
        log.start()
        port = int(os.environ.get("PORT", "8080"))
        server = _Server((os.environ.get("LISTEN_HOST", "0.0.0.0"), port), _handler(self))  # noqa: S104  # a container's
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        version = os.environ.get("SERVICE_VERSION", "0")
        log.info(f"listening on {port}, version {version}")
        signal.sigwait(ends)
        log.info("ending")
        server.shutdown()
        tracing.stop()
        log.stop()
        sys.stdout.flush()
        os._exit(0)  # a request that hangs must not keep the process


def _handled(
    handler: Handler, path: Mapping[str, str], query: Mapping[str, str], data: bytes, headers: Mapping[str, str]
) -> tuple[int, Any]:
    """Return status and reply, or status and the exception that stands for it."""
    try:
        body = json.loads(data) if data else {}
    except ValueError:
        return 400, Refused(400, "the body is not JSON")
    try:
        return 200, handler(Request(path, query, body, headers))
    except Refused as refusal:
        return refusal.status, refusal
    except Exception as error:  # the server's last line of defence: it is logged and answered with a 500
        log.error(f"unhandled {type(error).__name__}: {error}", error)
        return 500, error


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Page(BaseHTTPRequestHandler):
        timeout = 30

        def _send(self, status: int, data: bytes, kind: str) -> None:
            with contextlib.suppress(ConnectionError):  # the caller has gone
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def do_GET(self) -> None:
            if self.path == "/metrics":
                return self._send(200, metrics.exposition().encode(), "text/plain; version=0.0.4")
            if self.path == "/health":
                return self._send(200, b'{"status": "ok"}', "application/json")
            return self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def do_DELETE(self) -> None:
            self._answer("DELETE")

        def _answer(self, method: str) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            status, reply = service.answer(method, self.path, data, headers)
            self._send(status, json.dumps(reply).encode(), "application/json")

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: every request is a span already."""

    return Page
