"""Configuration and code together: what is read is called, what nobody reads is only mentioned."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from ontology.nouns import Fact
from scanners.compose.scanner import ComposeScanner
from scanners.kubernetes.manifests import KubernetesScanner
from scanners.protocol import Scan
from scanners.references import POSSIBLE, SURE
from scanners.resolver import settle
from scanners.source.scanner import SourceScanner

Write = Callable[[Mapping[str, str]], Path]

COMPOSE = """
services:
  web:
    build: ./web
    environment: {CART_ADDR: "cart:7070", IDLE_ADDR: "idle:7071", FLAGD_HOST: flagd, OTEL_EXPORTER_OTLP_ENDPOINT: "http://col:4317"}
  proxy:
    image: nginx
    environment: {CART_HOST: cart, CART_PORT: "7070"}
  cart: {image: c, ports: [7070]}
  idle: {image: i, ports: [7071]}
  flagd: {image: f, ports: [8013]}
  col: {image: otel/opentelemetry-collector, ports: [4317]}
"""
CODE = {
    "python": ("web/app.py", "import os\ndef buy():\n    return os.environ['CART_ADDR']\n"),
    "go": ("web/main.go", 'package main\nfunc buy() string { return os.Getenv("CART_ADDR") }\n'),
    "typescript": ("web/src/app.ts", "export const buy = () => fetch(process.env.CART_ADDR + '/x');\n"),
    "java": ("web/src/App.java", 'class App { String buy() { return System.getenv("CART_ADDR"); } }\n'),
    "csharp": ("web/App.cs", 'class App { void Buy() { Environment.GetEnvironmentVariable("CART_ADDR"); } }\n'),
    "spring": ("web/src/main/App.java", 'class App { @Value("${cart.addr}") String cart; }\n'),
    "rust": ("web/src/main.rs", 'fn buy() { let a = std::env::var("CART_ADDR").unwrap(); }\n'),
}


def calls(facts: Iterable[Fact]) -> dict[tuple[str, str], float]:
    """Return caller and callee to confidence."""
    known = tuple(facts)
    labels = {fact.subject: str(fact.object) for fact in known if fact.predicate == terms.LABEL}
    return {
        (labels[fact.subject], labels[str(fact.object)]): fact.confidence  # type: ignore[index]  # an Iri is text
        for fact in known
        if fact.predicate == terms.CALLS
    }


def references(facts: Iterable[Fact]) -> dict[tuple[str, Any], float]:
    """Return setting and service to confidence."""
    known = tuple(facts)
    labels = {fact.subject: str(fact.object) for fact in known if fact.predicate == terms.LABEL}
    return {
        (labels[fact.subject], labels[str(fact.object)]): fact.confidence  # type: ignore[index]  # an Iri is text
        for fact in known
        if fact.predicate == terms.REFERENCES
    }


def together(scans: Iterable[Scan]) -> list[Fact]:
    """Return the facts of all scans, as one graph holds them."""
    return [fact for scan in scans for fact in scan.facts]


@pytest.mark.parametrize("language", CODE)
def test_what_code_reads_is_called_and_what_nobody_reads_is_not(estate: Write, language: str) -> None:
    """Beside code, the setting that it reads is a call at 0.9; one that nobody reads is a reference at 0.5, no call."""
    name, text = CODE[language]
    root = estate({"compose.yaml": COMPOSE, name: text})
    scans = settle([ComposeScanner(root).scan(), SourceScanner(root).scan()])

    found = calls(together(scans))
    assert found["web", "cart"] == SURE
    assert ("web", "idle") not in found
    assert references(scans[0].facts)["IDLE_ADDR", "idle"] == POSSIBLE
    assert references(scans[0].facts)["CART_ADDR", "cart"] == SURE


def test_configuration_alone_keeps_its_word(estate: Write) -> None:
    """Without code nothing changes, nor for a service whose code was not scanned, nor for what a library reads."""
    root = estate({"compose.yaml": COMPOSE, "web/app.py": CODE["python"][1]})
    alone = ComposeScanner(root).scan()
    beside = settle([alone, SourceScanner(root).scan()])[0]

    assert settle([alone]) == (alone,)
    assert calls(beside.facts)["proxy", "cart"] == calls(alone.facts)["proxy", "cart"]
    assert calls(beside.facts)["web", "flagd"] == calls(alone.facts)["web", "flagd"]
    assert any(fact.predicate == terms.EXPORTS_TO for fact in beside.facts)


def test_manifests_meet_code_by_the_name_of_its_folder(estate: Write) -> None:
    """Kubernetes manifests name no folder: the one folder of the service's name is its code, in any order of scans."""
    deploy = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example/web:1
          args: ["--idle=$(HANDED_ADDR)"]
          env:
            - {name: CART_ADDR, value: "cart:7070"}
            - {name: IDLE_ADDR, value: "idle:7071"}
            - {name: HANDED_ADDR, value: "handed:7072"}
