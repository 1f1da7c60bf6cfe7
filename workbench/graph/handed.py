"""Scans, facts and changes as JSON, as they are handed to the owner of the store, and back to equal ones.

A fact is a list: subject, predicate, object, layer, source, seen, confidence, evidence. An object that JSON has no word
for is a pair of its kind and its text: `["iri", "https://..."]`, `["time", "2026-01-01T00:00:00+00:00"]`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ontology.errors import BadInput
from ontology.nouns import Fact, Iri, Layer, Value
from scanners.protocol import Problem, Scan
from workbench.graph.revision import Change


def scan_json(scan: Scan) -> dict[str, Any]:
    """Return the scan for JSON."""
    return {
        "source": scan.source,
        "scope": scan.scope,
        "layer": scan.layer.value,
        "facts": facts_json(scan.facts),
        "problems": [[each.where, each.reason] for each in scan.problems],
        "skipped": [[each.where, each.reason] for each in scan.skipped],
        "complete": scan.complete,
        "started": scan.started.isoformat(),
        "finished": scan.finished.isoformat(),
    }


def scan_of(said: Any) -> Scan:
    """Return the scan.

    Raises:
        BadInput: it is none.
    """
    try:
        return Scan(
            said["source"],
            said["scope"],
            Layer(said["layer"]),
            facts_of(said["facts"]),
            tuple(Problem(*each) for each in said["problems"]),
            _truth(said["complete"]),
            datetime.fromisoformat(said["started"]),
            datetime.fromisoformat(said["finished"]),
            skipped=tuple(Problem(*each) for each in said["skipped"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _no("scan", error) from error


def facts_json(facts: Iterable[Fact]) -> list[list[Any]]:
    """Return the facts for JSON."""
    return [
        [
            each.subject,
            each.predicate,
            _plain(each.object),
            each.layer.value,
            each.source,
            each.seen.isoformat(),
            each.confidence,
            each.evidence,
        ]
        for each in facts
    ]


def facts_of(said: Any) -> tuple[Fact, ...]:
    """Return the facts.

    Raises:
        BadInput: they are none.
    """
    try:
        return tuple(_fact(*each) for each in said)
    except (TypeError, ValueError) as error:
        raise _no("list of facts", error) from error


def change_json(change: Change) -> dict[str, Any]:
    """Return what a scan changed for JSON."""
    return {
        "added": change.added,
        "removed": change.removed,
        "unchanged": change.unchanged,
        "appeared": facts_json(change.appeared),
        "vanished": facts_json(change.vanished),
    }


def change_of(said: Any) -> Change:
    """Return what a scan changed."""
    return Change(
        said["added"],
        said["removed"],
        said["unchanged"],
        appeared=facts_of(said["appeared"]),
        vanished=facts_of(said["vanished"]),
    )


def _fact(
    subject: str, predicate: str, value: Any, layer: str, source: str, seen: str, confidence: float, evidence: str
) -> Fact:
    return Fact(
        Iri(subject),
        Iri(predicate),
        _meant(value),
        layer=Layer(layer),
        source=source,
        seen=datetime.fromisoformat(seen),
        confidence=float(confidence),
        evidence=evidence,
    )


def _plain(value: Iri | Value) -> Any:
    if isinstance(value, Iri):
        return ["iri", str(value)]
    return ["time", value.isoformat()] if isinstance(value, datetime) else value


def _meant(value: Any) -> Iri | Value:
    if isinstance(value, list):
        kind, text = value
        return Iri(text) if kind == "iri" else datetime.fromisoformat(text)
    if not isinstance(value, str | bool | int | float):
        raise TypeError(f"{value!r} is no value")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _no(what: str, error: Exception) -> BadInput:
    return BadInput(f"This is no {what}: {str(error)[:200]}.", next_step="Hand over what workbench scan makes.")
