"""Spans of one trace as a tree: self time, waiting, what differs from before, siblings alike. No drawing here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from ontology.nouns import Window

ROWS = 32


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of the waterfall; times in milliseconds from the start of the trace."""

    service: str
    operation: str
    kind: str
    depth: int
    start: float
    duration: float
    busy: tuple[tuple[float, float], ...]
    """Stretches of self time: no child runs."""
    median: float | None
    """Median duration of this operation before."""
    usual: float | None
    """Median self time of this operation before."""
    message: str
    """Of the error; empty where the span is fine."""
    failed: bool
    hot: bool
    """On the path that made the trace slow or failed."""
    alike: int = 1
    """How many siblings this row stands for."""

    @property
    def self_time(self) -> float:
        """Milliseconds in which the span itself worked."""
        return sum(end - start for start, end in self.busy)


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace to show, and how usual it is."""

    id: str
    bars: tuple[Bar, ...]
    duration: float
    usual: float | None
    """Median duration of such traces before, milliseconds."""
    hidden: int
    """Rows beyond what is shown."""

    @property
    def culprit(self) -> Bar | None:
        """The hot span with the most self time more than usual."""
        hot = [each for each in self.bars if each.hot]
        return max(hot, key=lambda each: each.self_time - (each.usual or 0.0), default=None)


def slowest(table: pd.DataFrame, window: Window, suspect: str = "") -> Trace | None:
    """Return the slowest anomalous trace of the window, through the suspect where there is such a one.

    `table` is the answer to a traces question. Slow is measured against the median of traces with the same root
    operation before the window. None where the window holds no trace.
    """
    import pandas as pd

    if table.empty:
        return None
    start = pd.to_datetime(table["start"], utc=True)
    table = table.assign(start=start, at=(start - start.min()).dt.total_seconds() * 1000)
    late = table["start"] >= window.start
    before, after = table[~late], table[late]
    if after.empty:
        return None
    usual = _medians(before)
    roots = _roots(after)
    through = set(after.loc[after["service"] == suspect, "trace_id"])
    roots = roots[roots["trace_id"].isin(through)] if through & set(roots["trace_id"]) else roots
    excess = [
        float(took) - usual.get((str(service), str(operation)), (0.0, 0.0))[0]
        for service, operation, took in zip(roots["service"], roots["operation"], roots["duration_ms"], strict=True)
    ]
    chosen = roots.iloc[max(range(len(excess)), key=excess.__getitem__)]
    spans = after[after["trace_id"] == chosen["trace_id"]]
    return _trace(spans, usual, str(chosen["trace_id"]))


def _roots(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row a trace: its span without a known parent that lasts longest."""
    orphan = ~table["parent_id"].isin(set(table["span_id"]))
    whole = set(table["trace_id"]) - set(
        table.loc[orphan, "trace_id"]
    )  # links in a circle: the longest span is the root
    return (
        table[orphan | table["trace_id"].isin(whole)]
        .sort_values("duration_ms", ascending=False)
        .drop_duplicates("trace_id")
    )


def _medians(table: pd.DataFrame) -> Mapping[tuple[str, str], tuple[float, float]]:
    """Return (median duration, median self time) by service and operation, milliseconds."""
    if table.empty:
        return {}
    waited = table.groupby(["trace_id", "parent_id"])["duration_ms"].sum()
    keys = list(zip(table["trace_id"], table["span_id"], strict=True))
    children = [float(waited.get(key, 0.0)) for key in keys]
    own = (table["duration_ms"] - children).clip(lower=0)
    middle = table.assign(own=own).groupby(["service", "operation"])[["duration_ms", "own"]].median()
    pairs = zip(middle.index, middle.to_numpy(), strict=True)
    return {(str(key[0]), str(key[1])): (float(row[0]), float(row[1])) for key, row in pairs}


def _trace(spans: pd.DataFrame, usual: Mapping[tuple[str, str], tuple[float, float]], trace_id: str) -> Trace:
    rows = spans.sort_values("at").drop_duplicates("span_id").to_dict("records")
    tree = _Tree(rows, usual)
    bars = tree.bars()
    zero = min(each.start for each in bars)
    bars = [_moved(each, -zero) for each in bars]
    root = bars[0]
    normal = usual.get((root.service, root.operation))
    length = max(each.start + each.duration for each in bars)
    shown = _most(bars)
    return Trace(trace_id, tuple(shown), length, normal[0] if normal else None, len(bars) - len(shown))


