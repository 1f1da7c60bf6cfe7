"""Terraform: declarations with their modules and variables, plans, states; and what is made to harm."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from ontology.errors import NotFound
from ontology.iris import BASE
from scanners.terraform.hcl import CALLS
from scanners.terraform.scanner import TerraformScanner

Write = Callable[[Mapping[str, str]], Path]
Saying = Callable[[Any], set[tuple[str, str, Any]]]
MAIN = """
resource "aws_sqs_queue" "orders" {
  name = "orders-prod"
}
resource "aws_lambda_function" "worker" {
  function_name = "worker"
  environment {
    variables = { QUEUE = aws_sqs_queue.orders.url, PASSWORD = "hunter2canary" }
  }
}
"""
STATE = {
    "version": 4,
    "resources": [
        {
            "mode": "managed",
            "type": "aws_db_instance",
            "name": "main",
            "instances": [
                {
                    "attributes": {
                        "identifier": "shop-db",
                        "arn": "arn:aws:rds:eu-1:1:db:shop",
                        "password": "hunter2canary",
                    },
                    "dependencies": ["aws_sqs_queue.orders"],
                }
            ],
        }
    ],
}


def test_resources_become_cloud_things(estate: Write, said: Saying) -> None:
    """Declared and stated resources have kind, name and needs; no attribute's value is kept."""
    scan = TerraformScanner(estate({"main.tf": MAIN, "terraform.tfstate": json.dumps(STATE)})).scan()
    facts = said(scan.facts)

    assert ("worker", "dependsOn", "orders-prod") in facts
    assert ("shop-db", "dependsOn", "orders-prod") in facts
    assert ("orders-prod", "resourceType", "aws_sqs_queue") in facts
    assert not any("canary" in str(fact[2]) for fact in facts)


def test_a_broken_tf_file_is_set_aside(estate: Write, said: Saying) -> None:
    """Broken and hostile files are problems, the rest is read."""
    root = estate({"main.tf": MAIN, "bad.tf": 'resource "x" {', "deep.tf": "x = " + "[" * 5_000})
    scan = TerraformScanner(root).scan()

    assert {problem.where for problem in scan.problems} == {"bad.tf", "deep.tf"}
    assert ("worker", "dependsOn", "orders-prod") in said(scan.facts)


PROVIDER = """
provider "aws" {
  region              = var.region
  allowed_account_ids = ["123456789012"]
}
provider "aws" {
  alias  = "us"
  region = "us-east-1"
  assume_role { role_arn = "arn:aws:iam::210987654321:role/deploy" }
}
variable "region" { default = "eu-west-1" }
variable "env" { default = "dev" }
variable "db_password" { default = "hunter2canary" }
locals {
  prefix = "${var.env}-shop"
  again  = local.again
}
module "net" {
  source = "./modules/net"
  name   = local.prefix
}
module "orders" {
  source    = "./modules/queue"
  name      = "${local.prefix}-orders"
  network   = module.net.vpc_id
  providers = { aws = aws.us }
}
module "registry" { source = "terraform-aws-modules/vpc/aws" }
resource "aws_sns_topic" "placed" {
  count = 2
  name  = "${local.prefix}-placed"
}
resource "aws_sns_topic_subscription" "orders" {
  topic_arn = aws_sns_topic.placed[0].arn
  protocol  = "sqs"
  endpoint  = module.orders.arn
}
resource "aws_sqs_queue" "unknown" { name = local.again }
resource "aws_sqs_queue" "secret" { name = var.db_password }
"""
NET = """
variable "name" {}
resource "aws_vpc" "main" { tags = { Name = var.name } }
resource "aws_subnet" "private" {
  vpc_id            = aws_vpc.main.id
  availability_zone = "eu-west-1a"
}
output "vpc_id" { value = aws_vpc.main.id }
"""
QUEUE = """
variable "name" {}
variable "network" {}
resource "aws_sqs_queue" "this" {
  name   = var.name
  policy = jsonencode({ vpc = var.network })
}
output "arn" { value = aws_sqs_queue.this.arn }
"""
MODULES = {
    "main.tf": PROVIDER,
    "terraform.tfvars": 'env = "prod"\n',
    "modules/net/main.tf": NET,
    "modules/queue/main.tf": QUEUE,
}


def relations(facts: Any) -> set[tuple[str, str, str]]:
    """Return the relations by the parts of IRIs that differ."""
    return {
        (fact.subject.partition("/id/")[2], fact.predicate.rpartition("/")[2], fact.object.partition("/id/")[2])
        for fact in facts
        if str(fact.object).startswith(f"{BASE}id/")
    }


