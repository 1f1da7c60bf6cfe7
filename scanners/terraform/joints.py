"""What Terraform says between two things: subscriptions, attachments, listeners, DNS records. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ontology import terms
from ontology.nouns import Iri
from ontology.terms import Kind
from scanners.cloud import aws_names
from scanners.cloud.cloud_nouns import dns_iri, ip_iri
from scanners.ledger import Ledger
from scanners.terraform.blocks import Block
from scanners.terraform.resources import JOINTS, Plan


def is_joint(block: Block) -> bool:
    """Say whether a block only joins two others."""
    return block.type in JOINTS


def write_joint(ledger: Ledger, block: Block, whole: Plan) -> None:
    """Write down what a joint says."""
    if block.type == "aws_route53_record":
        _write_record(ledger, block, whole)
        return
    for subjects, predicate, others in _ends(block, whole):
        for subject in sorted(subjects):
            for other in sorted(others):
                ledger.say(subject, predicate, other, evidence=block.evidence)


def _ends(block: Block, whole: Plan) -> Iterator[tuple[set[Iri], Iri, set[Iri]]]:
    """Yield the two ends of a joint, and what it says of them."""

    def end(*attributes: str) -> set[Iri]:
        known = {_iri(text) for text in block.texts(*attributes)}
        return {each for each in known if each} | {each.iri for each in whole.meant(block, *attributes)}

    if block.type == "aws_sns_topic_subscription":
        yield end("endpoint"), terms.CONSUMES_FROM, end("topic_arn")
    elif block.type == "aws_lambda_event_source_mapping":
        yield end("function_name", "function_arn"), terms.CONSUMES_FROM, end("event_source_arn")
    elif block.type.endswith("_attachment"):
        yield end("target_group_arn"), terms.ROUTES_TO, end("target_id")
    else:
        actions = [each for each in block.attributes.get("default_action") or () if isinstance(each, dict)]
        goals = {_iri(str(each.get("target_group_arn"))) for each in actions}
        known = {each.iri for each in whole.meant(block, "default_action")}
        yield end("load_balancer_arn"), terms.ROUTES_TO, {each for each in goals if each} | known


def _iri(text: str) -> Iri | None:
    """Return the thing that an ARN or an instance id means."""
    known = aws_names.of_arn(text)
    return known.iri if known else aws_names.iri("ec2:instance", "", "", text) if text.startswith("i-") else None


def _write_record(ledger: Ledger, block: Block, whole: Plan) -> None:
    """Write down where a DNS name leads."""
    host = block.text("fqdn", "name").rstrip(".")
    if "." not in host or "*" in host or block.text("type") not in ("A", "AAAA", "CNAME"):
        return
    where = block.evidence
    name = ledger.thing(dns_iri(host), Kind.DNS_NAME, host, where)
    aliases = [str(each.get("name") or "") for each in block.attributes.get("alias") or () if isinstance(each, dict)]
    for value in (*block.texts("records"), *filter(None, aliases)):
        text = value.removeprefix("dualstack.").rstrip(".").lower()
        if re.search(r"[a-z]", text) and ":" not in text:
            ledger.say(name, terms.RESOLVES_TO, ledger.thing(dns_iri(text), Kind.DNS_NAME, text, where), evidence=where)
        elif ip_iri(text, "x") == ip_iri(text, ""):  # a private address means nothing without its network
            ledger.say(
                name, terms.RESOLVES_TO, ledger.thing(ip_iri(text, ""), Kind.IP_ADDRESS, text, where), evidence=where
            )
    for other in whole.meant(block, "records", "alias"):
        ledger.say(name, terms.RESOLVES_TO, other.iri, evidence=where)
