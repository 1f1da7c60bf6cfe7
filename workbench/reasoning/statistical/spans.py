"""Traces -> for each service: time of its own, network time of the calls to it, errors that began in it.

A span's own time is its duration less that of its direct children. Where a client span has the callee's server
span as a child, the difference of the two is the network's, credited to the callee. All means are taken per
operation and compared with the same operation before, so that a change in the mix of requests adds nothing.

Source: client-minus-server gap and deepest error were measured as the strongest signs that traces hold
(docs/method.md); own time follows critical-path practice (Dapper, 2010).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from workbench.nouns import Case, Modality

LEAST = 5
"""Spans of an operation on each side, below which its means say nothing."""
MUTE = 4.0
"""Requests that a callee usually serves in the time in which it served none, from which it counts as silent."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Time that one service added per request: `kind` is own (inside it) or network (on the way to it)."""

    service: str
    kind: str
    operation: str
    """The operation that added most."""
    before_ms: float
    after_ms: float
    """Mean of that operation before and in the window."""
    added_ms: float
    """Added milliseconds per trace, over all operations."""
    z: float
    """Welch's z of that operation's means."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Traces in the window whose failure began in one service."""

    service: str
    traces: int
    share: float
    """Of all traces in the window."""
    usual: float
    """The same share before."""
    message: str
    """The most frequent message; empty where spans carry none."""
    unreachable: bool
    """The callee gave no answer at all: seen only from its callers."""
    timeout: bool
    """The caller gave up on a callee that was no slower than usual."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """How often one service was seen to call another."""

    traces: int
    example: str
    """Id of one of these traces."""


@dataclass(frozen=True, slots=True)
class Spans:
    """What the traces of a case say."""

    observation: str
    spent: tuple[Spent, ...]
    failing: tuple[Failing, ...]
    edges: Mapping[tuple[str, str], Crossing]
    """Who was seen to call whom."""
    root_before_ms: float | None
    root_after_ms: float | None
    """Mean duration of whole traces."""
    timed: frozenset[str]
    """Services that have spans before and since."""
    table: pd.DataFrame = field(compare=False, repr=False)
    """The spans as `prepared`, for witnesses that look closer."""


def spans(case: Case, since: datetime) -> Spans | None:
    """Return what the latest answered traces say of before and since; None where there are none."""
    asked = [each for each in case.observations if each.question.modality is Modality.TRACES and each.table is not None]
    if not asked or asked[-1].table is None or asked[-1].table.empty:
        return None
    latest = asked[-1]
    table = prepared(latest.table, since)  # type: ignore[arg-type]  # not None: see above
    roots = table[table["parent_service"].isna()]
    return Spans(
        latest.id,
        tuple(_spent(table)),
        tuple(_failing(table)),
        _crossings(table[table["parent_service"].notna() & (table["parent_service"] != table["service"])]),
        _mean(roots.loc[~roots["late"], "duration_ms"]),
        _mean(roots.loc[roots["late"], "duration_ms"]),
        frozenset(table.loc[table["late"], "service"]) & frozenset(table.loc[~table["late"], "service"]),
        table,
    )


def _crossings(spans: pd.DataFrame) -> Mapping[tuple[str, str], Crossing]:
    """Return, for every caller and callee among spans whose parent belongs to another service, how often it was."""
    pairs = spans.groupby(["parent_service", "service"], sort=True)["trace_id"]
    return {
        (str(caller), str(callee)): Crossing(int(traces.nunique()), str(traces.iloc[0]))
        for (caller, callee), traces in pairs
    }


def prepared(table: pd.DataFrame, since: datetime) -> pd.DataFrame:
    """Return the spans with `late` (in the window), their parent, and their own and network time.

    Added columns: late, parent (its row, -1 for none), parent_service, parent_kind, own_ms, network_ms (of the call to
    it; NaN where there is none), answered (a child in another service exists), bad_child (a child failed), bad.
    """
    rows = table.drop_duplicates(["trace_id", "span_id"]).reset_index(drop=True).copy()
    rows["late"] = rows["start"] >= since
    rows["bad"] = rows["status"].astype(str).str.lower().isin(["error", "status_code_error", "2"])
    key = rows["trace_id"].astype(str) + "\x1f" + rows["span_id"].astype(str)
    parent = rows["trace_id"].astype(str) + "\x1f" + rows["parent_id"].astype(str)
    at = pd.Series(rows.index, index=key)
    at = at[~at.index.duplicated()]
    up = at.reindex(parent).to_numpy()
    known = ~np.isnan(up)
    up_at = up[known].astype(int)
    rows["parent"] = np.where(known, up, -1).astype(int)
    rows["kind"] = _kinds(rows)
    for name, source in (("parent_service", "service"), ("parent_kind", "kind")):
        rows[name] = pd.Series(rows[source].to_numpy()[up_at], index=rows.index[known], dtype=object)
    n = len(rows)
    below = np.bincount(up_at, rows["duration_ms"].to_numpy()[known], n)
    rows["own_ms"] = (rows["duration_ms"] - below).clip(lower=0.0)
    rows["bad_child"] = np.bincount(up_at, rows["bad"].to_numpy()[known].astype(float), n) > 0
    crosses = known & (rows["parent_service"] != rows["service"]).to_numpy()
    rows["answered"] = np.bincount(up[crosses].astype(int), minlength=n) > 0
    called = crosses & (rows["parent_kind"] == "client").to_numpy()
    rows["network_ms"] = np.nan
    gap = rows["duration_ms"].to_numpy()[up[called].astype(int)] - rows["duration_ms"].to_numpy()[called]
    rows.loc[called, "network_ms"] = np.clip(gap, 0.0, None)
    rows["callee"] = _usual_callee(rows, up, crosses)
    return rows


def _kinds(rows: pd.DataFrame) -> pd.Series:
    """Return the kind of each span; where no span says one, an operation that makes one call and no more is a client.

    That is one whose spans, where they have children, have just one, and in another service.
    """
    if (rows["kind"].astype(str) != "").any():
        return rows["kind"]
    n, child = len(rows), rows["parent"].to_numpy() >= 0
    up = rows["parent"].to_numpy()[child]
    crosses = rows["service"].to_numpy()[up] != rows["service"].to_numpy()[child]
    children, answers = np.bincount(up, minlength=n), np.bincount(up, crosses.astype(float), n)
    calls = pd.DataFrame({"one": (children == 1) & (answers == 1), "any": children > 0})
    names = [rows["service"], rows["operation"]]
    calls = calls.groupby(names, sort=False).transform("sum")
    return pd.Series(np.where((calls["one"] > 0) & (calls["one"] >= 0.9 * calls["any"]), "client", ""), rows.index)


def _usual_callee(rows: pd.DataFrame, up: np.ndarray, crosses: np.ndarray) -> pd.Series:
    """Return for each client span whom its operation calls, learnt from those that were answered; None if unknown."""
    callers = rows.loc[up[crosses].astype(int), ["service", "operation"]].reset_index(drop=True)
    callers["callee"] = rows["service"].to_numpy()[crosses]
    known = callers.drop_duplicates()
    known = known.drop_duplicates(["service", "operation"], keep=False)  # one that calls several tells nothing
    usual = known.set_index(["service", "operation"])["callee"]
    wanted = pd.MultiIndex.from_frame(rows[["service", "operation"]])
    return pd.Series(usual.reindex(wanted).to_numpy(), index=rows.index, dtype=object).where(rows["kind"] == "client")


def _spent(table: pd.DataFrame) -> Iterator[Spent]:
    """Yield own and network time of every service that has enough spans on both sides."""
    traces = max(int(table.loc[table["late"], "trace_id"].nunique()), 1)
    own = table[~((table["kind"] == "client") & table["answered"])].assign(value=lambda each: each["own_ms"])
    lost = own["callee"].notna()
    own.loc[lost, "service"] = own.loc[lost, "callee"]  # a call that was not answered waits for its usual callee
    network = table[table["network_ms"].notna()].assign(value=lambda each: each["network_ms"])
    for kind, rows in (("own", own), ("network", network)):
        parts = _by_operation(rows, traces)
        for service, operations in parts.groupby("service", sort=True):
            most = operations.iloc[int(operations["added"].to_numpy().argmax())]
            yield Spent(
                str(service),
                kind,
                str(most["operation"]),
                float(most["before"]),
                float(most["after"]),
                float(operations["added"].sum()),
                float(most["z"]),
            )


def _by_operation(rows: pd.DataFrame, traces: int) -> pd.DataFrame:
    """Return `service, operation, before, after, added, z`: means in ms, added in ms per trace."""
    stats = rows.groupby(["service", "operation", "late"])["value"].agg(["mean", "var", "count"]).unstack("late")
    columns = ["service", "operation", "before", "after", "added", "z"]
    if stats.empty or not {True, False} <= set(stats.columns.get_level_values("late")):
        return pd.DataFrame({name: pd.Series(dtype=object if name in columns[:2] else float) for name in columns})
    stats = stats[(stats[("count", True)] >= LEAST) & (stats[("count", False)] >= LEAST)]
    before, after = stats[("mean", False)], stats[("mean", True)]
    noise = stats[("var", False)] / stats[("count", False)] + stats[("var", True)] / stats[("count", True)]
    added = (after - before) * stats[("count", True)] / traces
    z = (after - before) / np.sqrt(noise + (0.02 * before) ** 2 + 1e-12)
    return pd.DataFrame({"before": before, "after": after, "added": added, "z": z}).reset_index()


def _failing(table: pd.DataFrame) -> Iterator[Failing]:
    """Yield the services in which failures began, more often in the window than before."""
    began = table[table["bad"] & ~table["bad_child"]].copy()
    if began.empty:
        return
    began["where"], began["silent"], began["gave_up"] = _blamed(began, table)
    late = int(table.loc[table["late"], "trace_id"].nunique())
    early = int(table.loc[~table["late"], "trace_id"].nunique())
    for service, rows in began.groupby("where", sort=True):
        now = rows[rows["late"]]
        traces = int(now["trace_id"].nunique())
        share = traces / late if late else 0.0
        usual = int(rows.loc[~rows["late"], "trace_id"].nunique()) / early if early else 0.0
        if traces and share > usual:
            said = now["message"].astype(str)
            messages = said[said != ""].value_counts()
            yield Failing(
                str(service),
                traces,
                share,
                usual,
                str(messages.index[0])[:160] if len(messages) else "",
                bool(now["silent"].mean() > 0.5),
                bool(now["gave_up"].mean() > 0.5),
            )


def _blamed(began: pd.DataFrame, table: pd.DataFrame) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Return for each failure the service to credit, whether it gave no answer, whether the caller gave up early.

    A client span that failed with no failure below it: no answer and the callee silent, in the whole window or around
    the call -> the callee; answered by a callee slower than usual -> the callee; else the caller, who gave up or asked
    wrongly.
    """
    serving = table[table["kind"] != "client"]
    means = serving.groupby(["service", "late"])["duration_ms"].mean().unstack("late")
    means = means.reindex(columns=[False, True])  # an estate that is younger than its baseline has no column of it
    slower = (means[True] > 1.5 * means[False]).to_dict()
    alive = set(serving.loc[serving["late"], "service"])
    outgoing = began["callee"].notna() & (began["kind"] == "client")
    silent = outgoing & ~began["answered"] & (~began["callee"].isin(alive) | _mute(began, table, serving))
    late_answer = outgoing & ~silent & began["callee"].map(lambda name: bool(slower.get(name, False)))
    gave_up = outgoing & ~silent & ~late_answer
    return began["service"].where(~(silent | late_answer), began["callee"]), silent, gave_up


def _mute(calls: pd.DataFrame, table: pd.DataFrame, serving: pd.DataFrame) -> pd.Series:
    """Say of each call whether its usual callee served nobody around it for as long as it usually serves several."""
    traces = table.groupby("trace_id").agg(start=("start", "min"), late=("late", "min"))
    begun, early = _times(traces["start"]), int((traces["late"] == 0).sum())
    found = pd.Series(data=False, index=calls.index)
    for callee, its in calls.groupby("callee"):
        served = serving[serving["service"] == callee]
        usual = served.loc[~served["late"], "trace_id"].nunique() / early if early else 0.0
        starts = _times(served["start"])
        bounds = np.concatenate((begun[:1], starts, _times(table["start"])[-1:]))
        after = np.searchsorted(starts, its["start"].to_numpy(dtype="datetime64[ns]"), side="right") + 1
        passed = np.searchsorted(begun, bounds[after]) - np.searchsorted(begun, bounds[after - 1])
        found[its.index] = passed * usual >= MUTE
    return found


def _times(starts: pd.Series) -> np.ndarray:
    return np.sort(starts.to_numpy(dtype="datetime64[ns]"))


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if len(values) else None
