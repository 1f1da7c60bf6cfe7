"""Pure: how sure we said we were and how often that was right; what a threshold shows and keeps quiet.

found = [Judged(0.9, True, 0.85), Judged(0.6, None, 0.85)]
calibration(found).as_set[""].words      # '1 shown, 1 right; 1 quiet, none graded'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ENOUGH = 30
"""Graded outcomes from which a place may trust its own curve; before, it is said to be uncalibrated."""
BINS = 6
"""Points of the curve at most: so many can be told apart with their counts and intervals."""
STEPS = tuple(n / 100 for n in range(101))
"""Thresholds that a slider offers, beside those that are set."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One leading finding."""

    confidence: float
    right: bool | None
    """What a person, or the answer of a recorded case, says; None where nobody did."""
    threshold: float
    """From which confidence it is shown as things are set now."""
    group: str = ""
    """The route of its alert, or the data set of its case; empty where it has none."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many findings a threshold shows and keeps quiet, and how many of those that were graded are right."""

    shown: int = 0
    shown_graded: int = 0
    shown_right: int = 0
    quiet: int = 0
    quiet_graded: int = 0
    quiet_right: int = 0

    @property
    def words(self) -> str:
        """The numbers in one sentence.

        >>> Tally(12, 12, 11, 9, 5, 4).words
        '12 shown, 11 right; 9 quiet, 4 of 5 graded would have been right'
        """
        right = _of(self.shown_right, self.shown_graded, self.shown, "right")
        would = _of(self.quiet_right, self.quiet_graded, self.quiet, "would have been right")
        return f"{self.shown} shown, {right}; {self.quiet} quiet, {would}"

    @property
    def share(self) -> float | None:
        """Share of the findings that is shown; None of none."""
        return self.shown / (self.shown + self.quiet) if self.shown + self.quiet else None

    @property
    def precision(self) -> float | None:
        """Share right of what is shown and graded; None of none."""
        return self.shown_right / self.shown_graded if self.shown_graded else None


@dataclass(frozen=True, slots=True)
class Bin:
    """Findings held about equally sure: a point of the reliability curve."""

    said: float
    """Their mean confidence."""
    right: float
    """The share that is right."""
    low: float
    high: float
    """Its exact interval, 95 %."""
    n: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known of the confidences of a place, or of a run."""

    found: int
    graded: int
    mean: float | None
    """Of the confidences that are graded."""
    right: float | None
    """Share right of what is graded."""
    bins: tuple[Bin, ...]
    ece: float | None
    brier_skill: float | None
    auroc: float | None
    steps: Mapping[float, Mapping[str, Tally]]
    """Threshold -> group -> what that threshold for all would show lately; the group "" is everything."""
    as_set: Mapping[str, Tally]
    """Group -> what the thresholds as they are set show lately; the group "" is everything."""
    thresholds: Mapping[str, float]
    """Group -> its threshold; "" is that of findings without a group, where there are such."""

    @property
    def enough(self) -> bool:
        """Whether so many outcomes are graded that the curve counts."""
        return self.graded >= ENOUGH


def calibration(
    judged: Sequence[Judged], lately: Sequence[Judged] | None = None, thresholds: Mapping[str, float] | None = None
) -> Calibration:
    """Return how well confidences kept their word, and what thresholds cost.

    Args:
        judged: everything that was found, graded or not; the curve and its figures are of the graded ones.
        lately: of those, what a threshold is previewed on; all of them where it is not given.
        thresholds: what is set, by group, "" for findings without one; where it is not given, what the findings say.

    The reliability curve has bins of equal mass with exact intervals (Clopper and Pearson 1934); calibration error,
    Brier skill and AUROC are those of `memory.measures`.
    """
    from memory import measures  # numpy: what only counts does without it

    told = [each for each in judged if each.right is not None]
    sure, hit = [each.confidence for each in told], [each.right is True for each in told]
    recent = judged if lately is None else lately
    chosen = {each.group: each.threshold for each in recent} if thresholds is None else thresholds
    offered = sorted({*STEPS, *chosen.values()})
    return Calibration(
        found=len(judged),
        graded=len(told),
        mean=sum(sure) / len(sure) if sure else None,
        right=sum(hit) / len(hit) if hit else None,
        bins=tuple(_bin(*point) for point in measures.reliability(sure, hit, BINS)),
        ece=measures.ece(sure, hit),
        brier_skill=measures.brier_skill(sure, hit),
        auroc=measures.auroc(sure, hit),
        steps={at: _by_group(recent, at) for at in offered},
        as_set=_by_group(recent),
        thresholds=chosen,
    )


def tally(judged: Sequence[Judged], at: float | None = None) -> Tally:
    """Count what a threshold shows and keeps quiet; without one, what the findings' own ones do."""
    shown: list[bool | None] = []
    quiet: list[bool | None] = []
    for each in judged:
        (shown if each.confidence >= (each.threshold if at is None else at) else quiet).append(each.right)
    return Tally(*_counts(shown), *_counts(quiet))


def _counts(right: Sequence[bool | None]) -> tuple[int, int, int]:
    return len(right), sum(each is not None for each in right), sum(each is True for each in right)


def _by_group(judged: Sequence[Judged], at: float | None = None) -> Mapping[str, Tally]:
    groups = sorted({each.group for each in judged if each.group})
    return {
        "": tally(judged, at),
        **{group: tally([each for each in judged if each.group == group], at) for group in groups},
    }


def _bin(said: float, right: float, n: int) -> Bin:
    from memory.measures import proportion

    known = proportion(round(right * n), n)
    assert known is not None, "a bin holds at least one"
    return Bin(said, right, known.low, known.high, n)


def _of(right: int, graded: int, among: int, word: str) -> str:
    if among and not graded:
        return "none graded"
    return f"{right} {word}" if graded == among else f"{right} of {graded} graded {word}"
