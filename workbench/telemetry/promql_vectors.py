"""PromQL's vectors over the steps of a range query: joined, aggregated, made into quantiles, as Prometheus does it.

A row is one series of an expression: labels, a value a step, and at which steps it is there.
Source: Prometheus, promql/engine.go and promql/quantile.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ontology.errors import BadInput
from workbench.telemetry.promql_ranges import quantile
from workbench.telemetry.series import NAME

Labels = Mapping[str, str]
Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One series of an expression."""

    labels: Labels
    values: np.ndarray
    there: np.ndarray
    """At which steps there is a value."""


def key(labels: Labels) -> Key:
    """Return labels as something that can be looked up."""
    return tuple(sorted(labels.items()))


def without(labels: Labels, *names: str) -> dict[str, str]:
    """Return the labels but some."""
    return {name: value for name, value in labels.items() if name not in names}


def merged(rows: Iterable[Row]) -> list[Row]:
    """Return rows of equal labels as one, each step of one of them.

    Raises:
        BadInput: two of them have a value at one step.
    """
    found: dict[Key, Row] = {}
    for row in rows:
        if not row.there.any():
            continue
        other = found.setdefault(key(row.labels), row)
        if other is row:
            continue
        if (other.there & row.there).any():
            raise refused("vector cannot contain metrics with the same labelset")
        values = np.where(row.there, row.values, other.values)
        found[key(row.labels)] = Row(row.labels, values, other.there | row.there)
    return list(found.values())


def refused(why: str) -> BadInput:
    """Return the error of a query that has no answer."""
    return BadInput(f"The query has no answer: {why}.", next_step="Correct the query.")


# -- aggregation ---------------------------------------------------------------------------------------------


def aggregated(
    name: str, rows: Sequence[Row], by: Sequence[str] | None, but: Sequence[str], number: float
) -> list[Row]:
    """Return the rows of each group as one; of `topk` and `bottomk` some of them.

    Args:
        name: one of `SUMS`, or `topk`, `bottomk`, `quantile`.
        rows: of a vector.
        by: labels that make a group; None: all but those of `but`.
        but: labels that do not.
        number: what `topk`, `bottomk` and `quantile` take.
    """
    groups: dict[Key, list[Row]] = {}
    for row in rows:
        labels = without(row.labels, NAME, *but) if by is None else {n: row.labels[n] for n in by if row.labels.get(n)}
        groups.setdefault(key(labels), []).append(row)
    if name in ("topk", "bottomk"):
        return [row for group in groups.values() for row in _best(group, int(number), name == "topk")]
    return [_summed(name, dict(labels), group, number) for labels, group in groups.items()]


def _summed(name: str, labels: Labels, group: Sequence[Row], number: float) -> Row:
    values, there = np.array([row.values for row in group]), np.array([row.there for row in group])
    some = np.asarray(there.any(axis=0))
    found = np.full(values.shape[1], np.nan)
    for step in np.flatnonzero(some):
        inside = values[there[:, step], step]
        found[step] = quantile(inside, number) if name == "quantile" else SUMS[name](inside)
    return Row(labels, found, some)


def _extreme(values: np.ndarray, best: Callable[[np.ndarray], float]) -> float:
    numbers = values[~np.isnan(values)]
    return float(best(numbers)) if len(numbers) else float("nan")


SUMS: Mapping[str, Callable[[np.ndarray], float]] = {
    "sum": lambda values: float(sum(values.tolist())),  # in order, as Prometheus adds
    "avg": lambda values: float(np.mean(values)),
    "min": lambda values: _extreme(values, np.min),
    "max": lambda values: _extreme(values, np.max),
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "stddev": lambda values: float(np.std(values)),
    "stdvar": lambda values: float(np.var(values)),
}


def _best(group: Sequence[Row], most: int, highest: bool) -> list[Row]:
    """Return the rows that are among the first of their group, each at the steps where it is; NaN comes last."""
    values = np.array([row.values if highest else -row.values for row in group])
    there = np.array([row.there for row in group])
    order = np.argsort(np.where(there, np.where(np.isnan(values), -np.inf, values), -np.inf), axis=0, kind="stable")[
        ::-1
    ]
    chosen = np.zeros_like(there)
    for step in range(there.shape[1]):
        ranked = [place for place in order[:, step] if there[place, step]]
        chosen[ranked[: max(0, most)], step] = True
    return [Row(row.labels, row.values, each) for row, each in zip(group, chosen, strict=True)]


def quantiles(q: float, rows: Sequence[Row]) -> list[Row]:
    """Return the quantile of each histogram: rows that differ in nothing but `le` are the buckets of one."""
    histograms: dict[Key, list[tuple[float, Row]]] = {}
    for row in rows:
        edge = _number(row.labels.get("le", ""))
        if edge is not None:
            histograms.setdefault(key(without(row.labels, NAME, "le")), []).append((edge, row))
    return [_quantile(q, dict(labels), buckets) for labels, buckets in histograms.items()]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _quantile(q: float, labels: Labels, buckets: list[tuple[float, Row]]) -> Row:
    buckets.sort(key=lambda bucket: bucket[0])
    edges = np.array([edge for edge, _ in buckets])
    counts, there = (np.array([getattr(row, name) for _, row in buckets]) for name in ("values", "there"))
    some = np.asarray(there.any(axis=0))
    found = np.full(counts.shape[1], np.nan)
    for step in np.flatnonzero(some):
        inside = there[:, step]
        found[step] = _bucket_quantile(q, edges[inside], counts[inside, step])
    return Row(labels, found, some)


