"""Is a case fit to be measured on: does it load, did any source answer, is there anything to see.

The gate stands before every rate: a figure over cases that hold nothing would flatter or damn a method for no reason.
It knows no answer; whether a fault should be there is the scorer's to compare.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.bench.baselines import seen, two_sided
from workbench.nouns import Answered, Case, Failed, Modality

DIFFERS = 3.0
"""Deviations of any one series from which the time since the alert is not like the time before."""


@dataclass(frozen=True, slots=True)
class Validity:
    """What the gate found of one case."""

    loads: bool = False
    answered: tuple[str, ...] = ()
    """The kinds of telemetry that had rows."""
    failed: tuple[str, ...] = ()
    """Those that could not be looked at."""
    differs: bool = False
    """Something is not as before: a series, or rows that only an incident has."""
    why: str = field(default="", compare=False)
    """Why it does not load."""

    @property
    def fit(self) -> bool:
        """Whether a rate may count it."""
        return self.loads and bool(self.answered)


def validity(case: Case) -> Validity:
    """Return what an investigated case says of its own telemetry."""
    answered = {str(each.question.modality) for each in case.observations if isinstance(each.reply, Answered)}
    failed = {str(each.question.modality) for each in case.observations if isinstance(each.reply, Failed)} - answered
    return Validity(True, tuple(sorted(answered)), tuple(sorted(failed)), _differs(case, answered))


def _differs(case: Case, answered: set[str]) -> bool:
    if answered & {Modality.STATE, Modality.CHANGES}:
        return True
    scene = seen(case)
    if scene is not None and any(value >= DIFFERS for value in two_sided(scene).values()):
        return True
    return any(_louder(case, modality) for modality in (Modality.LOGS, Modality.TRACES) if modality in answered)


def _louder(case: Case, modality: Modality) -> bool:
    """Say whether a line or a call came up since that was not there before; unknown counts as yes."""
    column = "message" if modality is Modality.LOGS else "operation"
    for each in case.observations:
        table = each.table
        if each.question.modality is not modality or table is None:
            continue
        clock = "start" if "start" in table else "time"
        since = table[clock] >= case.alert.window.start
        if not set(table.loc[since, column]) <= set(table.loc[~since, column]):
            return True
    return False
