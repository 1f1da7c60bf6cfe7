"""What runs in a cluster, as facts: pods and containers, on what, who manages them, how they are.

The chain from a container up: container on pod, pod on node, node on virtual machine and in zone, zone in region; and
pod by replica set, replica set by deployment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ontology import iris, terms
from ontology.errors import BadInput
from ontology.nouns import Iri, utc
from ontology.terms import Kind
from scanners.cloud.cloud_nouns import dns_iri
from scanners.kubernetes.nodes import Cluster, write_address, write_node
from scanners.kubernetes.objects import Object, mapping, number, sequence, text
from scanners.kubernetes.workloads import WORKLOADS
from scanners.ledger import Ledger

_OTEL_NAMES: Mapping[str, Iri] = {
    "Deployment": terms.OTEL_K8S_DEPLOYMENT_NAME,
    "StatefulSet": terms.OTEL_K8S_STATEFULSET_NAME,
    "DaemonSet": terms.OTEL_K8S_DAEMONSET_NAME,
    "ReplicaSet": terms.OTEL_K8S_REPLICASET_NAME,
    "Job": terms.OTEL_K8S_JOB_NAME,
    "CronJob": terms.OTEL_K8S_CRONJOB_NAME,
}


def write_runtime(ledger: Ledger, cluster: Cluster, each: Object) -> None:
    """Write down how an object is; what only declares is passed over."""
    write = _WRITERS.get(each.kind)
    if write is not None:
        write(ledger, cluster, each)


def _namespace(ledger: Ledger, cluster: Cluster, each: Object) -> None:
    iri = ledger.thing(iris.thing("namespace", cluster.environment(each.name), each.name), Kind.NAMESPACE, each.name)
    ledger.say(iri, terms.PART_OF, cluster.iri, evidence=each.at())
    ledger.say(iri, terms.STATUS, text(each.status.get("phase")).lower(), evidence=each.at())


def _inside(ledger: Ledger, cluster: Cluster, each: Object, iri: Iri) -> None:
    """Write down the namespace that something is part of."""
    namespace = iris.thing("namespace", cluster.environment(each.namespace), each.namespace)
    ledger.say(iri, terms.PART_OF, ledger.thing(namespace, Kind.NAMESPACE, each.namespace, each.at()))


def _pod(ledger: Ledger, cluster: Cluster, each: Object) -> None:
    """Write down a pod: on which node, by which workload, how it is, and its containers."""
    where, status = each.at(), each.status
    iri = ledger.thing(cluster.of("pod", each.namespace, each.name), Kind.POD, each.name, where)
    meta, states = mapping(each.body.get("metadata")), list(_states(each))
    for predicate, value in (
        (terms.OTEL_K8S_POD_NAME, each.name),
        (terms.OTEL_K8S_POD_UID, text(meta.get("uid"))),
        (terms.STATUS, "terminating" if meta.get("deletionTimestamp") else text(status.get("phase")).lower()),
        (terms.DESCRIPTION, text(status.get("reason"))),
        (terms.RESTART_COUNT, sum(number(state.get("restartCount")) or 0 for _, state in states) if states else None),
    ):
        ledger.say(iri, predicate, value, evidence=where)
    _inside(ledger, cluster, each, iri)
    _started(ledger, iri, text(status.get("startTime")), where)
    if node := text(each.spec.get("nodeName")):
        ledger.say(iri, terms.RUNS_ON, ledger.thing(cluster.node(node), Kind.NODE, node, where), evidence=where)
    for address in {
        text(status.get("podIP")),
        *(text(mapping(one).get("ip")) for one in sequence(status.get("podIPs"))),
    }:
        if each.spec.get("hostNetwork") is not True:
            write_address(ledger, cluster, iri, address, where)
    _managed(ledger, cluster, each, iri)
    for name, state in states:
        _container(ledger, cluster, each, name, state, iri)


def _started(ledger: Ledger, iri: Iri, moment: str, where: str) -> None:
    """Write down when something started, if that is a time."""
    try:
        ledger.say(iri, terms.START_TIME, utc(moment) if moment else None, evidence=where)
    except BadInput:
        ledger.say(iri, terms.DESCRIPTION, f"started at {moment}", evidence=where)


def _managed(ledger: Ledger, cluster: Cluster, each: Object, iri: Iri) -> None:
    """Write down the workload that controls this one."""
    if (owner := each.owner) is not None:
        kind = WORKLOADS.get(owner[1], Kind.WORKLOAD)
        ledger.say(
            iri, terms.MANAGED_BY, ledger.thing(cluster.workload(owner), kind, owner[2], each.at()), evidence=each.at()
        )


def _states(each: Object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name and status of each container of a pod."""
    for key in ("initContainerStatuses", "containerStatuses"):
        for state in map(mapping, sequence(each.status.get(key))):
            if text(state.get("name")):
                yield text(state["name"]), state


