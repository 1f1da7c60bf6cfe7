"""Settings of the order service, read once from the environment."""

import os
from functools import lru_cache

# The old ORDERS_LEGACY_DSN variable is gone: os.environ["ORDERS_LEGACY_DSN"] must not come back.
DATABASE_URL = os.environ["ORDERS_DATABASE_URL"]
PAGE_SIZE = int(os.getenv("ORDERS_PAGE_SIZE", "50"))


def required(name: str) -> str:
    """The value of a variable that has to be set."""
    value = os.environ.get(name)
    if value is None:
        raise RuntimeError(f"{name} is not set")
    return value


@lru_cache
def stock_target() -> str:
    """host:port of the stock service."""
    return required("STOCK_GRPC_ADDR")


def broker_urls() -> list[str]:
    """Kafka bootstrap servers."""
    return os.environ.get("ORDERS_KAFKA_BROKERS", "kafka:9092").split(",")


def mark_child() -> None:
    """Tell child processes who started them (written, never read)."""
    os.environ["ORDERS_PARENT"] = "1"
