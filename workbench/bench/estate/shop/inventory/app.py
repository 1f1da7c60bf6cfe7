"""The stock: how many there are, and which are promised."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from ..runtime import log  # noqa: TID252  # the shop runs as a package of its own
from ..runtime.serving import Refused, Request, Service  # noqa: TID252
from ..runtime.storing import Pool  # noqa: TID252
from ..runtime.waiting import wait  # noqa: TID252

DATABASE_PATH = os.environ.get("DATABASE_PATH", "data/inventory.db")
POOL_SIZE = int(os.environ.get("POOL_SIZE", "12"))
POOL_TIMEOUT_S = float(os.environ.get("POOL_TIMEOUT_S", "1"))
LOW_STOCK = int(os.environ.get("LOW_STOCK", "20"))

service = Service()


@cache
def pool() -> Pool:
    """Open the database once."""
    return Pool(DATABASE_PATH, POOL_SIZE, POOL_TIMEOUT_S)


@service.route("GET", "/stock/{id}")
def stock(request: Request) -> Any:
    """Say how many there are."""
    wait(0.005)
    with pool().connection() as link:
        rows = link.run("SELECT count FROM stock WHERE product = ?", request.path["id"])
    return {"count": rows[0][0] if rows else 0}


@service.route("POST", "/reservations")
def reserve(request: Request) -> Any:
    """Promise some to an order; order more where few are left."""
    product, count = request.body["product"], request.body["count"]
    wait(0.006)
    with pool().connection() as link:
        rows = link.run("UPDATE stock SET count = count - ? WHERE product = ? RETURNING count", count, product)
        if not rows:
            raise Refused(404, "no such product")
        if rows[0][0] < LOW_STOCK:
            log.warning(f"product {product}: {rows[0][0]} left, 500 more ordered")
            link.run("UPDATE stock SET count = count + 500 WHERE product = ?", product)
    return {"left": rows[0][0]}


if __name__ == "__main__":
    pool()
    service.run()
