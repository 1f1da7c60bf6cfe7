"""The map as inline SVG, for wherever the interactive one cannot run: same places, same outlines, same lines."""

from __future__ import annotations

from collections.abc import Sequence

from ontology.nouns import Entity, Iri
from workbench.nouns import Link, LinkState
from workbench.render import map_kinds
from workbench.render.map_layout import Box, Point, Way
from workbench.render.map_plan import Plan, ends
from workbench.render.markup import Html, tag
from workbench.render.sketch import fuzzy
from workbench.render.words import short, some


def drawing(plan: Plan, say: str) -> Html:
    """Return the picture; `say` is its text alternative."""
    return _boxed(plan, say) if plan.small else _overview(plan, say)


def _boxed(plan: Plan, say: str) -> Html:
    lines = [_line(plan, link) for link in plan.drawn]
    nodes = [_node(plan, entity) for entity in plan.subgraph.entities]
    return _svg(plan.places.wide, plan.places.tall, say, [*lines, *nodes, *_labels(plan)])


def _svg(wide: float, tall: float, say: str, inside: Sequence[Html]) -> Html:
    return tag(
        "svg",
        tag("title", say),
        *inside,
        viewBox=f"0 0 {wide:.0f} {tall:.0f}",
        width=f"{wide:.0f}",
        height=f"{tall:.0f}",
        role="img",
        aria_label=f"{say} The table below says the same.",
    )


def _node(plan: Plan, entity: Entity) -> Html:
    box = plan.places.boxes[entity.iri]
    focus = " focus" if entity.iri in plan.subgraph.focus else ""
    word = map_kinds.word(entity.kind)
    return tag(
        "g",
        tag("title", f"{entity.name} ({word})"),
        tag("path", d=outline(map_kinds.shape(entity.kind), box), class_=f"node{focus}"),
        tag("text", fitted(entity.name, box.wide - 14, 7.1), x=_n(box.x), y=_n(box.y - 2), class_=f"t c{focus}"),
        tag("text", short(word, 24), x=_n(box.x), y=_n(box.y + 12), class_="m c"),
    )


def fitted(name: str, wide: float, each: float) -> str:
    """Return the name, cut in its middle where it is wider than that; capitals and dashes below count more.

    >>> fitted("cart", 136, 7.1), fitted("OTEL_RESOURCE_ATTRIBUTES", 136, 7.1)
    ('cart', 'OTEL_RE…RIBUTES')
    """
    text = short(name, 200)
    need = sum(each * (1.2 if c.isupper() or c in "_MW" else 1.0) for c in text)
    return text if need <= wide else short(text, max(4, int(len(text) * wide / need)))


def outline(shape: str, box: Box) -> str:
    """Return the outline of that shape as path data."""
    left, top = box.x - box.wide / 2, box.y - box.tall / 2
    w, h = box.wide, box.tall
    right, low = left + w, top + h
    if shape == "drum":
        lid = f"M{_n(left)},{_n(top + 5)}a{_n(w / 2)},5 0 0 1 {_n(w)},0"
        return f"{lid}v{_n(h - 10)}a{_n(w / 2)},5 0 0 1 {_n(-w)},0z{lid.replace('0 0 1', '0 0 0')}"
    corners: dict[str, list[Point]] = {
        "square": [(left, top), (right, top), (right, low), (left, low)],
        "page": [(left, top), (right - 11, top), (right, top + 11), (right, low), (left, low)],
        "cut": [
            *((left + 7, top), (right - 7, top), (right, top + 7), (right, low - 7)),
            *((right - 7, low), (left + 7, low), (left, low - 7), (left, top + 7)),
        ],
        "pipe": [
            *((left, top), (right - 10, top), (right, box.y), (right - 10, low)),
            *((left, low), (left + 10, box.y)),
        ],
        "point": [
            *((left + 11, top), (right - 11, top), (right, box.y), (right - 11, low)),
            *((left + 11, low), (left, box.y)),
        ],
    }
    if shape in corners:
        return "M" + "L".join(f"{_n(x)},{_n(y)}" for x, y in corners[shape]) + "z"
    r = min(11.0, h / 2)
    arc = f"a{_n(r)},{_n(r)} 0 0 1 "
    return (
        f"M{_n(left + r)},{_n(top)}h{_n(w - 2 * r)}{arc}{_n(r)},{_n(r)}v{_n(h - 2 * r)}{arc}{_n(-r)},{_n(r)}"
        f"h{_n(2 * r - w)}{arc}{_n(-r)},{_n(-r)}v{_n(2 * r - h)}{arc}{_n(r)},{_n(-r)}z"
    )


def _line(plan: Plan, link: Link) -> Html:
    way = plan.way(link) or _straight(plan, link)
    bold = plan.bold(link) or link.state is LinkState.APPEARED
    css = "edge" + (" path" if bold else "") + (" inferred" if fuzzy(link.fact) else "")
    css += " gone" if link.state is LinkState.VANISHED else ""
    css += " far" if plan.far(link) else ""
    said = f"{plan.names[ends(link)[0]]} {map_kinds.relation(link.fact.predicate)} {plan.names[ends(link)[1]]}"
    return tag(
        "g",
        tag("title", f"{said} ({link.fact.layer}, {link.fact.source}) {plan.marks(link)}".strip()),
        tag("path", d=_d(way), class_=css),
        tag("path", d=_tip(way), class_="tip path" if bold else "tip far" if plan.far(link) else "tip"),
        class_="stale" if link.state is LinkState.UNCONFIRMED else None,
    )


