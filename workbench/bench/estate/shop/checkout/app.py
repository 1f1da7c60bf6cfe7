"""Orders: reserve the goods, take the money."""

from __future__ import annotations

import os
import secrets
from typing import Any

from ..runtime import log  # noqa: TID252  # the shop runs as a package of its own
from ..runtime.calling import post  # noqa: TID252
from ..runtime.serving import Refused, Request, Service  # noqa: TID252
from ..runtime.waiting import wait  # noqa: TID252

PAYMENT_URL = os.environ.get("PAYMENT_URL", "http://payment:8080")
PAYMENT_TIMEOUT_S = float(os.environ.get("PAYMENT_TIMEOUT_S", "3"))
INVENTORY_URL = os.environ.get("INVENTORY_URL", "http://inventory:8080")
INVENTORY_TIMEOUT_S = float(os.environ.get("INVENTORY_TIMEOUT_S", "2"))

service = Service()


@service.route("POST", "/orders")
def order(request: Request) -> Any:
    """Place an order; a card that is declined is the buyer's answer, not our failure."""
    number = secrets.token_hex(4)
    wait(0.006)
    items = {"product": request.body["product"], "count": request.body.get("count", 1)}
    post(f"{INVENTORY_URL}/reservations", items, INVENTORY_TIMEOUT_S)
    try:
        charge = {"order": number, "cents": request.body["cents"]}
        receipt = post(f"{PAYMENT_URL}/charges", charge, PAYMENT_TIMEOUT_S)
    except Refused as refusal:
        if refusal.status == 402:
            log.warning(f"order {number} not placed: {refusal.reason}")
        raise
    log.info(f"order {number} placed, {request.body['cents']} cents")
    return {"order": number, "receipt": receipt["receipt"]}


if __name__ == "__main__":
    service.run()
