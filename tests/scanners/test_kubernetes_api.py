"""A live cluster: what its API lists, page by page, and where that meets its manifests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from ontology import iris, terms
from ontology.errors import Unavailable
from ontology.nouns import Fact
from scanners.binding import Binding
from scanners.catalogue import scanner
from scanners.compose.scanner import ComposeScanner
from scanners.kubernetes.api import KINDS, KubernetesApiScanner, _object
from scanners.kubernetes.manifests import KubernetesScanner
from scanners.protocol import Reading, Scan

Write = Callable[[Mapping[str, str]], Path]
Saying = Callable[[Any], set[tuple[str, str, Any]]]

MANIFESTS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      containers:
      - name: web
        image: shop/web:1
        ports: [{containerPort: 8080}]
        envFrom: [{configMapRef: {name: addresses}}, {secretRef: {name: keys}}]
        env:
        - {name: DB_URL, value: "postgres://shop:hunter2canary@db:5432/shop"}
        - {name: PASSWORD, valueFrom: {secretKeyRef: {name: keys, key: password}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  replicas: 1
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: pg, image: "postgres:16", ports: [{containerPort: 5432}]}]
      volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: addresses, namespace: shop}
data: {CART_ADDR: "cart:7070", TOKEN: canarytoken}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
spec: {storageClassName: gp3, resources: {requests: {storage: 10Gi}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec:
  schedule: "0 1 * * *"
  jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: "shop/report:1"}]}}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: door, namespace: shop}
spec:
  rules: [{host: shop.example.com, http: {paths: [{path: /, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec: {minReplicas: 2, maxReplicas: 9, scaleTargetRef: {kind: Deployment, name: web}}
"""


def owned(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": name, "controller": True}]


def pod(name: str, owner: list[dict[str, Any]], app: str, container: str, **state: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "labels": {"app": app},
            "ownerReferences": owner,
        },
        "spec": {"nodeName": "n1", "containers": [{"name": container, "image": f"shop/{app}:1"}]},
        "status": {
            "phase": "Running",
            "podIP": "10.1.0.7",
            "startTime": "2026-01-31T09:00:00Z",
            "containerStatuses": [
                {
                    "name": container,
                    "image": f"docker.io/shop/{app}:1",
                    "imageID": f"docker.io/shop/{app}@sha256:abcd",
                    "containerID": f"containerd://c-{name}",
                    "restartCount": 3,
                    **state,
                }
            ],
        },
    }