def _container(ledger: Ledger, cluster: Cluster, each: Object, name: str, state: Mapping[str, Any], pod: Iri) -> None:
    """Write down a container that runs: its id, its image by content, how it is and how it last ended."""
    where = each.at()
    iri = ledger.thing(cluster.of("container", each.namespace, "pod", each.name, name), Kind.CONTAINER, name, where)
    image, digest = text(state.get("image")), _digest(text(state.get("imageID")))
    for predicate, value in (
        (terms.PART_OF, pod),
        (terms.RUNS_ON, pod),
        (terms.OTEL_K8S_CONTAINER_NAME, name),
        (terms.OTEL_CONTAINER_ID, text(state.get("containerID")).rpartition("://")[2]),
        (terms.RESTART_COUNT, number(state.get("restartCount"))),
        (terms.STATUS, _how(mapping(state.get("state")))),
        (terms.DESCRIPTION, _ended(mapping(mapping(state.get("lastState")).get("terminated")))),
        (terms.OTEL_CONTAINER_IMAGE_NAME, image),
        (terms.DIGEST, digest),
    ):
        ledger.say(iri, predicate, value, evidence=where)
    _started(ledger, iri, text(mapping(mapping(state.get("state")).get("running")).get("startedAt")), where)
    if written := _written(each, name):
        ledger.say(
            iri,
            terms.USES_IMAGE,
            ledger.thing(iris.thing("image", written.lower()), Kind.IMAGE, written, where),
            evidence=where,
        )
    if digest:
        content = ledger.thing(iris.thing("image-digest", digest), Kind.IMAGE_DIGEST, digest, where)
        ledger.say(iri, terms.USES_IMAGE, content, evidence=where)


def _written(each: Object, name: str) -> str:
    """Return the image of a container as its manifest writes it: the runtime may report a longer name."""
    for key in ("containers", "initContainers"):
        for raw in map(mapping, sequence(each.spec.get(key))):
            if text(raw.get("name")) == name:
                return text(raw.get("image"))
    return ""


def _digest(image: str) -> str:
    """Return the digest of an image id: `docker-pullable://shop/cart@sha256:ab` or `sha256:ab`.

    >>> _digest("docker-pullable://shop/cart@sha256:ab"), _digest("shop/cart:1")
    ('sha256:ab', '')
    """
    found = re.search(r"(sha256:[0-9a-f]+)$", image)
    return found[1] if found else ""


def _how(state: Mapping[str, Any]) -> str:
    """Return how a container is: `running`, `waiting: CrashLoopBackOff`, `terminated: OOMKilled`."""
    for name in ("running", "waiting", "terminated"):
        if name in state:
            reason = text(mapping(state[name]).get("reason"))
            return f"{name}: {reason}" if reason else name
    return ""


def _ended(last: Mapping[str, Any]) -> str:
    """Return how a container's last run ended."""
    if not last:
        return ""
    code = text(last.get("exitCode"))
    return f"last ended: {text(last.get('reason')) or 'unknown'}, exit code {code} at {text(last.get('finishedAt'))}"


def _scaled(ledger: Ledger, cluster: Cluster, each: Object) -> None:
    """Write down how many replicas of a workload are ready, under which name telemetry knows it, and who manages it."""
    where, status, iri = each.at(), each.status, cluster.workload(each.key)
    ready = number(status.get("readyReplicas", status.get("numberReady"))) or 0
    wanted = number(each.spec.get("replicas", status.get("desiredNumberScheduled")))
    if each.kind == "ReplicaSet" and each.owner is not None and not wanted and not number(status.get("replicas")):
        return  # an old revision: kept by Kubernetes for roll-backs
    ledger.thing(iri, WORKLOADS[each.kind], each.name, where)
    _inside(ledger, cluster, each, iri)
    ledger.say(iri, terms.REPLICAS, wanted, evidence=where)
    ledger.say(iri, _OTEL_NAMES[each.kind], each.name, evidence=where)
    if wanted is not None:
        ledger.say(iri, terms.STATUS, f"{ready} of {wanted} ready", evidence=where)
    _managed(ledger, cluster, each, iri)


