"""The clients that scanners get: whatever is asked of them, only listed reads reach the server."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import kubernetes
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.parsers import ResponseParserError
from google.auth.credentials import AnonymousCredentials
from googleapiclient import discovery_cache
from kubernetes.client import ApiException
from kubernetes.stream import portforward, stream

from ontology.errors import NotAllowed, NotFound, PersonError, Unavailable
from scanners.protocol import Clients
from workbench import assembly
from workbench.settings import Settings
from workbench.telemetry import readonly_aws, readonly_google
from workbench.telemetry.clients import GRAFANA, JAEGER, PROMETHEUS, LiveClients

SOAK = os.environ.get("WORKBENCH_SOAK") == "1"
FUZZED = 20_000 if SOAK else 1_500
STRANGERS = ("iam", "kms", "secretsmanager", "ssm", "cloudformation", "autoscaling", "logs", "ecr", "organizations")
SERVICES = ("dynamodb", "ec2", "eks", "elasticache", "elbv2", "lambda", "rds", "route53", "s3", "sns", "sqs", "sts")
ONCE = Config(parameter_validation=False, retries={"total_max_attempts": 1})


@dataclass
class Recorder:
    """An HTTP server that writes down what reaches it, and answers 404 unless told otherwise."""

    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """The server."""
    known = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            known.requests.append((self.command, path))
            status, body = known.answers.get(path, (404, b"{}"))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **known.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *parts: object) -> None:
            """Keep quiet."""

    for method in ("POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler.do_GET)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    known.url = f"http://127.0.0.1:{server.server_port}"
    yield known
    server.shutdown()
    server.server_close()


@pytest.fixture
def aws(recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> boto3.Session:
    """A read-only session whose every service is the recorder."""
    for name, value in {
        "AWS_ENDPOINT_URL": recorder.url,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    session: boto3.Session = LiveClients().aws("")
    return session


def filled(shape: Any, depth: int = 0) -> Any:
    """Return a value for a shape of an AWS model: what is required, so that the request can be built."""
    kind = getattr(shape, "type_name", "")
    if kind == "structure":
        return {name: filled(shape.members[name], depth + 1) for name in shape.required_members if depth < 6}
    plain = {"list": [], "map": {}, "integer": 1, "long": 1, "boolean": True, "blob": b"x", "double": 1.0, "float": 1.0}
    return datetime(2026, 1, 1, tzinfo=UTC) if kind == "timestamp" else plain.get(kind, "example-name")


def fire(client: Any, operation: str) -> Exception | None:
    """Call an operation; return what it raised."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    try:
        getattr(client, xform_name(operation))(**filled(shape))
    except Exception as error:  # whatever the library makes of it; what reached the server is what counts
        return error
    return None


def test_no_operation_off_the_list_leaves_for_aws(aws: boto3.Session, recorder: Recorder) -> None:
    """Of the operations of twelve scanned services and nine others, only the listed ones reach the server."""
    refused = asked = 0
    for name in SERVICES + STRANGERS:
        client = aws.client(name, config=ONCE)
        service = client.meta.service_model.service_id.hyphenize()
        listed = readonly_aws.READS.get(service, frozenset()) | readonly_aws.CREDENTIALS.get(service, frozenset())
        for operation in sorted(set(client.meta.service_model.operation_names) - listed)[:: 1 if SOAK else 3]:
            error = fire(client, operation)
            asked += 1
            refused += isinstance(error, NotAllowed)
            assert recorder.requests == [], f"{service}:{operation} reached the server"
    assert asked > 700
    assert refused > 0.97 * asked, f"{asked - refused} of {asked} failed before the check"


def test_every_listed_operation_leaves_for_aws(aws: boto3.Session, recorder: Recorder) -> None:
    """The list is no wish: each of its operations does reach the server, so the recorder would see a write too."""
    for name in SERVICES:
        client = aws.client(name, config=ONCE)
        for operation in sorted(readonly_aws.READS[client.meta.service_model.service_id.hyphenize()]):
            before = len(recorder.requests)
            fire(client, operation)
            assert len(recorder.requests) == before + 1, operation


