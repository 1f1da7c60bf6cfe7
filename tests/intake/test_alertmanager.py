"""Alertmanager payloads become alerts; what cannot be used is said in a sentence and loses nothing else."""

from __future__ import annotations

import copy
import json
import random
import re
from datetime import UTC, datetime, timedelta

import pytest

from ontology.errors import BadInput
from workbench.intake.alertmanager import ALERTS, LABELS, alert, alerts, deliver, parse

ENTRY: dict[str, object] = {
    "status": "firing",
    "labels": {"alertname": "CheckoutLatencyHigh", "service": "checkout", "severity": "page", "namespace": "shop"},
    "annotations": {
        "summary": "checkout p99 2.4 s, threshold 0.5 s",
        "description": "since 02:54",
        "runbook_url": "https://runbooks.example/checkout",
    },
    "startsAt": "2026-01-31T02:58:00.123456789Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up",
    "fingerprint": "0f3a9c1d2e4b5a67",
}


def _with(**fields: object) -> dict[str, object]:
    """Return the entry with some fields changed."""
    return {**copy.deepcopy(ENTRY), **fields}


def _annotated(**annotations: str) -> dict[str, object]:
    """Return the entry with these annotations."""
    return _with(annotations=annotations)


def test_an_alert_is_read_whole():
    """Id, title, severity, window, summary, labels and links come out as Alertmanager meant them."""
    (read,) = alerts({"version": "4", "alerts": [ENTRY], "receiver": "workbench", "somethingNew": {"a": [1]}})

    assert read.id == "checkoutlatencyhigh-0f3a9c1d2e4b5a67-20260131t025800z"
    assert (read.title, read.severity) == ("CheckoutLatencyHigh", "critical")
    assert read.window.end == datetime(2026, 1, 31, 2, 58, 0, 123456, tzinfo=UTC)
    assert read.window.seconds == 300
    assert read.summary == "checkout p99 2.4 s, threshold 0.5 s\nsince 02:54"
    assert read.labels["service"] == "checkout"
    assert read.links == {
        "runbook": "https://runbooks.example/checkout",
        "alert": "http://prometheus.example:9090/graph?g0.expr=up",
    }


def test_same_alert_same_id():
    """A repeat, another label order, another zone and a later `resolved` name the same alert."""
    labels = ENTRY["labels"]
    assert isinstance(labels, dict)
    others = [
        _with(status="resolved", endsAt="2026-01-31T03:10:00Z"),
        _with(labels=dict(reversed(list(labels.items())))),
        _with(startsAt="2026-01-31T03:58:00.9+01:00"),
        _with(annotations={}),
    ]

    assert {alert(each).id for each in others} == {alert(ENTRY).id}


def test_another_start_or_fingerprint_is_another_alert():
    """The next firing of the same rule, and another service of the same rule, get ids of their own."""
    ids = {
        alert(each).id
        for each in (ENTRY, _with(startsAt="2026-01-31T02:59:00Z"), _with(fingerprint="0f3a9c1d2e4b5a68"))
    }

    assert len(ids) == 3


def test_a_thousand_deliveries_in_any_order_name_each_alert_once():
    """Replayed, reordered and resolved-before-firing deliveries of 20 alerts give exactly 20 ids."""
    entries = [_with(fingerprint=f"{n:016x}", status=s) for n in range(20) for s in ("firing", "resolved")] * 25
    random.Random(7).shuffle(entries)

    assert len(alerts({"alerts": entries})) == 20


def test_onset_annotation_opens_the_window_and_a_slip_in_it_does_not_cost_the_alert():
    """A sane onset is the window's start; nonsense, a later time or last year falls back to five minutes."""
    onset = alert(_annotated(onset="2026-01-31T02:50:00Z")).window
    assert onset.seconds == pytest.approx(480.123456)
    for wrong in ("yesterday", "2026-01-31T04:00:00Z", "2025-01-31T02:50:00Z", "9999-12-31T23:59:59-23:59", ""):
        assert alert(_annotated(onset=wrong)).window.seconds == timedelta(minutes=5).total_seconds(), wrong


