"""What the statistical reasoner promises, on small made-up estates."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from ontology import iris
from ontology.nouns import Alert, Entity, Fact, Layer, Window
from ontology.terms import CALLS, FAILURE_MODES
from workbench.nouns import Answered, Budget, Case, Failed, Hypothesis, Modality, Observation, Question, Steer
from workbench.reasoning.statistical import StatisticalReasoner

FIRED = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)
WINDOW = Window(FIRED - timedelta(minutes=5), FIRED)
BEGAN = WINDOW.start
LEFT = Budget(questions=20, seconds=60.0)
CHAIN = (("web", "order"), ("order", "pay"), ("order", "stock"))
LATENCY = "http_server_request_duration_average_seconds"
REQUESTS = "http_server_requests_per_second"
MEMORY = "process_resident_memory_bytes"

Levels = Mapping[tuple[str, str], tuple[float, float]]


def metrics(levels: Levels, seed: int = 7) -> pd.DataFrame:
    """Ten samples a minute, 30 minutes before and 5 in the window, with two per cent of noise."""
    noise = np.random.default_rng(seed)
    stamps = [BEGAN + timedelta(seconds=6 * k) for k in range(-300, 50)]
    parts = []
    for (entity, metric), (before, after) in levels.items():
        level = np.array([before if at < BEGAN else after for at in stamps])
        value = level * (1 + 0.02 * noise.standard_normal(len(stamps)))
        parts.append(pd.DataFrame({"time": stamps, "entity": entity, "metric": metric, "value": value}))
    return pd.concat(parts, ignore_index=True).assign(time=lambda rows: pd.to_datetime(rows["time"], utc=True))


def observed(table: pd.DataFrame, modality: Modality = Modality.METRICS) -> Observation:
    question = Question(modality, WINDOW, baseline=WINDOW.before(3600))
    return Observation(question, Answered("", table), "made up", FIRED)


def case_of(*observations: Observation, edges: Sequence[tuple[str, str]] = CHAIN, target: str | None = "web") -> Case:
    names = list(dict.fromkeys(name for edge in edges for name in edge)) or ["web", "order", "pay", "stock"]
    scope = tuple(Entity(iris.service(name), "Service", name) for name in names)
    topology = tuple(
        Fact(iris.service(a), CALLS, iris.service(b), layer=Layer.RUNNING, source="test", seen=FIRED) for a, b in edges
    )
    labels = {"service": target} if target else {}
    alert = Alert("slow-web", "LatencyHigh", WINDOW, summary="latency is high", labels=labels)
    return Case("case", alert, scope=scope, topology=topology, observations=observations)


SLOW_PAY: Levels = {
    ("web", LATENCY): (0.30, 1.30),
    ("order", LATENCY): (0.20, 1.20),
    ("pay", LATENCY): (0.05, 1.05),
    ("stock", LATENCY): (0.03, 0.03),
    **{(name, REQUESTS): (20.0, 20.0) for name in ("web", "order", "pay", "stock")},
}


def think(case: Case) -> tuple[Hypothesis, ...]:
    return StatisticalReasoner().think(case, LEFT).hypotheses


def ranks(hypotheses: Iterable[Hypothesis]) -> list[tuple[str, str, float]]:
    return [(each.suspect.name, each.failure_mode, round(each.assessment or 0.0, 6)) for each in hypotheses]


def test_the_first_thought_asks_for_metrics_and_believes_nothing() -> None:
    """Without an answer there is no hypothesis, and the first question is about metrics with a baseline."""
    thought = StatisticalReasoner().think(case_of(), LEFT)
    assert thought.hypotheses == ()
    assert [each.modality for each in thought.questions] == [Modality.METRICS]
    assert thought.questions[0].baseline is not None


def test_the_rounds_are_metrics_then_traces_then_the_rest_then_nothing() -> None:
    """Every kind of telemetry is asked once, in the order of cost to tell apart, and then nothing is left to ask."""
    case, reasoner, asked = case_of(), StatisticalReasoner(), []
    while questions := reasoner.think(case, LEFT).questions:
        asked.append([each.modality for each in questions])
        replies = tuple(Observation(each, Failed("not recorded"), "none", FIRED) for each in questions)
        case = replace(case, observations=(*case.observations, *replies))
    assert asked == [["metrics"], ["traces"], ["logs", "changes", "state"]]


def test_the_slow_callee_is_blamed_and_its_callers_are_explained() -> None:
    """In a chain where all three became slow by the same second, the deepest is first and its callers are not."""
    found = think(case_of(observed(metrics(SLOW_PAY))))
    assert (found[0].suspect.name, found[0].failure_mode) == ("pay", "dependency-slow")
    assert (found[0].assessment or 0) > 0.5
    assert all((each.assessment or 0) < 0.2 for each in found[1:])


def test_every_hypothesis_can_be_checked() -> None:
    """Each has a known failure mode, a next step, what would refute it, and evidence with a Python line to re-run."""
    for each in think(case_of(observed(metrics(SLOW_PAY)))):
        assert each.failure_mode in FAILURE_MODES
        assert each.next_step
        assert each.would_refute
        assert each.evidence
        for evidence in each.evidence:
            assert evidence.query == f'case.show("{evidence.observation}", entity="{each.suspect.name}")'
            assert any(character.isdigit() for character in evidence.note)


def test_a_steady_growth_is_a_leak() -> None:
    """Memory that only grows while the service becomes slow is called a resource leak."""
    table = metrics(SLOW_PAY | {("pay", MEMORY): (3e7, 3e7)})
    its = (table["metric"] == MEMORY) & (table["time"] >= BEGAN)
    table.loc[its, "value"] += np.arange(its.sum()) * 4e6
    first = think(case_of(observed(table)))[0]
    assert (first.suspect.name, first.failure_mode) == ("pay", "resource-leak")


@pytest.mark.parametrize(
    ("detail", "mode"),
    [
        ("POOL_SIZE=1", "bad-configuration"),
        ('-      POOL_SIZE: "20"\n+      POOL_SIZE: "1"', "bad-configuration"),
        ("-    image: shop/pay:1.0\n+    image: shop/pay:1.1\n+      SERVICE_VERSION: 1.1", "bad-release"),
    ],
)
def test_a_change_just_before_names_the_failure_mode(detail: str, mode: str) -> None:
    """A release at the slow service, seconds before, is a bad configuration if its diff sets a value."""
    row = {"time": pd.Timestamp(BEGAN) - pd.Timedelta(seconds=5), "entity": "pay", "kind": "deploy"}
    changes = pd.DataFrame([{**row, "summary": "pay 1.0 -> 1.1", "ref": "r1", "detail": detail}])
    first = think(case_of(observed(metrics(SLOW_PAY)), observed(changes, Modality.CHANGES)))[0]
    assert (first.suspect.name, first.failure_mode) == ("pay", mode)


def test_a_change_to_a_healthy_service_is_no_cause() -> None:
    """A release at a service without any symptom of its own does not make it a suspect ahead of the slow one."""
    row = {"time": pd.Timestamp(BEGAN) - pd.Timedelta(seconds=5), "entity": "stock", "kind": "deploy"}
    changes = pd.DataFrame([{**row, "summary": "stock 1.0 -> 1.1", "ref": "r1", "detail": ""}])
    first = think(case_of(observed(metrics(SLOW_PAY)), observed(changes, Modality.CHANGES)))[0]
    assert first.suspect.name == "pay"


def test_nothing_moved_gives_no_hypothesis() -> None:
    """On a quiet estate the reasoner holds no hypothesis that it believes with more than one in five."""
    quiet = {key: (before, before) for key, (before, _) in SLOW_PAY.items()}
    assert all((each.assessment or 0) < 0.2 for each in think(case_of(observed(metrics(quiet)))))


@pytest.mark.parametrize("edges", [(), CHAIN, (*CHAIN, ("pay", "web")), (("web", "web"),)])
def test_any_topology_will_do(edges: tuple[tuple[str, str], ...]) -> None:
    """No topology, a cycle and a self-call are all thought through, and the excess still has an owner."""
    found = think(case_of(observed(metrics(SLOW_PAY)), edges=edges, target="web"))
    assert found


@pytest.mark.parametrize("value", [float("nan"), 0.0, 5.0])
def test_constant_and_missing_values_give_no_suspect(value: float) -> None:
    """Constant and NaN series point nowhere, and raise nothing."""
    table = metrics(SLOW_PAY).assign(value=value)
    assert think(case_of(observed(table))) == ()


def test_one_sample_and_duplicate_times_are_survived() -> None:
    """A series of one sample says nothing; every row twice says what it said once."""
    table = metrics(SLOW_PAY)
    assert think(case_of(observed(table.groupby(["entity", "metric"]).head(1)))) == ()
    twice = pd.concat([table, table], ignore_index=True)
    assert ranks(think(case_of(observed(twice)))) == ranks(think(case_of(observed(table))))


def test_gaps_move_no_rank() -> None:
    """With a third of all samples gone, and ten minutes of before gone whole, the same services stand first."""
    table = metrics(SLOW_PAY)
    kept = table[np.random.default_rng(3).random(len(table)) > 1 / 3]
    hole = (kept["time"] > BEGAN - timedelta(minutes=20)) & (kept["time"] < BEGAN - timedelta(minutes=10))
    assert think(case_of(observed(kept[~hole])))[0].suspect.name == think(case_of(observed(table)))[0].suspect.name


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_apart_invents_no_suspect(hours: int) -> None:
    """A healthy service whose clock is hours off is not put first; where all are off, no healthy one is believed."""
    table = metrics(SLOW_PAY)
    off = table["time"].where(table["entity"] != "stock", table["time"] + timedelta(hours=hours))
    assert think(case_of(observed(table.assign(time=off))))[0].suspect.name == "pay"
    alone = table.assign(time=table["time"] + timedelta(hours=hours))
    assert {each.suspect.name for each in think(case_of(observed(alone))) if (each.assessment or 0) >= 0.2} <= {"pay"}


def test_whom_the_graph_does_not_know_is_named_as_it_was_measured() -> None:
    """Series of services that the graph lacks blame none that it knows and nobody measured, and raise nothing."""
    new = {"web": "web-9", "order": "order-9", "pay": "pay-9", "stock": "stock-9"}
    table = metrics(SLOW_PAY).assign(entity=lambda rows: rows["entity"].map(new))
    assert {each.suspect.name for each in think(case_of(observed(table)))} <= set(new.values())


def test_names_do_not_matter() -> None:
    """Renaming every service, so that their alphabetical order turns round, renames the ranks and nothing else."""
    new = {"web": "zebra", "order": "yak", "pay": "ant", "stock": "bee"}
    table = metrics(SLOW_PAY | {("stock", MEMORY): (3e7, 6e7), ("order", MEMORY): (3e7, 4e7)})
    renamed = table.assign(entity=table["entity"].map(new)).sort_values(["entity", "time"], kind="stable")
    before = think(case_of(observed(table)))
    after = think(case_of(observed(renamed), edges=[(new[a], new[b]) for a, b in CHAIN], target=new["web"]))
    assert [(new[name], mode, belief) for name, mode, belief in ranks(before)] == ranks(after)


def test_a_service_named_like_a_complaint_is_only_a_name() -> None:
    """A service called `errors` in the alert's text does not turn a latency alert into one about errors."""
    new = {"web": "errors", "order": "order", "pay": "pay", "stock": "stock"}
    table = metrics(SLOW_PAY).assign(entity=lambda rows: rows["entity"].map(new))
    case = case_of(observed(table), edges=[(new[a], new[b]) for a, b in CHAIN], target="errors")
    case = replace(case, alert=replace(case.alert, summary="latency of errors is high"))
    assert think(case)[0].suspect.name == "pay"