def test_a_write_reaches_the_server_without_the_check(aws: boto3.Session, recorder: Recorder) -> None:
    """The same call from a plain session arrives: what stops it is the check, and nothing else."""
    with pytest.raises(ResponseParserError):  # the recorder was asked, and speaks no XML
        boto3.Session().client("ec2", config=ONCE).terminate_instances(InstanceIds=["i-1"])
    assert len(recorder.requests) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b"Action=TerminateInstances&InstanceId.1=i-1"},
        {"body": b"Action=DescribeVpcs&Action=TerminateInstances"},
        {"method": "GET", "url": "http://127.0.0.1/?Action=TerminateInstances"},
        {"method": "DELETE"},
    ],
)
def test_a_read_that_was_turned_into_a_write_is_not_sent(
    aws: boto3.Session, recorder: Recorder, changes: dict[str, Any]
) -> None:
    """What counts is the request on the wire: a handler that rewrites an allowed one gains nothing."""

    def rewrite(request: Any, **_: Any) -> None:
        for name, value in changes.items():
            setattr(request, name, value)

    client = aws.client("ec2", config=ONCE)
    client.meta.events.register_first("before-send", rewrite)
    with pytest.raises(NotAllowed):
        client.describe_vpcs()
    assert recorder.requests == []


def test_no_address_is_signed_for_a_write(aws: boto3.Session) -> None:
    """A presigned address of an object, to read or to write, cannot be had."""
    for operation in ("put_object", "get_object"):
        with pytest.raises(NotAllowed):
            aws.client("s3").generate_presigned_url(operation, Params={"Bucket": "b", "Key": "k"})


def test_aws_without_credentials_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials and an unknown profile are sentences with a next step, not tracebacks."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(Unavailable, match="Next: Set AWS_PROFILE"):
        LiveClients().aws("")
    with pytest.raises(NotFound, match="list-profiles"):
        LiveClients().aws("nobody")


def methods(described: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield verb and path of every method that a discovery document describes."""
    for each in described.get("methods", {}).values():
        yield each["httpMethod"], each.get("flatPath") or each["path"]
    for below in described.get("resources", {}).values():
        yield from methods(below)


def test_no_method_off_the_list_leaves_for_google(recorder: Recorder) -> None:
    """Of every method that the descriptions of six APIs know, only the listed GETs reach the server."""
    asked = sent = 0
    for api, listed in readonly_google.READS.items():
        http = readonly_google.ReadOnlyHttp(recorder.url, listed, AnonymousCredentials())  # type: ignore[no-untyped-call]
        for verb, path in methods(json.loads(discovery_cache.get_static_doc(api, "v1"))):
            plain = "/" + path.replace("{", "").replace("}", "").replace("+", "").lstrip("/")
            fits = verb == "GET" and any(each.fits("GET", plain) for each in listed)
            before = len(recorder.requests)
            asked += 1
            try:
                http.request(recorder.url + plain, verb)
                sent += 1
            except NotAllowed:
                assert len(recorder.requests) == before
                assert not fits, plain
    assert asked > 1_000
    assert sent == len(recorder.requests)
    assert {verb for verb, _ in recorder.requests} == {"GET"}
    assert sent <= sum(map(len, readonly_google.READS.values())) + 1


def test_a_google_client_reads_with_the_default_credentials(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A client of the shipped description lists networks with a token of the service account, and inserts none."""
    credentials(tmp_path, recorder, monkeypatch)
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", f"{recorder.url}/compute/v1/")
    recorder.answers["/token"] = (200, b'{"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}')
    recorder.answers["/compute/v1/projects/p/global/networks"] = (200, b'{"items": [{"name": "main"}]}')
    networks = LiveClients().google("compute", "v1").networks()

    assert networks.list(project="p").execute()["items"] == [{"name": "main"}]
    seen = list(recorder.requests)
    for refused in (networks.insert(project="p", body={"name": "x"}), networks.delete(project="p", network="main")):
        with pytest.raises(NotAllowed):
            refused.execute(num_retries=2)
    assert recorder.requests == seen == [("POST", "/token"), ("GET", "/compute/v1/projects/p/global/networks")]


def credentials(tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a service account's key file, made up on the spot, whose tokens come from the recorder."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": "p",
        "client_email": "reader@p.example",
        "private_key": key.decode(),
        "token_uri": f"{recorder.url}/token",
    }
    (tmp_path / "account.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))


def test_google_without_credentials_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A key file that is not there is a sentence with a next step; an API that nobody reads has no client."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(Unavailable, match="gcloud auth application-default login"):
        LiveClients().google("compute", "v1")
    with pytest.raises(NotAllowed):
        LiveClients().google("secretmanager", "v1")


@pytest.fixture
def cluster(recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> kubernetes.client.ApiClient:
    """A read-only client of a kubeconfig whose only context is the recorder, below a path prefix."""
    context = {"cluster": "c", "user": "u"}
    (tmp_path / "config").write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "prod",
                "contexts": [{"name": "prod", "context": context}],
                "clusters": [{"name": "c", "cluster": {"server": f"{recorder.url}/k8s"}}],
                "users": [{"name": "u", "user": {"token": "example"}}],
            }
        )
    )
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    client: kubernetes.client.ApiClient = LiveClients().kubernetes("prod")
    return client


