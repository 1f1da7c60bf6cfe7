"""What the bench says of a confidence: each measure against cases whose value is known by hand or by theory."""

from __future__ import annotations

import numpy as np
import pytest

from memory import measures


def calibrated(n: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return confidences and outcomes that are right exactly as often as they say."""
    dice = np.random.default_rng(seed)
    sure = dice.uniform(0, 1, n)
    return sure, dice.uniform(0, 1, n) < sure


def test_a_calibrated_scorer_has_next_to_no_error_and_an_overconfident_one_has_its_gap() -> None:
    """Of 400 calibrated cases the median is under 0.03; always saying 0.9 and being right in half is 0.4 off."""
    found = [measures.ece(*calibrated(400, seed)) for seed in range(40)]
    assert np.median([each for each in found if each is not None]) < 0.03
    half = np.arange(200) % 2 == 0
    assert measures.ece(np.full(200, 0.9), half) == pytest.approx(0.4, abs=0.02)


def test_debiasing_takes_away_what_chance_alone_shows() -> None:
    """Over 200 draws of 60 calibrated cases, the mean of the squared error is nearer to zero than the plain one."""
    debiased, plain = [], []
    for seed in range(200):
        sure, right = calibrated(60, seed)
        debiased.append((measures.ece(sure, right) or 0.0) ** 2)
        parts = np.array_split(np.argsort(sure), 6)
        plain.append(sum(len(p) * (sure[p].mean() - right[p].mean()) ** 2 for p in parts) / 60)
    assert np.mean(debiased) < 0.6 * np.mean(plain)


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    """Two right, two wrong, one pair of the four reversed: three quarters; a tie counts half."""
    assert measures.auroc([0.9, 0.4, 0.6, 0.1], [True, True, False, False]) == 0.75
    assert measures.auroc([0.5, 0.5], [True, False]) == 0.5


def test_what_cannot_be_said_is_none_and_not_zero() -> None:
    """All right, or nothing at all: no order, no skill, no curve."""
    assert measures.auroc([0.9, 0.8], [True, True]) is None
    assert measures.brier_skill([0.9, 0.8], [True, True]) is None
    assert measures.ece([0.9], [True]) is None
    assert measures.interval([]) is None
    assert measures.augrc([], []) is None


def test_brier_skill_is_zero_for_the_base_rate_and_one_for_the_truth() -> None:
    """Saying 0.25 of cases of which a quarter is right is no skill; saying the outcome is all."""
    right = [True, False, False, False]
    assert measures.brier_skill([0.25] * 4, right) == pytest.approx(0.0)
    assert measures.brier_skill([1.0, 0.0, 0.0, 0.0], right) == 1.0


def test_augrc_of_an_order_by_hand() -> None:
    """The wrong one last of two: risk is 0 up to half the coverage, then rises to one half: an area of one eighth."""
    assert measures.augrc([0.9, 0.1], [True, False]) == pytest.approx(0.125)
    assert measures.augrc([0.5, 0.5], [True, False]) == pytest.approx(0.25)


def test_the_bootstrap_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of 300 samples of 60 draws at a rate of 0.7, the 95 % interval holds 0.7 in 90 to 99 %."""
    dice = np.random.default_rng(5)
    spans = [measures.interval((dice.uniform(0, 1, 60) < 0.7).astype(float), draws=400) for _ in range(300)]
    held = [span is not None and span.low <= 0.7 <= span.high for span in spans]
    assert 0.90 <= np.mean(held) <= 0.99
