"""Kubernetes manifests in the shape that facts are made from: workloads, services, config maps, ingresses. Pure.

In: documents as parsed. Out: frozen values with the line each was declared at. What is no manifest is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ontology.terms import Kind
from scanners.bounded import Document

WORKLOADS: Mapping[str, Kind] = {
    "Deployment": Kind.DEPLOYMENT,
    "StatefulSet": Kind.STATEFUL_SET,
    "DaemonSet": Kind.DAEMON_SET,
    "ReplicaSet": Kind.REPLICA_SET,
    "Job": Kind.JOB,
    "CronJob": Kind.CRON_JOB,
}
"""Kinds of workload by name; any other kind with a pod template is a `Workload`."""


@dataclass(frozen=True, slots=True)
class Object:
    """A manifest: what it is, and its document from some path on."""

    kind: str
    name: str
    namespace: str
    body: Mapping[str, Any]
    document: Document
    path: str = ""
    """Path of this object in its document: objects in a `List` stand below it."""

    def at(self, path: str = "") -> str:
        """Return `file:line` of a path in this object."""
        return self.document.at("/".join(part for part in (self.path, path) if part))

    @property
    def key(self) -> tuple[str, str, str]:
        """Namespace, kind and name."""
        return self.namespace, self.kind, self.name

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of the object itself."""
        return texts(mapping(self.body.get("metadata")).get("labels"))


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable of a container, before indirections are filled in."""

    name: str
    template: str | None
    """As written, or as the config map or the pod's own fields give it; None where it is not known."""
    evidence: str
    config: str = ""
    """Name of the config map that it comes from."""
    key: str = ""
    secret: bool = False
    """It comes from a Secret: its value is not read."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod template."""

    name: str
    image: str
    evidence: str
    init: bool = False
    ports: tuple[tuple[int, str], ...] = ()
    """Number and name of each."""
    variables: tuple[Variable, ...] = ()
    command: tuple[str, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[str, ...] = ()
    """Names of config maps and secrets that it sees through volumes."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Something with a pod template."""

    object: Object
    labels: Mapping[str, str]
    """Labels of its pods."""
    containers: tuple[Container, ...]
    config_maps: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    service_account: str = ""
    replicas: int | None = None

    @property
    def kind(self) -> Kind:
        """Its class in the ontology."""
        return WORKLOADS.get(self.object.kind, Kind.POD if self.object.kind == "Pod" else Kind.WORKLOAD)


@dataclass(frozen=True, slots=True)
class K8sService:
    """A Kubernetes Service."""

    object: Object
    ports: tuple[tuple[int, str, str], ...]
    """Port, target port (number or name), protocol."""
    selector: Mapping[str, str]
    headless: bool

    def selects(self, workload: Workload) -> bool:
        """Say whether the workload's pods are behind this service."""
        return (
            bool(self.selector)
            and workload.object.namespace == self.object.namespace
            and self.selector.items() <= workload.labels.items()
        )


def objects(documents: Iterable[Document], namespace: str = "default") -> tuple[Object, ...]:
    """Return the manifests in the documents, the first of each name; those in a `List` too.

    Args:
        documents: what was parsed.
        namespace: of a manifest that names none.
    """
    found: dict[tuple[str, str, str], Object] = {}
    for document in documents:
        for each in _objects(document.content, document, "", namespace):
            found.setdefault(each.key, each)
    return tuple(found.values())


def _objects(body: Any, document: Document, path: str, namespace: str) -> Iterator[Object]:
    body = mapping(body)
    kind, meta = body.get("kind"), mapping(body.get("metadata"))
    if not isinstance(kind, str) or not body.get("apiVersion"):
        return
    if kind.endswith("List") and isinstance(body.get("items"), list):
        for index, item in enumerate(body["items"]):
            yield from _objects(item, document, f"items/{index}", namespace)
    elif text(meta.get("name")):
        yield Object(kind, text(meta["name"]), text(meta.get("namespace")) or namespace, body, document, path)


def workloads(every: Sequence[Object]) -> tuple[Workload, ...]:
    """Return everything that has a pod template, or is a pod."""
    data = {(each.namespace, each.name): each for each in every if each.kind == "ConfigMap"}
    return tuple(found for each in every if (found := _workload(each, data)) is not None)


def _template(each: Object) -> tuple[Mapping[str, Any], str]:
    """Return the pod template of an object and its path; empty when it has none."""
    spec = mapping(each.body.get("spec"))
    if each.kind == "Pod":
        return each.body, ""
    if each.kind == "CronJob":
        path = "spec/jobTemplate/spec/template"
        return mapping(mapping(mapping(spec.get("jobTemplate")).get("spec")).get("template")), path
    return mapping(spec.get("template")), "spec/template"


def _workload(each: Object, config_maps: Mapping[tuple[str, str], Object]) -> Workload | None:
    template, path = _template(each)
    spec = mapping(template.get("spec"))
    if not isinstance(spec.get("containers"), list):
        return None
    labels = texts(mapping(template.get("metadata")).get("labels"))
    path = f"{path}/spec".lstrip("/")
    pod = _Pod(each, labels, config_maps, _volumes(spec))
    containers = tuple(
        _container(mapping(raw), f"{path}/{key}/{index}", pod, init=key == "initContainers")
        for key in ("initContainers", "containers")
        for index, raw in enumerate(sequence(spec.get(key)))
    )
    volumes = pod.volumes.values()
    return Workload(
        each,
        labels,
        containers,
        tuple(dict.fromkeys(name for kind, name in volumes if kind == "configMap")),
        tuple(dict.fromkeys(name for kind, name in volumes if kind == "secret")),
        text(spec.get("serviceAccountName")),
        number(mapping(each.body.get("spec")).get("replicas")),
    )


@dataclass(frozen=True, slots=True)
class _Pod:
    """What the containers of one template share."""

    object: Object
    labels: Mapping[str, str]
    config_maps: Mapping[tuple[str, str], Object]
    volumes: Mapping[str, tuple[str, str]]


def _volumes(spec: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return volume name to (`configMap` or `secret`, its name)."""
    found = {}
    for raw in sequence(spec.get("volumes")):
        volume = mapping(raw)
        for kind, key in (("configMap", "name"), ("secret", "secretName")):
            if name := text(mapping(volume.get(kind)).get(key)):
                found[text(volume.get("name"))] = (kind, name)
    return found


def _container(raw: Mapping[str, Any], path: str, pod: _Pod, *, init: bool) -> Container:
    resources = mapping(raw.get("resources"))
    mounts = (pod.volumes.get(text(mapping(each).get("name"))) for each in sequence(raw.get("volumeMounts")))
    return Container(
        text(raw.get("name")),
        text(raw.get("image")),
        pod.object.at(path),
        init,
        tuple(
            (port, text(mapping(each).get("name")))
            for each in sequence(raw.get("ports"))
            if (port := number(mapping(each).get("containerPort"))) is not None
        ),
        tuple({variable.name: variable for variable in _variables(raw, path, pod)}.values()),
        tuple(text(word) for key in ("command", "args") for word in sequence(raw.get(key))),
        texts(resources.get("limits")),
        texts(resources.get("requests")),
        tuple(dict.fromkeys(name for mount in mounts if mount is not None for name in mount[1:])),
    )


def _variables(raw: Mapping[str, Any], path: str, pod: _Pod) -> Iterator[Variable]:
    """Yield the variables of a container; a later one of the same name replaces an earlier one, as Kubernetes does."""
    for index, each in enumerate(sequence(raw.get("envFrom"))):
        name = text(mapping(mapping(each).get("configMapRef")).get("name"))
        prefix = text(mapping(each).get("prefix"))
        config = pod.config_maps.get((pod.object.namespace, name))
        for key, value in texts(config.body.get("data") if config else {}).items():
            yield Variable(f"{prefix}{key}", value, pod.object.at(f"{path}/envFrom/{index}"), name, key)
    for index, each in enumerate(sequence(raw.get("env"))):
        variable = mapping(each)
        if name := text(variable.get("name")):
            yield _variable(name, variable, pod.object.at(f"{path}/env/{index}"), pod)


def _variable(name: str, raw: Mapping[str, Any], where: str, pod: _Pod) -> Variable:
    """Return one variable, its value taken from where it is known."""
    source = mapping(raw.get("valueFrom"))
    if not source:
        return Variable(name, text(raw.get("value")), where)
    if "configMapKeyRef" in source:
        reference = mapping(source["configMapKeyRef"])
        config, key = text(reference.get("name")), text(reference.get("key"))
        held = pod.config_maps.get((pod.object.namespace, config))
        return Variable(name, texts(held.body.get("data")).get(key) if held else None, where, config, key)
    if "secretKeyRef" in source:
        reference = mapping(source["secretKeyRef"])
        return Variable(name, None, where, text(reference.get("name")), text(reference.get("key")), secret=True)
    field_path = text(mapping(source.get("fieldRef")).get("fieldPath"))
    return Variable(name, _field(field_path, pod), where)


def _field(path: str, pod: _Pod) -> str | None:
    """Return what the downward API gives, where a manifest tells it: labels and the namespace."""
    if path.startswith("metadata.labels["):
        return pod.labels.get(path.removeprefix("metadata.labels[").rstrip("]").strip("'\""))
    return pod.object.namespace if path == "metadata.namespace" else None


def services(every: Sequence[Object]) -> tuple[K8sService, ...]:
    """Return the Kubernetes Services."""
    return tuple(
        _k8s_service(each)
        for each in every
        if each.kind == "Service" and "serving" not in text(each.body["apiVersion"])
    )


def _k8s_service(each: Object) -> K8sService:
    spec = mapping(each.body.get("spec"))
    ports = tuple(
        (port, text(raw.get("targetPort")) or str(port), text(raw.get("protocol")) or "TCP")
        for raw in map(mapping, sequence(spec.get("ports")))
        if (port := number(raw.get("port"))) is not None
    )
    return K8sService(each, ports, texts(spec.get("selector")), text(spec.get("clusterIP")) == "None")


def routes(each: Object) -> tuple[str, ...]:
    """Return the names of the Kubernetes Services that an Ingress, a Gateway route or a mesh route sends to."""
    found: dict[str, None] = {}
    stack: list[Any] = [each.body.get("spec")]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack += part
        elif isinstance(part, dict):
            for key in ("service", "backend", "destination"):
                name = mapping(part.get(key)).get("name") or mapping(part.get(key)).get("host")
                if isinstance(name, str):
                    found[name.split(".", 1)[0]] = None
            if isinstance(part.get("serviceName"), str):
                found[part["serviceName"]] = None
            for reference in sequence(part.get("backendRefs")):
                if name := text(mapping(reference).get("name")):
                    found[name] = None
            stack += part.values()
    return tuple(found)


def mapping(raw: Any) -> Mapping[str, Any]:
    """Return a mapping, empty for anything else."""
    return raw if isinstance(raw, dict) else {}


def sequence(raw: Any) -> Sequence[Any]:
    """Return a list, empty for anything else."""
    return raw if isinstance(raw, list) else []


def text(raw: Any) -> str:
    """Return a scalar as text, empty for anything else."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw) if isinstance(raw, str | int | float) else ""


def texts(raw: Any) -> dict[str, str]:
    """Return a mapping of scalars as text."""
    return {str(key): text(value) for key, value in mapping(raw).items()}


def number(raw: Any) -> int | None:
    """Return a whole number, or None."""
    return int(raw) if isinstance(raw, int) or (isinstance(raw, str) and raw.isdigit()) else None