def test_no_write_and_no_secret_leaves_for_kubernetes(cluster: kubernetes.client.ApiClient, recorder: Recorder) -> None:
    """Of every method of the core API group only GET arrives, never of a secret, of no subresource but `log`."""
    asked = 0
    more = ("AppsV1Api", "BatchV1Api", "RbacAuthorizationV1Api") if SOAK else ()
    for group in ("CoreV1Api", "CustomObjectsApi", *more):
        api = getattr(kubernetes.client, group)(cluster)
        for place, (name, method) in enumerate(inspect.getmembers(api, inspect.ismethod)):
            if not SOAK and place % 4 > 1 and "secret" not in name:
                continue  # with and without HTTP information stand side by side: every other pair
            if name.startswith("_") or name.endswith(("_with_http_info", "_without_preload_content", "_serialize")):
                continue
            wanted = [
                each.name
                for each in inspect.signature(method).parameters.values()
                if each.default is inspect.Parameter.empty and each.kind is each.POSITIONAL_OR_KEYWORD
            ]
            values = {each: {} if each == "body" else "x" for each in wanted}
            asked += 1
            with contextlib.suppress(Exception):  # whatever the library makes of it; what arrived is what counts
                method(**values)
    assert asked > 100
    assert len(recorder.requests) > 20
    assert {verb for verb, _ in recorder.requests} == {"GET"}
    paths = {path for _, path in recorder.requests}
    assert not [path for path in paths if "secret" in path or path.endswith(("/exec", "/proxy", "/attach"))]


