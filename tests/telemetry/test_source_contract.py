"""The contract of a Source, asked of every source that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ontology import iris
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.ports import Source
from workbench.telemetry.layouts import COLUMNS, clock_of
from workbench.telemetry.recorded import recorded_sources
from workbench.testing.contract import TESTED

NOWHERE = "http://127.0.0.1:1"
VENDORS = {each.name: each for each in TESTED}


@dataclass(frozen=True)
class Subject:
    """A source under test, and the kinds of telemetry that it has and has not."""

    sources: Mapping[Modality, Source]
    has: tuple[Modality, ...]
    broken: Callable[[], Source]
    """Make its metrics impossible to read, and return that source."""


@pytest.fixture(params=["recorded", *VENDORS])
def subject(request: pytest.FixtureRequest, case_folder: Path, case_tables) -> Iterator[Subject]:
    """Every source in turn."""
    if request.param in VENDORS:
        tested = VENDORS[request.param]
        with tested.double(case_tables[tested.modality]) as server:
            yield _only(tested.make(server.url), tested.modality, tested.make(NOWHERE))
        return
    yield _recorded(case_folder)


def _only(source: Source, modality: Modality, broken: Source) -> Subject:
    return Subject(dict.fromkeys(Modality, source), (modality,), lambda: broken)


def _recorded(case_folder: Path) -> Subject:
    def cut() -> Source:
        (case_folder / "metrics.parquet").write_bytes(b"PAR1")
        return recorded_sources(case_folder)[Modality.METRICS]

    sources = recorded_sources(case_folder)
    return Subject(sources, (Modality.METRICS, Modality.TRACES, Modality.LOGS, Modality.CHANGES), cut)


def entity(name: str) -> Entity:
    return Entity(iris.service(name, "shop"), "Service", name)


def test_an_answer_has_the_documented_columns(subject: Subject, fault_window: Window, quiet_window: Window) -> None:
    """The table has the columns that Question documents, and at least one row, in time order."""
    for modality in subject.has:
        question = Question(modality, fault_window, baseline=quiet_window)
        reply = subject.sources[modality].ask(question).reply
        assert isinstance(reply, Answered), reply
        assert tuple(reply.table.columns) == COLUMNS[modality]
        assert len(reply.table) > 0
        assert reply.table[clock_of(reply.table)].is_monotonic_increasing
        assert str(reply.table[clock_of(reply.table)].dt.tz) == "UTC"
        assert reply.digest
        assert reply.query


def test_nothing_later_than_the_window_is_told(subject: Subject, fault_window: Window, quiet_window: Window) -> None:
    """No row is later than the end of the window, and without a baseline none is before its start."""
    early = Window(quiet_window.start, fault_window.start)
    for modality in subject.has:
        reply = subject.sources[modality].ask(Question(modality, early)).reply
        if isinstance(reply, Answered):
            times = reply.table[clock_of(reply.table)]
            assert times.max() <= early.end
            assert times.min() >= early.start


def test_about_keeps_only_the_named_entities(subject: Subject, fault_window: Window) -> None:
    """A question about payment is answered with rows of payment alone."""
    for modality in subject.has:
        reply = subject.sources[modality].ask(Question(modality, fault_window, (entity("payment"),))).reply
        if isinstance(reply, Answered):
            column = "service" if modality is Modality.TRACES else "entity"
            assert set(reply.table[column]) == {"payment"}


@pytest.mark.parametrize("subject", ["recorded", "prometheus"], indirect=True)
def test_what_names_a_metric(subject: Subject, fault_window: Window) -> None:
    """A question that names a metric is answered with that metric alone."""
    name = "process_resident_memory_bytes"
    reply = subject.sources[Modality.METRICS].ask(Question(Modality.METRICS, fault_window, what=name)).reply
    assert isinstance(reply, Answered)
    assert set(reply.table["metric"]) == {name}


def test_nothing_there_is_silence(subject: Subject) -> None:
    """A window in which nothing was recorded is Silent, not Failed, and says what was searched."""
    empty = Window.of("2001-01-01T00:00:00Z", "2001-01-01T00:05:00Z")
    for modality in subject.has:
        reply = subject.sources[modality].ask(Question(modality, empty)).reply
        assert isinstance(reply, Silent), reply
        assert "2001" in reply.searched


def test_what_cannot_be_looked_at_is_failure(subject: Subject, fault_window: Window) -> None:
    """A kind of telemetry that the source does not have is Failed with a remedy, never Silent."""
    for modality in set(Modality) - set(subject.has):
        reply = subject.sources[modality].ask(Question(modality, fault_window)).reply
        assert isinstance(reply, Failed)
        assert reply.reason
        assert reply.remedy


def test_a_broken_source_fails_and_does_not_raise(subject: Subject, fault_window: Window) -> None:
    """What is wrong outside becomes Failed with reason and remedy; `ask` does not raise."""
    reply = subject.broken().ask(Question(subject.has[0], fault_window)).reply
    assert isinstance(reply, Failed)
    assert reply.reason
    assert reply.remedy


def test_the_observation_carries_question_and_source(subject: Subject, fault_window: Window) -> None:
    """The observation names its source and the very question, so that its id is the question's."""
    question = Question(subject.has[0], fault_window)
    observation = subject.sources[subject.has[0]].ask(question)
    assert observation.question is question
    assert observation.source == subject.sources[subject.has[0]].name
    assert observation.id[1:] == question.id[1:]
