"""Datadog: what is asked of it, what comes back, and what a half answer says."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from ontology import iris
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.ports import Source
from workbench.telemetry.datadog import CATALOGUE, DatadogMetrics, DatadogMonitors, keys
from workbench.telemetry.datadog_events import DatadogLogs, DatadogTraces
from workbench.testing import vendors_datadog
from workbench.testing.vendors import VendorServer

PAYMENT = Entity(iris.service("payment", "shop"), "Service", "payment")


def answered(source: Source, question: Question) -> Answered:
    reply = source.ask(question).reply
    assert isinstance(reply, Answered), reply
    return reply


def test_the_catalogue_is_asked_for_the_services(
    case_tables: dict[str, pd.DataFrame], fault_window: Window, quiet_window: Window
) -> None:
    """Without words the whole catalogue is asked for these services alone, and the values come back as they were."""
    held = case_tables["metrics"]
    with vendors_datadog.metrics(held) as server:
        question = Question(Modality.METRICS, fault_window, (PAYMENT,), baseline=quiet_window)
        reply = answered(DatadogMetrics(server.url, headers=keys("example", "example")), question)

    name = "http_server_request_duration_p99_seconds"
    expected = held[(held["metric"] == name) & (held["entity"] == "payment")].sort_values("time")
    queries = {parameters["query"] for _, _, parameters in server.requests}
    assert len(queries) == len(CATALOGUE)
    assert all("service IN (payment)" in each for each in queries)
    assert list(reply.table["value"]) == pytest.approx(list(expected["value"]))
    assert set(reply.table["metric"]) == {name}


def test_a_query_of_its_own_is_sent_as_it_stands(case_tables: dict[str, pd.DataFrame], fault_window: Window) -> None:
    """Any query of Datadog is asked; its series are called after it."""
    what = "p99:trace.grpc.server{env:prod} by {service}"
    with vendors_datadog.metrics(case_tables["metrics"]) as server:
        reply = answered(DatadogMetrics(server.url), Question(Modality.METRICS, fault_window, what=what))

    assert {parameters["query"] for _, _, parameters in server.requests} == {what}
    assert set(reply.table["metric"]) == {what}


def test_a_query_that_is_refused_is_failure_and_one_of_many_is_a_remark(fault_window: Window) -> None:
    """An error within a 200 is Failed with its words; where other queries are answered the digest names it."""
    series = [{"metric": "m", "scope": "service:cart", "pointlist": [[fault_window.start.timestamp() * 1000, 1.0]]}]

    def answer(_path: str, parameters: dict[str, str]) -> object:
        bad = "hits" in parameters["query"]
        return {"status": "error", "error": "no such metric"} if bad else {"status": "ok", "series": series}

    with VendorServer(answer) as server:  # type: ignore[arg-type]
        source = DatadogMetrics(server.url)
        alone = source.ask(Question(Modality.METRICS, fault_window, what="http_server_requests_per_second")).reply
        among = answered(source, Question(Modality.METRICS, fault_window))

    assert isinstance(alone, Failed)
    assert "no such metric" in alone.reason
    assert "1 queries failed" in among.digest


@pytest.mark.parametrize("make", [DatadogMetrics, DatadogLogs, DatadogTraces])
def test_a_name_that_is_more_than_a_value_is_not_sent(make: type[DatadogMetrics], fault_window: Window) -> None:
    """A name that would close the scope and open another is Failed before anything is sent."""
    wicked = Entity(iris.service("x", "shop"), "Service", "x) OR (*")
    with VendorServer(lambda _path, _query: {}) as server:
        reply = make(server.url).ask(Question(make.modality, fault_window, (wicked,))).reply

    assert isinstance(reply, Failed)
    assert server.requests == []


Double = Callable[..., VendorServer]


@pytest.mark.parametrize(
    ("make", "double", "table"),
    [(DatadogLogs, vendors_datadog.logs, "logs"), (DatadogTraces, vendors_datadog.traces, "traces")],
)
def test_pages_are_followed_and_rows_are_as_they_were(
    make: type[DatadogLogs],
    double: Double,
    table: str,
    case_tables: dict[str, pd.DataFrame],
    fault_window: Window,
    quiet_window: Window,
) -> None:
    """In pages of twenty every item of window and baseline comes back once, with its values."""
    held = case_tables[table]
    question = Question(make.modality, fault_window, baseline=Window(quiet_window.end, quiet_window.end))
    with double(held, most=20) as server:
        reply = answered(make(server.url), question)

    clock = "time" if table == "logs" else "start"
    expected = held[(held[clock] >= fault_window.start) & (held[clock] <= fault_window.end)]
    order = list(held.columns[:2])
    pd.testing.assert_frame_equal(
        reply.table.sort_values([*order, "message"], ignore_index=True),
        expected.sort_values([*order, "message"], ignore_index=True),
        check_dtype=False,
    )


@pytest.mark.parametrize("make", [DatadogLogs, DatadogTraces])
def test_a_search_that_was_given_up_says_so(make: type[DatadogLogs], fault_window: Window) -> None:
    """Silence of a search that timed out is told as such."""
    with VendorServer(lambda _path, _query: {"data": [], "meta": {"status": "timeout"}}) as server:
        reply = make(server.url).ask(Question(make.modality, fault_window)).reply

    assert isinstance(reply, Silent)
    assert "missing" in reply.searched


def test_monitors_are_told_by_group_and_those_that_are_well_are_not(fault_window: Window) -> None:
    """A group that alerts is about the service that it names, since it was triggered; OK is no row."""
    since = int(fault_window.start.timestamp()) + 60
    monitor = {
        "name": "p99 is high",
        "overall_state": "Alert",
        "tags": ["team:shop"],
        "state": {
            "groups": {
                "service:payment": {"status": "Alert", "last_triggered_ts": since},
                "service:cart": {"status": "OK", "last_triggered_ts": since},
            }
        },
    }
    with VendorServer(lambda _path, _query: [monitor, {"name": "x", "overall_state": "OK"}]) as server:
        reply = answered(DatadogMonitors(server.url), Question(Modality.STATE, fault_window))

    assert [tuple(row)[1:] for row in reply.table.itertuples(index=False)] == [
        ("payment", "monitor", "p99 is high", "Alert")
    ]


def test_the_keys_are_headers_and_appear_nowhere_else(
    case_tables: dict[str, pd.DataFrame], fault_window: Window
) -> None:
    """Neither query nor link nor digest holds a key."""
    with vendors_datadog.logs(case_tables["logs"]) as server:
        source = DatadogLogs(server.url, headers=keys("canary-one", "canary-two"))
        reply = answered(source, Question(Modality.LOGS, fault_window))

    told = reply.digest + reply.query + reply.link + str(server.requests)
    assert "canary" not in told
