"""The shape of an incident without its numbers: what memory compares."""

from __future__ import annotations

import pandas as pd

from memory.protocol import Symptom
from workbench.nouns import Case, Modality
from workbench.signals import compared, each_series

STRONG = 6.0
"""Robust z from which a metric counts as a symptom; a remembered shape needs what stands out, not what wobbles."""
MOST = 40
MOST_ALERTS = 400


def shown(case: Case) -> tuple[Symptom, ...]:
    """Return all symptoms of the case: the metrics that stand out, then the alerts that fire, the latter by name."""
    return (*symptoms(case), *alerts(case))


def alerts(case: Case) -> tuple[Symptom, ...]:
    """Return the alerts that fire in the case's window, other than the one that woke us, each once."""
    found: set[Symptom] = set()
    for observation in case.observations:
        table = observation.table
        if table is None or observation.question.modality is not Modality.STATE or "kind" not in table:
            continue
        rows = table[(table["kind"] == "alert") & (table["time"] >= case.alert.window.start)]
        told = zip(rows["entity"], rows["field"], rows["value"], strict=True)
        found.update(Symptom(str(entity), str(name), str(value)) for entity, name, value in told)
    own = case.alert.labels.get("alertname", case.alert.title)
    named = set(case.alert.labels.values())
    others = (each for each in found if each.signal != own or each.entity not in named)
    return tuple(sorted(others, key=lambda each: (each.entity, each.signal, each.direction))[:MOST_ALERTS])


def symptoms(case: Case) -> tuple[Symptom, ...]:
    """Return the strongest symptoms seen in the case's metrics, most shifted first, one an entity and metric."""
    found: list[tuple[float, Symptom]] = []
    for observation in case.observations:
        table = observation.table
        if table is None or observation.question.modality is not Modality.METRICS:
            continue
        start = pd.Timestamp(observation.question.window.start)
        for entity, metric, times, values in each_series(table):
            first = times.searchsorted(start)
            moved = compared(values[:first], values[first:], times[first:])
            if moved is not None and abs(moved.z) >= STRONG:
                found.append((abs(moved.z), Symptom(entity, metric, moved.direction)))
    found.sort(key=lambda pair: (-pair[0], pair[1].entity, pair[1].signal))
    return tuple(symptom for _, symptom in found[:MOST])
