"""What a Kubernetes context may do: the role that ships, the question to the API server, and who is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from kubernetes.client import Configuration, CoreV1Api

from ontology.errors import NotAllowed, Unavailable
from ontology.nouns import Window
from scanners.kubernetes.api import KINDS
from workbench.cli.doctor import doctor, examined
from workbench.cli.estate import scan
from workbench.nouns import Answered, Failed, Modality, Question
from workbench.settings import Settings
from workbench.telemetry import kubernetes_reading
from workbench.telemetry.clients import LiveClients
from workbench.telemetry.kubernetes_rights import Rights, asked, writes
from workbench.telemetry.live import live_sources
from workbench.telemetry.readonly_kubernetes import ReadOnlyApiClient
from workbench.testing.vendors import VendorServer
from workbench.testing.vendors_cluster import api_client, cluster, pod

ROLE = Path(__file__).parents[2] / "docs" / "kubernetes-clusterrole.yaml"
WINDOW = Window.of("2026-01-31T02:50:00Z", "2026-01-31T02:55:00Z")
BASIC = [
    {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"]},
    {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectrulesreviews"]},
    {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
]
"""What every user has."""
READER = {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["pods", "pods/log", "nodes"]}
ADMIN = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


def role() -> dict[str, Any]:
    """The ClusterRole of the file that ships."""
    return next(each for each in yaml.safe_load_all(ROLE.read_text()) if each["kind"] == "ClusterRole")


def granted() -> set[tuple[str, str]]:
    return {(group, name) for rule in role()["rules"] for group in rule["apiGroups"] for name in rule["resources"]}


def test_the_role_that_ships_holds_what_is_asked_and_nothing_else() -> None:
    """Group and resource of every list of the sources and of the scanner stand in the role, and no other but logs."""
    kinds = [each for each in vars(kubernetes_reading).values() if isinstance(each, kubernetes_reading.Kind)]
    wanted = {(each.group, each.plural) for each in kinds} | {(each.group, each.plural) for each in KINDS}

    assert len(kinds) > 8
    assert granted() == wanted | {("", "pods/log")}


def test_the_role_that_ships_can_only_read() -> None:
    """Its verbs are get, list and watch; it names no secret, no wildcard and no way into a process."""
    assert {verb for rule in role()["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    names = {name for _, name in granted()}
    assert not [
        each for each in names if "*" in each or "secret" in each or each.endswith(("/proxy", "/exec", "/attach"))
    ]
    assert list(writes({"resourceRules": [*role()["rules"], *BASIC]})) == []


HOSTILE = [
    *({"verbs": [verb], "apiGroups": [""], "resources": ["pods"]} for verb in ("create", "update", "patch", "delete")),
    *({"verbs": [verb], "apiGroups": ["apps"], "resources": ["deployments"]} for verb in ("create", "patch", "delete")),
    *({"verbs": [verb], "apiGroups": [""], "resources": ["secrets"]} for verb in ("get", "list", "watch", "create")),
    *(
        {"verbs": ["get"], "apiGroups": [""], "resources": [f"pods/{part}"]}
        for part in ("exec", "attach", "portforward")
    ),
    *(
        {"verbs": ["create"], "apiGroups": [""], "resources": [f"pods/{part}"]}
        for part in ("exec", "attach", "eviction")
    ),
    *(
        {"verbs": ["get"], "apiGroups": [""], "resources": [f"{thing}/proxy"]}
        for thing in ("pods", "services", "nodes")
    ),
    *({"verbs": ["deletecollection"], "apiGroups": [group], "resources": ["*"]} for group in ("", "apps", "batch")),
    *({"verbs": [verb], "apiGroups": [""], "resources": ["*"]} for verb in ("get", "list", "*")),
    *({"verbs": ["*"], "apiGroups": [""], "resources": [thing]} for thing in ("pods", "configmaps", "nodes", "events")),
    *({"verbs": ["get"], "apiGroups": [""], "resources": [each]} for each in ("*/exec", "pods/*", "*/*")),
    {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"]},
    {"verbs": ["bind"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"]},
    {"verbs": ["escalate"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"]},
    {"verbs": ["create"], "apiGroups": [""], "resources": ["serviceaccounts/token"]},
    {"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments/scale"]},
    {"verbs": ["update"], "apiGroups": [""], "resources": ["pods/ephemeralcontainers"]},
    {"verbs": ["approve"], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"]},
]


@pytest.mark.parametrize("rule", HOSTILE, ids=lambda rule: f"{rule['verbs'][0]} {rule['resources'][0]}")
def test_every_hostile_grant_is_seen(rule: dict[str, Any]) -> None:
    """Each of forty grants that write, show secrets or enter a process is named beside the harmless ones."""
    with cluster({}, rules={"": [*BASIC, READER, rule]}) as server:
        rights = asked(reviewing(server))

    assert rights.writes
    assert rule["verbs"][0] in rights.words


def test_there_are_forty_hostile_grants() -> None:
    """The list above is as long as it says."""
    assert len(HOSTILE) == 40


def reviewing(server: VendorServer) -> ReadOnlyApiClient:
    settings = Configuration()
    settings.host = server.url
    return ReadOnlyApiClient(settings, reviews=True)


def test_who_can_only_read_is_well() -> None:
    """The shipped role with what every user has is no write; every namespace is looked at."""
    spaces = [{"metadata": {"name": f"team-{n}"}} for n in range(4)]
    with cluster({"namespaces": spaces}, rules={"": [*BASIC, *role()["rules"]]}) as server:
        rights = asked(reviewing(server))

    assert rights == Rights((), 5, 0)


def test_a_grant_in_one_namespace_is_found_and_named() -> None:
    """What a RoleBinding gives in one namespace alone is seen, with the namespace."""
    spaces = [{"metadata": {"name": "shop"}}, {"metadata": {"name": "web"}}]
    edit = {"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments"]}
    with cluster({"namespaces": spaces}, rules={"": [READER], "shop": [edit]}) as server:
        rights = asked(reviewing(server))

    assert rights.writes == ("patch deployments.apps in shop",)


def test_rules_that_are_not_whole_are_asked_one_by_one() -> None:
    """Where an authorizer does not list its rules, the writes that matter are asked for by name."""
    with cluster({}, rules={"": [ADMIN]}, whole=False) as server:
        rights = asked(reviewing(server))

    assert "delete pods" in rights.writes
    assert "get nodes/proxy" in rights.writes
    with cluster({}, rules={"": [READER]}, whole=False) as server:
        assert asked(reviewing(server)).writes == ()


def test_a_server_that_does_not_tell_is_unknown_and_not_well() -> None:
    """No answer on rights is Unavailable with a way to ask by hand, never "it may only read"."""
    with cluster({}) as server, pytest.raises(Unavailable, match="cannot be told") as raised:
        asked(reviewing(server))
    assert "kubectl auth can-i" in raised.value.next_step


def test_only_reviews_are_sent_beside_reads_and_only_by_a_client_made_for_them() -> None:
    """The client of the sources sends no review; the reviewing one sends these two and no other body."""
    rules = {"kind": "SelfSubjectRulesReview", "spec": {"namespace": "default"}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    with cluster({}, rules={"": [READER]}) as server:
        ordinary, special = api_client(server.url), reviewing(server)
        wrong: list[tuple[Any, str, str, Any]] = [
            (ordinary, "POST", path, rules),
            (special, "POST", path, {"kind": "Pod"}),
            (special, "POST", path, None),
            (special, "PUT", path, rules),
            (special, "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", rules),
            (special, "POST", "/api/v1/namespaces/default/pods", rules),
            (special, "GET", "/api/v1/secrets", None),
            (special, "GET", "/api/v1/pods", rules),
        ]
        for client, method, where, body in wrong:
            sent = json.dumps(body) if body else None
            with pytest.raises(NotAllowed):
                client.rest_client.pool_manager.request(method, server.url + where, headers={}, body=sent)
        assert server.requests == []
        asked(special)
        CoreV1Api(special).list_namespace(_preload_content=False)
        assert {(method, where) for method, where, _ in server.requests if method != "GET"} == {("POST", path)}


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a kubeconfig whose context `prod` is a server."""

    def made(server: VendorServer) -> None:
        content = {
            "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server.url}}],
            "users": [{"name": "u", "user": {"token": "example"}}],
        }
        (tmp_path / "config").write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **content}))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))

    return made


