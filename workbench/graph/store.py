"""The store in this process: opened, copied, published, and written by one SPARQL update a batch.

One process writes; a second one is told so. `optimize()` is never called: it doubles the files.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, QuerySolutions, RdfFormat, Store, parse

from ontology.errors import BadInput, NotAllowed, NotFound, PersonError, Unavailable
from ontology.iris import PREFIXES
from scanners.protocol import Now, clock
from workbench.graph.changelog import ChangeLog
from workbench.graph.changes import Kind, Row, bulked
from workbench.graph.convert import META, named, noun, text_quad, without_blanks
from workbench.graph.history import Entry, History
from workbench.graph.reading import LOG, TAKEN, Solution
from workbench.graph.replay import FEW, go, unite, way
from workbench.graph.revision import row
from workbench.graph.snapshots import (
    CHECKPOINTS,
    KEPT,
    MOST,
    SPACING,
    UNITED,
    Scratch,
    appearing,
    copied,
    copy_latest,
    forget,
    numbered,
    publish,
    published,
    published_folder,
)
from workbench.graph.writing import Writable, known_since

UNITED_FROM = 20_000
"""With fewer quads each reader unites its own copy within half a second."""


class Base(NamedTuple):
    """What a copy of the store can begin with."""

    holds: Sequence[Entry]
    """The batches that led to it."""
    path: Path | None
    """Where it lies; None for what lies in memory, or is empty."""
    own: bool = False


class GraphStore(Writable):
    """What every source said, in named graphs.

    >>> store = GraphStore.memory()
    >>> len(store)
    0
    """

    alone = True

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
        self._home = path
        self._copy: tuple[tuple[int, int], Base] | None = None
        self._older: list[Path] = []

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
            made.settle()
            if not published(published_folder(path)):
                made.publish()  # so that no reader ever has to look into files that are being written
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
        if not published(published_folder(path)) and not path.exists():
            return cls.memory()
        scratch = Scratch()
        place = scratch.path / "copy"
        try:
            copy_latest(path, place)
            made = cls(store := Store(str(place)), place, scratch=scratch, history=_copied_history(store, path))
        except OSError as error:
            raise _refused(path, error) from error
        made._home = path
        return made

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
        _ = self._open  # says so where it is closed
        return self._history

    def as_of(self, moment: datetime) -> GraphStore:
        """Return a private copy with the facts that were known at that time: by runs that had ended by then.

        Raises:
            BadInput: the history begins later.
        """
        with self.writing(), self._history.steady():
            wanted = self._history.entries(moment)
            past = History(ChangeLog.memory(self._history.log.last), base=self._history, until=moment)
            own, *kept = self._bases(CHECKPOINTS)
            base = min((own, *kept), key=lambda each: way(each.holds, wanted).cost)
            try:
                copy = self._private_copy(past, base)
            except (OSError, RuntimeError):  # the writer has just put that one away
                base, copy = own, self._private_copy(past, own)
            go(copy._open, way(base.holds, wanted))
            copy._open.update(copy.atomic((), self._history.log.last))
        return copy

    def _bases(self, folder: str) -> Iterator[Base]:
        """Yield what a copy can begin with: this store, an empty one, and one of the folder."""
        yield Base(self._history.entries(), self._path, own=True)
        for number, path in [(0, None), *numbered(self._home, folder)]:
            line = self._history.line(number)
            if line is not None:
                yield Base(line, path)

    def _private_copy(self, past: History, base: Base) -> GraphStore:
        if self._path is None:
            store = Store()
            if base.own:
                store.bulk_extend(self._open)
            return GraphStore(store, history=past, now=self._now)
        scratch = Scratch()
        place = scratch.path / "copy"
        if base.path is not None:
            (self._open if base.own else Store.read_only(str(base.path))).backup(str(place))
        copy = GraphStore(Store(str(place)), place, scratch=scratch, history=past, now=self._now)
        copy._home = self._home
        return copy

    # --- writing ---

    def apply(self, rows: Iterable[Row], number: int) -> None:
        """Do these in one atomic update, together with the number of their batch.

        The log is on the disk already, and what a power failure takes from the store is taken from its end: it is done
        again at the next opening. So nothing is waited for here.
        """
        some = list(rows)
        self._checkpoint()
        self._open.update(self.atomic(some, number))
        self._writes += 1

    def apply_bulk(self, bulk: bytes, rows: Iterable[Row], number: int) -> None:
        """Add these N-Quads in a file of their own, do the rows, and note the number.

        A bulk load is one act by itself. Where rows are to go it is done first, and done again if the second act, with
        the number, never comes.
        """
        some = list(rows)
        if bulk.count(b"\n") < FEW:
            return super().apply_bulk(bulk, some, number)
        self._open.flush()  # a file of its own is on the disk at once: all that came before it must be, too
        if any(row.op == "-" for row in some):
            self._open.bulk_load(bulk, format=RdfFormat.N_QUADS)
            return self.apply(some, number)
        mark = row("+", Quad(LOG, TAKEN, Literal(number), named(META)))  # the highest counts
        self._open.bulk_load(bulk + bulked(each[1:] for each in [*some, mark]).quads, format=RdfFormat.N_QUADS)
        self._writes += 1
        return None

    def settle(self) -> None:
        """Have all that was written on the disk, so that its log may be folded."""
        self._open.flush()
        super().settle()

    def _checkpoint(self) -> None:
        """Keep a copy before the changes since the last one become too many to be undone within a second."""
        if self._path is None or self._private:
            return
        newest = max((number for number, _ in numbered(self._path, CHECKPOINTS)), default=0)
        since = sum(each.size - each.bulk for each in self._history.log.batches(number=newest))
        if since >= SPACING and self.taken() > newest:
            self._keep(CHECKPOINTS, MOST, lambda place: self._open.backup(str(place)))

    def _keep(self, folder: str, most: int, write: Callable[[Path], None]) -> None:
        assert self._path is not None
        with appearing(self._path / folder / str(self.taken())) as place:
            write(place)
        forget(path for _, path in numbered(self._path, folder)[:-most])

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
            bulk = bulked(map(text_quad, new))
            bare = {quad for quad in new if quad.graph_name == DefaultGraph()}
            at = known_since(said, self._now())
            self.update((), bare, at, path.name, Kind.BASELINE, bulk=bulk if bulk.size else None)

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
            if self._path is not None:
                self.settle()
            return publish(self._open, chosen, on_disk=self._path is not None)

    def share(self) -> None:
        """Publish what was written since the last time; a store in memory or a private copy has no readers."""
        with self._lock:
            if self._path is not None and self._shared != self._writes and not self._private:
                self.publish()
                self._shared = self._writes
                large = sum(batch.size for _, batch in self._history.entries()) >= UNITED_FROM
                if large and all(number != self.taken() for number, _ in numbered(self._path, UNITED)):
                    self._keep(UNITED, KEPT, self._united)

    def snapshot(self) -> Path:
        """Return a snapshot of the store as it is now, for a worker process; it goes with this object.

        Its default graph says all that its named graphs say, each triple once.
        """
        with self._lock:
            now = (self._history.log.last, self._writes)
            if self._copy is None or self._copy[0] != now:
                self._scratch = self._scratch or Scratch()
                with appearing(self._scratch.path / "snapshots" / "-".join(map(str, now))) as place:
                    self._united(place)
                    final = place.parent.parent / "-".join(map(str, now))
                if self._copy is not None:
                    forget([*self._older])
                    self._older = [self._copy[1].path or final]
                self._copy = (now, Base(self._history.entries(), final))
            assert self._copy[1].path is not None
            return self._copy[1].path

    def _united(self, place: Path) -> None:
        """Write a copy with a united default graph: on from the one that was made last, if that is not too far away."""
        wanted = self._history.entries()
        bases = [each for each in self._bases(UNITED) if each.path is not None and not each.own]
        bases += [] if self._copy is None else [self._copy[1]]
        nearest = min(bases, key=lambda each: way(each.holds, wanted).cost, default=None)
        if nearest is None or way(nearest.holds, wanted).cost > sum(batch.size for _, batch in wanted):
            copied(self._open, place, on_disk=self._path is not None)
            unite(made := Store(str(place)), None if self._history.line(0) is None else wanted)
        else:
            Store.read_only(str(nearest.path)).backup(str(place))
            go(made := Store(str(place)), way(nearest.holds, wanted), merged=True)
        made.flush()

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
    taken = GraphStore(copy).taken()
    log = ChangeLog.reading(path) if taken else None  # before its first batch it may be half made
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
