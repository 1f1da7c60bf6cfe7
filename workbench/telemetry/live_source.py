"""What every live source has in common, whatever it reads through: errors become `Failed`, rows become a table.

A source of its own says how a question becomes a reply; `replied` makes the reply of the rows that it found.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

import pandas as pd

from ontology.errors import PersonError, Unavailable
from ontology.nouns import Window
from workbench.nouns import Answered, Failed, Modality, Observation, Question, Reply, Silent
from workbench.telemetry.digest import digest
from workbench.telemetry.layouts import COLUMNS, clock_of
from workbench.telemetry.redact import process_redactor

Row = tuple[object, ...]
"""A row of the table of its modality; its time is ISO-8601, a datetime, or nanoseconds since 1970."""


class LiveSource(ABC):
    """Answers questions of one kind about a system that runs."""

    name: str
    """What a person calls it."""
    modality: ClassVar[Modality]

    def ask(self, question: Question) -> Observation:
        """Answer, or say that there is nothing, or say why it could not look."""
        reply: Reply
        if question.modality is not self.modality:
            wanted = question.modality
            reply = Failed(f"{self.name} cannot answer on {wanted}", f"Set up a source of {wanted}.")
        else:
            try:
                reply = self._timed(self.reply(question))
            except PersonError as error:
                reply = Failed(error.problem, error.next_step)
        return Observation(question, process_redactor().reply(reply), self.name, datetime.now(UTC))

    @property
    def off(self) -> str:
        """How wrong the clock of the server is, in words; empty where it is right, or where there is no server."""
        return ""

    def _timed(self, reply: Reply) -> Reply:
        """Return the reply with what a wrong clock means for it: times are off by it, and silence tells nothing."""
        if not self.off or isinstance(reply, Failed):
            return reply
        if isinstance(reply, Answered):
            told = f"{reply.digest}\n{self.off} Times that it notes itself may be wrong by as much."
            return replace(reply, digest=told)
        reason = f"{self.name} has nothing in the window, which tells nothing. {self.off}"
        return Failed(reason, "Set its clock (NTP), or ask for the window as its clock has it.", query=reply.query)

    @abstractmethod
    def reply(self, question: Question) -> Reply:
        """Return the reply to a question of its modality.

        Raises:
            PersonError: it could not look.
        """


def replied(
    rows: Iterable[Row], question: Question, *, searched: str, query: str, link: str = "", remark: str = ""
) -> Reply:
    """Return the reply that the rows make: those within the question, in time order, or silence.

    Args:
        rows: in the columns of the modality; more than was asked for does no harm.
        question: what was asked.
        searched: what was looked at, such as an address.
        query: the exact query.
        link: where a person opens it.
        remark: a sentence that the reader must know, such as that the answer is cut off.

    Raises:
        Unavailable: a time is none.
    """
    table = table_of(rows, question)
    told = f"\n{remark}" if remark else ""
    if table.empty:
        return Silent(f"{searched} for {named(question)}, {span(question.window)}{told}", query=query)
    return Answered(digest(table, question) + told, table, query=query, link=link)


def table_of(rows: Iterable[Row], question: Question) -> pd.DataFrame:
    """Return the rows as the table of the question: its windows, its entities, in time order, text never missing.

    Raises:
        Unavailable: a time is none.
    """
    table = pd.DataFrame(list(rows), columns=list(COLUMNS[question.modality]))
    clock = clock_of(table)
    table[clock] = _instants(table[clock])
    table = table[
        pd.concat([table[clock].between(each.start, each.end) for each in windows(question)], axis=1).any(axis=1)
    ]
    names = names_of(question)
    owner = "service" if question.modality is Modality.TRACES else "entity"
    table = table[table[owner].isin(names)] if names else table
    if question.what and question.modality in (Modality.CHANGES, Modality.STATE):
        table = table[table["kind"] == question.what]
    texts = [
        name for name in table.columns if name != clock and (name != "value" or question.modality is Modality.STATE)
    ]
    texts = [name for name in texts if name != "duration_ms"]
    table = table.assign(**{name: table[name].where(table[name].notna(), "").astype("str") for name in texts})
    if question.modality is not Modality.LOGS:  # what lies on the edge of two windows is read twice; lines do repeat
        table = table.drop_duplicates()
    return table.sort_values(clock, kind="stable", ignore_index=True)


def _instants(times: pd.Series[pd.Timestamp]) -> pd.Series[pd.Timestamp]:
    try:
        if pd.api.types.is_integer_dtype(times):
            return pd.to_datetime(times, unit="ns", utc=True).dt.as_unit("us")
        return pd.to_datetime(times, utc=True, format="ISO8601").dt.as_unit("us")
    except (ValueError, TypeError, OverflowError) as error:
        raise Unavailable(
            f"An answer holds a time that is none: {str(error)[:120]}.",
            next_step="Check that the address in the settings is that of such a system: workbench doctor.",
        ) from error


def parsed(name: str, rows: Iterable[Row]) -> list[Row]:
    """Return the rows that an answer is read into.

    Raises:
        Unavailable: the answer is not of the shape that its vendor documents.
    """
    try:
        return list(rows)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise Unavailable(
            f"{name} answers with something else than expected ({type(error).__name__}: {str(error)[:80]}).",
            next_step=f"Check that the address in the settings is that of {name}: workbench doctor.",
        ) from error


def held(since: datetime, question: Question) -> datetime | None:
    """Return when, in the question's windows, a state was first there that began at a time and still lasts.

    >>> window = Window.of("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z")
    >>> held(datetime(2025, 1, 1, tzinfo=UTC), Question(Modality.STATE, window)) == window.start
    True
    """
    return next((max(since, each.start) for each in windows(question) if since <= each.end), None)


def windows(question: Question) -> Iterator[Window]:
    """Yield the baseline, where there is one, and the window."""
    if question.baseline is not None:
        yield question.baseline
    yield question.window


def names_of(question: Question) -> frozenset[str]:
    """Return the names of the entities that a question is about; empty for all."""
    return frozenset(entity.name for entity in question.about)


def named(question: Question) -> str:
    """Return whom the question is about, in words."""
    return ", ".join(sorted(names_of(question))) or "every service"


def span(window: Window) -> str:
    """Return the window in words.

    >>> span(Window.of("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"))
    '2026-01-01 00:00:00 to 00:05:00 UTC'
    """
    return f"{window.start:%Y-%m-%d %H:%M:%S} to {window.end:%H:%M:%S} UTC"
