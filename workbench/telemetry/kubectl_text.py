"""What kubectl prints, as the objects that an API would have answered: `describe`, `get -o yaml`, manifests. Pure.

    objects([("kubectl describe pods cart-5d8f-x2x0k -n shop", text)], at)

An object is the JSON of its kind, as far as the text tells it: what is declared from a manifest, what stands from
`describe`, which wins. Text of secrets is passed over unread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import yaml

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Kind, namespace and name."""

KINDS = {
    "pod": "Pod",
    "service": "Service",
    "deployment": "Deployment",
    "statefulset": "StatefulSet",
    "daemonset": "DaemonSet",
    "replicaset": "ReplicaSet",
    "node": "Node",
    "persistentvolumeclaim": "PersistentVolumeClaim",
    "persistentvolume": "PersistentVolume",
    "resourcequota": "ResourceQuota",
    "serviceaccount": "ServiceAccount",
    "storageclass": "StorageClass",
    "networkpolicy": "NetworkPolicy",
    "configmap": "ConfigMap",
}
"""What kubectl calls a kind, and what the API does. Secrets are not among them."""
MISSING = "Missing"
"""The kind under which `objects` keeps what is declared of a kind that was listed, and is not there."""
NAMESPACELESS = frozenset({"Node", "PersistentVolume", "StorageClass"})
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EMPTY = frozenset({"", "<none>", "<unset>", "<nil>"})
_KEYED = re.compile(r"([^:]+):(?:\s+(.*))?$")
_AGE = re.compile(r"(\d+)([dhms])")
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


@dataclass(slots=True)
class Line:
    """A line of `describe`, and the lines that stand further in below it."""

    text: str
    children: list[Line] = field(default_factory=list)
    key: str = field(init=False)
    """What stands before its first colon."""
    value: str = field(init=False)
    """What stands behind it; empty for `<none>` and the like."""

    def __post_init__(self) -> None:
        match = _KEYED.match(self.text)
        self.key = match[1].strip() if match else ""
        said = (match[2] or "").strip() if match else ""
        self.value = "" if said in _EMPTY else said

    def child(self, key: str) -> Line:
        """Return the first line below of that key; an empty one where there is none."""
        return next((each for each in self.children if each.key == key), Line(""))

    def said(self, key: str) -> str:
        """Return the value of that line."""
        return self.child(key).value

    def pairs(self) -> dict[str, str]:
        """Return `a=b` of this line and those below: labels, selectors."""
        texts = [*self.value.split(","), *(each.text for each in self.children)]
        return {key.strip(): value.strip() for text in texts for key, mark, value in [text.partition("=")] if mark}


def tree(text: str) -> Line:
    """Return the lines as their indentation nests them."""
    root = Line("")
    stack: list[tuple[int, Line]] = [(-1, root)]
    for raw in text.splitlines():
        if not raw.strip():
            continue
        depth, line = len(raw) - len(raw.lstrip()), Line(raw.strip())
        while stack[-1][0] >= depth:
            stack.pop()
        stack[-1][1].children.append(line)
        stack.append((depth, line))
    return root


def age(text: str) -> timedelta:
    """Return how long ago: `4d7h`, `2m16s`, `63s`.

    >>> age("2m16s").total_seconds()
    136.0
    """
    return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in _AGE.findall(text)))


