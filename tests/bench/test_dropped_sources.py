"""Sources that the bench takes away: the same ones every time, about as many as asked for, and they say so."""

from __future__ import annotations

from pathlib import Path

from workbench.assembly import recorded, recorded_alert
from workbench.bench import report
from workbench.bench.dropped import Dropped, without
from workbench.bench.run import outcome
from workbench.nouns import Failed, Modality, Question

RECORDING = min((Path(report.__file__).parent / "recordings").glob("store-*"))


def gone(share: float, seed: str) -> set[Modality]:
    """Return what is gone of the recording's sources."""
    place = without(recorded(RECORDING), share, seed)
    return {modality for modality, source in place.sources.items() if isinstance(source, Dropped)}


def test_the_same_sources_are_gone_for_the_same_case_and_more_with_a_larger_share() -> None:
    """A seed decides; what is gone at 0.3 is gone at 0.6; at 0 nothing is, at 1 everything."""
    assert gone(0.3, "a") == gone(0.3, "a") <= gone(0.6, "a")
    assert gone(0.0, "a") == set()
    assert gone(1.0, "a") == set(Modality)


def test_over_many_cases_the_share_is_the_one_that_was_asked_for() -> None:
    """Of the sources of 100 cases 0.24 to 0.36 are gone at 0.3."""
    sources = [modality for n in range(100) for modality in gone(0.3, str(n))]
    assert 0.24 <= len(sources) / (100 * len(Modality)) <= 0.36


def test_a_source_that_is_gone_says_that_it_could_not_look() -> None:
    """It answers Failed, not silence: nothing was looked at."""
    alert = recorded_alert(str(RECORDING))
    place = without(recorded(RECORDING), 1.0, "a")
    reply = place.sources[Modality.METRICS].ask(Question(Modality.METRICS, alert.window)).reply
    assert isinstance(reply, Failed)
    assert reply.reason == "not recorded"


def test_without_any_source_a_case_is_run_and_nothing_is_surfaced() -> None:
    """All sources gone: no crash, nothing shown, and the gate says that none answered."""
    said = outcome(RECORDING, drop=1.0)
    assert not said.crash
    assert not said.surfaced
    assert not said.validity.fit
