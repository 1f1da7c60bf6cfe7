"""Kubernetes: what stands, what was rolled out and what containers wrote, as a cluster's API tells it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ontology import iris
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.ports import Source
from workbench.telemetry.kubernetes_changes import KubernetesChanges
from workbench.telemetry.kubernetes_logs import KubernetesLogs
from workbench.telemetry.kubernetes_state import KubernetesState
from workbench.telemetry.pace import Limits, Pace
from workbench.testing.vendors import VendorServer
from workbench.testing.vendors_cluster import api_client, cluster, pod

WINDOW = Window.of("2026-01-31T02:50:00Z", "2026-01-31T02:55:00Z")
CART = Entity(iris.service("cart", "shop"), "Service", "cart")


def asked(make: Callable[..., Source], server: VendorServer, modality: Modality, *about: Entity) -> Any:
    return make(lambda: api_client(server.url)).ask(Question(modality, WINDOW, about)).reply


def rows(make: Callable[..., Source], server: VendorServer, modality: Modality, *about: Entity) -> set[tuple[str, ...]]:
    reply = asked(make, server, modality, *about)
    assert isinstance(reply, Answered), reply
    return {tuple(str(each) for each in row[1:]) for row in reply.table.itertuples(index=False)}


def crashing() -> dict[str, Any]:
    """A pod that ran out of memory twice in the window, and waits now."""
    last = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-01-31T02:53:00Z"}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}}
    return pod(
        "cart",
        startTime="2026-01-30T08:00:00Z",
        conditions=[
            {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-31T02:53:01Z", "reason": "NotReady"},
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-30T08:00:00Z"},
        ],
        containerStatuses=[{"name": "cart", "restartCount": 2, "state": waiting, "lastState": last}],
    )


def test_a_crash_loop_is_told_with_reason_time_and_count() -> None:
    """Phase, readiness, the last end, what it waits for and its restarts are rows under the workload's name."""
    with cluster({"pods": [crashing(), pod("mail", 1, startTime="2026-01-31T03:30:00Z")]}) as server:
        reply = asked(KubernetesState, server, Modality.STATE)
        found = {(row.entity, row.field.split(" ", 1)[1], row.value) for row in reply.table.itertuples()}
        ended = reply.table[reply.table["value"].str.startswith("OOMKilled")]["time"]

    assert found == {
        ("cart", "phase", "Running"),
        ("cart", "Ready", "False (NotReady)"),
        ("cart", "last terminated", "OOMKilled, exit code 137"),
        ("cart", "waiting", "CrashLoopBackOff: back-off 40s"),
        ("cart", "restarts", "2"),
    }
    assert [str(each) for each in ended] == ["2026-01-31 02:53:00+00:00"]
    assert reply.table["time"].min() == WINDOW.start


def test_events_are_of_the_workload_that_they_name() -> None:
    """An event of a pod, of a pod that is gone and of a replica set is about the deployment behind them."""
    events = [
        {"involvedObject": {"kind": kind, "name": name, "namespace": "shop"}, "type": "Warning", "reason": reason,
         "message": "m", "count": 3, "lastTimestamp": "2026-01-31T02:51:00Z", "metadata": {"name": "e"}}
        for kind, name, reason in (
            ("Pod", "cart-5d8f7c9b6d-x2x0k", "BackOff"),
            ("Pod", "cart-6fbc9d7c44-aaaaa", "Evicted"),
            ("ReplicaSet", "cart-6fbc9d7c44", "FailedCreate"),
        )
    ]  # fmt: skip
    with cluster({"pods": [crashing()], "events": events}) as server:
        found = rows(KubernetesState, server, Modality.STATE, CART)

    assert {row for row in found if row[1] == "event"} == {
        ("cart", "event", reason, "Warning: m (x3)") for reason in ("BackOff", "Evicted", "FailedCreate")
    }


