"""Places and ways for a small map: who needs whom left to right, what carries it below. No box and no line on a box.

Layers after Sugiyama, Tagawa and Toda (1981): a relation that spans several columns gets a lane of its own through
those between. In a column the heights are the least-squares ones that keep the order and the distance (pool adjacent
violators). What things run on hangs below in the same columns, its lines in the gutters between them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workbench.render.layout import acyclic, columns

Edge = tuple[str, str]
Point = tuple[float, float]

WIDE, TALL, GAP = 150.0, 40.0, 56.0
"""Of a box, and the gutter between two columns; layout units are pixels at full size."""
PITCH = WIDE + GAP
ROOM, LANE, BAND = 13.0, 12.0, 36.0
"""Between two boxes of a column, between a lane and its neighbour, and between two bands."""
ACROSS = 6
"""Columns of a band below, unless the calls need more."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box by its middle and its size."""

    x: float
    y: float
    wide: float = WIDE
    tall: float = TALL

    def apart(self, other: Box) -> bool:
        """Say whether the two boxes do not touch."""
        return (
            abs(self.x - other.x) >= (self.wide + other.wide) / 2
            or abs(self.y - other.y) >= (self.tall + other.tall) / 2
        )


@dataclass(frozen=True, slots=True)
class Way:
    """How a line runs: from the first point over the bends to the last."""

    points: tuple[Point, ...]
    square: bool = False
    """Corners at the bends; otherwise they are the handles of a smooth curve."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything lies; the origin is the top left."""

    boxes: Mapping[str, Box]
    ways: Mapping[Edge, Way]
    wide: float
    tall: float


def arranged(
    nodes: Sequence[str],
    needs: Iterable[Edge],
    carried: Iterable[Edge],
    spine: Sequence[str] = (),
    written: Collection[str] = (),
) -> Places:
    """Return the places of the nodes and the ways of the edges between them.

    Args:
        nodes: ids in order of importance, which breaks ties.
        needs: (who needs, what it needs): the first to the left.
        carried: (thing, what carries or describes it): the second below.
        spine: nodes whose relations should run straight.
        written: nodes that hang where they are written down, even if they name another: settings, files.
    """
    known = set(nodes)
    below = list(dict.fromkeys((a, b) for a, b in carried if a in known and b in known and a != b))
    sideways = [(a, b) for a, b in needs if a in known and b in known and a != b]
    level = _levels(nodes, below, {end for edge in sideways for end in edge} - set(written))
    upper = [node for node in nodes if level[node] == 0]
    forward = dict.fromkeys((a, b) for a, b in sideways if level[a] == level[b] == 0)
    cell = dict(_band(upper, list(forward), set(spine)))
    lanes = {key: value for key, value in cell.items() if key not in known}
    cell = {key: value for key, value in cell.items() if key in known}
    bottoms = [max((y for _, y in cell.values()), default=-BAND) + TALL / 2]
    for depth in range(1, max(level.values(), default=0) + 1):
        row = [node for node in nodes if level[node] == depth]
        bottoms.append(_hang(row, below, cell, bottoms[-1] + BAND))
    boxes = {node: Box(WIDE / 2 + column * PITCH, y) for node, (column, y) in cell.items()}
    ways = {edge: _flow(edge, boxes, lanes) for edge in forward}
    trunks = {node: i for i, node in enumerate(dict.fromkeys(a for a, _ in below))}
    for a, b in [*below, *((a, b) for a, b in sideways if (a, b) not in ways)]:
        flip = level[a] > level[b]
        top, low = (b, a) if flip else (a, b)
        way = _drop(top, low, boxes, bottoms[max(level[low] - 1, 0)], trunks.get(top, len(trunks)))
        ways[a, b] = Way(way.points[::-1], way.square) if flip else way
    return _shifted(boxes, ways)


def _levels(nodes: Sequence[str], below: Sequence[Edge], talking: set[str]) -> dict[str, int]:
    """Return 0 for what talks or hangs on nothing, else one more than the highest that it hangs on; cycles end."""
    carriers: dict[str, list[str]] = {}
    for a, b in below:
        carriers.setdefault(b, []).append(a)
    level = {node: 0 for node in nodes if node in talking or node not in carriers}
    ring = list(level)
    depth = 0
    while ring:
        depth += 1
        ring = [node for node in nodes if node not in level and any(a in set(ring) for a in carriers.get(node, ()))]
        level.update(dict.fromkeys(ring, depth))
    return {node: level.get(node, 0) for node in nodes}


