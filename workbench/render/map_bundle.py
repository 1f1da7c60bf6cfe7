"""The map as JSON, which the lab extension draws: columns rather than rows, since a notebook should stay small."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ontology.iris import BASE
from ontology.nouns import Fact
from workbench.nouns import Link, LinkState
from workbench.render import map_kinds
from workbench.render.map_districts import Scale
from workbench.render.map_layout import TALL, WIDE
from workbench.render.map_plan import Plan, ends
from workbench.render.markup import clean
from workbench.render.sketch import fuzzy
from workbench.render.words import ago, cut

MOST = 560_000
"""Bytes: above it the values, then the evidence, of things are left out."""
FUZZY, STALE, APPEARED, VANISHED, BOLD, FAR = 1, 2, 4, 8, 16, 32
"""How a line looks: the sum of these."""
LONGEST = 300


class Pool:
    """Values that many rows share, each kept once; a row holds its number."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._at: dict[Any, int] = {}

    def number(self, value: Any) -> int:
        """Return the number of the value."""
        if value not in self._at:
            self._at[value] = len(self.values)
            self.values.append(value)
        return self._at[value]


def bundle(plan: Plan, title: str = "") -> dict[str, Any]:
    """Return the JSON object; what the panel says of things is thinned out where it would grow too large."""
    for evidence, values in ((True, True), (False, True), (False, False)):
        made = _bundle(plan, title, evidence=evidence, values=values)
        if len(json.dumps(made, separators=(",", ":"), ensure_ascii=False).encode()) <= MOST:
            break
    return made


def _bundle(plan: Plan, title: str, *, evidence: bool, values: bool) -> dict[str, Any]:
    at = {entity.iri: i for i, entity in enumerate(plan.subgraph.entities)}
    pools = {name: Pool() for name in ("kinds", "relations", "origins", "evidence")}
    links = [link for link in plan.subgraph.links if all(end in at for end in ends(link))]
    said = [link for link in plan.subgraph.details if link.fact.subject in at] if values else []
    where = {id(link): i for i, link in enumerate(links)}
    made = {
        "version": 1,
        "title": clean(title),
        "say": clean(plan.subgraph.say),
        "at": plan.now.isoformat(timespec="seconds"),
        "past": plan.subgraph.at is not None,
        "hidden": plan.subgraph.hidden,
        "thinned": not values,
        "wide": round(plan.places.wide),
        "tall": round(plan.places.tall),
        "sizes": [[WIDE, TALL]] * 3 if plan.small else [list(size) for size in Scale(len(at)).sizes],
        "focus": [at[iri] for iri in plan.subgraph.focus if iri in at],
        "base": BASE,
        "nodes": _nodes(plan, pools["kinds"]),
        "districts": [[clean(d.name), d.box.x, d.box.y, d.box.wide, d.box.tall, d.count] for d in plan.districts],
        "sections": [[clean(s.name), s.x, s.y, s.count] for d in plan.districts for s in d.sections],
        "links": {
            "from": [at[ends(link)[0]] for link in links],
            "to": [at[ends(link)[1]] for link in links],
            **_told(plan, links, pools, evidence=evidence),
        },
        "drawn": _drawn(plan, where),
        "facts": {
            "of": [at[link.fact.subject] for link in said],
            "value": [cut(link.fact.object, LONGEST) for link in said],
            **_told(plan, said, pools, evidence=evidence),
        },
    }
    kinds = [
        [clean(kind), clean(map_kinds.word(kind)), map_kinds.family(kind), map_kinds.shape(kind)]
        for kind in pools["kinds"].values
    ]
    pooled = {name: pools[name].values for name in ("relations", "origins", "evidence")}
    return {**made, "kinds": kinds, "families": list(map_kinds.FAMILIES), **pooled}


def _nodes(plan: Plan, kinds: Pool) -> dict[str, Any]:
    entities = plan.subgraph.entities
    boxes = [plan.places.boxes[entity.iri] for entity in entities]
    names = {district.name: i for i, district in enumerate(plan.districts)}
    return {
        "id": [entity.iri.removeprefix(BASE) for entity in entities],
        "name": [clean(entity.name) for entity in entities],
        "kind": [kinds.number(entity.kind) for entity in entities],
        "x": [box.x for box in boxes],
        "y": [box.y for box in boxes],
        "rank": [plan.rank[entity.iri] for entity in entities],
        "district": [] if plan.small else [names[plan.district[entity.iri]] for entity in entities],
    }


def _told(plan: Plan, links: Sequence[Link], pools: dict[str, Pool], *, evidence: bool) -> dict[str, list[Any]]:
    """Return who says so, when, how sure and how it stands: a column each."""
    return {
        "relation": [pools["relations"].number(map_kinds.relation(link.fact.predicate)) for link in links],
        "origin": [pools["origins"].number(_origin(plan, link)) for link in links],
        "sure": [round(link.confidence, 2) for link in links],
        "look": [look(plan, link) for link in links],
        "evidence": [pools["evidence"].number(clean(link.fact.evidence)) for link in links] if evidence else [],
    }


def _origin(plan: Plan, link: Link) -> tuple[str, str, str, str]:
    fact: Fact = link.fact
    seen = fact.seen.isoformat(timespec="seconds")
    return fact.layer.value, clean(fact.source), seen, ago(fact.seen, plan.now)


def look(plan: Plan, link: Link) -> int:
    """Return how the line of a link looks, as the sum of the marks above."""
    state = {LinkState.UNCONFIRMED: STALE, LinkState.APPEARED: APPEARED, LinkState.VANISHED: VANISHED}
    return (
        (FUZZY if fuzzy(link.fact) else 0)
        + state.get(link.state, 0)
        + (BOLD if plan.bold(link) else 0)
        + (FAR if plan.small and plan.far(link) else 0)
    )


def _drawn(plan: Plan, where: dict[int, int]) -> dict[str, list[Any]]:
    """Return the lines: which link, its words, and in a small map the bends and whether they are square."""
    made: dict[str, list[Any]] = {"link": [where[id(link)] for link in plan.drawn]}
    made["mark"] = [plan.marks(link) for link in plan.drawn] if plan.small else []
    ways = [plan.way(link) for link in plan.drawn] if plan.small else []
    made["way"] = [_flat(way.points) if way else [] for way in ways]
    made["square"] = [int(bool(way and way.square)) for way in ways]
    return made


def _flat(points: Iterable[tuple[float, float]]) -> list[float]:
    return [round(value) for point in points for value in point]
