"""Traces and their log lines -> what a request of one kind usually brings along, and no longer does, or newly does.

A *visit* is one stay of a request in a service: the span that enters it and all spans below in the same service.
Its marks are the operations it runs, the calls it makes, the call after which it ended, and the sites of the log
lines that it wrote. For each kind of visit (service and entering operation) a mark's share of visits since the
incident is compared with that before, by the Bayes factor of two shares against one. What came before is purged of
traces that already failed, since hardly any estate is without.

Sources: span-conditioned patterns of logs and calls follow Nezha (Yu et al., FSE 2023), with a Bayes factor in the
place of its support ratio; the factor of two binomials is Jeffreys' (1961), with his prior.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betaln

from workbench.reasoning.statistical.templates import FAILED, mask

SITE = re.compile(r"[\w$.\[\]/-]+[#:]\d+\b(?=\W)")
"""A logger or a file with a line: `c.s.OrderService#153`, `orders.py:41`."""
LEAST = 3.0
"""Visits of a kind on each side, below which their shares say nothing."""
PRIOR = 0.5
"""Jeffreys' prior of a share: a Beta of one half and one half."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One mark of one kind of visit, before and since."""

    service: str
    operation: str
    """That enters the service."""
    kind: str
    """`log`, `error` (a log line of an error), `operation`, `call` or `last` (the call after which the visit ended)."""
    mark: str
    callee: str
    """Whom the call goes to; empty for what is no call."""
    before: float
    after: float
    """Share of visits that carry it."""
    visits: int
    """Traces with a visit of this kind since the incident began."""
    nats: float
    """Log Bayes factor that the two shares differ; may be below 0."""
    sound: bool
    """Whether the visits before had not failed; where all had, what newly appears may be health."""
    spread: int
    """How many services ever carry this mark: a framework's own line is in all of them."""

    @property
    def change(self) -> float:
        """Added share, -1 to 1."""
        return self.after - self.before


def patterns(spans: pd.DataFrame, logs: pd.DataFrame | None) -> list[Pattern]:
    """Return what changed in each kind of visit, most telling first.

    Args:
        spans: as `spans.prepared` returns them.
        logs: `time, entity, severity, message, trace_id`; None where there are none.
    """
    visits = _visits(spans)
    marks = [_operations(spans, visits), _last_calls(spans, visits)]
    failed = [visits[spans["bad"].to_numpy()]]
    if logs is not None:
        lines = _placed(_with_history(logs, spans), spans, visits)
        failed.append(lines.loc[lines["kind"] == "error", "visit"].to_numpy())
        marks.append(lines)
    entered = spans.loc[np.unique(visits), ["trace_id", "service", "operation", "late"]]
    entered = _purged(entered, _upward(np.concatenate(failed), spans, visits))
    every = pd.concat(marks, ignore_index=True)
    every["at"] = spans["service"].to_numpy()[every["visit"].to_numpy()]
    return sorted(_compared(entered, every), key=lambda each: -each.nats)


def _visits(spans: pd.DataFrame) -> np.ndarray:
    """Return for each span the row of the span that entered its service."""
    service, parent = spans["service"].to_numpy(), spans["parent"].to_numpy()
    at = np.arange(len(spans))
    up = np.where((parent >= 0) & (service[parent] == service), parent, at)
    for _ in range(12):  # doubling: 4,096 levels; a circle of parents ends anywhere in it
        up = up[up]
    return up


def _upward(failed: np.ndarray, spans: pd.DataFrame, visits: np.ndarray) -> np.ndarray:
    """Return the failed visits and those that called them: to these a failure shows."""
    parent = spans["parent"].to_numpy()
    known = reached = np.unique(failed)
    while len(reached):
        above = parent[reached]
        reached = np.setdiff1d(visits[above[above >= 0]], known)
        known = np.union1d(known, reached)
    return known


def _purged(entered: pd.DataFrame, failed: np.ndarray) -> pd.DataFrame:
    """Leave out earlier visits that failed, and say of each kind whether it is `sound`: enough are left."""
    fell = entered.index.isin(failed)
    right = pd.Series(~entered["late"].to_numpy() & ~fell, entered.index)
    sound = right.groupby([entered["service"], entered["operation"]]).transform("sum") >= LEAST
    return entered.assign(sound=sound)[entered["late"] | ~fell | ~sound]


def _operations(spans: pd.DataFrame, visits: np.ndarray) -> pd.DataFrame:
    """Return the operations of each visit, and the calls out of it, as marks."""
    parent = spans["parent"].to_numpy()
    inner = visits != np.arange(len(spans))
    service = spans["service"].to_numpy()
    crosses = (parent >= 0) & (service[np.maximum(parent, 0)] != service)
    inside = pd.DataFrame({"visit": visits[inner], "kind": "operation", "mark": spans["operation"].to_numpy()[inner]})
    called = spans["service"].to_numpy()[crosses] + " " + spans["operation"].to_numpy()[crosses]
    out = pd.DataFrame({"visit": visits[parent[crosses]], "kind": "call", "mark": called, "callee": service[crosses]})
    return pd.concat([inside.assign(callee=""), out], ignore_index=True)


