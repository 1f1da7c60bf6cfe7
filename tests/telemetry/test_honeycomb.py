"""Honeycomb: what is asked of it, what comes back, and that nothing but the three listed requests is sent."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from ontology import iris
from ontology.errors import BadInput, NotAllowed
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Failed, Modality, Question
from workbench.settings import Settings
from workbench.telemetry.clients import LiveClients
from workbench.telemetry.honeycomb import FAILED, POLLS, SERVICE, HoneycombMetrics, team
from workbench.telemetry.live import live_sources
from workbench.telemetry.pace import Limits, Pace
from workbench.testing import vendors_honeycomb
from workbench.testing.vendors import BODY, VendorServer

PAYMENT = Entity(iris.service("payment", "shop"), "Service", "payment")
P99 = "http_server_request_duration_p99_seconds"


def bodies(server: VendorServer, path: str = "/1/queries/__all__") -> list[dict[str, Any]]:
    return [json.loads(said[BODY]) for method, where, said in server.requests if (method, where) == ("POST", path)]


def unhurried(waits: list[float]) -> Pace:
    return Pace("the double", Limits(per_second=1e6), sleep=waits.append)


def test_the_catalogue_is_calculated_for_the_services(
    case_tables: dict[str, pd.DataFrame], fault_window: Window, quiet_window: Window
) -> None:
    """Two queries a window, one over all spans of servers and one over those that failed, come back in our units."""
    held = case_tables["metrics"]
    with vendors_honeycomb.metrics(held) as server:
        question = Question(Modality.METRICS, fault_window, (PAYMENT,), baseline=quiet_window)
        reply = HoneycombMetrics(server.url, headers=team("example")).ask(question).reply
        asked = bodies(server)

    assert isinstance(reply, Answered), reply
    late = held[(held["metric"] == P99) & (held["entity"] == "payment") & (held["time"] >= fault_window.start)]
    got = reply.table[(reply.table["metric"] == P99) & (reply.table["time"] >= fault_window.start)]
    assert got["value"].mean() == pytest.approx(late["value"].mean(), rel=0.02)
    assert set(reply.table["entity"]) == {"payment"}
    assert [FAILED in each["filters"] for each in asked] == [False, False, True, True]
    assert all({"column": SERVICE, "op": "in", "value": ["payment"]} in each["filters"] for each in asked)
    assert reply.link.startswith("https://ui.honeycomb.io/")


def test_times_are_those_that_honeycomb_keeps(case_tables: dict[str, pd.DataFrame], fault_window: Window) -> None:
    """A window is asked for in whole minutes, with at least ten points and at most a thousand."""
    with vendors_honeycomb.metrics(case_tables["metrics"]) as server:
        HoneycombMetrics(server.url).ask(Question(Modality.METRICS, fault_window))
        asked = bodies(server)

    for each in asked:
        length = each["end_time"] - each["start_time"]
        assert each["start_time"] % 60 == each["end_time"] % 60 == 0
        assert each["start_time"] <= fault_window.start.timestamp() <= fault_window.end.timestamp() <= each["end_time"]
        assert length / 1000 <= each["granularity"] <= length / 10


def test_only_three_templates_of_one_data_set_can_be_sent(case_tables: dict[str, pd.DataFrame]) -> None:
    """Neither another data set nor any other verb or object of the API leaves: nothing of it reaches the server."""
    others = [
        *(("POST", f"/1/{each}/spans") for each in ("queries", "query_results")),
        *(("POST", f"/1/{each}/web") for each in ("events", "batch", "columns", "boards", "triggers", "markers")),
        *((verb, "/1/queries/web") for verb in ("PUT", "PATCH", "DELETE", "GET")),
        *((verb, "/1/query_results/web/r0") for verb in ("PUT", "POST", "DELETE")),
        ("POST", "/1/queries/web/../../columns/web"),
        ("GET", "/1/columns/web"),
    ]
    with vendors_honeycomb.metrics(case_tables["metrics"]) as server:
        source = HoneycombMetrics(server.url, dataset="web")
        for method, path in others:
            with pytest.raises(NotAllowed):
                source.response(method, path, body={})
        assert server.requests == []
        assert source.post("/1/queries/web", {"granularity": 1, "filters": []})["id"] == "q0"
    with pytest.raises(BadInput):
        HoneycombMetrics("http://127.0.0.1:1", dataset="web/../../columns")


def test_a_result_is_looked_at_until_it_is_complete(case_tables: dict[str, pd.DataFrame], fault_window: Window) -> None:
    """A result that is not complete is waited for; one that never is, is Failed, and not silence."""
    question, waits = Question(Modality.METRICS, fault_window, what=P99), list[float]()
    with vendors_honeycomb.metrics(case_tables["metrics"], looks=3) as server:
        reply = HoneycombMetrics(server.url, pace=unhurried(waits)).ask(question).reply
    assert isinstance(reply, Answered), reply
    assert len(waits) == 2

    with vendors_honeycomb.metrics(case_tables["metrics"], looks=POLLS + 1) as server:
        reply = HoneycombMetrics(server.url, pace=unhurried(waits)).ask(question).reply
    assert isinstance(reply, Failed)
    assert "did not complete" in reply.reason


def test_a_query_of_its_own_is_asked_by_service(fault_window: Window) -> None:
    """A specification as JSON is sent with our times; its numbers are told by their own names."""
    at = f"{fault_window.start:%Y-%m-%dT%H:%M:%SZ}"
    data = {"service.name": "payment", "db.system": "redis", "MAX(duration_ms)": 7.5, "COUNT": 3}

    def answer(path: str, _: object) -> object:
        made = {"id": "a1", "complete": True}
        return {**made, "data": {"series": [{"time": at, "data": data}]}} if path.endswith("/a1") else made

    what = json.dumps({"calculations": [{"op": "MAX", "column": "duration_ms"}], "breakdowns": ["db.system"]})
    with VendorServer(answer) as server:
        reply = HoneycombMetrics(server.url).ask(Question(Modality.METRICS, fault_window, what=what)).reply
        (asked,) = bodies(server)

    assert isinstance(reply, Answered), reply
    told = dict(zip(reply.table["metric"], reply.table["value"], strict=True))
    assert told == {"MAX(duration_ms){db.system=redis}": 7.5, "COUNT{db.system=redis}": 3.0}
    assert asked["breakdowns"] == ["db.system", SERVICE]


@pytest.mark.parametrize(
    "what", ["no_such_metric", "{", '{"start_time": 0}', '{"filters": 7}', '{"time_range": 9, "query_id": "x"}']
)
def test_what_is_no_query_is_refused_before_anything_is_sent(what: str, fault_window: Window) -> None:
    """Neither other words nor a specification that sets what is ours to set reaches Honeycomb."""
    with VendorServer(lambda _path, _query: None) as server:
        reply = HoneycombMetrics(server.url).ask(Question(Modality.METRICS, fault_window, what=what)).reply
        assert server.requests == []

    assert isinstance(reply, Failed)
    assert reply.remedy


def test_the_settings_set_it_up_and_without_an_address_it_is_off() -> None:
    """It stands among the live sources with its data set, and only where an address is set."""
    given = Settings(honeycomb_url="https://api.honeycomb.io", honeycomb_dataset="web")
    made = live_sources(given, LiveClients())[Modality.METRICS]

    assert isinstance(made, HoneycombMetrics)
    assert made.reads[0].template == "/1/queries/web"
    assert Modality.METRICS not in live_sources(Settings(), LiveClients())
