"""Kubernetes: what the manifests of a folder declare."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from ontology.errors import NotFound
from ontology.iris import service
from scanners.kubernetes.manifests import KubernetesScanner

Write = Callable[[Mapping[str, str]], Path]
Saying = Callable[[Any], set[tuple[str, str, Any]]]

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: addresses}
data: {CART_ADDR: "cart-svc:80", nginx.conf: "proxy_pass http://cart-svc:80;"}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {password: hunter2canary}
"""
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers:
      - {name: wait, image: busybox, command: [sh, -c, "until nc -z db 5432; do sleep 1; done"]}
      containers:
      - name: web
        image: shop/web:1
        ports: [{containerPort: 8080}]
        envFrom: [{configMapRef: {name: addresses}}]
        env:
        - {name: DB_NAME, value: db}
        - {name: DB_URL, value: "postgres://shop:hunter2canary@$(DB_NAME):5432/shop"}
        - {name: PASSWORD, valueFrom: {secretKeyRef: {name: keys, key: password}}}
        - {name: COLLECTOR, value: otel}
        - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://$(COLLECTOR):4317"}
"""
REST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-v2}
spec: {template: {metadata: {labels: {app: cart}}, spec: {containers: [{name: main, image: shop/cart:2}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: cart-svc}
spec: {selector: {app: cart}, ports: [{port: 80, targetPort: 7070}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec: {template: {metadata: {labels: {app: db}}, spec: {containers: [{name: pg, image: "postgres:16"}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: otel-agent}
spec:
  template:
    metadata: {labels: {app: otel}}
    spec: {containers: [{name: c, image: otel/opentelemetry-collector, ports: [{containerPort: 4317}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: otel}
spec: {selector: {app: otel}, ports: [{port: 4317}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: door}
spec: {rules: [{http: {paths: [{path: /, backend: {service: {name: cart-svc, port: {number: 80}}}}]}}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {minReplicas: 2, maxReplicas: 9, scaleTargetRef: {kind: Deployment, name: web}}
"""
ALL = {"config.yaml": CONFIG, "web.yaml": WEB, "below/rest.yaml": REST}


def test_manifests_become_calls(estate: Write, said: Saying) -> None:
    """Settings, config maps and `$(NAME)` lead through Kubernetes Services to the services behind them."""
    facts = said(KubernetesScanner(estate(ALL)).scan().facts)

    assert {fact for fact in facts if fact[1] in ("calls", "exportsTo")} == {
        ("web", "calls", "cart-svc"),
        ("web", "calls", "db"),
        ("web", "exportsTo", "otel"),
    }
    assert ("web", "dependsOn", "db") in facts
    assert ("cart-svc", "selects", "cart-v2") in facts
    assert ("cart-v2", "implements", "cart-svc") in facts
    assert ("cart-svc:80", "targetPort", 7070) in facts
    assert ("door", "routesTo", "cart-svc") in facts
    assert ("web", "maxReplicas", 9) in facts
    assert ("CART_ADDR", "fromConfig", "CART_ADDR") in facts
    assert ("nginx.conf", "mentions", "cart-svc") in facts


def test_no_secret_of_a_manifest_in_a_fact(estate: Write) -> None:
    """Of a Secret the names of its keys are kept and nothing else; passwords in values are hidden."""
    scan = KubernetesScanner(estate(ALL)).scan()

    assert not any("canary" in str(fact.object) for fact in scan.facts)
    assert any(fact.object == "password" for fact in scan.facts)


def test_every_manifest_thing_has_one_label(estate: Write) -> None:
    """Whatever is said of a thing, and whatever is pointed at, has one label."""
    scan = KubernetesScanner(estate(ALL)).scan()
    labelled = [fact.subject for fact in scan.facts if fact.predicate == terms.LABEL]
    pointed = {fact.object for fact in scan.facts if "/id/" in str(fact.object) and fact.predicate != terms.TYPE}

    assert len(labelled) == len(set(labelled))
    assert {fact.subject for fact in scan.facts} | pointed == set(labelled)


def test_telemetry_names_the_service(estate: Write) -> None:
    """`OTEL_SERVICE_NAME`, written or from a label, is the service's name, whatever the workload is called."""
    text = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-blue}