def test_modules_variables_and_locals_are_filled_in(estate: Write) -> None:
    """Account, region and name come through provider, tfvars, locals and module arguments: the IRI is the cloud's."""
    scan = TerraformScanner(estate(MODULES)).scan()
    facts = relations(scan.facts)

    queue, topic = (
        "queue/aws:210987654321:us-east-1:prod-shop-orders",
        "topic/aws:123456789012:eu-west-1:prod-shop-placed",
    )
    network = "cloud/default:estate:module.net.aws_vpc.main"
    assert ("file/estate:modules:queue:main.tf", "declares", queue) in facts
    assert (queue, "consumesFrom", topic) in facts
    assert (queue, "dependsOn", network) in facts
    assert ("cloud/default:estate:module.net.aws_subnet.private", "partOf", network) in facts
    assert ("cloud/default:estate:module.net.aws_subnet.private", "partOf", "zone/aws:eu-west-1a") not in facts
    assert ("cloud/default:estate:module.net.aws_subnet.private", "partOf", "region/aws:eu-west-1") in facts


def test_what_cannot_be_known_stays_at_its_address(estate: Write) -> None:
    """A local that names itself and a secret variable give no name; a module of a registry is said to be elsewhere."""
    scan = TerraformScanner(estate(MODULES)).scan()
    declared = {other for _, predicate, other in relations(scan.facts) if predicate == "declares"}

    assert {"cloud/default:estate:aws_sqs_queue.unknown", "cloud/default:estate:aws_sqs_queue.secret"} <= declared
    assert not [fact for fact in scan.facts if "canary" in str(fact.object)]
    assert [(each.where, each.reason) for each in scan.skipped] == [
        ("main.tf:28", "module registry: its source is not below the target")
    ]
    assert scan.complete


def test_a_declaration_and_its_state_are_one_thing(estate: Write) -> None:
    """The file that declares a resource is joined to the thing in the state, each instance of `count` for itself."""
    arn = "arn:aws:sqs:eu-west-1:123456789012:orders-"
    instances = [{"index_key": n, "attributes": {"name": f"orders-{n}", "arn": f"{arn}{n}"}} for n in (0, 1)]
    stated = {"mode": "managed", "type": "aws_sqs_queue", "name": "orders", "instances": instances}
    root = estate(
        {
            "main.tf": 'resource "aws_sqs_queue" "orders" {\n  count = 2\n  name = "orders-${count.index}"\n}\n',
            "terraform.tfstate": json.dumps({"version": 4, "resources": [stated]}),
        }
    )
    facts = relations(TerraformScanner(root).scan().facts)
    assert {other for subject, predicate, other in facts if predicate == "declares"} == {
        "queue/aws:123456789012:eu-west-1:orders-0",
        "queue/aws:123456789012:eu-west-1:orders-1",
    }
    assert {subject for subject, predicate, _ in facts if predicate == "declares"} == {"file/estate:main.tf"}


PLAN: dict[str, Any] = {
    "format_version": "1.2",
    "terraform_version": "1.13.0",
    "planned_values": {
        "root_module": {
            "resources": [
                {
                    "address": "aws_sns_topic.placed",
                    "mode": "managed",
                    "type": "aws_sns_topic",
                    "name": "placed",
                    "values": {"name": "placed"},
                    "sensitive_values": {},
                },
                {"address": "data.aws_ami.x", "mode": "data", "type": "aws_ami", "name": "x", "values": {}},
            ],
            "child_modules": [
                {
                    "address": "module.data",
                    "child_modules": [
                        {
                            "address": 'module.data.module.db["a.b"]',
                            "resources": [
                                {
                                    "address": 'module.data.module.db["a.b"].aws_db_instance.this',
                                    "mode": "managed",
                                    "type": "aws_db_instance",
                                    "name": "this",
                                    "values": {
                                        "identifier": "orders",
                                        "username": "hunter2canary",
                                        "address": "hunter2canary.example",
                                        "engine_version": "17",
                                    },
                                    "sensitive_values": {"username": True, "address": True},
                                }
                            ],
                        }
                    ],
                }
            ],
        }
    },
    "prior_state": {
        "values": {
            "root_module": {
                "resources": [
                    {
                        "address": "aws_sns_topic.placed",
                        "mode": "managed",
                        "type": "aws_sns_topic",
                        "name": "placed",
                        "values": {"arn": "arn:aws:sns:eu-west-1:123456789012:placed"},
                    }
                ]
            }
        }
    },
    "configuration": {
        "provider_config": {"aws": {"expressions": {"region": {"constant_value": "eu-west-1"}}}},
        "root_module": {
            "module_calls": {
                "data": {
                    "module": {
                        "module_calls": {
                            "db": {
                                "module": {
                                    "resources": [
                                        {
                                            "address": "aws_db_instance.this",
                                            "expressions": {"tags": {"references": ["aws_x.y.id", "aws_x.y"]}},
                                        }
                                    ]
                                }
                            }
                        }
                    }
                }
            }
        },
    },
}


