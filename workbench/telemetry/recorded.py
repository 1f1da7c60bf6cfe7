"""The sources of a recorded case: they answer as the live systems did at the time.

    sources = recorded_sources(Path("recordings/some-case"))
    sources[Modality.METRICS].ask(Question(Modality.METRICS, case.alert.window))

What was not recorded, or cannot be read, is `Failed`; what was looked at and is empty is `Silent`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ontology.errors import PersonError
from workbench.nouns import Answered, Failed, Modality, Observation, Question, Reply, Silent
from workbench.ports import Source
from workbench.telemetry import recorded_metrics, replay
from workbench.telemetry.cases import RecordedCase, load_case
from workbench.telemetry.digest import digest
from workbench.telemetry.redact import process_redactor

__all__ = ["RecordedCase", "RecordedSource", "load_case", "recorded_sources"]

IMPORT = "from workbench.telemetry.recorded import load_case"


@dataclass(frozen=True, slots=True)
class RecordedSource:
    """One kind of telemetry of a recorded case."""

    case: RecordedCase
    modality: Modality

    @property
    def name(self) -> str:
        """Such as `recorded metrics`."""
        return f"recorded {self.modality}"

    def ask(self, question: Question) -> Observation:
        """Answer from the recorded rows; nothing later than the end of the question's window is told.

        The time of the observation is the incident's own: asking again tomorrow gives the same observation.
        """
        try:
            reply = self._reply(question)
        except PersonError as error:
            reply = Failed(error.problem, error.next_step, query=self._query(question))
        return Observation(question, process_redactor().words(reply), self.name, self.case.window_abnormal.end)

    def _reply(self, question: Question) -> Reply:
        if question.modality is not self.modality:
            return Failed(
                f"{self.name} cannot answer on {question.modality}", f"Ask the source of {question.modality}."
            )
        return replace(told(self.case, question), query=self._query(question))

    def _query(self, question: Question) -> str:
        """Return the Python line that shows the very rows again."""
        parts = [f'"{self.modality}"', str([at.isoformat() for at in (question.window.start, question.window.end)])]
        if question.baseline:
            parts.append(f"baseline={[at.isoformat() for at in (question.baseline.start, question.baseline.end)]}")
        if question.about:
            parts.append(f"about={[entity.name for entity in question.about]}")
        if question.what:
            parts.append(f"what={question.what!r}")
        return f"{IMPORT}; load_case({str(self.case.folder)!r}).rows({', '.join(parts)})"


def told(case: RecordedCase, question: Question) -> Reply:
    """Return the reply that the recorded rows or series make.

    Raises:
        NotFound: it was not recorded.
        BadInput: a file cannot be read, or the question is not understood.
        Unavailable: nothing here can run the query.
    """
    if question.modality is Modality.METRICS and recorded_metrics.answers(case, question.what):
        return recorded_metrics.reply(case, question)
    rows, remark = replay.rows(case, question)
    if rows.empty:
        return Silent(searched(question, f"recorded {question.modality}") + remark)
    return Answered(digest(rows, question) + remark, rows)


def searched(question: Question, source: str) -> str:
    """Say what was searched, where, over which window."""
    about = ", ".join(entity.name for entity in question.about) or "everything"
    span = f"{question.window.start:%Y-%m-%d %H:%M:%S} to {question.window.end:%H:%M:%S} UTC"
    compared = " and its baseline" if question.baseline else ""
    return f"{source} of {about}{f' ({question.what})' if question.what else ''}, {span}{compared}"


def recorded_sources(folder: Path | str) -> dict[Modality, Source]:
    """Return a source for every kind of telemetry; one that was not recorded answers `Failed`.

    Raises:
        NotFound, BadInput: as `load_case`.
    """
    case = load_case(folder)
    return {modality: RecordedSource(case, modality) for modality in Modality}
