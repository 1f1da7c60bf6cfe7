"""Pure: how good a ranking and a confidence are, functions of arrays, each with its source.

A confidence is a number from 0 to 1 beside whether the first hypothesis was right. Everything that cannot be said of
so few cases is None, never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

BINS = 10
"""Bins of equal mass that the calibration error is read from; fewer where there are fewer than 10 cases a bin."""
DRAWS = 2000
"""Resamples of a bootstrap interval."""
LEVEL = 0.95
"""Coverage of an interval."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile bootstrap interval (Efron 1979), two-sided, LEVEL."""

    low: float
    high: float


def interval(values: Sequence[float], draws: int = DRAWS, seed: int = 7) -> Interval | None:
    """Return the bootstrap interval of the mean of these values; None without any.

    >>> interval([1.0, 1.0, 1.0])
    Interval(low=1.0, high=1.0)
    """
    if not len(values):
        return None
    dice, data = np.random.default_rng(seed), np.asarray(values, dtype=float)
    means = data[dice.integers(0, len(data), (draws, len(data)))].mean(axis=1)
    low, high = np.quantile(means, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Interval(float(low), float(high))


def proportion(hits: int, of: int) -> Interval | None:
    """Return the exact interval of a share (Clopper and Pearson 1934), LEVEL, two-sided; None of nothing.

    >>> round(proportion(0, 100).high, 3), proportion(0, 0)
    (0.036, None)
    """
    if not of:
        return None
    from scipy.stats import binomtest

    known = binomtest(hits, of).proportion_ci(LEVEL, "exact")
    return Interval(float(known.low), float(known.high))


def platt(
    logits: Sequence[float],
    right: Sequence[bool],
    weights: Sequence[float] | None = None,
    *,
    start: tuple[float, float] = (1.0, 0.0),
    pull: float = 0.0,
) -> tuple[float, float]:
    """Return slope and offset of the line that makes logits those of how often they were right, with softened targets.

    Args:
        logits: what was said.
        right: whether it was so.
        weights: how much each counts; alike where not given.
        start: slope and offset to begin from.
        pull: strength of a ridge that draws the line to where it begins, for few cases.

    Source: Platt 1999, with his softened targets.
    """
    from scipy.optimize import minimize

    raw, hit, first = np.asarray(logits, float), np.asarray(right, bool), np.asarray(start, float)
    share = np.ones(len(raw)) if weights is None else np.asarray(weights, float)
    soft = np.where(hit, (hit.sum() + 1) / (hit.sum() + 2), 1 / ((~hit).sum() + 2))

    def loss(at: np.ndarray) -> float:
        line = at[0] * raw + at[1]
        cost = np.sum(share * (np.logaddexp(0, line) - soft * line))
        return float(cost + pull / 2 * np.sum((at - first) ** 2))

    found = minimize(loss, first, method="L-BFGS-B", bounds=[(0.05, 5.0), (None, None)])
    return float(found.x[0]), float(found.x[1])


def spread(
    confidences: Sequence[float],
    right: Sequence[bool],
    measure: Callable[[np.ndarray, np.ndarray], float | None],
    draws: int = 400,
    seed: int = 7,
) -> Interval | None:
    """Return the bootstrap interval of a measure of confidences; None where under half of the draws carry it."""
    if len(right) < 2:
        return None
    dice, sure, hit = np.random.default_rng(seed), np.asarray(confidences, float), np.asarray(right, bool)
    found = []
    for _ in range(draws):
        drawn = dice.integers(0, len(hit), len(hit))
        value = measure(sure[drawn], hit[drawn])
        if value is not None:
            found.append(value)
    if len(found) < draws / 2:
        return None
    low, high = np.quantile(found, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Interval(float(low), float(high))


def auroc(confidences: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray) -> float | None:
    """Return the chance that a right one is held surer than a wrong one, ties at one half; None without both kinds.

    Source: Mann and Whitney 1947; Hanley and McNeil 1982.

    >>> auroc([0.9, 0.8, 0.3], [True, False, False])
    1.0
    """
    sure, hit = np.asarray(confidences, float), np.asarray(right, bool)
    if hit.all() or not hit.any():
        return None
    from scipy.stats import rankdata

    ranks, n = rankdata(sure), int(hit.sum())
    return float((ranks[hit].sum() - n * (n + 1) / 2) / (n * (len(hit) - n)))


def ece(confidences: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray) -> float | None:
    """Return the debiased calibration error, 0 to 1: root of the mean squared gap of bins of equal mass.

    From every bin's squared gap the variance of its own hit rate is taken away, since a perfectly calibrated scorer
    shows gaps by chance too. Source: Kumar, Liang and Ma, NeurIPS 2019 (debiased estimator).

    None under four cases: a bin needs two of them, and one bin is no curve.
    """
    sure, hit = np.asarray(confidences, float), np.asarray(right, float)
    if len(sure) < 4:
        return None
    order = np.argsort(sure, kind="stable")
    parts = np.array_split(order, max(2, min(BINS, len(sure) // 10)))
    total = 0.0
    for part in parts:
        gap, rate = sure[part].mean() - hit[part].mean(), hit[part].mean()
        total += len(part) * (gap**2 - rate * (1 - rate) / (len(part) - 1))
    return float(np.sqrt(max(0.0, total / len(sure))))


def brier_skill(confidences: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray) -> float | None:
    """Return 1 - Brier score / that of always saying the base rate; None where all are right or all wrong.

    Source: Murphy 1973. 1 is perfect, 0 no better than the base rate, negative worse.
    """
    sure, hit = np.asarray(confidences, float), np.asarray(right, float)
    if not len(hit) or hit.min() == hit.max():
        return None
    reference = float(np.mean((hit.mean() - hit) ** 2))
    return 1.0 - float(np.mean((sure - hit) ** 2)) / reference


def augrc(confidences: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray) -> float | None:
    """Return the area under the generalised risk-coverage curve, 0 (best) to 1/2; None without a case.

    The risk at a coverage is the share of *all* cases that are shown and wrong; cases of equal confidence are shown
    together. Source: Traub et al., NeurIPS 2024.
    """
    sure, hit = np.asarray(confidences, float), np.asarray(right, bool)
    if not len(sure):
        return None
    order = np.argsort(-sure, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(sure[order]) != 0, True))
    coverage = np.concatenate([[0.0], (ends + 1) / len(sure)])
    risk = np.concatenate([[0.0], np.cumsum(~hit[order])[ends] / len(sure)])
    return float(np.trapezoid(risk, coverage))


def reliability(
    confidences: Sequence[float], right: Sequence[bool], bins: int = BINS
) -> list[tuple[float, float, int]]:
    """Return (mean confidence, share right, n) of bins of equal mass, least sure first: the reliability curve."""
    sure, hit = np.asarray(confidences, float), np.asarray(right, float)
    if not len(sure):
        return []
    order = np.argsort(sure, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, max(1, len(sure) // 5))) if len(part)]
    return [(float(sure[part].mean()), float(hit[part].mean()), len(part)) for part in parts]


def same_by_chance(better: int, worse: int) -> float:
    """Return the two-sided p that so lopsided a split of the changed cases is chance (exact McNemar 1947 test).

    >>> same_by_chance(0, 0), round(same_by_chance(8, 0), 4)
    (1.0, 0.0078)
    """
    if better + worse == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(better, better + worse, 0.5).pvalue)
