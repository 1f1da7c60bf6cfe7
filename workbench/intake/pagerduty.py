"""PagerDuty: webhook subscriptions, version 3, turned into alerts.

`{"event": {"event_type": "incident.triggered", "occurred_at", "data": {"id", "title", "created_at", "service", ...}}}`,
signed in `X-PagerDuty-Signature` as `v1=<HMAC-SHA256 of the body>`; while a secret is exchanged, there are two of them,
divided by a comma. The signature has no time: a recording that is sent again names the same incident, and changes
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from workbench.intake.alertmanager import Delivery
from workbench.intake.alertmanager import deliver as read
from workbench.intake.fields import mapping, text
from workbench.intake.proof import signed

SIGNATURE = "X-PagerDuty-Signature"
_OPEN = frozenset({"incident.triggered", "incident.reopened"})
_OVER = frozenset({"incident.resolved"})


def authentic(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> bool:
    """Say whether PagerDuty signed this body."""
    offered = (each.strip() for each in headers.get(SIGNATURE, "").split(",")[:8])
    return any(signed(body, each.removeprefix("v1="), secret) for each in offered if each.startswith("v1="))


def deliver(payload: Mapping[str, object]) -> Delivery:
    """Return the incident of an event; an event that neither opens nor ends one holds no alert.

    Raises:
        BadInput: it is no event, or its incident cannot be used.
    """
    event = mapping(payload, "event")
    kind = text(event, "event_type")
    if kind not in _OPEN | _OVER:
        return Delivery(())
    data = mapping(event, "data")
    service, priority = mapping(data, "service", needed=False), mapping(data, "priority", needed=False)
    entry = {
        "status": "resolved" if kind in _OVER else "firing",
        "labels": {
            "alertname": text(data, "title"),
            "service": text(service, "summary"),
            "severity": text(priority, "summary").lower() or _URGENCY.get(text(data, "urgency"), ""),
        },
        "annotations": {"summary": text(data, "title")},
        "startsAt": text(data, "created_at"),
        "endsAt": text(event, "occurred_at"),
        "generatorURL": text(data, "html_url"),
        "fingerprint": text(data, "id"),
    }
    return read({"alerts": [entry]})


_URGENCY = {"high": "critical", "low": "warning"}
