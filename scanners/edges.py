"""From settings to edges between services: calls, exports of telemetry, scrapes, references. Pure.

A scanner brings its components in one shape (`Component`); what follows is the same for Compose and
Kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ontology import iris, terms
from ontology.nouns import Iri
from ontology.terms import Kind
from scanners.cloud import aws_names
from scanners.references import POSSIBLE, SURE, Directory, Mention, Target, addresses, mentions, outside
from scanners.roles import Role

_TELEMETRY_NAME = re.compile(
    r"(?i)(^|[_.\-])(otel|otlp|opentelemetry|traceloop|zipkin|statsd|datadog|dd_(agent|trace|site)|sentry|new_?relic|honeycomb|lightstep"
    r"|dynatrace|instana|appdynamics|skywalking|pyroscope|pushgateway|fluentd?|logstash|graylog|gelf|apm_server|jaeger_(agent|endpoint|"
    r"reporter|sampler|collector|service)|collector)([_.\-]|$)"
)
_INGEST = frozenset({4317, 4318, 6831, 6832, 8125, 8126, 9411, 12201, 14250, 14268, 24224, 5044, 55680, 55681})
_BROWSER_NAME = re.compile(r"^(PUBLIC|NEXT_PUBLIC|NUXT_PUBLIC|VITE|REACT_APP|GATSBY|EXPO_PUBLIC|VUE_APP|WEB)_")
_OWN_PORT = re.compile(
    r"(?i)^((server|http|grpc|listen|app|service|container|api|web|rpc|metrics|admin|management)_?)*port$"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """An environment variable of a component."""

    iri: Iri
    name: str
    value: str
    """Its value, indirections filled in; never written down as it is."""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """A running part of the estate, as references see it: who it is, where it listens, what it is told."""

    service: Iri
    name: str
    role: Role
    ports: frozenset[int] = frozenset()
    settings: tuple[Setting, ...] = ()
    arguments: tuple[str, ...] = ()
    """Command line, without the health check."""
    waits_for: tuple[str, ...] = ()
    """Command lines that run before the component starts."""
    evidence: str = ""
    namespace: str = ""

    @property
    def values(self) -> Mapping[str, str]:
        """Name to value of its settings."""
        return {setting.name: setting.value for setting in self.settings}


@dataclass(frozen=True, slots=True)
class Edge:
    """A fact to be, between a setting or a service and a service."""

    subject: Iri
    predicate: Iri
    object: Iri
    confidence: float
    evidence: str
    port: int | None = None
    named: tuple[Kind, str] | None = None
    """Kind and label of an object that nobody here declares: a DNS name, a resource of a cloud."""


@dataclass(frozen=True, slots=True)
class Link:
    """One mention with both its ends: who was told, by which setting, about whom."""

    component: Component
    setting: Setting | None
    mention: Mention
    browser: bool = field(default=False)
    """The value may be meant for the browser that this component serves."""


def own_ports(component: Component, directory: Directory) -> frozenset[int]:
    """Return the ports that a component's own settings name: `PORT=8080`, or an address of itself."""
    ports = set(component.ports)
    prefix = re.sub(r"[^a-z0-9]", "_", component.name.lower())
    for setting in component.settings:
        named = _OWN_PORT.match(setting.name) or setting.name.lower() == f"{prefix}_port"
        if named and setting.value.isdigit():
            ports.add(int(setting.value))
        for address in addresses(setting.value):
            target = directory.find(address.host) if address.port else None
            if target is not None and address.port and target.service == component.service:
                ports.add(address.port)
    return frozenset(ports)


def directory(
    names: Mapping[str, Iri],
    components: Sequence[Component],
    *,
    ports: Mapping[Iri, frozenset[int]] | None = None,
    namespace: str = "",
) -> Directory:
    """Return the directory of the names, with the ports that the components and `ports` say each service listens on."""
    called = {component.service: component.name for component in components}
    listening: dict[Iri, frozenset[int]] = dict(ports or {})
    for component in components:
        listening[component.service] = listening.get(component.service, frozenset()) | component.ports
    targets = {
        host.lower(): Target(service, called.get(service, host), listening.get(service, frozenset()))
        for host, service in names.items()
    }
    return Directory(targets, namespace)


def links(components: Sequence[Component], directories: Mapping[str, Directory]) -> tuple[Link, ...]:
    """Return every mention in the settings and command lines of the components; a component's own address too.

    Args:
        components: all components.
        directories: namespace to the names as seen from it.
    """
    found: list[Link] = []
    for component in components:
        directory, values = directories[component.namespace], component.values
        for setting in component.settings:
            found += (
                Link(component, setting, mention)
                for mention in mentions(setting.name, setting.value, values, directory)
            )
        for argument in component.arguments:
            found += (
                Link(component, None, mention)
                for mention in mentions("", argument, {}, directory)
                if not mention.bare and mention.confidence == SURE
            )
    return _for_browsers(found)


