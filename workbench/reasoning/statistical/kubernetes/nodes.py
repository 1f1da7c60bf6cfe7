"""Nodes that do not work: their services, their conditions, and pods that nobody starts there.

The semantics are those of the Kubernetes documentation: Nodes (conditions; a kubelet that stops posting makes them
Unknown), Container Runtimes, Virtual IPs and Service Proxies, and of systemd's states of a unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from workbench.reasoning.statistical.kubernetes.estate import Cluster
from workbench.reasoning.statistical.kubernetes.symptoms import COMPARED, LIKELY, POSSIBLE, STATED, Symptom

_UNITS = {
    "kubelet": "kubelet-down",
    "containerd": "container-runtime-down",
    "docker": "container-runtime-down",
    "crio": "container-runtime-down",
    "kube-proxy": "kube-proxy-down",
    "kube-scheduler": "scheduler-down",
    "kube-controller-manager": "control-plane-down",
    "kube-apiserver": "control-plane-down",
    "etcd": "control-plane-down",
}
_RUNTIME = re.compile(
    r"(?:containerd|docker|crio|cri-dockerd)[\w./-]*\.sock|container runtime is down|PLEG is not healthy"
)


def units(cluster: Cluster) -> Iterator[Symptom]:
    """Yield services of a node that its system manager does not run."""
    for node in cluster.nodes.values():
        for unit, state in node.units.items():
            if unit in _UNITS and not state.startswith(("active", "activating", "reloading")):
                yield Symptom(node.name, _UNITS[unit], STATED, f"{unit} of {node.name} is {state}")


def conditions(cluster: Cluster) -> Iterator[Symptom]:
    """Yield nodes that are not ready, or short of something."""
    for node in cluster.nodes.values():
        ready = node.conditions.get("Ready", "True")
        if not ready.startswith("True"):
            runtime = _RUNTIME.search(ready) or any(_RUNTIME.search(said.text) for said in node.events if said.warning)
            silent = ready.startswith("Unknown")
            cause = "kubelet-down" if silent else "container-runtime-down" if runtime else "node-not-ready"
            yield Symptom(node.name, cause, LIKELY, f"{node.name} Ready is {ready}")
        for name, value in node.conditions.items():
            if name.endswith("Pressure") and value.startswith("True"):
                yield Symptom(node.name, "node-pressure", POSSIBLE + 1.0, f"{node.name} {name} is {value}")


def sandboxes(cluster: Cluster) -> Iterator[Symptom]:
    """Yield nodes on which pods that do not serve now cannot be started for want of a container runtime."""
    for its in cluster.workloads.values():
        told = [said for said in its.warned("FailedCreatePodSandBox", "FailedKillPod") if _RUNTIME.search(said.text)]
        for pod in its.pods.values() if told and its.short else ():
            if pod.node and not pod.well and "No such file" not in pod.node:
                note = f"{its.name} cannot be started on {pod.node}: {told[-1].text[-140:]}"
                yield Symptom(pod.node, "container-runtime-down", COMPARED, note)
