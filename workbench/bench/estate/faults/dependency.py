"""Dependency: the database, the pool, the cache or the queue behind a service."""

from __future__ import annotations

from workbench.bench.estate.faults.acts import neighbour, place_of, release, statements
from workbench.bench.estate.faults.nouns import Fault, Impact, Label, felt

DEPENDENCY = (
    Fault(
        "slow-query-catalog",
        "dependency",
        Label("catalog", "dependency-slow", "the index that its query needs was dropped"),
        statements(
            "catalog",
            "DROP INDEX reviews_product",
            "CREATE INDEX reviews_product ON reviews (product) INCLUDE (stars); ANALYZE reviews",
        ),
        felt("catalog"),
    ),
    Fault(
        "lock-ledger",
        "dependency",
        Label("ledger", "dependency-slow", "another session locks its table in bursts"),
        neighbour("lock", lambda estate: (estate.dsn("ledger"), "entries", "0.9", "0.15")),
        felt("ledger"),
    ),
    Fault(
        "lock-inventory",
        "dependency",
        Label("inventory", "dependency-slow", "another process holds its database's write lock in bursts"),
        neighbour("sqlite", lambda estate: (place_of(estate, "inventory", "DATABASE_PATH"), "0.7", "0.12")),
        felt("inventory"),
    ),
    Fault(
        "pool-ledger",
        "dependency",
        Label("ledger", "bad-configuration", "a release sets its connection pool to one"),
        release("ledger", "ledger: fewer connections to the database", POOL_SIZE="1"),
        felt("ledger"),
    ),
    Fault(
        "pool-payment",
        "dependency",
        Label("payment", "bad-configuration", "a release sets its connection pool to one"),
        release("payment", "payment: tidy the pool's settings", POOL_SIZE="1"),
        felt("payment"),
    ),
    Fault(
        "stampede-catalog",
        "dependency",
        Label("catalog", "cold-cache", "its cached pages are deleted all the time"),
        neighbour("forget", lambda estate: (*estate.address("cache"), "page:*", "0.05")),
        felt("catalog"),
    ),
    Fault(
        "backlog-shipping",
        "dependency",
        Label("shipping", "overload", "another producer puts more orders on the queue than it can take"),
        neighbour("flood", lambda estate: (*estate.address("queue"), "orders", "150", "order")),
        (Impact("shipping", "queue", 200),),
    ),
    Fault(
        "slow-consumer-shipping",
        "dependency",
        Label("shipping", "cpu-saturation", "a CPU quota makes it slower than the orders come"),
        neighbour("throttle", lambda estate: (estate.pid("shipping"), "0.04")),
        (Impact("shipping", "queue", 30),),
    ),
)
