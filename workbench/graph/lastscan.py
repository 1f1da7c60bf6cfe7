"""What a scope said last, as numbers: a rescan is compared with it without reading the store.

A fact is three terms (its subject, its predicate, and its object with all that is said of it), each numbered once, and
so one integer. The comparison is exact: nothing is hashed, and what vanished is read back from its number.
"""

from __future__ import annotations

import json
import zlib
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress, count, islice, pairwise
from operator import add, attrgetter, ne
from typing import NamedTuple

from ontology.iris import XSD
from ontology.nouns import Fact, Iri, Layer, Value, utc
from scanners.protocol import Scan
from workbench.graph.convert import graph_for, literal, meant

_SHIFTS = (40, 26, 0)
"""Where the numbers of subject, predicate and value begin in a key of 64 bits."""
_LIMITS = (1 << 24, 1 << 14, 1 << 26)
_SEGMENTS = 12
"""After so many rescans the terms are numbered anew, so that those nobody uses any more go."""
Terms = tuple[dict[str, int], dict[str, int], dict[str, int]]
"""Subjects, predicates, values: term to its number, already in its place in the key."""


@dataclass(frozen=True, slots=True)
class LastScan:
    """All that a source said of a scope."""

    keys: array[int]
    """In the order in which it was said."""
    distinct: int
    terms: Terms
    counts: tuple[int, int, int]
    """How many terms of each kind the segments hold."""
    segments: tuple[bytes, ...]
    """The terms as they are kept, those that each generation brought by themselves."""

    def packed(self) -> bytes:
        """Return it as bytes that `unpacked` reads."""
        parts = [array("Q", [self.distinct]).tobytes() + self.keys.tobytes(), *self.segments]
        return array("Q", [len(parts), *map(len, parts)]).tobytes() + b"".join(parts)


class Comparison(NamedTuple):
    """A scan beside the last one of its scope."""

    now: LastScan | None
    """What to keep for the next one; None where it is too large for that."""
    appeared: tuple[Fact, ...]
    vanished: tuple[Fact, ...]
    same: int
    """How many facts are said again, to the letter."""


def first(scan: Scan) -> LastScan | None:
    """Return what to keep of a scan; None where it is too large for that."""
    terms: Terms = ({}, {}, {})
    keys = _keys(scan, terms)
    return _kept(keys, len(frozenset(keys)), terms, None)


def compared(scan: Scan, last: LastScan) -> Comparison:
    """Return what the scan says that the last one did not, and the other way round; `last.terms` grow."""
    keys = _keys(scan, last.terms)
    if keys == last.keys:
        return Comparison(last, (), (), last.distinct)
    distinct, new, gone = _differing(keys, last)
    appeared = {key: fact for key, fact in zip(keys, scan.facts, strict=True) if key in new} if new else {}
    kept = _kept(keys, distinct, last.terms, last) or first(scan)
    return Comparison(kept, tuple(appeared.values()), tuple(_facts(gone, last.terms, scan)), distinct - len(new))


def _differing(keys: array[int], last: LastScan) -> tuple[int, Collection[int], Collection[int]]:
    """Return how many keys there are, those that are new, and those that are gone."""
    now = frozenset(keys)
    if len(now) == len(keys) == len(last.keys) == last.distinct:  # each once: what stands where it stood is the same
        moved = list(compress(count(), map(ne, keys, last.keys)))
        new, gone = {keys[i] for i in moved}, {last.keys[i] for i in moved}
        return len(now), new - gone, gone - new
    before = frozenset(last.keys)
    return len(now), now - before, before - now


def unpacked(data: bytes) -> LastScan:
    """Return what `packed` made bytes of."""
    (count,) = array("Q", data[:8])
    lengths = array("Q", data[8 : 8 + 8 * count])
    ends = list(accumulate(lengths, initial=8 + 8 * count))
    keys, *segments = (data[begin:end] for begin, end in pairwise(ends))
    terms: Terms = ({}, {}, {})
    for segment in segments:
        for column, shift, more in zip(terms, _SHIFTS, _read(segment), strict=True):
            begin = len(column)
            column.update(zip(more, range(begin << shift, (begin + len(more)) << shift, 1 << shift), strict=True))
    counts = (len(terms[0]), len(terms[1]), len(terms[2]))
    distinct, *_ = array("Q", keys[:8])
    return LastScan(array("Q", keys[8:]), distinct, terms, counts, tuple(segments))


def _kept(keys: array[int], distinct: int, terms: Terms, last: LastScan | None) -> LastScan | None:
    if any(len(column) >= limit for column, limit in zip(terms, _LIMITS, strict=True)):
        return None
    old = last.segments if last is not None else ()
    if len(old) >= _SEGMENTS:
        return None
    written = last.counts if last is not None else (0, 0, 0)
    new = [list(islice(column, begin, None)) for column, begin in zip(terms, written, strict=True)]
    counts = (len(terms[0]), len(terms[1]), len(terms[2]))
    return LastScan(keys, distinct, terms, counts, (*old, _written(new)) if any(new) else old)


