"""What answers of AWS say of two resources at once: routes, subscriptions, protection, DNS records. Pure."""

from __future__ import annotations

from ontology import terms
from ontology.nouns import Iri
from ontology.terms import Kind
from scanners.cloud import aws_names
from scanners.cloud.aws_resources import Item, Region
from scanners.cloud.cloud_nouns import Place, dns_iri, ip_iri, write_place
from scanners.ledger import Ledger


def write_joints(ledger: Ledger, region: Region) -> None:
    """Write down what is said of two resources at once: zones, protection, routes, subscriptions, DNS records."""
    for each in region.items.get("zone", ()):
        _write_zone(ledger, region, each)
    for each in region.items.get("instance", ()):
        for group in each.get("SecurityGroups", ()) if each.get("State", {}).get("Name") != "terminated" else ():
            chosen = region.iri("ec2:security-group", group["GroupId"])
            vm = region.iri("ec2:instance", each["InstanceId"])
            ledger.say(chosen, terms.SELECTS, vm, evidence="ec2:DescribeInstances")
    for each in region.items.get("target-group", ()):
        for arn in each.get("LoadBalancerArns", ()):
            _join(ledger, arn, terms.ROUTES_TO, each["TargetGroupArn"], "elbv2:DescribeTargetGroups")
    for each in region.items.get("subscription", ()):
        _join(ledger, each.get("Endpoint"), terms.CONSUMES_FROM, each.get("TopicArn"), "sns:ListSubscriptions")
    for each in region.items.get("event-source", ()):
        said = (each.get("FunctionArn"), terms.CONSUMES_FROM, each.get("EventSourceArn"))
        _join(ledger, *said, "lambda:ListEventSourceMappings")
    for each in region.items.get("hosted-zone", ()):
        for record in each["Records"]:
            _write_record(ledger, region, each, record)


def _write_zone(ledger: Ledger, region: Region, item: Item) -> None:
    if item.get("ZoneType", "availability-zone") == "availability-zone":
        write_place(
            ledger, Place("aws", region.account, region.name, item["ZoneName"]), "ec2:DescribeAvailabilityZones"
        )


def _join(ledger: Ledger, subject: str | None, predicate: Iri, other: str | None, evidence: str) -> None:
    """Write down what joins two ARNs, where the graph holds both sorts."""
    one, two = aws_names.of_arn(subject or ""), aws_names.of_arn(other or "")
    if one is not None and two is not None:
        ledger.say(one.iri, predicate, two.iri, evidence=evidence)


def _write_record(ledger: Ledger, region: Region, zone: Item, record: Item) -> None:
    """Write down where a DNS name leads: to addresses, to another name, or to a resource of AWS by its name."""
    if record.get("Type") not in ("A", "AAAA", "CNAME"):
        return
    where, host = "route53:ListResourceRecordSets", record["Name"].replace("\\052", "*").rstrip(".")
    if "*" in host:
        return
    name = ledger.thing(dns_iri(host), Kind.DNS_NAME, host, where)
    ledger.say(name, terms.PART_OF, region.iri("route53:hostedzone", zone["Id"].rpartition("/")[2]), evidence=where)
    scope = next((each["VPCId"] for each in zone["VPCs"]), "")
    alias = (record.get("AliasTarget") or {}).get("DNSName") or ""
    for value in (
        [alias.removeprefix("dualstack.")] if alias else [each["Value"] for each in record.get("ResourceRecords", ())]
    ):
        if record["Type"] == "CNAME" or alias:
            other = ledger.thing(dns_iri(value), Kind.DNS_NAME, value.lower().rstrip("."), where)
        else:
            other = ledger.thing(ip_iri(value, scope), Kind.IP_ADDRESS, value, where)
        ledger.say(name, terms.RESOLVES_TO, other, evidence=where)
