"""The ledger: one entry for every charge, and the rates of tax and shipping that prices are made of."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..runtime import log  # noqa: TID252  # the shop runs as a package of its own
from ..runtime.database import postgres_pool  # noqa: TID252
from ..runtime.pooling import Pool  # noqa: TID252
from ..runtime.serving import Request, Service  # noqa: TID252
from . import config

service = Service()


@cache
def pool() -> Pool:
    """Open the database once."""
    return postgres_pool(config.database_url(), *config.pool())


@service.route("POST", "/entries")
def entry(request: Request) -> Any:
    """Book one entry; the same reference is booked once."""
    reference, cents = request.body["reference"], request.body["cents"]
    with pool().connection() as link:
        known = link.run("SELECT id FROM entries WHERE reference = %s", reference)
        if known:
            log.warning(f"{reference} was booked before")
            return {"entry": known[0][0]}
        rows = link.run("INSERT INTO entries (reference, cents) VALUES (%s, %s) RETURNING id", reference, cents)
    if rows[0][0] % 100 == 0:
        log.info(f"{rows[0][0]} entries booked")
    return {"entry": rows[0][0]}


@service.route("GET", "/rates")
def rates(request: Request) -> Any:
    """Return the rates in force."""
    with pool().connection() as link:
        rows = link.run("SELECT name, permille FROM rates")
    return {"rates": {row[0]: row[1] for row in rows}}


if __name__ == "__main__":
    pool()
    service.run()
