"""Pipelines: what they build, deploy and run, in GitHub Actions, GitLab CI and Airflow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ontology import iris, terms
from ontology.errors import NotFound
from ontology.nouns import Fact
from scanners.changes.pipelines import PipelinesScanner
from scanners.changes.shell_commands import acts
from scanners.compose.scanner import ComposeScanner
from scanners.kubernetes.manifests import KubernetesScanner

Saying = Callable[[Iterable[Fact]], set[tuple[str, str, Any]]]
Writing = Callable[[Mapping[str, str]], Path]
REMOTE = '[remote "origin"]\n\turl = https://github.com/Acme/Shop.git\n'
WORKFLOW = """
name: Release
on:
  push: {branches: [main]}
  schedule: [{cron: "0 4 * * *"}]
env: {REGISTRY: ghcr.io, IMAGE: "ghcr.io/${{ github.repository }}"}
jobs:
  build:
    strategy: {matrix: {service: [cart, web], include: [{service: mail}]}}
    steps:
      - uses: docker/build-push-action@v6
        with:
          tags: |
            ghcr.io/acme/${{ matrix.service }}:1.4
            ghcr.io/acme/${{ matrix.service }}:${{ github.sha }}
            ${{ vars.ELSEWHERE }}/x:1
      - id: meta
        uses: docker/metadata-action@v5
        with: {images: "${{ env.IMAGE }}"}
      - uses: docker/build-push-action@v6
        with: {tags: "${{ steps.meta.outputs.tags }}"}
      - run: |
          TAG=$(git rev-parse HEAD)
          docker build -t $REGISTRY/acme/api:$TAG \\
            -f Dockerfile .
  deploy:
    environment: {name: production}
    steps:
      - run: kubectl -n shop set image deployment/cart cart=ghcr.io/acme/cart:1.4 && echo done
      - run: kubectl rollout status deployment/$UNKNOWN
      - uses: aws-actions/amazon-ecs-deploy-task-definition@v2
        with: {service: "${{ vars.SERVICE }}", cluster: prod}
  shared: {uses: ./.github/workflows/lib.yml}