def test_look_at_raises_questions_about_that_entity() -> None:
    """After all rounds a `look-at` makes the reasoner ask about that entity, of every kind."""
    case, reasoner = case_of(), StatisticalReasoner()
    while questions := reasoner.think(case, LEFT).questions:
        replies = tuple(Observation(each, Failed("not recorded"), "none", FIRED) for each in questions)
        case = replace(case, observations=(*case.observations, *replies))
    steered = case.steered(Steer("look-at", "look at pay", target=iris.service("pay")))
    asked = reasoner.think(steered, LEFT).questions
    assert {each.modality for each in asked} == set(Modality)
    assert {entity.name for each in asked for entity in each.about} == {"pay"}


def test_thinking_twice_gives_the_same_thought() -> None:
    """The reasoner is a function of the case: the same case again, also in a fresh reasoner, is the same thought."""
    case, reasoner = case_of(observed(metrics(SLOW_PAY))), StatisticalReasoner()
    assert reasoner.think(case, LEFT) == reasoner.think(case, LEFT) == StatisticalReasoner().think(case, LEFT)


def test_a_step_takes_at_most_two_seconds() -> None:
    """Thinking over forty services with six metrics each takes less than two seconds of processor time."""
    names = [f"s{n}" for n in range(40)]
    kinds = (LATENCY, REQUESTS, MEMORY, "process_open_fds", "process_threads", "process_cpu_percent")
    levels = {(name, metric): (10.0, 10.0 + (name == "s7")) for name in names for metric in kinds}
    case = case_of(observed(metrics(levels)), edges=[("s0", name) for name in names[1:]], target="s0")
    began = time.process_time()
    assert think(case)[0].suspect.name == "s7"
    assert time.process_time() - began < 2.0
