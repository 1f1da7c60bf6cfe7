"""What checkout is told by its environment."""

from __future__ import annotations

import os

from ..runtime.calling import Peer  # noqa: TID252  # the shop runs as a package of its own


def cart() -> Peer:
    """Return where the buyer's basket is."""
    return Peer(os.environ["CART_URL"], int(os.environ.get("CART_TIMEOUT_MS", "1000")) / 1000)


def pricing() -> Peer:
    """Return where prices come from."""
    return Peer(os.environ["PRICING_URL"], int(os.environ.get("PRICING_TIMEOUT_MS", "1500")) / 1000)


def inventory() -> Peer:
    """Return where goods are reserved."""
    return Peer(os.environ["INVENTORY_URL"], int(os.environ.get("INVENTORY_TIMEOUT_MS", "2000")) / 1000)


def payment() -> Peer:
    """Return where money is taken."""
    return Peer(os.environ["PAYMENT_URL"], int(os.environ.get("PAYMENT_TIMEOUT_MS", "3000")) / 1000)


def accounts() -> Peer:
    """Return where buyers are known."""
    return Peer(os.environ["ACCOUNTS_URL"], int(os.environ.get("ACCOUNTS_TIMEOUT_MS", "1000")) / 1000)


def token_secret() -> bytes:
    """Return what tokens are signed with."""
    return os.environ["TOKEN_SECRET"].encode()


def queue() -> tuple[str, float]:
    """Return where orders go when they are paid, and how long to wait for the queue."""
    return os.environ["QUEUE_URL"], int(os.environ.get("QUEUE_TIMEOUT_MS", "1000")) / 1000