"""


def build(estate: Writing, files: Mapping[str, str], remote: str = REMOTE) -> Path:
    return estate({".git/config": remote, **files})


def objects(facts: Iterable[Fact], predicate: str) -> dict[str, float]:
    return {str(fact.object).rpartition("/id/")[2]: fact.confidence for fact in facts if fact.predicate == predicate}


def deployed(facts: Iterable[Fact]) -> dict[str, float]:
    return {
        fact.subject.rpartition("/id/")[2]: fact.confidence for fact in facts if fact.predicate == terms.DEPLOYED_BY
    }


def test_a_workflow_builds_images(estate: Writing) -> None:
    """Tags that are known are sure, an unknown tag leaves the name at 0.7, an unknown registry nothing."""
    facts = PipelinesScanner(build(estate, {".github/workflows/release.yml": WORKFLOW})).scan().facts

    assert objects(facts, terms.BUILDS_IMAGE) == {
        **{f"image/ghcr.io:acme:{name}%3A1.4": 1.0 for name in ("cart", "web", "mail")},
        **{f"image/ghcr.io:acme:{name}": 0.7 for name in ("cart", "web", "mail", "shop", "api")},
    }


def test_a_workflow_deploys(estate: Writing, said: Saying) -> None:
    """The workload with its namespace at 0.9, the service of its name at 0.7; a variable names nothing."""
    facts = PipelinesScanner(build(estate, {".github/workflows/release.yml": WORKFLOW})).scan().facts

    assert deployed(facts) == {"workload/default:shop:deployment:cart": 0.9, "service/default:cart": 0.7}
    assert {
        ("Release", "environment", "production"),
        ("Release", "schedule", "0 4 * * *"),
        ("Release", "labelKV", "on=push"),
        ("Release", "definedIn", ".github/workflows/release.yml"),
        ("Release", "partOf", "shop"),
    } <= said(facts)
    assert objects(facts, terms.DEPENDS_ON) == {"pipeline/github.com:acme:shop:.github:workflows:lib.yml": 1.0}


def test_image_and_workload_are_those_of_the_estate(estate: Writing) -> None:
    """The image that is built is the one that Compose uses, the workload the one that the manifest declares."""
    manifest = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart, namespace: shop}\nspec:\n  template:\n"
        "    spec:\n      containers: [{name: cart, image: 'ghcr.io/acme/cart:1.4'}]\n"
    )
    compose = "services:\n  cart: {image: 'ghcr.io/acme/cart:1.4'}\n"
    folder = build(estate, {".github/workflows/r.yml": WORKFLOW, "compose.yaml": compose, "k8s/cart.yaml": manifest})
    facts = PipelinesScanner(folder).scan().facts

    for scanner in (ComposeScanner(folder), KubernetesScanner(folder / "k8s")):
        used = {fact.object for fact in scanner.scan().facts if fact.predicate == terms.USES_IMAGE}
        assert used and used <= {fact.object for fact in facts if fact.predicate == terms.BUILDS_IMAGE}
    workloads = {
        fact.subject for fact in KubernetesScanner(folder / "k8s").scan().facts if "/workload/" in fact.subject
    }
    assert workloads & {fact.subject for fact in facts if fact.predicate == terms.DEPLOYED_BY}


def test_gitlab_with_includes_and_extends(estate: Writing, said: Saying) -> None:
    """Variables, local includes and extends are followed; what the job that extends says comes last."""
    main = (
        "include: [{local: /ci/base.yml}, {project: other/thing, file: x.yml}, 'ci/more-*.yml']\n"
        "variables: {NAME: search}\n"
        "build:\n  extends: .docker\n  script:\n    - docker push $CI_REGISTRY_IMAGE/$NAME:1.2\n"
        "    - docker push $CI_REGISTRY_IMAGE/$NAME:$CI_COMMIT_SHA\n"
        "deploy:\n  extends: [.docker, .prod]\n  variables: {RELEASE: shop}\n"
    )
    base = (
        ".docker: {image: 'docker:27', script: [echo]}\n"
        ".prod: {environment: production, script: ['helm upgrade $RELEASE ./c -n shop']}\n"
    )
    more = "late: {script: [terraform -chdir=infra apply -var-file=staging.tfvars]}\n"
    remote = REMOTE.replace("github.com", "gitlab.com")
    folder = build(estate, {".gitlab-ci.yml": main, "ci/base.yml": base, "ci/more-1.yml": more}, remote)

    scan = PipelinesScanner(folder).scan()

    assert scan.complete
    assert objects(scan.facts, terms.BUILDS_IMAGE) == {
        "image/registry.gitlab.com:acme:shop:search%3A1.2": 1.0,
        "image/registry.gitlab.com:acme:shop:search": 0.7,
    }
    assert deployed(scan.facts) == {"helm-release/default:shop:shop": 0.9, "service/default:shop": 0.5}
    assert {
        ("shop", "environment", "production"),
        ("shop", "environment", "staging"),
        ("shop", "usesImage", "docker:27"),
    } <= said(scan.facts)


DAG = """
from datetime import timedelta
from airflow.decorators import dag, task
IMAGE = "ghcr.io/acme/etl:3"
with DAG("nightly", schedule="0 2 * * *") as nightly:
    extract = KubernetesPodOperator(task_id="extract", image=IMAGE, namespace="data")
    load = SQLExecuteQueryOperator(task_id="load", conn_id="warehouse", sql="x")
    note = BashOperator(task_id="note", bash_command="kubectl -n shop rollout restart deployment/cart")
    extract >> [load, note]
    load << BashOperator(task_id="first", bash_command="TOKEN=abc curl --token hunter2secret x")
    TriggerDagRunOperator(task_id="go", trigger_dag_id="hourly")
    BashOperator(task_id=f"computed_{1}", bash_command="x")
@dag(schedule=timedelta(hours=1))
def hourly():
    @task
    def one(): ...
    one()
