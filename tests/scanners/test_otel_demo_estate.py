"""Measured on a real estate: precision and recall against a truth made by another method."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from scanners.compose.scanner import ComposeScanner
from scanners.flags import FlagsScanner
from scanners.kubernetes.manifests import KubernetesScanner
from scanners.observability.grafana import GrafanaScanner
from scanners.protocol import Scan

ESTATE = Path(__file__).parents[2].parent / "shared" / "estates" / "otel-demo"
pytestmark = pytest.mark.skipif(not ESTATE.exists(), reason="the estate is not beside the project")


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return dict(json.loads((ESTATE / "expected.json").read_text()))


@pytest.fixture(scope="module")
def compose() -> Scan:
    return ComposeScanner(ESTATE / "repo").scan()


@pytest.fixture(scope="module")
def kubernetes() -> Scan:
    return KubernetesScanner(ESTATE / "helm-charts").scan()


def labels(scan: Scan) -> dict[str, Any]:
    return {fact.subject: fact.object for fact in scan.facts if fact.predicate == terms.LABEL}


def kind(scan: Scan, *names: str) -> set[str]:
    wanted = {terms.class_iri(name) for name in names}
    return {fact.subject for fact in scan.facts if fact.predicate == terms.TYPE and fact.object in wanted}


def pairs(scan: Scan, predicate: str) -> set[tuple[Any, Any]]:
    said = labels(scan)
    return {(said[fact.subject], said[fact.object]) for fact in scan.facts if fact.predicate == predicate}


def owners(scan: Scan) -> dict[str, str]:
    return {fact.subject: str(fact.object) for fact in scan.facts if fact.predicate == terms.PART_OF}


def check(found: Iterable[Any], wanted: Iterable[Any], precision: float, recall: float) -> None:
    got, want = set(found), set(wanted)
    hit = len(got & want)
    assert hit / len(got) >= precision, sorted(map(str, got - want))
    assert hit / len(want) >= recall, sorted(map(str, want - got))


def edges(truth: dict[str, Any]) -> set[tuple[str, str]]:
    return {(edge["from"], edge["to"]) for edge in truth["service_edges"]}


def test_services_and_ports_of_compose(compose: Scan, truth: dict[str, Any]) -> None:
    """Services, ports, start order and Dockerfiles are all found, and no others."""
    said, services = labels(compose), kind(compose, "Service")

    check({said[iri] for iri in services}, {each["name"] for each in truth["services"]}, 1.0, 1.0)
    found = {
        (said[fact.subject], fact.object)
        for fact in compose.facts
        if fact.predicate == terms.PORT and fact.subject in services
    }
    check(found, {(each["name"], port) for each in truth["services"] for port in each["compose_ports"]}, 1.0, 1.0)
    waits = {(each["name"], other) for each in truth["services"] for other in each["depends_on"]}
    check(pairs(compose, terms.DEPENDS_ON), waits, 1.0, 1.0)
    built = {(each["name"], each["dockerfile"]) for each in truth["services"] if each["dockerfile"]}
    check(pairs(compose, terms.BUILT_FROM), built, 1.0, 1.0)


def test_references_of_compose(compose: Scan, truth: dict[str, Any]) -> None:
    """Settings that mean another service are found with file, line and port: both measures at least 0.98."""
    said, owner, services = labels(compose), owners(compose), kind(compose, "Service")
    ports: dict[str, list[Any]] = defaultdict(list)
    for fact in compose.facts:
        if fact.predicate == terms.PORT:
            ports[fact.subject].append(fact.object)
    rows = {
        (said[owner[fact.subject]], said[fact.subject], said[fact.object], port, fact.evidence)
        for fact in compose.facts
        if fact.predicate == terms.REFERENCES and fact.object in services
        for port in ports[fact.subject] or [None]
    }

    wanted = {
        (each["from_service"], each["var"], each["to_service"], each["to_port"], f"{each['file']}:{each['line']}")
        for each in truth["env_references"]
        if not each["self_reference"]
    }
    check(
        {row[:4] for row in rows}, {tuple(row[1:]) for row in truth["facts"] if row[0] == "envReferences"}, 0.98, 0.98
    )
    check(rows, wanted, 0.98, 0.98)


def test_a_services_own_address_is_a_mention(compose: Scan, truth: dict[str, Any]) -> None:
    """Settings in which a service names itself, as where it listens, refer to nobody else, and are kept as mentions."""
    said, owner, services = labels(compose), owners(compose), kind(compose, "Service")
    found = {
        (said[owner[fact.subject]], said[fact.subject], said[fact.object], fact.evidence)
        for fact in compose.facts
        if fact.predicate == terms.MENTIONS and fact.object in services
    }
    wanted = {
        (each["from_service"], each["var"], each["to_service"], f"{each['file']}:{each['line']}")
        for each in truth["env_references"]
        if each["self_reference"] and each["to_port"]
    }
    check(found, wanted, 1.0, 1.0)


def test_edges_from_configuration_alone(compose: Scan, truth: dict[str, Any]) -> None:
    """Calls told from Compose files alone are all right and all there; no named non-edge is among them."""
    found = pairs(compose, terms.CALLS)
    said = labels(compose)

    check(found, edges(truth), 1.0, 1.0)
    assert not found & {(each["from"], each["to"]) for each in truth["negatives"]}
    assert {said[iri] for iri in kind(compose, "Service")}.isdisjoint({"badAddress", "local-llm.com", "firepit"})


def test_telemetry_is_an_export_and_no_call(compose: Scan, kubernetes: Scan, truth: dict[str, Any]) -> None:
    """Who sends telemetry to the collector is found in both, as an export."""
    wanted = {(each["from"], each["to"]) for each in truth["telemetry_plane"]["exports_to_collector"]}

    check(pairs(compose, terms.EXPORTS_TO), wanted, 1.0, 1.0)
    check(
        pairs(kubernetes, terms.EXPORTS_TO),
        {("flagd", to) if source == "flagd-ui" else (source, to) for source, to in wanted},
        1.0,
        1.0,
    )


def test_objects_of_kubernetes(kubernetes: Scan, truth: dict[str, Any]) -> None:
    """Workloads, containers, their ports, Services, what they select and config maps are all found, and no others."""
    said, owner = labels(kubernetes), owners(kubernetes)

    def wanted(what: str) -> set[tuple[Any, ...]]:
        return {tuple(fact[1:]) for fact in truth["facts"] if fact[0] == what}

    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    check({(name, said[iri]) for name in kinds for iri in kind(kubernetes, name)}, wanted("workload"), 1.0, 1.0)
    containers = kind(kubernetes, "Container")
    check({(said[owner[iri]], said[iri]) for iri in containers}, wanted("container"), 1.0, 1.0)
    ports = {
        (said[owner[fact.subject]], said[fact.subject], fact.object)
        for fact in kubernetes.facts
        if fact.predicate == terms.PORT and fact.subject in containers
    }
    check(ports, wanted("containerPort"), 1.0, 1.0)
    check({(said[iri],) for iri in kind(kubernetes, "K8sService")}, {row[:1] for row in wanted("k8sService")}, 1.0, 1.0)
    check(pairs(kubernetes, terms.SELECTS), wanted("selects"), 1.0, 1.0)
    check(
        {said[iri] for iri in kind(kubernetes, "ConfigMap")}, {each["name"] for each in truth["configmaps"]}, 0.95, 1.0
    )


def test_edges_of_kubernetes(compose: Scan, kubernetes: Scan, truth: dict[str, Any]) -> None:
    """Calls told from manifests alone: precision 1, recall 0.95 (two stand in Compose only)."""
    wanted = {tuple("flagd" if name == "flagd-ui" else name for name in edge) for edge in edges(truth)}

    check(pairs(kubernetes, terms.CALLS), wanted, 1.0, 0.95)
    both = [
        {(fact.subject, fact.object) for fact in scan.facts if fact.predicate == terms.CALLS}
        for scan in (compose, kubernetes)
    ]
    assert len(both[0] & both[1]) >= 40


def test_no_secret_of_the_estate_in_a_fact(compose: Scan, kubernetes: Scan) -> None:
    """None of the estate's published placeholder passwords and keys is in a fact."""
    secrets = ("yYrECL4qbNw", "astronomy_password", "monitoring_password", "changeit", "admin_password")

    assert not [
        fact
        for scan in (compose, kubernetes)
        for fact in scan.facts
        if any(secret in str(fact.object) for secret in secrets)
    ]


