"""Benchmarks of metrics in their own layouts: wide columns, phases, pods, histories that cases share.

A layout is recognised by the columns of its file (`layouts_known`), never by the name of a case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ontology.nouns import Window, utc
from workbench.nouns import Modality
from workbench.telemetry.layouts import Recorded, clock_of, frame, instants, long, services, stamp

UNITS = {"%": "percent", "s": "seconds", "m": "millicores", "Mi": "mebibytes", "Ops": "per_second"}
"""Units as benchmarks write them in brackets, and as our metric names carry them."""


def piped(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    """`component|metric|statistic` columns; the fault-free history stands in a file that cases share."""
    incident = long(raw, _by_pipe(raw))
    history = _history(folder / str(payload["baseline"]), stamp(folder / str(payload["baseline"])))
    return _joined(_moved_before(history, utc(payload["window_abnormal"][0])), incident)


@lru_cache(maxsize=4)
def _history(path: Path, _written: int) -> pd.DataFrame:
    raw = frame(path)
    return long(raw, _by_pipe(raw))


def _by_pipe(raw: pd.DataFrame) -> list[tuple[str, str, str]]:
    parts = [(str(column), str(column).rsplit("|", 2)) for column in raw.columns if "|" in str(column)]
    return [(column, entity, f"{metric}_{statistic}") for column, (entity, metric, statistic) in parts]


def phased(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    """`<service>_<signal>` columns and a phase, normal or abnormal, which may lie days apart."""
    columns = []
    for column in raw.columns.drop(["time", "phase"]):
        match = re.fullmatch(r"(.+?)_(cpu|mem|lod|lat_\d+)", str(column))
        if match:
            columns.append((column, match[1], match[2]))
    normal = (raw["phase"] == "normal").to_numpy()
    before = _moved_before(long(raw[normal], columns), utc(payload["window_abnormal"][0]))
    return _joined(before, long(raw[~normal], columns))


def podded(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    """Rows a pod, a column a measure with its unit in brackets; edges and the entry stand in files of their own."""
    if modality is Modality.LOGS:
        return _with_shared(_pod_logs(raw), folder, payload, "logs", _pod_logs)
    if modality is Modality.TRACES:
        return _with_shared(_pod_traces(raw), folder, payload, "traces", _pod_traces)
    parts = [_pod_metrics(raw.rename(columns={"pod": "entity"}))]
    files = payload.get("files", {})
    if "frontend" in files:
        entry = frame(folder / str(files["frontend"][0])).rename(columns={"ServiceName": "entity"})
        parts.append(_pod_metrics(entry.assign(entity=entry["entity"].str.lower())))
    if "edge_latency" in files:
        parts.append(_edges(frame(folder / str(files["edge_latency"][0]))))
    rows = pd.concat(parts, ignore_index=True)
    return Recorded(rows, _inside(rows, payload))


def replicated(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    """`<pod>&<metric>` columns; load and success stand in files with a column a pod."""
    named = [(str(each), *str(each).partition("&")) for each in raw.columns if "&" in str(each)]
    parts = [long(raw, [(each, pod, metric) for each, pod, _, metric in named])]
    for name in ("qps", "success_rate"):
        listed = payload.get("files", {}).get(name)
        if listed:
            extra = frame(folder / str(listed[0]))
            parts.append(long(extra, [(each, str(each), name) for each in extra.columns.drop("time")]))
    rows = pd.concat(parts, ignore_index=True)
    return Recorded(rows, _inside(rows, payload))


def _pod_metrics(raw: pd.DataFrame) -> pd.DataFrame:
    """Melt one row an entity and time; `CpuUsageRate(%)` becomes `cpu_usage_rate_percent`."""
    rows = raw.melt(["time", "entity"], var_name="metric").assign(
        metric=lambda each: each["metric"].map({name: _metric_name(name) for name in raw.columns})
    )
    return rows.assign(time=instants(rows["time"]), entity=services(rows["entity"]))


def _edges(raw: pd.DataFrame) -> pd.DataFrame:
    """Credit an edge's two latencies, seen by the caller and by the callee, to the callee."""
    ends = raw["edge"].str.split("_", n=1, expand=True)
    parts = [
        pd.DataFrame(
            {
                "time": instants(raw["time"]),
                "entity": ends[1],
                "metric": f"{side}_duration_p50_seconds_from_" + ends[0],
                "value": raw[column].astype(float),
            }
        )
        for side, column in (("client", "source_p50_s"), ("server", "destination_p50_s"))
    ]
    return pd.concat(parts, ignore_index=True)