def test_a_label_that_telemetry_knows_names_the_workload() -> None:
    """A question about `cart` finds the pods of a deployment `otel-cart` whose label says cart."""
    labelled = crashing()
    labelled["metadata"]["labels"] |= {"app.kubernetes.io/component": "cart"}
    labelled["metadata"]["ownerReferences"][0]["name"] = "otel-cart-5d8f7c9b6d"
    with cluster({"pods": [labelled]}) as server:
        assert {row[0] for row in rows(KubernetesState, server, Modality.STATE, CART)} == {"cart"}


def test_what_may_not_be_read_is_named_and_the_rest_is_told() -> None:
    """Without leave to list events and nodes the pods are told, and the digest says what was not looked at."""
    with cluster({"pods": [crashing()]}) as server:
        server.canned = {"/api/v1/events": (403, b"{}"), "/api/v1/nodes": (200, b"[1]")}
        reply = asked(KubernetesState, server, Modality.STATE)

    assert isinstance(reply, Answered)
    assert "events could not be read" in reply.digest.lower()
    assert "nodes could not be read" in reply.digest.lower()


def revision(number: int, created: str, image: str, **env: str) -> dict[str, Any]:
    """Return a revision of the Deployment cart."""
    variables = [{"name": name, "value": value} for name, value in env.items()]
    return {
        "metadata": {
            "name": f"cart-{number}",
            "namespace": "shop",
            "creationTimestamp": created,
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [{"kind": "Deployment", "name": "cart", "controller": True}],
        },
        "spec": {"template": {"spec": {"containers": [{"name": "cart", "image": image, "env": variables}]}}},
    }


def test_a_rollout_says_what_differs_from_the_one_before() -> None:
    """A new image is a deploy, a new variable alone is configuration; both with the lines that changed."""
    sets = [
        revision(1, "2026-01-29T00:00:00Z", "shop/cart:1", POOL="20"),
        revision(2, "2026-01-31T02:51:00Z", "shop/cart:2", POOL="20"),
        revision(3, "2026-01-31T02:52:00Z", "shop/cart:2", POOL="2"),
    ]
    with cluster({"replicasets": sets}) as server:
        found = rows(KubernetesChanges, server, Modality.CHANGES)

    assert {row[:3] for row in found} == {
        ("cart", "deploy", "cart revision 2: shop/cart:1 -> shop/cart:2"),
        ("cart", "config", "cart revision 3: same image, 2 other lines"),
    }
    assert {row[4] for row in found} == {
        "-cart image: shop/cart:1\n+cart image: shop/cart:2",
        "-POOL: 20\n+POOL: 2",
    }


def test_a_rollback_is_told_at_the_time_it_happened() -> None:
    """An old replica set that became the newest revision changed when the deployment last moved on."""
    sets = [revision(2, "2026-01-31T02:51:00Z", "shop/cart:2"), revision(3, "2026-01-29T00:00:00Z", "shop/cart:1")]
    progress = {"type": "Progressing", "status": "True", "lastUpdateTime": "2026-01-31T02:54:00Z"}
    deployment = {"metadata": {"name": "cart", "namespace": "shop"}, "status": {"conditions": [progress]}}
    with cluster({"replicasets": sets, "deployments": [deployment]}) as server:
        found = rows(KubernetesChanges, server, Modality.CHANGES)

    assert ("cart", "deploy", "cart rolled back to 3: shop/cart:2 -> shop/cart:1") in {row[:3] for row in found}


