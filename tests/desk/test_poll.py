"""Alertmanager's own list: what the real one says fires is delivered once, and what leaves it is over."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import URLError

import pytest

from ontology.errors import Unavailable
from workbench import assembly
from workbench.desk.poll import Poll, polls
from workbench.desk.prepare import backend
from workbench.intake.alertmanager import deliver
from workbench.settings import Settings

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
CONFIGURATION = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
NOW = datetime.now(UTC)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[str]:
    """A running Alertmanager that nothing fires at yet."""
    if BINARY is None:
        pytest.skip("no Alertmanager is installed")
    (tmp_path / "alertmanager.yml").write_text(CONFIGURATION)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    parts = [f"--config.file={tmp_path}/alertmanager.yml", f"--storage.path={tmp_path}/data"]
    parts += ["--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{port}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([BINARY, *parts], **quiet) as process:  # type: ignore[call-overload]  # two streams
        try:
            _wait(f"http://127.0.0.1:{port}/-/ready")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait(url: str) -> None:
    pause = threading.Event()
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (URLError, OSError):
            pause.wait(0.05)
    raise AssertionError(f"{url} never answered")


def _say(url: str, path: str, body: object) -> None:
    request = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def _fire(url: str, service: str, ends: timedelta = timedelta(hours=1)) -> dict[str, object]:
    alert: dict[str, object] = {
        "labels": {"alertname": "Slow", "service": service, "severity": "page"},
        "annotations": {"summary": f"{service} is slow"},
        "startsAt": (NOW - timedelta(minutes=5)).isoformat(),
        "endsAt": (datetime.now(UTC) + ends).isoformat(),
    }
    _say(url, "/api/v2/alerts", [alert])
    return alert


def test_what_fires_is_delivered_once_and_what_leaves_the_list_is_over(manager: str, tmp_path: Path) -> None:
    """Silenced ones stay away; the same list again, in a new process too, changes nothing; an end is noted."""
    settings = Settings(home=tmp_path / "home", alertmanager_url=manager, watch_poll_seconds=1)
    matcher = {"name": "service", "value": "mail", "isRegex": False, "isEqual": True}
    silence = {"matchers": [matcher], "createdBy": "jo", "comment": "known", "startsAt": NOW.isoformat()}
    _say(manager, "/api/v2/silences", {**silence, "endsAt": (NOW + timedelta(hours=1)).isoformat()})
    for service in ("cart", "mail", "web"):
        _fire(manager, service)
    queue, poll = assembly.journal(settings).queue, Poll(settings)

    assert polls(settings)
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
    assert not polls(settings)
