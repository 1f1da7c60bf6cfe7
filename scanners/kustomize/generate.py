"""Config maps and secrets that a kustomization generates. Of a secret the names of its keys alone are kept.

A generated name keeps no hash: it is the name that the rest of the estate refers to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from scanners.bounded import Document
from scanners.kubernetes.objects import mapping, sequence, text
from scanners.kustomize.resource import Resource
from scanners.protocol import Problem

Read = Callable[[str], str | Problem]
"""Path as a kustomization writes it to the text of the file, or why it cannot be read."""


def generate(
    raw: Mapping[str, Any], kind: str, document: Document, path: str, read: Read
) -> tuple[Resource, tuple[Problem, ...]]:
    """Return a config map or a secret as a generator describes it, and what could not be read for it.

    Args:
        raw: an element of `configMapGenerator` or `secretGenerator`.
        kind: `ConfigMap` or `Secret`.
        document: the kustomization.
        path: where the element stands in it.
        read: reads the files that it names.
    """
    section = "data" if kind == "ConfigMap" else "stringData"
    data: dict[str, str] = {}
    places: dict[str, str] = {"": document.at(path)}
    problems: list[Problem] = []
    for key, value, where in _pairs(raw, document, path, read):
        if isinstance(value, Problem):
            problems.append(value)
        elif re.fullmatch(r"[\w.\-]+", key):
            data[key] = value if kind == "ConfigMap" else ""
            places[f"{section}/{key}"] = where
    meta = {"name": text(raw.get("name"))} | ({"namespace": raw["namespace"]} if text(raw.get("namespace")) else {})
    body = {"apiVersion": "v1", "kind": kind, "metadata": meta, section: data}
    names, namespaces = frozenset({meta["name"]}), frozenset({text(meta.get("namespace")) or "default"})
    return Resource(body, document.path, {}, places, names, namespaces), tuple(problems)


def _pairs(
    raw: Mapping[str, Any], document: Document, path: str, read: Read
) -> Iterator[tuple[str, str | Problem, str]]:
    """Yield key, value and where each stands, of files, env files and literals."""
    for index, name in enumerate(map(text, sequence(raw.get("files")))):
        key, sign, file = name.partition("=")
        file = file if sign else key
        yield (key if sign else PurePosixPath(file).name), read(file), document.at(f"{path}/files/{index}")
    envs = [("env", text(raw.get("env"))), *((f"envs/{n}", text(e)) for n, e in enumerate(sequence(raw.get("envs"))))]
    for below, file in envs:
        if file:
            yield from _env_file(file, read, document.at(f"{path}/{below}"))
    for index, literal in enumerate(map(text, sequence(raw.get("literals")))):
        key, _, value = literal.partition("=")
        yield key, value.strip("\"'"), document.at(f"{path}/literals/{index}")


def _env_file(file: str, read: Read, where: str) -> Iterator[tuple[str, str | Problem, str]]:
    """Yield the lines of an env file; a name without a value takes it from who builds, and is left out."""
    content = read(file)
    if isinstance(content, Problem):
        yield "file", content, where
        return
    for line in content.splitlines():
        key, sign, value = line.strip().partition("=")
        if sign and not key.startswith("#"):
            yield key, value, where


def lay(held: Resource, new: Resource, behaviour: str) -> None:
    """Merge a generated config map into one that is there, or replace what it holds."""
    for section in ("data", "stringData"):
        if section in new.body:
            old = {} if behaviour == "replace" else mapping(held.body.get(section))
            held.body[section] = {**old, **new.body[section]}
    for path, where in new.places.items():
        if path:
            held.mark(path, where)
