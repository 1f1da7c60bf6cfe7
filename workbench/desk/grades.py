"""The findings of the workers, under the thresholds as the settings have them now: what `wb.calibration()` shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from memory.calibration import Calibration, Judged, calibration
from workbench import assembly
from workbench.desk.thresholds import route_of
from workbench.journal import outcomes
from workbench.settings import Settings

MONTH = timedelta(days=30)
"""How far back a threshold is previewed."""


def calibrated(chosen: Settings, span: timedelta = MONTH) -> Calibration:
    """Return how well the confidences of this place kept their word, and what each threshold showed lately.

    Args:
        chosen: names the journal and the thresholds; a finding's group is the route that counts for its alert.
        span: how far back thresholds are previewed; the curve is of everything that was graded.

    Raises:
        BadInput: the labels of a threshold cannot be read.
    """
    journal = assembly.journal(chosen)
    begin = journal.now() - span
    kept = outcomes.since(journal.database, datetime.min.replace(tzinfo=UTC))
    judged = [(each.at, _judged(each, chosen, route_of(journal.alert(each.alert_id).alert, chosen))) for each in kept]
    recent = [each for at, each in judged if at > begin]
    return calibration([each for _, each in judged], recent, {"": chosen.threshold, **chosen.thresholds})


def _judged(outcome: outcomes.Outcome, chosen: Settings, route: str) -> Judged:
    threshold = chosen.thresholds[route] if route else chosen.threshold
    return Judged(outcome.confidence, outcome.right, threshold, route)
