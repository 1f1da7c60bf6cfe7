"""The shop's declarations agree with one another and with its code: Compose, Kubernetes, scrapes, owners, pipeline."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from workbench.bench.estate import servers
from workbench.bench.estate.compose import ENVIRONMENT

SHOP = Path(__file__).parents[2] / "workbench" / "bench" / "estate" / "shop"
TRUTH = json.loads((Path(__file__).parent / "shop_truth.json").read_text())
RUNTIMES = {"python": "runtime", "javascript": "noderuntime", "java": "javaruntime"}
SDK = {"OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "JAVA_TOOL_OPTIONS"}
"""Variables that a library or the JVM reads, not our code."""
SUFFIXES = {"python": ".py", "javascript": ".js", "java": ".java"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The Compose file."""
    read: dict[str, Any] = yaml.safe_load((SHOP / "compose.yaml").read_text())
    return read


@pytest.fixture(scope="module")
def built(compose: dict[str, Any]) -> dict[str, Any]:
    """What is built here: service to its block."""
    return {name: each for name, each in compose["services"].items() if "build" in each}


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    """Every Kubernetes object."""
    return [each for path in sorted((SHOP / "k8s").glob("*.yaml")) for each in yaml.safe_load_all(path.read_text())]


def named(manifests: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """Return the objects of a kind by name."""
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


def container(manifests: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the only container of a deployment."""
    pod = named(manifests, "Deployment")[name]["spec"]["template"]["spec"]
    assert len(pod["containers"]) == 1
    found: dict[str, Any] = pod["containers"][0]
    return found


def code(folder: str, suffix: str) -> str:
    """Return all code of a folder."""
    return "\n".join(path.read_text() for path in sorted((SHOP / folder).rglob(f"*{suffix}")))


def hosts(environment: dict[str, Any]) -> Iterator[str]:
    """Name the hosts that the environment leads to, but the collector."""
    for value in environment.values():
        found = re.match(r"\w+://(?:[^@/]*@)?([\w-]+):\d+", str(value))
        if found and found[1] != "otel-collector":
            yield found[1]


def test_there_are_ten_services_in_three_languages(built: dict[str, Any]) -> None:
    """The shop has at least ten services, written in at least three languages, and truth names each of them."""
    assert set(built) == set(TRUTH["services"])
    assert len(built) >= 10
    assert len({each["language"] for each in TRUTH["services"].values()}) >= 3


@pytest.mark.parametrize("name", sorted(TRUTH["services"]))
def test_each_variable_is_read_by_the_code(name: str, built: dict[str, Any]) -> None:
    """Every variable that Compose gives a service is read by its own code or by its runtime, and truth says where."""
    language = TRUTH["services"][name]["language"]
    sources = code(name, SUFFIXES[language]) + code(RUNTIMES[language], SUFFIXES[language])
    given = {key for key in built[name]["environment"] if key not in SDK}
    unread = {key for key in given if not re.search(rf"\b{key}\b", sources)}
    assert not unread
    told = {row[0] for row in TRUTH["services"][name]["env"]}
    shared = {row[0] for row in TRUTH["runtimes"][RUNTIMES[language]]}
    assert given - shared <= told
    assert told - given <= {"HOSTNAME", "CERT_START", "CERT_VALIDITY"}  # a container's own, and a script's arguments


@pytest.mark.parametrize("name", sorted(TRUTH["services"]))
def test_hosts_depends_on_and_truth_agree(name: str, built: dict[str, Any]) -> None:
    """What the variables lead to is what the service depends on, and what truth says that it calls and stores in."""
    told = TRUTH["services"][name]
    assert set(hosts(built[name]["environment"])) == {*told["calls"], *told["stores"]}
    assert set(built[name].get("depends_on", [])) == {*told["calls"], *told["stores"]}


def test_a_chain_is_four_calls_deep_and_one_hop_goes_through_the_queue() -> None:
    """Some request passes five services, and some service puts on the queue what another one takes."""

    def depth(name: str) -> int:
        return max((1 + depth(each) for each in TRUTH["services"][name]["calls"]), default=0)

    assert depth("gateway") >= 3
    assert any(each["stores"] == ["postgres"] for each in TRUTH["services"].values())
    assert sum("queue" in each["stores"] for each in TRUTH["services"].values()) == 2


@pytest.mark.parametrize("name", sorted(TRUTH["services"]))
def test_kubernetes_runs_what_compose_runs(name: str, built: dict[str, Any], manifests: list[dict[str, Any]]) -> None:
    """A deployment has the image, the port and the environment of its Compose service; flags stand elsewhere."""
    runs = container(manifests, name)
    assert runs["image"] == built[name]["image"]
    assert [each["containerPort"] for each in runs["ports"]] == [int(built[name]["environment"]["PORT"])]
    settings = dict(named(manifests, "ConfigMap")[runs["envFrom"][0]["configMapRef"]["name"]]["data"])
    for each in runs.get("env", []):
        reference = each["valueFrom"]["secretKeyRef"]
        settings[each["name"]] = named(manifests, "Secret")[reference["name"]]["stringData"][reference["key"]]
    assert settings.pop("FLAGS_FILE").endswith("/flags.json")
    wanted = {key: str(value) for key, value in built[name]["environment"].items() if key != "FLAGS_FILE"}
    assert settings == wanted


@pytest.mark.parametrize("name", sorted(TRUTH["services"]))
def test_kubernetes_probes_limits_and_selects(name: str, manifests: list[dict[str, Any]]) -> None:
    """A deployment has probes, requests and limits, and a Service of its name leads to its port and labels."""
    runs = container(manifests, name)
    assert runs["readinessProbe"]["httpGet"]["path"] == runs["livenessProbe"]["httpGet"]["path"] == "/health"
    assert {"cpu", "memory"} == set(runs["resources"]["requests"]) == set(runs["resources"]["limits"])
    service = named(manifests, "Service")[name]["spec"]
    pod = named(manifests, "Deployment")[name]["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= pod.items()
    assert [each["port"] for each in service["ports"]] == [8080]


def test_network_policies_let_in_the_callers_only(manifests: list[dict[str, Any]]) -> None:
    """The pods that may reach a service are those whose truth says that they call it or store in it."""
    callers: dict[str, set[str]] = {}
    for name, told in TRUTH["services"].items():
        for other in (*told["calls"], *told["stores"]):
            callers.setdefault(other, set()).add(name)
    allowed = {}
    for policy in named(manifests, "NetworkPolicy").values():
        for rule in policy["spec"].get("ingress", []):
            pods = {each["podSelector"]["matchLabels"]["app"] for each in rule["from"] if "podSelector" in each}
            allowed[policy["spec"]["podSelector"]["matchLabels"]["app"]] = pods
    assert {name: pods for name, pods in allowed.items() if pods} == callers


def test_every_service_is_scraped_owned_watched_and_released(built: dict[str, Any]) -> None:
    """Prometheus' targets, the owners, the pipeline and the alert rules name each service, and no other."""
    scrapes = yaml.safe_load((SHOP / "prometheus" / "prometheus.yaml").read_text())["scrape_configs"]
    targets = {each.split(":")[0] for job in scrapes for group in job["static_configs"] for each in group["targets"]}
    assert targets == set(built)
    owned = re.findall(r"^/([\w-]+)/\s+@shop/([\w-]+)$", (SHOP / "CODEOWNERS").read_text(), re.MULTILINE)
    owners = {folder: team for folder, team in owned if folder in built}
    assert owners == {name: told["owner"] for name, told in TRUTH["services"].items()}
    workflow = yaml.safe_load((SHOP / ".github" / "workflows" / "release.yaml").read_text())
    assert set(workflow["jobs"]["image"]["strategy"]["matrix"]["service"]) == set(built)
    rules = yaml.safe_load((SHOP / "prometheus" / "rules.yaml").read_text())["groups"]
    watched = {rule["labels"].get("service") for group in rules for rule in group["rules"]} - {None}
    assert watched == set(built)


@pytest.mark.parametrize("name", sorted(TRUTH["services"]))
def test_the_dockerfile_starts_what_the_process_starts(name: str, built: dict[str, Any]) -> None:
    """The image's command is the command that runs without a container."""
    text = (SHOP / built[name]["build"]["dockerfile"]).read_text()
    command = json.loads(re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)[-1])
    assert command == built[name]["x-process"]["run"]


def test_flags_of_the_file_are_those_that_code_asks_for() -> None:
    """Every flag of the file is asked for by some service's code, and no service asks for another one."""
    defined = set(json.loads((SHOP / "flags.json").read_text())["flags"])
    asked = {row[0] for told in TRUTH["services"].values() for row in told["flags"]}
    assert asked == defined
    for name, told in TRUTH["services"].items():
        for key, file, _ in told["flags"]:
            assert f'"{key}"' in (SHOP / name / file).read_text()


def test_the_lock_names_no_registry_and_holds_every_hash() -> None:
    """The lock of Node packages says what a package must hash to, and nothing of where it was fetched."""
    packages = json.loads((SHOP / "package-lock.json").read_text())["packages"]
    fetched = {path: each for path, each in packages.items() if path}
    assert fetched
    assert all(each.get("integrity") for each in fetched.values())
    assert not [path for path, each in fetched.items() if "resolved" in each]


def test_service_names_stand_as_words_of_their_own(built: dict[str, Any]) -> None:
    """No file holds a service's name inside a longer word, so that whole words can be replaced to rename the shop."""
    names = "|".join(sorted(built, key=len, reverse=True))
    inside = re.compile(rf"[A-Za-z](?:{names})|(?:{names})[A-Za-z]", re.IGNORECASE)
    found = {
        (path.relative_to(SHOP).as_posix(), match[0])
        for path in SHOP.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "package-lock.json"
        for match in inside.finditer(path.read_text())
    }
    assert not found


class Asked:
    """Processes that are asked for and not started."""

    def start(self, *_: Any, **__: Any) -> None:
        """Start nothing."""


def test_an_alert_says_which_estate_it_is_of(tmp_path: Path) -> None:
    """Prometheus, as declared and as it is run here, labels every alert with the environment of the shop's things."""
    servers.prometheus(Asked(), tmp_path, 9, tmp_path / "log", targets={}, manager=8, rules=())  # type: ignore[arg-type]
    declared, run = (
        yaml.safe_load(path.read_text())["global"]["external_labels"]
        for path in (SHOP / "prometheus" / "prometheus.yaml", tmp_path / "prometheus.yml")
    )

    assert declared == run == {"environment": ENVIRONMENT}
