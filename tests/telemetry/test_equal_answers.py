"""What was recorded answers any question as the live source did: a real Prometheus, files, a repository, alerts.

Ten cases are generated, each of its own faults, restarts and holes; whatever is compared was asked of both sides.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ontology import iris
from ontology.nouns import Entity, Window, utc
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.ports import Source
from workbench.telemetry import promql
from workbench.telemetry.alertmanager import AlertmanagerState
from workbench.telemetry.changes_git import GitChanges
from workbench.telemetry.log_files import LogFiles
from workbench.telemetry.prometheus import PrometheusSource
from workbench.telemetry.promql_server import Server
from workbench.telemetry.recorded import load_case, recorded_sources
from workbench.telemetry.recorded_metrics import held_of
from workbench.telemetry.recording import Recording, case_about
from workbench.telemetry.series import NAME, Series, ended
from workbench.telemetry.trace_files import TraceFiles
from workbench.testing import vendors, vendors_changes
from workbench.testing.replays import differences, ten
from workbench.testing.replays import promql as some_promql

pytestmark = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="needs prometheus (Debian: apt-get install prometheus)"
)
SOAK = os.environ.get("WORKBENCH_SOAK") == "1"
CASES = 10
QUERIES = 2_000 if SOAK else 120
"""Generated queries that the subset and the real Prometheus are both asked."""
NAMES = ("gateway", "checkout", "payment", "ledger")
FIRST = utc("2026-02-03T10:00:00Z")
NORMAL, FAULT = timedelta(minutes=8), timedelta(minutes=4)
EDGES = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf")
STEP = 5


@dataclass(frozen=True)
class Estate:
    """A generated estate: its live sources, and the folder of its recording."""

    number: int
    start: datetime
    live: Mapping[Modality, Source]
    folder: Path

    @property
    def normal(self) -> Window:
        return Window(self.start, self.start + NORMAL)

    @property
    def abnormal(self) -> Window:
        return Window(self.start + NORMAL, self.start + NORMAL + FAULT)


def scraped(number: int) -> list[Series]:
    """Return the series of one estate: counters that restart, a target that is down, series that begin and end."""
    chance, start = np.random.default_rng(number), FIRST + timedelta(days=number)
    found = []
    length = int((NORMAL + FAULT).total_seconds()) + 360
    for place, name in enumerate(NAMES):
        began = (start - timedelta(seconds=330)).timestamp() + 0.137 * (place + 1)
        times = (np.rint((began + np.arange(0, length, STEP)) * 1000) + chance.integers(-3, 4, length // STEP)).astype(
            "int64"
        )
        down = np.zeros(len(times), dtype=bool)
        if (number + place) % 4 == 0:
            down[100:112] = True
        restart = 120 if (number + place) % 3 == 0 else None
        found += _target(name, times, down, restart, chance)
    return found


def _target(
    name: str, times: np.ndarray, down: np.ndarray, restart: int | None, chance: np.random.Generator
) -> list[Series]:
    base = {"job": name, "instance": f"10.0.0.{len(name)}:8080"}
    made = [({NAME: "up", **base}, np.where(down, 0.0, 1.0), np.ones(len(times), dtype=bool))]

    def counter(label: dict[str, str], steps: np.ndarray, since: int = 0) -> None:
        values = steps.cumsum()
        if restart is not None:
            values = values - np.where(np.arange(len(values)) >= restart, values[restart - 1], 0.0)
        made.append(({**base, **label}, values, ~down & (np.arange(len(times)) >= since)))

    for route, status, rate in (("/a", "200", 9.0), ("/b", "200", 3.0), ("/b", "503", 0.4)):
        label = {"method": "GET", "route": route, "http_response_status_code": status}
        counts = chance.poisson(rate, len(times))
        share = chance.dirichlet(np.ones(len(EDGES)))
        into = np.array([chance.multinomial(each, share) for each in counts]).cumsum(axis=1).astype(float)
        since = 60 if status == "503" else 0
        metric = "http_server_request_duration_seconds"
        for column, edge in enumerate(EDGES):
            counter({NAME: f"{metric}_bucket", **label, "le": edge}, into[:, column], since)
        counter({NAME: f"{metric}_count", **label}, counts.astype(float), since)
        counter({NAME: f"{metric}_sum", **label}, counts * chance.exponential(0.04, len(times)), since)
    counter({NAME: "process_cpu_seconds_total"}, chance.exponential(0.6, len(times)))
    memory = 60e6 + chance.integers(0, 4_000, len(times)) * 4096.0
    gauges = {
        "process_resident_memory_bytes": memory,
        "process_open_fds": 20.0 + chance.integers(0, 9, len(times)),
        "db_pool_in_use": chance.integers(0, 6, len(times)).astype(float),
        "queue_ratio": chance.random(len(times)),
    }
    made += [({NAME: metric, **base}, values, ~down) for metric, values in gauges.items()]
    return [Series(labels, times[there], values[there]) for labels, values, there in made if there.any()]


def spoken(number: int) -> dict[str, pd.DataFrame]:
    """Return traces, logs, changes and alerts of one estate."""
    chance, start = random.Random(number), FIRST + timedelta(days=number)
    spans, lines = [], []
    for n in range(160):
        at = start + timedelta(seconds=4.4 * n + chance.random(), microseconds=chance.randint(0, 999))
        trace = f"{number:08x}{n:024x}"
        bad = chance.random() < 0.15
        for depth, name in enumerate(NAMES[: chance.randint(1, 4)]):
            above = f"{number:04x}{n:08x}{depth - 1:04x}" if depth else ""
            span = f"{number:04x}{n:08x}{depth:04x}"
            operation = chance.choice((f"GET /{name}/{{id}}", f"POST /{name}", "query *"))
            lasted = chance.expovariate(1 / 40)
            spans.append(
                (
                    trace,
                    span,
                    above,
                    name,
                    operation,
                    "server",
                    at,
                    lasted,
                    "error" if bad else "ok",
                    "timed out" if bad else "",
                )
            )
            lines.append(
                (
                    at,
                    name,
                    "error" if bad else "info",
                    f"{chance.choice(('served', 'refused', 'Charged'))} order {n % 7}",
                    "",
                )
            )
    columns = "trace_id span_id parent_id service operation kind start duration_ms status message"
    changes = [
        (start + timedelta(seconds=40 * n), NAMES[n % 4], "commit", f"change {n} of {number}", "", "")
        for n in range(12)
    ]
    alerts = [
        (start + timedelta(seconds=60 * n + 200), NAMES[n % 3], "alert", f"Slow{n}", f"p99 above {n} s")
        for n in range(6)
    ]
    return {
        "traces": pd.DataFrame(spans, columns=columns.split()),
        "logs": pd.DataFrame(lines, columns=["time", "entity", "severity", "message", "trace_id"]),
        "changes": pd.DataFrame(changes, columns=["time", "entity", "kind", "summary", "ref", "detail"]),
        "state": pd.DataFrame(alerts, columns=["time", "entity", "kind", "field", "value"]),
    }


@pytest.fixture(scope="module")
def prometheus() -> Iterator[str]:
    """The address of a real Prometheus that holds all estates, a day apart."""
    series: dict[tuple[tuple[str, str], ...], Series] = {}
    for number in range(CASES):
        for each in ended(scraped(number)):
            key = tuple(sorted(each.labels.items()))
            before = series.get(key)
            parts = (before.times, before.values) if before else (each.times[:0], each.values[:0])
            series[key] = Series(
                each.labels, np.concatenate([parts[0], each.times]), np.concatenate([parts[1], each.values])
            )
    with Server.start("prometheus", series.values()) as server:
        yield server.url


@pytest.fixture(scope="module")
def estates(prometheus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Estate]]:
    """Ten estates, live and recorded."""
    with ExitStack() as stack:
        yield [_estate(number, prometheus, tmp_path_factory.mktemp("case"), stack) for number in range(CASES)]


def _estate(number: int, prometheus: str, folder: Path, stack: ExitStack) -> Estate:
    told = spoken(number)
    live: dict[Modality, Source] = {
        Modality.METRICS: PrometheusSource(prometheus, step=STEP),
        Modality.TRACES: TraceFiles((stack.enter_context(vendors.OtlpLines(told["traces"])).url,)),
        Modality.LOGS: LogFiles({stack.enter_context(vendors.Lines(told["logs"])).url: ""}),
        Modality.CHANGES: GitChanges(stack.enter_context(vendors_changes.Repository(told["changes"])).url),
        Modality.STATE: AlertmanagerState(stack.enter_context(vendors.alertmanager(told["state"])).url),
    }
    estate = Estate(number, FIRST + timedelta(days=number), live, folder)
    recording = Recording()
    whole = Window(estate.normal.start, estate.abnormal.end)
    entities = [Entity(iris.service(name, "shop"), "Service", name) for name in NAMES]
    recording.ask_all({each: recording.around(source) for each, source in live.items()}, whole, entities)
    alert = {"labels": {"alertname": "Slow", "service": NAMES[0]}, "startsAt": estate.abnormal.end.isoformat()}
    about = case_about(
        case_id=f"case-{number}", alert=alert, normal=estate.normal, abnormal=estate.abnormal, environment="shop"
    )
    recording.save(folder, about)
    return estate


@pytest.mark.parametrize("number", range(CASES))
def test_ten_new_questions_get_equal_tables(estates: list[Estate], number: int) -> None:
    """Questions that differ in window, filter and aggregation from those of the recording are answered alike."""
    estate = estates[number]
    questions = ten(load_case(estate.folder), seed=number)
    assert len(questions) == 10
    assert not differences(estate.live, recorded_sources(estate.folder), questions)
    answered = [isinstance(estate.live[each.modality].ask(each).reply, Answered) for each in questions]
    assert sum(answered) >= 6, "questions that nothing answers show nothing"


def test_promql_in_process_is_that_of_prometheus(estates: list[Estate], prometheus: str) -> None:
    """Over generated queries the documented subset gives the rows of the real Prometheus, without one installed."""
    chance, live = random.Random(7), PrometheusSource(prometheus, step=STEP)
    apart = []
    for estate in estates:
        held = held_of(load_case(estate.folder))  # read once: only a few cases are kept in memory
        for _ in range(QUERIES // CASES):
            what = some_promql(held.series, chance)
            start = estate.start + timedelta(seconds=chance.randint(0, 500))
            question = Question(
                Modality.METRICS, Window(start, start + timedelta(seconds=chance.randint(10, 200))), what=what
            )
            assert promql.outside(promql.parsed(what)) == ""
            apart += differences({Modality.METRICS: live}, {Modality.METRICS: held.local}, [question])
    assert not apart


@pytest.mark.parametrize("number", range(2))
def test_a_case_stays_small(estates: list[Estate], number: int) -> None:
    """Twelve minutes of four services, every bucket of every histogram, all spans and lines: far under 300 kB."""
    size = sum(path.stat().st_size for path in estates[number].folder.iterdir())
    assert size < 200_000


def test_what_was_not_recorded_fails(estates: list[Estate]) -> None:
    """A window before the recording is Failed, where the live source would have been silent or answered."""
    estate = estates[0]
    day_before = Window(estate.start - timedelta(days=1), estate.start - timedelta(hours=23))
    for modality, source in recorded_sources(estate.folder).items():
        what = "sum(up)" if modality is Modality.METRICS else ""
        reply = source.ask(Question(modality, day_before, what=what)).reply
        assert isinstance(reply, Failed), (modality, reply)
        assert "not recorded" in reply.reason


def test_silence_of_the_window_stays_silence(estates: list[Estate]) -> None:
    """Within the recorded window, a text that no line holds is Silent: it was looked at."""
    estate = estates[0]
    question = Question(Modality.LOGS, estate.abnormal, what="no line says this")
    assert isinstance(recorded_sources(estate.folder)[Modality.LOGS].ask(question).reply, Silent)
