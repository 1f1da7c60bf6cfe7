"""Pipelines: GitHub Actions, GitLab CI, Airflow DAGs; what they build, deploy and run, and where that is written.

Images get the IRI that Compose and Kubernetes give them, workloads the one of the Kubernetes scanner, so that a
deployment, its image and the pipeline that made both hang together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ontology import iris, terms
from ontology.errors import NotFound
from ontology.nouns import Fact, Iri, Layer
from ontology.terms import Kind
from scanners import bounded
from scanners.bounded import Document
from scanners.changes.airflow_code import dags, is_dag_file
from scanners.changes.pipeline_nouns import Pipeline, Task
from scanners.changes.shell_commands import Act
from scanners.changes.workflows import github, gitlab, local_includes
from scanners.ledger import Ledger
from scanners.origin import Origin, origin, scope_of
from scanners.protocol import Now, Problem, Reading, Redact, Scan, clock, run
from scanners.references import LIKELY, POSSIBLE
from scanners.secrecy import without_secrets

_WORKFLOW = re.compile(r"(^|/)\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml$")
_GITLAB = re.compile(r"(^|/)\.gitlab-ci\.ya?ml$")
_KINDS = {
    "deployment": Kind.DEPLOYMENT,
    "statefulset": Kind.STATEFUL_SET,
    "daemonset": Kind.DAEMON_SET,
    "cronjob": Kind.CRON_JOB,
    "job": Kind.JOB,
}


@dataclass(frozen=True, slots=True)
class Pipelines:
    """The pipelines of a folder."""

    pipelines: tuple[Pipeline, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class PipelinesScanner:
    """Reads a checkout with pipelines, or a folder of DAGs."""

    target: Path
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    name: str = "pipelines"
    layer: Layer = Layer.DECLARED

    @property
    def scope(self) -> str:
        """The last two parts of the folder's path."""
        return scope_of(self.target)

    def read(self) -> Reading[Pipelines]:
        """Read the pipelines.

        Raises:
            NotFound: there is none.
        """
        target, where = bounded.folder(self.target), origin(self.target)
        found, problems = _yaml(target, where)
        more, wrong = _airflow(target)
        every, problems = (*found, *more), (*problems, *wrong)
        if not every and not problems:
            raise NotFound(
                f"There is no pipeline in {target}.",
                next_step="Name a checkout with .github/workflows or .gitlab-ci.yml, or a folder of Airflow DAGs.",
            )
        return Reading(Pipelines(every, where), self.now(), problems, not problems)

    def facts(self, reading: Reading[Pipelines]) -> tuple[Fact, ...]:
        """Say which pipelines there are, and what they do."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        for each in reading.raw.pipelines:
            self._pipeline(ledger, each, reading.raw.origin)
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)

    def _pipeline(self, ledger: Ledger, each: Pipeline, where: Origin) -> None:
        """Write down a pipeline, where it is defined and what it does."""
        iri = ledger.thing(self._iri(each, where), Kind.PIPELINE, each.name, each.evidence)
        repository = ledger.thing(where.iri, Kind.REPOSITORY, where.name, each.evidence)
        file = ledger.thing(where.file(each.path), Kind.FILE, where.path(each.path), each.path)
        ledger.say(file, terms.PART_OF, repository, evidence=each.path)
        ledger.say(iri, terms.DEFINED_IN, file, evidence=each.evidence)
        ledger.say(iri, terms.PART_OF, repository, evidence=each.evidence)
        ledger.say(iri, terms.PROVIDER, each.system, evidence=each.evidence)
        ledger.say(iri, terms.OTEL_CICD_PIPELINE_NAME, each.name, evidence=each.evidence)
        for schedule in each.schedules:
            ledger.say(iri, terms.SCHEDULE, schedule, evidence=each.evidence)
        for trigger in each.triggers:
            ledger.say(iri, terms.LABEL_KV, f"on={trigger}", evidence=each.evidence)
        for environment, evidence in each.environments.items():
            ledger.say(iri, terms.ENVIRONMENT, environment, evidence=evidence)
        for path, evidence in each.needs:
            other = iris.thing("pipeline", where.repository, where.path(path))
            ledger.say(iri, terms.DEPENDS_ON, other, evidence=evidence)
        for act in each.acts:
            self._act(ledger, iri, act, where)
        for task in each.tasks:
            self._task(ledger, each, task, iri, where)

    def _iri(self, each: Pipeline, where: Origin) -> Iri:
        """Return the IRI of a pipeline: its file; of a DAG its id, which is all that Airflow's own API knows."""
        if each.system == "airflow":
            return iris.thing("pipeline", self.environment, "airflow", each.name)
        return iris.thing("pipeline", where.repository, where.path(each.path))

    def _task(self, ledger: Ledger, each: Pipeline, task: Task, pipeline: Iri, where: Origin) -> None:
        """Write down a task of a DAG."""
        evidence = task.evidence
        iri = iris.thing("pipeline", self.environment, "airflow", each.name, task.name)
        ledger.thing(iri, Kind.PIPELINE, task.name, evidence)
        ledger.say(iri, terms.PART_OF, pipeline, evidence=evidence)
        ledger.say(iri, terms.RESOURCE_TYPE, task.operator, evidence=evidence)
        ledger.say(iri, terms.COMMAND, task.command, evidence=evidence)
        for before in task.after:
            other = iris.thing("pipeline", self.environment, "airflow", each.name, before)
            ledger.say(iri, terms.DEPENDS_ON, other, evidence=evidence)
        for name in task.connections:
            connection = iris.thing("config", self.environment, "airflow-connection", name)
            ledger.thing(connection, Kind.CONFIG, name, evidence)
            ledger.say(iri, terms.READS_CONFIG, connection, evidence=evidence)
        if task.triggers:
            other = iris.thing("pipeline", self.environment, "airflow", task.triggers)
            ledger.thing(other, Kind.PIPELINE, task.triggers, evidence)
            ledger.say(iri, terms.MENTIONS, other, confidence=0.9, evidence=evidence)
        for act in task.acts:
            self._act(ledger, iri, act, where)

    def _act(self, ledger: Ledger, pipeline: Iri, act: Act, where: Origin) -> None:
        """Write down one thing that a pipeline does."""
        ledger.say(pipeline, terms.ENVIRONMENT, act.environment, confidence=act.confidence, evidence=act.evidence)
        if act.kind == "image":
            image = iris.thing("image", act.name.lower())
            ledger.thing(image, Kind.IMAGE, act.name, act.evidence, confidence=act.confidence)
            predicate = terms.BUILDS_IMAGE if act.verb == "build" else terms.USES_IMAGE
            ledger.say(pipeline, predicate, image, confidence=act.confidence, evidence=act.evidence)
        elif act.kind == "file":
            path = where.path(act.name)
            if path and "://" not in act.name:
                ledger.say(
                    pipeline, terms.MENTIONS, where.file(act.name), confidence=act.confidence, evidence=act.evidence
                )
                ledger.thing(where.file(act.name), Kind.FILE, path, act.evidence, confidence=act.confidence)
        elif act.kind != "workspace":
            self._deployed(ledger, pipeline, act)

    def _deployed(self, ledger: Ledger, pipeline: Iri, act: Act) -> None:
        """Write down that a workload, a release or a service is deployed by a pipeline."""
        sure = act.confidence
        if act.kind != "service":
            workload, kind = self._workload(act)
            ledger.thing(workload, kind, act.name, act.evidence, confidence=sure)
            ledger.say(workload, terms.DEPLOYED_BY, pipeline, confidence=sure, evidence=act.evidence)
            if act.namespace and kind is not Kind.WORKLOAD:
                space = iris.thing("namespace", self.environment, act.namespace)
                ledger.thing(space, Kind.NAMESPACE, act.namespace, act.evidence, confidence=sure)
                ledger.say(workload, terms.PART_OF, space, confidence=sure, evidence=act.evidence)
            sure = LIKELY if act.kind in _KINDS else POSSIBLE
        service = iris.service(act.name, self.environment)
        ledger.thing(service, Kind.SERVICE, act.name, act.evidence, confidence=sure)
        ledger.say(service, terms.DEPLOYED_BY, pipeline, confidence=sure, evidence=act.evidence)

    def _workload(self, act: Act) -> tuple[Iri, Kind]:
        """Return the IRI and the kind of what is deployed, as the Kubernetes scanner makes them."""
        namespace = act.namespace or "default"
        if act.kind in _KINDS:
            return iris.thing("workload", self.environment, namespace, act.kind, act.name), _KINDS[act.kind]
        if act.kind == "helm-release":
            return iris.thing("helm-release", self.environment, namespace, act.name), Kind.HELM_RELEASE
        return iris.thing("workload", self.environment, "argocd", act.kind, act.name), Kind.WORKLOAD


