"""Log lines -> which kinds of line are new or far more frequent, by entity."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from workbench.nouns import Case, Modality, Observation
from workbench.signals import moment

LOUD = frozenset({"warn", "warning", "error", "err", "fatal", "critical", "severe", "panic", "alert", "emergency"})
_MASKS = (
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{6,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"(?:/[\w.-]*\d[\w.-]*)+"), "<path>"),
    (re.compile(r"\d+(?:[.:]\d+)*"), "<n>"),
)


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of line of one entity that is more frequent than before."""

    entity: str
    template: str
    severity: str
    count: int
    usual: float
    """How many the window would hold at the rate before."""
    nats: float
    """Log likelihood ratio a line, times the lines, damped: see `_telling`."""
    first: datetime | None
    observation: str


def mask(message: str) -> str:
    """Return the line without its numbers and ids.

    >>> mask("order 4f2a9c1e took 1.25 s")
    'order <id> took <n> s'
    """
    text = str(message)
    for pattern, word in _MASKS:
        text = pattern.sub(word, text)
    return text[:200]


def templates(case: Case, since: datetime) -> list[Template]:
    """Return the loud kinds of line that rose, most telling first."""
    found = [
        template
        for each in case.observations
        if each.question.modality is Modality.LOGS and each.table is not None and not each.table.empty
        for template in _risen(each, since)
    ]
    return sorted(found, key=lambda each: (-each.nats, each.template))


def _risen(observation: Observation, since: datetime) -> Iterator[Template]:
    rows = observation.table
    assert rows is not None
    severity = rows["severity"].astype(str).str.lower()
    rows = rows[severity.isin(LOUD)].assign(severity=severity)
    late = rows["time"] >= since
    earlier, later = _span(observation.table, since)
    rows = rows.assign(late=late, template=rows["message"].map(mask))
    for (entity, template), lines in rows.groupby(["entity", "template"], sort=True):
        now = lines[lines["late"]]
        usual = (len(lines) - len(now)) * later / earlier if earlier else 0.0
        nats = _telling(len(now), usual)
        if nats > 0:
            worst = str(now["severity"].mode().iloc[0])
            first = moment(now["time"].min())
            yield Template(str(entity), str(template), worst, len(now), usual, nats, first, observation.id)


def _span(table: pd.DataFrame | None, since: datetime) -> tuple[float, float]:
    """Return the seconds that the table covers before and since."""
    assert table is not None
    start = pd.Timestamp(since)
    earlier, later = (start - table["time"].min()).total_seconds(), (table["time"].max() - start).total_seconds()
    return max(earlier, 0.0), max(later, 0.0)


def _telling(count: int, usual: float) -> float:
    """Return nats: the Poisson log likelihood ratio, logarithmic beyond one nat since lines come in bursts."""
    if count <= usual + 1:
        return 0.0
    ratio = count * math.log(count / max(usual, 0.5)) - (count - usual)
    return min(4.0, math.log1p(max(ratio, 0.0)))