def well() -> dict[str, Any]:
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-31T02:51:00Z"}
    return {"pods": [pod("cart", startTime="2026-01-31T02:00:00Z", conditions=[ready])]}


def state(**changes: Any) -> Answered | Failed | Any:
    source = live_sources(Settings(kubernetes_context="prod", **changes), LiveClients())[Modality.STATE]
    source.ask(Question(Modality.STATE, WINDOW))
    return source.ask(Question(Modality.STATE, WINDOW)).reply


def test_live_sources_refuse_a_context_that_may_write(context: Any) -> None:
    """An admin's context is Failed with what it may do and how to mend it; no object is read, rights are asked once."""
    with cluster(well(), rules={"": [ADMIN]}) as server:
        context(server)
        reply = state()

    assert isinstance(reply, Failed)
    assert "'prod' may do more than read: * *" in reply.reason
    assert "kubernetes-clusterrole.yaml" in reply.remedy
    assert {where for _, where, _ in server.requests} == {
        "/api/v1/namespaces",
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    }
    assert len(server.requests) == 2


@pytest.mark.parametrize("meant", [False, True])
def test_a_scan_refuses_a_context_that_may_write_unless_it_is_meant(
    meant: bool, context: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As doctor: an admin is refused with the remedy and no object is read; with the setting it is scanned."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("WORKBENCH_KUBERNETES_MAY_WRITE", str(meant))
    with cluster(well(), rules={"": [ADMIN]}) as server:
        context(server)
        ran = CliRunner().invoke(scan, ["kubernetes-api", "prod"])
    read = {where for method, where, _ in server.requests if method == "GET"} - {"/api/v1/namespaces"}

    assert ("'prod' may do more than read: * *" in ran.output) is not meant, ran.output
    assert ("kubernetes_may_write = true" in ran.output) is not meant
    assert ("/api/v1/pods" in read) is meant
    assert bool(read) is meant


def test_a_setting_takes_such_a_context_all_the_same(context: Any) -> None:
    """With kubernetes_may_write it answers, and nothing but GET is sent."""
    with cluster(well(), rules={"": [ADMIN]}) as server:
        context(server)
        reply = state(kubernetes_may_write=True)

    assert isinstance(reply, Answered), reply
    assert {method for method, _, _ in server.requests} == {"GET"}


def test_a_context_that_can_only_read_answers(context: Any) -> None:
    """With the shipped role the sources answer."""
    with cluster(well(), rules={"": [*BASIC, *role()["rules"]]}) as server:
        context(server)
        assert isinstance(state(), Answered)


@pytest.mark.parametrize(("rule", "code"), [(ADMIN, 1), (READER, 0)])
def test_doctor_refuses_to_go_on_when_the_context_may_write(
    context: Any, rule: dict[str, Any], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Doctor names what the context may do, and with a write its exit code is 1."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("WORKBENCH_KUBERNETES_CONTEXT", "prod")
    with cluster({}, rules={"": [*BASIC, rule]}) as server:
        context(server)
        ran = CliRunner().invoke(doctor)
        (check,) = [
            each for each in examined(Settings(home=tmp_path, kubernetes_context="prod")) if each.what == "kubernetes"
        ]

    line = next(each for each in ran.output.splitlines() if "kubernetes:" in each)
    assert line.startswith("WRONG" if code else "ok")
    assert check.well is (code == 0)
    assert ("may do more than read: * *" in line) is (code == 1)
    assert ran.exit_code == 1 or code == 0
