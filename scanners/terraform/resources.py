"""Which thing of the cloud a block of Terraform is, and what it is joined to. Pure.

A state knows ARNs and resource paths; a plan and a declaration may know account, region and name. Then the IRI is the
one that the cloud's own API gives; else the thing is known by its address in the code alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ontology import iris, terms
from ontology.nouns import Iri, Value
from ontology.terms import Kind
from scanners.cloud import aws_names, gcp_names
from scanners.cloud.cloud_nouns import Place, Resource, host_of, ip_iri
from scanners.terraform.blocks import Block

AWS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "aws_vpc": ("ec2:vpc", ("id",)),
    "aws_default_vpc": ("ec2:vpc", ("id",)),
    "aws_subnet": ("ec2:subnet", ("id",)),
    "aws_default_subnet": ("ec2:subnet", ("id",)),
    "aws_security_group": ("ec2:security-group", ("id",)),
    "aws_instance": ("ec2:instance", ("id",)),
    "aws_eks_cluster": ("eks:cluster", ("name",)),
    "aws_eks_node_group": ("eks:nodegroup", ("cluster_name", "node_group_name")),
    "aws_db_instance": ("rds:db", ("identifier",)),
    "aws_rds_cluster_instance": ("rds:db", ("identifier",)),
    "aws_rds_cluster": ("rds:cluster", ("cluster_identifier",)),
    "aws_dynamodb_table": ("dynamodb:table", ("name",)),
    "aws_elasticache_cluster": ("elasticache:cluster", ("cluster_id",)),
    "aws_elasticache_replication_group": ("elasticache:replicationgroup", ("replication_group_id",)),
    "aws_lb": ("elasticloadbalancing:loadbalancer", ("name",)),
    "aws_alb": ("elasticloadbalancing:loadbalancer", ("name",)),
    "aws_lb_target_group": ("elasticloadbalancing:targetgroup", ("name",)),
    "aws_alb_target_group": ("elasticloadbalancing:targetgroup", ("name",)),
    "aws_sqs_queue": ("sqs", ("name",)),
    "aws_sns_topic": ("sns", ("name",)),
    "aws_s3_bucket": ("s3", ("bucket",)),
    "aws_lambda_function": ("lambda:function", ("function_name",)),
    "aws_route53_zone": ("route53:hostedzone", ("zone_id",)),
}
"""Type of Terraform to sort of AWS, and the attributes that name it."""
GCP: Mapping[str, str] = {
    "google_compute_network": "projects/{project}/global/networks/{name}",
    "google_compute_subnetwork": "projects/{project}/regions/{region}/subnetworks/{name}",
    "google_compute_instance": "projects/{project}/zones/{zone}/instances/{name}",
    "google_container_cluster": "projects/{project}/locations/{location}/clusters/{name}",
    "google_sql_database_instance": "projects/{project}/instances/{name}",
    "google_redis_instance": "projects/{project}/locations/{region}/instances/{name}",
    "google_compute_forwarding_rule": "projects/{project}/regions/{region}/forwardingRules/{name}",
    "google_compute_global_forwarding_rule": "projects/{project}/global/forwardingRules/{name}",
    "google_compute_backend_service": "projects/{project}/global/backendServices/{name}",
    "google_compute_region_backend_service": "projects/{project}/regions/{region}/backendServices/{name}",
    "google_pubsub_topic": "projects/{project}/topics/{name}",
    "google_pubsub_subscription": "projects/{project}/subscriptions/{name}",
}
"""Type of Terraform to the path that names it."""
_KINDS = (
    (
        re.compile(r"db_instance|rds|sql_database|sql_instance|database|dynamodb_table|cosmosdb|spanner|docdb"),
        Kind.DATABASE,
    ),
    (re.compile(r"elasticache|redis|memcache|memorystore"), Kind.CACHE),
    (re.compile(r"sqs_queue$|servicebus_queue|storage_queue|_mq_|cloud_tasks|pubsub_subscription"), Kind.QUEUE),
    (re.compile(r"sns_topic$|pubsub_topic|eventhub|msk_|kinesis|servicebus_topic"), Kind.TOPIC),
    (re.compile(r"s3_bucket$|storage_bucket$|storage_container$|storage_account$"), Kind.OBJECT_STORE),
    (re.compile(r"lambda_function$|cloudfunctions|function_app$"), Kind.FUNCTION_SERVICE),
    (re.compile(r"_instance$|virtual_machine$|compute_instance"), Kind.VM),
    (re.compile(r"_lb$|_alb$|_elb$|load_balancer|forwarding_rule"), Kind.LOAD_BALANCER),
    (re.compile(r"eks_cluster|container_cluster|kubernetes_cluster|ecs_cluster"), Kind.CLUSTER),
    (re.compile(r"_vpc$|virtual_network$|compute_network$"), Kind.NETWORK),
    (re.compile(r"subnet(work)?$"), Kind.SUBNET),
)
"""Kinds of what is known by its address in the code alone."""
JOINTS = frozenset(
    {
        "aws_sns_topic_subscription",
        "aws_lb_listener",
        "aws_alb_listener",
        "aws_lb_target_group_attachment",
        "aws_alb_target_group_attachment",
        "aws_lambda_event_source_mapping",
        "aws_route53_record",
    }
)
"""Types that are no thing of their own: what they say stands between two others."""
_NAMES = ("name", "identifier", "bucket", "function_name", "cluster_id", "cluster_identifier", "family")
_HOSTS = (
    *("address", "dns_name", "endpoint", "reader_endpoint", "public_dns", "primary_endpoint_address"),
    *("reader_endpoint_address", "configuration_endpoint_address"),
)
_ADDRESSES = ("private_ip", "public_ip", "ip_address", "host", "private_ip_address", "first_ip_address")
_REACHED = frozenset({Kind.VM, Kind.DATABASE, Kind.CACHE, Kind.LOAD_BALANCER, Kind.CLUSTER})
"""Kinds whose attributes say where they are reached."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Which thing a block is."""

    block: Block
    iri: Iri
    kind: Kind
    place: Place
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The blocks of a target, each with the thing that it is."""

    things: tuple[Thing, ...]
    named: Mapping[tuple[str, str], tuple[Thing, ...]] = field(default_factory=dict)
    """Folder and address without instance keys to the things that it stands for."""
    networks: Mapping[str, str] = field(default_factory=dict)
    """Subnet to its network, by the ids of the cloud."""

    def meant(self, block: Block, *attributes: str) -> Iterator[Thing]:
        """Yield the things that these attributes of a block name."""
        for attribute in attributes:
            for address in sorted(block.refs.get(attribute, ())):
                yield from self.named.get((block.folder, address), ())


def plan(blocks: Sequence[Block], environment: str, repository: str) -> Plan:
    """Return the things of the blocks."""
    things = tuple(_thing(each, environment, repository) for each in blocks if each.type not in JOINTS)
    named: dict[tuple[str, str], tuple[Thing, ...]] = {}
    for each in things:
        key = (each.block.folder, each.block.base)
        named[key] = (*named.get(key, ()), each)
    subnets = (each for each in blocks if each.type in ("aws_subnet", "aws_default_subnet"))
    return Plan(things, named, {each.text("id"): each.text("vpc_id") for each in subnets if each.text("vpc_id")})


def _thing(block: Block, environment: str, repository: str) -> Thing:
    """Return which thing a block is."""
    found = _of_aws(block) or _of_google(block)
    if found is not None:
        return found
    kind = next((kind for pattern, kind in _KINDS if pattern.search(block.type)), Kind.CLOUD_RESOURCE)
    parts = (repository, block.folder, block.address) if block.folder else (repository, block.address)
    return Thing(block, iris.thing("cloud", environment, *parts), kind, block.place, block.text("arn", "id"))


def _of_aws(block: Block) -> Thing | None:
    """Return the thing of AWS: by its ARN, else by its name where account and region are known, or not needed."""
    if block.type not in AWS:
        return None
    sort, attributes = AWS[block.type]
    known = aws_names.of_arn(block.text("arn"))
    names = tuple(block.text(each) for each in attributes)
    account, region = block.place.account, block.text("region") or block.place.region
    if known is not None:
        iri, account, region = known.iri, known.account or account, known.region or region
    elif all(names) and (aws_names.SORTS[sort].alone or (account and region)):
        iri = aws_names.iri(sort, account, region, *names)
    else:
        return None
    if sort.startswith("route53"):
        region = ""
    place = Place("aws", account, region, block.text("availability_zone"))
    return Thing(block, iri, aws_names.SORTS[sort].kind, place, block.text("arn"))


def _of_google(block: Block) -> Thing | None:
    """Return the thing of Google Cloud: by its path, else by project, location and name."""
    if block.type == "google_storage_bucket" and block.text("name"):
        place = gcp_names.place_of(block.place.account, block.text("location"))
        return Thing(block, gcp_names.bucket(block.text("name")), Kind.OBJECT_STORE, place)
    if block.type not in GCP:
        return None
    parts = {
        "project": block.text("project") or block.place.account,
        "region": block.text("region") or block.place.region,
        "zone": block.text("zone"),
        "location": block.text("location"),
        "name": block.text("name"),
    }
    wanted = re.findall(r"\{(\w+)\}", GCP[block.type])
    made = GCP[block.type].format(**parts) if all(parts[each] for each in wanted) else ""
    known = gcp_names.of_path(block.text("id")) or gcp_names.of_path(block.text("self_link")) or gcp_names.of_path(made)
    if known is None:
        return None
    zone = block.text("zone") if known.sort.kind is Kind.VM else known.place.zone
    place = Place("gcp", known.place.account, known.place.region or block.text("region"), zone)
    return Thing(block, known.iri, known.sort.kind, place, known.path)


def resource(each: Thing, whole: Plan) -> Resource:
    """Return a thing with all that its block says of it."""
    block = each.block
    tags = block.attributes.get("tags")
    tagged = str(tags.get("Name") or "") if isinstance(tags, Mapping) else ""
    by_id = block.type.startswith("aws_") and each.kind in (Kind.VM, Kind.NETWORK, Kind.SUBNET)
    fallback = block.text("id") if by_id else block.text(*_NAMES)
    network, scope = _network(each, whole)
    reached = each.kind in _REACHED
    hosts = tuple(filter(None, map(host_of, block.texts(*_HOSTS)))) if reached else ()
    nodes = [node.get("address") for node in block.attributes.get("cache_nodes") or () if isinstance(node, dict)]
    return Resource(
        each.iri,
        each.kind,
        (tagged if by_id and each.kind is not Kind.VM else "") or fallback.rstrip(".") or block.label,
        block.type,
        each.place,
        each.identity,
        network=network,
        scope=scope,
        addresses=tuple(ip for ip in _addresses(block) if scope or ip_iri(ip, "x") == ip_iri(ip, ""))
        if reached
        else (),
        hosts=tuple(dict.fromkeys(host for host in (*hosts, *filter(None, nodes)) if re.search(r"[a-z]", host))),
        links=tuple(_links(each, whole)),
        values=tuple(_values(block)),
        evidence=block.evidence,
    )


def _addresses(block: Block) -> Iterator[str]:
    """Yield the IP addresses that a block says, in itself or in its interfaces."""
    parts: list[Any] = [block.attributes]
    for name in ("network_interface", "access_config", "ip_address"):
        inner = [part.get(name) for part in parts if isinstance(part, Mapping)]
        parts += [each for value in inner if isinstance(value, list) for each in value]
    for part in parts:
        for name in (*_ADDRESSES, "network_ip", "nat_ip"):
            text = part.get(name) if isinstance(part, Mapping) else None
            if isinstance(text, str) and re.fullmatch(r"[\d.]+|[\da-fA-F:]*:[\da-fA-F:]+", text):
                yield text


def _network(each: Thing, whole: Plan) -> tuple[Iri | None, str]:
    """Return the network of a thing, and the name in which its addresses are unique."""
    block = each.block
    if each.kind in (Kind.NETWORK, Kind.SUBNET):
        return None, ""
    inner = [
        part
        for name in ("vpc_config", "network_interface")
        for part in block.attributes.get(name) or ()
        if isinstance(part, dict)
    ]
    texts = [
        block.text("vpc_id", "network", "authorized_network"),
        *(str(part.get("vpc_id") or part.get("network") or "") for part in inner),
    ]
    texts += [whole.networks.get(block.text("subnet_id"), "")]
    for text in filter(None, texts):
        if text.startswith("vpc-"):
            return aws_names.iri("ec2:vpc", "", "", text), text
        known = gcp_names.of_path(text)
        if known is not None and known.sort.kind is Kind.NETWORK:
            return known.iri, gcp_names.scope(text)
    named = whole.meant(block, "vpc_id", "network", "vpc_config", "network_interface")
    return next((other.iri for other in named if other.kind is Kind.NETWORK), None), ""


def _links(each: Thing, whole: Plan) -> Iterator[tuple[Iri, Iri]]:
    """Yield what a thing is part of, and what it needs."""
    block = each.block
    for subnet in block.texts("subnet_id", "subnet_ids", "subnets"):
        if subnet.startswith("subnet-"):
            yield terms.PART_OF, aws_names.iri("ec2:subnet", "", "", subnet)
    for other in whole.meant(
        block, "subnet_id", "subnet_ids", "subnets", "subnetwork", "network_interface", "vpc_config"
    ):
        if other.kind is Kind.SUBNET:
            yield terms.PART_OF, other.iri
    if each.kind is Kind.SUBNET:
        text = block.text("vpc_id", "network")
        known = gcp_names.of_path(text)
        if text.startswith("vpc-"):
            yield terms.PART_OF, aws_names.iri("ec2:vpc", "", "", text)
        elif known is not None:
            yield terms.PART_OF, known.iri
    for other in whole.meant(block, "vpc_id", "network") if each.kind is Kind.SUBNET else ():
        if other.kind is Kind.NETWORK:
            yield terms.PART_OF, other.iri
    for other in whole.meant(block, "cluster_name", "cluster"):
        if other.kind is Kind.CLUSTER:
            yield terms.PART_OF, other.iri
    for other in whole.meant(block, *block.refs):
        yield terms.DEPENDS_ON, other.iri


def _values(block: Block) -> Iterator[tuple[Iri, Value]]:
    """Yield what is said of a thing besides its place."""
    port = block.attributes.get("port")
    if isinstance(port, int) and not isinstance(port, bool) and 0 <= port <= 65535:
        yield terms.PORT, port
    version = block.text("engine_version", "version", "database_version", "min_master_version")
    if version:
        yield terms.VERSION, version
    if block.text("cidr_block", "ip_cidr_range"):
        yield terms.ADDRESS, block.text("cidr_block", "ip_cidr_range")
