"""git: the commits of a checkout that touched a service's folder, and its release tags, as changes.

    GitChanges(Path("~/src/shop")).ask(Question(Modality.CHANGES, window, about=(payment,)))

Read with dulwich through the same code as the git scanner; nothing of the repository is run. A commit is about the
services that Compose files say are built from the folders that it touched, or that a folder's name says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from ontology.errors import NotFound
from scanners.changes.git_history import COMMITS, DAYS, Commit, History, Tag, history, root_of
from scanners.origin import origin
from scanners.protocol import clock
from scanners.secrecy import without_secrets
from scanners.source.ownership import Owner, owner_of, owners_below
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.live_source import LiveSource, Row, names_of, replied

FILES = 20
"""Files of a commit that are named."""
_PLACE = re.compile(r"(?:^|/)(?:src|services?|apps?|packages|cmd|charts|deploy|overlays|manifests)/([\w.-]+)/")
"""Folders whose folders are called like services."""
_DEPLOY = re.compile(r"^deploy")


class GitChanges(LiveSource):
    """Answers questions on changes from a local repository."""

    modality: ClassVar[Modality] = Modality.CHANGES

    def __init__(self, folder: Path | str) -> None:
        """Bind to a checkout; nothing is read before the first question.

        Args:
            folder: the checkout, or a folder in it.
        """
        self._folder = Path(folder).expanduser()
        self.name = f"git {self._folder.name}"

    def reply(self, question: Question) -> Reply:
        """Return commits and tags."""
        if not self._folder.exists():  # the repository that its parent lies in is not what was meant
            raise NotFound(f"There is no folder {self._folder}.", next_step="Correct git_folders in the settings.")
        root = root_of(self._folder)
        found = history(root, COMMITS, DAYS)
        owners = owners_below(root, "default", without_secrets, clock)
        repository = origin(root).repository.rsplit("/", 1)[-1]
        names = names_of(question)
        rows = [row for each in found.commits for row in _commit(each, owners, repository, names)]
        rows += [row for each in found.tags for row in _tag(each, repository, names)]
        query = f"git -C {root} log --since={question.window.start:%FT%TZ} --until={question.window.end:%FT%TZ} --stat"
        return replied(rows, question, searched=f"git of {root.name}", query=query, remark=_remark(found, question))


def _commit(commit: Commit, owners: dict[str, Owner], repository: str, names: frozenset[str]) -> Iterator[Row]:
    """Yield a commit for each service whose files it touched; for the repository where it touched none."""
    touched: dict[str, list[str]] = {}
    for path in commit.files:
        for name in _services(path, owners, names):
            touched.setdefault(name, []).append(path)
    for name, paths in (touched or {repository: list(commit.files)}).items():
        rest = f"\nand {len(paths) - FILES} more" if len(paths) > FILES else ""
        said = f"{commit.subject} ({commit.author})"
        yield commit.time, name, "commit", said, commit.sha[:10], "\n".join(paths[:FILES]) + rest


def _services(path: str, owners: dict[str, Owner], names: frozenset[str]) -> frozenset[str]:
    """Return the services that a file belongs to: by Compose, by what was asked about, by the name of its folder."""
    if owner := owner_of(path, owners):
        return frozenset({owner.name})
    asked = names & set(path.split("/")[:-1])
    place = _PLACE.search(path)
    return asked or (frozenset({place[1]}) if place else frozenset())


def _tag(tag: Tag, repository: str, names: frozenset[str]) -> Iterator[Row]:
    """Yield a tag for the service that it is called after, else for all that was asked about: it is of the whole."""
    before, _, version = tag.name.rpartition("/")
    prefix = before or re.sub(r"[-@]?v?\d[\w.+-]*$", "", tag.name)
    own = prefix if prefix and not _DEPLOY.match(prefix) and prefix not in ("release", "releases") else ""
    kind = "deploy" if _DEPLOY.match(tag.name) else "release"
    for name in (own,) if own else sorted(names) or (repository,):
        yield tag.time, name, kind, f"{repository} tagged {tag.name}", tag.sha[:10], version


def _remark(found: History, question: Question) -> str:
    """Return what the reader must know of a history that is not whole."""
    said = [f"{each.where}: {each.reason}" for each in found.problems]
    oldest = found.commits[-1].time if found.commits else None
    if len(found.commits) >= COMMITS and oldest and oldest > question.window.start:
        said.append(f"only the newest {COMMITS} commits were read, back to {oldest:%F}")
    return f"{'; '.join(said).capitalize()}." if said else ""
