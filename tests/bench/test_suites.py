"""What the bench makes of recorded cases before it runs them, and what it says of false blame."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from memory.measures import proportion
from ontology.errors import NotFound
from workbench.bench import report
from workbench.bench.score import Outcome, Results, Score
from workbench.bench.suites import SUITES, held, suite
from workbench.cli import workbench as main

RECORDING = min((Path(report.__file__).parent / "recordings").glob("store-*"))


def faultless(n: int, loud: int, system: str) -> list[Score]:
    """Return scores of cases in which nothing was at fault, some with a cause surfaced."""
    return [
        Score(
            Outcome(f"{system}-{at}", system, Path(), ("pay",), ("unknown",), surfaced=at < loud, system=system), None
        )
        for at in range(n)
    ]


def test_all_suites_of_one_case_are_run_and_told_apart(tmp_path: Path) -> None:
    """A recording, its quiet hours and its symptom alone: one case with a cause to find, two without; n says so."""
    out = tmp_path / "run.json"
    words = ["bench", "run", "--cases", str(RECORDING), "--reasoner", "random", "--json", str(out)]
    told = CliRunner().invoke(main, [*words, *(word for name in SUITES for word in ("--suite", name))])

    assert told.exit_code == 0, told.output
    ran = json.loads(out.read_text())
    assert [case["quiet"] for case in ran["cases"]] == [None, True, True]
    assert (ran["faultless"]["n"], ran["faultless"]["systems"], ran["faultless"]["false_blame"]) == (2, 1, 0.0)
    assert "false blame in 2 faultless cases of 1 systems: 0.000" in told.output


def test_false_blame_is_counted_over_all_systems_with_an_interval_that_knows_how_few_they_are() -> None:
    """Two of 40 in one system, none of 60 in another: 0.02 of 100, and at most about 0.07."""
    said = report.faultless(Results((*faultless(40, 2, "a"), *faultless(60, 0, "b"))))

    assert (said["n"], said["systems"], said["false_blame"]) == (100, 2, 0.02)
    assert said["interval"] == [pytest.approx(0.0024, abs=1e-3), pytest.approx(0.0704, abs=1e-3)]


def test_no_blame_in_few_cases_is_no_proof_of_none() -> None:
    """None of 20: the upper end of the interval is far above nothing; of no case there is no figure."""
    assert (known := proportion(0, 20)) is not None
    assert known.high > 0.15
    assert report.faultless(Results(()))["false_blame"] is None


def test_cases_without_a_time_before_give_no_quiet_hours(tmp_path: Path) -> None:
    """Asked for the quiet hours of nothing: a clear error, not a run of no cases."""
    with pytest.raises(NotFound, match="suite quiet"):
        suite("quiet", [], tmp_path)


def test_made_cases_stay_where_an_interrupted_run_finds_them(tmp_path: Path) -> None:
    """Beside the file of a run that may be resumed, the same place every time; else in a place that is cleaned up."""
    with held(tmp_path / "run.jsonl") as first, held(tmp_path / "run.jsonl") as second:
        assert first == second
    with held(None) as passing:
        (passing / "quiet").mkdir()
    assert not passing.exists()
