"""What answers of AWS mean: each entry of a list as a `Resource`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ontology import terms
from ontology.nouns import Iri, Value
from scanners.cloud import aws_names
from scanners.cloud.aws_names import SORTS
from scanners.cloud.cloud_nouns import Place, Resource, host_of, ip_iri

Items = Mapping[str, tuple[Mapping[str, Any], ...]]
"""Sort to the entries as AWS sent them."""
Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Region:
    """What was read of one region of an account; an empty name for what stands in no region."""

    account: str
    name: str
    items: Items

    def iri(self, sort: str, *names: str) -> Iri:
        """Return the IRI of a resource that stands here."""
        return aws_names.iri(sort, self.account, self.name, *names)

    def resource(self, sort: str, names: tuple[str, ...], evidence: str, **more: Any) -> Resource:
        """Return a resource that stands here."""
        known = SORTS[sort]
        zone = more.pop("zone", "") or ""
        region = more.pop("region", self.name)
        return Resource(
            self.iri(sort, *names),
            known.kind,
            more.pop("label", names[-1]),
            known.type,
            Place("aws", self.account, region, zone),
            evidence=evidence,
            **more,
        )


def resources(region: Region) -> Iterator[Resource]:
    """Yield what a region holds."""
    for sort, build in BUILDERS.items():
        for item in region.items.get(sort, ()):
            yield from build(region, item)


def tags(item: Item) -> dict[str, str]:
    """Return the tags of an entry, whichever way its service writes them."""
    found = item.get("Tags") or item.get("TagList") or item.get("tags") or {}
    if isinstance(found, Mapping):
        return {str(key): str(value) for key, value in found.items()}
    return {str(each.get("Key")): str(each.get("Value", "")) for each in found}


def _vpc_iri(name: str | None) -> Iri | None:
    return aws_names.iri("ec2:vpc", "", "", name) if name else None


def _values(*pairs: tuple[Iri, Any]) -> tuple[tuple[Iri, Value], ...]:
    """Return the pairs that say something."""
    return tuple((predicate, value) for predicate, value in pairs if value not in (None, ""))


def _vpc(region: Region, item: Item) -> Iterator[Resource]:
    name, known = item["VpcId"], tags(item)
    yield region.resource(
        "ec2:vpc",
        (name,),
        "ec2:DescribeVpcs",
        label=known.get("Name") or name,
        values=_values((terms.ADDRESS, item.get("CidrBlock"))),
        tags=known,
    )


def _subnet(region: Region, item: Item) -> Iterator[Resource]:
    known, network = tags(item), _vpc_iri(item.get("VpcId"))
    yield region.resource(
        "ec2:subnet",
        (item["SubnetId"],),
        "ec2:DescribeSubnets",
        label=known.get("Name") or item["SubnetId"],
        zone=item.get("AvailabilityZone"),
        links=((terms.PART_OF, network),) if network else (),
        values=_values((terms.ADDRESS, item.get("CidrBlock"))),
        tags=known,
    )


def _security_group(region: Region, item: Item) -> Iterator[Resource]:
    sources = {
        pair["GroupId"]
        for rule in item.get("IpPermissions", ())
        for pair in rule.get("UserIdGroupPairs", ())
        if pair.get("GroupId")
    }
    yield region.resource(
        "ec2:security-group",
        (item["GroupId"],),
        "ec2:DescribeSecurityGroups",
        label=item.get("GroupName") or item["GroupId"],
        network=_vpc_iri(item.get("VpcId")),
        links=tuple((terms.ALLOWS_FROM, region.iri("ec2:security-group", each)) for each in sorted(sources)),
        tags=tags(item),
    )


def _instance(region: Region, item: Item) -> Iterator[Resource]:
    state = item.get("State", {}).get("Name")
    if state == "terminated":  # listed for an hour after its end
        return
    known, name = tags(item), item["InstanceId"]
    addresses = {item.get("PrivateIpAddress"), item.get("PublicIpAddress")}
    for card in item.get("NetworkInterfaces", ()):
        addresses |= {each.get("PrivateIpAddress") for each in card.get("PrivateIpAddresses", ())}
    yield region.resource(
        "ec2:instance",
        (name,),
        "ec2:DescribeInstances",
        zone=item.get("Placement", {}).get("AvailabilityZone"),
        network=_vpc_iri(item.get("VpcId")),
        scope=item.get("VpcId") or "",
        addresses=tuple(sorted(filter(None, addresses))),
        hosts=tuple(filter(None, (item.get("PublicDnsName"),))),
        links=tuple(_instance_links(region, item, known)),
        values=_values(
            (terms.STATUS, state),
            (terms.OTEL_HOST_ID, name),
            (terms.NAME, known.get("Name")),  # no label: every machine of a group has the same
            (terms.OTEL_HOST_NAME, item.get("PrivateDnsName")),  # no DNS name: two networks may both have it
        ),
        tags=known,
    )


def _instance_links(region: Region, item: Item, known: Mapping[str, str]) -> Iterator[tuple[Iri, Iri]]:
    """Yield subnet and cluster of a machine; the cluster's name stands in the tags that EKS and kOps set."""
    if item.get("SubnetId"):
        yield terms.PART_OF, region.iri("ec2:subnet", item["SubnetId"])
    cluster = known.get("eks:cluster-name") or known.get("aws:eks:cluster-name") or owned_by(known)
    if cluster:
        yield terms.PART_OF, region.iri("eks:cluster", cluster)
        if "eks:nodegroup-name" in known:
            yield terms.PART_OF, region.iri("eks:nodegroup", cluster, known["eks:nodegroup-name"])


