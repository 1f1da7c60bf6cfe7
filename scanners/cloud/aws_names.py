"""The one place where names of AWS become IRIs, so that the API, Terraform and a value in a setting agree.

What AWS itself gives an id (`vpc-`, `i-`, a hosted zone) and bucket names are unique in all of AWS and stand alone;
what people name is unique in an account and region.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ontology import iris
from ontology.nouns import Iri
from ontology.terms import Kind


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of resource: as ARNs name it, in IRIs, in the ontology and in CloudFormation."""

    noun: str
    kind: Kind
    type: str
    alone: bool = False
    """Its id is unique in all of AWS."""


SORTS: Mapping[str, Sort] = {
    "ec2:vpc": Sort("network", Kind.NETWORK, "AWS::EC2::VPC", alone=True),
    "ec2:subnet": Sort("subnet", Kind.SUBNET, "AWS::EC2::Subnet", alone=True),
    "ec2:security-group": Sort("security-group", Kind.CLOUD_RESOURCE, "AWS::EC2::SecurityGroup", alone=True),
    "ec2:instance": Sort("vm", Kind.VM, "AWS::EC2::Instance", alone=True),
    "eks:cluster": Sort("cloud-cluster", Kind.CLUSTER, "AWS::EKS::Cluster"),
    "eks:nodegroup": Sort("node-group", Kind.CLOUD_RESOURCE, "AWS::EKS::Nodegroup"),
    "rds:db": Sort("database", Kind.DATABASE, "AWS::RDS::DBInstance"),
    "rds:cluster": Sort("database-cluster", Kind.DATABASE, "AWS::RDS::DBCluster"),
    "dynamodb:table": Sort("table", Kind.DATABASE, "AWS::DynamoDB::Table"),
    "elasticache:cluster": Sort("cache", Kind.CACHE, "AWS::ElastiCache::CacheCluster"),
    "elasticache:replicationgroup": Sort("cache-group", Kind.CACHE, "AWS::ElastiCache::ReplicationGroup"),
    "elasticloadbalancing:loadbalancer": Sort(
        "load-balancer", Kind.LOAD_BALANCER, "AWS::ElasticLoadBalancingV2::LoadBalancer"
    ),
    "elasticloadbalancing:targetgroup": Sort(
        "target-group", Kind.CLOUD_RESOURCE, "AWS::ElasticLoadBalancingV2::TargetGroup"
    ),
    "sqs": Sort("queue", Kind.QUEUE, "AWS::SQS::Queue"),
    "sns": Sort("topic", Kind.TOPIC, "AWS::SNS::Topic"),
    "s3": Sort("bucket", Kind.OBJECT_STORE, "AWS::S3::Bucket", alone=True),
    "lambda:function": Sort("function-service", Kind.FUNCTION_SERVICE, "AWS::Lambda::Function"),
    "route53:hostedzone": Sort("hosted-zone", Kind.CLOUD_RESOURCE, "AWS::Route53::HostedZone", alone=True),
}
_ARN = re.compile(r"arn:[\w-]+:(?P<service>[\w-]+):(?P<region>[\w-]*):(?P<account>\d*):(?P<resource>[^\s\"'*]+)")


@dataclass(frozen=True, slots=True)
class Named:
    """What an ARN names."""

    iri: Iri
    sort: Sort
    account: str
    region: str
    name: str


def iri(sort: str, account: str, region: str, *names: str) -> Iri:
    """Return the IRI of a resource.

    >>> iri("sqs", "123456789012", "eu-west-1", "orders").rpartition("id/")[2]
    'queue/aws:123456789012:eu-west-1:orders'
    >>> iri("ec2:instance", "", "", "i-0abc").rpartition("id/")[2]
    'vm/aws:i-0abc'
    """
    known = SORTS[sort]
    return iris.thing(known.noun, "aws", *(() if known.alone else (account, region)), *names)


def of_arn(arn: str) -> Named | None:
    """Return what an ARN names; None for no ARN, and for a sort that the graph does not hold.

    >>> of_arn("arn:aws:rds:eu-west-1:123456789012:db:orders").iri.rpartition("id/")[2]
    'database/aws:123456789012:eu-west-1:orders'
    >>> of_arn("arn:aws:iam::123456789012:role/reader") is None
    True
    """
    found = _ARN.fullmatch(arn)
    if found is None:
        return None
    service, resource = found["service"], found["resource"]
    sort, rest = (service, resource) if service in SORTS else _split(service, resource)
    if sort not in SORTS or (sort == "sns" and ":" in rest):  # a subscription is no topic
        return None
    names = _names(sort, rest)
    account, region = found["account"], found["region"]
    return Named(iri(sort, account, region, *names), SORTS[sort], account, region, names[-1])


def _split(service: str, resource: str) -> tuple[str, str]:
    """Return sort and rest of `vpc/vpc-1`, `db:orders`, `hostedzone/Z1`."""
    match = re.match(r"([\w-]+)[:/](.+)", resource)
    return (f"{service}:{match[1]}", match[2]) if match else ("", "")


def _names(sort: str, rest: str) -> tuple[str, ...]:
    """Return the name in the rest of an ARN, without the parts that only AWS knows."""
    parts = re.split(r"[:/]", rest)
    if sort == "eks:nodegroup":
        return tuple(parts[:2])
    if sort == "elasticloadbalancing:loadbalancer" and len(parts) == 3:
        return (parts[1],)
    if sort in ("elasticloadbalancing:targetgroup", "lambda:function", "dynamodb:table", "s3"):
        return (parts[0],)
    return (rest,)


def in_value(value: str) -> Iterator[Named]:
    """Yield the resources that a value names by ARN, or as the address of a queue.

    >>> [each.name for each in in_value("arn:aws:sns:eu-west-1:123456789012:placed")]
    ['placed']
    >>> [each.name for each in in_value("https://sqs.eu-west-1.amazonaws.com/123456789012/orders")]
    ['orders']
    """
    for match in _ARN.finditer(value[:20_000]):
        known = of_arn(match[0].rstrip(",;)]}"))
        if known is not None:
            yield known
    queue = re.match(r"https?://sqs\.([\w-]+)\.amazonaws\.com", value)
    named = of_queue_url(value)
    if queue is not None and named is not None:
        yield Named(iri("sqs", named[0], queue[1], named[1]), SORTS["sqs"], named[0], queue[1], named[1])


def of_queue_url(url: str) -> tuple[str, str] | None:
    """Return account and name of a queue's address; None for another address.

    >>> of_queue_url("https://sqs.eu-west-1.amazonaws.com/123456789012/orders")
    ('123456789012', 'orders')
    """
    match = re.fullmatch(r"https?://[^/]+/(\d{12})/([\w.-]+)", url)
    return (match[1], match[2]) if match else None
