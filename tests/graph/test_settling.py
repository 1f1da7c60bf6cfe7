"""Code settles configuration in the graph, whichever of the two was scanned last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ontology import iris, terms
from ontology.nouns import Fact, Layer
from scanners.catalogue import scanner
from scanners.processes import Host, Process, ProcessScanner
from scanners.protocol import Reading, Scan
from workbench.graph.rescan import rescan
from workbench.graph.store import GraphStore

NOW = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
COMPOSE = """
services:
  web:
    build: ./web
    environment: {CART_HOST: "cart:8080", MAIL_HOST: "mail:25"}
  cart: {image: "shop/cart:1", ports: ["8080"]}
  mail: {image: "shop/mail:1", ports: ["25"]}
"""
CODE = 'import os\n\n\ndef basket():\n    return os.environ["CART_HOST"]\n'
WEB, CART, MAIL = (iris.service(name) for name in ("web", "cart", "mail"))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A service that is told two hosts, and whose code reads one of them."""
    (tmp_path / "web").mkdir()
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "web" / "main.py").write_text(CODE)
    (tmp_path / "web" / "Dockerfile").write_text("FROM python:3.11\nCOPY main.py .\nCMD python main.py\n")
    return tmp_path


def said(store: GraphStore) -> dict[tuple[str, str], float]:
    """Return calls of the web, and what its settings refer to, each with its confidence."""
    calls = {("calls", str(each.object)): each.confidence for each in store.about(WEB, terms.CALLS)}
    references = [each for each in store.facts() if each.predicate == terms.REFERENCES]
    return calls | {("references", str(each.object)): each.confidence for each in references}


def scan(store: GraphStore, shop: Path, *names: str, minutes: int = 0) -> None:
    at = NOW + timedelta(minutes=minutes)
    rescan(store, [scanner(name, shop, now=lambda: at) for name in names])


@pytest.mark.parametrize("order", [("compose", "source"), ("source", "compose")])
def test_the_order_of_scans_makes_no_difference(shop: Path, order: tuple[str, str]) -> None:
    """One after the other, in either order, leads to the same calls and references as both in one run."""
    together, apart = GraphStore.memory(), GraphStore.memory()
    scan(together, shop, "compose", "source")
    for minutes, name in enumerate(order):
        scan(apart, shop, name, minutes=minutes)

    assert said(apart) == said(together)
    assert said(together)["calls", CART] >= 0.9
    assert said(together)["references", MAIL] == 0.5
    assert ("calls", MAIL) not in said(together)


def test_configuration_alone_keeps_its_own_word(shop: Path) -> None:
    """Where no code was scanned, a host that is set is a call, as before."""
    store = GraphStore.memory()
    scan(store, shop, "compose")

    assert ("calls", MAIL) in said(store)


def test_settling_does_not_make_a_stored_scope_look_fresh(shop: Path) -> None:
    """Code that is scanned later changes what the configuration comes to, and not when it was looked at."""
    store = GraphStore.memory()
    scan(store, shop, "compose")
    scan(store, shop, "source", minutes=90)

    (call,) = [each for each in store.about(WEB, terms.CALLS) if (each.object, each.source) == (CART, "compose")]
    assert call.seen == NOW
    assert ("calls", MAIL) not in said(store)


def test_a_process_runs_in_the_container_that_the_cluster_knows() -> None:
    """A process that knows its container by its id alone is joined to the one of that id that has a name."""
    identifier, pod = 64 * "a", iris.thing("container", "prod", "shop", "pod", "cart-0", "cart")
    facts = (
        Fact(pod, terms.LABEL, "cart", layer=Layer.RUNNING, source="kubernetes-api", seen=NOW),
        Fact(pod, terms.OTEL_CONTAINER_ID, identifier, layer=Layer.RUNNING, source="kubernetes-api", seen=NOW),
    )
    store = GraphStore.memory()
    store.replace(Scan("kubernetes-api", "prod", Layer.RUNNING, facts, (), complete=True, started=NOW, finished=NOW))
    cart = Process(7, "cart", ("cart",), "", "shop", NOW, (("0.0.0.0", 7070),), service="cart", container=identifier)
    read = Reading(Host("box", (cart,)), NOW)

    class Processes(ProcessScanner):
        def read(self) -> Reading[Host]:
            return read

    rescan(store, [Processes(host="box", now=lambda: NOW)])

    (running,) = [each for each in store.facts() if each.predicate == terms.RUNS_ON and "/process/" in each.subject]
    assert running.object == pod
    assert [each.object for each in store.about(pod, terms.LABEL)] == ["cart"]
