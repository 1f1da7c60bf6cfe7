"""Alertmanager's own list: what the real one says fires is delivered once, and what leaves it is over."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ontology.errors import Unavailable
from workbench import assembly
from workbench.desk.poll import Poll
from workbench.desk.prepare import backend
from workbench.intake.alertmanager import deliver
from workbench.settings import Settings
from workbench.testing import alertmanager

NOW = datetime.now(UTC)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[str]:
    """A running Alertmanager that nothing fires at yet."""
    if alertmanager.BINARY is None:
        pytest.skip("no Alertmanager is installed")
    with alertmanager.running(tmp_path) as url:
        yield url


def _fire(url: str, service: str, ends: timedelta = timedelta(hours=1)) -> dict[str, object]:
    alert: dict[str, object] = {
        "labels": {"alertname": "Slow", "service": service, "severity": "page"},
        "annotations": {"summary": f"{service} is slow"},
        "startsAt": (NOW - timedelta(minutes=5)).isoformat(),
        "endsAt": (datetime.now(UTC) + ends).isoformat(),
    }
    alertmanager.post(url, "/api/v2/alerts", [alert])
    return alert


def test_what_fires_is_delivered_once_and_what_leaves_the_list_is_over(manager: str, tmp_path: Path) -> None:
    """Silenced ones stay away; the same list again, in a new process too, changes nothing; an end is noted."""
    settings = Settings(home=tmp_path / "home", alertmanager_url=manager, watch_poll_seconds=1)
    matcher = {"name": "service", "value": "mail", "isRegex": False, "isEqual": True}
    silence = {"matchers": [matcher], "createdBy": "jo", "comment": "known", "startsAt": NOW.isoformat()}
    alertmanager.post(manager, "/api/v2/silences", {**silence, "endsAt": (NOW + timedelta(hours=1)).isoformat()})
    for service in ("cart", "mail", "web"):
        _fire(manager, service)
    queue, poll = assembly.journal(settings).queue, Poll(settings)

    assert settings.polls
    assert (poll.once(), poll.once(), Poll(settings).once()) == (2, 0, 0)
    _fire(manager, "web", ends=timedelta(seconds=-1))
    assert poll.once() == 0

    over = {each.alert_id: each.resolved for each in queue.places()}
    alerts = {alert_id: assembly.journal(settings).alert(alert_id).alert for alert_id in over}
    services = {alert.labels["service"]: over[alert_id] is not None for alert_id, alert in alerts.items()}
    assert services == {"cart": False, "web": True}


def test_the_list_and_the_webhook_name_an_alert_alike(manager: str, tmp_path: Path) -> None:
    """What Alertmanager lists, and then delivers by its webhook, is one alert; its fingerprint alone finds it."""
    settings = Settings(home=tmp_path / "home", alertmanager_url=manager, watch_poll_seconds=1)
    sent = _fire(manager, "cart")
    Poll(settings).once()
    (place,) = assembly.journal(settings).queue.places()
    fingerprint = place.alert_id.split("-")[-2]

    backend(settings).receive(deliver({"alerts": [{**sent, "status": "firing", "fingerprint": fingerprint}]}))

    assert [each.alert_id for each in assembly.journal(settings).queue.places()] == [place.alert_id]
    found = backend(settings).alert(fingerprint)
    assert found is not None and found.id == place.alert_id
    assert backend(settings).alert("0123456789abcdef") is None


def test_an_alertmanager_that_does_not_answer_is_said_so(tmp_path: Path) -> None:
    """The look is refused with a sentence, and the queue stays as it is."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = Settings(home=tmp_path / "home", alertmanager_url=f"http://127.0.0.1:{port}", source_seconds=1)

    with pytest.raises(Unavailable, match="does not answer"):
        Poll(settings).once()
    assert not settings.polls
