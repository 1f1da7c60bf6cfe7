"""Which live sources the settings set up: a line each; several of one kind are asked as one.

live_sources(settings, clients)  # {Modality.LOGS: LokiSource(...), ...}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from workbench.nouns import Modality
from workbench.ports import Source
from workbench.settings import Settings
from workbench.telemetry.alertmanager import AlertmanagerState
from workbench.telemetry.argocd import ArgocdChanges
from workbench.telemetry.changes_flags import FlagHistory, ServedFlags
from workbench.telemetry.changes_forge import GithubChanges, GitlabChanges
from workbench.telemetry.changes_git import GitChanges
from workbench.telemetry.clients import bearing
from workbench.telemetry.datadog import DatadogMetrics, DatadogMonitors, keys
from workbench.telemetry.datadog_events import DatadogLogs, DatadogTraces
from workbench.telemetry.elasticsearch import ElasticsearchSource
from workbench.telemetry.honeycomb import HoneycombMetrics, team
from workbench.telemetry.http_source import HttpSource
from workbench.telemetry.jaeger import JaegerSource
from workbench.telemetry.journald import Journald
from workbench.telemetry.kubernetes_changes import KubernetesChanges
from workbench.telemetry.kubernetes_logs import KubernetesLogs
from workbench.telemetry.kubernetes_rights import Guarded, Rights
from workbench.telemetry.kubernetes_state import KubernetesState
from workbench.telemetry.log_files import LogFiles
from workbench.telemetry.loki import LokiSource
from workbench.telemetry.pace import Paces
from workbench.telemetry.prometheus import PrometheusSource
from workbench.telemetry.prometheus_rules import PrometheusRules
from workbench.telemetry.several import several
from workbench.telemetry.state_files import StateFiles
from workbench.telemetry.tempo import TempoSource
from workbench.telemetry.trace_files import TraceFiles

CURRENT = "current"
"""What `kubernetes_context` says for the kubeconfig's current context, or the cluster that we run in."""
Given = Iterator[tuple[Modality, Source]]


class KubernetesClients(Protocol):
    """Hands out read-only clients of clusters, and says what their user may do."""

    @property
    def paces(self) -> Paces:
        """How hard each address may be asked."""
        ...

    def kubernetes(self, context: str) -> object:
        """Return a `kubernetes.client.ApiClient` for a context; empty for the current one."""
        ...

    def rights(self, context: str) -> Rights:
        """Return what the user of a context may do there."""
        ...


def live_sources(settings: Settings, clients: KubernetesClients) -> Mapping[Modality, Source]:
    """Return a source for each kind of telemetry that is set up.

    Raises:
        BadInput: an address or an index in the settings cannot be one.
    """
    found: dict[Modality, list[Source]] = {}
    paces = clients.paces
    asked = (_addresses(settings, paces), _datadog(settings, paces), _honeycomb(settings, paces))
    for each in (*asked, _local(settings), _forges(settings, paces)):
        for modality, source in each:
            found.setdefault(modality, []).append(source)
    for modality, source in _kubernetes(settings, clients, has_logs=Modality.LOGS in found):
        found.setdefault(modality, []).append(source)
    return {modality: several(sources) for modality, sources in found.items()}


def authorization(settings: Settings, address: str) -> dict[str, str]:
    """Return the header for an address: its token as a bearer, or with the scheme that stands before it.

    >>> authorization(Settings(tokens={"http://es:9200/": "ApiKey abc"}), "http://es:9200")
    {'Authorization': 'ApiKey abc'}
    """
    tokens = {base.rstrip("/"): token.get_secret_value() for base, token in settings.tokens.items()}
    token = tokens.get(address.rstrip("/"), "")
    return bearing(token) if token else {}


