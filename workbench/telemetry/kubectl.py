"""A snapshot that kubectl printed, as the rows that the live source tells of a cluster.

    snapshot([("kubectl describe pods cart-5d8f-x2x0k -n shop", text), ...], tools, alerts, window)

The text becomes objects (`kubectl_text`), and those go the way of the live source's (`kubernetes_state.state`): a
recorded snapshot and a live cluster speak the same words. Beside kubectl, the outputs of a few read-only tools are
understood: manifests, the status of a node's services, who depends on whom, error lines. Values of secrets are not
read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ontology.nouns import Window
from workbench.nouns import Modality, Question
from workbench.telemetry import kubectl_text as text
from workbench.telemetry import kubernetes_reading as reading
from workbench.telemetry.kubernetes_state import state
from workbench.telemetry.live_source import Row

Tool = tuple[str, str, str]
"""Name of a tool, its arguments as JSON, its output."""
MANIFEST, UNIT, DEPENDENCIES, ERRORS, REACH = (
    "GetAppYAML",
    "CheckNodeServiceStatus",
    "GetServiceDependencies",
    "GetErrorLogs",
    "CheckServiceConnectivity",
)
_KINDS = {
    "Pod": reading.PODS,
    "Deployment": reading.DEPLOYMENTS,
    "StatefulSet": reading.STATEFUL_SETS,
    "DaemonSet": reading.DAEMON_SETS,
    "Service": reading.SERVICES,
    "Node": reading.NODES,
    "PersistentVolumeClaim": reading.CLAIMS,
    "PersistentVolume": reading.VOLUMES,
    "StorageClass": reading.CLASSES,
    "ResourceQuota": reading.QUOTAS,
    "ServiceAccount": reading.ACCOUNTS,
    "NetworkPolicy": reading.POLICIES,
    "ConfigMap": reading.CONFIGS,
    "Event": reading.EVENTS,
}


def snapshot(
    commands: Iterable[tuple[str, str]], tools: Iterable[Tool], alerts: Mapping[str, Any] | None, window: Window
) -> list[Row]:
    """Return the rows of state of a snapshot.

    Args:
        commands: kubectl commands and what they printed.
        tools: other read-only tools and what they printed.
        alerts: alerts that stood at that moment, each with a `name` and `evidence`.
        window: of the incident; its end is the moment of the snapshot. What began before it is told from its start.
    """
    tools = tuple(tools)
    manifests = (("manifest", output) for name, _, output in tools if name.startswith(MANIFEST))
    found = text.objects((*commands, *manifests), window.end)
    objects = {
        _KINDS[kind]: [_dated(each, window.end) for each in every] for kind, every in found.items() if kind in _KINDS
    }
    rows = list(state(objects, Question(Modality.STATE, window)))
    rows += ((window.start, name, "declared", kind, "missing") for kind, name in _missing(found))
    rows += _units(tools, window.end)
    rows += _reached(tools, window.end)
    return [*rows, *_alerts(alerts or {}, window.start)]


def _dated(thing: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Return the object with the moment of the snapshot where the text has no time: a state is known from then on."""
    status, meta = thing.get("status") or {}, thing["metadata"]
    conditions = [{"lastTransitionTime": at.isoformat(), **each} for each in status.get("conditions") or ()]
    if thing["kind"] == "Pod":
        meta = {"creationTimestamp": at.isoformat(), **meta}
    return {**thing, "metadata": meta, "status": {**status, "conditions": conditions}}


def _missing(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[tuple[str, str]]:
    """Yield kind and name of what manifests declare and the cluster does not have."""
    return ((str(each["kind"]), str(each["metadata"]["name"])) for each in found.get(text.MISSING, ()))


def _units(tools: Iterable[Tool], at: datetime) -> Iterator[Row]:
    """Yield how the services of a node's system manager are: `active (running)`, `inactive (dead)`."""
    for name, arguments, output in tools:
        match = re.search(r"Active:\s*(\w+(?: \([\w-]+\))?)", output) if name == UNIT else None
        if match:
            said = _arguments(arguments)
            yield at, said.get("node_name", ""), "node", f"unit {said.get('service_name', '')}", match[1]


def _reached(tools: Iterable[Tool], at: datetime) -> Iterator[Row]:
    """Yield whether a connection to a service's port was taken."""
    for name, arguments, output in tools:
        said = _arguments(arguments) if name == REACH else {}
        if said.get("service_name"):
            taken = "yes" if "succeeded" in output.lower() else "no"
            yield at, said["service_name"], "service", f"answers on {said.get('port', '')}", taken


def _arguments(arguments: str) -> dict[str, str]:
    try:
        said = json.loads(arguments)
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}


def _alerts(alerts: Mapping[str, Any], at: datetime) -> Iterator[Row]:
    """Yield what monitoring said: a row for each piece of evidence of an alert on a service or node."""
    for alert in alerts.get("alerts") or ():
        if alert.get("name"):
            for said in alert.get("evidence") or ():
                what, _, detail = str(said).partition(" | ")
                yield at, str(alert["name"]), "alert", what, detail


def calls(tools: Iterable[Tool]) -> list[tuple[str, str]]:
    """Return caller and callee of every edge in the drawn trees of dependencies."""
    found: dict[tuple[str, str], None] = {}
    for name, _, output in tools:
        if name == DEPENDENCIES:
            found.update(dict.fromkeys(_edges(output)))
    return list(found)


def _edges(output: str) -> Iterator[tuple[str, str]]:
    """Yield the edges of one tree, drawn as `tree` draws folders, below the line that says whom it calls."""
    above: list[str] = []
    for line in output.partition("[Downstream")[2].splitlines()[1:]:
        match = re.match(r"^([\s│├└─|`+-]*)([A-Za-z][\w.-]*)", line)
        if match:
            depth = len(match[1]) // 4
            above = [*above[:depth], match[2]]
            if depth and len(above) > 1:
                yield above[-2], above[-1]


def error_lines(tools: Iterable[Tool], at: datetime) -> list[Row]:
    """Return log rows from a tool that shows a service's error lines, or its commonest ones with their counts."""
    rows: list[Row] = []
    for name, arguments, output in tools:
        if name != ERRORS:
            continue
        entity = _arguments(arguments).get("service_name", "")
        rows += ((at, entity, "error", line, "") for line in _lines(output) if entity)
    return rows


def _lines(output: str) -> Iterator[str]:
    try:
        said = json.loads(output)
    except ValueError:
        return
    for each in said.get("patterns") or () if isinstance(said, dict) else ():
        yield from [str(each.get("sample", ""))] * min(int(each.get("count", 1)), 100)
    streams = said if isinstance(said, dict) else {"": said}
    for key, stream in streams.items():
        if key != "patterns" and isinstance(stream, list):
            yield from (str(each) for each in stream)
