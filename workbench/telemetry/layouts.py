"""How the files of a recorded case become the columns of `Question`: our own layout and the public benchmarks.

    read(folder, Modality.METRICS, payload) -> Recorded(rows, normal)

A layout is recognised by the columns of its file, never by the name of a case. Missing values stay missing.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ontology.errors import BadInput, NotFound
from ontology.nouns import Window, utc
from workbench.nouns import Modality

COLUMNS: Mapping[Modality, tuple[str, ...]] = {
    Modality.METRICS: ("time", "entity", "metric", "value"),
    Modality.TRACES: (
        "trace_id",
        "span_id",
        "parent_id",
        "service",
        "operation",
        "kind",
        "start",
        "duration_ms",
        "status",
        "message",
    ),
    Modality.LOGS: ("time", "entity", "severity", "message", "trace_id"),
    Modality.CHANGES: ("time", "entity", "kind", "summary", "ref", "detail"),
    Modality.STATE: ("time", "entity", "kind", "field", "value"),
}
"""The columns that answer a question, as `workbench.nouns.Question` documents them."""
UNITS = {"%": "percent", "s": "seconds", "m": "millicores", "Mi": "mebibytes", "Ops": "per_second"}
"""Units as benchmarks write them in brackets, and as our metric names carry them."""
UNREADABLE = (OSError, EOFError, zlib.error, UnicodeDecodeError, ValueError, KeyError)
"""What the readers raise for a truncated, corrupt or foreign file (pyarrow's and pandas' own are ValueErrors)."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """All rows of one kind of telemetry, and which of them are the fault-free history that is kept apart."""

    rows: pd.DataFrame
    """The columns of `COLUMNS`, a unique index."""
    apart: pd.Series[bool] | None = None
    """True for a row of the history; None where normal and abnormal rows differ by nothing but their time."""

    @property
    def normal(self) -> pd.DataFrame | None:
        """The fault-free history that answers a baseline of any dates; None where a baseline means its dates."""
        return None if self.apart is None else self.rows[self.apart]


def clock_of(rows: pd.DataFrame) -> str:
    """Return the name of the column that says when."""
    return "start" if "start" in rows.columns else "time"


def narrowed(rows: pd.DataFrame, modality: Modality, about: Sequence[str], what: str) -> pd.DataFrame:
    """Return the rows about those entities and of that name (`prefix*` is understood; logs: contained text).

    Raises:
        NotFound: `what` is a query in another system's language, which a recording cannot run.
    """
    if about:
        rows = rows[rows["service" if modality is Modality.TRACES else "entity"].isin(list(about))]
    if not what:
        return rows
    if modality is Modality.LOGS:
        return rows[rows["message"].str.contains(what, case=False, regex=False)]
    if re.search(r"[(){}\[\]=]", what):
        raise NotFound(
            f"The query {what!r} was not recorded.", next_step="Ask for a metric by name, or for a `prefix*`."
        )
    column = {Modality.METRICS: "metric", Modality.TRACES: "operation"}.get(modality, "kind")
    names = rows[column].astype(str)
    wanted = names.str.startswith(what[:-1]) if what.endswith("*") else names == what
    return rows[wanted]


def read(folder: Path, modality: Modality, payload: Mapping[str, Any]) -> Recorded:
    """Return that kind of telemetry of the case.

    Raises:
        NotFound: the file that case.json names is gone.
        BadInput: the file is corrupt, or of no layout that is known.
    """
    path = folder / str(payload["files"][modality.value][0])
    raw = frame(path)
    for knows, convert in LAYOUTS:
        if knows(modality, set(raw.columns)):
            try:
                return _typed(convert(raw, modality, folder, payload), modality, payload)
            except (KeyError, TypeError, ValueError) as error:
                raise _broken(path, f"{type(error).__name__}: {error}") from error
    raise BadInput(
        f"{path} has the columns {', '.join(map(str, list(raw.columns)[:6]))}, which no known layout has.",
        next_step=f"Record {modality.value} in the columns {', '.join(COLUMNS[modality])} (docs/cases.md).",
    )


def calls(folder: Path, payload: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return who calls whom, by name, from the case's own list; empty where it has none or it cannot be read."""
    files = payload.get("files", {})
    listed = payload.get("topology") or (files.get("topology") or [""])[0]
    if not listed or not (folder / str(listed)).exists():
        return ()
    table = frame(folder / str(listed))
    ends = ("caller", "callee") if "caller" in table.columns else ("source", "target")
    if not set(ends) <= set(table.columns):
        raise BadInput(f"{folder / str(listed)} names no callers.", next_step="Give it columns caller, callee.")
    pairs = table[list(ends)].dropna().astype(str).itertuples(index=False, name=None)
    return tuple(dict.fromkeys((service_of(a), service_of(b)) for a, b in pairs))


