"""Every source that there is, and how it is tested: what the contract suite asks, and what docs/sources.md says.

    python -m workbench.testing.contract     # writes the table of docs/sources.md

A new source is a line of `TESTED`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol

import pandas as pd

from workbench.nouns import Modality
from workbench.ports import Source
from workbench.telemetry.alertmanager import AlertmanagerState
from workbench.telemetry.argocd import ArgocdChanges
from workbench.telemetry.changes_flags import FlagHistory, ServedFlags
from workbench.telemetry.changes_forge import GithubChanges, GitlabChanges
from workbench.telemetry.changes_git import GitChanges
from workbench.telemetry.datadog import DatadogMetrics, DatadogMonitors
from workbench.telemetry.datadog_events import DatadogLogs, DatadogTraces
from workbench.telemetry.elasticsearch import ElasticsearchSource
from workbench.telemetry.honeycomb import HoneycombMetrics
from workbench.telemetry.jaeger import JaegerSource
from workbench.telemetry.journald import Journald
from workbench.telemetry.kubernetes_changes import KubernetesChanges
from workbench.telemetry.kubernetes_logs import KubernetesLogs
from workbench.telemetry.kubernetes_state import KubernetesState
from workbench.telemetry.log_files import LogFiles
from workbench.telemetry.loki import LokiSource
from workbench.telemetry.prometheus import PrometheusSource
from workbench.telemetry.prometheus_rules import PrometheusRules
from workbench.telemetry.state_files import StateFiles
from workbench.telemetry.tempo import TempoSource
from workbench.telemetry.trace_files import TraceFiles
from workbench.testing import (
    vendors,
    vendors_changes,
    vendors_cluster,
    vendors_datadog,
    vendors_honeycomb,
    vendors_prometheus,
)

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"
BEGIN = "<!-- sources: written by python -m workbench.testing.contract -->"
END = "<!-- /sources -->"
OURS = "server of our own, in the vendor's documented shapes"
SINCE = "2026-11-23"


class Place(Protocol):
    """Where a double can be reached."""

    @property
    def url(self) -> str:
        """Its address, or the path of its files."""
        ...


@dataclass(frozen=True, slots=True)
class Tested:
    """A source, how one is made, and what it is tested against."""

    __test__: ClassVar[bool] = False  # no class of tests, whatever its name begins with
    name: str
    """Unique, for the contract suite."""
    system: str
    modality: Modality
    setting: str
    """Field of the settings that sets it up."""
    make: Callable[..., Source]
    """From the address of the double, or the path of its files, and a `Pace` (`pace=`) where it asks over a network."""
    double: Callable[[pd.DataFrame], AbstractContextManager[Place]]
    """Holds the rows of a table of the modality, and answers as the system does."""
    how: str = OURS
    since: str = SINCE
    http: bool = True
    """Whether it is an `HttpSource`."""

    @property
    def asks(self) -> bool:
        """Whether it asks over a network, so that a server can refuse, break off and be slow; else it reads files."""
        return self.http or self.setting == "kubernetes_context"


def _cluster(make: Callable[[Callable[[], object]], Source]) -> Callable[..., Source]:
    """Return how a source of a cluster is made from an address."""
    return lambda url, pace=None: make(lambda: vendors_cluster.api_client(url, pace))


def _files(make: Callable[[str], Source]) -> Callable[..., Source]:
    """Return how a source of files is made: it keeps no pace."""
    return lambda path, pace=None: make(path)


_SHOP = {"acme/payment": "", "acme/checkout": "checkout"}
_PROMETHEUS = "Prometheus, Thanos, Mimir, VictoriaMetrics"
TESTED: tuple[Tested, ...] = (
    Tested(
        "prometheus",
        f"{_PROMETHEUS}: metrics, metadata, exemplars",
        Modality.METRICS,
        "prometheus_url",
        partial(PrometheusSource, step=5),
        vendors_prometheus.metrics,
        how="the real Prometheus and VictoriaMetrics, and a server of our own",
    ),
    Tested(
        "prometheus rules",
        f"{_PROMETHEUS}: alerts and rules",
        Modality.STATE,
        "prometheus_url",
        PrometheusRules,
        vendors_prometheus.alerts,
        how="the real Prometheus and VictoriaMetrics, and a server of our own",
    ),
    Tested("loki", "Grafana Loki", Modality.LOGS, "loki_url", LokiSource, vendors.loki),
    Tested(
        "elasticsearch",
        "Elasticsearch, OpenSearch",
        Modality.LOGS,
        "elasticsearch_url",
        ElasticsearchSource,
        vendors.elasticsearch,
    ),
    Tested(
        "kubernetes logs",
        "Kubernetes: container logs",
        Modality.LOGS,
        "kubernetes_context",
        _cluster(KubernetesLogs),
        vendors_cluster.cluster_of_logs,
        http=False,
    ),
    Tested(
        "log files",
        "Log files: plain, JSON lines, the journal's export",
        Modality.LOGS,
        "log_files",
        _files(lambda path: LogFiles({path: ""})),
        vendors.Lines,
        how="real files, written by the test",
        http=False,
    ),
    Tested(
        "journald",
        "journald: this machine's journal, by journalctl",
        Modality.LOGS,
        "journal_units",
        _files(lambda path: Journald({"*": ""}, binary=path, seconds=60)),
        vendors.Journalctl,
        how="a program of our own in the place of journalctl; the real one without a journal",
        http=False,
    ),
    Tested(
        "alertmanager",
        "Prometheus Alertmanager",
        Modality.STATE,
        "alertmanager_url",
        AlertmanagerState,
        vendors.alertmanager,
        how="the real Alertmanager, and a server of our own",
    ),
    Tested(
        "kubernetes state",
        "Kubernetes: pods, deployments, nodes, events",
        Modality.STATE,
        "kubernetes_context",
        _cluster(KubernetesState),
        vendors_cluster.cluster_of_states,
        http=False,
    ),
    Tested(
        "kubernetes rollouts",
        "Kubernetes: rollouts, scaling, ConfigMaps",
        Modality.CHANGES,
        "kubernetes_context",
        _cluster(KubernetesChanges),
        vendors_cluster.cluster_of_changes,
        http=False,
    ),
    Tested(
        "git",
        "git, a local checkout",
        Modality.CHANGES,
        "git_folders",
        _files(GitChanges),
        vendors_changes.Repository,
        how="real repositories, written by the test",
        http=False,
    ),
    Tested(
        "flag file",
        "Feature flags: a flagd file in a checkout",
        Modality.CHANGES,
        "flag_files",
        _files(FlagHistory),
        vendors_changes.FlagFile,
        how="real repositories, written by the test",
        http=False,
    ),
    Tested(
        "served flags",
        "Feature flags: a flagd file that a server gives out",
        Modality.CHANGES,
        "flag_files",
        lambda url, pace=None: ServedFlags(f"{url}/flags.json", "payment", pace=pace),
        vendors_changes.served_flags,
    ),
    Tested(
        "github",
        "GitHub: deployments, pull requests",
        Modality.CHANGES,
        "github_repositories",
        partial(GithubChanges, repositories=_SHOP),
        vendors_changes.github,
    ),
    Tested(
        "gitlab",
        "GitLab: deployments, merge requests",
        Modality.CHANGES,
        "gitlab_projects",
        partial(GitlabChanges, repositories=_SHOP),
        vendors_changes.gitlab,
    ),
    Tested("argocd", "Argo CD", Modality.CHANGES, "argocd_url", ArgocdChanges, vendors_changes.argocd),
    Tested("jaeger", "Jaeger", Modality.TRACES, "jaeger_url", JaegerSource, vendors.jaeger),
    Tested("tempo", "Grafana Tempo", Modality.TRACES, "tempo_url", TempoSource, vendors.tempo),
    Tested(
        "trace files",
        "Trace files: OTLP JSON",
        Modality.TRACES,
        "trace_files",
        _files(lambda path: TraceFiles((path,))),
        vendors.OtlpLines,
        how="real files, written by the test",
        http=False,
    ),
    Tested(
        "state files",
        "State files: JSON lines, as a supervisor writes them",
        Modality.STATE,
        "state_file",
        _files(StateFiles),
        vendors.StateLines,
        how="real files, written by the test",
        http=False,
    ),
    Tested("datadog", "Datadog: metrics", Modality.METRICS, "datadog_url", DatadogMetrics, vendors_datadog.metrics),
    Tested("datadog logs", "Datadog: logs", Modality.LOGS, "datadog_url", DatadogLogs, vendors_datadog.logs),
    Tested("datadog traces", "Datadog: spans", Modality.TRACES, "datadog_url", DatadogTraces, vendors_datadog.traces),
    Tested(
        "datadog monitors",
        "Datadog: monitors",
        Modality.STATE,
        "datadog_url",
        DatadogMonitors,
        vendors_datadog.monitors,
    ),
    Tested(
        "honeycomb",
        "Honeycomb: rate, errors and duration, calculated from events",
        Modality.METRICS,
        "honeycomb_url",
        HoneycombMetrics,
        vendors_honeycomb.metrics,
    ),
)
"""All sources but recordings, which the suite makes itself."""


def table_of_sources() -> str:
    """Return the table of docs/sources.md."""
    rows = [(each.system, each.modality, each.how, each.since, each.setting) for each in TESTED]
    lines = [f"| {system} | {modality} | {how} | {since} | `{name}` |" for system, modality, how, since, name in rows]
    return "\n".join(["| system | answers | tested against | since | setting |", "|---|---|---|---|---|", *lines])


def written(page: str) -> str:
    """Return the page of docs with the table between its two marks.

    Raises:
        ValueError: the page has no such marks.
    """
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return f"{page[:start]}\n{table_of_sources()}\n{page[end:]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
