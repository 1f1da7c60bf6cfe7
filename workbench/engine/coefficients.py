"""The weights of the confidence scorer: in logits, by the name of the feature; made by `workbench bench calibrate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Coefficients:
    """A logistic scorer with its calibration and what it was made from."""

    intercept: float
    weights: Mapping[str, float]
    """Logits for each unit of a feature; a feature that is not named weighs nothing."""
    slope: float = 1.0
    offset: float = 0.0
    """Platt's line: the calibrated logit is slope x raw + offset."""
    threshold: float = 0.6
    """Confidence from which a finding is surfaced, where no person chose another."""
    made: str = ""
    """From what: data sets, cases, date; empty for a prior."""


SIGNS: Mapping[str, tuple[float | None, float | None]] = {
    "assessment": (0.0, None),
    "margin": (0.0, None),
    "strongest": (0.0, None),
    "channels": (0.0, None),
    "unsupported": (None, 0.0),
    "reachable": (0.0, None),
    "unreachable": (None, 0.0),
    "early": (0.0, None),
    "late": (None, 0.0),
    "against": (None, 0.0),
    "failed": (None, 0.0),
    "history": (0.0, None),
    "crowd": (None, 0.0),
}
"""Which way a feature may pull: a fit that finds the opposite found chance. A failed source never raises."""

PRIOR = Coefficients(
    intercept=-0.9,
    weights={
        "assessment": 0.9,
        "margin": 0.8,
        "strongest": 0.0,
        "channels": 0.45,
        "unsupported": -2.5,
        "reachable": 0.2,
        "unreachable": -0.6,
        "early": 0.2,
        "late": -0.8,
        "against": -0.4,
        "failed": -0.15,
        "history": 0.0,
        "crowd": 0.0,
    },
)
"""Chosen by hand: orders hypotheses sensibly, and promises nothing about how often it is right."""

CURRENT = PRIOR
"""What `judge` uses."""
