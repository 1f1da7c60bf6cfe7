"""Quiet unless sure: thresholds by label, what they cost as persons graded it, and quiet findings on request."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from memory.calibration import Tally, tally
from ontology.errors import BadInput
from ontology.nouns import Alert
from workbench import assembly
from workbench.desk.door import take_up
from workbench.desk.grades import own
from workbench.desk.thresholds import route_of, threshold_of
from workbench.desk.watch import Watch
from workbench.engine.coefficients import CURRENT
from workbench.engine.loop import opened
from workbench.journal import outcomes
from workbench.journal.outcomes import OFFERED
from workbench.nouns import Confidence, Finding
from workbench.settings import Settings


@pytest.fixture
def alert(small_case: Path) -> Alert:
    return assembly.recorded_alert(str(small_case))


def _found(settings: Settings, alert: Alert, n: int, confidence: float, *, shown: bool) -> str:
    """Keep a finding for one more alert, as a worker does; return the alert's id."""
    journal = assembly.journal(settings)
    each = replace(alert, id=f"slow-{n:x}-20260101t000000z")
    journal.receive([each], "nowhere")
    case = opened(each)
    finding = Finding("h-1", f"cause {n}", Confidence(confidence, ("said",)), shown)
    outcomes.keep(journal.database, replace(case, findings=(finding,)), journal.now())
    return each.id


def test_the_threshold_with_most_labels_counts(tmp_path: Path, alert: Alert) -> None:
    """Severity is ours, values may hold a star, the general one holds where none fits, and no labels are refused."""
    given = {"severity=critical": 0.7, "severity=critical service=front*": 0.9, "service=cart": 0.1}
    settings = Settings(home=tmp_path, thresholds=given, threshold=0.85)

    assert threshold_of(alert, settings) == 0.9
    assert threshold_of(replace(alert, labels={"severity": "page"}), settings) == 0.7
    assert threshold_of(replace(alert, labels={}, severity="info"), settings) == 0.85
    assert route_of(replace(alert, labels={}, severity="info"), settings) == ""
    with pytest.raises(BadInput, match="names no labels"):
        threshold_of(alert, Settings(home=tmp_path, thresholds={"checkout": 0.5}))


def test_a_threshold_decides_what_a_worker_shows(tmp_path: Path, small_case: Path, alert: Alert) -> None:
    """The same finding is shown at 0 and kept quiet at 1, and kept with its confidence either way."""
    for threshold, shown in ((0.0, True), (1.0, False)):
        settings = Settings(home=tmp_path / str(shown), thresholds={"service=frontend": threshold})
        assembly.journal(settings).receive([alert], str(small_case))
        Watch(settings, "a").once()

        journal = assembly.journal(settings)
        (outcome,) = outcomes.since(journal.database, alert.fired)
        assert (outcome.shown, outcome.offered, outcome.right) == (shown, not shown, None)
        assert 0 < outcome.confidence < 1


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_person_sees_what_a_run_on_its_own_keeps_quiet(
    threshold: float, tmp_path: Path, small_case: Path, alert: Alert
) -> None:
    """Below the threshold a step by hand names the suspect and says so, and the first screen of a run names none."""
    settings = Settings(home=tmp_path, threshold=threshold)
    assembly.journal(settings).receive([alert], str(small_case))
    Watch(settings, "a").once()
    alone, by_hand = take_up(alert.id, settings), take_up(alert.id, settings, again=True)

    while not by_hand.case.ended:
        stepped = by_hand.step().text

    top = alone.case.top
    assert top is not None
    assert top.claim in stepped
    assert ("below the threshold" in stepped) is (threshold == 1)
    assert (f"Most likely  {top.claim}" in alone.screen().text) is (threshold == 0)
    assert any(each.surfaced for each in alone.case.findings) is (threshold == 0)


def test_what_a_person_says_in_the_notebook_is_a_grade(tmp_path: Path, small_case: Path, alert: Alert) -> None:
    """Confirmed, it was right; ruled out, or closed as no fault, it was wrong."""
    settings = Settings(home=tmp_path)
    journal = assembly.journal(settings)
    journal.receive([alert], str(small_case))
    Watch(settings, "a").once()

    def right() -> bool | None:
        return outcomes.since(journal.database, alert.fired)[0].right

    desk = take_up(alert.id, settings)
    assert right() is None
    desk.confirm()
    assert right() is True
    desk.save("no-fault")
    assert right() is False
    assert take_up(alert.id, settings, again=True).case.hypotheses
    assert right() is False