def test_kubernetes_paths_are_fuzzed(cluster: kubernetes.client.ApiClient, recorder: Recorder) -> None:
    """Random verbs and paths, dressed up in the ways that get round filters: nothing but a listed GET arrives."""
    chance = random.Random(3)
    pieces = ["api", "apis", "v1", "apps", "namespaces", "shop", "pods", "secrets", "proxy", "exec", "watch", "nodes"]
    tricks = [
        "",
        "",
        "",
        "/",
        "//",
        "/.",
        "/..",
        "%2f",
        "%2e%2e",
        ";",
        "?x=1",
        "#",
        "\\",
        "%00",
        "%73ecrets",
        "SECRETS",
    ]
    for _ in range(FUZZED):
        path = "".join(f"/{chance.choice(pieces)}{chance.choice(tricks)}" for _ in range(chance.randint(1, 7)))
        verb = chance.choice(["GET", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT"])
        before = len(recorder.requests)
        try:
            cluster.rest_client.pool_manager.request(verb, f"{recorder.url}/k8s{path}", headers={}).read()
        except (NotAllowed, ValueError):
            assert len(recorder.requests) == before
    assert {verb for verb, _ in recorder.requests} <= {"GET"}
    assert not [path for _, path in recorder.requests if path.split("/")[-1] in ("secrets", "exec")]
    assert not [path for _, path in recorder.requests if "/secrets/" in path and "/namespaces/secrets/" not in path]


def test_no_stream_is_opened_into_a_container(cluster: kubernetes.client.ApiClient, recorder: Recorder) -> None:
    """Exec, attach and port forwarding fail before a connection is made, and the client stays as it was."""
    pods = kubernetes.client.CoreV1Api(cluster)
    calls: list[Callable[[], Any]] = [
        lambda: stream(pods.connect_get_namespaced_pod_exec, "cart-0", "shop", command="id", stdout=True),
        lambda: stream(pods.connect_get_namespaced_pod_attach, "cart-0", "shop"),
        lambda: portforward(pods.connect_get_namespaced_pod_portforward, "cart-0", "shop", ports="80"),
    ]
    for call in calls:
        with pytest.raises(NotAllowed):
            call()
    with pytest.raises(NotAllowed):
        cluster.call_api("GET", f"{recorder.url}/k8s/api/v1/pods", header_params={"Upgrade": "SPDY/3.1"})
    assert recorder.requests == []


def test_a_kubernetes_redirect_is_not_followed(cluster: kubernetes.client.ApiClient, recorder: Recorder) -> None:
    """A redirect, wherever it leads, comes back as an error of the API."""
    recorder.answers["/k8s/api/v1/pods"] = (302, b"")
    recorder.headers["Location"] = f"{recorder.url}/k8s/api/v1/nodes"
    with pytest.raises(ApiException):
        kubernetes.client.CoreV1Api(cluster).list_pod_for_all_namespaces()
    assert recorder.requests == [("GET", "/k8s/api/v1/pods")]


def test_a_kubeconfig_without_the_context_says_what_to_do(cluster: kubernetes.client.ApiClient) -> None:
    """An unknown context is a sentence with a next step."""
    with pytest.raises(Unavailable, match="kubectl config get-contexts"):
        LiveClients().kubernetes("staging")


def test_an_http_session_sends_the_listed_reads_alone(recorder: Recorder) -> None:
    """Grafana, Prometheus and Jaeger are asked for what is listed; random verbs on random paths do not arrive."""
    session, chance = LiveClients({recorder.url: "t"}).http(recorder.url), random.Random(5)
    listed = [path.replace("{uid}", "x").replace("{name}", "x") for path in GRAFANA + PROMETHEUS + JAEGER]
    for path in listed:
        assert session.get(recorder.url + path).request.headers["Authorization"] == "Bearer t"
    assert len(recorder.requests) == len(listed)
    others = [
        *listed,
        "/api/ds/query",
        "/api/admin/users",
        "/-/reload",
        "/api/v1/admin/tsdb/delete_series",
        "/api/dashboards/db",
    ]
    for _ in range(FUZZED // 5):
        verb = chance.choice(["POST", "PUT", "PATCH", "DELETE", "GET"])
        path = chance.choice(others) + (chance.choice(["/x/y", "/../admin", "%2f", ";a"]) if verb == "GET" else "")
        with pytest.raises(NotAllowed):
            session.request(verb, recorder.url + path)
    assert len(recorder.requests) == len(listed)


def test_assembly_hands_out_these_clients() -> None:
    """What the command gives to scanners are the live clients, with the tokens of the settings."""
    made: Clients = assembly.clients(Settings(tokens={"https://grafana.example/": "t"}))  # type: ignore[dict-item]
    session = made.http("https://grafana.example")
    assert session.headers["Authorization"] == "Bearer t"
    with pytest.raises(PersonError):
        session.get("https://grafana.example/api/admin/settings")