"""
    services = "".join(
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n"
        f"spec: {{selector: {{app: {name}}}, ports: [{{port: {port}}}]}}\n"
        for name, port in (("cart", 7070), ("idle", 7071), ("handed", 7072))
    )
    root = estate({"deploy/all.yaml": deploy + services, "src/web/main.go": CODE["go"][1]})
    scans = settle([SourceScanner(root).scan(), KubernetesScanner(root / "deploy", "prod").scan()])

    assert set(calls(scans[1].facts)) == {("web", "cart"), ("web", "handed")}


def test_code_of_an_earlier_scan_counts(estate: Write) -> None:
    """Source that was scanned before, and is handed in as what is known, settles a scan of configuration alone."""
    root = estate({"compose.yaml": COMPOSE, "web/app.py": CODE["python"][1]})
    before = SourceScanner(root).scan()
    scan = settle([ComposeScanner(root).scan()], before.facts)[0]

    assert ("web", "idle") not in calls(scan.facts)


def test_a_host_outside_is_no_service(estate: Write) -> None:
    """Code that reads the address of somebody else's API makes no call to a service of that name."""
    compose = COMPOSE.replace('IDLE_ADDR: "idle:7071"', 'CART_ADDR2: "https://api.example.com/v1"')
    root = estate({"compose.yaml": compose, "web/app.py": "import os\nurl = os.environ['CART_ADDR2']\n"})
    scans = settle([ComposeScanner(root).scan(), SourceScanner(root).scan()])

    assert not any("example" in callee for _, callee in calls(scans[0].facts))


def test_settling_twice_changes_nothing(estate: Write) -> None:
    """A settled scan is settled; and when the code begins to read the variable, the call is back."""
    root = estate({"compose.yaml": COMPOSE, "web/app.py": CODE["python"][1]})
    once = settle([ComposeScanner(root).scan(), SourceScanner(root).scan()])
    (root / "web/app.py").write_text("import os\nidle, cart = os.environ['IDLE_ADDR'], os.environ['CART_ADDR']\n")
    later = settle([once[0], SourceScanner(root).scan()])

    assert settle(once) == once
    assert ("web", "idle") in calls(later[0].facts)


def test_code_that_reads_nothing_the_frameworks_way(estate: Write) -> None:
    """A Java service without one read may be filled by its framework: nothing is said against its settings."""
    root = estate(
        {"compose.yaml": COMPOSE, "web/src/App.java": "@ConfigurationProperties class App { String cart; }\n"}
    )
    scans = settle([ComposeScanner(root).scan(), SourceScanner(root).scan()])

    assert ("web", "idle") in calls(scans[0].facts)


def test_a_library_of_the_repository_reads_for_all(estate: Write) -> None:
    """A variable that is read in a folder which no service owns counts as read by each."""
    root = estate(
        {
            "compose.yaml": COMPOSE,
            "web/app.py": CODE["python"][1],
            "common/idle.py": "import os\nidle = os.environ['IDLE_ADDR']\n",
        }
    )
    scans = settle([ComposeScanner(root).scan(), SourceScanner(root).scan()])

    assert ("web", "idle") in calls(scans[0].facts)


def test_code_that_was_not_read_whole_denies_nothing(estate: Write) -> None:
    """Where a file of the code is broken, it may be the one that reads the setting."""
    root = estate({"compose.yaml": COMPOSE, "web/app.py": CODE["python"][1], "web/broken.py": "def (:\n"})
    scans = settle([ComposeScanner(root).scan(), SourceScanner(root).scan()])

    assert ("web", "idle") in calls(scans[0].facts)
