"""The queries and the Python lines of docs/graph.md run as printed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from ontology.iris import service, thing
from ontology.nouns import Alert, Fact, Layer, Window
from ontology.terms import Kind
from workbench.graph import explore
from workbench.graph.ask import ask
from workbench.graph.moments import moment
from workbench.graph.store import GraphStore
from workbench.graph.view import View
from workbench.nouns import LinkState

TEXT = (Path(__file__).parents[2] / "docs" / "graph.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sparql\n(.*?)```", TEXT, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
NOW = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
"""When the small estate was scanned."""
FIRST_ROWS: tuple[list[object], ...] = (
    ["cart", "payment"],
    ["cart"],
    ["service/default:search", "wb:references", "service/default:web", 0.7, "compose.yaml:12"],
    ["compose", "shop"],
    ["connect", "ORDERS_URL", "src/ledger.py", 12],
    ["cart"],
    ["traces", "shop"],
    ["cart", "search"],
    ["shop-settings", 2],
    ["case-1", "service/default:web", "wb:dependsOn", "service/default:ledger", 0.7, "o-12"],
    ["service/default:cart-svc", "service/default:cart", "an engineer", 1.0],
    ["compose", NOW, "rdf:type", "wb:Service"],
)
Make = Callable[..., Any]


@pytest.fixture
def layered(shop: GraphStore, estate: Sequence[Fact], scan: Make, said: Make) -> GraphStore:
    """Keep the small estate with code, settings, a configuration, traces of two hours ago and a lesson."""
    database, mapped = thing("database", "shop", "orders"), thing("config-map", "shop", "settings")
    setting, function = thing("env", "shop", "ledger", "ORDERS_URL"), thing("code", "shop", "src/ledger.py", "connect")
    source = thing("file", "shop", "src/ledger.py")
    code = [
        said(iri, predicate, value)
        for iri, kind, label in (
            (setting, Kind.ENV_VAR, "ORDERS_URL"),
            (function, Kind.FUNCTION, "connect"),
            (source, Kind.SOURCE_FILE, "src/ledger.py"),
            (mapped, Kind.CONFIG_MAP, "shop-settings"),
        )
        for predicate, value in ((terms.TYPE, terms.class_iri(kind)), (terms.LABEL, label))
    ]
    code += [said(thing("deployment", "shop", each), terms.MOUNTS, mapped) for each in ("cart", "web")]
    code += [
        said(setting, terms.REFERENCES, database),
        said(function, terms.READS_ENV, setting),
        said(function, terms.DEFINED_IN, source),
        said(function, terms.LINE, 12),
    ]
    shop.replace(scan([*estate, *code]))
    ago = datetime.now(UTC) - timedelta(hours=2)
    calls = [
        said(service("cart"), terms.CALLS, service(each), layer=Layer.RUNNING, source="traces")
        for each in ("search", "payment")
    ]
    shop.replace(scan(calls, source="traces", layer=Layer.RUNNING, started=ago, finished=ago))
    shop.learn("case-1", [said(service("web"), terms.DEPENDS_ON, service("ledger"), confidence=0.7, evidence="o-12")])
    shop.alias(service("cart-svc"), service("cart"), source="an engineer")
    return shop


def test_there_are_twelve() -> None:
    """The page prints twelve queries."""
    assert len(QUERIES) == len(FIRST_ROWS) == 12


@pytest.mark.parametrize("number", range(len(FIRST_ROWS)))
def test_query_answers(number: int, layered: GraphStore) -> None:
    """Each query of the page has an answer on the small estate, and the right one comes first."""
    table = ask(layered, QUERIES[number], short=True)
    expected = FIRST_ROWS[number]
    assert table.to_numpy().tolist()[0][: len(expected)] == expected


def test_python_lines_run(layered: GraphStore, estate: Sequence[Fact], scan: Make) -> None:
    """The lines on history run as printed, and find what went before the alert."""
    code, _ = PYTHON
    fired = datetime.now(UTC)
    alert = Alert("a", "CartSlow", Window(fired, fired + timedelta(minutes=5)))
    gone = fired - timedelta(minutes=10)
    calls = scan([], source="traces", layer=Layer.RUNNING, started=gone, finished=gone)
    layered.replace(calls)
    names: dict[str, Any] = {"store": layered, "view": View(layered), "alert": alert}
    exec(code, names)  # our own page
    assert [each.op for each in names["changed"] if each.layer is Layer.RUNNING] == ["-", "-"]
    assert len(names["difference"].vanished) == 2
    assert len(names["then"].about(service("cart"), terms.CALLS)) == 3


def test_what_changed_near_it_before_the_alert(layered: GraphStore, scan: Make) -> None:
    """The lines that ask the history run as printed: calls of cart that went ten minutes before the alert."""
    _, code = PYTHON
    fired = datetime.now(UTC)
    gone = fired - timedelta(minutes=10)
    layered.replace(scan([], source="traces", layer=Layer.RUNNING, started=gone, finished=gone))
    names: dict[str, Any] = {"store": layered, "explore": explore, "moment": moment, "now": fired}
    names["alert"] = Alert("a", "CartSlow", Window(gone, fired))
    exec(code, names)  # our own page
    went = [each.fact for each in names["changed"].links if each.state is LinkState.VANISHED]
    assert {(each.predicate, each.object) for each in went} == {
        (terms.CALLS, service("search")),
        (terms.CALLS, service("payment")),
    }


def test_a_fresh_look_is_not_older_than_an_hour(layered: GraphStore, scan: Make, said: Make) -> None:
    """What a source has seen again just now is in the answer no more."""
    now = datetime.now(UTC)
    calls = [said(service("cart"), terms.CALLS, service("search"), layer=Layer.RUNNING, source="traces")]
    before = set(ask(layered, QUERIES[-1])["source"])
    layered.replace(scan(calls, source="traces", layer=Layer.RUNNING, started=now, finished=now))
    assert before - set(ask(layered, QUERIES[-1])["source"]) == {"traces"}


def test_the_picture_is_there() -> None:
    """The page shows one picture of the layers, which is a file of ours."""
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXT)
    assert (Path(__file__).parents[2] / "docs" / picture).read_text(encoding="utf-8").startswith("<svg")