def _yaml(target: Path, where: Origin) -> tuple[tuple[Pipeline, ...], tuple[Problem, ...]]:
    """Return the pipelines written in YAML; a file that a pipeline may include is read only where there is one."""
    paths = {bounded.shown(path, target): path for path in bounded.files(target, ".yml", ".yaml")}
    single = target.is_file()
    workflows = [name for name in paths if _WORKFLOW.search(name if not single else target.resolve().as_posix())]
    starts = [name for name in paths if _GITLAB.search(name)]
    documents: dict[str, Document] = {}
    problems: list[Problem] = []
    waiting = [*workflows, *starts]
    with bounded.Parser() as parser:
        while waiting:
            name = waiting.pop(0)
            found = parser.read(paths[name], target)
            if isinstance(found, Problem):
                problems.append(found)
                continue
            for each in found:
                if isinstance(each.content, dict):
                    documents[name] = each
                    included = local_includes(each, paths) if name not in workflows else []
                    waiting += [path for path in included if path not in documents and path not in waiting]
    pipelines = [made for name in workflows if name in documents and (made := github(documents[name], where))]
    for start in starts:
        if start in documents:
            pipeline, wrong = gitlab(documents, start, where)
            pipelines.append(pipeline)
            problems += wrong
    return tuple(pipelines), tuple(problems)


def _airflow(target: Path) -> tuple[tuple[Pipeline, ...], tuple[Problem, ...]]:
    """Return the DAGs of the Python files."""
    found: list[Pipeline] = []
    problems: list[Problem] = []
    for path in bounded.files(target, ".py"):
        name = bounded.shown(path, target)
        text = bounded.text_of(path, name)
        if isinstance(text, Problem) or not is_dag_file(text):
            continue
        try:
            found += dags(text, name)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            problems.append(Problem(f"{name}{line}", f"no Python: {str(error) or 'nests too deep'}"))
    return tuple(found), tuple(problems)
