"""A live cluster, through the official client: what is declared there, what runs, and on what.

Lists only, page by page; secrets are never listed: their names come from those who refer to them. What the API
declares is written by the same code as manifests are, so that both meet at one node. A kind that may not be listed
makes the scan incomplete and is named; the rest is kept. The target is a context of the kubeconfig.

The environment is the cluster's alias; `kubernetes-api:<context>` of the scope binding gives it, and
`kubernetes-api:<context>/<namespace>` gives a namespace an environment of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ontology.errors import Unavailable
from ontology.nouns import Fact, Layer
from scanners.binding import UNBOUND, Binding
from scanners.bounded import Document
from scanners.kubernetes.estate import Estate
from scanners.kubernetes.facts import write_estate
from scanners.kubernetes.nodes import Cluster, write_cluster
from scanners.kubernetes.objects import Object, mapping, sequence, text
from scanners.kubernetes.runtime import write_runtime
from scanners.kubernetes.workloads import declared
from scanners.ledger import Ledger
from scanners.protocol import OFFLINE, Clients, Now, Problem, Reading, Redact, Scan, clock, run
from scanners.secrecy import without_secrets

PAGE = 500
"""Objects of one answer."""
PAGES = 2_000
"""Answers of one list: a million objects."""
SECONDS = 60.0
"""Seconds that one answer may take."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A kind to list."""

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"
    call: str = ""
    """Method of the core API; every other group is listed through the API of custom objects, which takes any."""
    served: bool = True
    """Every cluster serves it; one that does not is no problem where this is False."""

    @property
    def path(self) -> str:
        """Where the API serves it."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


KINDS = (
    Listing("Namespace", "namespaces", call="list_namespace"),
    Listing("Node", "nodes", call="list_node"),
    Listing("Pod", "pods", call="list_pod_for_all_namespaces"),
    Listing("Service", "services", call="list_service_for_all_namespaces"),
    Listing("ConfigMap", "configmaps", call="list_config_map_for_all_namespaces"),
    Listing("ServiceAccount", "serviceaccounts", call="list_service_account_for_all_namespaces"),
    Listing("PersistentVolumeClaim", "persistentvolumeclaims", call="list_persistent_volume_claim_for_all_namespaces"),
    Listing("PersistentVolume", "persistentvolumes", call="list_persistent_volume"),
    Listing("Deployment", "deployments", "apps"),
    Listing("StatefulSet", "statefulsets", "apps"),
    Listing("DaemonSet", "daemonsets", "apps"),
    Listing("ReplicaSet", "replicasets", "apps"),
    Listing("Job", "jobs", "batch"),
    Listing("CronJob", "cronjobs", "batch"),
    Listing("EndpointSlice", "endpointslices", "discovery.k8s.io"),
    Listing("Ingress", "ingresses", "networking.k8s.io"),
    Listing("NetworkPolicy", "networkpolicies", "networking.k8s.io"),
    Listing("HorizontalPodAutoscaler", "horizontalpodautoscalers", "autoscaling", "v2"),
    Listing("Gateway", "gateways", "gateway.networking.k8s.io", served=False),
    Listing("HTTPRoute", "httproutes", "gateway.networking.k8s.io", served=False),
    Listing("GRPCRoute", "grpcroutes", "gateway.networking.k8s.io", served=False),
)
"""What is listed, in this order. Secrets are not among them."""


@dataclass(frozen=True, slots=True)
class KubernetesApiScanner:
    """Reads a cluster through its API."""

    target: str
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    clients: Clients = field(default=OFFLINE, kw_only=True)
    binding: Binding = field(default=UNBOUND, kw_only=True)
    name: str = "kubernetes-api"
    layer: Layer = Layer.RUNNING

    @property
    def scope(self) -> str:
        """The context; the alias where the current one is meant."""
        return self.target or self.environment

    def read(self) -> Reading[tuple[Object, ...]]:
        """List every kind.

        Raises:
            Unavailable: the cluster does not answer, or refuses everything.
        """
        client = self.clients.kubernetes(self.target)
        found: list[Object] = []
        problems: list[Problem] = []
        skipped: list[Problem] = []
        groups = _groups(client)
        for listing in KINDS:
            if not listing.served and groups and listing.group not in groups:
                skipped.append(Problem(f"{listing.path}/{listing.plural}", "not served by this cluster"))
                continue
            objects = _listed(client, listing)
            if not isinstance(objects, Problem):
                found += objects
            elif objects.reason.startswith("404") and not listing.served:
                skipped.append(objects)
            else:
                problems.append(objects)
        if len(problems) + len(skipped) == len(KINDS):
            raise Unavailable(
                f"The cluster of {self.scope!r} lets nothing be listed: {problems[0].reason}.",
                next_step="Check the context with `kubectl auth can-i list pods -A`, and log in again if need be.",
            )
        return Reading(tuple(found), self.now(), tuple(problems), not problems, tuple(skipped))

    def facts(self, reading: Reading[tuple[Object, ...]]) -> tuple[Fact, ...]:
        """Say what the cluster declares and what runs."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        cluster = Cluster(self.environment, self._environment)
        write_cluster(ledger, cluster, self.target)
        found: dict[str, list[Object]] = {}
        for each in declared(reading.raw):
            namespace = each.name if each.kind == "Namespace" else each.namespace
            found.setdefault(self._environment(namespace), []).append(each)
        for environment, every in found.items():
            write_estate(ledger, Estate(every, environment, exact=True))
        for each in reading.raw:
            write_runtime(ledger, cluster, each)
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)

    def _environment(self, namespace: str) -> str:
        """Return the environment of a namespace."""
        return self.binding.environment(self.name, f"{self.scope}/{namespace}", other=self.environment)


