"""Prometheus, and what speaks its HTTP API: metrics over a window.

    PrometheusSource("http://localhost:9090").ask(Question(Modality.METRICS, window, about=(payment,)))

Without `what`, a short catalogue is asked for the entities: rate, errors and duration of requests, and use of
processor, memory, file descriptors and connection pools. With it: a name of the catalogue, or any PromQL.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import requests

from ontology.errors import PersonError, Unavailable
from ontology.nouns import Window
from workbench.nouns import Answered, Failed, Modality, Question, Reply, Silent
from workbench.telemetry.digest import digest
from workbench.telemetry.http_source import HttpSource, named, span
from workbench.telemetry.layouts import COLUMNS, service_of
from workbench.telemetry.pace import Pace
from workbench.telemetry.prometheus_context import CONTEXT, Context
from workbench.telemetry.prometheus_scrapes import TARGETS, Scrapes, Target
from workbench.telemetry.readonly import Allowed, ReadOnlySession
from workbench.telemetry.series import LOOKBACK_SECONDS, NAME, Series

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

READS = (
    Allowed("GET", "/api/v1/query"),
    Allowed("GET", "/api/v1/query_range"),
    Allowed("GET", "/api/v1/label/{name}/values"),
    Allowed("GET", "/api/v1/status/buildinfo"),
    TARGETS,
    *CONTEXT,
)
LABELS = ("service", "service_name", "job", "app", "pod")
"""Labels that may hold the name of an entity, the best first."""
STEP_SECONDS = 15.0
MOST_POINTS = 11_000
"""Prometheus refuses more points a series than this."""
MOST_SERIES = 200
MOST_SAMPLES = 5_000_000
"""Samples that a recording may take out of it."""
SERVER_TIMEOUT = "10s"

_REQUESTS = "http_server_request_duration_seconds"
CATALOGUE: Mapping[str, str] = {
    "http_server_requests_per_second": (
        f"sum by (@L) (rate({_REQUESTS}_count{{@S}}[@R])) or sum by (@L) (rate(http_requests_total{{@S}}[@R]))"
    ),
    "http_server_errors_per_second": (
        f'sum by (@L) (rate({_REQUESTS}_count{{@S, http_response_status_code=~"5.."}}[@R]))'
        ' or sum by (@L) (rate(http_requests_total{@S, code=~"5.."}[@R]))'
        ' or sum by (@L) (rate(http_requests_total{@S, status=~"5.."}[@R]))'
    ),
    "http_server_request_duration_p99_seconds": (
        f"histogram_quantile(0.99, sum by (@L, le) (rate({_REQUESTS}_bucket{{@S}}[@R])))"
        " or histogram_quantile(0.99, sum by (@L, le) (rate(http_request_duration_seconds_bucket{@S}[@R])))"
    ),
    "http_server_request_duration_p50_seconds": (
        f"histogram_quantile(0.5, sum by (@L, le) (rate({_REQUESTS}_bucket{{@S}}[@R])))"
        " or histogram_quantile(0.5, sum by (@L, le) (rate(http_request_duration_seconds_bucket{@S}[@R])))"
    ),
    "process_cpu_percent": "100 * sum by (@L) (rate(process_cpu_seconds_total{@S}[@R]))",
    "process_resident_memory_bytes": "sum by (@L) (process_resident_memory_bytes{@S})",
    "process_open_fds": "sum by (@L) (process_open_fds{@S})",
    "container_cpu_percent": "100 * sum by (@L) (rate(container_cpu_usage_seconds_total{@S}[@R]))",
    "container_memory_bytes": "sum by (@L) (container_memory_working_set_bytes{@S})",
    "db_pool_in_use": "sum by (@L) (db_pool_in_use{@S})",
    "up": "min by (@L) (up{@S})",
}
"""Metric to PromQL: RED and USE. `@L` is the entity's label, `@S` its selector, `@R` the range of a rate, which
follows the scrapes."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One PromQL expression, and how to read its series: as which metric, by which label."""

    promql: str
    metric: str = ""
    label: str = ""


