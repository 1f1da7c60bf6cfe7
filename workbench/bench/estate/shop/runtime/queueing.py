"""Redis streams as a queue: a producer and a consumer span, so that a trace goes on behind the queue."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import redis

from . import log, metrics, tracing
from .caching import about, client

GROUP = "dispatch"


class Queue:
    """One stream."""

    def __init__(self, url: str, stream: str, timeout: float) -> None:
        self.url, self.stream = url, stream
        self._redis, self._watch = client(url, timeout), client(url, 0.5)
        metrics.register(metrics.Gauge("queue_depth", self._depth, "queue"))
        metrics.register(metrics.Gauge("queue_oldest_seconds", self._age, "queue"))

    def _depth(self) -> dict[tuple[str, ...], float]:
        try:
            return {(self.stream,): float(self._watch.xlen(self.stream))}
        except (redis.RedisError, OSError):
            return {}

    def _age(self) -> dict[tuple[str, ...], float]:
        try:
            first: Any = self._watch.xrange(self.stream, count=1)
        except (redis.RedisError, OSError):
            return {}
        since = float(first[0][0].split("-")[0]) / 1000 if first else time.time()
        return {(self.stream,): max(0.0, time.time() - since)}

    def _about(self, operation: str) -> dict[str, str | int]:
        return {
            **about(self.url, operation),
            "messaging.system": "redis",
            "messaging.destination.name": self.stream,
            "messaging.operation.type": "send" if operation == "XADD" else "process",
        }

    def put(self, name: str, value: Any) -> None:
        """Put a JSON value at the end.

        Raises:
            redis.RedisError: the queue did not take it.
        """
        with tracing.span(f"send {self.stream}", "producer", self._about("XADD")):
            fields: dict[Any, Any] = {name: json.dumps(value), **tracing.carried()}
            self._redis.xadd(self.stream, fields)

    def ready(self) -> None:
        """Make the stream and its group of readers, where they are not there."""
        try:
            self._redis.xgroup_create(self.stream, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def take(self, reader: str) -> list[tuple[str, dict[str, str]]]:
        """Return what this reader took and did not finish, or else the next few; wait a second for them."""
        for since in ("0", ">"):
            reply: Any = self._redis.xreadgroup(GROUP, reader, {self.stream: since}, count=8, block=1000)
            found = [message for _, messages in reply or [] for message in messages]
            if found:
                return found
        return []

    def done(self, number: str) -> None:
        """Take a message off the queue."""
        self._redis.xack(self.stream, GROUP, number)
        self._redis.xdel(self.stream, number)

    def set_aside(self, number: str, fields: dict[str, str]) -> None:
        """Move a message that cannot be processed to the stream of the dead."""
        self._redis.xadd(f"{self.stream}-dead", dict(fields))  # type: ignore[arg-type]  # dict is invariant
        self.done(number)

    def process(self, number: str, fields: dict[str, str], work: Callable[[dict[str, str]], None]) -> None:
        """Work on one message, in a span of the trace that it was sent in."""
        span = {**self._about("XREADGROUP"), "messaging.message.id": number}
        with tracing.span(f"process {self.stream}", "consumer", span, above=fields.get("traceparent", "")):
            try:
                work(fields)
            except Exception as error:
                log.error(f"message {number} failed: {type(error).__name__}: {error}", error)
                raise
