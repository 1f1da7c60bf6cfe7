"""Prometheus: which of its alerts were pending or fired over a window, by which rule, as state.

    PrometheusRules("http://localhost:9090").ask(Question(Modality.STATE, window, about=(payment,)))

What fired is read from the `ALERTS` series, which reach back as far as the metrics do; the rules say what each watches.
A rule that cannot be evaluated is told too: its alert cannot fire. A server without rules (VictoriaMetrics) says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from ontology.errors import PersonError
from ontology.nouns import Window, utc
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.alertmanager import LABELS
from workbench.telemetry.http_source import HttpSource
from workbench.telemetry.layouts import service_of
from workbench.telemetry.live_source import Row, held, names_of, parsed, replied, windows
from workbench.telemetry.readonly import Allowed

STEP_SECONDS = 15.0
MOST_POINTS = 11_000
SERVER_TIMEOUT = "10s"
QUERY = "ALERTS"
_OURS = frozenset({"__name__", "alertname", "alertstate"})


@dataclass(frozen=True, slots=True)
class Rule:
    """An alert rule."""

    watches: str
    """Its expression, and for how long it must hold."""
    summary: str


class PrometheusRules(HttpSource):
    """Answers questions on state from the alerts and rules of a Prometheus."""

    name = "prometheus rules"
    modality: ClassVar[Modality] = Modality.STATE
    reads = (Allowed("GET", "/api/v1/rules"), Allowed("GET", "/api/v1/query_range"))

    def reply(self, question: Question) -> Reply:
        """Return the alerts that stood in the windows, and the rules that are broken."""
        remarks = list[str]()
        try:
            groups = self._groups()
        except PersonError as error:
            remarks.append(f"Rules left out: {error.problem}")
            groups = []
        rules = self._known(groups)
        rows = parsed(self.name, _broken(groups, question))
        for window in windows(question):
            for series in self._series(window):
                rows += parsed(self.name, _alerts(series, rules, question, self._step(window)))
        if not rules and not remarks:
            remarks.append("This server has no alert rules.")
        link = f"{self.url}/alerts"
        query = f"{QUERY}\nGET /api/v1/rules"
        return replied(rows, question, searched=self.url, query=query, link=link, remark=" ".join(remarks))

    def _known(self, groups: list[Any]) -> dict[str, Rule]:
        """Return the alert rules by name.

        Raises:
            Unavailable: they are of another shape.
        """
        return {str(name): Rule(*map(str, rest)) for name, *rest in parsed(self.name, _rules(groups))}

    def _groups(self) -> list[Any]:
        """Return the groups of rules.

        Raises:
            Unavailable: it has no rules to tell, or answers in another shape.
        """
        answer = self.get("/api/v1/rules")
        groups = (answer.get("data") or {}).get("groups") if isinstance(answer.get("data"), dict | None) else None
        if answer.get("status") != "success" or not isinstance(groups, list | None) or "data" not in answer:
            raise self.foreign()
        return groups or []

    def _step(self, window: Window) -> float:
        return max(STEP_SECONDS, float(math.ceil(window.seconds / (MOST_POINTS - 2))))

    def _series(self, window: Window) -> list[Any]:
        """Return the series of alerts over a window.

        Raises:
            Unavailable: no answer, or another shape.
        """
        times = {"start": window.start.timestamp(), "end": window.end.timestamp(), "step": self._step(window)}
        asked = {
            "query": QUERY,
            **{key: f"{value:g}" if key == "step" else f"{value:.3f}" for key, value in times.items()},
        }
        answer = self.get("/api/v1/query_range", {**asked, "timeout": SERVER_TIMEOUT})
        data = answer.get("data")
        if answer.get("status") != "success" or not isinstance(data, dict) or not isinstance(data.get("result"), list):
            raise self.foreign()
        return list(data["result"])


def _rules(groups: list[Any]) -> Iterator[Row]:
    """Yield the name of each alert rule, and the fields of its `Rule`."""
    for group in groups:
        for each in group["rules"]:
            if each.get("type") == "alerting":
                said = each.get("annotations") or {}
                held_for = f" for {float(each['duration']):g} s" if each.get("duration") else ""
                query = " ".join(str(each["query"]).split())
                summary = str(said.get("summary") or said.get("description") or "")
                yield str(each["name"]), f"{query}{held_for}", summary


def _broken(groups: list[Any], question: Question) -> Iterator[Row]:
    """Yield the rules that could not be evaluated when they were last tried."""
    for group in groups:
        for each in group["rules"]:
            at = utc(str(each["lastEvaluation"])) if each.get("lastEvaluation") else None
            when = held(at, question) if at else None
            if each.get("health") == "err" and when:
                why = " ".join(str(each.get("lastError") or "no reason given").split())[:200]
                yield when, "", "monitor", str(each["name"]), f"cannot be evaluated: {why}"


def _alerts(series: Mapping[str, Any], rules: Mapping[str, Rule], question: Question, step: float) -> Iterator[Row]:
    """Yield a row for each time that an alert began to be pending or to fire."""
    labels, names = series["metric"], names_of(question)
    said = [service_of(str(labels[each])) for each in LABELS if labels.get(each)]
    entity = next((each for each in said if each in names), said[0] if said else "")
    name = str(labels.get("alertname", "alert"))
    rule = rules.get(name)
    rest = {key: value for key, value in labels.items() if key not in _OURS}
    severity = f" ({rest.pop('severity')})" if rest.get("severity") else ""
    shown = ", ".join(f"{key}={value}" for key, value in sorted(rest.items()))
    summary = _filled(rule.summary, labels) if rule else ""
    watches = f"; watches {rule.watches}" if rule else ""
    value = f"{labels.get('alertstate', 'firing')}{severity}: {summary or shown}{watches}"
    before: datetime | None = None
    for stamp, _ in series["values"]:
        at = datetime.fromtimestamp(float(stamp), UTC)
        if before is None or at - before > timedelta(seconds=1.5 * step):
            yield at, entity, "alert", name, value
        before = at


def _filled(summary: str, labels: Mapping[str, Any]) -> str:
    """Return a summary with the labels that its template names; what else it computes stays as it stands.

    >>> _filled("{{ $labels.job }} is slow", {"job": "cart"})
    'cart is slow'
    """
    return re.sub(r"\{\{\s*\$labels\.(\w+)\s*\}\}", lambda match: str(labels.get(match[1], match[0])), summary)
