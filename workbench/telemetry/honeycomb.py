"""Honeycomb: rate, errors and duration of requests over a window, calculated from its events by the Query Data API.

    HoneycombMetrics("https://api.honeycomb.io", headers=team(api_key)).ask(question)

Without `what`, a short catalogue is asked for the services, over the spans that servers tell. With it: a name of the
catalogue, or a query specification of Honeycomb as JSON, whose times we set.

An answer takes three requests: a query object is created, then its result, then the result is read until it is
complete. **The two POSTs leave something behind** in Honeycomb: a query and a result, which nobody can delete. They
change no event and no column, and nothing else is on the list, for one data set alone; but it is why this source is
off until an address is set. It takes a key that may manage queries and run them, and an Enterprise plan.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ontology.errors import BadInput, PersonError, Unavailable
from ontology.nouns import Window
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.http_source import HttpSource
from workbench.telemetry.layouts import service_of
from workbench.telemetry.live_source import Row, names_of, parsed, replied, windows
from workbench.telemetry.pace import Pace
from workbench.telemetry.readonly import Allowed, ReadOnlySession

EVERYTHING = "__all__"
"""The data set that is all of an environment."""
SERVICE = "service.name"
SERVER = {"column": "span.kind", "op": "=", "value": "server"}
FAILED = {"column": "error", "op": "=", "value": True}
GROUPS = 1_000
"""Most groups of an answer that has a series."""
POINTS = 60
"""Points of a series; Honeycomb allows 10 to 1,000."""
GRIDS = ((6 * 3600, 60), (2 * 86400, 300), (float("inf"), 1800))
"""Up to how many seconds of a window its times are cut to which seconds, by the vendor: so we widen it to them."""
POLL_SECONDS = 0.2
POLLS = 50
"""Looks at a result that is not complete; Honeycomb itself gives up a query after ten seconds."""
FIELDS = frozenset({"breakdowns", "calculations", "filters", "filter_combination", "havings", "limit", "orders"})
"""What a specification of one's own may say."""
_DATASET = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of the catalogue: a calculation over the spans of servers, or of those alone that failed."""

    op: str
    column: str = ""
    failed: bool = False

    @property
    def key(self) -> str:
        """Its name in an answer.

        >>> Measure("P99", "duration_ms").key
        'P99(duration_ms)'
        """
        return f"{self.op}({self.column})" if self.column else self.op

    def of(self, value: float, seconds: int) -> float:
        """Return the value in our unit: a count as a rate, milliseconds as seconds."""
        return value / 1000 if self.column else value / seconds


CATALOGUE: Mapping[str, Measure] = {
    "http_server_requests_per_second": Measure("COUNT"),
    "http_server_errors_per_second": Measure("COUNT", failed=True),
    "http_server_request_duration_p99_seconds": Measure("P99", "duration_ms"),
    "http_server_request_duration_p50_seconds": Measure("P50", "duration_ms"),
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A specification without its times, and the metrics to read from its answer; none: by their own names."""

    specification: Mapping[str, Any]
    metrics: Mapping[str, Measure]


def team(api_key: str) -> dict[str, str]:
    """Return the header that Honeycomb wants."""
    return {"X-Honeycomb-Team": api_key}


