"""From a fault to a recorded case: normal time, the fault, the alert that it raised, and what the live sources said.

    take = taken(estate, fault("lock-ledger"), seed=3)
    written(estate, take, Path("recordings"), Path("truth"))

One case after another on one estate. The answer is written apart; the case's name, times and text do not tell it.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from ontology import iris
from ontology.errors import Unavailable
from ontology.nouns import Entity, Window
from workbench.bench.estate import recorder_graph
from workbench.bench.estate.chaos_impact import Meter, Reading, alerts, hurt
from workbench.bench.estate.compose import ENVIRONMENT
from workbench.bench.estate.faults.acts import release
from workbench.bench.estate.faults.nouns import Fault, Heal, Label, Running
from workbench.bench.estate.recorder_sources import SAMPLED, STEP, Shares, Watched, cleaner, fitted, kept, sources_of
from workbench.nouns import Answered, Modality, Observation, Question
from workbench.telemetry.recording import Recording, case_about

LIMIT = 300_000
"""Bytes of a case, all its files together."""
OURS = '__name__!~"(http_client|db_client)_.*_bucket|(prometheus|alertmanager|go|net_conntrack|promhttp)_.*"'
"""Raw series by their names, whole or not at all, so that what was left out is never taken for nothing: no buckets of
what a service calls (sums and counts are enough), nothing that only Prometheus and Alertmanager say of themselves."""
NOBODY = "0001-01-01T00:00:00Z"
"""How Alertmanager writes that an alert has not ended."""

HOLD = 5.0
"""Seconds: an alert that fires sooner was on its way before the fault, since nearly every rule must be true for ten."""

LATE = 15.0
"""Seconds without news: services send what they have every one, and a request that hung ends within its time-out."""
SETTLES = 180.0
"""Seconds in which traces and lines have come, however slow the machine."""

Say = Callable[[str], None]


class Alive(Running, Watched, Protocol):
    """An estate that can be broken, and asked."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each part of a recording takes, in seconds."""

    calm: float = 14.0
    """Without an alert, before anything counts."""
    patience: float = 120.0
    """For the alert, and for calm."""
    normal: float = 75.0
    after: float = 45.0
    """After the alert."""


@dataclass(frozen=True, slots=True)
class Take:
    """One fault, as it happened."""

    fault: Fault
    seed: int
    start: datetime
    onset: datetime
    """When the fault was made; without one, when the tight rule was set."""
    end: datetime
    alert: Mapping[str, Any]
    readings: tuple[Reading, ...] = field(default=())

    @property
    def words(self) -> str:
        """What was seen, for a person."""
        waited = (utc_of(self.alert) - self.onset).total_seconds()
        moved = ", ".join(each.words for each in self.readings)
        return f"{self.alert['labels']['alertname']} after {waited:.0f} s; {moved}"


@dataclass(frozen=True, slots=True)
class Written:
    """A case that was written, and how much of its traces and lines."""

    folder: Path
    shares: Shares


def utc_of(alert: Mapping[str, Any]) -> datetime:
    """Return when an alert fired."""
    return datetime.fromisoformat(str(alert["startsAt"]).replace("Z", "+00:00"))


def taken(estate: Alive, fault: Fault, *, seed: int, pace: Pace = Pace(), say: Say = print) -> Take:  # frozen
    """Let the estate run, break it, wait for the alert and a while longer, and mend it.

    Raises:
        Unavailable: no calm before, no alert after, or it did not hurt as it should.
    """
    quieted(estate, pace)
    say(f"{fault.name}: calm")
    start = _now()
    dice = random.Random(seed)  # noqa: S311  # not a secret
    _sleep_until(start, pace.normal * dice.uniform(0.15, 0.45))
    harmless(estate, dice.choice(_bystanders(estate, fault)))
    _sleep_until(start, pace.normal)
    if fault.herring:
        harmless(estate, fault.herring)
    onset = _now()
    heal = fault.inject(estate)
    try:
        take = _watched(estate, Take(fault, seed, start, onset, onset, {}), heal if fault.lasts else None, pace)
    finally:
        heal()
    say(f"{fault.name}: {take.words}")
    if not hurt(fault, take.readings):
        raise Unavailable(f"{fault.name} did not hurt as it should: {take.words}.", next_step="Record it again.")
    return take


