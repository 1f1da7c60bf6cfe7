"""What a table says, in words: level, change point, before and after, top templates, slowest path.

    digest(table, question)  # "3 of 80 series moved: payment ..._p99_seconds: 120 ms -> 1.3 s (x10.8) since 02:53:10Z"

Pure: a function of the table and the question. A model reads words better than series; the numbers go to the figure.
Log templates are mined by Drain (He et al., ICWS 2017) as drain3 has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from ontology.nouns import Window
from workbench.nouns import Modality, Question
from workbench.signals import Shift, moment, shift

TOP = 8
"""How many items of a kind a digest names."""
LOOK_CLOSER = 40
"""How many series, the most moved by a quick look, are measured with care."""
MOST_MESSAGES = 20_000
"""How many different messages are mined for templates; the rest is counted and said."""
LOUD = ("error", "fatal", "critical", "warn", "warning")
_VARIABLE = re.compile(
    r"\b\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?|\b\d\d:\d\d:\d\d(?:[.,]\d+)?"
    r"|\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
    r"|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b|(?<![A-Za-z_])\d+(?:\.\d+)?"
)


def digest(table: pd.DataFrame, question: Question) -> str:
    """Return a few sentences on the table that answers the question; the table has at least one row."""
    words = {Modality.METRICS: metrics, Modality.LOGS: logs, Modality.TRACES: traces}.get(question.modality, items)
    return words(table, question.window, question.baseline)


# -- metrics -------------------------------------------------------------------------------------------------


def metrics(table: pd.DataFrame, window: Window, baseline: Window | None = None) -> str:
    """Say which series moved, most first: before -> after, by how much, since when."""
    groups = [(str(entity), str(metric), rows) for (entity, metric), rows in _series(table)]
    values, times = table["value"].to_numpy(dtype=float), pd.DatetimeIndex(table["time"])
    since = np.asarray(times >= pd.Timestamp(window.start))
    ranked = sorted(groups, key=lambda group: -_quick(values[group[2]], since[group[2]]))
    found: list[tuple[str, str, Shift]] = []
    for entity, metric, rows in ranked[:LOOK_CLOSER]:
        step = shift(times[rows], values[rows], window.start, window.end)
        if step is not None and step.moved:
            found.append((entity, metric, step))
    found.sort(key=lambda each: -abs(each[2].z))
    if not found:
        return f"{len(groups)} series, none left its usual band. " + _levels(table, window)
    count = f"{len(found)} or more" if len(groups) > LOOK_CLOSER <= len(found) else str(len(found))
    lines = [f"{entity} {metric}: {_moved(step, metric)}" for entity, metric, step in found[:TOP]]
    rest = f"\nand {len(found) - TOP} more" if len(found) > TOP else ""
    return f"{count} of {len(groups)} series moved:\n" + "\n".join(lines) + rest


def _series(table: pd.DataFrame) -> list[tuple[tuple[object, object], np.ndarray]]:
    """Return the positions of the rows of each (entity, metric)."""
    positions: dict[tuple[object, object], np.ndarray] = table.groupby(
        ["entity", "metric"], sort=False, observed=True
    ).indices  # type: ignore[assignment]  # the stubs know keys of one column only
    return list(positions.items())


def _quick(values: np.ndarray, since: np.ndarray) -> float:
    """Return a rough score of movement, to decide which series deserve the careful test; 0 without two sides."""
    before, after = values[~since], values[since]
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if len(before) < 3 or len(after) < 3:
        return 0.0
    middle = float(np.median(before))
    low, high = np.quantile(before, (0.1, 0.9))
    spread = max(float(high - low), 0.02 * abs(middle), 1e-12)
    furthest = np.sort(np.abs(after - middle))[-min(3, len(after)) :]
    return float(np.median(furthest)) / spread


def _moved(step: Shift, metric: str) -> str:
    ratio = f" (x{step.ratio:{',.0f' if step.ratio >= 100 else '.3g'}})" if step.ratio else ""
    since = f" since {clock(step.at)}" if step.at else ""
    return f"{quantity(step.before, metric)} -> {quantity(step.after, metric)}{ratio}{since}"


def _levels(table: pd.DataFrame, window: Window) -> str:
    inside = table[(table["time"] >= window.start) & table["value"].notna()].reset_index(drop=True)
    values = inside["value"].to_numpy(dtype=float)
    return "Levels: " + "; ".join(
        f"{entity} {metric} {quantity(float(np.median(values[rows])), str(metric))}"
        for (entity, metric), rows in _series(inside)[:TOP]
    )


def quantity(value: float, metric: str) -> str:
    """Return a number with the unit that the metric's name carries.

    >>> quantity(0.12, "http_server_request_duration_p99_seconds"), quantity(3.0, "http_server_requests_per_second")
    ('120 ms', '3 /s')
    >>> quantity(52428800.0, "process_resident_memory_bytes"), quantity(7.0, "db_pool_in_use")
    ('50 MiB', '7')
    """
    if not np.isfinite(value):
        return "no value"
    if re.search(r"(?:_seconds|_lat_\d+|^lat_\d+|^latency_\w+)(?:_|$)", metric):
        return f"{value * 1000:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"
    if re.search(r"_bytes(?:_|$)", metric):
        return _bytes(value)
    if metric.endswith("_percent"):
        return f"{value:.3g} %"
    return f"{value:.4g} /s" if metric.endswith("_per_second") else f"{value:.4g}"


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if abs(value) < 1024:
            return f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:.3g} GiB"


# -- logs ----------------------------------------------------------------------------------------------------


def logs(table: pd.DataFrame, window: Window, baseline: Window | None = None) -> str:
    """Say which templates are new, gone or of another rate, errors first, with counts before and after."""
    found = templates(table, window)
    span = _sides(table["time"], window, baseline)
    found["change"] = _log_change(found["before"].to_numpy(), found["after"].to_numpy(), span)
    found["loud"] = found["severity"].isin(LOUD)
    found = found.assign(size=found["change"].abs() * np.where(found["loud"], 3.0, 1.0))
    found = found.sort_values("size", ascending=False, kind="stable")
    loud = int(found.loc[found["loud"], "after"].sum())
    lines = [_template_line(row, bool(span[0])) for row in found[found["size"] > 0].head(TOP).itertuples()]
    return f"{len(table)} lines, {len(found)} templates, {loud} errors or warnings in the window:\n" + "\n".join(lines)


def templates(table: pd.DataFrame, window: Window) -> pd.DataFrame:
    """Return a row a template: `template, severity, entities, before, after, first` (time of its first line after)."""
    inside = (table["time"] >= window.start).to_numpy()
    lines = table.assign(template=_mined(table["message"]), inside=inside, severity=table["severity"].str.lower())
    grouped = lines.groupby(["template", "severity"], sort=False, observed=True)
    found = grouped.agg(
        after=("inside", "sum"),
        all=("inside", "size"),
        entities=("entity", lambda names: ", ".join(sorted(set(names))[:3])),
    )
    found["first"] = lines[inside].groupby(["template", "severity"], sort=False, observed=True)["time"].min()
    found["before"] = found["all"] - found["after"]
    return found.drop(columns="all").reset_index()


def _named(names: pd.Series[str]) -> str:
    return ", ".join(sorted(set(names))[:3])


def _mined(messages: pd.Series[str]) -> pd.Series[str]:
    """Return the template of each message: variables masked, then Drain over the distinct masked messages."""
    from drain3.drain import Drain

    masked = messages.map({each: _VARIABLE.sub("<*>", each[:500]) for each in messages.unique()})
    miner = Drain(depth=4, sim_th=0.5, max_children=100, max_clusters=2000, param_str="<*>")
    distinct = list(masked.value_counts().index[:MOST_MESSAGES])
    clusters = {each: miner.add_log_message(each)[0] for each in distinct}
    return masked.map({each: cluster.get_template() for each, cluster in clusters.items()}).fillna("(other lines)")


def _sides(times: pd.Series[pd.Timestamp], window: Window, baseline: Window | None) -> tuple[float, float]:
    """Return how many seconds of before and of after the rows cover; 0.0 for a side without rows."""
    old = times[times < window.start]
    if not len(old):
        return 0.0, window.seconds
    covered = float((old.max() - old.min()).total_seconds())
    return max(covered, 1.0) if baseline is None else max(min(covered, baseline.seconds), 1.0), window.seconds


def _log_change(before: np.ndarray, after: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Return ln(rate after / rate before) with half a line added on both sides; raw counts without a before."""
    if not span[0]:
        return np.asarray(np.log1p(after.astype(float)))
    scaled = before * (span[1] / span[0])
    return np.asarray(np.log((after + 0.5) / (scaled + 0.5)))


