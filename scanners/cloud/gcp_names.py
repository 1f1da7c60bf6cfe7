"""The one place where names of Google Cloud become IRIs, so that the API, Terraform and a node's provider id agree.

projects/acme/zones/europe-west1-b/instances/node-1  ->  id/vm/gcp:acme:europe-west1-b:node-1
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ontology import iris
from ontology.nouns import Iri
from ontology.terms import Kind
from scanners.cloud.cloud_nouns import Place


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of resource: in IRIs, in the ontology, and as asset types name it."""

    noun: str
    kind: Kind
    type: str
    placed: bool = True
    """Its name is unique in a location only."""


SORTS: Mapping[str, Sort] = {
    "networks": Sort("network", Kind.NETWORK, "compute.googleapis.com/Network", placed=False),
    "subnetworks": Sort("subnet", Kind.SUBNET, "compute.googleapis.com/Subnetwork"),
    "zones/instances": Sort("vm", Kind.VM, "compute.googleapis.com/Instance"),
    "clusters": Sort("cloud-cluster", Kind.CLUSTER, "container.googleapis.com/Cluster"),
    "instances": Sort("database", Kind.DATABASE, "sqladmin.googleapis.com/Instance", placed=False),
    "locations/instances": Sort("cache", Kind.CACHE, "redis.googleapis.com/Instance"),
    "forwardingRules": Sort("load-balancer", Kind.LOAD_BALANCER, "compute.googleapis.com/ForwardingRule"),
    "backendServices": Sort("target-group", Kind.CLOUD_RESOURCE, "compute.googleapis.com/BackendService"),
    "topics": Sort("topic", Kind.TOPIC, "pubsub.googleapis.com/Topic", placed=False),
    "subscriptions": Sort("subscription", Kind.QUEUE, "pubsub.googleapis.com/Subscription", placed=False),
}
BUCKET = Sort("bucket", Kind.OBJECT_STORE, "storage.googleapis.com/Bucket", placed=False)
_PATH = re.compile(
    r"(?:^|/)projects/(?P<project>[^/]+)"
    r"(?:/(?:(?P<where>zones|regions|locations)/(?P<location>[^/]+)|global))?"
    r"/(?P<sort>[A-Za-z]+)/(?P<name>[^/?#]+)/?$"
)


@dataclass(frozen=True, slots=True)
class Named:
    """What a resource path names."""

    iri: Iri
    sort: Sort
    place: Place
    name: str
    path: str


def of_path(text: str) -> Named | None:
    """Return what a resource path or a self link names; None for one that the graph does not hold.

    >>> of_path("https://www.googleapis.com/compute/v1/projects/p/regions/europe-west1/subnetworks/a").iri.rpartition("id/")[2]
    'subnet/gcp:p:europe-west1:a'
    """
    found = _PATH.search(text)
    if found is None:
        return None
    name = f"{found['where']}/{found['sort']}"
    sort = SORTS.get(name if name in SORTS else found["sort"])
    if sort is None:
        return None
    location = found["location"] or "global"
    names = (location, found["name"]) if sort.placed else (found["name"],)
    place = place_of(found["project"], location)
    return Named(
        iris.thing(sort.noun, "gcp", found["project"], *names), sort, place, found["name"], found[0].strip("/")
    )


def place_of(project: str, location: str) -> Place:
    """Return the place that a location means: a zone, a region, or everywhere.

    >>> place_of("p", "europe-west1-b")
    Place(provider='gcp', account='p', region='europe-west1', zone='europe-west1-b')
    """
    location = location.rpartition("/")[2].lower()
    if re.fullmatch(r"[a-z]+-[a-z]+\d+-[a-z]", location):
        return Place("gcp", project, location.rpartition("-")[0], location)
    return Place("gcp", project, location if re.fullmatch(r"[a-z]+-[a-z]+\d+", location) else "")


def bucket(name: str) -> Iri:
    """Return the IRI of a bucket, whose name is unique everywhere."""
    return iris.thing(BUCKET.noun, "gcp", name)


def scope(network: str) -> str:
    """Return the name of a network in which its private addresses are unique: `acme/main`."""
    known = of_path(network)
    return f"{known.place.account}/{known.name}" if known else ""
