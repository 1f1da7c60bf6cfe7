"""A resource on its way through a kustomization: its body, and where each part of it was written.

A patch changes a part of a manifest: what it sets is evidence at the patch's own line, the rest at the manifest's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from scanners.bounded import Document
from scanners.kubernetes.objects import Object, mapping, text

Known = TypeVar("Known", int, str)


@dataclass(frozen=True, slots=True)
class Layered(Document):
    """A document some parts of which were written elsewhere."""

    places: Mapping[str, str] = field(default_factory=dict)
    """Path of a value to the `file:line` that set it."""

    def at(self, path: str = "") -> str:
        """Return `file:line` of the value at that path, or of the nearest value above it."""
        while path:
            if path in self.places:
                return self.places[path]
            if path in self.lines:
                return f"{self.path}:{self.lines[path]}"
            path = path.rpartition("/")[0]
        line = self.lines.get("")
        return self.places.get("") or (f"{self.path}:{line}" if line else self.path)


@dataclass(slots=True)
class Resource:
    """An object that is being changed."""

    body: dict[str, Any]
    path: str
    """File that it was first written in."""
    lines: dict[str, int]
    places: dict[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    """Every name that it has had: patches and references may use any of them."""
    namespaces: frozenset[str] = frozenset()

    @classmethod
    def of(cls, each: Object) -> Resource:
        """Return a manifest as a resource of its own."""
        below = f"{each.path}/" if each.path else ""
        held = each.document.lines
        lines = {path.removeprefix(below): line for path, line in held.items() if path.startswith(below) and path}
        lines[""] = held.get(each.path, 1)
        names, namespaces = frozenset({each.name}), frozenset({each.namespace})
        return cls(copy.deepcopy(dict(each.body)), each.document.path, lines, {}, names, namespaces)

    def copy(self) -> Resource:
        """Return a resource that can be changed without changing this one."""
        return Resource(
            copy.deepcopy(self.body), self.path, dict(self.lines), dict(self.places), self.names, self.namespaces
        )

    @property
    def kind(self) -> str:
        """Its kind."""
        return text(self.body.get("kind"))

    @property
    def group(self) -> str:
        """Its API group; empty for the core group."""
        return text(self.body.get("apiVersion")).rpartition("/")[0]

    @property
    def meta(self) -> dict[str, Any]:
        """Its metadata, made when missing."""
        meta = self.body.get("metadata")
        if not isinstance(meta, dict):
            meta = self.body["metadata"] = {}
        return meta

    @property
    def name(self) -> str:
        """Its name now."""
        return text(self.meta.get("name"))

    @property
    def namespace(self) -> str:
        """Its namespace now."""
        return text(self.meta.get("namespace")) or "default"

    @property
    def labels(self) -> Mapping[str, Any]:
        """Its own labels."""
        return mapping(self.meta.get("labels"))

    def rename(self, name: str) -> None:
        """Give it another name; it still answers to the old one."""
        self.meta["name"] = name
        self.names |= {name}

    def move(self, namespace: str) -> None:
        """Put it into another namespace."""
        self.meta["namespace"] = namespace
        self.namespaces |= {namespace}

    def mark(self, path: str, where: str) -> None:
        """Say where the value at that path, and what is below it, was written."""
        self.forget(path)
        self.lines.pop(path, None)
        self.places[path] = where

    def forget(self, path: str) -> None:
        """Forget the lines below that path: its parts have moved."""
        below = f"{path}/"
        for known in (self.lines, self.places):
            for each in [one for one in known if one.startswith(below)]:
                del known[each]

    def move_elements(self, path: str, place: Callable[[int], int | None]) -> None:
        """Follow with the lines of a list's elements to where they stand now; None for one that is gone."""
        below = f"{path}/"
        self.lines = dict(_moved(self.lines, below, place))
        self.places = dict(_moved(self.places, below, place))

    def object(self) -> Object:
        """Return it as a manifest."""
        document = Layered(self.path, self.body, self.lines, self.places)
        return Object(self.kind, self.name, self.namespace, self.body, document)


def _moved(known: Mapping[str, Known], below: str, place: Callable[[int], int | None]) -> Iterator[tuple[str, Known]]:
    """Yield what is known of each path, the elements of one list at their new places."""
    for path, value in known.items():
        index, _, rest = path.removeprefix(below).partition("/")
        if not path.startswith(below) or not index.isdigit():
            yield path, value
        elif (new := place(int(index))) is not None:
            yield f"{below}{new}" + (f"/{rest}" if rest else ""), value
