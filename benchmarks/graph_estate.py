"""A made-up estate of any size, the same at every call: clusters, clouds, traces and code, as scans of 52 scopes.

Two accounts, four clusters with nodes, services, pods, containers and processes, the calls of four trace backends (in
layers, with hubs and a few cycles), what configuration refers to (unsure, with evidence), and 40 repositories.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ontology import terms
from ontology.iris import service, thing
from ontology.nouns import Fact, Iri, Layer, Value
from ontology.terms import Kind
from scanners.protocol import Scan

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CLUSTERS, REPOSITORIES, HUBS = 4, 40, 8
SCOPES = 2 + 3 * CLUSTERS + REPOSITORIES - 2
"""Accounts; cluster, traces and references each; repositories."""
CODE = 6
"""Facts of one function."""


@dataclass(frozen=True, slots=True)
class Estate:
    """An estate of about that many facts."""

    facts: int

    @property
    def services(self) -> int:
        """400 in a million facts, 1,600 in ten."""
        return max(20, int(400 * float((self.facts / 1_000_000) ** 0.6)))

    @property
    def pods(self) -> int:
        """Pods of one cluster."""
        return max(10, self.facts // 400)

    @property
    def nodes(self) -> int:
        """Nodes of one cluster."""
        return max(3, self.pods // 50)

    def scans(self) -> Iterator[Scan]:
        """Yield the scan of every scope, one after the other, so that one alone need be in memory."""
        told = 0
        for made in self._infrastructure():
            told += len(made.facts)
            yield made
        code = SCOPES - 2 - 3 * CLUSTERS
        for n in range(code):
            yield self.code(n, max(1, (self.facts - told) // code // CODE))

    def _infrastructure(self) -> Iterator[Scan]:
        for n in range(2):
            yield self._scan("aws", f"account-{n}", Layer.RUNNING, self._cloud(n))
        for n in range(CLUSTERS):
            yield self._scan("kubernetes", f"prod-{n}", Layer.RUNNING, self._cluster(n))
            yield self._scan("traces", f"prod-{n}", Layer.RUNNING, self._calls(n))
            yield self._scan("references", f"prod-{n}", Layer.INFERRED, self._references(n))

    def code(self, n: int, functions: int, *, changed: int = 0) -> Scan:
        """Return the scan of a repository; the first `changed` functions begin on another line."""
        repository = thing("repository", f"git.example/org/repo-{n}")
        said = _Say("source", Layer.DECLARED)
        facts = [*said.named(repository, Kind.REPOSITORY, f"repo-{n}")]
        for i in range(functions):
            path = f"src/package_{i // 40}/module_{i // 8}.py"
            file = thing("file", f"git.example/org/repo-{n}", path)
            function = thing("code", f"git.example/org/repo-{n}", path, f"handle_{i}")
            facts += said.named(function, Kind.FUNCTION, f"handle_{i}")
            facts += [
                said(function, terms.DEFINED_IN, file),
                said(function, terms.LINE, i % 8 * 20 + 1 + (500 if i < changed else 0)),
                said(function, terms.CALLS_FUNCTION, thing("code", f"git.example/org/repo-{n}", path, f"run_{i % 5}")),
                said(file, terms.PART_OF, repository) if i % 8 == 0 else said(function, terms.PART_OF, repository),
            ]
        return _scan_of("source", f"repo-{n}", Layer.DECLARED, facts)

    @staticmethod
    def _scan(source: str, scope: str, layer: Layer, facts: Iterator[Fact]) -> Scan:
        return _scan_of(source, scope, layer, list(facts))

    def _cloud(self, n: int) -> Iterator[Fact]:
        said = _Say("aws", Layer.RUNNING)
        account = thing("account", "aws", str(n))
        yield from said.named(account, Kind.CLOUD_ACCOUNT, f"account-{n}")
        for region in range(3):
            its = thing("region", "aws", f"eu-{region}")
            yield from said.named(its, Kind.REGION, f"eu-{region}")
            for zone in range(3):
                where = thing("zone", "aws", f"eu-{region}{zone}")
                yield from said.named(where, Kind.ZONE, f"eu-{region}{zone}")
                yield said(where, terms.PART_OF, its)
        for i in range(self.services // 8):
            base = thing("database", "aws", str(n), f"db-{i}")
            yield from said.named(base, Kind.DATABASE, f"db-{i}")
            yield said(base, terms.PART_OF, account)

    def _cluster(self, n: int) -> Iterator[Fact]:
        said = _Say("kubernetes", Layer.RUNNING)
        cluster = thing("cluster", f"prod-{n}")
        yield from said.named(cluster, Kind.CLUSTER, f"prod-{n}")
        for i in range(self.nodes):
            node = self.node(n, i)
            yield from said.named(node, Kind.NODE, f"node-{i}")
            yield said(node, terms.PART_OF, cluster)
        for i in range(self.services):
            deployment = thing("deployment", f"prod-{n}", "shop", f"svc-{i}")
            yield from said.named(deployment, Kind.DEPLOYMENT, f"svc-{i}")
            yield said(deployment, terms.PART_OF, cluster)
            yield said(deployment, terms.IMPLEMENTS, self.service(i))
            yield from said.named(self.service(i), Kind.SERVICE, f"svc-{i}")
        for i in range(self.pods):
            yield from self._pod(said, n, i)

    def _pod(self, said: _Say, n: int, i: int) -> Iterator[Fact]:
        name = f"svc-{i % self.services}-{i:05d}"
        pod = thing("pod", f"prod-{n}", "shop", name)
        yield from said.named(pod, Kind.POD, name)
        yield said(pod, terms.MANAGED_BY, thing("deployment", f"prod-{n}", "shop", f"svc-{i % self.services}"))
        yield said(pod, terms.RUNS_ON, self.node(n, i % self.nodes))
        yield said(pod, terms.STATUS, "Running" if i % 50 else "Pending")
        for k in range(1 + i % 2):
            container = thing("container", f"prod-{n}", "shop", name, f"c{k}")
            yield from said.named(container, Kind.CONTAINER, f"c{k}")
            yield said(container, terms.RUNS_ON, pod)
            process = self.process(n, i, k)
            yield from said.named(process, Kind.PROCESS, f"serve-{i % self.services}")
            yield said(process, terms.RUNS_ON, container)

    def _calls(self, n: int) -> Iterator[Fact]:
        said = _Say("traces", Layer.RUNNING)
        for i in range(self.services):
            for k in range(3):
                callee = HUBS + (i * 7 + k * 31 + n) % self.services if k < 2 else i % HUBS
                if callee % self.services != i:
                    yield said(self.service(i), terms.CALLS, self.service(callee % self.services))

    def _references(self, n: int) -> Iterator[Fact]:
        said = _Say("references", Layer.INFERRED)
        for i in range(self.services * 3):
            variable = thing("env", f"prod-{n}", "shop", f"svc-{i % self.services}", f"HOST_{i}")
            yield said(
                variable,
                terms.REFERENCES,
                self.service(i * 13 % self.services),
                confidence=(0.9, 0.7, 0.5)[i % 3],
                evidence=f"deploy/svc-{i}.yaml:{i % 90}",
            )

    @staticmethod
    def service(i: int) -> Iri:
        """Return the service with that number; the first `HUBS` are called by many."""
        return service(f"svc-{i}", "prod")

    @staticmethod
    def node(n: int, i: int) -> Iri:
        """Return a node of that cluster."""
        return thing("node", f"prod-{n}", f"node-{i}")

    def process(self, n: int, i: int, k: int = 0) -> Iri:
        """Return a process of a pod of that cluster."""
        return thing("process", f"prod-{n}", "shop", f"svc-{i % self.services}-{i:05d}", f"c{k}", "1")


@dataclass(frozen=True, slots=True)
class _Say:
    source: str
    layer: Layer

    def __call__(
        self, subject: Iri, predicate: Iri, value: Iri | Value, confidence: float = 1.0, evidence: str = ""
    ) -> Fact:
        return Fact(
            subject,
            predicate,
            value,
            layer=self.layer,
            source=self.source,
            seen=BEGIN,
            confidence=confidence,
            evidence=evidence,
        )

    def named(self, iri: Iri, kind: str, name: str) -> tuple[Fact, Fact]:
        return self(iri, terms.TYPE, terms.class_iri(kind)), self(iri, terms.LABEL, name)


def _scan_of(source: str, scope: str, layer: Layer, facts: list[Fact]) -> Scan:
    return Scan(source, scope, layer, tuple(facts), (), True, BEGIN, BEGIN)


def later(scan: Scan, minutes: float) -> Scan:
    """Return the scan as if it had been made that many minutes later."""
    at = BEGIN + timedelta(minutes=minutes)
    return Scan(scan.source, scan.scope, scan.layer, scan.facts, scan.problems, scan.complete, at, at)
