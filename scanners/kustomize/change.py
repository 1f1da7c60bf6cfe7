"""What a kustomization changes in all of its resources: namespace, names, labels, images, replicas.

Each function changes the resources in place. The rules are those of kustomize's own transformers and field lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from scanners.kubernetes.objects import mapping, number, sequence, text, texts
from scanners.kustomize.resource import Resource

At = Callable[[str], str]
"""Path in the kustomization to `file:line`."""

_CLUSTERED = frozenset(
    {
        "Namespace",
        "Node",
        "PersistentVolume",
        "StorageClass",
        "PriorityClass",
        "ClusterRole",
        "ClusterRoleBinding",
        "APIService",
        "IngressClass",
        "CustomResourceDefinition",
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
        "RuntimeClass",
        "GatewayClass",
        "CSIDriver",
        "CSINode",
        "VolumeAttachment",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ClusterIssuer",
        "PodSecurityPolicy",
        "CertificateSigningRequest",
        "FlowSchema",
        "PriorityLevelConfiguration",
    }
)
_UNNAMED = frozenset({"Namespace", "CustomResourceDefinition", "APIService"})
"""Kinds that get neither prefix nor suffix."""
_TEMPLATED = frozenset({"Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job", "ReplicationController"})
_MATCHED = frozenset({"Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"})
_SCALED = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"})
_REFERENCES: Mapping[str, tuple[str, str]] = {
    "configMapRef": ("name", "ConfigMap"),
    "configMapKeyRef": ("name", "ConfigMap"),
    "configMap": ("name", "ConfigMap"),
    "secretRef": ("name", "Secret"),
    "secretKeyRef": ("name", "Secret"),
    "persistentVolumeClaim": ("claimName", "PersistentVolumeClaim"),
    "service": ("name", "Service"),
}
"""Key to the field below it that names an object, and that object's kind."""
_NAMED: Mapping[str, str] = {
    "serviceAccountName": "ServiceAccount",
    "serviceAccount": "ServiceAccount",
    "serviceName": "Service",
    "secretName": "Secret",
}


def change(resources: Sequence[Resource], body: Mapping[str, Any], at: At) -> None:
    """Make the changes of a kustomization, in kustomize's own order, patches apart."""
    _namespace(resources, text(body.get("namespace")), at("namespace"))
    _names(resources, text(body.get("namePrefix")), text(body.get("nameSuffix")))
    for key, pairs, selectors, templates in _label_sets(body):
        for resource in resources:
            _label(resource, pairs, at(key), selectors=selectors, templates=templates)
    annotations = texts(body.get("commonAnnotations"))
    for resource in resources:
        _annotate(resource, annotations)


def finish(resources: Sequence[Resource], body: Mapping[str, Any], at: At) -> None:
    """Set replicas and images: the last that a kustomization does."""
    for index, raw in enumerate(map(mapping, sequence(body.get("replicas")))):
        for resource in resources:
            if resource.kind in _SCALED and text(raw.get("name")) in resource.names:
                _spec(resource)["replicas"] = number(raw.get("count"))
                resource.mark("spec/replicas", at(f"replicas/{index}"))
    for index, raw in enumerate(map(mapping, sequence(body.get("images")))):
        for resource in resources:
            for path, container in _containers(resource.body, ""):
                _image(resource, container, path, raw, at(f"images/{index}"))


def _spec(resource: Resource) -> dict[str, Any]:
    return _below(resource.body, "spec")


