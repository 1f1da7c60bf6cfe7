"""What the ledger is told by its environment."""

from __future__ import annotations

import os


def database_url() -> str:
    """Return where the book is."""
    return os.environ["DATABASE_URL"]


def pool() -> tuple[int, float, int]:
    """Return how many connections, how long to wait for one (seconds), how long a statement may take (ms)."""
    size, wait = int(os.environ.get("POOL_SIZE", "10")), int(os.environ.get("POOL_TIMEOUT_MS", "1000"))
    return size, wait / 1000, int(os.environ.get("STATEMENT_TIMEOUT_MS", "3000"))
