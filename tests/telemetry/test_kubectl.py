"""What kubectl prints becomes the words of the live source; other tools' outputs stand beside it."""

from __future__ import annotations

import json
from datetime import timedelta

from ontology.nouns import Window
from workbench.nouns import Modality, Question
from workbench.telemetry import kubectl
from workbench.telemetry import kubernetes_reading as reading
from workbench.telemetry.kubectl_text import age, objects
from workbench.telemetry.kubernetes_state import state

WINDOW = Window.of("2026-01-31T02:40:00Z", "2026-01-31T02:55:00Z")
POD = """\
Name:             cart-5d8f7c9b6d-x2x0k
Namespace:        shop
Service Account:  cart
Node:             n1/10.0.0.1
Start Time:       Sat, 31 Jan 2026 02:50:00 +0000
Labels:           app=cart
                  pod-template-hash=5d8f7c9b6d
Status:           Running
Controlled By:    ReplicaSet/cart-5d8f7c9b6d
Containers:
  main:
    Image:          shop/cart:1
    Port:           8080/TCP
    State:          Waiting
      Reason:       CrashLoopBackOff
    Last State:     Terminated
      Reason:       OOMKilled
      Exit Code:    137
      Started:      Sat, 31 Jan 2026 02:51:00 +0000
      Finished:     Sat, 31 Jan 2026 02:52:00 +0000
    Ready:          False
    Restart Count:  2
    Environment:
      TOKEN:     <set to the key 'token' in secret 'cart-keys'>  Optional: false
      PASSWORD:  hunter2
Conditions:
  Type           Status
  Ready          False
  PodScheduled   True
Events:
  Type     Reason     Age                 From     Message
  ----     ------     ----                ----     -------
  Warning  BackOff    5s (x3 over 2m16s)  kubelet  Back-off restarting failed container: main
"""
DEPLOYMENT = """\
Name:                   cart
Namespace:              shop
Selector:               app=cart
Replicas:               2 desired | 2 updated | 2 total | 1 available | 1 unavailable
Pod Template:
  Labels:           app=cart
  Service Account:  cart
  Containers:
   main:
    Image:      shop/cart:1
    Ports:      8080/TCP, 9090/UDP
    Limits:
      memory:  64Mi
    Liveness:   http-get http://:8080/live delay=5s timeout=1s period=10s #success=1 #failure=3
    Readiness:  grpc <pod>:8080  delay=0s timeout=1s period=10s #success=1 #failure=3
    Environment Variables from:
      cart-keys  Secret  Optional: false
    Environment:
      PAY_ADDR:  pay:7070
      PASSWORD:  hunter2
  Volumes:
   data:
    Type:       PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)
    ClaimName:  cart-data
  Node-Selectors:  disk=ssd
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: cart-keys, namespace: shop}
stringData: {token: hunter2}
"""
AFFINE = (
    """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  template:
    spec:
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a, b]}]}]
      containers: [{name: main, image: shop/cart:0}]
---
apiVersion: v1
kind: Service
metadata: {name: mail, namespace: shop}
spec: {ports: [{port: 80}]}
---
"""
    + SECRET
)


def told(*commands: tuple[str, str], tools: tuple[kubectl.Tool, ...] = ()) -> set[tuple[str, ...]]:
    rows = kubectl.snapshot(commands, tools, None, WINDOW)
    return {tuple(map(str, row[1:])) for row in rows}


def test_a_described_pod_says_what_the_api_says() -> None:
    """The rows of a pod from text are those of the same pod from the API, time by time and word by word."""
    said = {
        "metadata": {
            "name": "cart-5d8f7c9b6d-x2x0k",
            "namespace": "shop",
            "labels": {"app": "cart", "pod-template-hash": "5d8f7c9b6d"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "cart-5d8f7c9b6d", "controller": True}],
        },
        "spec": {"nodeName": "n1", "containers": []},
        "status": {
            "phase": "Running",
            "startTime": "2026-01-31T02:50:00Z",
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-31T02:55:00Z"}],
            "containerStatuses": [
                {
                    "name": "main",
                    "restartCount": 2,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {
                        "terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-01-31T02:52:00Z"}
                    },
                }
            ],
        },
    }
    live = list(state({reading.PODS: [said]}, Question(Modality.STATE, WINDOW)))
    text = kubectl.snapshot([("kubectl describe pods cart-5d8f7c9b6d-x2x0k -n shop", POD)], (), None, WINDOW)

    assert set(live) == {row for row in text if row[2] != "event"}


def test_what_a_workload_declares_is_told_without_its_secrets() -> None:
    """Probes, ports, addresses, claims and references by name; no value that is neither address nor port."""
    found = told(("kubectl describe deployments cart -n shop", DEPLOYMENT))

    assert {(field, value) for entity, kind, field, value in found if (entity, kind) == ("cart", "workload")} == {
        ("namespace", "shop"),
        ("replicas", "2 wanted, 1 ready"),
        ("labels", "app=cart"),
        ("service account", "cart"),
        ("node selector", "disk=ssd"),
        ("claims", "cart-data"),
        ("main image", "shop/cart:1"),
        ("main ports", "8080/TCP,9090/UDP"),
        ("main liveness probe", "httpGet port=8080 delay=5 timeout=1 period=10 failures=3"),
        ("main readiness probe", "grpc port=8080 delay=0 timeout=1 period=10 failures=3"),
        ("main limits", "memory=64Mi"),
        ("main env PAY_ADDR", "pay:7070"),
        ("main env", "from secret cart-keys"),
    }
    assert not [row for row in told(("kubectl describe pods cart-1 -n shop", POD)) if "hunter2" in " ".join(row)]


