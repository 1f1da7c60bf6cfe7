"""The rules that watch the shop, when one of them became true, and the Alertmanager alert it sent."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

P99 = "http_server_request_duration_p99_seconds"


@dataclass(frozen=True)
class Rule:
    """An alert rule: a signal of one service, a threshold."""

    service: str
    signal: str
    """`latency` (p99 in seconds) or `errors` (share of requests)."""
    threshold: float
    hold: float = 10.0
    """Seconds for which it must be true before it fires."""

    @property
    def alertname(self) -> str:
        """What the pager shows."""
        return self.service.capitalize() + ("LatencyHigh" if self.signal == "latency" else "ErrorRatioHigh")


@dataclass(frozen=True)
class Firing:
    """A rule that fired: when, with which value, and what was usual before."""

    rule: Rule
    at: pd.Timestamp
    value: float
    usual: float


def signal(table: pd.DataFrame, service: str, name: str) -> pd.Series[float]:
    """Return a service's p99 (`latency`) or share of failed requests (`errors`), by time."""
    own = table[table["entity"] == service].pivot_table(index="time", columns="metric", values="value")
    if name == "latency":
        return own[P99].dropna()
    requests = own["http_server_requests_per_second"]
    return (own["http_server_errors_per_second"] / requests.where(requests > 0)).dropna()


def held(values: pd.Series[float], seconds: float) -> pd.Series[float]:
    """Return the level that was kept up over the last seconds, by time; gaps of a scrape or two are overlooked."""
    least = max(1, int(seconds / 2))
    return values.rolling(f"{seconds + 0.5}s", min_periods=least).min().dropna()


def firing(table: pd.DataFrame, rules: Sequence[Rule], since: pd.Timestamp, usual_until: pd.Timestamp) -> Firing | None:
    """Return the first of the rules to fire at or after `since`, or None."""
    found = []
    for rule in rules:
        values = signal(table, rule.service, rule.signal)
        true = held(values, rule.hold)
        true = true[(true > rule.threshold) & (true.index >= since)]
        if len(true):
            at = true.index[0]
            usual = float(values[values.index < usual_until].median())
            found.append(Firing(rule, at, float(values[at]), usual))
    return min(found, key=lambda each: each.at, default=None)


def touchy(table: pd.DataFrame, service: str, since: pd.Timestamp) -> Rule:
    """Return a latency rule so tight, and so quick to fire, that a blip of usual noise crossed it since then."""
    top = float(signal(table, service, "latency").loc[since:].max())
    return Rule(service, "latency", round(top * 0.985, 3), hold=0.0)


def alert(fired: Firing, namespace: str) -> dict[str, Any]:
    """Return one alert of an Alertmanager v4 payload."""
    rule = fired.rule
    labels = {
        "alertname": rule.alertname,
        "namespace": namespace,
        "service": rule.service,
        "severity": "critical" if rule.signal == "errors" else "warning",
    }
    what = "p99 latency" if rule.signal == "latency" else "error ratio"
    numbers = [
        f"{x:.3g} s" if rule.signal == "latency" else f"{x:.1%}" for x in (fired.value, rule.threshold, fired.usual)
    ]
    held_for = f" for {rule.hold:.0f} s" if rule.hold else ""
    summary = f"{what} of {rule.service} is {numbers[0]}, above {numbers[1]}{held_for}; usual: {numbers[2]}"
    text = "\x00".join(f"{key}\x00{value}" for key, value in sorted(labels.items()))
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {
            "summary": summary,
            "runbook_url": f"https://runbooks.example.invalid/{rule.signal}-high",
        },
        "startsAt": iso(fired.at),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": f"https://prometheus.example.invalid/graph?g0.expr={rule.alertname}",
        "fingerprint": hashlib.sha256(text.encode()).hexdigest()[:16],
    }


def iso(moment: pd.Timestamp | float) -> str:
    """Return a time as ISO-8601 in UTC, to the second."""
    when = datetime.fromtimestamp(moment, UTC) if isinstance(moment, int | float) else moment.to_pydatetime()
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