def _pod_logs(raw: pd.DataFrame) -> pd.DataFrame:
    severity = raw["message"].str.extract(r"\b(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\b", expand=False).fillna("")
    return pd.DataFrame(
        {
            "time": pd.to_datetime(raw["time_ns"], unit="ns", utc=True),
            "entity": services(raw["pod"]),
            "severity": severity.str.lower(),
            "message": raw["message"],
            "trace_id": raw["trace_id"],
        }
    )


def _pod_traces(raw: pd.DataFrame) -> pd.DataFrame:
    """Spans without kind or status: both stay empty, since the source does not say."""
    return pd.DataFrame(
        {
            "trace_id": raw["trace_id"],
            "span_id": raw["span_id"],
            "parent_id": raw["parent_id"],
            "service": services(raw["pod"]),
            "operation": raw["operation"],
            "kind": "",
            "start": pd.to_datetime(raw["start_ns"], unit="ns", utc=True),
            "duration_ms": raw["duration_us"] / 1000.0,
            "status": "",
            "message": "",
        }
    )


def _with_shared(
    incident: pd.DataFrame, folder: Path, payload: Mapping[str, Any], kind: str, convert: Callable[..., pd.DataFrame]
) -> Recorded:
    """Put the shared fault-free minute before the incident: that of its day, else that of the nearest day."""
    wanted = folder / str(payload.get("baseline", "")).replace("*", f"normal_{kind}.parquet")
    kept = sorted(wanted.resolve().parent.glob(f"*.normal_{kind}.parquet"))
    if not kept:
        return Recorded(incident, pd.Series(False, index=incident.index))
    day = pd.Timestamp(wanted.name.split(".")[0])
    nearest = min(kept, key=lambda path: abs(pd.Timestamp(path.name.split(".")[0]) - day))
    return _joined(_moved_before(convert(frame(nearest)), utc(payload["window_abnormal"][0])), incident)


def _moved_before(history: pd.DataFrame, start: Any) -> pd.DataFrame:
    """Move a history by whole days, so that the hour stays, to end a day or more before an incident that it follows.

    A history that already lies before stays where it is.
    """
    clock = clock_of(history)
    last = history[clock].max()
    if last < pd.Timestamp(start):
        return history
    days = int(np.ceil((last - pd.Timestamp(start)) / pd.Timedelta(days=1))) + 1
    return history.assign(**{clock: history[clock] - pd.Timedelta(days=days)})


def _joined(history: pd.DataFrame, incident: pd.DataFrame) -> Recorded:
    rows = pd.concat([history, incident], ignore_index=True)
    return Recorded(rows, pd.Series(np.arange(len(rows)) < len(history), index=rows.index))


def _inside(rows: pd.DataFrame, payload: Mapping[str, Any]) -> pd.Series[bool]:
    """Mark the rows of the window that the case calls normal."""
    normal = Window.of(*payload["window_normal"])
    times = rows["time"]
    return (times >= normal.start) & (times < normal.end)


def _metric_name(name: str) -> str:
    """Return a snake-case name with its unit spelt out.

    >>> _metric_name("PodServerLatencyP90(s)"), _metric_name("NetworkReceiveBytes")
    ('pod_server_latency_p90_seconds', 'network_receive_bytes')
    """
    match = re.fullmatch(r"(.+?)\((.+)\)", str(name))
    stem, unit = (match[1], "_" + UNITS.get(match[2], match[2])) if match else (str(name), "")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", stem).lower() + unit
