"""What the change log is made of: quads that came or went, one by one or in one piece, and the batches they came in."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

DEFAULT = "DEFAULT"
"""The name of the default graph."""
Text = tuple[str, str, str, str]
"""A quad as N-Triples text: graph, subject, predicate, object."""


class Kind(StrEnum):
    """Why a batch was written."""

    BASELINE = "baseline"
    """What was known already when the log begins, or came in from a file; no change of the estate."""
    FIRST = "first"
    """The first sight of a scope: everything is new to us, and nothing to the estate."""
    SCAN = "scan"
    LEARNED = "learned"
    """An investigation or a person said so, or took it back."""


class Row(NamedTuple):
    """One quad that came (`+`) or went (`-`); terms as N-Triples text, the default graph is `DEFAULT`."""

    op: str
    graph: str
    subject: str
    predicate: str
    object: str


@dataclass(frozen=True, slots=True)
class Bulk:
    """Quads of named graphs that all came at once."""

    graphs: frozenset[str]
    """As N-Triples text."""
    size: int
    quads: bytes
    """N-Quads, a line each."""
    packed: bytes
    """The same, compressed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What was written in one act."""

    number: int
    time: datetime
    run: str
    kind: Kind
    first: int
    """Number of its first row."""
    last: int
    """Number of its last row; lower than `first` where there is none."""
    bulk: int = 0
    """How many quads came at once, before its rows."""

    @property
    def size(self) -> int:
        """How many quads came or went."""
        return self.last - self.first + 1 + self.bulk


def bulked(came: Iterable[Text]) -> Bulk:
    """Return those of named graphs as one piece."""
    named = [quad for quad in came if quad[0] != DEFAULT]
    text = "".join([f"{subject} {predicate} {value} {graph} .\n" for graph, subject, predicate, value in named])
    lines = text.encode()
    return Bulk(frozenset(quad[0] for quad in named), len(named), lines, compressed(lines))


def compressed(lines: bytes) -> bytes:
    """Return N-Quads as the change log keeps them."""
    return zlib.compress(lines, 1)


def unbulked(quads: bytes) -> Iterator[Row]:
    """Yield N-Quads of named graphs as rows."""
    return map(_row, quads.decode().split("\n")[:-1])


def _row(line: str) -> Row:
    subject, predicate, rest = line.split(" ", 2)
    value, graph, _ = rest.rsplit(" ", 2)
    return Row("+", graph, subject, predicate, value)


def net(rows: Iterable[Row]) -> dict[tuple[str, ...], Row]:
    """Return, for each quad, the last thing that happened to it."""
    return {row[1:]: row for row in rows}