class HoneycombMetrics(HttpSource):
    """Answers questions on metrics from the events of a Honeycomb."""

    name = "honeycomb"
    modality: ClassVar[Modality] = Modality.METRICS
    reads: tuple[Allowed, ...] = (
        Allowed("POST", "/1/queries/{dataset}"),
        Allowed("POST", "/1/query_results/{dataset}"),
        Allowed("GET", "/1/query_results/{dataset}/{result}"),
    )

    def __init__(
        self,
        url: str,
        *,
        dataset: str = EVERYTHING,
        session: ReadOnlySession | None = None,
        headers: dict[str, str] | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Bind to the API at `url`, and to one data set.

        Raises:
            BadInput: `url` is no http(s) address, or `dataset` no name of a data set.
        """
        if not _DATASET.fullmatch(dataset):
            raise BadInput(f"{dataset!r} is no data set.", next_step=f"Write its slug, or {EVERYTHING} for all.")
        self._queries, self._results = f"/1/queries/{dataset}", f"/1/query_results/{dataset}"
        sent = (("POST", self._queries), ("POST", self._results), ("GET", f"{self._results}/{{result}}"))
        self.reads = tuple(Allowed(*each) for each in sent)
        super().__init__(url, session=session, headers=headers, pace=pace)

    def reply(self, question: Question) -> Reply:
        """Return the series of window and baseline; a query that fails does not lose the others."""
        rows, problems, remarks, link = list[Row](), list[PersonError](), dict[str, None](), ""
        asked = _asked(question)
        for each in asked:
            for window in windows(question):
                times = _times(window)
                try:
                    answer = self._answer({**each.specification, **times})
                    rows += parsed(self.name, _rows(answer, each, times["granularity"]))
                    link = link or str((answer.get("links") or {}).get("query_url") or "")
                    remarks |= dict.fromkeys(_cut(answer))
                except PersonError as error:
                    problems.append(error)
        if problems and not rows:
            raise problems[0]
        said = [*remarks, *([f"{len(problems)} queries failed: {problems[0].problem}"] if problems else [])]
        query = "\n".join(f"POST {self._queries} {json.dumps(each.specification)}" for each in asked)
        return replied(rows, question, searched=self.url, query=query, link=link, remark=" ".join(said))

    def _answer(self, specification: Mapping[str, Any]) -> dict[str, Any]:
        """Return the complete result of a query.

        Raises:
            Unavailable: no answer, a refusal, another shape, or it is not complete in time.
        """
        query = self._id(self.post(self._queries, specification))
        less = dict.fromkeys(("disable_series", "disable_total_by_aggregate", "disable_other_by_aggregate"), True)
        result = self._id(self.post(self._results, {"query_id": query, **less, "disable_series": False}))
        for _ in range(POLLS):
            answer = self.get(f"{self._results}/{result}")
            if answer.get("complete") is True:
                return answer
            self._session.pace.wait(POLL_SECONDS)
        raise Unavailable(
            f"{self.name} did not complete a query in {POLLS * POLL_SECONDS:g} s.",
            next_step="Ask for fewer entities or a shorter window.",
        )

    def _id(self, made: Mapping[str, Any]) -> str:
        if not isinstance(made.get("id"), str):
            raise self.foreign()
        return str(made["id"])


def _asked(question: Question) -> tuple[_Asked, ...]:
    """Return what to ask: one specification for all spans, one for those that failed, or the question's own.

    Raises:
        BadInput: `what` is neither a name of the catalogue nor a specification.
    """
    what = question.what.strip()
    if what.startswith("{"):
        return (_Asked(_own(what, question), {}),)
    wanted = {name: each for name, each in CATALOGUE.items() if what in ("", name) or _begins(what, name)}
    if not wanted:
        raise BadInput(
            f"{what!r} is no metric of Honeycomb.", next_step=f"Ask for {', '.join(CATALOGUE)}, or a query as JSON."
        )
    parts = [{name: each for name, each in wanted.items() if each.failed is failed} for failed in (False, True)]
    return tuple(_Asked(_specification(part, question), part) for part in parts if part)


def _begins(what: str, name: str) -> bool:
    return what.endswith("*") and name.startswith(what[:-1])


def _specification(part: Mapping[str, Measure], question: Question) -> dict[str, Any]:
    """Return the specification of some measures, all of which look at the same spans."""
    calculations = [{"op": each.op, **({"column": each.column} if each.column else {})} for each in part.values()]
    failed = [FAILED] if any(each.failed for each in part.values()) else []
    filters = [SERVER, *failed, *_named(question)]
    return {"calculations": calculations, "filters": filters, "breakdowns": [SERVICE], "limit": GROUPS}


def _named(question: Question) -> list[dict[str, Any]]:
    names = sorted(names_of(question))
    return [{"column": SERVICE, "op": "in", "value": names}] if names else []


def _own(what: str, question: Question) -> dict[str, Any]:
    """Return a specification of one's own, by service; whom the question is about is asked for besides.

    Raises:
        BadInput: it is no JSON, or says what a specification does not, or what is ours to say.
    """
    try:
        said = json.loads(what)
    except ValueError as error:
        raise BadInput(f"The query is no JSON: {error}.", next_step=_SHAPE) from error
    if strange := sorted(set(said) - FIELDS):
        raise BadInput(f"A query may not say {strange[0]!r}.", next_step=_SHAPE)
    lists = {name: said.get(name, []) for name in ("breakdowns", "filters")}
    if not all(isinstance(each, list) for each in lists.values()):
        raise BadInput("Breakdowns and filters are lists.", next_step=_SHAPE)
    whom = [] if said.get("filter_combination") == "OR" else _named(question)
    by = [*lists["breakdowns"], *([] if SERVICE in lists["breakdowns"] else [SERVICE])]
    return {"limit": GROUPS, **said, "breakdowns": by, "filters": [*lists["filters"], *whom]}


_SHAPE = f"Write an object with some of {', '.join(sorted(FIELDS))}; the times are those of the question."


def _times(window: Window) -> dict[str, int]:
    """Return the times of a specification: the window, widened to what Honeycomb cuts times to.

    >>> _times(Window.of("1970-01-01T00:01:10Z", "1970-01-01T00:05:50Z"))
    {'start_time': 60, 'end_time': 360, 'granularity': 5}
    """
    grid = next(grid for most, grid in GRIDS if window.seconds <= most)
    start = int(window.start.timestamp() // grid) * grid
    end = max(start + grid, -int(-window.end.timestamp() // grid) * grid)
    return {"start_time": start, "end_time": end, "granularity": max(1, (end - start) // POINTS)}


def _rows(answer: Mapping[str, Any], asked: _Asked, seconds: int) -> Iterator[Row]:
    """Yield a row a point: time, entity, metric, value."""
    for point in answer["data"]["series"]:
        said: Mapping[str, Any] = point["data"]
        entity = service_of(str(said.get(SERVICE) or ""))
        for name, measure in asked.metrics.items():
            if said.get(measure.key) is not None:
                yield point["time"], entity, name, measure.of(float(said[measure.key]), seconds)
        if not asked.metrics:
            yield from ((point["time"], entity, *each) for each in _by_own_names(said, asked.specification))


def _by_own_names(said: Mapping[str, Any], specification: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield name and value of what was calculated, told apart by the other breakdowns."""
    groups: Sequence[str] = [each for each in specification["breakdowns"] if each != SERVICE]
    apart = ",".join(f"{each}={said.get(each)}" for each in groups)
    for key, value in said.items():
        if key not in (*groups, SERVICE) and isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{key}{{{apart}}}" if apart else key, float(value)


def _cut(answer: Mapping[str, Any]) -> Iterator[str]:
    if len(answer["data"].get("results") or ()) >= GROUPS:
        yield f"Only {GROUPS:,} groups a query are told; others were left out."