def _most(bars: Sequence[Bar]) -> list[Bar]:
    """Keep the rows that tell: the hot path, failures, then the longest, in their order."""
    if len(bars) <= ROWS:
        return list(bars)
    ranked = sorted(range(len(bars)), key=lambda i: (not bars[i].hot, not bars[i].failed, -bars[i].duration))
    return [bars[i] for i in sorted(ranked[:ROWS])]


def _moved(each: Bar, by: float) -> Bar:
    from dataclasses import replace

    return replace(each, start=each.start + by, busy=tuple((a + by, b + by) for a, b in each.busy))


class _Tree:
    """The spans of one trace by parent; cycles and missing parents are borne."""

    def __init__(self, rows: Sequence[Mapping[Any, Any]], usual: Mapping[tuple[str, str], tuple[float, float]]) -> None:
        self.usual = usual
        self.rows = {str(row["span_id"]): row for row in rows}
        self.children: dict[str, list[str]] = {}
        for span, row in self.rows.items():
            parent = str(row["parent_id"])
            self.children.setdefault(parent if parent in self.rows and parent != span else "", []).append(span)
        self.hot = self._hot()

    def busy(self, span: str) -> tuple[tuple[float, float], ...]:
        """Return the stretches of the span in which none of its children runs."""
        begin, end = self._ends(span)
        free, at = [], begin
        for a, b in sorted(self._ends(child) for child in self.children.get(span, [])):
            if a > at:
                free.append((at, min(a, end)))
            at = max(at, b)
        if at < end:
            free.append((at, end))
        return tuple((a, b) for a, b in free if b > a)

    def _ends(self, span: str) -> tuple[float, float]:
        row = self.rows[span]
        begin = float(str(row["at"]))
        return begin, begin + float(str(row["duration_ms"]))

    def _key(self, span: str) -> tuple[str, str]:
        return str(self.rows[span]["service"]), str(self.rows[span]["operation"])

    def _failed(self, span: str) -> bool:
        return str(self.rows[span]["status"]).lower() == "error"

    def _excess(self, span: str) -> float:
        own = sum(b - a for a, b in self.busy(span))
        return own - self.usual.get(self._key(span), (0.0, 0.0))[1]

    def _hot(self) -> set[str]:
        """Return the spans from the root to the one whose self time grew most."""
        parent = {child: span for span, children in self.children.items() for child in children}
        span, path = max(self.rows, key=self._excess), set[str]()
        while span and span not in path:
            path.add(span)
            span = parent.get(span, "")
        return path

    def bars(self) -> list[Bar]:
        """Return the rows, parents before children, siblings alike folded into one."""
        found: list[Bar] = []
        stack = [(span, 0, 1) for span in reversed(self.children.get("", []) or list(self.rows)[:1])]
        seen: set[str] = set()
        while stack:
            span, depth, alike = stack.pop()
            if span in seen:
                continue
            seen.add(span)
            found.append(self._bar(span, depth, alike))
            folded = self._folded(self.children.get(span, []))
            stack += [(child, depth + 1, count) for child, count in reversed(folded)]
        return found

    def _folded(self, children: Sequence[str]) -> list[tuple[str, int]]:
        """Return siblings, those alike (same operation, fine, not hot, three or more) as their longest one."""
        groups: dict[object, list[str]] = {}
        for child in children:
            single = child in self.hot or self._failed(child)
            groups.setdefault(child if single else self._key(child), []).append(child)
        folded: list[tuple[str, int]] = []
        for group in groups.values():
            if len(group) < 3:
                folded += [(child, 1) for child in group]
            else:
                folded.append((max(group, key=lambda child: float(str(self.rows[child]["duration_ms"]))), len(group)))
        return sorted(folded, key=lambda pair: self._ends(pair[0])[0])

    def _bar(self, span: str, depth: int, alike: int) -> Bar:
        row, (begin, end) = self.rows[span], self._ends(span)
        usual = self.usual.get(self._key(span))
        failed = self._failed(span)
        message = str(row.get("message") or "") if failed else ""
        return Bar(
            str(row["service"]),
            str(row["operation"]),
            str(row["kind"]),
            depth,
            begin,
            end - begin,
            self.busy(span),
            usual[0] if usual else None,
            usual[1] if usual else None,
            message,
            failed,
            span in self.hot,
            alike,
        )
