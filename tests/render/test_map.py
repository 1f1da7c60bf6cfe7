"""The map of a part of the graph: picture, table, text and the JSON for the lab say the same, and nothing injects."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ontology import terms
from ontology.iris import service
from ontology.nouns import Entity, Fact, Iri, Layer
from ontology.terms import Kind
from workbench.nouns import Link, LinkState, Subgraph
from workbench.render.map import GRAPH, graph_map
from workbench.render.map_bundle import APPEARED, BOLD, FAR, FUZZY, STALE, VANISHED
from workbench.render.view import HTML, TEXT, View


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"map_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


estate = _module("estate")
NOW = estate.NOW
HOSTILE = '<img src=x onerror="window.owned=1">'


def thing(name: str, kind: str = Kind.SERVICE) -> Entity:
    return Entity(service(name), kind, name)


def link(a: Entity, b: Entity, state: LinkState = LinkState.CONFIRMED, **more: Any) -> Link:
    fact = Fact(
        a.iri,
        more.pop("predicate", terms.CALLS),
        b.iri,
        **{"layer": Layer.DECLARED, "source": "compose", "seen": NOW - timedelta(minutes=4), **more},
    )
    return Link(fact, fact.confidence, state)


def shown(view: View) -> Any:
    """Return the JSON form as a reader of the file gets it."""
    return json.loads(json.dumps(view._repr_mimebundle_()[GRAPH]))


def paths(html: str) -> list[str]:
    """Return the classes of the lines that are drawn."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            classes = dict(attrs).get("class") or ""
            if tag == "path" and classes.startswith("edge"):
                found.append(classes)

    Reader().feed(html)
    return found


WEB, CART, CACHE = thing("web"), thing("cart"), thing("cache", Kind.CACHE)


def test_three_forms_say_the_same() -> None:
    """Text, HTML and JSON each hold the sentence, every thing and every relation with its source."""
    subgraph = Subgraph("web needs cart.", (WEB, CART), (link(WEB, CART, evidence="compose.yaml:12"),), at=NOW)

    view = graph_map(subgraph, title="around web")
    data = shown(view)

    assert set(view._repr_mimebundle_()) == {TEXT, HTML, GRAPH}
    for form in (view.text, view.html):
        assert "web needs cart." in form and "calls" in form and "compose.yaml:12" in form and "4 min ago" in form
    assert data["say"] == "web needs cart." and data["title"] == "around web"
    assert data["nodes"]["name"] == ["web", "cart"]
    assert data["origins"][data["links"]["origin"][0]][:2] == ["declared", "compose"]
    assert data["evidence"][data["links"]["evidence"][0]] == "compose.yaml:12"


def test_the_picture_and_the_lab_agree_on_places() -> None:
    """The saved drawing has each box and each line where the interactive one has it."""
    view = graph_map(Subgraph("s", (WEB, CART), (link(WEB, CART),), at=NOW))
    data = shown(view)

    way = data["drawn"]["way"][0]
    x, y = data["nodes"]["x"][0], data["nodes"]["y"][0]
    assert f'viewBox="0 0 {data["wide"]} {data["tall"]}"' in view.html
    assert f"M{way[0]},{way[1]}" in view.html
    assert f'x="{x}" y="{y - 2}"' in view.html


