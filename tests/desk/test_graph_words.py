"""The graph's words in a notebook: which graph they ask, which times they understand, what they give back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import workbench as wb
from ontology import terms
from ontology.errors import BadInput, NotFound
from ontology.iris import service
from ontology.nouns import Entity, Fact, Iri, Layer
from ontology.terms import Kind
from scanners.protocol import Scan
from workbench.desk import hand
from workbench.desk.asking import GraphInHand
from workbench.desk.explore import Part, meant
from workbench.graph.store import GraphStore
from workbench.notebook.binding import term

CALLS = "SELECT ?a ?b { ?a wb:calls ?b }"
FIRST, LAST = datetime(2026, 1, 1, 3, 0, tzinfo=UTC), datetime(2026, 1, 1, 4, 0, tzinfo=UTC)


def scan(calls: list[tuple[str, str]], at: datetime) -> Scan:
    """Return a scan that says who calls whom."""
    keywords: Any = {"layer": Layer.DECLARED, "source": "compose", "seen": at}
    facts = [Fact(service(a), terms.CALLS, service(b), **keywords) for a, b in calls]
    for name in sorted({name for pair in calls for name in pair}):
        facts.append(Fact(service(name), terms.TYPE, terms.class_iri(Kind.SERVICE), **keywords))
        facts.append(Fact(service(name), terms.LABEL, name, **keywords))
    return Scan("compose", "shop", Layer.DECLARED, tuple(facts), (), True, at, at)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder whose estate was scanned twice, and a kernel in which no case is open."""
    with GraphStore.open(tmp_path / "graph") as store:
        store.replace(scan([("web", "cart")], FIRST))
        store.replace(scan([("web", "cart"), ("cart", "payment")], LAST))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    before = dict(hand._desks)
    hand._desks.clear()
    yield tmp_path
    hand._desks.clear()
    hand._desks.update(before)


@pytest.mark.parametrize(
    "code",
    [
        "import workbench as wb; say = wb.graph.around",
        "from workbench.graph.store import GraphStore; import workbench as wb; say = wb.graph.around",
        "from workbench.graph import around as say",
    ],
)
def test_the_words_are_there_whatever_was_imported_first(code: str, home: Path) -> None:
    """`wb.graph` is a package and a word; both work in any order, in a fresh Python."""
    told = f"{code}\nprint(say('cart').subgraph.say)"
    env = {**os.environ, "WORKBENCH_HOME": str(home)}
    ran = subprocess.run([sys.executable, "-c", told], env=env, capture_output=True, text=True, check=False)
    assert ran.stdout == "Within 1 step of cart: 2 services.\n", ran.stderr


def test_the_magics_are_there_without_a_case(home: Path) -> None:
    """`%load_ext workbench` is enough to ask the estate's own graph."""
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "workbench")
    assert len(shell.run_cell(f"%sparql {CALLS}").result) == 2
    assert set(shell.run_cell("%entities Service").result["name"]) == {"web", "cart", "payment"}


def test_the_estate_s_own_graph_is_asked_where_no_case_is_open(home: Path) -> None:
    """What a cell shows has a drawing, a table and text; a word that is none is an AttributeError."""
    part = wb.graph.around("cart")
    assert isinstance(part, Part)
    bundle = part._repr_mimebundle_()
    assert "payment" in str(bundle["text/plain"])
    assert "<svg" in str(bundle["text/html"]) and "<table" in str(bundle["text/html"])
    with pytest.raises(AttributeError):
        _ = wb.graph.arround


def test_an_answer_goes_on_as_tables(home: Path) -> None:
    """Things and facts are DataFrames; the IRI of a row can be bound in the next query."""
    part = wb.graph.path("web", "payment")
    assert list(part.entities["name"]) == ["web", "cart", "payment"]
    assert list(part.table["predicate"]) == ["calls", "calls"]
    assert {"layer", "source", "seen", "confidence", "state", "evidence"} <= set(part.facts.columns)
    assert term(part.entities["iri"][1]) == f"<{service('cart')}>"


def test_a_table_shows_short_names_and_holds_whole_ones(home: Path) -> None:
    """A person reads `service/default:web`, what is computed with is the whole IRI; so for rows that are chosen."""
    table = GraphInHand().ask(CALLS)
    chosen = table[table["b"] == str(service("payment"))]
    assert len(chosen) == 1
    html = chosen._repr_html_()  # type: ignore[operator]  # the stubs leave it out
    for shown in (repr(chosen), html):
        assert "service/default:payment" in shown and "https://" not in shown


def test_times_are_meant_by_the_case_in_hand(home: Path, kernel: Any) -> None:
    """`alert` is when its alert fired, `15m` is back from its own now, and its graph is the one that is asked."""
    desk = kernel.desk()
    hand.take("alert", desk)
    fired = desk.case.alert.fired
    assert meant("alert-30m") == fired - timedelta(minutes=30)
    assert meant("15m") == desk.now() - timedelta(minutes=15)
    with pytest.raises(NotFound):
        wb.graph.around("web")


def test_two_times_are_compared(home: Path) -> None:
    """What came between the two scans, by text or by time; without a case, `alert` is refused."""
    part = wb.graph.diff("2026-01-01T03:30:00Z", datetime(2026, 1, 1, 5, tzinfo=UTC), near=Iri(service("cart")))
    assert [(each.fact.object, each.state) for each in part.subgraph.links] == [(service("payment"), "appeared")]
    with pytest.raises(BadInput, match="no case"):
        wb.graph.diff("alert-15m")


def test_a_query_is_asked_of_the_past(home: Path) -> None:
    """As of a time between the scans only the first call is known, in the table and in the drawing."""
    graph = GraphInHand()
    then = graph.ask(CALLS, as_of="2026-01-01T03:30:00Z")
    assert (len(then), len(graph.ask(CALLS))) == (1, 2)
    drawn = graph.drawn(then, as_of="2026-01-01T03:30:00Z")
    assert {each.name for each in drawn.subgraph.entities} == {"web", "cart"}


def test_a_query_is_bounded(home: Path) -> None:
    """The limit cuts and says so; the time-out ends a query that goes on."""
    graph = GraphInHand()
    cut = graph.ask(CALLS, limit=1)
    assert len(cut) == 1 and cut.attrs["truncated"]
    with pytest.raises(BadInput, match="did not finish"):
        graph.ask("SELECT (COUNT(*) AS ?n) { " + " ".join(f"?a{i} ?b{i} ?c{i} ." for i in range(9)) + " }", timeout=1)


def test_what_there_is_is_listed_and_completed(home: Path) -> None:
    """One row a thing, with who says so; names complete by their beginning."""
    table = GraphInHand().entities("Service", "c*")
    assert table[["kind", "name", "sources", "confidence"]].to_numpy().tolist() == [["Service", "cart", "compose", 1.0]]
    assert GraphInHand().names("pay") == ("payment",)
    assert wb.graph.around(Entity(service("cart"), Kind.SERVICE, "cart")).subgraph.focus == (service("cart"),)
