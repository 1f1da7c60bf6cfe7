"""The state of a cluster's objects as typed symptoms: each rule with rows of our own, and the traps beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from ontology.terms import CAUSES, FAILURE_MODES
from workbench.reasoning.statistical.calls import Calls
from workbench.reasoning.statistical.kubernetes import symptoms_of
from workbench.reasoning.statistical.kubernetes.estate import cluster_of, quantity
from workbench.reasoning.statistical.kubernetes.symptoms import LIKELY, Symptom

AT = datetime(2026, 1, 31, 2, 55, tzinfo=UTC)
Said = tuple[str, str, str, str]
"""Entity, kind, field, value."""


def found(*rows: Said, lines: dict[str, Sequence[str]] | None = None, calls: Calls | None = None) -> list[Symptom]:
    return symptoms_of(cluster_of((AT, *row) for row in rows), lines or {}, calls or Calls())


def first(*rows: Said, **more: object) -> tuple[str, str]:
    top = found(*rows, **more)[0]  # type: ignore[arg-type]
    return top.entity, top.cause


def shown(name: str, replicas: str = "1 wanted, 1 ready", **fields: str) -> list[Said]:
    """Return a Deployment with a pod that serves, and what else is declared of it."""
    rows = [
        (name, "workload", "namespace", "shop"),
        (name, "workload", "replicas", replicas),
        (name, "workload", "labels", f"app={name}"),
        (name, "workload", "main ports", "8080/TCP"),
        (name, "pod", f"{name}-1 phase", "Running"),
        (name, "pod", f"{name}-1 Ready", "True"),
        (name, "pod", f"{name}-1 node", "n1"),
    ]
    return [*rows, *((name, "workload", key.replace("_", " "), value) for key, value in fields.items())]


def down(name: str, waiting: str = "", **fields: str) -> list[Said]:
    """Return a Deployment whose pod runs and does not serve."""
    rows = [*shown(name, "1 wanted, 0 ready", **fields), (name, "pod", f"{name}-1 Ready", "False")]
    return [*rows, (name, "container", f"{name}-1/main waiting", waiting)] if waiting else rows


def pending(name: str, why: str, **fields: str) -> list[Said]:
    """Return a Deployment whose pod has no node, and what the scheduler says."""
    rows = [row for row in shown(name, "1 wanted, 0 ready", **fields) if row[1] != "pod"]
    said = [(name, "event", "FailedScheduling", f"Warning: 0/3 nodes are available: {why}.")] if why else []
    return [*rows, (name, "pod", f"{name}-1 phase", "Pending"), *said]


def nodes(*cordoned: str) -> list[Said]:
    rows = [("m", "node", "role", "control plane"), ("m", "node", "unschedulable", "true")]
    rows += [(each, "node", "role", "worker") for each in ("n1", "n2")]
    return [*rows, *((each, "node", "unschedulable", "true") for each in cordoned)]


def restarted(name: str, ended: str = "Error, exit code 1", times: int = 4) -> list[Said]:
    return [
        (name, "container", f"{name}-1/main last terminated", ended),
        (name, "container", f"{name}-1/main restarts", str(times)),
    ]


def probe(name: str, kind: str, text: str, count: int = 9) -> Said:
    return (name, "event", "Unhealthy", f"Warning: {kind} probe failed: {text} (x{count})")


UNFIT = "2 node(s) didn't match Pod's node affinity/selector"


@pytest.mark.parametrize(
    ("why", "fields", "cause"),
    [
        ("1 node(s) were unschedulable, 2 Insufficient cpu", {}, "cpu-short"),
        ("1 node(s) were unschedulable, 2 Insufficient memory", {}, "memory-short"),
        ("2 node(s) didn't match pod anti-affinity rules", {}, "pod-anti-affinity"),
        (UNFIT, {"node_selector": "zone=x"}, "node-selector-unmatched"),
        (UNFIT, {"node_affinity": "zone In x"}, "node-affinity-unmatched"),
        (f"1 node(s) had untolerated taint {{team: red}}, {UNFIT}", {}, "taint-untolerated"),
        ("1 node(s) had untolerated taint {node-role.kubernetes.io/x: }, 2 Insufficient cpu", {}, "cpu-short"),
    ],
)  # fmt: skip
def test_what_the_scheduler_says_of_a_pending_pod_is_the_cause(why: str, fields: dict[str, str], cause: str) -> None:
    """The message names what rules the nodes out; a taint of the control plane is always there and says nothing."""
    assert first(*nodes(), *pending("cart", why, **fields)) == ("cart", cause)


def test_a_cordon_counts_only_beyond_the_control_plane() -> None:
    """One unschedulable node is the control plane's own; a second one, a worker, keeps pods off the nodes that fit."""
    partly = "2 node(s) were unschedulable, 1 node(s) didn't match Pod's node affinity/selector"
    only_control = "1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector"

    assert first(*nodes("n1"), *pending("cart", partly, node_selector="zone=x")) == ("cart", "node-cordoned")
    assert first(*nodes(), *pending("cart", only_control, node_selector="zone=x")) == (
        "cart",
        "node-selector-unmatched",
    )


