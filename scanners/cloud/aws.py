"""AWS: accounts, networks, clusters, machines, databases, load balancers, queues of one account, through `boto3`.

    AwsScanner("prod", clients=clients).scan()                     # a profile, all regions that are opted in
    AwsScanner("prod@eu-west-1,us-east-1", clients=clients).scan()  # these regions only

A call that is denied makes the scan incomplete and is named; the rest is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ontology.errors import NotAllowed, Unavailable
from ontology.nouns import Fact, Layer
from scanners.binding import UNBOUND, Binding
from scanners.cloud import aws_joints, aws_resources, cloud_nouns
from scanners.cloud.aws_resources import Items, Region
from scanners.cloud.cloud_nouns import Place
from scanners.ledger import Ledger
from scanners.protocol import OFFLINE, Clients, Now, Problem, Reading, Redact, Scan, clock, run
from scanners.secrecy import without_secrets

ANYWHERE = "us-east-1"
"""Where services are asked that know no region."""
AT_ONCE = 8
"""Regions that are read side by side."""


@dataclass(frozen=True, slots=True)
class AwsScanner:
    """Reads one account."""

    target: str
    """A profile of the AWS configuration, `@` and regions if not all; the default profile where it is empty."""
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    clients: Clients = field(default=OFFLINE, kw_only=True)
    binding: Binding = field(default=UNBOUND, kw_only=True)
    """`aws:<name of a cluster>` gives the alias that its Kubernetes scans have."""
    name: str = field(default="aws", kw_only=True)
    layer: Layer = field(default=Layer.RUNNING, kw_only=True)

    @property
    def scope(self) -> str:
        """The profile, and the regions where they are named."""
        return self.target or "default"

    def read(self) -> Reading[tuple[Region, ...]]:
        """Ask every region.

        Raises:
            NotFound: there is no such profile.
            Unavailable: there are no credentials, or AWS does not answer.
            NotAllowed: AWS does not take the credentials.
        """
        profile, _, named = self.target.partition("@")
        session = self.clients.aws("" if profile == "default" else profile)
        account = _account(session)
        asking = Asking(session, ANYWHERE)
        regions = tuple(filter(None, named.split(","))) or _regions(asking)
        with ThreadPoolExecutor(AT_ONCE) as workers:
            asked = [Asking(session, region, asking.lock) for region in regions]
            found = list(workers.map(lambda each: Region(account, each.region, _read_region(each)), asked))
        found.append(Region(account, "", _read_global(asking)))
        problems = tuple(problem for each in (asking, *asked) for problem in each.problems)
        return Reading(tuple(found), self.now(), problems, not problems)

    def facts(self, reading: Reading[tuple[Region, ...]]) -> tuple[Fact, ...]:
        """Say what the account holds."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        for region in reading.raw:
            cloud_nouns.write_place(ledger, Place("aws", region.account, region.name), "sts:GetCallerIdentity")
            for resource in aws_resources.resources(region):
                cloud_nouns.write(ledger, resource)
            aws_joints.write_joints(ledger, region)
            for each in region.items.get("cluster", ()):
                alias = self.binding.environment(self.name, each["name"], other="")
                cloud_nouns.write_alias(ledger, region.iri("eks:cluster", each["name"]), alias)
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)


@dataclass(slots=True)
class Asking:
    """Asks the services of one region, and writes down what was refused."""

    session: Any
    region: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    problems: list[Problem] = field(default_factory=list)
    made: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Return the client of a service; clients may be used side by side, but not made side by side."""
        if service not in self.made:
            with self.lock:
                self.made[service] = self.session.client(service, region_name=self.region)
        return self.made[service]

    def all(self, service: str, operation: str, key: str, **parameters: Any) -> list[Any]:
        """Return the entries of every page of a list; nothing, and a problem, where it is refused."""
        from botocore.exceptions import BotoCoreError, ClientError

        client = self.client(service)
        try:
            if client.can_paginate(operation):
                pages = client.get_paginator(operation).paginate(**parameters)
            else:
                pages = iter([getattr(client, operation)(**parameters)])
            return [entry for page in pages for entry in _entries(page.get(key))]
        except (ClientError, BotoCoreError) as error:
            self.problems.append(Problem(f"{self.region} {service}:{operation}", _reason(error)))
            return []


def _entries(value: Any) -> list[Any]:
    """Return what an answer holds as a list, whether it was one or many."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _reason(error: Exception) -> str:
    """Return why a call failed: AWS's own code and sentence."""
    said = getattr(error, "response", {}).get("Error", {})
    return f"{said.get('Code')}: {said.get('Message')}"[:300] if said else f"{type(error).__name__}: {error}"[:300]