def calls_in(spans: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """Return who calls whom, as the parents of the spans show it, sorted."""
    services = spans.drop_duplicates("span_id").set_index("span_id")["service"]
    callers = spans["parent_id"].map(services)
    apart = callers.notna() & (callers != spans["service"])
    return tuple(sorted(set(zip(callers[apart], spans.loc[apart, "service"], strict=True))))


def frame(path: Path) -> pd.DataFrame:
    """Return the table in a parquet or CSV file, read once while it does not change.

    Raises:
        NotFound: there is no such file.
        BadInput: it is corrupt.
    """
    return _frame(path.resolve(), stamp(path))


def stamp(path: Path) -> int:
    """Return when the file was last written.

    Raises:
        NotFound: there is no such file.
    """
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise NotFound(
            f"{path} is not there, though its case names it.", next_step="Restore the file, or record the case again."
        ) from error


@lru_cache(maxsize=24)
def _frame(path: Path, _written: int) -> pd.DataFrame:
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else _csv(path)
    except UNREADABLE as error:
        raise _broken(path, str(error).splitlines()[0] if str(error) else type(error).__name__) from error


def _csv(path: Path) -> pd.DataFrame:
    if path.suffix != ".gz":
        return pd.read_csv(path)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return pd.read_csv(lines)


def _broken(path: Path, why: str) -> BadInput:
    return BadInput(f"{path} cannot be read: {why}.", next_step="Restore the file, or record the case again.")


# -- one layout a function: raw table -> Recorded ------------------------------------------------------------


def _own(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    return Recorded(raw)


def _piped(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    """`component|metric|statistic` columns; the fault-free history stands in a file that cases share."""
    incident = _long(raw, _by_pipe(raw))
    history = _history(folder / str(payload["baseline"]), stamp(folder / str(payload["baseline"])))
    return _joined(_moved_before(history, utc(payload["window_abnormal"][0])), incident)


@lru_cache(maxsize=4)
def _history(path: Path, _written: int) -> pd.DataFrame:
    raw = frame(path)
    return _long(raw, _by_pipe(raw))


def _by_pipe(raw: pd.DataFrame) -> list[tuple[str, str, str]]:
    parts = [(str(column), str(column).rsplit("|", 2)) for column in raw.columns if "|" in str(column)]
    return [(column, entity, f"{metric}_{statistic}") for column, (entity, metric, statistic) in parts]


def _phased(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    """`<service>_<signal>` columns and a phase, normal or abnormal, which may lie days apart."""
    columns = []
    for column in raw.columns.drop(["time", "phase"]):
        match = re.fullmatch(r"(.+?)_(cpu|mem|lod|lat_\d+)", str(column))
        if match:
            columns.append((column, match[1], match[2]))
    normal = (raw["phase"] == "normal").to_numpy()
    before = _moved_before(_long(raw[normal], columns), utc(payload["window_abnormal"][0]))
    return _joined(before, _long(raw[~normal], columns))


def _podded(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
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


def _replicated(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    """`<pod>&<metric>` columns; load and success stand in files with a column a pod."""
    named = [(str(each), *str(each).partition("&")) for each in raw.columns if "&" in str(each)]
    parts = [_long(raw, [(each, pod, metric) for each, pod, _, metric in named])]
    for name in ("qps", "success_rate"):
        listed = payload.get("files", {}).get(name)
        if listed:
            extra = frame(folder / str(listed[0]))
            parts.append(_long(extra, [(each, str(each), name) for each in extra.columns.drop("time")]))
    rows = pd.concat(parts, ignore_index=True)
    return Recorded(rows, _inside(rows, payload))


LAYOUTS: Sequence[tuple[Callable[[Modality, set[str]], bool], Callable[..., Recorded]]] = (
    (lambda modality, columns: set(COLUMNS[modality]) <= columns, _own),
    (lambda modality, columns: "phase" in columns, _phased),
    (lambda modality, columns: "pod" in columns, _podded),
    (lambda modality, columns: any("|" in column for column in columns), _piped),
    (lambda modality, columns: any("&" in column for column in columns), _replicated),
)
"""How a layout is recognised, and how it is converted; the first that fits is taken."""


# -- the parts of a conversion -------------------------------------------------------------------------------


def _long(raw: pd.DataFrame, columns: Sequence[tuple[str, str, str]]) -> pd.DataFrame:
    """Turn wide columns (name, entity, metric) into rows `time, entity, metric, value`."""
    n = len(raw)
    values = raw[[name for name, _, _ in columns]].to_numpy(dtype=float)
    return pd.DataFrame(
        {
            "time": np.tile(raw["time"].to_numpy(), len(columns)),
            "entity": np.repeat(np.array([entity for _, entity, _ in columns], dtype=object), n),
            "metric": np.repeat(np.array([metric for _, _, metric in columns], dtype=object), n),
            "value": values.T.ravel(),
        }
    ).assign(time=lambda rows: _instants(rows["time"]))


def _pod_metrics(raw: pd.DataFrame) -> pd.DataFrame:
    """Melt one row an entity and time; `CpuUsageRate(%)` becomes `cpu_usage_rate_percent`."""
    rows = raw.melt(["time", "entity"], var_name="metric").assign(
        metric=lambda each: each["metric"].map({name: _metric_name(name) for name in raw.columns})
    )
    return rows.assign(time=_instants(rows["time"]), entity=_services(rows["entity"]))


def _edges(raw: pd.DataFrame) -> pd.DataFrame:
    """Credit an edge's two latencies, seen by the caller and by the callee, to the callee."""
    ends = raw["edge"].str.split("_", n=1, expand=True)
    parts = [
        pd.DataFrame(
            {
                "time": _instants(raw["time"]),
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
            "entity": _services(raw["pod"]),
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
            "service": _services(raw["pod"]),
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


def _typed(table: Recorded, modality: Modality, payload: Mapping[str, Any]) -> Recorded:
    """Return the documented columns and types: UTC times, floats, text that is never missing."""
    rows = table.rows[list(COLUMNS[modality])].copy()
    for column in rows.columns:
        if column in ("time", "start"):
            rows[column] = _instants(rows[column])
        elif column == "duration_ms" or (column == "value" and modality is Modality.METRICS):
            rows[column] = pd.to_numeric(rows[column], errors="raise").astype(float)
        else:
            rows[column] = rows[column].astype("str").where(rows[column].notna(), "")
    return replace(table, rows=rows)


def _instants(times: pd.Series[Any]) -> pd.Series[Any]:
    """Return UTC timestamps of microseconds from timestamps or unix seconds."""
    seconds = pd.api.types.is_numeric_dtype(times)
    moments = pd.to_datetime(times, unit="s", utc=True) if seconds else pd.to_datetime(times, utc=True)
    return moments.dt.as_unit("us")


def _services(names: pd.Series[Any]) -> pd.Series[Any]:
    return names.map({name: service_of(str(name)) for name in names.unique()})


def service_of(pod: str) -> str:
    """Return a deployment's name from the name of its pod; other names stay.

    >>> service_of("cart-75d494679c-qdl5c"), service_of("front-end")
    ('cart', 'front-end')
    """
    return re.sub(r"-[0-9a-f]{8,10}-[a-z0-9]{5}$", "", pod)


def _metric_name(name: str) -> str:
    """Return a snake-case name with its unit spelt out.

    >>> _metric_name("PodServerLatencyP90(s)"), _metric_name("NetworkReceiveBytes")
    ('pod_server_latency_p90_seconds', 'network_receive_bytes')
    """
    match = re.fullmatch(r"(.+?)\((.+)\)", str(name))
    stem, unit = (match[1], "_" + UNITS.get(match[2], match[2])) if match else (str(name), "")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", stem).lower() + unit
