"""Kubernetes objects in the shape that facts are made from: workloads with containers and settings, Services. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ontology.terms import Kind
from scanners.kubernetes.objects import Object, mapping, number, sequence, text, texts

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


@dataclass(frozen=True, slots=True)
class Workload:
    """Something with a pod template."""

    object: Object
    labels: Mapping[str, str]
    """Labels of its pods."""
    containers: tuple[Container, ...]
    config_maps: tuple[str, ...] = ()
    """Mounted, or taken as a whole into the environment; secrets alike."""
    secrets: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    """Persistent volume claims that it mounts."""
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


def declared(every: Sequence[Object]) -> list[Object]:
    """Return what somebody has declared: what a controller made of it is left out.

    A workload of a kind that was not listed (a custom one, or one that may not be listed) is known by what it made: the
    first of its pods or replica sets stands for it.
    """
    listed = {each.key for each in every}
    found = [each for each in every if each.owner is None]
    absent: dict[tuple[str, str, str], Object] = {}
    for each in every:
        owner = each.owner
        if owner is not None and owner not in listed and (each.kind == "Pod" or each.kind in ("ReplicaSet", "Job")):
            absent.setdefault(owner, each)
    return found + [_stand_in(key, each) for key, each in absent.items()]


def _stand_in(key: tuple[str, str, str], each: Object) -> Object:
    """Return the workload of that key as one of the things that it made shows it."""
    namespace, kind, name = key
    template: Mapping[str, Any] = each.body if each.kind == "Pod" else mapping(each.spec.get("template"))
    meta = {"name": name, "namespace": namespace}
    labels = mapping(template.get("metadata")).get("labels")
    shown = {"metadata": {"labels": labels}, "spec": template.get("spec")}
    spec: dict[str, Any] = {"template": shown}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": {"template": shown}}}
    return Object(
        kind, name, namespace, {"apiVersion": "v1", "kind": kind, "metadata": meta, "spec": spec}, each.document
    )


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


def _workload(each: Object, held: Mapping[tuple[str, str], Object]) -> Workload | None:
    template, path = _template(each)
    spec = mapping(template.get("spec"))
    if not isinstance(spec.get("containers"), list):
        return None
    labels = texts(mapping(template.get("metadata")).get("labels"))
    path = f"{path}/spec".lstrip("/")
    pod = _Pod(each, labels, held)
    containers = tuple(
        _container(mapping(raw), f"{path}/{key}/{index}", pod, init=key == "initContainers")
        for key in ("initContainers", "containers")
        for index, raw in enumerate(sequence(spec.get(key)))
    )
    taken = dict.fromkeys((*_volumes(spec), *_whole(spec)))
    config_maps, secrets, claims = (
        tuple(name for kind, name in taken if kind is wanted and name)
        for wanted in (Kind.CONFIG_MAP, Kind.SECRET, Kind.VOLUME)
    )
    account, replicas = text(spec.get("serviceAccountName")), number(each.spec.get("replicas"))
    return Workload(each, labels, containers, config_maps, secrets, claims, account, replicas)


@dataclass(frozen=True, slots=True)
class _Pod:
    """What the containers of one template share."""

    object: Object
    labels: Mapping[str, str]
    config_maps: Mapping[tuple[str, str], Object]


def _volumes(spec: Mapping[str, Any]) -> Iterator[tuple[Kind, str]]:
    """Yield what the volumes of a pod are made of: kind and name."""
    for volume in map(mapping, sequence(spec.get("volumes"))):
        parts = (volume, *map(mapping, sequence(mapping(volume.get("projected")).get("sources"))))
        for part in parts:
            yield Kind.CONFIG_MAP, text(mapping(part.get("configMap")).get("name"))
            secret = mapping(part.get("secret"))
            yield Kind.SECRET, text(secret.get("secretName")) or text(secret.get("name"))
        yield Kind.VOLUME, text(mapping(volume.get("persistentVolumeClaim")).get("claimName"))


def _whole(spec: Mapping[str, Any]) -> Iterator[tuple[Kind, str]]:
    """Yield the config maps and secrets that containers take as a whole into their environment."""
    for key in ("initContainers", "containers"):
        for container in map(mapping, sequence(spec.get(key))):
            for source in map(mapping, sequence(container.get("envFrom"))):
                yield Kind.CONFIG_MAP, text(mapping(source.get("configMapRef")).get("name"))
                yield Kind.SECRET, text(mapping(source.get("secretRef")).get("name"))


def _container(raw: Mapping[str, Any], path: str, pod: _Pod, *, init: bool) -> Container:
    resources = mapping(raw.get("resources"))
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