@dataclass(slots=True)
class _Found:
    """What the queries of one question brought: rows, and what went wrong on the way."""

    parts: list[pd.DataFrame] = field(default_factory=list)
    problems: list[PersonError] = field(default_factory=list)
    dropped: int = 0


class PrometheusSource(HttpSource):
    """Answers questions on metrics from a Prometheus HTTP API."""

    name = "prometheus"
    modality: ClassVar[Modality] = Modality.METRICS
    reads = READS

    def __init__(
        self,
        url: str,
        *,
        session: ReadOnlySession | None = None,
        headers: dict[str, str] | None = None,
        pace: Pace | None = None,
        step: float = STEP_SECONDS,
        traces: str = "",
    ) -> None:
        """Bind to the API at `url`; nothing is sent before the first question.

        Args:
            url: address of the API, with a path prefix where it has one.
            session: what carries the requests; a read-only one where none is given.
            headers: such as an authorization, for the default session.
            pace: how hard it may be asked, for the default session.
            step: seconds between points, wider where the window is long.
            traces: address of a trace, with `{trace_id}`, that exemplars are linked to.

        Raises:
            BadInput: `url` is no http(s) address.
        """
        super().__init__(url, session=session, headers=headers, pace=pace)
        self._step, self._context, self._scrapes = step, Context(self, traces), Scrapes(self)

    @property
    def step(self) -> float:
        """Seconds between the points of an answer, where the window is not long."""
        return self._step

    def targets(self) -> tuple[Target, ...]:
        """Return what it scrapes and how often, by the labels that may hold an entity's name: for a recording."""
        return tuple(
            Target({name: value for name, value in each.labels.items() if name in LABELS}, each.seconds)
            for each in self._scrapes.targets()
        )

    def series(self, window: Window, matching: str = "") -> Iterator[Series]:
        """Yield every series of a window as it was scraped, from one look-back before it: what a recording keeps.

        Args:
            window: when.
            matching: further matchers, such as `job!="prometheus"`; without them everything there is.

        Raises:
            Unavailable: it does not answer, refuses, or has more than a recording should hold.
        """
        seconds, samples = math.ceil(window.seconds + LOOKBACK_SECONDS), 0
        for name in self._values(NAME):
            query = f"{{{NAME}={json.dumps(name)}{', ' if matching else ''}{matching}}}[{seconds}s]"
            at = {"time": f"{window.end.timestamp():.3f}", "timeout": SERVER_TIMEOUT}
            for each in _checked(partial(self._client.custom_query, query, params=at)):
                found = _series(each)
                samples += len(found.times)
                yield found
            if samples > MOST_SAMPLES:
                raise Unavailable(
                    f"{self.url} has more than {MOST_SAMPLES:,} samples in the window.",
                    next_step="Record a shorter window, or fewer series by further matchers.",
                )

    def reply(self, question: Question) -> Reply:
        """Return the series of window and baseline, with what the server knows of them beside their values."""
        asked = self._asked(question)
        query = "\n".join(each.promql for each in asked)
        if not asked:
            return Silent(f"no series carries {', '.join(LABELS)} of {named(question)}", query=query)
        found = self._found(asked, question)
        if not found.parts and found.problems:
            return Failed(found.problems[0].problem, found.problems[0].next_step, query=query)
        if not found.parts:
            return Silent(f"{self.url} for {named(question)}, {span(question.window)}", query=query)
        rows = pd.concat(found.parts, ignore_index=True).sort_values("time", kind="stable", ignore_index=True)
        beside = self._context.words(rows, [each.promql for each in asked], question)
        words = digest(rows, question) + beside + self._remarks(found, len(asked), question)
        return Answered(words, rows, query=query, link=self._link(asked, question.window))

    # -- what to ask ----------------------------------------------------------------------------------------

    def _asked(self, question: Question) -> tuple[_Asked, ...]:
        """Return the expressions for the question; none where nothing carries the names it is about."""
        what = question.what
        wanted = _wanted(what)
        if not wanted:
            return (_Asked(what),)
        found = list[_Asked]()
        for label, values in self._chosen([entity.name for entity in question.about]):
            selector = f"{label}=~{_matcher(values)}" if values else f'{label}!=""'
            spread = f"{self._scrapes.range(label, values, self._step_for(question))}s"
            found += [
                _Asked(promql.replace("@L", label).replace("@S", selector).replace("@R", spread), metric, label)
                for metric, promql in wanted.items()
            ]
        return tuple(found)

    def _chosen(self, names: Sequence[str]) -> tuple[tuple[str, Sequence[str]], ...]:
        """Return label and values for the entities: each name by the first label that has it; no values are all."""
        if not names:
            label = next((each for each in LABELS if self._values(each)), "job")
            return ((label, ()),)
        chosen: dict[str, list[str]] = {}
        left = set(names)
        for label in LABELS:
            hits = [value for value in self._values(label) if value in left or service_of(value) in left]
            if hits:
                chosen[label] = hits
                left -= {*hits, *(service_of(value) for value in hits)}
            if not left:
                break
        return tuple(chosen.items())

    def _values(self, label: str) -> Sequence[str]:
        return [str(value) for value in _checked(lambda: self._client.get_label_values(label))]

    def _step_for(self, question: Question) -> float:
        seconds = question.window.seconds + (question.baseline.seconds if question.baseline else 0.0)
        return max(self._step, float(math.ceil(seconds / (MOST_POINTS - 2))))

    # -- asking ---------------------------------------------------------------------------------------------

    def _found(self, asked: Sequence[_Asked], question: Question) -> _Found:
        """Ask every expression over the window and the baseline; a failed one does not lose the others."""
        found = _Found()
        names = {entity.name for entity in question.about}
        for each in asked:
            for window in _ranges(question, self._step_for(question)):
                try:
                    series = self._range(each.promql, window, self._step_for(question))
                except PersonError as error:
                    found.problems.append(error)
                    continue
                found.dropped += max(0, len(series) - MOST_SERIES)
                rows = _rows(series[:MOST_SERIES], each, question.window.end)
                rows = rows[rows["entity"].isin(names)] if names else rows
                found.parts += [rows] if len(rows) else []
        return found

    def _range(self, promql: str, window: Window, step: float) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = _checked(
            lambda: self._client.custom_query_range(
                promql, window.start, window.end, f"{step:g}", params={"timeout": SERVER_TIMEOUT}
            )
        )
        if any(not isinstance(each, dict) or "values" not in each for each in answer):
            raise Unavailable(f"{self.url} answers with something else than series.", next_step=_ADDRESS)
        return answer

    @cached_property
    def _client(self) -> PrometheusConnect:
        from prometheus_api_client import PrometheusConnect  # late: it brings plotting along

        return PrometheusConnect(self.url, session=self._session)

    def _remarks(self, found: _Found, asked: int, question: Question) -> str:
        """Return what the reader must know of an answer that is clamped or not whole."""
        said = list[str]()
        if (step := self._step_for(question)) > self._step:
            said.append(f"Points are {step:g} s apart instead of {self._step:g} s: {MOST_POINTS:,} a series at most.")
        if found.dropped:
            said.append(f"Only {MOST_SERIES} series a query are shown; {found.dropped} were left out.")
        if found.problems:
            said.append(f"{len(found.problems)} of {asked} queries failed: {found.problems[0].problem}")
        return "".join(f"\n{each}" for each in said)

    def _link(self, asked: Sequence[_Asked], window: Window) -> str:
        """Return the page of Prometheus's own UI that draws the first four expressions over the window."""
        shown: dict[str, str] = {}
        for place, each in enumerate(asked[:4]):
            shown |= {
                f"g{place}.expr": each.promql,
                f"g{place}.tab": "0",
                f"g{place}.range_input": f"{max(60, math.ceil(window.seconds))}s",
                f"g{place}.end_input": f"{window.end:%Y-%m-%d %H:%M:%S}",
            }
        return f"{self.url}/graph?{urlencode(shown)}"


