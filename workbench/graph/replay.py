"""A copy of the store on its way from one set of the log's batches to another.

What it holds too much is undone, what it lacks is done.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from pyoxigraph import DefaultGraph, Quad, RdfFormat, Store, parse

from workbench.graph.changes import DEFAULT, Row
from workbench.graph.history import Entry
from workbench.graph.revision import update_text

FEW = 2_000
"""From so many quads on it is cheaper to write a file of the store's own than to go through its log."""
_MANY = 20_000
"""From so many on a file of their own, rather than one with what came before and after."""
_MOST = 256 * 1024 * 1024
"""Bytes that are loaded in one piece."""
_GRAPH = re.compile(rb" <[^ >]*> \.$", re.MULTILINE)
_OPPOSITE = {"+": "-", "-": "+"}
_Net = dict[tuple[str, ...], str]
"""Graph, subject, predicate, object to what becomes of it."""


@dataclass(frozen=True, slots=True)
class Way:
    """From the batches that a copy holds to those that it should hold."""

    undo: Sequence[Entry]
    redo: Sequence[Entry]

    @property
    def cost(self) -> int:
        """How long it takes, more or less: to load a quad in bulk takes half as long as to write one."""
        one_by_one = sum(batch.size for _, batch in self.undo) + sum(each.size - each.bulk for _, each in self.redo)
        return 2 * one_by_one + sum(batch.bulk for _, batch in self.redo)


def way(have: Sequence[Entry], want: Sequence[Entry]) -> Way:
    """Return the way from what a copy holds to what it should hold."""
    held, wanted = ({(id(log), batch.number) for log, batch in each} for each in (have, want))
    return Way(
        [(log, batch) for log, batch in have if (id(log), batch.number) not in wanted],
        [(log, batch) for log, batch in want if (id(log), batch.number) not in held],
    )


def go(store: Store, along: Way, *, merged: bool = False) -> None:
    """Bring the store along that way; where its default graph is the union of all others (`merged`), that too.

    Not one act: nobody else may see the store meanwhile.
    """
    net: _Net = {}
    for log, batch in along.undo:
        for row in log.rows([batch]):
            net.setdefault(row[1:], _OPPOSITE[row.op])
    touched: _Net = {}
    for log, batch in along.redo:
        if batch.bulk >= _MANY:
            touched |= _written(store, net)
            net = {}
            came = log.bulk(batch)
            store.bulk_load(came + triples(came) if merged else came, format=RdfFormat.N_QUADS)
        for row in log.rows([batch], bulk=batch.bulk < _MANY):
            net[row[1:]] = row.op
    touched |= _written(store, net)
    if merged:
        _unite(store, touched)


def triples(quads: bytes) -> bytes:
    """Return the N-Quads of named graphs without their graphs."""
    return _GRAPH.sub(b" .", quads)


def _written(store: Store, net: _Net) -> _Net:
    """Write the net of some changes."""
    came = [quad for quad, op in net.items() if op == "+"]
    one_by_one = [Row("-", *quad) for quad, op in net.items() if op == "-"]
    if len(came) < FEW:
        one_by_one += [Row("+", *quad) for quad in came]
    if one_by_one:
        store.update(update_text(one_by_one))
    if len(came) >= FEW:
        store.bulk_load(_text(came), format=RdfFormat.N_QUADS)
    return net


def _unite(store: Store, touched: _Net) -> None:
    """Put into the default graph what came, and take out what no named graph says any more."""
    rows = [Row("+", DEFAULT, *quad[1:]) for quad, op in touched.items() if op == "+"]
    gone = _text([quad for quad, op in touched.items() if op == "-" and quad[0] != DEFAULT])
    for quad in parse(gone, format=RdfFormat.N_QUADS):
        left = store.quads_for_pattern(quad.subject, quad.predicate, quad.object, None)
        if all(each.graph_name == DefaultGraph() for each in left):
            rows.append(Row("-", DEFAULT, *map(str, quad.triple)))
    if rows:
        store.update(update_text(rows))


def _text(quads: Sequence[tuple[str, ...]]) -> bytes:
    """Return the quads as N-Quads."""
    lines = chain.from_iterable(
        (subject, " ", predicate, " ", value, "" if graph == DEFAULT else f" {graph}", " .\n")
        for graph, subject, predicate, value in quads
    )
    return "".join(lines).encode()


def unite(store: Store, entries: Sequence[Entry] | None) -> None:
    """Give the store a default graph that says all that its named graphs say, each triple once.

    A union that the engine makes while it asks yields a triple once a graph that says it, so that counts are wrong.
    `entries` are the batches that led to the store, which is cheaper than to read it; None where they are not known.
    """
    if entries is None:
        store.bulk_extend(Quad(quad.subject, quad.predicate, quad.object) for quad in store)
        return
    touched: _Net = {}
    pieces: list[bytes] = []
    for log, batch in entries:
        pieces.append(triples(log.bulk(batch)))
        touched.update((row[1:], row.op) for row in log.rows([batch], bulk=False))
        if sum(map(len, pieces)) > _MOST or batch is entries[-1][1]:
            store.bulk_load(b"".join(pieces), format=RdfFormat.N_TRIPLES)
            pieces.clear()
    _unite(store, touched)