CRASHED = {
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-01-31T11:59:00Z"}},
}
RUNNING: dict[str, list[dict[str, Any]]] = {
    "/api/v1/namespaces": [{"metadata": {"name": "shop"}, "status": {"phase": "Active"}}],
    "/api/v1/nodes": [
        {
            "metadata": {
                "name": "n1",
                "labels": {
                    "topology.kubernetes.io/zone": "eu-west-1a",
                    "topology.kubernetes.io/region": "eu-west-1",
                    "node.kubernetes.io/instance-type": "m7g.large",
                },
            },
            "spec": {"providerID": "aws:///eu-west-1a/i-0abc", "unschedulable": True},
            "status": {
                "capacity": {"cpu": "2", "memory": "8Gi"},
                "addresses": [{"type": "InternalIP", "address": "10.0.0.5"}],
                "conditions": [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"}],
            },
        }
    ],
    "/api/v1/pods": [
        pod("web-77-a", owned("ReplicaSet", "web-77"), "web", "web", state={"running": {}}),
        pod("web-77-b", owned("ReplicaSet", "web-77"), "web", "web", **CRASHED),
        pod("db-0", owned("StatefulSet", "db"), "db", "pg", state={"running": {}}),
        pod("nightly-1-x", owned("Job", "nightly-1"), "report", "c"),
        pod("blue-5-z", owned("Rollout", "blue"), "blue", "c"),
        pod("alone", [], "alone", "c"),
    ],
    "/apis/apps/v1/replicasets": [
        {
            "metadata": {"name": "web-77", "namespace": "shop", "ownerReferences": owned("Deployment", "web")},
            "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "web", "image": "shop/web:1"}]}}},
            "status": {"replicas": 2, "readyReplicas": 1},
        },
        {
            "metadata": {"name": "web-66", "namespace": "shop", "ownerReferences": owned("Deployment", "web")},
            "spec": {"replicas": 0, "template": {"spec": {"containers": [{"name": "web", "image": "shop/web:0"}]}}},
        },
    ],
    "/apis/batch/v1/jobs": [
        {
            "metadata": {"name": "nightly-1", "namespace": "shop", "ownerReferences": owned("CronJob", "nightly")},
            "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "shop/report:1"}]}}},
            "status": {"conditions": [{"type": "Failed", "status": "True"}]},
        }
    ],
    "/apis/discovery.k8s.io/v1/endpointslices": [
        {
            "metadata": {"name": "web-x", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
            "endpoints": [
                {"conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": "web-77-a"}},
                {"conditions": {"ready": False}, "targetRef": {"kind": "Pod", "name": "web-77-b"}},
            ],
        }
    ],
    "/api/v1/persistentvolumes": [
        {
            "metadata": {"name": "pv-1"},
            "spec": {"claimRef": {"namespace": "shop", "name": "data"}, "csi": {"volumeHandle": "vol-0123"}},
        }
    ],
}
LISTS = {f"{listing.path}/{listing.plural}": listing for listing in KINDS}


class Cluster:
    """A server that speaks the list calls of the Kubernetes API: pages, 403, 404, and a list that expires."""

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {path: [] for path, kind in LISTS.items() if kind.served}
        self.forbidden: set[str] = set()
        self.expiries: dict[str, int] = {}
        self.page = 2
        self.asked: list[tuple[str, str]] = []
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                cluster.asked.append(("GET", self.path))
                code, body = cluster.answer(self.path)
                text = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, address: str) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(address)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/apis/":
            groups = {path.split("/")[2] for path in self.objects if path.startswith("/apis/")}
            return 200, {"kind": "APIGroupList", "groups": [{"name": name} for name in sorted(groups)]}
        if parts.path in self.forbidden:
            return 403, {"kind": "Status", "code": 403, "reason": "Forbidden"}
        if parts.path not in self.objects:
            return 404, {"kind": "Status", "code": 404}
        if "continue" in query and self.expiries.get(parts.path, 0):
            self.expiries[parts.path] -= 1
            return 410, {"kind": "Status", "code": 410, "reason": "Expired"}
        start = int(query.get("continue", "0"))
        end = start + min(self.page, int(query.get("limit", self.page)))
        rest = end < len(self.objects[parts.path])
        meta = {"continue": str(end)} if rest else {}
        return 200, {"kind": "List", "metadata": meta, "items": self.objects[parts.path][start:end]}

    def apply(self, manifests: str) -> None:
        """Keep manifests as the API would show them: without kind, under the list of their kind."""
        where = {listing.kind: path for path, listing in LISTS.items()}
        for each in yaml.safe_load_all(manifests):
            body = {key: value for key, value in each.items() if key not in ("kind", "apiVersion")}
            self.objects[where[each["kind"]]].append(body)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def kubernetes(self, context: str) -> Any:
        from kubernetes.client import ApiClient, Configuration

        configuration = Configuration()
        configuration.host = self.address
        return ApiClient(configuration)

    def http(self, base: str) -> Any:
        raise AssertionError("no scanner of a cluster asks for this")

    def aws(self, profile: str) -> Any:
        return self.http(profile)

    def google(self, api: str, version: str) -> Any:
        return self.http(api)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    running = Cluster()
    running.apply(MANIFESTS)
    for path, items in RUNNING.items():
        running.objects[path] += items
    yield running
    running.server.shutdown()
    running.server.server_close()


def scan(cluster: Cluster, binding: Binding | None = None) -> Scan:
    bound = binding or Binding({"kubernetes-api:ctx": "prod-eu1"})
    return scanner("kubernetes-api", "ctx", clients=cluster, binding=bound).scan()


def raised(cluster: Cluster) -> bool:
    """Say whether the facts of what the cluster holds cannot be said; no request is made."""
    every = tuple(_object(each, LISTS[path]) for path, items in cluster.objects.items() for each in items)
    return not KubernetesApiScanner("ctx").facts(Reading(every, datetime(2026, 1, 31, tzinfo=UTC)))


def of(facts: Any, *predicates: str) -> set[tuple[str, str, Any]]:
    return {(fact.subject, fact.predicate, fact.object) for fact in facts if fact.predicate in predicates}


