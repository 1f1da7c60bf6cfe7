"""How often a Prometheus scrapes what it does, and over how long a rate is taken therefore.

    Scrapes(source).range("service", ("payment",), step=2.0)      # 20, where payment is scraped every two seconds

The range of a rate follows the scrape interval: four of them, so that a scrape that failed still leaves enough samples,
and never less than a step and a scrape, so that no sample is skipped (Grafana's `$__rate_interval`). A longer range
would only blur what began just now. A server that does not tell gets the range that suits most of them: a minute.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ontology.errors import PersonError
from workbench.telemetry.readonly import Allowed

TARGETS = Allowed("GET", "/api/v1/targets")
SCRAPES = 4
"""Scrapes within the range of a rate."""
UNKNOWN_SECONDS = 60.0
"""The least range of a rate where nobody says how often is scraped: four scrapes of the usual 15 s."""
LEAST_SECONDS = 20.0
"""The least range of a rate: over less, few requests make a rate that jumps."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_PART = re.compile(r"(\d+)(ms|[smhdwy])")


class Asking(Protocol):
    """A source that asks the API."""

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object at a path."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """What is scraped: the labels that its series get, and every how many seconds."""

    labels: Mapping[str, str]
    seconds: float


class Scrapes:
    """Asks a server for its targets, once; again where it is asked about one that was not there."""

    def __init__(self, source: Asking) -> None:
        self._source, self._known = source, tuple[Target, ...]()

    def range(self, label: str, values: Sequence[str], step: float) -> int:
        """Return the seconds over which a rate is taken.

        Args:
            label: by which the series are told apart.
            values: those that are wanted; none for all.
            step: seconds between the points of the answer.
        """
        scrape = self._interval(label, values)
        if scrape is None:
            self._known = self.targets()
            scrape = self._interval(label, values)
        if scrape is None:
            return math.ceil(max(UNKNOWN_SECONDS, SCRAPES * step))
        return math.ceil(max(SCRAPES * scrape, step + scrape, LEAST_SECONDS))

    def targets(self) -> tuple[Target, ...]:
        """Return what is scraped now; nothing where the server does not tell, as what only keeps series."""
        try:
            said = self._source.get(TARGETS.template, {"state": "active"})["data"]["activeTargets"]
            return tuple(
                Target({str(name): str(value) for name, value in each["labels"].items()}, scrape)
                for each in said
                if (scrape := seconds(str(each.get("scrapeInterval") or "")))
            )
        except (PersonError, KeyError, TypeError, AttributeError):  # unknown stays unknown: the values are answered
            return ()

    def _interval(self, label: str, values: Sequence[str]) -> float | None:
        """Return the interval of the slowest that is wanted; of all, that which half of them keep within."""
        found = [each.seconds for each in self._known if each.labels.get(label)]
        wanted = [each.seconds for each in self._known if each.labels.get(label) in values]
        if values:
            return max(wanted, default=None)
        return statistics.median_high(found) if found else None


def written(length: float) -> str:
    """Return seconds as a duration of Prometheus.

    >>> written(2.0), written(0.5)
    ('2000ms', '500ms')
    """
    return f"{round(length * 1000)}ms"


def seconds(duration: str) -> float:
    """Return the seconds of a duration as Prometheus writes it; 0 where it is none.

    >>> seconds("1m30s"), seconds("500ms"), seconds("soon")
    (90.0, 0.5, 0.0)
    """
    parts = _PART.findall(duration)
    if "".join(number + unit for number, unit in parts) != duration:
        return 0.0
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))