def _band(upper: Sequence[str], edges: Sequence[Edge], spine: set[str]) -> dict[str, tuple[int, float]]:
    """Return column and height of each node, and of each lane, whose key is `a>b@column`."""
    tree = acyclic(upper, edges)
    column = columns(upper, tree)
    first = min(column.values(), default=0)
    layers: list[list[str]] = [[] for _ in range(max(column.values(), default=-1) - first + 1)]
    alone = set(upper) - {end for edge in edges for end in edge}
    for node in upper:
        if node not in alone:
            layers[column[node] - first].append(node)
    links: list[Edge] = []
    for a, b in edges:
        start, end = (a, b) if column[a] <= column[b] else (b, a)
        chain = [start, *(f"{a}>{b}@{c - first}" for c in range(column[start] + 1, column[end])), end]
        for i, lane in enumerate(chain[1:-1], column[start] - first + 1):
            layers[i].append(lane)
        links += pairwise(chain)
    layers = [layer for layer in layers if layer]
    if alone:
        layers = _with_alone(layers, [node for node in upper if node in alone])
    near = _near(layers, links)
    _ordered(layers, near, spine)
    height = _heights(layers, near, set(upper), spine)
    return {node: (i, height[node]) for i, layer in enumerate(layers) for node in layer}


def _with_alone(layers: list[list[str]], alone: Sequence[str]) -> list[list[str]]:
    """Return the columns with the nodes that need nobody, spread over the shortest of them."""
    layers = [*layers, *([] for _ in range(min(ACROSS, len(alone)) - len(layers)))]
    for node in alone:
        min(layers, key=len).append(node)
    return layers


def _near(layers: Sequence[Sequence[str]], links: Sequence[Edge]) -> dict[str, list[str]]:
    near: dict[str, list[str]] = {node: [] for layer in layers for node in layer}
    for a, b in links:
        near[a].append(b)
        near[b].append(a)
    return near


def _ordered(layers: Sequence[list[str]], near: Mapping[str, Sequence[str]], spine: set[str]) -> None:
    """Order each column by the mean rank of its neighbours in the column before, to and fro."""
    rank = {node: (i + 0.5) / len(layer) for layer in layers for i, node in enumerate(layer)}
    where = {node: i for i, layer in enumerate(layers) for node in layer}
    for sweep in range(12):
        step = -1 if sweep % 2 else 1
        for layer in layers[::step]:
            wish = {}
            for node in layer:
                side = [rank[other] for other in near[node] if where[other] == where[node] - step]
                wish[node] = sum(side) / len(side) if side else rank[node]
            layer.sort(key=lambda node: (wish[node], rank[node]))  # used at once
            rank.update({node: (i + 0.5) / len(layer) for i, node in enumerate(layer)})


def _heights(
    layers: Sequence[Sequence[str]], near: Mapping[str, Sequence[str]], real: set[str], spine: set[str]
) -> dict[str, float]:
    """Return heights near the mean of the neighbours', in order and apart; the spine pulls hardest."""
    height: dict[str, float] = {}
    for layer in layers:
        height.update(zip(layer, _apart([0.0] * len(layer), [1.0] * len(layer), _steps(layer, real)), strict=True))
    for sweep in range(16):
        for layer in layers[:: -1 if sweep % 2 else 1]:
            wish, pull = [], []
            for node in layer:
                others = [(height[o], 400.0 if node in spine and o in spine else 1.0) for o in near[node]]
                mass = sum(w for _, w in others)
                wish.append(sum(y * w for y, w in others) / mass if others else height[node])
                pull.append(max(mass, 0.1) * (3.0 if node not in real else 1.0))
            height.update(zip(layer, _apart(wish, pull, _steps(layer, real)), strict=True))
    return height


def _steps(layer: Sequence[str], real: set[str]) -> list[float]:
    """Return the least distance of each node of a column to the next."""
    half = [TALL / 2 + ROOM / 2 if node in real else LANE / 2 for node in layer]
    return [a + b for a, b in pairwise(half)]


