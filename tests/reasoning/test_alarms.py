"""What a list of alerts tells: rare ones count, everyday ones do not, and nobody's name does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd

from ontology import iris
from ontology.nouns import Alert, Entity, Window
from workbench.nouns import Answered, Budget, Case, Modality, Observation, Question
from workbench.reasoning.statistical import StatisticalReasoner

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = Window(NOW, NOW + timedelta(minutes=5))
Alarm = tuple[str, str, str]
"""Entity, what it watches, what it said."""


def suspects(now: list[Alarm], past: list[list[Alarm]], alert: Alert | None = None) -> list[str]:
    """Return whom the reasoner suspects, given the alerts of now and of earlier moments an hour apart each."""
    moments = [(NOW - timedelta(hours=n + 1), each) for n, each in enumerate(past)]
    rows = [(at, *alarm) for at, alarms in [(NOW, now), *moments] for alarm in alarms]
    columns = ["time", "entity", "field", "value"]
    table = pd.DataFrame(rows, columns=columns).assign(kind="alert", time=lambda t: pd.to_datetime(t["time"], utc=True))
    question = Question(Modality.STATE, WINDOW)
    names = sorted(set(table["entity"]))
    scope = tuple(Entity(iris.service(name), "Service", name) for name in names)
    woke = alert or Alert("a", "many alerts", WINDOW)
    seen = Observation(question, Answered("alerts", table), "alerts", NOW)
    thought = StatisticalReasoner().think(Case("c", woke, scope=scope, observations=(seen,)), Budget(questions=5))
    return [each.suspect.name for each in thought.hypotheses]


USUAL = [("front", "latency", "metric up"), ("front", "queue", "metric up"), ("front", "5xx", "metric up")]
ELSE = [("elsewhere", "certificate", "log seen")]
RARE = [("store", "memory_usage", "metric up"), ("store", "9f3", "log seen")]


def test_two_rare_alerts_weigh_more_than_three_that_come_every_time() -> None:
    """With twenty moments that all had the front's alerts the store leads; had they had the store's, the front."""
    assert suspects(USUAL + RARE, [USUAL] * 20)[0] == "store"
    assert suspects(USUAL + RARE, [RARE] * 20)[0] == "front"


def test_the_same_alerts_under_other_names_give_the_same_ranks() -> None:
    """Every entity renamed: the order of the suspects is renamed with it."""
    others = {"front": "zz-1x", "store": "aa-7q"}

    def renamed(alarms: list[Alarm]) -> list[Alarm]:
        return [(others[entity], what, said) for entity, what, said in alarms]

    plain = suspects(USUAL + RARE, [USUAL] * 9)
    assert suspects(renamed(USUAL + RARE), [renamed(USUAL)] * 9) == [others[name] for name in plain]


def test_who_calls_from_outside_shares_the_blame_and_is_no_suspect() -> None:
    """A front of which the outside complains is not blamed for the store that it waits for; nobody outside is named."""
    calls = [("front", "/", "trace PD from (outside)"), ("store", "/get", "trace PD from front")]
    now = [*calls, ("store", "memory", "metric up")]
    assert suspects(now, [ELSE] * 9) == ["store"]


def test_a_caller_that_fails_with_everyone_is_suspected_before_those_it_calls() -> None:
    """One caller whose three calls all fail, while other callers of the same three are well: it leads."""
    failing = [(callee, "/get", "trace ERROR from broken") for callee in ("one", "two", "three")]
    well = [(callee, "/get", f"trace PD from other{n}") for n, callee in enumerate(("one", "two", "three"))]
    assert suspects(failing + well, [well] * 9)[0] == "broken"


def test_a_callee_that_all_its_callers_complain_of_is_suspected_before_them() -> None:
    """Three callers fail at one callee and at nobody else: the callee leads."""
    failing = [("store", "/get", f"trace ERROR from {caller}") for caller in ("one", "two", "three")]
    assert suspects(failing, [ELSE] * 9)[0] == "store"


def test_the_alert_that_woke_us_is_no_evidence() -> None:
    """The only alert is the one that we look into: nobody is suspected for it."""
    alert = Alert("a", "front slow", WINDOW, labels={"alertname": "latency", "service": "front"})
    assert suspects([("front", "latency", "firing: slow")], [], alert) == []


def test_what_all_replicas_show_alike_points_at_none_of_them() -> None:
    """Two replicas with the same alert each, one with another beside it: that one leads."""
    both = [("web-0", "cpu", "metric up"), ("web-1", "cpu", "metric up")]
    assert suspects([*both, ("web-1", "memory_usage", "metric up")], [ELSE] * 9)[0] == "web-1"
