"""What listens to the shop: a receiver of OTLP spans, and a scraper of `/metrics`."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LINE = re.compile(r'^(\w+)(?:\{le="([^"]+)"\})? (\S+)$')
Series = dict[tuple[str, str], float]
"""Metric name and upper bound (empty outside histograms) to value."""


def parsed(text: str) -> Series:
    r"""Read Prometheus text.

    >>> parsed('# TYPE x counter\nx 3\ny_bucket{le="0.1"} 4\n')
    {('x', ''): 3.0, ('y_bucket', '0.1'): 4.0}
    """
    rows = (LINE.match(line) for line in text.splitlines())
    return {(row[1], row[2] or ""): float(row[3]) for row in rows if row}


class Receiver:
    """Takes OTLP JSON on a free port and keeps every batch as a line of a file."""

    def __init__(self, path: Path) -> None:
        lock, out = threading.Lock(), path.open("a")

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name that http.server calls
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with lock:
                    out.write(body + "\n")
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._out = out
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; what came in is on disk."""
        self._server.shutdown()
        self._server.server_close()
        self._out.close()


@dataclass(frozen=True)
class Scrape:
    """One service, read at one moment."""

    time: float
    entity: str
    series: Series


@dataclass
class Scraper:
    """Reads `/metrics` of every service at a steady pace, in a thread."""

    urls: Mapping[str, str]
    every: float
    scrapes: list[Scrape] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._threads = [threading.Thread(target=self._go, args=pair, daemon=True) for pair in self.urls.items()]
        for thread in self._threads:
            thread.start()

    def _go(self, entity: str, url: str) -> None:
        due = (time.time() // self.every + 1) * self.every
        while not self._end.wait(max(0.0, due - time.time())):
            try:
                with urllib.request.urlopen(f"{url}/metrics", timeout=self.every) as reply:  # noqa: S310  # our own
                    self.scrapes.append(Scrape(due, entity, parsed(reply.read().decode())))
            except OSError:
                pass  # a scrape that fails is a gap in the metrics, as it is in Prometheus
            due = max(due + self.every, (time.time() // self.every) * self.every)

    def close(self) -> None:
        """Stop reading."""
        self._end.set()
        for thread in self._threads:
            thread.join(self.every + 1)


def otlp_spans(path: Path) -> list[dict[str, Any]]:
    """Return every span that the receiver kept, each with the name of its `service`."""
    spans = []
    for line in path.read_text().splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            pairs = {each["key"]: each["value"]["stringValue"] for each in resource["resource"]["attributes"]}
            for scope in resource["scopeSpans"]:
                spans += [{**span, "service": pairs["service.name"]} for span in scope["spans"]]
    return spans
