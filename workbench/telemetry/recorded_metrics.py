"""The metrics of a recorded case, answered by the code of the live Prometheus source over the recorded series.

    reply(case, Question(Modality.METRICS, window, what="sum by (service) (rate(http_requests_total[1m]))"))

PromQL is run by the real Prometheus where it is installed, else in process (`promql`), else, where that does not know a
part of it, by VictoriaMetrics, whose rates differ a little. A recording of rows alone has gauges, a series a row's
entity and metric, with the labels `entity` and `service`: what makes sense of counters only was not recorded.
"""

from __future__ import annotations

import atexit
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import requests

from ontology.errors import BadInput, NotFound, PersonError
from ontology.nouns import Window, utc
from workbench.nouns import Answered, Modality, Question, Reply, Silent
from workbench.telemetry import promql
from workbench.telemetry import series as raw
from workbench.telemetry.layouts import stamp
from workbench.telemetry.pace import Limits, Pace
from workbench.telemetry.prometheus import CATALOGUE, READS, STEP_SECONDS, PrometheusSource
from workbench.telemetry.prometheus_scrapes import SCRAPES, TARGETS, Target, written
from workbench.telemetry.promql_server import Server, installed
from workbench.telemetry.promql_vectors import key
from workbench.telemetry.readonly import ReadOnlySession
from workbench.telemetry.series import NAME, Series

if TYPE_CHECKING:
    from workbench.telemetry.cases import RecordedCase

HERE = "http://recording.invalid"
"""Address of what is answered in process: nothing is sent."""
UNHURRIED = Limits(seconds=60.0, per_second=1e6, burst=1_000_000)
"""Ours on the loopback needs no sparing."""
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\*?")


@dataclass(slots=True, eq=False)
class Held:
    """The series of a case, and what answers PromQL on them, started when it is first needed."""

    series: tuple[Series, ...]
    span: Window
    """Of which every sample was recorded, the look-back before it included."""
    step: float
    scraped: bool
    """Whether these are series as they were scraped; else gauges made of rows."""
    whole: bool
    """Whether nothing was left out by further matchers."""
    targets: tuple[Target, ...] = ()
    """What was scraped, and how often, where that was recorded."""
    server: Server | None = field(default=None, repr=False)
    local: PrometheusSource = field(init=False, repr=False)

    def __post_init__(self) -> None:
        session = InProcess(self.series, self.targets)
        self.local = PrometheusSource(HERE, session=session, step=self.step)

    def source(self, what: str) -> tuple[PrometheusSource, str]:
        """Return what answers a question, and a remark on it.

        Raises:
            BadInput: `what` is no PromQL.
            Unavailable: nothing here understands it.
        """
        if not is_promql(what):
            return self.local, ""
        strange = promql.outside(promql.parsed(what))
        if installed("prometheus"):
            return self._served("prometheus"), ""
        if not strange:
            return self.local, ""
        if installed("victoria-metrics"):
            return self._served("victoria-metrics"), "\nComputed by VictoriaMetrics, whose rates differ a little."
        raise NotFound(
            f"The answer to {what!r} was not recorded: without Prometheus {strange} is not understood.",
            next_step="Install Prometheus, or ask simpler: docs/cases.md says what is understood.",
        )

    def _served(self, name: str) -> PrometheusSource:
        if self.server is None:
            self.server = Server.start(name, self.series)
            atexit.register(self.close)
        session = ReadOnlySession(self.server.url, READS, pace=Pace(self.server.url, UNHURRIED))
        return PrometheusSource(self.server.url, session=session, step=self.step)

    def close(self) -> None:
        """End the server, where one was started."""
        if self.server is not None:
            server, self.server = self.server, None
            server.close()


def is_promql(what: str) -> bool:
    """Say whether it is a query rather than nothing, a name of the catalogue, or the beginning of one.

    >>> is_promql("up"), is_promql("process_*"), is_promql("node_load1"), is_promql("rate(x[1m])")
    (False, False, True, True)
    """
    prefix = what.endswith("*") and what[:-1].replace("_", "").isalnum()
    return bool(what) and what not in CATALOGUE and not (prefix and any(map(_begun(what), CATALOGUE)))


