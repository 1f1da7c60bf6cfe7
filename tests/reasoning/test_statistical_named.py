"""What an alert states by itself, and whom log lines say that got no answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pandas as pd
import pytest

from ontology import iris
from ontology.nouns import Alert, Entity, Fact, Layer, Window
from ontology.terms import CALLS, FAILURE_MODES, Kind
from workbench.nouns import Answered, Budget, Case, Modality, Observation, Question
from workbench.reasoning.statistical import StatisticalReasoner
from workbench.reasoning.statistical.modes import CLAIMS
from workbench.reasoning.statistical.named import stated, unreached
from workbench.reasoning.statistical.ranking import FOLLOWS
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.wording import NEXT_STEPS, REFUTED_BY
from workbench.telemetry.layouts import COLUMNS

SINCE = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)
WINDOW = Window(SINCE, SINCE + timedelta(minutes=5))
NAMES = ("web", "cart", "stock")


def look(
    *, lines: Sequence[tuple[str, str]] = (), title: str = "ErrorsHigh", summary: str = "", at: str = "web"
) -> Seen:
    """Return what is seen where web calls cart and cart calls stock; its lines in the last minute, and calm before."""
    rows = [(SINCE - timedelta(minutes=9 - n), "web", "info", "fine", "") for n in range(8)]
    rows += [
        (WINDOW.end - timedelta(seconds=50 - 2 * n), entity, "error", text, "")
        for n in range(20)
        for entity, text in lines
    ]
    told = [dict(zip(("time", "entity", "severity", "message", "trace_id"), row, strict=True)) for row in rows]
    table = pd.DataFrame(told).reindex(columns=list(COLUMNS[Modality.LOGS]), fill_value="")
    table["time"] = pd.to_datetime(table["time"], utc=True)
    question = Question(Modality.LOGS, WINDOW, baseline=WINDOW.before(3600))
    scope = tuple(Entity(iris.service(name), Kind.SERVICE, name) for name in NAMES)
    calls = tuple(
        Fact(a.iri, CALLS, b.iri, layer=Layer.RUNNING, source="made up", seen=SINCE) for a, b in pairwise(scope)
    )
    alert = Alert("a", title, WINDOW, summary=summary, labels={"service": at})
    seen = Observation(question, Answered("", table), "made up", WINDOW.end)
    return StatisticalReasoner().look(Case("c", alert, scope=scope, topology=calls, observations=(seen,)))


@pytest.mark.parametrize(
    ("title", "summary", "mode"),
    [
        ("CertificateExpires", "the certificate of stock expires in -1d", "certificate"),
        ("TargetDown", "stock does not answer the scrape", "dependency-down"),
        ("KubePodCrashLooping", "a container restarts", "crash-loop"),
        ("ContainerOOMKilled", "", "memory-pressure"),
    ],
)
def test_an_alert_that_states_a_condition_names_the_failure_mode_of_its_entity(
    title: str, summary: str, mode: str
) -> None:
    """A rule that states a condition speaks for the entity that it names, and takes from all that call it."""
    found = list(stated(look(title=title, summary=summary, at="stock")))

    assert [(sign.entity, sign.mode) for sign in found if sign.nats > 0] == [("stock", mode)]
    assert {sign.entity for sign in found if sign.hint == FOLLOWS} == {"web", "cart"}


def test_an_alert_on_a_symptom_states_nothing() -> None:
    """Latency and errors travel along calls: such an alert is no evidence for the entity that it names."""
    assert not list(stated(look(title="LatencyHigh", summary="p99 latency of stock is 2 s", at="stock")))


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        ("GET /stock on stock failed: Connection refused", "dependency-down"),
        ("GET /stock on stock failed: getaddrinfo ENOTFOUND stock", "name-resolution"),
    ],
)
def test_a_callee_that_its_caller_cannot_reach_is_named_by_the_callers_lines(line: str, mode: str) -> None:
    """Lines of a caller that reached nobody speak for the callee that they name, and say how it failed."""
    found = list(unreached(look(lines=[("cart", line)])))

    assert [(sign.entity, sign.mode) for sign in found if sign.nats > 0] == [("stock", mode)]
    assert [sign.entity for sign in found if sign.hint == FOLLOWS] == ["cart"]


@pytest.mark.parametrize(
    ("speaker", "line"),
    [
        ("cart", "Connection refused"),
        ("cart", "stockroom: Connection refused"),
        ("web", "stock failed: Connection refused"),
        ("cart", "GET /stock on stock answered 404"),
    ],
)
def test_a_line_that_names_no_callee_without_an_answer_says_nothing(speaker: str, line: str) -> None:
    """Whom a line does not name, who is not called by the speaker, and who did answer, is not told of."""
    assert not list(unreached(look(lines=[(speaker, line)])))


def waits(*, served_meanwhile: bool) -> Seen:
    """Return what is seen where cart waits in vain for stock, which does or does not serve its other caller."""
    rows = []

    def trace(at: datetime, caller: str, *, served: bool) -> None:
        name = f"t{len(rows)}"
        took = 20.0 if served else 2000.0
        rows.append((name, "a", "", at, caller, "GET /stock", "client", took, "ok" if served else "error"))
        if served:
            rows.append((name, "b", "a", at, "stock", "GET /stock", "server", 10.0, "ok"))

    for n in range(60):
        trace(SINCE - timedelta(minutes=9) + n * timedelta(seconds=8), "cart", served=True)
    for n in range(20):
        trace(SINCE + timedelta(seconds=200 + 4 * n), "cart", served=False)
        trace(SINCE + timedelta(seconds=202 + 4 * n), "web", served=served_meanwhile)
    names = ("trace_id", "span_id", "parent_id", "start", "service", "operation", "kind", "duration_ms", "status")
    table = pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows])
    table = table.reindex(columns=list(COLUMNS[Modality.TRACES]), fill_value="")
    table["start"] = pd.to_datetime(table["start"], utc=True)
    question = Question(Modality.TRACES, WINDOW, baseline=WINDOW.before(3600))
    told = look(lines=[("cart", "GET /stock on stock failed: timed out after 2 s")]).case
    asked = Observation(question, Answered("", table), "made up", WINDOW.end)
    return StatisticalReasoner().look(replace(told, observations=(*told.observations, asked)))


def test_a_callee_that_serves_nobody_while_its_caller_waits_is_named_as_hanging() -> None:
    """Traces show that it was mute meanwhile, and its caller's lines that it waited."""
    seen = waits(served_meanwhile=False)
    assert seen.traced is not None
    (failing,) = (each for each in seen.traced.failing if each.service == "stock")
    assert failing.unreachable

    found = list(unreached(seen))

    assert [(sign.entity, sign.mode) for sign in found if sign.nats > 0] == [("stock", "hang")]
    assert [sign.entity for sign in found if sign.hint == FOLLOWS] == ["cart"]


