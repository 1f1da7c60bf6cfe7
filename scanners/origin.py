"""Where a file comes from: its repository and its path there, so that every scanner mints the same IRI for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ontology import iris
from ontology.nouns import Iri

_REMOTE = re.compile(r"^\s*url\s*=\s*(?:[a-z+]+://)?(?:[^@/\s]+@)?(?P<where>\S+?)(?:\.git)?/?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Origin:
    """A repository, and the folder of it that is scanned."""

    repository: str
    """`github.com/org/shop`, or the folder's name where there is no remote."""
    prefix: str = ""
    """Path of the scanned folder in the repository; empty for its root."""

    def path(self, relative: str) -> str:
        """Return the path in the repository of a path below the scanned folder; empty when it leads out of it."""
        parts: list[str] = []
        for part in PurePosixPath(self.prefix, relative).parts:
            if part == ".." and not parts:
                return ""
            if part == "..":
                parts.pop()
            else:
                parts.append(part)
        return "/".join(parts)

    def file(self, relative: str) -> Iri:
        """Return the IRI of a file below the scanned folder."""
        return iris.thing("file", self.repository, self.path(relative))

    @property
    def iri(self) -> Iri:
        """The IRI of the repository."""
        return iris.thing("repository", self.repository)

    @property
    def name(self) -> str:
        """What people call the repository."""
        return self.repository.rsplit("/", 1)[-1]


def origin(target: Path) -> Origin:
    """Return where a folder or file comes from, by the nearest `.git` above it; reads one small file."""
    base = target.resolve()
    base = base if base.is_dir() else base.parent
    for root in (base, *base.parents):
        config = root / ".git" / "config"
        if config.is_file():
            remote = _REMOTE.search(config.read_text(errors="replace"))
            where = remote["where"].replace(":", "/", 1).lower() if remote else root.name
            relative = base.relative_to(root).as_posix()
            return Origin(where, "" if relative == "." else relative)
    return Origin(base.name)


def scope_of(target: Path) -> str:
    """Return the name of a scope: the last two parts of the path, enough to tell apart two folders called `deploy`."""
    return "/".join(target.resolve().parts[-2:]).lstrip("/")
