"""Rows of state -> the cluster as rules ask about it: workloads, services, nodes, claims, and what was said of them.

    cluster = cluster_of(rows)
    cluster.workloads["cart"].short

The words of the rows are those of `workbench.telemetry.kubernetes_state`. Rows of another source that has the same
kinds (`container`, `node`) are read too, as far as they go; a row that is not understood says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

UNHEALTHY = frozenset({"False", "Unknown"})


@dataclass(slots=True)
class Said:
    """An event, or a line of a log."""

    reason: str
    text: str
    count: int = 1
    warning: bool = True
    at: datetime | None = None


@dataclass(slots=True)
class Pod:
    """A pod: where it runs, whether it is ready, what its containers do."""

    name: str
    phase: str = ""
    ready: str = ""
    node: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    waiting: str = ""
    """Why a container of it waits: reason and message."""
    ended: str = ""
    """How a container of it ended last: `OOMKilled, exit code 137`."""
    restarts: int = 0

    @property
    def well(self) -> bool:
        """Whether it serves."""
        return self.phase in ("Running", "Succeeded", "") and self.ready not in UNHEALTHY and not self.waiting


@dataclass(slots=True)
class Container:
    """What is declared of a container."""

    image: str = ""
    ports: dict[str, str] = field(default_factory=dict)
    """Port to protocol; a named port stands under its name too."""
    probes: dict[str, dict[str, str]] = field(default_factory=dict)
    """`liveness`, `readiness`, `startup`: `way`, `port`, `delay`, `period`, `timeout`, `failures`."""
    addresses: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Workload:
    """What keeps pods running, and its pods."""

    name: str
    namespace: str = ""
    wanted: int | None = None
    ready: int | None = None
    labels: dict[str, str] = field(default_factory=dict)
    account: str = ""
    selector: bool = False
    affinity: bool = False
    claims: tuple[str, ...] = ()
    containers: dict[str, Container] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    events: list[Said] = field(default_factory=list)

    @property
    def short(self) -> bool:
        """Whether fewer pods serve than are wanted."""
        if self.wanted is not None and self.ready is not None and self.wanted > self.ready:
            return True
        return any(not each.well for each in self.pods.values())

    @property
    def restarts(self) -> int:
        """How often its containers were started again."""
        return sum(each.restarts for each in self.pods.values())

    @property
    def pending(self) -> bool:
        """Whether a pod of it waits for a node."""
        return any(each.phase == "Pending" and not each.node for each in self.pods.values())

    @property
    def image(self) -> str:
        """The images of its containers."""
        return " ".join(each.image for each in self.containers.values())

    def holds(self, selector: Mapping[str, str]) -> bool:
        """Say whether its template, or a pod of it, has these labels."""
        every = (self.labels, *(each.labels for each in self.pods.values()))
        return any(selector.items() <= labels.items() for labels in every)

    def warned(self, *words: str) -> list[Said]:
        """Return the warnings whose reason or text has one of the words."""
        return [
            each for each in self.events if each.warning and any(word in f"{each.reason} {each.text}" for word in words)
        ]


@dataclass(slots=True)
class Service:
    """A Service: whom it selects, and which port goes where."""

    name: str
    selector: dict[str, str] = field(default_factory=dict)
    ports: list[tuple[str, str, str]] = field(default_factory=list)
    """Port, protocol, target."""
    refused: bool = False
    """A connection to it was not taken."""


@dataclass(slots=True)
class Node:
    """A node: what it takes, how it is, what runs it."""

    name: str
    control: bool = False
    cordoned: bool = False
    conditions: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    events: list[Said] = field(default_factory=list)


@dataclass(slots=True)
class Cluster:
    """All of it."""

    workloads: dict[str, Workload] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    claims: dict[str, dict[str, str]] = field(default_factory=dict)
    volumes: dict[str, dict[str, str]] = field(default_factory=dict)
    quotas: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    """Namespace to resource to used and limit."""
    accounts: dict[str, set[str]] = field(default_factory=dict)
    classes: set[str] | None = None
    """Storage classes; None where they were not listed."""
    policies: dict[str, dict[str, str]] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=dict)
    missing: set[tuple[str, str]] = field(default_factory=set)
    """Kind and name of what is declared and is not there."""
    said: dict[str, list[Said]] = field(default_factory=dict)
    """Events of what is neither a workload nor a node, by name."""
    alerts: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def namespace(self, workload: Workload) -> str:
        """Return its namespace; the only one that is known where it does not say."""
        known = {each.namespace for each in self.workloads.values() if each.namespace}
        return workload.namespace or (next(iter(known)) if len(known) == 1 else "")


Row = tuple[object, str, str, str, str]
"""Time, entity, kind, field, value."""


def cluster_of(rows: Iterable[Row]) -> Cluster:
    """Return the cluster that rows of state tell of; the later of two rows on the same field counts."""
    cluster, events = Cluster(), list[tuple[str, Said]]()
    for at, entity, kind, name, value in rows:
        if kind == "event":
            events.append((entity, _said(name, value, at)))
        elif kind in _READ:
            _READ[kind](cluster, entity, name, value)
    for entity, said in events:
        if entity in cluster.nodes:
            cluster.nodes[entity].events.append(said)
        elif entity in cluster.workloads:
            cluster.workloads[entity].events.append(said)
        else:
            cluster.said.setdefault(entity, []).append(said)
    return cluster


def _said(reason: str, value: str, at: object) -> Said:
    often = re.search(r" \(x(\d+)\)$", value)
    type_, _, text = (value[: often.start()] if often else value).partition(": ")
    when = at if isinstance(at, datetime) else None
    return Said(reason, text, int(often[1]) if often else 1, type_ == "Warning", when)


def pairs(text: str) -> dict[str, str]:
    """Return the mapping that `a=b,c=d` writes."""
    return {key: value for each in text.split(",") for key, mark, value in [each.partition("=")] if mark}


def _workload_of(cluster: Cluster, name: str) -> Workload:
    return cluster.workloads.setdefault(name, Workload(name))


def _workload(cluster: Cluster, entity: str, name: str, value: str) -> None:
    its = _workload_of(cluster, entity)
    if name == "namespace":
        its.namespace = value
    elif name == "labels":
        its.labels = pairs(value)
    elif name == "service account":
        its.account = value
    elif name == "replicas" and (match := re.fullmatch(r"(\d+) wanted, (\d+) ready", value)):
        its.wanted, its.ready = int(match[1]), int(match[2])
    elif name in ("node selector", "node affinity"):
        its.selector, its.affinity = its.selector or name == "node selector", its.affinity or name == "node affinity"
    elif name == "claims":
        its.claims = tuple(value.split(","))
    elif match := re.fullmatch(r"(\S+) (image|ports|(?:liveness|readiness|startup) probe|env \S+)", name):
        _container(its.containers.setdefault(match[1], Container()), match[2], value)


def _container(its: Container, name: str, value: str) -> None:
    if name == "image":
        its.image = value
    elif name == "ports":
        for each in value.split(","):
            number, _, rest = each.partition("/")
            protocol, _, called = rest.partition(":")
            its.ports |= {key: protocol for key in (number, called) if key}
    elif name.endswith(" probe"):
        way, *numbers = value.split()
        its.probes[name.removesuffix(" probe")] = {"way": way, **dict(each.split("=", 1) for each in numbers)}
    elif name.startswith("env ") and not value.startswith("from "):
        its.addresses[name.removeprefix("env ")] = value


def _pod(cluster: Cluster, entity: str, name: str, value: str) -> None:
    pod, _, what = name.rpartition(" ")
    its = _workload_of(cluster, entity).pods.setdefault(pod or entity, Pod(pod or entity))
    if what == "phase":
        its.phase = value.split(" ")[0]
    elif what == "Ready":
        its.ready = value.split(" ")[0]
    elif what == "node":
        its.node = value
    elif what == "labels":
        its.labels = pairs(value)


def _running(cluster: Cluster, entity: str, name: str, value: str) -> None:
    match = re.fullmatch(r"(?:(\S+?)(?:/\S+)? )?(waiting|restarts|last terminated|terminated)", name)
    if not match:
        return
    pod = match[1] or entity
    its = _workload_of(cluster, entity).pods.setdefault(pod, Pod(pod))
    if match[2] == "waiting":
        its.waiting = value if not value.startswith(("PodInitializing", "ContainerCreating")) else its.waiting
    elif match[2] == "restarts" and value.isdigit():
        its.restarts += int(value)
    elif match[2] == "last terminated" or not value.startswith("Completed"):
        its.ended = value


def _service(cluster: Cluster, entity: str, name: str, value: str) -> None:
    its = cluster.services.setdefault(entity, Service(entity))
    if name == "selector":
        its.selector = pairs(value)
    elif name == "port" and (match := re.fullmatch(r"(?:\S+ )?(\d+)/(\w+) to (\S+)", value)):
        its.ports.append((match[1], match[2], match[3]))
    elif name.startswith("answers on"):
        its.refused = its.refused or value == "no"


def _node(cluster: Cluster, entity: str, name: str, value: str) -> None:
    its = cluster.nodes.setdefault(entity, Node(entity))
    if name == "role":
        its.control = value == "control plane"
    elif name == "unschedulable":
        its.cordoned = value == "true"
    elif name.startswith("unit "):
        its.units[name.removeprefix("unit ")] = value
    elif name[:1].isupper():
        its.conditions[name] = value


def _quota(cluster: Cluster, entity: str, name: str, value: str) -> None:
    used, _, limit = value.partition(" of ")
    resource = name.rpartition(" ")[2]
    cluster.quotas.setdefault(entity, {})[resource] = quantity(used), quantity(limit)


def _namespace(cluster: Cluster, entity: str, name: str, value: str) -> None:
    every = set(value.split(","))
    if name == "service accounts":
        cluster.accounts[entity] = every
    elif name == "storage classes":
        cluster.classes = (cluster.classes or set()) | every


def _declared(cluster: Cluster, entity: str, name: str, value: str) -> None:
    if value == "missing":
        cluster.missing.add((name, entity))


def _claim(cluster: Cluster, entity: str, name: str, value: str) -> None:
    cluster.claims.setdefault(entity, {})[name] = value


def _volume(cluster: Cluster, entity: str, name: str, value: str) -> None:
    cluster.volumes.setdefault(entity, {})[name] = value


def _policy(cluster: Cluster, entity: str, name: str, value: str) -> None:
    cluster.policies.setdefault(entity, {})[name] = value


def _route(cluster: Cluster, entity: str, name: str, value: str) -> None:
    cluster.routes[name.removeprefix("route ")] = value


def _alert(cluster: Cluster, entity: str, name: str, value: str) -> None:
    cluster.alerts.setdefault(entity, []).append((name, value))


_READ: Mapping[str, Callable[[Cluster, str, str, str], None]] = {
    "workload": _workload,
    "pod": _pod,
    "container": _running,
    "service": _service,
    "node": _node,
    "claim": _claim,
    "volume": _volume,
    "policy": _policy,
    "quota": _quota,
    "namespace": _namespace,
    "config": _route,
    "declared": _declared,
    "alert": _alert,
}

_SIZES = {
    **{f"{unit}i": 1024.0**power for power, unit in enumerate("KMGTPE", 1)},
    **{unit: 1000.0**power for power, unit in enumerate("kMGTPE", 1)},
    "m": 0.001,
    "": 1.0,
}


def quantity(text: str) -> float:
    """Return a resource quantity as a number; 0 where it is none.

    >>> quantity("500m"), quantity("1Gi"), quantity("12")
    (0.5, 1073741824.0, 12.0)
    """
    match = re.fullmatch(r"([\d.]+)([a-zA-Z]*)", text.strip())
    return float(match[1]) * _SIZES.get(match[2], 0.0) if match else 0.0
