"""What the confidence promises: every number has its sentence, and moves the way the sentence says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from memory.protocol import Episode, Recollection, Verdict
from ontology import iris
from ontology.nouns import Alert, Entity, Fact, Layer, Window
from ontology.terms import CALLS
from workbench.engine.coefficients import CURRENT, PRIOR, SIGNS
from workbench.engine.conclude import conclude
from workbench.engine.confidence import judge
from workbench.engine.loop import THRESHOLD
from workbench.nouns import Case, Confidence, Evidence, Failed, Hypothesis, Modality, Observation, Question, State
from workbench.settings import Settings

FIRED = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)
WINDOW = Window(FIRED - timedelta(minutes=5), FIRED)
WEB, PAY, OTHER = (Entity(iris.service(name), "Service", name) for name in ("web", "pay", "other"))
CALL = Fact(WEB.iri, CALLS, PAY.iri, layer=Layer.RUNNING, source="test", seen=FIRED)


def evidence(channel: Modality = Modality.METRICS, stance: str = "for", weight: float = 2.0) -> Evidence:
    return Evidence("o-1", stance, weight, f"{channel} x3 (1 s -> 3 s)", channel)  # type: ignore[arg-type]


def hypothesis(suspect: Entity = PAY, assessment: float | None = 0.8, **fields: object) -> Hypothesis:
    base = Hypothesis("it is slow", suspect, "dependency-slow", (evidence(),), assessment=assessment)
    return replace(base, **fields)  # type: ignore[arg-type]


def case_of(*hypotheses: Hypothesis, **fields: object) -> Case:
    alert = Alert("a", "slow", WINDOW, labels={"service": "web"})
    base = Case("c", alert, scope=(WEB, PAY, OTHER), topology=(CALL,), hypotheses=hypotheses or (hypothesis(),))
    return replace(base, **fields)  # type: ignore[arg-type]


def value(given: Hypothesis, case: Case | None = None) -> float:
    return judge(given, case or case_of(given)).value


def test_every_step_of_the_sum_is_said() -> None:
    """The sentences hold as many signed numbers as there are features, and they add up to the stated sum."""
    because = judge(hypothesis(onset=WINDOW.start), case_of()).because
    numbers = [float(each.rsplit("(", 1)[1].rstrip(")")) for each in because[:-2] if each.endswith(")")]
    total = float(because[-1].split()[1])
    assert CURRENT.intercept + sum(numbers) == pytest.approx(total, abs=0.05)
    assert "uncalibrated" in because[-1]


def test_more_kinds_of_telemetry_raise_it() -> None:
    """Traces beside metrics are worth more than metrics alone, and the sentence names both."""
    both = hypothesis(evidence=(evidence(), evidence(Modality.TRACES)))
    assert value(both) > value(hypothesis())
    assert any("metrics, traces" in each for each in judge(both, case_of()).because)


def test_evidence_against_lowers_it() -> None:
    """Two nats against make it less."""
    assert value(hypothesis(evidence=(evidence(), evidence(stance="against")))) < value(hypothesis())


def test_no_evidence_is_no_confidence() -> None:
    """Belief without any evidence stays below one half."""
    assert value(hypothesis(evidence=(), assessment=0.9)) < 0.5


def test_an_onset_after_the_alert_lowers_it() -> None:
    """A cause that began after the alert fired is less likely than one that began before."""
    late, early = hypothesis(onset=FIRED + timedelta(seconds=30)), hypothesis(onset=FIRED - timedelta(seconds=30))
    assert value(late) < value(early)


def test_a_suspect_without_a_call_path_is_less_likely() -> None:
    """Where the graph is known, a suspect that the alert's entity does not call counts less."""
    assert value(hypothesis(OTHER), case_of(hypothesis(OTHER))) < value(hypothesis(PAY))


def test_a_source_that_failed_lowers_it() -> None:
    """What could not be looked at makes it less sure, and is named."""
    failed = Observation(Question(Modality.TRACES, WINDOW), Failed("no such host"), "traces", FIRED)
    case = case_of(observations=(failed,))
    assert value(hypothesis(), case) < value(hypothesis())
    assert any("traces" in each for each in judge(hypothesis(), case).because)