def test_a_pending_pod_that_nobody_tried_to_place_is_the_schedulers() -> None:
    """No event of the scheduler at all: it does not run; when its unit says so, that is the cause outright."""
    silent = [*nodes(), *pending("cart", "")]

    assert {(each.entity, each.cause) for each in found(*silent)} >= {("m", "scheduler-down")}
    assert first(*silent, ("m", "node", "unit kube-scheduler", "inactive (dead)")) == ("m", "scheduler-down")


def claim(**fields: str) -> list[Said]:
    asked = {"phase": "Pending", "size": "2Gi", "access modes": "ReadWriteOnce", **fields}
    return [("data", "claim", key.replace("_", " "), value) for key, value in asked.items()]


def volume(name: str = "disk", **fields: str) -> list[Said]:
    held = {"phase": "Available", "size": "5Gi", "access modes": "ReadWriteOnce", **fields}
    return [(name, "volume", key.replace("_", " "), value) for key, value in held.items()]


@pytest.mark.parametrize(
    ("asked", "held", "cause"),
    [
        ({"class": "fast"}, {}, "claim-class"),
        ({}, {"claimed by": "shop/other", "phase": "Bound"}, "volume-taken"),
        ({"selector": "tier=gold"}, {"labels": "tier=tin"}, "claim-selector"),
        ({"size": "9Gi"}, {}, "claim-size"),
        ({"access modes": "ReadWriteMany"}, {}, "claim-access-mode"),
    ],
)
def test_a_claim_that_waits_is_compared_with_the_volumes(
    asked: dict[str, str], held: dict[str, str], cause: str
) -> None:
    """What the nearest volume lacks is the cause; one that was released is no candidate."""
    rows = [*pending("cart", "pod has unbound immediate PersistentVolumeClaims", claims="data"), *claim(**asked)]
    rows += [*volume(**held), *volume("old", phase="Released"), ("cluster", "namespace", "storage classes", "standard")]

    assert first(*rows) == ("cart", cause)


def test_a_quota_is_the_namespaces_and_only_while_it_hurts() -> None:
    """A refused pod blames its namespace; the same event of a workload that has all its pods is over."""
    refused = "exceeded quota: q, requested: cpu=1,memory=1Gi, used: cpu=9,memory=1Gi, limited: cpu=9,memory=8Gi"
    said = ("cart", "event", "FailedCreate", f"Warning: {refused}")

    assert first(*shown("cart", "2 wanted, 1 ready"), said) == ("shop", "quota-cpu")
    assert not found(*shown("cart", "2 wanted, 2 ready"), said)


def test_a_full_quota_of_services_needs_a_service_that_is_not_there() -> None:
    """Used up alone may be by design; with a declared service missing it is the cause."""
    full = ("shop", "quota", "q services", "5 of 5")
    alone, missing = (
        found(*shown("cart"), full),
        found(*shown("cart"), full, ("mail", "declared", "Service", "missing")),
    )

    assert alone[0].nats < LIKELY <= missing[0].nats
    assert (missing[0].entity, missing[0].cause) == ("shop", "quota-services")


def test_a_missing_claim_in_a_namespace_with_a_storage_quota_is_the_quotas() -> None:
    """A claim that is not there and a quota on storage belong together; without the quota the claim is just missing."""
    rows = pending("cart", 'persistentvolumeclaim "data" not found', claims="data")

    assert first(*rows) == ("cart", "claim-missing")
    assert first(*rows, ("shop", "quota", "q requests.storage", "0 of 1Gi")) == ("shop", "quota-storage")


