"""Which Compose files of a folder make up an estate, and what `.env` files say.

The base file, the overlays by name, `compose.override` last. Overlays that are not part of a running estate by their
name (tests, profiling) are left out. A folder without a Compose file stands for the folders right below it that have
one: each is a project of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ontology.errors import NotFound
from scanners import bounded
from scanners.protocol import Problem
from scanners.references import expand

COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""Names of the base file, the first that is there."""
_OVERLAY = re.compile(r"^(?:docker-)?compose[.\-_](?P<purpose>[\w.\-]+)\.ya?ml$")
_NOT_RUNNING = re.compile(
    r"(^|[._\-])(tests?|testing|e2e|ci|cypress|profil(e|er|ing)|debug|bench(mark)?|lint)([._\-]|$)"
)


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one project, in the order they are merged, and those left out."""

    folder: Path
    chosen: tuple[Path, ...]
    skipped: tuple[Problem, ...] = ()


def not_running(purpose: str) -> bool:
    """Say whether what is called so is no part of a running estate: an overlay for tests, a profile for debugging.

    >>> not_running("tests"), not_running("prod"), not_running("ci.debug")
    (True, False, True)
    """
    return bool(_NOT_RUNNING.search(purpose))


def projects(target: Path) -> tuple[Files, ...]:
    """Return the projects of a folder: its own, or those of the folders right below it.

    Raises:
        NotFound: there is none.
    """
    if target.is_file():
        return (Files(target.parent, (target,)),)
    folders = (target, *(each for each in sorted(target.iterdir()) if _may_be_a_project(each)))
    found = {folder: files for folder in folders for files in _files(folder, target)}
    if target in found:
        return (found[target],)
    if found:
        return tuple(found.values())
    below = sorted({path.parent.relative_to(target).as_posix() for path in bounded.files(target, *COMPOSE_FILES)})
    hint = f"Scan one of: {', '.join(below[:5])}." if below else "Name a folder that holds a compose.yaml."
    raise NotFound(f"There is no Compose file in {target}.", next_step=hint)


def _may_be_a_project(folder: Path) -> bool:
    """Say whether a folder is one to look into: no link, not hidden, not for tests."""
    plain = not folder.is_symlink() and not folder.name.startswith(".")
    return plain and folder.is_dir() and not not_running(folder.name)


def _files(folder: Path, target: Path) -> Iterator[Files]:
    """Yield the files of the project in a folder, if there is one."""
    try:
        present = {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}
    except PermissionError:
        return
    base = [present[name] for name in COMPOSE_FILES if name in present][:1]
    overlays = [(match["purpose"], path) for name, path in present.items() if (match := _OVERLAY.match(name))]
    running = [(purpose, path) for purpose, path in overlays if not base or not not_running(purpose)]
    running.sort(key=lambda pair: (pair[0] == "override", pair[0]))
    chosen = (*base, *(path for _, path in running))
    skipped = tuple(
        Problem(bounded.shown(path, target), f"an overlay for {purpose}, not part of the running estate")
        for purpose, path in overlays
        if path not in chosen
    )
    if chosen:
        yield Files(folder, chosen, skipped)


def read_env(path: Path) -> dict[str, str]:
    """Return the settings of a `.env` file; a missing file has none."""
    return {name: value for name, value, _ in env_lines(path)}


def env_lines(path: Path) -> Iterator[tuple[str, str, int]]:
    """Yield name, value and line of each setting of a `.env` file, earlier ones filled into later ones."""
    text = bounded.text_of(path, path.name) if path.is_file() else ""
    found: dict[str, str] = {}
    for number, line in enumerate(("" if isinstance(text, Problem) else text).splitlines(), start=1):
        match = re.match(r"^\s*(?:export\s+)?([A-Za-z_][\w.\-]*)\s*=\s*(.*?)\s*$", line)
        if match is None:
            continue
        name, value = match.groups()
        quote = value[:1]
        if quote in ("'", '"') and quote in value[1:]:
            value = value[1 : value.index(quote, 1)]
        else:
            value = re.split(r"(?:^|\s+)#", value, maxsplit=1)[0]
        found[name] = value if quote == "'" else expand(value, found)
        yield name, found[name], number