def _last_calls(spans: pd.DataFrame, visits: np.ndarray) -> pd.DataFrame:
    """Return for each visit the call that it began last; `nothing` where it made none."""
    parent, service = spans["parent"].to_numpy(), spans["service"].to_numpy()
    crosses = (parent >= 0) & (service[np.maximum(parent, 0)] != service)
    calls = pd.DataFrame(
        {
            "visit": visits[parent[crosses]],
            "start": spans["start"].to_numpy()[crosses],
            "mark": service[crosses] + " " + spans["operation"].to_numpy()[crosses],
            "callee": service[crosses],
        }
    )
    last = calls.sort_values("start", kind="stable").drop_duplicates("visit", keep="last")
    none = np.setdiff1d(np.unique(visits), last["visit"].to_numpy())
    nothing = pd.DataFrame({"visit": none, "mark": "nothing", "callee": ""})
    return pd.concat([last[["visit", "mark", "callee"]], nothing], ignore_index=True).assign(kind="last")


def _placed(logs: pd.DataFrame, spans: pd.DataFrame, visits: np.ndarray) -> pd.DataFrame:
    """Return the lines of traces with the visit that wrote them: the last of that service and trace to begin before."""
    lines = logs[logs["trace_id"].astype(str) != ""].sort_values("time", kind="stable")
    entry = np.unique(visits)
    begun = pd.DataFrame(
        {
            "trace_id": spans["trace_id"].to_numpy()[entry],
            "entity": spans["service"].to_numpy()[entry],
            "time": spans["start"].to_numpy()[entry],
            "visit": entry,
        }
    ).sort_values("time", kind="stable")
    begun["time"] = begun["time"].astype(lines["time"].dtype)
    placed = pd.merge_asof(lines, begun, on="time", by=["trace_id", "entity"]).dropna(subset=["visit"])
    messages = placed["message"].astype(str)
    site = messages.map({each: _site(each) for each in messages.unique()})
    loud = placed["severity"].astype(str).str.lower().isin(FAILED)
    return pd.DataFrame(
        {
            "visit": placed["visit"].astype(int),
            "kind": np.where(loud, "error", "log"),
            "mark": site,
            "callee": "",
        }
    )


def _with_history(logs: pd.DataFrame, spans: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of entities that wrote lines in earlier traces too: who was silent may have been unrecorded."""
    earlier = set(spans.loc[~spans["late"], "trace_id"])
    known = logs.loc[logs["trace_id"].isin(earlier), "entity"].unique()
    return logs[logs["entity"].isin(known)]


def _site(message: str) -> str:
    """Return what names the place that wrote a line: its logger and line number, else its words without values."""
    found = SITE.search(message[:120], 8)
    return found[0] if found else mask(message)[:60]


def _compared(entered: pd.DataFrame, marks: pd.DataFrame) -> Iterator[Pattern]:
    """Yield a pattern for every mark of every kind of visit with enough visits on both sides. Traces are counted."""
    kind = entered.groupby(["service", "operation"], sort=True).ngroup().to_numpy()
    each = 1.0 / entered.groupby([entered["trace_id"], kind])["late"].transform("size").to_numpy()
    late = entered["late"].to_numpy()
    size = int(kind.max()) + 1 if len(kind) else 0
    n0, n1 = np.bincount(kind, each * ~late, size), np.bincount(kind, each * late, size)
    about = pd.DataFrame({"visit": entered.index, "kind_of": kind, "weight": each, "late": late})
    seen = marks.drop_duplicates(["visit", "kind", "mark"]).merge(about, on="visit")
    seen = seen[(n0[seen["kind_of"]] >= LEAST) & (n1[seen["kind_of"]] >= LEAST)]
    seen = seen.assign(k0=seen["weight"] * ~seen["late"], k1=seen["weight"] * seen["late"])
    counted = seen.groupby(["kind_of", "kind", "mark", "callee"], sort=True)[["k0", "k1"]].sum().reset_index()
    named = entered.assign(kind_of=kind).drop_duplicates("kind_of").set_index("kind_of")
    counted["service"] = counted["kind_of"].map(named["service"])
    carriers = marks.groupby(["kind", "mark"])["at"].nunique()
    spread = carriers.reindex(pd.MultiIndex.from_frame(counted[["kind", "mark"]])).to_numpy()
    of = counted["kind_of"].to_numpy()
    nats = bayes_factor(counted["k0"].to_numpy(), n0[of], counted["k1"].to_numpy(), n1[of])
    for at, value in enumerate(nats.tolist()):
        row, k = counted.iloc[at], int(of[at])
        yield Pattern(
            str(row["service"]),
            str(named.at[k, "operation"]),
            str(row["kind"]),
            str(row["mark"]),
            str(row["callee"]),
            float(row["k0"] / n0[k]),
            float(row["k1"] / n1[k]),
            round(n1[k]),
            value,
            bool(named.at[k, "sound"]),
            int(spread[at]),
        )


def bayes_factor(k0: np.ndarray, n0: np.ndarray, k1: np.ndarray, n1: np.ndarray) -> np.ndarray:
    """Return ln of the odds, from data alone, that two shares differ rather than agree.

    >>> ten = np.array([10.0, 10.0])
    >>> bayes_factor(np.array([10.0, 5.0]), ten, np.array([0.0, 5.0]), ten).round(1)
    array([12.1, -1.1])
    """
    k0, k1 = np.minimum(k0, n0), np.minimum(k1, n1)
    apart = betaln(k0 + PRIOR, n0 - k0 + PRIOR) + betaln(k1 + PRIOR, n1 - k1 + PRIOR) - 2 * betaln(PRIOR, PRIOR)
    together = betaln(k0 + k1 + PRIOR, n0 + n1 - k0 - k1 + PRIOR) - betaln(PRIOR, PRIOR)
    return np.asarray(apart - together)
