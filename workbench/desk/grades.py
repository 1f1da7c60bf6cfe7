"""What workers found and people graded: the calibration that `wb.calibration()` shows, and a place's own line."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from memory.calibration import ENOUGH, Calibration, Judged, calibration
from workbench import assembly
from workbench.desk.thresholds import route_of
from workbench.engine.coefficients import CURRENT, Coefficients
from workbench.journal import Journal, outcomes
from workbench.settings import Settings

MONTH = timedelta(days=30)
"""How far back a threshold is previewed."""
PULL = 5.0
"""Strength with which a place's own line is drawn to the one that came with the product, in graded outcomes or so."""


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
    kept = _all(journal)
    judged = [(each.at, _judged(each, chosen, route_of(journal.alert(each.alert_id).alert, chosen))) for each in kept]
    recent = [each for at, each in judged if at > begin]
    return calibration([each for _, each in judged], recent, {"": chosen.threshold, **chosen.thresholds})


def own(journal: Journal, given: Coefficients = CURRENT) -> Coefficients:
    """Return the coefficients with this place's own calibration, once ENOUGH of its outcomes are graded.

    Platt's line on the graded outcomes, drawn to the given one. Who was shown is graded more often than who was kept
    quiet: each kind counts as often as it was found, so that neither drowns the other.
    """
    kept = _all(journal)
    graded = [each for each in kept if each.right is not None]
    if len(graded) < ENOUGH:
        return given
    from memory import measures  # numpy and scipy: most places have graded too little to need them

    found, told = ([each.shown for each in some] for some in (kept, graded))
    counts = {shown: found.count(shown) / told.count(shown) for shown in set(told)}
    level = len(graded) / sum(counts[shown] for shown in told)
    slope, offset = measures.platt(
        [_raw(each, given) for each in graded],
        [each.right is True for each in graded],
        [level * counts[shown] for shown in told],
        start=(given.slope, given.offset),
        pull=PULL,
    )
    return replace(given, slope=slope, offset=offset, made=f"{len(graded)} graded outcomes of this place", here=True)


def _all(journal: Journal) -> tuple[outcomes.Outcome, ...]:
    return outcomes.since(journal.database, datetime.min.replace(tzinfo=UTC))


def _raw(outcome: outcomes.Outcome, given: Coefficients) -> float:
    """Return the logits before calibration; of older outcomes what the given line makes of their confidence."""
    if outcome.raw is not None:
        return outcome.raw
    sure = min(0.99, max(0.01, outcome.confidence))
    return (math.log(sure / (1 - sure)) - given.offset) / given.slope


def _judged(outcome: outcomes.Outcome, chosen: Settings, route: str) -> Judged:
    threshold = chosen.thresholds[route] if route else chosen.threshold
    return Judged(outcome.confidence, outcome.right, threshold, route)