old = DAG(dag_id="old", schedule_interval="@daily")
PythonOperator(task_id="py", dag=old)
"""


def test_a_dag_says_its_tasks(estate: Writing, said: Saying) -> None:
    """Schedule, tasks with operator and order, image, connection, command and what it deploys and triggers."""
    facts = PipelinesScanner(build(estate, {"dags/etl.py": DAG})).scan().facts
    told = said(facts)

    assert {
        ("nightly", "schedule", "0 2 * * *"),
        ("hourly", "schedule", "timedelta(hours=1)"),
        ("old", "schedule", "@daily"),
        ("extract", "resourceType", "KubernetesPodOperator"),
        ("extract", "usesImage", "ghcr.io/acme/etl:3"),
        ("load", "readsConfig", "warehouse"),
        ("go", "mentions", "hourly"),
        ("py", "partOf", "old"),
        ("one", "partOf", "hourly"),
    } <= told
    assert {each[::2] for each in told if each[1] == "dependsOn"} == {
        ("load", "extract"), ("note", "extract"), ("load", "first"),
    }  # fmt: skip
    assert {each[0] for each in told if each[1:] == ("partOf", "nightly")} == {"extract", "load", "note", "first", "go"}
    assert deployed(facts)["workload/default:shop:deployment:cart"] == 0.9
    assert "hunter2secret" not in str(told)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("podman build --tag=reg.io/a:1 .", {("build", "image", "reg.io/a:1")}),
        ("docker buildx build --push -t a:1 -t b:2 .", {("build", "image", "a:1"), ("build", "image", "b:2")}),
        ("/kaniko/executor --context . --destination reg.io/a:1", {("build", "image", "reg.io/a:1")}),
        ("oc scale sts db --replicas=0", {("deploy", "statefulset", "db")}),
        ("argocd app sync shop-prod", {("deploy", "application", "shop-prod")}),
        (
            "gcloud run deploy web --image gcr.io/p/web:1",
            {("deploy", "service", "web"), ("use", "image", "gcr.io/p/web:1")},
        ),
        ("aws ecs update-service --cluster c --service web", {("deploy", "service", "web")}),
        ("kubectl apply -f k8s/ -n shop", {("deploy", "file", "k8s/")}),
        ("helm upgrade --install $NAME ./chart", set()),
        ("kubectl get pods; helm list | grep x", set()),
        ("echo 'docker push x:1", set()),
        ("# docker push x:1", set()),
        ("A=$B; B=$A; docker push $A", set()),
        ("docker push " * 20_000, {("build", "image", "docker")}),
    ],
)
def test_what_commands_do(script: str, expected: set[tuple[str, str, str]]) -> None:
    """Builds, pushes and deploys are told from what only looks like one; what is unknown is left out."""
    assert {(act.verb, act.kind, act.name) for act in acts(script, {}, "")} == expected


def test_circles_are_cut_and_said(estate: Writing) -> None:
    """Files that include each other and jobs that extend each other are problems; the rest is read."""
    main = "include: ci/a.yml\nbuild: {extends: .x, script: [docker push a:1]}\n"
    folder = build(
        estate, {".gitlab-ci.yml": main, "ci/a.yml": "include: /.gitlab-ci.yml\n.x: {extends: .y}\n.y: {extends: .x}\n"}
    )

    scan = PipelinesScanner(folder).scan()

    reasons = sorted(each.reason for each in scan.problems)
    assert [re.sub(r" by way of .*", "", each) for each in reasons] == ["extends itself", "includes itself"]
    assert not scan.complete
    assert objects(scan.facts, terms.BUILDS_IMAGE) == {"image/a%3A1": 1.0}


def test_hostile_files_are_set_aside(estate: Writing) -> None:
    """An alias bomb, depth, bytes and broken Python each are a problem; the good workflow is there."""
    bomb = "jobs: &a [x]\n" + "".join(f"k{n}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9))
    folder = build(
        estate,
        {
            ".github/workflows/bomb.yml": bomb,
            ".github/workflows/deep.yml": "jobs: " + "[" * 100_000,
            ".github/workflows/good.yml": WORKFLOW,
            ".github/workflows/odd.yml": "jobs: [1, {steps: 3}]\n",
            "dags/broken.py": "from airflow import DAG\nwith DAG(\n",
            "dags/deep.py": "from airflow import DAG\nx = " + "(" * 5_000,
        },
    )
    (folder / ".github/workflows/binary.yml").write_bytes(b"\xff\xfejobs")

    scan = PipelinesScanner(folder).scan()

    where = {each.where.rpartition("/")[2].partition(":")[0] for each in scan.problems}
    assert where == {"bomb.yml", "deep.yml", "binary.yml", "broken.py", "deep.py"}
    assert all(each.reason for each in scan.problems)
    assert not scan.complete
    assert deployed(scan.facts)


def test_a_folder_without_pipelines(tmp_path: Path) -> None:
    """It is refused with the next step; a Python file that is no DAG is none."""
    (tmp_path / "app.py").write_text("import os\n")
    with pytest.raises(NotFound, match="Next:"):
        PipelinesScanner(tmp_path).scan()


def test_an_unknown_remote_is_no_registry(estate: Writing) -> None:
    """Without a remote nothing of the repository's name is filled into an image."""
    facts = PipelinesScanner(build(estate, {".github/workflows/release.yml": WORKFLOW}, "")).scan().facts

    assert not [each for each in objects(facts, terms.BUILDS_IMAGE) if "repository" in each or each.endswith("shop")]
    assert iris.thing("repository", "estate") in {fact.subject for fact in facts}