def _template_line(row: object, compared: bool) -> str:
    before, after, first = (getattr(row, name) for name in ("before", "after", "first"))
    news = "" if not compared else " NEW" if not before else " GONE" if not after else ""
    since = f" since {clock(moment(first))}" if news == " NEW" and isinstance(first, datetime) else ""
    text = str(getattr(row, "template", ""))
    label = " ".join(filter(None, (str(getattr(row, "severity", "")), str(getattr(row, "entities", "")))))
    return f"{label}: {before} -> {after}{news}{since}: {text[:200]}"


# -- traces --------------------------------------------------------------------------------------------------


def traces(table: pd.DataFrame, window: Window, baseline: Window | None = None) -> str:
    """Say which operations and calls got slower or fail, before -> after, and the path of the slowest trace."""
    inside = table["start"] >= window.start
    spans = table.assign(side=np.where(inside, "after", "before"), failed=table["status"].eq("error"))
    parents = spans.drop_duplicates("span_id").set_index("span_id")["service"]
    spans["caller"] = spans["parent_id"].map(parents)
    calls = spans[spans["caller"].notna() & (spans["caller"] != spans["service"])]
    count = f"{int(spans.loc[inside, 'trace_id'].nunique())} traces in the window"
    said = [f"{count}, {int(spans.loc[inside, 'failed'].sum())} spans with an error."]
    said += _section("Operations", spans.assign(what=spans["service"] + " " + spans["operation"]))
    said += _section("Calls", calls.assign(what=calls["caller"] + " -> " + calls["service"]))
    path = slowest_path(table[inside])
    return "\n".join([*said, f"Slowest trace: {path}"] if path else said)


