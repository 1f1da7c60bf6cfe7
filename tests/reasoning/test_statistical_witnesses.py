"""What single witnesses of the statistical reasoner claim, and what they keep quiet about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from ontology import iris
from ontology.nouns import Alert, Entity, Window
from workbench.nouns import Answered, Case, Modality, Observation, Question
from workbench.reasoning.statistical import StatisticalReasoner
from workbench.reasoning.statistical.balance import load_beside_others
from workbench.reasoning.statistical.divergence import divergence
from workbench.reasoning.statistical.onway import on_the_way
from workbench.reasoning.statistical.ranking import FOLLOWS
from workbench.reasoning.statistical.resources import load, resources
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import Sign
from workbench.telemetry.layouts import COLUMNS

SINCE = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)
WINDOW = Window(SINCE, SINCE + timedelta(minutes=5))
Span = tuple[str, str, str, str, float]
"""Span, parent, service, operation, milliseconds."""


def look(names: Sequence[str], tables: Mapping[Modality, pd.DataFrame]) -> Seen:
    observations = tuple(
        Observation(Question(each, WINDOW, baseline=WINDOW.before(3600)), Answered("", table), "made up", WINDOW.end)
        for each, table in tables.items()
    )
    scope = tuple(Entity(iris.service(name), "Service", name) for name in names)
    return StatisticalReasoner().look(Case("c", Alert("a", "t", WINDOW), scope=scope, observations=observations))


def by_entity(signs: Sequence[Sign]) -> dict[str, float]:
    found: dict[str, float] = {}
    for sign in signs:
        found[sign.entity] = max(found.get(sign.entity, -9.0), sign.nats)
    return found


def traces(usual: Sequence[Span], now: Sequence[Span], each: int = 12) -> pd.DataFrame:
    """As many requests before as since, five seconds apart."""
    rows = []
    for n in range(2 * each):
        at = SINCE + timedelta(seconds=5 * (n - each))
        for span, parent, service, operation, duration in now if n >= each else usual:
            rows.append((f"t{n}", span, parent, service, operation, "", at, duration, "", ""))
    table = pd.DataFrame(rows, columns=list(COLUMNS[Modality.TRACES]))
    table["start"] = pd.to_datetime(table["start"], utc=True) + pd.to_timedelta(
        table.groupby("trace_id").cumcount(), "ms"
    )
    return table


def levels(entity: str, metric: str, before: float, after: float, noise: float = 0.02, seed: int = 1) -> pd.DataFrame:
    stamps = pd.date_range(SINCE - timedelta(minutes=10), WINDOW.end, freq="10s")
    dice = np.random.default_rng(seed)
    level = np.where(stamps >= pd.Timestamp(SINCE), after, before) * (1 + noise * dice.standard_normal(len(stamps)))
    return pd.DataFrame({"time": stamps, "entity": entity, "metric": metric, "value": level})


WHOLE: list[Span] = [
    ("a", "", "web", "GET /", 30.0),
    ("b", "a", "web", "call ads", 6.0),
    ("c", "b", "ads", "ads", 5.0),
    ("d", "a", "web", "call pay", 12.0),
    ("e", "d", "pay", "pay", 10.0),
    ("f", "e", "pay", "store", 2.0),
]


def test_spans_without_a_kind_still_show_a_slow_way() -> None:
    """Where no span says whether it is a client's, two seconds more on the way are credited to the callee alone."""
    now = [(a, b, s, o, d + 2000 if a in ("a", "d") else d) for a, b, s, o, d in WHOLE]
    found = by_entity(list(on_the_way(look(("web", "pay", "ads"), {Modality.TRACES: traces(WHOLE, now)}))))
    assert set(found) == {"pay"}
    assert found["pay"] > 3


def test_ways_to_everybody_are_the_callers_own() -> None:
    """A caller whose ways to three callees all became slow is to blame more than any of them."""
    usual: list[Span] = [("a", "", "web", "GET /", 30.0)]
    for name in ("ads", "pay", "cart"):
        usual += [(f"{name}1", "a", "web", f"call {name}", 6.0), (f"{name}2", f"{name}1", name, name, 5.0)]
    now = [(a, b, s, o, d + 100 if s == "web" else d) for a, b, s, o, d in usual]
    found = by_entity(list(on_the_way(look(("web", "pay", "ads", "cart"), {Modality.TRACES: traces(usual, now)}))))
    assert found["web"] > 2 * max(found["pay"], found["ads"], found["cart"])


def test_a_missing_operation_points_at_the_service_that_no_longer_runs_it() -> None:
    """A service that answers without an operation it always ran is told by that, and its caller is not."""
    now = [span for span in WHOLE if span[0] != "f"]
    found = by_entity(list(divergence(look(("web", "pay", "ads"), {Modality.TRACES: traces(WHOLE, now)}))))
    assert set(found) == {"pay"}
    assert found["pay"] > 2


