"""A resource of a cloud, as an API, a plan or a state tells it: one noun, and the facts that follow from it.

Whoever reads a cloud fills in `Resource`; what is written down is then the same, and so are the IRIs, whether a thing
was seen running or in Terraform's state.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ontology import iris, terms
from ontology.nouns import Iri, Value
from ontology.terms import Kind
from scanners.ledger import Ledger
from scanners.secrecy import is_secret


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource stands; what is not known is empty."""

    provider: str
    """`aws`, `gcp`."""
    account: str = ""
    """Account or project."""
    region: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a cloud."""

    iri: Iri
    kind: Kind
    name: str
    type: str
    """What its provider calls that sort of thing: `AWS::SQS::Queue`, `aws_sqs_queue`."""
    place: Place
    identity: str = ""
    """Its full name at the provider: an ARN, a resource path."""
    network: Iri | None = None
    scope: str = ""
    """Name of the network in which its private addresses are unique."""
    addresses: tuple[str, ...] = ()
    """IP addresses that it has."""
    hosts: tuple[str, ...] = ()
    """DNS names that lead to it."""
    links: tuple[tuple[Iri, Iri], ...] = ()
    """Predicate and the other thing."""
    values: tuple[tuple[Iri, Value], ...] = ()
    """Predicate and what is said."""
    tags: Mapping[str, str] = field(default_factory=dict)
    evidence: str = ""


def account_iri(provider: str, account: str) -> Iri:
    """Return the IRI of an account or project."""
    return iris.thing("cloud-account", provider, account)


def region_iri(provider: str, region: str) -> Iri:
    """Return the IRI of a region: a node's labels know its name, but no account."""
    return iris.thing("region", provider, region)


def zone_iri(provider: str, zone: str) -> Iri:
    """Return the IRI of a zone."""
    return iris.thing("zone", provider, zone)


def dns_iri(host: str) -> Iri:
    """Return the IRI of a DNS name: where what a setting says and what a provider says meet.

    >>> dns_iri("Orders.Example.com.").rpartition("/")[2]
    'orders.example.com'
    """
    return iris.thing("dns-name", host.lower().rstrip("."))


def ip_iri(address: str, scope: str) -> Iri:
    """Return the IRI of an IP address; a private one is unique in its network only.

    >>> ip_iri("10.0.0.7", "vpc-1").rpartition("/")[2], ip_iri("34.1.2.3", "vpc-1").rpartition("/")[2]
    ('vpc-1:10.0.0.7', '34.1.2.3')
    """
    return iris.thing("ip-address", *((scope, address) if scope and is_private(address) else (address,)))


def is_private(address: str) -> bool:
    """Say whether an address means something in its own network only; what is no address does not."""
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False


def host_of(address: str) -> str:
    """Return the host of `https://host:port/path`, of `host:port` or of a bare host.

    >>> host_of("https://ABC.gr7.eu-west-1.eks.amazonaws.com"), host_of("db.example:5432")
    ('abc.gr7.eu-west-1.eks.amazonaws.com', 'db.example')
    """
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def write_place(ledger: Ledger, place: Place, evidence: str = "") -> None:
    """Write down account, region and zone, each part of the one above."""
    provider, above = place.provider, None
    for name, make, kind in (
        (place.account, account_iri, Kind.CLOUD_ACCOUNT),
        (place.region, region_iri, Kind.REGION),
        (place.zone, zone_iri, Kind.ZONE),
    ):
        if not name:
            continue
        iri = ledger.thing(make(provider, name), kind, name, evidence)
        ledger.say(iri, terms.OTEL_CLOUD_PROVIDER, provider, evidence=evidence)
        if above is not None and not (kind is Kind.ZONE and not place.region):
            ledger.say(iri, terms.PART_OF, above, evidence=evidence)
        above = iri


def write(ledger: Ledger, each: Resource) -> None:
    """Write a resource down: what it is, where it stands, what it is joined to."""
    where, place = each.evidence, each.place
    iri = ledger.thing(each.iri, each.kind, each.name, where)
    write_place(ledger, place, where)
    _write_where(ledger, each)
    for predicate, value in (
        (terms.RESOURCE_TYPE, each.type),
        (terms.PROVIDER, place.provider),
        (terms.OTEL_CLOUD_ACCOUNT_ID, place.account),
        (terms.OTEL_CLOUD_REGION, place.region),
        (terms.OTEL_CLOUD_AVAILABILITY_ZONE, place.zone),
        (terms.OTEL_CLOUD_RESOURCE_ID, each.identity),
        *each.values,
    ):
        ledger.say(iri, predicate, value, evidence=where)
    for predicate, other in each.links:
        if other != iri:
            ledger.say(iri, predicate, other, evidence=where)
    for key, text in each.tags.items():
        if not is_secret(key):
            ledger.say(iri, terms.LABEL_KV, f"{key}={text}", evidence=where)
    _write_names(ledger, each)


def write_alias(ledger: Ledger, cluster: Iri, alias: str) -> None:
    """Write down which cluster of the Kubernetes scans a cluster of a cloud is, where the scope binding says so."""
    if alias:
        known = ledger.thing(iris.thing("cluster", alias), Kind.CLUSTER, alias, "scope binding")
        ledger.say(cluster, terms.PROBABLY_SAME, known, confidence=0.9, evidence="scope binding")


def _write_where(ledger: Ledger, each: Resource) -> None:
    """Write down what a resource is part of, the zone it stands in, and its network."""
    place, where = each.place, each.evidence
    if place.account:
        ledger.say(each.iri, terms.PART_OF, account_iri(place.provider, place.account), evidence=where)
    if place.region:
        ledger.say(each.iri, terms.PART_OF, region_iri(place.provider, place.region), evidence=where)
    if place.zone:
        predicate = terms.PART_OF if each.kind is Kind.SUBNET else terms.RUNS_ON
        ledger.say(each.iri, predicate, zone_iri(place.provider, place.zone), evidence=where)
    if each.network is not None:
        ledger.say(each.iri, terms.IN_NETWORK, each.network, evidence=where)


def _write_names(ledger: Ledger, each: Resource) -> None:
    """Write down the addresses of a resource and the DNS names that lead to it."""
    where = each.evidence
    for address in each.addresses:
        ip = ledger.thing(ip_iri(address, each.scope), Kind.IP_ADDRESS, address, where)
        ledger.say(ip, terms.ADDRESS, address, evidence=where)
        ledger.say(each.iri, terms.HAS_ADDRESS, ip, evidence=where)
        if each.network is not None and is_private(address):
            ledger.say(ip, terms.IN_NETWORK, each.network, evidence=where)
    for host in each.hosts:
        name = ledger.thing(dns_iri(host), Kind.DNS_NAME, host.lower().rstrip("."), where)
        ledger.say(name, terms.RESOLVES_TO, each.iri, evidence=where)
        ledger.say(each.iri, terms.OTEL_SERVER_ADDRESS, host.lower().rstrip("."), evidence=where)
