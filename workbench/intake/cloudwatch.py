"""CloudWatch alarms by way of SNS: the notification's message turned into alerts.

SNS posts `{"Type": "Notification", "Message": "<the alarm as JSON text>", ...}`. The topic's subscription carries the
secret as the password of its address (`https://workbench:<secret>@...`), which SNS sends as HTTP basic authentication.
The subscription is confirmed by a person: we open no address that a payload names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from ontology.errors import BadInput
from workbench.intake.alertmanager import Delivery, parse
from workbench.intake.alertmanager import deliver as read
from workbench.intake.fields import at, text
from workbench.intake.proof import basic
from workbench.intake.text import link, plain


def authentic(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> bool:
    """Say whether the password of the subscription's address is the secret."""
    return basic(headers, secret)


def deliver(payload: Mapping[str, object]) -> Delivery:
    """Return the alarm of a notification; of one that is well again, what is over.

    Raises:
        BadInput: it cannot be used, or it asks to confirm the subscription.
    """
    if text(payload, "Type") == "SubscriptionConfirmation":
        raise BadInput(
            f"The topic {plain(text(payload, 'TopicArn'), 200)} asks to confirm its subscription.",
            next_step=f"If it is yours, open: {link(at(payload, 'SubscribeURL')) or 'the address in its request'}",
        )
    alarm = parse(text(payload, "Message").encode("utf-8", "surrogatepass"))
    state, when = text(alarm, "NewStateValue"), text(alarm, "StateChangeTime")
    if state not in ("ALARM", "OK"):
        return Delivery(())
    entry = {
        "status": "firing" if state == "ALARM" else "resolved",
        "labels": {**_dimensions(alarm), "alertname": text(alarm, "AlarmName"), "region": text(alarm, "Region")},
        "annotations": {"summary": text(alarm, "AlarmDescription"), "description": text(alarm, "NewStateReason")},
        "startsAt": _iso(when),
        "endsAt": _iso(when),
        "fingerprint": text(alarm, "AlarmArn") or text(alarm, "AlarmName"),
    }
    found = read({"alerts": [entry]})
    return found if state == "ALARM" else replace(found, alerts=())


def _dimensions(alarm: Mapping[str, object]) -> dict[str, str]:
    """Return what the alarm's metric is about: `ClusterName`, `ServiceName`, in small letters as labels."""
    listed = at(alarm, "Trigger.Dimensions")
    dimensions = listed[:50] if isinstance(listed, list) else []
    named = {text(each, "name"): text(each, "value") for each in dimensions}
    known = {"ServiceName": "service", "FunctionName": "service", "DBInstanceIdentifier": "database"}
    return {known.get(name, name.lower()): value for name, value in named.items() if name}


def _iso(when: str) -> str:
    """Return the time with the colon that ISO-8601 has in its zone: CloudWatch writes `+0000`."""
    return f"{when[:-2]}:{when[-2:]}" if when[-5:-4] in ("+", "-") and ":" not in when[-5:] else when
