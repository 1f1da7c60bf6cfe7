"""A hypothesis and its case -> Confidence: a small logistic over named features, every one with its sentence.

The coefficients are a prior, chosen by hand and uncalibrated here: they order hypotheses sensibly and keep quiet
where little is known, but 0.8 is not yet "right in eight of ten". Calibration needs closed cases with verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.engine import weigh
from workbench.nouns import Case, Confidence, Hypothesis


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Weights of the features, in logits. Uncalibrated: a prior."""

    intercept: float = -0.9
    """A lone assessment of one half, without anything else, is not worth waking a person."""
    assessment: float = 0.9
    """Per logit of the reasoner's own belief."""
    channel: float = 0.45
    """Per kind of telemetry that agrees, after the first."""
    unsupported: float = -2.5
    """No telemetry speaks for it: a claim without evidence is not shown, whoever believes it."""
    reachable: float = 0.2
    unreachable: float = -0.6
    """A call path from the alert's entity to the suspect exists, or does not."""
    early: float = 0.2
    late: float = -0.8
    """The onset at the suspect lies before, or after, the alert fired."""
    against: float = -0.4
    """Per nat of evidence against, at most three."""
    margin: float = 0.8
    """Per unit of assessment above the runner-up."""
    failed: float = -0.15
    """Per kind of telemetry that could not be looked at."""


PRIOR = Coefficients()


@dataclass(frozen=True, slots=True)
class Feature:
    """One reason: what it adds in logits, and its sentence."""

    logit: float
    because: str


def judge(hypothesis: Hypothesis, case: Case, coefficients: Coefficients = PRIOR) -> Confidence:
    """Return the confidence in the hypothesis, 0.01 to 0.99, with a sentence for each number in it.

    Args:
        hypothesis: whose evidence and assessment are weighed.
        case: gives the alert, the topology, the other hypotheses, failed sources and recollections.
        coefficients: weights in logits.
    """
    features = tuple(_features(hypothesis, case, coefficients))
    logit = coefficients.intercept + sum(feature.logit for feature in features)
    value = 1.0 / (1.0 + math.exp(-logit))
    because = tuple(f"{feature.because} ({feature.logit:+.2f})" for feature in features)
    learnt, recollection = weigh.remembered(hypothesis, case)
    if recollection is not None:
        episode = recollection.episode
        alike = (
            f"the {episode.alert.title} of {episode.alert.fired:%Y-%m-%d %H:%M} was {recollection.likeness:.2f} alike"
        )
        because += (f"{alike} and {episode.verdict} ({learnt:+.2f} on the value)",)
    start = f"starts at {coefficients.intercept:+.2f} logits: nothing is believed before there is evidence"
    total = f"sum {logit:+.2f} logits; the weights are a prior, uncalibrated here"
    return Confidence(round(min(0.99, max(0.01, value + learnt)), 4), (*because, start, total))


def _features(hypothesis: Hypothesis, case: Case, weights: Coefficients) -> Iterator[Feature]:
    yield _assessment(hypothesis, weights)
    yield _channels(hypothesis, weights)
    yield from _path(hypothesis, case, weights)
    yield from _onset(hypothesis, case, weights)
    against = weigh.against(hypothesis)
    if against > 0:
        yield Feature(weights.against * min(against, 3.0), f"{against:.1f} nats of evidence speak against it")
    margin = weigh.margin(hypothesis, case)
    if margin is not None and len(case.hypotheses) > 1:
        above = "above" if margin >= 0 else "below"
        yield Feature(weights.margin * margin, f"{abs(margin):.2f} {above} the best other suspect")
    failed = weigh.failed(case)
    if failed:
        yield Feature(weights.failed * len(failed), f"could not look at {', '.join(failed)}")


def _assessment(hypothesis: Hypothesis, weights: Coefficients) -> Feature:
    """Return the reasoner's own belief in logits; no belief at all counts as little belief."""
    if hypothesis.assessment is None:
        return Feature(-1.0, f"the {hypothesis.proposed_by} reasoner gave no belief of its own")
    belief = min(0.98, max(0.02, hypothesis.assessment))
    logit = math.log(belief / (1 - belief))
    return Feature(
        weights.assessment * logit,
        f"the {hypothesis.proposed_by} reasoner believes it with {hypothesis.assessment:.2f}",
    )


def _channels(hypothesis: Hypothesis, weights: Coefficients) -> Feature:
    speaking = weigh.channels(hypothesis)
    if not speaking:
        return Feature(weights.unsupported, "no kind of telemetry speaks for it")
    names = ", ".join(speaking)
    said = f"only {names} speaks for it" if len(speaking) == 1 else f"{len(speaking)} kinds agree: {names}"
    return Feature(weights.channel * (len(speaking) - 1), said)


def _path(hypothesis: Hypothesis, case: Case, weights: Coefficients) -> Iterator[Feature]:
    start = weigh.alerted(case)
    if start is None or not case.topology:
        return
    steps = weigh.distance(case, hypothesis.suspect)
    if steps is None:
        yield Feature(weights.unreachable, f"no call path leads from {start.name} to it")
    else:
        calls = "is where the alert fired" if steps == 0 else f"is {steps} call{'s' * (steps > 1)} from {start.name}"
        yield Feature(weights.reachable, f"it {calls}")


def _onset(hypothesis: Hypothesis, case: Case, weights: Coefficients) -> Iterator[Feature]:
    if hypothesis.onset is None:
        return
    lead = (case.alert.fired - hypothesis.onset).total_seconds()
    if lead >= 0:
        yield Feature(weights.early, f"it began {lead:.0f} s before the alert fired")
    else:
        yield Feature(weights.late, f"it began {-lead:.0f} s after the alert fired")