def test_what_runs_stands_on_what(cluster: Cluster, said: Saying) -> None:
    """A container leads over pod and node to zone, region and machine, and over the replica set to the deployment."""
    done = scan(cluster)
    facts = said(done.facts)

    assert {
        ("web-77-a", "runsOn", "n1"),
        ("n1", "runsOn", "eu-west-1a"),
        ("eu-west-1a", "partOf", "eu-west-1"),
        ("n1", "runsOn", "i-0abc"),
        ("n1", "partOf", "prod-eu1"),
        ("shop", "partOf", "prod-eu1"),
        ("web-77-a", "managedBy", "web-77"),
        ("web-77", "managedBy", "web"),
        ("nightly-1-x", "managedBy", "nightly-1"),
        ("nightly-1", "managedBy", "nightly"),
        ("web", "implements", "web"),
        ("web", "runsOn", "web-77-a"),
    } <= facts
    assert done.complete
    assert iris.thing("vm", "aws", "i-0abc") in {fact.object for fact in done.facts}


def test_how_it_is(cluster: Cluster, said: Saying) -> None:
    """Restarts, the reason for the last end, readiness, node conditions and addresses are told as they are."""
    done = scan(cluster)
    facts = said(done.facts)
    crashed = iris.thing("container", "prod-eu1", "shop", "pod", "web-77-b", "web")
    about = {(fact.predicate, fact.object) for fact in done.facts if fact.subject == crashed}

    assert (terms.STATUS, "waiting: CrashLoopBackOff") in about
    assert (terms.DESCRIPTION, "last ended: OOMKilled, exit code 137 at 2026-01-31T11:59:00Z") in about
    assert (terms.OTEL_CONTAINER_ID, "c-web-77-b") in about
    assert (terms.DIGEST, "sha256:abcd") in about
    assert {
        ("web-77", "status", "1 of 2 ready"),
        ("nightly-1", "status", "failed"),
        ("n1", "status", "ready, disk pressure, cordoned"),
        ("n1", "resourceType", "m7g.large"),
        ("web-77-a", "restartCount", 3),
        ("web-77-a", "hasAddress", "10.1.0.7"),
        ("web", "routesTo", "web-77-a"),
        ("db", "allowsFrom", "web"),
        ("shop.example.com", "resolvesTo", "door"),
        ("nightly", "schedule", "0 1 * * *"),
        ("data", "storageRequest", "10Gi"),
    } <= facts
    assert ("web", "routesTo", "web-77-b") not in facts
    assert not any(fact[0] == "web-66" for fact in facts)
    assert "vol-0123" in {fact[2] for fact in facts}


def test_manifests_and_api_meet(cluster: Cluster, estate: Write) -> None:
    """What a manifest declares has the same IRIs, calls and references in the API's words: nothing is there twice."""
    written = KubernetesScanner(estate({"all.yaml": MANIFESTS}), "prod-eu1").scan()
    live = scan(cluster)
    known = {fact.subject for fact in live.facts}
    joins = (
        terms.CALLS,
        terms.REFERENCES,
        terms.IMPLEMENTS,
        terms.SELECTS,
        terms.ROUTES_TO,
        terms.MOUNTS,
        terms.SETS_ENV,
    )

    assert {fact.subject for fact in written.facts} <= known
    assert of(written.facts, *joins) <= of(live.facts, *joins)
    for kind in (
        "Deployment",
        "StatefulSet",
        "CronJob",
        "K8sService",
        "ConfigMap",
        "Ingress",
        "NetworkPolicy",
        "Volume",
    ):
        things = [
            {
                fact.subject
                for fact in scan.facts
                if fact.predicate == terms.TYPE and fact.object == terms.class_iri(kind)
            }
            for scan in (written, live)
        ]
        assert things[0] == things[1], kind


def test_a_service_is_the_same_for_compose_manifests_and_api(cluster: Cluster, estate: Write) -> None:
    """One service, three sources, one node; the database that it calls too."""
    compose = """
services:
  web: {image: shop/web:1, environment: {DB_URL: "postgres://db:5432/shop"}}
  db: {image: "postgres:16", ports: ["5432"]}
"""
    scans = (
        ComposeScanner(estate({"compose/compose.yaml": compose}) / "compose", "prod-eu1").scan(),
        KubernetesScanner(estate({"k8s/all.yaml": MANIFESTS}) / "k8s", "prod-eu1").scan(),
        scan(cluster),
    )
    call = (iris.service("web", "prod-eu1"), terms.CALLS, iris.service("db", "prod-eu1"))

    assert [call in of(each.facts, terms.CALLS) for each in scans] == [True, True, True]


def test_pages_are_followed(cluster: Cluster, said: Saying) -> None:
    """Of a list of many pages nothing is missing and nothing is double; everything is read with GET."""
    cluster.objects["/api/v1/nodes"] += [{"metadata": {"name": f"more-{number}"}} for number in range(25)]
    done = scan(cluster)
    nodes = [fact.object for fact in done.facts if fact.predicate == terms.OTEL_K8S_NODE_NAME]

    assert sorted(nodes) == sorted(["n1", *(f"more-{number}" for number in range(25))])
    assert {method for method, _ in cluster.asked} == {"GET"}
    assert all("limit=" in path for _, path in cluster.asked if path != "/apis/")


