"""The store: who opens it, and everything that is written to it.

One process writes; a second one is told so. Every write goes into the change log and is then one SPARQL update, so that
a crash leaves all of it or nothing, and a lock makes read-and-write of two threads one after the other. `optimize()` is
never called: it doubles the files.
"""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, RdfFormat, Store, parse

from ontology import terms
from ontology.errors import BadInput, NotAllowed, NotFound, PersonError, Unavailable
from ontology.iris import PREFIXES, PROV, graph
from ontology.nouns import Fact, Iri, Layer, Value
from scanners.protocol import Now, Scan, clock
from workbench.graph import aliases
from workbench.graph.changelog import ChangeLog, Kind, Row
from workbench.graph.convert import (
    META,
    UNKNOWN,
    Origin,
    facts,
    graph_for,
    graphs_of,
    is_annotation,
    named,
    noun,
    origin,
    quads,
    statement,
    without_blanks,
)
from workbench.graph.history import History
from workbench.graph.revision import (
    Change,
    Revision,
    addition,
    data_text,
    description,
    revision,
    row,
    run_iri,
    update_text,
)
from workbench.graph.snapshots import Scratch, merge, publish, published, published_folder

if TYPE_CHECKING:
    import rdflib

Solution = tuple[Iri | Value | None, ...]
_META = named(META)
_LOG, _TAKEN = named(graph("log")), named(PROV + "value")
"""In the meta graph: the number of the last batch of the change log that the store has taken over."""
_LAST_RUN, _ENDED = named(terms.LAST_RUN), named(terms.COMPLETED_AT)
_ORIGINS = f"""
SELECT ?graph ?source ?layer ?confidence ?whole ?done WHERE {{
  GRAPH <{META}> {{
    ?graph a wb:Graph ; wb:source ?source ; wb:layer ?layer ; wb:baseConfidence ?confidence ; wb:lastRun ?run .
    ?run wb:completedAt ?done .
    OPTIONAL {{ ?graph wb:lastCompleteAt ?whole }}
  }}
}}"""


