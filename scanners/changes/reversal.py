"""The reverse of a change as a patch: of a commit that a repository holds, or of a diff that was recorded.

    reversal(root, "42a547c964").patch       # what `git revert` would write; nothing is written or run

The objects are read with dulwich. `fits` asks git whether the patch applies, in a scratch copy of the files it names.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontology.errors import NotFound, Unavailable
from scanners.changes.git_history import damage

SHA = re.compile(r"[0-9a-f]{7,40}")
"""What may be the name of a commit."""
_HUNK = re.compile(r"@@ -(\S+) \+(\S+) @@(.*)", re.DOTALL)
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Reversal:
    """A patch that takes a change back."""

    patch: str
    """Unified diff with `a/` and `b/`, as `git apply` reads it."""
    what: str
    """The change, in words: short sha and subject, or what was recorded of it."""

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it touches."""
        named = re.findall(r"(?m)^(?:--- a|\+\+\+ b)/(.+?)\s*$", self.patch)
        return tuple(dict.fromkeys(named))


def reversal(root: Path, ref: str) -> Reversal:
    """Return the reverse of a commit against its first parent.

    Raises:
        NotFound: the repository holds no such commit, or the name is not that of one.
        Unavailable: the commit cannot be undone by a text patch: the first one, one of binary files, a broken one.
    """
    from dulwich.objectspec import parse_commit
    from dulwich.repo import Repo

    if not SHA.fullmatch(ref):
        raise NotFound(f"{ref!r} is not the name of a commit.", next_step="Name the repository that holds the change.")
    try:
        with Repo(str(root)) as repo:
            return _of(repo, parse_commit(repo, ref.encode()))
    except KeyError as error:
        raise NotFound(
            f"The repository {root.name} holds no commit {ref}.", next_step="Fetch it, or name the right checkout."
        ) from error
    except damage() as error:
        raise Unavailable(f"{root.name} cannot be read: {error}.", next_step="Run `git fsck` in it.") from error


def _of(repo: Any, commit: Any) -> Reversal:
    from dulwich.patch import write_tree_diff

    said = commit.message.decode("utf-8", "replace").strip().splitlines()
    what = f"{commit.id.decode()[:10]} {said[0] if said else ''}".strip()
    if not commit.parents:
        raise Unavailable(f"{what} is the first commit.", next_step="Undo it by hand.")
    written = io.BytesIO()
    write_tree_diff(written, repo.object_store, commit.tree, repo[commit.parents[0]].tree)
    try:
        patch = written.getvalue().decode()
    except UnicodeDecodeError as error:
        raise Unavailable(f"{what} changes a file that is not text.", next_step="Undo it by hand.") from error
    if "@@" not in patch or re.search(r"(?m)^Binary files ", patch):
        raise Unavailable(
            f"{what} has no change of text to take back, or not of text alone.", next_step="See the commit."
        )
    return Reversal(patch, what)


def reversed_diff(diff: str, what: str) -> Reversal:
    r"""Return the reverse of a unified diff that was recorded with a change.

    >>> print(reversed_diff("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n same\n-old\n+new", "x").patch, end="")
    --- a/x
    +++ b/x
    @@ -1,2 +1,2 @@
     same
    -new
    +old

    Raises:
        NotFound: it is no unified diff.
    """
    if not re.search(r"(?m)^--- a/.+\n\+\+\+ b/.+\n@@ ", diff):
        raise NotFound("No diff was recorded with the change.", next_step="Name the repository that holds it.")
    lines: list[str] = []
    taken: list[str] = []
    for line in diff.splitlines():
        if line.startswith(("--- ", "+++ ")):
            lines += [*taken, line]
            taken = []
        elif line.startswith("-"):
            taken.append("+" + line[1:])
        elif line.startswith("+"):
            lines.append("-" + line[1:])
        else:
            lines += [*taken, _swapped(line)]
            taken = []
    return Reversal("\n".join([*lines, *taken]) + "\n", what)


def _swapped(line: str) -> str:
    hunk = _HUNK.fullmatch(line)
    return f"@@ -{hunk[2]} +{hunk[1]} @@{hunk[3]}" if hunk else line


def fits(change: Reversal, root: Path) -> str:
    """Return why git would not apply the patch to the checkout, empty where it would; the checkout is only read.

    Raises:
        Unavailable: there is no git to ask, or a file leads out of the checkout.
    """
    git = shutil.which("git")
    if git is None:
        raise Unavailable("No git is installed to check the patch.", next_step="Install git.")
    with tempfile.TemporaryDirectory() as scratch:
        for name in change.files:
            held = (root / name).resolve()
            if not held.is_relative_to(root.resolve()):
                raise Unavailable(f"{name} leads out of the checkout.", next_step="Undo the change by hand.")
            if held.is_file():
                copy = Path(scratch) / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(held, copy)
        done = subprocess.run(  # noqa: S603  # our own arguments, on a copy
            [git, "apply", "--check", "-"],
            input=change.patch,
            cwd=scratch,
            env={"PATH": str(Path(git).parent), "GIT_CEILING_DIRECTORIES": str(Path(scratch).parent)},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    return "" if done.returncode == 0 else done.stderr.strip().replace("error: ", "") or "git refused it"