def _bucket_quantile(q: float, edges: np.ndarray, counts: np.ndarray) -> float:
    """Return the quantile of one histogram, straight lines within its buckets."""
    if np.isnan(q) or not np.isinf(edges[-1]):
        return float("nan")
    if not 0 <= q <= 1:
        return float("-inf") if q < 0 else float("inf")
    distinct = np.unique(edges)
    counts = np.maximum.accumulate([counts[edges == edge].sum() for edge in distinct])
    if len(distinct) < 2 or counts[-1] == 0 or np.isnan(counts[-1]):
        return float("nan")
    rank = q * counts[-1]
    place = int(np.searchsorted(counts[:-1], rank, side="left"))
    if place == len(distinct) - 1:
        return float(distinct[-2])
    if place == 0 and distinct[0] <= 0:
        return float(distinct[0])
    low, below = (distinct[place - 1], counts[place - 1]) if place else (0.0, 0.0)
    return float(low + (distinct[place] - low) * ((rank - below) / (counts[place] - below)))


# -- two vectors ---------------------------------------------------------------------------------------------

ARITHMETIC: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
}
COMPARISONS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


@dataclass(frozen=True, slots=True)
class Matching:
    """By which labels the rows of two vectors belong together."""

    labels: tuple[str, ...] = ()
    on: bool = False
    """Whether these labels alone count; else all but them."""
    many: str = ""
    """`left` or `right`, where one row of the other side may belong to several of this."""
    taken: tuple[str, ...] = ()
    """Labels that are taken over from the side of one."""

    def signature(self, labels: Labels) -> Key:
        """Return what two rows that belong together have in common."""
        if self.on:
            return tuple((name, labels.get(name, "")) for name in sorted(self.labels))
        return key(without(labels, NAME, *self.labels))


def calculated(sign: str, left: np.ndarray, right: np.ndarray, flag: bool) -> Result:
    """Return the result of an operator, and where it is one: a comparison without `bool` keeps what it is true of."""
    with np.errstate(all="ignore"):
        if sign in ARITHMETIC:
            return ARITHMETIC[sign](left, right), np.ones(len(left), dtype=bool)
        true = COMPARISONS[sign](left, right)
    return (true.astype(float), np.ones(len(left), dtype=bool)) if flag else (left, true)


Result = tuple[np.ndarray, np.ndarray]


def joined(sign: str, left: Sequence[Row], right: Sequence[Row], match: Matching, flag: bool) -> list[Row]:
    """Return what an operator makes of each pair of rows that belong together.

    Raises:
        BadInput: a row belongs to several where only one may be.
    """
    many, one = (right, left) if match.many == "right" else (left, right)
    partners: dict[Key, list[Row]] = {}
    for row in one:
        others = partners.setdefault(match.signature(row.labels), [])
        if any((other.there & row.there).any() for other in others):
            raise refused("many-to-many matching not allowed: matching labels must be unique on one side")
        others.append(row)
    found, seen = list[Row](), dict[tuple[Key, Key], np.ndarray]()
    for row in many:
        signature = match.signature(row.labels)
        for other in partners.get(signature, ()):
            pair = (other, row) if match.many == "right" else (row, other)
            values, held = calculated(sign, pair[0].values, pair[1].values, flag)
            labels = _joined_labels(row.labels, other.labels, match, sign in ARITHMETIC or flag)
            there = row.there & other.there & held
            _once(seen, (signature, key(labels) if match.many else ()), row.there & other.there)
            found.append(Row(labels, values, there))
    return found


def _once(seen: dict[tuple[Key, Key], np.ndarray], group: tuple[Key, Key], there: np.ndarray) -> None:
    """Note a result of a group; two at one step are an error."""
    before = seen.get(group)
    if before is not None and (before & there).any():
        raise refused("multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")
    seen[group] = there if before is None else before | there


def _joined_labels(many: Labels, one: Labels, match: Matching, unnamed: bool) -> dict[str, str]:
    labels = without(many, NAME) if unnamed else dict(many)
    if match.many:
        taken = {name: one.get(name, "") for name in match.taken}
        return {name: value for name, value in {**labels, **taken}.items() if value}
    if match.on:
        return {name: value for name, value in labels.items() if name in match.labels}
    return without(labels, *match.labels)


def combined(sign: str, left: Sequence[Row], right: Sequence[Row], match: Matching) -> list[Row]:
    """Return `and`, `or` or `unless` of two vectors, step by step."""
    there: dict[Key, np.ndarray] = {}
    for row in left if sign == "or" else right:
        signature = match.signature(row.labels)
        there[signature] = there.get(signature, np.zeros_like(row.there)) | row.there

    def kept(row: Row) -> Row:
        other = there.get(match.signature(row.labels), np.zeros_like(row.there))
        return Row(row.labels, row.values, row.there & (other if sign == "and" else ~other))

    return [*left, *map(kept, right)] if sign == "or" else [kept(row) for row in left]