def objects(outputs: Iterable[tuple[str, str]], at: datetime) -> dict[str, list[Object]]:
    """Return the objects by kind, each once, and `Event`s; a kind that was asked for and is empty has an empty list.

    Args:
        outputs: command and what it printed; `manifest` in the place of a command for declared YAML.
        at: when it was printed: ages count back from there.
    """
    found: dict[Key, list[tuple[int, Object]]] = {}
    events: dict[tuple[str, ...], Object] = {}
    asked: set[str] = set()
    for command, text in outputs:
        words = command.split()
        if command == "manifest" or "yaml" in words:
            known = [(0 if command == "manifest" else 2, each) for each in _documents(text)]
        elif words[1:3] == ["get", "events"]:
            known = []
            _keep(events, _listed_events(text, _namespace(words), at))
        elif len(words) > 3 and words[1] == "describe" and (kind := _kind(words[2])):
            described, said = _described(kind, tree(text), _namespace(words), at)
            known = [(1, described)] if described["metadata"]["name"] else []
            _keep(events, said)
        else:
            known = []
        if len(words) > 2 and (kind := _kind(words[2])):
            asked.add(kind)
        for rank, each in known:
            found.setdefault(_key(each), []).append((rank, each))
    merged: dict[str, list[Object]] = {kind: [] for kind in asked}
    for (kind, _, _), every in found.items():
        there = any(rank for rank, _ in every) or kind not in asked
        whole = _merged(each for _, each in sorted(every, key=lambda one: one[0]))
        merged.setdefault(kind if there else MISSING, []).append(whole)
    return {**merged, "Event": list(events.values())}


def _kind(word: str) -> str:
    singular = word.lower()
    for ending, end in (("policies", "policy"), ("classes", "class"), ("ses", "ss"), ("s", "")):
        if singular not in KINDS and singular.endswith(ending) and singular.removesuffix(ending) + end in KINDS:
            singular = singular.removesuffix(ending) + end
    return KINDS.get(singular, "")


def _namespace(words: list[str]) -> str:
    return next((words[place + 1] for place, word in enumerate(words[:-1]) if word in ("-n", "--namespace")), "")


def _key(each: Object) -> Key:
    meta = each["metadata"]
    return each["kind"], "" if each["kind"] in NAMESPACELESS else str(meta.get("namespace", "")), str(meta["name"])


def _merged(every: Iterable[Object]) -> Object:
    """Return one object of several accounts of it, the later over the earlier."""
    whole: Object = {}
    for each in every:
        whole = _over(whole, each)
    return whole