def test_a_manifest_adds_what_describe_leaves_out_and_what_stands_wins() -> None:
    """Affinity comes from YAML, the image from what runs; a declared service that is not there is missing."""
    found = told(
        ("kubectl get services -n shop", ""),
        ("kubectl describe deployments cart -n shop", DEPLOYMENT),
        tools=((kubectl.MANIFEST, "{}", AFFINE),),
    )

    assert ("cart", "workload", "node affinity", "zone In a,b") in found
    assert ("cart", "workload", "main image", "shop/cart:1") in found
    assert ("mail", "declared", "Service", "missing") in found
    assert not [row for row in found if "hunter2" in " ".join(row)]


def test_secrets_are_never_read() -> None:
    """Neither their YAML nor what describes them becomes an object."""
    found = objects(
        [("kubectl get secrets cart-keys -o yaml", SECRET), ("kubectl describe secrets cart-keys", "Name: cart-keys")],
        WINDOW.end,
    )
    assert found == {"Event": []}


def test_events_count_back_from_the_snapshot_and_stand_once() -> None:
    """`5s (x3 over 2m16s)` was last seen five seconds before; two views of one event are one, with the larger count."""
    listed = "5s          Warning   BackOff   pod/cart-5d8f7c9b6d-x2x0k   Back-off restarting failed container: main"
    rows = kubectl.snapshot(
        [("kubectl describe pods cart-5d8f7c9b6d-x2x0k -n shop", POD), ("kubectl get events -n shop", listed)],
        (),
        None,
        WINDOW,
    )
    events = [row for row in rows if row[2] == "event"]

    assert [row[1:] for row in events] == [
        ("cart", "event", "BackOff", "Warning: Back-off restarting failed container: main (x3)")
    ]
    assert events[0][0] == WINDOW.end - timedelta(seconds=5)
    assert age("4d7h") == timedelta(days=4, hours=7)


def test_nodes_claims_and_quotas_are_read() -> None:
    """Taints, a cordon, what a claim asks for and how full a quota is, each under its own kind."""
    node = (
        "Name: n1\nLabels: a=b\n        kubernetes.io/role=master\nTaints: team=red:NoSchedule\n        x:NoExecute\n"
    )
    node += "Unschedulable: true\nAllocatable:\n  cpu: 2\n"
    claim = "Name: data\nNamespace: shop\nStorageClass: fast\nStatus: Pending\nVolume:\nAccess Modes:\n"
    quota = "Name: q\nNamespace: shop\nResource  Used  Hard\n-  -  -\npods      10    10\nrequests.cpu  500m  2\n"
    found = told(
        ("kubectl describe nodes n1", node),
        ("kubectl describe persistentvolumeclaims data -n shop", claim),
        ("kubectl describe resourcequota q -n shop", quota),
    )

    assert {
        ("n1", "node", "role", "control plane"),
        ("n1", "node", "unschedulable", "true"),
        ("n1", "node", "taints", "team=red:NoSchedule,x=:NoExecute"),
        ("data", "claim", "phase", "Pending"),
        ("data", "claim", "class", "fast"),
        ("shop", "quota", "q pods", "10 of 10"),
        ("shop", "quota", "q requests.cpu", "500m of 2"),
    } <= found


def test_other_tools_are_understood() -> None:
    """A unit's state, a refused connection, who calls whom down a drawn tree, error lines with their counts."""
    tools = (
        (kubectl.UNIT, '{"node_name":"n1","service_name":"kubelet"}', "x\n     Active: inactive (dead) since Fri"),
        (kubectl.REACH, '{"service_name":"cart","port":80}', "Connection Failed"),
        (
            kubectl.DEPENDENCIES,
            "{}",
            "[Upstream (Called By)]: z\n[Downstream (Calls)]:\nweb\n├── cart\n│   └── db   <-- (Database)\n└── pay\n",
        ),
        (
            kubectl.ERRORS,
            '{"service_name":"cart"}',
            json.dumps({"patterns": [{"count": 2, "sample": "boom"}], "app": ["bang"]}),
        ),
    )

    assert {("n1", "node", "unit kubelet", "inactive (dead)"), ("cart", "service", "answers on 80", "no")} <= told(
        tools=tools
    )
    assert kubectl.calls(tools) == [("web", "cart"), ("cart", "db"), ("web", "pay")]
    assert [row[3] for row in kubectl.error_lines(tools, WINDOW.end)] == ["boom", "boom", "bang"]


def test_text_that_is_cut_or_foreign_is_no_object() -> None:
    """Half a describe, an error and broken YAML give what they hold and no invented row."""
    assert not told(("kubectl describe pods x -n shop", "Error from server (NotFound): pods not found"))
    assert not told(("kubectl get configmaps x -n shop -o yaml", "kind: ConfigMap\n  : ["))
    assert told(("kubectl describe pods x -n shop", POD[:420]))


def test_alerts_of_the_moment_are_rows() -> None:
    """Each piece of evidence of an alert on a named thing is a row of kind alert; alerts of nobody are left out."""
    alerts = {"alerts": [{"name": "cart", "evidence": ["LATENCY [Slow] | 1 -> 9"]}, {"raw_error": "503"}]}
    rows = kubectl.snapshot([], (), alerts, WINDOW)

    assert [row[1:] for row in rows] == [("cart", "alert", "LATENCY [Slow]", "1 -> 9")]
