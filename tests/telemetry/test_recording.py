"""What is recorded comes back the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ontology.errors import BadInput
from ontology.nouns import Window
from workbench.nouns import Answered, Failed, Modality, Observation, Question, Silent
from workbench.telemetry.recorded import load_case, recorded_sources
from workbench.telemetry.recording import Recording, case_about


def test_a_recorded_case_answers_as_its_source_did(
    case_folder: Path, tmp_path: Path, fault_window: Window, quiet_window: Window
) -> None:
    """A case recorded from sources and replayed gives the same rows, to the seven digits that are kept."""
    live, recording = recorded_sources(case_folder), Recording()
    whole = Window(quiet_window.start, fault_window.end)
    recording.ask_all({modality: recording.around(source) for modality, source in live.items()}, whole)
    case = load_case(case_folder)
    about = case_about(
        case_id="again", alert=case.payload["alert"], normal=quiet_window, abnormal=fault_window, environment="shop"
    )
    recording.save(tmp_path / "again", about)
    replayed = recorded_sources(tmp_path / "again")
    for modality in (Modality.METRICS, Modality.TRACES, Modality.LOGS, Modality.CHANGES):
        question = Question(modality, fault_window, baseline=quiet_window)
        before, after = live[modality].ask(question).reply, replayed[modality].ask(question).reply
        assert isinstance(before, Answered)
        assert isinstance(after, Answered)
        assert sorted(map(str, before.table.iloc[:, 0])) == sorted(map(str, after.table.iloc[:, 0]))
        number = {Modality.METRICS: "value", Modality.TRACES: "duration_ms"}.get(modality)
        if number:
            assert np.allclose(np.sort(before.table[number]), np.sort(after.table[number]), rtol=1e-6)
    assert load_case(tmp_path / "again").alert == case.alert


class Speaking:
    """A source that gives the reply it was made with."""

    def __init__(self, reply: Silent | Failed) -> None:
        self.name, self.reply = "speaking", reply

    def ask(self, question: Question) -> Observation:
        return Observation(question, self.reply, self.name, question.window.end)


def test_silence_and_failure_stay_what_they_were(case_folder: Path, tmp_path: Path, fault_window: Window) -> None:
    """What was silent replays as Silent, what failed replays as Failed: recording does not confuse them."""
    recording = Recording()
    sources = {Modality.LOGS: Speaking(Silent("logs")), Modality.TRACES: Speaking(Failed("down"))}
    recording.ask_all({m: recording.around(source) for m, source in sources.items()}, fault_window)
    about = {**load_case(case_folder).payload, "case_id": "quiet"}
    recording.save(tmp_path / "quiet", about)
    replayed = recorded_sources(tmp_path / "quiet")
    assert isinstance(replayed[Modality.LOGS].ask(Question(Modality.LOGS, fault_window)).reply, Silent)
    assert isinstance(replayed[Modality.TRACES].ask(Question(Modality.TRACES, fault_window)).reply, Failed)


def test_a_case_without_its_windows_is_not_saved(tmp_path: Path) -> None:
    """A description that lacks what a case needs is refused, and names it."""
    with pytest.raises(BadInput, match="window_normal"):
        Recording().save(tmp_path / "x", {"case_id": "x"})
    assert not (tmp_path / "x" / "case.json").exists()


def test_asking_twice_records_once(case_folder: Path, tmp_path: Path, fault_window: Window) -> None:
    """Rows that two questions both brought are kept once."""
    source, recording = recorded_sources(case_folder)[Modality.METRICS], Recording()
    kept = recording.around(source)
    first = kept.ask(Question(Modality.METRICS, fault_window)).table
    kept.ask(Question(Modality.METRICS, fault_window, (load_case(case_folder).entity("payment"),)))
    recording.save(tmp_path / "once", {**load_case(case_folder).payload, "case_id": "once"})
    assert first is not None
    assert len(load_case(tmp_path / "once").table("metrics")) == len(first)
