"""Recommendations: what else may please, with the names that the catalog knows."""

from __future__ import annotations

import os
from typing import Any

from ..runtime.calling import Peer  # noqa: TID252  # the shop runs as a package of its own
from ..runtime.serving import Request, Service  # noqa: TID252
from ..runtime.waiting import wait  # noqa: TID252

service = Service()


def catalog() -> Peer:
    """Return where the products are, and how long to wait for them."""
    return Peer(os.environ["CATALOG_URL"], int(os.environ.get("CATALOG_TIMEOUT_MS", "1500")) / 1000)


def count() -> int:
    """Return how many products are suggested."""
    return int(os.environ.get("SUGGESTIONS", "3"))


@service.route("GET", "/suggestions/{id}")
def suggestions(request: Request) -> Any:
    """Suggest products that are alike; the model's own time is short."""
    wait(0.003)
    found = catalog().get(f"/products/{request.path['id']}/alike?count={count()}")["products"]
    return {"suggestions": found}


if __name__ == "__main__":
    catalog()
    service.run()
