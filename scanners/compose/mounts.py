"""Which Compose service mounts which folder: a flag file or a dashboard belongs to who has it in its container."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ontology import iris, terms
from ontology.errors import PersonError
from ontology.nouns import Iri
from scanners import bounded
from scanners.compose.files import COMPOSE_FILES, projects, read_env
from scanners.compose.scanner import ComposeScanner
from scanners.documents import rows, text
from scanners.protocol import Now, Problem, Redact
from scanners.references import expand

_SHORT = re.compile(r"^(?P<source>(?:\.{1,2}|~)?/[^:]*|\.{1,2})(?::|$)")


@dataclass(frozen=True, slots=True)
class Mount:
    """A path of the scanned folder that a container sees."""

    workload: Iri
    label: str
    service: Iri
    name: str
    path: str
    """Relative to the scanned folder."""
    evidence: str

    def holds(self, path: str) -> bool:
        """Say whether a file is the mounted one, or lies below the mounted folder."""
        return path == self.path or path.startswith(f"{self.path}/") or self.path == "."


def mounts(target: Path, environment: str, redact: Redact, now: Now) -> tuple[Mount, ...]:
    """Return what the Compose services in a folder mount from it; none where there is no Compose file."""
    if not target.is_dir():
        return ()
    folders = {path.parent for path in bounded.files(target, *COMPOSE_FILES)}
    return tuple(mount for folder in sorted(folders) for mount in _folder(folder, target, environment, redact, now))


def holding(path: str, every: Iterable[Mount]) -> Iterator[Mount]:
    """Yield the mounts that hold a file, each workload once."""
    seen: set[Iri] = set()
    for each in every:
        if each.holds(path) and each.workload not in seen:
            seen.add(each.workload)
            yield each


def _folder(folder: Path, target: Path, environment: str, redact: Redact, now: Now) -> Iterator[Mount]:
    """Yield the mounts of one Compose project."""
    try:
        scan = ComposeScanner(folder, environment, redact, now).scan()
        paths = projects(folder)[0].chosen
    except PersonError:  # the Compose scanner says it; here it only means that nothing is known of mounts
        return
    labels = {fact.subject: str(fact.object) for fact in scan.facts if fact.predicate == terms.LABEL}
    services = {fact.subject: fact.object for fact in scan.facts if fact.predicate == terms.IMPLEMENTS}
    project = next((labels[fact.subject] for fact in scan.facts
                    if fact.object == terms.class_iri(terms.Kind.COMPOSE_PROJECT)), "")  # fmt: skip
    variables = read_env(folder / ".env")
    with bounded.Parser() as parser:
        for path in paths:
            found = parser.read(path, target)
            for document in () if isinstance(found, Problem) else found:
                for name, source, where in _volumes(document):
                    workload = iris.thing("workload", environment, project, "compose", name)
                    service = services.get(workload)
                    inside = _relative(folder, expand(source, variables), target)
                    if isinstance(service, Iri) and inside:
                        yield Mount(workload, labels[workload], service, labels[service], inside, where)


def _volumes(document: bounded.Document) -> Iterator[tuple[str, str, str]]:
    """Yield service, host path and place of each bind mount of a Compose file."""
    content = document.content
    services = content.get("services") if isinstance(content, dict) else None
    for name, service in services.items() if isinstance(services, dict) else ():
        volumes = service.get("volumes") if isinstance(service, dict) else None
        for index, volume in enumerate(volumes if isinstance(volumes, list) else []):
            where = document.at(f"services/{name}/volumes/{index}")
            source = _source(volume)
            if source:
                yield str(name), source, where


def _source(volume: Any) -> str:
    """Return the host path of a volume, short or long; empty for a named one."""
    if isinstance(volume, str):
        match = _SHORT.match(volume) or re.match(r"^(?P<source>\$\{[^}]*\}[^:]*|\$\w+[^:]*):", volume)
        return match["source"] if match else ""
    long: Mapping[str, Any] = rows([volume])[0] if rows([volume]) else {}
    return text(long.get("source")) if long.get("type") == "bind" else ""


def _relative(folder: Path, source: str, target: Path) -> str:
    """Return the path relative to the target; empty for one outside of it."""
    found = (folder / source).resolve()
    base = target.resolve()
    return PurePosixPath(found.relative_to(base)).as_posix() if found.is_relative_to(base) else ""
