"""The sketch as inline SVG: who calls left to right, what it runs on below; kind by shape and word, not by colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ontology.nouns import Entity, Fact, Iri
from workbench.nouns import Case
from workbench.render.layout import Place, places
from workbench.render.markup import Html, join, tag
from workbench.render.sketch import DOWN, SIDEWAYS, Sketch, age, fuzzy
from workbench.render.words import number, short

BOX, GAP, ROW = 150, 62, 53
TALL = 39


def diagram(case: Case, chosen: Sketch, say: str) -> Html:
    """Return the drawing; `say` is its text alternative. Words come last: nothing hides them."""
    spots = places(
        [entity.iri for entity in chosen.nodes],
        [(edge.subject, str(edge.object)) for edge in chosen.edges if edge.predicate in SIDEWAYS],
        [(edge.subject, str(edge.object)) for edge in chosen.edges if edge.predicate in DOWN],
        chosen.path,
    )
    width = (max(place.column for place in spots.values()) + 1) * (BOX + GAP) - GAP + 8
    height = int((max(place.row for place in spots.values()) + 1) * ROW)
    bold = {frozenset(pair) for pair in zip(chosen.path, chosen.path[1:], strict=False)}
    lines = [_line(case, edge, spots, _ends(edge) in bold) for edge in chosen.edges]
    boxes = [_node(case, entity, spots[entity.iri], chosen) for entity in chosen.nodes]
    return tag(
        "svg",
        tag("title", say),
        lines,
        boxes,
        _labels(case, chosen.edges, spots),
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_label=f"{say} The table below has every relation.",
    )


def _ends(edge: Fact) -> frozenset[Iri]:
    return frozenset((edge.subject, Iri(str(edge.object))))


def _corner(place: Place) -> tuple[float, float]:
    return 4 + place.column * (BOX + GAP), place.row * ROW + (ROW - TALL) / 2


def _node(case: Case, entity: Entity, place: Place, chosen: Sketch) -> Html:
    x, y = _corner(place)
    role = chosen.roles.get(entity.iri, "")
    css = "node" + (" suspect" if entity.iri == chosen.suspect else "")
    css += f" alerting sev-{case.alert.severity}" if "alerting" in role else ""
    drum = 3 if entity.kind in _STORES else 0
    words = f"{_kind(entity.kind)} · {role}" if role else _kind(entity.kind)
    return tag(
        "g",
        tag("title", f"{entity.name} ({entity.kind}) {role}".strip()),
        _shape(entity.kind, x, y, "".join(c if c.isalnum() or c in " -" else "" for c in css)),
        tag("text", short(entity.name, 17), x=x + BOX / 2, y=y + 17 + drum, class_="t c"),
        tag("text", short(words, 24), x=x + BOX / 2, y=y + 31 + drum, class_="m c"),
    )


_STORES = {"Database", "Cache", "ObjectStore", "Volume"}
_PIPES = {"Queue", "Topic"}
_PLACES = {"Host", "Node", "Vm", "Cluster", "Namespace", "Zone", "Region"}
_PAPERS = {
    "Config",
    "ConfigMap",
    "ConfigFile",
    "Setting",
    "EnvVar",
    "ConfigKey",
    "Secret",
    "Release",
    "Deploy",
    "Commit",
    "File",
}
_SHORT = {
    "ComposeService": "compose",
    "K8sService": "k8s service",
    "StatefulSet": "stateful set",
    "ConfigMap": "config map",
}


def _kind(kind: str) -> str:
    """Return a kind as a short word."""
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in kind).strip()
    return _SHORT.get(kind, words)


def _shape(kind: str, x: float, y: float, css: str) -> Html:
    """Return the outline: round serves, a drum stores, a pipe queues, square is a place, a page is settings."""
    right, low = x + BOX, y + TALL
    if kind in _STORES:
        d = f"M{x},{y + 4}a{BOX / 2},4 0 0 1 {BOX},0v{TALL - 8}a{BOX / 2},4 0 0 1 {-BOX},0z"
        return join(
            [tag("path", d=d, class_=css), tag("path", d=f"M{x},{y + 4}a{BOX / 2},4 0 0 0 {BOX},0", class_="edge")]
        )
    if kind in _PIPES:
        d = f"M{x},{y}H{right}L{right - 9},{y + TALL / 2}L{right},{low}H{x}L{x + 9},{y + TALL / 2}z"
        return tag("path", d=d, class_=css)
    if kind in _PAPERS:
        d = f"M{x},{y}H{right - 10}L{right},{y + 10}V{low}H{x}zM{right - 10},{y}v10h10"
        return tag("path", d=d, class_=css)
    radius = 0 if kind in _PLACES else 9
    return tag("rect", x=x, y=y, width=BOX, height=TALL, rx=radius, class_=css)


def _line(case: Case, edge: Fact, spots: Mapping[str, Place], bold: bool) -> Html:
    css = "edge" + (" path" if bold else "") + (" inferred" if fuzzy(edge) else "")
    d, _, tip = _route(edge, spots)
    head = tag("path", d=tip, class_="tip path" if bold else "tip")
    return tag("g", tag("path", d=d, class_=css), head, class_="stale" if age(case, edge) else None)


def _labels(case: Case, edges: Iterable[Fact], spots: Mapping[str, Place]) -> list[Html]:
    """Return the confidence of fuzzy edges and the age of stale ones; what would lie on another label is left out."""
    drawn: list[Html] = []
    taken: list[tuple[float, float]] = []
    for edge in edges:
        words = " ".join(filter(None, (number(edge.confidence) if fuzzy(edge) else "", age(case, edge))))
        _, (x, y), _ = _route(edge, spots)
        if words and all(abs(x - a) > BOX / 2 or abs(y - b) > 13 for a, b in taken):
            taken.append((x, y))
            drawn.append(tag("text", words, x=x, y=y, class_="m e halo"))
    return drawn


def _route(edge: Fact, spots: Mapping[str, Place]) -> tuple[str, tuple[float, float], str]:
    return _curve(spots[edge.subject], spots[str(edge.object)], sideways=edge.predicate in SIDEWAYS)


def _curve(a: Place, b: Place, *, sideways: bool) -> tuple[str, tuple[float, float], str]:
    """Return the curve, where its label goes, and its arrow head."""
    (ax, ay), (bx, by) = _corner(a), _corner(b)
    if sideways and a.column < b.column:
        x1, y1, x2, y2 = ax + BOX, ay + TALL / 2, bx - 6, by + TALL / 2
        bend = GAP * 0.55
        d = f"M{x1},{y1}C{x1 + bend},{y1} {x2 - bend},{y2} {x2},{y2}"
        return d, (x2 - 4, y2 - 5), f"M{x2 + 6},{y2}l-8,-4v8z"
    if sideways and a.column > b.column:
        x1, y1, x2, y2 = ax, ay + TALL - 8, bx + BOX + 6, by + TALL - 8
        d = f"M{x1},{y1}C{x1 - GAP * 0.5},{y1 + 14} {x2 + GAP * 0.5},{y2 + 14} {x2},{y2}"
        return d, ((x1 + x2) / 2, (y1 + y2) / 2 + 20), f"M{x2 - 6},{y2}l8,-4v8z"
    up = ay > by
    x1, x2 = ax + BOX / 2, bx + BOX / 2
    y1, y2 = (ay, by + TALL + 6) if up else (ay + TALL, by - 6)
    d = f"M{x1},{y1}C{x1},{(y1 + y2) / 2} {x2},{(y1 + y2) / 2} {x2},{y2}"
    tip = f"M{x2},{y2 - 6}l-4,8h8z" if up else f"M{x2},{y2 + 6}l-4,-8h8z"
    return d, ((x1 + x2) / 2 + 14, (y1 + y2) / 2 + 4), tip
