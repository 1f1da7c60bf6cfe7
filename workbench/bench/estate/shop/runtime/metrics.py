"""Counters, gauges and histograms, and how Prometheus reads them."""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

BOUNDS = (
    0.0002,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.02,
    0.03,
    0.045,
    0.065,
    0.09,
    0.12,
    0.16,
    0.2,
    0.25,
    0.3,
    0.36,
    0.43,
    0.52,
)
BUCKETS = (*BOUNDS, 0.63, 0.76, 0.92, 1.1, 1.35, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 7.5, 10.0)
"""Upper bounds in seconds, close enough together for a p99 to be worth reading."""


class Counter:
    """A number that only grows."""

    def __init__(self, name: str) -> None:
        self.name, self.value, self._lock = name, 0.0, threading.Lock()

    def add(self, amount: float = 1.0) -> None:
        """Grow by that much."""
        with self._lock:
            self.value += amount

    def lines(self) -> list[str]:
        """Return the text that Prometheus reads."""
        return [f"# TYPE {self.name} counter", f"{self.name} {self.value:g}"]


class Gauge:
    """A number read at the moment of the scrape."""

    def __init__(self, name: str, read: Callable[[], float], kind: str = "gauge") -> None:
        self.name, self.read, self.kind = name, read, kind

    def lines(self) -> list[str]:
        """Return the text that Prometheus reads."""
        return [f"# TYPE {self.name} {self.kind}", f"{self.name} {self.read():.9g}"]


class Histogram:
    """How long things took, in seconds."""

    def __init__(self, name: str) -> None:
        self.name, self.total, self._lock = name, 0.0, threading.Lock()
        self.counts = [0] * (len(BUCKETS) + 1)

    def observe(self, seconds: float) -> None:
        """Count one that took so long."""
        with self._lock:
            self.counts[bisect_left(BUCKETS, seconds)] += 1
            self.total += seconds

    def lines(self) -> list[str]:
        """Return the text that Prometheus reads: cumulative buckets, sum, count."""
        with self._lock:
            counts, total = list(self.counts), self.total
        rows, seen = [f"# TYPE {self.name} histogram"], 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
            seen += count
            rows.append(f'{self.name}_bucket{{le="{bound}"}} {seen}')
        return [*rows, f"{self.name}_sum {total:g}", f"{self.name}_count {seen}"]


def resident_bytes() -> float:
    """Return the resident memory of this process."""
    return float(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_fds() -> float:
    """Return how many file descriptors this process holds."""
    return float(len(list(Path("/proc/self/fd").iterdir())))


REQUESTS = Counter("http_server_requests_total")
ERRORS = Counter("http_server_errors_total")
SERVED = Histogram("http_server_request_duration_seconds")
CALLED = Histogram("http_client_request_duration_seconds")
QUERIED = Histogram("db_client_operation_duration_seconds")
WAITED = Histogram("db_pool_wait_seconds")
REGISTRY: list[Counter | Gauge | Histogram] = [
    REQUESTS,
    ERRORS,
    SERVED,
    Gauge("process_resident_memory_bytes", resident_bytes),
    Gauge("process_cpu_seconds_total", time.process_time, "counter"),
    Gauge("process_open_fds", open_fds),
    Gauge("process_threads", lambda: float(threading.active_count())),
]
"""What this service shows; a service that calls or keeps data adds its own."""


def register(metric: Counter | Gauge | Histogram) -> None:
    """Show this metric too."""
    if metric not in REGISTRY:
        REGISTRY.append(metric)


def exposition() -> str:
    """Return the whole page that Prometheus scrapes."""
    return "\n".join(line for metric in REGISTRY for line in metric.lines()) + "\n"
