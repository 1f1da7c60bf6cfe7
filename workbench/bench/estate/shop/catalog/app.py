"""The catalog: products, their price of today, their stars, and whether they are in stock."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..runtime import log  # noqa: TID252  # the shop runs as a package of its own
from ..runtime.caching import Cache  # noqa: TID252
from ..runtime.calling import Peer  # noqa: TID252
from ..runtime.database import postgres_pool  # noqa: TID252
from ..runtime.flags import get_client  # noqa: TID252
from ..runtime.serving import Refused, Request, Service  # noqa: TID252
from . import config
from .products import Products

service = Service()
flags = get_client()


@cache
def kept() -> Products:
    """Open the database once."""
    return Products(postgres_pool(config.database_url(), *config.pool()))


@cache
def pages() -> Cache:
    """Open the cache once."""
    url, _, wait = config.cache()
    return Cache(url, wait)


def quoted(products: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the products with their prices of today."""
    items = [{"product": each["id"], "cents": each["cents"], "count": 1} for each in products]
    quotes = Peer(*config.pricing()).post("/quotes", {"items": items})["items"]
    return [{**each, "cents": quote["cents"]} for each, quote in zip(products, quotes, strict=True)]


@service.route("GET", "/products")
def products(request: Request) -> Any:
    """List a page of products, from the cache where it is there."""
    key, use = f"page:{config.page_size()}", flags.get_boolean_value("page-cache", True)
    page = pages().get(key) if use else None
    if page is None:
        page = kept().page(config.page_size())
        if use:
            pages().put(key, page, config.cache()[1])
    return quoted(page)


@service.route("GET", "/products/{id}")
def product(request: Request) -> Any:
    """Show one product: price, stars, stock."""
    found = kept().one(request.path["id"])
    if found is None:
        log.info(f"product {request.path['id']} is not known")
        raise Refused(404, "no such product")
    stock = Peer(*config.inventory()).get(f"/stock/{found['id']}")
    return {**quoted([found])[0], **opinions(found["id"]), "stock": stock["count"]}


def opinions(name: str) -> dict[str, Any]:
    """Return what people say of a product: stars, and every word where a flag asks for it."""
    if flags.get_boolean_value("full-reviews", False):
        return {**kept().stars(name), "words": kept().reviews(name)}
    key, use = f"stars:{name}", flags.get_boolean_value("page-cache", True)
    known = pages().get(key) if use else None
    if known is None:
        known = kept().stars(name)
        if use:
            pages().put(key, known, config.cache()[1])
    stars: dict[str, Any] = known
    return stars


@service.route("GET", "/products/{id}/alike")
def alike(request: Request) -> Any:
    """Name the products that cost about the same."""
    return {"products": kept().alike(request.path["id"], int(request.query.get("count", "3")))}


def main() -> None:
    """Serve, from the first request on with what the environment says."""
    kept(), pages()
    config.pricing(), config.inventory()
    service.run()


if __name__ == "__main__":
    main()
