"""The trail: what goes into the journal comes out equal."""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memory.protocol import Episode, Raise, Recollection, Symptom, Verdict
from ontology import iris
from ontology.errors import NotFound, Unavailable
from ontology.nouns import Alert, Entity, Fact, Iri, Layer, Window, utc
from ontology.terms import Kind
from workbench.journal import Journal, codec
from workbench.nouns import (
    Answered,
    Belief,
    Budget,
    Case,
    Confidence,
    Coverage,
    Evidence,
    Failed,
    Finding,
    Hypothesis,
    Modality,
    Observation,
    Question,
    Silent,
    State,
    Steer,
)

NOON = utc("2026-03-01T12:00:00.123456Z")
WINDOW = Window(NOON - timedelta(minutes=10), NOON)
CART = Entity(iris.service("cart"), Kind.SERVICE, "cart")
PAY = Entity(iris.service("pay «ü»"), "Service", "pay «ü»")
ALERT = Alert("slow-checkout-1", "Checkout is slow", WINDOW, severity="critical", labels={"service": "cart", "!": "x"})


def a_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": pd.date_range(WINDOW.start, periods=3, freq="1s", tz="UTC"),
            "entity": ["cart", "pay", None],
            "metric": ["rps", "rps", "p99"],
            "value": [1.5, float("nan"), float("inf")],
        }
    )


def a_state() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": [pd.Timestamp(NOON)] * 4,
            "entity": ["cart"] * 4,
            "field": ["replicas", "image", "ready", "limit"],
            "value": [3, "cart:1.2", True, None],
        },
        index=[7, 5, 3, 1],
    )


def a_case() -> Case:
    """Return a case that uses every noun, with tables of plain and of mixed columns."""
    metrics = Question(Modality.METRICS, WINDOW, (CART, PAY), baseline=WINDOW.before(60), what="rps*", why="which?")
    state, logs, traces = (Question(kind, WINDOW) for kind in (Modality.STATE, Modality.LOGS, Modality.TRACES))
    observations = (
        Observation(metrics, Answered("rps fell", a_table(), query="rps[5m]"), "prometheus", NOON),
        Observation(state, Answered("four fields", a_state()), "kubernetes", pd.Timestamp(NOON)),
        Observation(logs, Silent("cart's logs 11:50 to 12:00"), "loki", NOON),
        Observation(traces, Failed("401", "Set a token."), "tempo", NOON),
    )
    evidence = Evidence("o-1", "against", 0.7, "x11 since 02:53", Modality.TRACES, at=NOON)
    guess = Hypothesis(
        "cart is slow",
        CART,
        "code-latency",
        (evidence,),
        Confidence(0.25, ("a", "b")),
        State.RULED_OUT,
        onset=NOON,
        assessment=np.float64(0.5),
        ruled_out_because="deployed after",
    )
    fact = Fact(CART.iri, Iri(iris.WB + "calls"), PAY.iri, layer=Layer.RUNNING, source="traces", seen=NOON)
    port = Fact(CART.iri, Iri(iris.WB + "port"), 8080, layer=Layer.DECLARED, source="compose", seen=NOON)
    since = Fact(CART.iri, Iri(iris.WB + "since"), NOON, layer=Layer.LEARNED, source="case", seen=NOON, confidence=0.5)
    episode = Episode(
        "case-0", ALERT, (CART,), CART, "bad-release", Verdict.CONFIRMED, NOON, symptoms=(Symptom("cart", "p99", "up"),)
    )
    return Case(
        "case-1",
        ALERT,
        (CART, PAY),
        (fact, port),
        (Recollection(episode, 0.8, ("same alert",)),),
        observations,
        (guess,),
        (Finding(guess.id, "cart", guess.confidence, False, ("look",)),),
        (since,),
        (Steer("look-at", "pay «ü»\n\x00", PAY.iri, NOON),),
        (Coverage("loki", Modality.LOGS, "silent"),),
        (Belief(1, guess.id, 0.25),),
        (metrics,),
        Budget(0.1, 1200, 3, math.pi),
        2,
        "concluded",
        "done",
        raised=(Raise("cart", 1.25, "in 12 closed incidents the cause looked like this"),),
    )


def kinds(value: object) -> object:
    """Return the shape of a value: its classes all the way down, which `==` on strings does not compare."""
    if is_dataclass(value):
        return type(value).__name__, [kinds(getattr(value, each.name)) for each in fields(value)]
    if isinstance(value, tuple):
        return [kinds(item) for item in value]
    if isinstance(value, dict):
        return [(kinds(key), kinds(item)) for key, item in value.items()]
    return float if isinstance(value, float) else type(value)


