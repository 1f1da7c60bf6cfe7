"""Each check of the transports is needed: taken away, the assertion that holds them fails."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import httplib2
import pytest
import requests
import urllib3
from botocore.config import Config
from google.auth.credentials import AnonymousCredentials
from googleapiclient import discovery

from workbench.telemetry.clients import LiveClients
from workbench.telemetry.readonly import Allowed, Offence, ReadOnlySession, offences, refuse
from workbench.telemetry.readonly_google import READS, ReadOnlyHttp
from workbench.telemetry.readonly_kubernetes import ReadOnlyPool
from workbench.testing.vendors import Page, VendorServer

LISTED = (Allowed("GET", "/api/v1/query_range"),)
QUERY = "/api/v1/query_range"


@pytest.fixture
def servers() -> Iterator[tuple[VendorServer, VendorServer]]:
    """The configured server, and another that nobody may ask."""
    with VendorServer(lambda _path, _query: {}) as ours, VendorServer(lambda _path, _query: {}) as other:
        yield ours, other


def held(session: requests.Session, ours: VendorServer, other: VendorServer) -> None:
    """Assert that of six crafted requests none arrives anywhere."""
    with_user = ours.url.replace("://", "://user:word@")
    tried: tuple[tuple[str, str, Mapping[str, str]], ...] = (
        ("GET", other.url + QUERY, {}),
        ("GET", with_user + QUERY, {}),
        ("GET", f"{ours.url}/-/quit", {}),
        ("POST", ours.url + QUERY, {}),
        ("GET", ours.url + QUERY, {"Upgrade": "websocket"}),
        ("GET", ours.url + QUERY, {"X-HTTP-Method-Override": "DELETE"}),
    )
    for method, url, headers in tried:
        with contextlib.suppress(Exception):  # what arrived is what counts
            session.request(method, url, headers=dict(headers))
    assert (ours.requests, other.requests) == ([], [])


class Without(ReadOnlySession):
    """A session whose check leaves out one rule."""

    rule = ""

    def _check(self, request: requests.PreparedRequest) -> None:
        arguments = (self._base, self._allowed, request.method or "", str(request.url), request.headers)
        refuse(self._base, next((each for each in offences(*arguments) if each.rule != self.rule), None))


def test_with_every_rule_nothing_arrives(servers: tuple[VendorServer, VendorServer]) -> None:
    """The session as it is, and one that is built by rules but leaves none out, let nothing through."""
    held(ReadOnlySession(servers[0].url, LISTED), *servers)
    held(Without(servers[0].url, LISTED), *servers)


@pytest.mark.parametrize("rule", ["host", "user", "list", "header"])
def test_without_a_rule_something_arrives(rule: str, servers: tuple[VendorServer, VendorServer]) -> None:
    """For each of the four rules: leave it out, and the assertion above fails."""
    session = Without(servers[0].url, LISTED)
    session.rule = rule

    with pytest.raises(AssertionError):
        held(session, *servers)


def not_led(session: requests.Session, ours: VendorServer, other: VendorServer) -> None:
    """Assert that a redirect leads nobody to the other server."""
    with contextlib.suppress(Exception):
        session.get(ours.url + QUERY)
    assert ours.requests
    assert other.requests == []


def test_without_the_refusal_of_redirects_one_is_followed(servers: tuple[VendorServer, VendorServer]) -> None:
    """A session as the library has it follows to the other server; ours does not."""
    _, other = servers
    with VendorServer(lambda _path, _query: Page("", {"Location": other.url + QUERY})) as leading:
        leading.reply = _moved(leading, other.url + QUERY)  # type: ignore[method-assign]  # a server that moved
        not_led(ReadOnlySession(leading.url, LISTED), leading, other)
        with pytest.raises(AssertionError):
            not_led(requests.Session(), leading, other)


def _moved(server: VendorServer, to: str) -> Callable[..., tuple[int, bytes, Mapping[str, str]]]:
    def reply(method: str, path: str, query: dict[str, str]) -> tuple[int, bytes, Mapping[str, str]]:
        server.requests.append((method, path, query))
        return 302, b"", {"Location": to}

    return reply


@pytest.mark.parametrize(
    "path", ["/api/v1/label/../values", "/api/v1/label/./values", "/api/v1/label//values", "/api/v1/label/a%2fb/values"]
)
def test_a_path_that_could_be_read_otherwise_fits_no_template(path: str) -> None:
    """Dot segments, double and encoded slashes do not fit, though a pattern of characters alone would let dots by."""
    assert not Allowed("GET", "/api/v1/label/{name}/values").fits("GET", path)


# -- kubernetes ------------------------------------------------------------------------------------------------


class PoolWithout(ReadOnlyPool):
    """A pool whose check leaves out one rule."""

    rule = ""

    def _offences(self, *arguments: Any) -> Iterator[Offence]:
        yield from (each for each in super()._offences(*arguments) if each.rule != self.rule)


def held_in_pool(pool: ReadOnlyPool, ours: VendorServer, other: VendorServer) -> None:
    """Assert that of crafted requests to a cluster none arrives."""
    body = json.dumps({"kind": "Pod"})
    tried: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("GET", f"{other.url}/api/v1/pods", {}),
        ("DELETE", f"{ours.url}/api/v1/namespaces/shop/pods/cart-0", {}),
        ("GET", f"{ours.url}/api/v1/namespaces/shop/pods/cart-0/exec", {}),
        ("GET", f"{ours.url}/api/v1/namespaces/shop/secrets/db", {}),
        ("GET", f"{ours.url}/api/v1/pods", {"body": body}),
        ("GET", f"{ours.url}/api/v1/pods", {"headers": {"Upgrade": "SPDY/3.1"}}),
    )
    for method, url, options in tried:
        with contextlib.suppress(Exception):
            pool.request(method, url, **options)
    assert (ours.requests, other.requests) == ([], [])


def test_with_every_rule_nothing_arrives_in_a_cluster(servers: tuple[VendorServer, VendorServer]) -> None:
    """The pool as it is lets nothing through."""
    held_in_pool(ReadOnlyPool(urllib3.PoolManager(), servers[0].url), *servers)


@pytest.mark.parametrize("rule", ["host", "list", "header", "resource", "body"])
def test_without_a_rule_something_arrives_in_a_cluster(rule: str, servers: tuple[VendorServer, VendorServer]) -> None:
    """For each of the pool's rules: leave it out, and the assertion above fails."""
    pool = PoolWithout(urllib3.PoolManager(), servers[0].url)
    pool.rule = rule

    with pytest.raises(AssertionError):
        held_in_pool(pool, *servers)