def test_a_config_map_changed_for_those_who_read_it_and_scaling_is_a_change() -> None:
    """The workload that mounts a ConfigMap is the entity of its change; who scaled a workload is told."""
    template = {"spec": {"containers": [{"name": "c", "envFrom": [{"configMapRef": {"name": "limits"}}]}]}}
    scaled = {"manager": "kubectl", "subresource": "scale", "time": "2026-01-31T02:52:00Z"}
    deployment = {
        "metadata": {"name": "cart", "namespace": "shop", "managedFields": [scaled]},
        "spec": {"replicas": 1, "template": template},
    }
    config = {"name": "limits", "namespace": "shop"}
    config |= {"managedFields": [{"manager": "helm", "time": "2026-01-31T02:53:00Z"}]}  # type: ignore[dict-item]
    lone = {"name": "alone", "namespace": "shop", "creationTimestamp": "2026-01-31T02:53:00Z"}
    objects = {"deployments": [deployment], "configmaps": [{"metadata": config}, {"metadata": lone}]}
    with cluster(objects) as server:
        found = rows(KubernetesChanges, server, Modality.CHANGES)

    assert {row[:3] for row in found} == {
        ("cart", "config", "ConfigMap limits changed by helm"),
        ("alone", "config", "ConfigMap alone changed"),
        ("cart", "config", "cart scaled to 1 by kubectl"),
    }


def test_logs_of_before_a_restart_are_read_too() -> None:
    """What the container wrote before it died stands beside what it writes now."""
    name = crashing()["metadata"]["name"]
    logs = {
        f"{name}/cart previous": "2026-01-31T02:52:59.5Z FATAL out of memory\n2026-01-31T02:5",
        f"{name}/cart": '2026-01-31T02:53:10Z {"level": "warn", "msg": "cold cache", "trace_id": "t1"}\n',
    }
    with cluster({"pods": [crashing()]}, logs) as server:
        found = rows(KubernetesLogs, server, Modality.LOGS, CART)

    assert found == {("cart", "fatal", "FATAL out of memory", ""), ("cart", "warn", "cold cache", "t1")}
    assert {parameters["tailLines"] for _, path, parameters in server.requests if path.endswith("/log")} == {"2000"}


def test_logs_that_nobody_lets_us_read_are_no_silence() -> None:
    """Where every log is refused the reply is Failed."""
    with cluster({"pods": [crashing()]}) as server:
        assert isinstance(asked(KubernetesLogs, server, Modality.LOGS, CART), Failed)


@pytest.mark.parametrize(
    ("make", "modality"),
    [(KubernetesState, Modality.STATE), (KubernetesChanges, Modality.CHANGES), (KubernetesLogs, Modality.LOGS)],
)
@pytest.mark.parametrize(
    ("status", "body"),
    [(403, b"{}"), (501, b"boom"), (200, b"{half"), (200, b""), (200, b"[]"), (200, b'{"items": 3}'),
     (200, b'{"items": [{"kind": "x", "metadata": {"ownerReferences": [{"controller": true}]}}]}')],
)  # fmt: skip
def test_what_goes_wrong_is_failure(make: Callable[..., Source], modality: Modality, status: int, body: bytes) -> None:
    """A refusal, half an answer or a foreign one is Failed with reason and remedy."""
    if body.startswith(b'{"items": [') and modality is Modality.CHANGES:
        body = b'{"items": [3]}'
    with cluster({}) as server:
        server.canned = {"*": (status, body)}
        reply = asked(make, server, modality)

    assert isinstance(reply, Failed), reply
    assert reply.reason
    assert reply.remedy


@pytest.fixture
def mute() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_slow_cluster_is_not_waited_for(mute: str) -> None:
    """A cluster that does not answer in time is Failed."""
    hasty = Pace(mute, Limits(seconds=0.1))
    reply = KubernetesState(lambda: api_client(mute, hasty)).ask(Question(Modality.STATE, WINDOW)).reply

    assert isinstance(reply, Failed)
    assert "does not answer" in reply.reason


def test_an_empty_cluster_is_silent_and_only_get_is_sent_and_no_secret() -> None:
    """All three sources look at an empty cluster with GET alone, and never at a secret."""
    with cluster({}) as server:
        replies = [
            asked(KubernetesState, server, Modality.STATE),
            asked(KubernetesChanges, server, Modality.CHANGES),
            asked(KubernetesLogs, server, Modality.LOGS),
        ]

    assert all(isinstance(each, Silent) for each in replies), replies
    assert {method for method, _, _ in server.requests} == {"GET"}
    assert not [path for _, path, _ in server.requests if "secret" in path]
