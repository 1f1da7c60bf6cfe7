"""What a patch of a kustomization is meant for: the resource that it names, or all that its target fits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scanners.bounded import Document
from scanners.kubernetes.objects import mapping, text
from scanners.kustomize.patch import PatchFailed, merge, operate, operations_of
from scanners.kustomize.resource import Resource


def apply(resources: list[Resource], patch: Document, target: Mapping[str, Any]) -> None:
    """Apply one patch to what it means, in place.

    Raises:
        PatchFailed: it fits nothing, or does not fit.
    """
    operations, body = operations_of(patch.content), mapping(patch.content)
    goals = [each for each in resources if (_targeted(each, target) if target else _meant(each, body))]
    if not goals and not target:
        name = text(mapping(body.get("metadata")).get("name"))
        raise PatchFailed(f"a patch of {text(body.get('kind'))} {name} finds nothing of that name")
    for each in goals:
        if operations is not None:
            operate(each, operations, patch.at)
        elif not merge(each, body, patch.at):
            resources.remove(each)


def _meant(each: Resource, patch: Mapping[str, Any]) -> bool:
    """Say whether a patch names this resource, by any name that it has had."""
    meta = mapping(patch.get("metadata"))
    namespace = text(meta.get("namespace"))
    return (
        each.kind == text(patch.get("kind"))
        and each.group == text(patch.get("apiVersion")).rpartition("/")[0]
        and text(meta.get("name")) in each.names
        and (not namespace or namespace in each.namespaces)
    )


def _targeted(each: Resource, target: Mapping[str, Any]) -> bool:
    """Say whether a target's patterns and selectors fit this resource."""
    facts = (
        ("kind", {each.kind}),
        ("group", {each.group}),
        ("name", each.names),
        ("namespace", each.namespaces),
    )
    fits = all(
        any(_pattern(text(target[key])).fullmatch(value) for value in values)
        for key, values in facts
        if text(target.get(key))
    )
    pairs = (
        (target.get("labelSelector"), each.labels),
        (target.get("annotationSelector"), each.meta.get("annotations")),
    )
    return fits and all(_selected(text(said), mapping(held)) for said, held in pairs)


def _pattern(written: str) -> re.Pattern[str]:
    """Return a target's pattern.

    Raises:
        PatchFailed: it is none, or one that could take very long.
    """
    if len(written) > 300 or len(re.findall(r"[*+{]", written)) > 3 or re.search(r"\)[*+?{]", written):
        raise PatchFailed("the pattern of a patch's target is too much")
    try:
        return re.compile(written)
    except re.error as error:
        raise PatchFailed(f"the pattern of a patch's target is broken: {error}") from error


def _selected(selector: str, held: Mapping[str, Any]) -> bool:
    """Say whether labels fit a selector as it is written on a line.

    >>> _selected("app=cart,tier!=front,beta", {"app": "cart", "beta": "1"})
    True
    """
    for part in filter(None, map(str.strip, selector.split(","))):
        key, sign, value = (word.strip() for word in re.fullmatch(r"([^=!]*)(!?=?=?)(.*)", part).groups())  # type: ignore[union-attr]  # it fits any text
        if sign == "!":
            key, sign, value = value, "absent", ""
        said = text(held.get(key)) if key in held else None
        if (sign in ("=", "==") and said != value) or (sign == "!=" and said == value):
            return False
        if (sign == "" and said is None) or (sign == "absent" and said is not None):
            return False
    return True