@pytest.mark.parametrize(
    ("given", "severity"),
    [("critical", "critical"), ("P1", "critical"), ("WARN", "warning"), ("none", "info"), ("purple", "unknown")],
)
def test_severity_is_one_of_four_words(given: str, severity: str):
    """Many houses' words come down to critical, warning, info and unknown."""
    assert alert(_with(labels={"alertname": "A", "severity": given})).severity == severity


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"alerts": []},
        {"alerts": {}},
        {"alerts": "x"},
        {"alerts": [ENTRY] * (ALERTS + 1)},
        {"alerts": [None]},
        {"alerts": [[]]},
        {"alerts": [_with(labels={})]},
        {"alerts": [_with(labels=None)]},
        {"alerts": [_with(labels=["a"])]},
        {"alerts": [_with(labels={"alertname": {"deep": 1}})]},
        {"alerts": [_with(labels={f"l{n}": "x" for n in range(LABELS + 1)})]},
        {"alerts": [_with(annotations="text")]},
        {"alerts": [_with(startsAt=None)]},
        {"alerts": [_with(startsAt=1769828280)]},
        {"alerts": [_with(startsAt="soon")]},
        {"alerts": [_with(startsAt="0001-01-01T00:00:00Z")]},
        {"alerts": [_with(startsAt="0001-01-01T00:00:00+14:00")]},
        {"alerts": [_with(startsAt="9999-12-31T23:59:59Z")]},
    ],
)
def test_what_is_malformed_is_refused_with_a_next_step(payload: dict[str, object]):
    """Nothing malformed gets past, and the refusal says what to do."""
    with pytest.raises(BadInput) as caught:
        alerts(payload)

    assert caught.value.problem.endswith(".")
    assert caught.value.next_step.endswith(".")


def test_a_bad_neighbour_does_not_lose_a_good_alert():
    """Of a delivery of three, the two that can be used come out and the third is named by its place."""
    delivery = deliver({"alerts": [ENTRY, _with(startsAt="soon"), _with(fingerprint="ab")]})

    assert len(delivery.alerts) == 2
    assert delivery.problems[0].problem.startswith("Alert 2 of 3: ")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"]
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes):
    """Broken, deep, wide and foreign bodies are a sentence, never a crash."""
    with pytest.raises(BadInput):
        parse(body)


def test_text_from_outside_is_visible_and_bounded():
    """Terminal codes, bidi marks, tag characters, lone surrogates and endless values do not survive intake."""
    nasty = json.loads('"\\u001b[31mred\\u202e \\ud800 \\u0000 \\udb40\\udc41\\u200bx"') + "y" * 9000
    read = alert(_with(labels={"alertname": nasty, nasty: nasty}, annotations={"summary": nasty}))

    for text in (read.id, read.title, read.summary, *read.labels, *read.labels.values()):
        text.encode("utf-8")
        assert text.isprintable()
        assert len(text) <= 4000
    assert len(read.title) <= 1024


@pytest.mark.parametrize("name", ["../../etc/passwd", "Störung", "警报", "", "a" * 500, "-", "A/B\\C\0D", "%2e%2e%2f"])
@pytest.mark.parametrize("fingerprint", ["0f3a9c1d2e4b5a67", "../x", "", None, 7, "F" * 99, "\ud800"])
def test_an_id_is_always_a_safe_name(name: str, fingerprint: object):
    """Whatever the sender calls it, the id is 1 to 80 of a-z, 0-9 and dash, and starts with a letter or digit."""
    read = alert(_with(labels={"alertname": name, "service": "s"}, fingerprint=fingerprint))

    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,79}", read.id)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//host/path",
        "https://",
        "https://user:secret@host/",
        "https://host/\u202egnp.exe",
        "https://host/a b",
        'https://host/"onclick=',
        "https://[::1",
        "https://host:99999/",
        "https://host/" + "x" * 3000,
        " https://host/",
        "HTTPS:host",
    ],
)
def test_only_plain_web_addresses_become_links(address: str):
    """Scripts, files, hidden characters, credentials and endless addresses are left out."""
    assert alert(_with(generatorURL=address, annotations={"runbook_url": address})).links == {}
