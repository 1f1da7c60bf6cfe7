"""Patches of a kustomization: strategic merge, and the six operations of JSON Patch (RFC 6902).

Lists merge by the field that makes their elements the same (containers by name) in Kubernetes' own kinds; in every
other kind a list is replaced, as kustomize does where it knows no schema.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scanners.kubernetes.objects import mapping, sequence, text
from scanners.kustomize.resource import Resource

_SAME: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "hostAliases": ("ip",),
    "webhooks": ("name",),
    "ports": ("containerPort", "port"),
}
DEPTH, VALUES = 200, 50_000
"""Bounds of what copies may make of a resource: a copy into itself doubles it."""
_OURS = ("", "apps", "batch", "autoscaling", "policy", "extensions")


class PatchFailed(Exception):  # noqa: N818  # named as a person would say it; never leaves the room: it becomes a Problem
    """A patch that does not fit what it patches."""


def built_in(resource: Resource) -> bool:
    """Say whether a resource is of Kubernetes' own kinds."""
    return resource.group in _OURS or resource.group.endswith(".k8s.io")


def merge(resource: Resource, patch: Mapping[str, Any], at: Callable[[str], str]) -> bool:
    """Lay a strategic-merge patch over a resource; say whether the resource is still there.

    Args:
        resource: changed in place.
        patch: what to lay over it.
        at: path in the patch to `file:line`.
    """
    if patch.get("$patch") == "delete":
        return False
    body = {key: value for key, value in patch.items() if key not in ("apiVersion", "kind", "$patch")}
    meta = mapping(body.get("metadata"))
    body["metadata"] = {key: value for key, value in meta.items() if key not in ("name", "namespace")}
    if patch.get("$patch") == "replace":
        kept = {key: resource.body[key] for key in ("apiVersion", "kind") if key in resource.body}
        own = {key: value for key, value in resource.meta.items() if key in ("name", "namespace")}
        resource.body = kept | copy.deepcopy(body) | {"metadata": {**copy.deepcopy(body["metadata"]), **own}}
        resource.mark("", at(""))
        return True
    _merge_map(resource, resource.body, body, "", at)
    return True


def _merge_map(
    resource: Resource, base: dict[str, Any], patch: Mapping[str, Any], path: str, at: Callable[[str], str]
) -> None:
    """Lay a mapping over a mapping, in place."""
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        below, held = f"{path}/{key}".lstrip("/"), base.get(key)
        directive = value.get("$patch") if isinstance(value, dict) else None
        if value is None or directive == "delete":
            base.pop(key, None)
        elif isinstance(value, dict) and isinstance(held, dict) and directive != "replace":
            _merge_map(resource, held, value, below, at)
        elif isinstance(value, list) and isinstance(held, list) and key in _SAME and built_in(resource):
            base[key] = _merge_list(resource, held, value, below, at)
        else:
            base[key] = _plain(value)
            resource.mark(below, at(below))


def _merge_list(
    resource: Resource, base: list[Any], patch: Sequence[Any], path: str, at: Callable[[str], str]
) -> list[Any]:
    """Return a list with the elements of another merged in; new ones come last: the others keep their place."""
    if any(mapping(each).get("$patch") == "replace" for each in patch):
        resource.mark(path, at(path))
        return [_plain(each) for each in patch if mapping(each).get("$patch") != "replace"]
    merged, gone = list(base), []
    for position, each in enumerate(patch):
        there, here = f"{path}/{position}", _place(merged, each, path)
        if mapping(each).get("$patch") == "delete":
            gone.append(here)
        elif here is not None and isinstance(merged[here], dict):
            ours = f"{path}/{here}"
            _merge_map(resource, merged[here], each, ours, _moved(at, ours, there))
            if not path.endswith("ontainers"):  # what a patch says of a variable or a port is all there is to it
                resource.places[ours] = at(there)
        else:
            merged.append(_plain(each))
            resource.mark(f"{path}/{len(merged) - 1}", at(there))
    kept = [index for index in range(len(merged)) if index not in gone]
    if len(kept) < len(merged):
        resource.move_elements(path, lambda index: kept.index(index) if index in kept else None)
    return [merged[index] for index in kept]


def _moved(at: Callable[[str], str], ours: str, theirs: str) -> Callable[[str], str]:
    """Return `at` for an element that stands at another place in the patch than in the resource."""
    return lambda path: at(theirs + path[len(ours) :] if path.startswith(ours) else path)


def _place(base: Sequence[Any], each: Any, path: str) -> int | None:
    """Return where the element stands that a patch's element means."""
    wanted = mapping(each)
    keys = [key for key in _SAME[path.rpartition("/")[2]] if key in wanted]
    for index, one in enumerate(map(mapping, base)):
        same = keys and one.get(keys[0]) is not None and text(one[keys[0]]) == text(wanted[keys[0]])
        if same and (text(one.get("protocol")) or "TCP") == (text(wanted.get("protocol")) or "TCP"):
            return index
    return None


