"""The part of the graph that matters, with its sentence and its relations as a table."""

from __future__ import annotations

from collections.abc import Sequence

from ontology.nouns import Entity, Iri
from workbench.nouns import Case
from workbench.render import reading
from workbench.render.diagram import diagram
from workbench.render.markup import Html, columns, fold, grid, picture, tag
from workbench.render.sketch import DOWN, SIDEWAYS, Sketch, age, fuzzy, sketch
from workbench.render.view import View, page
from workbench.render.words import clock, listed, number, short, some


def graph_view(case: Case, most: int = 9, about: Sequence[Entity] = ()) -> View:
    """Return the drawing with its sentence; its relations follow as a table."""
    chosen = sketch(case, most, about)
    say = sentence(case, chosen)
    if not chosen.nodes:
        return page(say, tag("p", say, class_="say"), kind="graph")
    table = _table(case, chosen)
    text = f"{say}\n{columns(table, _HEAD)}"
    key = tag("p", _key(chosen), class_="mute small")
    folded = fold(f"as a table: {some(len(table), 'relation')}", grid(table, _HEAD))
    return page(text, tag("p", say, class_="say"), drawing(case, chosen), key, folded, kind="graph")


def drawing(case: Case, chosen: Sketch) -> Html:
    """Return the picture and the table that stands in for it."""
    return (
        picture(diagram(case, chosen, sentence(case, chosen)), grid(_table(case, chosen), _HEAD))
        if chosen.nodes
        else Html("")
    )


def sentence(case: Case, chosen: Sketch) -> str:
    """Say how the symptom and the suspect hang together."""
    if not chosen.nodes:
        return "The graph knows nothing around this alert. Scan the estate: workbench scan compose DIR."
    names = {entity.iri: short(entity.name, 40) for entity in chosen.nodes}
    rest = f" {some(chosen.hidden, 'further thing')} in scope not drawn." if chosen.hidden else ""
    if len(chosen.path) > 1:
        way = " → ".join(names[iri] for iri in chosen.path if iri in names)
        return f"From the symptom to the suspect: {way}.{rest}"
    alerting = listed([short(each.name, 40) for each in reading.alerting(case)])
    needs = sum(1 for edge in chosen.edges if edge.predicate in SIDEWAYS)
    return f"Around {alerting or 'the alert'}: {some(len(chosen.nodes), 'thing')}, {some(needs, 'call')}.{rest}"


def _key(chosen: Sketch) -> str:
    words = ["Left calls right; below: what it runs on."]
    if any(fuzzy(edge) for edge in chosen.edges):
        words.append("Dashed: inferred, with its confidence.")
    if len(chosen.path) > 1:
        words.append("Bold: symptom to suspect.")
    return " ".join(words)


_HEAD = ("from", "relation", "to", "known from", "seen", "sure")


def _table(case: Case, chosen: Sketch) -> list[tuple[object, ...]]:
    names = {entity.iri: entity.name for entity in chosen.nodes}
    if not chosen.edges:
        return [(entity.name, entity.kind, chosen.roles.get(entity.iri, ""), "", "", "") for entity in chosen.nodes]
    on_path = set(zip(chosen.path, chosen.path[1:], strict=False))
    ordered = sorted(chosen.edges, key=lambda edge: (edge.subject, edge.object) not in on_path)
    return [
        (
            names[edge.subject],
            {**SIDEWAYS, **DOWN}[edge.predicate],
            names[Iri(str(edge.object))],
            f"{edge.layer}, {edge.source}",
            age(case, edge) or clock(edge.seen),
            number(edge.confidence),
        )
        for edge in ordered
    ]
