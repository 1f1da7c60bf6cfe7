"""Facts grow less sure with age, by arithmetic at reading time; one thing under two names is written as one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ontology import terms
from ontology.errors import BadInput, NotFound
from ontology.iris import service, thing
from ontology.loader import validate
from ontology.nouns import Fact, Iri, Layer
from workbench.cli.history import graph
from workbench.graph.aliases import SAME_AS, Alias, table
from workbench.graph.staleness import RUNNING_TTL, TTL, State, decay, effective, stale, standing, state, ttl
from workbench.graph.store import GraphStore

Make = Callable[..., Any]
T0 = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> dict[str, datetime]:
    """Say when a scan ran."""
    return {"started": T0 + minutes * MINUTE, "finished": T0 + minutes * MINUTE}


@pytest.mark.parametrize(
    ("age", "left"), [(0, 1.0), (15, 1.0), (30, 0.5), (45, 0.25), (22.5, 0.5**0.5), (-5, 1.0), (10_000_000, 0.0)]
)
def test_confidence_halves_with_every_time_to_live(age: float, left: float, said: Make) -> None:
    """A trace's call is as sure as its band for 15 minutes, and half as sure after each further 15."""
    fact = said(service("a"), terms.CALLS, service("b"), source="traces", layer=Layer.RUNNING, seen=T0, confidence=0.9)
    assert effective(fact, T0 + age * MINUTE) == pytest.approx(0.9 * left)


def test_what_time_does_not_age(said: Make) -> None:
    """What is written down, and what was learned, is as sure after a year; what runs is not, whoever says it."""
    year = timedelta(days=365)
    for layer, source in ((Layer.DECLARED, "kubernetes"), (Layer.LEARNED, "traces"), (Layer.INFERRED, "compose")):
        fact = said(service("a"), terms.CALLS, service("b"), source=source, layer=layer, seen=T0)
        assert effective(fact, T0 + year) == fact.confidence
    assert ttl("something new", Layer.RUNNING) == RUNNING_TTL
    assert all(decay(year, each) < 0.01 for each in TTL.values())


def test_stale_names_what_is_old_and_what_was_not_whole(estate: Sequence[Fact], scan: Make, said: Make) -> None:
    """A source is stale past its time to live or after a look that was not whole, until the next whole one."""
    store = GraphStore.memory()
    store.replace(scan(estate, **at(0)))
    running = said(service("web"), terms.CALLS, service("cart"), layer=Layer.RUNNING, source="traces")
    store.replace(scan([running], source="traces", layer=Layer.RUNNING, **at(0)))
    assert stale(store, T0 + 14 * MINUTE) == ()
    (row,) = stale(store, T0 + 30 * MINUTE)
    assert (row.source, row.facts, row.state, row.age, row.confidence) == (
        "traces",
        1,
        State.UNCONFIRMED,
        30 * MINUTE,
        0.5,
    )
    store.replace(scan(estate[:3], complete=False, **at(20)))
    assert {(each.source, each.complete) for each in stale(store, T0 + 30 * MINUTE)} == {
        ("traces", True),
        ("compose", False),
    }
    store.replace(scan(estate, **at(21)))
    store.replace(scan([running], source="traces", layer=Layer.RUNNING, **at(21)))
    assert stale(store, T0 + 30 * MINUTE) == ()
    assert sum(each.facts for each in standing(store, T0)) == len(store)


def test_the_life_of_a_fact(estate: Sequence[Fact], scan: Make, said: Make) -> None:
    """A fact is confirmed, then unconfirmed, then gone, then purged; one that nobody ever said is not found."""
    store = GraphStore.memory()
    call = (service("web"), terms.CALLS, service("cart"))
    fact = said(*call, layer=Layer.RUNNING, source="traces", seen=T0)
    store.replace(scan([fact], source="traces", layer=Layer.RUNNING, **at(0)))
    assert state(store, *call, T0 + MINUTE) is State.CONFIRMED
    assert state(store, *call, T0 + 60 * MINUTE) is State.UNCONFIRMED
    store.replace(scan([], source="traces", layer=Layer.RUNNING, **at(1)))
    assert state(store, *call, T0 + MINUTE) is State.GONE
    with pytest.raises(NotFound):
        state(store, service("web"), terms.CALLS, service("nobody"), T0)
    store.history.log.fold(T0 + 2 * MINUTE)
    assert state(store, *call, T0 + 3 * MINUTE) is State.PURGED


