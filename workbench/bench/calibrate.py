"""Runs of the bench -> the weights of the confidence scorer, cross-fitted, and the threshold for a wanted precision.

    workbench bench calibrate run.json --target 0.9

What is fitted: a logistic regression over the features of the first hypothesis of each case, its L2 penalty drawing
each weight to the prior (`engine.coefficients.PRIOR`): what the cases do not tell keeps its hand-set weight. Each is
bounded to pull the way its name says (`SIGNS`); every dataset counts once however many cases it has, and all faultless
cases together count as one more. Then Platt's line on predictions that were made without the case at hand (Platt 1999).
What is reported is cross-fitted too: each case is judged by weights that saw no case of its own group (system and
fault family).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memory import measures
from ontology.errors import BadInput
from workbench.engine.coefficients import PRIOR, SIGNS, Coefficients

PENALTY = 20.0
"""Strength of the L2 penalty on how far weights leave the prior, of features that are scaled to unit deviation."""
FAULTLESS = "faultless"
"""The data set that all cases in which nothing was at fault count as."""
FOLDS = 10
NAMES = tuple(SIGNS)


@dataclass(frozen=True, slots=True)
class Told:
    """The first hypothesis of a case: what was known of it, and whether it was right."""

    dataset: str
    group: str
    """System and fault family: what is fitted on one of these is not tried on it."""
    known: tuple[float, ...]
    """The features in the order of NAMES."""
    right: bool
    faulty: bool
    """Whether anything was at fault."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What came out."""

    coefficients: Coefficients
    judged: tuple[tuple[Told, float], ...]
    """Each case with the confidence of weights that did not see its group."""


def told(runs: Sequence[Mapping[str, Any]]) -> tuple[Told, ...]:
    """Return the first hypotheses of these runs.

    Raises:
        BadInput: a run holds no features, or nothing is scored.
    """
    found = []
    for case in (case for run in runs for case in run.get("cases", ())):
        if not case["scored"] or case["crash"] or case["confidence"] is None:
            continue
        if "features" not in case:
            raise BadInput("The run holds no features.", next_step="Run the cases again with this version: bench run.")
        known = tuple(float(case["features"].get(name, 0.0)) for name in NAMES)
        group = f"{case['dataset']}|{case['system']}|{case['fault_family']}"
        found.append(Told(case["dataset"], group, known, case["rank"] == 1, case["root_cause"] is not None))
    if not found:
        raise BadInput("No case of these runs is scored.", next_step="Name cases with answers.")
    return tuple(found)


def fit(cases: Sequence[Told], target: float = 0.9, made: str = "", *, keep: bool = False) -> Fit:
    """Return the weights of all cases, and every case judged by weights that did not see its group.

    Args:
        cases: at least a right and a wrong one.
        target: precision that what is surfaced should keep, by the lower end of its bootstrap interval.
        made: what is written into the coefficients about where they come from.
        keep: leave the prior's weights as they are, and fit Platt's line alone.

    Raises:
        BadInput: all right or all wrong: there is nothing to learn.
    """
    if len({case.right for case in cases}) < 2:
        raise BadInput("All of these cases are right, or all wrong.", next_step="Add cases; nothing can be learnt.")
    weigh = _kept if keep else _weights
    parts = folds(cases)
    raw = np.empty(len(cases))
    for part in parts:
        rest = [case for n, case in enumerate(cases) if n not in part]
        intercept, weights = weigh(rest)
        for n in part:
            raw[n] = intercept + float(np.dot(weights, cases[n].known))
    calibrated = np.empty(len(cases))
    for part in parts:
        others = [n for n in range(len(cases)) if n not in part]
        slope, offset = _platt(raw[others], [cases[n] for n in others])
        for n in part:
            calibrated[n] = _probability(slope * raw[n] + offset)
    intercept, weights = weigh(cases)
    slope, offset = _platt(raw, cases)
    sure = [float(value) for value in calibrated]
    named = {name: round(float(weight), 4) for name, weight in zip(NAMES, weights, strict=True)}
    coefficients = Coefficients(
        round(intercept, 4), named, round(slope, 4), round(offset, 4), threshold(cases, sure, target), made
    )
    return Fit(coefficients, tuple(zip(cases, sure, strict=True)))


def folds(cases: Sequence[Told]) -> list[set[int]]:
    """Return the cases' numbers in at most FOLDS parts; a group is never divided, large groups are dealt first."""
    groups: dict[str, list[int]] = {}
    for n, case in enumerate(cases):
        groups.setdefault(case.group, []).append(n)
    parts: list[set[int]] = [set() for _ in range(min(FOLDS, len(groups)))]
    for _, numbers in sorted(groups.items(), key=lambda each: (-len(each[1]), each[0])):
        min(parts, key=len).update(numbers)
    return parts


def shares(cases: Sequence[Told]) -> np.ndarray:
    """Return the weight of each case: every dataset counts the same, and so do all faultless ones; the mean is one."""
    sets = [case.dataset if case.faulty else FAULTLESS for case in cases]
    counts = {name: sets.count(name) for name in set(sets)}
    return np.array([len(cases) / (len(counts) * counts[name]) for name in sets])


