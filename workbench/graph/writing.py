"""Everything that is written to a graph, whoever holds it: as diffs, each in the change log first.

A holder does one thing: `apply` a batch of the log in one atomic update, together with the batch's number, so that a
crash leaves all of it or nothing, and the next one knows what is still to be done.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from threading import RLock

from pyoxigraph import Literal, NamedNode, Quad

from ontology import terms
from ontology.iris import graph
from ontology.nouns import Fact, Iri, Layer
from scanners.protocol import Now, Scan, clock
from workbench.graph import aliases
from workbench.graph.changelog import ChangeLog
from workbench.graph.changes import Batch, Bulk, Kind, Row, Text, bulked, compressed, unbulked
from workbench.graph.convert import (
    META,
    graph_for,
    graphs_of,
    is_annotation,
    named,
    noun,
    quads,
    sure_lines,
    texts,
)
from workbench.graph.history import History
from workbench.graph.holder import Holder
from workbench.graph.lastscan import Comparison, Known, LastScan, compared, first, plain, unpacked
from workbench.graph.reading import LOG, TAKEN, graph_name
from workbench.graph.revision import (
    Change,
    addition,
    described,
    origins,
    revision,
    row,
    run_iri,
    source_iri,
    update_text,
)

RECENT = 400_000
"""Of so many facts what was said last is kept in memory (about 100 MB), too, so that it need not be read."""
_LAST_RUN, _ENDED = named(terms.LAST_RUN), named(terms.COMPLETED_AT)


class Writable(Holder):
    """A graph that this process may write: it has the change log, and a lock for its threads."""

    alone = False
    """Whether nobody else can write there: then the log knows what it holds, and it need not be read."""

    def __init__(self, history: History | None = None, *, now: Now = clock) -> None:
        """`history` holds the change log; `now` says when something was learned."""
        self._lock = RLock()
        self._history = history or History(ChangeLog.memory())
        self._now = now
        self._writes = 0
        self._recent: dict[str, tuple[int, Known]] = {}
        self._history.log.settled_by(self.settle)

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
            old = self._description(scan)
            known = any(quad.predicate == _LAST_RUN for quad in old)
            last = self._last(scan) if known else None
            found = compared(scan, last, _ended(old)) if last is not None else None
            if last is not None and found is not None:
                return self._compared(scan, found, old)
            if known or any(True for _ in self.of_scope(scan.source, scan.scope)):
                return self._revised(scan, old, known=known)
            return self._first(scan, old)

    def _first(self, scan: Scan, old: frozenset[Quad]) -> Change:
        """Write a scope that nobody saw before: all at once, and as text, which is a third of the work."""
        kept, bulk = self._piece(scan)
        appeared = scan.facts
        if bulk is None:
            made = texts(scan.facts, partial(graph_for, scan.source, scan.scope))
            appeared, bulk = tuple(fact for fact, _ in made.values()), bulked(_each(made))
        change = Change(len(appeared), 0, 0, appeared=appeared)
        meta, stale = described(scan, old, map(_bare, bulk.graphs) if appeared else (), change)
        some = bulk if appeared else None
        self.update(stale, meta, scan.finished, run_iri(scan), Kind.FIRST, bulk=some, said=_said(scan, kept))
        return change

    def _piece(self, scan: Scan) -> tuple[LastScan | None, Bulk | None]:
        """Return what to keep of a scan, and its facts in one piece where they are sure and each is said once.

        The piece is compressed, which needs no Python, while Python numbers the facts.
        """
        if not plain(scan.facts, scan.layer):
            return self._kept(scan), None
        where = graph_for(scan.source, scan.scope, scan.layer)
        lines = sure_lines(scan.facts, where).encode()
        with ThreadPoolExecutor(1) as beside:
            packed = beside.submit(compressed, lines)
            kept = self._kept(scan)
        if kept is None or kept.distinct != len(scan.facts):
            return kept, None
        return kept, Bulk(frozenset({str(named(where))}), len(scan.facts), lines, packed.result())

    def _compared(self, scan: Scan, found: Comparison, old: frozenset[Quad]) -> Change:
        """Write what differs from what the scope said last."""
        where = partial(graph_for, scan.source, scan.scope)
        was, now = texts(found.vanished, where), texts(found.appeared, where)
        before, after = set(_each(was)), set(_each(now))
        appeared = tuple(fact for quad, (fact, _) in now.items() if quad not in before)
        vanished = tuple(fact for quad, (fact, _) in was.items() if quad not in after)
        same = len(now) - len(appeared) + found.same
        change = Change(len(appeared), len(vanished), same, appeared=appeared, vanished=vanished)
        meta, stale = described(scan, old, {_bare(quad[0]) for quad in after - before}, change)
        rows = [Row("-", *quad) for quad in before - after] + [Row("+", *quad) for quad in after - before]
        kept = found.now.last if found.now is not None and rows else None  # else what was kept still holds
        self.update(stale, meta, scan.finished, run_iri(scan), Kind.SCAN, rows=rows, said=_said(scan, kept))
        if found.now is not None:
            self._remember(scan, found.now)
        return change

    def _remember(self, scan: Scan, now: Known) -> None:
        self._recent[_scope(scan)] = self._said_in(scan), now
        while len(self._recent) > 1 and sum(len(each.last.keys) for _, each in self._recent.values()) > RECENT:
            self._recent.pop(next(iter(self._recent)))

    def _revised(self, scan: Scan, old: frozenset[Quad], *, known: bool) -> Change:
        """Write what differs from what the store holds of the scope."""
        plan = revision(self.of_scope(scan.source, scan.scope), scan)
        vanished = tuple(self.read(plan.delete, origins(old)))
        change = Change(len(plan.appeared), plan.removed, plan.unchanged, appeared=plan.appeared, vanished=vanished)
        meta, stale = described(scan, old, {graph_name(quad) for quad in plan.insert}, change)
        kind, said = Kind.SCAN if known else Kind.FIRST, _said(scan, self._kept(scan))
        self.update({*plan.delete, *stale}, {*plan.insert, *meta}, scan.finished, run_iri(scan), kind, said=said)
        return change

    def _description(self, scan: Scan) -> frozenset[Quad]:
        """Return what is said of the scope's graphs, of the runs that saw them last, and of the source."""
        where = named(META)
        own = [quad for each in graphs_of(scan.source, scan.scope) for quad in self.quads(named(each), graph=where)]
        runs = {quad.object for quad in own if quad.predicate == _LAST_RUN and isinstance(quad.object, NamedNode)}
        more = [named(source_iri(scan)), named(run_iri(scan)), *runs]
        return frozenset([*own, *(quad for each in more for quad in self.quads(each, graph=where))])

    def _kept(self, scan: Scan) -> LastScan | None:
        return first(scan) if self.alone and scan.complete else None

    def _last(self, scan: Scan) -> Known | None:
        """Return what the scope said last; None where that is not known to be what the store holds."""
        if not (self.alone and scan.complete):
            return None
        number, (then, known) = self._said_in(scan), self._recent.pop(_scope(scan), (0, None))
        if not number:
            return None
        return known if then == number and known is not None else Known(unpacked(self._history.log.said(_scope(scan))))

    def _said_in(self, scan: Scan) -> int:
        """Return the batch with which it was noted what the scope says; 0 where that no longer holds."""
        graphs = [str(named(each)) for each in graphs_of(scan.source, scan.scope)]
        return self._history.log.said_in(_scope(scan), graphs) or 0

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

    def update(
        self,
        delete: Collection[Quad],
        insert: Collection[Quad],
        at: datetime,
        run: str,
        kind: Kind,
        *,
        rows: Collection[Row] = (),
        bulk: Bulk | None = None,
        said: tuple[str, bytes] | None = None,
    ) -> None:
        """Write everything or nothing, into the log and the store; once it is in the log, no crash takes it away.

        `rows` and `bulk` are more of the same, as text already.
        """
        if not (delete or insert or rows or bulk):
            return
        every = [*(row("-", quad) for quad in delete), *(row("+", quad) for quad in insert), *rows]
        log = self._history.log
        batch = log.begin(every, at, run, kind, bulk=bulk, said=said)
        try:
            self._take(batch, every, b"" if bulk is None else bulk.quads)
        except BaseException as error:
            self.failed(batch, error)
            raise

    def failed(self, batch: Batch, error: BaseException) -> None:
        """Take out of the log what was not written; whoever wanted it is told (`error`)."""
        if self.taken() != batch.number:
            self._history.log.abandon(batch)

    def _take(self, batch: Batch, rows: Sequence[Row], bulk: bytes) -> None:
        if bulk:
            self.apply_bulk(bulk, rows, batch.number)
        else:
            self.apply(rows, batch.number)

    def apply_bulk(self, bulk: bytes, rows: Iterable[Row], number: int) -> None:
        """Add these N-Quads, do the rows, and note the number, as one act."""
        self.apply([*unbulked(bulk), *rows], number)

    def atomic(self, rows: Iterable[Row], number: int) -> str:
        """Return the one SPARQL update that does these and notes the number of their batch."""
        old = [row("-", quad) for quad in self.quads(LOG, TAKEN, graph=named(META))]
        return update_text([*rows, *old, row("+", Quad(LOG, TAKEN, Literal(number), named(META)))])

    def settle(self) -> None:
        """Have all that was written on the disk, so that its log may be folded."""
        self._history.log.done(self.taken())

    def catch_up(self) -> None:
        """Do what the log says and the store has not taken over; a store without its log begins a new one."""
        log, taken = self._history.log, self.taken()
        if log.last == taken and (taken or next(self.quads(), None) is None):
            return
        if log.last <= taken:
            some = [quad for quad in self.quads() if quad.subject != LOG]
            log.restart([row("+", quad) for quad in some], known_since(some, self._now()), taken)
        for batch in log.batches(number=taken):
            self._take(batch, list(log.rows([batch], bulk=False)), log.bulk(batch))


def _each(made: Mapping[Text, tuple[Fact, Sequence[Text]]]) -> Iterator[Text]:
    """Yield the quads of facts and of their annotations."""
    for quad, (_, more) in made.items():
        yield quad
        yield from more


def _bare(text: str) -> Iri:
    """Return the IRI of a node's text."""
    return Iri(text[1:-1])


def _ended(old: frozenset[Quad]) -> datetime | None:
    """Return when the last run ended that saw all of the scope, by its description."""
    return max((each.seen for each in origins(old).values()), default=None)


def _scope(scan: Scan) -> str:
    """Return under which name it is kept what was said: the same facts of another layer are other facts."""
    return f"{scan.layer} {graph(scan.source, scan.scope)}"


def _said(scan: Scan, kept: LastScan | None) -> tuple[str, bytes] | None:
    return None if kept is None else (_scope(scan), kept.packed())


def known_since(found: Iterable[Quad], now: datetime) -> datetime:
    """Return when the last run of these ended, before which they may not have been known; now, where none is named."""
    ended = (noun(quad.object) for quad in found if quad.predicate == _ENDED)
    return max((each for each in ended if isinstance(each, datetime) and each <= now), default=now)
