"""The shape of an incident without its numbers: what memory compares."""

from __future__ import annotations

from memory.protocol import Symptom
from workbench.nouns import Case, Modality
from workbench.signals import shift

STRONG = 6.0
"""Robust z from which a metric counts as a symptom; a remembered shape needs what stands out, not what wobbles."""
MOST = 40


def symptoms(case: Case) -> tuple[Symptom, ...]:
    """Return the strongest symptoms seen in the case's metrics, most shifted first, one an entity and metric."""
    found: list[tuple[float, Symptom]] = []
    for observation in case.observations:
        table = observation.table
        if table is None or observation.question.modality is not Modality.METRICS:
            continue
        window = observation.question.window
        for (entity, metric), rows in table.groupby(["entity", "metric"], sort=True):
            moved = shift(rows["time"], rows["value"], window.start)
            if moved is not None and abs(moved.z) >= STRONG:
                found.append((abs(moved.z), Symptom(str(entity), str(metric), moved.direction)))
    found.sort(key=lambda pair: (-pair[0], pair[1].entity, pair[1].signal))
    return tuple(symptom for _, symptom in found[:MOST])
