"""When the incident began: where `before` ends and `since then` starts, for every kind of telemetry.

An alert's window often starts minutes before the trouble (its sender does not know the onset), and a recording may
hold nothing before that window. So the start is read from the alerting entity's own symptom, where it has enough
samples; a window that is known to be the incident, or has few samples, is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from workbench.nouns import Case, Modality
from workbench.reasoning.statistical.vocabulary import SYMPTOMS, Signal, signal_of
from workbench.signals import moment, onset, scale, series

ENOUGH = 10
"""Samples on each side without which the start cannot be told better than the alert tells it."""
CLEAR = 3.0
"""Mean robust z from the start on that the symptom has to have."""
UNKNOWN = timedelta(seconds=60)
"""How far before the alert it began, where nothing tells and nothing was recorded before its window."""


def beginning(case: Case, target: str | None) -> datetime:
    """Return when the incident began, as the alerting entity's latency and errors show it."""
    start = case.alert.window.start
    symptoms = list(_symptoms(case, target))
    if symptoms and all((points.index >= start).sum() < ENOUGH for points in symptoms):
        return start
    clearest = max((_step(points, start) for points in symptoms), key=lambda step: step[0], default=(0.0, None))
    if clearest[0] >= CLEAR and clearest[1] is not None:
        return clearest[1]
    return start if _earlier(case, start) else max(start, case.alert.fired - UNKNOWN)


def _symptoms(case: Case, target: str | None) -> Iterator[pd.Series[float]]:
    for observation in case.observations:
        table = observation.table
        if target is None or table is None or observation.question.modality is not Modality.METRICS:
            continue
        its = table[table["entity"] == target]
        for metric, rows in its.groupby("metric", sort=True, observed=True):
            if signal_of(str(metric)) in SYMPTOMS:
                points = series(rows["time"], rows["value"])
                yield -points if signal_of(str(metric)) is Signal.AVAILABILITY else points


def _step(points: pd.Series[float], start: datetime) -> tuple[float, datetime | None]:
    """Return the mean z after the likeliest upward step, and its time."""
    known = points[points.index < start]
    if len(known) < ENOUGH:  # nothing before the window: its first third has to do
        known = points.iloc[: len(points) // 3]
    later = points.iloc[len(known) :] if len(known) < ENOUGH else points[points.index > known.index[-1]]
    if len(known) < ENOUGH or len(later) < ENOUGH // 2:
        return 0.0, None
    values = known.to_numpy()
    spread = scale(values, later.to_numpy())
    if spread == 0.0:
        return 0.0, None
    deviations = np.clip((later.to_numpy() - float(np.median(values))) / spread, 0.0, 10.0)
    first = onset(deviations - 1.0) or 0
    return float(deviations[first:].mean()), moment(later.index[first])


def _earlier(case: Case, start: datetime) -> bool:
    """Say whether any metrics or traces were recorded before the window."""
    for observation in case.observations:
        table, modality = observation.table, observation.question.modality
        if table is not None and modality in (Modality.METRICS, Modality.TRACES):
            clock = "time" if modality is Modality.METRICS else "start"
            if int((table[clock] < start).sum()) >= ENOUGH:
                return True
    return False
