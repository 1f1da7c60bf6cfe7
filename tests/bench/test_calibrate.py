"""Fitting the confidence: it learns what is there, promises only what it did not see, and turns no feature around."""

from __future__ import annotations

import numpy as np
import pytest

from memory import measures
from ontology.errors import BadInput
from workbench.bench import calibrate
from workbench.bench.calibrate import NAMES, Told
from workbench.engine.coefficients import PRIOR, SIGNS


def cases(n: int = 300, seed: int = 1, groups: int = 12, noise: bool = False) -> list[Told]:
    """Return cases of two data sets whose chance of being right follows assessment and margin; or follows nothing."""
    dice = np.random.default_rng(seed)
    found = []
    for number in range(n):
        known = dict.fromkeys(NAMES, 0.0) | {"assessment": dice.normal(0, 2), "margin": dice.uniform(-0.5, 1)}
        logit = 0.0 if noise else 1.5 * known["assessment"] + 1.0 * known["margin"]
        right = bool(dice.uniform() < 1 / (1 + np.exp(-logit)))
        group = f"{number % groups}"
        found.append(Told(("a", "b")[number % 4 == 0], group, tuple(known[name] for name in NAMES), right, True))
    return found


def test_what_is_there_is_learnt_and_the_promise_holds_on_what_was_not_seen() -> None:
    """300 cases that follow two features: cross-fitted, right ones are told apart, and the error is small."""
    fitted = calibrate.fit(cases())
    sure, right = [value for _, value in fitted.judged], [case.right for case, _ in fitted.judged]
    assert (measures.auroc(sure, right) or 0) > 0.85
    assert (measures.ece(sure, right) or 0) < 0.08
    assert fitted.coefficients.weights["assessment"] == pytest.approx(1.5, abs=0.5)


def test_where_nothing_is_there_nothing_is_promised() -> None:
    """300 cases right by the toss of a coin: cross-fitted, nothing is told apart, and the threshold shows none."""
    fitted = calibrate.fit(cases(noise=True))
    sure, right = [value for _, value in fitted.judged], [case.right for case, _ in fitted.judged]
    assert abs((measures.auroc(sure, right) or 0.5) - 0.5) < 0.12
    assert sum(value >= fitted.coefficients.threshold for value in sure) == 0


def test_no_case_is_judged_by_weights_that_saw_its_group() -> None:
    """No group stands in two parts, and all cases stand in one."""
    of = cases(groups=37)
    parts = calibrate.folds(of)
    assert sorted(n for part in parts for n in part) == list(range(len(of)))
    groups = [{of[n].group for n in part} for part in parts]
    assert not any(one & other for i, one in enumerate(groups) for other in groups[:i])


def test_a_feature_that_pulls_the_wrong_way_by_chance_is_held_at_its_bound() -> None:
    """Where failed sources happen to go with being right, their weight goes to its bound, which is under zero."""
    at, turned = NAMES.index("failed"), []
    for case in cases():
        known = list(case.known)
        known[at] = float(case.right)
        turned.append(Told(case.dataset, case.group, tuple(known), case.right, True))
    weights = calibrate.fit(turned).coefficients.weights
    assert weights["failed"] == SIGNS["failed"][1] == -0.05
    for name, (low, high) in SIGNS.items():
        assert low is None or weights[name] >= low
        assert high is None or weights[name] <= high


def test_every_data_set_counts_the_same() -> None:
    """Three quarters of the cases are of one data set, and each of the two weighs half."""
    of = cases()
    shares = calibrate.shares(of)
    parts = [sum(share for share, case in zip(shares, of, strict=True) if case.dataset == name) for name in "ab"]
    assert parts[0] == pytest.approx(parts[1])


def test_what_the_cases_do_not_tell_keeps_its_hand_set_weight() -> None:
    """No case has a suspect without support: its weight is the prior's, and not nothing."""
    assert calibrate.fit(cases()).coefficients.weights["unsupported"] == PRIOR.weights["unsupported"]


def test_kept_weights_are_put_on_the_scale_and_order_as_before() -> None:
    """With the weights kept only the line is fitted: the weights are the prior's, and the promise still holds."""
    fitted = calibrate.fit(cases(), keep=True)
    sure, right = [value for _, value in fitted.judged], [case.right for case, _ in fitted.judged]
    assert fitted.coefficients.weights == dict(PRIOR.weights)
    assert (measures.ece(sure, right) or 0) < 0.08


def test_faultless_cases_count_as_one_more_data_set() -> None:
    """Ten faultless cases beside 300 of two data sets weigh a third of all."""
    of = cases()
    quiet = [Told("a", "quiet", case.known, False, False) for case in of[:10]]
    shares = calibrate.shares([*of, *quiet])
    assert shares[-10:].sum() == pytest.approx(shares.sum() / 3)


def test_a_higher_target_shows_less() -> None:
    """The threshold for 0.9 is above that for 0.7, and keeps its precision over the data sets it was chosen on."""
    of = cases(600)
    low, high = calibrate.fit(of, 0.7), calibrate.fit(of, 0.9)
    assert high.coefficients.threshold > low.coefficients.threshold
    shares = calibrate.shares(of)
    shown = [(n, case.right) for n, (case, sure) in enumerate(high.judged) if sure >= high.coefficients.threshold]
    assert sum(shares[n] for n, right in shown if right) / sum(shares[n] for n, _ in shown) >= 0.9


def test_runs_without_features_or_without_a_wrong_case_are_refused() -> None:
    """An old run, and one in which all is right: a clear error each."""
    row = {"scored": True, "crash": "", "confidence": 0.5, "dataset": "a", "system": "", "fault_family": "", "rank": 1}
    with pytest.raises(BadInput, match="no features"):
        calibrate.told([{"cases": [row]}])
    with pytest.raises(BadInput, match="all wrong"):
        calibrate.fit([case for case in cases() if case.right])
