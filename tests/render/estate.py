"""A made-up estate of any size: services that call each other, what they run on, their settings and their code."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from ontology import terms
from ontology.iris import service, thing
from ontology.nouns import Entity, Fact, Iri, Layer, Value
from ontology.terms import Kind
from workbench.nouns import Link, LinkState, Subgraph

NOW = datetime(2026, 11, 20, 3, 2, tzinfo=UTC)
_AREAS = ("shop", "payments", "search", "identity", "logistics", "media", "platform", "data", "support")
_WORDS = ("gateway", "orders", "ledger", "index", "session", "quote", "catalog", "mailer", "router", "worker", "cache")
_VARIABLES = ("DB_HOST", "DB_POOL_SIZE", "CACHE_URL", "TIMEOUT_MS", "LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT", "PORT")


class Estate:
    """Things and what is said of them, gathered one service after the other."""

    def __init__(self, seed: int = 7) -> None:
        self.chance = random.Random(seed)
        self.things: dict[Iri, Entity] = {}
        self.links: list[Link] = []
        self.details: list[Link] = []

    def add(self, kind: str, name: str, *names: str) -> Iri:
        """Add a thing and return its IRI."""
        iri = service(name) if kind == Kind.SERVICE else thing(kind.lower(), *names, name)
        self.things.setdefault(iri, Entity(iri, kind, name))
        return iri

    def say(
        self, subject: Iri, predicate: Iri, value: Iri | Value, layer: Layer = Layer.DECLARED, **more: object
    ) -> None:
        """Add a fact; what is observed is now and then out of date."""
        source = str(more.get("source", {"declared": "kubernetes", "running": "traces"}.get(layer, "resolver")))
        stale = layer is Layer.RUNNING and self.chance.random() < 0.15
        seen = NOW - timedelta(hours=7 if stale else 0, minutes=3)
        band = float(str(more.get("confidence", 0.5 if layer is Layer.INFERRED else 1.0)))
        evidence = str(more.get("evidence", ""))
        fact = Fact(
            subject, predicate, value, layer=layer, source=source, seen=seen, confidence=band, evidence=evidence
        )
        state = LinkState.UNCONFIRMED if stale else LinkState.CONFIRMED
        link = Link(fact, round(band * (0.6 if stale else 1.0), 2), state)
        (self.links if isinstance(value, Iri) else self.details).append(link)

    def service(self, area: Iri, name: str, nodes: Sequence[Iri], others: Sequence[Iri]) -> Iri:
        """Add a service with its workload, pods, settings and code."""
        place = self.things[area].name
        own = self.add(Kind.SERVICE, name)
        workload = self.add(Kind.DEPLOYMENT, name, place)
        self.say(workload, terms.IMPLEMENTS, own)
        self.say(workload, terms.PART_OF, area)
        self.say(workload, terms.REPLICAS, 2, evidence=f"deploy/{name}.yaml:9")
        self.say(own, terms.PORT, 8080)
        for i in range(2):
            pod = self.add(Kind.POD, f"{name}-6c9f{i}", place)
            self.say(pod, terms.MANAGED_BY, workload, Layer.RUNNING, source="kubernetes-api")
            self.say(pod, terms.RUNS_ON, self.chance.choice(nodes), Layer.RUNNING, source="kubernetes-api")
        for variable in self.chance.sample(_VARIABLES, 3):
            setting = self.add(Kind.ENV_VAR, variable, place, name)
            self.say(workload, terms.SETS_ENV, setting, evidence=f"deploy/{name}.yaml:{self.chance.randrange(20, 90)}")
            self.say(setting, terms.VALUE, f"{variable.lower()}.{place}.svc:5432")
        file = self.add(Kind.SOURCE_FILE, f"src/{name}/main.go", "github.com/org/estate")
        self.say(own, terms.DEFINED_IN, file, source="code")
        for other in self.chance.sample(others, min(len(others), 3)):
            layer = self.chance.choice((Layer.RUNNING, Layer.RUNNING, Layer.DECLARED, Layer.INFERRED))
            self.say(
                own, terms.CALLS, other, layer, evidence="trace 4bf92f3577b34da6" if layer is Layer.RUNNING else ""
            )
        return own

    def part(self, say: str, most: int) -> Subgraph:
        """Return the first things with all that is said among them."""
        kept = tuple(self.things.values())[:most]
        inside = {each.iri for each in kept}
        links = tuple(each for each in self.links if {each.fact.subject, each.fact.object} <= inside)
        details = tuple(each for each in self.details if each.fact.subject in inside)
        return Subgraph(say, kept, links, details=details, at=NOW, hidden=len(self.things) - len(kept))


def estate(things: int) -> Subgraph:
    """Return an estate of exactly that many things."""
    made = Estate()
    nodes = [made.add(Kind.NODE, f"node-{i}", "prod") for i in range(max(2, things // 60))]
    areas = [made.add(Kind.NAMESPACE, name, "prod") for name in _AREAS[: max(1, min(len(_AREAS), things // 60))]]
    services: list[Iri] = []
    names = _names()
    while len(made.things) < things:
        area = made.chance.choices(areas, range(len(areas) + 1, 1, -1))[0]
        services.append(made.service(area, f"{made.things[area].name}-{next(names)}", nodes, services[-12:]))
    return made.part(f"The whole estate: {things:,} things in {len(areas)} namespaces.", things)


def _names() -> Iterator[str]:
    yield from _WORDS
    yield from (f"{word}-{i}" for i in range(2, 10_000) for word in _WORDS)
