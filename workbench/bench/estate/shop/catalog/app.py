"""The products, and whether they are in stock."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from ..runtime import log  # noqa: TID252  # the shop runs as a package of its own
from ..runtime.calling import get  # noqa: TID252
from ..runtime.serving import Refused, Request, Service  # noqa: TID252
from ..runtime.storing import Pool  # noqa: TID252
from ..runtime.waiting import wait  # noqa: TID252

DATABASE_PATH = os.environ.get("DATABASE_PATH", "data/catalog.db")
POOL_SIZE = int(os.environ.get("POOL_SIZE", "8"))
POOL_TIMEOUT_S = float(os.environ.get("POOL_TIMEOUT_S", "1"))
PAGE_SIZE = int(os.environ.get("PAGE_SIZE", "20"))
INVENTORY_URL = os.environ.get("INVENTORY_URL", "http://inventory:8080")
INVENTORY_TIMEOUT_S = float(os.environ.get("INVENTORY_TIMEOUT_S", "2"))

service = Service()


@cache
def pool() -> Pool:
    """Open the database once."""
    return Pool(DATABASE_PATH, POOL_SIZE, POOL_TIMEOUT_S)


@service.route("GET", "/products")
def products(request: Request) -> Any:
    """List a page of products."""
    wait(0.008)
    with pool().connection() as link:
        rows = link.run("SELECT id, name, cents FROM products LIMIT ?", PAGE_SIZE)
    return [{"id": row[0], "name": row[1], "cents": row[2]} for row in rows]


@service.route("GET", "/products/{id}")
def product(request: Request) -> Any:
    """Show one product and its stock."""
    wait(0.006)
    with pool().connection() as link:
        rows = link.run("SELECT name, cents FROM products WHERE id = ?", request.path["id"])
    if not rows:
        log.info(f"product {request.path['id']} is not known")
        raise Refused(404, "no such product")
    stock = get(f"{INVENTORY_URL}/stock/{request.path['id']}", INVENTORY_TIMEOUT_S)
    return {"id": request.path["id"], "name": rows[0][0], "cents": rows[0][1], "stock": stock["count"]}


if __name__ == "__main__":
    pool()
    service.run()
