"""Layouts without windows and alerts of their own: lists of alerts, snapshots of a cluster, outputs of tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from ontology.errors import NotFound
from ontology.nouns import Window
from workbench.assembly import recorded, recorded_alert, recording
from workbench.nouns import Answered, Modality, Question
from workbench.telemetry.layouts_known import cases_in
from workbench.telemetry.recorded import load_case, recorded_sources

POD = """Name:             cart-7d4b9c8f6d-abcde
Namespace:        shop
Node:             worker-1/10.0.0.1
Start Time:       Thu, 05 Feb 2026 11:20:00 +0200
Status:           Running
Containers:
  server:
    Image:          cart:1
    State:          Running
      Started:      Thu, 05 Feb 2026 11:20:05 +0200
    Ready:          True
    Restart Count:  0
Conditions:
  Type              Status
  Ready             True
Events:
  Type     Reason   Age   From     Message
  ----     ------   ----  ----     -------
  Warning  BackOff  2m    kubelet  Back-off restarting failed container
"""
TREE = "[Service]: gateway\n[Upstream (Called By)]:\n[Downstream (Calls)]:\ngateway\n└── cart\n    └── ledger\n"


@pytest.fixture
def alert_list(tmp_path: Path) -> Path:
    """A list of two cases."""
    folder = tmp_path / "list"
    folder.mkdir()
    events = [
        ("one", "metric", "cart-0", None, "cpu_usage", "up"),
        ("one", "trace", "cart-0", "gateway-0", "/cart", "PD"),
        ("one", "log", "cart-0", None, "t7", "seen"),
        ("two", "metric", "db1", "10.0.0.4", "memory", "down"),
    ]
    columns = ["case_id", "modality", "entity", "peer", "what", "signal"]
    pd.DataFrame(events, columns=columns).to_parquet(folder / "alerts.parquet")
    edges = pd.DataFrame([("one", "gateway-0", "cart-0"), ("two", "web1", "db1")], columns=["case_id", "src", "dst"])
    edges.to_parquet(folder / "topology.parquet")
    names = [("one", "cart-0"), ("one", "gateway-0"), ("one", "quiet-0"), ("two", "db1"), ("two", "web1")]
    pd.DataFrame(names, columns=["case_id", "entity"]).to_parquet(folder / "entities.parquet")
    return folder


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """A snapshot of one pod, taken at 11:30 by a clock two hours ahead of UTC."""
    folder = tmp_path / "snap"
    folder.mkdir()
    outputs = [("kubectl describe pods cart-7d4b9c8f6d-abcde -n shop", POD)]
    pd.DataFrame(outputs, columns=["command", "output"]).to_parquet(folder / "k8s.parquet")
    tools = [("GetServiceDependencies", '{"service_name": "gateway"}', TREE)]
    pd.DataFrame(tools, columns=["tool", "args", "output"]).to_parquet(folder / "tools.parquet")
    said = ["2026-02-05T09:25:00Z ERROR no bank", "  at pay()", "Error: error: container x is not valid for pod y"]
    lines = pd.DataFrame(
        [("cart.sidecar", n, text) for n, text in enumerate(said)], columns=["service", "n", "message"]
    )
    lines.to_parquet(folder / "logs.parquet")
    measured = {"time": ["2026-02-05 11:20:00", "2026-02-05 11:25:00"], "cart-api-p95latency": [20.0, 900.0]}
    pd.DataFrame(measured).to_parquet(folder / "metrics.parquet")
    found = [
        {
            "type": "Service",
            "name": "cart",
            "time_range": "2026-02-05 11:22:00 ~ 2026-02-05 11:24:00",
            "evidence": ["SLOW | x3"],
        }
    ]
    (folder / "alerts.json").write_text(json.dumps({"alerts": found}))
    files = {name: [f"{name}.parquet", 1] for name in ("k8s", "tools", "logs", "metrics")}
    case = {
        "case_id": "snap",
        "dataset": "snaps",
        "summary": "Slow",
        "namespace": "shop",
        "collected": "2026-02-05T11:30:00",
    }
    (folder / "case.json").write_text(json.dumps({**case, "files": {**files, "alerts": ["alerts.json", 1]}}))
    return folder


def test_a_list_holds_many_cases(alert_list: Path) -> None:
    """Each case of a list is a path that loads, though there is no such folder; another name is no case."""
    assert [path.name for path in cases_in(alert_list)] == ["one", "two"]
    case = load_case(alert_list / "one")
    assert case.id == "one"
    assert case.calls == (("gateway-0", "cart-0"),)
    assert {each.name for each in case.entities} == {"cart-0", "gateway-0", "quiet-0"}
    with pytest.raises(NotFound):
        load_case(alert_list / "three")


def test_events_of_a_list_are_alerts_with_their_peer(alert_list: Path) -> None:
    """An event says its kind of telemetry, its signal and the other entity; those of other cases are not told."""
    of_one = {
        ("cart-0", "cpu_usage", "metric up"),
        ("cart-0", "/cart", "trace PD from gateway-0"),
        ("cart-0", "t7", "log seen"),
    }
    for name, wanted in (("one", of_one), ("two", {("db1", "memory", "metric down on 10.0.0.4")})):
        case = load_case(alert_list / name)
        reply = recorded_sources(case.folder)[Modality.STATE].ask(Question(Modality.STATE, case.window_abnormal)).reply
        assert isinstance(reply, Answered)
        assert set(reply.table["kind"]) == {"alert"}
        assert set(reply.table[["entity", "field", "value"]].itertuples(index=False, name=None)) == wanted


def _events(folder: Path, rows: Sequence[tuple[object, ...]]) -> set[tuple[str, ...]]:
    """Write a list of one case with these rows of (modality, entity, peer); return (entity, value) of its events."""
    columns = ["case_id", "modality", "entity", "peer", "what", "signal"]
    events = [("one", modality, entity, peer, "x", "up") for modality, entity, peer in rows]
    pd.DataFrame(events, columns=columns).to_parquet(folder / "alerts.parquet")
    case = load_case(folder / "one")
    reply = recorded_sources(case.folder)[Modality.STATE].ask(Question(Modality.STATE, case.window_abnormal)).reply
    return (
        set(reply.table[["entity", "value"]].itertuples(index=False, name=None))
        if isinstance(reply, Answered)
        else set()
    )


def test_events_without_any_peer_are_told(alert_list: Path) -> None:
    """A list in which no row has a peer is told as it is, whatever the type of its empty column."""
    told = {("cart-0", "metric up"), ("gateway-0", "log up")}
    for nobody in (None, float("nan")):
        assert _events(alert_list, [("metric", "cart-0", nobody), ("log", "gateway-0", nobody)]) == told


def test_whom_the_list_does_not_know_is_no_suspect(alert_list: Path) -> None:
    """An event about a stray word is left out, as a caller it is outside; where a thing runs need not be known."""
    rows = [
        ("metric", "collector", None),
        ("metric", "", None),
        ("trace", "cart-0", "-1"),
        ("trace", "cart-0", "gateway-0"),
        ("metric", "cart-0", "10.0.0.4"),
    ]
    told = {
        ("cart-0", "trace up from (outside)"),
        ("cart-0", "trace up from gateway-0"),
        ("cart-0", "metric up on 10.0.0.4"),
    }
    assert _events(alert_list, rows) == told


def test_a_list_without_its_entities_knows_those_of_its_events(alert_list: Path) -> None:
    """Nothing is left out then, and a caller counts that has events of its own."""
    (alert_list / "entities.parquet").unlink()
    rows = [("metric", "web9", None), ("trace", "cart-0", "web9"), ("trace", "cart-0", "-1")]
    assert _events(alert_list, rows) == {
        ("web9", "metric up"),
        ("cart-0", "trace up from web9"),
        ("cart-0", "trace up from (outside)"),
    }


def test_assembly_takes_a_case_of_a_list(alert_list: Path) -> None:
    """The bench and the notebook open it by its path, like a folder."""
    assert recording(str(alert_list / "one")) == alert_list / "one"
    assert recorded_alert(str(alert_list / "one")).id == "one"
    assert Modality.STATE in recorded(alert_list / "two").sources


def test_a_snapshot_has_its_clock_windows_and_namespace(snapshot: Path) -> None:
    """Times without a zone are of the zone that kubectl printed; the earliest alert divides normal from abnormal."""
    case = load_case(snapshot)
    assert case.window_abnormal == Window.of("2026-02-05T09:22:00Z", "2026-02-05T09:30:00Z")
    assert case.window_normal == Window.of("2026-02-05T09:20:00Z", "2026-02-05T09:22:00Z")
    assert case.alert.labels["service"] == "cart"
    assert case.calls == (("gateway", "cart"), ("cart", "ledger"))
    assert {(each.kind, each.name) for each in case.entities} >= {("Namespace", "shop"), ("Service", "cart")}


def test_a_snapshot_speaks_the_words_of_the_live_sources(snapshot: Path) -> None:
    """Events are state, lines keep their own times, what kubectl said of a log is none, latencies are in seconds."""
    case = load_case(snapshot)
    state = case.table("state")
    assert ("cart", "event", "BackOff") in set(state[["entity", "kind", "field"]].itertuples(index=False, name=None))
    lines = case.table("logs")
    assert lines["message"].tolist() == ["2026-02-05T09:25:00Z ERROR no bank", "  at pay()"]
    assert set(lines["entity"]) == {"cart"}
    assert lines["time"].nunique() == 1
    metrics = case.table("metrics")
    assert set(metrics["entity"]) == {"cart-api"}
    assert metrics.set_index("metric")["value"].to_dict() == {"latency_p95_seconds": 0.9}
    assert str(metrics["time"].min()) == "2026-02-05 09:20:00+00:00"


def test_outputs_of_tools_are_state(tmp_path: Path) -> None:
    """A tool's output is its words alone, about whom its arguments name; the alert is the issue's."""
    head = json.dumps({"status": "success", "data": None, "error": None})
    rows = [("logs", "kubectl_logs", '{"pod_name": "cart-7d4b9c8f6d-abcde"}', f"{head}\nno bank")]
    pd.DataFrame(rows, columns=["toolset", "tool", "args", "output"]).to_parquet(tmp_path / "tools.parquet")
    raw = {"labels": {"alertname": "Down", "pod": "cart"}, "startsAt": "2026-02-05 09:30:00.5+00:00", "endsAt": None}
    (tmp_path / "issue.json").write_text(json.dumps({"raw": raw}))
    files = {"tools": ["tools.parquet", 1], "issue": ["issue.json", 1]}
    (tmp_path / "case.json").write_text(json.dumps({"case_id": "t", "dataset": "d", "summary": "s", "files": files}))
    case = load_case(tmp_path)
    assert case.alert.title == "Down"
    row = case.table("state").iloc[0]
    assert (row["entity"], row["kind"], row["value"]) == ("cart", "tool", "no bank")
    assert "kubectl_logs" in row["field"]