def _begun(what: str) -> Any:
    return lambda name: name.startswith(what[:-1])


def answers(case: RecordedCase, what: str) -> bool:
    """Say whether this answers a question: where series were recorded any, else what is more than a metric's name.

    Raises:
        NotFound: a metric of that name was not recorded.
        BadInput: the metrics cannot be read.
    """
    if "series" in case.payload.get("files", {}):
        return True
    if not what or (known := set(case.table(Modality.METRICS)["metric"])) >= {what}:
        return False
    if _NAME.fullmatch(what) and not what.endswith("*"):
        raise NotFound(f"{what} was not recorded.", next_step=f"Recorded: {_some(known)}.")
    return not _NAME.fullmatch(what)


def reply(case: RecordedCase, question: Question) -> Reply:
    """Return what the live source would have said.

    Raises:
        NotFound: it was not recorded.
        BadInput, Unavailable: it is no PromQL, or nothing here can run it.
    """
    held = held_of(case)
    source, remark = held.source(question.what)
    needed = _reach(question, held)
    windows, cut = _clipped(question, held, needed)
    said = source.reply(replace(question, **windows))
    if isinstance(said, Answered):
        return replace(said, digest=said.digest + remark + cut, link="")
    return replace(said, searched=said.searched + cut) if isinstance(said, Silent) else said


def _reach(question: Question, held: Held) -> float:
    """Return how many seconds of samples the answer needs before its first point.

    Raises:
        NotFound: it needs metrics that were not recorded.
    """
    if not is_promql(question.what):
        seconds = question.window.seconds + (question.baseline.seconds if question.baseline else 0.0)
        scrapes = (SCRAPES * each.seconds for each in held.targets)
        return max(raw.LOOKBACK_SECONDS, 4 * held.step, 4 * seconds / 11_000, *scrapes)
    tree = promql.parsed(question.what)
    known = {each.name for each in held.series}
    for selector in promql.selectors(tree):
        if selector.name and selector.name not in known and not (held.scraped and held.whole):
            raise NotFound(f"{selector.name} was not recorded.", next_step=f"Recorded: {_some(known)}.")
    if not held.scraped and (function := promql.counting(tree)):
        raise NotFound(
            f"The counters that {function}() needs were not recorded, only gauges made of them.",
            next_step=f"Ask for one of them: {_some(known)}.",
        )
    return promql.reach(tree, raw.LOOKBACK_SECONDS if held.scraped else 0.0)


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:12]) or "none"


def _clipped(question: Question, held: Held, needed: float) -> tuple[dict[str, Any], str]:
    """Return the windows as far as they can be answered, on the same grid of points, and what was cut off, in words.

    Raises:
        NotFound: nothing of the window can be answered.
    """
    earliest = held.span.start + timedelta(seconds=needed)
    window = _within(question.window, earliest, held)
    if window is None:
        raise NotFound(
            f"The window was not recorded: this can be answered from {earliest:%F %T} to {held.span.end:%F %T}.",
            next_step="Ask within it.",
        )
    before = None if question.baseline is None else _within(question.baseline, earliest, held)
    wanted = sum(each.seconds for each in (question.window, question.baseline) if each is not None)
    kept = sum(each.seconds for each in (window, before) if each is not None)
    cut = f"\n{wanted - kept:.0f} s of the time asked for were not recorded." if wanted - kept > held.step else ""
    return {"window": window, "baseline": before}, cut


def _within(window: Window, earliest: Any, held: Held) -> Window | None:
    """Return the part of a window that was recorded, its start on the window's own grid."""
    late = max(0.0, (earliest - window.start).total_seconds())
    start = window.start + timedelta(seconds=held.step * np.ceil(late / held.step))
    end = min(window.end, held.span.end)
    return Window(start, end) if start <= end else None


# -- what is held of a case ----------------------------------------------------------------------------------