def _keys(scan: Scan, terms: Terms) -> array[int]:
    """Return the key of every fact, in their order; what of one fact is said twice counts as said last."""
    columns = [*(list(map(attrgetter(each), scan.facts)) for each in ("subject", "predicate")), _values(scan)]
    subjects, predicates, values = map(_numbered, columns, terms, _SHIFTS)
    return array("Q", map(add, map(add, subjects, predicates), values))


def _numbered(column: Sequence[str], known: dict[str, int], shift: int) -> list[int]:
    """Return the numbers of the terms of a column; new ones are given the next."""
    try:
        return list(map(known.__getitem__, column))
    except KeyError:
        for each in dict.fromkeys(column):
            if each not in known:
                known[each] = len(known) << shift
    return list(map(known.__getitem__, column))


def _values(scan: Scan) -> list[str]:
    """Return, for every fact, its object and what is said of it as text from which both can be read."""
    plain = scan.layer if scan.layer is not Layer.LEARNED else None
    column: list[str] = [
        (value if type(value := fact.object) is Iri else '"' + value if type(value) is str else _token(value))
        if fact.layer is plain and fact.confidence >= 1.0
        else ""
        for fact in scan.facts
    ]
    if "" not in column:
        return column
    said: dict[tuple[str, str, str, str], list[int]] = {}
    for n, fact in enumerate(scan.facts):
        if not column[n]:
            where = graph_for(scan.source, scan.scope, fact.layer, fact.confidence)
            said.setdefault((fact.subject, fact.predicate, _token(fact.object), where), []).append(n)
    for (_, _, token, _), which in said.items():
        for n in which:
            column[n] = _full(scan.facts[which[-1]], token)
    return column


def _token(value: Iri | Value) -> str:
    """Return the value as text: an IRI bare, a string after a quotation mark, anything else after a caret."""
    kind = type(value)
    if kind is int:
        return f'^"{value}"^^<{XSD}integer>'
    if kind is Iri:
        return value  # type: ignore[return-value]
    return '"' + value if kind is str else f"^{literal(value)}"  # type: ignore[operator]


def _full(fact: Fact, token: str) -> str:
    """Return the value with all that tells the fact from another one of the same three terms."""
    how: list[str | float] = [token, fact.layer.value, fact.confidence, fact.evidence]
    if fact.layer is Layer.LEARNED:
        how += [fact.seen.isoformat(), fact.source]
    return "[" + json.dumps(how)


def _facts(keys: Iterable[int], terms: Terms, scan: Scan) -> Iterator[Fact]:
    names = [list(column) for column in terms]
    for key in keys:
        subject, predicate, value = (
            names[i][key >> shift & limit - 1] for i, (shift, limit) in enumerate(zip(_SHIFTS, _LIMITS, strict=True))
        )
        yield _fact(Iri(subject), Iri(predicate), value, scan)


def _fact(subject: Iri, predicate: Iri, text: str, scan: Scan) -> Fact:
    if not text.startswith("["):
        return Fact(subject, predicate, _value(text), layer=scan.layer, source=scan.source, seen=scan.finished)
    token, layer, confidence, evidence, *learned = json.loads(text[1:])
    seen, source = (utc(learned[0]), learned[1]) if learned else (scan.finished, scan.source)
    return Fact(
        subject,
        predicate,
        _value(token),
        layer=Layer(layer),
        source=source,
        seen=seen,
        confidence=confidence,
        evidence=evidence,
    )


def _value(token: str) -> Iri | Value:
    if token.startswith("^"):
        return meant(token[1:])
    return token[1:] if token.startswith('"') else Iri(token)


def _written(columns: Sequence[Sequence[str]]) -> bytes:
    """Return the terms as bytes: how many, how long each one is in characters, and all of them in a row."""
    lengths = array("I", [*map(len, columns), *(len(each) for column in columns for each in column)])
    text = "".join(each for column in columns for each in column).encode("utf-8", "surrogatepass")
    return zlib.compress(lengths.tobytes() + text, 1)


def _read(segment: bytes) -> Iterator[list[str]]:
    data = zlib.decompress(segment)
    counts = array("I", data[:12])
    begin = 12 + 4 * sum(counts)
    text = data[begin:].decode("utf-8", "surrogatepass")
    ends = accumulate(array("I", data[12:begin]), initial=0)
    terms = (text[begin:end] for begin, end in pairwise(ends))
    for each in counts:
        yield list(islice(terms, each))
