"""An estate with every layer: AWS (moto's server), Kubernetes (its API, played by a server of our own), and code."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from scanners.catalogue import scanner
from workbench.graph.ask import ask
from workbench.graph.store import GraphStore
from workbench.telemetry.clients import LiveClients

REGION = "eu-west-1"
CODE = '''
import os

def store(order):
    """Write an order down."""
    host = os.environ["ORDERS_DB"]
    return connect(host).execute("insert", order)
'''
FROM_ACCOUNT_TO_VARIABLE = """
SELECT DISTINCT ?account ?region ?network ?cluster ?machine ?node ?pod ?container ?variable ?function ?file
  ?database WHERE {
  ?a a wb:CloudAccount ; rdfs:label ?account .
  ?r wb:partOf ?a ; a wb:Region ; rdfs:label ?region .
  ?net wb:partOf ?a, ?r ; a wb:Network ; rdfs:label ?network .
  ?k wb:partOf ?a, ?r ; a wb:Cluster ; rdfs:label ?cluster .
  ?vm wb:inNetwork ?net ; wb:partOf ?k ; a wb:Vm ; rdfs:label ?machine .
  ?n wb:runsOn ?vm ; a wb:Node ; rdfs:label ?node .
  ?p wb:runsOn ?n ; a wb:Pod ; rdfs:label ?pod ; wb:managedBy+ ?workload .
  ?c wb:partOf ?workload ; a wb:Container ; rdfs:label ?container ; wb:setsEnv ?env .
  ?env rdfs:label ?variable ; wb:references/wb:resolvesTo* ?db .
  ?db a wb:Database ; rdfs:label ?database ; wb:inNetwork ?net .
  ?f a wb:Function ; rdfs:label ?function ; wb:readsEnv ?read ; wb:definedIn/rdfs:label ?file .
  ?read rdfs:label ?variable .
}
"""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, str]]:
    """An account with a network, a cluster, the machine of a node and a database: their names."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=30)  # its estate outlives a server in one process
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    session = boto3.Session(region_name=REGION)
    ec2, rds = session.client("ec2"), session.client("rds")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "main"}])
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.{n}.0/24", AvailabilityZone=f"{REGION}{letter}")["Subnet"][
            "SubnetId"
        ]
        for n, letter in enumerate("ab")
    ]
    session.client("eks").create_cluster(
        name="shop", roleArn="arn:aws:iam::123456789012:role/eks", resourcesVpcConfig={"subnetIds": subnets}
    )
    tags = [{"Key": "Name", "Value": "shop-node"}, {"Key": "eks:cluster-name", "Value": "shop"}]
    machine = ec2.run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnets[0],
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )["Instances"][0]["InstanceId"]  # fmt: skip
    rds.create_db_subnet_group(DBSubnetGroupName="data", DBSubnetGroupDescription="data", SubnetIds=subnets)
    database = rds.create_db_instance(
        DBInstanceIdentifier="orders", Engine="postgres", DBInstanceClass="db.t3.micro", AllocatedStorage=10,
        MasterUsername="shop", MasterUserPassword="hunter2canary", DBSubnetGroupName="data",
    )["DBInstance"]  # fmt: skip
    yield {"machine": machine, "database": database["Endpoint"]["Address"]}
    moto.stop()


@pytest.fixture
def cluster(account: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A kubeconfig whose context `prod` is a cluster with one node, on the machine, and one workload."""
    lists = _lists(account)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            items = lists.get(urlsplit(self.path).path, [])
            body = json.dumps({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *parts: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "prod",
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {"token": "example"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    yield
    server.shutdown()
    server.server_close()


def _lists(account: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Return what the cluster's API lists, by path."""
    box = {
        "name": "app",
        "image": "shop/orders:1.2.0",
        "env": [{"name": "ORDERS_DB", "value": f"postgres://shop@{account['database']}:5432/orders"}],
    }

    def named(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "namespace": "shop", "labels": {"app": "orders"}, **more}

    def owned(kind: str, name: str) -> dict[str, Any]:
        return {
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": name, "controller": True}]
        }

    template = {"metadata": {"labels": {"app": "orders"}}, "spec": {"containers": [box]}}
    chosen = {"selector": {"matchLabels": {"app": "orders"}}, "replicas": 1, "template": template}
    node = {"topology.kubernetes.io/region": REGION, "topology.kubernetes.io/zone": f"{REGION}a"}
    return {
        "/api/v1/namespaces": [{"metadata": {"name": "shop"}}],
        "/api/v1/nodes": [
            {
                "metadata": {"name": "ip-10-7-0-4", "labels": node},
                "spec": {"providerID": f"aws:///{REGION}a/{account['machine']}"},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            }
        ],
        "/apis/apps/v1/deployments": [{"metadata": named("orders"), "spec": chosen}],
        "/apis/apps/v1/replicasets": [
            {"metadata": named("orders-5d", **owned("Deployment", "orders")), "spec": chosen}
        ],
        "/api/v1/pods": [
            {
                "metadata": named("orders-5d-x7", **owned("ReplicaSet", "orders-5d")),
                "spec": {"nodeName": "ip-10-7-0-4", "containers": [box]},
                "status": {"phase": "Running", "podIP": "10.7.0.9"},
            }
        ],
    }


def test_one_query_walks_from_account_to_variable(account: dict[str, str], cluster: None, tmp_path: Path) -> None:
    """Account, region, network, cluster, machine, node, pod, container, variable, function, and the database behind."""
    code = tmp_path / "orders-code" / "orders"
    code.mkdir(parents=True)
    (code / "app.py").write_text(CODE)
    store, clients = GraphStore.memory(), LiveClients()
    for name, target in (("aws", f"@{REGION}"), ("kubernetes-api", "prod"), ("source", str(tmp_path / "orders-code"))):
        scan = scanner(name, target, "prod", clients=clients).scan()
        assert scan.complete, (name, scan.problems)
        store.replace(scan)

    rows = ask(store, FROM_ACCOUNT_TO_VARIABLE).to_dict("records")
    assert rows == [
        {
            "account": "123456789012",
            "region": REGION,
            "network": "main",
            "cluster": "shop",
            "machine": account["machine"],
            "node": "ip-10-7-0-4",
            "pod": "orders-5d-x7",
            "container": "app",
            "variable": "ORDERS_DB",
            "function": "store",
            "file": "orders/app.py",
            "database": "orders",
        }
    ]
