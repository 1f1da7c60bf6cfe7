"""Pipelines written in YAML: GitHub Actions and GitLab CI. Pure: documents in, pipelines out.

A value that is only known when the pipeline runs (`${{ github.sha }}`, `$CI_COMMIT_SHA`) is never guessed: an image
loses its tag and is less sure, anything else is left out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from scanners.bounded import Document
from scanners.changes.pipeline_nouns import Pipeline
from scanners.changes.shell_commands import Act, acts, environment_in, image
from scanners.documents import pairs, rows, text
from scanners.origin import Origin
from scanners.protocol import Problem
from scanners.references import LIKELY, expand

MATRIX = 50
"""Combinations of a matrix that are followed."""
_EXPRESSION = re.compile(r"\$\{\{\s*([\w.\-]+)\s*\}\}")
_NO_JOB = frozenset({"stages", "variables", "include", "default", "workflow", "image", "services", "before_script",
                     "after_script", "cache", "pages", "spec", "types"})  # fmt: skip
_DEPLOY_ACTIONS = (
    ("aws-actions/amazon-ecs-deploy-task-definition", "service", "cluster"),
    ("google-github-actions/deploy-cloudrun", "service", "project_id"),
    ("azure/webapps-deploy", "app-name", "slot-name"),
    ("azure/container-apps-deploy-action", "containerAppName", "resourceGroup"),
)
"""Action, the input that names what it deploys, and one that may name the environment."""


def github(document: Document, origin: Origin) -> Pipeline | None:
    """Return the workflow of a file; None for what is none."""
    content = document.content
    jobs = content.get("jobs") if isinstance(content, dict) else None
    if not isinstance(jobs, dict):
        return None
    path = document.path
    on = content.get("on")
    triggers = (on,) if isinstance(on, str) else tuple(on) if isinstance(on, dict | list) else ()
    crons = tuple(text(each.get("cron")) for each in rows(on.get("schedule") if isinstance(on, dict) else None))
    known = _github_known(origin) | _named("env", pairs(content.get("env")))
    found: list[Act] = []
    environments: dict[str, str] = {}
    needs: list[tuple[str, str]] = []
    for key, job in jobs.items():
        if not isinstance(job, dict):
            continue
        base = f"jobs/{key}"
        uses = text(job.get("uses"))
        if uses.startswith("./"):
            needs.append((uses.removeprefix("./"), document.at(f"{base}/uses")))
        for values in _matrix(job):
            job_known = _resolved(known | values | _named("env", pairs(job.get("env"))))
            where = job.get("environment")
            named = _filled(text(where.get("name") if isinstance(where, dict) else where), job_known)
            if named and "$" not in named:
                environments[named] = document.at(f"{base}/environment")
            found += [replace(act, environment=act.environment or (named if "$" not in named else ""))
                      for act in _github_job(document, base, job, job_known)]  # fmt: skip
    name = text(content.get("name")) or path.rpartition("/")[2].rpartition(".")[0]
    return Pipeline("github", name, path, document.at(), crons, tuple(map(str, triggers)), environments,
                    tuple(dict.fromkeys(found)), tuple(needs))  # fmt: skip


def _github_known(origin: Origin) -> dict[str, str]:
    """Return what GitHub tells every workflow and the remote tells us."""
    host, _, slug = origin.repository.partition("/")
    if "/" not in slug or "." not in host:
        return {}
    owner, name = slug.split("/", 1)
    return {"github.repository": slug, "github.repository_owner": owner, "github.event.repository.name": name}


def _named(scope: str, values: Mapping[str, str]) -> dict[str, str]:
    return {f"{scope}.{name}": value for name, value in values.items()}


def _matrix(job: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the values of each combination of a matrix that is written out; one empty set where there is none."""
    strategy = job.get("strategy")
    matrix = strategy.get("matrix") if isinstance(strategy, dict) else None
    lists = {key: each for key, each in matrix.items() if isinstance(each, list)} if isinstance(matrix, dict) else {}
    extra = rows(lists.pop("include", []))
    lists.pop("exclude", None)
    axes = [[(key, value) for value in values] for key, values in lists.items()]
    combined: Iterable[tuple[tuple[str, Any], ...]] = itertools.product(*axes) if axes else ()
    sets = [dict(each) for each in itertools.islice(combined, MATRIX)] + [dict(each) for each in extra[:MATRIX]]
    for each in sets or [{}]:
        flat = {f"matrix.{key}": text(value) for key, value in each.items() if not isinstance(value, dict)}
        for key, value in each.items():
            flat |= {f"matrix.{key}.{name}": part for name, part in pairs(value).items()}
        yield flat


