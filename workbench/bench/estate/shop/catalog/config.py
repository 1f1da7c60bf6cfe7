"""What the catalog is told by its environment."""

from __future__ import annotations

import os


def database_url() -> str:
    """Return where the products are."""
    return os.environ["DATABASE_URL"]


def pool() -> tuple[int, float, int]:
    """Return how many connections, how long to wait for one (seconds), how long a statement may take (ms)."""
    size, wait = int(os.environ.get("POOL_SIZE", "10")), int(os.environ.get("POOL_TIMEOUT_MS", "1000"))
    return size, wait / 1000, int(os.environ.get("STATEMENT_TIMEOUT_MS", "3000"))


def cache() -> tuple[str, float, float]:
    """Return where pages are cached, for how long, and how long to wait for the cache (seconds)."""
    keep, wait = float(os.environ.get("CACHE_TTL_S", "15")), int(os.environ.get("CACHE_TIMEOUT_MS", "250"))
    return os.environ["CACHE_URL"], keep, wait / 1000


def page_size() -> int:
    """Return how many products are on a page."""
    return int(os.environ.get("PAGE_SIZE", "20"))


def pricing() -> tuple[str, float]:
    """Return where prices come from, and how long to wait for them."""
    return os.environ["PRICING_URL"], int(os.environ.get("PRICING_TIMEOUT_MS", "1500")) / 1000


def inventory() -> tuple[str, float]:
    """Return where the stock is counted, and how long to wait for it."""
    return os.environ["INVENTORY_URL"], int(os.environ.get("INVENTORY_TIMEOUT_MS", "1500")) / 1000
