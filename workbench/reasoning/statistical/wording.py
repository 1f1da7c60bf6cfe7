"""Numbers and failure modes in sentences that a colleague on call would say."""

from __future__ import annotations

from datetime import datetime

from workbench.reasoning.statistical.moves import Move
from workbench.reasoning.statistical.vocabulary import unit_of

_BYTES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))

NEXT_STEPS = {
    "dependency-slow": "Open its slowest traces and what {name} does in the added time; check its store.",
    "dependency-down": "Check that {name} runs and listens where its callers look for it.",
    "hang": "See what every thread of {name} waits for (a stack dump), then restart it.",
    "bad-configuration": "Compare the configuration of {name} with the one before the change, and roll it back.",
    "bad-release": "Read the diff of the latest release of {name}, and roll it back if it cannot be explained.",
    "resource-leak": "See who holds what grows in {name}; a restart buys time, not a fix.",
    "cpu-saturation": "See which process burns the CPU of {name}, and whether its limit is too tight.",
    "memory-pressure": "See what holds the memory of {name}, and how close it is to its limit.",
    "disk-full": "Free or extend the disk of {name}.",
    "network-delay": "Measure the path to {name}: retransmits, the node's network, a proxy in between.",
    "network-loss": "Measure loss on the path to {name}.",
    "crash-loop": "Read the last lines of {name} before it restarted.",
    "bad-data": "Find the first message or record that {name} cannot read, who wrote it, and set it aside.",
    "cold-cache": "See who empties the cache of {name}, and warm it before more load comes.",
    "code-error": "Read the error of {name} where it begins, and what changed in that code.",
    "code-latency": "Profile {name} on its slowest operation.",
    "overload": "See where the added requests to {name} come from, and shed or scale.",
    "admission-refused": "Raise the quota, or create what {name} refers to; then the controller tries again by itself.",
    "unschedulable": "Compare what the pods of {name} ask for with what the nodes have (kubectl describe).",
    "start-failure": "Read the last event of the waiting pod of {name}: image, secret or mount.",
    "bad-probe": "Compare the probe of {name} with the ports and protocol of its container.",
    "misrouting": "Compare selector, ports and protocol of the service of {name} with its pods and callers.",
    "node-failure": "Look at kubelet, container runtime and kube-proxy of {name}, and drain it if need be.",
    "scaled-down": "See who scaled {name} and scale it back.",
    "store-refuses": "See why {name} refuses: its mode, its open connections, its last failover.",
    "name-resolution": "Resolve the name from within {name}; check its DNS policy and the cluster's DNS.",
    "certificate": "Read the validity and the issuer of the certificate of {name}, and renew it.",
    "unknown": "Look at {name} by hand: the evidence does not say how it failed.",
}
REFUTED_BY = {
    "dependency-slow": "time of {name} itself is as before in traces of slow requests",
    "dependency-down": "{name} answers its callers in the window",
    "hang": "{name} answers its callers in the window",
    "bad-configuration": "the symptom began before the change, or stays after a roll-back",
    "bad-release": "the symptom began before the release, or stays after a roll-back",
    "resource-leak": "what grew falls back by itself, or levels off while the symptom stays",
    "cpu-saturation": "CPU of {name} falls to its usual level while the symptom stays",
    "memory-pressure": "memory of {name} falls to its usual level while the symptom stays",
    "disk-full": "the disk of {name} has room",
    "network-delay": "calls to {name} take as long on the caller's side as on its own",
    "network-loss": "no packet to {name} is lost",
    "crash-loop": "{name} has run without a restart through the window",
    "bad-data": "{name} reads the same message or record when it is given again",
    "cold-cache": "the cache of {name} answers as large a share as before",
    "code-error": "the errors of {name} begin in something that it calls",
    "code-latency": "the added time of {name} is spent in something that it calls",
    "overload": "requests to {name} are as many as before",
    "admission-refused": "the controller of {name} creates its pods",
    "unschedulable": "the pods of {name} have a node",
    "start-failure": "the containers of {name} run",
    "bad-probe": "the probes of {name} pass while the symptom stays",
    "misrouting": "requests reach {name}",
    "node-failure": "{name} is ready and its services run",
    "scaled-down": "{name} has as many ready pods as before",
    "store-refuses": "{name} takes writes and connections of its clients",
    "name-resolution": "{name} resolves the names that it calls",
    "certificate": "{name} shows a certificate that is valid now",
    "unknown": "another entity moved first and more",
}


def number(value: float, unit: str = "") -> str:
    """Return a number with its unit, in the size a person reads.

    >>> number(0.1234, "s"), number(245_000_000.0, "bytes"), number(3.0, "/s"), number(1240, "ms")
    ('123 ms', '245 MB', '3/s', '1.24 s')
    """
    if unit == "ms":
        value, unit = value / 1000.0, "s"
    if unit == "s" and abs(value) < 1:
        value, unit = value * 1000.0, "ms"
    if unit == "bytes":
        name, size = next(((name, size) for name, size in _BYTES if abs(value) >= size), ("bytes", 1.0))
        value, unit = value / size, name
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return text + (unit if unit in ("/s", "%", "") else f" {unit}")


def clock(at: datetime | None) -> str:
    """Return ` since 02:53:10`, or nothing where the onset is not known."""
    return "" if at is None else f" since {at:%H:%M:%S}"


SHORTER = {
    "http_server_request_duration": "latency",
    "http_client_request_duration": "latency of its calls",
    "http_server_requests": "requests",
    "http_server_errors": "errors",
    "process_resident_memory": "memory",
    "process_cpu": "CPU",
    "process_open_fds": "open file descriptors",
    "process_threads": "threads",
}
"""What OpenTelemetry and Prometheus name at length, as it is said."""


def spoken(metric: str) -> str:
    """Return a metric's name as words.

    >>> spoken("http_server_request_duration_p99_seconds"), spoken("db_pool_in_use")
    ('latency p99', 'db pool in use')
    """
    name = metric.removesuffix("_per_second")
    for unit in ("_seconds", "_bytes", "_percent"):
        name = name.removesuffix(unit)
    long = next((each for each in SHORTER if name.startswith(each)), "")
    return f"{SHORTER[long]}{name.removeprefix(long)}".replace("_", " ") if long else name.replace("_", " ")


def times(ratio: float | None) -> str:
    """Return ` ×3.1`; nothing where it did not grow.

    >>> times(3.14), times(3520.0), times(None)
    (' ×3.1', ' ×3,520', '')
    """
    if ratio is None or ratio < 1.05:
        return ""
    return f" ×{ratio:,.0f}" if ratio >= 100 else f" ×{ratio:.2g}"


def levels(move: Move) -> str:
    """Return `CPU x3.1 (22% -> 68%) since 02:53:10`."""
    shift, unit = move.shift, unit_of(move.metric)
    before, after = number(shift.before, unit), number(shift.after, unit)
    return f"{spoken(move.metric)}{times(shift.ratio)} ({before} → {after}){clock(shift.at)}"


def percent(share: float) -> str:
    """Return a share as whole per cent.

    >>> percent(0.337)
    '34 %'
    """
    return f"{100 * share:.0f} %"
