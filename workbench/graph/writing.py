"""Everything that is written to a graph, whoever holds it: as diffs, each in the change log first.

A holder does one thing: `apply` a batch of the log in one atomic update, together with the batch's number, so that a
crash leaves all of it or nothing, and the next one knows what is still to be done.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import RLock

from pyoxigraph import Literal, Quad

from ontology import terms
from ontology.iris import graph
from ontology.nouns import Fact, Iri, Layer
from scanners.protocol import Now, Scan, clock
from workbench.graph import aliases
from workbench.graph.changelog import ChangeLog, Kind, Row
from workbench.graph.convert import (
    META,
    graph_for,
    graphs_of,
    is_annotation,
    named,
    noun,
    quads,
)
from workbench.graph.history import History
from workbench.graph.reading import LOG, TAKEN, Readable, graph_name
from workbench.graph.revision import Change, Revision, addition, description, revision, row, run_iri, update_text

_LAST_RUN, _ENDED = named(terms.LAST_RUN), named(terms.COMPLETED_AT)


class Writable(Readable):
    """A graph that this process may write: it has the change log, and a lock for its threads."""

    def __init__(self, history: History | None = None, *, now: Now = clock) -> None:
        """`history` holds the change log; `now` says when something was learned."""
        self._lock = RLock()
        self._history = history or History(ChangeLog.memory())
        self._now = now
        self._writes = 0

    @abstractmethod
    def apply(self, rows: Iterable[Row], number: int) -> None:
        """Do these in one atomic update, together with the number of their batch, and have it on the disk."""

    @property
    def history(self) -> History:
        """What changed, and when."""
        return self._history

    # --- what scans say ---

    def replace(self, scan: Scan) -> Change:
        """Make the graphs of this source and scope say what the scan says, as one atomic diff.

        A scan that is not complete adds, and removes nothing.

        Raises:
            BadInput: a fact with an IRI that is none; nothing is written.
        """
        with self.writing():
            scan = replace(scan, facts=aliases.resolved(scan.facts, self._aliases()))
            known = graphs_of(scan.source, scan.scope).keys() & self.origins().keys()
            plan = revision(self.of_scope(scan.source, scan.scope), scan)
            vanished = tuple(self.read(plan.delete))
            meta, stale = self._described(scan, plan)
            kind = Kind.SCAN if known else Kind.FIRST
            self.update({*plan.delete, *stale}, {*plan.insert, *meta}, scan.finished, run_iri(scan), kind)
        added = len(plan.appeared)
        return Change(added, plan.removed, plan.unchanged, appeared=plan.appeared, vanished=vanished)

    def _described(self, scan: Scan, plan: Revision) -> tuple[frozenset[Quad], frozenset[Quad]]:
        """Return the new description of the scan's graphs, and what of the old one it replaces."""
        old = frozenset(self.in_graph(META))
        owned, origins = set(graphs_of(scan.source, scan.scope)), self.origins()
        known = {each: origins[each] for each in owned & origins.keys()}
        written = {graph_name(quad) for quad in plan.insert}
        used = {graph_for(scan.source, scan.scope, scan.layer), *known, *written}
        meta = description(scan, used, plan, max((each.seen for each in known.values() if each.whole), default=None))
        runs = {quad.object for quad in old if quad.predicate == _LAST_RUN and noun(quad.subject) in owned}
        replaced = runs | {quad.subject for quad in meta}
        return meta - old, frozenset(quad for quad in old - meta if quad.subject in replaced)

    # --- what investigations and people say ---

    def learn(self, case_id: str, learned: Iterable[Fact]) -> int:
        """Add facts that an investigation found out, in a graph of the case; return how many were new."""
        where = graph("live", case_id)
        with self.writing():
            told = aliases.resolved(learned, self._aliases())
            made = [quads(replace(fact, layer=Layer.LEARNED), where) for fact in told]
            before = frozenset(self.in_graph(where))
            plan = addition(before, frozenset(quad for each in made for quad in each))
            self.update(plan.delete, plan.insert, self._now(), case_id, Kind.LEARNED)
        return len({own for own, *_ in made} - before)

    def forget_learned(self, case_id: str) -> int:
        """Remove what the case had learned; return how many facts that were."""
        with self.writing():
            before = frozenset(self.in_graph(graph("live", case_id)))
            self.update(before, (), self._now(), case_id, Kind.LEARNED)
        return sum(not is_annotation(quad) for quad in before)

    def alias(self, alias: Iri, canonical: Iri, *, source: str, confidence: float = 1.0) -> None:
        """Say that two IRIs name one thing: from now on its facts are written under the canonical one.

        What is written already moves with the next scan. Below `aliases.SURE` it is kept, and not applied.

        Raises:
            BadInput: the alias would lead back to itself, or is no IRI.
        """
        with self.writing():
            known = [each for each in self.aliases() if each.alias != alias]
            aliases.table([*known, aliases.Alias(alias, canonical, source, confidence)])
            now = self._now()
            said = Fact(
                alias, aliases.SAME_AS, canonical, layer=Layer.LEARNED, source=source, seen=now, confidence=confidence
            )
            before, after = self._said_of(alias), frozenset(quads(said, aliases.TABLE))
            self.update(before - after, after - before, now, source, Kind.LEARNED)

    def forget_alias(self, alias: Iri) -> None:
        """Take an alias back; facts written under the canonical IRI move with the next scan."""
        with self.writing():
            self.update(self._said_of(alias), (), self._now(), "", Kind.LEARNED)

    def _aliases(self) -> Mapping[Iri, Iri]:
        return aliases.table(self.aliases()) if any(True for _ in self.in_graph(aliases.TABLE)) else {}

    def _said_of(self, alias: Iri) -> frozenset[Quad]:
        own = list(self.quads(named(alias), graph=named(aliases.TABLE)))
        return frozenset([*own, *(more for quad in own for more in self.annotation(quad))])

    # --- the one way in ---

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock, on a store that has taken over all of its log."""
        with self._lock:
            self.catch_up()
            yield

    def update(self, delete: Collection[Quad], insert: Collection[Quad], at: datetime, run: str, kind: Kind) -> None:
        """Write everything or nothing, into the log and the store, and have it on the disk."""
        if not (delete or insert):
            return
        rows = [*(row("-", quad) for quad in delete), *(row("+", quad) for quad in insert)]
        log = self._history.log
        batch = log.begin(rows, at, run, kind)
        try:
            self.apply(rows, batch.number)
        finally:
            if self.taken() == batch.number:
                log.done(batch)
            else:  # the store refused it, and the caller is told
                log.abandon(batch)

    def atomic(self, rows: Iterable[Row], number: int) -> str:
        """Return the one SPARQL update that does these and notes the number of their batch."""
        marks = (("-", self.taken()), ("+", number))
        mark = [row(op, Quad(LOG, TAKEN, Literal(each), named(META))) for op, each in marks]
        return update_text([*rows, *mark])

    def catch_up(self) -> None:
        """Do what the log says and the store has not taken over; a store without its log begins a new one."""
        log, taken = self._history.log, self.taken()
        if log.last == taken and (taken or next(self.quads(), None) is None):
            return
        if log.last <= taken:
            some = [quad for quad in self.quads() if quad.subject != LOG]
            log.restart([row("+", quad) for quad in some], known_since(some, self._now()), taken)
        for batch in log.batches(number=taken):
            self.apply(log.rows([batch]), batch.number)
            log.done(batch)


def known_since(found: Iterable[Quad], now: datetime) -> datetime:
    """Return when the last run of these ended, before which they may not have been known; now, where none is named."""
    ended = (noun(quad.object) for quad in found if quad.predicate == _ENDED)
    return max((each for each in ended if isinstance(each, datetime) and each <= now), default=now)