_ADDRESS = "Check that the address in the settings is that of a Prometheus API: workbench doctor."


def _checked(call: Any) -> Any:
    """Return what the client returns, its errors turned into ours.

    Raises:
        Unavailable: the server refuses, or does not speak the Prometheus API.
    """
    from prometheus_api_client.exceptions import PrometheusApiClientException

    try:
        answer = call()
    except PrometheusApiClientException as error:
        raise Unavailable(
            f"Prometheus refuses: {_refusal(str(error))}.", next_step="Correct the query, or ask for less."
        ) from error
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise Unavailable(
            f"The answer is not that of a Prometheus API ({type(error).__name__}).", next_step=_ADDRESS
        ) from error
    if not isinstance(answer, list):
        raise Unavailable("The answer is not that of a Prometheus API.", next_step=_ADDRESS)
    return answer


def _refusal(message: str) -> str:
    """Return the server's own sentence out of the client's message `HTTP Status Code 400 (b'{"error": ...}')`."""
    start, end = message.find("{"), message.rfind("}")
    try:
        said = json.loads(message[start : end + 1].replace("\\'", "'").replace("\\\\", "\\"))
        return str(said.get("error") or message)[:300]
    except ValueError:  # a proxy's page, not Prometheus
        return message[:120]


def _wanted(what: str) -> Mapping[str, str]:
    """Return the part of the catalogue that is asked for; empty where `what` is PromQL of its own."""
    if what.endswith("*") and what[:-1].replace("_", "").isalnum():
        return {name: promql for name, promql in CATALOGUE.items() if name.startswith(what[:-1])}
    return {what: CATALOGUE[what]} if what in CATALOGUE else {} if what else CATALOGUE


