"""Kubernetes: what is declared of workloads, services, nodes, claims and namespaces, as rows of state. Pure.

    for field, value in workload_fields(deployment): ...

The words are those that a rule can rest on (docs/method.md lists them): probes and ports, selectors, requests,
accounts, claims, taints, quotas, addresses in variables. Values of secrets are not in these objects, and a variable's
value is told only where it is an address or a port.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

Thing = Mapping[str, Any]
Field = tuple[str, str]
"""What a row says in its field and its value."""

ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?:\d{1,5}(?:/[\w./-]*)?")
"""`cart:7070`, `http://cart.shop.svc:80/api`: without a user or a password."""
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")


def pairs(mapping: Thing | None) -> str:
    """Return a mapping as `a=b,c=d`."""
    return ",".join(f"{key}={value}" for key, value in sorted((mapping or {}).items()))


def workload_fields(thing: Thing) -> Iterator[Field]:
    """Yield what a Deployment, StatefulSet or DaemonSet wants, and how much of it is ready."""
    spec, status = thing.get("spec") or {}, thing.get("status") or {}
    yield "namespace", str(thing["metadata"].get("namespace", ""))
    wanted = spec.get("replicas", status.get("desiredNumberScheduled"))
    ready = status.get("readyReplicas", status.get("numberReady", 0)) or 0
    if wanted is not None:
        yield "replicas", f"{wanted} wanted, {ready} ready"
    yield from template_fields(spec.get("template") or {})


def template_fields(template: Thing) -> Iterator[Field]:
    """Yield what a pod's template sets; a pod is one of its own."""
    spec = template.get("spec") or {}
    yield "labels", pairs((template.get("metadata") or {}).get("labels"))
    yield "service account", str(spec.get("serviceAccountName") or "default")
    if spec.get("nodeSelector"):
        yield "node selector", pairs(spec["nodeSelector"])
    yield from _affinities(spec.get("affinity") or {})
    claims = [(each.get("persistentVolumeClaim") or {}).get("claimName") for each in spec.get("volumes") or ()]
    if any(claims):
        yield "claims", ",".join(sorted(filter(None, claims)))
    for each in spec.get("containers") or ():
        yield from _container_fields(each)


