"""The store in this process: opened, copied, published, and written by one SPARQL update a batch.

One process writes; a second one is told so. `optimize()` is never called: it doubles the files.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, RdfFormat, Store, parse

from ontology.errors import BadInput, NotAllowed, NotFound, PersonError, Unavailable
from ontology.iris import PREFIXES
from scanners.protocol import Now, clock
from workbench.graph.changelog import ChangeLog, Kind, Row
from workbench.graph.convert import noun, without_blanks
from workbench.graph.history import History
from workbench.graph.reading import LOG, Solution
from workbench.graph.revision import data_text
from workbench.graph.snapshots import Scratch, merge, publish, published, published_folder
from workbench.graph.writing import Writable, known_since


class GraphStore(Writable):
    """What every source said, in named graphs.

    >>> store = GraphStore.memory()
    >>> len(store)
    0
    """

    def __init__(
        self,
        store: Store,
        path: Path | None = None,
        *,
        scratch: Scratch | None = None,
        history: History | None = None,
        now: Now = clock,
    ) -> None:
        """Use `open`, `memory` or `latest` instead.

        `path` is None for a store in memory; `scratch` is the temporary folder that a private copy lives in; `now` says
        when something was learned.
        """
        super().__init__(history, now=now)
        self._store: Store | None = store
        self._path = path
        self._scratch = scratch
        self._private = path is None or scratch is not None
        self._shared = 0
        self._copy: tuple[int, Path] | None = None

    # --- opening and closing ---

    @classmethod
    def open(cls, path: Path, *, now: Now = clock) -> GraphStore:
        """Open the store on disk for reading and writing; make it where there is none.

        What a killed writer had begun is finished.

        Raises:
            Unavailable: another process has it open, or its files are damaged.
            NotAllowed: no permission on the folder.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            made = cls(Store(str(path)), path, history=History(ChangeLog.open(path)), now=now)
            made.catch_up()
        except OSError as error:
            raise _refused(path, error) from error
        return made

    @classmethod
    def memory(cls, *, now: Now = clock) -> GraphStore:
        """Return an empty store in memory."""
        return cls(Store(), now=now)

    @classmethod
    def latest(cls, path: Path) -> GraphStore:
        """Return a private copy of what the writer of that store published last; empty where nobody ever wrote.

        The writer may go on meanwhile. What is written to the copy is lost with it.

        Raises:
            Unavailable: the files are damaged.
            NotAllowed: no permission on the folder.
        """
        newest = published(published_folder(path))
        if not newest and not path.exists():
            return cls.memory()
        scratch = Scratch()
        place = scratch.path / "copy"
        try:
            # No snapshot: the writer died before its first one, or has just begun; its files are read as they are.
            Store.read_only(str(newest[-1] if newest else path)).backup(str(place))
            return cls(store := Store(str(place)), place, scratch=scratch, history=_copied_history(store, path))
        except OSError as error:
            raise _refused(path, error) from error

    def close(self) -> None:
        """Publish what was written, and give back the lock; closing twice is fine."""
        with self._lock:
            if self._store is not None:
                self.share()
                self._history.log.close()
            self._store = None
            if self._scratch is not None:
                self._scratch.remove()

    def __enter__(self) -> GraphStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _open(self) -> Store:
        if self._store is None:
            raise Unavailable("The graph store is closed.", next_step="Open it again with GraphStore.open(path).")
        return self._store

    @property
    def history(self) -> History:
        """What changed, and when."""
        assert self._open
        return self._history

    def as_of(self, moment: datetime) -> GraphStore:
        """Return a private copy with the facts that were known at that time: by runs that had ended by then.

        Raises:
            BadInput: the history begins later.
        """
        with self.writing():
            undo = self._history.undoing(moment)
            past = History(ChangeLog.memory(self._history.log.last), base=self._history, until=moment)
            copy = self._private_copy(past)
            if gone := undo.delete:
                copy._open.update(data_text("DELETE DATA", gone))
            # Nobody else sees the copy yet, so that it need not be one act: in bulk it takes a quarter of the time.
            copy._open.bulk_load(undo.insert.encode(), format=RdfFormat.N_QUADS)
        return copy

    def _private_copy(self, past: History) -> GraphStore:
        if self._path is None:
            store = Store()
            store.bulk_extend(self._open)
            return GraphStore(store, history=past, now=self._now)
        scratch = Scratch()
        place = scratch.path / "copy"
        self._open.backup(str(place))  # hard links where the file system allows
        return GraphStore(Store(str(place)), place, scratch=scratch, history=past, now=self._now)

    # --- writing ---

    def apply(self, rows: Iterable[Row], number: int) -> None:
        """Do these in one atomic update, together with the number of their batch, and have it on the disk."""
        self._open.update(self.atomic(rows, number))
        self._open.flush()
        self._writes += 1

    # --- files ---

    def load(self, path: Path) -> None:
        """Add all quads of an N-Quads file, `.nq` or `.nq.gz`; a file that cannot be read adds nothing.

        Raises:
            NotFound: there is no such file.
            BadInput: the file is damaged or not N-Quads.
        """
        if not path.is_file():
            raise NotFound(f"There is no graph file {str(path)!r}.", next_step="Check the path.")
        try:
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            said = frozenset(map(without_blanks, parse(data, format=RdfFormat.N_QUADS)))
        except (SyntaxError, EOFError, ValueError, gzip.BadGzipFile) as error:
            raise BadInput(
                f"The graph file {str(path)!r} cannot be read: {error}.",
                next_step="Dump it again, or scan again.",
            ) from error
        with self.writing():
            new = {quad for quad in said if quad.subject != LOG and quad not in self._open}
            self.update((), new, known_since(said, self._now()), path.name, Kind.BASELINE)

    def dump(self, path: Path) -> Path:
        """Write all quads as N-Quads, sorted, so that equal stores make equal files; `.gz` compresses."""
        text = "".join(sorted(f"{quad} .\n" for quad in self._open if quad.subject != LOG))
        # mtime 0: the same graph, the same bytes
        path.write_bytes(gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode())
        return path

    def publish(self, folder: Path | None = None) -> Path:
        """Write a snapshot for readers into the folder (default: beside the store) and return its path.

        Raises:
            BadInput: a store in memory, and no folder.
        """
        if folder is None and self._path is None:
            raise BadInput("A store in memory has no place of its own.", next_step="Name a folder.")
        with self._lock:
            chosen = folder or published_folder(self._path or Path())
            return publish(self._open, chosen, on_disk=self._path is not None)

    def share(self) -> None:
        """Publish what was written since the last time; a store in memory or a private copy has no readers."""
        with self._lock:
            if self._path is not None and self._shared != self._writes and not self._private:
                self.publish()
                self._shared = self._writes

    def snapshot(self) -> Path:
        """Return a snapshot of the store as it is now, for a worker process; it goes with this object."""
        with self._lock:
            if self._copy is None or self._copy[0] != self._writes:
                self._scratch = self._scratch or Scratch()
                made = self.publish(self._scratch.path / "snapshots")
                merge(made)
                self._copy = (self._writes, made)
            return self._copy[1]

    # --- reading ---

    def quads(
        self,
        subject: NamedNode | None = None,
        predicate: NamedNode | None = None,
        value: NamedNode | Literal | None = None,
        graph: NamedNode | None = None,
    ) -> Iterator[Quad]:
        """Yield the quads that match; None matches everything, in any graph."""
        return self._open.quads_for_pattern(subject, predicate, value, graph)

    def rows(self, sparql: str) -> Iterator[Solution]:
        """Run one of our own SELECT queries over the union of all graphs; None where a variable is unbound."""
        found = self._open.query(sparql, prefixes=PREFIXES, use_default_graph_as_union=True)
        assert isinstance(found, QuerySolutions)
        width = range(len(found.variables))
        for each in found:
            yield tuple(None if (node := each[i]) is None else noun(node) for i in width)


def _copied_history(copy: Store, path: Path) -> History:
    """Return the history of a private copy: the writer's log as far as the copy has taken it over."""
    made = GraphStore(copy)
    taken, log = made.taken(), ChangeLog.reading(path)
    own = ChangeLog.memory(taken)
    if log is not None and 0 < taken <= log.last:
        return History(own, base=History(log))
    return History(own, begins=known_since(copy, clock()) if len(copy) else None)


def _refused(path: Path, error: OSError) -> PersonError:
    """Say why a store does not open."""
    if "lock" in str(error).lower():
        return Unavailable(
            f"The graph store {str(path)!r} is in use by another process.",
            next_step="Close the other one (a running scan, a server), or read its latest copy: workbench query.",
        )
    if isinstance(error, PermissionError):
        return NotAllowed(
            f"No permission on the graph store {str(path)!r}.",
            next_step="Check who owns the folder, or set WORKBENCH_HOME.",
        )
    return Unavailable(
        f"The graph store {str(path)!r} does not open: {error}.",
        next_step="It can be made again from the sources: move the folder away and run workbench scan.",
    )
