"""What a metric's name says: which signal it is, and which statistic of it.

Names follow OpenTelemetry and Prometheus (`http_server_request_duration_p99_seconds`); the words are those that
exporters in general use. Only metric names are read here, never the name of a service.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache


class Signal(StrEnum):
    """What a metric is about. Symptoms travel along calls; resources stay where they are used up."""

    LATENCY = "latency"
    ERRORS = "errors"
    AVAILABILITY = "availability"
    CALLING = "calls to others"
    """Time spent on calls out, as the caller sees it: somebody else's latency."""
    TRAFFIC = "traffic"
    CPU = "cpu"
    MEMORY = "memory"
    DESCRIPTORS = "open file descriptors"
    POOL = "connection pool"
    THREADS = "threads"
    QUEUE = "queue"
    DISK = "disk"
    NETWORK = "network"
    BYTES = "bytes moved"
    RESTARTS = "restarts"
    HOST = "host"
    """A level of the node that an entity runs on, which all its neighbours share."""
    LIMIT = "limit"
    """What is configured, not used."""
    OTHER = "other"


SYMPTOMS = frozenset({Signal.LATENCY, Signal.ERRORS, Signal.AVAILABILITY})
STORES = frozenset({Signal.MEMORY, Signal.DESCRIPTORS, Signal.POOL, Signal.THREADS, Signal.QUEUE, Signal.DISK})
"""What fills up: steady growth of one of these is a leak."""
RESOURCES = STORES | {Signal.CPU, Signal.NETWORK, Signal.BYTES, Signal.RESTARTS}

_WORDS: tuple[tuple[Signal, str], ...] = (
    (Signal.LIMIT, "limit limits quota capacity"),
    (Signal.HOST, "node host"),
    (Signal.RESTARTS, "restart restarts oomkilled oom"),
    (Signal.CALLING, "client upstream outgoing outbound"),
    (Signal.AVAILABILITY, "availability success available sli"),
    (Signal.ERRORS, "error errors failed failures failure 5xx exceptions rejected timeouts"),
    (Signal.POOL, "pool pools connection connections conn conns"),
    (Signal.DESCRIPTORS, "fds fd descriptors handles"),
    (Signal.THREADS, "threads goroutines thread goroutine"),
    (Signal.QUEUE, "queue queued backlog pending lag inflight active waiting"),
    (Signal.LATENCY, "latency duration lat elapsed response delay"),
    (Signal.CPU, "cpu processor throttled"),
    (Signal.MEMORY, "memory mem rss heap working"),
    (Signal.DISK, "disk filesystem fs volume inode inodes iops"),
    (Signal.NETWORK, "retransmits retransmissions dropped tcp packets"),
    (Signal.BYTES, "network net rx tx receive transmit received sent"),
    (Signal.TRAFFIC, "requests request calls load lod qps rps throughput messages operations workload"),
)
_SIGNAL_OF_WORD = {word: signal for signal, words in reversed(_WORDS) for word in words.split()}
_RANK = {signal: rank for rank, (signal, _) in enumerate(_WORDS)}

STATISTICS = ("average", "p50", "p90", "p95", "p99", "max", "")
"""From the one that adds up over requests to the one that does not."""
_STATISTIC_OF_WORD = {
    **dict.fromkeys(("average", "avg", "mean"), "average"),
    **dict.fromkeys(("p50", "50", "median", "q50"), "p50"),
    **dict.fromkeys(("p90", "90", "q90"), "p90"),
    **dict.fromkeys(("p95", "95", "q95"), "p95"),
    **dict.fromkeys(("p99", "99", "q99"), "p99"),
    **dict.fromkeys(("max", "maximum"), "max"),
}
_UNITS = {
    "milliseconds": "ms",
    "ms": "ms",
    "seconds": "s",
    "bytes": "bytes",
    "percent": "%",
    "ratio": "",
    "cores": "cores",
}


def words(text: str) -> tuple[str, ...]:
    """Return the lower-case words of a name or sentence.

    >>> words("http.server.request.duration_p99")
    ('http', 'server', 'request', 'duration', 'p99')
    """
    return tuple(re.findall(r"[a-z]+[0-9]*|[0-9]+[a-z]*", text.lower()))


@lru_cache(maxsize=4096)
def signal_of(metric: str) -> Signal:
    """Return what the metric is about: the most telling of its words decides.

    >>> signal_of("http_server_errors_per_second"), signal_of("process_open_fds"), signal_of("lat_50")
    (<Signal.ERRORS: 'errors'>, <Signal.DESCRIPTORS: 'open file descriptors'>, <Signal.LATENCY: 'latency'>)
    """
    found = [_SIGNAL_OF_WORD[word] for word in words(metric) if word in _SIGNAL_OF_WORD]
    return min(found, key=_RANK.__getitem__) if found else Signal.OTHER


@lru_cache(maxsize=4096)
def statistic_of(metric: str) -> str:
    """Return which statistic the metric is, one of STATISTICS.

    >>> statistic_of("latency_Average"), statistic_of("http_server_request_duration_p99_seconds")
    ('average', 'p99')
    """
    return next((_STATISTIC_OF_WORD[word] for word in words(metric) if word in _STATISTIC_OF_WORD), "")


def unit_of(metric: str) -> str:
    """Return the unit that ends the metric's name, for sentences; empty where it names none.

    >>> unit_of("process_resident_memory_bytes"), unit_of("http_server_requests_per_second")
    ('bytes', '/s')
    """
    if metric.endswith(("_per_second", "_per_s")):
        return "/s"
    found = words(metric)
    return _UNITS.get(found[-1], "") if found else ""


def symptoms_of(text: str) -> frozenset[Signal]:
    """Return the symptoms that an alert's words speak of: latency, errors, both, or none.

    >>> sorted(symptoms_of("SLO violation: average availability of shop"))
    [<Signal.ERRORS: 'errors'>]
    """
    spoken = {_SIGNAL_OF_WORD.get(word) for word in words(text)}
    errors = {Signal.ERRORS} if spoken & {Signal.ERRORS, Signal.AVAILABILITY} else set()
    slow = Signal.LATENCY in spoken or {"slow", "slowness"} & set(words(text))
    return frozenset(errors | ({Signal.LATENCY} if slow else set()))
