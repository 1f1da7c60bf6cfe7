"""Checkout: who buys, what is in the basket, what it costs, is it there, is it paid; then it is someone else's work."""

from __future__ import annotations

import secrets
from functools import cache
from typing import Any

import redis

from ..runtime import log  # noqa: TID252  # the shop runs as a package of its own
from ..runtime.flags import get_client  # noqa: TID252
from ..runtime.queueing import Queue  # noqa: TID252
from ..runtime.serving import Refused, Request, Service  # noqa: TID252
from . import addresses, config
from .tokens import bearer

service = Service()
flags = get_client()


@cache
def orders() -> Queue:
    """Open the queue once."""
    url, wait = config.queue()
    return Queue(url, "orders", wait)


def buyer(request: Request) -> dict[str, Any]:
    """Return who buys, and where to."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    user = bearer(token, config.token_secret())
    known: dict[str, Any] = config.accounts().get(f"/users/{user}")
    parse = addresses.strict if flags.get_boolean_value("strict-addresses", False) else addresses.lenient
    return {"user": user, "town": parse(known["address"]).town}


def priced(basket: list[dict[str, Any]]) -> int:
    """Return what a basket costs, in cents."""
    return int(config.pricing().post("/quotes", {"items": basket})["total"])


@service.route("POST", "/orders")
def order(request: Request) -> Any:
    """Place an order; a card that is declined is the buyer's answer, not our failure."""
    who, number = buyer(request), secrets.token_hex(4)
    basket = config.cart().get(f"/baskets/{who['user']}")["items"]
    if not basket:
        raise Refused(409, "the basket is empty")
    cents = priced(basket)
    config.inventory().post("/reservations", {"order": number, "items": basket})
    try:
        receipt = config.payment().post("/charges", {"order": number, "cents": cents})
    except Refused as refusal:
        if refusal.status == 402:
            log.warning(f"order {number} not placed: {refusal.reason}")
        raise
    placed(number, who, basket)
    log.info(f"order {number} placed, {cents} cents")
    return {"order": number, "receipt": receipt["receipt"]}


def placed(number: str, who: dict[str, Any], basket: list[dict[str, Any]]) -> None:
    """Hand a paid order on, and empty the basket.

    Raises:
        Refused: the queue did not take the order.
    """
    try:
        orders().put("order", {"number": number, **who, "items": basket})
    except redis.RedisError as error:
        log.error(f"order {number} was not handed on: {error}")
        raise Refused(503, "the order was not handed on") from error
    config.cart().delete(f"/baskets/{who['user']}")


def main() -> None:
    """Serve, and fail at once where the environment is not whole."""
    config.cart(), config.pricing(), config.inventory(), config.payment(), config.accounts(), config.token_secret()
    orders()
    service.run()


if __name__ == "__main__":
    main()
