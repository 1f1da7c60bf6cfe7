"""The store: who opens it, and everything that is written to it.

One process writes; a second one is told so. Every write is one SPARQL update, so a crash leaves all of it or nothing,
and a lock makes read-and-write of two threads one after the other. `optimize()` is never called: it doubles the files.
"""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from pyoxigraph import NamedNode, Quad, QuerySolutions, RdfFormat, Store

from ontology import terms
from ontology.errors import BadInput, NotAllowed, NotFound, PersonError, Unavailable
from ontology.iris import PREFIXES, graph
from ontology.nouns import Fact, Iri, Layer, Value
from scanners.protocol import Scan
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
)
from workbench.graph.revision import Change, Revision, addition, description, revision, update_text
from workbench.graph.snapshots import Scratch, merge, publish, published, published_folder

if TYPE_CHECKING:
    import rdflib

Row = tuple[Iri | Value | None, ...]
_META = named(META)
_LAST_RUN = named(terms.LAST_RUN)
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

    def __init__(self, store: Store, path: Path | None = None, *, scratch: Scratch | None = None) -> None:
        """Use `open`, `memory` or `latest` instead.

        `path` is None for a store in memory; `scratch` is the temporary folder that a private copy lives in.
        """
        self._store: Store | None = store
        self._path = path
        self._scratch = scratch
        self._private = path is None or scratch is not None
        self._lock = RLock()
        self._writes = self._shared = 0
        self._copy: tuple[int, Path] | None = None

    # --- opening and closing ---

    @classmethod
    def open(cls, path: Path) -> GraphStore:
        """Open the store on disk for reading and writing; make it where there is none.

        Raises:
            Unavailable: another process has it open, or its files are damaged.
            NotAllowed: no permission on the folder.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return cls(Store(str(path)), path)
        except OSError as error:
            raise _refused(path, error) from error

    @classmethod
    def memory(cls) -> GraphStore:
        """Return an empty store in memory."""
        return cls(Store())

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
            return cls(Store(str(place)), place, scratch=scratch)
        except OSError as error:
            raise _refused(path, error) from error

    def close(self) -> None:
        """Publish what was written, and give back the lock; closing twice is fine."""
        with self._lock:
            if self._store is not None:
                self.share()
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

    # --- writing ---

    def replace(self, scan: Scan) -> Change:
        """Make the graphs of this source and scope say what the scan says, as one atomic diff.

        A scan that is not complete adds, and removes nothing.

        Raises:
            BadInput: a fact with an IRI that is none; nothing is written.
        """
        with self._lock:
            owned = graphs_of(scan.source, scan.scope)
            plan = revision((quad for each in owned for quad in self._quads(each)), scan)
            vanished = tuple(self._read(plan.delete))
            meta, stale = self._described(scan, plan)
            self._update({*plan.delete, *stale}, {*plan.insert, *meta})
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
        made = [quads(replace(fact, layer=Layer.LEARNED), where) for fact in learned]
        with self._lock:
            before = frozenset(self._quads(where))
            plan = addition(before, frozenset(quad for each in made for quad in each))
            self._update(plan.delete, plan.insert)
        return len({own for own, *_ in made} - before)

    def forget_learned(self, case_id: str) -> int:
        """Remove what the case had learned; return how many facts that were."""
        with self._lock:
            before = frozenset(self._quads(graph("live", case_id)))
            self._update(before, ())
        return sum(not is_annotation(quad) for quad in before)

    def _update(self, delete: Collection[Quad], insert: Collection[Quad]) -> None:
        """Write everything or nothing, and have it on the disk."""
        if delete or insert:
            self._open.update(update_text(delete, insert))
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
            with self._lock:
                self._open.load(data, format=RdfFormat.N_QUADS)  # one transaction; bulk_load could not be undone
                self._open.flush()
                self._writes += 1
        except (SyntaxError, EOFError, ValueError, gzip.BadGzipFile) as error:
            raise BadInput(
                f"The graph file {str(path)!r} cannot be read: {error}.",
                next_step="Dump it again, or scan again.",
            ) from error

    def dump(self, path: Path) -> Path:
        """Write all quads as N-Quads, sorted, so that equal stores make equal files; `.gz` compresses."""
        text = "".join(sorted(f"{quad} .\n" for quad in self._open))
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

    def rows(self, sparql: str) -> Iterator[Row]:
        """Run one of our own SELECT queries over the union of all graphs; None where a variable is unbound."""
        found = self._open.query(sparql, prefixes=PREFIXES, use_default_graph_as_union=True)
        assert isinstance(found, QuerySolutions)
        width = range(len(found.variables))
        for row in found:
            yield tuple(None if (node := row[i]) is None else noun(node) for i in width)

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
