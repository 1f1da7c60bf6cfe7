"""Who answers for a path: CODEOWNERS, read from the state of a repository. Pure.

An owner that is an e-mail address is left out: addresses of people do not belong in a graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scanners.references import LIKELY, SURE

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Where it may lie; the first that is there counts, as GitHub and GitLab do it."""
_MOST = 0.8
"""Share of a folder's files that an owner must have to answer for the folder."""


@dataclass(frozen=True, slots=True)
class Handle:
    """A team or a person, as CODEOWNERS names them."""

    name: str
    """`payments` of `@acme/payments`."""
    written: str
    team: bool


@dataclass(frozen=True, slots=True)
class Owners:
    """A CODEOWNERS file."""

    path: str
    rules: Any
    """A `codeowners.CodeOwners`."""

    def of(self, path: str) -> tuple[tuple[Handle, ...], str]:
        """Return who owns a file, and the place that says so; nobody where no line fits."""
        found, line, _, _ = self.rules.matching_line(path)
        handles = [_handle(kind, written) for kind, written in found if kind != "EMAIL"]
        return tuple(handles), f"{self.path}:{line}" if line else self.path

    def of_folder(self, folder: str, files: Iterable[str]) -> tuple[tuple[Handle, ...], str, float]:
        """Return who owns a folder: all of its files (0.9), or by far the most (0.7); else nobody."""
        below = [path for path in files if path.startswith(f"{folder}/")]
        counts = Counter(self.of(path) for path in below)
        if not counts:
            return (), "", 0.0
        by_owner: Counter[tuple[Handle, ...]] = Counter()
        for (handles, _), count in counts.items():
            by_owner[handles] += count
        handles, most = by_owner.most_common(1)[0]
        where = next(where for (known, where), _ in counts.most_common() if known == handles)
        sure = SURE if most == len(below) else LIKELY if most >= _MOST * len(below) else 0.0
        return (handles, where, sure) if sure and handles else ((), "", 0.0)


def code_owners(texts: Mapping[str, str]) -> Owners | None:
    """Return the CODEOWNERS file that counts, given the texts of those that are there.

    Raises:
        ValueError: a pattern in it is broken.
    """
    from codeowners import CodeOwners

    path = next((place for place in PLACES if place in texts), "")
    return Owners(path, CodeOwners(texts[path])) if path else None


def _handle(kind: str, written: str) -> Handle:
    """Return an owner by its name."""
    return Handle(written.rpartition("/")[2].lstrip("@").lower(), written, kind == "TEAM")
