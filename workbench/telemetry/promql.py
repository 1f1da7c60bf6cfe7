"""PromQL in process: the part of the language that most questions need, with the semantics of Prometheus 2.

    evaluate("sum by (service) (rate(http_requests_total[1m]))", series, start, end, 15.0)

Understood: selectors with matchers and offset; the functions of `promql_ranges.RANGES` over ranges;
`histogram_quantile`, `abs ceil floor exp ln log2 log10 sqrt sgn round clamp clamp_min clamp_max scalar vector time
timestamp`; `sum avg min max count group stddev stdvar topk bottomk quantile` by and without; arithmetic, comparison
(also `bool`), `and or unless`, with `on`, `ignoring`, `group_left`, `group_right`. Not: subqueries, `@`, `absent`,
`label_replace`, native histograms.
Source: prometheus.io/docs/prometheus/latest/querying; a test compares it with the real Prometheus on generated queries.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import promql_parser as parser

from ontology.errors import BadInput, Unavailable
from workbench.telemetry.promql_ranges import COUNTERS, RANGES, latest, over_range
from workbench.telemetry.promql_vectors import (
    ARITHMETIC,
    COMPARISONS,
    SUMS,
    Matching,
    Row,
    aggregated,
    calculated,
    combined,
    joined,
    merged,
    quantiles,
    refused,
    without,
)
from workbench.telemetry.series import LOOKBACK_SECONDS, NAME, Series

Value = np.ndarray | list[Row]
"""A number a step, or rows."""
MOST_STEPS = 11_000
_MATHS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "exp": np.exp,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "sgn": np.sign,
}
_BOUNDS = ("clamp", "clamp_min", "clamp_max", "round")
_OTHERS = ("histogram_quantile", "scalar", "vector", "time", "timestamp", *_BOUNDS, *_MATHS)
_SETS = ("and", "or", "unless")
_TAKING = ("topk", "bottomk", "quantile")


def parsed(query: str) -> Any:
    """Return the tree of a query.

    Raises:
        BadInput: it is no PromQL.
    """
    try:
        return parser.parse(query)
    except ValueError as error:
        raise BadInput(f"{query!r} is no PromQL: parse error: {error}.", next_step="Correct the query.") from error


def outside(tree: Any) -> str:
    """Return the first thing in a query that this module does not understand; empty where it understands all."""
    return next(_outside(tree), "")


def _outside(node: Any) -> Iterator[str]:
    if isinstance(node, parser.SubqueryExpr):
        yield "a subquery"
    if getattr(node, "at", None) is not None:
        yield "the @ modifier"
    if isinstance(node, parser.Call) and node.func.name not in (*RANGES, *_OTHERS):
        yield f"{node.func.name}()"
    if isinstance(node, parser.AggregateExpr) and str(node.op) not in (*SUMS, *_TAKING):
        yield f"{node.op}()"
    if isinstance(node, parser.BinaryExpr) and str(node.op) not in (*ARITHMETIC, *COMPARISONS, *_SETS):
        yield f"the operator {node.op}"
    if isinstance(node, parser.VectorSelector) and node.matchers.or_matchers:
        yield "matchers joined by or"
    for inner in _inside(node):
        yield from _outside(inner)


def _inside(node: Any) -> Iterator[Any]:
    """Yield the expressions that a part of the tree holds."""
    for name in ("lhs", "rhs", "expr", "param", "vector_selector"):
        if (inner := getattr(node, name, None)) is not None:
            yield inner
    yield from getattr(node, "args", None) or ()


def selectors(node: Any) -> Iterator[Any]:
    """Yield the selectors of a query."""
    if isinstance(node, parser.VectorSelector):
        yield node
    for inner in _inside(node):
        yield from selectors(inner)


def counting(node: Any) -> str:
    """Return the first function of a query that makes sense of counters only; empty where there is none."""
    if isinstance(node, parser.Call) and node.func.name in COUNTERS:
        return str(node.func.name)
    return next(filter(None, map(counting, _inside(node))), "")


def reach(node: Any, lookback: float = LOOKBACK_SECONDS) -> float:
    """Return how many seconds before a moment the query may look for its value there."""
    back = getattr(node, "offset", None)
    offset = back.total_seconds() if isinstance(back, timedelta) else 0.0
    if isinstance(node, parser.VectorSelector):
        return offset + lookback
    if isinstance(node, parser.MatrixSelector):
        return reach(node.vector_selector, 0.0) + _milliseconds(node.range) / 1000
    if isinstance(node, parser.SubqueryExpr):
        return offset + _milliseconds(node.range) / 1000 + reach(node.expr, lookback)
    return max((reach(inner, lookback) for inner in _inside(node)), default=0.0)


def evaluate(query: str, series: Sequence[Series], start: float, end: float, step: float) -> list[Row]:
    """Return the rows of a range query: a value at start, start + step, and so on, none later than the end.

    Args:
        query: PromQL.
        series: raw, with the marks of their ends (`series.ended`).
        start: seconds since 1970, as `end`.
        end: included.
        step: seconds.

    Raises:
        BadInput: it is no PromQL, has no answer, or wants too many steps.
        Unavailable: it is PromQL of which this module does not understand a part.
    """
    tree = parsed(query)
    if strange := outside(tree):
        raise Unavailable(
            f"PromQL in process does not know {strange}.", next_step="Install Prometheus, or ask simpler."
        )
    first, last, width = (round(each * 1000) for each in (start, end, step))
    if width <= 0 or (last - first) // width > MOST_STEPS:
        raise refused("exceeded maximum resolution of 11,000 points per timeseries")
    steps = _Steps(np.arange(first, last + 1, width, dtype=np.int64), series)
    value = steps.value(tree)
    if isinstance(value, np.ndarray):
        return [Row({}, value, np.ones(len(value), dtype=bool))]
    return merged(value)


@dataclass(slots=True)
class _Steps:
    """The steps of a range query over some series."""

    at: np.ndarray
    """Milliseconds."""
    series: Sequence[Series]
    chosen: dict[str, list[Series]] = field(default_factory=dict)

    def value(self, node: Any) -> Value:
        """Return the value of an expression at every step.

        Raises:
            BadInput: it has none.
        """
        match node:
            case parser.NumberLiteral():
                return np.full(len(self.at), float(node.val))
            case parser.ParenExpr():
                return self.value(node.expr)
            case parser.UnaryExpr():
                return self._negated(self.value(node.expr))
            case parser.VectorSelector():
                return self._latest(node)
            case parser.AggregateExpr():
                return self._aggregated(node)
            case parser.Call():
                return self._called(node)
            case parser.BinaryExpr():
                return self._operated(node)
        raise refused(f"{type(node).__name__} is no value")

    def _rows(self, node: Any) -> list[Row]:
        value = self.value(node)
        if isinstance(value, np.ndarray):
            raise refused("expected an instant vector, got a scalar")
        return value

    def _number(self, node: Any) -> np.ndarray:
        value = self.value(node)
        if isinstance(value, np.ndarray):
            return value
        raise refused("expected a scalar, got an instant vector")

    def _negated(self, value: Value) -> Value:
        if isinstance(value, np.ndarray):
            return -value
        return merged(Row(without(row.labels, NAME), -row.values, row.there) for row in value)

    # -- selectors ------------------------------------------------------------------------------------------

    def _selected(self, selector: Any) -> list[Series]:
        words = selector.prettify()
        if words not in self.chosen:
            tests = [_test(each) for each in selector.matchers.matchers]
            name = selector.name
            self.chosen[words] = [
                each for each in self.series
                if (not name or each.name == name) and all(test(each.labels) for test in tests)
            ]  # fmt: skip
        return self.chosen[words]

    def _latest(self, selector: Any, times: bool = False) -> list[Row]:
        at = self.at - _milliseconds(selector.offset)
        rows = []
        for each in self._selected(selector):
            values, there, when = latest(each, at, round(LOOKBACK_SECONDS * 1000))
            rows.append(Row(each.labels, when / 1000.0 if times else values, there))
        return [row for row in rows if row.there.any()]

    def _over(self, name: str, matrix: Any, argument: float) -> list[Row]:
        if not isinstance(matrix, parser.MatrixSelector):
            raise refused(f"{name} expects a range vector")
        selector = matrix.vector_selector
        ends, length = self.at - _milliseconds(selector.offset), _milliseconds(matrix.range)
        rows = []
        for each in self._selected(selector):
            values, there = over_range(name, each, ends, length, argument)
            labels = each.labels if name == "last_over_time" else without(each.labels, NAME)
            rows.append(Row(labels, values, there))
        return merged(rows)

    # -- functions ------------------------------------------------------------------------------------------

    def _called(self, call: Any) -> Value:
        name, given = str(call.func.name), list(call.args)
        if name in RANGES:
            ranges = [each for each in given if isinstance(each, parser.MatrixSelector)]
            numbers = [self._number(each) for each in given if each not in ranges]
            return self._over(name, ranges[0] if ranges else given[0], float(numbers[0][0]) if numbers else 0.0)
        if name == "time":
            return self.at / 1000.0
        if name == "vector":
            return [Row({}, self._number(given[0]), np.ones(len(self.at), dtype=bool))]
        if name == "scalar":
            return self._scalar(self._rows(given[0]))
        if name == "histogram_quantile":
            return merged(quantiles(float(self._number(given[0])[0]), self._rows(given[1])))
        if name == "timestamp" and isinstance(given[0], parser.VectorSelector):
            return merged(Row(without(row.labels, NAME), row.values, row.there) for row in self._latest(given[0], True))
        function = _bounding(name, [self._number(each) for each in given[1:]]) if name in _BOUNDS else _MATHS.get(name)
        if function is None:
            raise refused(f"{name} of that is not known")
        return self._mapped(function, self._rows(given[0]))

    def _mapped(self, function: Callable[[np.ndarray], np.ndarray], rows: Sequence[Row]) -> list[Row]:
        with np.errstate(all="ignore"):
            return merged(Row(without(row.labels, NAME), function(row.values), row.there) for row in rows)

    def _scalar(self, rows: Sequence[Row]) -> np.ndarray:
        """Return the value where there is one row alone, else NaN."""
        alone = sum((row.there.astype(int) for row in rows), np.zeros(len(self.at), dtype=int)) == 1
        found = np.full(len(self.at), np.nan)
        for row in rows:
            found = np.where(alone & row.there, row.values, found)
        return found

    def _aggregated(self, node: Any) -> list[Row]:
        name, modifier = str(node.op), node.modifier
        listed = tuple(modifier.labels) if modifier else ()
        by = None if modifier and modifier.type == parser.AggModifierType.Without else listed
        number = float(self._number(node.param)[0]) if name in _TAKING else 0.0
        return merged(aggregated(name, self._rows(node.expr), by, listed if by is None else (), number))

    # -- operators ------------------------------------------------------------------------------------------

    def _operated(self, node: Any) -> Value:
        sign, modifier = str(node.op), node.modifier
        flag = bool(modifier and modifier.return_bool)
        left, right = self.value(node.lhs), self.value(node.rhs)
        if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
            if sign not in ARITHMETIC and not flag:
                raise refused("comparisons between scalars must use the bool modifier")
            return calculated(sign, left, right, flag)[0]
        if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
            return self._with_number(sign, left, right, flag)
        match = _matching(modifier)
        return merged(combined(sign, left, right, match) if sign in _SETS else joined(sign, left, right, match, flag))

    def _with_number(self, sign: str, left: Value, right: Value, flag: bool) -> list[Row]:
        if sign in _SETS:
            raise refused(f"{sign} is for two vectors")
        rows = left if isinstance(left, list) else right
        assert isinstance(rows, list)
        found = []
        for row in rows:
            pair = (row.values, right) if rows is left else (left, row.values)
            values, held = calculated(sign, pair[0], pair[1], flag)  # type: ignore[arg-type]  # one of them is the number
            drop = sign in ARITHMETIC or flag
            kept = values if drop else row.values  # a comparison tells the vector's value, on whichever side it stands
            found.append(Row(without(row.labels, NAME) if drop else row.labels, kept, row.there & held))
        return merged(found)


def _test(matcher: Any) -> Callable[[Mapping[str, str]], bool]:
    name, value, op = matcher.name, matcher.value, matcher.op
    if op == parser.MatchOp.Equal:
        return lambda labels: labels.get(name, "") == value
    if op == parser.MatchOp.NotEqual:
        return lambda labels: labels.get(name, "") != value
    try:
        pattern = re.compile(value, re.DOTALL)
    except re.error as error:  # RE2 and Python differ at the edges
        raise Unavailable(f"PromQL in process cannot match {value!r}.", next_step="Install Prometheus.") from error
    wanted = op == parser.MatchOp.Re
    return lambda labels: bool(pattern.fullmatch(labels.get(name, ""))) == wanted


def _milliseconds(span: timedelta | None) -> int:
    return 0 if span is None else round(span.total_seconds() * 1000)


def _matching(modifier: Any) -> Matching:
    if modifier is None:
        return Matching()
    card = parser.VectorMatchCardinality  # its values have no hash
    many = next(
        (side for each, side in ((card.ManyToOne, "left"), (card.OneToMany, "right")) if modifier.card == each), ""
    )
    by = modifier.matching
    on = by is not None and by.type == parser.LabelModifierType.Include
    return Matching(tuple(by.labels) if by else (), on, many, tuple(modifier.group_labels or ()))


def _bounding(name: str, given: Sequence[np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Return `round` or a clamp with its numbers."""
    if name == "round":
        inverse = 1.0 / (given[0] if given else np.float64(1.0))
        return lambda values: np.floor(values * inverse + 0.5) / inverse
    low = given[0] if name != "clamp_max" else -math.inf
    high = given[-1] if name != "clamp_min" else math.inf
    return lambda values: np.maximum(low, np.minimum(high, values))
