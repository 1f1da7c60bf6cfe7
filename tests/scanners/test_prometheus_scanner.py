"""Prometheus: a real server with rules and itself as target, rule files, objects of the operator, hostile files."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ontology import iris, terms
from ontology.errors import NotFound, Unavailable
from ontology.nouns import Fact, Layer
from scanners.observability.prometheus import PrometheusScanner
from workbench.telemetry.clients import LiveClients

Saying = Callable[[Iterable[Fact]], set[tuple[str, str, Any]]]
Writing = Callable[[Mapping[str, str]], Path]
RULES = """
groups:
  - name: cart
    rules:
      - record: service:errors:rate5m
        expr: sum by (service) (rate(prometheus_http_requests_total{service="cart"}[5m]))
      - alert: CartErrors
        expr: service:errors:rate5m{service="cart"} > 0.05
        for: 5m
        labels: {severity: page, team: payments}
        annotations: {runbook_url: "https://runbooks.example/cart", summary: "{{ $labels.service }} fails"}
      - {alert: Twice, expr: up == 0, labels: {severity: warning}}
      - {alert: Twice, expr: up == 1, labels: {severity: page}}
"""
CONFIG = """
global: {{scrape_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: monitoring/prometheus
    static_configs:
      - targets: ['{address}']
        labels: {{namespace: shop, pod: prom-0, node: n1}}
  - job_name: gone
    static_configs: [{{targets: ['127.0.0.1:1']}}]
"""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Prometheus that has scraped itself once."""
    if not shutil.which("prometheus"):
        pytest.skip("needs prometheus (Debian: apt-get install prometheus)")
    folder = tmp_path_factory.mktemp("prometheus")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (folder / "rules.yml").write_text(RULES)
    (folder / "prometheus.yml").write_text(CONFIG.format(address=address))
    options = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
               f"--web.listen-address={address}"]  # fmt: skip
    with subprocess.Popen(["prometheus", *options], stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        said = []
        for line in server.stderr:
            said.append(line)
            if "Server is ready" in line:
                break
        else:
            pytest.fail("prometheus ended: " + "".join(said[-5:]))
        threading.Thread(target=server.stderr.read, daemon=True).start()  # a full pipe would stop the server
        _until_scraped(f"http://{address}")
        yield f"http://{address}"
        server.terminate()


def _until_scraped(url: str) -> None:
    """Ask until both targets have been tried; the server answers each time."""
    for _ in range(100_000):
        with urllib.request.urlopen(f"{url}/api/v1/targets?state=active") as reply:
            targets = json.load(reply)["data"]["activeTargets"]
        if targets and all(each["health"] != "unknown" for each in targets):
            return
    pytest.fail("prometheus scrapes nothing")


def test_a_real_server_says_rules_and_targets(prometheus: str, said: Saying) -> None:
    """Alerts with severity, wait, runbook and team; the recording with what it is made of; targets with health."""
    scan = PrometheusScanner(prometheus, clients=LiveClients()).scan()
    facts = said(scan.facts)
    address = prometheus.removeprefix("http://")

    assert scan.complete
    assert not scan.problems
    assert scan.layer is Layer.RUNNING
    assert {
        ("CartErrors", "alertsOn", "service:errors:rate5m"),
        ("CartErrors", "alertsOn", "cart"),
        ("CartErrors", "severity", "page"),
        ("CartErrors", "forSeconds", 300.0),
        ("CartErrors", "status", "inactive"),
        ("CartErrors", "url", "https://runbooks.example/cart"),
        ("CartErrors", "ownedBy", "payments"),
        ("service:errors:rate5m", "dependsOn", "prometheus_http_requests_total"),
        ("service:errors:rate5m", "monitors", "cart"),
        ("prometheus_http_requests_total", "resourceType", "counter"),
        (address, "status", "up"),
        (address, "exposes", "prometheus"),
        ("prom-0", "listensOn", address),
        ("prom-0", "runsOn", "n1"),
        ("127.0.0.1:1", "status", "down"),
    } <= facts
    pods = [fact for fact in scan.facts if fact.predicate == terms.LISTENS_ON]
    assert [fact.subject for fact in pods] == [iris.thing("pod", "default", "shop", "prom-0")]


def test_files_and_server_speak_of_the_same_rules(prometheus: str, estate: Writing) -> None:
    """An alert has one IRI, whoever tells of it, and alerts of one name are told apart by their severity."""
    folder = estate({"rules.yml": RULES, "prometheus.yml": CONFIG.format(address="127.0.0.1:9")})
    asked = PrometheusScanner(prometheus, clients=LiveClients()).scan().facts
    scan = PrometheusScanner(str(folder)).scan()

    def watched(facts: Iterable[Fact]) -> set[tuple[Any, ...]]:
        wanted = (terms.ALERTS_ON, terms.SEVERITY, terms.DEPENDS_ON)
        return {(fact.subject, fact.predicate, fact.object) for fact in facts if fact.predicate in wanted}

    assert watched(asked) == watched(scan.facts)
    twice = {fact.subject.rpartition("Twice:")[2] for fact in scan.facts if ":Twice" in fact.subject}
    assert twice == {"warning", "page"}
    assert scan.layer is Layer.DECLARED


def test_a_rule_says_where_it_stands(estate: Writing, said: Saying) -> None:
    """File and line of each rule, in plain files and in objects of the operator."""
    crd = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: x}\nspec:" + RULES.replace(
        "\n", "\n  "
    )
    facts = PrometheusScanner(str(estate({"plain.yml": RULES, "crd/object.yaml": crd}))).scan().facts

    where = {fact.evidence for fact in facts if fact.predicate == terms.DEFINED_IN and "CartErrors" in fact.subject}
    assert where == {"plain.yml:7", "crd/object.yaml:10"}
    assert ("CartErrors", "definedIn", "crd/object.yaml") in said(facts)


