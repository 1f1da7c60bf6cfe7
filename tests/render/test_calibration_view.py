"""The view of how sure we were: a slider that needs no kernel, and the same in words."""

from __future__ import annotations

import json
from typing import Any

from memory.calibration import Calibration, Judged, calibration
from workbench.render.calibration import calibration_view, document, figure, sentence, told
from workbench.render.view import PLOTLY, TEXT

ROUTE = "team=<img src=x>"


def known(graded: int) -> Calibration:
    """Return what is known of so many graded findings, and of three that nobody graded."""
    found = [Judged(0.5 + n % 50 / 100, n % 50 > 15, 0.85, ROUTE if n % 2 else "") for n in range(graded)]
    return calibration([*found, *[Judged(0.6, None, 0.85)] * 3], None, {"": 0.85, ROUTE: 0.9})


def test_every_step_of_the_slider_carries_its_own_counts() -> None:
    """A step moves bars, point and line, and says shown and quiet by route, so that no kernel is asked."""
    some = known(60)
    drawn: Any = figure(some, "last 30 days")
    (slider,) = drawn["layout"]["sliders"]

    at = {each["label"]: each["args"] for each in slider["steps"]}
    moved, said, traces = at["0.70"]

    here = some.steps[0.7][""]
    assert sum(moved["x"][2]) == some.found
    assert moved["x"][2][0] == here.shown_right
    assert moved["x"][0] == [0.7, 0.7]
    assert len(traces) == len(moved["x"])
    assert here.words in said["title.text"]
    assert some.steps[0.7][ROUTE].words in said["title.text"]
    assert slider["steps"][slider["active"]]["label"] == "0.85"
    assert "<img" not in json.dumps(drawn)


def test_uncalibrated_is_said_before_thirty_grades_and_not_after() -> None:
    """Both the figure and the text say it at 29, neither at 30."""
    for graded, said in ((29, True), (30, False)):
        view = calibration_view(known(graded), "last 30 days")
        shown: Any = view._repr_mimebundle_()
        assert ("Uncalibrated here" in str(shown[TEXT])) is said
        assert ("Uncalibrated here" in shown[PLOTLY]["layout"]["title"]["text"]) is said


def test_an_empty_place_says_what_to_do() -> None:
    """Nothing found: no empty axes, but where findings come from."""
    view = calibration_view(calibration([]), "last 30 days")
    assert "workbench watch" in view.text
    assert PLOTLY not in view.bundle
    assert "plotly" not in document(calibration([]), "last 30 days")
    assert sentence(calibration([])).startswith("Uncalibrated here")


def test_the_page_is_whole_and_obeys_no_markup() -> None:
    """One file, no address to load from, both colour schemes, the text below; a route's markup is shown as text."""
    text = document(known(60), "last 30 days")
    assert '<script src="' not in text
    assert "color-scheme:light dark" in text
    assert "<img src=x>" not in text
    assert "team=&lt;img src=x&gt; at 0.90" in text


def test_the_words_tell_the_curve_with_counts_and_intervals() -> None:
    """The plain text holds a line for each bin, and one for each threshold."""
    some = known(60)
    lines = told(some, "last 30 days").splitlines()
    assert all(
        any(line.startswith(f"{each.said:.2f}") and line.endswith(str(each.n)) for line in lines) for each in some.bins
    )
    assert f"as set: {some.as_set[''].words}" in lines
