"""The same questions to the estate that runs and to the case that was recorded from it: the answers must be equal.

replay(estate, take, made)      # raises where one differs
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd

from ontology import iris
from ontology.errors import Unavailable
from ontology.nouns import Entity, Window
from workbench.bench.estate.compose import ENVIRONMENT
from workbench.bench.estate.recorder import Alive, Take, Written
from workbench.bench.estate.recorder_sources import sources_of
from workbench.nouns import Answered, Modality, Observation, Question, Silent
from workbench.telemetry.recorded import recorded_sources

NEAR = 1e-4
"""Recorded measurements carry seven digits."""
_COUNT, _BUCKETS = (f"http_server_request_duration_seconds_{end}" for end in ("count", "bucket"))


def replay(estate: Alive, take: Take, made: Written) -> None:
    """Ask the live sources and the recording the same, otherwise than when it was recorded.

    Raises:
        Unavailable: an answer differs.
    """
    live, recorded = sources_of(estate, made.shares), recorded_sources(made.folder)
    for question in questions(take, estate.services):
        if question.modality in take.fault.missing:
            continue
        differs = difference(live[question.modality].ask(question), recorded[question.modality].ask(question))
        if differs:
            what = question.what or "everything"
            raise Unavailable(f"{question.modality} of {what}: {differs}.", next_step="Compare the two by hand.")


def questions(take: Take, services: Sequence[str]) -> tuple[Question, ...]:
    """Return questions that differ in window, filter and aggregation from those that recorded the case."""
    turn = Window(take.onset - timedelta(seconds=12), take.onset + timedelta(seconds=14))
    late = Window(take.onset, take.end - timedelta(seconds=3))
    entry, other = (Entity(iris.service(name, ENVIRONMENT), "Service", name) for name in (services[0], services[-1]))
    return (
        Question(Modality.METRICS, turn, what=f"sum by (service) (rate({_COUNT}[20s]))"),
        Question(Modality.METRICS, late, what=f"histogram_quantile(0.9, sum by (le) (rate({_BUCKETS}[30s])))"),
        Question(Modality.METRICS, late, what=f"max by (service) (increase({_COUNT}[30s]))"),
        Question(Modality.METRICS, turn, what="avg(process_resident_memory_bytes)"),
        Question(Modality.METRICS, late, (entry,), what="http_server_*"),
        Question(Modality.TRACES, turn, (entry, other)),
        Question(Modality.TRACES, late),
        Question(Modality.LOGS, late, (entry,)),
        Question(Modality.LOGS, turn, what="order"),
        Question(Modality.CHANGES, late),
        Question(Modality.STATE, late, what="container"),
    )


def difference(live: Observation, recorded: Observation) -> str:
    """Say how two replies differ; empty where they are the same rows."""
    kinds = [type(each.reply).__name__ for each in (live, recorded)]
    if kinds[0] != kinds[1]:
        said = recorded.reply if not isinstance(recorded.reply, Answered | Silent) else live.reply
        return f"live {kinds[0]}, recorded {kinds[1]} ({getattr(said, 'reason', '')})"
    if live.table is None or recorded.table is None:
        return ""
    one, two = _ordered(live.table), _ordered(recorded.table)
    if one.shape != two.shape or list(one.columns) != list(two.columns):
        return f"{len(one)} rows live, {len(two)} recorded"
    for name in one.columns:
        if pd.api.types.is_numeric_dtype(one[name]):
            apart = (one[name] - two[name]).abs() > NEAR * (one[name].abs() + NEAR)
        else:
            apart = one[name].astype(str) != two[name].astype(str)
        if apart.any():
            row = int(apart.to_numpy().argmax())
            return f"{int(apart.sum())} rows differ in {name}, first {one[name][row]!r} and {two[name][row]!r}"
    return ""


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows in an order that does not depend on who told them: by text and time first, numbers last."""
    times = [name for name in table.columns if isinstance(table[name].dtype, pd.DatetimeTZDtype)]
    plain = table.assign(**{name: table[name].dt.as_unit("us") for name in times})
    words = [name for name in plain.columns if not pd.api.types.is_numeric_dtype(plain[name])]
    rest = [name for name in plain.columns if name not in words]
    return plain.sort_values([*words, *rest], kind="stable", ignore_index=True)
