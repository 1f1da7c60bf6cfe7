"""The real Alertmanager, started by the test: what it says of alerts that fire, are silenced and are over."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ontology import iris
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Modality, Question, Silent
from workbench.telemetry.alertmanager import AlertmanagerState
from workbench.testing import alertmanager
from workbench.testing.vendors import VendorServer

CART = Entity(iris.service("cart", "shop"), "Service", "cart")
NOW = datetime.now(UTC)
WINDOW = Window(NOW - timedelta(minutes=10), NOW + timedelta(minutes=1))


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An Alertmanager with three alerts: two that fire, one of them silenced, and one that is over."""
    if alertmanager.BINARY is None:
        pytest.skip("no Alertmanager is installed")
    with alertmanager.running(tmp_path_factory.mktemp("alertmanager")) as url:
        _fill(url)
        yield url


def _fill(url: str) -> None:
    def alert(name: str, service: str, began: int, ends: int) -> dict[str, object]:
        return {
            "labels": {"alertname": name, "service": service, "severity": "page"},
            "annotations": {"summary": f"{service} is slow"},
            "startsAt": (NOW - timedelta(minutes=began)).isoformat(),
            "endsAt": (NOW + timedelta(minutes=ends)).isoformat(),
            "generatorURL": "http://prometheus.example/graph",
        }

    matcher = {"name": "service", "value": "mail", "isRegex": False, "isEqual": True}
    silence = {"matchers": [matcher], "createdBy": "jo", "comment": "known"}
    silence |= {"startsAt": NOW.isoformat(), "endsAt": (NOW + timedelta(hours=1)).isoformat()}  # type: ignore[dict-item]
    alertmanager.post(url, "/api/v2/silences", silence)
    alertmanager.post(
        url,
        "/api/v2/alerts",
        [alert("Slow", "cart", 5, 30), alert("Slow", "mail", 60, 30), alert("Old", "web", 9, -8)],
    )


def test_alerts_are_told_with_their_time_and_state(manager: str) -> None:
    """Firing and silenced alerts are rows of their service; one older than the window is told from its start."""
    reply = AlertmanagerState(manager).ask(Question(Modality.STATE, WINDOW)).reply

    assert isinstance(reply, Answered), reply
    rows = {row.entity: row for row in reply.table.itertuples()}
    assert rows["cart"].value == "firing (page): cart is slow"
    assert abs(rows["cart"].time - (NOW - timedelta(minutes=5))) < timedelta(seconds=1)
    assert rows["mail"].value == "silenced (page): mail is slow"
    assert rows["mail"].time == WINDOW.start
    assert "web" not in rows


def test_only_whom_the_question_is_about(manager: str) -> None:
    """A question on cart has alerts of cart alone, and a link that opens them."""
    reply = AlertmanagerState(manager).ask(Question(Modality.STATE, WINDOW, (CART,))).reply

    assert isinstance(reply, Answered)
    assert set(reply.table["entity"]) == {"cart"}
    with urllib.request.urlopen(reply.link, timeout=5) as page:
        assert page.status == 200


def test_before_the_alerts_began_there_is_silence(manager: str) -> None:
    """A window of yesterday is Silent."""
    window = Window(NOW - timedelta(days=1), NOW - timedelta(hours=23))

    assert isinstance(AlertmanagerState(manager).ask(Question(Modality.STATE, window)).reply, Silent)


def test_a_label_that_is_a_pod_is_its_workload() -> None:
    """An alert of a pod is about the deployment behind it; one without any name is about nobody."""
    alert = {"startsAt": NOW.isoformat(), "endsAt": (NOW + timedelta(hours=1)).isoformat(), "annotations": {}}
    pod = {**alert, "labels": {"alertname": "Crash", "pod": "cart-75d494679c-qdl5c"}, "status": {"state": "active"}}
    bare = {**alert, "labels": {"alertname": "Watchdog"}, "status": {"state": "unprocessed"}}
    with VendorServer(lambda _path, _query: [pod, bare]) as server:
        reply = AlertmanagerState(server.url).ask(Question(Modality.STATE, WINDOW)).reply

    assert isinstance(reply, Answered)
    assert set(zip(reply.table["entity"], reply.table["value"], strict=True)) == {("cart", "firing"), ("", "firing")}


def test_no_alert_is_silence() -> None:
    """An empty list is silence."""
    with VendorServer(lambda _path, _query: []) as server:
        reply = AlertmanagerState(server.url).ask(Question(Modality.STATE, WINDOW)).reply

    assert isinstance(reply, Silent)


def test_an_alert_that_was_over_before_the_window_is_none_of_it() -> None:
    """What ended before the window began is not told, should it still be listed; what ended within it is."""
    times = {"startsAt": (NOW - timedelta(hours=3)).isoformat(), "annotations": {}, "status": {"state": "active"}}
    over = {**times, "endsAt": (NOW - timedelta(hours=2)).isoformat(), "labels": {"alertname": "A", "service": "cart"}}
    late = {
        **times,
        "endsAt": (NOW - timedelta(minutes=5)).isoformat(),
        "labels": {"alertname": "B", "service": "cart"},
    }
    with VendorServer(lambda _path, _query: [over, late]) as server:
        reply = AlertmanagerState(server.url).ask(Question(Modality.STATE, WINDOW)).reply

    assert isinstance(reply, Answered)
    assert list(reply.table["field"]) == ["B"]
