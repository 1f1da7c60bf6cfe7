"""What the Kubernetes sources read of a cluster, through the official client that can only read.

    cluster = Cluster(lambda: clients.kubernetes("prod"))
    cluster.listed(PODS)

Objects stay as JSON has them: the client's own classes refuse what a newer cluster adds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from ontology.errors import Unavailable
from ontology.nouns import utc
from workbench.telemetry.layouts import service_of
from workbench.telemetry.live_source import LiveSource

PAGE = 500
"""Objects of one answer."""
PAGES = 40
"""Answers of one list: what is alive now, not an archive."""
NAMES = ("app.kubernetes.io/name", "app.kubernetes.io/component", "app", "k8s-app")
"""Labels that may call a workload by the name that telemetry has for it."""
_CHECK = "Check the context: kubectl auth can-i list pods -A; kubernetes_context in the settings."


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind to list, by the method of the core API or by its group."""

    plural: str
    call: str = ""
    group: str = ""


PODS = Kind("pods", "list_pod_for_all_namespaces")
NODES = Kind("nodes", "list_node")
EVENTS = Kind("events", "list_event_for_all_namespaces")
CONFIGS = Kind("configmaps", "list_config_map_for_all_namespaces")
DEPLOYMENTS = Kind("deployments", group="apps")
REPLICA_SETS = Kind("replicasets", group="apps")
REVISIONS = Kind("controllerrevisions", group="apps")
STATEFUL_SETS = Kind("statefulsets", group="apps")
DAEMON_SETS = Kind("daemonsets", group="apps")
SERVICES = Kind("services", "list_service_for_all_namespaces")
CLAIMS = Kind("persistentvolumeclaims", "list_persistent_volume_claim_for_all_namespaces")
VOLUMES = Kind("persistentvolumes", "list_persistent_volume")
CLASSES = Kind("storageclasses", group="storage.k8s.io")
QUOTAS = Kind("resourcequotas", "list_resource_quota_for_all_namespaces")
ACCOUNTS = Kind("serviceaccounts", "list_service_account_for_all_namespaces")
POLICIES = Kind("networkpolicies", group="networking.k8s.io")


@dataclass
class Cluster:
    """A cluster, read list by list."""

    connect: Callable[[], Any]
    """Returns a read-only `kubernetes.client.ApiClient`."""
    refused: list[str] = field(default_factory=list)
    """What could not be read, in words."""

    @cached_property
    def client(self) -> Any:
        """The client; made at the first question."""
        return self.connect()

    def listed(self, kind: Kind) -> list[dict[str, Any]]:
        """Return all objects of a kind.

        Raises:
            Unavailable: nobody answers, or it is refused.
        """
        from kubernetes.client import CoreV1Api, CustomObjectsApi

        found, token = list[dict[str, Any]](), ""
        for _ in range(PAGES):
            options: dict[str, Any] = {"limit": PAGE, **({"_continue": token} if token else {})}
            if kind.call:
                text = self._asked(getattr(CoreV1Api(self.client), kind.call), **options)
            else:
                call = CustomObjectsApi(self.client).list_cluster_custom_object
                text = self._asked(call, kind.group, "v1", kind.plural, **options)
            items, token = _page(text, kind)
            found += items
            if not token:
                return found
        self.refused.append(f"only the first {len(found):,} {kind.plural} were read")
        return found

    def listed_if_allowed(self, kind: Kind) -> list[dict[str, Any]]:
        """Return all objects of a kind that helps; what is refused is noted, and is no objects."""
        try:
            return self.listed(kind)
        except Unavailable as error:
            self.refused.append(f"{kind.plural} could not be read: {error.problem.rstrip('.')}")
            return []

    def log(self, pod: Mapping[str, Any], container: str, *, previous: bool, lines: int) -> str:
        """Return the last lines that a container wrote, each with its time before it.

        Raises:
            Unavailable: nobody answers, or there are none.
        """
        from kubernetes.client import CoreV1Api

        meta = pod["metadata"]
        call = CoreV1Api(self.client).read_namespaced_pod_log
        options = {"container": container, "previous": previous, "tail_lines": lines, "timestamps": True}
        return self._asked(call, meta["name"], meta.get("namespace", "default"), **options)

    def _asked(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> str:
        """Return the text of an answer.

        Raises:
            Unavailable: nobody answers, or it is refused.
        """
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            answer = call(*arguments, **options, _preload_content=False)
            data: bytes = answer.data
        except ApiException as error:
            raise Unavailable(f"Kubernetes refuses ({error.status}): {error.reason}.", next_step=_CHECK) from error
        except HTTPError as error:
            raise Unavailable(f"Kubernetes does not answer: {type(error).__name__}.", next_step=_CHECK) from error
        if not 200 <= answer.status < 300:
            raise Unavailable(f"Kubernetes refuses ({answer.status}).", next_step=_CHECK)
        return data.decode(errors="replace")


def _page(text: str, kind: Kind) -> tuple[list[dict[str, Any]], str]:
    """Return the objects of one answer, and what leads to the next.

    Raises:
        Unavailable: it is no list of a Kubernetes API.
    """
    try:
        body = json.loads(text)
    except ValueError as error:
        raise Unavailable(f"Kubernetes does not answer {kind.plural} in JSON.", next_step=_CHECK) from error
    items = body.get("items") if isinstance(body, dict) else None
    meta = body.get("metadata") if isinstance(body, dict) else None
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise Unavailable(f"Kubernetes answers {kind.plural} with something else than a list.", next_step=_CHECK)
    return items, str((meta or {}).get("continue") or "") if isinstance(meta, dict | None) else ""


def workload(thing: Mapping[str, Any], names: frozenset[str]) -> str:
    """Return the name of the workload that a pod or a workload is: what controls it, or what was asked about.

    Args:
        thing: the object.
        names: those asked about; a label that says one of them wins, as telemetry may know the workload by it.
    """
    meta = thing.get("metadata") or {}
    labels = meta.get("labels") or {}
    controller = next((each for each in meta.get("ownerReferences") or () if each.get("controller")), None)
    name = str(controller["name"] if controller else meta["name"])
    if controller and controller.get("kind") == "ReplicaSet":
        hashed = labels.get("pod-template-hash")
        name = name.removesuffix(f"-{hashed}") if hashed else re.sub(r"-[0-9a-z]{5,10}$", "", name)
    elif controller and controller.get("kind") == "Job":
        name = re.sub(r"-\d{6,}$", "", name)  # of a CronJob: the minute that it was due
    elif not controller:
        name = service_of(name)
    said = [name, *(str(labels[each]) for each in NAMES if labels.get(each))]
    return next((each for each in said if each in names), name)


def moment(text: object) -> datetime | None:
    """Return a time as the API writes it; None where there is none.

    Raises:
        BadInput: it is none.
    """
    return utc(str(text)) if text else None


class KubernetesSource(LiveSource):
    """A source that asks a Kubernetes API."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        """Bind to a cluster; nothing is sent before the first question.

        Args:
            connect: returns a read-only `kubernetes.client.ApiClient`.
        """
        self._connect = connect
        self._asked: Cluster | None = None

    @property
    def off(self) -> str:
        """How wrong the server's clock is, in words; empty where it is right."""
        pace = self._asked.client.pace if self._asked else None
        return pace.off if pace else ""

    def cluster(self) -> Cluster:
        """Return the cluster as one question reads it: what was refused is of that question."""
        self._asked = Cluster(self._connect)
        return self._asked
