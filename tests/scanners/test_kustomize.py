"""Kustomizations: what an overlay makes of its bases, and what is left out or set aside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ontology import iris, terms
from scanners.binding import Binding
from scanners.kubernetes.manifests import Deployed, KubernetesScanner
from scanners.kubernetes.objects import Object

Write = Callable[[Mapping[str, str]], Path]
Saying = Callable[[Any], set[tuple[str, str, Any]]]

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: reg.io/shop/web:1
        ports: [{containerPort: 80}]
        env:
        - {name: CART_ADDR, value: "cart:80"}
        - {name: OLD, value: x}
        - {name: MODE, valueFrom: {configMapKeyRef: {name: settings, key: MODE}}}
        envFrom: [{secretRef: {name: keys}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""
CART = WEB.replace("web", "cart").replace("CART_ADDR", "WEB_ADDR").replace('"cart:80"', '"nobody:1"')
BASE = {
    "base/kustomization.yaml": """
resources: [web.yaml, cart]
configMapGenerator:
- {name: settings, literals: [MODE=plain, SAFE=1], files: [app.conf], envs: [more.env]}
secretGenerator:
- {name: keys, literals: [PASSWORD=hunter2canary]}
""",
    "base/web.yaml": WEB,
    "base/app.conf": "x = 1\n",
    "base/more.env": "# none\nMORE=yes\n",
    "base/cart/kustomization.yaml": "resources: [cart.yaml]\n",
    "base/cart/cart.yaml": CART,
}
PROD = """
resources: [../../base]
components: [../../cache]
namespace: shop
namePrefix: p-
nameSuffix: -s
commonLabels: {team: shop}
images: [{name: reg.io/shop/web, newName: other.io/web, newTag: "2"}]
replicas: [{name: web, count: 5}]
patches:
- path: web-patch.yaml
- target: {kind: Service, name: c.*}
  patch: |-
    - {op: test, path: /spec/ports/0/port, value: 80}
    - {op: replace, path: /spec/ports/0/port, value: 8080}
    - {op: add, path: /spec/ports/-, value: {port: 90}}
    - {op: copy, from: /spec/ports/1, path: /spec/ports/0}
    - {op: move, from: /spec/ports/0, path: /spec/ports/-}
    - {op: remove, path: /spec/ports/2}
configMapGenerator:
- {name: settings, behavior: merge, literals: [MODE=overlay]}
"""
PATCH = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - name: web
        env:
        - {name: CART_ADDR, value: "p-cart-s:8080"}
        - {$patch: delete, name: OLD}
        - {name: NEW, value: "1"}
        resources: {limits: {memory: 1Gi}}
"""
CACHE = """
kind: Component
resources: [redis.yaml]
patches:
- target: {kind: Deployment, name: web}
  patch: '[{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "REDIS", "value": "r"}}]'
"""
ESTATE = {
    **BASE,
    "overlays/prod/kustomization.yaml": PROD,
    "overlays/prod/web-patch.yaml": PATCH,
    "cache/kustomization.yaml": CACHE,
    "cache/redis.yaml": WEB.replace("web", "redis").replace("CART_ADDR", "NONE"),
}


def rendered(root: Path, folder: str) -> dict[str, Object]:
    """Return the objects of one rendered kustomization by `Kind/name`."""
    deployed: Deployed = next(each for each in KubernetesScanner(root).read().raw if each.folder == folder)
    return {f"{each.kind}/{each.name}": each for each in deployed.objects}


def pod(each: Object) -> dict[str, Any]:
    return dict(each.body["spec"]["template"]["spec"])


def test_an_overlay_is_rendered(estate: Write) -> None:
    """Names, namespace, labels, images, replicas, patches of both kinds, components, generators: as kustomize does."""
    found = rendered(estate(ESTATE), "overlays/prod")
    web, cart = found["Deployment/p-web-s"], found["Service/p-cart-s"]
    container = pod(web)["containers"][0]
    env = {each["name"]: each for each in container["env"]}

    assert len(found) == 8
    assert {each.namespace for each in found.values()} == {"shop"}
    assert web.body["spec"]["replicas"] == 5
    assert container["image"] == "other.io/web:2"
    assert container["resources"] == {"limits": {"memory": "1Gi"}}
    assert set(env) == {"CART_ADDR", "MODE", "NEW", "REDIS"}
    assert env["CART_ADDR"]["value"] == "p-cart-s:8080"
    assert env["MODE"]["valueFrom"]["configMapKeyRef"]["name"] == "p-settings-s"
    assert container["envFrom"] == [{"secretRef": {"name": "p-keys-s"}}]
    assert web.body["spec"]["selector"]["matchLabels"] == {"app": "web", "team": "shop"}
    assert cart.body["spec"]["selector"] == {"app": "cart", "team": "shop"}
    assert [port["port"] for port in cart.body["spec"]["ports"]] == [8080, 90]
    assert found["ConfigMap/p-settings-s"].body["data"] == {
        "MODE": "overlay",
        "SAFE": "1",
        "app.conf": "x = 1\n",
        "MORE": "yes",
    }
    assert "Deployment/p-redis-s" in found


