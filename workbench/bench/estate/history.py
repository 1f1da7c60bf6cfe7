"""The git history of the running copy: many commits by several people before, and a commit for each release.

Written with dulwich, so that no git is needed. What `.gitignore` names is not committed.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DAY = 86400
PEOPLE = (
    "Ada Brook <ada@shop.example>",
    "Femi Okoro <femi@shop.example>",
    "Lena Vogt <lena@shop.example>",
    "Mateo Ruiz <mateo@shop.example>",
    "Priya Nair <priya@shop.example>",
)
"""Nobody who exists."""
ROBOT = "release-bot <release-bot@shop.example>"


@dataclass
class History:
    """The repository of an estate."""

    folder: Path

    def begin(self, versions: dict[str, str], seed: int) -> None:
        """Make the repository: a commit for each part of the tree, over the last three weeks, then a tag a service.

        Args:
            versions: service to version, for the tags.
            seed: decides who wrote what, and when.
        """
        from dulwich import porcelain

        porcelain.init(str(self.folder))
        dice = random.Random(seed)  # noqa: S311  # chance, no secret
        parts = self._parts()
        now = time.time()
        for place, (part, files) in enumerate(parts):
            age = (len(parts) - place) * 20 * DAY / len(parts) + dice.uniform(0.1, 0.5) * DAY
            words = f"Add {part}" if place else "Begin the shop"
            self._commit(files, dice.choice(PEOPLE), words, now - age)
        for name, version in versions.items():
            self._tag(f"{name}/v{version}", now - dice.uniform(0.2, 2.0) * DAY)

    def _parts(self) -> list[tuple[str, list[str]]]:
        """Return the tree by its first folders, files of the root first."""
        files = self._files()
        parts: dict[str, list[str]] = {"": [each for each in files if "/" not in each]}
        for each in files:
            if "/" in each:
                parts.setdefault(each.split("/", 1)[0], []).append(each)
        return [(name, held) for name, held in parts.items() if held]

    def _files(self) -> list[str]:
        from dulwich.ignore import IgnoreFilterManager
        from dulwich.repo import Repo

        with Repo(str(self.folder)) as repo:
            ignored = IgnoreFilterManager.from_repo(repo)
            found = []
            for path in sorted(self.folder.rglob("*")):
                name = path.relative_to(self.folder).as_posix()
                inside = name.startswith(".git/") or "node_modules" in name or "__pycache__" in name
                if path.is_file() and not path.is_symlink() and not inside and not ignored.is_ignored(name):
                    found.append(name)
        return found

    def commit(self, files: Sequence[Path], message: str, author: str = "", tag: str = "") -> str:
        """Commit files as they are now; return the sha.

        Args:
            files: paths in the repository; one that is gone is committed as removed.
            message: first line, and what else is to be said.
            author: `Name <mail>`; empty for the robot that releases.
            tag: a tag to set on it.
        """
        names = [path.relative_to(self.folder).as_posix() for path in files]
        sha = self._commit(names, author or ROBOT, message, time.time())
        if tag:
            self._tag(tag, time.time())
        return sha

    def apply(self, patch: Path, *, reverse: bool = False) -> list[Path]:
        """Apply a unified diff to the tree, or take it back; return the files that it names.

        Raises:
            dulwich.patch.PatchApplicationFailure: it does not fit.
        """
        from dulwich import porcelain

        content = patch.read_bytes()
        porcelain.apply_patch(str(self.folder), patch_file=str(patch), reverse=reverse)
        names = re.findall(rb"(?m)^(?:---|\+\+\+) [ab]/(\S+)", content)
        return [self.folder / name.decode() for name in dict.fromkeys(names)]

    def _commit(self, names: Sequence[str], author: str, message: str, at: float) -> str:
        from dulwich.repo import Repo

        with Repo(str(self.folder)) as repo:
            worktree: Any = repo.get_worktree()
            worktree.stage(list(names))
            who = author.encode()
            sha: bytes = worktree.commit(
                message=message.encode(), author=who, committer=who, author_timestamp=int(at),
                commit_timestamp=int(at), author_timezone=0, commit_timezone=0, sign=False, no_verify=True,
            )  # fmt: skip
        return sha.decode()

    def _tag(self, name: str, at: float) -> None:
        from dulwich import porcelain

        porcelain.tag_create(str(self.folder), name, message=name, author=ROBOT.encode(), annotated=True,
                             tag_time=int(at), tag_timezone=0, sign=False)  # fmt: skip