def test_static_targets_and_those_found_later(estate: Writing, said: Saying) -> None:
    """A static target is an endpoint of the service its labels name; discovery is told as left out."""
    config = (
        "scrape_configs:\n  - job_name: web\n    static_configs:\n      - targets: ['web:9090', 'no address:x']\n"
        "        labels: {service: shop-web}\n  - job_name: k8s\n    kubernetes_sd_configs: [{role: pod}]\n"
    )
    scan = PrometheusScanner(str(estate({"prometheus.yml": config}))).scan()

    assert ("web:9090", "exposes", "shop-web") in said(scan.facts)
    assert [fact.confidence for fact in scan.facts if fact.predicate == terms.EXPOSES] == [0.9]
    assert [each.reason for each in scan.skipped] == ["targets found at run time: ask the API for them"]
    assert scan.complete


def test_a_job_of_several_services_names_none(estate: Writing, said: Saying) -> None:
    """A job is a service where its targets are one service's replicas; one that gathers several is none."""
    config = (
        "scrape_configs:\n"
        "  - job_name: shop\n    static_configs:\n      - targets: ['cart:80', 'pay:80']\n"
        "      - {targets: ['tax:80'], labels: {service: tax}}\n"
        "  - job_name: machines\n    static_configs: [{targets: ['10.0.0.1:9100', '10.0.0.2:9100']}]\n"
        "  - job_name: web\n    static_configs: [{targets: ['web-0.web:80', 'web-1.web:80']}]\n"
        "  - job_name: solo\n    static_configs: [{targets: ['10.0.0.9:80']}]\n"
    )
    rules = 'groups:\n- name: g\n  rules:\n  - {alert: Down, expr: \'up{job="shop"} == 0 or up{job="web"} == 0\'}\n'
    facts = said(PrometheusScanner(str(estate({"prometheus.yml": config, "rules.yml": rules}))).scan().facts)

    exposed = {(host, service) for host, what, service in facts if what == "exposes"}
    assert exposed == {("tax:80", "tax"), ("web-0.web:80", "web"), ("web-1.web:80", "web"), ("10.0.0.9:80", "solo")}
    assert {service for _, what, service in facts if what == "alertsOn"} == {"up", "web"}
    assert ("cart:80", "labelKV", "job=shop") in facts


def test_objectives_are_recognised(estate: Writing, said: Saying) -> None:
    """The labels of Sloth make an objective that monitors its service, and an alert that watches the objective."""
    rules = (
        "groups:\n  - name: slo\n    rules:\n      - alert: Burn\n        expr: slo:burn:ratio > 14\n"
        "        labels: {sloth_slo: availability, sloth_service: cart, severity: page}\n"
    )
    facts = said(PrometheusScanner(str(estate({"slo.yml": rules}))).scan().facts)

    assert {("Burn", "alertsOn", "availability"), ("availability", "monitors", "cart")} <= facts


def test_a_server_that_refuses_targets(vendor: Any) -> None:
    """Rules alone are kept and the scan says it is not whole; no answer at all is an error."""
    group = {"name": "g", "file": "/etc/r.yml", "rules": [{"type": "alerting", "name": "A", "query": "up == 0"}]}
    server = vendor({"/api/v1/rules": {"status": "success", "data": {"groups": [group]}},
                     "/api/v1/metadata": {"data": {"up": [{"type": "gauge", "help": "Up?", "unit": ""}]}}})  # fmt: skip

    scan = PrometheusScanner(server.url, clients=server).scan()

    assert not scan.complete
    assert [each.where for each in scan.problems] == ["/api/v1/targets"]
    assert iris.thing("alert-rule", "default", "g", "A") in {fact.subject for fact in scan.facts}
    server.answers["/api/v1/rules"] = 503
    with pytest.raises(Unavailable, match="Next:"):
        PrometheusScanner(server.url, clients=server).scan()


HOSTILE = {
    "bomb.yml": "rules: &a [expr, x, x, x, x, x, x, x]\n"
    + "".join(f"k{n}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8))
    + "groups: *i\n",
    "deep.yml": "groups: rules expr\nx: " + "[" * 100_000,
    "loop.yml": "groups: &a\n  rules: *a\n  expr: x\n",
    "cut.yml": RULES[:-20] + '"',
}


def test_hostile_files_are_set_aside(estate: Writing) -> None:
    """Each is named with a reason, a chart's template is skipped, and the good rules are read."""
    chart = "groups:\n{{- range .Values.rules }}\n  - expr: {{ .expr }}\n{{- end }}\nrules: [\n"
    folder = estate({**HOSTILE, "good.yml": RULES, "chart.yaml": chart})
    (folder / "latin.yml").write_bytes(b"groups: \xe9 rules expr")

    scan = PrometheusScanner(str(folder)).scan()

    assert {each.where for each in scan.problems} == {*HOSTILE, "latin.yml"}
    assert all(each.reason for each in scan.problems)
    assert [each.where for each in scan.skipped] == ["chart.yaml"]
    assert not scan.complete
    assert iris.thing("alert-rule", "default", "cart", "CartErrors") in {fact.subject for fact in scan.facts}


def test_a_folder_without_rules(tmp_path: Path) -> None:
    """It is refused with the next step."""
    with pytest.raises(NotFound, match="Next:"):
        PrometheusScanner(str(tmp_path)).scan()
