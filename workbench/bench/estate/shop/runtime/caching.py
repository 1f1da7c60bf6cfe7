"""Redis as a cache, and the connection that every use of redis shares: the name is resolved at each connect."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import redis

from . import log, metrics, tracing
from .resolving import address

ASKED = metrics.Counter("cache_requests_total", "result")


class Resolved(redis.Connection):
    """A connection that asks where its host is whenever it connects."""

    def __init__(self, *, public: tuple[str, int], **settings: Any) -> None:
        super().__init__(**settings)  # type: ignore[no-untyped-call]  # redis types its public half only
        self._public = public

    def _connect(self) -> Any:
        self.host, self.port = address(*self._public)
        return super()._connect()  # type: ignore[no-untyped-call]  # the same


def client(url: str, timeout: float) -> redis.Redis:
    """Return a client of the redis at `redis://host:port/number`."""
    parts = urlsplit(url)
    pool = redis.ConnectionPool(
        connection_class=Resolved,
        public=(parts.hostname or "", parts.port or 6379),
        db=int(parts.path.lstrip("/") or 0),
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        decode_responses=True,
    )
    return redis.Redis(connection_pool=pool)


def about(url: str, operation: str) -> dict[str, str | int]:
    """Return the attributes of a span of redis."""
    parts = urlsplit(url)
    return {
        "db.system.name": "redis",
        "db.operation.name": operation,
        "server.address": parts.hostname or "",
        "server.port": parts.port or 6379,
    }


class Cache:
    """JSON values that may be gone; a cache that is down counts as one that holds nothing."""

    def __init__(self, url: str, timeout: float) -> None:
        self.url, self._redis = url, client(url, timeout)
        metrics.register(ASKED)

    def get(self, key: str) -> Any:
        """Return what is kept, or None."""
        try:
            with tracing.span("GET", "client", about(self.url, "GET")):
                text = self._redis.get(key)
        except (redis.RedisError, OSError) as error:
            ASKED.add("error")
            log.warning(f"the cache did not answer: {error}")
            return None
        ASKED.add("miss" if text is None else "hit")
        return None if text is None else json.loads(str(text))

    def put(self, key: str, value: Any, seconds: float) -> None:
        """Keep a value for so long."""
        try:
            with tracing.span("SET", "client", about(self.url, "SET")):
                self._redis.set(key, json.dumps(value), px=max(1, int(seconds * 1000)))
        except (redis.RedisError, OSError) as error:
            ASKED.add("error")
            log.warning(f"the cache did not take a value: {error}")
