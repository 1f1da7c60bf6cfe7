"""Every sender's payload becomes the same kind of alert; what is repeated is the same one, what is over says so."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from ontology.errors import BadInput
from workbench.intake.senders import senders

NOW = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)
FIRED = datetime(2026, 1, 31, 2, 58, tzinfo=UTC)
OVER = FIRED + timedelta(minutes=9)
SECRET = "a-secret-of-this-sender"
FIELDS = {
    "alerts": "events",
    "title": "rule.name",
    "start": "at",
    "id": "key",
    "over": "closed",
    "service": "tags.svc",
    "severity": "level",
}
WHO = ["grafana", "pagerduty", "datadog", "cloudwatch", "opsgenie", "generic"]


def _payload(sender: str, *, over: bool) -> Mapping[str, object]:
    """Return what the sender says of one alert, firing or over."""
    ms = {True: f"{OVER.timestamp() * 1000:.0f}", False: f"{FIRED.timestamp() * 1000:.0f}"}
    alarm = {
        "AlarmName": "CheckoutSlow",
        "AlarmArn": "arn:aws:cloudwatch:eu-west-1:000000000000:alarm:CheckoutSlow",
        "AlarmDescription": "p99 of checkout is high",
        "NewStateValue": "OK" if over else "ALARM",
        "StateChangeTime": f"{OVER if over else FIRED:%Y-%m-%dT%H:%M:%S}.000+0000",
        "Trigger": {"Dimensions": [{"name": "ServiceName", "value": "checkout"}]},
    }
    entry = {
        "status": "resolved" if over else "firing",
        "labels": {"alertname": "CheckoutSlow", "service": "checkout", "severity": "critical"},
        "annotations": {"summary": "p99 of checkout is high"},
        "startsAt": FIRED.isoformat(),
        "endsAt": OVER.isoformat() if over else "0001-01-01T00:00:00Z",
        "fingerprint": "0f3a9c1d2e4b5a67",
    }
    incident = {
        "id": "PT4KHLK",
        "title": "CheckoutSlow",
        "created_at": "2026-01-31T02:58:00Z",
        "urgency": "high",
        "service": {"summary": "checkout"},
        "html_url": "https://shop.pagerduty.example/incidents/PT4KHLK",
    }
    kind = "incident.resolved" if over else "incident.triggered"
    event = {"id": "e", "event_type": kind, "occurred_at": OVER.isoformat(), "data": incident}
    said: dict[str, Mapping[str, object]] = {
        "grafana": {"receiver": "workbench", "orgId": 1, "alerts": [entry]},
        "pagerduty": {"event": event},
        "datadog": {
            "cycle": "8212345678",
            "name": "CheckoutSlow",
            "title": "[Triggered] CheckoutSlow",
            "transition": "Recovered" if over else "Triggered",
            "date": ms[over],
            "tags": "service:checkout,env:prod",
            "priority": "P1",
            "type": "error",
        },
        "cloudwatch": {"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": json.dumps(alarm)},
        "opsgenie": {
            "action": "Close" if over else "Create",
            "alert": {
                "alertId": "44f717bf-44bd",
                "message": "CheckoutSlow",
                "createdAt": int(ms[False]),
                "updatedAt": int(ms[over]) * 1_000_000,
                "entity": "checkout",
                "priority": "P1",
                "details": {"env": "prod"},
            },
        },
        "generic": {
            "events": [
                {
                    "rule": {"name": "CheckoutSlow"},
                    "at": int(FIRED.timestamp()),
                    "key": "k-1",
                    "level": "page",
                    "tags": {"svc": "checkout"},
                    **({"closed": OVER.isoformat()} if over else {}),
                }
            ]
        },
    }
    return said[sender]


def _headers(sender: str, body: bytes, secret: str, now: datetime) -> dict[str, str]:
    """Return the headers with which the sender proves itself."""
    stamp = str(int(now.timestamp()))

    def sign(text: bytes) -> str:
        return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()

    if sender == "grafana":
        return {
            "X-Grafana-Alerting-Timestamp": stamp,
            "X-Grafana-Alerting-Signature": sign(f"{stamp}:".encode() + body),
        }
    if sender == "pagerduty":
        return {"X-PagerDuty-Signature": f"v1={'0' * 64},v1={sign(body)}"}
    if sender == "cloudwatch":
        return {"Authorization": "Basic " + base64.b64encode(f"workbench:{secret}".encode()).decode()}
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("who", WHO)
def test_a_firing_says_what_when_and_where(who: str) -> None:
    """Title, start, service and an id that is a slug come out of every sender's payload alike."""
    delivery = senders(FIELDS)[who].deliver(_payload(who, over=False))

    (alert,) = delivery.alerts
    assert (alert.title, alert.fired, alert.labels["service"]) == ("CheckoutSlow", FIRED, "checkout")
    assert alert.severity == ("unknown" if who == "cloudwatch" else "critical")
    assert alert.id.startswith("checkoutslow-")
    assert alert.id.endswith("-20260131t025800z")
    assert not delivery.resolved


