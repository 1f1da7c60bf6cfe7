"""What a query looks at: the metrics it names, and the services that its label matchers name. Pure.

PromQL is parsed by Prometheus's grammar (`promql_parser`) once the variables of Grafana are filled in; what cannot be
parsed is read by pattern, and is less sure. Of other query languages only a plain `service.name` is understood.

Confidence: `service_name` is the OpenTelemetry name itself (1.0); `service` and its like name a service by convention
(0.9); `job`, `app` and a workload's name often do (0.7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scanners.references import LIKELY, SURE

SERVICE_LABELS: Mapping[str, float] = {
    "service_name": 1.0,
    "exported_service_name": 1.0,
    "service": SURE,
    "exported_service": SURE,
    "svc": SURE,
    "destination_service_name": SURE,
    "source_service_name": SURE,
    "app_kubernetes_io_name": SURE,
    "app": LIKELY,
    "application": LIKELY,
    "job": LIKELY,
    "exported_job": LIKELY,
    "deployment": LIKELY,
    "k8s_deployment_name": LIKELY,
    "k8s_statefulset_name": LIKELY,
    "statefulset": LIKELY,
    "destination_workload": LIKELY,
}
"""Labels that name a service, and how surely."""
UNKNOWN = "__variable__"
"""Stands for a variable whose value nobody knows before the dashboard is looked at."""
LENGTH = 20_000
NESTING = 60
"""Characters and brackets of an expression: the parser is recursive, and ends the process when its stack does."""

_VARIABLE = re.compile(r"\[\[(?P<old>\w+)(?::\w+)?\]\]|\$\{(?P<name>\w+)(?:[.:][^{}]*)?\}|\$(?P<plain>[A-Za-z_]\w*)")
_DURATION = re.compile(r"^__(rate_)?(interval|range)(_ms|_s)?$|^__(rate_interval|interval|range)")
_QUOTED = re.compile(  # an open quote goes to the end: looking for its other half from each quote takes for ever
    r'"(?:[^"\\]|\\[\s\S]?)*+(?:"|\Z)|\'(?:[^\'\\]|\\[\s\S]?)*+(?:\'|\Z)|`[^`]*+(?:`|\Z)'
)
_IN_BRACKETS = re.compile(r"\[[^\[\]\"]*\]|\boffset\s+\S+")
_PLAIN = re.compile(r"[\w\-/]+(?:\\?\.[\w\-/]+)*")
_NAMED = re.compile(r"(?<![\w:.$\"'=~{,]\s)(?<![\w:.$\"'=~])([a-zA-Z_:][\w:]*)\s*[{\[]")
_MATCHED = re.compile(r"(?<![\w.])([\w.]+)\s*(=~|=)\s*\"([^\"]*)\"")
_SERVICE_TEXT = re.compile(
    r"\bservice\.name(?:\.keyword)?[\"'`]?\s*(?:==?|:|\beq\b)\s*[\"']?([\w\-]+(?:\.[\w\-]+)*)", re.IGNORECASE
)
_STREAM = re.compile(r"\{[^{}]*\}")
_WORDS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "and", "or"})


@dataclass(frozen=True, slots=True)
class Query:
    """What a query names."""

    metrics: tuple[str, ...]
    services: tuple[tuple[str, float], ...]
    """Name and how sure it is that a service is meant."""
    exact: bool = True
    """False when it did not parse, and patterns said what they could."""


def promql(text: str, values: Mapping[str, str] | None = None) -> Query:
    """Return what a PromQL expression names.

    Args:
        text: the expression, Grafana's variables in it.
        values: variables whose value is known.

    >>> promql('rate(hits_total{service_name="$svc", code=~"5.."}[$__rate_interval])', {"svc": "cart"})
    Query(metrics=('hits_total',), services=(('cart', 1.0),), exact=True)
    >>> promql('hits_total{service="cart"') .exact
    False
    """
    import promql_parser

    known = values or {}
    if fits(text):
        for other in (UNKNOWN, "1", "5m"):
            try:
                tree = promql_parser.parse(filled(text, known, other))
            except ValueError:
                continue
            return _query(_selectors(tree), exact=True)
    return _guessed(filled(text[:LENGTH], known, UNKNOWN))


def logql(text: str, values: Mapping[str, str] | None = None) -> Query:
    """Return the services that the stream selectors of a LogQL query name; it has no metrics.

    >>> logql('{app="cart"} |= "error"').services
    (('cart', 0.7),)
    """
    found: list[tuple[str, Mapping[str, tuple[str, ...]]]] = []
    for stream in _STREAM.findall(filled(text[:LENGTH], values or {}, UNKNOWN)):
        found.append(("", {label: _plain(operator, value) for label, operator, value in _MATCHED.findall(stream)}))
    return _query(found, exact=True)


def searched(text: str, values: Mapping[str, str] | None = None) -> Query:
    """Return the services that any other query names plainly: `service.name = "cart"`.

    >>> searched("source=logs-* | where resource.service.name='cart'").services
    (('cart', 0.9),)
    """
    names = _SERVICE_TEXT.findall(filled(text[:LENGTH], values or {}, UNKNOWN))
    return Query((), tuple((name, SURE) for name in dict.fromkeys(names) if UNKNOWN not in name))


def fits(text: str) -> bool:
    """Say whether an expression is small enough to be handed to the parser.

    >>> fits("a" + "(" * 100 + ")" * 100), fits("sum(a)")
    (False, True)
    """
    bare = _QUOTED.sub('""', text[: LENGTH + 1])
    level = deepest = 0
    for char in bare:
        level += (char in "([{") - (char in ")]}")
        deepest = max(deepest, level)
    operators = len(re.findall(r"[-+*/%^]|\b(?:and|or|unless)\b", bare))
    return len(text) <= LENGTH and deepest <= NESTING and operators <= 5 * NESTING


def filled(text: str, known: Mapping[str, str], other: str) -> str:
    """Return the text with Grafana's variables filled in; unknown ones by what may stand at that place.

    >>> filled('x{a="$b"}[$__range] > $limit', {}, "1")
    'x{a="__variable__"}[5m] > 1'
    """

    def value(match: re.Match[str], instead: str) -> str:
        name = match["old"] or match["name"] or match["plain"]
        return "5m" if _DURATION.match(name) else known.get(name, instead)

    def quoted(match: re.Match[str]) -> str:
        return _VARIABLE.sub(lambda each: value(each, UNKNOWN), match[0])

    def bracketed(match: re.Match[str]) -> str:
        return _VARIABLE.sub(lambda each: value(each, "5m"), match[0])

    text = _QUOTED.sub(quoted, text)
    text = _IN_BRACKETS.sub(bracketed, text)
    return _VARIABLE.sub(lambda each: value(each, other), text)


def _selectors(tree: Any) -> list[tuple[str, Mapping[str, tuple[str, ...]]]]:
    """Return metric and plain label values of each selector in a parsed expression."""
    import promql_parser

    found: list[tuple[str, Mapping[str, tuple[str, ...]]]] = []

    def visit(node: Any) -> None:
        selector = node.vector_selector if isinstance(node, promql_parser.MatrixSelector) else node
        if isinstance(selector, promql_parser.VectorSelector):
            sets = [selector.matchers.matchers, *selector.matchers.or_matchers]
            labels: dict[str, tuple[str, ...]] = {}
            for matcher in (each for group in sets for each in group):
                operator = {"MatchOp.Equal": "=", "MatchOp.Re": "=~"}.get(str(matcher.op), "")
                labels[matcher.name] = (*labels.get(matcher.name, ()), *_plain(operator, matcher.value))
            found.append((selector.name or "", labels))

    promql_parser.walk(tree, visit)
    return found


def _plain(operator: str, value: str) -> tuple[str, ...]:
    r"""Return the values that a matcher asks for; none for a pattern, a negation or an unknown variable.

    >>> _plain("=~", r"(cart|check\.out)"), _plain("=~", "cart.*"), _plain("!=", "cart")
    (('cart', 'check.out'), (), ())
    """
    if operator == "=":
        parts = [value]
    elif operator == "=~":
        inner = value.removeprefix("^").removesuffix("$")
        parts = (inner[1:-1] if inner.startswith("(") and inner.endswith(")") else inner).split("|")
    else:
        return ()
    named = all(_PLAIN.fullmatch(part) for part in parts) and not any(UNKNOWN in part for part in parts)
    return tuple(part.replace("\\.", ".") for part in parts) if named else ()


def _query(selectors: Iterable[tuple[str, Mapping[str, tuple[str, ...]]]], *, exact: bool) -> Query:
    """Return what selectors name together."""
    metrics: dict[str, None] = {}
    services: dict[str, float] = {}
    for metric, labels in selectors:
        for name in (metric, *labels.get("__name__", ())):
            if name and UNKNOWN not in name:
                metrics[name] = None
        for name, confidence in services_of(labels):
            services[name] = max(services.get(name, 0.0), confidence if exact else min(confidence, LIKELY))
    return Query(tuple(metrics), tuple(services.items()), exact)


def services_of(labels: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, float]]:
    """Yield the services that labels name, and how surely; a job's namespace (`shop/cart`) is left off.

    >>> list(services_of({"job": ["shop/cart"], "instance": ["a:1"]}))
    [('cart', 0.7)]
    """
    for label, values in labels.items():
        confidence = SERVICE_LABELS.get(label.replace(".", "_"))
        if confidence is not None:
            yield from ((value.rpartition("/")[2], confidence) for value in values if value.rpartition("/")[2])


def _guessed(text: str) -> Query:
    """Return what patterns find in an expression that does not parse."""
    labels = {name: _plain(operator, value) for name, operator, value in _MATCHED.findall(text)}
    names = [name for name in _NAMED.findall(_QUOTED.sub('""', text)) if name not in _WORDS]
    return _query([(name, {}) for name in names] + [("", labels)], exact=False)
