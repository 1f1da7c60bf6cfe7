"""Alertmanager: its webhook payload, version 4, turned into alerts.

The format is the one of Prometheus Alertmanager's `webhook_config`: `{"version": "4", "alerts": [{"status", "labels",
"annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"}, ...]}`. Grafana's own alerting sends the same
shape with a few fields more. Fields that we do not know are left alone.

Deliveries come at least once, repeated and out of order: the id depends only on fingerprint and start, so a repeat
and a later `resolved` name the same alert.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ontology.errors import BadInput, PersonError
from ontology.nouns import Alert, Window, utc
from workbench.intake.text import link, plain, slug

ALERTS = 1000
"""At most so many alerts in one delivery; `max_alerts` bounds it on the sender's side."""
LABELS = 100
"""At most so many labels, or annotations, on one alert."""
NAME_LENGTH, VALUE_LENGTH, SUMMARY_LENGTH = 128, 1024, 4000
"""Characters of a label's name, of its value and of the summary; what is longer is cut."""
UNKNOWN_ONSET = timedelta(minutes=5)
"""How long before it fired we look, where the alert does not say when the trouble began."""
LONGEST_ONSET = timedelta(days=1)
"""An `onset` annotation further back than this is taken for a mistake."""

_SEVERITIES = {
    **dict.fromkeys(("critical", "page", "emergency", "fatal", "disaster", "sev1", "p1"), "critical"),
    **dict.fromkeys(("warning", "warn", "error", "major", "minor", "high", "sev2", "p2"), "warning"),
    **dict.fromkeys(("info", "informational", "none", "low", "notice", "ticket"), "info"),
}
_LINKS = {
    "runbook": ("runbook_url", "runbook"),
    "dashboard": ("dashboard_url", "dashboard", "dashboardURL", "panelURL"),
    "alert": ("generatorURL",),
    "silence": ("silenceURL",),
}
"""Name of a link to the annotations or fields that may hold its address, the best first."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a payload held: the alerts that can be used, and a sentence for each one that cannot."""

    alerts: tuple[Alert, ...]
    problems: tuple[BadInput, ...] = ()
    resolved: Mapping[str, datetime] = field(default_factory=dict)
    """Id of an alert to when its sender said that it, and all of its kind that fired before, is over."""
    repeats: frozenset[str] = frozenset()
    """Ids of alerts that may be known under an earlier start: their sender does not tell when they began."""


def parse(body: bytes) -> Mapping[str, object]:
    """Return the payload of a request's body.

    Raises:
        BadInput: the body is not a JSON object.
    """
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"The body is not JSON: {plain(error, 200)}.", next_step=_FORM) from error
    if not isinstance(payload, dict):
        raise BadInput("The body is JSON, but not an object.", next_step=_FORM)
    return payload


def alerts(payload: Mapping[str, object]) -> tuple[Alert, ...]:
    """Return the alerts of a payload, in its order.

    Raises:
        BadInput: the payload, or any alert in it, cannot be used.
    """
    delivery = deliver(payload)
    if delivery.problems:
        raise delivery.problems[0]
    return delivery.alerts


def deliver(payload: Mapping[str, object]) -> Delivery:
    """Return the alerts of a payload; one that cannot be used does not lose the others.

    The sender does not repeat a delivery that we refuse, so a good alert must not fall with a bad neighbour.

    Raises:
        BadInput: the payload holds no list of alerts, or too many.
    """
    entries = payload.get("alerts")
    if not isinstance(entries, list) or not entries:
        raise BadInput("The payload has no list of alerts.", next_step=_FORM)
    if len(entries) > ALERTS:
        raise BadInput(
            f"The payload holds {len(entries)} alerts; at most {ALERTS} fit one delivery.",
            next_step=f"Set max_alerts: {ALERTS} in Alertmanager's webhook_config.",
        )
    return listed(entries)


def listed(entries: Sequence[object]) -> Delivery:
    """Return alerts of a list, however many: those of a payload, or what `GET /api/v2/alerts` answers.

    Of the API's alerts all fire; their `status` is an object.
    """
    good: dict[str, Alert] = {}
    problems, resolved = [], {}
    for place, entry in enumerate(entries):
        try:
            each = alert(entry)
        except PersonError as error:
            problems.append(
                BadInput(f"Alert {place + 1} of {len(entries)}: {error.problem}", next_step=error.next_step)
            )
        else:
            good[each.id] = each
            if isinstance(entry, Mapping) and entry.get("status") == "resolved":
                resolved[each.id] = _end(entry, each)
    return Delivery(tuple(good.values()), tuple(problems), resolved)


