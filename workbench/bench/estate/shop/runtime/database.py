"""Keeping data in PostgreSQL: a pool of connections, each made with the address that the name has at that moment."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import psycopg

from .pooling import Database, Pool
from .resolving import address


def connect(url: str, statement_timeout_ms: int = 0) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect to `postgresql://user:password@host:port/name`; slower statements are cancelled (0: none is)."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 5432
    ip, number = address(host, port)
    return psycopg.connect(
        host=ip,
        port=number,
        dbname=parts.path.lstrip("/"),
        user=parts.username,
        password=parts.password,
        connect_timeout=2,
        autocommit=True,
        application_name="shop",
        options=f"-c statement_timeout={statement_timeout_ms}",
    )


def postgres_pool(url: str, size: int, timeout: float, statement_timeout_ms: int) -> Pool:
    """Return a pool of connections to a database."""
    parts = urlsplit(url)
    made = Database(
        "postgresql",
        parts.hostname or "",
        parts.port or 5432,
        lambda: connect(url, statement_timeout_ms),
        psycopg.OperationalError,
    )
    return Pool(made, size, timeout)
