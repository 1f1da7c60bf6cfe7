"""Copies of the store for readers: one process writes, any number read what was published last.

A snapshot is a folder that pyoxigraph opens read-only. It appears under its final name whole, or not at all.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from pyoxigraph import Store

KEPT = 2
"""How many snapshots stay: the newest, and the one that a reader may be opening right now."""
CHECKPOINTS, UNITED = "checkpoints", "united"
"""Folders inside the store's own: copies to look back from, and copies whose default graph says all."""
SPACING, MOST = 15_000, 8
"""After how many changes a copy to look back from is kept, and how many copies."""
TRIES, PAUSE = 40, 0.05
"""How often a reader looks for a snapshot where there is none, and how many seconds it waits before it looks again."""
_GOING = ".going-"
"""Before the name of a snapshot that is being removed."""
_count = itertools.count()


class Scratch:
    """A temporary folder that goes with the last reference to it, or at the end of the process."""

    def __init__(self) -> None:
        """Make the folder."""
        self.path = Path(tempfile.mkdtemp(prefix="workbench-graph-"))
        self._end = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def remove(self) -> None:
        """Remove it now; removing twice is fine."""
        self._end()


def publish(store: Store, folder: Path, *, on_disk: bool) -> Path:
    """Write a snapshot into the folder and return its path; hard links where the file system allows."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    final = folder / f"{stamp}-{next(_count):06d}"
    with appearing(final) as place:
        copied(store, place, on_disk=on_disk)
    forget(published(folder)[:-KEPT])
    return final


@contextmanager
def appearing(final: Path) -> Iterator[Path]:
    """Yield a place to write to that gets its name at the end."""
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=final.parent) as place:
        yield Path(place) / "snapshot"
        (Path(place) / "snapshot").rename(final)


def forget(stale: Iterable[Path]) -> None:
    """Remove snapshots, each out of its name at once: a reader that finds files missing sees that it is gone.

    What a reader on another system holds goes the next time.
    """
    for each in stale:
        with suppress(OSError):
            each.rename(each.with_name(f"{_GOING}{each.name}"))
        for going in each.parent.glob(f"{_GOING}*"):
            shutil.rmtree(going, ignore_errors=True)


def numbered(home: Path | None, folder: str) -> list[tuple[int, Path]]:
    """Return the copies that the store keeps of itself, each with its last batch, oldest first."""
    if home is None or not (home / folder).is_dir():
        return []
    return sorted((int(each.name), each) for each in (home / folder).iterdir() if each.name.isdigit())


def published(folder: Path) -> list[Path]:
    """Return the snapshots in the folder, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))


def published_folder(path: Path) -> Path:
    """Return where the snapshots of the store on that path lie."""
    return path.with_name(f"{path.name}.published")


def copied(store: Store, place: Path, *, on_disk: bool) -> None:
    """Write a copy of the store; hard links where the file system allows."""
    if on_disk:
        store.backup(str(place))
        return
    copy = Store(str(place))  # a store in memory has no backup: its quads are written to disk
    copy.bulk_extend(store)
    copy.flush()
    del copy  # gives back the lock


def copy_latest(path: Path, place: Path) -> None:
    """Copy what the writer of the store on that path published last.

    A writer publishes when it opens a store. Where nothing is published it died before that, and its files are read as
    they lie; or it is opening them just now, which may break them under a reader: then its snapshot is waited for.

    Raises:
        OSError: it cannot be read.
    """
    for left in reversed(range(TRIES)):
        newest = published(published_folder(path))
        try:
            Store.read_only(str(newest[-1] if newest else path)).backup(str(place))
            return
        except (OSError, RuntimeError) as error:  # the engine says RuntimeError of files that are half made
            gone = not newest or not newest[-1].exists()
            if not left or not gone:
                raise error if isinstance(error, OSError) else OSError(str(error)) from error
        shutil.rmtree(place, ignore_errors=True)
        time.sleep(PAUSE)
