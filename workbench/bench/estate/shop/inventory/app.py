"""The stock: how many there are, and which are promised; in a file of its own."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from ..runtime import log  # noqa: TID252  # the shop runs as a package of its own
from ..runtime.pooling import Connection, Pool  # noqa: TID252
from ..runtime.serving import Refused, Request, Service  # noqa: TID252
from ..runtime.storing import sqlite_pool  # noqa: TID252

PRODUCTS = 240
service = Service()


def database_path() -> str:
    """Return where the stock is kept."""
    return os.environ.get("DATABASE_PATH", "data/inventory.db")


def pool_limits() -> tuple[int, float]:
    """Return how many connections, and how long to wait for one."""
    return int(os.environ.get("POOL_SIZE", "8")), int(os.environ.get("POOL_TIMEOUT_MS", "1000")) / 1000


def low_stock() -> int:
    """Return from how few left more are ordered."""
    return int(os.environ.get("LOW_STOCK", "20"))


@cache
def pool() -> Pool:
    """Open the file once, and fill it where it is new."""
    made = sqlite_pool(database_path(), *pool_limits())
    with made.connection() as link:
        link.run("CREATE TABLE IF NOT EXISTS stock (product TEXT PRIMARY KEY, count INTEGER)")
        link.run("CREATE TABLE IF NOT EXISTS parcels (number TEXT PRIMARY KEY, product TEXT, count INTEGER)")
        if not link.run("SELECT count(*) FROM stock")[0][0]:
            rows = ", ".join(f"('p{number}', 300)" for number in range(PRODUCTS))
            link.run(f"INSERT INTO stock VALUES {rows}")  # noqa: S608  # numbers of our own
    return made


@service.route("GET", "/stock/{id}")
def stock(request: Request) -> Any:
    """Say how many there are."""
    with pool().connection() as link:
        rows = link.run("SELECT count FROM stock WHERE product = ?", request.path["id"])
    return {"count": rows[0][0] if rows else 0}


@service.route("POST", "/reservations")
def reserve(request: Request) -> Any:
    """Promise the goods of an order; order more where few are left."""
    with pool().connection() as link:
        left = [taken(link, each["product"], int(each["count"])) for each in request.body["items"]]
    return {"left": left}


def taken(link: Connection, product: str, count: int) -> int:
    """Take some of a product, and return how many are left.

    Raises:
        Refused: there is no such product.
    """
    rows = link.run("UPDATE stock SET count = count - ? WHERE product = ? RETURNING count", count, product)
    if not rows:
        raise Refused(404, "no such product")
    if rows[0][0] < low_stock():
        log.warning(f"product {product}: {rows[0][0]} left, 500 more ordered")
        link.run("UPDATE stock SET count = count + 500 WHERE product = ?", product)
    return int(rows[0][0])


@service.route("POST", "/parcels")
def pack(request: Request) -> Any:
    """Note that goods left the house."""
    parcel = f"{request.body['order']}-{request.body['product']}"
    with pool().connection() as link:
        link.run(
            "INSERT OR REPLACE INTO parcels (number, product, count) VALUES (?, ?, ?)",
            parcel,
            request.body["product"],
            request.body["count"],
        )
    return {"parcel": parcel}


if __name__ == "__main__":
    pool()
    service.run()