@pytest.mark.parametrize(
    ("state", "more", "look", "css", "words"),
    [
        (LinkState.CONFIRMED, {}, 0, "edge", ""),
        (LinkState.CONFIRMED, {"confidence": 0.5, "layer": Layer.INFERRED}, FUZZY, "edge inferred", "0.5"),
        (LinkState.UNCONFIRMED, {"seen": NOW - timedelta(hours=2)}, STALE, "edge", "2 h old"),
        (LinkState.APPEARED, {}, APPEARED, "edge path", "+ new"),
        (LinkState.VANISHED, {}, VANISHED, "edge gone", "− gone"),
    ],
)
def test_certainty_is_seen_without_colour(
    state: LinkState, more: dict[str, Any], look: int, css: str, words: str
) -> None:
    """Fuzzy is dashed with its number, stale faded with its age, what came or went has a sign and a line of its own."""
    view = graph_map(Subgraph("s", (WEB, CART), (link(WEB, CART, state, **more),), at=NOW))
    data = shown(view)

    assert data["links"]["look"] == [look]
    assert data["drawn"]["mark"] == [words]
    assert paths(view.html) == [css]
    assert f">{words}</text>" in view.html or not words
    assert ('class="stale"' in view.html) == (state is LinkState.UNCONFIRMED)


def test_the_way_that_was_asked_for_is_bold() -> None:
    """What was asked about has a bold outline, and so have the relations of a path in its order, either way round."""
    links = (link(WEB, CART), link(CART, CACHE), link(WEB, CACHE))
    subgraph = Subgraph("s", (WEB, CART, CACHE), links, focus=(CACHE.iri, CART.iri, WEB.iri), at=NOW)

    view = graph_map(subgraph)

    assert shown(view)["links"]["look"] == [BOLD, BOLD, 0]
    assert sorted(paths(view.html)) == ["edge", "edge path", "edge path"]
    assert view.html.count('class="node focus"') == 3


def test_many_lines_grow_quiet_around_the_question() -> None:
    """Where there are many lines, those that do not touch what was asked about are drawn quietly."""
    others = [thing(f"s{i}") for i in range(30)]
    links = [link(WEB, other) for other in others] + [link(others[0], others[1])]

    data = shown(graph_map(Subgraph("s", (WEB, *others), tuple(links), focus=(WEB.iri,), at=NOW)))

    assert data["links"]["look"] == [0] * 30 + [FAR]


def test_one_line_a_pair_and_every_fact_in_the_table() -> None:
    """Two relations of the same two things are one line; what changed wins; the table and the panel have both."""
    gone = link(WEB, CART, LinkState.VANISHED, predicate=terms.DEPENDS_ON)

    view = graph_map(Subgraph("s", (WEB, CART), (link(WEB, CART), gone), at=NOW))
    data = shown(view)

    assert data["drawn"]["link"] == [1]
    assert len(data["links"]["from"]) == 2
    assert "depends on" in view.text and "calls" in view.text


@pytest.mark.parametrize("count", [2, 80])
def test_names_cannot_inject(count: int) -> None:
    """A name, a value, a source or a sentence that holds markup stays text in the HTML."""
    nasty = replace(WEB, name=HOSTILE)
    many = tuple(replace(thing(f"n{i}"), name=f"{HOSTILE}{i}") for i in range(count))
    said = Link(Fact(nasty.iri, terms.VALUE, HOSTILE, layer=Layer.DECLARED, source=HOSTILE, seen=NOW), 1.0)
    links = tuple(link(nasty, each, source=HOSTILE, evidence=HOSTILE) for each in many)

    view = graph_map(Subgraph(HOSTILE, (nasty, *many), links, details=(said,), at=NOW), title=HOSTILE)

    assert "<img" not in view.html
    assert shown(view)["nodes"]["name"][0] == HOSTILE


def test_nothing_found_is_said() -> None:
    """An empty answer has its sentence and what to do, and no drawing that would be blank."""
    view = graph_map(Subgraph("Nothing in the estate runs on node-7.", (), ()))

    assert GRAPH not in view.bundle
    for form in (view.text, view.html):
        assert "Nothing in the estate runs on node-7." in form and "%entities" in form


def test_one_thing_alone() -> None:
    """One thing without relations is drawn, and listed with its kind."""
    view = graph_map(Subgraph("Only web.", (WEB,), (), at=NOW))

    assert shown(view)["nodes"]["name"] == ["web"]
    assert "service" in view.text and 'class="node"' in view.html


