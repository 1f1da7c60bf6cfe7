"""The scope binding: one table, and every scanner mints the same environment for the same place."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ontology import iris
from scanners.binding import UNBOUND, Binding
from scanners.catalogue import scanner

Write = Callable[[Mapping[str, str]], Path]

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec: {template: {spec: {containers: [{name: c, image: shop/cart}]}}}
"""
COMPOSE = "name: shop\nservices: {cart: {image: shop/cart}}\n"


@pytest.mark.parametrize(
    ("table", "names", "wanted"),
    [
        ({"kubernetes-api:gke_*_prod": "prod"}, ("gke_acme_prod",), "prod"),
        ({"kubernetes-api:gke_*_prod": "prod"}, ("gke_acme_lab",), "other"),
        ({"kubernetes-api:a": "first", "kubernetes-api:*": "rest"}, ("a",), "first"),
        ({"kubernetes-api:ctx": "ours", "kubernetes-api:*/pay": "pay"}, ("ctx/pay", "ctx"), "pay"),
        ({"kubernetes-api:ctx": "ours"}, ("ctx/pay", "ctx"), "ours"),
        ({"compose:ctx": "wrong"}, ("ctx",), "other"),
        ({"*:ctx": "every"}, ("ctx",), "every"),
        ({"kubernetes-api:CTX": "wrong"}, ("ctx",), "other"),
        ({}, ("ctx",), "other"),
        ({"kubernetes-api:ctx": "ours"}, (), "other"),
    ],
)
def test_the_first_line_that_fits(table: dict[str, str], names: tuple[str, ...], wanted: str) -> None:
    """The more telling name comes first, then the order of the table; nothing bound means the given environment."""
    assert Binding(table).environment("kubernetes-api", *names, other="other") == wanted


def test_unbound_binds_nothing() -> None:
    """Without a table every name keeps the environment that was given."""
    assert UNBOUND.environment("compose", "shop", other="lab") == "lab"


@pytest.mark.parametrize(
    ("name", "target", "line"),
    [
        ("compose", "estate", "compose:estate"),
        ("compose", "estate", "compose:shop"),
        ("kubernetes", "estate/k8s", "kubernetes:k8s"),
        ("kubernetes", "estate/k8s", "kubernetes:k8s/shop"),
        ("kubernetes", "estate/overlays", "kubernetes:prod"),
        ("kubernetes", "estate/overlays", "kubernetes:*/shop"),
    ],
)
def test_a_target_is_bound(name: str, target: str, line: str, estate: Write) -> None:
    """By the target's folder, the project's name, the overlay's folder or the namespace: one service, one node."""
    root = estate(
        {
            "compose.yaml": COMPOSE,
            "k8s/cart.yaml": MANIFEST,
            "overlays/base/kustomization.yaml": "resources: [cart.yaml]",
            "overlays/base/cart.yaml": MANIFEST,
            "overlays/prod/kustomization.yaml": "resources: [../base]",
        }
    )
    made = scanner(name, root.parent / target, "default", binding=Binding({line: "prod-eu1"}))

    assert iris.service("cart", "prod-eu1") in {fact.subject for fact in made.scan().facts}