spec:
  template:
    metadata: {labels: {who: cart}}
    spec:
      containers:
      - name: c
        image: c
        env: [{name: OTEL_SERVICE_NAME, valueFrom: {fieldRef: {fieldPath: "metadata.labels['who']"}}}]
"""
    scan = KubernetesScanner(estate({"a.yaml": text}), "prod").scan()

    assert service("cart", "prod") in {fact.subject for fact in scan.facts}


def test_a_broken_manifest_among_good_ones(estate: Write, said: Saying) -> None:
    """Broken, deep and huge files are problems, a template is left out; the rest is read."""
    bad = {
        "broken.yaml": "apiVersion: v1\nkind: [Service\n",
        "deep.yaml": "apiVersion: v1\nkind: X\nspec: " + "[" * 5_000,
        "huge.yaml": "apiVersion: v1\n" + "#" * 2_200_000,
        "templates/web.yaml": "apiVersion: v1\nkind: {{ .Values.kind }}\n",
        "values.yaml": "a: [",
        "odd.yaml": "apiVersion: v1\nkind: Deployment\nmetadata: [x]\nspec: {template: 7}\n",
    }
    scan = KubernetesScanner(estate({**ALL, **bad})).scan()

    assert {problem.where for problem in scan.problems} == {"broken.yaml", "deep.yaml", "huge.yaml"}
    assert [problem.where for problem in scan.skipped] == ["templates/web.yaml"]
    assert not scan.complete
    assert ("web", "calls", "cart-svc") in said(scan.facts)


def test_a_manifest_that_vanishes(estate: Write) -> None:
    """The next scan lacks the workload that was deleted, and says that it is complete."""
    root = estate(ALL)
    before = KubernetesScanner(root).scan()
    (root / "web.yaml").unlink()
    after = KubernetesScanner(root).scan()

    assert any("deployment:web" in fact.subject for fact in before.facts)
    assert not any("deployment:web" in fact.subject for fact in after.facts)
    assert after.complete


def test_a_folder_without_manifests(tmp_path: Path) -> None:
    """An empty folder is told in a sentence with what to do."""
    with pytest.raises(NotFound, match="Next:"):
        KubernetesScanner(tmp_path).scan()


def test_any_shape_is_survived(estate: Write) -> None:
    """Manifests with a part replaced by something else never raise: 100 mutations, each read or set aside."""
    chance = random.Random(7)
    junk = ["7", "[]", "{}", "null", "'x'", "[{a: [1]}]", "true", "-1.5", "{name: {name: 1}}"]
    lines = (CONFIG + "---" + WEB + "---" + REST).splitlines()
    texts = {}
    for number in range(100):
        mutated = list(lines)
        for _ in range(3):
            at = chance.randrange(len(mutated))
            key, sign, _ = mutated[at].partition(": ")
            mutated[at] = f"{key}: {chance.choice(junk)}" if sign else mutated[at][: chance.randrange(1, 9)]
        texts[f"m{number}.yaml"] = "\n".join(mutated)
    scanned = [KubernetesScanner(estate({name: text})).target / name for name, text in texts.items()]
    scan = KubernetesScanner(scanned[0].parent).scan()
    singles = [KubernetesScanner(path).scan() for path in scanned[:10]]

    assert scan.facts
    assert len(singles) == 10


NETWORK = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: sales}}
---
apiVersion: v1
kind: Namespace
metadata: {name: watch, labels: {team: ops}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  template:
    metadata: {labels: {app: cart, app.kubernetes.io/version: "2.1"}}
    spec:
      containers: [{name: c, image: cart, envFrom: [{secretRef: {name: whole}}]}]
      volumes:
      - {name: d, persistentVolumeClaim: {claimName: data}}
      - {name: p, projected: {sources: [{secret: {name: part}}, {configMap: {name: rest}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: web}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: prober, namespace: watch}
spec: {template: {metadata: {labels: {app: prober}}, spec: {containers: [{name: c, image: prober}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: mail, namespace: shop}
spec: {type: ExternalName, externalName: Mail.Example.com}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cart-in, namespace: shop}
spec:
  podSelector: {matchExpressions: [{key: app, operator: In, values: [cart]}]}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - {podSelector: {matchLabels: {app: web}}}
    - {namespaceSelector: {matchLabels: {team: ops}}}
    - {ipBlock: {cidr: 10.0.0.0/8}}
  egress: [{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: watch}}}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open, namespace: shop}
spec: {podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}, ingress: [{}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
spec: {storageClassName: fast, resources: {requests: {storage: 5Gi}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec: {schedule: "0 1 * * *", jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: report}]}}}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: watch}
spec:
  gatewayClassName: envoy
  listeners: [{port: 443, hostname: shop.example.com}, {port: 80, hostname: "*.example.com"}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: route, namespace: shop}
spec:
  parentRefs: [{name: edge, namespace: watch}]
  hostnames: [WWW.example.com]
  rules: [{backendRefs: [{name: web, port: 80}]}]
"""