def test_an_alias_is_applied_before_writing(estate: Sequence[Fact], scan: Make, said: Make) -> None:
    """Facts of another name meet at one node, with one label; taking the alias back moves them with the next scan."""
    store = GraphStore.memory()
    other = thing("service", "default", "cart-svc")
    facts = [
        said(other, terms.TYPE, terms.class_iri(terms.Kind.SERVICE), source="traces"),
        said(other, terms.LABEL, "cart-svc", source="traces"),
        said(service("search"), terms.CALLS, other, source="traces"),
    ]
    store.replace(scan(estate, **at(0)))
    store.alias(other, service("cart"), source="an engineer")
    store.replace(scan(facts, source="traces", **at(1)))
    assert [(each.alias, each.canonical, each.confidence) for each in store.aliases()] == [
        (other, service("cart"), 1.0)
    ]
    (row,) = store.rows(f"SELECT ?name {{ <{service('search')}> wb:calls ?it . ?it wb:name ?name }}")
    assert row == ("cart-svc",)
    assert {each.object for each in store.about(service("cart"), terms.LABEL)} == {"cart"}
    assert not [each for each in store.about(other) if each.predicate != SAME_AS]
    assert validate(store.to_rdflib()).conforms
    store.learn("case-1", [said(other, terms.STATUS, "slow")])
    assert {each.object for each in store.about(service("cart"), terms.STATUS)} == {"slow"}
    store.forget_alias(other)
    store.replace(scan(facts, source="traces", **at(2)))
    assert len(store.about(other)) == 2


def test_aliases_are_followed_and_never_in_a_circle(said: Make, scan: Make) -> None:
    """A chain of names leads to its end; a circle is refused and nothing kept; a doubtful one is kept, not applied."""
    a, b, c = (service(each) for each in "abc")
    store = GraphStore.memory()
    store.alias(a, b, source="x")
    store.alias(b, c, source="x")
    with pytest.raises(BadInput, match="alias of itself"):
        store.alias(c, a, source="x")
    with pytest.raises(BadInput, match="alias of itself"):
        store.alias(service("d"), service("d"), source="x")
    store.alias(service("e"), c, source="x", confidence=0.5)
    store.replace(scan([said(a, terms.STATUS, "up"), said(service("e"), terms.STATUS, "down")]))
    assert {each.subject for each in store.facts() if each.predicate == terms.STATUS} == {c, service("e")}
    assert len(store.aliases()) == 3
    assert table([Alias(a, Iri("urn:z"), "x", 0.9)]) == {a: "urn:z"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, estate: Sequence[Fact], scan: Make, said: Make) -> Path:
    """Keep a data folder whose graph changed five minutes ago."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    ago = [datetime.now(UTC) - each * MINUTE for each in (40, 5)]
    broken = said(service("web"), terms.CALLS, thing("database", "shop", "orders"))
    more = said(thing("deployment", "shop", "cart"), terms.STATUS, "Progressing")
    with GraphStore.open(tmp_path / "graph") as store:
        for moment, facts in zip(ago, (estate, [*estate[:3], *estate[4:], more, broken]), strict=True):
            store.replace(scan(facts, started=moment, finished=moment))
        call = said(service("web"), terms.CALLS, service("cart"), source="traces", layer=Layer.RUNNING)
        store.replace(scan([call], source="traces", layer=Layer.RUNNING, started=ago[0], finished=ago[0]))
    return tmp_path


def told(*words: str) -> tuple[int, str]:
    """Return the exit code and the output of `workbench graph …`."""
    result = CliRunner().invoke(graph, words)
    return result.exit_code, result.stdout


@pytest.mark.usefixtures("home")
def test_graph_stats_and_stale() -> None:
    """`graph stats` lists every graph with its age, `graph stale` those alone that are past their time."""
    code, text = told("stats")
    assert code == 0
    assert "compose" in text
    assert "5 min" in text
    code, text = told("stale", "--json")
    (row,) = json.loads(text)
    assert (row["source"], row["state"], row["facts"]) == ("traces", "unconfirmed", 1)
    assert row["confidence"] == pytest.approx(0.5 ** (25 / 15), abs=0.01)


@pytest.mark.usefixtures("home")
def test_graph_changes() -> None:
    """`graph changes` lists what changed in that time, near a name only what concerns it."""
    _, text = told("changes", "--since", "15m", "--json")
    assert sorted((each["op"], each["predicate"]) for each in json.loads(text)) == [
        ("+", terms.CALLS),
        ("+", terms.STATUS),
        ("-", terms.LABEL),
    ]
    _, text = told("changes", "--near", "cart-deployment")
    assert 'deployment/shop:cart  wb:status  "Progressing"' in text
    assert "rdfs:label" not in text
    assert "Nothing changed" in told("changes", "--since", "60s")[1]
    assert isinstance(CliRunner().invoke(graph, ["changes", "--since", "soon"]).exception, BadInput)
    assert isinstance(CliRunner().invoke(graph, ["changes", "--near", "nobody"]).exception, NotFound)


@pytest.mark.usefixtures("home")
def test_graph_check() -> None:
    """`graph check` names the violation and fails; every verb shows an example."""
    code, text = told("check")
    assert code == 1
    assert "Only a service is called." in text
    assert any(each["severity"] == "violation" for each in json.loads(told("check", "--json")[1]))
    for verb in ("stats", "stale", "changes", "check"):
        assert "Example: workbench graph" in told(verb, "--help")[1]