def test_secrets_are_never_asked_for(cluster: Cluster, said: Saying) -> None:
    """No request names secrets; the ones that workloads refer to are known by name, and no value is in a fact."""
    done = scan(cluster)

    assert not any("secrets" in path for _, path in cluster.asked)
    assert {("web", "mounts", "keys"), ("PASSWORD", "fromConfig", "password")} <= said(done.facts)
    assert not any("canary" in str(fact.object) for fact in done.facts)


def test_one_kind_forbidden(cluster: Cluster, said: Saying) -> None:
    """A kind that may not be listed makes the scan incomplete and is named; all other facts are there."""
    cluster.forbidden = {"/apis/apps/v1/deployments"}
    done = scan(cluster)

    assert [(problem.where, problem.reason[:3]) for problem in done.problems] == [("/apis/apps/v1/deployments", "403")]
    assert not done.complete
    assert ("db", "implements", "db") in said(done.facts)


def test_a_workload_that_is_not_listed(cluster: Cluster, said: Saying) -> None:
    """A workload of a custom kind, or of a forbidden one, is known by what it made: at its own IRI and service."""
    cluster.forbidden = {"/apis/apps/v1/deployments"}
    facts = scan(cluster).facts
    implements = {fact.subject: fact.object for fact in facts if fact.predicate == terms.IMPLEMENTS}

    rollout = iris.thing("workload", "prod-eu1", "shop", "rollout", "blue")
    deployment = iris.thing("workload", "prod-eu1", "shop", "deployment", "web")
    assert implements[rollout] == iris.service("blue", "prod-eu1")
    assert implements[deployment] == iris.service("web", "prod-eu1")


def test_a_list_that_expires(cluster: Cluster) -> None:
    """A 410 in the middle begins that list once more, and a second one is a problem of that kind alone."""
    cluster.expiries = {"/api/v1/pods": 1}
    once = scan(cluster)
    cluster.expiries = {"/api/v1/pods": 2}
    twice = scan(cluster)
    pods = [fact.object for fact in once.facts if fact.predicate == terms.OTEL_K8S_POD_NAME]

    assert sorted(pods) == ["alone", "blue-5-z", "db-0", "nightly-1-x", "web-77-a", "web-77-b"]
    assert once.complete
    assert [problem.where for problem in twice.problems] == ["/api/v1/pods"]


def test_a_kind_that_is_not_served(cluster: Cluster, said: Saying) -> None:
    """A cluster without the Gateway API is whole, even for one who may not ask for it; one with it has its routes."""
    base = "/apis/gateway.networking.k8s.io/v1"
    cluster.forbidden = {f"{base}/{plural}" for plural in ("gateways", "httproutes", "grpcroutes")}
    without = scan(cluster)
    cluster.forbidden = set()
    cluster.objects[f"{base}/gateways"] = [
        {"metadata": {"name": "edge", "namespace": "shop"}, "spec": {"listeners": [{"port": 443}]}}
    ]
    cluster.objects[f"{base}/httproutes"] = [
        {
            "metadata": {"name": "r", "namespace": "shop"},
            "spec": {"parentRefs": [{"name": "edge"}], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]},
        }
    ]
    cluster.objects[f"{base}/grpcroutes"] = []
    having = scan(cluster)

    assert without.complete
    assert len(without.skipped) == 3
    assert {("edge", "routesTo", "r"), ("r", "routesTo", "web"), ("edge", "port", 443)} <= said(having.facts)


def test_what_is_deleted_is_gone(cluster: Cluster) -> None:
    """The next whole scan lacks the pod that was deleted, and no other pod."""
    before = scan(cluster)
    gone = cluster.objects["/api/v1/pods"].pop(1)
    after = scan(cluster)

    def pods(facts: tuple[Fact, ...]) -> set[Any]:
        return {fact.object for fact in facts if fact.predicate == terms.OTEL_K8S_POD_NAME}

    assert pods(before.facts) - pods(after.facts) == {gone["metadata"]["name"]}
    assert after.complete


