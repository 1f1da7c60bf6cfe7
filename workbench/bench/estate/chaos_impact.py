"""Whether a fault really hurt: what Prometheus says of the time since, against the time before.

    Meter(estate.prometheus_url).read(Impact("gateway", "latency", 1.5), normal, since).moved

And which alerts Alertmanager holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from ontology.errors import Unavailable
from ontology.nouns import Window
from workbench.bench.estate.faults.nouns import FELT, Fault, Impact
from workbench.bench.estate.recorder_sources import SAMPLED
from workbench.telemetry.readonly import Allowed, ReadOnlySession

_COUNT = 'sum(increase(http_server_request_duration_seconds_count{service="%s"%s}[%ds]))'
_BUCKETS = 'sum by (le) (increase(http_server_request_duration_seconds_bucket{service="%s"}[%ds]))'
_FAILED = ',http_response_status_code=~"5..|error|timeout"'
STARVED = 0.1
"""A service that answers less than this share of the requests of before hurts as well: nobody is left to be slow."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One signal before and since; None where nothing was counted."""

    impact: Impact
    before: float | None
    since: float | None
    moved: bool

    @property
    def words(self) -> str:
        """Such as `gateway latency 0.041 -> 1.3`."""
        shown = ["none" if value is None else f"{value:.3g}" for value in (self.before, self.since)]
        return f"{self.impact.service} {self.impact.signal} {shown[0]} -> {shown[1]}"


class Meter:
    """Asks a Prometheus for single numbers."""

    def __init__(self, url: str) -> None:
        """Bind to its API."""
        self._url = url.rstrip("/")
        self._session = ReadOnlySession(self._url, (Allowed("GET", "/api/v1/query"),))

    def value(self, promql: str, at: datetime) -> float | None:
        """Return the one number of a query at a time; None where there is none, or it is not a number.

        Raises:
            Unavailable: it does not answer as Prometheus does.
        """
        try:
            asked = {"query": promql, "time": f"{at.timestamp():.3f}"}
            reply = self._session.get(f"{self._url}/api/v1/query", params=asked)
            rows = reply.json()["data"]["result"]
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"Prometheus does not answer ({error}).", next_step="Is the estate up?") from error
        found = float(rows[0]["value"][1]) if rows else None
        return None if found is None or found != found else found

    def spans(self, window: Window) -> float:
        """Return about how many spans were sent: requests served and sent, and as many again for their parts."""
        counts = (
            self.value(f"sum(increase(http_{side}_request_duration_seconds_count[{window.seconds:.0f}s]))", window.end)
            for side in ("server", "client")
        )
        return 1.5 * SAMPLED * sum(each or 0.0 for each in counts)

    def read(self, impact: Impact, normal: Window, since: Window) -> Reading:
        """Return how a signal stands against the time before."""
        before, after = (self._signal(impact, each) for each in (normal, since))
        moved = _moved(impact, before, after)
        if not moved and impact.signal in ("latency", "errors"):
            rates = [(self.value(_COUNT % (impact.service, "", each.seconds), each.end) or 0) / each.seconds
                     for each in (normal, since)]  # fmt: skip
            moved = rates[1] < STARVED * rates[0]
        return Reading(impact, before, after, moved)

    def felt(self, fault: Fault, normal: Window, since: Window) -> tuple[Reading, ...]:
        """Return the readings of a fault's impact; of a case without one, what must not have moved."""
        return tuple(self.read(each, normal, since) for each in fault.impact or FELT)

    def _signal(self, impact: Impact, span: Window) -> float | None:
        name, seconds = impact.service, max(4, int(span.seconds))
        if impact.signal == "latency":
            return self.value(f"histogram_quantile(0.95, {_BUCKETS % (name, seconds)})", span.end)
        if impact.signal == "errors":
            count, failed = (self.value(_COUNT % (name, more, seconds), span.end) for more in ("", _FAILED))
            return None if not count else (failed or 0.0) / count
        if impact.signal == "absent":
            seen = self.value(f'avg_over_time(up{{service="{name}"}}[{seconds}s])', span.end)
            return None if seen is None else 1.0 - seen
        metric = "queue_depth" if impact.signal == "queue" else "process_open_fds"
        return self.value(f'max(max_over_time({metric}{{service="{name}"}}[{seconds}s]))', span.end)


def _moved(impact: Impact, before: float | None, after: float | None) -> bool:
    """Say whether a signal moved as far as it must."""
    if after is None:
        return False
    if impact.signal in ("latency", "descriptors"):
        return bool(before) and after >= impact.least * (before or 0.0)
    return after - (before or 0.0) >= impact.least


def hurt(fault: Fault, readings: Sequence[Reading]) -> bool:
    """Say whether a fault did what it is there for: one of its signals moved; without a fault, none did."""
    moved = any(each.moved for each in readings)
    return moved if fault.impact else not moved


def alerts(url: str) -> list[dict[str, Any]]:
    """Return the alerts that are active in an Alertmanager, as its API v2 has them, the oldest first.

    Raises:
        Unavailable: it does not answer.
    """
    session = ReadOnlySession(url.rstrip("/"), (Allowed("GET", "/api/v2/alerts"),))
    try:
        found = session.get(f"{url.rstrip('/')}/api/v2/alerts", params={"active": "true"}).json()
    except (requests.RequestException, ValueError) as error:
        raise Unavailable(f"Alertmanager does not answer ({error}).", next_step="Is the estate up?") from error
    return sorted(found, key=lambda each: str(each["startsAt"]))
