"""Places for a large map: districts by what holds the things, sized by how many they hold, each a tidy grid.

The districts fill a rectangle (squarified treemap, Bruls, Huizing and van Wijk, 2000); within one, the kinds stand in
the order of their families. What many others need is drawn larger, so that its name is read from farther off.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.render.map_layout import Box, Places

ROOM, HEAD, EDGE = 10.0, 124.0, 22.0
"""Between two boxes, for a district's title among 2,000 things, and inside its border."""
WORD = 250.0
"""Width of a section's word, which stands in the row of its first boxes."""
SHAPE = 2.2
"""Width of the whole to its height."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes for that many things: the more there are, the farther off landmarks are read from."""

    things: int

    @property
    def grow(self) -> float:
        """How much larger than among 2,000 things."""
        return max(0.42, math.sqrt(self.things / 2_000))

    @property
    def sizes(self) -> tuple[tuple[float, float], ...]:
        """Width and height of a box by rank: a landmark, something that acts, the rest."""
        return ((round(680 * self.grow), round(96 * self.grow)), (230.0, 52.0), (132.0, 34.0))

    @property
    def head(self) -> float:
        """Height of a district's title."""
        return HEAD * self.grow


@dataclass(frozen=True, slots=True)
class Lot:
    """A thing to place: which district and section of it, which rank, and where in its section."""

    id: str
    district: str
    section: str
    rank: int
    order: tuple[str, ...]
    """Sections stand in the order of their first lots."""


@dataclass(frozen=True, slots=True)
class Section:
    """The things of one kind in a district: their word stands left above them."""

    name: str
    count: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class District:
    """A part of the map with its word, and the words of its sections."""

    name: str
    box: Box
    count: int
    sections: tuple[Section, ...] = ()


def settled(lots: Sequence[Lot]) -> tuple[Places, tuple[District, ...]]:
    """Return the places of all lots, and the districts; largest district first."""
    members: dict[str, list[Lot]] = {}
    for lot in sorted(lots, key=lambda each: (each.rank > 0, each.order, each.id)):
        members.setdefault(lot.district, []).append(lot)
    scale = Scale(len(lots))
    room = {name: _area(inside, scale) for name, inside in members.items()}
    while True:
        names = sorted(members, key=lambda name: (-room[name], name))
        whole = sum(room.values())
        wide = math.sqrt(whole * SHAPE)
        frames = _treemap([room[name] for name in names], 0.0, 0.0, wide, whole / wide if wide else 0.0)
        filled = {name: _filled(members[name], frame, scale) for name, frame in zip(names, frames, strict=True)}
        tight = [name for name in names if filled[name] is None]
        if not tight:
            break
        room.update({name: room[name] * 1.05 for name in tight})
    done = {name: each for name, each in filled.items() if each is not None}
    boxes = {key: box for inside, _ in done.values() for key, box in inside.items()}
    districts = [
        District(name, _middle(frame), len(members[name]), tuple(done[name][1]))
        for name, frame in zip(names, frames, strict=True)
    ]
    return Places(boxes, {}, wide, whole / wide if wide else 0.0), tuple(districts)


Frame = tuple[float, float, float, float]
"""Left, top, width, height."""


def _area(lots: Sequence[Lot], scale: Scale) -> float:
    """Return the least room that the lots could need with title and border; it grows until they fit."""
    sizes = scale.sizes
    inner = sum((sizes[lot.rank][0] + ROOM) * (sizes[lot.rank][1] + ROOM) for lot in lots)
    side = max(math.sqrt(inner), sizes[min((lot.rank for lot in lots), default=2)][0] + ROOM)
    return (side + 2 * EDGE) * (max(inner / side, 40.0) + scale.head + EDGE)


def _middle(frame: Frame) -> Box:
    x, y, wide, tall = frame
    return Box(round(x + wide / 2), round(y + tall / 2), round(wide - EDGE / 2), round(tall - EDGE / 2))


def _filled(lots: Sequence[Lot], frame: Frame, scale: Scale) -> tuple[dict[str, Box], list[Section]] | None:
    """Return the boxes of the lots in rows from the top left of the frame, a section after the other.

    None where they do not fit. Landmarks come first and belong to no section.
    """
    left, top, wide, tall = frame
    start, end = left + EDGE, left + wide - EDGE
    x, y, row = start, top + scale.head, 0.0
    boxes: dict[str, Box] = {}
    sections: list[Section] = []
    count = Counter(lot.section for lot in lots if lot.rank > 0)
    for i, lot in enumerate(lots):
        w, h = scale.sizes[lot.rank]
        fresh = lot.rank > 0 and (i == 0 or lots[i - 1].rank == 0 or lots[i - 1].section != lot.section)
        if x > start and (fresh or x + w > end):
            x, y, row = start, y + row + ROOM, 0.0
        if fresh:
            sections.append(Section(lot.section, count[lot.section], round(x), round(y + h / 2)))
            x += WORD + ROOM
        if x + w > end or y + h > top + tall - EDGE / 2:
            return None
        boxes[lot.id] = Box(round(x + w / 2), round(y + h / 2), w, h)
        x, row = x + w + ROOM, max(row, h)
    return boxes, sections


def _treemap(areas: Sequence[float], x: float, y: float, wide: float, tall: float) -> list[Frame]:
    """Return a frame for each area, in order, that together fill the rectangle; near to square where they can be."""
    frames: list[Frame] = []
    rest = list(areas)
    while rest:
        side = min(wide, tall)
        count = 1
        while count < len(rest) and _worst(rest[: count + 1], side) <= _worst(rest[:count], side):
            count += 1
        strip = rest[:count]
        deep = sum(strip) / side
        at = 0.0
        for area in strip:
            length = area / deep
            frames.append((x + at, y, length, deep) if wide < tall else (x, y + at, deep, length))
            at += length
        x, y, wide, tall = (x, y + deep, wide, tall - deep) if wide < tall else (x + deep, y, wide - deep, tall)
        rest = rest[count:]
    return frames


def _worst(areas: Sequence[float], side: float) -> float:
    """Return the worst proportion of the areas when they share a strip along the side."""
    whole = sum(areas)
    return max(max(side**2 * area / whole**2, whole**2 / (side**2 * area)) for area in areas)


def districts_of(
    held: Mapping[str, Sequence[str]], near: Mapping[str, Sequence[str]], roots: Mapping[str, str]
) -> dict[str, str]:
    """Return the district of each thing: what holds it, else what most of its neighbours belong to, else empty.

    Args:
        held: id to what it is part of, runs on, is set or defined by; followed up to eight steps, nearest first.
        near: id to every neighbour.
        roots: id of a thing that makes a district to its name; such a thing belongs to its own.
    """
    found = dict(roots)
    for _ in range(8):
        ring = {
            node: next(found[each] for each in above if each in found)
            for node, above in held.items()
            if node not in found and any(each in found for each in above)
        }
        found.update(ring)
        if not ring:
            break
    for _ in range(3):
        for node in [each for each in held if each not in found]:
            names = sorted(found[each] for each in near.get(node, ()) if each in found)
            if names:
                found[node] = max(dict.fromkeys(names), key=names.count)
    return found
