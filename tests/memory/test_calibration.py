"""How sure we were and how often that was right: what is counted, and from when it counts."""

from __future__ import annotations

import pytest

from memory import measures
from memory.calibration import ENOUGH, Judged, Tally, calibration, tally


def test_thresholds_of_routes_count_each_for_its_own() -> None:
    """One confidence is shown on a route at 0.7 and quiet on one at 0.9; a threshold for all moves both."""
    found = [Judged(0.8, True, 0.7, "a"), Judged(0.8, False, 0.9, "b"), Judged(0.8, None, 0.9, "b")]

    known = calibration(found)

    assert known.as_set == {"": Tally(1, 1, 1, 2, 1, 0), "a": Tally(1, 1, 1), "b": Tally(0, 0, 0, 2, 1, 0)}
    assert known.steps[0.8][""] == tally(found, 0.8) == Tally(3, 2, 1)
    assert known.steps[0.81]["b"] == Tally(0, 0, 0, 2, 1, 0)
    assert known.as_set[""].words == "1 shown, 1 right; 2 quiet, 0 of 1 graded would have been right"


def test_the_curve_is_of_all_grades_and_the_preview_of_late_findings() -> None:
    """What nobody graded is in no bin; what is long ago is in no preview; a threshold nobody met is offered too."""
    early = [Judged(0.9, n % 10 != 0, 0.85) for n in range(40)]
    late = [Judged(0.5, None, 0.85)]

    known = calibration([*early, *late], late, {"": 0.85, "team=x": 0.333})

    assert (known.found, known.graded, sum(each.n for each in known.bins)) == (41, 40, 40)
    assert all(each.low <= each.right <= each.high for each in known.bins)
    assert known.as_set == {"": Tally(0, 0, 0, 1, 0, 0)}
    assert known.as_set[""].words == "0 shown, 0 right; 1 quiet, none graded"
    assert 0.333 in known.steps


def test_the_figures_are_those_of_the_bench() -> None:
    """Calibration error, Brier skill and AUROC are what the bench's own measures say of the graded ones."""
    found = [Judged(n / 40, n % 3 != 0, 0.85) for n in range(40)]
    sure, right = [each.confidence for each in found], [bool(each.right) for each in found]

    known = calibration([*found, Judged(0.2, None, 0.85)])

    assert (known.ece, known.brier_skill, known.auroc) == pytest.approx(
        (measures.ece(sure, right), measures.brier_skill(sure, right), measures.auroc(sure, right))
    )


def test_few_grades_are_no_calibration() -> None:
    """One short of thirty is not enough, thirty are, and of none there is no figure at all."""
    grades = [Judged(0.9, True, 0.85)] * ENOUGH
    assert not calibration(grades[1:]).enough
    assert calibration(grades).enough
    nothing = calibration([])
    assert (nothing.mean, nothing.right, nothing.ece, nothing.bins, nothing.as_set[""]) == (
        None,
        None,
        None,
        (),
        Tally(),
    )