def test_a_preview_counts_by_what_was_graded(workbench: Any, alert: Alert) -> None:
    """Twelve shown with eleven right, nine quiet with four of five: the command line says just that."""
    settings = Settings(home=workbench.home)
    shown = [_found(settings, alert, n, 0.9, shown=True) for n in range(12)]
    quiet = [_found(settings, alert, 100 + n, 0.6, shown=False) for n in range(9)]
    for n, alert_id in enumerate((*shown, *quiet[:5])):
        assert workbench("grade", alert_id, "wrong" if n in (0, 12) else "right").code == 0

    ran = workbench("watch", "--preview", THRESHOLDS='{"severity=critical": 0.95}')

    lines = dict(line.split(": ") for line in ran.out.splitlines())
    assert lines["all at 0.85"] == "12 shown, 11 right; 9 quiet, 4 of 5 graded would have been right"
    assert lines["as set"] == lines["severity=critical at 0.95"]
    assert lines["as set"].startswith("0 shown, 0 right; 21 quiet, 15 of 17 graded")
    workbench("grade", "nothing-0-20260101t000000z", "right").refused("No worker found anything")


def test_the_calibration_of_a_place_is_told_and_written(workbench: Any, alert: Alert, tmp_path: Path) -> None:
    """Two of three found are graded: uncalibrated here, a line a route, a page on request; a bad path is refused."""
    settings = Settings(home=workbench.home)
    ids = [_found(settings, alert, n, 0.8, shown=False) for n in range(3)]
    for alert_id in ids[:2]:
        assert workbench("grade", alert_id, "right").code == 0

    ran = workbench("calibration", "--html", str(tmp_path / "c.html"), THRESHOLDS='{"severity=critical": 0.7}')

    assert ran.out.startswith("Uncalibrated here: 2 of 3 findings are graded")
    assert "severity=critical at 0.70: 3 shown, 2 of 2 graded right; 0 quiet" in ran.out
    assert "threshold 0." not in ran.err
    assert '"sliders"' in (tmp_path / "c.html").read_text()
    assert workbench("calibration", "--html", str(tmp_path / "no" / "c.html")).code == 2


def test_one_in_ten_quiet_findings_asks_for_a_grade(workbench: Any, alert: Alert) -> None:
    """All quiet findings are listed, none that was shown; graded, one asks no more."""
    settings = Settings(home=workbench.home)
    quiet = [_found(settings, alert, n, 0.4, shown=False) for n in range(2 * OFFERED)]
    _found(settings, alert, 500, 0.9, shown=True)

    listed = workbench("watch", "--quiet").out.splitlines()
    asked = [line for line in listed if "grade it?" in line]
    assert len(listed) == len(quiet)
    assert len(asked) == 2
    assert workbench("grade", quiet[0], "wrong").code == 0
    assert workbench("watch", "--quiet").out.count("grade it?") == 1


def test_nothing_found_is_no_outcome(tmp_path: Path, alert: Alert) -> None:
    """A case without a finding leaves nothing to grade, and an empty month is told as zeros."""
    journal = assembly.journal(Settings(home=tmp_path))
    journal.receive([alert], "nowhere")
    outcomes.keep(journal.database, opened(alert), journal.now())

    assert outcomes.since(journal.database, alert.fired) == ()
    assert tally((), 0.5) == Tally()


def test_own_grades_take_over_the_calibration_after_thirty(tmp_path: Path, small_case: Path, alert: Alert) -> None:
    """Of what was held sure one in five was right: from thirty grades on a new case is judged so, and says on what."""
    settings = Settings(home=tmp_path)
    journal = assembly.journal(settings)
    journal.receive([alert], str(small_case))

    def judged() -> Confidence:
        desk = take_up(alert.id, settings, again=True)
        desk.step()
        return desk.case.hypotheses[0].confidence

    def grade(numbers: range) -> None:
        for n in numbers:
            outcomes.grade(journal.database, _found(settings, alert, n, 0.9, shown=True), right=n % 5 == 0)

    grade(range(29))
    before = judged()
    grade(range(29, 60))
    after = judged()

    assert "uncalibrated here" in before.because[-1]
    assert before.value > 0.6
    assert "on 60 graded outcomes of this place" in after.because[-1]
    assert "uncalibrated" not in after.because[-1]
    assert after.value < 0.4
    assert after.raw == before.raw


def test_who_is_graded_more_often_does_not_drown_the_others(tmp_path: Path, alert: Alert) -> None:
    """Forty shown ones are graded, all wrong, and four of 400 quiet ones, all right: the quiet count as 400."""
    settings = Settings(home=tmp_path)
    journal = assembly.journal(settings)
    for n in range(40):
        outcomes.grade(journal.database, _found(settings, alert, n, 0.6, shown=True), right=False)
    quiet = [_found(settings, alert, 100 + n, 0.6, shown=False) for n in range(400)]
    for alert_id in quiet[:4]:
        outcomes.grade(journal.database, alert_id, right=True)

    line = own(journal)

    assert line.here
    raw = (math.log(0.6 / 0.4) - CURRENT.offset) / CURRENT.slope
    assert 0.6 < 1 / (1 + math.exp(-line.slope * raw - line.offset)) < 0.95  # one in eleven, were all counted alike
