"""Why pods get no node, and objects are not created at all: quotas, accounts, capacity, placement, storage.

The semantics are those of the Kubernetes documentation: Resource Quotas, Service Accounts, Assigning Pods to Nodes,
Taints and Tolerations, Persistent Volumes (binding: class, access modes, capacity, selector, an unclaimed volume).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from workbench.reasoning.statistical.kubernetes.estate import Cluster, Workload, pairs, quantity
from workbench.reasoning.statistical.kubernetes.symptoms import COMPARED, LIKELY, POSSIBLE, STATED, Symptom

_QUOTAS = (
    ("cpu", "quota-cpu"),
    ("memory", "quota-memory"),
    ("storage", "quota-storage"),
    ("persistentvolumeclaims", "quota-storage"),
    ("services", "quota-services"),
    ("pods", "quota-pods"),
)


def refused(cluster: Cluster) -> Iterator[Symptom]:
    """Yield quotas and accounts for which the cluster refuses to create what a workload is short of now."""
    for its in cluster.workloads.values():
        if not its.short:
            continue  # a refusal that was retried with success is told by old events for an hour
        for said in its.warned("exceeded quota"):
            if cause := _quota(said.text):
                space = cluster.namespace(its)
                yield Symptom(space, cause, STATED, f"{its.name} may not be created: {said.text}", said.at)
        for said in its.warned("serviceaccount"):
            if "not found" in said.text and its.account not in cluster.accounts.get(cluster.namespace(its), set()):
                yield Symptom(its.name, "service-account-missing", STATED, f"{its.name}: {said.text}", said.at)


def _quota(text: str) -> str:
    """Return the cause for the resource whose request does not fit any more."""
    match = re.search(r"requested: (.*?), used: (.*?), limited: (.*)", text)
    if not match:
        return ""
    asked, used, limit = (pairs(each.strip()) for each in match.groups())
    over = [key for key in asked if quantity(asked[key]) + quantity(used.get(key, "0")) > quantity(limit.get(key, "0"))]
    return next((cause for word, cause in _QUOTAS for key in over or asked if word in key), "")


def full_quotas(cluster: Cluster) -> Iterator[Symptom]:
    """Yield quotas that leave no room for something declared that is not there: a service, a claim."""
    services = {name for kind, name in cluster.missing if kind == "Service"}
    claims = {name for kind, name in cluster.missing if kind == "PersistentVolumeClaim"} | set(_unknown_claims(cluster))
    for space, quotas in cluster.quotas.items():
        used, limit = quotas.get("services", (0.0, 1.0))
        if used >= limit:
            named = f", and {', '.join(sorted(services))} is not there" if services else ""
            nats = COMPARED if services else POSSIBLE
            yield Symptom(space, "quota-services", nats, f"{used:g} of {limit:g} services are used{named}")
        storage = [key for key in quotas if "storage" in key or "persistentvolumeclaims" in key]
        if storage and claims:
            kept = ", ".join(sorted(claims))
            yield Symptom(
                space, "quota-storage", COMPARED, f"{kept} is not there, in a namespace with a quota on storage"
            )


def _unknown_claims(cluster: Cluster) -> Iterator[str]:
    for its in cluster.workloads.values():
        if its.pending:
            yield from (each for each in its.claims if each not in cluster.claims)


def unscheduled(cluster: Cluster) -> Iterator[Symptom]:
    """Yield why the scheduler finds no node for a pod that waits for one now."""
    for its in cluster.workloads.values():
        if not its.pending:
            continue
        told = its.warned("FailedScheduling")
        if not told:
            yield from _unseen(cluster, its)
        latest = max(told, key=lambda each: (each.at is not None, each.at), default=None)
        if latest is not None and (cause := _placed(cluster, its, latest.text)):
            nats = LIKELY if cause == "claim-unbound" else STATED
            yield Symptom(its.name, cause, nats, f"{its.name} is pending: {latest.text[:200]}", latest.at)


def _unseen(cluster: Cluster, its: Workload) -> Iterator[Symptom]:
    """Yield that nobody tried to place a pod: the scheduler says so when it fails."""
    for node in cluster.nodes.values():
        if node.control:
            note = f"{its.name} is pending, and no scheduler tried to place it"
            yield Symptom(node.name, "scheduler-down", POSSIBLE, note)


def _placed(cluster: Cluster, its: Workload, text: str) -> str:
    """Return the cause that a message of the scheduler names: what keeps a fit node off, before what makes none fit."""
    said = text.partition(" preemption:")[0]
    taints = re.findall(r"untolerated taint \{([^:}]+)", said)
    unschedulable = re.search(r"(\d+) node\(s\) were unschedulable", said)
    known = sum(node.cordoned for node in cluster.nodes.values() if node.control)
    if "Insufficient cpu" in said:
        return "cpu-short"
    if "Insufficient memory" in said:
        return "memory-short"
    if "anti-affinity" in said:
        return "pod-anti-affinity"
    if any("node-role.kubernetes.io" not in each and "node.kubernetes.io/" not in each for each in taints):
        return "taint-untolerated"
    if unschedulable and int(unschedulable[1]) > known:
        return "node-cordoned"
    if "node affinity" in said or "node selector" in said:
        return "node-affinity-unmatched" if its.affinity and not its.selector else "node-selector-unmatched"
    return "claim-unbound" if "persistentvolumeclaim" in said.lower() else ""


def unbound(cluster: Cluster) -> Iterator[Symptom]:
    """Yield why the claim of a pod that waits is bound to no volume, as the volumes stand beside it."""
    for its in cluster.workloads.values():
        for name in its.claims if its.pending else ():
            claim = cluster.claims.get(name)
            if claim is None:
                yield Symptom(its.name, "claim-missing", LIKELY, f"{its.name} mounts {name}, which is not there")
            elif claim.get("phase") == "Pending":
                cause, why = _binding(cluster, name, claim)
                yield Symptom(its.name, cause, STATED, f"{its.name} waits for {name}: {why}")


def _binding(cluster: Cluster, name: str, claim: dict[str, str]) -> tuple[str, str]:
    """Return what keeps a claim from the volume that comes nearest to it."""
    wanted = claim.get("class", "")
    failed = " ".join(said.text for said in cluster.said.get(name, ()) if said.warning)
    same = {key: each for key, each in cluster.volumes.items() if each.get("class", "") == wanted}
    if wanted and ("not found" in failed or (cluster.classes is not None and wanted not in cluster.classes)):
        return "claim-class", f"there is no storage class {wanted}"
    usable = {key: each for key, each in same.items() if each.get("phase") not in ("Released", "Failed")}
    faults = {key: _faults(name, claim, each) for key, each in usable.items()}
    if not faults:
        return ("claim-class", f"no volume is of class {wanted}") if wanted else ("claim-unbound", "no volume is free")
    nearest = min(faults, key=lambda key: (len(faults[key]), key))
    first = next(iter(faults[nearest].items()), ("claim-unbound", f"{nearest} would do"))
    return first[0], f"{nearest} {first[1]}"


def _faults(name: str, claim: dict[str, str], volume: dict[str, str]) -> dict[str, str]:
    """Return what is against a volume, by cause."""
    found = {}
    owner = volume.get("claimed by", "")
    if owner and not owner.endswith(f"/{name}"):
        found["volume-taken"] = f"is claimed by {owner}"
    labels, asked = pairs(volume.get("labels", "")), claim.get("selector", "")
    if asked and not (pairs(asked) and pairs(asked).items() <= labels.items()):
        found["claim-selector"] = f"has not the labels {asked}"
    if quantity(claim.get("size", "0")) > quantity(volume.get("size", "0")):
        found["claim-size"] = f"has {volume.get('size')} and {claim.get('size')} are asked for"
    if not set(filter(None, claim.get("access modes", "").split(","))) <= set(
        volume.get("access modes", "").split(",")
    ):
        found["claim-access-mode"] = f"is {volume.get('access modes')} and {claim.get('access modes')} is asked for"
    return found