def _watched(estate: Alive, take: Take, heal: Heal | None, pace: Pace) -> Take:
    """Return the take with the alert that fired, the end, and what moved."""
    lasts, healed = take.fault.lasts or 0.0, heal is None
    earliest = take.onset + timedelta(seconds=HOLD if take.fault.label else 0.0)
    alert: Mapping[str, Any] | None = None
    while alert is None or _now() < utc_of(alert) + timedelta(seconds=pace.after):
        time.sleep(0.5)
        passed = (_now() - take.onset).total_seconds()
        if not healed and heal is not None and passed > lasts:
            heal()
            healed = True
        alert = alert or next((each for each in alerts(estate.alertmanager_url) if utc_of(each) >= earliest), None)
        if alert is None and passed > pace.patience:
            readings = _felt(estate, replace(take, end=_now()))
            seen = ", ".join(each.words for each in readings)
            raise Unavailable(f"No alert fired after {take.fault.name}: {seen}.", next_step="Is it strong enough?")
    ended = replace(take, end=_now(), alert=alert)
    return replace(ended, readings=_felt(estate, ended))


def _felt(estate: Alive, take: Take) -> tuple[Reading, ...]:
    last = min(take.end, take.onset + timedelta(seconds=take.fault.lasts)) if take.fault.lasts else take.end
    normal, since = Window(take.start, take.onset), Window(take.onset + timedelta(seconds=2 * STEP), last)
    return Meter(estate.prometheus_url).felt(take.fault, normal, since)


def quieted(estate: Alive, pace: Pace) -> None:
    """Wait until no alert has been active for a while.

    Raises:
        Unavailable: some alert does not go away.
    """
    began, since = time.monotonic(), time.monotonic()
    while time.monotonic() - since < pace.calm:
        active = alerts(estate.alertmanager_url)
        since = time.monotonic() if active else since
        if time.monotonic() - began > pace.patience + pace.calm:
            names = ", ".join(sorted({str(each["labels"].get("alertname")) for each in active}))
            raise Unavailable(f"The estate does not come to rest: {names}.", next_step="Take it down, and up again.")
        time.sleep(0.5)


def harmless(estate: Running, service: str) -> None:
    """Release a service without changing what it does: a deploy alone proves nothing."""
    release(service, f"{service}: comments and formatting")(estate)


def _bystanders(estate: Running, fault: Fault) -> list[str]:
    """Return the services that a harmless release may go to: none that is at fault."""
    guilty = {each.entity for each in (fault.label, *fault.also) if each is not None}
    return [name for name in estate.services if name not in guilty | {fault.herring}]


# -- writing ------------------------------------------------------------------------------------------------------


def written(estate: Alive, take: Take, out: Path, truth: Path, *, say: Say = print) -> Written:
    """Ask the live sources for all of it, write the case's folder and, apart from it, the answer; return the case.

    Raises:
        Unavailable: the case is too large even with few traces.
    """
    case_id = "store-" + hashlib.sha256(f"{take.seed}{take.start.isoformat()}".encode()).hexdigest()[:6]
    folder, window = out / case_id, Window(take.start, take.end)
    _settled(estate, window)
    shares = fitted(sources_of(estate), window, Meter(estate.prometheus_url).spans(window))
    asked = _asked(estate, take, Recording(), shares)
    _saved(estate, take, folder, asked, shares)
    recorder_graph.write(estate.repository, folder, ENVIRONMENT, utc_of(take.alert))
    while (size := sum(path.stat().st_size for path in folder.iterdir())) > LIMIT:
        told = folder / "traces.parquet"
        spans = told.stat().st_size if told.exists() else 0
        if spans < size - LIMIT:
            raise Unavailable(f"{take.fault.name} makes a case of {size:,} bytes.", next_step="Let fewer users in.")
        shares = replace(shares, traces=shares.traces * 0.95 * (1 - (size - LIMIT) / spans))
        asked.kept = [(_thinned(seen, shares), source) for seen, source in asked.kept]
        _saved(estate, take, folder, asked, shares)
    say(f"{case_id}: {size:,} bytes, {shares.traces:.1%} of the traces")
    truth.mkdir(parents=True, exist_ok=True)
    (truth / f"{case_id}.json").write_text(json.dumps(answer(take), indent=1) + "\n")
    return Written(folder, shares)


def _settled(estate: Alive, window: Window) -> None:
    """Wait until the traces and lines of a window stay as they are: a span is told when it has ended, and in batches.

    Raises:
        Unavailable: they never do.
    """
    sources = {name: each for name, each in sources_of(estate).items() if name in (Modality.TRACES, Modality.LOGS)}
    before, since = list[int](), time.monotonic()
    until = since + SETTLES
    while time.monotonic() - since < LATE:
        told = [_rows(each.ask(Question(name, window))) for name, each in sources.items()]
        since = since if told == before else time.monotonic()
        if time.monotonic() > until:
            raise Unavailable("Its traces and lines keep coming.", next_step="Give the machine less to do.")
        before = told
        time.sleep(2.0)