def test_both_scans_are_whole(compose: Scan, kubernetes: Scan) -> None:
    """Every file of the estate is read: no problem, complete, one label a thing."""
    for scan in (compose, kubernetes):
        labelled = [fact.subject for fact in scan.facts if fact.predicate == terms.LABEL]
        assert scan.complete
        assert not scan.problems
        assert len(labelled) == len(set(labelled))


@pytest.fixture(scope="module")
def grafana() -> Scan:
    return GrafanaScanner(str(ESTATE / "repo")).scan()


def test_feature_flags(truth: dict[str, Any]) -> None:
    """The flags are those defined, in files and in the config map; what manifests say is read, is read there."""
    reads = {(each["service"], each["flag"]) for each in truth["feature_flags"]["reads"]}
    for part in ("repo", "helm-charts"):
        scan = FlagsScanner(ESTATE / part).scan()
        said = labels(scan)
        assert scan.complete
        check({said[iri] for iri in kind(scan, "FeatureFlag")}, truth["feature_flags"]["defined"], 1.0, 1.0)
        found = {(said[fact.subject].split("/")[1], said[fact.object]) for fact in scan.facts
                 if fact.predicate == terms.READS_FLAG}  # fmt: skip
        assert found <= reads
    mounted = pairs(FlagsScanner(ESTATE / "repo").scan(), terms.MOUNTS)
    assert mounted == {(name, "src/flagd/demo.flagd.json") for name in ("flagd", "flagd-ui")}


