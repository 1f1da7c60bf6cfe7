"""From what was collected to the tables of a recording: rates and quantiles, spans, log lines, state."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.bench.estate.collecting import Scrape, Series

SPAN = 3
"""Quantiles are taken over this many scrapes: six seconds of requests, so that a p99 is more than one request."""
RATES = {
    "http_server_requests_per_second": "http_server_requests_total",
    "http_server_errors_per_second": "http_server_errors_total",
    "process_cpu_percent": "process_cpu_seconds_total",
}
QUANTILES = {
    "http_server_request_duration_p50_seconds": ("http_server_request_duration_seconds", 0.5),
    "http_server_request_duration_p99_seconds": ("http_server_request_duration_seconds", 0.99),
    "http_client_request_duration_p99_seconds": ("http_client_request_duration_seconds", 0.99),
    "db_client_operation_duration_p99_seconds": ("db_client_operation_duration_seconds", 0.99),
    "db_pool_wait_p99_seconds": ("db_pool_wait_seconds", 0.99),
}
GAUGES = (
    *("process_resident_memory_bytes", "process_open_fds", "process_threads"),
    *("db_pool_in_use", "db_pool_size", "db_pool_waiting"),
)
KINDS = {1: "internal", 2: "server", 3: "client"}


def grown(now: float, before: float) -> float:
    """Return how much a counter grew; a smaller value means that it began anew."""
    return now - before if now >= before else now


def quantile(now: Series, before: Series, name: str, share: float) -> float | None:
    """Return a quantile of what a histogram counted in between, in seconds; None where it counted nothing.

    Linear within a bucket, as Prometheus' `histogram_quantile`.
    """
    buckets = [(bound, value) for (metric, bound), value in now.items() if metric == f"{name}_bucket"]
    reset = now.get((f"{name}_count", ""), 0) < before.get((f"{name}_count", ""), 0)
    counts = [value - (0 if reset else before.get((f"{name}_bucket", bound), 0)) for bound, value in buckets]
    if not counts or counts[-1] <= 0:
        return None
    rank, low, seen = share * counts[-1], 0.0, 0.0
    for (bound, _), count in zip(buckets, counts, strict=True):
        if count >= rank:
            return low if bound == "+Inf" else low + (float(bound) - low) * (rank - seen) / (count - seen)
        low, seen = float(bound), count
    return low


def _readings(scrapes: Sequence[Scrape]) -> Iterator[tuple[float, str, str, float | None]]:
    for n in range(1, len(scrapes)):
        now, last, wide = scrapes[n], scrapes[n - 1], scrapes[max(0, n - SPAN)]
        for metric, name in RATES.items():
            grew = grown(now.series[name, ""], last.series[name, ""]) / (now.time - last.time)
            yield now.time, now.entity, metric, grew * (100 if metric.endswith("percent") else 1)
        for metric, (name, share) in QUANTILES.items():
            yield now.time, now.entity, metric, quantile(now.series, wide.series, name, share)
        for metric in GAUGES:
            yield now.time, now.entity, metric, now.series.get((metric, ""))


def metrics(scrapes: Sequence[Scrape]) -> pd.DataFrame:
    """Return `time, entity, metric, value`, one row a reading; what a service does not have is no row."""
    rows: list[tuple[float, str, str, float | None]] = []
    for entity in sorted({each.entity for each in scrapes}):
        rows += _readings(sorted((each for each in scrapes if each.entity == entity), key=lambda each: each.time))
    table = pd.DataFrame(rows, columns=["time", "entity", "metric", "value"]).dropna()
    table["time"] = instants(table["time"])
    table["value"] = [float(f"{value:.5g}") for value in table["value"]]
    return table.sort_values(["entity", "metric", "time"], ignore_index=True)


def instants(seconds: Any) -> Any:
    """Return unix seconds as UTC timestamps, to the millisecond."""
    return pd.to_datetime((pd.Series(seconds) * 1000).round().astype("int64"), unit="ms", utc=True).dt.as_unit("ms")


def kept(trace_id: str, share: float) -> bool:
    """Say whether a trace is in the sample: by hash, so whole traces, and none for what it shows."""
    return int.from_bytes(hashlib.sha256(trace_id.encode()).digest()[:4], "big") < share * 2**32


def traces(spans: Sequence[Mapping[str, Any]], share: float = 1.0) -> pd.DataFrame:
    """Return one row a span of the sampled traces, in the columns of a question about traces."""
    rows = [
        (
            *(span["traceId"], span["spanId"], span["parentSpanId"], span["service"], span["name"]),
            *(KINDS[span["kind"]], int(span["startTimeUnixNano"]) // 1000),
            round((int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])) / 1e6, 2),
            "error" if span["status"].get("code") == 2 else "ok",
            span["status"].get("message", ""),
        )
        for span in spans
        if kept(span["traceId"], share)
    ]
    columns = ["trace_id", "span_id", "parent_id", "service", "operation", "kind", "start", "duration_ms"]
    table = pd.DataFrame(rows, columns=[*columns, "status", "message"])
    table = table.drop_duplicates(["trace_id", "span_id"])  # a batch may be sent twice
    table["start"] = pd.to_datetime(table["start"], unit="us", utc=True).dt.as_unit("us")
    roots = table.groupby("trace_id")["start"].transform("min")
    return table.assign(root=roots).sort_values(["root", "trace_id", "start"], ignore_index=True).drop(columns="root")


def logs(folder: Path, entities: Sequence[str]) -> pd.DataFrame:
    """Return `time, entity, severity, message, trace_id`; a line that is no JSON is a line all the same."""
    rows = []
    for entity in entities:
        when = 0.0
        for line in (folder / f"{entity}.log").read_text().replace(f"{folder}/", "").splitlines():
            try:
                each = json.loads(line)
                when = pd.Timestamp(each["time"]).timestamp()
                rows.append((when, entity, each["severity"], each["message"], each["trace_id"]))
            except json.JSONDecodeError:
                rows.append((when, entity, "ERROR", line, ""))
    table = pd.DataFrame(rows, columns=["time", "entity", "severity", "message", "trace_id"])
    table["time"] = instants(table["time"])
    return table.sort_values("time", ignore_index=True, kind="stable")


def events(rows: Sequence[tuple[Any, ...]], columns: Sequence[str]) -> pd.DataFrame:
    """Return rows whose first value is a time in unix seconds as a table, for changes and state."""
    table = pd.DataFrame(rows, columns=list(columns))
    table["time"] = instants(table["time"])
    return table.sort_values("time", ignore_index=True, kind="stable")