def _affinities(affinity: Thing) -> Iterator[Field]:
    terms = (affinity.get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    asked = [
        f"{each.get('key')} {each.get('operator')} {','.join(map(str, each.get('values') or ()))}".strip()
        for term in terms.get("nodeSelectorTerms") or ()
        for each in term.get("matchExpressions") or ()
    ]
    if asked:
        yield "node affinity", "; ".join(asked)
    if (affinity.get("podAntiAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution"):
        yield "pod anti-affinity", "required"


def _container_fields(container: Thing) -> Iterator[Field]:
    name = str(container["name"])
    yield f"{name} image", str(container.get("image", ""))
    if container.get("ports"):
        ports = [
            f"{each['containerPort']}/{each.get('protocol', 'TCP')}{':' + each['name'] if each.get('name') else ''}"
            for each in container["ports"]
        ]
        yield f"{name} ports", ",".join(ports)
    for kind in ("liveness", "readiness", "startup"):
        if probe := container.get(f"{kind}Probe"):
            yield f"{name} {kind} probe", _probe(probe)
    for side in ("requests", "limits"):
        if sizes := (container.get("resources") or {}).get(side):
            yield f"{name} {side}", pairs(sizes)
    yield from _variables(name, container)


def _probe(probe: Thing) -> str:
    way = next((each for each in ("httpGet", "grpc", "tcpSocket", "exec") if each in probe), "")
    port = (probe.get(way) or {}).get("port", "")
    numbers = (
        ("delay", probe.get("initialDelaySeconds", 0)),
        ("timeout", probe.get("timeoutSeconds", 1)),
        ("period", probe.get("periodSeconds", 10)),
        ("failures", probe.get("failureThreshold", 3)),
    )
    return " ".join([way, f"port={port}", *(f"{key}={value}" for key, value in numbers)])


def _variables(name: str, container: Thing) -> Iterator[Field]:
    """Yield addresses in variables, and what the variables refer to: names and keys, never what stands there."""
    for each in container.get("env") or ():
        value, source = str(each.get("value") or ""), each.get("valueFrom") or {}
        if ADDRESS.fullmatch(value) or (each["name"].upper().endswith("PORT") and value.isdigit()):
            yield f"{name} env {each['name']}", value
        for kind, word in (("secretKeyRef", "secret"), ("configMapKeyRef", "config map")):
            if kind in source and not source[kind].get("optional"):
                yield f"{name} env {each['name']}", f"from {word} {source[kind]['name']} key {source[kind]['key']}"
    for source in container.get("envFrom") or ():
        for kind, word in (("secretRef", "secret"), ("configMapRef", "config map")):
            if kind in source and not source[kind].get("optional"):
                yield f"{name} env", f"from {word} {source[kind]['name']}"


def service_fields(thing: Thing) -> Iterator[Field]:
    """Yield what a Service sends where."""
    spec = thing.get("spec") or {}
    yield "namespace", str(thing["metadata"].get("namespace", ""))
    if spec.get("selector"):
        yield "selector", pairs(spec["selector"])
    for each in spec.get("ports") or ():
        target = each.get("targetPort") or each["port"]
        name = f"{each['name']} " if each.get("name") else ""
        yield "port", f"{name}{each['port']}/{each.get('protocol', 'TCP')} to {target}"


def node_fields(thing: Thing) -> Iterator[Field]:
    """Yield what a node takes: whether anything, what keeps pods away, what it has."""
    meta, spec = thing["metadata"], thing.get("spec") or {}
    labels = meta.get("labels") or {}
    control = any(each in labels for each in _CONTROL_PLANE) or labels.get("kubernetes.io/role") in (
        "master",
        "control",
    )
    yield "role", "control plane" if control else "worker"
    yield "labels", pairs(labels)
    if spec.get("unschedulable"):
        yield "unschedulable", "true"
    taints = [f"{each['key']}={each.get('value') or ''}:{each['effect']}" for each in spec.get("taints") or ()]
    if taints:
        yield "taints", ",".join(taints)
    free = (thing.get("status") or {}).get("allocatable") or {}
    yield "allocatable", pairs({key: free[key] for key in ("cpu", "memory", "pods") if key in free})


def claim_fields(thing: Thing) -> Iterator[Field]:
    """Yield what a PersistentVolumeClaim asks for, and whether it got it."""
    spec, status = thing.get("spec") or {}, thing.get("status") or {}
    yield "phase", str(status.get("phase", "Unknown"))
    yield "size", str(((spec.get("resources") or {}).get("requests") or {}).get("storage", ""))
    yield "access modes", ",".join(spec.get("accessModes") or ())
    yield "class", str(spec.get("storageClassName") or "")
    yield "volume", str(spec.get("volumeName") or "")
    selector = spec.get("selector") or {}
    if selector:
        expressions = [f"{each.get('key')} {each.get('operator')}" for each in selector.get("matchExpressions") or ()]
        yield "selector", ",".join(filter(None, [pairs(selector.get("matchLabels")), *expressions]))


def volume_fields(thing: Thing) -> Iterator[Field]:
    """Yield what a PersistentVolume is, and whose."""
    spec, owner = thing.get("spec") or {}, (thing.get("spec") or {}).get("claimRef") or {}
    yield "phase", str((thing.get("status") or {}).get("phase", "Unknown"))
    yield "size", str((spec.get("capacity") or {}).get("storage", ""))
    yield "access modes", ",".join(spec.get("accessModes") or ())
    yield "class", str(spec.get("storageClassName") or "")
    yield "labels", pairs(thing["metadata"].get("labels"))
    if owner.get("name"):
        yield "claimed by", f"{owner.get('namespace', '')}/{owner['name']}"


def quota_fields(thing: Thing) -> Iterator[Field]:
    """Yield how much of each limit of a namespace is used."""
    status = thing.get("status") or {}
    for resource, hard in sorted((status.get("hard") or {}).items()):
        used = (status.get("used") or {}).get(resource, "0")
        yield f"{thing['metadata']['name']} {resource}", f"{used} of {hard}"


def policy_fields(thing: Thing) -> Iterator[Field]:
    """Yield whom a NetworkPolicy is about, and which directions it closes altogether."""
    spec = thing.get("spec") or {}
    yield "selector", pairs((spec.get("podSelector") or {}).get("matchLabels"))
    closed = [kind for kind in spec.get("policyTypes") or ["Ingress"] if not spec.get(kind.lower())]
    yield "allows nothing", ",".join(closed)


def route_fields(thing: Thing) -> Iterator[Field]:
    """Yield the routes of a gateway that a ConfigMap declares: each has an `id` and a `uri`."""
    for text in (thing.get("data") or {}).values():
        if isinstance(text, str) and "uri" in text and "id" in text:
            try:
                documents = list(yaml.safe_load_all(text))
            except yaml.YAMLError:
                continue  # another format: it declares no such routes
            for each in _mappings(documents):
                if isinstance(each.get("id"), str) and isinstance(each.get("uri"), str):
                    yield f"route {each['id']}", each["uri"]


def _mappings(node: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        yield node
    inner: Iterable[object] = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    for each in inner:
        yield from _mappings(each)


def names(things: Sequence[Thing]) -> Mapping[str, list[str]]:
    """Return the names of objects by namespace."""
    found: dict[str, list[str]] = {}
    for each in things:
        found.setdefault(str(each["metadata"].get("namespace", "")), []).append(str(each["metadata"]["name"]))
    return found
