"""The live sources of the estate: Prometheus, Alertmanager, trace and log files, git, and what the supervisor saw.

    sources = sources_of(estate, Shares(traces=0.08, logs=0.1))

They are those of `workbench.telemetry`, with one thing at their edge: paths and addresses of this machine are left out,
and of traces and log lines a share is told, chosen by hash of the trace's id, so that what is told of a trace is whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pandas as pd

from ontology.nouns import Window
from workbench.nouns import Answered, Modality, Observation, Question, Reply, Silent
from workbench.ports import Source
from workbench.telemetry.alertmanager import AlertmanagerState
from workbench.telemetry.changes_git import GitChanges
from workbench.telemetry.digest import digest
from workbench.telemetry.layouts import COLUMNS
from workbench.telemetry.log_files import LogFiles
from workbench.telemetry.prometheus import PrometheusSource
from workbench.telemetry.several import several
from workbench.telemetry.state_files import StateFiles
from workbench.telemetry.trace_files import TraceFiles

STEP = 2.0
"""Seconds between scrapes."""
SAMPLED = 0.2
"""Share of the traces that the services send while chaos reigns: a case holds fewer still."""
MOST = (1500, 500, 800)
"""Spans, quiet lines and loud lines of a case: about 55 kB of spans and 25 kB of lines."""
LOUD = ("warn", "warning", "error", "critical", "fatal")
_LOCAL = re.compile(r"(?:https?://)?(?:127\.0\.0\.1|localhost|0\.0\.0\.0)(?::\d+)?")


class Watched(Protocol):
    """What the sources need of an estate that runs."""

    folder: Path
    repository: Path

    @property
    def prometheus_url(self) -> str:
        """Address of Prometheus."""
        ...

    @property
    def alertmanager_url(self) -> str:
        """Address of Alertmanager."""
        ...

    def settings(self) -> Mapping[str, str]:
        """Return the variables that point the workbench at it."""
        ...


@dataclass(frozen=True, slots=True)
class Shares:
    """How much is told, 0 to 1: of traces, of log lines that are within a trace, and of the loud ones among them."""

    traces: float = 1.0
    logs: float = 1.0
    loud: float = 1.0


@dataclass(frozen=True, slots=True)
class Edge:
    """A source, told without this machine's places; of its rows those that `tells` keeps."""

    source: Source
    clean: Callable[[str], str]
    tells: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows

    @property
    def name(self) -> str:
        """Its source's name."""
        return self.clean(self.source.name)

    def ask(self, question: Question) -> Observation:
        """Ask the source, and tell what may be told."""
        seen = self.source.ask(question)
        return replace(seen, reply=self._told(seen.reply, question), source=self.name)

    def _told(self, reply: Reply, question: Question) -> Reply:
        if not isinstance(reply, Answered):
            return replace(reply, query=self.clean(reply.query))
        rows = self.tells(reply.table).reset_index(drop=True)
        if rows.empty:
            return Silent(f"{self.name}, of which a share is kept", query=self.clean(reply.query))
        text = rows.select_dtypes(include=["object", "string"]).columns
        rows = rows.assign(**{name: rows[name].map(self.clean) for name in text})
        return Answered(digest(rows, question), rows, query=self.clean(reply.query), link=self.clean(reply.link))


def sources_of(estate: Watched, shares: Shares = Shares()) -> dict[Modality, Source]:  # a frozen value
    """Return a live source for each kind of telemetry of the estate."""
    clean, said = cleaner(estate.folder), estate.settings()
    state = several((AlertmanagerState(estate.alertmanager_url), StateFiles(said["WORKBENCH_STATE_FILE"])))
    traces = TraceFiles(tuple(json.loads(said["WORKBENCH_TRACE_FILES"])))
    logs = LogFiles(json.loads(said["WORKBENCH_LOG_FILES"]))
    return {
        Modality.METRICS: PrometheusSource(estate.prometheus_url, step=STEP),
        Modality.TRACES: Edge(traces, clean, lambda rows: rows[kept(rows["trace_id"], shares.traces)]),
        Modality.LOGS: Edge(logs, clean, lambda rows: rows[_heard(rows, shares)]),
        Modality.CHANGES: Edge(GitChanges(estate.repository), clean),
        Modality.STATE: Edge(state, clean),
    }


def cleaner(folder: Path) -> Callable[[str], str]:
    """Return what takes the estate's folder and addresses of this machine out of a text."""
    places = sorted({f"{folder}/", f"{folder.resolve()}/"}, key=len, reverse=True)

    def clean(text: str) -> str:
        for place in places:
            text = text.replace(place, "")
        return _LOCAL.sub("local", text)

    return clean


def kept(trace_ids: pd.Series[str], share: float) -> pd.Series[bool]:
    """Say of each trace whether it is in the sample: by hash, and not for what it shows."""
    chosen = {each: _drawn(each) < share for each in trace_ids.unique()}
    return trace_ids.map(chosen).astype(bool)


def _drawn(trace_id: str) -> float:
    return int.from_bytes(hashlib.sha256(trace_id.encode()).digest()[:4], "big") / 2**32


def _heard(rows: pd.DataFrame, shares: Shares) -> pd.Series[bool]:
    """Say which log lines are kept: those outside a trace, and a share of the others, the loud ones apart."""
    loud = rows["severity"].isin(LOUD)
    quiet = kept(rows["trace_id"], shares.logs)
    return (rows["trace_id"] == "") | quiet.where(~loud, kept(rows["trace_id"], shares.loud))


def fitted(sources: Mapping[Modality, Source], window: Window, spans: float) -> Shares:
    """Return the shares with which as many rows are told as fit into a case.

    Args:
        sources: that tell everything.
        window: that of the case.
        spans: about how many there are in it; to count them takes long.
    """
    seen = sources[Modality.LOGS].ask(Question(Modality.LOGS, window))
    lines = seen.reply.table if isinstance(seen.reply, Answered) else pd.DataFrame(columns=list(COLUMNS[Modality.LOGS]))
    within = lines[lines["trace_id"] != ""]
    loud = int(within["severity"].isin(LOUD).sum())
    counts = (spans, len(within) - loud, loud)
    return Shares(*(min(1.0, most / max(1, count)) for most, count in zip(MOST, counts, strict=True)))
