"""Kubernetes: what containers wrote, those of before a restart too; the last lines of each.

    KubernetesLogs(lambda: clients.kubernetes("prod")).ask(Question(Modality.LOGS, window, about=(payment,)))

For a cluster without a log store: it reads pod by pod, so it takes at most twenty pods, and says so.
`what`, where given, is a text that lines must hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from ontology.errors import BadInput, Unavailable
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.kubernetes_reading import PODS, Cluster, KubernetesSource, moment, workload
from workbench.telemetry.live_source import Row, names_of, parsed, replied
from workbench.telemetry.log_lines import said

LINES = 2_000
"""Lines of a container, the last."""
MOST_PODS = 20


class KubernetesLogs(KubernetesSource):
    """Answers questions on logs from a Kubernetes API."""

    name = "kubernetes logs"
    modality: ClassVar[Modality] = Modality.LOGS

    def reply(self, question: Question) -> Reply:
        """Return the lines of the containers of the entities."""
        cluster = self.cluster()
        names = names_of(question)
        pods = parsed(self.name, ((workload(each, names), each) for each in cluster.listed(PODS)))
        meant = [(str(entity), pod) for entity, pod in pods if not names or entity in names]
        rows, asked = list[Row](), list[str]()
        for entity, pod in meant[:MOST_PODS]:
            rows += parsed(self.name, self._lines(cluster, entity, pod, question, asked))  # type: ignore[arg-type]
        if asked and len(cluster.refused) == len(asked):
            raise Unavailable(f"No log can be read: {cluster.refused[0]}.", next_step="Allow get of pods/log.")
        if len(meant) > MOST_PODS:
            cluster.refused.append(f"only {MOST_PODS} of {len(meant)} pods were read")
        remark = f"{'; '.join(cluster.refused).capitalize()}." if cluster.refused else ""
        return replied(rows, question, searched="kubernetes", query="\n".join(asked) or "GET pods", remark=remark)

    def _lines(
        self, cluster: Cluster, entity: str, pod: Mapping[str, Any], question: Question, asked: list[str]
    ) -> Iterator[Row]:
        """Yield the lines of a pod's containers, those before the last restart first."""
        for status in (pod.get("status") or {}).get("containerStatuses") or ():
            for previous in (True, False) if status.get("restartCount") else (False,):
                where = f"{pod['metadata']['name']}/{status['name']}"
                asked.append(f"kubectl logs {where} --tail={LINES}{' --previous' if previous else ''}")
                try:
                    text = cluster.log(pod, status["name"], previous=previous, lines=LINES)
                except Unavailable as error:
                    cluster.refused.append(f"{where}: {error.problem.rstrip('.')}")
                    continue
                yield from _rows(text, entity, question)


def _rows(text: str, entity: str, question: Question) -> Iterator[Row]:
    for line in text.splitlines():
        at, _, words = line.partition(" ")
        try:
            time = moment(at)
        except BadInput:  # the last line of an answer may be cut
            continue
        found = said(words, question.window.start.year)
        if question.what.lower() in found.message.lower():
            yield time, entity, found.severity, found.message, found.trace
