"""Keeping data in a file of our own: a pool of SQLite connections."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from .pooling import Database, Pool


def sqlite_pool(path: str, size: int, timeout: float) -> Pool:
    """Return a pool of connections to a file, made where it is not there."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)

    def connect() -> sqlite3.Connection:
        link = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
        link.execute("PRAGMA journal_mode=WAL")
        link.execute("PRAGMA synchronous=NORMAL")
        return link

    return Pool(Database("sqlite", "", 0, connect, sqlite3.OperationalError), size, timeout)