def test_an_account_is_missing_only_if_it_still_is() -> None:
    """Controllers start before their accounts exist: the event counts while pods lack and the account is not listed."""
    said = (
        "cart",
        "event",
        "FailedCreate",
        'Warning: error looking up service account shop/cart: serviceaccount "cart" not found',
    )
    account = {"service_account": "cart"}
    there = ("shop", "namespace", "service accounts", "cart,default")

    assert first(*shown("cart", "1 wanted, 0 ready", **account), said) == ("cart", "service-account-missing")
    assert not [each for each in found(*down("cart", **account), said, there) if "account" in each.cause]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("failed to resolve reference: docker.example/cart:9: not found", "image-not-found"),
        ("failed to authorize: failed to fetch anonymous token: 403 Forbidden", "image-pull-secret-missing"),
        ("dial tcp: lookup registry.example on 10.0.0.2:53: no such host", "registry-unresolved"),
    ],
)
def test_a_pull_that_fails_says_why(text: str, cause: str) -> None:
    """The runtime's words tell a wrong name from missing credentials and from a registry that does not resolve."""
    said = ("cart", "event", "Failed", f'Warning: Failed to pull image "cart:9": {text}')
    assert first(*down("cart", "ImagePullBackOff"), said) == ("cart", cause)


def test_only_the_latest_pull_counts() -> None:
    """An older revision failed otherwise within the hour that events are kept: the image of now decides."""
    old = (AT.replace(minute=1), "cart", "event", "Failed", "Warning: Failed to pull image a: no such host")
    new = (AT, "cart", "event", "Failed", "Warning: Failed to pull image b: manifest unknown")
    rows = [(AT, *row) for row in down("cart", "ErrImagePull")]

    assert symptoms_of(cluster_of([*rows, new, old]), {}, Calls())[0].cause == "image-not-found"


def test_references_and_memory_are_stated() -> None:
    """A secret that is not there, and a kill for memory, are told by the cluster in so many words."""
    secret = [
        *down("cart", "CreateContainerConfigError"),
        ("cart", "event", "Failed", 'Warning: Error: secret "db" not found'),
    ]
    early = [
        *down("mail"),
        ("mail", "event", "FailedCreatePodSandBox", "Warning: container init was OOM-killed (limit too low?)"),
    ]

    assert first(*secret) == ("cart", "secret-missing")
    assert first(*early) == ("mail", "out-of-memory")
    assert first(*shown("pay"), *restarted("pay", "OOMKilled, exit code 137", 1)) == ("pay", "out-of-memory")


GRPC = "grpc port=8080 delay=5 timeout=1 period=10 failures=3"


def test_a_probe_of_a_wrong_port_or_protocol_is_told_apart() -> None:
    """The declared port decides, else what came back; one that passes after two failures is start-up noise."""
    refused = probe("cart", "Readiness", "connection refused")
    spoken = probe("cart", "Readiness", 'malformed HTTP response "\\x00"')
    wrong = down("cart", main_readiness_probe=GRPC.replace("8080", "9090"))
    right = down("cart", main_readiness_probe=GRPC)

    assert first(*wrong, refused) == ("cart", "readiness-port")
    assert first(*right, spoken) == ("cart", "readiness-protocol")
    assert not found(*shown("cart", main_readiness_probe=GRPC), probe("cart", "Readiness", "timeout", 2))


def test_a_hasty_liveness_probe_is_told_from_a_program_that_ends_by_itself() -> None:
    """Killed from outside within seconds of its start it is the probe; with an exit code of its own it is not."""
    hasty = down("cart", main_liveness_probe="grpc port=8080 delay=1 timeout=1 period=1 failures=1")
    said = probe("cart", "Liveness", "timeout", 5)
    killed = ("cart", "event", "Killing", "Normal: Container main failed liveness probe, will be restarted (x4)")

    assert first(*hasty, said, killed, *restarted("cart", "Error, exit code 137")) == ("cart", "liveness-timing")
    assert not [each for each in found(*hasty, said, *restarted("cart")) if each.mode == "bad-probe"]


