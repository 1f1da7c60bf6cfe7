"""Terraform: declared and stated resources."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scanners.terraform import TerraformScanner

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