def alert(entry: object) -> Alert:
    """Return one entry of a payload's `alerts` as an Alert.

    Raises:
        BadInput: it is not an object, or has no usable `labels` or `startsAt`.
    """
    if not isinstance(entry, Mapping):
        raise BadInput("The alert is not an object.", next_step=_FORM)
    labels = _texts(entry, "labels")
    if not labels:
        raise BadInput("The alert has no labels, so nothing says what it is about.", next_step=_FORM)
    annotations = _texts(entry, "annotations")
    fired = _start(entry.get("startsAt"))
    name = labels.get("alertname", "alert")
    return Alert(
        f"{slug(name, 40) or 'alert'}-{_fingerprint(entry, labels)}-{fired:%Y%m%dt%H%M%Sz}",
        title=name,
        window=Window(_onset(annotations, fired), fired),
        severity=_SEVERITIES.get(labels.get("severity", "").lower(), "unknown"),
        summary=_summary(annotations),
        labels=labels,
        links=_links(entry),
    )


_FORM = "Send Alertmanager's webhook payload, version 4; docs/alert-link.md shows one."


def _texts(entry: Mapping[str, object], field: str) -> dict[str, str]:
    """Return a mapping field as sanitised text, sorted by name."""
    raw = entry.get(field) or {}
    if not isinstance(raw, Mapping) or any(isinstance(value, Mapping | list) for value in raw.values()):
        raise BadInput(f"The alert's {field} are not a flat object of texts.", next_step=_FORM)
    if len(raw) > LABELS:
        raise BadInput(
            f"The alert has {len(raw)} {field}; at most {LABELS} are read.", next_step="Drop some in the rule."
        )
    pairs = {plain(name, NAME_LENGTH): plain(value, VALUE_LENGTH) for name, value in raw.items() if value is not None}
    return {name: pairs[name] for name in sorted(pairs) if name}


def _start(raw: object) -> datetime:
    """Return when the alert fired; Go writes year 1 for a time that was never set."""
    if not isinstance(raw, str):
        raise BadInput("The alert's startsAt is missing.", next_step=_FORM)
    try:
        fired = utc(plain(raw, 64))
    except OverflowError as error:
        raise BadInput("The alert's startsAt is no time of this world.", next_step=_FORM) from error
    if not 2000 <= fired.year <= 2200:
        raise BadInput(f"The alert's startsAt lies in the year {fired.year}.", next_step=_FORM)
    return fired


def _end(entry: Mapping[str, object], each: Alert) -> datetime:
    """Return when a resolved alert was over; when it fired, where its sender does not say."""
    try:
        return max(each.fired, _start(entry.get("endsAt")))
    except BadInput:
        return each.fired


def _onset(annotations: Mapping[str, str], fired: datetime) -> datetime:
    """Return when the trouble began: the `onset` annotation where it is a sane time, else five minutes before."""
    try:
        onset = utc(annotations.get("onset", ""))
    except (BadInput, OverflowError):  # a slip in a hint must not cost the alert
        return fired - UNKNOWN_ONSET
    return onset if fired - LONGEST_ONSET <= onset <= fired else fired - UNKNOWN_ONSET


def _fingerprint(entry: Mapping[str, object], labels: Mapping[str, str]) -> str:
    """Return 1 to 16 hexadecimal digits: the sender's own, else a hash of what it gave, else of the labels."""
    given = entry.get("fingerprint")
    if isinstance(given, str) and re.fullmatch(r"[0-9a-f]{1,16}", given):
        return given
    text = given if isinstance(given, str) and given else json.dumps(labels, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _summary(annotations: Mapping[str, str]) -> str:
    """Return the summary and, on a line of its own, the description where it says more."""
    lines = (annotations.get(name, "") for name in ("summary", "message", "description"))
    return "\n".join(line for line in dict.fromkeys(lines) if line)[:SUMMARY_LENGTH]


def _links(entry: Mapping[str, object]) -> dict[str, str]:
    """Return the links by name; what is not http or https is left out."""
    annotations = entry.get("annotations")
    places = {**(annotations if isinstance(annotations, Mapping) else {}), **entry}
    found = {name: next(filter(None, (link(places.get(key)) for key in keys)), "") for name, keys in _LINKS.items()}
    return {name: address for name, address in found.items() if address}