def _addresses(settings: Settings, paces: Paces) -> Given:
    """Yield the sources that an address is enough for."""
    if address := settings.prometheus_url:
        given: dict[str, Any] = {"headers": authorization(settings, address), "pace": paces.of(address)}
        step = settings.prometheus_step_seconds
        yield Modality.METRICS, PrometheusSource(address, step=step, traces=_trace_page(settings), **given)
        yield Modality.STATE, PrometheusRules(address, **given)
    plain: tuple[tuple[str, type[HttpSource]], ...] = (
        (settings.loki_url, LokiSource),
        (settings.tempo_url, TempoSource),
        (settings.jaeger_url, JaegerSource),
        (settings.alertmanager_url, AlertmanagerState),
        (settings.argocd_url, ArgocdChanges),
    )
    for address, make in plain:
        if address:
            yield make.modality, make(address, headers=authorization(settings, address), pace=paces.of(address))
    if address := settings.elasticsearch_url:
        headers = authorization(settings, address)
        index = settings.elasticsearch_index
        yield Modality.LOGS, ElasticsearchSource(address, index=index, headers=headers, pace=paces.of(address))
    for address, entity in settings.flag_files.items():
        if address.startswith(("http://", "https://")):
            headers = authorization(settings, address)
            yield Modality.CHANGES, ServedFlags(address, entity, headers=headers, pace=paces.of(address))


def _trace_page(settings: Settings) -> str:
    """Return the address of a trace, with `{trace_id}`, where a store of traces is set up."""
    if settings.jaeger_url:
        return f"{settings.jaeger_url.rstrip('/')}/trace/{{trace_id}}"
    return f"{settings.tempo_url.rstrip('/')}/api/traces/{{trace_id}}" if settings.tempo_url else ""


def _datadog(settings: Settings, paces: Paces) -> Given:
    if not settings.datadog_url:
        return
    secrets = (settings.datadog_api_key, settings.datadog_application_key)
    headers, pace = keys(*(each.get_secret_value() for each in secrets)), paces.of(settings.datadog_url)
    for make in (DatadogMetrics, DatadogLogs, DatadogTraces, DatadogMonitors):
        yield make.modality, make(settings.datadog_url, headers=headers, pace=pace)


def _honeycomb(settings: Settings, paces: Paces) -> Given:
    if address := settings.honeycomb_url:
        headers, pace = team(settings.honeycomb_api_key.get_secret_value()), paces.of(address)
        dataset = settings.honeycomb_dataset
        yield Modality.METRICS, HoneycombMetrics(address, dataset=dataset, headers=headers, pace=pace)


def _local(settings: Settings) -> Given:
    """Yield the sources that are files of this machine."""
    if settings.log_files:
        yield Modality.LOGS, LogFiles(settings.log_files)
    if settings.journal_units:
        yield Modality.LOGS, Journald(settings.journal_units, seconds=settings.source_seconds)
    if settings.trace_files:
        yield Modality.TRACES, TraceFiles(settings.trace_files)
    if settings.state_file:
        yield Modality.STATE, StateFiles(settings.state_file)
    for folder in settings.git_folders:
        yield Modality.CHANGES, GitChanges(folder)
    for path, entity in settings.flag_files.items():
        if not path.startswith(("http://", "https://")):
            yield Modality.CHANGES, FlagHistory(path, entity)


def _forges(settings: Settings, paces: Paces) -> Given:
    given = (
        (GithubChanges, settings.github_url, settings.github_repositories),
        (GitlabChanges, settings.gitlab_url, settings.gitlab_projects),
    )
    for make, address, repositories in given:
        if repositories:
            headers = authorization(settings, address)
            yield Modality.CHANGES, make(address, repositories, headers=headers, pace=paces.of(address))


def _kubernetes(settings: Settings, clients: KubernetesClients, *, has_logs: bool) -> Given:
    """Yield the sources of a cluster; its logs only where no other source has logs, as they would be told twice."""
    if not settings.kubernetes_context:
        return
    context = context_of(settings)
    connect = Guarded(
        connect=lambda: clients.kubernetes(context),
        rights=lambda: clients.rights(context),
        context=settings.kubernetes_context,
        may_write=settings.kubernetes_may_write,
    )
    yield Modality.STATE, KubernetesState(connect)
    yield Modality.CHANGES, KubernetesChanges(connect)
    if not has_logs:
        yield Modality.LOGS, KubernetesLogs(connect)


def context_of(settings: Settings) -> str:
    """Return the context as clients take it: empty for the kubeconfig's current one."""
    return "" if settings.kubernetes_context == CURRENT else settings.kubernetes_context