def test_a_request_cut_short_points_at_the_last_one_called() -> None:
    """Requests that end with the call to one callee blame it, not their entry and not who is called no more."""
    now = [span for span in WHOLE if span[0] in "abc"]
    found = by_entity(list(divergence(look(("web", "pay", "ads"), {Modality.TRACES: traces(WHOLE, now)}))))
    assert max(found, key=found.__getitem__) == "ads"
    assert found["ads"] > 2 * found.get("web", 0.0)


def test_a_mix_of_requests_that_changes_is_no_defect() -> None:
    """Requests of two kinds, told by their operation, of which one becomes rare, give no sign."""
    usual = traces(WHOLE, WHOLE)
    other = traces([("a", "", "web", "GET /help", 3.0)], [("a", "", "web", "GET /help", 3.0)], each=40)
    other = other.assign(trace_id="o" + other["trace_id"])
    both = pd.concat([usual, other[other["start"] < SINCE], other[other["start"] >= SINCE].head(3)])
    assert list(divergence(look(("web", "pay", "ads"), {Modality.TRACES: both}))) == []


def test_a_circle_of_parents_ends() -> None:
    """Spans that are each other's parents are read without end or error."""
    circle: list[Span] = [("a", "b", "web", "one", 5.0), ("b", "a", "web", "two", 5.0), ("c", "c", "web", "three", 1.0)]
    assert list(divergence(look(("web",), {Modality.TRACES: traces(circle, circle)}))) == []


def test_what_most_of_the_estate_shows_tells_of_nobody() -> None:
    """Of ten services whose CPU doubles together, only the one that rose tenfold gets a sign that counts."""
    names = [f"s{n}" for n in range(10)]
    rows = [levels(name, "cpu_percent", 5.0, 50.0 if name == "s3" else 12.0, seed=n) for n, name in enumerate(names)]
    found = by_entity(list(resources(look(names, {Modality.METRICS: pd.concat(rows)}))))
    assert max(found, key=found.__getitem__) == "s3"
    assert sum(nats > 0.5 for nats in found.values()) == 1


def test_a_sawtooth_is_no_leak() -> None:
    """Memory that climbs and is collected again and again, before and since, is not called a leak."""
    stamps = pd.date_range(SINCE - timedelta(minutes=20), WINDOW.end, freq="10s")
    saw = 1e8 * (1 + (np.arange(len(stamps)) % 9) / 4)
    table = pd.DataFrame({"time": stamps, "entity": "pay", "metric": "memory_bytes", "value": saw})
    assert not [sign for sign in resources(look(("pay",), {Modality.METRICS: table})) if sign.hint == "leak"]


def test_the_load_that_falls_least_stands_out() -> None:
    """Where everybody's load falls by a third and one replica's by a tenth, that replica is the one with a sign."""
    rows = [levels(f"p{n}", "qps", 30.0, 27.0 if n == 4 else 20.0, seed=n) for n in range(10)]
    found = list(load_beside_others(look([f"p{n}" for n in range(10)], {Modality.METRICS: pd.concat(rows)})))
    assert [sign.entity for sign in found] == ["p4"]


@pytest.mark.parametrize("modality", [Modality.TRACES, Modality.LOGS])
def test_kinds_that_start_with_the_incident_say_nothing(modality: Modality) -> None:
    """Traces, or log lines, that were not recorded before the incident give no pattern to compare with."""
    spans = traces(WHOLE, WHOLE)
    if modality is Modality.TRACES:
        tables = {Modality.TRACES: spans[spans["start"] >= SINCE]}
    else:
        late = spans[(spans["start"] >= SINCE) & (spans["service"] == "pay")]
        lines = pd.DataFrame({"time": late["start"], "entity": "pay", "severity": "info", "trace_id": late["trace_id"]})
        tables = {Modality.TRACES: spans, Modality.LOGS: lines.assign(message="paid, Payment#12 ok")}
    assert list(divergence(look(("web", "pay", "ads"), tables))) == []


def test_clocks_apart_leave_no_way_slow() -> None:
    """A callee whose clock is an hour ahead changes no duration, and so no way and no own time."""
    apart = traces(WHOLE, WHOLE)
    apart.loc[apart["service"] == "pay", "start"] += pd.Timedelta("1h")
    assert list(on_the_way(look(("web", "pay", "ads"), {Modality.TRACES: apart}))) == []


@pytest.mark.parametrize(
    ("times", "entered", "followed"),
    [({"web": 4, "ads": 4, "pay": 1}, {"web"}, {"ads"}), ({"web": 1, "ads": 4, "pay": 1}, set(), set())],
)
def test_a_flood_at_the_entry_explains_those_whose_requests_rose_with_it(
    times: Mapping[str, float], entered: set[str], followed: set[str]
) -> None:
    """Four times the requests at the entry are its own, what rose with them follows; a callee alone is no flood."""
    metrics = pd.concat([levels(name, "requests", 20.0, 20.0 * by) for name, by in times.items()])
    seen = look(tuple(times), {Modality.METRICS: metrics, Modality.TRACES: traces(WHOLE, WHOLE)})

    found = list(load(seen))

    assert {sign.entity for sign in found if sign.nats > 0} == entered
    assert {sign.entity for sign in found if sign.hint == FOLLOWS} == followed