def test_a_bare_pod_is_one_thing(cluster: Cluster, estate: Write) -> None:
    """A pod without a controller is the same pod in the manifest and in the API, with its containers."""
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: alone, namespace: shop}\nspec: {containers: [{name: c, image: i}]}"
    )
    written = KubernetesScanner(estate({"pod.yaml": text}), "prod-eu1").scan()
    wanted = {
        iris.thing("pod", "prod-eu1", "shop", "alone"),
        iris.thing("container", "prod-eu1", "shop", "pod", "alone", "c"),
    }

    assert wanted <= {fact.subject for fact in written.facts} & {fact.subject for fact in scan(cluster).facts}


def test_a_namespace_of_its_own_environment(cluster: Cluster) -> None:
    """A namespace that is bound has its services in that environment, and is still part of the cluster."""
    facts = scan(cluster, Binding({"kubernetes-api:ctx": "prod-eu1", "kubernetes-api:*/shop": "shop-live"})).facts

    assert iris.service("web", "shop-live") in {fact.subject for fact in facts}
    assert iris.service("web", "prod-eu1") not in {fact.subject for fact in facts}
    part = (iris.thing("namespace", "shop-live", "shop"), terms.PART_OF, iris.thing("cluster", "prod-eu1"))
    assert part in of(facts, terms.PART_OF)


def test_the_cloud_that_sells_the_cluster(cluster: Cluster) -> None:
    """A context that a cloud's own tool has named leads from our alias to the cloud's cluster; another one does not."""
    eks, own = "arn:aws:eks:eu-west-1:123456789012:cluster/prod", "lab"
    scans = [scanner("kubernetes-api", context, "prod-eu1", clients=cluster).scan() for context in (eks, own)]
    sold = iris.thing("cloud-cluster", "aws", "123456789012", "eu-west-1", "prod")
    joined = (iris.thing("cluster", "prod-eu1"), terms.PART_OF, sold)

    assert [joined in of(each.facts, terms.PART_OF) for each in scans] == [True, False]
    assert [each.scope for each in scans] == [eks, own]


@pytest.mark.parametrize("junk", [7, [], {}, None, "x", [{"a": [1]}], True, {"name": {"name": 1}}])
def test_any_answer_is_survived(cluster: Cluster, junk: Any) -> None:
    """A field replaced by something else in every object that has it never raises: those of the first two levels."""
    every = [each for items in cluster.objects.values() for each in items]
    for section in ("", "metadata", "spec", "status"):
        parts = [each.get(section) if section else each for each in every]
        held = [part for part in parts if isinstance(part, dict)]
        for key in sorted({key for part in held for key in part}):
            kept = [(part, part[key]) for part in held if key in part]
            for part, _ in kept:
                part[key] = junk
            assert not raised(cluster)
            for part, value in kept:
                part[key] = value


def test_a_bare_name_stays_in_its_namespace(cluster: Cluster) -> None:
    """In a live cluster a bare host means the own namespace alone; a full one means the other."""
    cluster.apply(
        """
apiVersion: apps/v1
kind: Deployment
metadata: {name: far, namespace: other}
spec:
  template:
    spec: {containers: [{name: c, image: i, env: [{name: DB_URL, value: "postgres://db:5432/x"}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: near, namespace: other}
spec:
  template:
    spec: {containers: [{name: c, image: i, env: [{name: DB_URL, value: "postgres://db.shop:5432/x"}]}]}
"""
    )
    callers = {fact.subject for fact in scan(cluster).facts if fact.predicate == terms.CALLS}

    assert iris.service("near", "prod-eu1") in callers
    assert iris.service("far", "prod-eu1") not in callers


def test_everything_has_one_label(cluster: Cluster) -> None:
    """What is said of a thing, and what is pointed at, has one label, even where half the kinds are forbidden."""
    cluster.forbidden = {f"{listing.path}/{listing.plural}" for listing in KINDS[::2]}
    for done in (scan(cluster), KubernetesApiScanner("ctx", clients=cluster).scan()):
        labelled = [fact.subject for fact in done.facts if fact.predicate == terms.LABEL]
        pointed = {fact.object for fact in done.facts if "/id/" in str(fact.object) and fact.predicate != terms.TYPE}
        assert len(labelled) == len(set(labelled))
        assert {fact.subject for fact in done.facts} | pointed == set(labelled)


def test_nobody_answers(cluster: Cluster) -> None:
    """A cluster that refuses everything, or is not there, is told in a sentence with what to do."""
    cluster.forbidden = set(LISTS)
    with pytest.raises(Unavailable, match="Next:"):
        scan(cluster)
    cluster.server.shutdown()
    cluster.server.server_close()
    with pytest.raises(Unavailable, match="does not answer"):
        scan(cluster)