def _account(session: Any) -> str:
    """Return the number of the account.

    Raises:
        NotAllowed: AWS does not take the credentials.
        Unavailable: AWS does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return str(session.client("sts", region_name=session.region_name or ANYWHERE).get_caller_identity()["Account"])
    except ClientError as error:
        raise NotAllowed(
            f"AWS does not take the credentials: {_reason(error)}.", next_step="Renew them, or name another profile."
        ) from error
    except BotoCoreError as error:
        raise Unavailable(f"AWS does not answer: {_reason(error)}.", next_step="Check the network.") from error


def _regions(asking: Asking) -> tuple[str, ...]:
    """Return the regions that are opted in; the configured one where they cannot be listed."""
    listed = asking.all("ec2", "describe_regions", "Regions")
    found = tuple(each["RegionName"] for each in listed if each.get("OptInStatus") != "not-opted-in")
    return found or (asking.session.region_name or ANYWHERE,)


def _read_region(asking: Asking) -> Items:
    """Return what one region holds, by sort."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for part in (_network, _compute, _clusters, _stores, _balancers, _messages):
        found |= part(asking.all)
    return {sort: tuple(entries) for sort, entries in found.items()}


Ask = Callable[..., list[Any]]
Found = dict[str, list[Mapping[str, Any]]]


def _network(ask: Ask) -> Found:
    return {
        "zone": ask("ec2", "describe_availability_zones", "AvailabilityZones"),
        "vpc": ask("ec2", "describe_vpcs", "Vpcs"),
        "subnet": ask("ec2", "describe_subnets", "Subnets"),
        "security-group": ask("ec2", "describe_security_groups", "SecurityGroups"),
    }


def _compute(ask: Ask) -> Found:
    reservations = ask("ec2", "describe_instances", "Reservations")
    functions = ask("lambda", "list_functions", "Functions")
    return {
        "instance": [each for reservation in reservations for each in reservation["Instances"]],
        # its settings hold secrets: they are let go of here
        "function": [{key: value for key, value in each.items() if key != "Environment"} for each in functions],
        "event-source": ask("lambda", "list_event_source_mappings", "EventSourceMappings"),
    }


def _clusters(ask: Ask) -> Found:
    names = ask("eks", "list_clusters", "clusters")
    return {
        "cluster": [each for name in names for each in ask("eks", "describe_cluster", "cluster", name=name)],
        "nodegroup": [
            each
            for name in names
            for group in ask("eks", "list_nodegroups", "nodegroups", clusterName=name)
            for each in ask("eks", "describe_nodegroup", "nodegroup", clusterName=name, nodegroupName=group)
        ],
    }


def _stores(ask: Ask) -> Found:
    return {
        "db": ask("rds", "describe_db_instances", "DBInstances"),
        "db-cluster": ask("rds", "describe_db_clusters", "DBClusters"),
        "cache": ask("elasticache", "describe_cache_clusters", "CacheClusters", ShowCacheNodeInfo=True),
        "cache-group": ask("elasticache", "describe_replication_groups", "ReplicationGroups"),
        "cache-subnets": ask("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups"),
        "table": [{"name": name} for name in ask("dynamodb", "list_tables", "TableNames")],
    }


def _balancers(ask: Ask) -> Found:
    groups = ask("elbv2", "describe_target_groups", "TargetGroups")

    def targets(arn: str) -> list[Any]:
        return ask("elbv2", "describe_target_health", "TargetHealthDescriptions", TargetGroupArn=arn)

    return {
        "balancer": ask("elbv2", "describe_load_balancers", "LoadBalancers"),
        "target-group": [{**each, "Targets": targets(each["TargetGroupArn"])} for each in groups],
    }


def _messages(ask: Ask) -> Found:
    return {
        "queue": [{"url": url} for url in ask("sqs", "list_queues", "QueueUrls")],
        "topic": ask("sns", "list_topics", "Topics"),
        "subscription": ask("sns", "list_subscriptions", "Subscriptions"),
    }


def _read_global(asking: Asking) -> Items:
    """Return what stands in no region: buckets and names."""
    return {"bucket": tuple(_buckets(asking)), "hosted-zone": tuple(_hosted_zones(asking))}


def _buckets(asking: Asking) -> Iterator[Mapping[str, Any]]:
    for each in asking.all("s3", "list_buckets", "Buckets"):
        region = each.get("BucketRegion") or next(
            iter(asking.all("s3", "get_bucket_location", "LocationConstraint", Bucket=each["Name"])), ANYWHERE
        )
        yield {"Name": each["Name"], "Region": region}  # a bucket of the first region says none


def _hosted_zones(asking: Asking) -> Iterator[Mapping[str, Any]]:
    for each in asking.all("route53", "list_hosted_zones", "HostedZones"):
        private = each.get("Config", {}).get("PrivateZone")
        records = asking.all("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=each["Id"])
        networks = asking.all("route53", "get_hosted_zone", "VPCs", Id=each["Id"]) if private else []
        yield {**each, "Records": records, "VPCs": networks}