def _resolved(known: Mapping[str, str]) -> dict[str, str]:
    """Return the values with each other filled in, twice: what still holds an expression stays unknown."""
    once = {name: _filled(value, known) for name, value in known.items()}
    return {name: _filled(value, once) for name, value in once.items()}


def _filled(value: str, known: Mapping[str, str]) -> str:
    """Return a text with the expressions filled in whose value is known.

    >>> _filled("ghcr.io/${{ github.repository }}:${{ github.sha }}", {"github.repository": "acme/shop"})
    'ghcr.io/acme/shop:${{ github.sha }}'
    """
    return _EXPRESSION.sub(lambda match: known.get(match[1], match[0]), value)


def _github_job(document: Document, base: str, job: Mapping[str, Any], known: Mapping[str, str]) -> Iterator[Act]:
    """Yield what a job does: the container it runs in, its steps."""
    box = job.get("container")
    used = _filled(text(box.get("image") if isinstance(box, dict) else box), known)
    services = job.get("services")
    others = (
        [text(each.get("image")) for each in services.values() if isinstance(each, dict)]
        if isinstance(services, dict)
        else []
    )
    for name in (used, *(_filled(other, known) for other in others)):
        yield from _uses(name, document.at(base))
    metadata: dict[str, str] = {}
    for index, step in enumerate(rows(job.get("steps"))):
        where = document.at(f"{base}/steps/{index}")
        values = _resolved({**known, **_named("env", pairs(step.get("env")))})
        variables = {
            name[4:]: value for name, value in values.items() if name.startswith("env.") and "${{" not in value
        }
        variables |= {"GITHUB_REPOSITORY": known["github.repository"]} if "github.repository" in known else {}
        yield from acts(_filled(text(step.get("run")), values), variables, where)
        inputs = {name: _filled(value, {**values, **metadata}) for name, value in pairs(step.get("with")).items()}
        action = text(step.get("uses")).partition("@")[0].lower()
        if action == "docker/metadata-action" and step.get("id"):
            first = next(iter(inputs.get("images", "").split()), "")
            metadata[f"steps.{text(step['id'])}.outputs.tags"] = f"{first}:${{{{ computed }}}}" if first else ""
        yield from _action(action, inputs, where)


def _uses(name: str, evidence: str) -> Iterator[Act]:
    """Yield the use of an image, if its name is known."""
    found = image(name)
    if name and "$" not in found.name:
        yield Act("use", "image", found.name, confidence=found.confidence, evidence=evidence)


def _action(action: str, inputs: Mapping[str, str], evidence: str) -> Iterator[Act]:
    """Yield what a step does that uses somebody's action."""
    if action == "docker/build-push-action":
        for tag in re.split(r"[,\n]", inputs.get("tags", "")):
            written = tag.strip().partition("type=")[0].strip()
            found = image(written)
            if written and "$" not in found.name:
                yield replace(found, evidence=evidence)
    for name, what, where in _DEPLOY_ACTIONS:
        service = inputs.get(what, "")
        if action == name and service and "$" not in service:
            at = environment_in(inputs.get(where, ""))
            yield Act("deploy", "service", service, environment=at, confidence=LIKELY, evidence=evidence)
    if action == "azure/k8s-deploy":
        for used in inputs.get("images", "").split():
            yield from _uses(used, evidence)


def gitlab(documents: Mapping[str, Document], path: str, origin: Origin) -> tuple[Pipeline, tuple[Problem, ...]]:
    """Return the pipeline that starts at a file, with what it includes from the same repository.

    Args:
        documents: every file that may be included, by path.
        path: where it starts.
        origin: the repository.
    """
    problems: list[Problem] = []
    jobs: dict[str, tuple[Mapping[str, Any], Document]] = {}
    variables = _gitlab_known(origin)
    for document in _included(documents, path, problems, ()):
        variables |= _variables(document.content.get("variables"))
        jobs |= {str(key): (job, document) for key, job in document.content.items()
                 if isinstance(job, dict) and key not in _NO_JOB}  # fmt: skip
    found: list[Act] = []
    environments: dict[str, str] = {}
    for name, (_, document) in jobs.items():
        if name.startswith("."):
            continue
        job = _extended(name, jobs, problems, ())
        known = variables | _variables(job.get("variables"))
        where = job.get("environment")
        named = expand(text(where.get("name") if isinstance(where, dict) else where), known)
        named = named if "$" not in named else ""
        if named:
            environments[named] = document.at(name)
        found += [replace(act, environment=act.environment or named) for act in _gitlab_job(job, known, document, name)]
    title = origin.name if path in (".gitlab-ci.yml", ".gitlab-ci.yaml") else path.rpartition("/")[2]
    pipeline = Pipeline("gitlab", title, path, path, environments=environments, acts=tuple(dict.fromkeys(found)))
    return pipeline, tuple(dict.fromkeys(problems))


