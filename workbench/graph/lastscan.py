"""What a scope said last, as numbers: a rescan is compared with it without reading the store.

A fact is three terms (its subject, its predicate, and its object with all that is said of it), each numbered once, and
so one integer. The comparison is exact: nothing is hashed, and what vanished is read back from its number.
"""

from __future__ import annotations

import json
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate, count, islice, pairwise, repeat
from operator import add, attrgetter, is_
from typing import Any, NamedTuple

from ontology.iris import XSD
from ontology.nouns import Fact, Iri, Layer, Value, utc
from scanners.protocol import Scan
from workbench.graph.convert import graph_for, literal, meant

_SHIFTS = (40, 26, 0)
"""Where the numbers of subject, predicate and value begin in a key of 64 bits."""
_LIMITS = (1 << 24, 1 << 14, 1 << 26)
_SEGMENTS = 12
"""After so many rescans the terms are numbered anew, so that those nobody uses any more go."""
_SUBJECT, _PREDICATE, _OBJECT, _LAYER, _CONFIDENCE = map(
    attrgetter, ("subject", "predicate", "object", "layer", "confidence")
)
_EXACT = frozenset({Iri, str, int, bool, datetime})
"""Types of which equal values are written alike; 0.0 and -0.0 are not."""
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


class Columns(NamedTuple):
    """The terms of every fact, in the order in which they were said, where three terms are all there is to each."""

    subjects: list[Any]
    predicates: list[Any]
    objects: list[Any]
    kinds: list[Any]
    """The objects' types: what is equal may still be another value, as 1 is to true."""


@dataclass(slots=True)
class Known:
    """What a scope said last, ready to be compared with."""

    last: LastScan
    columns: Columns | None = None
    held: set[int] | None = None
    """All keys, each once; None where nobody asked yet."""

    def every(self) -> set[int]:
        """Return all keys, each once."""
        self.held = set(self.last.keys) if self.held is None else self.held
        return self.held


class Comparison(NamedTuple):
    """A scan beside the last one of its scope."""

    now: Known | None
    """What to keep for the next one; None where it is too large for that."""
    appeared: tuple[Fact, ...]
    vanished: tuple[Fact, ...]
    same: int
    """How many facts are said again, to the letter."""


class _Change(NamedTuple):
    keys: array[int]
    """Of all facts of the scan."""
    new: dict[int, Fact]
    gone: dict[int, Fact]


def first(scan: Scan) -> LastScan | None:
    """Return what to keep of a scan; None where it is too large for that."""
    terms: Terms = ({}, {}, {})
    keys = _keys(scan, terms)
    return _kept(keys, len(frozenset(keys)), terms, None)


def compared(scan: Scan, known: Known, ended: datetime | None = None) -> Comparison | None:
    """Return what the scan says that the last one did not, and the other way round; `known` is used up by it.

    The last one `ended` then: what vanished was last seen at that time. None where the scan says what cannot be kept as
    it was said: two broken characters become one and the same.
    """
    seen = ended or scan.finished
    last, before = known.last, known.columns
    each_once = last.distinct == len(last.keys) == len(scan.facts)
    moved = _moved(scan, before) if before is not None and each_once else None
    if before is None or moved is None:
        change, columns = _everywhere(scan, known, seen), _columns(scan)
    else:
        change, columns = _there(scan, known, before, moved, seen), before
    if _broken(islice(last.terms[2], last.counts[2], None)):
        return None
    same = last.distinct - len(change.gone)
    if change.keys == last.keys:
        return Comparison(Known(last, columns, known.held), (), (), same)
    kept = _kept(change.keys, same + len(change.new), last.terms, last)
    if kept is None and (kept := first(scan)) is None:
        now = None
    elif kept.terms is not last.terms:
        now = Known(kept, columns)
    else:
        now = Known(kept, columns, known.every())
        now.every().difference_update(change.gone)
        now.every().update(change.new)
    return Comparison(now, tuple(change.new.values()), tuple(change.gone.values()), same)


def _everywhere(scan: Scan, known: Known, seen: datetime) -> _Change:
    """Compare what is said without regard to where it was said."""
    keys = _keys(scan, known.last.terms)
    if keys == known.last.keys:
        return _Change(keys, {}, {})
    before, now = known.every(), frozenset(keys)
    new, gone = now - before, before - now
    appeared = {key: fact for key, fact in zip(keys, scan.facts, strict=True) if key in new} if new else {}
    return _Change(keys, appeared, dict(_facts(gone, known.last.terms, replace(scan, finished=seen))))