# -- clouds ----------------------------------------------------------------------------------------------------


def held_in_aws(session: boto3.Session, server: VendorServer) -> None:
    """Assert that no instance can be ended."""
    client = session.client("ec2", config=Config(retries={"total_max_attempts": 1}))
    with contextlib.suppress(Exception):
        client.terminate_instances(InstanceIds=["i-0"])
    assert server.requests == []


def test_without_its_hooks_a_write_leaves_for_aws(
    servers: tuple[VendorServer, VendorServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session of the library's own sends what ours refuses."""
    for name, value in {
        "AWS_ENDPOINT_URL": servers[0].url,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    held_in_aws(LiveClients().aws(""), servers[0])

    with pytest.raises(AssertionError):
        held_in_aws(boto3.Session(), servers[0])


def held_in_google(http: httplib2.Http, server: VendorServer) -> None:
    """Assert that no instance can be deleted."""
    options = {"api_endpoint": f"{server.url}/"}
    api = discovery.build("compute", "v1", http=http, static_discovery=True, client_options=options)
    with contextlib.suppress(Exception):
        api.instances().delete(project="p", zone="z", instance="i").execute()
    assert server.requests == []


def test_without_its_transport_a_write_leaves_for_google(servers: tuple[VendorServer, VendorServer]) -> None:
    """A transport of the library's own sends what ours refuses."""
    held_in_google(ReadOnlyHttp(servers[0].url, READS["compute"], AnonymousCredentials()), servers[0])

    with pytest.raises(AssertionError):
        held_in_google(httplib2.Http(), servers[0])
