"""Alert rules, recording rules and objectives, as Prometheus and Grafana both have them; and the facts they make.

write_alert(ledger, rule, "default")
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ontology import iris, terms
from ontology.nouns import Iri
from ontology.terms import Kind
from scanners.ledger import Ledger
from scanners.observability.promql import Query, services_of

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0}
_TEAM_LABELS = ("team", "owner", "squad")
_OBJECTIVE = (("sloth_slo", "sloth_service"), ("slo", "service"), ("openslo_slo", "openslo_service"))
"""Label of an objective, and the label beside it that names its service."""
EXPRESSION = 4_000
"""Characters of an expression that are kept."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a group; an alert, or the recording of a metric under a new name."""

    name: str
    group: str
    queries: tuple[tuple[str, Query], ...]
    """Each query as written, and what it names."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    pending: str = ""
    """How long it must hold: `5m`."""
    identity: tuple[str, ...] = ()
    """What its IRI is made of; group and name where it has no id."""
    folder: str = ""
    state: str = ""
    evidence: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What its IRI is made of."""
        return self.identity or (self.group, self.name)


def seconds(duration: str) -> float | None:
    """Return a duration of Prometheus in seconds; None for what is none.

    >>> seconds("1h30m"), seconds("0s"), seconds("300"), seconds("soon")
    (5400.0, 0.0, 300.0, None)
    """
    if re.fullmatch(r"\d+(\.\d+)?", duration):
        return float(duration)
    parts = _DURATION.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def write_alert(ledger: Ledger, rule: Rule, environment: str) -> Iri:
    """Write down an alert rule: what it asks, of which metrics, for which services, and who answers for it."""
    where = rule.evidence
    iri = ledger.thing(iris.thing("alert-rule", environment, *rule.key), Kind.ALERT_RULE, rule.name, where)
    for text, query in rule.queries:
        ledger.say(iri, terms.EXPRESSION, text[:EXPRESSION], evidence=where)
        write_query(ledger, iri, terms.ALERTS_ON, query, environment, where)
    for name, confidence in services_of({label: (value,) for label, value in rule.labels.items()}):
        write_service(ledger, iri, terms.ALERTS_ON, name, min(confidence, 0.9), environment, where)
    ledger.say(iri, terms.SEVERITY, rule.labels.get("severity"), evidence=where)
    ledger.say(iri, terms.FOR_SECONDS, seconds(rule.pending), evidence=where)
    ledger.say(iri, terms.STATUS, rule.state, evidence=where)
    ledger.say(iri, terms.URL, rule.annotations.get("runbook_url"), evidence=where)
    ledger.say(iri, terms.DESCRIPTION, rule.annotations.get("summary") or rule.annotations.get("description"),
               evidence=where)  # fmt: skip
    for key, value in (("group", rule.group), ("folder", rule.folder), *sorted(rule.labels.items())):
        ledger.say(iri, terms.LABEL_KV, f"{key}={value}" if value else None, evidence=where)
    write_team(ledger, iri, rule.labels, where)
    _write_objective(ledger, iri, rule, environment)
    return iri


def write_recording(ledger: Ledger, rule: Rule, environment: str) -> Iri:
    """Write down a recording rule: a metric that is made of others."""
    iri = write_metric(ledger, rule.name, environment, rule.evidence)
    for text, query in rule.queries:
        ledger.say(iri, terms.EXPRESSION, text[:EXPRESSION], evidence=rule.evidence)
        for name in query.metrics:
            if name != rule.name:
                other = write_metric(ledger, name, environment, rule.evidence)
                ledger.say(iri, terms.DEPENDS_ON, other, confidence=1.0 if query.exact else 0.7, evidence=rule.evidence)
        write_services(ledger, iri, terms.MONITORS, query, environment, rule.evidence)
    _write_objective(ledger, iri, rule, environment)
    return iri


def write_query(ledger: Ledger, subject: Iri, predicate: Iri, query: Query, environment: str, evidence: str) -> None:
    """Write down which metrics and services a query looks at."""
    for name in query.metrics:
        metric = write_metric(ledger, name, environment, evidence)
        ledger.say(subject, predicate, metric, confidence=1.0 if query.exact else 0.7, evidence=evidence)
    write_services(ledger, subject, predicate, query, environment, evidence)


def write_services(ledger: Ledger, subject: Iri, predicate: Iri, query: Query, environment: str, evidence: str) -> None:
    """Write down which services a query names."""
    for name, confidence in query.services:
        write_service(ledger, subject, predicate, name, confidence, environment, evidence)


def write_service(
    ledger: Ledger, subject: Iri, predicate: Iri, name: str, confidence: float, environment: str, evidence: str
) -> None:
    """Write down that a service is meant; that it exists is as sure as that."""
    service = iris.service(name, environment)
    ledger.thing(service, Kind.SERVICE, name, evidence, confidence=confidence)
    ledger.say(subject, predicate, service, confidence=confidence, evidence=evidence)


def write_metric(ledger: Ledger, name: str, environment: str, evidence: str) -> Iri:
    """Write down a metric by the name under which it is queried; return its IRI."""
    return ledger.thing(iris.thing("metric", environment, name), Kind.METRIC, name, evidence)


def write_team(ledger: Ledger, subject: Iri, labels: Mapping[str, str], evidence: str) -> None:
    """Write down the team that a label names."""
    name = next((labels[label] for label in _TEAM_LABELS if labels.get(label)), "")
    if name:
        team = ledger.thing(iris.thing("team", name.lower()), Kind.TEAM, name, evidence)
        ledger.say(subject, terms.OWNED_BY, team, evidence=evidence)


def _write_objective(ledger: Ledger, subject: Iri, rule: Rule, environment: str) -> None:
    """Write down the objective that a rule guards, where its labels name one (Sloth, Pyrra, OpenSLO)."""
    for label, beside in _OBJECTIVE:
        name = rule.labels.get(label, "")
        if not name:
            continue
        service = rule.labels.get(beside, "")
        slo = iris.thing("slo", environment, *((service, name) if service else (name,)))
        ledger.thing(slo, Kind.SLO, name, rule.evidence)
        predicate = terms.ALERTS_ON if "/alert-rule/" in subject else terms.MONITORS
        ledger.say(subject, predicate, slo, evidence=rule.evidence)
        if service:
            write_service(ledger, slo, terms.MONITORS, service, 0.9, environment, rule.evidence)
        return


def told_apart(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return the rules, those of one group and name told apart by their severity and then their place."""
    known: dict[tuple[str, ...], list[Rule]] = {}
    for rule in rules:
        known.setdefault(rule.key, []).append(rule)
    out: list[Rule] = []
    for key, alike in known.items():
        severities = [each.labels.get("severity", "") for each in alike]
        for index, each in enumerate(alike):
            own = severities[index] if severities.count(severities[index]) == 1 else str(index)
            out.append(each if len(alike) == 1 else replace(each, identity=(*key, own or str(index))))
    return tuple(out)
