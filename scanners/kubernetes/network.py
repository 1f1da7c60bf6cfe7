"""How requests come in and who may connect: ingresses, Gateway API routes, mesh routes, network policies, as facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ontology import iris, terms
from ontology.nouns import Iri
from ontology.terms import Kind
from scanners.kubernetes.estate import Estate
from scanners.kubernetes.objects import Object, mapping, number, sequence, text
from scanners.kubernetes.selectors import Selector
from scanners.kubernetes.workloads import routes
from scanners.ledger import Ledger

ROUTES = ("Ingress", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "VirtualService", "IngressRoute")
"""Kinds that send requests from outside to Kubernetes Services."""


def write_network(ledger: Ledger, estate: Estate, each: Object) -> None:
    """Write an object down if it is of the network; every other is passed over."""
    if each.kind in ROUTES:
        _write_route(ledger, estate, each)
    elif each.kind == "Gateway":
        _write_gateway(ledger, estate, each)
    elif each.kind == "NetworkPolicy":
        _write_policy(ledger, estate, each)
    elif each.kind == "Service" and text(each.spec.get("type")) == "ExternalName":
        name = text(each.spec.get("externalName"))
        ledger.say(estate.iri("k8s-service", each), terms.ROUTES_TO, dns_name(ledger, name, each.at()))


def dns_name(ledger: Ledger, name: str, where: str) -> Iri | None:
    """Write down a DNS name; None for an empty one and a pattern."""
    if not name or "*" in name:
        return None
    return ledger.thing(iris.thing("dns-name", name.lower().rstrip(".")), Kind.DNS_NAME, name.lower(), where)


def _write_route(ledger: Ledger, estate: Estate, each: Object) -> None:
    """Write down a route: its hosts, the Kubernetes Services it sends to, the gateway it hangs on."""
    where = each.at()
    iri = ledger.thing(estate.iri("ingress", each), Kind.INGRESS, each.name, where)
    ledger.say(iri, terms.RESOURCE_TYPE, each.kind, evidence=where)
    goals = routes(each)
    for service in estate.services:
        if service.object.namespace == each.namespace and service.object.name in goals:
            ledger.say(iri, terms.ROUTES_TO, estate.iri("k8s-service", service.object), evidence=where)
    for host in dict.fromkeys(_hosts(each)):
        _resolves(ledger, host, iri, where)
    for parent in map(mapping, sequence(each.spec.get("parentRefs"))):
        if (text(parent.get("kind")) or "Gateway") == "Gateway" and text(parent.get("name")):
            namespace = text(parent.get("namespace")) or each.namespace
            gateway = _gateway_iri(estate, namespace, text(parent["name"]))
            ledger.thing(gateway, Kind.GATEWAY, text(parent["name"]), where)
            ledger.say(gateway, terms.ROUTES_TO, iri, evidence=where)


def _resolves(ledger: Ledger, host: str, iri: Iri, where: str) -> None:
    """Write down that a DNS name leads to a network thing."""
    if (name := dns_name(ledger, host, where)) is not None:
        ledger.say(name, terms.RESOLVES_TO, iri, evidence=where)


def _hosts(each: Object) -> Iterator[str]:
    """Yield the host names of a route."""
    for rule in map(mapping, sequence(each.spec.get("rules"))):
        yield text(rule.get("host"))
    for key in ("hostnames", "hosts"):
        yield from map(text, sequence(each.spec.get(key)))


def _gateway_iri(estate: Estate, namespace: str, name: str) -> Iri:
    return iris.thing("gateway", estate.environment, namespace, name)


def _write_gateway(ledger: Ledger, estate: Estate, each: Object) -> None:
    """Write down a gateway and what it listens for."""
    iri = ledger.thing(_gateway_iri(estate, each.namespace, each.name), Kind.GATEWAY, each.name, each.at())
    ledger.say(iri, terms.RESOURCE_TYPE, text(each.spec.get("gatewayClassName")), evidence=each.at())
    for key in ("listeners", "servers"):
        for index, listener in enumerate(map(mapping, sequence(each.spec.get(key)))):
            where = each.at(f"spec/{key}/{index}")
            port = listener.get("port")
            ledger.say(
                iri, terms.PORT, number(mapping(port).get("number") if key == "servers" else port), evidence=where
            )
            for host in (text(listener.get("hostname")), *map(text, sequence(listener.get("hosts")))):
                _resolves(ledger, host, iri, where)


def _write_policy(ledger: Ledger, estate: Estate, each: Object) -> None:
    """Write down a network policy: whom it is for, whom it lets in and whom it lets them reach."""
    where, spec = each.at(), each.spec
    iri = ledger.thing(estate.iri("network-policy", each), Kind.NETWORK_POLICY, each.name, where)
    for workload in estate.chosen(Selector.of(spec.get("podSelector")), each.namespace):
        ledger.say(iri, terms.SELECTS, estate.workload_iri(workload.object), evidence=where)
    said = tuple(map(text, sequence(spec.get("policyTypes"))))
    types = said or ("Ingress", *(("Egress",) if "egress" in spec else ()))
    ledger.say(iri, terms.RESOURCE_TYPE, ", ".join(types), evidence=where)
    for kind, key, peers, predicate in (
        ("Ingress", "ingress", "from", terms.ALLOWS_FROM),
        ("Egress", "egress", "to", terms.ALLOWS_TO),
    ):
        if kind in types:
            _write_rules(ledger, estate, each, iri, key, peers, predicate)


def _write_rules(ledger: Ledger, estate: Estate, each: Object, iri: Iri, key: str, peers: str, predicate: Iri) -> None:
    """Write down one direction of a policy: the workloads it allows, or that it allows nobody or anybody."""
    rules = [mapping(rule) for rule in sequence(each.spec.get(key))]
    where = each.at(f"spec/{key}")
    if not rules:
        ledger.say(iri, terms.DESCRIPTION, f"{key}: nobody", evidence=where)
    if any(not rule.get(peers) for rule in rules):
        ledger.say(iri, terms.DESCRIPTION, f"{key}: anybody", evidence=where)
    for index, rule in enumerate(rules):
        for position, peer in enumerate(map(mapping, sequence(rule.get(peers)))):
            at = each.at(f"spec/{key}/{index}/{peers}/{position}")
            block = text(mapping(peer.get("ipBlock")).get("cidr"))
            ledger.say(iri, terms.DESCRIPTION, f"{key}: {block}" if block else None, evidence=at)
            for namespace in () if block else _namespaces(estate, each, peer):
                for workload in estate.chosen(Selector.of(peer.get("podSelector")), namespace):
                    ledger.say(iri, predicate, estate.workload_iri(workload.object), evidence=at)


def _namespaces(estate: Estate, each: Object, peer: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the namespaces that a peer means: its own where it names none."""
    if "namespaceSelector" not in peer:
        return (each.namespace,)
    return estate.chosen_namespaces(Selector.of(peer.get("namespaceSelector")))
