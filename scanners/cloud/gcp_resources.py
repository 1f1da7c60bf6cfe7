"""What answers of Google Cloud mean: each entry of a list as a `Resource`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ontology import iris, terms
from ontology.nouns import Iri, Value
from ontology.terms import Kind
from scanners.cloud import gcp_names
from scanners.cloud.cloud_nouns import Place, Resource, dns_iri, host_of
from scanners.cloud.gcp_names import Named, of_path
from scanners.ledger import Ledger

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Project:
    """What was read of a project: sort to the entries as Google sent them."""

    name: str
    items: Mapping[str, tuple[Item, ...]]

    def every(self, sort: str) -> tuple[Item, ...]:
        """Return the entries of a sort."""
        return self.items.get(sort, ())


def resources(project: Project) -> Iterator[Resource]:
    """Yield what a project holds."""
    for sort, build in BUILDERS.items():
        for item in project.every(sort):
            yield from build(project, item)


def _resource(known: Named, evidence: str, **more: Any) -> Resource:
    """Return the resource that a path names."""
    place = more.pop("place", known.place)
    return Resource(
        known.iri, known.sort.kind, known.name, known.sort.type, place, identity=known.path, evidence=evidence, **more
    )


def _values(*pairs: tuple[Iri, Any]) -> tuple[tuple[Iri, Value], ...]:
    """Return the pairs that say something."""
    return tuple((predicate, value) for predicate, value in pairs if value not in (None, ""))


def _iri(path: str | None) -> Iri | None:
    known = of_path(path or "")
    return known.iri if known else None


def _part_of(*paths: str | None) -> tuple[tuple[Iri, Iri], ...]:
    """Return that something is part of what these paths name."""
    return tuple((terms.PART_OF, iri) for iri in map(_iri, paths) if iri)


def _network(project: Project, item: Item) -> Iterator[Resource]:
    known = of_path(item["selfLink"])
    if known:
        yield _resource(known, "compute.networks.list")


def _subnet(project: Project, item: Item) -> Iterator[Resource]:
    known = of_path(item["selfLink"])
    if known:
        values = _values((terms.ADDRESS, item.get("ipCidrRange")))
        yield _resource(known, "compute.subnetworks.list", links=_part_of(item.get("network")), values=values)


def _instance(project: Project, item: Item) -> Iterator[Resource]:
    known, cards = of_path(item["selfLink"]), item.get("networkInterfaces") or []
    if known is None:
        return
    networks = [str(card.get("network") or "") for card in cards]
    public = [str(way.get("natIP") or "") for card in cards for way in card.get("accessConfigs") or []]
    yield _resource(
        known,
        "compute.instances.list",
        network=_iri(networks[0] if networks else ""),
        scope=gcp_names.scope(networks[0]) if networks else "",
        addresses=tuple(filter(None, [*(str(card.get("networkIP") or "") for card in cards), *public])),
        links=(*_part_of(*(card.get("subnetwork") for card in cards)), *_of_cluster(project, item)),
        values=_values((terms.STATUS, item.get("status")), (terms.OTEL_HOST_ID, item.get("id"))),
        tags=item.get("labels") or {},
    )


def _of_cluster(project: Project, item: Item) -> Iterator[tuple[Iri, Iri]]:
    """Yield the cluster that a machine is a node of: GKE says so in its labels."""
    labels = item.get("labels") or {}
    name, location = labels.get("goog-k8s-cluster-name"), labels.get("goog-k8s-cluster-location")
    alike = [each for each in project.every("cluster") if each["name"] == name and location in (None, each["location"])]
    if name and location:
        yield terms.PART_OF, iris.thing("cloud-cluster", "gcp", project.name, location, name)
    elif len(alike) == 1:
        yield terms.PART_OF, iris.thing("cloud-cluster", "gcp", project.name, alike[0]["location"], str(name))


def _cluster(project: Project, item: Item) -> Iterator[Resource]:
    known = of_path(f"projects/{project.name}/locations/{item['location']}/clusters/{item['name']}")
    network = item.get("networkConfig") or {}
    endpoint = str(item.get("endpoint") or "")
    if known:
        yield _resource(
            known,
            "container.clusters.list",
            network=_iri(network.get("network")) or _plain_network(project, item.get("network")),
            addresses=(endpoint,) if endpoint.replace(".", "").isdigit() else (),
            links=_part_of(network.get("subnetwork")),
            values=_values(
                (terms.VERSION, item.get("currentMasterVersion")),
                (terms.STATUS, item.get("status")),
                (terms.OTEL_K8S_CLUSTER_NAME, item["name"]),
            ),
            tags=item.get("resourceLabels") or {},
        )


def _plain_network(project: Project, name: str | None) -> Iri | None:
    return _iri(f"projects/{project.name}/global/networks/{name}") if name else None


def _database(project: Project, item: Item) -> Iterator[Resource]:
    known = of_path(f"projects/{project.name}/instances/{item['name']}")
    place = gcp_names.place_of(project.name, str(item.get("gceZone") or item.get("region") or ""))
    private = ((item.get("settings") or {}).get("ipConfiguration") or {}).get("privateNetwork")
    host = str(item.get("dnsName") or "")
    if known:
        yield _resource(
            known,
            "sqladmin.instances.list",
            place=place,
            network=_iri(private),
            scope=gcp_names.scope(private or ""),
            addresses=tuple(each["ipAddress"] for each in item.get("ipAddresses") or [] if each.get("ipAddress")),
            hosts=(host,) if host else (),
            values=_values(
                (terms.OTEL_DB_SYSTEM_NAME, str(item.get("databaseVersion") or "").partition("_")[0].lower()),
                (terms.VERSION, item.get("databaseVersion")),
                (terms.STATUS, item.get("state")),
                (terms.ADDRESS, item.get("connectionName")),
            ),
        )


def _cache(project: Project, item: Item) -> Iterator[Resource]:
    known, network, host = of_path(item["name"]), str(item.get("authorizedNetwork") or ""), str(item.get("host") or "")
    if known:
        yield _resource(
            known,
            "redis.instances.list",
            place=gcp_names.place_of(project.name, str(item.get("currentLocationId") or known.place.region)),
            network=_iri(network),
            scope=gcp_names.scope(network),
            addresses=(host,) if host else (),
            values=_values(
                (terms.VERSION, item.get("redisVersion")),
                (terms.STATUS, item.get("state")),
                (terms.PORT, item.get("port")),
            ),
        )


def _balancer(project: Project, item: Item) -> Iterator[Resource]:
    known, network = of_path(item["selfLink"]), str(item.get("network") or "")
    address = str(item.get("IPAddress") or "")
    if known:
        yield _resource(
            known,
            "compute.forwardingRules.list",
            network=_iri(network),
            scope=gcp_names.scope(network),
            addresses=(address,) if address else (),
            links=tuple((terms.ROUTES_TO, goal) for goal in sorted(_goals(project, item))),
            values=_values((terms.PROTOCOL, item.get("IPProtocol"))),
        )


def _goals(project: Project, item: Item) -> set[Iri]:
    """Return the backend services behind a forwarding rule: its own, or those of the URL map of its proxy."""
    found = {_iri(item.get("backendService"))}
    maps = {str(each.get("urlMap")) for each in project.every("proxy") if each.get("selfLink") == item.get("target")}
    for each in project.every("url-map"):
        if each.get("selfLink") in maps:
            matchers = each.get("pathMatchers") or []
            rules = [rule for matcher in matchers for rule in matcher.get("pathRules") or []]
            named = [each.get("defaultService"), *(part.get("defaultService") for part in matchers)]
            found |= {_iri(path) for path in [*named, *(rule.get("service") for rule in rules)]}
    return {each for each in found if each}


def _backend(project: Project, item: Item) -> Iterator[Resource]:
    known = of_path(item["selfLink"])
    if known:
        yield _resource(known, "compute.backendServices.list", values=_values((terms.PROTOCOL, item.get("protocol"))))


def _topic(project: Project, item: Item) -> Iterator[Resource]:
    known = of_path(item["name"])
    if known:
        yield _resource(known, "pubsub.topics.list", values=_messaging(known.name), tags=item.get("labels") or {})


def _messaging(name: str) -> tuple[tuple[Iri, Value], ...]:
    return _values((terms.OTEL_MESSAGING_SYSTEM, "gcp_pubsub"), (terms.OTEL_MESSAGING_DESTINATION_NAME, name))


def _subscription(project: Project, item: Item) -> Iterator[Resource]:
    known, topic = of_path(item["name"]), _iri(item.get("topic"))
    if known:
        links = ((terms.CONSUMES_FROM, topic),) if topic else ()
        yield _resource(known, "pubsub.subscriptions.list", links=links, values=_messaging(known.name))


def _bucket(project: Project, item: Item) -> Iterator[Resource]:
    yield Resource(
        gcp_names.bucket(item["name"]),
        gcp_names.BUCKET.kind,
        item["name"],
        gcp_names.BUCKET.type,
        gcp_names.place_of(project.name, str(item.get("location") or "")),
        identity=f"b/{item['name']}",
        evidence="storage.buckets.list",
        tags=item.get("labels") or {},
    )


BUILDERS: Mapping[str, Callable[[Project, Item], Iterator[Resource]]] = {
    "network": _network,
    "subnet": _subnet,
    "instance": _instance,
    "cluster": _cluster,
    "database": _database,
    "cache": _cache,
    "balancer": _balancer,
    "backend": _backend,
    "topic": _topic,
    "subscription": _subscription,
    "bucket": _bucket,
}


def write_pushes(ledger: Ledger, project: Project) -> None:
    """Write down where subscriptions push to: the host alone, since addresses carry tokens."""
    for each in project.every("subscription"):
        host = host_of(str((each.get("pushConfig") or {}).get("pushEndpoint") or ""))
        known = of_path(each["name"])
        if known and host:
            name = ledger.thing(dns_iri(host), Kind.DNS_NAME, host, "pubsub.subscriptions.list")
            ledger.say(known.iri, terms.ROUTES_TO, name, evidence="pubsub.subscriptions.list")


def place(project: Project) -> Place:
    """Return where everything stands."""
    return Place("gcp", project.name)