def test_a_base_is_not_deployed_beside_its_overlay(estate: Write, said: Saying) -> None:
    """Bases, components, patches and generators' files are no objects of their own; their calls are the overlay's."""
    scan = KubernetesScanner(estate(ESTATE)).scan()
    names = {fact.object for fact in scan.facts if fact.predicate == terms.OTEL_SERVICE_NAME}

    assert names == {"p-web-s", "p-cart-s", "p-redis-s"}
    assert ("p-web-s", "calls", "p-cart-s") in said(scan.facts)
    assert scan.complete
    assert not scan.skipped
    assert not any("canary" in str(fact.object) for fact in scan.facts)


def test_evidence_is_where_it_was_written(estate: Write) -> None:
    """A setting of the base is evidence in the base, one of the overlay's patch in the patch."""
    facts = KubernetesScanner(estate(ESTATE)).scan().facts
    values = [fact for fact in facts if fact.predicate == terms.VALUE and ":p-web-s:" in fact.subject]
    where = {fact.subject.rpartition(":")[2]: fact.evidence for fact in values}

    assert where["CART_ADDR"] == "overlays/prod/web-patch.yaml:11"
    assert where["NEW"] == "overlays/prod/web-patch.yaml:13"
    assert where["MODE"] == "base/web.yaml:18"


def test_two_overlays_are_two_environments(estate: Write) -> None:
    """Overlays of one base are environments, called by where their paths differ; a binding renames them."""
    root = estate(
        {
            **BASE,
            "o/dev/kustomization.yaml": "resources: [../../base]",
            "o/eu/kustomization.yaml": "bases: [../../base]",
        }
    )
    plain = {fact.subject for fact in KubernetesScanner(root, "shop").scan().facts}
    bound = Binding({"kubernetes:o/eu": "prod-eu1"})
    named = {fact.subject for fact in KubernetesScanner(root, "shop", binding=bound).scan().facts}

    assert {iris.service("web", "dev"), iris.service("web", "eu")} <= plain
    assert {iris.service("web", "dev"), iris.service("web", "prod-eu1")} <= named
    assert iris.service("web", "shop") not in plain


def test_two_applications_are_one_environment(estate: Write, said: Saying) -> None:
    """Kustomizations of different workloads are one estate, and know each other."""
    root = estate(
        {
            "web/kustomization.yaml": "resources: [web.yaml]",
            "web/web.yaml": WEB,
            "cart/kustomization.yaml": "resources: [cart.yaml]",
            "cart/cart.yaml": CART,
        }
    )
    scan = KubernetesScanner(root, "shop").scan()

    assert iris.service("web", "shop") in {fact.subject for fact in scan.facts}
    assert ("web", "calls", "cart") in said(scan.facts)


def test_a_namespace_may_be_bound(estate: Write) -> None:
    """`kubernetes:<folder>/<namespace>` gives one namespace of the manifests an environment of its own."""
    root = estate(
        {"web.yaml": WEB.replace("name: web}\nspec", "name: web, namespace: staging}\nspec"), "cart.yaml": CART}
    )
    scan = KubernetesScanner(root, "shop", binding=Binding({"kubernetes:estate/staging": "staging"})).scan()
    subjects = {fact.subject for fact in scan.facts}

    assert {iris.service("web", "staging"), iris.service("cart", "shop")} <= subjects
    assert iris.service("web", "shop") not in subjects


