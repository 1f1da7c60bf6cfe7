"""Which recorded rows answer a question, as the source would have that was recorded.

    rows(case, Question(Modality.LOGS, window, what="timeout"))     # rows, and what the reader must know of them

What `what` means depends on the source: case.json says which one it was. What was not asked for while recording was
not recorded, and is an error, not silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ontology.errors import NotFound
from ontology.nouns import Window
from workbench.nouns import Modality, Question
from workbench.telemetry import layouts
from workbench.telemetry.dialects import narrowed
from workbench.telemetry.live_source import held, windows

if TYPE_CHECKING:
    from workbench.telemetry.cases import RecordedCase

LASTING = frozenset({"alert", "pod", "deployment", "statefulset", "daemonset", "node"})
"""Kinds of state that a live source tells from the start of the window on, where they began before it and last."""
_LASTING_FIELDS = ("waiting", "restarts")
"""What lasts of a container; the rest is a moment."""
_TELLING = frozenset({"alertmanager", "kubernetes"})
"""Sources that tell a state that lasts so."""


def rows(case: RecordedCase, question: Question) -> tuple[pd.DataFrame, str]:
    """Return the rows of the window and of the baseline, none later than the end of the window, and a remark.

    Raises:
        NotFound: it was not recorded, or `what` is a query that cannot be run on a recording.
        BadInput: the file cannot be read.
    """
    modality, said = question.modality, said_of(case.payload, question.modality)
    covering, remark = asked_for(said, question)
    table = case.kept(modality, named=any(each["about"] for each in covering))
    found = _lasting(table.rows, question) if modality is Modality.STATE and _lasts(said) else _within(table, question)
    clock = layouts.clock_of(found)
    found = found[found[clock] <= question.window.end]
    found = narrowed(
        found[~found.index.duplicated()], modality, [each.name for each in question.about], question.what, said
    )
    return found.sort_values(clock, kind="stable").reset_index(drop=True), remark


def _within(table: layouts.Recorded, question: Question) -> pd.DataFrame:
    """Return the rows of the windows; a history that is kept apart answers a baseline of any dates."""
    parts = [_between(table.rows, question.window)]
    if question.baseline is not None:
        parts.insert(0, _between(table.rows, question.baseline) if table.normal is None else table.normal)
    return pd.concat(parts) if len(parts) > 1 else parts[0]


def said_of(payload: Mapping[str, Any], modality: Modality) -> Mapping[str, Any]:
    """Return what case.json says of how a kind of telemetry was recorded; empty where it says nothing."""
    said: Mapping[str, Any] = payload.get("recorded", {}).get(modality.value, {})
    return said


def asked_for(said: Mapping[str, Any], question: Question) -> tuple[list[Mapping[str, Any]], str]:
    """Return what was asked while recording that brought all this question is about, and a remark if not all the time.

    Raises:
        NotFound: nothing that was asked did, or none of it in the window.
    """
    if "asked" not in said:
        return [], ""  # a case of rows alone: all that there is was recorded
    covering = [each for each in said["asked"] if _covers(each, question)]
    if not covering:
        raise NotFound(
            f"This was not recorded: {said['source']} was asked for {_words(said['asked'])} only.",
            next_step="Ask for that.",
        )
    spans = [Window.of(*span) for each in covering for span in each["windows"]]
    if not any(_overlap(each, question.window) for each in spans):
        raise NotFound(
            f"The window was not recorded, only {spans[0].start:%F %T} to {spans[0].end:%F %T} of {said['source']}.",
            next_step="Ask within it.",
        )
    whole = all(any(span.start <= each.start and each.end <= span.end for span in spans) for each in windows(question))
    return covering, "" if whole else "\nA part of the time asked for was not recorded."


def _covers(asked: Mapping[str, Any], question: Question) -> bool:
    """Say whether a question that was asked while recording brought all rows that this one is about."""
    about = {each.name for each in question.about}
    return asked["what"] in ("", question.what) and (
        not asked["about"] or (bool(about) and about <= set(asked["about"]))
    )


def _words(asked: Sequence[Mapping[str, Any]]) -> str:
    parts = {" ".join(filter(None, (each["what"], ", ".join(each["about"])))) or "everything" for each in asked}
    return "; ".join(sorted(parts))


def _overlap(one: Window, other: Window) -> bool:
    return one.start <= other.end and other.start <= one.end


def _between(table: pd.DataFrame, window: Window) -> pd.DataFrame:
    """Return the rows from start to end, both included: the last scrape counts."""
    times = table[layouts.clock_of(table)]
    return table[(times >= window.start) & (times <= window.end)]


def _lasts(said: Mapping[str, Any]) -> bool:
    return bool(_TELLING & set(str(said.get("source", "")).split(", ")))


def _lasting(table: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Return the rows as a live source tells them: what lasts at its own time, or at the start of a window after it."""
    lasts = table["kind"].isin(LASTING) | (table["kind"].eq("container") & table["field"].str.endswith(_LASTING_FIELDS))
    times = [held(at, question) if last else at for at, last in zip(table["time"], lasts, strict=True)]
    told = table.assign(time=pd.Series(pd.to_datetime(pd.Series(times, index=table.index), utc=True)).dt.as_unit("us"))
    told = told[told["time"].notna()]
    return pd.concat([_between(told, each) for each in windows(question)])
