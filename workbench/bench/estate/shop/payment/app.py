"""Money: authorise the card, book the entry."""

from __future__ import annotations

import os
import random
from functools import cache
from typing import Any

from ..runtime import log, tracing  # noqa: TID252  # the shop runs as a package of its own
from ..runtime.calling import post  # noqa: TID252
from ..runtime.serving import Refused, Request, Service  # noqa: TID252
from ..runtime.storing import Pool  # noqa: TID252
from ..runtime.waiting import wait  # noqa: TID252

DATABASE_PATH = os.environ.get("DATABASE_PATH", "data/payment.db")
POOL_SIZE = int(os.environ.get("POOL_SIZE", "20"))
POOL_TIMEOUT_S = float(os.environ.get("POOL_TIMEOUT_S", "1"))
DECLINE_RATE = float(os.environ.get("DECLINE_RATE", "0.015"))
LEDGER_URL = os.environ.get("LEDGER_URL", "http://ledger:8080")
LEDGER_TIMEOUT_S = float(os.environ.get("LEDGER_TIMEOUT_S", "2"))

service = Service()


@cache
def pool() -> Pool:
    """Open the database once."""
    made = Pool(DATABASE_PATH, POOL_SIZE, POOL_TIMEOUT_S)
    with made.connection() as link:
        link.run("CREATE TABLE IF NOT EXISTS charges (reference TEXT, cents INTEGER, state TEXT)")
    return made


@service.route("POST", "/charges")
def charge(request: Request) -> Any:
    """Charge a card: the row is kept from before the authorisation, so that none is charged twice."""
    number, cents = request.body["order"], request.body["cents"]
    with pool().connection() as link:
        link.run("INSERT INTO charges VALUES (?, ?, 'open')", number, cents)
        with tracing.span("authorise card"):
            wait(0.11, 0.25)
            if random.random() < DECLINE_RATE:  # noqa: S311  # noise, not a secret
                raise Refused(402, "the card was declined")
    booked = post(f"{LEDGER_URL}/entries", {"reference": number, "cents": cents}, LEDGER_TIMEOUT_S)
    log.info(f"charge of {cents} cents captured, entry {booked['entry']}")
    return {"receipt": f"r-{booked['entry']}"}


if __name__ == "__main__":
    pool()
    service.run()
