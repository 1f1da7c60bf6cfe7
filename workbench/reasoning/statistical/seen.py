"""What all witnesses see: the case and its readings, who calls whom, whom the alert names and what it complains of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from workbench.nouns import Case, Modality
from workbench.reasoning.statistical.calls import Calls
from workbench.reasoning.statistical.moves import Moves
from workbench.reasoning.statistical.spans import Spans
from workbench.reasoning.statistical.vocabulary import Signal


@dataclass(frozen=True, slots=True)
class Seen:
    """The whole of what a witness may look at. Metrics and traces are read once for all of them."""

    case: Case
    """Its observations are the answers of all sources so far; `rows` gives those of one kind."""
    since: datetime
    """When the incident began: what is earlier is `before`."""
    moves: Moves
    """Every metric series, before and since."""
    traced: Spans | None
    """What the traces say; None where there are none."""
    graph: Calls
    target: str | None
    """Name of the entity that the alert names."""
    complaints: frozenset[Signal]
    reach: Mapping[str, int]
    """Calls from the target down to each entity; empty where either is unknown."""
    onset: datetime | None = None
    """When the leading suspect began; known only to the witnesses that are heard last."""

    def outside(self, entity: str) -> bool:
        """Say whether no call leads from the alert's entity to this one."""
        return bool(self.reach) and entity not in self.reach

    def rows(self, modality: Modality) -> pd.DataFrame | None:
        """Return the rows of all answers of that kind with the id of their `observation`, or None."""
        tables = [
            each.table.assign(observation=each.id)
            for each in self.case.observations
            if each.question.modality is modality and each.table is not None and not each.table.empty
        ]
        if not tables:
            return None
        rows = pd.concat(tables, ignore_index=True)
        return rows.drop_duplicates(subset=[name for name in rows.columns if name != "observation"])
