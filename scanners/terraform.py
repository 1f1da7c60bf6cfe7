"""Terraform: resources of `.tf` files and of state JSON as cloud entities, and which needs which.

Thin on purpose: kind, name, region and what a resource refers to. Values of attributes are not kept; state
files hold secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontology import iris, terms
from ontology.errors import NotFound
from ontology.nouns import Fact, Layer
from ontology.terms import Kind
from scanners import bounded
from scanners.ledger import Ledger
from scanners.origin import Origin, origin, scope_of
from scanners.protocol import Now, Problem, Reading, Redact, Scan, clock, run
from scanners.secrecy import without_secrets

_KINDS = (
    (
        re.compile(r"db_instance|rds|sql_database|sql_instance|database|dynamodb_table|cosmosdb|spanner|docdb"),
        Kind.DATABASE,
    ),
    (re.compile(r"elasticache|redis|memcache|memorystore"), Kind.CACHE),
    (re.compile(r"sqs_queue|servicebus_queue|storage_queue|_mq_|cloud_tasks"), Kind.QUEUE),
    (re.compile(r"sns_topic|pubsub_topic|eventhub|msk_|kinesis|servicebus_topic"), Kind.TOPIC),
    (re.compile(r"s3_bucket$|storage_bucket$|storage_container$|storage_account$"), Kind.OBJECT_STORE),
    (re.compile(r"lambda_function$|cloudfunctions|function_app$"), Kind.FUNCTION_SERVICE),
    (re.compile(r"_instance$|virtual_machine$|compute_instance"), Kind.VM),
    (re.compile(r"_lb$|_alb$|_elb$|load_balancer|forwarding_rule"), Kind.LOAD_BALANCER),
    (re.compile(r"eks_cluster|container_cluster|kubernetes_cluster|ecs_cluster"), Kind.CLUSTER),
    (re.compile(r"_vpc$|virtual_network$|compute_network$"), Kind.NETWORK),
    (re.compile(r"subnet"), Kind.SUBNET),
    (re.compile(r"route53_record|dns_.*record|dns_record_set"), Kind.DNS_NAME),
)
_REFERENCE = re.compile(r"\b((?:data\.)?[a-z][a-z0-9]*_[a-z0-9_]+\.[A-Za-z_][\w\-]*)\b")
_NAMES = ("name", "identifier", "bucket", "function_name", "cluster_id", "cluster_identifier", "family")


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource: `aws_sqs_queue.orders`."""

    type: str
    label: str
    name: str
    """Its name in the cloud where it is written plainly, else its label."""
    region: str
    evidence: str
    needs: tuple[str, ...] = ()
    """Addresses of other resources."""
    identity: str = ""
    """Id in the cloud, from state."""

    @property
    def address(self) -> str:
        """What Terraform calls it."""
        return f"{self.type}.{self.label}"

    @property
    def kind(self) -> Kind:
        """Its class in the ontology."""
        return next((kind for pattern, kind in _KINDS if pattern.search(self.type)), Kind.CLOUD_RESOURCE)


@dataclass(frozen=True, slots=True)
class Module:
    """The resources of a folder, state over declaration."""

    resources: tuple[Resource, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class TerraformScanner:
    """Reads a folder of `.tf` files and `.tfstate` files."""

    target: Path
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    name: str = "terraform"
    layer: Layer = Layer.DECLARED

    @property
    def scope(self) -> str:
        """The last two parts of the folder's path."""
        return scope_of(self.target)

    def read(self) -> Reading[Module]:
        """Read declarations and state.

        Raises:
            NotFound: there is no Terraform file here.
        """
        target = bounded.folder(self.target)
        paths = tuple(bounded.files(target, ".tf", ".tfstate"))
        if not paths:
            raise NotFound(f"There is no Terraform file in {target}.", next_step="Name a folder of .tf files.")
        found: dict[str, Resource] = {}
        problems: list[Problem] = []
        with bounded.Parser() as parser:
            for path in paths:
                kind = "hcl" if path.suffix == ".tf" else "yaml"
                documents = parser.read(path, target, kind)
                if isinstance(documents, Problem):
                    problems.append(documents)
                    continue
                for document in documents:
                    read = declared if kind == "hcl" else stated
                    found.update({each.address: each for each in read(document.content, document.path)})
        return Reading(Module(tuple(found.values()), origin(target)), self.now(), tuple(problems), not problems)

    def facts(self, reading: Reading[Module]) -> tuple[Fact, ...]:
        """Say which resources there are."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        module = reading.raw
        things = {
            each.address: iris.thing("cloud", self.environment, module.origin.name, each.type, each.label)
            for each in module.resources
        }
        for each in module.resources:
            iri = ledger.thing(things[each.address], each.kind, each.name, each.evidence)
            ledger.say(iri, terms.RESOURCE_TYPE, each.type, evidence=each.evidence)
            ledger.say(iri, terms.PROVIDER, each.type.partition("_")[0], evidence=each.evidence)
            ledger.say(iri, terms.OTEL_CLOUD_REGION, each.region, evidence=each.evidence)
            ledger.say(iri, terms.OTEL_CLOUD_RESOURCE_ID, each.identity, evidence=each.evidence)
            path = each.evidence.partition(":")[0]
            file = ledger.thing(module.origin.file(path), Kind.TERRAFORM_FILE, module.origin.path(path), path)
            ledger.say(file, terms.DECLARES, iri, evidence=each.evidence)
            for other in each.needs:
                if other in things and other != each.address:
                    ledger.say(iri, terms.DEPENDS_ON, things[other], evidence=each.evidence)
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)


def declared(content: Any, path: str) -> Iterator[Resource]:
    """Yield the resources of a parsed `.tf` file."""
    for block in content.get("resource", []) if isinstance(content, dict) else []:
        for kind, named in block.items():
            for label, body in named.items() if isinstance(named, dict) else []:
                if isinstance(body, dict):
                    yield _resource(_plain(kind), _plain(label), body, path)


def _resource(kind: str, label: str, body: Mapping[str, Any], path: str) -> Resource:
    needs = {match for value in _strings(body) for match in _REFERENCE.findall(value)}
    written = (_plain(body[key]) for key in _NAMES if isinstance(body.get(key), str))
    name = next((each for each in written if each and "$" not in each and "." not in each), label)
    region = _plain(body.get("region") or body.get("location") or "")
    return Resource(kind, label, name, "" if "$" in region or "." in region else region, path, tuple(sorted(needs)))


def stated(content: Any, path: str) -> Iterator[Resource]:
    """Yield the resources of a state file, version 4."""
    resources = content.get("resources", []) if isinstance(content, dict) else []
    for each in resources if isinstance(resources, list) else []:
        if not isinstance(each, dict) or each.get("mode") != "managed":
            continue
        for instance in (each.get("instances") or [])[:1]:
            attributes = instance.get("attributes") or {}
            name = next((str(attributes[key]) for key in _NAMES if attributes.get(key)), str(each.get("name")))
            identity = str(attributes.get("arn") or attributes.get("id") or "")
            region = str(attributes.get("region") or "")
            needs = tuple(sorted(map(str, instance.get("dependencies") or ())))
            yield Resource(str(each.get("type")), str(each.get("name")), name, region, path, needs, identity)


def _plain(value: Any) -> str:
    """Return text as written, without the quotes that python-hcl2 keeps."""
    return value.strip('"') if isinstance(value, str) else ""


def _strings(value: Any) -> Iterator[str]:
    """Yield every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