def _apart(wish: Sequence[float], pull: Sequence[float], steps: Sequence[float]) -> list[float]:
    """Return values near the wished ones, each at least its step after the one before (pool adjacent violators).

    >>> _apart([0.0, 0.0], [1.0, 1.0], [10.0]), _apart([0.0, 50.0], [1.0, 1.0], [10.0])
    ([-5.0, 5.0], [0.0, 50.0])
    """
    offset = [0.0]
    for step in steps:
        offset.append(offset[-1] + step)
    pools: list[tuple[float, float, int]] = []
    for value, weight, shift in zip(wish, pull, offset, strict=False):
        pools.append((value - shift, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, u, n), (b, v, m) = pools[-2:]
            pools[-2:] = [((a * u + b * v) / (u + v), u + v, n + m)]
    level = [value for value, _, count in pools for _ in range(count)]
    return [value + shift for value, shift in zip(level, offset, strict=False)]


def _hang(row: Sequence[str], below: Sequence[Edge], cell: dict[str, tuple[int, float]], top: float) -> float:
    """Give the nodes of one level their cells: near what they carry, a column's children one under the other."""
    across = max(ACROSS, 1 + max((column for column, _ in cell.values()), default=0))
    parents = {node: [cell[a][0] for a, b in below if b == node and a in cell] for node in row}
    wish = {node: sum(at) / len(at) if (at := parents[node]) else 0.0 for node in row}
    tall = -(-len(row) // across)
    load = dict.fromkeys(range(across), 0)
    for node in sorted(row, key=lambda each: wish[each]):
        free = [column for column in load if load[column] < tall]
        column = min(free, key=lambda each: (abs(each - wish[node]), each))
        cell[node] = (column, top + TALL / 2 + load[column] * (TALL + ROOM))
        load[column] += 1
    return top + tall * (TALL + ROOM) - ROOM


def _flow(edge: Edge, boxes: Mapping[str, Box], lanes: Mapping[str, tuple[int, float]]) -> Way:
    """Return the curve of a need: right side to left side, through its lanes; one that runs back enters lower.

    It climbs in the gutters only, each thing's lines at a place of their own, so that no line runs over a box.
    """
    a, b = boxes[edge[0]], boxes[edge[1]]
    back = a.x > b.x
    left, right = (b, a) if back else (a, b)
    shift = 9.0 if back else 0.0
    prefix = f"{edge[0]}>{edge[1]}@"
    own = sorted((spot for key, spot in lanes.items() if key.startswith(prefix)), key=lambda spot: spot[0])
    stops = [(left.x, left.y + shift), *((WIDE / 2 + c * PITCH, y) for c, y in own), (right.x, right.y + shift)]
    aside = (list(boxes).index(edge[0]) % 5 - 2) * 4.0
    points: list[Point] = []
    for (x, y), (u, v) in pairwise(stops):
        climb = (x + u) / 2 + aside
        points += [(x + WIDE / 2, y), (climb, y), (climb, v), (u - WIDE / 2, v)]
    return Way(tuple(points[::-1] if back else points))


def _drop(top: str, low: str, boxes: Mapping[str, Box], bus: float, trunk: int) -> Way:
    """Return the square way down: straight where nothing is between, else by the gutters left of the two."""
    a, b = boxes[top], boxes[low]
    if a.x == b.x and not any(each.x == a.x and a.y < each.y < b.y for each in boxes.values()):
        return Way(((a.x, a.y + TALL / 2), (b.x, b.y - TALL / 2)), square=True)
    shift = 12.0 + trunk % 5 * 5.0
    out, into = a.x - WIDE / 2 - shift, b.x - WIDE / 2 - shift
    start = (a.x - WIDE / 2 + 14, a.y + TALL / 2)
    end = (b.x - WIDE / 2, b.y + 6)
    line = bus + 9 + trunk % 5 * 4.0
    if a.x == b.x:
        points = (start, (start[0], start[1] + 6), (out, start[1] + 6), (out, end[1]), end)
        return Way(points, square=True)
    first_row = b.y - TALL / 2 <= bus + BAND + 1
    close = ((b.x, line), (b.x, b.y - TALL / 2)) if first_row else ((into, line), (into, end[1]), end)
    own = not any(each.x == a.x and a.y < each.y < bus for each in boxes.values())
    far = ((a.x, a.y + TALL / 2), (a.x, line)) if own else (start, (start[0], start[1] + 6), (out, start[1] + 6))
    return Way((*far, *(() if own else ((out, line),)), *close), square=True)


def _shifted(boxes: Mapping[str, Box], ways: Mapping[Edge, Way]) -> Places:
    """Return the drawing moved so that everything lies right of and below the origin, with its size."""
    xs = [x for box in boxes.values() for x in (box.x - box.wide / 2, box.x + box.wide / 2)]
    ys = [y for box in boxes.values() for y in (box.y - box.tall / 2, box.y + box.tall / 2)]
    xs += [x for way in ways.values() for x, _ in way.points]
    ys += [y for way in ways.values() for _, y in way.points]
    dx, dy = 6 - min(xs, default=0.0), 6 - min(ys, default=0.0)
    moved = {key: Box(round(box.x + dx), round(box.y + dy), box.wide, box.tall) for key, box in boxes.items()}
    bent = {
        key: Way(tuple((round(x + dx, 1), round(y + dy, 1)) for x, y in way.points), way.square)
        for key, way in ways.items()
    }
    return Places(moved, bent, max(xs, default=0.0) + dx + 6, max(ys, default=0.0) + dy + 6)
