"""Process: it dies again and again, or stands still."""

from __future__ import annotations

from workbench.bench.estate.faults.acts import crashing, paused
from workbench.bench.estate.faults.nouns import Fault, Label, felt

PROCESS = (
    Fault(
        "crash-inventory",
        "process",
        Label("inventory", "crash-loop", "killed two seconds after each start"),
        crashing("inventory", 2.0),
        felt("inventory"),
    ),
    Fault(
        "crash-accounts",
        "process",
        Label("accounts", "crash-loop", "killed two seconds after each start"),
        crashing("accounts", 2.0),
        felt("accounts"),
    ),
    Fault(
        "pause-accounts",
        "process",
        Label("accounts", "hang", "its process is stopped where it is"),
        paused("accounts"),
        felt("accounts"),
    ),
    Fault(
        "pause-ledger",
        "process",
        Label("ledger", "hang", "its process is stopped where it is"),
        paused("ledger"),
        felt("ledger"),
    ),
)
