"""Resource: a service gets less processor, memory, descriptors or disk than it needs."""

from __future__ import annotations

from workbench.bench.estate.faults.acts import full, host_of, limited, neighbour
from workbench.bench.estate.faults.nouns import Fault, Impact, Label, felt

RESOURCE = (
    Fault(
        "quota-pricing",
        "resource",
        Label("pricing", "cpu-saturation", "a CPU quota lets it run a hundredth of the time"),
        neighbour("throttle", lambda estate: (estate.pid("pricing"), "0.01")),
        felt("pricing"),
    ),
    Fault(
        "crowd-catalog",
        "resource",
        Label("catalog", "cpu-saturation", "computing neighbours on the one processor that it may use"),
        neighbour("crowd", lambda estate: (estate.pid("catalog"), "6")),
        felt("catalog"),
    ),
    Fault(
        "oom-recommendations",
        "resource",
        Label("recommendations", "memory-pressure", "memory limit below what it needs: killed and started again"),
        limited("recommendations", memory=24_000_000),
        (*felt("recommendations"), Impact("recommendations", "absent", 0.2)),
    ),
    Fault(
        "descriptors-accounts",
        "resource",
        Label("accounts", "resource-leak", "idle connections are kept open until no descriptor is left"),
        neighbour("sockets", lambda estate: (*host_of(estate.url("accounts")), "900")),
        (*felt("accounts"), Impact("accounts", "descriptors", 3.0)),
    ),
    Fault(
        "disk-notifications",
        "resource",
        Label("notifications", "disk-full", "its outbox has no space left"),
        full("notifications", "OUTBOX_DIR"),
        (Impact("notifications", "errors", 0.2), Impact("shipping", "queue", 20)),
    ),
)
