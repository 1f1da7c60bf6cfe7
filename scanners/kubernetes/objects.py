"""Kubernetes manifests as what they are: kind, name, namespace, and where each part was declared. Pure.

In: documents as parsed, or what an API lists. Out: frozen values. What is no manifest is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanners.bounded import Document


@dataclass(frozen=True, slots=True)
class Object:
    """A manifest: what it is, and its document from some path on."""

    kind: str
    name: str
    namespace: str
    body: Mapping[str, Any]
    document: Document
    path: str = ""
    """Path of this object in its document: objects in a `List` stand below it."""

    def at(self, path: str = "") -> str:
        """Return `file:line` of a path in this object."""
        return self.document.at("/".join(part for part in (self.path, path) if part))

    @property
    def key(self) -> tuple[str, str, str]:
        """Namespace, kind and name."""
        return self.namespace, self.kind, self.name

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of the object itself."""
        return texts(mapping(self.body.get("metadata")).get("labels"))

    @property
    def spec(self) -> Mapping[str, Any]:
        """What is wanted."""
        return mapping(self.body.get("spec"))

    @property
    def status(self) -> Mapping[str, Any]:
        """How it is; empty in a manifest."""
        return mapping(self.body.get("status"))

    @property
    def owner(self) -> tuple[str, str, str] | None:
        """Key of the workload that controls it; a node, which owns its static pods, is none."""
        for each in map(mapping, sequence(mapping(self.body.get("metadata")).get("ownerReferences"))):
            if each.get("controller") is True and text(each.get("kind")) != "Node" and text(each.get("name")):
                return self.namespace, text(each.get("kind")), text(each["name"])
        return None


def objects(documents: Iterable[Document], namespace: str = "default") -> tuple[Object, ...]:
    """Return the manifests in the documents, the first of each name; those in a `List` too.

    Args:
        documents: what was parsed.
        namespace: of a manifest that names none.
    """
    found: dict[tuple[str, str, str], Object] = {}
    for document in documents:
        for each in _objects(document.content, document, "", namespace):
            found.setdefault(each.key, each)
    return tuple(found.values())


def _objects(body: Any, document: Document, path: str, namespace: str) -> Iterator[Object]:
    body = mapping(body)
    kind, meta = body.get("kind"), mapping(body.get("metadata"))
    if not isinstance(kind, str) or not body.get("apiVersion"):
        return
    if kind.endswith("List") and isinstance(body.get("items"), list):
        for index, item in enumerate(body["items"]):
            yield from _objects(item, document, f"items/{index}", namespace)
    elif text(meta.get("name")):
        yield Object(kind, text(meta["name"]), text(meta.get("namespace")) or namespace, body, document, path)


def mapping(raw: Any) -> Mapping[str, Any]:
    """Return a mapping, empty for anything else."""
    return raw if isinstance(raw, dict) else {}


def sequence(raw: Any) -> Sequence[Any]:
    """Return a list, empty for anything else."""
    return raw if isinstance(raw, list) else []


def text(raw: Any) -> str:
    """Return a scalar as text, empty for anything else."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw) if isinstance(raw, str | int | float) else ""


def texts(raw: Any) -> dict[str, str]:
    """Return a mapping of scalars as text."""
    return {str(key): text(value) for key, value in mapping(raw).items()}


def number(raw: Any) -> int | None:
    """Return a whole number, or None."""
    return int(raw) if isinstance(raw, int) or (isinstance(raw, str) and raw.isdigit()) else None
