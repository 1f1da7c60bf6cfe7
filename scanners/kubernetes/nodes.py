"""A cluster and its nodes, as facts: how each node is, what it has, where it stands, and the machine that it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ontology import iris, terms
from ontology.nouns import Iri
from ontology.terms import Kind
from scanners.cloud.cloud_nouns import Place, ip_iri, write_place, zone_iri
from scanners.kubernetes.objects import Object, mapping, sequence, text
from scanners.ledger import Ledger

_ZONE, _REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
_TYPE = "node.kubernetes.io/instance-type"
_PROVIDERS = {"aws": "aws", "gce": "gcp", "azure": "azure"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster by its alias, and the environment that each of its namespaces is bound to."""

    alias: str
    environment: Callable[[str], str]

    @property
    def iri(self) -> Iri:
        """The IRI of the cluster."""
        return iris.thing("cluster", self.alias)

    def node(self, name: str) -> Iri:
        """Return the IRI of a node."""
        return iris.thing("node", self.alias, name)

    def of(self, kind: str, namespace: str, *names: str) -> Iri:
        """Return the IRI of something in a namespace."""
        return iris.thing(kind, self.environment(namespace), namespace, *names)

    def workload(self, key: tuple[str, str, str]) -> Iri:
        """Return the IRI of the workload of that namespace, kind and name."""
        namespace, kind, name = key
        return self.of("workload", namespace, kind.lower(), name)


def write_cluster(ledger: Ledger, cluster: Cluster, context: str) -> None:
    """Write the cluster down, as part of the one that its cloud sells where the context's name says which that is."""
    ledger.thing(cluster.iri, Kind.CLUSTER, cluster.alias)
    ledger.say(cluster.iri, terms.OTEL_K8S_CLUSTER_NAME, cluster.alias)
    if (sold := cloud_cluster(context)) is not None:
        name = sold.rpartition(":")[2]
        ledger.say(cluster.iri, terms.PART_OF, ledger.thing(sold, Kind.CLUSTER, name), evidence=context)


def cloud_cluster(context: str) -> Iri | None:
    """Return the cluster of a cloud that a context is for, by the names that the clouds' own tools give contexts.

    >>> cloud_cluster("arn:aws:eks:eu-west-1:123456789012:cluster/prod").rpartition("/")[2]
    'aws:123456789012:eu-west-1:prod'
    >>> cloud_cluster("gke_acme_europe-west1_prod").rpartition("/")[2]
    'gcp:acme:europe-west1:prod'
    """
    if match := re.fullmatch(r"arn:aws[\w\-]*:eks:([\w\-]+):(\d+):cluster/([\w\-]+)", context):
        region, account, name = match.groups()
        return iris.thing("cloud-cluster", "aws", account, region, name)
    if match := re.fullmatch(r"gke_([\w\-.:]+)_([a-z0-9\-]+)_([a-z0-9\-]+)", context):
        return iris.thing("cloud-cluster", "gcp", *match.groups())
    return None


def write_node(ledger: Ledger, cluster: Cluster, each: Object) -> None:
    """Write down a node: how it is, what it has, where it stands, and the machine that it is."""
    where, status = each.at(), each.status
    iri = ledger.thing(cluster.node(each.name), Kind.NODE, each.name, where)
    info, capacity = mapping(status.get("nodeInfo")), mapping(status.get("capacity"))
    for predicate, value in (
        (terms.PART_OF, cluster.iri),
        (terms.OTEL_K8S_NODE_NAME, each.name),
        (terms.RESOURCE_TYPE, each.labels.get(_TYPE)),
        (terms.STATUS, ", ".join(_conditions(each))),
        (terms.VERSION, text(info.get("kubeletVersion"))),
        (terms.CPU_CAPACITY, text(capacity.get("cpu"))),
        (terms.MEMORY_CAPACITY, text(capacity.get("memory"))),
        (terms.OTEL_CLOUD_RESOURCE_ID, text(each.spec.get("providerID"))),
    ):
        ledger.say(iri, predicate, value, evidence=where)
    for address in map(mapping, sequence(status.get("addresses"))):
        if text(address.get("type")) == "Hostname":
            ledger.say(iri, terms.OTEL_HOST_NAME, text(address.get("address")), evidence=where)
        elif text(address.get("type")) in ("InternalIP", "ExternalIP"):
            write_address(ledger, cluster, iri, text(address.get("address")), where)
    _place(ledger, cluster, each, iri)


def _conditions(each: Object) -> Iterator[str]:
    """Yield how a node is: `ready` or `not ready`, what presses it, and whether it takes new pods."""
    conditions = [mapping(raw) for raw in sequence(each.status.get("conditions"))]
    said = {text(one.get("type")): text(one.get("status")) for one in conditions}
    yield "ready" if said.pop("Ready", "") == "True" else "not ready"
    yield from (re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower() for name, value in said.items() if value == "True")
    if each.spec.get("unschedulable") is True:
        yield "cordoned"


def _place(ledger: Ledger, cluster: Cluster, each: Object, iri: Iri) -> None:
    """Write down the zone and region that a node's labels name, and the machine that its provider's id names."""
    where = each.at()
    scheme, _, rest = text(each.spec.get("providerID")).partition("://")
    provider = _PROVIDERS.get(scheme, "")
    region, zone = each.labels.get(_REGION, ""), each.labels.get(_ZONE, "")
    write_place(ledger, Place(provider or cluster.alias, region=region, zone=zone), where)
    if zone:
        ledger.say(iri, terms.RUNS_ON, zone_iri(provider or cluster.alias, zone), evidence=where)
    machine = machine_of(provider, rest)
    if machine is not None:
        vm = ledger.thing(machine[0], Kind.VM, machine[1], where)
        ledger.say(iri, terms.RUNS_ON, vm, evidence=where)
        ledger.say(iri, terms.OTEL_HOST_ID, machine[1], evidence=where)


def machine_of(provider: str, rest: str) -> tuple[Iri, str] | None:
    """Return the virtual machine that a node is, by its provider's id without the scheme, and the machine's own id.

    >>> machine_of("aws", "/eu-west-1a/i-0abc")[0].rpartition("/")[2]
    'aws:i-0abc'
    >>> machine_of("gcp", "acme/europe-west1-b/gke-1")[0].rpartition("/")[2]
    'gcp:acme:europe-west1-b:gke-1'
    """
    parts = rest.strip("/").split("/")
    if provider == "aws" and parts[-1].startswith("i-"):
        return iris.thing("vm", "aws", parts[-1]), parts[-1]
    if provider == "gcp" and len(parts) == 3 and all(parts):
        return iris.thing("vm", "gcp", *parts), parts[-1]
    return None


def write_address(ledger: Ledger, cluster: Cluster, owner: Iri, address: str, where: str) -> None:
    """Write down an address; a private one counts in its cluster."""
    if address and address != "None":
        ip = ledger.thing(ip_iri(address, cluster.alias), Kind.IP_ADDRESS, address, where)
        ledger.say(ip, terms.ADDRESS, address, evidence=where)
        ledger.say(owner, terms.HAS_ADDRESS, ip, evidence=where)