def _over(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {key: _over(old.get(key), new[key]) if key in new else old[key] for key in {**old, **new}}
    return old if new is None or (new in ("", [], {}) and old) else new


def _documents(text: str) -> Iterator[Object]:
    """Yield the objects of known kinds in YAML; what is no YAML is none."""
    for part in re.split(r"(?m)^---\s*$", text):
        if re.search(r"(?m)^kind:\s*Secret\s*$", part):
            continue  # neither parsed nor kept
        try:
            body = yaml.load(part, Loader=LOADER)  # noqa: S506  # a safe loader, the one in C where there is one
        except yaml.YAMLError:
            continue
        if isinstance(body, dict) and body.get("kind") in KINDS.values() and (body.get("metadata") or {}).get("name"):
            yield body


# -- events --------------------------------------------------------------------------------------------------


def _keep(events: dict[tuple[str, ...], Object], said: Iterable[Object]) -> None:
    """Keep each event once: the account with the largest count."""
    for each in said:
        about = each["involvedObject"]
        key = (about["kind"], about["name"], each["reason"], each["message"])
        if key not in events or events[key]["count"] < each["count"]:
            events[key] = each


def _event(kind: str, name: str, space: str, words: tuple[str, ...], at: datetime) -> Object:
    """Return an event of type, reason, age (`16s (x2 over 29s)`) and message."""
    type_, reason, when, message = words
    often = re.search(r"\(x(\d+)", when)
    last = (at - age(when.split("(")[0])).isoformat()
    return {
        "kind": "Event",
        "metadata": {"name": f"{name}.{reason}", "creationTimestamp": last},
        "involvedObject": {"kind": kind, "name": name, "namespace": space},
        "type": type_,
        "reason": reason,
        "message": message,
        "count": int(often[1]) if often else 1,
        "lastTimestamp": last,
    }


def _told_events(root: Line, kind: str, name: str, space: str, at: datetime) -> Iterator[Object]:
    for line in root.child("Events").children[2:]:
        match = re.match(r"(\S+)\s+(\S+)\s+(\S+(?: \(x\d+ over \S+\))?)\s{2,}(\S+)\s+(.+)", line.text)
        if match:
            yield _event(kind, name, space, (match[1], match[2], match[3], match[5]), at)


def _listed_events(text: str, space: str, at: datetime) -> Iterator[Object]:
    for line in text.splitlines():
        match = re.match(r"(\S+(?: \(x\d+ over \S+\))?)\s+(Normal|Warning)\s+(\S+)\s+([a-z]+)/(\S+)\s+(.+)", line)
        if match:
            kind = _kind(match[4]) or match[4]
            yield _event(kind, match[5], space, (match[2], match[3], match[1], match[6]), at)


# -- describe ------------------------------------------------------------------------------------------------


def _described(kind: str, root: Line, space: str, at: datetime) -> tuple[Object, list[Object]]:
    """Return the object that a text describes, and the events under it."""
    meta: Object = {"name": root.said("Name"), "namespace": root.said("Namespace") or space}
    meta["labels"] = root.child("Labels").pairs()
    if created := _moment(root.said("CreationTimestamp")):
        meta["creationTimestamp"] = created
    owner, _, name = root.said("Controlled By").partition("/")
    if name:
        meta["ownerReferences"] = [{"controller": True, "kind": owner, "name": name}]
    parts = _PARTS[kind](root) if kind in _PARTS else {}
    events = list(_told_events(root, kind, meta["name"], meta["namespace"], at))
    return {"kind": kind, "metadata": meta, **parts}, events


def _moment(text: str) -> str:
    """Return the ISO form of `Tue, 11 Nov 2025 17:22:07 +0800`; empty where it is none."""
    try:
        return parsedate_to_datetime(text).isoformat() if text else ""
    except ValueError:
        return ""


def _pod(root: Line) -> Object:
    status: Object = {"phase": root.said("Status"), "conditions": _conditions(root)}
    if began := _moment(root.said("Start Time")):
        status["startTime"] = began
    if root.said("Reason"):
        status["reason"] = root.said("Reason")
    status["containerStatuses"] = [_status(each) for each in root.child("Containers").children]
    status["initContainerStatuses"] = [_status(each) for each in root.child("Init Containers").children]
    spec = _pod_spec(root)
    spec["nodeName"] = root.said("Node").partition("/")[0]
    return {"spec": spec, "status": status}


def _conditions(root: Line) -> list[Object]:
    """Return the conditions of a table whose columns are named; values of the last column may hold spaces."""
    lines = [each.text for each in root.child("Conditions").children if not set(each.text) <= {"-", " "}]
    if not lines:
        return []
    names = lines[0].split()
    found = []
    for line in lines[1:]:
        cells = re.split(r"\s{2,}", line.strip(), maxsplit=len(names) - 1)
        row = dict(zip(names, cells, strict=False))
        since = _moment(row.get("LastTransitionTime", ""))
        entry = {"type": row["Type"], "status": row.get("Status", "").strip()}
        entry |= {key.lower(): row[key] for key in ("Reason", "Message") if row.get(key)}
        found.append(entry | ({"lastTransitionTime": since} if since else {}))
    return found


def _status(container: Line) -> Object:
    found: Object = {"name": container.key, "restartCount": int(container.said("Restart Count") or 0)}
    found["ready"] = container.said("Ready") == "True"
    for part, key in (("State", "state"), ("Last State", "lastState")):
        line = container.child(part)
        if line.value:
            found[key] = {line.value.lower(): _state(line)}
    return found


def _state(line: Line) -> Object:
    names = {"Reason": "reason", "Message": "message", "Started": "startedAt", "Finished": "finishedAt"}
    said: Object = {}
    for name, key in names.items():
        if value := line.said(name):
            said[key] = _moment(value) if key.endswith("At") else value
    if line.said("Exit Code"):
        said["exitCode"] = int(line.said("Exit Code"))
    return {key: value for key, value in said.items() if value != ""}


def _pod_spec(root: Line) -> Object:
    """Return the spec of a pod or of a template."""
    claims = [
        {"name": volume.key, "persistentVolumeClaim": {"claimName": volume.said("ClaimName")}}
        for volume in root.child("Volumes").children
        if volume.said("ClaimName")
    ]
    spec: Object = {"containers": [_container(each) for each in root.child("Containers").children]}
    spec["volumes"] = claims
    if root.said("Service Account"):
        spec["serviceAccountName"] = root.said("Service Account")
    if selector := root.child("Node-Selectors").pairs():
        spec["nodeSelector"] = selector
    tolerations = [root.said("Tolerations"), *(each.text for each in root.child("Tolerations").children)]
    spec["tolerations"] = [_toleration(each) for each in tolerations if each]
    return spec


def _toleration(text: str) -> Object:
    head = text.split()[0]
    key, _, effect = head.rpartition(":") if ":" in head else (head, "", "")
    key, _, value = key.partition("=")
    return {"key": key, "value": value, "effect": effect, "operator": "Exists" if "op=Exists" in text else "Equal"}


def _container(line: Line) -> Object:
    found: Object = {"name": line.key, "image": line.said("Image")}
    ports = (line.said("Port") or line.said("Ports")).split(",")
    found["ports"] = [
        {"containerPort": int(match[1]), "protocol": match[2]}
        for each in ports
        if (match := re.fullmatch(r"\s*(\d+)/(\w+)\s*", each)) and match[1] != "0"
    ]
    found["resources"] = {
        side.lower(): {each.key: each.value for each in line.child(side).children} for side in ("Limits", "Requests")
    }
    for name, key in (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")):
        if said := line.said(name):
            found[key] = _probe(said)
    found["env"] = [_variable(each) for each in line.child("Environment").children if each.key]
    found["envFrom"] = [entry for each in line.child("Environment Variables from").children if (entry := _source(each))]
    return found


def _probe(said: str) -> Object:
    """Return a probe of `http-get http://:8080/ready delay=5s timeout=1s period=5s #success=1 #failure=3`."""
    numbers = {key: int(value) for key, value in re.findall(r"#?(\w+)=(\d+)", said)}
    names = {
        "delay": "initialDelaySeconds",
        "timeout": "timeoutSeconds",
        "period": "periodSeconds",
        "failure": "failureThreshold",
    }
    probe: Object = {long: numbers[short] for short, long in names.items() if short in numbers}
    port = re.search(r":(\d+|[a-z][\w-]*)(?=[/\s]|$)", said.split(" delay=")[0].removeprefix("http-get http"))
    shown: Object = {"port": int(port[1]) if port and port[1].isdigit() else port[1] if port else ""}
    way = {"http-get": "httpGet", "tcp-socket": "tcpSocket", "grpc": "grpc", "exec": "exec"}[said.split()[0]]
    return {**probe, way: {"command": said.split(" delay=")[0]} if way == "exec" else shown}


def _variable(line: Line) -> Object:
    said = re.match(r"<set to the key '(.+?)' (?:in|of) (secret|config map) '(.+?)'>", line.value)
    if said:
        kind = "secretKeyRef" if said[2] == "secret" else "configMapKeyRef"
        return {"name": line.key, "valueFrom": {kind: {"key": said[1], "name": said[3]}}}
    return {"name": line.key, "value": line.value}


def _source(line: Line) -> Object | None:
    match = re.match(r"(\S+)\s+(Secret|ConfigMap)\b.*?(true)?$", line.text)
    if not match:
        return None
    kind = "secretRef" if match[2] == "Secret" else "configMapRef"
    return {kind: {"name": match[1], "optional": match[3] == "true"}}


def _workload(root: Line) -> Object:
    template = root.child("Pod Template")
    numbers = {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", root.said("Replicas"))}
    running = re.search(r"(\d+) Running", root.said("Pods Status"))
    ready = numbers.get("available", int(running[1]) if running else numbers.get("total", 0))
    spec: Object = {"template": {"metadata": {"labels": template.child("Labels").pairs()}, "spec": _pod_spec(template)}}
    desired = numbers.get("desired")
    if desired is None and (said := root.said("Desired Number of Nodes Scheduled")):
        desired = int(said)
    spec |= {"replicas": desired} if desired is not None else {}
    spec["selector"] = {"matchLabels": root.child("Selector").pairs()}
    return {"spec": spec, "status": {"readyReplicas": ready, "conditions": _conditions(root)}}


def _service(root: Line) -> Object:
    ports: list[Object] = []
    for line in root.children:
        match = re.fullmatch(r"(?:(\S+)\s+)?(\d+)/(\w+)", line.value)
        if line.key == "Port" and match:
            ports.append({"name": match[1] or "", "port": int(match[2]), "protocol": match[3]})
        elif line.key == "TargetPort" and ports:
            target = line.value.partition("/")[0]
            ports[-1]["targetPort"] = int(target) if target.isdigit() else target
    return {"spec": {"type": root.said("Type"), "selector": root.child("Selector").pairs(), "ports": ports}}


def _node(root: Line) -> Object:
    taints = [root.said("Taints"), *(each.text for each in root.child("Taints").children)]
    known = [re.fullmatch(r"([^=:]+)(?:=([^:]*))?:(\w+)", each) for each in taints]
    spec: Object = {"unschedulable": root.said("Unschedulable") == "true"}
    spec["taints"] = [{"key": each[1], "value": each[2] or "", "effect": each[3]} for each in known if each]
    free = {each.key: each.value for each in root.child("Allocatable").children}
    return {"spec": spec, "status": {"conditions": _conditions(root), "allocatable": free}}


def _claim(root: Line) -> Object:
    spec: Object = {"volumeName": root.said("Volume"), "accessModes": _modes(root)}
    if name := root.said("StorageClass"):
        spec["storageClassName"] = name
    return {"spec": spec, "status": {"phase": root.said("Status"), "capacity": {"storage": root.said("Capacity")}}}


def _modes(root: Line) -> list[str]:
    short = {"RWO": "ReadWriteOnce", "ROX": "ReadOnlyMany", "RWX": "ReadWriteMany", "RWOP": "ReadWriteOncePod"}
    return [short.get(each.strip(), each.strip()) for each in root.said("Access Modes").split(",") if each.strip()]


def _volume(root: Line) -> Object:
    space, _, name = root.said("Claim").partition("/")
    spec: Object = {"accessModes": _modes(root), "capacity": {"storage": root.said("Capacity")}}
    spec["storageClassName"] = root.said("StorageClass")
    if name:
        spec["claimRef"] = {"namespace": space, "name": name}
    return {"spec": spec, "status": {"phase": root.said("Status")}}


def _quota(root: Line) -> Object:
    rows = [each.text.split() for each in root.children]
    full = [
        cells for cells in rows if len(cells) == 3 and re.match(r"[\d.]", cells[1]) and re.match(r"[\d.]", cells[2])
    ]
    return {
        "status": {
            "used": {name: used for name, used, _ in full},
            "hard": {name: hard for name, _, hard in full},
        }
    }


def _class(root: Line) -> Object:
    return {"provisioner": root.said("Provisioner")}


_PARTS: Mapping[str, Callable[[Line], Object]] = {
    "Pod": _pod,
    "Deployment": _workload,
    "StatefulSet": _workload,
    "DaemonSet": _workload,
    "ReplicaSet": _workload,
    "Service": _service,
    "Node": _node,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume,
    "ResourceQuota": _quota,
    "StorageClass": _class,
}
