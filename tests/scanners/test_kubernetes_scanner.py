"""Kubernetes: what the manifests of a folder declare."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from ontology.errors import NotFound
from ontology.iris import service
from scanners.kubernetes import KubernetesScanner

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