def _matcher(values: Sequence[str]) -> str:
    """Return a PromQL regex string that matches exactly these values."""
    return json.dumps("|".join(re.escape(value) for value in sorted(set(values))))


def _ranges(question: Question, step: float) -> Iterator[Window]:
    """Yield baseline and window, as one range where they touch."""
    before = question.baseline
    if before is not None and abs((question.window.start - before.end).total_seconds()) <= step:
        yield Window(before.start, question.window.end)
        return
    if before is not None:
        yield before
    yield question.window


def _rows(series: Sequence[Mapping[str, Any]], asked: _Asked, end: datetime) -> pd.DataFrame:
    """Return the series as the long table, none of it later than the end."""
    parts = [
        pd.DataFrame(
            {
                "time": pd.to_datetime([float(at) for at, _ in each["values"]], unit="s", utc=True).as_unit("us"),
                "entity": _entity(each["metric"], asked),
                "metric": asked.metric or _metric(each["metric"], asked),
                "value": [float(value) for _, value in each["values"]],
            }
        )
        for each in series
    ]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS[Modality.METRICS]))
    rows = pd.concat(parts, ignore_index=True)
    return rows[rows["time"] <= end]


def _series(answer: Mapping[str, Any]) -> Series:
    """Return a series of an instant query for a range: its samples as they were scraped.

    Raises:
        Unavailable: the answer is none.
    """
    try:
        times, values = zip(*answer["values"], strict=True)
        labels = {str(key): str(value) for key, value in answer["metric"].items()}
        return Series(
            labels, np.rint(np.array(times, dtype=float) * 1000).astype(np.int64), np.array(values, dtype=float)
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable("The answer is not that of a Prometheus API.", next_step=_ADDRESS) from error


def _entity(labels: Mapping[str, str], asked: _Asked) -> str:
    """Return the name of the entity that a series is about; empty where it carries none."""
    found = labels.get(asked.label) or next((labels[label] for label in LABELS if labels.get(label)), "")
    return service_of(found)


def _metric(labels: Mapping[str, str], asked: _Asked) -> str:
    """Return a name for a series of free PromQL: its metric or the query, and what else tells series apart."""
    rest = ",".join(f'{key}="{labels[key]}"' for key in sorted(labels) if key not in ("__name__", *LABELS))
    name = labels.get("__name__") or asked.promql
    return f"{name}{{{rest}}}" if rest else name