def _groups(client: Any) -> frozenset[str]:
    """Return the API groups that the cluster serves; none where it does not tell.

    One who may not list a kind gets 403 for it even where it is not served: only this tells the two apart.
    """
    from kubernetes.client import ApisApi
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        answer: Any = ApisApi(client).get_api_versions(_preload_content=False, _request_timeout=SECONDS)
        body = mapping(json.loads(answer.data))
    except (ApiException, HTTPError, ValueError):  # the lists that follow say what is wrong
        return frozenset()
    return frozenset(text(mapping(group).get("name")) for group in sequence(body.get("groups")))


def _listed(client: Any, listing: Listing) -> list[Object] | Problem:
    """Return all objects of a kind, or why there are none; a list that expired half-way is begun once more.

    Raises:
        Unavailable: nobody answers.
    """
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    for last in (False, True):
        try:
            return list(_pages(client, listing))
        except ApiException as error:
            if error.status != 410 or last:
                return Problem(f"{listing.path}/{listing.plural}", f"{error.status} {error.reason or 'refused'}")
        except HTTPError as error:
            raise Unavailable(
                f"The Kubernetes API does not answer: {error}.",
                next_step="Check the address in the kubeconfig, and whether you are in the network (VPN).",
            ) from error
        except ValueError as error:
            return Problem(f"{listing.path}/{listing.plural}", f"no answer of a Kubernetes API: {error}")
    raise AssertionError("a second 410 has returned")


def _pages(client: Any, listing: Listing) -> Iterator[Object]:
    """Yield the objects of a kind, page by page.

    Raises:
        ApiException: the API refuses.
        ValueError: the answer is no list, or the list has no end.
    """
    from kubernetes.client import CoreV1Api, CustomObjectsApi

    options: dict[str, Any] = {"limit": PAGE, "_preload_content": False, "_request_timeout": SECONDS}
    for _ in range(PAGES):
        if listing.call:
            answer = getattr(CoreV1Api(client), listing.call)(**options)
        else:
            call = CustomObjectsApi(client).list_cluster_custom_object
            answer = call(listing.group, listing.version, listing.plural, **options)
        body = mapping(json.loads(answer.data))
        if not isinstance(body.get("items"), list):
            raise ValueError("no list")
        yield from (_object(mapping(item), listing) for item in body["items"])
        token = text(mapping(body.get("metadata")).get("continue"))
        if not token:
            return
        options["_continue"] = token
    raise ValueError(f"more than {PAGES:,} pages")


def _object(item: Mapping[str, Any], listing: Listing) -> Object:
    """Return an element of a list as an object; its evidence is its path in the API."""
    meta = mapping(item.get("metadata"))
    namespace, name = text(meta.get("namespace")), text(meta.get("name"))
    inside = f"/namespaces/{namespace}" if namespace else ""
    path = f"{listing.path}{inside}/{listing.plural}/{name}"
    version = f"{listing.group}/{listing.version}".lstrip("/")
    body = {**item, "kind": listing.kind, "apiVersion": version}
    return Object(listing.kind, name, namespace or "default", body, Document(path, body, {}))
