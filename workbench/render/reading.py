"""Questions that several views ask of a case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ontology.nouns import Entity, Window, utc
from workbench.nouns import Case, Finding, Hypothesis, Modality, Observation, State

if TYPE_CHECKING:
    import pandas as pd

_DEAD = (State.RULED_OUT,)


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a moment: a deploy, a config change, the onset, the alert."""

    at: datetime
    kind: str
    entity: str
    words: str


def standing(case: Case) -> tuple[Hypothesis, ...]:
    """Return the hypotheses that are not ruled out, most believed first."""
    return tuple(each for each in case.hypotheses if each.state not in _DEAD)


def ruled_out(case: Case) -> tuple[Hypothesis, ...]:
    """Return the hypotheses that are ruled out."""
    return tuple(each for each in case.hypotheses if each.state in _DEAD)


def finding(case: Case, hypothesis: Hypothesis) -> Finding | None:
    """Return what was concluded of the hypothesis, if anything was."""
    return next((each for each in case.findings if each.hypothesis == hypothesis.id), None)


def is_surfaced(case: Case, hypothesis: Hypothesis) -> bool:
    """Say whether we are willing to show it: a surfaced finding, or a person confirmed it."""
    found = finding(case, hypothesis)
    return hypothesis.state is State.CONFIRMED or bool(found and found.surfaced)


def answer(case: Case) -> Hypothesis | None:
    """Return the hypothesis to put first; None where nothing is surfaced."""
    confirmed = (each for each in standing(case) if each.state is State.CONFIRMED)
    shown = (each for each in standing(case) if is_surfaced(case, each))
    return next(confirmed, None) or next(shown, None)


def alerting(case: Case) -> tuple[Entity, ...]:
    """Return the entities that the alert's labels name; the first of the scope where they name none."""
    named = {value for key, value in case.alert.labels.items() if key not in {"environment", "severity", "namespace"}}
    found = tuple(entity for entity in case.scope if entity.name in named)
    return found or case.scope[:1]


def observations(case: Case, modality: Modality) -> tuple[Observation, ...]:
    """Return the observations of that kind of telemetry that have rows."""
    return tuple(each for each in case.observations if each.question.modality is modality and each.table is not None)


def rows(case: Case, modality: Modality) -> pd.DataFrame | None:
    """Return all rows of that kind of telemetry, each once; None where nothing was answered."""
    import pandas as pd

    tables = [each.table for each in observations(case, modality) if each.table is not None and len(each.table)]
    if not tables:
        return None
    table = pd.concat(tables, ignore_index=True)
    keys = [name for name in table.columns if name not in {"value", "detail"}]
    return table.drop_duplicates(subset=keys) if len(tables) > 1 else table


def split(case: Case, modality: Modality) -> Window:
    """Return the window in trouble: that of the latest question of this kind, else that of the alert."""
    asked = [each.question for each in case.observations if each.question.modality is modality]
    compared = [each for each in asked if each.baseline is not None]
    return (compared or asked)[-1].window if asked else case.alert.window


def onset(case: Case) -> datetime | None:
    """Return when the trouble began, by the first hypothesis that says so."""
    return next((each.onset for each in standing(case) if each.onset), None)


def marks(case: Case, within: Window | None = None) -> tuple[Mark, ...]:
    """Return deploys and other changes, the onset and the alert, in time order."""
    found = list(_changes(case))
    began = onset(case)
    top = case.top
    if began:
        found.append(Mark(began, "onset", top.suspect.name if top else "", "trouble begins"))
    found.append(Mark(case.alert.fired, "alert", "", "alert fired"))
    inside = [mark for mark in found if within is None or _near(mark.at, within)]
    return tuple(sorted(inside, key=lambda mark: mark.at))


def _near(moment: datetime, window: Window) -> bool:
    return window.start <= moment <= window.end + timedelta(seconds=1)


def _changes(case: Case) -> Iterable[Mark]:
    table = rows(case, Modality.CHANGES)
    if table is None:
        return
    for row in table.to_dict("records"):
        yield Mark(moment(row["time"]), str(row["kind"]), str(row["entity"]), str(row["summary"]))


def moment(stamp: object) -> datetime:
    """Return a table's time as an aware datetime in UTC."""
    import pandas as pd

    return utc(pd.Timestamp(str(stamp)).to_pydatetime())