def test_a_probe_that_nobody_declared_is_none_of_the_workload() -> None:
    """A sidecar's start-up probe fails hundreds of times while the program beside it ends: the rule looks elsewhere."""
    rows = [*down("cart"), probe("cart", "Startup", "connection refused", 300), *restarted("cart")]
    assert not [each for each in found(*rows) if each.mode == "bad-probe"]


def service(name: str, port: str, selector: str = "") -> list[Said]:
    return [(name, "service", "selector", selector or f"app={name}"), (name, "service", "port", port)]


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        (service("cart", "80/TCP to 8080", "app=kart"), "selector-matches-nothing"),
        (service("cart", "grpc 80/TCP to grpc-api"), "target-port-wrong"),
        (service("cart", "80/UDP to 8080"), "protocol-wrong"),
    ],
)
def test_a_service_that_contradicts_its_pods_is_misrouted(rows: list[Said], cause: str) -> None:
    """All pods are ready, so only the two declarations side by side show it."""
    assert first(*shown("cart"), *rows) == ("cart", cause)


def test_services_in_order_and_services_of_nobody_are_quiet() -> None:
    """A service that fits says nothing; one whose program is not installed says little; labels of pods count too."""
    leader = [
        *shown("db"),
        ("db", "pod", "db-1 labels", "app=db,role=leader"),
        *service("db-leader", "1/TCP to 8080", "app=db,role=leader"),
    ]

    assert not found(*shown("cart"), *service("cart", "80/TCP to 8080"))
    assert not found(*leader)
    assert found(*shown("cart"), *service("extra", "80/TCP to 80"))[0].nats < LIKELY


def test_an_address_that_is_nearly_a_service_is_wrong() -> None:
    """A slip of a known name is the cause at the caller; a name of nothing known is an option."""
    known = [*shown("cart"), *service("cart", "7070/TCP to 8080")]
    slip, option, port = (
        found(*known, *shown("web", main_env_CART=address)) for address in ("cart-x:7070", "assistant:80", "cart:7071")
    )

    assert (slip[0].entity, slip[0].cause) == (port[0].entity, port[0].cause) == ("web", "address-wrong")
    assert slip[0].nats >= LIKELY > option[0].nats
    assert not found(*known, *shown("web", main_env_CART="http://cart.shop.svc.cluster.local:7070/"))


def test_a_route_is_wrong_where_it_says_one_thing_and_leads_to_another() -> None:
    """The service that the route names loses its requests; a route to what is not installed is quiet."""
    known = [row for name in ("x-cart", "x-pay", "x-mail") for row in (*shown(name), *service(name, "80/TCP to 8080"))]
    astray = ("gw", "config", "route cart", "lb://${CART_HOST:x-pay}")
    optional = ("gw", "config", "route admin-panel", "lb://x-admin-panel")

    assert first(*known, astray) == ("x-cart", "route-wrong")
    assert found(*known, optional)[0].nats < LIKELY
    assert not found(*known, ("gw", "config", "route cart", "http://x-cart:80"))


def test_a_node_explains_its_pods() -> None:
    """A dead kubelet leads, and what its pods show is discounted; pods elsewhere keep theirs."""
    stopped = ("n1", "node", "unit kubelet", "inactive (dead)")
    ranked = found(*nodes(), stopped, *down("cart"))

    assert (ranked[0].entity, ranked[0].cause) == ("n1", "kubelet-down")
    assert next(each for each in ranked if each.entity == "cart").nats < 1.0


def test_a_node_that_stopped_reporting_needs_no_unit() -> None:
    """Live clusters show no units: Ready is Unknown, or pods there cannot reach their container runtime."""
    runtime = (
        "cart",
        "event",
        "FailedCreatePodSandBox",
        "Warning: dial unix /run/containerd/containerd.sock: connect: no such file",
    )
    silent = ("n1", "node", "Ready", "Unknown (NodeStatusUnknown: Kubelet stopped posting node status.)")

    assert first(*nodes(), silent) == ("n1", "kubelet-down")
    assert first(*nodes(), *down("cart"), runtime) == ("n1", "container-runtime-down")


