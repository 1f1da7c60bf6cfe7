"""Argo CD: what its applications were synchronised to, and when, as changes.

    ArgocdChanges("https://argocd.example").ask(Question(Modality.CHANGES, window, about=(payment,)))

A release of an application is a change of every workload that it manages. Helm keeps its releases in Kubernetes
secrets, which are never read: what Helm rolled out is seen as revisions of workloads (`kubernetes_changes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.http_source import HttpSource
from workbench.telemetry.live_source import Row, parsed, replied
from workbench.telemetry.readonly import Allowed

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Rollout", "CronJob")
BAD = ("Failed", "Error")


class ArgocdChanges(HttpSource):
    """Answers questions on changes from an Argo CD."""

    name = "argocd"
    modality: ClassVar[Modality] = Modality.CHANGES
    reads = (Allowed("GET", "/api/v1/applications"),)

    def reply(self, question: Question) -> Reply:
        """Return the releases of applications, and syncs that failed."""
        answer = self.get("/api/v1/applications")
        applications = answer.get("items") or []
        if not isinstance(applications, list) or not {"items", "metadata"} & set(answer):
            raise self.foreign()
        rows = parsed(self.name, (row for each in applications for row in _releases(each)))
        return replied(
            rows, question, searched=self.url, query="GET /api/v1/applications", link=f"{self.url}/applications"
        )


def _releases(application: Mapping[str, Any]) -> Iterator[Row]:
    """Yield each release for each workload of an application, or for the application where it has none."""
    name, status = str(application["metadata"]["name"]), application.get("status") or {}
    resources = status.get("resources") or ()
    entities = [str(each["name"]) for each in resources if each.get("kind") in WORKLOADS] or [name]
    before = ""
    for each in sorted(status.get("history") or (), key=lambda release: int(release.get("id", 0))):
        revision = str(each.get("revision") or ", ".join(each.get("revisions") or ()))
        who = each.get("initiatedBy") or {}
        by = f" by {who['username']}" if who.get("username") else " automatically" if who.get("automated") else ""
        said = f"{name} synchronised{by}: {before or 'unknown'} -> {revision[:10]}"
        before = revision[:10]
        for entity in dict.fromkeys(entities):
            yield each["deployedAt"], entity, "deploy", said, revision[:10], _source(each)
    operation = status.get("operationState") or {}
    if operation.get("phase") in BAD:
        said = f"{name} sync {str(operation['phase']).lower()}: {operation.get('message', '')}"
        for entity in dict.fromkeys(entities):
            yield operation.get("finishedAt") or operation["startedAt"], entity, "deploy", said, "", ""


def _source(release: Mapping[str, Any]) -> str:
    """Return where a release comes from, a line a source: path, repository, what was wanted of it."""
    sources = release.get("sources") or [release.get("source") or {}]
    return "\n".join(
        f"{each.get('chart') or each.get('path') or '.'} of <{each.get('repoURL')}> at {each.get('targetRevision')}"
        for each in sources
    )