def _straight(plan: Plan, link: Link) -> Way:
    a, b = (plan.places.boxes[end] for end in ends(link))
    return Way(((a.x, a.y), (b.x, b.y)), square=True)


def _d(way: Way) -> str:
    """Return the path: square corners a little rounded, or a chain of quadratic curves through the handles."""
    (x, y), *rest = way.points
    d = f"M{_n(x)},{_n(y)}"
    if len(rest) == 1:
        return d + f"L{_n(rest[0][0])},{_n(rest[0][1])}"
    for i, (cx, cy) in enumerate(rest[:-1]):
        nx, ny = rest[i + 1]
        if way.square:
            before = _toward((cx, cy), way.points[i], 5)
            after = _toward((cx, cy), (nx, ny), 5)
            d += f"L{_n(before[0])},{_n(before[1])}Q{_n(cx)},{_n(cy)} {_n(after[0])},{_n(after[1])}"
        else:
            last = i == len(rest) - 2
            ex, ey = (nx, ny) if last else ((cx + nx) / 2, (cy + ny) / 2)
            d += f"Q{_n(cx)},{_n(cy)} {_n(ex)},{_n(ey)}"
    return d + (f"L{_n(rest[-1][0])},{_n(rest[-1][1])}" if way.square else "")


def _toward(a: Point, b: Point, most: float) -> Point:
    """Return the point at most that far from a on the way to b, and at most half of it."""
    length = abs(b[0] - a[0]) + abs(b[1] - a[1])
    share = min(most, length / 2) / length if length else 0.0
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def _tip(way: Way) -> str:
    """Return the arrow head at the end of the way."""
    (ax, ay), (bx, by) = way.points[-2:]
    if abs(bx - ax) >= abs(by - ay):
        back = -8 if bx >= ax else 8
        return f"M{_n(bx)},{_n(by)}l{back},-4v8z"
    back = -8 if by >= ay else 8
    return f"M{_n(bx)},{_n(by)}l-4,{back}h8z"


def _labels(plan: Plan) -> list[Html]:
    """Return the words on the lines, beside their ends; what would lie on another word is left out."""
    drawn: list[Html] = []
    taken: list[Box] = []
    for link in plan.drawn:
        words, way = plan.marks(link), plan.way(link)
        if not words or way is None:
            continue
        x, y = label_spot(way)
        box = Box(x, y, 6.2 * len(words), 12)
        if all(box.apart(other) for other in taken):
            taken.append(box)
            drawn.append(tag("text", words, x=_n(x), y=_n(y + 4), class_="m c halo"))
    return drawn


def label_spot(way: Way) -> Point:
    """Return where the words of a line go: in the gutter before its head, or on the middle of its last stretch."""
    (ax, ay), (bx, by) = way.points[-2:]
    if not way.square:
        return ax + (bx - ax) * 0.45, by - 7
    return (ax + bx) / 2, (ay + by) / 2


def _overview(plan: Plan, say: str) -> Html:
    """Return districts with their words, a tile a thing, and the names of the landmarks."""
    scale = 1160 / plan.places.wide
    inside = [
        *(_district(plan, i, scale) for i in range(len(plan.districts))),
        tag("path", d=_tiles(plan, 2, scale), class_="tile"),
        tag("path", d=_tiles(plan, 1, scale), class_="tile acts"),
        *(_landmark(plan, entity, scale) for entity in plan.subgraph.entities if plan.rank[entity.iri] == 0),
    ]
    return _svg(1160, plan.places.tall * scale, say, inside)


def _tiles(plan: Plan, rank: int, scale: float) -> str:
    """Return all things of that rank as one path."""
    return "".join(
        f"M{_n((box.x - box.wide / 2) * scale)},{_n((box.y - box.tall / 2) * scale)}"
        f"h{_n(box.wide * scale)}v{_n(box.tall * scale)}h{_n(-box.wide * scale)}z"
        for iri, box in plan.places.boxes.items()
        if plan.rank[Iri(iri)] == rank
    )


def _district(plan: Plan, index: int, scale: float) -> Html:
    district = plan.districts[index]
    box = Box(district.box.x * scale, district.box.y * scale, district.box.wide * scale, district.box.tall * scale)
    words = f"{fitted(district.name, box.wide - 50, 7.4)}  {district.count}"
    return tag(
        "g",
        tag("title", f"{district.name}: {some(district.count, 'thing')}"),
        tag("path", d=outline("square", box), class_="district"),
        tag("text", words, x=_n(box.x - box.wide / 2 + 6), y=_n(box.y - box.tall / 2 + 14), class_="t"),
    )


def _landmark(plan: Plan, entity: Entity, scale: float) -> Html:
    box = plan.places.boxes[entity.iri]
    small = Box(box.x * scale, box.y * scale, box.wide * scale, box.tall * scale)
    focus = " focus" if entity.iri in plan.subgraph.focus else ""
    return tag(
        "g",
        tag("title", f"{entity.name} ({map_kinds.word(entity.kind)})"),
        tag("path", d=outline("square", small), class_=f"node{focus}"),
        tag("text", fitted(entity.name, small.wide - 8, 6.6), x=_n(small.x), y=_n(small.y + 4), class_="c"),
    )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
