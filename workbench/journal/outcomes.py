"""What workers found, how sure they were, and whether a person said that it was right.

A quiet finding is kept like one that was shown; one in ten quiet ones is offered for grading, or nobody would ever
learn what a threshold costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from memory.protocol import Verdict
from ontology.errors import NotFound
from workbench.journal.database import Database, sortable
from workbench.nouns import Case, State

OFFERED = 10
"""Of so many quiet findings one is offered for grading."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The leading finding of a case, as a worker left it."""

    alert_id: str
    summary: str
    confidence: float
    shown: bool
    """Whether it passed the threshold of its time."""
    offered: bool
    """Whether it was kept quiet, and a person is asked for a grade."""
    at: datetime
    right: bool | None
    """What a person said; None where nobody did."""
    raw: float | None = None
    """Sum of logits that the confidence was calibrated from; None where it was not kept."""


def keep(database: Database, case: Case, now: datetime) -> None:
    """Keep the leading finding of a case that a worker ended; kept again, it stays as it was."""
    if not case.findings:
        return
    lead = case.findings[0]
    said = (case.alert.id, lead.hypothesis, lead.summary, lead.confidence.value, lead.surfaced)
    raw = lead.confidence.raw
    with database.writing() as connection:
        (quiet,) = connection.execute("SELECT count(*) FROM outcomes WHERE shown = 0").fetchone()
        offered = not lead.surfaced and quiet % OFFERED == 0
        connection.execute(
            "INSERT INTO outcomes (alert_id, hypothesis, summary, confidence, shown, offered, at, raw) "
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE EXISTS (SELECT 1 FROM alerts WHERE id = ?1) "
            "ON CONFLICT (alert_id) DO NOTHING",
            (*said, offered, sortable(now), raw),
        )


def heard(database: Database, case: Case) -> None:
    """Take what a person said in the notebook for a grade: that hypothesis confirmed, another one, or it ruled out."""
    confirmed = next((each.id for each in case.hypotheses if each.state is State.CONFIRMED), None)
    ruled_out = {each.target for each in case.steers if each.kind == "rule-out"}
    if confirmed is None and not ruled_out:
        return
    with database.writing() as connection:
        row = connection.execute("SELECT hypothesis FROM outcomes WHERE alert_id = ?", (case.alert.id,)).fetchone()
        if row is not None and (confirmed is not None or row[0] in ruled_out):
            connection.execute(
                "UPDATE outcomes SET correct = ? WHERE alert_id = ?", (row[0] == confirmed, case.alert.id)
            )


def closed(database: Database, case: Case, verdict: Verdict) -> None:
    """Take a verdict that says there was no such cause for a grade."""
    if verdict in (Verdict.REJECTED, Verdict.NO_FAULT):
        with database.writing() as connection:
            connection.execute("UPDATE outcomes SET correct = 0 WHERE alert_id = ?", (case.alert.id,))


def grade(database: Database, alert_id: str, *, right: bool) -> None:
    """Say whether what was found was right.

    Raises:
        NotFound: no worker found anything for that alert.
    """
    with database.writing() as connection:
        done = connection.execute("UPDATE outcomes SET correct = ? WHERE alert_id = ?", (right, alert_id))
        if not done.rowcount:
            raise NotFound(
                f"No worker found anything for {alert_id[:80]!r}.", next_step="List them: workbench watch --quiet"
            )


def since(database: Database, moment: datetime) -> tuple[Outcome, ...]:
    """Return what was found since then, the oldest first."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT alert_id, summary, confidence, shown, offered, at, correct, raw FROM outcomes "
            "WHERE at > ? ORDER BY at",
            (sortable(moment),),
        ).fetchall()
    return tuple(
        Outcome(
            alert_id,
            summary,
            confidence,
            bool(shown),
            bool(offered),
            datetime.fromisoformat(at),
            None if correct is None else bool(correct),
            raw,
        )
        for alert_id, summary, confidence, shown, offered, at, correct, raw in rows
    )
