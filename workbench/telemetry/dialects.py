"""What `what` means to the source that was recorded: the same question, put to rows.

    narrowed(rows, Modality.LOGS, ["cart"], '{app="cart"} |= "timeout"', said)

A text that lines hold, an operation, a kind; LogQL and TraceQL as far as what they ask for was kept. Anything else was
not recorded, and says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ontology.errors import NotFound
from workbench.nouns import Modality

Rows = pd.DataFrame
Flags = pd.Series  # of bool
TEXTS = frozenset({"log files", "kubernetes logs"})
"""Sources whose `what` is a text that lines hold, in any case."""
INSTANCES = frozenset({"pod", "container", "instance"})
"""Labels whose values were shortened to the name of a service, so that they cannot be asked for any more."""
_STRING = r'("(?:[^"\\]|\\.)*"|`[^`]*`)'


def narrowed(rows: Rows, modality: Modality, about: Sequence[str], what: str, said: Mapping[str, Any]) -> Rows:
    """Return the rows about those entities that `what` means.

    Args:
        rows: of the windows.
        modality: of the question.
        about: names of entities; empty for all.
        what: as the source takes it.
        said: what case.json says of how it was recorded; empty where it says nothing.

    Raises:
        NotFound: `what` asks for something that was not kept.
    """
    if what:
        rows = _of(modality, str(said.get("source", "")))(rows, what, said)
    if not about:
        return rows
    return rows[rows["service" if modality is Modality.TRACES else "entity"].isin(list(about))]


def _of(modality: Modality, source: str) -> Callable[[Rows, str, Mapping[str, Any]], Rows]:
    """Return how a source reads `what`; of a recording that does not say who was asked, names and texts."""
    if source and modality in (Modality.CHANGES, Modality.STATE):
        return _kind
    if not source or modality is Modality.METRICS:
        return _text if modality is Modality.LOGS else _named(modality)
    if modality is Modality.LOGS:
        return _text if set(source.split(", ")) <= TEXTS else logql if source == "loki" else _foreign
    return {"trace files": _operation, "jaeger": _traces_with, "tempo": traceql}.get(source, _foreign)


def not_recorded(what: str, why: str) -> NotFound:
    """Return the error of a query that asks for something that was not kept."""
    return NotFound(f"The answer to {what!r} was not recorded: {why}.", next_step="Ask without it, and look closer.")


def _foreign(rows: Rows, what: str, said: Mapping[str, Any]) -> Rows:
    raise not_recorded(what, f"how {said['source']} would read it cannot be known from the rows")


def _text(rows: Rows, what: str, said: Mapping[str, Any]) -> Rows:
    return rows[rows["message"].str.lower().str.contains(what.lower(), regex=False)]


def _named(modality: Modality) -> Callable[[Rows, str, Mapping[str, Any]], Rows]:
    """Return what keeps the rows of a name: a metric, an operation, a kind; `prefix*` is understood."""
    column = {Modality.METRICS: "metric", Modality.TRACES: "operation"}.get(modality, "kind")

    def kept(rows: Rows, what: str, said: Mapping[str, Any]) -> Rows:
        if re.search(r"[(){}\[\]=]", what):
            raise not_recorded(what, "names and beginnings of names (`prefix*`) are known")
        names = rows[column].astype(str)
        return rows[names.str.startswith(what[:-1]) if what.endswith("*") else names == what]

    return kept


def _kind(rows: Rows, what: str, said: Mapping[str, Any]) -> Rows:
    return rows[rows["kind"] == what]


def _operation(rows: Rows, what: str, said: Mapping[str, Any]) -> Rows:
    return rows[rows["operation"] == what]


def _traces_with(rows: Rows, what: str, said: Mapping[str, Any]) -> Rows:
    return rows[rows["trace_id"].isin(rows.loc[rows["operation"] == what, "trace_id"])]


# -- LogQL ---------------------------------------------------------------------------------------------------

_MATCHER = re.compile(rf"\s*(\w+)\s*(=~|!~|!=|=)\s*{_STRING}\s*,?")
_LINE = re.compile(rf"\s*(\|=|\|~|!=|!~)\s*{_STRING}")


def logql(rows: Rows, what: str, said: Mapping[str, Any]) -> Rows:
    """Return the lines of a LogQL query: a selector by the label that carried the entities, and line filters.

    A text that is no LogQL is what lines hold, by case.

    Raises:
        NotFound: it asks for other labels, or for more than lines.
    """
    if not what.strip().startswith("{"):
        return rows[rows["message"].str.contains(what.strip(), regex=False)]
    selector, brace, rest = what.strip()[1:].partition("}")
    known = set(re.findall(r"^\{(\w+)=~", str(said.get("query", "")), re.MULTILINE)) - INSTANCES
    for sign, name, value in _matchers(selector, what):
        if name not in known or not brace:
            raise not_recorded(what, f"the label {name} was not kept, only {', '.join(sorted(known)) or 'none'}")
        rows = rows[_compared(rows["entity"], sign, value, whole=True)]
    place = 0
    while match := _LINE.match(rest, place):
        sign = {"|=": "=", "|~": "=~"}.get(match[1], match[1])
        rows = rows[_compared(rows["message"], sign, _unquoted(match[2]), whole=False)]
        place = match.end()
    if rest[place:].strip():
        raise not_recorded(what, f"{rest[place:].strip()!r} is more than a filter of lines")
    return rows


def _matchers(selector: str, what: str) -> Iterator[tuple[str, str, str]]:
    place = 0
    while match := _MATCHER.match(selector, place):
        yield match[2], match[1], _unquoted(match[3])
        place = match.end()
    if selector[place:].strip():
        raise not_recorded(what, f"{selector[place:].strip()!r} is not understood")


def _unquoted(text: str) -> str:
    return text[1:-1] if text.startswith("`") else str(json.loads(text))


def _compared(column: pd.Series[Any], sign: str, value: str, *, whole: bool) -> Flags:
    """Say where a text is, holds (`whole` false), or fits a pattern; signs with `!` where not."""
    if sign.endswith("~"):
        found = column.str.fullmatch(value) if whole else column.str.contains(value, regex=True)
    else:
        found = column == value if whole else column.str.contains(value, regex=False)
    return ~found if sign.startswith("!") else found


# -- TraceQL -------------------------------------------------------------------------------------------------

_TOKEN = re.compile(rf"\s*(&&|\|\||[(){{}}]|=~|!~|!=|>=|<=|=|>|<|{_STRING}|-?[\d.]+(?:ns|us|µs|ms|s|m|h)|[\w.]+)")
_UNITS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}
_FIELDS = {"name": "operation", "kind": "kind", "resource.service.name": "service", ".service.name": "service"}


def traceql(rows: Rows, what: str, said: Mapping[str, Any]) -> Rows:
    """Return the spans of the traces that hold a span which one `{ ... }` of TraceQL describes.

    Understood: `name`, `kind`, `duration`, `status` against error, `resource.service.name`; `&&`, `||`, brackets.

    Raises:
        NotFound: it asks for attributes, for spans in relation, or for numbers of them.
    """
    tokens = [match[1] for match in _TOKEN.finditer(what)]
    if "".join(tokens) != re.sub(r"\s+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", "", what) or tokens[:1] != ["{"]:
        raise not_recorded(what, "it is not one condition on spans")
    spans = _Spans(rows, what, tokens[1:])
    found = pd.Series(True, index=rows.index) if spans.next == "}" else spans.either()
    if spans.tokens[spans.place :] != ["}"]:
        raise not_recorded(what, "it is not one condition on spans")
    return rows[rows["trace_id"].isin(rows.loc[found, "trace_id"])]


class _Spans:
    """Reads a condition of TraceQL, and says which spans fulfil it."""

    def __init__(self, rows: Rows, what: str, tokens: Sequence[str]) -> None:
        self.rows, self.what, self.tokens, self.place = rows, what, list(tokens), 0

    @property
    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        self.place += 1
        return self.tokens[self.place - 1] if self.place <= len(self.tokens) else ""

    def either(self) -> Flags:
        found = self.both()
        while self.next == "||":
            self.take()
            found = found | self.both()
        return found

    def both(self) -> Flags:
        found = self.one()
        while self.next == "&&":
            self.take()
            found = found & self.one()
        return found

    def one(self) -> Flags:
        if self.next == "(":
            self.take()
            found = self.either()
            self.take()
            return found
        return self.compared(self.take(), self.take(), self.take())

    def compared(self, field: str, sign: str, value: str) -> Flags:
        if field == "duration" and (unit := re.fullmatch(r"(-?[\d.]+)(\D+)", value)):
            return _sized(self.rows["duration_ms"], sign, float(unit[1]) * _UNITS.get(unit[2], np.nan))
        if field == "status" and value == "error" and sign in ("=", "!="):
            return _compared(self.rows["status"], sign, "error", whole=True)
        if field in _FIELDS and sign in ("=", "!=", "=~", "!~"):
            text = _unquoted(value) if value[:1] in ('"', "`") else value
            return _compared(self.rows[_FIELDS[field]], sign, text, whole=True)
        raise not_recorded(self.what, f"{field} {sign} {value} asks for what was not kept")


def _sized(column: pd.Series[Any], sign: str, value: float) -> Flags:
    signs = {"=": "eq", "!=": "ne", ">": "gt", "<": "lt", ">=": "ge", "<=": "le"}
    if sign not in signs:
        raise not_recorded(f"duration {sign}", "durations are compared as numbers")
    flags: Flags = getattr(column, signs[sign])(value)
    return flags
