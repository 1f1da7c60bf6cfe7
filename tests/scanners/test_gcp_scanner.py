"""A project of Google Cloud, played by a server of our own that answers in the shapes that Google documents."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ontology.errors import NotAllowed
from ontology.iris import BASE, WB
from ontology.loader import validate
from ontology.nouns import Fact
from scanners.binding import Binding
from scanners.catalogue import scanner
from scanners.protocol import Scan
from scanners.terraform.scanner import TerraformScanner
from workbench.graph.store import GraphStore
from workbench.telemetry.clients import LiveClients

LINK = "https://www.googleapis.com/compute/v1/projects/acme"
MAIN = f"{LINK}/global/networks/main"
INNER = f"{LINK}/regions/europe-west1/subnetworks/inner"
DISABLED = {
    "error": {
        "code": 403,
        "message": "Cloud SQL Admin API has not been used in project acme before or it is disabled.",
        "errors": [{"domain": "usageLimits", "reason": "accessNotConfigured", "message": "disabled"}],
        "status": "PERMISSION_DENIED",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}],
    }
}


def machine(name: str, ip: str, **more: Any) -> dict[str, Any]:
    """Return a machine as `instances.aggregatedList` shows it, with a start-up script that holds a secret."""
    card = {"network": MAIN, "subnetwork": INNER, "networkIP": ip}
    return {
        "name": name,
        "id": f"77{name[-1]}",
        "selfLink": f"{LINK}/zones/europe-west1-b/instances/{name}",
        "status": "RUNNING",
        "networkInterfaces": [card],
        "metadata": {"items": [{"key": "startup-script", "value": "export PASSWORD=hunter2canary"}]},
        **more,
    }


NODE = {"goog-k8s-cluster-name": "shop", "goog-k8s-cluster-location": "europe-west1"}
ANSWERS: Mapping[str, Any] = {
    "/compute/v1/projects/acme/global/networks": {"items": [{"name": "main", "selfLink": MAIN}]},
    "/compute/v1/projects/acme/aggregated/subnetworks": {
        "items": {
            "regions/europe-west1": {
                "subnetworks": [{"name": "inner", "selfLink": INNER, "network": MAIN, "ipCidrRange": "10.3.0.0/20"}]
            },
            "regions/us-east1": {"warning": {"code": "NO_RESULTS_ON_PAGE"}},
        }
    },
    "/compute/v1/projects/acme/aggregated/instances": [
        {"items": {"zones/europe-west1-b": {"instances": [machine("node-1", "10.3.0.4", labels=NODE)]}}},
        {"items": {"zones/europe-west1-b": {"instances": [machine("node-2", "10.3.0.5", labels=NODE)]}}},
        {
            "items": {
                "zones/europe-west1-b": {
                    "instances": [
                        machine(
                            "jump-3",
                            "10.3.0.6",
                            networkInterfaces=[
                                {
                                    "network": MAIN,
                                    "subnetwork": INNER,
                                    "networkIP": "10.3.0.6",
                                    "accessConfigs": [{"natIP": "34.77.1.2"}],
                                }
                            ],
                        )
                    ]
                }
            }
        },
    ],
    "/compute/v1/projects/acme/aggregated/forwardingRules": {
        "items": {
            "global": {
                "forwardingRules": [
                    {
                        "name": "front",
                        "selfLink": f"{LINK}/global/forwardingRules/front",
                        "IPAddress": "34.149.8.9",
                        "IPProtocol": "TCP",
                        "target": f"{LINK}/global/targetHttpsProxies/front",
                    }
                ]
            }
        }
    },
    "/compute/v1/projects/acme/aggregated/targetHttpProxies": {"items": {}},
    "/compute/v1/projects/acme/aggregated/targetHttpsProxies": {
        "items": {
            "global": {
                "targetHttpsProxies": [
                    {"selfLink": f"{LINK}/global/targetHttpsProxies/front", "urlMap": f"{LINK}/global/urlMaps/front"}
                ]
            }
        }
    },
    "/compute/v1/projects/acme/aggregated/urlMaps": {
        "items": {
            "global": {
                "urlMaps": [
                    {
                        "selfLink": f"{LINK}/global/urlMaps/front",
                        "defaultService": f"{LINK}/global/backendServices/web",
                        "pathMatchers": [{"pathRules": [{"service": f"{LINK}/global/backendServices/api"}]}],
                    }
                ]
            }
        }
    },
    "/compute/v1/projects/acme/aggregated/backendServices": {
        "items": {
            "global": {
                "backendServices": [
                    {"name": name, "selfLink": f"{LINK}/global/backendServices/{name}", "protocol": "HTTP"}
                    for name in ("web", "api")
                ]
            }
        }
    },
    "/v1/projects/acme/locations/-/clusters": {
        "clusters": [
            {
                "name": "shop",
                "location": "europe-west1",
                "network": "main",
                "networkConfig": {
                    "network": "projects/acme/global/networks/main",
                    "subnetwork": "projects/acme/regions/europe-west1/subnetworks/inner",
                },
                "endpoint": "35.1.2.3",
                "currentMasterVersion": "1.33.1-gke.100",
                "status": "RUNNING",
                "masterAuth": {"clientKey": "hunter2canary"},
            }
        ]
    },
    "/v1/projects/acme/instances": {
        "items": [
            {
                "name": "orders",
                "region": "europe-west1",
                "gceZone": "europe-west1-c",
                "databaseVersion": "POSTGRES_17",
                "state": "RUNNABLE",
                "connectionName": "acme:europe-west1:orders",
                "ipAddresses": [{"type": "PRIVATE", "ipAddress": "10.9.0.2"}],
                "settings": {"ipConfiguration": {"privateNetwork": "projects/acme/global/networks/main"}},
                "rootPassword": "hunter2canary",
            }
        ]
    },
    "/v1/projects/acme/locations/-/instances": {
        "instances": [
            {
                "name": "projects/acme/locations/europe-west1/instances/sessions",
                "host": "10.9.1.3",
                "port": 6379,
                "authorizedNetwork": "projects/acme/global/networks/main",
                "currentLocationId": "europe-west1-b",
                "redisVersion": "REDIS_7_2",
                "state": "READY",
            }
        ]
    },
    "/v1/projects/acme/topics": [
        {"topics": [{"name": "projects/acme/topics/placed"}]},
        {"topics": [{"name": "projects/acme/topics/paid"}]},
    ],
    "/v1/projects/acme/subscriptions": {
        "subscriptions": [
            {
                "name": "projects/acme/subscriptions/billing",
                "topic": "projects/acme/topics/placed",
                "pushConfig": {"pushEndpoint": "https://billing.acme.example/push?token=hunter2canary"},
            }
        ]
    },
    "/storage/v1/b": {"items": [{"name": "acme-images", "location": "EUROPE-WEST1"}]},
}
PLACED = "cloud-account/gcp:acme"
EXPECTED = {
    ("cloud-account/gcp:acme", "type", "CloudAccount"),
    ("region/gcp:europe-west1", "type", "Region"),
    ("region/gcp:europe-west1", "partOf", PLACED),
    *((f"zone/gcp:europe-west1-{letter}", "type", "Zone") for letter in "bc"),
    *((f"zone/gcp:europe-west1-{letter}", "partOf", "region/gcp:europe-west1") for letter in "bc"),
    ("network/gcp:acme:main", "type", "Network"),
    ("network/gcp:acme:main", "partOf", PLACED),
    ("subnet/gcp:acme:europe-west1:inner", "type", "Subnet"),
    ("subnet/gcp:acme:europe-west1:inner", "partOf", PLACED),
    ("subnet/gcp:acme:europe-west1:inner", "partOf", "region/gcp:europe-west1"),
    ("subnet/gcp:acme:europe-west1:inner", "partOf", "network/gcp:acme:main"),
    *(
        triple
        for name, ip in (("node-1", "10.3.0.4"), ("node-2", "10.3.0.5"), ("jump-3", "10.3.0.6"))
        for vm in (f"vm/gcp:acme:europe-west1-b:{name}",)
        for triple in (
            (vm, "type", "Vm"),
            (vm, "partOf", PLACED),
            (vm, "partOf", "region/gcp:europe-west1"),
            (vm, "partOf", "subnet/gcp:acme:europe-west1:inner"),
            (vm, "runsOn", "zone/gcp:europe-west1-b"),
            (vm, "inNetwork", "network/gcp:acme:main"),
            (vm, "hasAddress", f"ip-address/acme:main:{ip}"),
            (f"ip-address/acme:main:{ip}", "type", "IpAddress"),
            (f"ip-address/acme:main:{ip}", "inNetwork", "network/gcp:acme:main"),
            *(((vm, "partOf", "cloud-cluster/gcp:acme:europe-west1:shop"),) if name != "jump-3" else ()),
        )
    ),
    ("vm/gcp:acme:europe-west1-b:jump-3", "hasAddress", "ip-address/34.77.1.2"),
    ("ip-address/34.77.1.2", "type", "IpAddress"),
    ("load-balancer/gcp:acme:global:front", "type", "LoadBalancer"),
    ("load-balancer/gcp:acme:global:front", "partOf", PLACED),
    ("load-balancer/gcp:acme:global:front", "hasAddress", "ip-address/34.149.8.9"),
    ("ip-address/34.149.8.9", "type", "IpAddress"),
    *(
        triple
        for name in ("web", "api")
        for triple in (
            (f"target-group/gcp:acme:global:{name}", "type", "CloudResource"),
            (f"target-group/gcp:acme:global:{name}", "partOf", PLACED),
            ("load-balancer/gcp:acme:global:front", "routesTo", f"target-group/gcp:acme:global:{name}"),
        )
    ),
    ("cloud-cluster/gcp:acme:europe-west1:shop", "type", "Cluster"),
    ("cloud-cluster/gcp:acme:europe-west1:shop", "partOf", PLACED),
    ("cloud-cluster/gcp:acme:europe-west1:shop", "partOf", "region/gcp:europe-west1"),
    ("cloud-cluster/gcp:acme:europe-west1:shop", "partOf", "subnet/gcp:acme:europe-west1:inner"),
    ("cloud-cluster/gcp:acme:europe-west1:shop", "inNetwork", "network/gcp:acme:main"),
    ("cloud-cluster/gcp:acme:europe-west1:shop", "hasAddress", "ip-address/35.1.2.3"),
    ("ip-address/35.1.2.3", "type", "IpAddress"),
    *(
        triple
        for iri, kind, zone, ip in (
            ("database/gcp:acme:orders", "Database", "c", "10.9.0.2"),
            ("cache/gcp:acme:europe-west1:sessions", "Cache", "b", "10.9.1.3"),
        )
        for triple in (
            (iri, "type", kind),
            (iri, "partOf", PLACED),
            (iri, "partOf", "region/gcp:europe-west1"),
            (iri, "runsOn", f"zone/gcp:europe-west1-{zone}"),
            (iri, "inNetwork", "network/gcp:acme:main"),
            (iri, "hasAddress", f"ip-address/acme:main:{ip}"),
            (f"ip-address/acme:main:{ip}", "type", "IpAddress"),
            (f"ip-address/acme:main:{ip}", "inNetwork", "network/gcp:acme:main"),
        )
    ),
    *((f"topic/gcp:acme:{name}", "type", "Topic") for name in ("placed", "paid")),
    *((f"topic/gcp:acme:{name}", "partOf", PLACED) for name in ("placed", "paid")),
    ("subscription/gcp:acme:billing", "type", "Queue"),
    ("subscription/gcp:acme:billing", "partOf", PLACED),
    ("subscription/gcp:acme:billing", "consumesFrom", "topic/gcp:acme:placed"),
    ("subscription/gcp:acme:billing", "routesTo", "dns-name/billing.acme.example"),
    ("dns-name/billing.acme.example", "type", "DnsName"),
    ("bucket/gcp:acme-images", "type", "ObjectStore"),
    ("bucket/gcp:acme-images", "partOf", PLACED),
    ("bucket/gcp:acme-images", "partOf", "region/gcp:europe-west1"),
}


class Google(ThreadingHTTPServer):
    """Answers lists page by page; `denied` paths say 403, `busy` ones say 503 once."""

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.denied: dict[str, tuple[int, Any]] = {}
        self.busy: set[str] = set()
        self.asked: list[tuple[str, str, dict[str, list[str]]]] = []

    def reply(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        """Return status and body."""
        if path == "/token":
            return 200, {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}
        if path in self.busy:
            self.busy.remove(path)
            return 503, {}
        if path in self.denied:
            return self.denied[path]
        if path not in ANSWERS:
            return 404, {"error": {"code": 404, "message": "not found"}}
        pages = ANSWERS[path] if isinstance(ANSWERS[path], list) else [ANSWERS[path]]
        at = int(query.get("pageToken", ["0"])[0])
        return 200, {**pages[at], **({"nextPageToken": str(at + 1)} if at + 1 < len(pages) else {})}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Google)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.server.asked.append((self.command, parts.path, parse_qs(parts.query)))
        status, answer = self.server.reply(parts.path, parse_qs(parts.query))
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *parts: object) -> None:
        """Keep quiet."""


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Google]:
    """The server, with a service account whose tokens it gives, and the addresses as gcloud sets them."""
    server = Google()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"type": "service_account", "client_email": "reader@acme.example", "private_key": key.decode()}
    (tmp_path / "account.json").write_text(json.dumps({**account, "token_uri": f"{here}/token"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    paths = {
        "compute": "/compute/v1/",
        "storage": "/storage/v1/",
        "container": "/",
        "sqladmin": "/",
        "pubsub": "/",
        "redis": "/",
    }
    for api, path in paths.items():
        monkeypatch.setenv(f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api.upper()}", here + path)
    yield server
    server.shutdown()
    server.server_close()


def scanned() -> Scan:
    """Scan the project through the read-only clients."""
    return scanner("gcp", "acme", clients=LiveClients()).scan()


def triples(facts: tuple[Fact, ...]) -> set[tuple[str, str, str]]:
    """Return kinds and relations, without the parts that every IRI shares."""
    return {
        (
            fact.subject.removeprefix(f"{BASE}id/"),
            fact.predicate.rpartition("#")[2].removeprefix(WB),
            str(fact.object).removeprefix(f"{BASE}id/").removeprefix(WB),
        )
        for fact in facts
        if str(fact.object).startswith(BASE)
    }


def test_a_project_is_found_whole_and_nothing_else(google: Google) -> None:
    """Kinds and relations agree with what the server holds, on every page: precision and recall at least 0.98."""
    scan = scanned()
    found = triples(scan.facts)
    precision, recall = len(found & EXPECTED) / len(found), len(found & EXPECTED) / len(EXPECTED)
    told = f"precision {precision:.4f} recall {recall:.4f} of {len(EXPECTED)} facts"
    assert precision >= 0.98, f"{told}; too many: {sorted(found - EXPECTED)}"
    assert recall >= 0.98, f"{told}; missing: {sorted(EXPECTED - found)}"
    assert scan.complete, scan.problems
    assert not [fact for fact in scan.facts if "canary" in str(fact.object)]
    assert {method for method, path, _ in google.asked if path != "/token"} == {"GET"}


def test_only_the_fields_that_facts_need_are_asked_for(google: Google) -> None:
    """No list asks for all: start-up scripts and keys of clusters are not even sent."""
    scanned()
    asked = [query.get("fields", [""])[0] for _, path, query in google.asked if path != "/token"]
    assert all(asked)
    assert not [fields for fields in asked if "metadata" in fields or "masterAuth" in fields or "*)" in fields]


def test_a_disabled_api_is_named_and_the_rest_is_kept(google: Google) -> None:
    """403 for one API makes the scan incomplete; its databases are missing, machines are there."""
    google.denied["/v1/projects/acme/instances"] = (403, DISABLED)
    scan = scanned()

    assert not scan.complete
    assert [problem.where for problem in scan.problems] == ["sqladmin.instances"]
    assert "has not been used" in scan.problems[0].reason
    kinds = {other for _, predicate, other in triples(scan.facts) if predicate == "type"}
    assert "Vm" in kinds
    assert "Database" not in kinds


def test_the_scope_binding_names_a_cluster(google: Google) -> None:
    """A line of the binding joins the cluster of the cloud to the one that the Kubernetes scans tell of."""
    bound = scanner("gcp", "acme", clients=LiveClients(), binding=Binding({"gcp:shop": "prod-eu1"})).scan()
    assert ("cloud-cluster/gcp:acme:europe-west1:shop", "probablySame", "cluster/prod-eu1") in triples(bound.facts)
    assert not [fact for fact in triples(scanned().facts) if fact[1] == "probablySame"]


def test_a_zone_that_does_not_answer_makes_the_scan_incomplete(google: Google) -> None:
    """What an answer says it could not reach may still exist."""
    clusters = "/v1/projects/acme/locations/-/clusters"
    google.denied[clusters] = (200, {**ANSWERS[clusters], "missingZones": ["us-east1-b"]})
    scan = scanned()
    assert [(problem.where, problem.reason) for problem in scan.problems] == [
        ("container.projects.locations.clusters", "no answer from us-east1-b")
    ]


def test_a_busy_api_is_asked_again(google: Google) -> None:
    """A 503 is no problem when the next try succeeds."""
    google.busy.add("/storage/v1/b")
    assert scanned().complete


def test_a_project_that_nobody_may_read_ends_the_scan(google: Google) -> None:
    """403 for everything is one sentence about the target, not fourteen problems."""
    google.denied = dict.fromkeys(ANSWERS, (403, DISABLED))
    with pytest.raises(NotAllowed, match="gcloud projects list"):
        scanned()


def test_facts_of_a_project_fit_the_shapes(google: Google) -> None:
    """What the scan writes violates no shape of the ontology."""
    graph = GraphStore.memory()
    graph.replace(scanned())
    report = validate(graph.to_rdflib())
    assert report.conforms, report.problems[:3]


def test_terraform_and_the_api_name_the_same_things(google: Google, tmp_path: Path) -> None:
    """Every resource of a state gets the IRI that the API gave it."""
    path = "projects/acme"
    stated = {
        "google_compute_network": {"id": f"{path}/global/networks/main", "name": "main"},
        "google_compute_subnetwork": {"id": f"{path}/regions/europe-west1/subnetworks/inner", "network": MAIN},
        "google_compute_instance": {"id": f"{path}/zones/europe-west1-b/instances/jump-3", "zone": "europe-west1-b"},
        "google_container_cluster": {"id": f"{path}/locations/europe-west1/clusters/shop", "location": "europe-west1"},
        "google_sql_database_instance": {"id": "orders", "name": "orders", "project": "acme", "region": "europe-west1"},
        "google_redis_instance": {
            "id": f"{path}/locations/europe-west1/instances/sessions",
            "auth_string": "hunter2canary",
        },
        "google_pubsub_topic": {"id": f"{path}/topics/placed"},
        "google_pubsub_subscription": {"id": f"{path}/subscriptions/billing"},
        "google_storage_bucket": {"id": "acme-images", "name": "acme-images", "location": "EUROPE-WEST1"},
        "google_compute_global_forwarding_rule": {"id": f"{path}/global/forwardingRules/front"},
        "google_compute_backend_service": {"id": f"{path}/global/backendServices/web"},
    }
    resources = [
        {"mode": "managed", "type": kind, "name": "it", "instances": [{"attributes": attributes}]}
        for kind, attributes in stated.items()
    ]
    (tmp_path / "terraform.tfstate").write_text(
        json.dumps({"version": 4, "terraform_version": "1.13.0", "resources": resources})
    )
    declared = TerraformScanner(tmp_path).scan()
    said = {other for _, predicate, other in triples(declared.facts) if predicate == "declares"}

    assert len(said) == len(stated)
    assert said <= {subject for subject, predicate, _ in EXPECTED if predicate == "type"}
    assert not [fact for fact in declared.facts if "canary" in str(fact.object)]
