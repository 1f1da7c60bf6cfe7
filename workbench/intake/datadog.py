"""Datadog monitors: the payload of docs/alert-link.md, put into the webhook integration, turned into alerts.

Datadog lets the person write the payload, so ours is fixed: each field is one of its variables. A custom header bears
the secret. Datadog does not tell when a monitor's cycle began: what it repeats counts only if its cycle is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from workbench.intake.alertmanager import Delivery
from workbench.intake.alertmanager import deliver as read
from workbench.intake.fields import moment, text
from workbench.intake.proof import bearer

_TYPES = {"error": "critical", "warning": "warning", "info": "info"}


def authentic(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> bool:
    """Say whether the custom header bears the secret."""
    return bearer(headers, secret)


def deliver(payload: Mapping[str, object]) -> Delivery:
    """Return the alert of a monitor's notification; of a recovery, what is over.

    Raises:
        BadInput: it cannot be used.
    """
    tags = dict(tag.split(":", 1) for tag in text(payload, "tags").split(",") if ":" in tag)
    over = text(payload, "transition") == "Recovered"
    when = moment(text(payload, "date"))
    entry = {
        "status": "resolved" if over else "firing",
        "labels": {
            **{name.strip(): value.strip() for name, value in list(tags.items())[:90]},
            "alertname": text(payload, "name") or text(payload, "title"),
            "severity": text(payload, "priority").lower() or _TYPES.get(text(payload, "type"), ""),
        },
        "annotations": {"summary": text(payload, "title"), "description": text(payload, "text")},
        "startsAt": when,
        "endsAt": when,
        "generatorURL": text(payload, "link"),
        "fingerprint": text(payload, "cycle"),
    }
    found = read({"alerts": [entry]})
    if over:
        return replace(found, alerts=())
    return replace(found, repeats=frozenset(each.id for each in found.alerts))
