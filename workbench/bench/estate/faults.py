"""What breaks the shop: nine scenarios, each with one real fault in one service at a known time, or with none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ontology.errors import NotFound
from workbench.bench.estate.running import Estate


@dataclass(frozen=True)
class Release:
    """A deploy: a new version of a role, and the environment variables it changes."""

    role: str
    version: str
    changes: Mapping[str, str]
    ref: str


Inject = Callable[[Estate, str], None]
"""Makes a fault real, given the estate and the public name of the service."""


@dataclass(frozen=True)
class Scenario:
    """One fault: where, what it is called in the taxonomy, how it is made, and what else happens around it."""

    role: str
    failure_mode: str
    fault_type: str
    watch: str
    """Role whose alert rules are on duty."""
    decoy: Release
    """A harmless release some time before the fault; in the quiet scenario, in the middle of the window."""
    inject: Inject | None = None
    release: Release | None = None
    """The release that is the fault."""


def lock(held: float, free: float) -> Inject:
    """Let a neighbour hold the write lock of the service's database in bursts, seconds held and free."""
    return lambda estate, name: estate.lock(estate.declared()[name]["DATABASE_PATH"], held, free)


def inside(kind: str, size: int) -> Inject:
    """Break the running process itself, see `launcher.py`."""
    return lambda estate, name: estate.signal_fault(name, json.dumps({"kind": kind, "size": size}))


CATALOG = Release("catalog", "2.4.1", {"PAGE_SIZE": "24"}, "rel-2218")
GATEWAY = Release("gateway", "3.2.1", {"UPSTREAM_TIMEOUT_S": "5"}, "rel-2204")
LEDGER = Release("ledger", "1.1.8", {}, "rel-2231")
INVENTORY = Release("inventory", "4.0.4", {"LOW_STOCK": "25"}, "rel-2226")
PAYMENT = Release("payment", "1.8.3", {}, "rel-2240")

SCENARIOS = {
    "slow-ledger": Scenario(
        *("ledger", "dependency-slow", "database write lock held in bursts", "checkout", CATALOG),
        inject=lock(0.55, 0.12),
    ),
    "pool-payment": Scenario(
        *("payment", "bad-configuration", "release sets the connection pool to one", "checkout", CATALOG),
        release=Release("payment", "1.9.0", {"POOL_SIZE": "1"}, "rel-2252"),
    ),
    "leak-inventory": Scenario(
        *("inventory", "resource-leak", "memory kept for every request", "checkout", GATEWAY),
        inject=inside("leak-memory", 900),
    ),
    "quiet": Scenario("", "", "none", "checkout", CATALOG),
    "slow-inventory": Scenario(
        *("inventory", "dependency-slow", "database write lock held in bursts", "gateway", LEDGER),
        inject=lock(0.5, 0.12),
    ),
    "path-catalog": Scenario(
        *("catalog", "bad-configuration", "release names a database that was never filled", "gateway", PAYMENT),
        release=Release("catalog", "2.5.0", {"DATABASE_PATH": "data/catalog-v2.db"}, "rel-2260"),
    ),
    "leak-checkout": Scenario(
        *("checkout", "resource-leak", "memory kept for every request", "gateway", INVENTORY),
        inject=inside("leak-memory", 1800),
    ),
    "fds-gateway": Scenario(
        *("gateway", "resource-leak", "file descriptors never closed", "gateway", CATALOG),
        inject=inside("leak-fds", 4),
    ),
    "burn-payment": Scenario(
        *("payment", "cpu-saturation", "threads that compute without end", "gateway", LEDGER),
        inject=inside("burn", 3),
    ),
}
"""By name. `role` is empty where nothing is broken."""


def scenario(name: str) -> Scenario:
    """Return the scenario.

    Raises:
        NotFound: there is none of that name.
    """
    if name not in SCENARIOS:
        raise NotFound(f"There is no fault {name!r}.", next_step=f"Choose one of: {', '.join(SCENARIOS)}.")
    return SCENARIOS[name]
