"""AWS when it says no, when it answers in pages, and when nobody may come in; played by a server of our own."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from ontology import terms
from ontology.errors import NotAllowed, Unavailable
from ontology.terms import Kind
from scanners.catalogue import scanner
from scanners.cloud.aws import AwsScanner
from scanners.cloud.aws_names import of_arn, of_queue_url
from workbench.telemetry.clients import LiveClients

IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Account>210987654321</Account><Arn>arn:aws:sts::210987654321:user/x</Arn><UserId>x</UserId></GetCallerIdentityResult>
</GetCallerIdentityResponse>"""
VPCS = """<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><vpcSet><item><vpcId>{vpc}</vpcId>
<cidrBlock>10.0.0.0/16</cidrBlock><tagSet><item><key>Name</key><value>main</value></item><item><key>api_token</key>
<value>hunter2canary</value></item></tagSet></item></vpcSet>{more}</DescribeVpcsResponse>"""
DENIED = """<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>Not authorized.</Message></Error>
</Errors><RequestID>1</RequestID></Response>"""
EXPIRED = """<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>expired</Message></Error>
</ErrorResponse>"""


class Aws(ThreadingHTTPServer):
    """Knows an account and, in one region, its networks on two pages; everything else is denied."""

    open_region = "eu-west-1"
    expired = False

    def reply(self, region: str, form: dict[str, list[str]]) -> tuple[int, str]:
        """Return status and body."""
        action = form.get("Action", [""])[0]
        if action == "GetCallerIdentity":
            return (403, EXPIRED) if self.expired else (200, IDENTITY)
        if action == "DescribeVpcs" and region == self.open_region:
            second = "NextToken" in form
            more = "" if second else "<nextToken>two</nextToken>"
            return 200, VPCS.format(vpc="vpc-2" if second else "vpc-1", more=more)
        return 403, DENIED if action else '{"__type": "AccessDeniedException", "message": "denied"}'


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Aws]:
    """The server, with the environment that leads to it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            assert isinstance(self.server, Aws)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/", self.headers.get("Authorization", ""))
            status, text = self.server.reply(scope[1] if scope else "", parse_qs(body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *parts: object) -> None:
            """Keep quiet."""

    server = Aws(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    yield server
    server.shutdown()
    server.server_close()


def test_what_is_denied_is_named_and_the_rest_is_kept(aws: Aws) -> None:
    """A region that says no makes the scan incomplete; networks of the other one, on both pages, are there."""
    scan = scanner("aws", "@eu-west-1,us-east-1", clients=LiveClients()).scan()

    assert not scan.complete
    refused = {problem.where: problem.reason for problem in scan.problems}
    assert "UnauthorizedOperation" in refused["us-east-1 ec2:describe_vpcs"]
    assert "AccessDenied" in refused["eu-west-1 sqs:list_queues"]
    assert "eu-west-1 ec2:describe_vpcs" not in refused
    found = {fact.subject for fact in scan.facts if fact.object == terms.class_iri(Kind.NETWORK)}
    assert {iri.rpartition(":")[2] for iri in found} == {"vpc-1", "vpc-2"}
    assert not [fact for fact in scan.facts if "canary" in str(fact.object)]


def test_the_scope_is_the_account_that_was_named() -> None:
    """Profile and regions are the scope: a scan of two regions never removes what a scan of all wrote."""
    assert AwsScanner("prod").scope != AwsScanner("prod@eu-west-1").scope


def test_credentials_that_are_not_taken_end_the_scan(aws: Aws) -> None:
    """An expired token is one sentence about the whole target, not a hundred problems."""
    aws.expired = True
    with pytest.raises(NotAllowed, match="ExpiredToken"):
        AwsScanner("@eu-west-1", clients=LiveClients()).scan()


def test_nobody_there_ends_the_scan(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed port is one sentence as well."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(Unavailable):
        AwsScanner("@eu-west-1", clients=LiveClients()).scan()


@pytest.mark.parametrize(
    ("arn", "iri"),
    [
        ("arn:aws:eks:eu-west-1:1:nodegroup/shop/main/8ec1", "node-group/aws:1:eu-west-1:shop:main"),
        ("arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/front/50dc", "load-balancer/aws:1:eu-west-1:front"),
        ("arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/73e2", "target-group/aws:1:eu-west-1:web"),
        ("arn:aws:lambda:eu-west-1:1:function:worker:PROD", "function-service/aws:1:eu-west-1:worker"),
        ("arn:aws:dynamodb:eu-west-1:1:table/carts/stream/2026", "table/aws:1:eu-west-1:carts"),
        ("arn:aws-cn:s3:::images", "bucket/aws:images"),
        ("arn:aws:sns:eu-west-1:1:placed:8a21d249", ""),
        ("arn:aws:iam::1:role/x", ""),
        ("not an arn", ""),
    ],
)
def test_an_arn_names_the_thing_that_the_api_tells_of(arn: str, iri: str) -> None:
    """What only AWS knows (ids in paths, versions, streams) is not part of the name; strangers have none."""
    known = of_arn(arn)
    assert (known.iri.partition("/id/")[2] if known else "") == iri


def test_an_address_of_another_service_is_no_queue() -> None:
    """Only account and name make the address of a queue."""
    assert of_queue_url("https://example.com/123/orders") is None


def test_a_setting_meets_the_thing_that_the_api_tells_of(tmp_path: Path) -> None:
    """The address of a queue, an ARN and the host of a database in a Compose file name what a scan of AWS names."""
    (tmp_path / "compose.yaml").write_text(
        """
services:
  web:
    image: shop/web
    environment:
      QUEUE: https://sqs.eu-west-1.amazonaws.com/123456789012/orders
      TOPIC: arn:aws:sns:eu-west-1:123456789012:placed
      DB_HOST: Orders.abc.eu-west-1.rds.amazonaws.com
      SETTINGS: application.yaml
      CACHE_URL: redis://cache:6379
  cache:
    image: redis
"""
    )
    scan = scanner("compose", tmp_path).scan()
    found = {
        (fact.subject.rpartition(":")[2], fact.object.partition("/id/")[2], fact.confidence)
        for fact in scan.facts
        if fact.predicate == terms.REFERENCES and isinstance(fact.object, str)
    }
    assert {each for each in found if each[0] != "CACHE_URL"} == {
        ("QUEUE", "queue/aws:123456789012:eu-west-1:orders", 0.9),
        ("QUEUE", "dns-name/sqs.eu-west-1.amazonaws.com", 0.9),
        ("TOPIC", "topic/aws:123456789012:eu-west-1:placed", 0.9),
        ("DB_HOST", "dns-name/orders.abc.eu-west-1.rds.amazonaws.com", 0.9),
    }
