"""The recorded incidents, investigated as the notebook does it: the right service and failure mode come first.

The answers are opened here, after the investigation; nothing that investigates sees them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.assembly import recorded, recorded_alert
from workbench.bench.run import BUDGET, NoMemory
from workbench.engine.loop import investigate, opened
from workbench.nouns import Case
from workbench.reasoning.statistical import StatisticalReasoner

ROOT = Path(__file__).parents[2]
PLACES = (
    (ROOT / "workbench/bench/recordings", ROOT / "workbench/bench/truth"),
    (ROOT / "tests/recordings", ROOT / "tests/recordings/truth"),
)
ANSWERS: dict[Path, dict[str, Any]] = {
    folder: json.loads((answers / f"{folder.name}.json").read_text())
    for recordings, answers in PLACES
    for folder in sorted(path.parent for path in recordings.glob("shop-*/case.json"))
}
FAULTS = [folder for folder, answer in ANSWERS.items() if answer["root_cause"]]
QUIET = [folder for folder, answer in ANSWERS.items() if not answer["root_cause"]]


def investigated(folder: Path) -> Case:
    """Return the case of a recording, concluded."""
    case = opened(recorded_alert(str(folder)))
    *_, case = investigate(
        case, environment=recorded(folder), reasoner=StatisticalReasoner(), memory=NoMemory(), budget=BUDGET
    )
    return case


@pytest.mark.parametrize("folder", FAULTS, ids=lambda folder: folder.name)
def test_the_cause_comes_first(folder: Path) -> None:
    """The service at fault and its failure mode lead, with evidence that names rows of the case."""
    case, answer = investigated(folder), ANSWERS[folder]
    top = case.top
    assert top is not None

    assert (top.suspect.name, top.failure_mode) == (answer["root_cause"], answer["failure_mode"])
    assert {finding.hypothesis for finding in case.findings if finding.surfaced} <= {top.id}
    assert top.evidence
    assert all(each.query and case.observation(each.observation) is not None for each in top.evidence)


def test_nearly_all_causes_are_surfaced() -> None:
    """Of the incidents with a fault, all but one at most end with their cause surfaced, and concluded."""
    surfaced = [any(each.surfaced for each in investigated(folder).findings) for folder in FAULTS]
    ended = {investigated(folder).ended for folder, shown in zip(FAULTS, surfaced, strict=True) if shown}

    assert surfaced.count(False) <= 1
    assert ended == {"concluded"}


@pytest.mark.parametrize("folder", QUIET, ids=lambda folder: folder.name)
def test_nothing_is_surfaced_where_nothing_was_at_fault(folder: Path) -> None:
    """A window without a fault is looked at with every source, and ends without an answer."""
    case = investigated(folder)

    assert [finding for finding in case.findings if finding.surfaced] == []
    assert case.ended == "nothing left to ask"
    assert {each.status for each in case.coverage} <= {"checked", "silent"}


def test_there_are_incidents_to_measure_with() -> None:
    """At least the three faults and the quiet window that ship, and five faults beside the tests, were found."""
    assert len(FAULTS) >= 8
    assert QUIET