def test_network_policies(estate: Write, said: Saying) -> None:
    """A policy selects pods and allows peers by label, by namespace and by expression; none and all are told apart."""
    facts = said(KubernetesScanner(estate({"all.yaml": NETWORK})).scan().facts)

    assert {fact for fact in facts if fact[0] == "cart-in" and fact[1] in ("selects", "allowsFrom", "allowsTo")} == {
        ("cart-in", "selects", "cart"),
        ("cart-in", "allowsFrom", "web"),
        ("cart-in", "allowsFrom", "prober"),
        ("cart-in", "allowsTo", "prober"),
    }
    assert ("cart-in", "description", "ingress: 10.0.0.0/8") in facts
    assert {("closed", "selects", name) for name in ("cart", "web", "nightly")} <= facts
    assert ("closed", "description", "ingress: nobody") in facts
    assert ("open", "description", "ingress: anybody") in facts
    assert ("open", "selects", "cart") not in facts


def test_gateways_routes_and_names(estate: Write, said: Saying) -> None:
    """A gateway routes to its routes, a route to Services; host names resolve to them, patterns are no names."""
    facts = said(KubernetesScanner(estate({"all.yaml": NETWORK})).scan().facts)

    assert {
        ("edge", "routesTo", "route"),
        ("edge", "port", 443),
        ("route", "routesTo", "web"),
        ("shop.example.com", "resolvesTo", "edge"),
        ("www.example.com", "resolvesTo", "route"),
        ("mail", "routesTo", "mail.example.com"),
    } <= facts
    assert not any("*" in str(fact[0]) for fact in facts)


def test_storage_schedules_and_whole_secrets(estate: Write, said: Saying) -> None:
    """Claims of storage, cron lines, versions, and config taken as a whole or through a projected volume."""
    facts = said(KubernetesScanner(estate({"all.yaml": NETWORK})).scan().facts)

    assert {
        ("cart", "mounts", "data"),
        ("data", "storageRequest", "5Gi"),
        ("nightly", "schedule", "0 1 * * *"),
        ("cart", "mounts", "whole"),
        ("cart", "mounts", "part"),
        ("cart", "mounts", "rest"),
        ("cart", "https://w3id.org/incident-workbench/otel/service.version", "2.1"),
        ("shop", "labelKV", "team=sales"),
    } <= facts


def test_an_export_of_a_cluster(estate: Write) -> None:
    """Of what `kubectl get -o yaml` wrote, what a controller made is no workload of its own."""
    text = """
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: ReplicaSet
  metadata: {name: web-1, ownerReferences: [{kind: Deployment, name: web, controller: true}]}
  spec: {template: {spec: {containers: [{name: c, image: web}]}}}
- apiVersion: v1
  kind: Pod
  metadata: {name: web-1-a, ownerReferences: [{kind: ReplicaSet, name: web-1, controller: true}]}
  spec: {containers: [{name: c, image: web}]}
"""
    facts = KubernetesScanner(estate({"a.yaml": text})).scan().facts

    assert {fact.object for fact in facts if fact.predicate == terms.IMPLEMENTS} == {service("web")}
    assert not any("web-1" in fact.subject for fact in facts)
