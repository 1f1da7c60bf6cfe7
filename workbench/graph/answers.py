"""The answer to a free query as a part of the estate: the things that it names, and the facts that join them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from ontology.nouns import Fact, Iri, Layer
from workbench.graph import queries
from workbench.graph.reading import Readable
from workbench.graph.subgraph import MOST, counted, is_thing, part
from workbench.nouns import Link, Subgraph

if TYPE_CHECKING:
    import pandas as pd

TRIPLE = ("subject", "predicate", "object")
"""The columns of what CONSTRUCT and DESCRIBE answer."""


def of_table(graph: Readable, table: pd.DataFrame, *, now: datetime, most: int = MOST) -> Subgraph:
    """Return the things in a table's cells and the facts that join them.

    Of the answer to CONSTRUCT or DESCRIBE, only the facts that it names; those that the graph does not hold are the
    query's own.
    """
    cells = (Iri(str(cell)) for name in table for cell in table[name] if isinstance(cell, str))
    things = queries.described(graph, filter(is_thing, cells))
    say = f"In the answer: {counted(things.values())}." if things else "The answer names no thing of the estate."
    found = part(graph, tuple(things.values()), say, now=now, most=most)
    return _only(found, table, now) if tuple(table.columns) == TRIPLE else found


def _only(found: Subgraph, table: pd.DataFrame, now: datetime) -> Subgraph:
    """Return the part with the links of these triples alone."""
    held = {(each.fact.subject, each.fact.predicate, each.fact.object): each for each in found.links}
    shown = {each.iri for each in found.entities}
    links = []
    for subject, predicate, value in table.itertuples(index=False, name=None):
        said = (Iri(str(subject)), Iri(str(predicate)), Iri(str(value)))
        if said[0] in shown and said[2] in shown:
            own = Fact(*said, layer=Layer.INFERRED, source="query", seen=now)
            links.append(held.get(said, Link(own, own.confidence)))
    return replace(found, links=tuple(links))