def test_a_close_runner_up_lowers_it() -> None:
    """A rival that is believed as much makes it less sure than a distant one."""
    close = case_of(hypothesis(), hypothesis(OTHER, 0.8))
    distant = case_of(hypothesis(), hypothesis(OTHER, 0.05))
    assert value(hypothesis(), close) < value(hypothesis(), distant)


@pytest.mark.parametrize(("verdict", "sign"), [(Verdict.CONFIRMED, 1), (Verdict.REJECTED, -1), (Verdict.NO_FAULT, 0)])
def test_memory_moves_it_by_a_tenth_at_most(verdict: Verdict, sign: int) -> None:
    """An identical past case moves the value by exactly a tenth, up or down by its verdict; the case is named."""
    episode = Episode("case-7", case_of().alert, (PAY,), PAY, "dependency-slow", verdict, FIRED)
    case = case_of(recollections=(Recollection(episode, 1.0, ("same service",)),))
    middling = hypothesis(assessment=0.5)
    moved = value(middling, case) - value(middling, case_of())
    assert moved == pytest.approx(0.1 * sign, abs=1e-3)
    told = f"the {episode.alert.title} of {episode.alert.fired:%Y-%m-%d}"
    assert any(told in each for each in judge(middling, case).because) is bool(sign)


def test_it_never_claims_to_be_certain() -> None:
    """Whatever speaks for it, the value stays between 0.01 and 0.99."""
    sure = hypothesis(assessment=1.0, evidence=tuple(evidence(each, weight=5.0) for each in Modality))
    assert value(sure) <= 0.99
    assert value(hypothesis(assessment=None, evidence=())) >= 0.01


def test_only_the_first_standing_hypothesis_is_surfaced() -> None:
    """Two above the threshold give one surfaced finding; what was ruled out gives none."""
    sure = Confidence(0.9, ("made up",))
    first, second = hypothesis(confidence=sure), hypothesis(OTHER, confidence=sure)
    out = hypothesis(WEB, confidence=sure, state=State.RULED_OUT)
    findings = conclude(case_of(out, first, second), 0.6)
    assert [(each.hypothesis, each.surfaced) for each in findings] == [(first.id, True), (second.id, False)]


def test_below_the_threshold_nothing_is_surfaced_unless_a_person_confirmed_it() -> None:
    """Quiet below the threshold; a confirmed hypothesis is shown first whatever its number."""
    unsure = Confidence(0.3, ("made up",))
    plain, confirmed = hypothesis(confidence=unsure), hypothesis(OTHER, confidence=unsure, state=State.CONFIRMED)
    assert not any(each.surfaced for each in conclude(case_of(plain), 0.6))
    findings = conclude(case_of(plain, confirmed), 0.6)
    assert [(each.hypothesis, each.surfaced) for each in findings] == [(confirmed.id, True), (plain.id, False)]


def test_no_fit_may_turn_a_feature_around() -> None:
    """Every weight in use pulls the way its name says; a failed source never raises, whatever was fitted."""
    for coefficients in (PRIOR, CURRENT):
        for name, weight in coefficients.weights.items():
            low, high = SIGNS[name]
            assert low is None or weight >= low, name
            assert high is None or weight <= high, name


def test_what_was_not_looked_at_caps_it() -> None:
    """However much speaks for it, three kinds that failed hold it at 0.96, and the reason is said."""
    sure = hypothesis(assessment=1.0, evidence=(evidence(weight=9.0), evidence(Modality.STATE, weight=9.0)))
    wanting = (Modality.TRACES, Modality.LOGS, Modality.CHANGES)
    failed = tuple(Observation(Question(each, WINDOW), Failed("no such host"), "x", FIRED) for each in wanting)
    told = judge(sure, case_of(observations=failed), replace(CURRENT, intercept=19.0))
    assert told.value == pytest.approx(0.96)
    assert any("held at 0.96" in each for each in told.because)


def test_the_threshold_in_use_is_that_of_the_weights_in_use() -> None:
    """The loop, the settings and the weights name one threshold: another scorer with the old one means nothing."""
    assert THRESHOLD == CURRENT.threshold == Settings.model_fields["threshold"].default
