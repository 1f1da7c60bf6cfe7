"""Places on a map: nothing lies on anything else, whoever needs whom, however many there are."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from types import ModuleType

import pytest

from ontology import terms
from ontology.nouns import Iri
from workbench.render.map_districts import Lot, settled
from workbench.render.map_layout import Box, Edge, Places, Way, arranged
from workbench.render.map_plan import planned


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"map_layout_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


estate = _module("estate")


def tangle(nodes: int, seed: int) -> tuple[list[str], list[Edge], list[Edge]]:
    """Return ids, needs (with cycles) and what carries what, by chance."""
    chance = random.Random(seed)
    names = [f"n{i}" for i in range(nodes)]
    acting, carrying = names[: -(-nodes * 2 // 3)], names[-(-nodes * 2 // 3) :]
    needs = [(a, b) for a in acting for b in chance.sample(acting, min(2, len(acting))) if a != b]
    carried = [(chance.choice(acting), b) for b in carrying] + list(pairwise(carrying))[::3]
    return names, needs, carried


def crossed(places: Places) -> list[tuple[Edge, str]]:
    """Return the curves that run over a box that is not one of their ends."""
    return [
        (edge, name)
        for edge, way in places.ways.items()
        if not way.square
        for name, box in places.boxes.items()
        if name not in edge and any(within(point, box) for point in run(way))
    ]


def within(point: tuple[float, float], box: Box) -> bool:
    return abs(point[0] - box.x) < box.wide / 2 - 1 and abs(point[1] - box.y) < box.tall / 2 - 1


def run(way: Way) -> Iterator[tuple[float, float]]:
    """Yield points of a chain of quadratic curves through its handles."""
    start, *handles, end = way.points
    for i, (cx, cy) in enumerate(handles):
        last = i == len(handles) - 1
        stop = end if last else ((cx + handles[i + 1][0]) / 2, (cy + handles[i + 1][1]) / 2)
        for t in (0.2, 0.4, 0.6, 0.8, 1.0):
            yield tuple(  # type: ignore[misc]  # two numbers
                (1 - t) ** 2 * a + 2 * t * (1 - t) * c + t * t * b
                for a, c, b in zip(start, (cx, cy), stop, strict=True)
            )
        start = stop


@pytest.mark.parametrize("nodes", [1, 2, 5, 12, 30, 60])
@pytest.mark.parametrize("seed", range(5))
def test_no_two_boxes_touch(nodes: int, seed: int) -> None:
    """Boxes keep apart, cycles and all, and everything lies inside the drawing."""
    places = arranged(*tangle(nodes, seed))

    assert len(places.boxes) == nodes
    assert all(a.apart(b) for a, b in combinations(places.boxes.values(), 2))
    assert all(0 <= x <= places.wide and 0 <= y <= places.tall for way in places.ways.values() for x, y in way.points)


@pytest.mark.parametrize("seed", range(5))
def test_no_curve_runs_over_a_box(seed: int) -> None:
    """A relation that spans several columns goes round the boxes between."""
    assert crossed(arranged(*tangle(30, seed))) == []


def test_the_direction_says_what_needs_what() -> None:
    """What is needed lies right of what needs it; what carries lies below, level under level."""
    places = arranged(
        ["web", "cart", "db", "pod", "node"], [("web", "cart"), ("cart", "db")], [("cart", "pod"), ("pod", "node")]
    )
    at = places.boxes

    assert at["web"].x < at["cart"].x < at["db"].x
    assert at["cart"].y < at["pod"].y < at["node"].y


def test_a_spine_is_straight() -> None:
    """The way that was asked for runs level where its relations are needs."""
    spine = ["a", "b", "c"]
    needs = [("a", "b"), ("b", "c"), *(("a", f"x{i}") for i in range(6)), *((f"x{i}", "c") for i in range(6))]

    places = arranged([*spine, *(f"x{i}" for i in range(6))], needs, [], spine)

    heights = [places.boxes[name].y for name in spine]
    assert max(heights) - min(heights) < 12


def test_a_setting_hangs_below_what_sets_it() -> None:
    """A setting that names a service does not move up among the services."""
    places = arranged(["web", "cart", "CART_ADDR"], [("CART_ADDR", "cart")], [("web", "CART_ADDR")], (), {"CART_ADDR"})

    assert places.boxes["CART_ADDR"].y > max(places.boxes[name].y for name in ("web", "cart"))


@pytest.mark.parametrize("things", [61, 400, 2_000])
def test_districts_hold_their_things(things: int) -> None:
    """In a large map no two boxes of a district touch, and each lies inside its district."""
    plan = planned(estate.estate(things), estate.NOW)
    frames = {each.name: each.box for each in plan.districts}
    inside: dict[str, list[Box]] = {}
    for iri, box in plan.places.boxes.items():
        inside.setdefault(plan.district[Iri(iri)], []).append(box)

    assert sum(each.count for each in plan.districts) == things
    assert all(a.apart(b) for a, b in combinations(frames.values(), 2))
    for name, boxes in inside.items():
        frame = frames[name]
        assert all(abs(b.x - frame.x) + b.wide / 2 <= frame.wide / 2 + 6 for b in boxes)
        assert all(abs(b.y - frame.y) + b.tall / 2 <= frame.tall / 2 + 6 for b in boxes)
        ordered = sorted(boxes, key=lambda b: (b.y, b.x))
        assert all(a.apart(b) for a, b in pairwise(ordered))


def test_a_district_is_a_namespace() -> None:
    """Pods, settings and services lie in the district of the namespace that their workload is part of."""
    subgraph = estate.estate(2_000)
    plan = planned(subgraph, estate.NOW)
    spaces = {each.iri: each.name for each in subgraph.entities if each.kind == terms.Kind.NAMESPACE}
    parts = [link.fact for link in subgraph.links if link.fact.predicate == terms.PART_OF]

    assert parts and all(plan.district[fact.subject] == spaces[fact.object] for fact in parts)
    assert not any(name.startswith("other") for name in plan.district.values())


def test_the_same_map_twice() -> None:
    """The same part of the graph gives the same places, so that a saved drawing and a new one agree."""
    first, second = (planned(estate.estate(400), estate.NOW) for _ in range(2))

    assert first.places == second.places
    assert first.districts == second.districts


def test_one_district_of_one_thing() -> None:
    """A single lot still gets a place."""
    places, districts = settled([Lot("a", "home", "service", 1, ("0",))])

    assert list(places.boxes) == ["a"]
    assert districts[0].count == 1
