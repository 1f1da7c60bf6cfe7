"""The methods that run beside ours: each finds a plain fault, none knows more than it may."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ontology.errors import BadInput
from workbench.bench.baselines import METHODS, Seen, baseline


def scene(culprit: str = "pay", calls: tuple[tuple[str, str], ...] = (("web", "pay"),), seed: int = 1) -> Seen:
    """Return a minute of four services in which one's latency jumps at half time, and its caller's after it."""
    dice, names = np.random.default_rng(seed), ("web", "pay", "cart", "mail")
    columns = pd.MultiIndex.from_product([names, ["latency", "cpu"]], names=["entity", "metric"])
    table = pd.DataFrame(dice.normal(10, 1, (60, 8)), columns=columns)
    table.loc[30:, (culprit, "latency")] += 60
    for caller, callee in calls:
        if callee == culprit:
            table.loc[30:, (caller, "latency")] += 30
    return Seen(table.iloc[:30], table.iloc[30:], calls, "web", "", f"case-{seed}")


def first(method: str, of: Seen) -> str:
    """Return the first suspect."""
    scores = METHODS[method](of)
    return max(scores, key=lambda name: scores[name])


@pytest.mark.parametrize("method", [name for name in METHODS if name != "random"])
def test_each_method_finds_a_plain_fault(method: str) -> None:
    """A sixty-fold deviation in one service is the first suspect of every method in four of five draws."""
    found = [first(method, scene(seed=seed)) for seed in range(5)]
    assert found.count("pay") >= 4, found


def test_the_traversal_blames_the_callee_though_its_caller_deviates_more() -> None:
    """A caller whose anomaly is the larger is explained by the callee below it; by deviation alone it leads."""
    of = scene()
    of.since.loc[:, ("web", "latency")] += 500
    assert (first("two-sided-z", of), first("traversal", of)) == ("web", "pay")


def test_chance_is_the_same_for_the_same_case_and_differs_between_cases() -> None:
    """The random order can be repeated, and is no constant."""
    orders = {tuple(sorted(METHODS["random"](scene(seed=n)).items(), key=lambda it: it[1])) for n in range(6)}
    assert METHODS["random"](scene()) == METHODS["random"](scene())
    assert len(orders) > 1


def test_a_falling_series_is_seen_by_the_two_sided_score_only() -> None:
    """A service that goes silent leads two-sided and does not lead upwards."""
    of = scene(calls=())
    of.since.loc[:, ("pay", "latency")] = 10.0
    of.since.loc[:, ("mail", "cpu")] = -50.0
    assert first("two-sided-z", of) == "mail"
    assert first("n-sigma", of) != "mail"


def test_an_unknown_method_is_refused_with_the_list() -> None:
    """The error names those that there are."""
    with pytest.raises(BadInput, match="no method"):
        baseline("oracle")
