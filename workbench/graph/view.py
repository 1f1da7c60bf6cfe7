"""What the engine sees of the graph: the entities around an alert, and how they hang together.

The walk starts at the things that the alert's labels name. It follows what carries a symptom (calls, dependencies,
what runs on what); steps between two descriptions of one thing (a deployment and the service that it implements) are
free, so that a hop is a hop between services. It does not walk through what merely groups things: namespaces, clusters,
images.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ontology import terms
from ontology.errors import NotFound
from ontology.nouns import Alert, Entity, Fact, Iri
from workbench.graph import queries
from workbench.graph.reading import Readable

if TYPE_CHECKING:
    import rdflib

REACH = 400
"""At most so many entities: beyond it nothing is worth looking at first."""
STEPS = frozenset(
    {
        *terms.DEPENDENCIES,
        terms.RUNS_ON,
        terms.ROUTES_TO,
        terms.EXPOSES,
        terms.LISTENS_ON,
        terms.CONNECTS_TO,
        terms.CLIENT_OF,
        terms.REFERENCES,
        terms.MOUNTS,
        terms.DEPLOYED_BY,
        terms.CHANGED_BY,
    }
)
"""Relations along which a symptom or its cause may travel."""
SAME = frozenset({terms.IMPLEMENTS, terms.MANAGED_BY, terms.SELECTS, terms.PROBABLY_SAME, terms.PART_OF})
"""Relations between descriptions of one thing; free of charge."""
_GROUPS = frozenset(
    {
        terms.Kind.NAMESPACE,
        terms.Kind.CLUSTER,
        terms.Kind.COMPOSE_PROJECT,
        terms.Kind.REPOSITORY,
        terms.Kind.FILE,
        terms.Kind.PLACE,
        terms.Kind.CLOUD_ACCOUNT,
        terms.Kind.NETWORK,
        terms.Kind.IMAGE,
        terms.Kind.CODE_SYMBOL,
        terms.Kind.SETTING,
        terms.Kind.DEPENDENCY,
        terms.Kind.OPERATION,
    }
)
"""Kinds that group or detail others; neither found nor walked through, unless the alert names them."""
_SHARED = frozenset(
    {
        terms.Kind.NAMESPACE,
        terms.Kind.CLUSTER,
        terms.Kind.COMPOSE_PROJECT,
        terms.Kind.PLACE,
        terms.Kind.CLOUD_ACCOUNT,
        terms.Kind.NETWORK,
        terms.Kind.REPOSITORY,
        terms.Kind.IMAGE,
    }
)
"""Kinds that many things share without having to do with each other."""
NAMING = (
    "service",
    "service_name",
    "exported_service",
    "app",
    "app_kubernetes_io_name",
    "deployment",
    "statefulset",
    "daemonset",
    "workload",
    "component",
    "container",
    "pod",
    "job_name",
    "job",
    "instance",
    "host",
    "node",
    "database",
    "queue",
    "topic",
    "namespace",
)
"""Labels that name a thing, the most telling first."""


class View:
    """The graph as a `GraphView`, with a few words for a person at the desk."""

    def __init__(self, store: Readable) -> None:
        """See the store; what is written to it later is seen too."""
        self.store = store

    def around(self, alert: Alert, hops: int = 2) -> Sequence[Entity]:
        """Return the entities around the alert: those that its labels name first, then by distance.

        Where no label leads to a thing, the words of its title and summary are tried, and then every service counts:
        an alert on the estate as a whole is around all of it.
        """
        named = self._named(alert)
        if not named:
            return queries.entities(self.store, terms.Kind.SERVICE)[:REACH]
        return self._walked(named, hops)

    def between(self, entities: Sequence[Entity]) -> Sequence[Fact]:
        """Return the facts that join any two of these entities, each once: as the surest source says it."""
        return self.store.joining([each.iri for each in entities])

    def entities(self, kind: str | None = None) -> tuple[Entity, ...]:
        """Return every entity, or those of one kind and the kinds below it, services first."""
        return queries.entities(self.store, kind)

    def find(self, name: str) -> tuple[Entity, ...]:
        """Return the entities of that name, letter case aside, services first; empty where there is none."""
        return queries.by_name(self.store, name) or queries.by_any_case(self.store, name)

    def nearby(self, name: str, hops: int = 1) -> tuple[Entity, ...]:
        """Return the things of that name, and what is so many steps from them, nearest first.

        Raises:
            NotFound: there is nothing of that name.
        """
        found = self.find(name)
        if not found:
            raise NotFound(
                f"There is nothing called {name!r} in the graph.", next_step="List what there is: workbench query."
            )
        return self._walked(found, hops)

    def descriptions(self, entity: Entity) -> tuple[Iri, ...]:
        """Return the thing, and all that are other descriptions of it: its deployment, its pods."""
        return self._free((entity.iri,), {entity.iri: entity})

    def to_rdflib(self) -> rdflib.Dataset:
        """Return a copy as an rdflib dataset; its default graph is the union of all."""
        return self.store.to_rdflib()

    def _walked(self, start: Sequence[Entity], hops: int) -> tuple[Entity, ...]:
        """Return these and what is so many steps from them, by distance."""
        reached: dict[Iri, Entity] = {each.iri: each for each in start}
        walkers = self._free(tuple(reached), reached)
        for _ in range(hops):
            if not walkers or len(reached) >= REACH:
                break
            walkers = self._free(self._stepped(walkers, STEPS, reached), reached)
        return tuple(reached.values())[:REACH]

    def _named(self, alert: Alert) -> tuple[Entity, ...]:
        """Return what the alert is about, the most telling label first."""
        values = [alert.labels[key] for key in NAMING if alert.labels.get(key)]
        found = [each for value in values for each in queries.by_name(self.store, *spellings(value))]
        if all(grouping(each) for each in found):
            found = [*self._mentioned(f"{alert.title} {alert.summary}"), *found]
        telling = [each for each in found if not grouping(each)]
        return tuple(dict.fromkeys(telling or self._members(found)))

    def _mentioned(self, text: str) -> tuple[Entity, ...]:
        """Return the services whose names stand in the text as words, in the order of the text."""
        words = dict.fromkeys(re.findall(r"\w[\w.-]*\w", text))
        named = queries.by_name(self.store, *words) if words else ()
        return tuple(each for each in named if each.kind == terms.Kind.SERVICE)

    def _members(self, groups: Sequence[Entity]) -> tuple[Entity, ...]:
        """Return what belongs to a group that the alert names, when it names nothing nearer."""
        members = (
            begin for begin, relation, _ in self._edges(each.iri for each in groups) if relation == terms.PART_OF
        )
        held = (each for each in queries.described(self.store, members).values() if not grouping(each))
        return tuple(sorted(held, key=queries.rank))

    def _free(self, walkers: Sequence[Iri], reached: dict[Iri, Entity]) -> tuple[Iri, ...]:
        """Return the walkers and all that they are other descriptions of."""
        out, fresh = list(walkers), tuple(walkers)
        while fresh and len(reached) < REACH:
            fresh = self._stepped(fresh, SAME, reached)
            out.extend(fresh)
        return tuple(out)

    def _stepped(self, walkers: Sequence[Iri], along: frozenset[Iri], reached: dict[Iri, Entity]) -> tuple[Iri, ...]:
        """Take one step from every walker; what is new is added to `reached`, in a stable order, and returned."""
        ends = (end for begin, relation, to in self._edges(walkers) if relation in along for end in (begin, to))
        found: Mapping[Iri, Entity] = queries.described(self.store, (each for each in ends if each not in reached))
        fresh = sorted((each for each in found.values() if not grouping(each)), key=queries.rank)
        reached.update((each.iri, each) for each in fresh)
        return tuple(each.iri for each in fresh)

    def _edges(self, iris: Iterable[Iri]) -> Iterable[tuple[Iri, Iri, Iri]]:
        return queries.neighbours(self.store, iris)


def spellings(value: str) -> tuple[str, ...]:
    """Return the names that a label's value may mean: itself, without port, namespace, domain or instance suffix.

    >>> spellings("shop/cart:8080")
    ('shop/cart:8080', 'shop/cart', 'cart')
    >>> spellings("cart-5d8f7c9b6d-x2x7k")
    ('cart-5d8f7c9b6d-x2x7k', 'cart')
    """
    text = value.strip()
    host = re.sub(r":\d+$", "", text)
    bare = host.rsplit("/", 1)[-1]
    # A deployment's pods end in a hash and five characters, a stateful set's in a number.
    workload = re.sub(r"-[a-f0-9]{6,10}-[a-z0-9]{5}$|-\d+$", "", bare)
    names = (text, host, bare, bare.split(".", 1)[0], workload)
    return tuple(dict.fromkeys(each for name in names if name for each in (name, name.lower())))


def grouping(entity: Entity) -> bool:
    """Say whether it groups or details other things, rather than being one that a symptom travels through."""
    return any(terms.is_a(entity.kind, group) for group in _GROUPS)


def shared(entity: Entity) -> bool:
    """Say whether many things share it without having to do with each other: a namespace, an image."""
    return any(terms.is_a(entity.kind, each) for each in _SHARED)
