"""An account of AWS, played by moto's server: what was created there against what the scan says of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from ontology import terms
from ontology.iris import BASE, WB
from ontology.loader import validate
from ontology.nouns import Fact
from scanners.cloud.aws import AwsScanner
from scanners.protocol import Scan
from scanners.terraform.scanner import TerraformScanner
from workbench.graph.store import GraphStore
from workbench.telemetry.clients import LiveClients

REGIONS = ("eu-west-1", "us-east-1")
ACCOUNT = "123456789012"
Triple = tuple[str, str, str]


@dataclass
class Estate:
    """What was created, as facts that must be found; and the same as Terraform would have it in its state."""

    facts: set[Triple] = field(default_factory=set)
    state: list[dict[str, Any]] = field(default_factory=list)

    def thing(self, iri: str, kind: str, region: str = "", zone: str = "", network: str = "") -> str:
        """Expect a thing, its place and its network."""
        self.facts.add((iri, "type", kind))
        if kind not in ("CloudAccount", "Region", "Zone", "DnsName", "IpAddress"):
            self.facts.add((iri, "partOf", f"cloud-account/aws:{ACCOUNT}"))
        if region:
            self.facts.add((iri, "partOf", f"region/aws:{region}"))
        if zone:
            self.facts.add((iri, "partOf" if kind == "Subnet" else "runsOn", f"zone/aws:{zone}"))
        if network:
            self.facts.add((iri, "inNetwork", f"network/aws:{network}"))
        return iri

    def say(self, subject: str, predicate: str, other: str) -> None:
        """Expect a relation."""
        self.facts.add((subject, predicate, other))

    def host(self, name: str, target: str) -> str:
        """Expect a DNS name that leads to something."""
        iri = self.thing(f"dns-name/{name.lower()}", "DnsName")
        self.say(iri, "resolvesTo", target)
        return iri

    def address(self, owner: str, ip: str, vpc: str) -> None:
        """Expect an address of a machine."""
        private = ip.startswith(("10.", "172."))
        iri = self.thing(
            f"ip-address/{vpc}:{ip}" if private else f"ip-address/{ip}", "IpAddress", network=vpc if private else ""
        )
        self.say(owner, "hasAddress", iri)

    def stated(self, kind: str, label: str, **attributes: Any) -> None:
        """Put a resource into the state."""
        instance = {"attributes": {"region": attributes.pop("in_region", ""), **attributes}}
        provider = 'provider["registry.terraform.io/hashicorp/aws"]'
        self.state.append(
            {"mode": "managed", "type": kind, "name": label, "provider": provider, "instances": [instance]}
        )


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of a moto server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=30)  # its estate outlives a server in one process
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def account(moto: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """A maker of plain boto3 clients for the account; the environment leads everyone else there too."""
    none = str(tmp_path_factory.mktemp("aws") / "none")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "AWS_ENDPOINT_URL": moto,
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_DEFAULT_REGION": REGIONS[0],
            "AWS_CONFIG_FILE": none,
            "AWS_SHARED_CREDENTIALS_FILE": none,
        }.items():
            environment.setenv(name, value)
        session = boto3.Session()
        yield lru_cache(lambda service, region=REGIONS[0]: session.client(service, region_name=region))


@pytest.fixture(scope="module")
def built(account: Callable[..., Any]) -> Estate:
    """An estate of two regions."""
    estate = Estate()
    estate.thing(f"cloud-account/aws:{ACCOUNT}", "CloudAccount")
    for region in REGIONS:
        estate.thing(f"region/aws:{region}", "Region")
        estate.say(f"region/aws:{region}", "partOf", f"cloud-account/aws:{ACCOUNT}")
        for zone in account("ec2", region).describe_availability_zones()["AvailabilityZones"]:
            estate.thing(f"zone/aws:{zone['ZoneName']}", "Zone", region)
    for count, region in enumerate(REGIONS):
        network = _networks(estate, account, region)
        _machines(estate, account, region, network)
        _databases(estate, account, region, network)
        _messages(estate, account, region)
        _buckets(estate, account, region, count)
    _names(estate, account)
    for region in REGIONS:
        _defaults(estate, account("ec2", region), region)
    return estate


def _networks(estate: Estate, account: Callable[..., Any], region: str) -> dict[str, Any]:
    ec2 = account("ec2", region)
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": f"shop-{region}"}])
    arn = f"arn:aws:ec2:{region}:{ACCOUNT}:vpc/{vpc}"
    estate.stated("aws_vpc", f"main_{region}", id=vpc, arn=arn, tags={"Name": f"shop-{region}"})
    subnets = []
    for number, letter in enumerate("ab"):
        block = f"10.7.{number}.0/24"
        made = ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=f"{region}{letter}")["Subnet"]
        subnets.append(made["SubnetId"])
        estate.stated(
            "aws_subnet",
            f"{letter}_{region}",
            id=made["SubnetId"],
            arn=made["SubnetArn"],
            vpc_id=vpc,
            availability_zone=f"{region}{letter}",
        )
    web = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    data = ec2.create_security_group(GroupName="data", Description="data", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=data,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": web}]}],
    )
    estate.say(f"security-group/aws:{data}", "allowsFrom", f"security-group/aws:{web}")
    return {"vpc": vpc, "subnets": subnets, "web": web}


def _machines(estate: Estate, account: Callable[..., Any], region: str, network: dict[str, Any]) -> None:
    ec2, eks, elb = account("ec2", region), account("eks", region), account("elbv2", region)
    subnets = network["subnets"]
    role = f"arn:aws:iam::{ACCOUNT}:role/eks"
    made = eks.create_cluster(name="shop", roleArn=role, resourcesVpcConfig={"subnetIds": subnets})["cluster"]
    cluster = estate.thing(f"cloud-cluster/aws:{ACCOUNT}:{region}:shop", "Cluster", region)
    estate.host(made["endpoint"].removeprefix("https://").rstrip("/"), cluster)
    cluster_vpc = eks.describe_cluster(name="shop")["cluster"]["resourcesVpcConfig"].get("vpcId")
    if cluster_vpc:
        estate.say(cluster, "inNetwork", f"network/aws:{cluster_vpc}")
    estate.stated(
        "aws_eks_cluster", f"shop_{region}", id="shop", name="shop", arn=made["arn"], endpoint=made["endpoint"]
    )
    eks.create_nodegroup(clusterName="shop", nodegroupName="main", nodeRole=role, subnets=subnets)
    group = estate.thing(f"node-group/aws:{ACCOUNT}:{region}:shop:main", "CloudResource", region)
    estate.say(group, "partOf", cluster)
    for subnet in subnets:
        estate.say(group, "partOf", f"subnet/aws:{subnet}")
    machines = []
    for number, subnet in enumerate(subnets):
        tags = [{"Key": "Name", "Value": f"node-{number}"}, {"Key": "eks:cluster-name", "Value": "shop"}]
        tags.append({"Key": "eks:nodegroup-name", "Value": "main"})
        launched = ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            SecurityGroupIds=[network["web"]],
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )["Instances"][0]
        machines.append(launched["InstanceId"])
        vm = f"vm/aws:{launched['InstanceId']}"
        for other in (cluster, group, f"subnet/aws:{subnet}"):
            estate.say(vm, "partOf", other)
        estate.say(f"security-group/aws:{network['web']}", "selects", vm)
        arn = f"arn:aws:ec2:{region}:{ACCOUNT}:instance/{launched['InstanceId']}"
        estate.stated(
            "aws_instance",
            f"node{number}_{region}",
            id=launched["InstanceId"],
            arn=arn,
            availability_zone=f"{region}{'ab'[number]}",
            subnet_id=subnet,
            private_ip=launched["PrivateIpAddress"],
            user_data="PASSWORD=hunter2canary",
        )
    gone = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnets[0])["Instances"][0]
    ec2.terminate_instances(InstanceIds=[gone["InstanceId"]])
    _balancer(estate, elb, region, network, machines)


def _balancer(estate: Estate, elb: Any, region: str, network: dict[str, Any], machines: list[str]) -> None:
    vpc = network["vpc"]
    made = elb.create_load_balancer(Name="front", Subnets=network["subnets"])["LoadBalancers"][0]
    balancer = estate.thing(f"load-balancer/aws:{ACCOUNT}:{region}:front", "LoadBalancer", region, network=vpc)
    estate.host(made["DNSName"], balancer)
    for subnet in network["subnets"]:
        estate.say(balancer, "partOf", f"subnet/aws:{subnet}")
    group = elb.create_target_group(Name="front-web", Protocol="HTTP", Port=8080, VpcId=vpc)["TargetGroups"][0]
    elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": each} for each in machines])
    elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )
    target = estate.thing(f"target-group/aws:{ACCOUNT}:{region}:front-web", "CloudResource", region, network=vpc)
    estate.say(balancer, "routesTo", target)
    for machine in machines:
        estate.say(target, "routesTo", f"vm/aws:{machine}")
    estate.stated(
        "aws_lb",
        f"front_{region}",
        id=made["LoadBalancerArn"],
        arn=made["LoadBalancerArn"],
        name="front",
        dns_name=made["DNSName"],
        vpc_id=vpc,
        subnets=network["subnets"],
    )
    estate.stated(
        "aws_lb_target_group", f"web_{region}", arn=group["TargetGroupArn"], name="front-web", vpc_id=vpc, port=8080
    )


def _databases(estate: Estate, account: Callable[..., Any], region: str, network: dict[str, Any]) -> None:
    rds, cache, tables = account("rds", region), account("elasticache", region), account("dynamodb", region)
    vpc, subnets = network["vpc"], network["subnets"]
    rds.create_db_subnet_group(DBSubnetGroupName="data", DBSubnetGroupDescription="data", SubnetIds=subnets)
    for name, engine in (("orders", "postgres"), ("billing", "mysql")):
        made = rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine=engine,
            DBInstanceClass="db.t3.micro",
            AllocatedStorage=10,
            MasterUsername="shop",
            MasterUserPassword="hunter2canary",
            DBSubnetGroupName="data",
            AvailabilityZone=f"{region}a",
        )["DBInstance"]
        database = f"database/aws:{ACCOUNT}:{region}:{name}"
        estate.thing(database, "Database", region, zone=f"{region}a", network=vpc)
        estate.host(made["Endpoint"]["Address"], database)
        estate.stated(
            "aws_db_instance",
            f"{name}_{region}",
            identifier=name,
            arn=made["DBInstanceArn"],
            address=made["Endpoint"]["Address"],
            endpoint=f"{made['Endpoint']['Address']}:{made['Endpoint']['Port']}",
            password="hunter2canary",
            username="shop",
        )
    made = rds.create_db_cluster(
        DBClusterIdentifier="ledger",
        Engine="aurora-postgresql",
        MasterUsername="shop",
        MasterUserPassword="hunter2canary",
    )["DBCluster"]
    cluster = estate.thing(f"database-cluster/aws:{ACCOUNT}:{region}:ledger", "Database", region)
    for name in {made["Endpoint"], made["ReaderEndpoint"]}:
        estate.host(name, cluster)
    estate.stated("aws_rds_cluster", f"ledger_{region}", arn=made["DBClusterArn"], cluster_identifier="ledger")
    cache.create_cache_subnet_group(
        CacheSubnetGroupName="cache", CacheSubnetGroupDescription="cache", SubnetIds=subnets
    )
    kept = cache.create_cache_cluster(
        CacheClusterId="sessions", Engine="redis", CacheNodeType="cache.t3.micro", NumCacheNodes=1,
        CacheSubnetGroupName="cache", PreferredAvailabilityZone=f"{region}a",
    )["CacheCluster"]  # fmt: skip
    estate.thing(f"cache/aws:{ACCOUNT}:{region}:sessions", "Cache", region, zone=f"{region}a", network=vpc)
    for node in cache.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"][0].get("CacheNodes", []):
        if node.get("Endpoint", {}).get("Address"):
            estate.host(node["Endpoint"]["Address"], f"cache/aws:{ACCOUNT}:{region}:sessions")
    estate.stated(
        "aws_elasticache_cluster", f"sessions_{region}", cluster_id="sessions", arn=kept["ARN"], engine="redis"
    )
    table = tables.create_table(
        TableName="carts",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]
    estate.thing(f"table/aws:{ACCOUNT}:{region}:carts", "Database", region)
    estate.stated("aws_dynamodb_table", f"carts_{region}", name="carts", arn=table["TableArn"])


def _messages(estate: Estate, account: Callable[..., Any], region: str) -> None:
    sqs, sns = account("sqs", region), account("sns", region)
    topic = sns.create_topic(Name="placed")["TopicArn"]
    estate.thing(f"topic/aws:{ACCOUNT}:{region}:placed", "Topic", region)
    estate.stated("aws_sns_topic", f"placed_{region}", name="placed", arn=topic)
    for number in range(12):
        name = f"orders-{number}"
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        queue = estate.thing(f"queue/aws:{ACCOUNT}:{region}:{name}", "Queue", region)
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        estate.stated("aws_sqs_queue", f"q{number}_{region}", name=name, arn=arn, id=url, url=url)
        if number % 3 == 0:
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
            estate.say(queue, "consumesFrom", f"topic/aws:{ACCOUNT}:{region}:placed")
            estate.stated("aws_sns_topic_subscription", f"s{number}_{region}", topic_arn=topic, endpoint=arn)
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="person@example.com")


def _buckets(estate: Estate, account: Callable[..., Any], region: str, count: int) -> None:
    name = f"shop-images-{count}"
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    account("s3", region).create_bucket(Bucket=name, **where)
    estate.thing(f"bucket/aws:{name}", "ObjectStore", region)
    estate.stated("aws_s3_bucket", f"images{count}", bucket=name, id=name, arn=f"arn:aws:s3:::{name}")


def _names(estate: Estate, account: Callable[..., Any]) -> None:
    route53 = account("route53")
    zone = route53.create_hosted_zone(Name="shop.example.", CallerReference="1")["HostedZone"]["Id"].rpartition("/")[2]
    iri = estate.thing(f"hosted-zone/aws:{zone}", "CloudResource")
    front = account("elbv2").describe_load_balancers()["LoadBalancers"][0]
    database = account("rds").describe_db_instances(DBInstanceIdentifier="orders")["DBInstances"][0]["Endpoint"][
        "Address"
    ]
    sets = [
        {"Name": "www.shop.example.", "Type": "A", "AliasTarget": {"HostedZoneId": "Z32O12XQLNTSW2",
         "DNSName": f"dualstack.{front['DNSName']}.", "EvaluateTargetHealth": False}},
        {"Name": "db.shop.example.", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": database}]},
        {"Name": "old.shop.example.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "34.9.8.7"}]},
        {"Name": "shop.example.", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"v=spf1 -all"'}]},
    ]  # fmt: skip
    changes = [{"Action": "CREATE", "ResourceRecordSet": each} for each in sets]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    for name, target in (
        ("www.shop.example", f"dns-name/{front['DNSName'].lower()}"),
        ("db.shop.example", f"dns-name/{database.lower()}"),
        ("old.shop.example", estate.thing("ip-address/34.9.8.7", "IpAddress")),
    ):
        estate.say(estate.host(name, target), "partOf", iri)
    estate.stated(
        "aws_route53_zone", "shop", zone_id=zone, name="shop.example", arn=f"arn:aws:route53:::hostedzone/{zone}"
    )


def _defaults(estate: Estate, ec2: Any, region: str) -> None:
    """Expect what plain descriptions list: our networks and machines, and those that AWS makes by itself."""
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        estate.thing(f"network/aws:{vpc['VpcId']}", "Network", region)
    for subnet in ec2.describe_subnets()["Subnets"]:
        iri = estate.thing(f"subnet/aws:{subnet['SubnetId']}", "Subnet", region, zone=subnet["AvailabilityZone"])
        estate.say(iri, "partOf", f"network/aws:{subnet['VpcId']}")
    for group in ec2.describe_security_groups()["SecurityGroups"]:
        estate.thing(f"security-group/aws:{group['GroupId']}", "CloudResource", region, network=group["VpcId"])
    for reservation in ec2.describe_instances()["Reservations"]:
        for each in reservation["Instances"]:
            if each["State"]["Name"] == "terminated":
                continue
            place = each["Placement"]["AvailabilityZone"]
            vm = estate.thing(f"vm/aws:{each['InstanceId']}", "Vm", region, place, each["VpcId"])
            for ip in filter(None, (each.get("PrivateIpAddress"), each.get("PublicIpAddress"))):
                estate.address(vm, ip, each["VpcId"])
            if each.get("PublicDnsName"):
                estate.host(each["PublicDnsName"], vm)


def triples(facts: tuple[Fact, ...]) -> set[Triple]:
    """Return kinds and relations, without the parts that every IRI shares."""
    skipped = {terms.WAS_DERIVED_FROM}
    return {
        (
            fact.subject.removeprefix(f"{BASE}id/"),
            fact.predicate.rpartition("#")[2].removeprefix(WB),
            str(fact.object).removeprefix(f"{BASE}id/").removeprefix(WB),
        )
        for fact in facts
        if str(fact.object).startswith(BASE) and fact.predicate not in skipped
    }


@pytest.fixture(scope="module")
def scan(built: Estate) -> Scan:
    """The scan of the two regions through the read-only session."""
    return AwsScanner(f"@{','.join(REGIONS)}", clients=LiveClients()).scan()


def test_an_account_is_found_whole_and_nothing_else(scan: Scan, built: Estate) -> None:
    """Kinds and relations of the scan and of what was created agree: precision and recall are at least 0.98."""
    found = triples(scan.facts)
    precision = len(found & built.facts) / len(found)
    recall = len(found & built.facts) / len(built.facts)
    told = f"precision {precision:.4f} recall {recall:.4f} of {len(built.facts)} facts"
    assert precision >= 0.98, f"{told}; too many: {sorted(found - built.facts)[:20]}"
    assert recall >= 0.98, f"{told}; missing: {sorted(built.facts - found)[:20]}"
    assert scan.complete, scan.problems


def test_no_secret_and_no_address_of_a_person_is_kept(scan: Scan) -> None:
    """Passwords, user data and mail addresses of subscriptions never become facts."""
    assert not [fact for fact in scan.facts if "canary" in str(fact.object) or "person@" in str(fact.object)]


def test_facts_of_a_cloud_fit_the_shapes(scan: Scan) -> None:
    """What the scan writes violates no shape of the ontology."""
    graph = GraphStore.memory()
    graph.replace(scan)
    report = validate(graph.to_rdflib(), {fact.subject for fact in scan.facts if fact.predicate == terms.TYPE})
    assert report.conforms, report.problems[:3]


def test_terraform_and_the_api_name_the_same_things(scan: Scan, built: Estate, tmp_path: Path) -> None:
    """Every resource of the state gets the IRI that the API gave it, and nothing secret of the state is kept."""
    (tmp_path / "terraform.tfstate").write_text(json.dumps({"version": 4, "resources": built.state}))
    declared = TerraformScanner(tmp_path).scan()
    running = {subject for subject, predicate, _ in triples(scan.facts) if predicate == "type"}
    said = {other for _, predicate, other in triples(declared.facts) if predicate == "declares"}

    named = [each for each in built.state if each["type"] != "aws_sns_topic_subscription"]
    assert len(said) == len(named)
    assert said <= running, f"strangers: {sorted(said - running)[:10]}"
    assert not [fact for fact in declared.facts if "canary" in str(fact.object)]
    shared = {fact for fact in triples(declared.facts) if fact[1] not in ("declares",) and "file/" not in fact[0]}
    assert shared <= triples(scan.facts) | {fact for fact in shared if fact[1] == "dependsOn"}, sorted(
        shared - triples(scan.facts)
    )[:20]
