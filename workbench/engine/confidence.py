"""A hypothesis and its case -> Confidence: a small logistic over named features, every one with its sentence.

    features(hypothesis, case)        # what is known, as numbers
    judge(hypothesis, case)           # the probability that they come to, and why

The weights stand in `coefficients.py`. Fitted ones come from recorded incidents of other systems: what they promise
here is not known before this place has graded outcomes of its own, and every confidence says so. From then on the
calibrated line is the place's own (`desk.grades.own`); the weights, and so the order, stay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.engine import weigh
from workbench.engine.coefficients import CURRENT, Coefficients
from workbench.nouns import Case, Confidence, Hypothesis

UNASSESSED = -1.1
"""Logit that stands for no belief at all: that of one in four."""
LEAST, MOST = 0.01, 0.99
"""Never certain, either way."""
UNSEEN = 0.01
"""What each kind of telemetry that could not be looked at takes from the most that a confidence may be.

Measured: with four of five kinds missing the first was right in 51 of 51 cases of two public benchmarks, of which the
lower end (exact, 95 %) is 0.93; so four take it to 0.95.
"""


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing known of a hypothesis: its name, its value, and its sentence."""

    name: str
    value: float
    because: str


def judge(
    hypothesis: Hypothesis, case: Case, coefficients: Coefficients = CURRENT, moments: int | None = None
) -> Confidence:
    """Return the confidence in the hypothesis, 0.01 to 0.99, with a sentence for each number in it.

    Args:
        hypothesis: whose evidence and assessment are weighed.
        case: gives the alert, the topology, the other hypotheses, failed sources and recollections.
        coefficients: weights in logits.
        moments: `weigh.history(case)`, for who judges many of one case; counted here where it is not given.
    """
    known = tuple(described(hypothesis, case, weigh.history(case) if moments is None else moments))
    parts = [(each, coefficients.weights.get(each.name, 0.0) * each.value) for each in known]
    logit = coefficients.intercept + sum(part for _, part in parts)
    value = _probability(coefficients.slope * logit + coefficients.offset)
    because = tuple(f"{each.because} ({part:+.2f})" for each, part in parts)
    learnt, recollection = weigh.remembered(hypothesis, case)
    if recollection is not None:
        episode = recollection.episode
        alike = (
            f"the {episode.alert.title} of {episode.alert.fired:%Y-%m-%d %H:%M} was {recollection.likeness:.2f} alike"
        )
        because += (f"{alike} and {episode.verdict} ({learnt:+.2f} on the value)",)
    most = MOST - UNSEEN * len(weigh.failed(case))
    if value + learnt > most:
        because += (f"held at {most:.2f}: nothing is certain, and what was not looked at could say otherwise",)
    start = f"starts at {coefficients.intercept:+.2f} logits: nothing is believed before there is evidence"
    sure = round(min(most, max(LEAST, value + learnt)), 4)
    return Confidence(sure, (*because, start, _sum(logit, coefficients)), round(logit, 4))


def features(hypothesis: Hypothesis, case: Case) -> Mapping[str, float]:
    """Return what is known of the hypothesis, by the names of `coefficients.SIGNS`; what is not known is left out."""
    return {each.name: each.value for each in described(hypothesis, case, weigh.history(case))}


def _sum(logit: float, coefficients: Coefficients) -> str:
    said = f"sum {logit:+.2f} logits"
    if (coefficients.slope, coefficients.offset) != (1.0, 0.0):
        said += f", calibrated {coefficients.slope * logit + coefficients.offset:+.2f}"
    if coefficients.here:
        return f"{said} on {coefficients.made}"
    source = f"calibrated on {coefficients.made}" if coefficients.made else "a prior"
    return f"{said}; the weights are {source}, uncalibrated here"


def _probability(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, logit))))


def _logit(belief: float) -> float:
    held = min(0.98, max(0.02, belief))
    return math.log(held / (1 - held))


def described(hypothesis: Hypothesis, case: Case, moments: int) -> Iterator[Feature]:
    """Yield the features with their sentences; `moments` of before there are to compare with."""
    yield _assessment(hypothesis)
    yield from _rivals(hypothesis, case)
    yield from _evidence(hypothesis)
    yield from _path(hypothesis, case)
    yield from _onset(hypothesis, case)
    failed = weigh.failed(case)
    if failed:
        yield Feature("failed", float(len(failed)), f"could not look at {', '.join(failed)}")
    if moments:
        yield Feature("history", min(1.0, moments / 60), f"{moments} moments of before to compare with")


def _assessment(hypothesis: Hypothesis) -> Feature:
    """Return the reasoner's own belief in logits; no belief at all counts as little belief."""
    by = f"the {hypothesis.proposed_by} reasoner"
    if hypothesis.assessment is None:
        return Feature("assessment", UNASSESSED, f"{by} gave no belief of its own")
    return Feature("assessment", _logit(hypothesis.assessment), f"{by} believes it with {hypothesis.assessment:.2f}")


def _rivals(hypothesis: Hypothesis, case: Case) -> Iterator[Feature]:
    margin = weigh.margin(hypothesis, case)
    if margin is None or len(case.hypotheses) < 2:
        return
    yield Feature("margin", margin, f"{abs(margin):.2f} {'above' if margin >= 0 else 'below'} the best other suspect")
    rivals = weigh.rivals(hypothesis, case)
    if rivals:
        crowd = f"{rivals} other suspect{'s' * (rivals > 1)} with at least half of its belief"
        yield Feature("crowd", math.log1p(rivals), crowd)


def _evidence(hypothesis: Hypothesis) -> Iterator[Feature]:
    speaking = weigh.channels(hypothesis)
    if not speaking:
        yield Feature("unsupported", 1.0, "no kind of telemetry speaks for it")
    else:
        names = ", ".join(speaking)
        said = f"only {names} speaks for it" if len(speaking) == 1 else f"{len(speaking)} kinds agree: {names}"
        yield Feature("channels", float(len(speaking) - 1), said)
        strongest = weigh.strongest(hypothesis)
        yield Feature("strongest", math.log1p(strongest), f"its strongest evidence weighs {strongest:.1f} nats")
    against = weigh.against(hypothesis)
    if against > 0:
        yield Feature("against", min(against, 3.0), f"{against:.1f} nats of evidence speak against it")


def _path(hypothesis: Hypothesis, case: Case) -> Iterator[Feature]:
    start = weigh.alerted(case)
    if start is None or not case.topology:
        return
    steps = weigh.distance(case, hypothesis.suspect)
    if steps is None:
        yield Feature("unreachable", 1.0, f"no call path leads from {start.name} to it")
    else:
        calls = "is where the alert fired" if steps == 0 else f"is {steps} call{'s' * (steps > 1)} from {start.name}"
        yield Feature("reachable", 1.0, f"it {calls}")


def _onset(hypothesis: Hypothesis, case: Case) -> Iterator[Feature]:
    if hypothesis.onset is None:
        return
    lead = (case.alert.fired - hypothesis.onset).total_seconds()
    if lead >= 0:
        yield Feature("early", 1.0, f"it began {lead:.0f} s before the alert fired")
    else:
        yield Feature("late", 1.0, f"it began {-lead:.0f} s after the alert fired")