def test_long_names_are_cut_in_the_picture_only() -> None:
    """A long name is shortened in its box, and whole in the tooltip, the table and the JSON."""
    name = "payment-authorisation-worker-canary-with-a-very-long-name"
    long = replace(CART, name=name)

    view = graph_map(Subgraph("s", (WEB, long), (link(WEB, long),), at=NOW))

    assert f"<title>{name} (service)</title>" in view.html
    assert shown(view)["nodes"]["name"][1] == name
    labels = [part.split("<")[0] for part in view.html.split('class="t c">')[1:]]
    assert all(len(label) <= 21 for label in labels)


def test_ends_outside_are_left_out() -> None:
    """A relation to something that is not shown is no line to nowhere."""
    view = graph_map(Subgraph("s", (WEB,), (link(WEB, CART),), at=NOW))

    assert shown(view)["links"]["from"] == []
    assert paths(view.html) == []


@pytest.mark.parametrize("things", [5, 50, 400, 2_000])
def test_numbers_point_at_what_is_there(things: int) -> None:
    """Every number in the JSON names a node, a kind, a relation, an origin, an evidence or a district."""
    data = shown(graph_map(estate.estate(things)))
    nodes, links, facts = data["nodes"], data["links"], data["facts"]

    assert len(nodes["name"]) == len(nodes["x"]) == len(nodes["id"]) == things
    assert max(links["from"] + links["to"] + facts["of"]) < things
    assert max(nodes["kind"]) < len(data["kinds"])
    for told in (links, facts):
        assert max(told["relation"], default=0) < len(data["relations"])
        assert max(told["origin"], default=0) < len(data["origins"])
        assert max(told["evidence"], default=0) < len(data["evidence"])
    assert max(nodes["district"], default=0) < max(len(data["districts"]), 1)
    assert max(data["drawn"]["link"]) < len(links["from"])
    assert {kind[2] for kind in data["kinds"]} <= set(data["families"])


def test_a_large_estate_stays_small_on_disk() -> None:
    """2,000 things with long evidence and values take less than 600 KB of JSON and 200 KB of HTML."""
    subgraph = estate.estate(2_000)
    wordy = tuple(
        replace(each, fact=replace(each.fact, evidence=f"deploy/overlays/production/{i}/kustomization.yaml:{i}"))
        for i, each in enumerate(subgraph.links)
    )
    chatty = tuple(
        replace(each, fact=replace(each.fact, object=f"{i} " + "v" * 400)) for i, each in enumerate(subgraph.details)
    )

    view = graph_map(replace(subgraph, links=wordy, details=chatty))

    assert len(json.dumps(view.bundle[GRAPH]).encode()) < 600_000
    assert len(view.html.encode()) < 200_000
    assert len(view.text) < 4_000


def test_a_large_estate_has_words_for_its_parts() -> None:
    """Above sixty things the picture shows districts with their names, and the table counts their kinds."""
    view = graph_map(estate.estate(2_000))
    data = shown(view)

    assert {name for name, *_ in data["districts"]} >= {"shop", "payments", "search"}
    assert "env var" in {name for name, *_ in data["sections"]}
    assert "payments" in view.text and "deployment" in view.text
    assert 0 < sum(rank == 0 for rank in data["nodes"]["rank"]) <= 20


def test_what_was_left_out_is_said() -> None:
    """Things that were too many to show are counted under the picture."""
    view = graph_map(Subgraph("s", (WEB,), (), at=NOW, hidden=12))

    assert "12 further things not drawn" in view.html
    assert shown(view)["hidden"] == 12


def test_ages_are_told_from_the_moment_shown() -> None:
    """A map of a past moment counts ages from then, not from today."""
    old = Iri(CART.iri)
    then = NOW - timedelta(days=30)
    past = Subgraph("s", (WEB, CART), (link(WEB, CART, seen=then - timedelta(minutes=9)),), focus=(old,), at=then)

    assert "9 min ago" in graph_map(past).text
