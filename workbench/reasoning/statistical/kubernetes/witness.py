"""The witness of cluster state: rows of state, log lines and the calls -> symptoms -> signs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ontology.terms import Kind
from workbench.nouns import Modality
from workbench.reasoning.statistical.calls import Calls
from workbench.reasoning.statistical.kubernetes import heard, nodes, placing, routing, starting
from workbench.reasoning.statistical.kubernetes.estate import Cluster, cluster_of
from workbench.reasoning.statistical.kubernetes.symptoms import Rule, Symptom
from workbench.reasoning.statistical.ranking import FOLLOWS
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import Family, Sign

RULES: tuple[Rule, ...] = (
    *(nodes.units, nodes.conditions, nodes.sandboxes),
    *(placing.refused, placing.full_quotas, placing.unscheduled, placing.unbound),
    *(starting.pulls, starting.references, starting.memory, starting.probes, starting.restarts, starting.idle),
    *(routing.services, routing.addresses, routing.routes, routing.policies),
)
EXPLAINED = 0.3
"""What is left of a workload's symptom where its node has one of its own."""
SURE = 4.0
"""Nats from which a node's symptom explains those of its pods."""
LOOPING = "crash-looping"
"""What does not run cannot answer: whatever makes it restart, its callers' symptoms follow from it."""


def symptoms_of(cluster: Cluster, lines: Mapping[str, Iterable[str]], graph: Calls) -> list[Symptom]:
    """Return what is wrong with whom, the most telling first; a node's pods are explained by their node.

    Args:
        cluster: what the rows of state tell.
        lines: log lines by entity.
        graph: who calls whom.
    """
    found = [symptom for rule in RULES for symptom in rule(cluster)]
    found += heard.own_words(cluster, lines)
    found += heard.store_words(cluster, lines)
    found += heard.alerts(cluster, graph)
    failing = {each.entity for each in found if each.entity in cluster.nodes and each.nats >= SURE}
    best: dict[tuple[str, str], Symptom] = {}
    for each in (_explained(each, cluster, failing) for each in found):
        key = each.entity, each.cause
        if each.entity and (key not in best or best[key].nats < each.nats):
            best[key] = each
    return sorted(best.values(), key=lambda each: (-each.nats, each.entity, each.cause))


def _explained(symptom: Symptom, cluster: Cluster, failing: set[str]) -> Symptom:
    its = cluster.workloads.get(symptom.entity)
    on = {symptom.node} if symptom.node else {pod.node for pod in its.pods.values() if not pod.well} if its else set()
    return replace(symptom, nats=symptom.nats * EXPLAINED) if on & failing else symptom


def states_of_objects(seen: Seen) -> Iterator[Sign]:
    """Yield what the state of the cluster's objects, and the words of those that do not serve, say of each.

    What a thing with a stated cause explains (its callers' symptoms, those of the pods on a node) counts against them.
    """
    rows = seen.rows(Modality.STATE)
    if rows is None:
        return
    columns = rows[["time", "entity", "kind", "field", "value"]]
    cluster = cluster_of((row[0], *map(str, row[1:])) for row in columns.itertuples(index=False, name=None))
    observation = str(rows["observation"].iloc[0])
    found = symptoms_of(cluster, _lines(seen), seen.graph)
    yield from (_sign(each, cluster, observation) for each in found)
    own = {each.entity for each in found if each.nats >= SURE}
    told = set[str]()
    for each in found:
        explains = each.nats >= SURE or each.cause == LOOPING
        for name in sorted(_explains(each, cluster, seen.graph) - own - told) if explains else ():
            told.add(name)
            note = f"what {name} shows follows from {each.entity}: {each.note}"
            yield Sign(name, Family.STATE, -1.0, note, observation, Modality.STATE, hint=FOLLOWS)


def _sign(symptom: Symptom, cluster: Cluster, observation: str) -> Sign:
    spaces = {its.namespace for its in cluster.workloads.values()} - set(cluster.workloads)
    kind = Kind.NODE if symptom.entity in cluster.nodes else Kind.NAMESPACE if symptom.entity in spaces else ""
    return Sign(
        symptom.entity,
        Family.STATE,
        symptom.nats,
        symptom.note,
        observation,
        Modality.STATE,
        mode=symptom.mode,
        cause=symptom.cause,
        kind=kind,
        at=symptom.at,
    )


def _explains(symptom: Symptom, cluster: Cluster, graph: Calls) -> set[str]:
    """Return whose symptoms follow: callers, callers of callers, and what runs on a node."""
    on = {
        its.name for its in cluster.workloads.values() if any(pod.node == symptom.entity for pod in its.pods.values())
    }
    found, waiting = set[str](on), [symptom.entity, *on]
    while waiting:
        for caller in graph.callers(waiting.pop()) - found - {symptom.entity}:
            found.add(caller)
            waiting.append(caller)
    return found


def _lines(seen: Seen) -> Mapping[str, list[str]]:
    rows = seen.rows(Modality.LOGS)
    found: defaultdict[str, list[str]] = defaultdict(list)
    if rows is not None:
        for entity, message in zip(rows["entity"], rows["message"], strict=True):
            found[str(entity)].append(str(message))
    return found
