"""An observation as a model reads it: its reply in words, and the rows that carry meaning, capped and cleaned."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.nouns import Answered, Failed, Modality, Observation, Question
from workbench.reasoning.claude.quoting import quoted
from workbench.signals import compare, series, split

if TYPE_CHECKING:
    import pandas as pd

LIMIT = 4000
"""Characters of one observation, all told."""
ROWS = 15
CELL = 300
"""Characters of one cell."""


def shown(observation: Observation) -> str:
    """Return the observation as JSON text of at most about LIMIT characters."""
    reply = observation.reply
    about: dict[str, Any] = {"observation": observation.id, "source": quoted(observation.source, 60)}
    if isinstance(reply, Failed):
        return _text({**about, "failed": quoted(reply.reason, CELL)})
    if not isinstance(reply, Answered):
        return _text({**about, "silent": quoted(reply.searched, CELL)})
    rows = _ROWS[observation.question.modality](reply.table, observation.question)
    about |= {"rows_in_all": len(reply.table), "digest": quoted(reply.digest, LIMIT // 3)}
    while len(text := _text({**about, "rows": rows})) > LIMIT and rows:
        rows = rows[: len(rows) * 2 // 3]
    return text


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _moved(table: pd.DataFrame, question: Question) -> list[dict[str, Any]]:
    """Return the series that moved most: level before and after, onset."""
    found = []
    for (entity, metric), rows in table.groupby(["entity", "metric"]):
        points = series(rows["time"], rows["value"])
        moved = compare(*split(points, question.window, question.baseline))
        if moved is not None:
            at = moved.at.isoformat() if moved.at else None
            row = {"before": _short(moved.before), "after": _short(moved.after), "z": _short(moved.z), "since": at}
            found.append((abs(moved.z), {"entity": _cell(entity), "metric": _cell(metric), **row}))
    found.sort(key=lambda each: -each[0])
    return [row for _, row in found[:ROWS]]


def _slowest(table: pd.DataFrame, question: Question) -> list[dict[str, Any]]:
    """Return the operations with their count, errors and median duration in the window, the slowest first."""
    rows = table[(table["start"] >= question.window.start) & (table["start"] <= question.window.end)]
    groups = rows.assign(failed=rows["status"] == "error").groupby(["service", "operation", "kind"], dropna=False)
    found = groups.agg(spans=("duration_ms", "size"), errors=("failed", "sum"), median_ms=("duration_ms", "median"))
    found = found.sort_values(["errors", "median_ms"], ascending=False).head(ROWS).reset_index()
    messages = rows.loc[rows["status"] == "error", "message"].dropna().astype(str).value_counts().head(3)
    return _records(found) + [{"error_message": _cell(text), "times": int(n)} for text, n in messages.items()]


def _commonest(table: pd.DataFrame, question: Question) -> list[dict[str, Any]]:
    """Return the messages in the window: how often, when first; errors first, then the commonest."""
    rows = table[(table["time"] >= question.window.start) & (table["time"] <= question.window.end)]
    groups = rows.groupby(["entity", "severity", "message"], dropna=False)
    found = groups.agg(times=("time", "size"), first=("time", "min")).reset_index()
    grave = found["severity"].astype(str).str.lower().str.startswith(("err", "fatal", "crit"))
    return _records(found.assign(grave=grave).sort_values(["grave", "times"], ascending=False).drop(columns="grave"))


def _latest(table: pd.DataFrame, question: Question) -> list[dict[str, Any]]:
    """Return the latest rows: changes and states are few."""
    return _records(table.sort_values("time", ascending=False))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = table.head(ROWS).to_dict(orient="records")
    return [{str(name): _cell(value) for name, value in row.items()} for row in rows]


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return _short(value)
    return value if isinstance(value, int | bool) or value is None else quoted(str(value), CELL)


def _short(value: float) -> float | None:
    """Return four significant digits; JSON has no NaN, and neither has a reading of it."""
    return float(f"{value:.4g}") if value == value else None  # only NaN differs from itself


_ROWS: dict[Modality, Callable[[pd.DataFrame, Question], list[dict[str, Any]]]] = {
    Modality.METRICS: _moved,
    Modality.TRACES: _slowest,
    Modality.LOGS: _commonest,
    Modality.CHANGES: _latest,
    Modality.STATE: _latest,
}
