"""The map as a table and as text: relations with where they are known from, values, districts of a large one."""

from __future__ import annotations

from collections import Counter

from workbench.nouns import Link, LinkState
from workbench.render import map_kinds
from workbench.render.map_plan import Plan, ends
from workbench.render.markup import Html, columns, fold, grid, join, tag
from workbench.render.words import ago, cut, listed, number, some

Row = tuple[object, ...]
HEAD = ("from", "relation", "to", "state", "known from", "seen", "sure")
VALUES = ("thing", "what", "value", "state", "known from", "seen", "sure")
DISTRICTS = ("district", "things", "of which")
ROWS, LINES = 200, 24
"""At most so many rows of the table, and of the plain text."""
LONGEST = 120


def text(plan: Plan) -> str:
    """Return the sentence and a compact table."""
    if not plan.small:
        return f"{plan.subgraph.say}\n{columns(districts(plan), DISTRICTS)}"
    rows = relations(plan)
    head: Row = HEAD
    if not rows:
        rows, head = things(plan), ("thing", "kind")
    more = f"\n{len(rows) - LINES} more" if len(rows) > LINES else ""
    return f"{plan.subgraph.say}\n{columns(rows[:LINES], map(str, head))}{more}"


def tables(plan: Plan) -> Html:
    """Return the folded tables."""
    found = [] if plan.small else [fold(some(len(plan.districts), "district"), grid(districts(plan), DISTRICTS))]
    found += [
        _folded(relations(plan), HEAD, "relation"),
        _folded(values(plan), VALUES, "value"),
    ]
    return join(found)


def first(plan: Plan) -> Html:
    """Return the one table that stands in for the picture."""
    if not plan.small:
        return grid(districts(plan), DISTRICTS)
    rows = relations(plan)
    return grid(rows[:ROWS], HEAD) if rows else grid(things(plan), ("thing", "kind"))


def _folded(rows: list[Row], head: Row, noun: str) -> Html:
    if not rows:
        return Html("")
    note = tag("p", f"The first {ROWS} of {len(rows):,}.", class_="mute small") if len(rows) > ROWS else None
    return fold(f"as a table: {some(len(rows), noun)}", grid(rows[:ROWS], head), note)


def relations(plan: Plan) -> list[Row]:
    """Return a row a relation; what changed and what lies on the way first."""
    shown = [link for link in plan.subgraph.links if all(end in plan.names for end in ends(link))]
    shown.sort(key=lambda each: (each.state not in _CHANGED, not plan.bold(each)))
    return [
        (
            plan.names[ends(link)[0]],
            map_kinds.relation(link.fact.predicate),
            plan.names[ends(link)[1]],
            *_standing(plan, link),
        )
        for link in shown
    ]


def values(plan: Plan) -> list[Row]:
    """Return a row a value that is said of a thing."""
    return [
        (
            plan.names[link.fact.subject],
            map_kinds.relation(link.fact.predicate),
            cut(link.fact.object, LONGEST),
            *_standing(plan, link),
        )
        for link in plan.subgraph.details
        if link.fact.subject in plan.names
    ]


def things(plan: Plan) -> list[Row]:
    """Return a row a thing."""
    return [(entity.name, map_kinds.word(entity.kind)) for entity in plan.subgraph.entities]


def districts(plan: Plan) -> list[Row]:
    """Return a row a district: its name, how many things it holds, and of which kinds."""
    kinds: dict[str, Counter[str]] = {}
    for entity in plan.subgraph.entities:
        kinds.setdefault(plan.district[entity.iri], Counter())[map_kinds.word(entity.kind)] += 1
    return [
        (each.name, each.count, listed([f"{n} {kind}" for kind, n in kinds[each.name].most_common()], 4))
        for each in plan.districts
    ]


_CHANGED = (LinkState.APPEARED, LinkState.VANISHED)
_STATES = {
    LinkState.CONFIRMED: "",
    LinkState.UNCONFIRMED: "unconfirmed",
    LinkState.APPEARED: "+ new",
    LinkState.VANISHED: "\N{MINUS SIGN} gone",
}


def _standing(plan: Plan, link: Link) -> Row:
    known = f"{link.fact.layer}, {link.fact.source}" + (f", {link.fact.evidence}" if link.fact.evidence else "")
    return _STATES[link.state], known, ago(link.fact.seen, plan.now), number(link.confidence)
