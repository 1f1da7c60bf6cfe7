"""The map: a part of the graph as a drawing that can be walked, as a picture that is saved, as a table and as text."""

from __future__ import annotations

from datetime import UTC, datetime

from workbench.nouns import LinkState, Subgraph
from workbench.render import map_svg, map_table
from workbench.render.map_bundle import bundle
from workbench.render.map_plan import Plan, planned
from workbench.render.markup import picture, tag
from workbench.render.sketch import fuzzy
from workbench.render.view import View, page
from workbench.render.words import some

GRAPH = "application/vnd.workbench.graph+json"
"""What our lab extension draws; elsewhere the HTML form is shown."""


def graph_map(subgraph: Subgraph, *, title: str = "", now: datetime | None = None) -> View:
    """Return the map of a part of the graph.

    Args:
        subgraph: what to show.
        title: said above the sentence, such as the question that it answers.
        now: the moment that ages are told from; that of the subgraph, else the clock, when None.
    """
    head = tag("p", title, class_="mute small") if title else None
    say = tag("p", subgraph.say, class_="say")
    if not subgraph.entities:
        return page(f"{subgraph.say}\n{_NOTHING}", head, say, tag("p", _NOTHING, class_="none"), kind="map")
    plan = planned(subgraph, now or subgraph.at or datetime.now(UTC))
    drawn = picture(map_svg.drawing(plan, subgraph.say), map_table.first(plan))
    key = tag("p", legend(plan), class_="mute small")
    also = {GRAPH: bundle(plan, title)}
    return page(map_table.text(plan), head, say, drawn, key, map_table.tables(plan), also=also, kind="map")


_NOTHING = "There is nothing to draw. Ask about another name, or go further: %entities lists what the graph knows."


def legend(plan: Plan) -> str:
    """Say how to read what is drawn; only what is there."""
    links = plan.drawn if plan.small else ()
    words = ["Left needs right; below: what it runs on and is made of." if plan.small else _LARGE]
    if plan.small and plan.subgraph.focus:
        words.append("Bold: what was asked about.")
    if any(fuzzy(link.fact) for link in links):
        words.append("Dashed: inferred, with its confidence.")
    if any(link.state is LinkState.UNCONFIRMED for link in links):
        words.append("Faded: not confirmed lately, with its age.")
    if any(link.state in (LinkState.APPEARED, LinkState.VANISHED) for link in links):
        words.append("+ came, \N{MINUS SIGN} dotted went.")
    if plan.subgraph.hidden:
        words.append(f"{some(plan.subgraph.hidden, 'further thing')} not drawn.")
    return " ".join(words)


_LARGE = "One tile a thing, by what holds it; the large ones are needed most."
