"""The book: one entry for every payment."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from ..runtime import log  # noqa: TID252  # the shop runs as a package of its own
from ..runtime.serving import Request, Service  # noqa: TID252
from ..runtime.storing import Pool  # noqa: TID252
from ..runtime.waiting import wait  # noqa: TID252

DATABASE_PATH = os.environ.get("DATABASE_PATH", "data/ledger.db")
POOL_SIZE = int(os.environ.get("POOL_SIZE", "20"))
POOL_TIMEOUT_S = float(os.environ.get("POOL_TIMEOUT_S", "1"))

service = Service()


@cache
def pool() -> Pool:
    """Open the database once."""
    made = Pool(DATABASE_PATH, POOL_SIZE, POOL_TIMEOUT_S)
    with made.connection() as link:
        link.run("CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY, reference TEXT, cents INTEGER)")
    return made


@service.route("POST", "/entries")
def entry(request: Request) -> Any:
    """Book one entry."""
    wait(0.005)
    with pool().connection() as link:
        rows = link.run(
            "INSERT INTO entries (reference, cents) VALUES (?, ?) RETURNING id",
            request.body["reference"],
            request.body["cents"],
        )
    if rows[0][0] % 100 == 0:
        log.info(f"{rows[0][0]} entries booked")
    return {"entry": rows[0][0]}


if __name__ == "__main__":
    pool()
    service.run()