def test_a_case_with_every_noun_comes_back_equal(tmp_path: Path) -> None:
    """Every field of every noun has the same value and the same class after the journal as before."""
    case = a_case()
    Journal(tmp_path / "journal.db").append(case.id, "step", {"questions": 2}, case)
    (entry,) = Journal(tmp_path / "journal.db").trail(case.id)
    assert entry.case == case
    assert kinds(entry.case) == kinds(case)
    assert (entry.n, entry.action, entry.arguments) == (1, "step", {"questions": 2})


def test_the_tables_come_back_equal(tmp_path: Path) -> None:
    """Times, NaN, infinity, missing text, mixed columns and the index of a table survive the journal."""
    case = a_case()
    Journal(tmp_path / "journal.db").append(case.id, "step", {}, case)
    back = Journal(tmp_path / "journal.db").latest(case.id)
    assert back is not None
    pd.testing.assert_frame_equal(back.observations[0].table, case.observations[0].table)
    pd.testing.assert_frame_equal(back.observations[1].table, case.observations[1].table)
    assert back.observations[2].table is None


def test_the_codec_covers_every_field_of_every_noun() -> None:
    """The example case leaves no dataclass of the desk unused, so a new noun has to be written into it."""
    used = set()

    def walk(value: object) -> None:
        if is_dataclass(value):
            used.add(type(value).__name__)
            for each in fields(value):
                walk(getattr(value, each.name))
        elif isinstance(value, tuple):
            for item in value:
                walk(item)

    walk(a_case())
    assert set(codec.NOUNS) - used == {"Runbook", "Step", "Link", "Subgraph"}  # never part of a case


def test_a_class_that_is_not_a_noun_is_never_built(tmp_path: Path) -> None:
    """Text in the file that names any other class is refused, not called."""
    with pytest.raises(Unavailable, match="cannot be read"):
        codec.read(json.dumps({"!": "Path", "x": 1}), lambda _sha: None)


def test_equal_tables_are_kept_once(tmp_path: Path) -> None:
    """Ten entries that hold the same two tables take two blobs, from this process or another."""
    case, other = a_case(), a_case()
    for _ in range(5):
        Journal(tmp_path / "journal.db").append(case.id, "step", {}, case)
    journal = Journal(tmp_path / "journal.db")
    for _ in range(5):
        journal.append(other.id, "step", {}, other)
    with sqlite3.connect(tmp_path / "journal.db") as file:
        assert file.execute("SELECT count(*) FROM blobs").fetchone() == (2,)


def test_entries_count_up_in_each_case_and_amend_replaces_the_case(tmp_path: Path) -> None:
    """Numbers run from 1 in each case; amend changes that entry's case and no other."""
    journal, case = Journal(tmp_path / "journal.db"), a_case()
    assert [journal.append(case.id, "step", {}, replace(case, steps=n)) for n in (1, 2)] == [1, 2]
    assert journal.append("case-2", "step", {}, replace(case, id="case-2")) == 1
    journal.amend(case.id, 1, replace(case, steps=9))
    assert [entry.case.steps for entry in journal.trail(case.id)] == [9, 2]
    assert journal.latest("case-2") == replace(case, id="case-2")
    assert journal.trail("case-3") == ()
    assert journal.latest("case-3") is None
    assert set(journal.cases()) == {"case-1", "case-2"}


def test_amending_what_is_not_there_changes_nothing(tmp_path: Path) -> None:
    """An entry that does not exist is NotFound, and its tables are not kept either."""
    journal, case = Journal(tmp_path / "journal.db"), a_case()
    with pytest.raises(NotFound, match="no entry 3"):
        journal.amend(case.id, 3, case)
    assert journal.trail(case.id) == ()
    journal.append(case.id, "step", {}, case)
    assert journal.latest(case.id) == case


def test_alerts_come_back_with_their_environment_latest_first(tmp_path: Path) -> None:
    """The same id again replaces the alert's words, not its place; an unknown id says how to list them."""
    times = iter(datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 9))
    journal = Journal(tmp_path / "journal.db", now=lambda: next(times))
    journal.keep_alert(ALERT, "prod")
    journal.keep_alert(replace(ALERT, id="slow-2"))
    journal.keep_alert(replace(ALERT, severity="info"), "prod")
    assert journal.alert(ALERT.id) == (replace(ALERT, severity="info"), "prod")
    assert [kept.alert.id for kept in journal.alerts()] == ["slow-2", ALERT.id]
    with pytest.raises(NotFound, match="workbench open --list"):
        journal.alert("nope")
