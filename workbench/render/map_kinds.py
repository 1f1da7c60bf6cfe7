"""What a kind looks like: its family, its outline and its short word; what a relation is called."""

from __future__ import annotations

import re
from types import MappingProxyType

from ontology import terms
from ontology.nouns import Iri
from ontology.terms import Kind

SERVICES, WORKLOADS, RUNTIME, CLOUD, CODE, CONFIG, WATCH = (
    "services",
    "workloads",
    "runtime",
    "cloud",
    "code",
    "config",
    "watch",
)
FAMILIES = (SERVICES, WORKLOADS, RUNTIME, CLOUD, CODE, CONFIG, WATCH)
"""The groups of kinds that a reader switches on and off, in the order in which they are listed."""
_OF = (
    (SERVICES, (Kind.SERVICE, Kind.OPERATION, Kind.API, Kind.MANAGED_SERVICE, Kind.K8S_SERVICE, Kind.INGRESS)),
    (SERVICES, (Kind.GATEWAY, Kind.ENDPOINT)),
    (WORKLOADS, (Kind.WORKLOAD, Kind.HORIZONTAL_POD_AUTOSCALER, Kind.POD_DISRUPTION_BUDGET)),
    (RUNTIME, (Kind.POD, Kind.CONTAINER, Kind.PROCESS, Kind.IMAGE, Kind.IMAGE_DIGEST, Kind.HOST, Kind.VOLUME)),
    (CLOUD, (Kind.CLOUD_ACCOUNT, Kind.PLACE, Kind.CLUSTER, Kind.NAMESPACE, Kind.COMPOSE_PROJECT)),
    (CLOUD, (Kind.NETWORK_THING, Kind.NETWORK_POLICY, Kind.SERVICE_ACCOUNT)),
    (CONFIG, (Kind.CONFIG, Kind.SETTING, Kind.FEATURE_FLAG)),
    (CODE, (Kind.REPOSITORY, Kind.COMMIT, Kind.RELEASE, Kind.FILE, Kind.CODE_SYMBOL, Kind.DEPENDENCY)),
    (CODE, (Kind.PIPELINE, Kind.PIPELINE_RUN, Kind.DEPLOY, Kind.CONFIG_CHANGE)),
)
_STORES = (Kind.DATABASE, Kind.CACHE, Kind.OBJECT_STORE, Kind.VOLUME)
_PIPES = (Kind.QUEUE, Kind.TOPIC)
_WORDS = MappingProxyType(
    {
        "ComposeService": "compose",
        "K8sService": "k8s service",
        "CloudAccount": "account",
        "FeatureFlag": "flag",
        "ServiceAccount": "account",
        "SourceFile": "file",
        "TerraformFile": "terraform",
        "HorizontalPodAutoscaler": "autoscaler",
        "PodDisruptionBudget": "disruption budget",
        "ComposeProject": "project",
        "Slo": "SLO",
        "Api": "API",
        "Vm": "VM",
    }
)
_RELATIONS = MappingProxyType(
    {
        terms.CLIENT_OF: "is a client of",
        terms.PROBABLY_SAME: "is probably",
        terms.TYPE: "is a",
        terms.LABEL: "name",
        terms.PART_OF: "is part of",
        terms.MANAGED_BY: "is managed by",
        terms.OWNED_BY: "is owned by",
        terms.DEPLOYED_BY: "was deployed by",
        terms.CHANGED_BY: "was changed by",
        terms.DEFINED_IN: "is defined in",
        terms.BUILT_FROM: "is built from",
        terms.IN_NETWORK: "is in network",
        terms.FROM_CONFIG: "comes from",
        terms.SETS_ENV: "sets",
    }
)


def family(kind: str) -> str:
    """Return the family that the kind belongs to; what is none of them watches or is about people.

    >>> [family(kind) for kind in ("Database", "StatefulSet", "Pod", "Subnet", "Function", "EnvVar", "Dashboard")]
    ['services', 'workloads', 'runtime', 'cloud', 'code', 'config', 'watch']
    """
    if kind == Kind.NODE or kind == Kind.VM:
        return RUNTIME
    nearest = ((name, any(kind == each for each in kinds)) for name, kinds in _OF)
    exact = next((name for name, found in nearest if found), "")
    return exact or next((name for name, kinds in _OF if any(terms.is_a(kind, each) for each in kinds)), WATCH)


def shape(kind: str) -> str:
    """Return the outline.

    Round serves, a drum stores, a pipe queues, cut corners run, square is a place, a page is written, a point watches.

    >>> [shape(kind) for kind in ("Service", "Cache", "Topic", "Pod", "Node", "EnvVar", "AlertRule")]
    ['round', 'drum', 'pipe', 'cut', 'square', 'page', 'point']
    """
    if any(terms.is_a(kind, each) for each in _STORES):
        return "drum"
    if kind in _PIPES:
        return "pipe"
    if terms.is_a(kind, Kind.HOST):
        return "square"
    return {SERVICES: "round", WORKLOADS: "cut", RUNTIME: "cut", CLOUD: "square", WATCH: "point"}.get(
        family(kind), "page"
    )


def word(kind: str) -> str:
    """Return a kind as a short word.

    >>> word("StatefulSet"), word("K8sService"), word("EnvVar")
    ('stateful set', 'k8s service', 'env var')
    """
    return _WORDS.get(kind) or _spaced(kind)


def relation(predicate: Iri | str) -> str:
    """Return a relation as it is said between two names, or an attribute as its own name.

    >>> relation(terms.USES_DATASTORE), relation(terms.PART_OF), relation(terms.OTEL_K8S_POD_NAME)
    ('uses datastore', 'is part of', 'k8s.pod.name')
    """
    local = terms.kind_of(predicate)
    return _RELATIONS.get(Iri(predicate)) or (_spaced(local) if local else re.split("[/#]", predicate)[-1])


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
