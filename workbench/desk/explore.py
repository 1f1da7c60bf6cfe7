"""The graph's words in the notebook: `wb.graph.around`, `blast_radius`, `path`, `diff`, and what `%sparql` asks.

    wb.graph.around("cart")
    wb.graph.path("frontend", "orders").facts
    wb.graph.diff("alert-30m", "alert", near="checkout")

Each asks the graph in hand: that of the case that was opened last, or the estate's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ontology.nouns import Entity, Iri
from workbench.desk import hand
from workbench.desk.answer import answer
from workbench.graph import explore
from workbench.graph.moments import moment
from workbench.graph.subgraph import words
from workbench.nouns import Link, Subgraph
from workbench.render.map import graph_map
from workbench.render.view import View

if TYPE_CHECKING:
    import pandas as pd

Named = str | Iri | Entity
"""A thing by its name, its kind and name (`node n1`), its short or whole IRI, or itself."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the estate: it shows itself as a drawing, a table and text, and can be worked on as tables."""

    subgraph: Subgraph
    now: datetime
    """When it was looked at."""

    @property
    def view(self) -> View:
        """What a cell shows."""
        return graph_map(self.subgraph, now=self.now)

    @property
    def entities(self) -> pd.DataFrame:
        """Its things: `name, kind, iri`, in the order of the answer."""
        import pandas as pd

        things = self.subgraph.entities
        table = pd.DataFrame([(each.name, each.kind) for each in things], columns=["name", "kind"])
        return answer(table.assign(iri=pd.Series([each.iri for each in things], dtype=object)))

    @property
    def table(self) -> pd.DataFrame:
        """The facts that join its things, with the columns of `facts`."""
        return self._rows(self.subgraph.links)

    @property
    def facts(self) -> pd.DataFrame:
        """All that is said of its things, one row a fact.

        Columns: `subject, predicate, object` in words, `layer, source, seen, confidence` (effective at that moment),
        `state, evidence`, and `subject_iri, object_iri` (empty where the object is a value).
        """
        return self._rows((*self.subgraph.links, *self.subgraph.details))

    @property
    def text(self) -> str:
        """The plain form, for a terminal and for search."""
        return self.view.text

    def _rows(self, links: Sequence[Link]) -> pd.DataFrame:
        import pandas as pd

        names = {each.iri: each.name for each in self.subgraph.entities}
        rows = [_row(each, names) for each in links]
        ends = [(each.fact.subject, each.fact.object if isinstance(each.fact.object, Iri) else "") for each in links]
        table = pd.DataFrame(rows, columns=list(_COLUMNS))
        # As objects, so that they stay what they are: an `Iri` is bound as one in the next query.
        subjects, objects = (pd.Series([pair[n] for pair in ends], dtype=object) for n in (0, 1))
        return answer(table.assign(subject_iri=subjects, object_iri=objects))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        return self.view._repr_mimebundle_(include, exclude)

    def __repr__(self) -> str:
        return f"<{self.subgraph.say}>"

    def __str__(self) -> str:
        return self.text


def around(thing: Named, hops: int = 1) -> Part:
    """Show what is so many relations away from a thing.

    Raises:
        NotFound: there is nothing of that name; the nearest names are given.
        BadInput: several things have that name; they are given.
    """
    return _part(explore.around(hand.estate(), thing, hops, now=hand.now()))


def blast_radius(thing: Named) -> Part:
    """Show what suffers when a thing does: what needs it, directly or not, and what runs on it."""
    return _part(explore.blast_radius(hand.estate(), thing, now=hand.now()))


def path(a: Named, b: Named) -> Part:
    """Show the shortest way between two things, and say how they hang together."""
    return _part(explore.path(hand.estate(), a, b, now=hand.now()))


def diff(earlier: datetime | str, later: datetime | str = "now", *, near: Named | None = None) -> Part:
    """Show what appeared and what vanished between two times.

    Args:
        earlier: a time, ISO text, a length of time ago (`15m`), or from the case's alert (`alert`, `alert-30m`).
        later: the same; now by default.
        near: only what concerns this thing and what is beside it.

    Raises:
        BadInput: no time, times that are swapped, or before the history begins.
    """
    times = (meant(earlier), meant(later))
    return _part(explore.diff(hand.estate(), *times, near=near))


def meant(when: datetime | str) -> datetime:
    """Return the time that is meant, by the clock and the alert of the case in hand."""
    return moment(when, hand.now(), hand.fired())


def _part(subgraph: Subgraph) -> Part:
    return Part(subgraph, subgraph.at or hand.now())


_COLUMNS = (
    "subject",
    "predicate",
    "object",
    "layer",
    "source",
    "seen",
    "confidence",
    "state",
    "evidence",
)


def _row(link: Link, names: Mapping[Iri, str]) -> tuple[object, ...]:
    fact = link.fact
    return (
        names[fact.subject],
        words(fact.predicate),
        names[fact.object] if isinstance(fact.object, Iri) else fact.object,
        str(fact.layer),
        fact.source,
        fact.seen,
        link.confidence,
        str(link.state),
        fact.evidence,
    )
