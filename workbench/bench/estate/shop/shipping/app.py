"""Shipping: takes paid orders off the queue, packs them, and lets the buyer know."""

from __future__ import annotations

import json
import os
import threading
import time
from functools import cache
from typing import Any

import redis

from ..runtime import log, metrics  # noqa: TID252  # the shop runs as a package of its own
from ..runtime.calling import Peer  # noqa: TID252
from ..runtime.flags import get_client  # noqa: TID252
from ..runtime.queueing import Queue  # noqa: TID252
from ..runtime.serving import Service  # noqa: TID252

service = Service()
flags = get_client()
SENT = metrics.Counter("messages_processed_total", "result")


@cache
def orders() -> Queue:
    """Open the queue once; a read waits a second for messages, so its time limit is longer."""
    return Queue(os.environ["QUEUE_URL"], "orders", int(os.environ.get("QUEUE_TIMEOUT_MS", "3000")) / 1000)


def inventory() -> Peer:
    """Return where goods are packed."""
    return Peer(os.environ["INVENTORY_URL"], int(os.environ.get("INVENTORY_TIMEOUT_MS", "2000")) / 1000)


def notifications() -> Peer:
    """Return who tells the buyer."""
    return Peer(os.environ["NOTIFICATIONS_URL"], int(os.environ.get("NOTIFICATIONS_TIMEOUT_MS", "2000")) / 1000)


def patience() -> tuple[int, float]:
    """Return how often a message is tried, and the seconds between."""
    return int(os.environ.get("DELIVERY_ATTEMPTS", "5")), int(os.environ.get("RETRY_WAIT_MS", "1000")) / 1000


def ship(fields: dict[str, str]) -> None:
    """Pack every item of an order, and write to the buyer."""
    order: dict[str, Any] = json.loads(fields["order"])
    for item in order["items"]:
        pack(order["number"], item)
    text = f"order {order['number']} is on its way to {order['town']}"
    notifications().post("/messages", {"user": order["user"], "text": text})
    log.info(f"order {order['number']} shipped, {len(order['items'])} items")


def pack(number: str, item: dict[str, Any]) -> None:
    """Pack an item; an express parcel is packed piece by piece."""
    pieces = [1] * item["count"] if flags.get_boolean_value("express-dispatch", False) else [item["count"]]
    for count in pieces:
        inventory().post("/parcels", {"order": number, "product": item["product"], "count": count})


def deliver(number: str, fields: dict[str, str]) -> None:
    """Work on a message until it is done, or tried often enough: then it is set aside."""
    attempts, wait = patience()
    for attempt in range(1, attempts + 1):
        try:
            orders().process(number, fields, ship)
        except Exception:  # it is logged, and must not end the worker
            SENT.add("failed")
            log.warning(f"message {number} failed, attempt {attempt} of {attempts}")
            time.sleep(wait)
        else:
            SENT.add("done")
            return orders().done(number)
    SENT.add("dead")
    log.error(f"message {number} set aside after {attempts} attempts")
    return orders().set_aside(number, fields)


def work() -> None:
    """Take messages for as long as the process lives; a queue that is away is asked again."""
    name = os.environ.get("HOSTNAME", "worker-1")
    while True:
        try:
            orders().ready()
            for number, fields in orders().take(name):
                deliver(number, fields)
        except (redis.RedisError, OSError) as error:
            log.error(f"the queue did not answer: {error}")
            time.sleep(1)


def main() -> None:
    """Work in the background, show health and metrics in front."""
    inventory(), notifications()
    metrics.register(SENT)
    orders()
    threading.Thread(target=work, daemon=True).start()
    service.run()


if __name__ == "__main__":
    main()