@pytest.mark.parametrize("who", WHO)
def test_what_is_over_names_the_series_that_fired(who: str) -> None:
    """The end of an alert is told of the same name and fingerprint, with its time."""
    sender = senders(FIELDS)[who]
    (fired,) = sender.deliver(_payload(who, over=False)).alerts

    over = sender.deliver(_payload(who, over=True))

    ((alert_id, when),) = over.resolved.items()
    assert alert_id.rpartition("-")[0] == fired.id.rpartition("-")[0]
    assert when == OVER
    assert {each.id for each in over.alerts} <= {fired.id}


@pytest.mark.parametrize("who", WHO)
def test_only_the_sender_with_its_secret_is_believed(who: str) -> None:
    """The right proof passes; another secret, an empty one, another body and no header do not."""
    sender, body = senders({})[who], json.dumps(_payload(who, over=False)).encode()
    headers = _headers(who, body, SECRET, NOW)

    assert sender.authentic(headers, body, SECRET, NOW)
    assert not sender.authentic(headers, body, SECRET + "x", NOW)
    assert not sender.authentic(_headers(who, body, "", NOW), body, "", NOW)
    assert not sender.authentic({}, body, SECRET, NOW)
    if who in ("grafana", "pagerduty"):
        assert not sender.authentic(headers, body + b" ", SECRET, NOW)


def test_a_recorded_delivery_is_not_believed_later() -> None:
    """Grafana's signed time is bound to the body: older than five minutes or made newer, it is refused."""
    body = b"{}"
    headers = _headers("grafana", body, SECRET, NOW)
    sender, later = senders({})["grafana"], NOW + timedelta(seconds=301)

    assert not sender.authentic(headers, body, SECRET, later)
    headers["X-Grafana-Alerting-Timestamp"] = str(int(later.timestamp()))
    assert not sender.authentic(headers, body, SECRET, later)


def test_a_monitor_that_triggers_again_may_be_known_already() -> None:
    """Datadog gives no start: each of its alerts is marked as one that counts only where its cycle is unknown."""
    delivery = senders({})["datadog"].deliver(_payload("datadog", over=False))

    assert delivery.repeats == {delivery.alerts[0].id}


def test_a_subscription_is_for_a_person_to_confirm() -> None:
    """The address that SNS names is told, never opened; one that is no web address is not repeated."""
    deliver = senders({})["cloudwatch"].deliver
    ask = {"Type": "SubscriptionConfirmation", "TopicArn": "arn:aws:sns:x", "SubscribeURL": "https://sns.example/?x=1"}

    with pytest.raises(BadInput) as told:
        deliver(ask)
    assert "https://sns.example/?x=1" in told.value.next_step
    with pytest.raises(BadInput) as told:
        deliver({**ask, "SubscribeURL": "javascript:alert(1)"})
    assert "javascript" not in told.value.next_step


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(
    "payload", [{}, {"event": 1}, {"alert": []}, {"events": [1, None]}, {"alerts": [{"labels": 7}]}]
)
def test_what_cannot_be_used_is_a_sentence(who: str, payload: dict[str, object]) -> None:
    """A payload of another shape is refused in words, or holds no alert; it never breaks anything."""
    try:
        delivery = senders(FIELDS)[who].deliver(payload)
    except BadInput:
        return
    assert not delivery.alerts