def test_manifests_beside_a_kustomization(estate: Write) -> None:
    """A file that the kustomization beside it does not name is left out and named; plain folders are read as ever."""
    root = estate(
        {**BASE, "base/old.yaml": CART.replace("cart", "old"), "plain/mail.yaml": CART.replace("cart", "mail")}
    )
    scan = KubernetesScanner(root).scan()
    names = {fact.object for fact in scan.facts if fact.predicate == terms.OTEL_SERVICE_NAME}

    assert names == {"web", "cart", "mail"}
    assert [problem.where for problem in scan.skipped] == ["base/old.yaml"]
    assert scan.complete


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a/kustomization.yaml": "resources: [../b]", "b/kustomization.yaml": "resources: [../a]"}, "circle"),
        ({"a/kustomization.yaml": "resources: [.]"}, "circle"),
        ({"a/kustomization.yaml": "resources: [../../outside]"}, "out of the scanned folder"),
        ({"a/kustomization.yaml": "configMapGenerator: [{name: m, files: [../../etc/passwd]}]"}, "out of the scanned"),
        ({"a/kustomization.yaml": "resources: [nothing.yaml]"}, "no kustomization"),
        ({"a/kustomization.yaml": "resources: ['\\0', '" + "x" * 5_000 + "']"}, "out of the scanned folder"),
        ({"a/kustomization.yaml": "resources: [web.yaml, web.yaml]", "a/web.yaml": WEB}, "a second time"),
        ({"a/kustomization.yaml": "patches: [{path: no.yaml}]"}, "there is no patch"),
        ({"a/kustomization.yaml": "patches: [{patch: '{kind: X, metadata: {name: y}}'}]"}, "finds nothing"),
        (
            {
                "a/kustomization.yaml": "resources: [web.yaml]\npatches: [{target: {name: '((a+)+)+$'}, patch: '[]'}]",
                "a/web.yaml": WEB,
            },
            "too much",
        ),
        (
            {
                "a/kustomization.yaml": "resources: [web.yaml]\npatches:\n- target: {kind: Service}\n  patch: |\n"
                + "    - {op: copy, from: /spec, path: /spec/again}\n" * 300,
                "a/web.yaml": WEB,
            },
            "grow without end",
        ),
        (
            {
                f"k{n}/kustomization.yaml": f"resources: [../k{n + 1}]\n" if n < 70 else "resources: []\n"
                for n in range(71)
            },
            "deeper than",
        ),
    ],
)
def test_what_cannot_be_rendered_is_set_aside(estate: Write, files: dict[str, str], reason: str) -> None:
    """Circles, ways out, missing files, patches that do not fit or are made to harm: each named, the rest is read."""
    scan = KubernetesScanner(estate({**files, "good/cart.yaml": CART})).scan()

    assert any(reason in problem.reason for problem in scan.problems), scan.problems
    assert not scan.complete
    assert "cart" in {fact.object for fact in scan.facts if fact.predicate == terms.OTEL_SERVICE_NAME}


def test_doubling_bases_come_to_an_end(estate: Write) -> None:
    """Twenty levels that each include the next twice would come to a million workloads: cut off, and said."""
    files = {"k20/kustomization.yaml": "resources: [cart.yaml]", "k20/cart.yaml": CART}
    for level in range(20):
        files[f"k{level}/kustomization.yaml"] = f"resources: [../a{level}, ../b{level}]"
        for side in "ab":
            files[f"{side}{level}/kustomization.yaml"] = f"resources: [../k{level + 1}]\nnamePrefix: {side}{level}-\n"
    scan = KubernetesScanner(estate(files)).scan()

    assert any("more than" in problem.reason for problem in scan.problems)
    assert not scan.complete


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("resources: ['https://example.com/org/repo//deploy?ref=v1']", "remote"),
        ("resources: ['github.com/org/repo/deploy?ref=main']", "remote"),
        ("resources: ['git@example.com:org/repo.git']", "remote"),
        ("helmCharts: [{name: redis}]", "`helmCharts`"),
        ("replacements: [{path: x.yaml}]", "`replacements`"),
    ],
)
def test_what_is_not_rendered_here_is_said(estate: Write, line: str, reason: str) -> None:
    """Remote resources, charts and replacements are left out with the reason and the line; nothing is fetched."""
    scan = KubernetesScanner(estate({"kustomization.yaml": line, "good/cart.yaml": CART})).scan()

    assert [problem.where for problem in scan.skipped] == ["kustomization.yaml:1"]
    assert reason in scan.skipped[0].reason
    assert scan.complete


def test_a_component_alone(estate: Write) -> None:
    """A component that nothing includes is left out and named."""
    scan = KubernetesScanner(
        estate({"cache/kustomization.yaml": CACHE, "cache/redis.yaml": CART, "a.yaml": WEB})
    ).scan()

    assert any("component" in problem.reason for problem in scan.skipped)
    assert not any("redis" in str(fact.subject) for fact in scan.facts)


def test_lists_of_a_custom_kind_are_replaced(estate: Write) -> None:
    """A patch merges containers by name in Kubernetes' own kinds, and replaces the list in every other."""
    own = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: t}\nspec: {env: [{name: A, value: a}]}\n"
    patch = own.replace("name: A, value: a", "name: B, value: b")
    root = estate(
        {"kustomization.yaml": "resources: [t.yaml]\npatches: [{path: p.yaml}]", "t.yaml": own, "p.yaml": patch}
    )

    assert rendered(root, ".")["Thing/t"].body["spec"]["env"] == [{"name": "B", "value": "b"}]


def test_deleting_by_patch(estate: Write) -> None:
    """`$patch: delete` takes a whole resource away, null a field, and `$patch: replace` drops the rest of a list."""
    patches = """
$patch: delete
apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: null
  template: {spec: {containers: [{$patch: replace}, {name: other, image: o}]}}
"""
    root = estate(
        {
            "kustomization.yaml": "resources: [web.yaml]\npatchesStrategicMerge: [p.yaml]",
            "web.yaml": WEB,
            "p.yaml": patches,
        }
    )
    found = rendered(root, ".")

    assert set(found) == {"Deployment/web"}
    assert "replicas" not in found["Deployment/web"].body["spec"]
    assert pod(found["Deployment/web"])["containers"] == [{"name": "other", "image": "o"}]