def owned_by(known: Mapping[str, str]) -> str:
    """Return the cluster that the tag `kubernetes.io/cluster/<name>` names.

    >>> owned_by({"kubernetes.io/cluster/shop": "owned"})
    'shop'
    """
    prefix = "kubernetes.io/cluster/"
    return next((key.removeprefix(prefix) for key in known if key.startswith(prefix)), "")


def _cluster(region: Region, item: Item) -> Iterator[Resource]:
    endpoint = item.get("endpoint") or ""
    yield region.resource(
        "eks:cluster",
        (item["name"],),
        "eks:DescribeCluster",
        identity=item.get("arn") or "",
        network=_vpc_iri(item.get("resourcesVpcConfig", {}).get("vpcId")),
        hosts=(host_of(endpoint),) if host_of(endpoint) else (),
        values=_values(
            (terms.VERSION, item.get("version")),
            (terms.STATUS, item.get("status")),
            (terms.OTEL_K8S_CLUSTER_NAME, item["name"]),
        ),
        tags=tags(item),
    )


def _nodegroup(region: Region, item: Item) -> Iterator[Resource]:
    cluster, name = item["clusterName"], item["nodegroupName"]
    subnets = ((terms.PART_OF, region.iri("ec2:subnet", each)) for each in item.get("subnets", ()))
    yield region.resource(
        "eks:nodegroup",
        (cluster, name),
        "eks:DescribeNodegroup",
        identity=item.get("nodegroupArn") or "",
        links=((terms.PART_OF, region.iri("eks:cluster", cluster)), *subnets),
        values=_values((terms.STATUS, item.get("status")), (terms.VERSION, item.get("version"))),
        tags=tags(item),
    )


def _db(region: Region, item: Item) -> Iterator[Resource]:
    endpoint, cluster = item.get("Endpoint") or {}, item.get("DBClusterIdentifier")
    yield region.resource(
        "rds:db",
        (item["DBInstanceIdentifier"],),
        "rds:DescribeDBInstances",
        identity=item.get("DBInstanceArn") or "",
        zone=item.get("AvailabilityZone"),
        network=_vpc_iri((item.get("DBSubnetGroup") or {}).get("VpcId")),
        hosts=tuple(filter(None, (endpoint.get("Address"),))),
        links=((terms.PART_OF, region.iri("rds:cluster", cluster)),) if cluster else (),
        values=_values(
            (terms.OTEL_DB_SYSTEM_NAME, item.get("Engine")),
            (terms.VERSION, item.get("EngineVersion")),
            (terms.STATUS, item.get("DBInstanceStatus")),
            (terms.PORT, endpoint.get("Port")),
        ),
        tags=tags(item),
    )