def _gitlab_known(origin: Origin) -> dict[str, str]:
    """Return the predefined variables that follow from where the repository lies."""
    host, _, slug = origin.repository.partition("/")
    if "/" not in slug or "." not in host:
        return {"CI_PROJECT_NAME": origin.name}
    known = {"CI_PROJECT_PATH": slug, "CI_PROJECT_NAME": origin.name, "CI_PROJECT_NAMESPACE": slug.rpartition("/")[0]}
    if host == "gitlab.com":
        known |= {"CI_REGISTRY": "registry.gitlab.com", "CI_REGISTRY_IMAGE": f"registry.gitlab.com/{slug}"}
    return known


def _variables(value: Any) -> dict[str, str]:
    """Return the variables of a block, short (`A: b`) and long (`A: {value: b}`)."""
    found = pairs(value)
    for name, each in value.items() if isinstance(value, dict) else ():
        if isinstance(each, dict):
            found[str(name)] = text(each.get("value"))
    return {name: each for name, each in found.items() if each}


def _included(
    documents: Mapping[str, Document], path: str, problems: list[Problem], above: tuple[str, ...]
) -> Iterator[Document]:
    """Yield the files that a file includes, then itself, since it has the last word; a circle is cut and told."""
    if path in above:
        problems.append(Problem(path, f"includes itself by way of {above[-1]}"))
        return
    document = documents.get(path)
    if document is None or not isinstance(document.content, dict):
        return
    for name in local_includes(document, documents) if len(above) < 50 else []:
        yield from _included(documents, name, problems, (*above, path))
    yield document


def local_includes(document: Document, paths: Iterable[str]) -> list[str]:
    """Return which of the files of the repository a file of GitLab CI includes; `*` stands for any."""
    content = document.content
    listed = content.get("include") if isinstance(content, dict) else None
    names: list[str] = []
    for each in listed if isinstance(listed, list) else [listed]:
        local = each if isinstance(each, str) else each.get("local") if isinstance(each, dict) else None
        if isinstance(local, str) and "://" not in local:
            names += [path for path in paths if fnmatchcase(path, local.removeprefix("./").lstrip("/"))]
    return names


def _extended(
    name: str, jobs: Mapping[str, tuple[Mapping[str, Any], Document]], problems: list[Problem], above: tuple[str, ...]
) -> dict[str, Any]:
    """Return a job with what it extends below it; a circle is cut and told."""
    if name not in jobs:
        return {}
    job, document = jobs[name]
    if name in above or len(above) > 20:
        problems.append(Problem(document.at(name), f"extends itself by way of {above[-1]}"))
        return {}
    merged: dict[str, Any] = {}
    base = job.get("extends")
    for each in base if isinstance(base, list) else [base] if base else []:
        merged = _laid(merged, _extended(text(each), jobs, problems, (*above, name)))
    return _laid(merged, job)


def _laid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return two jobs as one, the second over the first; variables are merged by name."""
    merged = {**below, **above}
    if isinstance(below.get("variables"), dict) and isinstance(above.get("variables"), dict):
        merged["variables"] = {**below["variables"], **above["variables"]}
    return merged


def _gitlab_job(job: Mapping[str, Any], known: Mapping[str, str], document: Document, name: str) -> Iterator[Act]:
    """Yield what a job does: the images it runs in, its scripts."""
    where = document.at(name)
    services = job.get("services")
    for each in (job.get("image"), *(services if isinstance(services, list) else ())):
        yield from _uses(expand(text(each.get("name") if isinstance(each, dict) else each), known), where)
    for key in ("before_script", "script", "after_script"):
        place = document.at(f"{name}/{key}") if key in job else where
        yield from acts("\n".join(_lines(job.get(key))), known, place)


def _lines(script: Any) -> Iterator[str]:
    """Yield the lines of a script; lists may hold lists."""
    if isinstance(script, list):
        for each in script:
            yield from _lines(each)
    else:
        yield text(script)
