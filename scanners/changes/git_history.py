"""The history of a repository as values: commits with the files they changed, tags, the head; read with dulwich.

Nothing of the repository is run: no hook, no filter, no configured command. Objects are read, and that is all.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from ontology.errors import BadInput, NotFound
from scanners.bounded import SIZE
from scanners.changes.codeowners_file import PLACES
from scanners.protocol import Problem

COMMITS = 500
"""Commits that are read, the newest."""
DAYS = 90
"""Days before the newest commit that are read."""
CHANGED = 200
"""Files kept of one commit: a reformatting or an import says little of each file."""
TAGS = 200
"""Tags kept, the newest."""
TREE = 50_000
"""Files of the head that are listed."""
_RELEASE = re.compile(r"^(?:[\w.\-]+[/@\-])?v?\d+(?:\.\d+)+|^v\d|^(?:deploy(?:ed|ment)?|releases?)[\-/_]")
_EMAIL = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit."""

    sha: str
    author: str
    """Name only."""
    time: datetime
    subject: str
    """First line of its message."""
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that marks a release or a deploy."""

    name: str
    sha: str
    """The commit it marks."""
    time: datetime


@dataclass(slots=True)
class History:
    """What was read of a repository."""

    head: str = ""
    branch: str = ""
    commits: tuple[Commit, ...] = ()
    tags: tuple[Tag, ...] = ()
    files: tuple[str, ...] = ()
    """Files of the head, submodules left out."""
    owners: dict[str, str] = field(default_factory=dict)
    """Place to text of the CODEOWNERS files."""
    problems: list[Problem] = field(default_factory=list)
    skipped: list[Problem] = field(default_factory=list)


def damage() -> tuple[type[Exception], ...]:
    """Return what dulwich raises for objects that are missing or broken."""
    from dulwich import errors

    told = (errors.ChecksumMismatch, errors.WrongObjectException, errors.ObjectMissing, errors.MissingCommitError)
    read = (errors.ApplyDeltaError, errors.FileFormatException, errors.RefFormatError, errors.NotGitRepository)
    return (
        *told,
        *read,
        KeyError,
        ValueError,
        OverflowError,
        OSError,
        EOFError,
        AssertionError,
        IndexError,
        zlib.error,
        struct.error,
    )


def root_of(target: Path) -> Path:
    """Return the folder of the repository that a path lies in.

    Raises:
        NotFound: it lies in none.
    """
    base = target.resolve()
    for folder in (base, *base.parents):
        if (folder / ".git").exists() or all((folder / part).exists() for part in ("HEAD", "objects", "refs")):
            return folder
    raise NotFound(f"{target} lies in no git repository.", next_step="Name a checkout, or a folder in one.")


def history(root: Path, commits: int, days: int) -> History:
    """Return the history of a repository; what is broken in it is a problem, unless it is the head itself.

    Raises:
        BadInput: it cannot be opened, or its head cannot be read.
    """
    from dulwich.repo import Repo

    broken = damage()
    try:
        with Repo(str(root)) as repo:
            found = History()
            head = _head(repo, found)
            if head is None:
                return found
            found.commits = tuple(_commits(repo, head, commits, timedelta(days=days), found))
            found.tags = _tags(repo, found)
            _tree(repo, head, found)
            return found
    except broken as error:
        raise BadInput(
            f"The repository {root.name} is damaged: {_reason(error)}.",
            next_step="Run git fsck in it, or clone it again.",
        ) from error


def _head(repo: Any, found: History) -> Any:
    """Return the commit that is checked out; None in a repository without commits."""
    chain, sha = repo.refs.follow(b"HEAD")
    if sha is None:
        found.skipped.append(Problem("HEAD", "no commit yet"))
        return None
    found.head = sha.decode()
    found.branch = chain[-1].decode(errors="replace").removeprefix("refs/heads/") if len(chain) > 1 else ""
    shallow = repo.get_shallow()
    if shallow:
        found.skipped.append(Problem(".git/shallow", "a shallow clone: older history is not here"))
    return repo[sha]


def _commits(repo: Any, head: Any, most: int, span: timedelta, found: History) -> Iterator[Commit]:
    """Yield the newest commits; one that cannot be read ends the walk, and is a problem."""
    shallow = repo.get_shallow()
    since = head.commit_time - int(span.total_seconds())
    try:
        for entry in repo.get_walker(include=[head.id], max_entries=most, since=since):
            commit = entry.commit
            sha = commit.id.decode()
            paths = [] if commit.id in shallow else sorted(set(islice(_changed(repo, commit), 10 * CHANGED)))
            if len(paths) > CHANGED:
                found.skipped.append(Problem(sha[:10], f"changes more than {CHANGED} files; the first are kept"))
            yield Commit(
                sha, _person(commit.author), _time(commit.commit_time), _subject(commit), tuple(paths[:CHANGED])
            )
    except damage() as error:
        found.problems.append(Problem("history", f"a commit cannot be read: {_reason(error)}"))


def _changed(repo: Any, commit: Any) -> Iterator[str]:
    """Yield the files in which a commit differs from its first parent; a submodule is no file."""
    from dulwich.diff_tree import tree_changes

    parent = repo[commit.parents[0]].tree if commit.parents else None
    for change in tree_changes(repo.object_store, parent, commit.tree):
        for side in (change.new, change.old):
            if side is not None and side.path is not None and not _submodule(side.mode):
                yield side.path.decode(errors="replace")


def _submodule(mode: int | None) -> bool:
    return mode is not None and mode & 0o170000 == 0o160000


def _tags(repo: Any, found: History) -> tuple[Tag, ...]:
    """Return the tags that mark a release or a deploy: annotated ones, and those that are called like one."""
    from dulwich.objects import Commit as GitCommit
    from dulwich.objects import Tag as GitTag

    read: list[Tag] = []
    for ref, sha in sorted(repo.refs.as_dict(b"refs/tags").items()):
        name = ref.decode(errors="replace")
        try:
            marked, time = repo[sha], None
            annotated = isinstance(marked, GitTag)
            if isinstance(marked, GitTag):
                time, marked = marked.tag_time, repo[marked.object[1]]
            if isinstance(marked, GitCommit) and (annotated or _RELEASE.match(name)):
                read.append(Tag(name, marked.id.decode(), _time(time or marked.commit_time)))
        except damage() as error:
            found.problems.append(Problem(f"tag {name}", f"cannot be read: {_reason(error)}"))
    read.sort(key=lambda tag: (tag.time, tag.name), reverse=True)
    if len(read) > TAGS:
        found.skipped.append(Problem("tags", f"more than {TAGS}; the newest are kept"))
    return tuple(read[:TAGS])


def _tree(repo: Any, head: Any, found: History) -> None:
    """List the files of the head, and read its CODEOWNERS."""
    from dulwich.object_store import iter_tree_contents

    paths: list[str] = []
    try:
        for entry in islice(iter_tree_contents(repo.object_store, head.tree), TREE + 1):
            path = entry.path.decode(errors="replace")
            if not _submodule(entry.mode):
                paths.append(path)
            if path in PLACES:
                _code_owners(repo[entry.sha].data, path, found)
    except damage() as error:
        found.problems.append(Problem("HEAD", f"its files cannot be listed: {_reason(error)}"))
    if len(paths) > TREE:
        found.skipped.append(Problem("HEAD", f"more than {TREE} files; the first are known"))
    found.files = tuple(paths[:TREE])


def _code_owners(data: bytes, path: str, found: History) -> None:
    """Keep the text of a CODEOWNERS file, or say why not."""
    if len(data) > SIZE:
        found.problems.append(Problem(path, f"larger than {SIZE >> 20} MB"))
        return
    try:
        found.owners[path] = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        found.problems.append(Problem(path, "not UTF-8 text"))


def without_email(text: str) -> str:
    """Return the text without e-mail addresses.

    >>> without_email("Thanks to jo@example.com"), without_email("scope @types/node")
    ('Thanks to [redacted]', 'scope @types/node')
    """
    return _EMAIL.sub("[redacted]", text)


def _person(author: bytes) -> str:
    """Return the name of an author without the address.

    >>> _person(b"Jo Doe <jo@example.com>"), _person(b"jo@example.com <jo@example.com>")
    ('Jo Doe', 'jo')
    """
    name = author.decode(errors="replace").rpartition("<")[0].strip()
    return name.partition("@")[0]


def _subject(commit: Any) -> str:
    """Return the first line of a commit's message, cut at 200 characters."""
    lines = commit.message.decode(errors="replace").strip().splitlines()
    return without_email(lines[0][:200]) if lines else ""


def _time(seconds: int) -> datetime:
    """Return a time of git.

    Raises:
        ValueError, OSError: no time of this world.
    """
    return datetime.fromtimestamp(seconds, UTC)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__} {str(error)[:80]}".strip()
