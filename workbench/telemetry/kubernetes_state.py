"""Kubernetes: how pods, workloads and nodes are, and what the cluster said of them, as state over a window.

    KubernetesState(lambda: clients.kubernetes("prod")).ask(Question(Modality.STATE, window, about=(payment,)))

The API knows the present, and since when it is so: a state that began before the window and still lasts is told from
the window's start on; what ended before, or began after, is not. Events are kept by the cluster for about an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from workbench.nouns import Modality, Question, Reply
from workbench.telemetry import kubernetes_declared as declared
from workbench.telemetry.kubernetes_reading import (
    ACCOUNTS,
    CLAIMS,
    CLASSES,
    CONFIGS,
    DAEMON_SETS,
    DEPLOYMENTS,
    EVENTS,
    NODES,
    PODS,
    POLICIES,
    QUOTAS,
    SERVICES,
    STATEFUL_SETS,
    VOLUMES,
    Kind,
    KubernetesSource,
    moment,
    workload,
)
from workbench.telemetry.live_source import Row, held, names_of, parsed, replied

Objects = Mapping[Kind, Sequence[Mapping[str, Any]]]
"""What was listed, by kind; a kind that could not be read is not there."""

KEPT = timedelta(hours=1)
"""How long a cluster keeps events, unless it is told otherwise."""
_HEALTHY = {"Ready": "True", "Available": "True", "Progressing": "True", "PodScheduled": "True"}
"""What a condition is when all is well; pressure and the like of a node should be False."""


class KubernetesState(KubernetesSource):
    """Answers questions on state from a Kubernetes API."""

    name = "kubernetes"
    modality: ClassVar[Modality] = Modality.STATE

    def reply(self, question: Question) -> Reply:
        """Return how things are, the events, and what is declared of them."""
        cluster = self.cluster()
        listed: dict[Kind, list[dict[str, Any]]] = {PODS: cluster.listed(PODS)}
        for kind in OTHERS:
            refused = len(cluster.refused)
            found = cluster.listed_if_allowed(kind)
            if found or len(cluster.refused) == refused:
                listed[kind] = found
        rows = parsed(self.name, state(listed, question))
        if datetime.now(UTC) - question.window.start > KEPT:
            cluster.refused.append("a cluster keeps events for about an hour: older ones may be gone")
        remark = f"{'; '.join(cluster.refused).capitalize()}." if cluster.refused else ""
        query = "GET " + ", ".join(kind.plural for kind in (PODS, *OTHERS))
        return replied(rows, question, searched="kubernetes", query=query, remark=remark)


OTHERS = (
    *(DEPLOYMENTS, NODES, EVENTS, STATEFUL_SETS, DAEMON_SETS, SERVICES, CLAIMS, VOLUMES, CLASSES, QUOTAS),
    *(ACCOUNTS, POLICIES, CONFIGS),
)
"""What helps beside the pods, where it may be read. Secrets may not."""


def state(objects: Objects, question: Question) -> Iterator[Row]:
    """Yield how objects of a cluster are, what was said of them, and then what is declared of them.

    Raises:
        KeyError, TypeError, ValueError: an object is not of the shape that the API documents.
    """
    names, pods = names_of(question), objects.get(PODS, ())
    yield from (row for pod in pods for row in _pod(pod, workload(pod, names), question))
    for kind in WORKLOADS:
        yield from (row for each in objects.get(kind, ()) for row in _deployment(each, question))
    yield from (row for node in objects.get(NODES, ()) for row in _node(node, question))
    owners = {(each["metadata"].get("namespace"), each["metadata"]["name"]): workload(each, names) for each in pods}
    yield from (_event(each, owners) for each in objects.get(EVENTS, ()))
    yield from _declared(objects, question)


WORKLOADS = (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS)
_FIELDS: tuple[tuple[Kind, str, Callable[[Mapping[str, Any]], Iterator[declared.Field]]], ...] = (
    *((kind, "workload", declared.workload_fields) for kind in WORKLOADS),
    (SERVICES, "service", declared.service_fields),
    (NODES, "node", declared.node_fields),
    (CLAIMS, "claim", declared.claim_fields),
    (VOLUMES, "volume", declared.volume_fields),
    (POLICIES, "policy", declared.policy_fields),
    (CONFIGS, "config", declared.route_fields),
)


def _declared(objects: Objects, question: Question) -> Iterator[Row]:
    """Yield what is declared, as of the start of the window: none of it says since when."""
    at, names = question.window.start, names_of(question)
    for kind, word, fields in _FIELDS:
        for each in objects.get(kind, ()):
            entity = workload(each, names) if word == "workload" else str(each["metadata"]["name"])
            yield from ((at, entity, word, field, value) for field, value in fields(each) if value)
    for each in objects.get(QUOTAS, ()):
        space = str(each["metadata"].get("namespace", ""))
        yield from ((at, space, "quota", field, value) for field, value in declared.quota_fields(each))
    for kind, field in ((ACCOUNTS, "service accounts"), (CLASSES, "storage classes")):
        for space, every in declared.names(objects.get(kind, ())).items():
            yield at, space or "cluster", "namespace", field, ",".join(sorted(every))


def _pod(pod: Mapping[str, Any], entity: str, question: Question) -> Iterator[Row]:
    """Yield the rows of a pod: phase, conditions, containers."""
    meta, status = pod["metadata"], pod.get("status") or {}
    name, began = meta["name"], moment(status.get("startTime") or meta.get("creationTimestamp"))
    if began and (at := held(began, question)):
        reason = f" ({status['reason']})" if status.get("reason") else ""
        yield at, entity, "pod", f"{name} phase", f"{status.get('phase', 'Unknown')}{reason}"
    yield from _conditions(status, entity, "pod", f"{name} ", question, shown=("Ready",))
    if began and (node := (pod.get("spec") or {}).get("nodeName")) and (at := held(began, question)):
        yield at, entity, "pod", f"{name} node", str(node)
        yield at, entity, "pod", f"{name} labels", declared.pairs(meta.get("labels"))
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        yield from _container(each, entity, name, began, question)


def _container(
    status: Mapping[str, Any], entity: str, pod: str, began: datetime | None, question: Question
) -> Iterator[Row]:
    """Yield the rows of a container: why it waits, how it ended last, how often it was started again."""
    name, state, last = f"{pod}/{status['name']}", status.get("state") or {}, status.get("lastState") or {}
    ended = [(last.get("terminated"), "last terminated"), (state.get("terminated"), "terminated")]
    for each, field in ended:
        if each and each.get("finishedAt"):
            yield moment(each["finishedAt"]), entity, "container", f"{name} {field}", _end(each)
    died = moment((last.get("terminated") or {}).get("finishedAt"))
    since = moment((state.get("running") or {}).get("startedAt")) or died or began
    at = held(since, question) if since else None
    if waiting := state.get("waiting"):
        said = ": ".join(str(waiting[key]) for key in ("reason", "message") if waiting.get(key))
        yield at, entity, "container", f"{name} waiting", said or "unknown"
    if status.get("restartCount"):
        yield at, entity, "container", f"{name} restarts", str(status["restartCount"])


def _end(terminated: Mapping[str, Any]) -> str:
    code = terminated.get("exitCode")
    said = f" {terminated['message'].strip()[:200]}" if terminated.get("message") else ""
    return f"{terminated.get('reason') or 'ended'}, exit code {code}{said}"


def _conditions(
    status: Mapping[str, Any], entity: str, kind: str, prefix: str, question: Question, *, shown: tuple[str, ...]
) -> Iterator[Row]:
    """Yield the conditions that are not as they should be, and those that are always shown."""
    for each in status.get("conditions") or ():
        value, since = str(each.get("status")), moment(each.get("lastTransitionTime"))
        well = value == _HEALTHY.get(each["type"], "False") or (each["type"] not in _HEALTHY and kind != "node")
        if since is None or (well and each["type"] not in shown):
            continue
        said = ": ".join(str(each[key]) for key in ("reason", "message") if each.get(key)) if not well else ""
        yield held(since, question), entity, kind, f"{prefix}{each['type']}", f"{value} ({said})" if said else value


def _deployment(deployment: Mapping[str, Any], question: Question) -> Iterator[Row]:
    entity = workload(deployment, names_of(question))
    return _conditions(deployment.get("status") or {}, entity, "deployment", "", question, shown=())


def _node(node: Mapping[str, Any], question: Question) -> Iterator[Row]:
    return _conditions(node.get("status") or {}, str(node["metadata"]["name"]), "node", "", question, shown=())


def _event(event: Mapping[str, Any], owners: Mapping[tuple[object, object], str]) -> Row:
    """Return an event as a row; it is about the workload of the pod that it names."""
    about = event.get("involvedObject") or event.get("regarding") or {}
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    at = next(filter(None, times), None) or event["metadata"].get("creationTimestamp")
    thing = {"metadata": {"name": str(about.get("name", ""))}}
    if about.get("kind") == "ReplicaSet":
        thing["metadata"]["ownerReferences"] = [{"controller": True, "kind": "ReplicaSet", "name": about["name"]}]  # type: ignore[assignment]
    entity = owners.get((about.get("namespace"), about.get("name"))) or workload(thing, frozenset())
    count = series.get("count") or event.get("count") or 1
    often = f" (x{count})" if count > 1 else ""
    words = f"{event.get('type', 'Normal')}: {event.get('message') or event.get('note') or ''}{often}"
    return moment(at), entity, "event", str(event.get("reason", "")), words.strip()