def test_a_plan_names_what_will_be(estate: Write) -> None:
    """What is not there yet gets its IRI from account, region and name; what is sensitive in the plan is dropped."""
    scan = TerraformScanner(estate({"plan.json": json.dumps(PLAN), "package.json": "{}"})).scan()
    declared = {other for _, predicate, other in relations(scan.facts) if predicate == "declares"}

    assert declared == {
        "topic/aws:123456789012:eu-west-1:placed",
        "database/aws:123456789012:eu-west-1:orders",
    }
    assert not [fact for fact in scan.facts if "canary" in str(fact.object)]
    assert scan.complete


def test_the_shown_state_is_read_like_the_state_file(estate: Write) -> None:
    """`terraform show -json` of a state: values in nested modules, and `depends_on` between neighbours."""
    inner = [
        {
            "address": f"module.m.aws_sqs_queue.{name}",
            "mode": "managed",
            "type": "aws_sqs_queue",
            "name": name,
            "values": {"arn": f"arn:aws:sqs:eu-west-1:123456789012:{name}", "name": name},
            "depends_on": needs,
        }
        for name, needs in (("dead", []), ("orders", ["aws_sqs_queue.dead"]))
    ]
    shown = {
        "format_version": "1.0",
        "terraform_version": "1.13.0",
        "values": {"root_module": {"child_modules": [{"address": "module.m", "resources": inner}]}},
    }
    facts = relations(TerraformScanner(estate({"state.json": json.dumps(shown)})).scan().facts)
    queue = "queue/aws:123456789012:eu-west-1:"
    assert (f"{queue}orders", "dependsOn", f"{queue}dead") in facts


HOSTILE = {
    "huge.tf": "# " + "x" * 20_000_000,
    "deep.tf": "x = " + "[" * 5_000,
    "deep.tfstate": '{"terraform_version": "1", "resources": ' + "[" * 200_000,
    "wide.tfstate": '{"resources": [' + "0," * 300_000 + "0]}",
    "binary.tf": "\x00\x01\x02",
    "odd.tfstate": json.dumps({"resources": [3, {"mode": "managed", "instances": [None, {"attributes": [1]}]}]}),
    "list.tfstate": "[1, 2]",
}


def test_hostile_files_are_set_aside(estate: Write, said: Saying) -> None:
    """Huge, deep, wide and broken files are problems with a reason; the rest of the folder is read."""
    root = estate({"main.tf": MAIN, **HOSTILE})
    (root / "latin.tf").write_bytes(b'name = "\xff\xfe"')
    scan = TerraformScanner(root).scan()

    where = {problem.where for problem in scan.problems}
    assert {"huge.tf", "deep.tf", "deep.tfstate", "wide.tfstate", "latin.tf"} <= where
    assert not scan.complete
    assert ("worker", "dependsOn", "orders-prod") in said(scan.facts)


def test_modules_that_call_each_other_end(estate: Write) -> None:
    """A cycle is named, and the resources on it are still read."""
    call = 'module "m" {{ source = "../{0}" }}\nresource "aws_sqs_queue" "{1}" {{ name = "{1}" }}\n'
    scan = TerraformScanner(estate({"a/main.tf": call.format("b", "one"), "b/main.tf": call.format("a", "two")})).scan()

    assert [problem.reason for problem in scan.problems] == ["module m calls itself"]
    assert {fact.object for fact in scan.facts if fact.predicate == terms.LABEL} >= {"one", "two"}


def test_modules_that_double_at_each_level_end(estate: Write) -> None:
    """Thirty folders that each call the next one twice would be a billion modules: a bound stops them."""
    files = {
        f"m{n}/main.tf": "".join(f'module "c{side}" {{ source = "../m{n + 1}" }}\n' for side in (1, 2))
        for n in range(15)
    }
    scan = TerraformScanner(estate({**files, "m15/main.tf": MAIN})).scan()
    assert any(f"more than {CALLS} calls" in problem.reason for problem in scan.problems)


def test_locals_that_double_at_each_line_end(estate: Write) -> None:
    """A name that would be a gigabyte long is unknown."""
    lines = "".join(f'  a{n} = "${{local.a{n - 1}}}${{local.a{n - 1}}}"\n' for n in range(1, 60))
    text = f'locals {{\n  a0 = "lol"\n{lines}}}\nresource "aws_sqs_queue" "q" {{ name = local.a59 }}\n'
    scan = TerraformScanner(estate({"main.tf": text})).scan()
    assert {fact.object for fact in scan.facts if fact.predicate == terms.LABEL} >= {"q"}
    assert all(len(str(fact.object)) < 3_000 for fact in scan.facts)


def test_a_folder_without_terraform_is_refused(estate: Write) -> None:
    """JSON of another sort alone is no Terraform."""
    with pytest.raises(NotFound):
        TerraformScanner(estate({"package.json": "{}"})).scan()
