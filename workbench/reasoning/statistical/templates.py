"""Log lines -> which kinds of line are new or far more frequent, by entity."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from scipy.special import betaln

from workbench.nouns import Case, Modality, Observation
from workbench.signals import moment

LOUD = frozenset({"warn", "warning", "error", "err", "fatal", "critical", "severe", "panic", "alert", "emergency"})
FAILED = frozenset({"error", "err", "fatal", "critical", "severe", "panic", "alert", "emergency"})
"""Louder than a warning: something failed."""
_MASKS = (
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{6,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"(?:/[\w.-]*\d[\w.-]*)+"), "<path>"),
    (re.compile(r"\d+(?:[.:]\d+)*"), "<n>"),
)


BIN = 10
"""Seconds in which one line anywhere shows that lines were recorded."""


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


def templates(case: Case, since: datetime, judged: frozenset[str] = frozenset()) -> list[Template]:
    """Return the loud kinds of line that rose, most telling first.

    Lines of requests count by their share of requests (`patterns`), not by their rate, which follows the load: of the
    services in `judged`, whose requests were traced, only those that something failed are counted here.
    """
    found = [
        template
        for each in case.observations
        if each.question.modality is Modality.LOGS and each.table is not None and not each.table.empty
        for template in _risen(each, since, judged)
    ]
    return sorted(found, key=lambda each: (-each.nats, each.template))


def _risen(observation: Observation, since: datetime, judged: frozenset[str]) -> Iterator[Template]:
    rows = observation.table
    assert rows is not None
    severity = rows["severity"].astype(str).str.lower()
    followed = rows["entity"].isin(judged) & (rows["trace_id"].astype(str) != "")
    rows = rows[severity.isin(LOUD) & ~(followed & ~severity.isin(FAILED))].assign(severity=severity)
    late = rows["time"] >= since
    earlier, later = _span(observation.table, since)
    rows = rows.assign(late=late, template=rows["message"].map(mask))
    for (entity, template), lines in rows.groupby(["entity", "template"], sort=True):
        now = lines[lines["late"]]
        usual = (len(lines) - len(now)) * later / earlier if earlier else 0.0
        nats = _telling(len(now), len(lines) - len(now), later, earlier)
        if nats > 0:
            worst = str(now["severity"].mode().iloc[0])
            first = moment(now["time"].min())
            yield Template(str(entity), str(template), worst, len(now), usual, nats, first, observation.id)


def _span(table: pd.DataFrame | None, since: datetime) -> tuple[float, float]:
    """Return how many seconds before and since have any line: a recording may have hours without, on either side."""
    assert table is not None
    filled = table["time"].dt.floor(f"{BIN}s").drop_duplicates()
    late = int((filled >= pd.Timestamp(since)).sum())
    return BIN * float(len(filled) - late), BIN * float(late)


def _telling(count: int, earlier: int, later_s: float, earlier_s: float) -> float:
    """Return nats: the Bayes factor of two Poisson rates against one, logarithmic since lines come in bursts.

    Given both counts, one rate means a binomial with the share of the time; two rates mean any share (Jeffreys' prior).
    """
    share = later_s / (later_s + earlier_s) if later_s + earlier_s else 1.0
    if count <= 1 + earlier * share / max(1 - share, 1e-9):
        return 0.0
    if share >= 1.0:
        return min(4.0, math.log1p(count))
    one = count * math.log(share) + earlier * math.log1p(-share)
    two = float(betaln(count + 0.5, earlier + 0.5) - betaln(0.5, 0.5))
    return min(4.0, math.log1p(max(two - one, 0.0)))