class GraphStore:
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
        self._store: Store | None = store
        self._path = path
        self._scratch = scratch
        self._private = path is None or scratch is not None
        self._lock = RLock()
        self._writes = self._shared = 0
        self._copy: tuple[int, Path] | None = None
        self._history = history or History(ChangeLog.memory())
        self._now = now

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
            made._catch_up()
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
        with self._writing():
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

    def replace(self, scan: Scan) -> Change:
        """Make the graphs of this source and scope say what the scan says, as one atomic diff.

        A scan that is not complete adds, and removes nothing.

        Raises:
            BadInput: a fact with an IRI that is none; nothing is written.
        """
        with self._writing():
            scan = replace(scan, facts=aliases.resolved(scan.facts, self._aliases()))
            owned = graphs_of(scan.source, scan.scope)
            kind = Kind.SCAN if owned.keys() & self._origins().keys() else Kind.FIRST
            plan = revision((quad for each in owned for quad in self._quads(each)), scan)
            vanished = tuple(self._read(plan.delete))
            meta, stale = self._described(scan, plan)
            self._update({*plan.delete, *stale}, {*plan.insert, *meta}, scan.finished, run_iri(scan), kind)
        added = len(plan.appeared)
        return Change(added, plan.removed, plan.unchanged, appeared=plan.appeared, vanished=vanished)

    def _described(self, scan: Scan, plan: Revision) -> tuple[frozenset[Quad], frozenset[Quad]]:
        """Return the new description of the scan's graphs, and what of the old one it replaces."""
        old = frozenset(self._quads(META))
        owned = set(graphs_of(scan.source, scan.scope))
        known = {each: self._origins()[each] for each in owned & self._origins().keys()}
        written = {_name(quad) for quad in plan.insert}
        used = {graph_for(scan.source, scan.scope, scan.layer), *known, *written}
        meta = description(scan, used, plan, max((each.seen for each in known.values() if each.whole), default=None))
        runs = {quad.object for quad in old if quad.predicate == _LAST_RUN and noun(quad.subject) in owned}
        replaced = runs | {quad.subject for quad in meta}
        return meta - old, frozenset(quad for quad in old - meta if quad.subject in replaced)

    def learn(self, case_id: str, learned: Iterable[Fact]) -> int:
        """Add facts that an investigation found out, in a graph of the case; return how many were new."""
        where = graph("live", case_id)
        with self._writing():
            told = aliases.resolved(learned, self._aliases())
            made = [quads(replace(fact, layer=Layer.LEARNED), where) for fact in told]
            before = frozenset(self._quads(where))
            plan = addition(before, frozenset(quad for each in made for quad in each))
            self._update(plan.delete, plan.insert, self._now(), case_id, Kind.LEARNED)
        return len({own for own, *_ in made} - before)

    def forget_learned(self, case_id: str) -> int:
        """Remove what the case had learned; return how many facts that were."""
        with self._writing():
            before = frozenset(self._quads(graph("live", case_id)))
            self._update(before, (), self._now(), case_id, Kind.LEARNED)
        return sum(not is_annotation(quad) for quad in before)

    def alias(self, alias: Iri, canonical: Iri, *, source: str, confidence: float = 1.0) -> None:
        """Say that two IRIs name one thing: from now on its facts are written under the canonical one.

        What is written already moves with the next scan. Below `aliases.SURE` it is kept, and not applied.

        Raises:
            BadInput: the alias would lead back to itself, or is no IRI.
        """
        with self._writing():
            known = [each for each in self.aliases() if each.alias != alias]
            aliases.table([*known, aliases.Alias(alias, canonical, source, confidence)])
            now = self._now()
            said = Fact(
                alias, aliases.SAME_AS, canonical, layer=Layer.LEARNED, source=source, seen=now, confidence=confidence
            )
            before, after = self._said_of(alias), frozenset(quads(said, aliases.TABLE))
            self._update(before - after, after - before, now, source, Kind.LEARNED)

    def forget_alias(self, alias: Iri) -> None:
        """Take an alias back; facts written under the canonical IRI move with the next scan."""
        with self._writing():
            self._update(self._said_of(alias), (), self._now(), "", Kind.LEARNED)

    def aliases(self) -> tuple[aliases.Alias, ...]:
        """Return the table of what is the same."""
        return aliases.lines(self._read(self._quads(aliases.TABLE)))

    def _aliases(self) -> Mapping[Iri, Iri]:
        return aliases.table(self.aliases()) if any(True for _ in self._quads(aliases.TABLE)) else {}

    def _said_of(self, alias: Iri) -> frozenset[Quad]:
        own = list(self._open.quads_for_pattern(named(alias), None, None, named(aliases.TABLE)))
        return frozenset([*own, *(more for quad in own for more in self._annotation(quad))])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the lock, on a store that has taken over all of its log."""
        with self._lock:
            self._catch_up()
            yield

    def _update(self, delete: Collection[Quad], insert: Collection[Quad], at: datetime, run: str, kind: Kind) -> None:
        """Write everything or nothing, into the log and the store, and have it on the disk."""
        if not (delete or insert):
            return
        rows = [*(row("-", quad) for quad in delete), *(row("+", quad) for quad in insert)]
        log = self._history.log
        batch = log.begin(rows, at, run, kind)
        try:
            self._apply(rows, batch.number)
        finally:
            if self._taken() == batch.number:
                log.done(batch)
            else:  # the store refused it, and the caller is told
                log.abandon(batch)

    def _apply(self, rows: Iterable[Row], number: int) -> None:
        """Do these in one atomic update, together with the number of their batch."""
        taken = self._taken()
        mark = [row(op, Quad(_LOG, _TAKEN, Literal(each), _META)) for op, each in (("-", taken), ("+", number))]
        self._open.update(update_text([*rows, *mark]))
        self._open.flush()
        self._writes += 1

    def _taken(self) -> int:
        """Return the number of the last batch that the store has taken over; 0 where there is none."""
        found = self._open.quads_for_pattern(_LOG, _TAKEN, None, _META)
        return max((int(str(noun(quad.object))) for quad in found), default=0)

    def _catch_up(self) -> None:
        """Do what the log says and the store has not taken over; a store without its log begins a new one."""
        log, taken = self._history.log, self._taken()
        if log.last == taken and (taken or not len(self._open)):
            return
        if log.last <= taken:
            some = [quad for quad in self._open if quad.subject != _LOG]
            log.restart([row("+", quad) for quad in some], _known_since(some, self._now()), taken)
        for batch in log.batches(number=taken):
            self._apply(log.rows([batch]), batch.number)
            log.done(batch)

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
        with self._writing():
            new = {quad for quad in said if quad.subject != _LOG and quad not in self._open}
            self._update((), new, _known_since(said, self._now()), path.name, Kind.BASELINE)

    def dump(self, path: Path) -> Path:
        """Write all quads as N-Quads, sorted, so that equal stores make equal files; `.gz` compresses."""
        text = "".join(sorted(f"{quad} .\n" for quad in self._open if quad.subject != _LOG))
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

    def __len__(self) -> int:
        """How many facts there are; annotations and descriptions of graphs are none."""
        return sum(quad.graph_name != _META and not is_annotation(quad) for quad in self._open)

    def graphs(self) -> tuple[Iri, ...]:
        """Return the named graphs that hold facts."""
        found = (Iri(each.value) for each in self._open.named_graphs() if each != _META)
        return tuple(sorted(each for each in found if any(True for _ in self._quads(each))))

    def facts(self, graph: Iri | None = None) -> tuple[Fact, ...]:
        """Return the facts of one named graph, or of all."""
        chosen = self.graphs() if graph is None else (graph,)
        return tuple(fact for each in chosen for fact in self._read(self._quads(each)))

    def about(self, subject: Iri, predicate: Iri | None = None) -> tuple[Fact, ...]:
        """Return what all sources say of a thing."""
        which = None if predicate is None else named(predicate)
        own = [each for each in self._open.quads_for_pattern(named(subject), which, None) if each.graph_name != _META]
        return tuple(self._read([*own, *(more for quad in own for more in self._annotation(quad))]))

    def joining(self, iris: Iterable[Iri]) -> tuple[Fact, ...]:
        """Return the facts that join any two of these things, each once: as the surest, then latest, source says it."""
        ends = {named(each) for each in iris}
        own = [quad for each in ends for quad in self._open.quads_for_pattern(each, None, None) if quad.object in ends]
        said = [more for quad in own for more in self._annotation(quad)]
        best: dict[tuple[Iri, Iri, Iri | Value], Fact] = {}
        for fact in sorted(self._read([*own, *said]), key=lambda each: (each.confidence, each.seen, each.source)):
            best[fact.subject, fact.predicate, fact.object] = fact
        return tuple(sorted(best.values(), key=lambda each: (each.subject, each.predicate, str(each.object))))

    def _annotation(self, quad: Quad) -> Iterator[Quad]:
        return self._open.quads_for_pattern(named(statement(quad)), None, None, quad.graph_name)

    def rows(self, sparql: str) -> Iterator[Solution]:
        """Run one of our own SELECT queries over the union of all graphs; None where a variable is unbound."""
        found = self._open.query(sparql, prefixes=PREFIXES, use_default_graph_as_union=True)
        assert isinstance(found, QuerySolutions)
        width = range(len(found.variables))
        for each in found:
            yield tuple(None if (node := each[i]) is None else noun(node) for i in width)

    def to_rdflib(self) -> rdflib.Dataset:
        """Return a copy as an rdflib dataset; its default graph is the union of all."""
        import rdflib

        data = rdflib.Dataset(default_union=True)
        for prefix, namespace in PREFIXES.items():
            data.bind(prefix, namespace)
        text = self._open.dump(format=RdfFormat.N_QUADS)
        data.parse(data=text or b"", format="nquads")
        return data

    def _quads(self, graph_iri: Iri) -> Iterator[Quad]:
        return self._open.quads_for_pattern(None, None, None, named(graph_iri))

    def _read(self, found: Iterable[Quad]) -> Iterator[Fact]:
        """Yield the facts among quads of any graphs."""
        by_graph: dict[Iri, list[Quad]] = {}
        for quad in found:
            by_graph.setdefault(_name(quad), []).append(quad)
        origins = self._origins()
        for each, some in by_graph.items():
            yield from facts(some, origins.get(each, UNKNOWN))

    def _origins(self) -> dict[Iri, Origin]:
        """Return what the meta graph says of each graph."""
        return {Iri(str(name)): origin(*said) for name, *said in self.rows(_ORIGINS)}


def _name(quad: Quad) -> Iri:
    """Return the name of a quad's graph; the default graph's is `DEFAULT`."""
    return Iri(quad.graph_name.value if isinstance(quad.graph_name, NamedNode) else str(quad.graph_name))


def _known_since(found: Iterable[Quad], now: datetime) -> datetime:
    """Return when the last run of these ended, before which they may not have been known; now, where none is named."""
    ended = (noun(quad.object) for quad in found if quad.predicate == _ENDED)
    return max((each for each in ended if isinstance(each, datetime) and each <= now), default=now)


def _copied_history(copy: Store, path: Path) -> History:
    """Return the history of a private copy: the writer's log as far as the copy has taken it over."""
    made = GraphStore(copy)
    taken, log = made._taken(), ChangeLog.reading(path)
    own = ChangeLog.memory(taken)
    if log is not None and 0 < taken <= log.last:
        return History(own, base=History(log))
    return History(own, begins=_known_since(copy, clock()) if len(copy) else None)


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
