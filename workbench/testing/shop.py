"""A tiny shop: frontend calls cart, cart calls payment, and payment has gone slow. For examples and tests."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ontology import iris
from ontology.nouns import Alert, Entity, Fact, Iri, Layer, Window, utc
from workbench.nouns import Budget, Case, Modality
from workbench.ports import Environment
from workbench.testing.doubles import FixedClock, SilentSource, StaticGraph, TableSource

if TYPE_CHECKING:
    import pandas as pd

FIRED = utc("2026-01-01T03:00:00Z")
"""When the example's alert fired; payment went slow five minutes before."""
SLOW = FIRED - timedelta(minutes=5)
LATENCY = "http_server_request_duration_p99_seconds"


def _service(name: str) -> Entity:
    return Entity(iris.service(name), "Service", name)


FRONTEND, CART, PAYMENT = (_service(name) for name in ("frontend", "cart", "payment"))


def shop_case() -> Case:
    """Return an open case with its scope, before anything was asked.

    >>> [entity.name for entity in shop_case().scope]
    ['frontend', 'cart', 'payment']
    """
    window = Window(FIRED - timedelta(minutes=10), FIRED)
    labels = {"alertname": "CheckoutSlow", "service": "frontend"}
    alert = Alert("checkoutslow-1-20260101t030000z", "CheckoutSlow", window, severity="critical", labels=labels)
    graph = _graph()
    scope = tuple(graph.around(alert))
    return Case(f"case-{alert.id}", alert, scope, tuple(graph.between(scope)), spent=Budget())


def shop_environment() -> Environment:
    """Return the shop's world: metrics of three services, payment's logs, and nothing else to find."""
    sources = {modality: SilentSource(f"{modality} of the shop") for modality in Modality}
    tables = {Modality.METRICS: _metrics(), Modality.LOGS: _logs()}
    return Environment(
        sources={
            **sources,
            **{modality: TableSource(table, f"{modality} of the shop") for modality, table in tables.items()},
        },
        graph=_graph(),
        clock=FixedClock(FIRED),
    )


def _graph() -> StaticGraph:
    calls = Iri(iris.WB + "calls")
    facts = tuple(
        Fact(caller.iri, calls, callee.iri, layer=Layer.RUNNING, source="traces", seen=FIRED)
        for caller, callee in ((FRONTEND, CART), (CART, PAYMENT))
    )
    return StaticGraph((FRONTEND, CART, PAYMENT), facts)


def _metrics() -> pd.DataFrame:
    """Return twenty minutes of p99 latency, every 15 s: payment steps from 0.05 s to 2 s, its callers follow."""
    import pandas as pd

    times = pd.date_range(FIRED - timedelta(minutes=20), FIRED, freq="15s", inclusive="left")
    rows = [
        (time, name, LATENCY, usual * (1 + 0.01 * (n % 3)) + (1.95 if time >= SLOW else 0.0))
        for name, usual in (("frontend", 0.15), ("cart", 0.1), ("payment", 0.05))
        for n, time in enumerate(times)
    ]
    return pd.DataFrame(rows, columns=["time", "entity", "metric", "value"])


def _logs() -> pd.DataFrame:
    """Return payment's log: a timeout every ten seconds since it went slow."""
    import pandas as pd

    times = pd.date_range(SLOW, FIRED, freq="10s", inclusive="left")
    rows = [
        (time, "payment", "error", f"bank gateway timed out after {n} ms", "") for n, time in enumerate(times, 2000)
    ]
    return pd.DataFrame(rows, columns=["time", "entity", "severity", "message", "trace_id"])
