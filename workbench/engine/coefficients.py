"""The weights of the confidence scorer: in logits, by the name of the feature; made by `workbench bench calibrate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


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
    here: bool = False
    """Whether that is this place's own graded outcomes."""


SIGNS: Mapping[str, tuple[float | None, float | None]] = {
    "assessment": (0.0, None),
    "margin": (0.0, None),
    "strongest": (0.0, None),
    "channels": (0.1, None),
    "unsupported": (None, 0.0),
    "reachable": (0.0, None),
    "unreachable": (None, 0.0),
    "early": (0.0, None),
    "late": (None, -0.2),
    "against": (None, -0.1),
    "failed": (None, -0.05),
    "history": (0.0, 0.0),  # said, not weighed: it tells data sets apart, not right from wrong
    "crowd": (None, 0.0),
}
"""Which way a feature may pull: a fit that finds the opposite found chance. A failed source never raises.

Where the bound is not zero it is a rule and no finding: what agrees always raises a little, and what speaks against it,
began too late or could not be looked at always lowers it, also where the cases at hand do not show that it does.
"""

PRIOR = Coefficients(
    intercept=-0.9,
    weights={
        "assessment": 0.9,
        "margin": 0.8,
        "strongest": 0.0,
        "channels": 0.45,
        "unsupported": -5.0,  # a rule: no recorded case has one, and belief without any evidence stays low
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

CALIBRATED = replace(
    PRIOR,
    slope=0.6478,
    offset=1.5117,
    threshold=0.85,
    made="288 cases: PetShop, Nezha, TVDiag, our own recordings; 2026-11-23",
)
"""The prior's order on a measured scale, made by `bench calibrate --keep-weights`: Platt's line, and nothing else.

Fitted only on public cases whose licence allows it, fault-free windows of them, and our own recordings; others were
only measured on. Fitted weights ordered worse on groups that they had not seen: docs/method.md, "How sure".
"""

CURRENT = CALIBRATED
"""What `judge` uses."""
