"""What the graph looked like at a time, and what changed in a window.

    store.history.changes(alert.window.before(15 * 60), near=view.nearby("checkout"))
    store.as_of(alert.fired)
    store.history.diff(yesterday, now)

A past state is the present one with the later changes undone, so that its cost follows what changed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import repeat
from typing import Any, NamedTuple, overload
from urllib.parse import unquote

from ontology import terms
from ontology.errors import BadInput
from ontology.iris import BASE
from ontology.nouns import Entity, Iri, Layer, Value, Window
from workbench.graph.aliases import TABLE
from workbench.graph.changelog import ChangeLog
from workbench.graph.changes import DEFAULT, Batch, Kind, Row, Text
from workbench.graph.convert import META, STATEMENTS, WORDS, meant

_LAYERS = {word: layer for layer, word in WORDS.items()}
Entry = tuple[ChangeLog, Batch]
"""A batch, and the log it stands in."""


class ChangeEvent(NamedTuple):
    """A fact that came or went."""

    time: datetime
    op: str
    """`+` came, `-` went."""
    subject: Iri
    predicate: Iri
    object: Iri | Value
    graph: Iri
    run: str
    """The scan run or the case that brought it."""

    @property
    def names(self) -> tuple[str, ...]:
        """The parts of the graph's name: `fact`, source, scope."""
        return tuple(unquote(part) for part in self.graph.removeprefix(f"{BASE}g/").split("/"))

    @property
    def layer(self) -> Layer:
        """The layer, by the graph's name."""
        return _LAYERS.get(self.names[0], Layer.DECLARED)

    @property
    def source(self) -> str:
        """The scanner or the case that said so, by the graph's name."""
        return self.names[1] if len(self.names) > 1 else self.names[0]

    @property
    def scope(self) -> str:
        """What it looked at, by the graph's name; empty for what a case learned."""
        return self.names[2] if len(self.names) > 2 else ""

    @property
    def confidence(self) -> float:
        """The band, by the graph's name."""
        return int(self.names[-1][1:]) / 10 if self.layer is Layer.INFERRED else terms.BANDS[0]


@dataclass(frozen=True, slots=True)
class Difference:
    """What one time knew and another did not; what came and went in between is in neither."""

    appeared: Sequence[ChangeEvent]
    vanished: Sequence[ChangeEvent]

    def __len__(self) -> int:
        """How many facts differ."""
        return len(self.appeared) + len(self.vanished)


class History:
    """The log of a store, and, of a private copy, what of the writer's log it rests on.

    >>> History(ChangeLog.memory()).begins is None
    True
    """

    def __init__(
        self,
        log: ChangeLog,
        *,
        base: History | None = None,
        until: datetime | None = None,
        begins: datetime | None = None,
    ) -> None:
        """Keep this log; the batches of `base`, up to `until` and up to where the log begins, come before its own.

        `begins` is from when on the store is known, where there is no log of what came before.
        """
        self.log = log
        self._base = base
        self._until = until
        self._begins = begins
        self._upto = log.last

    @property
    def begins(self) -> datetime | None:
        """Before this time nothing is known; None where the history goes back to an empty store."""
        return self._base.begins if self._base is not None else self._begins or self.log.begins

    def changes(
        self, window: Window, near: Iterable[Entity | Iri] | None = None, *, first_sight: bool = False
    ) -> tuple[ChangeEvent, ...]:
        """Return the facts that came or went in the window, earliest first.

        With `near`, those about these things, or about a thing that came, went or moved beside one of them: the pod
        that is gone belonged to its deployment. The first sight of a scope is no change of the estate and left out,
        unless `first_sight`; what the store began with never is.
        """
        left_out = {Kind.BASELINE} if first_sight else {Kind.BASELINE, Kind.FIRST}
        with self.steady():
            some = [
                (log, batch)
                for log, batch in self._batches(None)
                if window.holds(batch.time) and batch.kind not in left_out
            ]
            found = [(batch, row) for log, batch in some for row in log.rows([batch]) if _is_fact(row)]
        if near is not None:
            found = _nearby(found, near)
        return tuple(sorted(_events(found), key=lambda each: each.time))

    def first_seen(self, window: Window) -> dict[str, int]:
        """Return the scopes first seen in the window: the run, and how many facts it brought."""
        return {
            batch.run: sum(map(_is_fact, log.rows([batch])))
            for log, batch in self._batches(None)
            if batch.kind is Kind.FIRST and window.holds(batch.time)
        }

    def diff(self, earlier: datetime, later: datetime) -> Difference:
        """Return what was known at the later time and not at the earlier one, and the other way round.

        Raises:
            BadInput: the history begins after the earlier time, or the times are swapped.
        """
        window = Window(earlier, later)
        self._reaches(window.start)
        net: _Net = {}
        with self.steady():
            for log, batch in self._batches(earlier):
                if batch.time <= later:
                    for op in "-+":
                        _add(net, log.quads(batch, op, graphs=_OURS, beginning=_ANNOTATION), batch, op)
        return Difference(_Events(net, "+"), _Events(net, "-"))

    def entries(self, moment: datetime | None = None) -> list[Entry]:
        """Return the batches that lead to the present facts, or to those of that moment.

        Raises:
            BadInput: the history begins later.
        """
        if moment is None:
            return self._batches(None)
        self._reaches(moment)
        return [(log, each) for log, each in self._batches(None) if each.time <= moment]

    def steady(self) -> AbstractContextManager[None]:
        """Let all that is read inside be of one moment, whoever folds the log meanwhile."""
        return self._base.steady() if self._base is not None else self.log.steady()

    def line(self, number: int) -> list[Entry] | None:
        """Return the batches of a copy that the writer made when that was its last one; None where that is not known.

        0 is the empty store.
        """
        if self._base is not None:
            return self._base.line(number)
        found = self.log.batches()
        # What was folded into one batch no longer says how a copy from between came to be.
        known = not number or not found or found[0].kind is not Kind.BASELINE or found[0].number <= number
        return [(self.log, each) for each in found if each.number <= number] if known and self._begins is None else None

    def replayed(self) -> set[tuple[str, ...]]:
        """Return all quads that the log leads to: graph, subject, predicate, object as N-Triples text."""
        held: set[tuple[str, ...]] = set()
        for log, batch in self._batches(None):
            for row in log.rows([batch]):
                (held.add if row.op == "+" else held.discard)(row[1:])
        return held

    def last_of(self, subject: Iri, predicate: Iri, value: Iri | Value) -> ChangeEvent | None:
        """Return the last thing that happened to a fact, in any graph; None where it is not in the history."""
        wanted = (subject, predicate, value)
        found = self.changes(_EVER, [subject], first_sight=True)
        return next((each for each in reversed(found) if (each.subject, each.predicate, each.object) == wanted), None)

    def _reaches(self, moment: datetime) -> None:
        begins = self.begins
        if begins is not None and moment < begins:
            raise BadInput(
                f"The graph's history begins {begins:%Y-%m-%d %H:%M:%S} UTC.", next_step="Ask for a later time."
            )

    def _batches(self, after: datetime | None) -> list[Entry]:
        """Return the batches later than that time, each with the log it stands in."""
        old = [] if self._base is None else self._base._batches(after)
        old = [
            (log, each)
            for log, each in old
            if each.number <= self._upto and (self._until is None or each.time <= self._until)
        ]
        return [*old, *((self.log, each) for each in self.log.batches(after=after))]


