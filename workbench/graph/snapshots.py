"""Copies of the store for readers: one process writes, any number read what was published last.

A snapshot is a folder that pyoxigraph opens read-only. It appears under its final name whole, or not at all.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import weakref
from datetime import UTC, datetime
from pathlib import Path

from pyoxigraph import Quad, Store

KEPT = 2
"""How many snapshots stay: the newest, and the one that a reader may be opening right now."""
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
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as place:
        made = Path(place) / "snapshot"
        if on_disk:
            store.backup(str(made))
        else:
            _copied(store, made)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        final = made.rename(folder / f"{stamp}-{next(_count):06d}")
    for stale in published(folder)[:-KEPT]:
        shutil.rmtree(stale, ignore_errors=True)  # a reader on another system may hold it; the next call tries again
    return final


def merge(snapshot: Path) -> None:
    """Give a snapshot a default graph: all that its named graphs say, each triple once.

    A union that the engine makes while it asks yields a triple once a graph that says it, so that counts are wrong.
    """
    store = Store(str(snapshot))
    store.bulk_extend(Quad(quad.subject, quad.predicate, quad.object) for quad in store)
    store.flush()


def published(folder: Path) -> list[Path]:
    """Return the snapshots in the folder, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))


def published_folder(path: Path) -> Path:
    """Return where the snapshots of the store on that path lie."""
    return path.with_name(f"{path.name}.published")


def _copied(store: Store, place: Path) -> None:
    """A store in memory has no backup: write its quads to disk."""
    copy = Store(str(place))
    copy.bulk_extend(store)
    copy.flush()
    del copy  # gives back the lock