def _job(ledger: Ledger, cluster: Cluster, each: Object) -> None:
    """Write down how a job ended, and the cron job that made it."""
    where, status, iri = each.at(), each.status, cluster.workload(each.key)
    ledger.thing(iri, WORKLOADS[each.kind], each.name, where)
    _inside(ledger, cluster, each, iri)
    ledger.say(iri, _OTEL_NAMES[each.kind], each.name, evidence=where)
    ends = {text(mapping(raw).get("type")) for raw in sequence(status.get("conditions"))}
    known = next((name.lower() for name in ("Failed", "Complete") if name in ends), None)
    running = "running" if status.get("active") else None
    suspended = "suspended" if each.spec.get("suspend") is True else None
    ledger.say(iri, terms.STATUS, known or suspended or running, evidence=where)
    _started(ledger, iri, text(status.get("startTime")), where)
    _managed(ledger, cluster, each, iri)


def _service(ledger: Ledger, cluster: Cluster, each: Object) -> None:
    """Write down the addresses of a Kubernetes Service or an ingress, in the cluster and from outside."""
    kind = "ingress" if each.kind == "Ingress" else "k8s-service"
    iri, where = cluster.of(kind, each.namespace, each.kind.lower(), each.name), each.at()
    if each.kind == "Service":
        ledger.say(iri, terms.OTEL_K8S_SERVICE_NAME, each.name, evidence=where)
        write_address(ledger, cluster, iri, text(each.spec.get("clusterIP")), where)
    for raw in sequence(mapping(each.status.get("loadBalancer")).get("ingress")):
        write_address(ledger, cluster, iri, text(mapping(raw).get("ip")), where)
        if host := text(mapping(raw).get("hostname")):
            name = ledger.thing(dns_iri(host), Kind.DNS_NAME, host.lower(), where)
            ledger.say(name, terms.RESOLVES_TO, iri, evidence=where)


def _endpoints(ledger: Ledger, cluster: Cluster, each: Object) -> None:
    """Write down the pods that a Kubernetes Service sends to now: those that are ready."""
    name = each.labels.get("kubernetes.io/service-name", "")
    service = cluster.of("k8s-service", each.namespace, "service", name)
    if name:
        ledger.thing(service, Kind.K8S_SERVICE, name, each.at())
    for endpoint in map(mapping, sequence(each.body.get("endpoints"))) if name else ():
        goal = mapping(endpoint.get("targetRef"))
        if mapping(endpoint.get("conditions")).get("ready") is False:
            continue
        if text(goal.get("kind")) == "Pod":
            pod = cluster.of("pod", text(goal.get("namespace")) or each.namespace, text(goal.get("name")))
            ledger.thing(pod, Kind.POD, text(goal.get("name")), each.at())
            ledger.say(service, terms.ROUTES_TO, pod, evidence=each.at())
        else:
            for address in map(text, sequence(endpoint.get("addresses"))):
                write_address(ledger, cluster, service, address, each.at())


def _claim(ledger: Ledger, cluster: Cluster, each: Object) -> None:
    """Write down whether a claim of storage is bound."""
    iri = cluster.of("volume", each.namespace, each.name)
    ledger.say(iri, terms.STATUS, text(each.status.get("phase")).lower(), evidence=each.at())


def _volume(ledger: Ledger, cluster: Cluster, each: Object) -> None:
    """Write down the disk behind a claim of storage, under its provider's name for it."""
    claim = mapping(each.spec.get("claimRef"))
    handle = text(mapping(each.spec.get("csi")).get("volumeHandle"))
    if handle and text(claim.get("name")):
        iri = cluster.of("volume", text(claim.get("namespace")), text(claim["name"]))
        ledger.thing(iri, Kind.VOLUME, text(claim["name"]), each.at())
        ledger.say(iri, terms.OTEL_CLOUD_RESOURCE_ID, handle, evidence=each.at())


_WRITERS: Mapping[str, Callable[[Ledger, Cluster, Object], None]] = {
    "Namespace": _namespace,
    "Node": write_node,
    "Pod": _pod,
    "Deployment": _scaled,
    "StatefulSet": _scaled,
    "DaemonSet": _scaled,
    "ReplicaSet": _scaled,
    "Job": _job,
    "CronJob": _job,
    "Service": _service,
    "Ingress": _service,
    "EndpointSlice": _endpoints,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume,
}