def test_scaled_to_zero_matters_where_a_service_sends_to_it() -> None:
    """No replicas and a service in front is a fault; a program that nobody serves may sleep."""
    asleep = [row for row in shown("cart", "0 wanted, 0 ready") if row[1] != "pod"]

    assert first(*asleep, *service("cart", "80/TCP to 8080")) == ("cart", "replicas-zero")
    assert not found(*asleep)


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("Web server failed to start. Port 8080 was already in use.", "port-in-use"),
        (
            "java.sql.SQLException: Access denied for user 'shop'@'10.1.2.3' (using password: YES)",
            "credentials-refused",
        ),
        ("java.net.UnknownHostException: db: Temporary failure in name resolution", "name-unresolved"),
        ("Fatal error: can't open the file /data/dump for reading: Permission denied", "volume-permission-denied"),
        (
            "com.mysql.cj CommunicationsException: Communications link failure ... Connection refused",
            "store-port-wrong",
        ),
    ],
)
def test_last_words_count_of_those_that_end(line: str, cause: str) -> None:
    """The same line of a program that serves is the answer to a stranger, or start-up noise."""
    ending = [*down("cart", "CrashLoopBackOff"), *restarted("cart")]

    assert first(*ending, lines={"cart": [line]}) == ("cart", cause)
    assert not found(*shown("cart"), lines={"cart": [line] * 500})


def test_a_store_that_refuses_is_named_by_its_clients() -> None:
    """Clients hear read-only and too many connections; the store says nothing, and the disturbed one is meant."""
    stores = [row for name in ("db-a", "db-b") for row in shown(name, main_image="percona:5.7", claims="d")]
    touched = ("db-a", "event", "Pulled", "Normal: image present")
    heard = {"cart": ["The MySQL server is running with the --read-only option"] * 3}

    assert first(*shown("cart"), *stores, touched, lines=heard) == ("db-a", "store-read-only")
    assert first(*shown("cart"), *stores, touched, lines={"cart": ["mysql: Too many connections"] * 3})[1] == (
        "store-connections-exhausted"
    )


def alert(name: str, what: str, detail: str) -> Said:
    return (name, "alert", what, detail)


def test_alerts_of_the_moment_name_cpu_packets_and_delay() -> None:
    """Throttled and busier is CPU; most retransmissions is the node; latency is of the deepest, or of a shared node."""
    rows = [*nodes(), *shown("web"), *shown("cart"), *shown("pay")]
    slow = [alert(name, "LATENCY [Slow]", "p90: Normal=3ms -> Current=900ms (+29900%)") for name in ("web", "cart")]
    calls = Calls([("web", "cart"), ("web", "pay")])
    busy = [alert("pay", "CPU [cfs]", "0.7s (Throttled)"), alert("pay", "CPU [cpu core]", "0.01 -> 0.15 (+1400%)")]
    lossy = [alert("n1", "NET [TCP Retransmission]", "Normal=0.01 -> Current=8.5 (+59000%)")]

    assert first(*rows, *busy, *slow, calls=calls) == ("pay", "cpu-throttled")
    assert first(*rows, *lossy, *slow, calls=calls) == ("n1", "node-packet-loss")
    assert first(*rows, *slow, calls=calls) == ("cart", "pod-network-delay")
    both = [*slow, alert("pay", "LATENCY [Slow]", "p90: Normal=3ms -> Current=900ms (+29900%)")]
    assert first(*rows, *both, calls=calls) == ("n1", "node-network-delay")


def test_a_healthy_cluster_says_nothing() -> None:
    """Services, nodes with a cordoned control plane, old start-up events: no symptom at all."""
    old = ("cart", "event", "Unhealthy", "Warning: Startup probe failed: connection refused")
    calm = [*nodes(), *shown("cart", main_startup_probe=GRPC), *service("cart", "80/TCP to 8080"), old]

    assert not found(*calm, lines={"cart": ["ready", "Access denied for user 'root'@'::1' (using password: NO)"]})


def test_rows_that_are_not_understood_say_nothing() -> None:
    """Fields without a pod's name, odd quantities and unknown kinds are read as far as they go."""
    rows = [("cart", "container", "last terminated", "Error, exit code 1"), ("cart", "flag", "x", "on")]
    rows += [("shop", "quota", "q pods", "many of few"), ("cart", "workload", "replicas", "some")]

    assert not [each for each in found(*rows) if each.nats >= LIKELY]
    assert quantity("1.5Gi") == 1.5 * 1024**3


def test_every_cause_is_of_a_mode_that_is_worded() -> None:
    """A finer cause always leads to a failure mode of the taxonomy."""
    assert set(CAUSES.values()) <= set(FAILURE_MODES)
