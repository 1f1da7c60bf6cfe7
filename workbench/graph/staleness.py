"""How old a fact is, and what is left of its confidence. Computed when it is read; no fact is rewritten to age.

The life of a fact: confirmed (the last whole look at its scope saw it) -> unconfirmed (the last look was not whole, or
is longer ago than the source's time to live; kept, and less sure) -> gone (a whole look did not see it; in the history
only) -> purged (too long ago for the history).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from ontology.errors import NotFound
from ontology.iris import RDF
from ontology.nouns import Fact, Iri, Layer, Value

if TYPE_CHECKING:
    from workbench.graph.reading import Readable

TTL: Mapping[str, timedelta] = MappingProxyType(
    {
        "traces": timedelta(minutes=15),
        "processes": timedelta(minutes=5),
        "kubernetes": timedelta(hours=1),
        "prometheus": timedelta(hours=1),
        "grafana": timedelta(hours=6),
        "aws": timedelta(hours=6),
        "gcp": timedelta(hours=6),
        "azure": timedelta(hours=6),
    }
)
"""How long a source's facts of what runs stay confirmed. To add a source: one line here."""
RUNNING_TTL = timedelta(hours=1)
"""Of a source of what runs that the table does not name."""
INCOMPLETE = 0.9
"""What a look that was not whole leaves of the confidence: one band."""


class State(StrEnum):
    """Where a fact is in its life."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    GONE = "gone"
    PURGED = "purged"


@dataclass(frozen=True, slots=True)
class Standing:
    """How one named graph stands: what one source said of one scope, and how old that is."""

    graph: Iri
    source: str
    scope: str
    layer: Layer
    facts: int
    seen: datetime
    """When a run last saw all of the scope; where none ever did, when the latest one ended."""
    complete: bool
    """Whether the latest run saw all of the scope."""
    age: timedelta
    ttl: timedelta | None
    """None where time alone makes nothing doubtful."""
    base: float
    confidence: float
    """What is left of the base confidence."""

    @property
    def state(self) -> State:
        """Confirmed or unconfirmed."""
        fresh = self.complete and (self.ttl is None or self.age <= self.ttl)
        return State.CONFIRMED if fresh else State.UNCONFIRMED


def ttl(source: str, layer: Layer) -> timedelta | None:
    """Return how long such facts stay confirmed; None for those that no time makes doubtful.

    What is written down holds until the next commit, what was learned until somebody says otherwise. Inferred facts are
    as durable as what their source reads.

    >>> ttl("traces", Layer.RUNNING)
    datetime.timedelta(seconds=900)
    >>> ttl("kubernetes", Layer.DECLARED) is None
    True
    """
    if layer is Layer.RUNNING:
        return TTL.get(source, RUNNING_TTL)
    return TTL.get(source) if layer is Layer.INFERRED and source not in _ALSO_DECLARED else None


_ALSO_DECLARED = frozenset({"kubernetes"})
"""Sources that read what runs and what is written down: what they infer is not doubtful by time."""


def decay(age: timedelta, limit: timedelta | None) -> float:
    """Return what is left of a confidence: all until the limit, then half for each further limit.

    >>> hour = timedelta(hours=1)
    >>> decay(hour, hour), decay(2 * hour, hour), decay(2 * hour, None)
    (1.0, 0.5, 1.0)
    """
    if limit is None or age <= limit:
        return 1.0
    return float(0.5 ** ((age - limit) / limit))


def effective(fact: Fact, now: datetime) -> float:
    """Return how sure the fact is now: its confidence, less what its age takes."""
    return fact.confidence * decay(now - fact.seen, ttl(fact.source, fact.layer))


_STANDING = """
SELECT ?graph ?source ?scope ?layer ?base ?whole ?done ?complete WHERE {
  ?graph a wb:Graph ; wb:source ?source ; wb:scope ?scope ; wb:layer ?layer ; wb:baseConfidence ?base ;
         wb:lastRun ?run ; wb:complete ?complete .
  ?run wb:completedAt ?done .
  OPTIONAL { ?graph wb:lastCompleteAt ?whole }
} ORDER BY ?source ?scope ?graph"""


def standing(store: Readable, now: datetime) -> tuple[Standing, ...]:
    """Return how every scanned graph stands, by source and scope."""
    return tuple(_standing(store, now, *row) for row in store.rows(_STANDING))


def stale(store: Readable, now: datetime) -> tuple[Standing, ...]:
    """Return the graphs whose facts are unconfirmed, the least sure first."""
    some = [each for each in standing(store, now) if each.state is State.UNCONFIRMED]
    return tuple(sorted(some, key=lambda each: (each.confidence / each.base, each.source, each.scope)))


def state(store: Readable, subject: Iri, predicate: Iri, value: Iri | Value, now: datetime) -> State:
    """Return where a fact is in its life: the best that any source says.

    Raises:
        NotFound: nobody ever said so, as far as the history goes back.
    """
    held = [each for each in store.about(subject, predicate) if each.object == value]
    if held:
        sure = any(effective(each, now) >= each.confidence for each in held)
        return State.CONFIRMED if sure else State.UNCONFIRMED
    if store.history.last_of(subject, predicate, value) is not None:
        return State.GONE
    if store.history.begins is not None:
        return State.PURGED
    raise NotFound(f"No source ever said that of {subject}.", next_step="Check the three terms.")


def _standing(store: Readable, now: datetime, *said: Iri | Value | None) -> Standing:
    graph, source, scope, layer, base, whole, done, complete = said
    seen = done if whole is None else whole
    assert isinstance(seen, datetime)
    of, which = str(source), Layer(str(layer).rpartition("layer-")[2])
    limit, sure = ttl(of, which), float(str(base))
    age = max(now - seen, timedelta(0))
    left = sure * decay(age, limit) * (1.0 if complete else INCOMPLETE)
    name = Iri(str(graph))
    return Standing(name, of, str(scope), which, _count(store, name), seen, bool(complete), age, limit, sure, left)


def _count(store: Readable, graph: Iri) -> int:
    """Return how many facts the graph holds; every unsure one has one annotation, which has one `rdf:predicate`."""
    ((unsure,),) = store.rows(f"SELECT (COUNT(*) AS ?n) WHERE {{ GRAPH <{graph}> {{ ?s <{RDF}predicate> ?o }} }}")
    if unsure:
        return int(str(unsure))
    ((sure,),) = store.rows(f"SELECT (COUNT(*) AS ?n) WHERE {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}")
    return int(str(sure))