_OURS = (f"<{META}>", f"<{TABLE}>")
_ANNOTATION = f"<{STATEMENTS}"
_Net = dict[Text, tuple[Batch, str, str]]
"""Quad to the last batch that had it, what that did, and what the first one did."""
_EVER = Window.of("0001-01-02T00:00:00Z", "9999-12-30T00:00:00Z")


def _is_fact(row: Row) -> bool:
    """Say whether it is about the estate, rather than about a graph, a run, a name or another fact."""
    return row.graph not in _OURS and not row.subject.startswith(_ANNOTATION)


def _add(net: _Net, quads: list[Text], batch: Batch, op: str) -> None:
    """Add what a batch did; one object for all, as 100,000 of them would have the garbage collector go round."""
    done = (batch, op, op)
    if net.keys().isdisjoint(quads):
        net.update(zip(quads, repeat(done), strict=False))
        return
    for quad in quads:
        known = net.get(quad)
        net[quad] = done if known is None or known[2] == op else (batch, op, known[2])


def _nearby(found: Sequence[tuple[Batch, Row]], near: Iterable[Entity | Iri]) -> list[tuple[Batch, Row]]:
    ends = {f"<{each.iri if isinstance(each, Entity) else each}>" for each in near}
    beside = ends | {row.subject for _, row in found if row.object in ends}
    return [(batch, row) for batch, row in found if row.subject in beside or row.object in ends]


class _Meanings(dict[str, "Iri | Value"]):
    """Term in N-Triples text to what it means: most terms come many times."""

    def __missing__(self, text: str) -> Iri | Value:
        self[text] = value = Iri(text) if text == DEFAULT else meant(text)
        return value


class _Events(Sequence[ChangeEvent]):
    """Events that are made when one is looked at: how many there are is known at once.

    They are the quads with which the last batch did the same as the first; with the others it is as it was.
    """

    def __init__(self, net: _Net, op: str) -> None:
        self._net, self._op = net, op
        self._count = sum(1 for _, last, first in net.values() if last == first == op)

    @cached_property
    def _made(self) -> tuple[ChangeEvent, ...]:
        op = self._op
        return _events((each[0], Row(op, *quad)) for quad, each in self._net.items() if each[1] == each[2] == op)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[ChangeEvent]:
        return iter(self._made)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._made == tuple(other)

    def __hash__(self) -> int:
        return hash(self._made)

    def __repr__(self) -> str:
        return repr(self._made)

    @overload
    def __getitem__(self, which: int) -> ChangeEvent: ...

    @overload
    def __getitem__(self, which: slice) -> tuple[ChangeEvent, ...]: ...

    def __getitem__(self, which: int | slice) -> ChangeEvent | tuple[ChangeEvent, ...]:
        return self._made[which]


def _events(found: Iterable[tuple[Batch, Row]]) -> tuple[ChangeEvent, ...]:
    known: dict[str, Any] = _Meanings()
    made = (
        (batch.time, op, known[subject], known[predicate], known[value], known[graph], batch.run)
        for batch, (op, graph, subject, predicate, value) in found
    )
    return tuple(map(ChangeEvent._make, made))
