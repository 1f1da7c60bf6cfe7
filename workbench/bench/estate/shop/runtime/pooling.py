"""A pool of database connections: a bounded number, a bounded wait, a span for every statement."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from . import log, metrics, tracing
from .serving import Refused

TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE|TABLE IF NOT EXISTS)\s+(\w+)")
SLOW = 0.25
"""Seconds from which a statement is worth a log line."""
WAITED = metrics.Histogram("db_client_connections_wait_seconds")
QUERIED = metrics.Histogram("db_client_operation_duration_seconds", "db_operation_name")


class Link(Protocol):
    """What the databases' own connections have in common."""

    def execute(self, query: Any, params: Any = ..., /) -> Any:
        """Run one statement."""

    def close(self) -> None:
        """End it."""


@dataclass(frozen=True)
class Database:
    """How to get a connection to which database, and the exception that says a connection is lost."""

    system: str
    host: str
    port: int
    connect: Callable[[], Link]
    lost: type[Exception]


class Connection:
    """A connection that is watched."""

    def __init__(self, database: Database, link: Link) -> None:
        self.database, self.link, self.broken = database, link, False

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows, none where it has none."""
        statement = " ".join(statement.split())
        table = TABLE.search(statement)
        name, began = f"{statement.split()[0]} {table[1] if table else ''}".strip(), time.perf_counter()
        about: dict[str, str | int] = {"db.system.name": self.database.system, "db.query.text": statement}
        if self.database.host:
            about |= {"server.address": self.database.host, "server.port": self.database.port}
        try:
            with tracing.span(name, "client", about):
                cursor = self.link.execute(statement, values)
                return list(cursor.fetchall()) if cursor.description else []
        except self.database.lost as error:
            self.broken = True
            log.error(f"{name} on {self.database.host or self.database.system} failed: {error}")
            raise
        finally:
            took = time.perf_counter() - began
            QUERIED.observe(took, name)
            if took > SLOW:
                log.warning(f"slow statement, {took:.2f} s: {statement}")


class Pool:
    """At most `size` connections, made when first needed; who waits longer than `timeout` seconds is refused."""

    def __init__(self, database: Database, size: int, timeout: float) -> None:
        self.database, self.size, self.timeout = database, size, timeout
        self._slots: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        self._lock, self._waiting = threading.Lock(), 0
        for _ in range(size):
            self._slots.put(None)
        metrics.register(WAITED)
        metrics.register(QUERIED)
        metrics.register(metrics.Gauge("db_client_connections_max", lambda: {(): float(size)}))
        metrics.register(metrics.Gauge("db_client_connections_usage", self._usage, "state"))
        metrics.register(metrics.Gauge("db_client_connections_pending_requests", lambda: {(): float(self._waiting)}))

    def _usage(self) -> dict[tuple[str, ...], float]:
        free = self._slots.qsize()
        return {("used",): float(self.size - free), ("idle",): float(free)}

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection]:
        """Work with a connection; one that broke is closed and its place is free for a new one.

        Raises:
            Refused: none became free in time.
        """
        kept = self._take()
        connection: Connection | None = None
        try:
            connection = kept or Connection(self.database, self.database.connect())
            yield connection
        finally:
            if connection and connection.broken:
                with contextlib.suppress(Exception):  # it is lost already
                    connection.link.close()
                connection = None
            self._slots.put(connection)

    def _take(self) -> Connection | None:
        began = time.perf_counter()
        with self._lock:
            self._waiting += 1
        try:
            return self._slots.get(timeout=self.timeout)
        except queue.Empty:
            log.error(f"no database connection after {self.timeout:g} s: {self.size} of {self.size} in use")
            raise Refused(503, "no database connection became free") from None
        finally:
            with self._lock:
                self._waiting -= 1
            WAITED.observe(time.perf_counter() - began)
