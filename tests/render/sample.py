"""A realistic case built by hand: checkout is slow because payment's connection pool is full since a deploy."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from memory.protocol import Episode, Recollection, Verdict
from ontology import iris, terms
from ontology.nouns import Alert, Entity, Fact, Iri, Layer, Window
from workbench.nouns import (
    Answered,
    Belief,
    Budget,
    Case,
    Confidence,
    Coverage,
    Evidence,
    Failed,
    Finding,
    Hypothesis,
    Modality,
    Observation,
    Question,
    State,
)

FIRED = datetime(2026, 3, 4, 2, 58, tzinfo=UTC)
NOW = FIRED + timedelta(minutes=4)
ONSET = FIRED - timedelta(minutes=5)
DEPLOY = ONSET - timedelta(minutes=2)
WINDOW = Window(ONSET - timedelta(minutes=1), FIRED)
BEFORE = Window(FIRED - timedelta(minutes=26), WINDOW.start)


def service(name: str) -> Entity:
    return Entity(iris.service(name, "prod-eu1"), "Service", name)


def thing(kind: str, name: str) -> Entity:
    return Entity(iris.thing(kind.lower(), "prod-eu1", name), kind, name)


STORE, CHECKOUT, CART, PAYMENT, SHIPPING = (
    service(name) for name in ("storefront", "checkout", "cart", "payment", "shipping")
)
DATABASE, CACHE, POD, HOST = (
    thing("Database", "payment-db"),
    thing("Cache", "redis"),
    thing("Pod", "payment-5f7c"),
    thing("Node", "node-3"),
)
SCOPE = (CHECKOUT, PAYMENT, CART, STORE, DATABASE, CACHE, SHIPPING, POD, HOST)


def fact(
    a: Entity, predicate: Iri, b: Entity, confidence: float = 1.0, layer: Layer = Layer.RUNNING, age: float = 60
) -> Fact:
    return Fact(
        a.iri,
        predicate,
        b.iri,
        layer=layer,
        source="traces",
        seen=FIRED - timedelta(seconds=age),
        confidence=confidence,
    )


TOPOLOGY = (
    fact(STORE, terms.CALLS, CHECKOUT),
    fact(CHECKOUT, terms.CALLS, CART),
    fact(CHECKOUT, terms.CALLS, PAYMENT),
    fact(CHECKOUT, terms.CALLS, SHIPPING, age=8000),
    fact(CART, terms.USES_DATASTORE, CACHE),
    fact(PAYMENT, terms.USES_DATASTORE, DATABASE, 0.7, Layer.INFERRED),
    fact(PAYMENT, terms.RUNS_ON, POD),
    fact(POD, terms.RUNS_ON, HOST),
)
ALERT = Alert(
    "checkoutlatencyhigh-7f3a-20260304T025800Z".lower(),
    "CheckoutLatencyHigh",
    Window(ONSET, FIRED),
    severity="critical",
    summary="checkout p99 2.4 s, threshold 0.5 s, since 02:54",
    labels={
        "alertname": "CheckoutLatencyHigh",
        "service": "checkout",
        "environment": "prod-eu1",
        "severity": "critical",
    },
    links={
        "runbook": "https://runbooks.example/checkout",
        "alert": "https://alertmanager.example/#/alerts",
        "dashboard": "https://grafana.example/d/checkout",
    },
)


def metrics_table(services: int = 0) -> pd.DataFrame:
    """Five services, 26 minutes, a point every 15 s; the pool fills at ONSET."""
    dice = random.Random(7)
    level = {"storefront": 0.31, "checkout": 0.22, "cart": 0.05, "payment": 0.09, "shipping": 0.07}
    grown = {"storefront": 4.0, "checkout": 11.0, "payment": 24.0}
    rows = []
    for tick in range(int((FIRED - BEFORE.start).total_seconds() // 15) + 1):
        at = BEFORE.start + timedelta(seconds=15 * tick)
        ill = at >= ONSET
        ramp = min(1.0, (at - ONSET).total_seconds() / 90) if ill else 0.0
        for name, base in level.items():
            value = base * (1 + (grown.get(name, 1.0) - 1) * ramp) * dice.uniform(0.92, 1.08)
            rows.append((at, name, "http_server_request_duration_p99_seconds", value))
            rows.append((at, name, "process_cpu_percent", dice.uniform(18, 24)))
        rows.append(
            (
                at,
                "payment",
                "db_pool_in_use",
                20.0 if ill and ramp > 0.2 else 4 + 2 * math.sin(tick / 4) + dice.random(),
            )
        )
        rows.append((at, "payment", "process_resident_memory_bytes", 2.6e8 * dice.uniform(0.99, 1.01)))
        rows.append((at, "checkout", "http_server_errors_per_second", dice.uniform(1.6, 2.2) if ill else 0.0))
        rows += [
            (at, f"service-{n:03}", "http_server_request_duration_p99_seconds", dice.uniform(0.05, 0.1))
            for n in range(services)
        ]
    table = pd.DataFrame(rows, columns=["time", "entity", "metric", "value"])
    return table.assign(time=pd.to_datetime(table["time"], utc=True))


def traces_table() -> pd.DataFrame:
    dice = random.Random(11)
    rows: list[tuple[object, ...]] = []
    for number in range(60):
        at = BEFORE.start + timedelta(seconds=26 * number)
        slow = at >= ONSET
        _trace(rows, f"{number:032x}", at, dice.uniform(0.9, 1.1), slow, dice)
    names = [
        "trace_id",
        "span_id",
        "parent_id",
        "service",
        "operation",
        "kind",
        "start",
        "duration_ms",
        "status",
        "message",
    ]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(start=pd.to_datetime(table["start"], utc=True))


def _trace(
    rows: list[tuple[object, ...]], trace: str, at: datetime, size: float, slow: bool, dice: random.Random
) -> None:
    wait = 1980.0 * size if slow else 3.0
    pay = 60 * size + wait
    whole = 130 * size + pay
    error = slow and dice.random() < 0.5

    def span(
        name: str, parent: str, who: str, what: str, offset: float, length: float, kind: str = "server", fault: str = ""
    ) -> None:
        rows.append(
            (
                trace,
                f"{trace[-4:]}{name}",
                f"{trace[-4:]}{parent}" if parent else "",
                who,
                what,
                kind,
                at + timedelta(milliseconds=offset),
                length,
                "error" if fault else "ok",
                fault,
            )
        )

    fault = "no connection in the pool after 2000 ms (20 of 20 in use)" if error else ""
    span("a", "", "storefront", "POST /checkout", 0, whole)
    span("b", "a", "checkout", "PlaceOrder", 12, whole - 20)
    for n in range(14):
        span(f"c{n}", "b", "cart", "GetItem", 16 + 3 * n, 2.5, "client")
    span("d", "b", "payment", "Charge", 64, pay, "server", fault)
    span("e", "d", "payment", "acquire connection", 70, wait, "internal", fault)
    span("f", "d", "payment-db", "INSERT charges", 72 + wait, 24 * size, "client")
    span("g", "b", "shipping", "Quote", 68 + pay, 30 * size, "server")


def logs_table() -> pd.DataFrame:
    dice = random.Random(3)
    rows = []
    for tick in range(300):
        at = BEFORE.start + timedelta(seconds=5.2 * tick)
        rows.append(
            (
                at,
                "checkout",
                "INFO",
                f"order {dice.randrange(10_000)} placed for user {dice.randrange(900)} in {dice.randrange(90, 400)} ms",
                "",
            )
        )
        if tick % 4 == 0:
            rows.append((at, "cart", "INFO", f"cart {dice.randrange(900)} has {dice.randrange(9)} items", ""))
        if at >= ONSET:
            rows.append(
                (at, "payment", "ERROR", "pool exhausted: 20 of 20 connections in use, waited 2000 ms", f"{tick:032x}")
            )
            rows.append(
                (at, "checkout", "WARN", f"retry {dice.randrange(3)} of charge for order {dice.randrange(10_000)}", "")
            )
    table = pd.DataFrame(rows, columns=["time", "entity", "severity", "message", "trace_id"])
    return table.assign(time=pd.to_datetime(table["time"], utc=True))


def changes_table() -> pd.DataFrame:
    rows = [
        (DEPLOY, "payment", "deploy", "payment v2.31: POOL_SIZE 60 to 20", "v2.31", "POOL_SIZE: 60 -> 20"),
        (DEPLOY - timedelta(minutes=15), "cart", "flag", "recommendations on for 10 %", "flag-12", ""),
    ]
    table = pd.DataFrame(rows, columns=["time", "entity", "kind", "summary", "ref", "detail"])
    return table.assign(time=pd.to_datetime(table["time"], utc=True))


def observed(modality: Modality, table: pd.DataFrame, digest: str, source: str) -> Observation:
    question = Question(modality, WINDOW, (), baseline=BEFORE, why="it tells a slow dependency from slow code")
    return Observation(question, Answered(digest, table, query="rate(x[1m])"), source, FIRED)


def observations(services: int = 0) -> tuple[Observation, ...]:
    return (
        observed(
            Modality.METRICS, metrics_table(services), "payment db_pool_in_use 4.1 to 20 at 02:53", "recorded metrics"
        ),
        observed(Modality.TRACES, traces_table(), "payment Charge self time ×24", "recorded traces"),
        observed(Modality.LOGS, logs_table(), "a new template in payment", "recorded logs"),
        observed(Modality.CHANGES, changes_table(), "a deploy of payment at 02:51", "recorded changes"),
        Observation(
            Question(Modality.STATE, WINDOW),
            Failed("403 from the API", "Give the reader role to the workbench."),
            "kubernetes",
            FIRED,
        ),
    )


def evidence(note: str, channel: Modality, stance: str = "for", weight: float = 2.0) -> Evidence:
    return Evidence(
        "o-12ab34cd56", stance, weight, note, channel, query='case.show("o-12ab34cd56", entity="payment")', at=ONSET
    )  # type: ignore[arg-type]


POOL = Hypothesis(
    "payment waits for its database: connection pool exhausted since 02:53",
    PAYMENT,
    "bad-configuration",
    (
        evidence("payment self-time ×24 since 02:53", Modality.TRACES, weight=3.1),
        evidence("pool at 20 of 20 since 02:53", Modality.METRICS, weight=2.6),
        evidence("deploy payment v2.31 at 02:51 touched POOL_SIZE", Modality.CHANGES, weight=1.9),
        evidence("new in payment: pool exhausted, 58 lines", Modality.LOGS, weight=1.2),
        evidence("payment-db CPU is as before", Modality.METRICS, "against", 0.6),
    ),
    Confidence(
        0.84, ("the earliest change on the path", "three kinds of telemetry agree", "2.1 nats ahead of the next")
    ),
    State.SUPPORTED,
    onset=ONSET,
    next_step="look at payment's pool settings in the deploy of 02:51",
)
REDIS = Hypothesis(
    "redis answers slowly",
    CACHE,
    "dependency-slow",
    (evidence("cart latency is as before", Modality.METRICS, "against", 1.4),),
    Confidence(0.21, ("on the path of checkout", "nothing of it moved")),
    State.OPEN,
)
CODE = Hypothesis(
    "checkout's own code got slower", CHECKOUT, "code-latency", (), Confidence(0.12, ("its self time is as before",))
)
NETWORK = Hypothesis(
    "packets are lost between checkout and payment",
    HOST,
    "network-loss",
    (),
    Confidence(0.03, ("no retransmits",)),
    State.RULED_OUT,
    ruled_out_because="the engineer: retransmits are flat on node-3",
)
OVERLOAD = Hypothesis(
    "more traffic than usual",
    STORE,
    "overload",
    (),
    Confidence(0.02, ("requests as before",)),
    State.RULED_OUT,
    ruled_out_because="requests per second are as before",
)
HYPOTHESES = (POOL, REDIS, CODE, NETWORK, OVERLOAD)
COVERAGE = (
    Coverage("recorded metrics", Modality.METRICS, "checked", "2 questions"),
    Coverage("recorded traces", Modality.TRACES, "checked", "1 question"),
    Coverage("recorded logs", Modality.LOGS, "checked", "1 question"),
    Coverage("recorded changes", Modality.CHANGES, "silent", "looked, nothing there"),
    Coverage("kubernetes", Modality.STATE, "failed", "403 from the API. Give the reader role to the workbench."),
)
EPISODE = Episode(
    "case-old",
    ALERT,
    (PAYMENT, CHECKOUT),
    PAYMENT,
    "bad-configuration",
    Verdict.CONFIRMED,
    FIRED - timedelta(days=23),
    claim="payment's pool was cut from 60 to 10 by release v2.18",
    remedy="POOL_SIZE back to 60",
    notebook="2026-02/checkout.ipynb",
)


def full_case() -> Case:
    """A concluded case with a surfaced cause."""
    beliefs = tuple(Belief(step, POOL.id, value) for step, value in ((1, 0.31), (2, 0.55), (3, 0.84)))
    return Case(
        id="case-checkoutlatencyhigh-7f3a",
        alert=ALERT,
        scope=SCOPE,
        topology=TOPOLOGY,
        recollections=(
            Recollection(EPISODE, 0.82, ("same service payment", "same alert", "checkout latency up in both")),
        ),
        observations=observations(),
        hypotheses=HYPOTHESES,
        findings=(
            Finding(
                POOL.id, POOL.claim, POOL.confidence, True, ("look at payment's pool settings in the deploy of 02:51",)
            ),
        ),
        coverage=COVERAGE,
        beliefs=(*beliefs, *(Belief(step, REDIS.id, value) for step, value in ((1, 0.29), (2, 0.24), (3, 0.21)))),
        spent=Budget(0.07, 5200, 12, 8.0),
        steps=3,
        ended="concluded",
        note="payment's self time carries the latency",
    )


def empty_case() -> Case:
    """A case that was just opened."""
    return Case(id="case-empty", alert=replace(ALERT, labels={}, links={}, summary=""))


def unsure_case() -> Case:
    """A case that ended without a cause."""
    weak = replace(REDIS, confidence=Confidence(0.34, ("on the path of checkout", "nothing of it moved")))
    return replace(full_case(), hypotheses=(weak, CODE, NETWORK), findings=(), ended="nothing left to ask", note="")


def failed_case() -> Case:
    """A case in which no source could look."""
    broken = tuple(
        Observation(
            Question(kind, WINDOW, baseline=BEFORE),
            Failed("connection refused", "Start it, or set its address."),
            "prometheus",
            FIRED,
        )
        for kind in Modality
    )
    coverage = tuple(
        Coverage("prometheus", kind, "failed", "connection refused. Start it, or set its address.") for kind in Modality
    )
    return replace(
        full_case(), observations=broken, hypotheses=(), findings=(), coverage=coverage, recollections=(), beliefs=()
    )


LONG = "payment-authorisation-and-settlement-worker-for-the-european-region-canary-deployment-b"


def long_case() -> Case:
    """The full case with names of eighty characters and more."""
    longer = {
        PAYMENT.iri: replace(PAYMENT, name=LONG),
        CHECKOUT.iri: replace(CHECKOUT, name=LONG.replace("payment", "checkout")),
    }
    case = full_case()
    pool = replace(
        POOL, suspect=longer[PAYMENT.iri], claim=f"{LONG} waits for its database: {'connection pool exhausted ' * 6}"
    )
    table = metrics_table().replace({"entity": {"payment": LONG}})
    seen = (replace(case.observations[0], reply=Answered("x", table)), *case.observations[1:])
    return replace(
        case,
        scope=tuple(longer.get(each.iri, each) for each in SCOPE),
        hypotheses=(pool, *HYPOTHESES[1:]),
        observations=seen,
        findings=(Finding(pool.id, pool.claim, pool.confidence, True),),
        alert=replace(
            ALERT,
            title="CheckoutLatencyHighInTheEuropeanRegion" * 3,
            summary="checkout is slow " * 30,
            labels={**ALERT.labels, "service": LONG.replace("payment", "checkout")},
        ),
    )


def large_case(services: int = 400) -> Case:
    """The full case in an estate of that many services."""
    others = tuple(service(f"service-{n:03}") for n in range(services))
    calls = tuple(fact(CHECKOUT if n < 40 else others[n % 40], terms.CALLS, other) for n, other in enumerate(others))
    return replace(
        full_case(), scope=(*SCOPE, *others), topology=(*TOPOLOGY, *calls), observations=observations(services)
    )