def _plain(value: Any) -> Any:
    """Return a value of a patch without its directives and without what it deletes."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if not key.startswith("$") and each is not None}
    if isinstance(value, list):
        return [_plain(each) for each in value if mapping(each).get("$patch") != "delete"]
    return value


def operate(resource: Resource, operations: Sequence[Any], at: Callable[[str], str]) -> None:
    """Apply the operations of a JSON Patch to a resource, in place.

    Raises:
        PatchFailed: an operation is malformed, leads nowhere, or its test fails.
    """
    for index, raw in enumerate(operations):
        operation = mapping(raw)
        name, path = text(operation.get("op")), text(operation.get("path"))
        if name not in _OPERATIONS or not path.startswith("/"):
            raise PatchFailed(f"operation {index} is no JSON Patch operation")
        _OPERATIONS[name](resource, operation, _parts(path), at(str(index)))


def _parts(pointer: str) -> list[str]:
    """Return the steps of a JSON pointer.

    >>> _parts("/metadata/annotations/a~1b")
    ['metadata', 'annotations', 'a/b']
    """
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _holder(resource: Resource, parts: Sequence[str]) -> Any:
    """Return what holds the value that a pointer means."""
    here: Any = resource.body
    for part in parts[:-1]:
        here = _step(here, part)
    return here


def _step(here: Any, part: str) -> Any:
    if isinstance(here, dict) and part in here:
        return here[part]
    if isinstance(here, list):
        return here[_index(here, part)]
    raise PatchFailed(f"there is no {part!r} where the patch looks for it")


def _index(held: Sequence[Any], part: str) -> int:
    if part.isdigit() and int(part) < len(held):
        return int(part)
    raise PatchFailed(f"the list has no element {part!r}")


def _put(resource: Resource, parts: Sequence[str], value: Any, where: str) -> None:
    """Add a value: a key of a mapping, or an element before another, or last (`-`)."""
    held, last = _holder(resource, parts), parts[-1]
    if isinstance(held, dict):
        held[last] = value
    elif isinstance(held, list):
        end = last == "-" or last == str(len(held))
        place = len(held) if end else _index(held, last)
        held.insert(place, value)
        resource.move_elements("/".join(parts[:-1]), lambda index: index + (index >= place))
        parts = [*parts[:-1], str(place)]
    else:
        raise PatchFailed(f"{'/'.join(parts)} is below a plain value")
    resource.mark("/".join(parts), where)


def _take(resource: Resource, parts: Sequence[str]) -> Any:
    """Remove a value and return it."""
    held, last = _holder(resource, parts), parts[-1]
    value = _step(held, last)
    if isinstance(held, list):
        gone = _index(held, last)
        held.pop(gone)
        resource.move_elements("/".join(parts[:-1]), lambda index: None if index == gone else index - (index > gone))
    else:
        del held[last]
    return value


def _found(resource: Resource, pointer: Any) -> Any:
    parts = _parts(text(pointer))
    return _step(_holder(resource, parts), parts[-1]) if parts else resource.body


def _add(resource: Resource, operation: Mapping[str, Any], parts: Sequence[str], where: str) -> None:
    _put(resource, parts, copy.deepcopy(operation.get("value")), where)


def _remove(resource: Resource, operation: Mapping[str, Any], parts: Sequence[str], where: str) -> None:
    _take(resource, parts)


def _replace(resource: Resource, operation: Mapping[str, Any], parts: Sequence[str], where: str) -> None:
    held, last = _holder(resource, parts), parts[-1]
    _step(held, last)
    held[_index(held, last) if isinstance(held, list) else last] = copy.deepcopy(operation.get("value"))
    resource.mark("/".join(parts), where)


def _move(resource: Resource, operation: Mapping[str, Any], parts: Sequence[str], where: str) -> None:
    source = _parts(text(operation.get("from")))
    if not source:
        raise PatchFailed("a move says from where")
    _put(resource, parts, _take(resource, source), where)


def _copy(resource: Resource, operation: Mapping[str, Any], parts: Sequence[str], where: str) -> None:
    value = _found(resource, operation.get("from"))
    if _too_much(value) or _too_much(resource.body):
        raise PatchFailed("the copies grow without end")
    _put(resource, parts, copy.deepcopy(value), where)


def _too_much(value: Any) -> bool:
    """Say whether a value nests deeper than `DEPTH` or holds more than `VALUES`."""
    count, waiting = 0, [(value, 0)]
    while waiting:
        here, depth = waiting.pop()
        count += 1
        if count > VALUES or depth > DEPTH:
            return True
        parts = here.values() if isinstance(here, dict) else here if isinstance(here, list) else ()
        waiting += [(each, depth + 1) for each in parts]
    return False


def _test(resource: Resource, operation: Mapping[str, Any], parts: Sequence[str], where: str) -> None:
    if _found(resource, operation.get("path")) != operation.get("value"):
        raise PatchFailed(f"the test of {'/'.join(parts)} fails")


_OPERATIONS: Mapping[str, Callable[[Resource, Mapping[str, Any], Sequence[str], str], None]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def operations_of(content: Any) -> Sequence[Any] | None:
    """Return the operations if the content of a patch is a JSON Patch; None for a strategic merge."""
    return sequence(content) if isinstance(content, list) else None
