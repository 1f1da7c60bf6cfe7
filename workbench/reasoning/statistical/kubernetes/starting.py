"""Why containers do not start, or are stopped again: images, references, memory, probes.

The semantics are those of the Kubernetes documentation: Images, Configure a Pod to Use a ConfigMap, Resource
Management for Pods (who is over its limit is OOM-killed), Configure Liveness, Readiness and Startup Probes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from workbench.reasoning.statistical.kubernetes.estate import Cluster, Said, Workload
from workbench.reasoning.statistical.kubernetes.symptoms import COMPARED, LIKELY, POSSIBLE, STATED, Symptom

_PULLS = (
    ("registry-unresolved", ("no such host", "name resolution", "server misbehaving")),
    (
        "image-pull-secret-missing",
        ("FailedToRetrieveImagePullSecret", "authoriz", "anonymous token", "denied", " 401", " 403"),
    ),
    ("image-not-found", ("NotFound", "not found", "manifest unknown", "does not exist", "InvalidImageName")),
    ("registry-unreachable", ("timeout", "deadline exceeded", "connection refused", "no route to host")),
)
"""What a container runtime says when it cannot pull, the most particular first."""
_SPOKEN = re.compile(
    r"malformed HTTP|HTTP/1\.x transport|preface|frame too large|first record does not look like a TLS|"
    r"HTTP response to HTTPS|HTTP request to an HTTPS|unimplemented|wrong version number"
)
"""What a probe says that spoke another protocol than the port does."""
OFTEN = 3
"""Failed probes from which they are no start-up trouble: the default failureThreshold."""
HASTY = 10.0
"""Seconds after its start within which a probe that kills gives no service the time to come up."""
_OWN_END = re.compile(r"exit code ([1-9]\d?|1[0-2]\d)\b")
"""Ended by itself: codes from 128 up are signals of others."""


def pulls(cluster: Cluster) -> Iterator[Symptom]:
    """Yield why the image of a container that waits for it now cannot be pulled."""
    for its in cluster.workloads.values():
        waiting = [pod for pod in its.pods.values() if re.search(r"ImagePull|InvalidImageName|ErrImage", pod.waiting)]
        if not waiting:
            continue
        told = its.warned("Failed to pull image", "ImagePullSecret", "InvalidImageName", "Failed to inspect image")
        told.sort(key=lambda said: said.at.timestamp() if said.at else 0.0, reverse=True)  # of another image before
        texts = [*(f"{said.reason} {said.text}" for said in told), *(pod.waiting for pod in waiting)]
        causes = (name for text in texts for name, words in _PULLS if any(word in text for word in words))
        cause = next(causes, "")
        nats = STATED if cause else POSSIBLE
        yield Symptom(its.name, cause or "image-not-found", nats, f"{its.name} cannot pull: {texts[0][:300]}")


def references(cluster: Cluster) -> Iterator[Symptom]:
    """Yield secrets and config maps that a container needs to start and that are not there."""
    for its in cluster.workloads.values():
        if not its.short:
            continue
        texts = [said.text for said in its.events if said.warning] + [pod.waiting for pod in its.pods.values()]
        for kind, cause in (("secret", "secret-missing"), ("configmap", "config-missing")):
            match = next((found for text in texts if (found := re.search(rf'{kind} "([^"]+)" not found', text))), None)
            if match and not any("ImagePull" in pod.waiting for pod in its.pods.values()):
                yield Symptom(its.name, cause, STATED, f"{its.name} needs {kind} {match[1]}, which is not there")


def memory(cluster: Cluster) -> Iterator[Symptom]:
    """Yield who was killed for its memory."""
    for its in cluster.workloads.values():
        ends = [pod.ended for pod in its.pods.values() if re.search(r"OOM", pod.ended)]
        told = [said.text for said in its.warned("OOM", "oom-kill")] if its.short else []
        said = [*ends, *told, *(pod.waiting for pod in its.pods.values() if "OOM" in pod.waiting)]
        if said:
            yield Symptom(its.name, "out-of-memory", STATED, f"{its.name}: {said[0][:200]}")


def probes(cluster: Cluster) -> Iterator[Symptom]:
    """Yield probes that fail again and again at a container that runs: wrong port, wrong protocol, too hasty."""
    for its in cluster.workloads.values():
        if not its.short and not its.restarts:
            continue
        if any(_OWN_END.search(pod.ended) for pod in its.pods.values()) and not _killed(its):
            continue  # it ended by itself: that its probes fail is a consequence
        for kind in ("liveness", "startup", "readiness"):
            told = its.warned(f"{kind.capitalize()} probe failed")
            if kind == "readiness" and (its.restarts or _killed(its)):
                continue  # it is restarted: that it is not ready follows
            found = _probe(its, kind, told)
            if found:
                yield found
                break


def _killed(its: Workload) -> bool:
    return any(
        said.reason == "Killing" and re.search(r"failed (liveness|startup) probe", said.text) for said in its.events
    )


def _probe(its: Workload, kind: str, told: list[Said]) -> Symptom | None:
    """Return what is wrong with a probe that is declared, and fails."""
    count = max((said.count for said in told), default=0)
    if count < OFTEN and not (kind != "readiness" and _killed(its) and told):
        return None
    for container in its.containers.values():
        probe = container.probes.get(kind)
        text = next((said.text for said in reversed(told)), "")
        if probe is None:
            continue
        port, again = probe.get("port", ""), f"{its.name}: {kind} probe failed {count} times: {text[:160]}"
        if _SPOKEN.search(text):
            return Symptom(its.name, f"{kind}-protocol", STATED, again)
        if port and container.ports and port not in container.ports:
            ports = ", ".join(container.ports)
            return Symptom(its.name, f"{kind}-port", STATED, f"{again}; it asks port {port}, the container has {ports}")
        if kind != "readiness" and (its.restarts or _killed(its)):
            first = float(probe.get("delay", 0)) + float(probe.get("period", 10)) * float(probe.get("failures", 3))
            nats = COMPARED if first <= HASTY else LIKELY - 1.0
            return Symptom(its.name, f"{kind}-timing", nats, f"{again}; it kills from {first:g} s after the start")
    return None


def restarts(cluster: Cluster) -> Iterator[Symptom]:
    """Yield who restarts, or does not serve, for no reason that the cluster states."""
    for its in cluster.workloads.values():
        node = next((pod.node for pod in its.pods.values() if not pod.well), "")
        looping = [pod.waiting for pod in its.pods.values() if "CrashLoopBackOff" in pod.waiting]
        looping += (
            [said.text for said in its.warned("Back-off restarting")] if its.short and its.restarts >= OFTEN else []
        )
        if looping:
            ends = ", ".join(sorted({pod.ended for pod in its.pods.values() if pod.ended}))
            yield Symptom(
                its.name, "crash-looping", POSSIBLE + 0.5, f"{its.name} restarts again and again: {ends}", node=node
            )
        elif its.short:
            ready = f"{its.ready} of {its.wanted}" if its.wanted is not None else "not all"
            yield Symptom(its.name, "not-serving", POSSIBLE, f"{ready} pods of {its.name} serve", node=node)


def idle(cluster: Cluster) -> Iterator[Symptom]:
    """Yield workloads of no pods that a Service sends requests to."""
    for its in cluster.workloads.values():
        served = any(each.selector and its.holds(each.selector) for each in cluster.services.values())
        if its.wanted == 0 and served:
            yield Symptom(its.name, "replicas-zero", COMPARED, f"{its.name} is scaled to 0, and a service sends to it")