def _kept(_cases: Sequence[Told]) -> tuple[float, np.ndarray]:
    """Return the prior's intercept and weights, whatever the cases."""
    return PRIOR.intercept, np.array([PRIOR.weights[name] for name in NAMES])


def _weights(cases: Sequence[Told]) -> tuple[float, np.ndarray]:
    """Return intercept and weights: logistic regression drawn to the prior, bounded, on features of unit deviation."""
    from scipy.optimize import minimize

    known = np.array([case.known for case in cases])
    right = np.array([case.right for case in cases], float)
    share, scale = shares(cases), known.std(axis=0)
    scale[scale == 0] = 1.0
    scaled, before = known / scale, np.array([PRIOR.weights[name] for name in NAMES]) * scale

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        logits = at[0] + scaled @ at[1:]
        gap = share * (_probability(logits) - right)
        moved = at[1:] - before
        cost = float(np.sum(share * (np.logaddexp(0, logits) - right * logits))) + PENALTY / 2 * float(moved @ moved)
        return cost, np.concatenate([[gap.sum()], scaled.T @ gap + PENALTY * moved])

    limits = [
        tuple(end if end is None else end * by for end in SIGNS[name]) for name, by in zip(NAMES, scale, strict=True)
    ]
    start = np.concatenate([[PRIOR.intercept], before])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(None, None), *limits])
    return float(found.x[0]), found.x[1:] / scale


def _platt(raw: np.ndarray, cases: Sequence[Told]) -> tuple[float, float]:
    return measures.platt(raw.tolist(), [case.right for case in cases], shares(cases).tolist())


def _probability(logit: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-np.clip(logit, -40, 40)))


def threshold(cases: Sequence[Told], sure: Sequence[float], target: float, draws: int = 400, seed: int = 7) -> float:
    """Return the least threshold at which the lower 95 % end of the precision reaches the target; 0.95 if none does.

    Precision is that of the datasets' mean, resampled by cases; a surfaced one where nothing is at fault is wrong.
    """
    dice, share, right = np.random.default_rng(seed), shares(cases), np.array([case.right for case in cases])
    values = np.asarray(sure)
    drawn = dice.integers(0, len(cases), (draws, len(cases)))
    for candidate in np.arange(0.3, 0.96, 0.01):
        shown = (values >= candidate) * share
        total = shown[drawn].sum(axis=1)
        if (total > 0).mean() < 0.95:
            break
        precision = (shown * right)[drawn].sum(axis=1)[total > 0] / total[total > 0]
        if np.quantile(precision, 0.025) >= target:
            return round(float(candidate), 2)
    return 0.95


def figures(fitted: Fit) -> dict[str, dict[str, float | None]]:
    """Return the measures of the cross-fitted confidences, by dataset, and `average`: each dataset counted once."""
    limit = fitted.coefficients.threshold
    found = {}
    for name in sorted({case.dataset for case, _ in fitted.judged}):
        own = [(case, sure) for case, sure in fitted.judged if case.dataset == name]
        sure, right = [value for _, value in own], [case.right for case, _ in own]
        shown = [case.right for case, value in own if value >= limit]
        faulty = [value >= limit for case, value in own if case.faulty]
        found[name] = {
            "n": len(own),
            "auroc": measures.auroc(sure, right),
            "ece": measures.ece(sure, right),
            "brier_skill": measures.brier_skill(sure, right),
            "augrc": measures.augrc(sure, right),
            "precision_surfaced": sum(shown) / len(shown) if shown else None,
            "share_surfaced": sum(faulty) / len(faulty) if faulty else None,
        }
    names = ("auroc", "ece", "brier_skill", "augrc", "precision_surfaced", "share_surfaced")
    parts = {key: [value for held in found.values() if (value := held[key]) is not None] for key in names}
    means = {key: float(np.mean(values)) if values else None for key, values in parts.items()}
    return {**found, "average": {"n": len(fitted.judged), **means}}


def shown(fitted: Fit) -> str:
    """Return the cross-fitted measures as a table, then the weights, strongest first, and the threshold."""
    names = ("auroc", "ece", "brier_skill", "augrc", "precision_surfaced", "share_surfaced")
    lines = [" ".join([f"{'dataset':<18} {'n':>4}", *(f"{name:>18}" for name in names)])]
    for dataset, held in figures(fitted).items():
        cells = ["-" if held[name] is None else f"{held[name]:.3f}" for name in names]
        lines.append(" ".join([f"{dataset:<18} {held['n']:>4}", *(f"{cell:>18}" for cell in cells)]))
    made = fitted.coefficients
    lines.append(f"threshold {made.threshold:.2f}; calibrated logit = {made.slope:+.2f} x raw {made.offset:+.2f}")
    lines.append(f"{'intercept':<14} {made.intercept:+.3f}")
    lines += [f"{name:<14} {w:+.3f}" for name, w in sorted(made.weights.items(), key=lambda each: -abs(each[1]))]
    return "\n".join(lines)
