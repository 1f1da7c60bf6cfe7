"""The entry: what the shop's web page asks for."""

from __future__ import annotations

import os
from typing import Any

from ..runtime.calling import get, post  # noqa: TID252  # the shop runs as a package of its own
from ..runtime.serving import Request, Service  # noqa: TID252
from ..runtime.waiting import wait  # noqa: TID252

CATALOG_URL = os.environ.get("CATALOG_URL", "http://catalog:8080")
CHECKOUT_URL = os.environ.get("CHECKOUT_URL", "http://checkout:8080")
UPSTREAM_TIMEOUT_S = float(os.environ.get("UPSTREAM_TIMEOUT_S", "4"))

service = Service()


@service.route("GET", "/products")
def products(request: Request) -> Any:
    """Show the products."""
    wait(0.004)
    return get(f"{CATALOG_URL}/products", UPSTREAM_TIMEOUT_S)


@service.route("GET", "/products/{id}")
def product(request: Request) -> Any:
    """Show one product."""
    wait(0.004)
    return get(f"{CATALOG_URL}/products/{request.path['id']}", UPSTREAM_TIMEOUT_S)


@service.route("POST", "/orders")
def order(request: Request) -> Any:
    """Place an order."""
    wait(0.004)
    return post(f"{CHECKOUT_URL}/orders", request.body, UPSTREAM_TIMEOUT_S)


if __name__ == "__main__":
    service.run()
