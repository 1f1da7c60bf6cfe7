"""What logs and alerts say of a cluster's objects, in words that the software of many systems shares.

A phrase counts where the one who says it does not serve: in good health the same words are start-up noise, or the
answer to a stranger. Two kinds are told of another than the speaker: a store that refuses is named by its clients, and
latency is of the deepest service that shows it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from workbench.reasoning.statistical.calls import Calls
from workbench.reasoning.statistical.kubernetes.estate import Cluster, Workload
from workbench.reasoning.statistical.kubernetes.symptoms import COMPARED, LIKELY, POSSIBLE, STATED, Symptom

_OWN = (
    ("port-in-use", re.compile(r"port \d+ (?:was|is) already in use|address already in use|EADDRINUSE", re.IGNORECASE)),
    (
        "credentials-refused",
        re.compile(
            r"access denied for user|password authentication failed|WRONGPASS|"
            r"authentication failed|NOAUTH|invalid credentials",
            re.IGNORECASE,
        ),
    ),
    (
        "name-unresolved",
        re.compile(
            r"UnknownHostException|temporary failure in name resolution|name or service not known|"
            r"getaddrinfo \w+|no such host|could not translate host name",
            re.IGNORECASE,
        ),
    ),
    (
        "volume-permission-denied",
        re.compile(
            r"(?:open|opening|create|write|writing|mkdir|read|reading|load)\b[^\n]{0,120}"
            r"permission denied|permission denied[^\n]{0,40}/|EACCES",
            re.IGNORECASE,
        ),
    ),
    (
        "store-port-wrong",
        re.compile(
            r"(?:jdbc|sql|database|postgres|mysql|mongo|redis)[^\n]{0,400}?"
            r"(?:communications link failure|connection refused)|communications link failure|"
            r"connection to server at .{0,80} refused",
            re.IGNORECASE,
        ),
    ),
)
"""What a program says that ends for it, the most particular first."""
_STORE = (
    (
        "store-read-only",
        re.compile(
            r"read-only option|read-only transaction|read only replica|READONLY|"
            r"database is (?:in )?read.?only|super-read-only",
            re.IGNORECASE,
        ),
    ),
    (
        "store-connections-exhausted",
        re.compile(
            r"too many connections|too many clients already|"
            r"max number of clients reached|remaining connection slots",
            re.IGNORECASE,
        ),
    ),
)
"""What a client is told by a store that is up and refuses."""
_STORE_WORDS = ("read", "many", "max number", "remaining")
_STORES = re.compile(r"mysql|maria|percona|postgres|mongo|redis|cassandra|elastic|etcd|kafka|rabbit", re.IGNORECASE)
_KIN = {"percona": "mysql", "maria": "mysql"}
FEW = 2
"""Lines from which it is no accident."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How often an entity said something, and an example."""

    count: int
    example: str


def own_words(cluster: Cluster, lines: Mapping[str, Iterable[str]]) -> Iterator[Symptom]:
    """Yield what ends for those that do not serve, in their own words."""
    for its in cluster.workloads.values():
        if not its.short or its.pending or its.restarts < FEW:
            continue
        for cause, pattern in _OWN:
            voice = _voice(pattern, lines.get(its.name, ()))
            if voice.count:
                yield Symptom(its.name, cause, COMPARED, f"{its.name} says {voice.count} times: {voice.example}")
                break


def store_words(cluster: Cluster, lines: Mapping[str, Iterable[str]]) -> Iterator[Symptom]:
    """Yield stores that refuse all their clients: those hear it, the store need not say it."""
    for cause, pattern in _STORE:
        voices = {name: _voice(pattern, every, _STORE_WORDS) for name, every in lines.items()}
        heard = {name: voice for name, voice in voices.items() if voice.count >= FEW}
        if not heard:
            continue
        some = max(heard.values(), key=lambda each: each.count)
        for store, share in _stores(cluster, " ".join(each.example for each in heard.values()), heard):
            note = f"{', '.join(sorted(heard))} are told: {some.example}"
            yield Symptom(store, cause, COMPARED * share, note)