def test_a_callee_that_serves_others_meanwhile_does_not_hang() -> None:
    """Who answers another caller goes on: the one that waits gave up."""
    seen = waits(served_meanwhile=True)
    assert seen.traced is not None

    assert {each.service: each.timeout for each in seen.traced.failing} == {"cart": True}
    assert [(sign.entity, sign.nats, sign.hint) for sign in unreached(seen)] == [("stock", 0.0, "unanswered")]


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        ("order was not written: ENOSPC: no space left on device", "disk-full"),
        ("token signature does not match", "bad-configuration"),
        ("java.lang.OutOfMemoryError: Java heap space", "memory-pressure"),
        ("handshake failed: x509: certificate has expired", "certificate"),
        ("message 17-0 failed: JSONDecodeError: Unterminated string starting at: line 1 column 9", "bad-data"),
        ("basket of nobody cannot be shown", "code-error"),
    ],
)
def test_own_lines_name_the_failure_mode(line: str, mode: str) -> None:
    """What a service says of its own failure decides how it failed, in the words of runtimes and libraries."""
    seen = look(lines=[("stock", line)])

    first = StatisticalReasoner().think(seen.case, Budget(questions=9, seconds=9)).hypotheses[0]

    assert (first.suspect.name, first.failure_mode) == ("stock", mode)


def test_every_failure_mode_has_a_claim_a_next_step_and_what_refutes_it() -> None:
    """A mode of the taxonomy that a rule returns can be told."""
    assert set(CLAIMS) == set(NEXT_STEPS) == set(REFUTED_BY) == set(FAILURE_MODES)
