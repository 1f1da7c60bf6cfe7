"""Network: what goes to a service is late, lost or cut off, or its name is not found."""

from __future__ import annotations

from workbench.bench.estate.faults.acts import cut, deaf, delayed, lossy, slow_way, unresolved
from workbench.bench.estate.faults.nouns import Fault, Label, felt

NETWORK = (
    Fault(
        "delay-inventory",
        "network",
        Label("inventory", "network-delay", "what goes to it and comes from it is 250 ms late"),
        delayed("inventory", 250, 80),
        felt("inventory"),
    ),
    Fault(
        "delay-ledger-database",
        "network",
        Label("ledger", "network-delay", "the way to its database is 120 ms longer"),
        slow_way("ledger", "postgres", 120, 40),
        felt("ledger"),
    ),
    Fault(
        "loss-payment",
        "network",
        Label("payment", "network-loss", "a third of the connections to it is lost"),
        lossy("payment", 0.33),
        felt("payment"),
    ),
    Fault(
        "partition-pricing",
        "network",
        Label("pricing", "network-loss", "cut off from all who call it"),
        cut("pricing"),
        felt("pricing"),
    ),
    Fault(
        "dns-cart",
        "network",
        Label("cart", "name-resolution", "its name is gone from the name service"),
        unresolved("cart"),
        felt("cart"),
    ),
    Fault(
        "dns-checkout",
        "network",
        Label("checkout", "name-resolution", "its resolver no longer finds the services that it calls"),
        deaf("checkout", "payment", "inventory", "pricing", "cart"),
        felt("checkout"),
    ),
)