def held_of(case: RecordedCase) -> Held:
    """Return the series of a case, read once while its file does not change.

    Raises:
        NotFound: no metrics were recorded.
        BadInput: their file cannot be read.
    """
    listed = case.payload.get("files", {}).get("series")
    if listed:
        path = case.folder / str(listed[0])
        return _held(path, stamp(path), json.dumps(case.payload.get("recorded", {}).get("series", {})))
    case.table(Modality.METRICS)  # it says what is wrong, where something is
    listed = case.payload["files"][Modality.METRICS.value]
    return _of_rows(case.folder, stamp(case.folder / str(listed[0])))


@lru_cache(maxsize=4)
def _held(path: Path, _written: int, said: str) -> Held:
    about, series = json.loads(said), raw.read(path)
    if not about:
        raise BadInput(f"The case does not say when {path} was recorded.", next_step="Record it again.")
    window = Window.of(*about["window"])
    span = Window(window.start - timedelta(seconds=raw.LOOKBACK_SECONDS), window.end)
    targets = tuple(Target(each["labels"], float(each["seconds"])) for each in about.get("targets", ()))
    whole = not about["matching"]
    return Held(raw.ended(series), span, float(about["step"]), scraped=True, whole=whole, targets=targets)


@lru_cache(maxsize=4)
def _of_rows(folder: Path, _written: int) -> Held:
    from workbench.telemetry.cases import load_case  # late: a case answers by way of this

    case = load_case(folder)
    rows = case.table(Modality.METRICS).dropna(subset="value")
    found = []
    for (entity, metric), group in rows.groupby(["entity", "metric"], sort=False, observed=True):
        group = group.drop_duplicates("time", keep="last").sort_values("time")
        times = group["time"].dt.as_unit("ms").astype("int64").to_numpy()
        labels = {NAME: str(metric), "entity": str(entity), "service": str(entity)}
        found.append(Series(labels, times, group["value"].to_numpy(dtype=float)))
    if not found:
        raise NotFound("No metric was recorded.", next_step="Ask for other telemetry.")
    span = Window(utc(rows["time"].min().to_pydatetime()), utc(rows["time"].max().to_pydatetime()))
    step = float(case.payload.get("sampling_s") or STEP_SECONDS)
    return Held(raw.ended(found), span, step, scraped=False, whole=True)


# -- the API in process --------------------------------------------------------------------------------------


class InProcess(ReadOnlySession):
    """A session whose requests are answered here, from series: nothing is sent."""

    def __init__(self, series: Sequence[Series], targets: Sequence[Target] = ()) -> None:
        """Answer from these series, and of these targets."""
        super().__init__(HERE, READS, pace=Pace(HERE, UNHURRIED))
        self._series, self._targets = series, targets

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Answer as a Prometheus would: series, values of a label, and for what it does not have nothing."""
        self._check(request)
        parts = urlsplit(str(request.url))
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        try:
            status, said = 200, {"status": "success", "data": self._data(parts.path, asked)}
        except PersonError as error:
            status, said = 400, {"status": "error", "errorType": "bad_data", "error": error.problem}
        response = requests.Response()
        response.status_code, response.url, response.request = status, str(request.url), request
        response.raw = io.BytesIO(json.dumps(said).encode())
        return response

    def _data(self, path: str, asked: dict[str, str]) -> Any:
        if path.endswith("/query_range"):
            return {"resultType": "matrix", "result": list(self._matrix(asked))}
        if path.startswith("/api/v1/label/"):
            label = unquote(path.split("/")[4])
            return sorted({each.labels[label] for each in self._series if each.labels.get(label)})
        if path == TARGETS.template:
            active = [{"labels": dict(each.labels), "scrapeInterval": written(each.seconds)} for each in self._targets]
            return {"activeTargets": active}
        return [] if path.endswith("exemplars") else {}

    def _matrix(self, asked: dict[str, str]) -> Iterator[dict[str, Any]]:
        start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
        rows = promql.evaluate(asked["query"], self._series, start, end, step)
        for row in sorted(rows, key=lambda each: key(each.labels)):
            at = np.flatnonzero(row.there)
            times, values = start + at * step, row.values[at]
            yield {
                "metric": dict(row.labels),
                "values": [[t, repr(v)] for t, v in zip(times.tolist(), values.tolist(), strict=True)],
            }
