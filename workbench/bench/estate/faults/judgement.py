"""What tells good judgement from bad: no fault, one that is over, two at once, a red herring, a missing source."""

from __future__ import annotations

from workbench.bench.estate.faults.acts import (
    apart,
    both,
    delayed,
    lossy,
    neighbour,
    paused,
    release,
    tight,
)
from workbench.bench.estate.faults.nouns import Fault, Label, felt
from workbench.nouns import Modality

_LOCK = neighbour("lock", lambda estate: (estate.dsn("ledger"), "entries", "0.9", "0.15"))
_LOCKED = Label("ledger", "dependency-slow", "another session locks its table in bursts")

JUDGEMENT = (
    Fault("quiet", "none", None, tight("checkout", 0.03), (), difficulty="hard"),
    Fault(
        "quiet-release",
        "none",
        None,
        both(release("catalog", "catalog: comments"), tight("catalog", 0.008)),
        (),
        difficulty="hard",
    ),
    Fault("quiet-monitoring", "none", None, apart("prometheus", "cart"), (), difficulty="hard"),
    Fault(
        "over-delay",
        "recovered",
        Label("payment", "network-delay", "what goes to it was 400 ms late for half a minute"),
        delayed("payment", 400, 100),
        felt("payment"),
        lasts=30.0,
        difficulty="hard",
    ),
    Fault(
        "over-pause",
        "recovered",
        Label("pricing", "hang", "its process stood still for half a minute"),
        paused("pricing"),
        felt("pricing"),
        lasts=30.0,
        difficulty="hard",
    ),
    Fault(
        "two-ledger-catalog",
        "two at once",
        _LOCKED,
        both(_LOCK, neighbour("throttle", lambda estate: (estate.pid("catalog"), "0.15"))),
        felt("ledger"),
        also=(Label("catalog", "cpu-saturation", "a CPU quota lets it run a seventh of the time"),),
        difficulty="hard",
    ),
    Fault(
        "two-cart-pricing",
        "two at once",
        Label("cart", "network-loss", "a third of the connections to it is lost"),
        both(lossy("cart", 0.33), delayed("pricing", 250, 50)),
        felt("cart"),
        also=(Label("pricing", "network-delay", "what goes to it and comes from it is 250 ms late"),),
        difficulty="hard",
    ),
    Fault(
        "herring-ledger",
        "red herring",
        _LOCKED,
        _LOCK,
        felt("ledger"),
        herring="payment",
        difficulty="hard",
    ),
    Fault(
        "herring-inventory",
        "red herring",
        Label("inventory", "network-delay", "what goes to it and comes from it is 250 ms late"),
        delayed("inventory", 250, 80),
        felt("inventory"),
        herring="checkout",
        difficulty="hard",
    ),
    Fault(
        "no-traces",
        "missing source",
        _LOCKED,
        _LOCK,
        felt("ledger"),
        missing=(Modality.TRACES,),
        difficulty="hard",
    ),
    Fault(
        "no-metrics",
        "missing source",
        Label("inventory", "network-loss", "a third of the connections to it is lost"),
        lossy("inventory", 0.33),
        felt("inventory"),
        missing=(Modality.METRICS,),
        difficulty="hard",
    ),
    Fault(
        "no-scrape",
        "missing source",
        Label(
            "pricing", "cpu-saturation", "a CPU quota lets it run a hundredth of the time; its metrics cannot be had"
        ),
        both(
            apart("prometheus", "pricing"),
            apart("pricing", "otel-collector"),
            neighbour("throttle", lambda estate: (estate.pid("pricing"), "0.01")),
        ),
        felt("pricing"),
        difficulty="hard",
    ),
)
