"""Data, load, and time: what comes in, how much of it, and whether certificates are still good."""

from __future__ import annotations

from workbench.bench.estate.faults.acts import expired, neighbour, statements, users
from workbench.bench.estate.faults.nouns import ENTRY, FELT, Fault, Impact, Label, felt

DATA = (
    Fault(
        "poison-shipping",
        "data",
        Label("shipping", "bad-data", "messages that it cannot read come again and again"),
        neighbour("flood", lambda estate: (*estate.address("queue"), "orders", "10", 'order={"id": "o-')),
        (Impact("shipping", "queue", 20),),
    ),
    Fault(
        "row-catalog",
        "data",
        Label("catalog", "bad-data", "an import left products without what its code takes for granted"),
        statements(
            "catalog",
            "ALTER TABLE products ALTER cents DROP NOT NULL; UPDATE products SET cents = NULL",
            "UPDATE products SET cents = 100; ALTER TABLE products ALTER cents SET NOT NULL",
        ),
        felt("catalog"),
    ),
    Fault(
        "spike",
        "load",
        Label(ENTRY, "overload", "eight times as many users"),
        users(96, 12),
        FELT,
    ),
    Fault(
        "certificate-accounts",
        "certificate",
        Label("accounts", "certificate", "its certificate is replaced by one that expired yesterday"),
        expired("accounts", "CERT_FILE"),
        felt("accounts"),
    ),
)
