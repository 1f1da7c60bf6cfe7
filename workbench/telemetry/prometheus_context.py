"""What a Prometheus knows of its series beside their values: what they measure, and requests that stand for them.

Metadata (type, unit, help) and exemplars (the trace of one request that was counted) go into the digest of a metrics
answer. Both are extras: a server that lacks one, as VictoriaMetrics lacks exemplars, answers without it and it is said
so; neither can make an answer fail.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import pandas as pd

from ontology.errors import PersonError
from workbench.nouns import Question
from workbench.telemetry.digest import clock, quantity
from workbench.telemetry.layouts import service_of
from workbench.telemetry.readonly import Allowed

CONTEXT = (Allowed("GET", "/api/v1/metadata"), Allowed("GET", "/api/v1/query_exemplars"))
METRICS = 6
"""Metrics whose meaning is told."""
EXEMPLARS = 3
"""Exemplars that are told, those of the largest values first."""
HELP = 100
"""Characters of a help text."""
_WORD = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_PARTS = ("_bucket", "_count", "_sum", "_total")
_OWNER = ("service", "service_name", "job", "app", "pod")


class Asking(Protocol):
    """A source that asks the API."""

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object at a path."""
        ...


class Context:
    """Asks for metadata and exemplars; the metadata once, as it rarely changes."""

    def __init__(self, source: Asking, traces: str = "") -> None:
        """Bind to a source.

        Args:
            source: what asks.
            traces: address of a trace, with `{trace_id}`; empty where there is none.
        """
        self._source, self._traces = source, traces
        self._metadata: Mapping[str, Any] | None = None

    def words(self, rows: pd.DataFrame, queries: Sequence[str], question: Question) -> str:
        """Return what is known of the series of an answer, each part on a line of its own, with what was left out."""
        parts: dict[str, Callable[[], Iterator[str]]] = {
            "Metadata": lambda: self._meant(queries),
            "Exemplars": lambda: self._exemplars(rows, queries, question),
        }
        said = list[str]()
        for name, part in parts.items():
            try:
                said += part()
            except PersonError:
                said.append(f"{name} left out: this server does not answer for them.")
            except (KeyError, TypeError, ValueError, AttributeError):
                said.append(f"{name} left out: this server answers for them in another shape.")
        return "".join(f"\n{each}" for each in said)

    def _meant(self, queries: Sequence[str]) -> Iterator[str]:
        """Yield a line a metric that the queries name: type, unit, help."""
        if self._metadata is None:
            known = self._source.get("/api/v1/metadata", {"limit_per_metric": "1"})["data"]
            self._metadata = dict(known.items())
        names = dict.fromkeys(word for query in queries for word in _WORD.findall(query))
        found = {name: each for name in names if (each := self._metadata.get(name) or self._of_part(name))}
        for name, entries in list(found.items())[:METRICS]:
            entry = entries[0]
            unit = f", {entry['unit']}" if entry.get("unit") else ""
            said = " ".join(str(entry.get("help") or "no help text").split())[:HELP]
            yield f"{name} is a {entry.get('type', 'metric')}{unit}: {said}"

    def _of_part(self, name: str) -> Any:
        """Return the metadata of the metric that a name is a part of: `x` of `x_bucket`."""
        whole = next((name.removesuffix(end) for end in _PARTS if name.endswith(end)), "")
        return (self._metadata or {}).get(whole)

    def _exemplars(self, rows: pd.DataFrame, queries: Sequence[str], question: Question) -> Iterator[str]:
        """Yield a line an exemplar in the window: value, time, trace."""
        times = {"start": question.window.start.timestamp(), "end": math.ceil(question.window.end.timestamp())}
        asked = {"query": " or ".join(f"({each})" for each in queries), **{key: str(at) for key, at in times.items()}}
        data = self._source.get("/api/v1/query_exemplars", asked)["data"]
        owners = frozenset(rows["entity"].unique())
        found = [each for series in data for each in _of_series(series) if not owners or each[2] in owners]
        late = [each for each in found if times["start"] <= each[0] <= times["end"]]
        for at, value, owner, metric, trace in sorted(late, key=lambda each: -each[1])[:EXEMPLARS]:
            link = f" {self._traces.replace('{trace_id}', trace)}" if self._traces and trace else ""
            when = clock(datetime.fromtimestamp(at, UTC))
            yield f"For example {owner} {metric}: {quantity(value, metric)} at {when}, trace {trace or 'unknown'}{link}"


def _of_series(series: Mapping[str, Any]) -> Iterator[tuple[float, float, str, str, str]]:
    """Yield time, value, entity, metric and trace id of the exemplars of a series."""
    labels = series["seriesLabels"]
    owner = service_of(next((str(labels[each]) for each in _OWNER if labels.get(each)), ""))
    metric = next((str(labels["__name__"]).removesuffix(end) for end in _PARTS if labels["__name__"].endswith(end)), "")
    for each in series["exemplars"]:
        said = {str(key).lower().replace("_", ""): str(value) for key, value in each["labels"].items()}
        yield (
            float(each["timestamp"]),
            float(each["value"]),
            owner,
            metric or labels["__name__"],
            said.get("traceid", ""),
        )
