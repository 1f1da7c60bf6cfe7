"""Datadog: metrics over a window and monitors as state, by its HTTP API.

    DatadogMetrics("https://api.datadoghq.com", headers=keys(api_key, application_key)).ask(question)

Without `what`, a short catalogue is asked for the services: rate, errors and duration of requests, processor and memory
of containers. With it: a name of the catalogue, or any metric query of Datadog. Everything is a GET.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from ontology.errors import BadInput, PersonError
from ontology.nouns import Window, utc
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.http_source import HttpSource
from workbench.telemetry.layouts import service_of
from workbench.telemetry.live_source import Row, held, names_of, parsed, replied, windows
from workbench.telemetry.readonly import Allowed

CATALOGUE: Mapping[str, str] = {
    "http_server_requests_per_second": "sum:trace.http.request.hits{@S} by {service}.as_rate()",
    "http_server_errors_per_second": "sum:trace.http.request.errors{@S} by {service}.as_rate()",
    "http_server_request_duration_p99_seconds": "p99:trace.http.request{@S} by {service}",
    "http_server_request_duration_p50_seconds": "p50:trace.http.request{@S} by {service}",
    "container_cpu_percent": "avg:container.cpu.usage{@S} by {service} / 10000000",
    "container_memory_bytes": "avg:container.memory.usage{@S} by {service}",
}
"""Metric to Datadog's query; `@S` is the scope. The processor is measured in nanocores."""
MONITORS = 1_000
"""Monitors of one answer, the most that Datadog gives."""
PAGES = 5
_NAME = re.compile(r"[\w./-]+")
_TAGS = ("service", "kube_deployment", "kube_stateful_set", "container_name", "pod_name", "host")
"""Tags that may hold the name of an entity, the best first."""


def keys(api_key: str, application_key: str) -> dict[str, str]:
    """Return the headers that Datadog wants; an application key may be limited to scopes that read."""
    return {"DD-API-KEY": api_key, "DD-APPLICATION-KEY": application_key}


def site(url: str) -> str:
    """Return the address that people open, from that of the API.

    >>> site("https://api.datadoghq.eu"), site("https://api.us3.datadoghq.com")
    ('https://app.datadoghq.eu', 'https://us3.datadoghq.com')
    """
    inner = url.replace("://api.", "://", 1)
    return inner if inner.count(".") > 1 else inner.replace("://", "://app.", 1)


def services(question: Question) -> list[str]:
    """Return the names that are asked for, as they stand in queries.

    Raises:
        BadInput: a name would be more than a value there.
    """
    names = sorted(names_of(question))
    if wrong := [each for each in names if not _NAME.fullmatch(each)]:
        raise BadInput(f"{wrong[0]!r} cannot be a tag of Datadog.", next_step="Ask about a service by its name.")
    return names


class DatadogMetrics(HttpSource):
    """Answers questions on metrics from Datadog."""

    name = "datadog"
    modality: ClassVar[Modality] = Modality.METRICS
    reads = (Allowed("GET", "/api/v1/query"),)

    def reply(self, question: Question) -> Reply:
        """Return the series of window and baseline; a query that fails does not lose the others."""
        asked = _queries(question)
        rows, problems = list[Row](), list[PersonError]()
        for metric, query in asked.items():
            for window in windows(question):
                try:
                    rows += self._series(query, window, metric)
                except PersonError as error:
                    problems.append(error)
        if problems and not rows:
            raise problems[0]
        remark = f"{len(problems)} queries failed: {problems[0].problem}" if problems else ""
        shown = {"exp_metric": "", "query": next(iter(asked.values())), "start": _millis(question.window.start)}
        link = f"{site(self.url)}/metric/explorer?{urlencode({**shown, 'end': _millis(question.window.end)})}"
        query = "\n".join(asked.values())
        return replied(rows, question, searched=self.url, query=query, link=link, remark=remark)

    def _series(self, query: str, window: Window, metric: str) -> list[Row]:
        """Return the rows of one query over one window.

        Raises:
            Unavailable: no answer, a refusal, or another shape.
        """
        times = {"from": str(int(window.start.timestamp())), "to": str(int(window.end.timestamp()))}
        answer = self.get("/api/v1/query", {**times, "query": query})
        series = answer.get("series")
        if answer.get("status") == "error" or not isinstance(series, list):
            raise self.foreign() if not answer.get("error") else self.refused(str(answer["error"]))
        return parsed(self.name, (row for each in series for row in _points(each, metric)))


def _queries(question: Question) -> Mapping[str, str]:
    """Return metric to query: the catalogue, a part of it, or a query of its own, whose name is its own."""
    what, names = question.what.strip(), services(question)
    scope = f"service IN ({','.join(names)})" if names else "*"
    if what.endswith("*") and _NAME.fullmatch(what[:-1]):
        wanted = {name: query for name, query in CATALOGUE.items() if name.startswith(what[:-1])}
    else:
        wanted = {what: CATALOGUE[what]} if what in CATALOGUE else {"": what} if what else dict(CATALOGUE)
    return {name: query.replace("@S", scope) for name, query in (wanted or {"": what}).items()}


def _points(series: Mapping[str, Any], metric: str) -> Iterator[Row]:
    entity = _entity(series.get("tag_set") or str(series.get("scope", "")).split(","), frozenset())
    name = metric or str(series.get("expression") or series["metric"])
    for at, value in series["pointlist"]:
        if value is not None:
            yield datetime.fromtimestamp(at / 1000, UTC), entity, name, float(value)


def _entity(tags: Any, names: frozenset[str]) -> str:
    """Return the entity that some tags name: one that was asked about, else by the best of tags."""
    said = dict(reversed([str(each).partition(":")[::2] for each in tags]))
    found = [service_of(said[each]) for each in _TAGS if said.get(each)]
    return next((each for each in found if each in names), found[0] if found else "")


def _millis(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))


class DatadogMonitors(HttpSource):
    """Answers questions on state from the monitors of a Datadog."""

    name = "datadog monitors"
    modality: ClassVar[Modality] = Modality.STATE
    reads = (Allowed("GET", "/api/v1/monitor"),)

    def reply(self, question: Question) -> Reply:
        """Return the monitors that are not well, since when."""
        rows, remark = list[Row](), f"Only the first {PAGES * MONITORS:,} monitors were read."
        for page in range(PAGES):
            asked = {"group_states": "all", "page": str(page), "page_size": str(MONITORS)}
            found = self.items("/api/v1/monitor", asked)
            rows += parsed(self.name, (row for each in found for row in _monitor(each, question)))
            if len(found) < MONITORS:
                remark = ""
                break
        link = f"{site(self.url)}/monitors/manage"
        return replied(rows, question, searched=self.url, query="GET /api/v1/monitor", link=link, remark=remark)


def _monitor(monitor: Mapping[str, Any], question: Question) -> Iterator[Row]:
    """Yield the groups of a monitor that alert, or the monitor itself where it has none."""
    names, tags = names_of(question), list(monitor.get("tags") or ())
    groups = (monitor.get("state") or {}).get("groups") or {}
    for group, each in groups.items():
        since = each.get("last_triggered_ts")
        if each.get("status") not in (None, "OK") and since:
            at = held(datetime.fromtimestamp(since, UTC), question)
            yield at, _entity([*group.split(","), *tags], names), "monitor", str(monitor["name"]), str(each["status"])
    state = str(monitor["overall_state"])
    if not groups and state != "OK" and monitor.get("overall_state_modified"):
        at = held(utc(str(monitor["overall_state_modified"])), question)
        yield at, _entity(tags, names), "monitor", str(monitor["name"]), state
