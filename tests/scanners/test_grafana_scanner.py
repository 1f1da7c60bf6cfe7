"""Grafana: its API in the documented shapes, provisioning folders, and what queries name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ontology import iris, terms
from ontology.errors import NotAllowed, NotFound, Unavailable
from ontology.nouns import Fact, Layer
from scanners.observability.grafana import GrafanaScanner
from scanners.observability.promql import promql
from workbench.telemetry.clients import LiveClients

Saying = Callable[[Iterable[Fact]], set[tuple[str, str, Any]]]
Writing = Callable[[Mapping[str, str]], Path]


def board(uid: str, *targets: dict[str, Any], **more: Any) -> dict[str, Any]:
    panels = [{"type": "row", "panels": [{"targets": list(targets), "datasource": {"type": "prometheus", "uid": "p"}}]}]
    return {"uid": uid, "title": f"Board {uid}", "schemaVersion": 39, "panels": panels, **more}


def rule(**more: Any) -> dict[str, Any]:
    data = [
        {"refId": "A", "datasourceUid": "p", "model": {"refId": "A", "expr": 'rate(errors_total{service="cart"}[5m])'}},
        {"refId": "B", "datasourceUid": "__expr__", "model": {"refId": "B", "type": "reduce", "expression": "A"}},
    ]
    return {"uid": "r1", "title": "CartErrors", "ruleGroup": "shop", "folderUID": "f1", "for": "2m", "data": data,
            "labels": {"severity": "critical", "team": "payments"},
            "annotations": {"runbook_url": "https://runbooks.example/cart", "summary": "Fails"}, **more}  # fmt: skip


def api() -> dict[str, Any]:
    boards = {"a": board("a", {"refId": "A", "expr": 'hits_total{service_name="cart"}'}),
              "b": board("b", {"refId": "A", "expr": "up"})}  # fmt: skip

    def search(query: dict[str, str]) -> list[dict[str, str]]:
        assert query["type"] == "dash-db"
        return [{"uid": uid} for uid in boards] if query["page"] == "1" else []

    return {
        "/api/search": search,
        **{
            f"/api/dashboards/uid/{uid}": {"dashboard": each, "meta": {"folderTitle": "Shop", "url": f"/d/{uid}/x"}}
            for uid, each in boards.items()
        },
        "/api/v1/provisioning/alert-rules": [rule()],
        "/api/datasources": [{"uid": "p", "name": "Prometheus", "type": "prometheus", "url": "http://prometheus:9090"}],
        "/api/folders": [{"uid": "f1", "title": "Shop"}],
    }


def links(facts: Iterable[Fact], predicate: str) -> dict[tuple[str, str], float]:
    return {(fact.subject.rpartition(":")[2], str(fact.object).rpartition("/id/")[2]): fact.confidence
            for fact in facts if fact.predicate == predicate}  # fmt: skip


@pytest.mark.parametrize("live", [False, True])
def test_the_api_says_dashboards_and_alerts(vendor: Any, said: Saying, live: bool) -> None:
    """Dashboards with metric and service, the alert with severity, wait, runbook and team; by the live client too."""
    grafana = vendor(api())
    scan = GrafanaScanner(grafana.url, clients=LiveClients() if live else grafana).scan()
    facts = said(scan.facts)

    assert scan.complete
    assert scan.layer is Layer.DECLARED
    assert {
        ("Board a", "monitors", "hits_total"),
        ("Board a", "monitors", "cart"),
        ("Board b", "monitors", "up"),
    } <= facts
    assert {
        ("CartErrors", "alertsOn", "cart"),
        ("CartErrors", "alertsOn", "errors_total"),
        ("CartErrors", "severity", "critical"),
        ("CartErrors", "forSeconds", 120.0),
        ("CartErrors", "url", "https://runbooks.example/cart"),
        ("CartErrors", "ownedBy", "payments"),
        ("CartErrors", "labelKV", "folder=Shop"),
        ("Board a", "url", f"{grafana.url}/d/a/x"),
    } <= facts


def test_a_long_list_is_read_to_its_end(vendor: Any) -> None:
    """A full page is followed by the next one."""
    answers = api()
    uids = [f"u{n}" for n in range(201)]
    answers["/api/search"] = lambda query: [
        {"uid": uid} for uid in uids[(int(query["page"]) - 1) * int(query["limit"]) :][: int(query["limit"])]
    ]
    answers |= {f"/api/dashboards/uid/{uid}": {"dashboard": board(uid), "meta": {}} for uid in uids}
    grafana = vendor(answers)

    facts = GrafanaScanner(grafana.url, clients=grafana).scan().facts

    kind = terms.class_iri("Dashboard")
    assert len([each for each in facts if each.predicate == terms.TYPE and each.object == kind]) == 201


def test_what_is_refused_makes_the_scan_incomplete(vendor: Any) -> None:
    """A viewer may not list alert rules, and one dashboard is broken: both are problems, the rest is there."""
    grafana = vendor(api() | {"/api/v1/provisioning/alert-rules": 403, "/api/dashboards/uid/b": 500})

    scan = GrafanaScanner(grafana.url, clients=grafana).scan()

    assert not scan.complete
    assert {each.where for each in scan.problems} == {"/api/v1/provisioning/alert-rules", "/api/dashboards/uid/b"}
    assert iris.thing("dashboard", "default", "a") in {fact.subject for fact in scan.facts}


@pytest.mark.parametrize(
    ("answer", "error"), [(401, NotAllowed), (404, NotFound), (500, Unavailable), (b"<html>login</html>", Unavailable),
                          (b"[" * 100_000, Unavailable), (b"", Unavailable)]
)  # fmt: skip
def test_no_grafana_is_told(vendor: Any, answer: Any, error: type[Exception]) -> None:
    """A refusal, another server, a page and a made-up depth end in an error with the next step."""
    grafana = vendor({"/api/search": answer})

    with pytest.raises(error, match="Next:"):
        GrafanaScanner(grafana.url, clients=grafana).scan()


def test_files_and_api_speak_of_the_same_things(vendor: Any, estate: Writing) -> None:
    """A dashboard and a rule have the same IRI, metrics and services, whether read from files or from the API."""
    grafana = vendor(api())
    provisioned = {"apiVersion": 1, "groups": [{"name": "shop", "folder": "Shop", "rules": [rule()]}]}
    boards = {uid: grafana.answers[f"/api/dashboards/uid/{uid}"]["dashboard"] for uid in "ab"}
    folder = estate({"alerts.yaml": json.dumps(provisioned, indent=1).replace('"groups"', "groups"),
                     **{f"{uid}.json": json.dumps(each) for uid, each in boards.items()}})  # fmt: skip

    asked = GrafanaScanner(grafana.url, clients=grafana).scan().facts
    read = GrafanaScanner(str(folder)).scan().facts

    for predicate in (terms.MONITORS, terms.ALERTS_ON, terms.OWNED_BY, terms.SEVERITY):
        assert links(asked, predicate) == links(read, predicate) != {}


def test_a_data_source_is_what_the_mounting_grafana_needs(estate: Writing) -> None:
    """The Compose service that mounts the provisioning depends on the host of the data source; line and all."""
    compose = "name: shop\nservices:\n  dash:\n    image: grafana/grafana\n    volumes: ['./prov:/etc/prov']\n"
    source = "apiVersion: 1\ndatasources:\n  - name: P\n    type: prometheus\n    url: http://prom:9090\n"
    folder = estate({"compose.yaml": compose, "prov/datasources/p.yaml": source})

    facts = GrafanaScanner(str(folder)).scan().facts

    found = [fact for fact in facts if fact.predicate == terms.DEPENDS_ON]
    assert [(fact.subject, fact.object, fact.confidence, fact.evidence) for fact in found] == [
        (iris.service("dash"), iris.service("prom"), 0.9, "prov/datasources/p.yaml:5")
    ]


def test_variables_are_never_guessed(estate: Writing) -> None:
    """A constant is filled in, written options are 0.7, and what somebody last looked at names no service."""
    templating = {"list": [
        {"name": "env_svc", "type": "constant", "query": "cart"},
        {"name": "service", "type": "custom", "query": "web, api"},
        {"name": "svc", "type": "query", "query": "label_values(service_name)", "current": {"value": "lastseen"}},
    ]}  # fmt: skip
    each = board(
        "v", {"refId": "A", "expr": 'a{service_name="$env_svc"} / b{service_name=~"$svc"}'}, templating=templating
    )

    facts = GrafanaScanner(str(estate({"v.json": json.dumps(each)}))).scan().facts

    services = {key: sure for key, sure in links(facts, terms.MONITORS).items() if key[1].startswith("service/")}
    assert services == {
        ("v", "service/default:cart"): 1.0,
        ("v", "service/default:web"): 0.7,
        ("v", "service/default:api"): 0.7,
    }


def test_other_query_languages(estate: Writing) -> None:
    """LogQL's stream, a plain `service.name` of a search and Jaeger's service are understood; SQL says nothing."""
    each = board(
        "q",
        {"refId": "A", "datasource": {"type": "loki"}, "expr": '{app="web"} |= "error" | json'},
        {"refId": "B", "datasource": {"type": "opensearch"}, "query": 'resource.service.name: "api"'},
        {"refId": "C", "datasource": {"type": "jaeger"}, "queryType": "search", "service": "cart"},
        {"refId": "D", "datasource": {"type": "postgres"}, "rawSql": "SELECT service FROM orders"},
    )

    scan = GrafanaScanner(str(estate({"q.json": json.dumps(each)}))).scan()

    assert links(scan.facts, terms.MONITORS) == {
        ("q", "service/default:web"): 0.7, ("q", "service/default:api"): 0.9, ("q", "service/default:cart"): 0.7,
    }  # fmt: skip
    assert not scan.skipped


@pytest.mark.parametrize(
    ("expression", "metrics", "services", "exact"),
    [
        ("rate(a_total[$__rate_interval])", ("a_total",), (), True),
        ('topk($n, a{service_name=~"x|y"})', ("a",), (("x", 1.0), ("y", 1.0)), True),
        ('a{job="shop/cart"} offset $off', ("a",), (("cart", 0.7),), True),
        ('[[metric]]_total{service="x"} + b', ("b",), (("x", 0.9),), True),
        ('a{service_name!="x", service=~"y.*"}', ("a",), (), True),
        ('{__name__="a", app="x"} or absent{}', ("a", "absent"), (("x", 0.7),), True),
        ('sum(rate(a_total{service_name="x"}[5m]) by (le', ("a_total",), (("x", 0.7),), False),
        ("sum(" * 1_000 + "a{}" + ")" * 1_000, ("a",), (), False),
        ("a + " * 4_000 + 'b{service="x"}', ("b",), (("x", 0.7),), False),
        ('"\\' * 8_000, (), (), False),
        ("", (), (), False),
    ],
)
def test_what_a_query_names(expression: str, metrics: tuple[str, ...], services: Any, exact: bool) -> None:
    """Metrics and services of an expression, how sure, and whether the grammar or a pattern said so."""
    found = promql(expression)

    assert (found.metrics, found.services, found.exact) == (metrics, services, exact)


def test_a_query_that_does_not_parse_is_said(estate: Writing) -> None:
    """It is read by pattern at 0.7 and listed as skipped; the scan stays whole."""
    scan = GrafanaScanner(
        str(estate({"x.json": json.dumps(board("x", {"refId": "A", "expr": "sum(a_total{"}))}))
    ).scan()

    assert scan.complete
    assert len(scan.skipped) == 1
    assert links(scan.facts, terms.MONITORS) == {("x", "metric/default:a_total"): 0.7}


def test_hostile_dashboards_are_set_aside(estate: Writing) -> None:
    """Too deep, cut off, and no text: each is a problem with its reason, the good one is there."""
    deep = '{"title": "x", "panels": ' + "[" * 100_000 + "]" * 100_000 + "}"
    good = json.dumps(board("good", {"refId": "A", "expr": "up"}))
    folder = estate({"deep.json": deep, "cut.json": good[:-5], "good.json": good})
    (folder / "binary.json").write_bytes(b"\x80\x81 title panels")

    scan = GrafanaScanner(str(folder)).scan()

    assert {each.where for each in scan.problems} == {"deep.json", "cut.json", "binary.json"}
    assert not scan.complete
    assert links(scan.facts, terms.MONITORS) == {("good", "metric/default:up"): 1.0}
