"""A server of our own that speaks as much of the Kubernetes API as the sources ask, from the tables of a case.

with cluster_of_states(tables["state"]) as server:
    KubernetesState(lambda: api_client(server.url)).ask(question)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.telemetry.pace import Pace
from workbench.testing.vendors import BODY, Page, VendorServer

Objects = Mapping[str, Sequence[Mapping[str, Any]]]
LISTS = {
    **dict.fromkeys(("pods", "nodes", "events", "configmaps", "namespaces", "services", "resourcequotas"), "/api/v1"),
    **dict.fromkeys(("persistentvolumeclaims", "persistentvolumes", "serviceaccounts"), "/api/v1"),
    "storageclasses": "/apis/storage.k8s.io/v1",
    "networkpolicies": "/apis/networking.k8s.io/v1",
    **dict.fromkeys(
        ("deployments", "replicasets", "controllerrevisions", "statefulsets", "daemonsets"), "/apis/apps/v1"
    ),
}


Rules = Mapping[str, Sequence[Mapping[str, Any]]]
"""Namespace to the rules that its reviewer tells; those of `""` are of the whole cluster."""


def cluster(
    objects: Objects, logs: Mapping[str, str] | None = None, *, rules: Rules | None = None, whole: bool = True
) -> VendorServer:
    """Return a cluster that answers lists, logs and reviews.

    Args:
        objects: by plural.
        logs: by `pod/container` or `pod/container previous`.
        rules: what its user may do; without it reviews are not served.
        whole: whether a review of rules tells them all.
    """
    lists = {f"{base}/{plural}": list(objects.get(plural, ())) for plural, base in LISTS.items()}

    def answer(path: str, parameters: Mapping[str, str]) -> object | None:
        if log := re.fullmatch(r"/api/v1/namespaces/[^/]+/pods/([^/]+)/log", path):
            key = f"{log[1]}/{parameters['container']}{' previous' if parameters.get('previous') == 'true' else ''}"
            text = (logs or {}).get(key)
            return None if text is None else Page(text, {"Content-Type": "text/plain"})
        if rules is not None and (review := re.fullmatch(r"/apis/authorization.k8s.io/v1/(selfsubject\w+)s", path)):
            return {"status": _reviewed(review[1], json.loads(parameters[BODY])["spec"], rules, whole)}
        if path not in lists:
            return None
        start, limit = int(parameters.get("continue", "0")), int(parameters.get("limit", "500"))
        rest = start + limit < len(lists[path])
        meta = {"continue": str(start + limit)} if rest else {}
        return {"kind": "List", "metadata": meta, "items": lists[path][start : start + limit]}

    return VendorServer(answer)


def _reviewed(kind: str, spec: Mapping[str, Any], rules: Rules, whole: bool) -> dict[str, Any]:
    """Return what a review says; one of rules that are not whole leaves out those of the cluster."""
    if kind == "selfsubjectrulesreview":
        told = [*(rules.get("", ()) if whole else ()), *rules.get(spec["namespace"], ())]
        return {"resourceRules": told, "nonResourceRules": [], "incomplete": not whole}
    wanted = spec["resourceAttributes"]
    name = "/".join(filter(None, (wanted["resource"], wanted.get("subresource"))))
    places = (("verbs", wanted["verb"]), ("apiGroups", wanted["group"]), ("resources", name))
    return {"allowed": any(all({value, "*"} & set(rule[key]) for key, value in places) for rule in rules.get("", ()))}


def pod(entity: str, number: int = 0, **status: Any) -> dict[str, Any]:
    """Return a pod of a Deployment."""
    owner = {"kind": "ReplicaSet", "name": f"{entity}-5d8f7c9b6d", "controller": True}
    return {
        "metadata": {
            "name": f"{entity}-5d8f7c9b6d-x2x{number}k",
            "namespace": "shop",
            "labels": {"pod-template-hash": "5d8f7c9b6d"},
            "ownerReferences": [owner],
        },
        "status": {"phase": "Running", **status},
    }


def cluster_of_states(state: pd.DataFrame) -> VendorServer:
    """Return a cluster in which each row is a container that ended, or a pod that became ready, at its time."""
    return cluster({"pods": [_state(number, each) for number, each in enumerate(state.to_dict("records"))]})


def _state(number: int, row: Mapping[Any, Any]) -> dict[str, Any]:
    at = f"{row['time']:%Y-%m-%dT%H:%M:%SZ}"
    if row["kind"] == "container":
        last = {"terminated": {"reason": row["value"], "exitCode": 137, "finishedAt": at}}
        status = {"name": row["entity"], "restartCount": 1, "state": {"running": {"startedAt": at}}, "lastState": last}
        return pod(row["entity"], number, startTime=at, containerStatuses=[status])
    ready = {"type": "Ready", "status": row["value"], "lastTransitionTime": at}
    return pod(row["entity"], number, startTime=at, conditions=[ready])


def cluster_of_changes(changes: pd.DataFrame) -> VendorServer:
    """Return a cluster in which each row is a revision of a Deployment."""
    return cluster({"replicasets": [_revision(n, each) for n, each in enumerate(changes.to_dict("records"), 2)]})


def _revision(number: int, row: Mapping[Any, Any]) -> dict[str, Any]:
    containers = [{"name": row["entity"], "image": f"shop/{row['entity']}:{row['ref']}"}]
    return {
        "metadata": {
            "name": f"{row['entity']}-{number:08x}",
            "namespace": "shop",
            "creationTimestamp": f"{row['time']:%Y-%m-%dT%H:%M:%SZ}",
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [{"kind": "Deployment", "name": row["entity"], "controller": True}],
        },
        "spec": {"template": {"spec": {"containers": containers}}},
    }


def cluster_of_logs(logs: pd.DataFrame) -> VendorServer:
    """Return a cluster with a pod for each entity, whose container wrote these lines."""
    pods, texts = [], {}
    for number, (entity, some) in enumerate(logs.sort_values("time").groupby("entity")):
        each = pod(str(entity), number, containerStatuses=[{"name": "main", "restartCount": 0}])
        pods.append(each)
        rows = some.to_dict("records")
        texts[f"{each['metadata']['name']}/main"] = "".join(
            f"{row['time']:%Y-%m-%dT%H:%M:%S.%f}Z {row['severity']} {row['message']} trace_id={row['trace_id']}\n"
            for row in rows
        )
    return cluster({"pods": pods}, texts)


def api_client(url: str, pace: Pace | None = None) -> Any:
    """Return a read-only client of a cluster at an address."""
    from kubernetes.client import Configuration

    from workbench.telemetry.readonly_kubernetes import ReadOnlyApiClient

    settings = Configuration()
    settings.host = url
    return ReadOnlyApiClient(settings, pace)