def _below(body: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return the mapping at a path, made when missing."""
    for key in keys:
        if not isinstance(body.get(key), dict):
            body[key] = {}
        body = body[key]
    return body


def _namespace(resources: Sequence[Resource], namespace: str, where: str) -> None:
    for resource in resources if namespace else ():
        if resource.kind == "Namespace":
            resource.rename(namespace)
        elif resource.kind not in _CLUSTERED:
            resource.move(namespace)
            resource.mark("metadata/namespace", where)


def _names(resources: Sequence[Resource], prefix: str, suffix: str) -> None:
    """Give every resource its prefix and suffix, and follow with what refers to it."""
    if not (prefix or suffix):
        return
    renamed: dict[tuple[str, str], str] = {}
    for resource in resources:
        if resource.kind not in _UNNAMED:
            old = resource.name
            resource.rename(f"{prefix}{old}{suffix}")
            renamed[resource.kind, old] = resource.name
    for resource in resources:
        _refer(resource.body, renamed)


def _refer(body: Any, renamed: Mapping[tuple[str, str], str]) -> None:
    """Change the references in a body to the new names, in place."""
    if isinstance(body, list):
        for each in body:
            _refer(each, renamed)
    if not isinstance(body, dict):
        return
    for key, value in body.items():
        if key in _REFERENCES and isinstance(value, dict):
            field, kind = _REFERENCES[key]
            _swap(value, field, kind, renamed)
        elif key == "secret" and isinstance(value, dict):
            _swap(value, "name", "Secret", renamed)
        elif key == "scaleTargetRef" and isinstance(value, dict):
            _swap(value, "name", text(value.get("kind")), renamed)
        elif key == "imagePullSecrets":
            for each in sequence(value):
                if isinstance(each, dict):
                    _swap(each, "name", "Secret", renamed)
        if key in _NAMED:
            _swap(body, key, _NAMED[key], renamed)
        _refer(value, renamed)


def _swap(body: dict[str, Any], field: str, kind: str, renamed: Mapping[tuple[str, str], str]) -> None:
    new = renamed.get((kind, text(body.get(field))))
    if new is not None:
        body[field] = new


def _label_sets(body: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str], bool, bool]]:
    """Yield where labels stand, what they are, and whether they go into selectors and templates."""
    for index, raw in enumerate(map(mapping, sequence(body.get("labels")))):
        selectors = raw.get("includeSelectors") is True
        yield f"labels/{index}", texts(raw.get("pairs")), selectors, selectors or raw.get("includeTemplates") is True
    yield "commonLabels", texts(body.get("commonLabels")), True, True


def _label(resource: Resource, pairs: Mapping[str, str], where: str, *, selectors: bool, templates: bool) -> None:
    """Set labels of a resource, of its pod template, and in what selects pods."""
    if not pairs:
        return
    goals = [_below(resource.meta, "labels")]
    if templates:
        goals += [_below(meta, "labels") for meta in _template_metas(resource)]
    if selectors:
        goals += list(_selectors(resource))
    for goal in goals:
        goal.update(pairs)
    for key in pairs:
        resource.mark(f"metadata/labels/{key}", where)


def _template_metas(resource: Resource) -> Iterator[dict[str, Any]]:
    """Yield the metadata of a resource's pod template."""
    if resource.kind in _TEMPLATED:
        yield _below(resource.body, "spec", "template", "metadata")
    elif resource.kind == "CronJob":
        yield _below(resource.body, "spec", "jobTemplate", "metadata")
        yield _below(resource.body, "spec", "jobTemplate", "spec", "template", "metadata")


def _selectors(resource: Resource) -> Iterator[dict[str, Any]]:
    """Yield the label selectors of a resource that a label of all goes into."""
    if resource.kind == "Service":
        yield _below(resource.body, "spec", "selector")
    elif resource.kind in _MATCHED:
        yield _below(resource.body, "spec", "selector", "matchLabels")
    elif resource.kind in ("PodDisruptionBudget", "NetworkPolicy", "Job", "CronJob"):
        yield from _matching(resource.body.get("spec"))


def _matching(body: Any) -> Iterator[dict[str, Any]]:
    """Yield every `matchLabels` below a body that is there, those of namespaces apart."""
    if isinstance(body, list):
        for each in body:
            yield from _matching(each)
    elif isinstance(body, dict):
        for key, value in body.items():
            if key == "matchLabels" and isinstance(value, dict):
                yield value
            elif key not in ("namespaceSelector", "template"):
                yield from _matching(value)


def _annotate(resource: Resource, pairs: Mapping[str, str]) -> None:
    """Set annotations of a resource and of its pod template."""
    for meta in (resource.meta, *_template_metas(resource)) if pairs else ():
        _below(meta, "annotations").update(pairs)


def _containers(body: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every container below a body, with its path."""
    if isinstance(body, list):
        for index, each in enumerate(body):
            yield from _containers(each, f"{path}/{index}")
    elif isinstance(body, dict):
        for key, value in body.items():
            below = f"{path}/{key}".lstrip("/")
            if key in ("containers", "initContainers"):
                for index, each in enumerate(sequence(value)):
                    if isinstance(each, dict) and isinstance(each.get("image"), str):
                        yield f"{below}/{index}", each
            yield from _containers(value, below)


def _image(resource: Resource, container: dict[str, Any], path: str, raw: Mapping[str, Any], where: str) -> None:
    """Give a container another image name, tag or digest if it is the one that is meant."""
    name = text(raw.get("name"))
    match = re.fullmatch(rf"{re.escape(name)}(?P<rest>(?::[^@/]+)?(?:@.+)?)", container["image"]) if name else None
    if match is None:
        return
    tag, digest = text(raw.get("newTag")), text(raw.get("digest"))
    rest = (f":{tag}" if tag else "") + (f"@{digest}" if digest else "") or match["rest"]
    container["image"] = (text(raw.get("newName")) or name) + rest
    resource.mark(f"{path}/image", where)