def _stores(cluster: Cluster, text: str, clients: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Yield the stores of the kind that a text names, the one that was disturbed last in full."""
    said = {_KIN.get(each.lower(), each.lower()) for each in _STORES.findall(text)} or {""}
    speaking = set(clients)
    fit = [each for each in cluster.workloads.values() if each.name not in speaking and _kinds(each) & said]
    fit = fit or [each for each in cluster.workloads.values() if each.name not in speaking and _kinds(each)]
    fit.sort(key=lambda each: (-len(each.events), -each.restarts))
    alone = len(fit) == 1 or (len(fit) > 1 and len(fit[0].events) > len(fit[1].events))
    for place, each in enumerate(fit):
        yield each.name, 1.0 if alone and place == 0 else 0.5


def _kinds(its: Workload) -> set[str]:
    return {_KIN.get(each.lower(), each.lower()) for each in _STORES.findall(its.image)}


def _voice(pattern: re.Pattern[str], lines: Iterable[str], words: tuple[str, ...] = ("",)) -> Voice:
    """Return how often a pattern was said; a line that has none of the words is not looked at closely."""
    found = [line for line in lines if any(word in line.lower() for word in words) and pattern.search(line)]
    return Voice(len(found), _around(pattern, found[0]) if found else "")


def _around(pattern: re.Pattern[str], line: str) -> str:
    match = pattern.search(line)
    start = max((match.start() if match else 0) - 40, 0)
    return line[start : start + 200].strip()


def alerts(cluster: Cluster, graph: Calls) -> Iterator[Symptom]:
    """Yield what alerts of the moment name: throttled CPU, lost packets, and whose latency is nobody else's."""
    said = {name: [f"{what} {detail}" for what, detail in every] for name, every in cluster.alerts.items()}
    yield from _throttled(said)
    yield from _lossy(cluster, said)
    yield from _slow(cluster, said, graph)


def _throttled(said: Mapping[str, list[str]]) -> Iterator[Symptom]:
    for name, every in said.items():
        throttled = [each for each in every if "throttl" in each.lower()]
        busier = [each for each in every if re.search(r"\bcpu\b", each, re.IGNORECASE) and _rise(each) > 1.0]
        if throttled and busier:
            yield Symptom(name, "cpu-throttled", STATED - 0.2, f"{name}: {throttled[0]}; {busier[0]}")
        elif throttled:
            yield Symptom(name, "cpu-throttled", POSSIBLE - 0.5, f"{name}: {throttled[0]}")


def _rise(text: str) -> float:
    """Return by how much a value rose, as a share of what it was: `(+1985.6%)` is 19.856."""
    match = re.search(r"\(\+([\d.]+)%\)", text)
    return float(match[1]) / 100.0 if match else 0.0


def _lossy(cluster: Cluster, said: Mapping[str, list[str]]) -> Iterator[Symptom]:
    found = []
    for name in cluster.nodes:
        for each in said.get(name, ()):
            match = re.search(r"Current=([\d.]+)", each) if "retrans" in each.lower() else None
            if match and _rise(each) > 1.0:
                found.append((float(match[1]), name, each))
    for rate, name, each in sorted(found, reverse=True):
        most = rate >= max(found)[0]
        yield Symptom(name, "node-packet-loss", STATED if most and rate > 3.0 else POSSIBLE, f"{name}: {each}")


def _slow(cluster: Cluster, said: Mapping[str, list[str]], graph: Calls) -> Iterator[Symptom]:
    """Yield whose latency rose with none of its callees; where those share a node, the node.

    Only of workloads whose objects are known, so that these say that nothing else is wrong; and in full only where it
    has reached others: one alert on latency alone is the symptom itself.
    """
    slow = {
        name
        for name, every in said.items()
        if name in cluster.workloads and any("latency" in each.lower() for each in every)
    }
    first = sorted(name for name in slow if not graph.callees(name) & slow)
    on: defaultdict[str, list[str]] = defaultdict(list)
    for name in first:
        for node in _nodes(cluster, name):
            on[node].append(name)
    shared = Counter({node: len(every) for node, every in on.items()}).most_common(1)
    if shared and shared[0][1] >= 2:
        node = shared[0][0]
        note = f"{', '.join(on[node])} became slow, with none that they call, all on {node}"
        yield Symptom(node, "node-network-delay", LIKELY + 0.2, note)
    for name in first:
        spoken = next(each for each in said[name] if "latency" in each.lower())
        note = f"{name} became slow, with none that it calls: {spoken}"
        yield Symptom(name, "pod-network-delay", COMPARED if len(first) == 1 < len(slow) else POSSIBLE, note)


def _nodes(cluster: Cluster, name: str) -> set[str]:
    its = cluster.workloads.get(name)
    return {pod.node for pod in its.pods.values() if pod.node} if its else set()
