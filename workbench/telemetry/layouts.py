"""What the files of a recorded case become: the columns of `Question`, read once while a file does not change.

    frame(folder / "metrics.parquet"), Recorded(rows, apart)

How each layout is recognised and converted stands in `layouts_known`. Missing values stay missing.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ontology.errors import BadInput, NotFound
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
        raise broken(path, str(error).splitlines()[0] if str(error) else type(error).__name__) from error


def _csv(path: Path) -> pd.DataFrame:
    if path.suffix != ".gz":
        return pd.read_csv(path)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return pd.read_csv(lines)


def broken(path: Path, why: str) -> BadInput:
    """Return the error of a file that cannot be read."""
    return BadInput(f"{path} cannot be read: {why}.", next_step="Restore the file, or record the case again.")


def long(raw: pd.DataFrame, columns: Sequence[tuple[str, str, str]]) -> pd.DataFrame:
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
    ).assign(time=lambda rows: instants(rows["time"]))


def typed(table: Recorded, modality: Modality) -> Recorded:
    """Return the documented columns and types: UTC times, floats, text that is never missing."""
    rows = table.rows[list(COLUMNS[modality])].copy()
    for column in rows.columns:
        if column in ("time", "start"):
            rows[column] = instants(rows[column])
        elif column == "duration_ms" or (column == "value" and modality is Modality.METRICS):
            rows[column] = pd.to_numeric(rows[column], errors="raise").astype(float)
        else:
            rows[column] = rows[column].astype("str").where(rows[column].notna(), "")
    return replace(table, rows=rows)


def instants(times: pd.Series[Any]) -> pd.Series[Any]:
    """Return UTC timestamps of microseconds from timestamps or unix seconds."""
    seconds = pd.api.types.is_numeric_dtype(times)
    moments = pd.to_datetime(times, unit="s", utc=True) if seconds else pd.to_datetime(times, utc=True)
    return moments.dt.as_unit("us")


def services(names: pd.Series[Any]) -> pd.Series[Any]:
    """Return the deployments of a column of pods."""
    return names.map({name: service_of(str(name)) for name in names.unique()})


def service_of(pod: str) -> str:
    """Return a deployment's name from the name of its pod; other names stay.

    >>> service_of("cart-75d494679c-qdl5c"), service_of("front-end")
    ('cart', 'front-end')
    """
    return re.sub(r"-[0-9a-f]{6,10}-[a-z0-9]{5}$", "", pod)
