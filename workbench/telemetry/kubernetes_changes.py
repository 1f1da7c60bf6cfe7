"""Kubernetes: what was rolled out and reconfigured, from the revisions that the cluster keeps of its workloads.

    KubernetesChanges(lambda: clients.kubernetes("prod")).ask(Question(Modality.CHANGES, window, about=(payment,)))

A ReplicaSet or a ControllerRevision is a revision of its workload; what differs from the one before is the detail.
Of a ConfigMap the time of its last change is known, not what it was before. Secrets are never read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.kubernetes_reading import (
    CONFIGS,
    DAEMON_SETS,
    DEPLOYMENTS,
    REPLICA_SETS,
    REVISIONS,
    STATEFUL_SETS,
    KubernetesSource,
    moment,
    workload,
)
from workbench.telemetry.live_source import Row, names_of, parsed, replied

REVISION = "deployment.kubernetes.io/revision"
WORKLOADS = (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS)


class KubernetesChanges(KubernetesSource):
    """Answers questions on changes from a Kubernetes API."""

    name = "kubernetes rollouts"
    modality: ClassVar[Modality] = Modality.CHANGES

    def reply(self, question: Question) -> Reply:
        """Return rollouts, scalings and changed ConfigMaps."""
        cluster = self.cluster()
        sets = cluster.listed(REPLICA_SETS)
        revisions = cluster.listed_if_allowed(REVISIONS)
        workloads = [each for kind in WORKLOADS for each in cluster.listed_if_allowed(kind)]
        configs = cluster.listed_if_allowed(CONFIGS)
        names = names_of(question)
        rows = parsed(self.name, _rollouts([*sets, *revisions], workloads, names))
        rows += parsed(self.name, (row for each in workloads for row in _scaled(each, names)))
        rows += parsed(self.name, (row for each in configs for row in _configured(each, workloads, names)))
        remark = f"{'; '.join(cluster.refused).capitalize()}." if cluster.refused else ""
        kinds = (REPLICA_SETS, REVISIONS, *WORKLOADS, CONFIGS)
        query = "GET " + ", ".join(kind.plural for kind in kinds)
        return replied(rows, question, searched="kubernetes", query=query, remark=remark)


def _rollouts(
    revisions: Sequence[Mapping[str, Any]], workloads: Sequence[Mapping[str, Any]], names: frozenset[str]
) -> Iterator[Row]:
    """Yield a row for each revision of a workload, with what differs from the one before."""
    known = {(each["metadata"].get("namespace"), each["metadata"]["name"]): each for each in workloads}
    owned: dict[tuple[object, object], list[Mapping[str, Any]]] = defaultdict(list)
    for each in revisions:
        meta = each["metadata"]
        owner = next((ref for ref in meta.get("ownerReferences") or () if ref.get("controller")), None)
        if owner:
            owned[meta.get("namespace"), owner["name"]].append(each)
    for key, every in owned.items():
        thing = known.get(key, {"metadata": {"name": key[1]}})
        ordered = sorted(every, key=_number)
        born = [moment(each["metadata"]["creationTimestamp"]) for each in ordered]
        for place, (each, at) in enumerate(zip(ordered, born, strict=True)):
            before = ordered[place - 1] if place else None
            late = place and at and any(other and other > at for other in born[:place])
            when = _rolled_back(thing) or at if late else at
            yield _rollout(workload(thing, names), each, before, when, back=bool(late))


def _rollout(
    entity: str, revision: Mapping[str, Any], before: Mapping[str, Any] | None, at: datetime | None, *, back: bool
) -> Row:
    new, old = _template(revision), _template(before) if before else {}
    images = [
        f"{old.get(name, 'none')} -> {image}" for name, image in new.items() if _image(name) and old.get(name) != image
    ]
    detail = [f"-{name}: {old[name]}" for name in old if new.get(name) != old[name]] if before else []
    detail += [f"+{name}: {new[name]}" for name in new if old.get(name) != new[name]] if before else []
    what = ", ".join(images) if before else "first known: " + ", ".join(v for n, v in new.items() if _image(n))
    word = "rolled back to" if back else "revision"
    kind = "deploy" if images or not before else "config"
    said = what or f"same image, {len(detail)} other lines"
    return (
        at,
        entity,
        kind,
        f"{entity} {word} {_number(revision)}: {said}",
        str(revision["metadata"]["name"]),
        "\n".join(detail),
    )


def _image(name: str) -> bool:
    return name.endswith(" image")


def _number(revision: Mapping[str, Any]) -> int:
    """Return the number of a revision."""
    said = (revision["metadata"].get("annotations") or {}).get(REVISION) or revision.get("revision") or 0
    return int(said)


def _rolled_back(thing: Mapping[str, Any]) -> datetime | None:
    """Return when a Deployment took an older revision up again: its last progress."""
    conditions = (thing.get("status") or {}).get("conditions") or ()
    return next((moment(each.get("lastUpdateTime")) for each in conditions if each.get("type") == "Progressing"), None)


def _template(revision: Mapping[str, Any]) -> dict[str, str]:
    """Return what a revision sets, a value a name: images, commands, variables, limits."""
    spec = (revision.get("data") or revision).get("spec") or {}
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or ()
    found = {}
    for each in containers:
        name = each["name"]
        found[f"{name} image"] = str(each.get("image", ""))
        for part in ("command", "args"):
            if each.get(part):
                found[f"{name}.{part}"] = " ".join(map(str, each[part]))
        for variable in each.get("env") or ():
            found[str(variable["name"])] = str(variable.get("value", "(from elsewhere)"))
        for side, sizes in (each.get("resources") or {}).items():
            found |= (
                {f"{name}.{side}.{unit}": str(size) for unit, size in (sizes or {}).items()}
                if isinstance(sizes, dict)
                else {}
            )
    return found


def _scaled(thing: Mapping[str, Any], names: frozenset[str]) -> Iterator[Row]:
    """Yield when a workload was last scaled, as the cluster notes who wrote which field."""
    for each in thing["metadata"].get("managedFields") or ():
        if each.get("subresource") == "scale" and each.get("time"):
            entity, replicas = workload(thing, names), (thing.get("spec") or {}).get("replicas")
            said = f"{entity} scaled to {replicas} by {each.get('manager', 'someone')}"
            yield moment(each["time"]), entity, "config", said, "", f"+replicas: {replicas}"


def _configured(
    config: Mapping[str, Any], workloads: Sequence[Mapping[str, Any]], names: frozenset[str]
) -> Iterator[Row]:
    """Yield when a ConfigMap was last changed, for each workload that reads it."""
    meta = config["metadata"]
    managed = meta.get("managedFields") or ()
    times = [each["time"] for each in managed if each.get("time")] or [meta.get("creationTimestamp")]
    last = sorted(managed, key=lambda each: str(each.get("time", "")))[-1:]
    by = "".join(f" by {each['manager']}" for each in last if each.get("manager"))
    readers = [workload(each, names) for each in workloads if _reads(each, meta)] or [str(meta["name"])]
    for entity in dict.fromkeys(readers):
        yield (
            moment(max(map(str, times))),
            entity,
            "config",
            f"ConfigMap {meta['name']} changed{by}",
            str(meta["name"]),
            "",
        )


def _reads(thing: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Say whether the pods of a workload read a ConfigMap."""
    if thing["metadata"].get("namespace") != config.get("namespace"):
        return False
    spec = ((thing.get("spec") or {}).get("template") or {}).get("spec") or {}
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    sources = [(each.get("configMapRef") or {}).get("name") for one in containers for each in one.get("envFrom") or ()]
    keys = [(each.get("valueFrom") or {}).get("configMapKeyRef") for one in containers for each in one.get("env") or ()]
    mounted = [(each.get("configMap") or {}).get("name") for each in spec.get("volumes") or ()]
    return config["name"] in {*sources, *mounted, *((each or {}).get("name") for each in keys)}