def _for_browsers(found: Sequence[Link]) -> tuple[Link, ...]:
    """Mark bare hosts that a web front end may hold for its browser's sake.

    A front end that serves a browser (it has `NEXT_PUBLIC_...`-like settings) behind a proxy which also routes to that
    host leaves open who calls: its own process, or the browser through the proxy.
    """
    told: dict[Iri, set[Iri]] = {}
    for link in found:
        told.setdefault(link.component.service, set()).add(link.mention.target.service)

    def doubtful(link: Link) -> bool:
        own, target = link.component.service, link.mention.target.service
        return (
            link.mention.bare
            and any(_BROWSER_NAME.match(setting.name) for setting in link.component.settings)
            and any({own, target} <= targets for other, targets in told.items() if other not in (own, target))
        )

    return tuple(replace(link, browser=True) if doubtful(link) else link for link in found)


def is_telemetry(variable: str, mention: Mention, target: Role) -> bool:
    """Say whether a setting sends telemetry: by its name, or because it names the intake of a collector."""
    return bool(_TELEMETRY_NAME.search(variable)) or (target is Role.TELEMETRY and mention.port in _INGEST)


def between(components: Sequence[Component], directories: Mapping[str, Directory]) -> Iterator[Edge]:
    """Yield the edges that the settings of the components give rise to."""
    roles = {component.service: component.role for component in components}
    for link in links(components, directories):
        yield from _edges(link, roles)
    for component in components:
        yield from _waits(component, directories[component.namespace])
        for setting in component.settings:
            yield from _outward(setting, directories[component.namespace])


def _edges(link: Link, roles: Mapping[Iri, Role]) -> Iterator[Edge]:
    """Yield the reference of a setting, and what it means between the two services."""
    mention, component, setting = link.mention, link.component, link.setting
    target, evidence = mention.target.service, setting.evidence if setting else component.evidence
    confidence = POSSIBLE if link.browser else mention.confidence
    own = target == component.service
    if setting is not None:  # a service's own address, as where it listens, refers to nobody else
        yield Edge(setting.iri, terms.MENTIONS if own else terms.REFERENCES, target, confidence, evidence, mention.port)
    if own or confidence <= POSSIBLE:
        return
    role = roles.get(target, Role.APPLICATION)
    if is_telemetry(setting.name if setting else "", mention, role):
        yield Edge(component.service, terms.EXPORTS_TO, target, confidence, evidence)
    elif component.role is Role.TELEMETRY:
        if role is not Role.TELEMETRY:
            yield Edge(component.service, terms.SCRAPES, target, confidence, evidence)
    else:
        yield Edge(component.service, terms.CALLS, target, confidence, evidence)
        if role is Role.DATASTORE:
            yield Edge(component.service, terms.USES_DATASTORE, target, confidence, evidence)


def _outward(setting: Setting, directory: Directory) -> Iterator[Edge]:
    """Yield what a setting names outside the estate: where a cloud's scan says the same name, the two meet."""
    for other in outside(setting.name, setting.value, directory):
        dns = iris.thing("dns-name", other.host)
        yield Edge(setting.iri, terms.REFERENCES, dns, SURE, setting.evidence, named=(Kind.DNS_NAME, other.host))
    for known in aws_names.in_value(setting.value):
        named = (known.sort.kind, known.name)
        yield Edge(setting.iri, terms.REFERENCES, known.iri, SURE, setting.evidence, named=named)


def _waits(component: Component, directory: Directory) -> Iterator[Edge]:
    """Yield what a component waits for before it starts: `nc -z db 5432` in an init container."""
    for line in component.waits_for:
        for target in _named_in(line, directory):
            if target.service != component.service:
                yield Edge(component.service, terms.DEPENDS_ON, target.service, SURE, component.evidence)


def _named_in(line: str, directory: Directory) -> Iterable[Target]:
    """Return the services that a command line names as `host:port`, in a URL, or as `host port`."""
    pairs = [(address.host, address.port) for address in addresses(line) if not address.bare]
    pairs += [(host, int(port)) for host, port in re.findall(r"(?<![\w.\-/])([A-Za-z][\w.\-]*)\s+(\d{2,5})\b", line)]
    found = {}
    for host, port in pairs:
        target = directory.find(host)
        if target is not None and (port is None or not target.ports or port in target.ports):
            found[target.service] = target
    return found.values()
