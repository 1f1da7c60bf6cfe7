"""Serving: routes, a server span and a duration for every request, `/metrics`, `/health`, a clean end on SIGTERM."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import log, metrics, tracing


class Refused(Exception):  # noqa: N818  # named as the log line says it
    """A reply that is not a success: its HTTP status and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True)
class Request:
    """What a route gets: the names in its path, and the JSON body."""

    path: dict[str, str]
    body: dict[str, Any]


Route = Callable[[Request], Any]
MIDDLEWARE: list[Callable[[], None]] = []
"""Called before every route, inside its span and its duration."""


class Service:
    """The routes of one service, and the server that answers them."""

    def __init__(self) -> None:
        self.routes: list[tuple[str, str, re.Pattern[str], Route]] = []

    def route(self, method: str, path: str) -> Callable[[Route], Route]:
        """Answer requests for that path, such as `/products/{id}`."""
        pattern = re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path) + "$")

        def keep(answer: Route) -> Route:
            self.routes.append((method, f"{method} {path}", pattern, answer))
            return answer

        return keep

    def find(self, method: str, path: str) -> tuple[str, Route, dict[str, str]]:
        """Return the operation's name, its route, and the names in the path."""
        for known, name, pattern, answer in self.routes:
            match = pattern.match(path)
            if known == method and match:
                return name, answer, match.groupdict()
        raise Refused(404, f"no route for {method} {path}")

    def run(self) -> None:
        """Serve until SIGTERM; requests under way are finished first."""
        handler = type("Handler", (_Handler,), {"service": self})
        server = _Server((os.environ.get("LISTEN_HOST", "127.0.0.1"), int(os.environ.get("PORT", "8080"))), handler)
        threading.Thread(target=tracing.export, daemon=True).start()
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        log.info(f"listening, version {os.environ.get('SERVICE_VERSION', '0')}")
        server.serve_forever(poll_interval=0.1)
        server.server_close()
        tracing.flush(os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))
        log.info("stopped")


class _Server(ThreadingHTTPServer):
    allow_reuse_port = True  # a new version listens before the old one ends
    request_queue_size = 64
    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log a request that failed outside its route as one line."""
        error = sys.exc_info()[1]
        log.error(f"a connection was dropped: {type(error).__name__}: {error}")


class _Handler(BaseHTTPRequestHandler):
    service: Service
    timeout = 10

    def do_GET(self) -> None:  # the name that http.server calls
        """Answer a GET."""
        if self.path == "/metrics":
            self.reply(200, metrics.exposition().encode(), "text/plain; version=0.0.4")
        elif self.path == "/health":
            self.reply(200, b'{"status": "ok"}')
        else:
            self.answer("GET")

    def do_POST(self) -> None:
        """Answer a POST."""
        self.answer("POST")

    def answer(self, method: str) -> None:
        """Run the route in a server span; count it, time it."""
        began = time.perf_counter()
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        status, content = self.outcome(method, body)
        metrics.REQUESTS.add()
        metrics.ERRORS.add(status >= 500)
        metrics.SERVED.observe(time.perf_counter() - began)
        self.reply(status, json.dumps(content).encode())

    def outcome(self, method: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Return status and content of the reply; an error of the route is a reply too."""
        try:
            name, route, path = self.service.find(method, self.path)
        except Refused as refusal:
            return refusal.status, {"error": refusal.reason}
        with tracing.span(name, "server", traceparent=self.headers.get("traceparent", "")) as span:
            try:
                for step in MIDDLEWARE:
                    step()
                status, content = 200, route(Request(path, body))
            except Refused as refusal:
                status, content = refusal.status, {"error": refusal.reason}
            except Exception as error:  # the edge of the process: every failure becomes a 500 and a log line
                status, content = 500, {"error": f"{type(error).__name__}: {error}"}
                log.error(f"{name} failed: {content['error']}")
            if status >= 500:
                span.failed = content["error"]
            span.attributes["http.response.status_code"] = str(status)
        return status, content

    def reply(self, status: int, content: bytes, kind: str = "application/json") -> None:
        """Write the reply; a caller that has left is none of our trouble."""
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Leave access lines out: the spans hold them."""