def _there(scan: Scan, known: Known, before: Columns, moved: Sequence[int], seen: datetime) -> _Change:
    """Compare at these places alone: elsewhere the same was said, and each of that once; `before` becomes what is."""
    keys, held, new, gone = known.last.keys[:], known.every(), {}, {}
    facts = [scan.facts[i] for i in moved]
    there = _keys(replace(scan, facts=tuple(facts)), known.last.terms)
    said = frozenset(there)
    for i, key, fact in zip(moved, there, facts, strict=True):
        if key not in held:
            new[key] = fact
        if (old := keys[i]) not in said:
            three = before.subjects[i], before.predicates[i], before.objects[i]
            gone[old] = Fact(*three, layer=scan.layer, source=scan.source, seen=seen)
        keys[i] = key
        value = fact.object
        before.subjects[i], before.predicates[i], before.objects[i] = fact.subject, fact.predicate, value
        before.kinds[i] = type(value)
    return _Change(keys, new, gone)


def _moved(scan: Scan, before: Columns) -> list[int] | None:
    """Return the places where something else is said; None where everything is to be compared by its terms."""
    found, layer = [], scan.layer
    # One plain loop: each fact is fetched from memory once, which is most of what this costs.
    for i, fact, subject, predicate, value, kind in zip(count(), scan.facts, *before, strict=False):
        if not (
            fact.subject == subject
            and fact.object == value
            and fact.predicate == predicate
            and type(fact.object) is kind
            and fact.confidence >= 1.0
            and fact.layer is layer
        ):
            found.append(i)
    some = [scan.facts[i] for i in found]
    exact = plain(some, layer) and _EXACT.issuperset(type(each.object) for each in some)
    return found if exact and len(found) <= len(scan.facts) // 4 else None


def _columns(scan: Scan) -> Columns | None:
    """Return the columns; None where a fact is more than its terms, or its object may be equal to another value."""
    if not plain(scan.facts, scan.layer):
        return None
    objects = list(map(_OBJECT, scan.facts))
    kinds = list(map(type, objects))
    made = Columns(list(map(_SUBJECT, scan.facts)), list(map(_PREDICATE, scan.facts)), objects, kinds)
    return made if _EXACT.issuperset(kinds) else None


def plain(some: Sequence[Fact], layer: Layer) -> bool:
    """Say whether these facts are their three terms and no more: sure, of this layer, and not learned."""
    sure = min(map(_CONFIDENCE, some), default=1.0) >= 1.0
    return sure and layer is not Layer.LEARNED and all(map(is_, map(_LAYER, some), repeat(layer)))


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
    if last is None and _broken(terms[2]):
        return None
    if len(old) >= _SEGMENTS:
        return None
    written = last.counts if last is not None else (0, 0, 0)
    new = [list(islice(column, begin, None)) for column, begin in zip(terms, written, strict=True)]
    counts = (len(terms[0]), len(terms[1]), len(terms[2]))
    return LastScan(keys, distinct, terms, counts, (*old, _written(new)) if any(new) else old)


def _keys(scan: Scan, terms: Terms) -> array[int]:
    """Return the key of every fact, in their order; what of one fact is said twice counts as said last."""
    columns = [list(map(_SUBJECT, scan.facts)), list(map(_PREDICATE, scan.facts)), _values(scan)]
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
    return "[" + json.dumps(how, ensure_ascii=False)  # as it is, so that `_broken` finds it


def _facts(keys: Iterable[int], terms: Terms, scan: Scan) -> Iterator[tuple[int, Fact]]:
    names = [list(column) for column in terms]
    for key in keys:
        subject, predicate, value = (
            names[i][key >> shift & limit - 1] for i, (shift, limit) in enumerate(zip(_SHIFTS, _LIMITS, strict=True))
        )
        yield key, _fact(Iri(subject), Iri(predicate), value, scan)


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


def _broken(some: Iterable[str]) -> bool:
    try:
        "".join(some).encode()
    except UnicodeEncodeError:
        return True
    return False


def _written(columns: Sequence[Sequence[str]]) -> bytes:
    """Return the terms as bytes: how many, how long each one is in characters, and all of them in a row."""
    lengths = array("I", [*map(len, columns), *(len(each) for column in columns for each in column)])
    text = "".join(each for column in columns for each in column).encode()
    return zlib.compress(lengths.tobytes() + text, 1)


def _read(segment: bytes) -> Iterator[list[str]]:
    data = zlib.decompress(segment)
    counts = array("I", data[:12])
    begin = 12 + 4 * sum(counts)
    text = data[begin:].decode()
    ends = accumulate(array("I", data[12:begin]), initial=0)
    terms = (text[begin:end] for begin, end in pairwise(ends))
    for each in counts:
        yield list(islice(terms, each))
