"""Counters, gauges and histograms with labels, and how Prometheus reads them."""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from pathlib import Path

BUCKETS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.045, 0.065, 0.09, 0.12, 0.16, 0.2, 0.25, 0.3, 0.36, 0.43, 0.52),
    *(0.63, 0.76, 0.92, 1.1, 1.35, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 7.5, 10.0),
)
"""Upper bounds in seconds, close enough together for a p99 to be worth reading; the same in every language."""

Labels = tuple[str, ...]


def _shown(names: Labels, values: Labels, more: str = "") -> str:
    pairs = [f'{name}="{value}"' for name, value in zip(names, values, strict=True)]
    inside = ",".join([*pairs, more] if more else pairs)
    return f"{{{inside}}}" if inside else ""


class Counter:
    """Numbers that only grow, one for each set of labels."""

    def __init__(self, name: str, *labels: str) -> None:
        self.name, self.labels, self._lock = name, labels, threading.Lock()
        self.values: dict[Labels, float] = {}

    def add(self, *labels: str, amount: float = 1.0) -> None:
        """Grow by that much."""
        with self._lock:
            self.values[labels] = self.values.get(labels, 0.0) + amount

    def lines(self) -> list[str]:
        """Return the text that Prometheus reads."""
        with self._lock:
            values = sorted(self.values.items())
        rows = [f"{self.name}{_shown(self.labels, labels)} {value:.9g}" for labels, value in values]
        return [f"# TYPE {self.name} counter", *rows]


class Gauge:
    """Numbers read at the moment of the scrape; what cannot be read is left out, never zero."""

    def __init__(
        self, name: str, read: Callable[[], Mapping[Labels, float]], *labels: str, kind: str = "gauge"
    ) -> None:
        self.name, self.read, self.labels, self.kind = name, read, labels, kind

    def lines(self) -> list[str]:
        """Return the text that Prometheus reads."""
        rows = [f"{self.name}{_shown(self.labels, labels)} {value:.9g}" for labels, value in self.read().items()]
        return [f"# TYPE {self.name} {self.kind}", *rows]


class Histogram:
    """How long things took, in seconds, for each set of labels."""

    def __init__(self, name: str, *labels: str) -> None:
        self.name, self.labels, self._lock = name, labels, threading.Lock()
        self.counts: dict[Labels, list[int]] = {}
        self.totals: dict[Labels, float] = {}

    def observe(self, seconds: float, *labels: str) -> None:
        """Count one that took so long."""
        with self._lock:
            if labels not in self.counts:
                self.counts[labels], self.totals[labels] = [0] * (len(BUCKETS) + 1), 0.0
            self.counts[labels][bisect_left(BUCKETS, seconds)] += 1
            self.totals[labels] += seconds

    def lines(self) -> list[str]:
        """Return the text that Prometheus reads: cumulative buckets, sum, count."""
        with self._lock:
            known = [(labels, list(counts), self.totals[labels]) for labels, counts in sorted(self.counts.items())]
        rows = [f"# TYPE {self.name} histogram"]
        for labels, counts, total in known:
            seen = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
                seen += count
                more = f'le="{bound}"'
                rows.append(f"{self.name}_bucket{_shown(self.labels, labels, more)} {seen}")
            rows.append(f"{self.name}_sum{_shown(self.labels, labels)} {total:.9g}")
            rows.append(f"{self.name}_count{_shown(self.labels, labels)} {seen}")
        return rows


def resident_bytes() -> float:
    """Return the resident memory of this process."""
    return float(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_fds() -> float:
    """Return how many file descriptors this process holds."""
    return float(len(os.listdir("/proc/self/fd")))  # noqa: PTH208  # at every scrape: no Path for each


def fds_limit() -> float:
    """Return how many file descriptors this process may hold."""
    return float(os.sysconf("SC_OPEN_MAX"))


SERVED = Histogram(
    "http_server_request_duration_seconds", "http_request_method", "http_route", "http_response_status_code"
)
CALLED = Histogram("http_client_request_duration_seconds", "server_address", "http_response_status_code")
REGISTRY: list[Counter | Gauge | Histogram] = [
    SERVED,
    CALLED,
    Gauge("process_resident_memory_bytes", lambda: {(): resident_bytes()}),
    Gauge("process_cpu_seconds_total", lambda: {(): time.process_time()}, kind="counter"),
    Gauge("process_open_fds", lambda: {(): open_fds()}),
    Gauge("process_max_fds", lambda: {(): fds_limit()}),
    Gauge("process_threads", lambda: {(): float(threading.active_count())}),
]
"""What this service shows; a service that keeps data adds its own."""


def register(metric: Counter | Gauge | Histogram) -> None:
    """Show this metric too."""
    REGISTRY.append(metric)


def exposition() -> str:
    """Return the whole page that Prometheus scrapes."""
    return "\n".join(line for metric in list(REGISTRY) for line in metric.lines()) + "\n"
