"""What traces and logs tell the statistical reasoner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd

from ontology.nouns import Alert, Window
from workbench.nouns import Answered, Case, Modality, Observation, Question
from workbench.reasoning.statistical.spans import Spans, spans
from workbench.reasoning.statistical.templates import templates

SINCE = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)
WINDOW = Window(SINCE, SINCE + timedelta(minutes=5))


def request(n: int, at: datetime, *, own: float = 10.0, gap: float = 1.0, bad: bool = False) -> list[dict[str, object]]:
    """One request: web calls pay; pay takes `own` ms, the way there and back `gap` ms."""
    base = {"trace_id": f"t{n}", "start": at, "message": ""}
    status = "error" if bad else "ok"
    rows = [
        ("a", "", "web", "GET /", "server", own + gap + 5),
        ("b", "a", "web", "POST /pay", "client", own + gap),
        ("c", "b", "pay", "POST /pay", "server", own),
    ]
    names = ("span_id", "parent_id", "service", "operation", "kind", "duration_ms")
    return [{**base, **dict(zip(names, row, strict=True)), "status": status} for row in rows]


def read(rows: list[dict[str, object]]) -> Spans:
    table = pd.DataFrame(rows)
    question = Question(Modality.TRACES, WINDOW)
    observation = Observation(question, Answered("", table), "made up", WINDOW.end)
    found = spans(Case("c", Alert("a", "t", WINDOW), observations=(observation,)), SINCE)
    assert found is not None
    return found


def traffic(**late: object) -> list[dict[str, object]]:
    """Forty requests, half of them in the window with the given difference."""
    rows: list[dict[str, object]] = []
    for n in range(40):
        at = SINCE + timedelta(seconds=5 * (n - 20))
        own = 10.0 + n % 3
        rows += request(n, at, **({"own": own} | late if n >= 20 else {"own": own}))  # type: ignore[arg-type]
    return rows


def added(found: Spans) -> dict[tuple[str, str], float]:
    return {(each.service, each.kind): each.added_ms for each in found.spent}


def test_own_time_is_credited_to_the_service_that_spends_it() -> None:
    """Eighty milliseconds more inside the callee are its own, and none of its caller's."""
    by = added(read(traffic(own=91.0)))
    assert 75 < by["pay", "own"] < 85
    assert abs(by["web", "own"]) < 1
    assert abs(by["pay", "network"]) < 1


def test_the_gap_between_client_and_server_is_the_network_to_the_callee() -> None:
    """Fifty milliseconds more on the way are network time credited to the callee, not own time of either."""
    by = added(read(traffic(gap=51.0)))
    assert 45 < by["pay", "network"] < 55
    assert abs(by["pay", "own"]) < 2
    assert abs(by["web", "own"]) < 1


def test_a_failure_belongs_to_the_deepest_span_that_failed() -> None:
    """Where caller and callee both fail, the failure began in the callee, in every trace of the window."""
    failing = read(traffic(bad=True)).failing
    assert [(each.service, each.traces, each.usual) for each in failing] == [("pay", 20, 0.0)]


def test_a_callee_that_does_not_answer_is_unreachable() -> None:
    """Client spans that failed without any answer in the window are credited to whom they used to call."""
    rows = [row for row in traffic(bad=True) if not (row["service"] == "pay" and row["start"] >= SINCE)]  # type: ignore[operator]
    failing = read(rows).failing
    assert [(each.service, each.unreachable) for each in failing] == [("pay", True)]


def test_spans_say_who_calls_whom() -> None:
    """A parent in another service is a call."""
    assert set(read(traffic()).edges) == {("web", "pay")}


def test_a_new_kind_of_loud_line_is_told_and_a_usual_one_is_not() -> None:
    """An error line that was never there before is a template; one that is as frequent as ever is not."""
    stamps = [SINCE + timedelta(seconds=5 * k) for k in range(-60, 60)]
    usual = [{"time": at, "entity": "web", "severity": "WARN", "message": f"retry {at:%S}"} for at in stamps]
    new = [
        {"time": at, "entity": "pay", "severity": "ERROR", "message": f"pool empty after {at:%S} s"}
        for at in stamps[80:]
    ]
    table = pd.DataFrame([*usual, *new]).assign(trace_id="")
    observation = Observation(Question(Modality.LOGS, WINDOW), Answered("", table), "made up", WINDOW.end)
    found = templates(Case("c", Alert("a", "t", WINDOW), observations=(observation,)), SINCE)
    assert [(each.entity, each.template) for each in found] == [("pay", "pool empty after <n> s")]