def _db_cluster(region: Region, item: Item) -> Iterator[Resource]:
    yield region.resource(
        "rds:cluster",
        (item["DBClusterIdentifier"],),
        "rds:DescribeDBClusters",
        identity=item.get("DBClusterArn") or "",
        hosts=tuple(filter(None, (item.get("Endpoint"), item.get("ReaderEndpoint")))),
        values=_values(
            (terms.OTEL_DB_SYSTEM_NAME, item.get("Engine")),
            (terms.VERSION, item.get("EngineVersion")),
            (terms.STATUS, item.get("Status")),
            (terms.PORT, item.get("Port")),
        ),
        tags=tags(item),
    )


def _table(region: Region, item: Item) -> Iterator[Resource]:
    values = _values((terms.OTEL_DB_SYSTEM_NAME, "aws.dynamodb"))
    yield region.resource("dynamodb:table", (item["name"],), "dynamodb:ListTables", values=values)


def _cache(region: Region, item: Item) -> Iterator[Resource]:
    ends = [item.get("ConfigurationEndpoint"), *(node.get("Endpoint") for node in item.get("CacheNodes") or ())]
    group, subnets = item.get("ReplicationGroupId"), item.get("CacheSubnetGroupName")
    known = {each["CacheSubnetGroupName"]: each.get("VpcId") for each in region.items.get("cache-subnets", ())}
    yield region.resource(
        "elasticache:cluster",
        (item["CacheClusterId"],),
        "elasticache:DescribeCacheClusters",
        identity=item.get("ARN") or "",
        zone=_one_zone(item.get("PreferredAvailabilityZone")),
        network=_vpc_iri(known.get(subnets)),
        links=((terms.PART_OF, region.iri("elasticache:replicationgroup", group)),) if group else (),
        values=_values((terms.VERSION, item.get("EngineVersion")), (terms.STATUS, item.get("CacheClusterStatus"))),
        hosts=_hosts(ends),
    )


def _cache_group(region: Region, item: Item) -> Iterator[Resource]:
    ends = [item.get("ConfigurationEndpoint")]
    for each in item.get("NodeGroups") or ():
        ends += [each.get("PrimaryEndpoint"), each.get("ReaderEndpoint")]
    yield region.resource(
        "elasticache:replicationgroup",
        (item["ReplicationGroupId"],),
        "elasticache:DescribeReplicationGroups",
        identity=item.get("ARN") or "",
        values=_values((terms.STATUS, item.get("Status"))),
        hosts=_hosts(ends),
    )


def _one_zone(zone: str | None) -> str:
    """Return a zone's name; nodes in several are said to be in `Multiple`."""
    return zone if zone and zone != "Multiple" else ""


def _hosts(ends: list[Any]) -> tuple[str, ...]:
    """Return the hosts of the endpoints that are known."""
    return tuple(dict.fromkeys(each["Address"] for each in ends if each and each.get("Address")))


def _balancer(region: Region, item: Item) -> Iterator[Resource]:
    zones = [each["SubnetId"] for each in item.get("AvailabilityZones", ()) if each.get("SubnetId")]
    yield region.resource(
        "elasticloadbalancing:loadbalancer",
        (item["LoadBalancerName"],),
        "elbv2:DescribeLoadBalancers",
        identity=item["LoadBalancerArn"],
        network=_vpc_iri(item.get("VpcId")),
        hosts=tuple(filter(None, (item.get("DNSName"),))),
        links=tuple((terms.PART_OF, region.iri("ec2:subnet", each)) for each in zones),
        values=_values((terms.STATUS, item.get("State", {}).get("Code"))),
    )


