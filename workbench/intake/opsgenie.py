"""Opsgenie: the payload of its outgoing webhook turned into alerts.

`{"action": "Create", "alert": {"alertId", "message", "createdAt", "tags", "entity", "alias", "priority", "details"}}`,
with times in milliseconds. A custom header of the integration bears the secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from workbench.intake.alertmanager import Delivery
from workbench.intake.alertmanager import deliver as read
from workbench.intake.fields import mapping, moment, text
from workbench.intake.proof import bearer

_OPEN = frozenset({"Create"})
_OVER = frozenset({"Close", "Delete"})


def authentic(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> bool:
    """Say whether the custom header bears the secret."""
    return bearer(headers, secret)


def deliver(payload: Mapping[str, object]) -> Delivery:
    """Return the alert of an action; an action that neither opens nor ends one holds none.

    Raises:
        BadInput: it cannot be used.
    """
    action = text(payload, "action")
    if action not in _OPEN | _OVER:
        return Delivery(())
    said = mapping(payload, "alert")
    details = mapping(said, "details", needed=False)
    entry = {
        "status": "resolved" if action in _OVER else "firing",
        "labels": {
            **{name: text(details, name) for name in list(details)[:90] if "." not in name},
            **({"service": text(said, "entity")} if text(said, "entity") else {}),
            "alertname": text(said, "message"),
            "severity": text(said, "priority").lower(),
        },
        "annotations": {"summary": text(said, "message"), "description": text(said, "description")},
        "startsAt": moment(text(said, "createdAt")),
        "endsAt": moment(text(said, "updatedAt")[:13]),
        "fingerprint": text(said, "alertId"),
    }
    return read({"alerts": [entry]})
