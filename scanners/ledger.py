"""Facts as a scanner writes them down: one label a thing, each statement once, no secret in a value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ontology import terms
from ontology.nouns import Fact, Iri, Layer, Value
from ontology.terms import Kind
from scanners.edges import Edge, Setting
from scanners.protocol import Redact
from scanners.secrecy import is_secret, looks_random

_VARIABLE = re.compile(r"\$[({]?(\w+)")


@dataclass(slots=True)
class Ledger:
    """Collects the facts of one scan, in order.

    A thing keeps the first label it was given; a statement said twice is kept once, at its highest confidence.
    """

    source: str
    layer: Layer
    seen: datetime
    redact: Redact
    _facts: dict[tuple[Iri, Iri, type, Iri | Value], Fact] = field(default_factory=dict)
    _labelled: dict[Iri, float] = field(default_factory=dict)
    _labels: dict[Iri, str] = field(default_factory=dict)

    def thing(self, iri: Iri, kind: str, label: str, evidence: str = "", *, confidence: float = 1.0) -> Iri:
        """Say that a thing of that kind exists, how surely, and what it is called; return its IRI."""
        self.say(iri, terms.TYPE, terms.class_iri(kind), confidence=confidence, evidence=evidence)
        if self._labelled.get(iri, 0.0) < confidence:
            called = self._labels.setdefault(iri, label or iri.rpartition(":")[2])
            self._labelled[iri] = confidence
            self.say(iri, terms.LABEL, called, confidence=confidence, evidence=evidence)
        return iri

    def say(
        self,
        subject: Iri,
        predicate: Iri,
        value: Iri | Value | None,
        *,
        confidence: float = 1.0,
        evidence: str = "",
    ) -> None:
        """Write a statement down; None and empty text say nothing."""
        if value is None or value == "":
            return
        if isinstance(value, str) and not isinstance(value, Iri):
            value = self.redact(value)
        key = (subject, predicate, type(value), value)
        known = self._facts.get(key)
        if known is None or known.confidence < confidence:
            self._facts[key] = Fact(
                subject,
                predicate,
                value,
                layer=self.layer,
                source=self.source,
                seen=self.seen,
                confidence=confidence,
                evidence=evidence,
            )

    def facts(self) -> tuple[Fact, ...]:
        """Return what was written, in the order it was first said."""
        return tuple(self._facts.values())


def write_setting(ledger: Ledger, owner: Iri, setting: Setting, template: str | None, value: str | None) -> None:
    """Write down a setting: as it was written, and what it comes to; a secret keeps its name only."""
    ledger.thing(setting.iri, Kind.ENV_VAR, setting.name, setting.evidence)
    ledger.say(owner, terms.SETS_ENV, setting.iri, evidence=setting.evidence)
    ledger.say(setting.iri, terms.PART_OF, owner, evidence=setting.evidence)
    if is_secret(setting.name) or looks_random(value or template or ""):
        ledger.say(setting.iri, terms.SENSITIVE, True, evidence=setting.evidence)
        return
    ledger.say(setting.iri, terms.VALUE_TEMPLATE, template, evidence=setting.evidence)
    if not any(is_secret(name) for name in _VARIABLE.findall(template or "")):
        ledger.say(setting.iri, terms.VALUE, value, evidence=setting.evidence)


def write_edges(ledger: Ledger, found: Iterable[Edge]) -> None:
    """Write edges down; the port that a setting means stands beside its reference."""
    for edge in found:
        if edge.named is not None:
            ledger.thing(edge.object, *edge.named, edge.evidence, confidence=edge.confidence)
        ledger.say(edge.subject, edge.predicate, edge.object, confidence=edge.confidence, evidence=edge.evidence)
        if edge.port is not None:
            ledger.say(edge.subject, terms.PORT, edge.port, confidence=edge.confidence, evidence=edge.evidence)
