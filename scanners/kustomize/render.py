"""Kustomizations, rendered here: what an overlay makes of its bases. No program is run and nothing is fetched.

Covered: `resources` (files, folders, `bases`), `components`, `namespace`, `namePrefix`, `nameSuffix`, `labels`,
`commonLabels`, `commonAnnotations`, `images`, `replicas`, `patches`, `patchesStrategicMerge`, `patchesJson6902`,
`configMapGenerator`, `secretGenerator` (names of keys only). Not covered, and said so of each file that uses it:
remote resources, Helm charts, `replacements`, `vars`, plug-ins (`generators`, `transformers`, `validators`), changes of
the field lists (`configurations`, `crds`, `openapi`). Generated names carry no hash. Lists in a patch of a kind that is
not Kubernetes' own are replaced, not merged.

What is rendered: each kustomization that no other one in the scanned folder includes. A base alone is not deployed when
an overlay includes it; a component that nobody includes is left out.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from scanners import bounded
from scanners.bounded import Document
from scanners.kubernetes.objects import Object, mapping, objects, sequence, text
from scanners.kustomize.change import change, finish
from scanners.kustomize.generate import generate, lay
from scanners.kustomize.patch import PatchFailed
from scanners.kustomize.resource import Layered, Resource
from scanners.kustomize.target import apply
from scanners.protocol import Problem

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
DEPTH = 50
"""Levels of bases below an overlay."""
RESOURCES = 20_000
"""Resources that all kustomizations of a scan may come to, bases counted each time they are included."""
_UNCOVERED = (
    *("replacements", "vars", "helmCharts", "helmChartInflationGenerator", "generators", "transformers"),
    *("validators", "configurations", "crds", "openapi"),
)
_REMOTE = re.compile(
    r"^[a-z+]+://|^[\w.\-]+@[\w.\-]+:|^(?:[\w\-]+\.)+[a-z]{2,}/|\?(?:.*&)?(?:ref|version)=|\.git(?:$|[/?])"
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A kustomization that nothing includes, and what it comes to."""

    folder: str
    """Relative to the scanned folder; `.` for itself."""
    objects: tuple[Object, ...]


