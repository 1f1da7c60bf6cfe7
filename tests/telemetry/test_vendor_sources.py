"""Loki, Jaeger and Tempo: what each is asked, what comes back, and what is said when it does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pandas as pd
import pytest

from ontology import iris
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Failed, Modality, Question
from workbench.ports import Source
from workbench.telemetry.jaeger import JaegerSource
from workbench.telemetry.loki import PAGE, PAGES, LokiSource
from workbench.telemetry.tempo import TempoSource
from workbench.testing.vendors import VendorServer, jaeger, loki, tempo

PAYMENT = Entity(iris.service("payment", "shop"), "Service", "payment")


def answered(source: Source, question: Question) -> Answered:
    reply = source.ask(question).reply
    assert isinstance(reply, Answered), reply
    return reply


def test_loki_keeps_time_level_and_trace_of_a_line(
    case_tables: dict[str, pd.DataFrame], fault_window: Window, quiet_window: Window
) -> None:
    """Lines come back as they were, with severity and trace id, over window and baseline."""
    held = case_tables["logs"]
    with loki(held) as server:
        reply = answered(LokiSource(server.url), Question(Modality.LOGS, fault_window, baseline=quiet_window))

    expected = held[held["time"] < fault_window.end].sort_values("time", kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(
        reply.table.sort_values(["time", "entity"], ignore_index=True),
        expected.sort_values(["time", "entity"], ignore_index=True),
        check_dtype=False,
    )


def test_loki_looks_for_a_text(case_tables: dict[str, pd.DataFrame], fault_window: Window) -> None:
    """A plain text is what lines must hold; its quotes stay inside the query."""
    with loki(case_tables["logs"]) as server:
        reply = answered(LokiSource(server.url), Question(Modality.LOGS, fault_window, what="calling bank"))
        LokiSource(server.url).ask(Question(Modality.LOGS, fault_window, what='"} or {a="b'))

    assert all("calling bank" in line for line in reply.table["message"])
    assert server.requests[-1][2]["query"].endswith('|= "\\"} or {a=\\"b"')


def test_loki_reads_page_after_page_and_says_when_it_stops(fault_window: Window) -> None:
    """Lines that share the last moment of a page are read once, and an answer that is cut off says so."""
    times = [fault_window.start + timedelta(microseconds=n // 3) for n in range(PAGE * PAGES + 100)]
    held = pd.DataFrame(
        {
            "time": times,
            "entity": "payment",
            "severity": "info",
            "message": [f"line {n}" for n in range(len(times))],
            "trace_id": "",
        }
    )
    with loki(held) as server:
        reply = answered(LokiSource(server.url), Question(Modality.LOGS, fault_window))

    assert not reply.table["message"].duplicated().any()
    assert PAGE * (PAGES - 1) < len(reply.table) < len(held)
    assert "were read" in reply.digest


@pytest.mark.parametrize(("make", "double"), [(JaegerSource, jaeger), (TempoSource, tempo)])
def test_spans_keep_their_tree_and_their_failures(
    make: Callable[[str], Source],
    double: Callable[[pd.DataFrame], VendorServer],
    case_tables: dict[str, pd.DataFrame],
    fault_window: Window,
) -> None:
    """Parents are found under the ids that the spans carry; durations in milliseconds; errors are errors."""
    held = case_tables["traces"]
    with double(held) as server:
        rows = answered(make(server.url), Question(Modality.TRACES, fault_window)).table

    late = held[(held["start"] >= fault_window.start) & (held["start"] <= fault_window.end)]
    children = rows[rows["parent_id"] != ""]
    assert len(rows) == len(late)
    assert set(children["parent_id"]) <= set(rows["span_id"])
    assert set(children["service"]) == {"payment"}
    assert sorted(rows["duration_ms"]) == sorted(late["duration_ms"])
    assert (rows["status"] == "error").sum() == (late["status"] == "error").sum()
    assert set(rows["kind"]) == {"server"}


@pytest.mark.parametrize(("make", "double"), [(JaegerSource, jaeger), (TempoSource, tempo)])
def test_only_the_services_asked_about_are_searched(
    make: Callable[[str], Source],
    double: Callable[[pd.DataFrame], VendorServer],
    case_tables: dict[str, pd.DataFrame],
    fault_window: Window,
) -> None:
    """A question about payment searches for payment, and no other service's name is sent."""
    with double(case_tables["traces"]) as server:
        make(server.url).ask(Question(Modality.TRACES, fault_window, (PAYMENT,)))

    sent = [value for _, path, parameters in server.requests for value in parameters.values()]
    assert any("payment" in value for value in sent)
    assert not any("checkout" in value for value in sent)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, b"boom", "500"),
        (200, b"{half an ans", "JSON"),
        (200, b"[]", "something else"),
        (200, b"", "JSON"),
        (302, b"", "302"),
    ],
)
@pytest.mark.parametrize(
    ("make", "modality", "path"),
    [
        (LokiSource, Modality.LOGS, "/loki/api/v1/label/service_name/values"),
        (JaegerSource, Modality.TRACES, "/api/services"),
        (TempoSource, Modality.TRACES, "/api/search"),
    ],
)
def test_what_goes_wrong_is_failure_with_its_reason(
    make: Callable[[str], Source],
    modality: Modality,
    path: str,
    status: int,
    body: bytes,
    reason: str,
    fault_window: Window,
) -> None:
    """A refusal, a redirect, half an answer or an empty one is Failed, never Silent, and does not raise."""
    with VendorServer(lambda _path, _query: None, {path: (status, body)}) as server:
        reply = make(server.url).ask(Question(modality, fault_window)).reply

    assert isinstance(reply, Failed), reply
    assert reason in reply.reason
    assert reply.remedy


def test_loki_says_that_numbers_are_no_lines(fault_window: Window) -> None:
    """LogQL that counts is answered with a failure that says what to ask instead."""
    numbers = {"status": "success", "data": {"resultType": "matrix", "result": []}}
    with VendorServer(lambda _path, _query: numbers) as server:
        reply = LokiSource(server.url).ask(Question(Modality.LOGS, fault_window, what='{app="x"} rate')).reply

    assert isinstance(reply, Failed)
    assert "lines" in reply.reason + reply.remedy