def _section(title: str, spans: pd.DataFrame) -> list[str]:
    if spans.empty:
        return []
    sides = spans.groupby(["what", "side"], observed=True).agg(p95=("duration_ms", _p95), bad=("failed", "mean"))
    wide = sides.unstack("side")
    for side in ("before", "after"):
        for name in ("p95", "bad"):
            if (name, side) not in wide.columns:
                wide[(name, side)] = np.nan
    added = wide[("p95", "after")] - wide[("p95", "before")].fillna(0.0)
    worse = (wide[("bad", "after")] - wide[("bad", "before")].fillna(0.0)).clip(lower=0).fillna(0.0)
    order = (added.fillna(0.0) + worse * 1000.0).sort_values(ascending=False, kind="stable")
    rows = [_operation_line(str(what), wide.loc[what]) for what in order.index[:5]]
    return [f"{title}, p95 before -> after:", *rows]


def _p95(durations: pd.Series[float]) -> float:
    return float(np.quantile(durations.to_numpy(), 0.95))


def _operation_line(what: str, row: pd.Series[float]) -> str:
    before, after = (_duration(float(row[("p95", side)])) for side in ("before", "after"))
    bad = row[("bad", "after")]
    errors = f", {bad:.0%} errors" if np.isfinite(bad) and bad > 0 else ""
    return f"  {what}: {before} -> {after}{errors}"


def _duration(milliseconds: float) -> str:
    return "none" if not np.isfinite(milliseconds) else quantity(milliseconds / 1000, "_seconds")


def slowest_path(spans: pd.DataFrame) -> str:
    """Return the slowest trace as its longest child at each level: `shop GET / 1.2 s > payment charge 1.1 s`."""
    if spans.empty:
        return ""
    roots = spans[~spans["parent_id"].isin(set(spans["span_id"]))]
    if roots.empty:
        return ""
    root = _slowest(roots)
    trace = spans[spans["trace_id"] == root["trace_id"]]
    return " > ".join(_span_words(span) for span in _longest(trace, root))


def _slowest(spans: pd.DataFrame) -> dict[str, Any]:
    row = spans.iloc[int(spans["duration_ms"].to_numpy().argmax())]
    return {str(name): value for name, value in row.items()}


def _longest(trace: pd.DataFrame, span: dict[str, Any]) -> Iterator[dict[str, Any]]:
    seen = set()
    while span["span_id"] not in seen:  # a span that is its own ancestor would never end
        seen.add(span["span_id"])
        yield span
        children = trace[trace["parent_id"] == span["span_id"]]
        if children.empty:
            return
        span = _slowest(children)


def _span_words(span: dict[str, Any]) -> str:
    failed = " (error)" if span["status"] == "error" else ""
    return f"{span['service']} {span['operation']} {_duration(span['duration_ms'])}{failed}"


# -- changes and state ---------------------------------------------------------------------------------------


def items(table: pd.DataFrame, window: Window, baseline: Window | None = None) -> str:
    """List what changed or stood, the latest first."""
    latest = table.sort_values("time", ascending=False, kind="stable").head(TOP)
    lines = [_item_line(row, window) for row in latest.to_dict("records")]
    return f"{len(table)} {'entry' if len(table) == 1 else 'entries'}:\n" + "\n".join(lines)


def _item_line(row: dict[Any, Any], window: Window) -> str:
    at = moment(row["time"])
    when = f"{clock(at)}{' (before the window)' if at and at < window.start else ''}"
    said: Sequence[object] = (row["summary"], row["ref"]) if "summary" in row else (f"{row['field']} = {row['value']}",)
    return f"{when} {row['entity']} {row['kind']}: " + " ".join(str(each) for each in said if each)


def clock(at: datetime | None) -> str:
    """Return the time of day in UTC."""
    return f"{at:%H:%M:%S}Z" if at else "an unknown time"