@dataclass(slots=True)
class Renderer:
    """Renders the kustomizations of a folder.

    `documents` holds what the scan has parsed, by path; a file that is not among them is read when it is named.
    """

    root: Path
    parser: bounded.Parser
    documents: dict[str, tuple[Document, ...] | Problem]
    problems: list[Problem] = field(default_factory=list)
    skipped: list[Problem] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    """Files that a kustomization named: they are not deployed by themselves."""
    _done: dict[str, list[Resource]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _count: int = 0

    def roots(self) -> tuple[Rendered, ...]:
        """Render what no other kustomization includes; a circle has no root, and is rendered to say so."""
        files = {posixpath.dirname(path) or ".": path for path in self.documents if PurePosixPath(path).name in NAMES}
        self.used |= set(files.values())
        included = {below for folder in files for below in self._included(folder)}
        found = []
        for folder in sorted(files, key=lambda each: (each in included, each)):
            body = self._kustomization(folder)
            if body is None or folder in self._seen:
                continue
            if text(mapping(body.content).get("kind")) == "Component":
                if folder not in included:
                    self.skipped.append(Problem(body.path, "a component that nothing includes"))
                continue
            made = [each.object() for each in self._render(folder, ())]
            found.append(Rendered(folder, tuple(each for each in made if each.kind and each.name)))
        return tuple(found)

    def _kustomization(self, folder: str) -> Document | None:
        """Return the kustomization of a folder, if it has one that can be read."""
        for name in NAMES:
            found = self._documents(posixpath.normpath(posixpath.join(folder, name)))
            if found is not None and not isinstance(found, Problem):
                return next((each for each in found if isinstance(each.content, dict)), None)
        return None

    def _documents(self, path: str) -> tuple[Document, ...] | Problem | None:
        """Return what a file holds; None where there is no such file."""
        if path not in self.documents:
            if not self._inside(path) or not (self.root / path).is_file():
                return None
            self.documents[path] = self.parser.read(self.root / path, self.root)
            self._tell(self.documents[path])
        return self.documents[path]

    def _tell(self, found: object) -> None:
        if isinstance(found, Problem):
            self.problems.append(found)

    def _inside(self, path: str) -> bool:
        """Say whether a path is one that a file system takes, and stays in the scanned folder."""
        sound = "\0" not in path and all(len(part) < 256 for part in path.split("/"))
        return sound and (self.root / path).resolve().is_relative_to(self.root.resolve())

    def _included(self, folder: str) -> Iterator[str]:
        """Yield the folders whose kustomizations this one includes."""
        document = self._kustomization(folder)
        body = mapping(document.content) if document else {}
        for key in ("resources", "bases", "components"):
            for name in map(text, sequence(body.get(key))):
                yield posixpath.normpath(posixpath.join(folder, name))

    def _render(self, folder: str, above: tuple[str, ...], onto: Sequence[Resource] | None = None) -> list[Resource]:
        """Return what a kustomization comes to; a component works on the resources of who includes it (`onto`)."""
        if onto is None and folder in self._done:
            return self._counted([each.copy() for each in self._done[folder]], folder)
        document = self._kustomization(folder)
        if document is None:
            return list(onto or ())
        self._seen.add(folder)
        self.used.add(document.path)
        body = mapping(document.content)
        for key in _UNCOVERED:
            if body.get(key):
                self.skipped.append(Problem(document.at(key), f"`{key}` of a kustomization is not rendered here"))
        resources = list(onto or ())
        self._gather(resources, folder, document, (*above, folder))
        self._generate(resources, folder, document)
        for index, name in enumerate(map(text, sequence(body.get("components")))):
            where = document.at(f"components/{index}")
            below = self._folder(folder, name, where, (*above, folder))
            resources = resources if below is None else self._render(below, (*above, folder), resources)
        self._transform(resources, folder, document)
        if onto is None:
            self._done[folder] = [each.copy() for each in resources]
        return self._counted(resources, folder)

    def _counted(self, resources: list[Resource], folder: str) -> list[Resource]:
        """Return the resources as long as they are not too many."""
        self._count += len(resources)
        if self._count <= RESOURCES:
            return resources
        self.problems.append(Problem(folder, f"the kustomizations come to more than {RESOURCES:,} resources"))
        return []

    def _folder(self, folder: str, name: str, where: str, above: tuple[str, ...]) -> str | None:
        """Return the folder of another kustomization that one names, or None with the reason told."""
        below = posixpath.normpath(posixpath.join(folder, name))
        reason = ""
        if _REMOTE.search(name) and self._kustomization(below) is None:
            self.skipped.append(Problem(where, f"{name} is remote, and nothing is fetched"))
            return None
        if not self._inside(below):
            reason = f"{name} leads out of the scanned folder: scan a folder above"
        elif below in above:
            reason = f"{name} includes itself in a circle"
        elif len(above) > DEPTH:
            reason = f"bases nest deeper than {DEPTH} levels"
        elif self._kustomization(below) is None:
            reason = f"{name} is no kustomization that can be read"
        if reason:
            self.problems.append(Problem(where, reason))
        return None if reason else below

    def _gather(self, resources: list[Resource], folder: str, document: Document, above: tuple[str, ...]) -> None:
        """Add the resources that a kustomization names."""
        known = {_identity(each) for each in resources}
        for key in ("resources", "bases"):
            for index, name in enumerate(map(text, sequence(mapping(document.content).get(key)))):
                for each in self._resource(folder, name, document.at(f"{key}/{index}"), above):
                    if _identity(each) in known:
                        reason = f"{name} brings {each.kind} {each.name} a second time"
                        self.problems.append(Problem(document.at(f"{key}/{index}"), reason))
                    else:
                        known.add(_identity(each))
                        resources.append(each)

    def _resource(self, folder: str, name: str, where: str, above: tuple[str, ...]) -> list[Resource]:
        """Return what one entry of `resources` stands for."""
        path = posixpath.normpath(posixpath.join(folder, name))
        if self._inside(path) and (self.root / path).is_file():
            self.used.add(path)
            found = self._documents(path)
            return [] if isinstance(found, Problem) or not found else [Resource.of(each) for each in objects(found)]
        below = self._folder(folder, name, where, above)
        return [] if below is None else self._render(below, above)

    def _generate(self, resources: list[Resource], folder: str, document: Document) -> None:
        """Add the config maps and secrets that a kustomization generates."""
        for key, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
            for index, raw in enumerate(map(mapping, sequence(mapping(document.content).get(key)))):
                if not text(raw.get("name")):
                    continue
                made, wrong = generate(raw, kind, document, f"{key}/{index}", self._reader(folder, document, key))
                self.problems += wrong
                held = next((each for each in resources if each.kind == kind and made.name in each.names), None)
                if held is not None and text(raw.get("behavior")) in ("merge", "replace"):
                    lay(held, made, text(raw["behavior"]))
                elif held is None:
                    resources.append(made)

    def _reader(self, folder: str, document: Document, key: str) -> Callable[[str], str | Problem]:
        """Return a reader of the files that a generator names."""

        def read(name: str) -> str | Problem:
            path = posixpath.normpath(posixpath.join(folder, name))
            if not self._inside(path):
                return Problem(document.at(key), f"{name} leads out of the scanned folder: scan a folder above")
            self.used.add(path)
            return bounded.text_of(self.root / path, path)

        return read

    def _transform(self, resources: list[Resource], folder: str, document: Document) -> None:
        """Patch and change the resources, in kustomize's order."""
        body = mapping(document.content)
        for key in ("patchesStrategicMerge", "patches"):
            self._patch_all(resources, folder, document, key)
        change(resources, body, document.at)
        self._patch_all(resources, folder, document, "patchesJson6902")
        finish(resources, body, document.at)

    def _patch_all(self, resources: list[Resource], folder: str, document: Document, key: str) -> None:
        for index, raw in enumerate(sequence(mapping(document.content).get(key))):
            where = document.at(f"{key}/{index}")
            target = mapping(mapping(raw).get("target"))
            for patch in self._patches(folder, document, f"{key}/{index}", raw):
                try:
                    apply(resources, patch, target)
                except PatchFailed as error:
                    self.problems.append(Problem(where, str(error)))

    def _patches(self, folder: str, document: Document, path: str, raw: Any) -> tuple[Document, ...]:
        """Return the documents of a patch: of a file, or written into the kustomization."""
        entry = mapping(raw)
        written = text(entry.get("patch")) if entry else text(raw) if "\n" in text(raw) else ""
        if written:
            found: object = self.parser.parse(written, document.path)
            self._tell(found)
            place = document.at(f"{path}/patch")
            inline = found if isinstance(found, tuple) else ()
            return tuple(Layered(each.path, each.content, {}, {"": place}) for each in inline)
        name = text(entry.get("path")) if entry else text(raw)
        file = posixpath.normpath(posixpath.join(folder, name))
        held = self._documents(file) if name and self._inside(file) else None
        self.used.add(file)
        if held is None:
            self.problems.append(Problem(document.at(path), f"there is no patch {name!r} in the scanned folder"))
        return held if isinstance(held, tuple) else ()


def _identity(each: Resource) -> tuple[str, str, str, str]:
    return each.group, each.kind, each.namespace, each.name
