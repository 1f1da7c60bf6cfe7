"""Keeping data: a pool of SQLite connections, a span and a duration for every statement."""

from __future__ import annotations

import contextlib
import queue
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import log, metrics, tracing
from .serving import Refused

TABLE = re.compile(r"(?:FROM|INTO|UPDATE|TABLE IF NOT EXISTS) (\w+)")
SLOW = 0.25
"""Seconds from which a statement is worth a log line."""


class Pool:
    """At most `size` connections; who waits longer than `timeout` seconds for one is refused."""

    def __init__(self, path: str, size: int, timeout: float) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.size, self.timeout, self.waiting = size, timeout, 0
        self._free: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._lock = threading.Lock()
        for _ in range(size):
            link = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
            link.execute("PRAGMA journal_mode=WAL")
            link.execute("PRAGMA synchronous=NORMAL")
            self._free.put(link)
        metrics.register(metrics.QUERIED)
        metrics.register(metrics.WAITED)
        metrics.register(metrics.Gauge("db_pool_size", lambda: float(size)))
        metrics.register(metrics.Gauge("db_pool_in_use", lambda: float(size - self._free.qsize())))
        metrics.register(metrics.Gauge("db_pool_waiting", lambda: float(self.waiting)))

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection]:
        """Work with a connection.

        Raises:
            Refused: none became free in time.
        """
        link = self._take()
        try:
            yield Connection(link)
        finally:
            self._free.put(link)

    def _take(self) -> sqlite3.Connection:
        began = time.perf_counter()
        with tracing.span("pool.acquire"):
            with self._lock:
                self.waiting += 1
            try:
                return self._free.get(timeout=self.timeout)
            except queue.Empty:
                log.error(f"no database connection after {self.timeout:g} s: {self.size} of {self.size} in use")
                raise Refused(503, "no database connection became free") from None
            finally:
                with self._lock:
                    self.waiting -= 1
                metrics.WAITED.observe(time.perf_counter() - began)


class Connection:
    """A connection that is watched."""

    def __init__(self, link: sqlite3.Connection) -> None:
        self._link = link

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        table = TABLE.search(statement)
        name = f"{statement.split()[0]} {table[1] if table else ''}".strip()
        began = time.perf_counter()
        try:
            with tracing.span(name, "client", **{"db.system": "sqlite", "db.query.text": statement}):
                return self._link.execute(statement, values).fetchall()
        finally:
            took = time.perf_counter() - began
            metrics.QUERIED.observe(took)
            if took > SLOW:
                log.warning(f"slow statement, {took:.2f} s: {statement}")