def _rows(seen: Observation) -> int:
    return len(seen.reply.table) if isinstance(seen.reply, Answered) else 0


def _asked(estate: Alive, take: Take, recording: Recording, shares: Shares) -> Recording:
    """Ask the live sources for everything in the take's window, but for what is missing; return the recording."""
    sources = {
        modality: recording.around(source)
        for modality, source in sources_of(estate, shares).items()
        if modality not in take.fault.missing
    }
    entities = [Entity(iris.service(name, ENVIRONMENT), "Service", name) for name in estate.services]
    recording.ask_all(sources, Window(take.start, take.end), entities, matching=OURS)
    return recording


def _thinned(seen: Observation, shares: Shares) -> Observation:
    """Return what the source of traces would have said with a smaller share; other observations as they are."""
    if seen.question.modality is not Modality.TRACES or not isinstance(seen.reply, Answered):
        return seen
    rows = seen.reply.table[kept(seen.reply.table["trace_id"], shares.traces)].reset_index(drop=True)
    return replace(seen, reply=replace(seen.reply, table=rows))


def _saved(estate: Alive, take: Take, folder: Path, recording: Recording, shares: Shares) -> None:
    """Write the case's tables and case.json, no place of this machine in it."""
    path = recording.save(folder, about(estate, take, folder.name, shares))
    path.write_text(cleaner(estate.folder)(path.read_text()))


def about(estate: Alive, take: Take, case_id: str, shares: Shares) -> dict[str, Any]:
    """Return what case.json says; the edge between its windows does not tell when the fault began."""
    dice = random.Random(take.seed + 1)  # noqa: S311  # not a secret
    edge = take.onset - timedelta(seconds=dice.uniform(6, 24))
    return case_about(
        case_id=case_id,
        alert=delivered(take.alert, cleaner(estate.folder)),
        normal=Window(take.start, edge),
        abnormal=Window(edge, take.end),
        environment=ENVIRONMENT,
        dataset="workbench-estate",
        system=f"a shop of {len(estate.services)} services in three languages",
        sampling_s=STEP,
        note=f"Real processes under load. Kept by hash of the trace's id: {SAMPLED * shares.traces:.1%} of the traces, "
        f"{shares.logs:.1%} of the log lines within a trace and {shares.loud:.1%} of the loud ones; all other lines.",
    )


def delivered(alert: Mapping[str, Any], clean: Callable[[str], str]) -> dict[str, Any]:
    """Return an alert of Alertmanager's API v2 as its webhook would carry it, without addresses of this machine."""
    labels = {name: str(value) for name, value in alert["labels"].items() if name not in ("instance", "job")}
    notes = {name: clean(str(value)) for name, value in alert["annotations"].items()}
    return {
        "status": "firing",
        "labels": labels,
        "annotations": notes,
        "startsAt": f"{utc_of(alert):%Y-%m-%dT%H:%M:%SZ}",
        "endsAt": NOBODY,
        "generatorURL": f"https://prometheus.example.invalid/graph?g0.expr={labels['alertname']}",
        "fingerprint": alert["fingerprint"],
    }


def answer(take: Take) -> dict[str, Any]:
    """Return what the scorer knows."""
    label = take.fault.label
    return {
        "root_cause": label.entity if label else None,
        "failure_mode": label.mode if label else None,
        "level": "service",
        "t_fault": f"{take.onset:%Y-%m-%dT%H:%M:%SZ}" if label else None,
        "fault_type": label.mechanism if label else "none",
        "fault": take.fault.name,
        "family": take.fault.family,
        "difficulty": take.fault.difficulty,
        "code": label.code if label else "",
        "failure_mode_also": list(label.also) if label else [],
        "also": [_other(each) for each in take.fault.also],
        "impact": [each.words for each in take.readings],
    }


def _other(label: Label) -> dict[str, str]:
    return {"root_cause": label.entity, "failure_mode": label.mode, "fault_type": label.mechanism}


def _now() -> datetime:
    return datetime.now(UTC)


def _sleep_until(start: datetime, seconds: float) -> None:
    time.sleep(max(0.0, (start + timedelta(seconds=seconds) - _now()).total_seconds()))