def _target_group(region: Region, item: Item) -> Iterator[Resource]:
    scope = item.get("VpcId") or ""
    goals = {_goal(each["Target"]["Id"], item.get("TargetType"), scope) for each in item["Targets"]}
    yield region.resource(
        "elasticloadbalancing:targetgroup",
        (item["TargetGroupName"],),
        "elbv2:DescribeTargetHealth",
        identity=item["TargetGroupArn"],
        network=_vpc_iri(scope),
        links=tuple((terms.ROUTES_TO, goal) for goal in sorted(filter(None, goals))),
        values=_values((terms.PORT, item.get("Port")), (terms.PROTOCOL, item.get("Protocol"))),
    )


def _goal(name: str, sort: str | None, scope: str) -> Iri | None:
    """Return what a target is: a machine, an address, or a function or load balancer by its ARN."""
    if sort == "ip":
        return ip_iri(name, scope)
    if name.startswith("i-"):
        return aws_names.iri("ec2:instance", "", "", name)
    known = aws_names.of_arn(name)
    return known.iri if known else None


def _queue(region: Region, item: Item) -> Iterator[Resource]:
    known = aws_names.of_queue_url(item["url"])
    if known is not None:
        arn = f"arn:aws:sqs:{region.name}:{known[0]}:{known[1]}"
        yield region.resource(
            "sqs", (known[1],), "sqs:ListQueues", identity=arn, values=_messaging("aws_sqs", known[1])
        )


def _messaging(system: str, name: str) -> tuple[tuple[Iri, Value], ...]:
    return _values((terms.OTEL_MESSAGING_SYSTEM, system), (terms.OTEL_MESSAGING_DESTINATION_NAME, name))


def _topic(region: Region, item: Item) -> Iterator[Resource]:
    name = item["TopicArn"].rpartition(":")[2]
    values = _messaging("aws.sns", name)
    yield region.resource("sns", (name,), "sns:ListTopics", identity=item["TopicArn"], values=values)


def _bucket(region: Region, item: Item) -> Iterator[Resource]:
    arn = f"arn:aws:s3:::{item['Name']}"
    yield region.resource("s3", (item["Name"],), "s3:ListBuckets", identity=arn, region=item["Region"])


def _function(region: Region, item: Item) -> Iterator[Resource]:
    place = item.get("VpcConfig") or {}
    subnets = ((terms.PART_OF, region.iri("ec2:subnet", each)) for each in place.get("SubnetIds") or ())
    yield region.resource(
        "lambda:function",
        (item["FunctionName"],),
        "lambda:ListFunctions",
        identity=item["FunctionArn"],
        network=_vpc_iri(place.get("VpcId")),
        links=tuple(subnets),
        values=_values((terms.OTEL_FAAS_NAME, item["FunctionName"]), (terms.LANGUAGE, item.get("Runtime"))),
    )


def _hosted_zone(region: Region, item: Item) -> Iterator[Resource]:
    name = item["Id"].rpartition("/")[2]
    networks = tuple(filter(None, (_vpc_iri(each.get("VPCId")) for each in item["VPCs"])))
    yield region.resource(
        "route53:hostedzone",
        (name,),
        "route53:ListHostedZones",
        label=item["Name"].rstrip("."),
        identity=f"arn:aws:route53:::hostedzone/{name}",
        links=tuple((terms.IN_NETWORK, each) for each in networks),
    )


BUILDERS: Mapping[str, Callable[[Region, Item], Iterator[Resource]]] = {
    "vpc": _vpc,
    "subnet": _subnet,
    "security-group": _security_group,
    "instance": _instance,
    "cluster": _cluster,
    "nodegroup": _nodegroup,
    "db": _db,
    "db-cluster": _db_cluster,
    "table": _table,
    "cache": _cache,
    "cache-group": _cache_group,
    "balancer": _balancer,
    "target-group": _target_group,
    "queue": _queue,
    "topic": _topic,
    "bucket": _bucket,
    "function": _function,
    "hosted-zone": _hosted_zone,
}
