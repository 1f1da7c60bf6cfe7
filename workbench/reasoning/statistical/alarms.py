"""Witness: the alerts that stand on an entity, each worth what it tells: rare ones much, everyday ones nothing.

An alert that fires in every incident says nothing about this one; one that never fired before says a lot. What an
alert is worth is its information in nats, log((N + 2) / (n + 1)), with n of N earlier moments of trouble in which it
fired too (inverse document frequency, Spärck Jones 1972). No label is used: only which alerts fired together, when. Of
a call that is slow or fails both ends are suspected, each by the share of its calls that do (the one that all its
callers complain of, or the one that fails whomever it calls). What all replicas of an entity show alike is taken off.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from workbench.nouns import Modality
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import CHANNEL_CAP, Family, Sign
from workbench.reasoning.statistical.vocabulary import STORES, Signal, signal_of, words

TOGETHER = "10min"
"""Alerts that fire within this time are one moment of trouble."""
HALF = 20.0
"""Information at which a sign has half of its cap."""
LOG, TRACE, HELD, COUNTER = 2.0, 0.75, 1.5, 0.3
"""Weight of an alert on a log line, on a call, on more of a resource held, and on one of many counters of a machine."""
REPLICAS = 0.3
"""Share of the mean of its replicas that is taken off an entity."""
_COUNTERS = frozenset({"core", "disk", "diskio", "network", "interface"})
OUTSIDE = "(outside)"
"""A caller that nobody knows: it takes its share of the blame for a call, and is no suspect."""
_VALUE = re.compile(r"(?P<of>metric|trace|log) (?P<signal>\S+)(?: from (?P<caller>\S+))?")


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alert, as often as it fired."""

    entity: str
    name: str
    of: str
    """Kind of telemetry that it watches: metric, trace, log; empty where it does not say."""
    signal: str
    caller: str

    @property
    def weight(self) -> float:
        """What its kind is worth: what is held up close to a cause counts more than one of many counters."""
        if self.of == "log":
            return LOG
        if self.of == "trace":
            return TRACE
        if _COUNTERS & set(words(self.name)):
            return COUNTER
        held = signal_of(self.name) in STORES | {Signal.CPU}
        return HELD if held and self.signal == "up" else 1.0

    def __str__(self) -> str:
        """Return the name and what happened."""
        return " ".join(part for part in (self.name, self.signal, f"from {self.caller}" if self.caller else "") if part)


def alarms(seen: Seen) -> Iterator[Sign]:
    """Yield for each entity what the alerts on it tell, other than the alert that we look into."""
    rows = seen.rows(Modality.STATE)
    if rows is None or "kind" not in rows:
        return
    rows = rows[(rows["kind"] == "alert") & ~_own(rows, seen)]
    now = rows[rows["time"] >= seen.case.alert.window.start]
    if now.empty:
        return
    past = rows[rows["time"] < seen.case.alert.window.start]
    told = _information(now, past)
    worth = _credited(told)
    observation = str(now["observation"].iloc[0])
    for entity, value in _apart(worth).items():
        if value > 0 and entity != OUTSIDE:
            yield _sign(entity, value, told, observation)


def _own(rows: pd.DataFrame, seen: Seen) -> pd.Series[bool]:
    """Return which rows are the very alert that woke us."""
    labels = seen.case.alert.labels
    return (rows["field"] == labels.get("alertname")) & rows["entity"].isin(list(labels.values()))


def _parsed(entity: str, name: str, value: str) -> Alarm:
    match = _VALUE.match(value)
    if match is None:
        return Alarm(entity, name, "", "", "")
    caller = match["caller"] if match["of"] == "trace" and match["caller"] != entity else ""
    return Alarm(entity, name, match["of"], match["signal"], caller or "")


def _information(now: pd.DataFrame, past: pd.DataFrame) -> dict[Alarm, float]:
    """Return the nats of each alert that fired now, its weight included."""
    moments = past["time"].dt.floor(TOGETHER)
    whole = int(moments.nunique())
    seen_before = past.assign(moment=moments).groupby(["entity", "field", "value"])["moment"].nunique()
    counts: Mapping[Hashable, int] = seen_before.to_dict()
    found: dict[Alarm, float] = {}
    for entity, name, value in now[["entity", "field", "value"]].drop_duplicates().itertuples(index=False, name=None):
        alarm = _parsed(str(entity), str(name), str(value))
        nats = math.log((whole + 2) / (counts.get((entity, name, value), 0) + 1)) * alarm.weight
        found[alarm] = max(nats, found.get(alarm, 0.0))
    return found


def _credited(told: Mapping[Alarm, float]) -> dict[str, float]:
    """Return what each entity's alerts come to; one on a call is shared by the share of its calls at either end."""
    callers: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    callees: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    everyone: defaultdict[str, set[str]] = defaultdict(set)
    for alarm in told:
        if alarm.caller:
            callers[alarm.entity, alarm.signal].add(alarm.caller)
            callees[alarm.caller, alarm.signal].add(alarm.entity)
            everyone[alarm.entity].add(alarm.caller)
            everyone[alarm.caller].add(alarm.entity)
    worth: defaultdict[str, float] = defaultdict(float)
    for alarm, nats in told.items():
        if not alarm.caller:
            worth[alarm.entity] += nats
            continue
        down = len(callers[alarm.entity, alarm.signal]) / len(everyone[alarm.entity])
        up = len(callees[alarm.caller, alarm.signal]) / len(everyone[alarm.caller])
        worth[alarm.entity] += nats * down / (down + up)
        worth[alarm.caller] += nats * up / (down + up)
    return worth


def _apart(worth: Mapping[str, float]) -> dict[str, float]:
    """Return what each entity shows beyond its replicas: those whose names differ by nothing but a number."""
    of: defaultdict[str, list[str]] = defaultdict(list)
    for entity in worth:
        of[re.sub(r"[-_]?\d+$", "", entity)].append(entity)
    found = {}
    for entities in of.values():
        for entity in entities:
            others = [worth[other] for other in entities if other != entity]
            found[entity] = worth[entity] - REPLICAS * (sum(others) / len(others) if others else 0.0)
    return found


def _sign(entity: str, value: float, told: Mapping[Alarm, float], observation: str) -> Sign:
    own = sorted((a for a in told if entity in (a.entity, a.caller)), key=lambda a: (-told[a], str(a)))
    first = own[0]
    note = f"{len(own)} alert{'s' * (len(own) > 1)}, the most telling {first} ({told[first]:.1f} nats)"
    signal = signal_of(first.name)
    nats = CHANNEL_CAP * value / (value + HALF)
    return Sign(entity, Family.STATE, nats, note, observation, Modality.STATE, signal=signal, mode=_mode(own, told))


def _mode(own: list[Alarm], told: Mapping[Alarm, float]) -> str:
    """Return the failure mode that the most of the information on held resources names; empty where there is none."""
    by: defaultdict[str, float] = defaultdict(float)
    modes = {Signal.CPU: "cpu-saturation", Signal.MEMORY: "memory-pressure", Signal.DISK: "disk-full"}
    for alarm in own:
        mode = modes.get(signal_of(alarm.name), "") if alarm.of == "metric" and alarm.signal == "up" else ""
        by[mode] += told[alarm]
    return max(by, key=lambda mode: (by[mode], mode))
