"""Places for the boxes of a small graph: who calls left to right, what it runs on below. No two boxes touch.

After Sugiyama, Tagawa and Toda (1981): break cycles, longest-path layers, then order each layer by the mean place of
its neighbours to lessen crossings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """A cell of the drawing: column from the left, row from the top, and whether it lies in the lower band."""

    column: int
    row: float
    below: bool = False


def places(
    nodes: Sequence[str], calls: Iterable[Edge], runs_on: Iterable[Edge], spine: Sequence[str] = ()
) -> Mapping[str, Place]:
    """Return a place for each node; no two share a cell.

    Args:
        nodes: ids in order of importance, which breaks ties.
        calls: (caller, callee): caller to the left.
        runs_on: (thing, what it runs on): the second below the first.
        spine: nodes that should lie in one row, so that the path that matters is a straight line.
    """
    known = set(nodes)
    sideways = [(a, b) for a, b in calls if a in known and b in known and a != b]
    down = [(a, b) for a, b in runs_on if a in known and b in known and a != b]
    upper = _upper(nodes, sideways, down)
    column = columns(upper, acyclic(upper, sideways))
    placed = _stack(_layers(upper, column, sideways, {a for a, _ in down}), sideways, set(spine))
    height = int(max((place.row for place in placed.values()), default=-1)) + 1
    return {**placed, **_lower([n for n in nodes if n not in placed], placed, down, height)}


def _upper(nodes: Sequence[str], calls: Sequence[Edge], down: Sequence[Edge]) -> list[str]:
    """Return the nodes of the calling band: all but those that only carry others."""
    carriers = {b for _, b in down}
    talking = {end for edge in calls for end in edge}
    return [node for node in nodes if node not in carriers or node in talking]


def acyclic(nodes: Sequence[str], edges: Sequence[Edge]) -> list[Edge]:
    """Return the edges without those that close a cycle, found by depth-first search from the callers."""
    out: dict[str, list[str]] = {node: [] for node in nodes}
    called = {b for _, b in edges}
    for a, b in edges:
        if a in out and b in out:
            out[a].append(b)
    kept: list[Edge] = []
    state: dict[str, int] = {}
    for root in sorted(nodes, key=lambda node: node in called):
        stack: list[tuple[str, int]] = [(root, 0)] if root not in state else []
        while stack:
            node, i = stack.pop()
            state[node] = 1
            if i < len(out[node]):
                stack.append((node, i + 1))
                child = out[node][i]
                if state.get(child) != 1:
                    kept.append((node, child))
                if child not in state:
                    stack.append((child, 0))
            else:
                state[node] = 2
    return kept


def columns(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Return the longest way from any caller; a node nobody calls stands just left of what it calls."""
    column = dict.fromkeys(nodes, 0)
    for _ in nodes:
        changed = False
        for a, b in edges:
            if column[b] < column[a] + 1:
                column[b], changed = column[a] + 1, True
        if not changed:
            break
    called = {b for _, b in edges}
    for node in nodes:
        nexts = [column[b] for a, b in edges if a == node]
        if node not in called and nexts:
            column[node] = min(nexts) - 1
    return column


def _layers(nodes: Sequence[str], column: Mapping[str, int], edges: Sequence[Edge], heavy: set[str]) -> list[list[str]]:
    """Return the columns, each ordered by the mean place of its neighbours; what stands on something goes last."""
    first = min(column.values(), default=0)
    layers: list[list[str]] = [[] for _ in range(first, max(column.values(), default=-1) + 1)]
    for node in nodes:
        layers[column[node] - first].append(node)
    rank = {node: float(i) for layer in layers for i, node in enumerate(layer)}
    near = _neighbours(nodes, edges)
    for sweep in range(6):
        for layer in reversed(layers) if sweep % 2 else layers:
            mean = {node: _mean([rank[other] for other in near[node]], rank[node]) for node in layer}
            layer.sort(key=lambda node: (node in heavy, mean[node]))  # sorted at once
            rank.update({node: i - (len(layer) - 1) / 2 for i, node in enumerate(layer)})
    return [layer for layer in layers if layer]


def _neighbours(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, list[str]]:
    near: dict[str, list[str]] = {node: [] for node in nodes}
    for a, b in edges:
        if a in near and b in near:
            near[a].append(b)
            near[b].append(a)
    return near


def _stack(layers: Sequence[Sequence[str]], edges: Sequence[Edge], spine: set[str]) -> dict[str, Place]:
    """Return rows: the spine in one row, other columns about the mean row of their neighbours, from row 0."""
    near = _neighbours([node for layer in layers for node in layer], edges)
    row: dict[str, int] = {}
    for layer in layers:
        anchor = next((i for i, node in enumerate(layer) if node in spine), None)
        wanted = [_mean([float(row[other]) for other in near[node] if other in row], 0.0) for node in layer]
        row.update(zip(layer, _spread(wanted, anchor), strict=True))
    top = min(row.values(), default=0)
    return {node: Place(c, float(row[node] - top)) for c, layer in enumerate(layers) for node in layer}


def _spread(wanted: Sequence[float], anchor: int | None) -> list[int]:
    """Return whole rows near the wanted ones, in order and apart; the anchor lies in row 0.

    >>> _spread([0.0, 0.0, 0.0], None), _spread([0.0, 0.0, 0.0], 2), _spread([-2.0, 0.0], None)
    ([-1, 0, 1], [-2, -1, 0], [-2, 0])
    """
    rows = [round(value) for value in wanted]
    if anchor is None:
        for i in range(1, len(rows)):
            rows[i] = max(rows[i], rows[i - 1] + 1)
        drift = round(_mean([have - want for have, want in zip(rows, wanted, strict=True)], 0.0))
        return [value - drift for value in rows]
    rows[anchor] = 0
    for i in range(anchor + 1, len(rows)):
        rows[i] = max(rows[i], rows[i - 1] + 1)
    for i in reversed(range(anchor)):
        rows[i] = min(rows[i], rows[i + 1] - 1)
    return rows


def _lower(nodes: Sequence[str], upper: Mapping[str, Place], down: Sequence[Edge], top: int) -> dict[str, Place]:
    """Return places under the band for what things run on: near its tenants, in the next free column."""
    placed: dict[str, Place] = {}
    width = max((place.column for place in upper.values()), default=0) + 1
    level = _levels(nodes, down)
    for depth in sorted(set(level.values())):
        taken: set[int] = set()
        for node in (each for each in nodes if level[each] == depth):
            spots = {**upper, **placed}
            wanted = _mean([spots[a].column for a, b in down if b == node and a in spots], 0.0)
            column = _free(round(wanted), taken, max(width, len(taken) + 1))
            taken.add(column)
            placed[node] = Place(column, float(top + depth), below=True)
    return placed


def _levels(nodes: Sequence[str], down: Sequence[Edge]) -> dict[str, int]:
    """Return how deep each carrier lies; at most eight, so that a cycle ends."""
    level = dict.fromkeys(nodes, 0)
    for _ in range(min(len(nodes), 8)):
        for a, b in down:
            if a in level and b in level:
                level[b] = min(max(level[b], level[a] + 1), 7)
    return level


def _free(wanted: int, taken: set[int], width: int) -> int:
    return min((i for i in range(width + 1) if i not in taken), key=lambda i: (abs(i - wanted), i))


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