def _expressions(value: Any) -> Iterator[str]:
    """Yield what stands under `expr` in a dashboard, its variables left out."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key == "expr" and isinstance(each, str):
            yield each
        elif key not in ("templating", "annotations"):
            yield from _expressions(each)


def _metrics(expression: str) -> set[str]:
    """Return the metrics of an expression by its words alone: no grammar is used."""
    text = re.sub(r'"[^"]*"', "", expression)
    for aside in (
        r"\$\{[^}]*\}",
        r"\{[^{}]*\}",
        r"\[[^\]]*\]",
        r"\b(by|without|on|ignoring|group_left)\s*\([^)]*\)",
        r"\$\w+",
    ):
        text = re.sub(aside, "", text)
    words = set(re.findall(r"(?<![\w.])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])", text))
    return words - {"and", "or", "unless", "offset", "bool"}


def test_dashboards_and_their_metrics(grafana: Scan) -> None:
    """Dashboards are all found, with the metrics that reading the words of their queries finds."""
    files = [json.loads(path.read_text()) for path in (ESTATE / "repo").rglob("*.json")]
    boards = {each["title"]: each for each in files if isinstance(each, dict) and "panels" in each}
    said = labels(grafana)

    check({said[iri] for iri in kind(grafana, "Dashboard")}, boards, 1.0, 1.0)
    wanted = {
        (name, metric) for name, each in boards.items() for text in _expressions(each) for metric in _metrics(text)
    }
    metrics = {said[iri] for iri in kind(grafana, "Metric")}
    check({pair for pair in pairs(grafana, terms.MONITORS) if pair[1] in metrics}, wanted, 0.98, 0.98)


def test_alert_rules(grafana: Scan) -> None:
    """Alert rules are all found, with severity, metrics, and the one service that a query names."""
    wanted, severities, metrics = set(), set(), set()
    for path in (ESTATE / "repo/src/grafana/provisioning/alerting").iterdir():
        for part in re.split(r"\n\s+- uid: ", path.read_text())[1:]:
            if title := re.search(r"title: (\S+)", part):
                wanted.add(title[1])
                severities |= {(title[1], each) for each in re.findall(r"severity: (\w+)", part)}
                written = re.findall(r"expr: (?:\|-\n((?:\s{16,}.*\n)+)|(.*)\n)", part)
                metrics |= {(title[1], metric) for block, line in written for metric in _metrics(block or line)}
    said = labels(grafana)

    check({said[iri] for iri in kind(grafana, "AlertRule")}, wanted, 1.0, 1.0)
    check({(said[fact.subject], fact.object) for fact in grafana.facts if fact.predicate == terms.SEVERITY},
          severities, 0.98, 0.98)  # fmt: skip
    check(pairs(grafana, terms.ALERTS_ON), metrics | {("CartAddItemHighLatency", "cart")}, 0.98, 0.98)


def test_data_sources(grafana: Scan, truth: dict[str, Any]) -> None:
    """Grafana needs what its data sources point at, with file and line."""
    said = labels(grafana)
    found = {(said[fact.subject], said[fact.object], fact.evidence) for fact in grafana.facts
             if fact.predicate == terms.DEPENDS_ON}  # fmt: skip
    known = truth["telemetry_plane"]["config_links"]
    links = [each for each in known if each["how"] == "datasource"]
    check(found, {(each["from"], each["to"], f"{each['file']}:{each['line']}") for each in links}, 1.0, 1.0)
    assert grafana.complete
    assert not grafana.skipped
